//! The edge: the only crate that opens sockets or starts programs. In: the ports of `tagboat-core`. Out:
//! this machine, git, hosts.

/// Real time.
pub mod clock;
/// Work that goes on without its terminal.
pub mod detach;
/// The repository, through the `git` program.
pub mod git;
/// Programs on this machine.
pub mod process;
/// Clean Debian roots, through mmdebstrap and systemd-nspawn.
pub mod roots;
/// Signatures of tag objects, through `gpg` and `ssh-keygen`.
pub mod signature;
/// Programs on a host, through the `ssh` program.
pub mod ssh;
/// Places in a queue, as kernel file locks.
pub mod turn;
