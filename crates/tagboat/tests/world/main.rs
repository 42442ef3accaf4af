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

/// How often a loop is run: in every test run, or where `TAGBOAT_FULL` is set.
pub(crate) fn rounds(quick: usize, full: usize) -> usize {
    if std::env::var_os("TAGBOAT_FULL").is_some() { full } else { quick }
}
