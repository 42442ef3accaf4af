//! A terminal. In: a command. Out: what somebody sees who runs it there.

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, ExitStatus};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Runs a command whose standard output and standard error are a terminal (pty(7)).
///
/// # Panics
/// Where the machine gives no terminal, or the command does not start.
#[must_use]
pub fn run(mut command: Command) -> (ExitStatus, Vec<u8>) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = open(&name, flags, Mode::empty()).unwrap();
    command.stdout(slave.try_clone().unwrap()).stderr(slave);
    let mut child = command.spawn().unwrap();
    // It holds our side of the terminal, too.
    drop(command);
    let mut seen = Vec::new();
    // Linux answers EIO once nobody has the other side open any more: that is its end.
    let (Ok(_) | Err(_)) = File::from(master).read_to_end(&mut seen);
    (child.wait().unwrap(), seen)
}
