//! The workshop: what tests are made with. In: a test's wishes. Out: fakes of the ports, suites that hold a
//! fake and the real thing to the same promises, and real services. Panics are how it speaks: its callers
//! are tests.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "everything here runs in tests only, where a panic is a failure with a text"
)]

/// One suite a port.
pub mod contract;
/// Ports in memory.
pub mod fake;
/// A git remote over HTTP.
pub mod git_http;
/// Names that attack.
pub mod hostile;
/// Real Debian hosts, booted.
pub mod hosts;
/// Repositories for one test.
pub mod monorepo;
/// What a test needs of the machine.
mod require;
/// A real sshd on loopback.
pub mod sshd;
/// A terminal to run commands on.
pub mod terminal;

pub use require::require;
