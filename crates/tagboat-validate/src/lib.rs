//! The validate room: judges packages. In: the .deb files of one build and what they are held to. Out: findings
//! and a verdict for every package, and what was measured.
//!
//! [`observe()`] reads the files, [`plan()`] decides every command without touching anything, [`apply()`] runs them in
//! clean roots and judges what they answer. A check that did not come to its end has failed: nothing here
//! takes silence for cleanliness.

pub mod apply;
pub mod check;
mod measure;
pub mod observe;
pub mod plan;
pub mod record;
mod refusal;
pub mod request;
pub mod sarif;

pub use apply::apply;
pub use observe::{Facts, observe};
pub use plan::{Plan, plan};
pub use record::Record;
pub use request::Request;

use tagboat_core::ports::{Clock, Roots};

/// The outside world, as far as judging packages needs it.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Where packages are installed and run.
    pub roots: &'a dyn Roots,
    /// Tells how long it took, and waits between questions.
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Ports<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}
