//! Deployments in the world: the binary, git remotes, and booted Debian hosts with sshd, systemd and apt. Everything
//! that happens there happens here: sick versions, races, kills, cut networks, lost power.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

mod deployments;
mod interruptions;
mod packages;
mod queue;
mod races;
mod refusals;
mod regions;
mod round;
mod signatures;
mod stage;
mod user;

/// Whether this is `make test-full`.
pub(crate) fn is_full() -> bool {
    std::env::var_os("TAGBOAT_FULL").is_some()
}

/// How often a loop is run: in every test run, or in a full one.
pub(crate) fn rounds(quick: usize, full: usize) -> usize {
    if is_full() { full } else { quick }
}
