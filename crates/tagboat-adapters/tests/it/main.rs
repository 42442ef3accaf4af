//! The edge against real programs: sh, git, sshd.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's own functions fail as the test does"
)]

mod clock;
mod git;
mod process;
mod roots;
mod signature;
mod ssh;
mod turn;
