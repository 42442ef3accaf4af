//! The build room. In: a commit of a project and what is to be made of it. Out: its .deb files, a log of each
//! build, and a record of what was made; from the same commit always the same bytes.
//!
//! [`observe()`] exports the commit and reads what the plan needs of it, [`plan()`] decides every step without
//! touching anything, [`apply()`] performs the steps in clean roots. A build sees what git has, never the
//! working tree, and no network but the loopback.

pub mod apply;
pub mod debhelper;
mod elf;
mod inside;
mod log;
pub mod observe;
mod pack;
pub mod plan;
mod print;
pub mod record;
mod refusal;
pub mod request;
mod stage;
pub mod staged;
pub mod strategy;
mod unit_scripts;
pub mod variables;
mod workshop;

pub use apply::apply;
pub use observe::{Facts, observe};
pub use plan::{Plan, plan};
pub use record::Record;
pub use request::Request;

use tagboat_core::ports::{Clock, Repository, Roots};

/// The outside world, as far as a build needs it.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Where the commit comes from.
    pub repository: &'a dyn Repository,
    /// Where it is built.
    pub roots: &'a dyn Roots,
    /// Tells how long it took.
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Ports<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}
