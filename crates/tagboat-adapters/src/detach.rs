//! Work that goes on without its terminal. In: this command line. Out: a second process of it that has a session of its
//! own, and what it said before it went.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The variable that tells a process that it is the second one: the folder in which the first one works.
const VARIABLE: &str = "TAGBOAT_DETACHED_IN";

/// The last byte that the second process writes before it leaves the terminal: end of transmission (RFC 20).
pub const GONE: u8 = 4;

/// What became of the second process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launched {
    /// It left the terminal, after this on its standard output.
    Detached(Vec<u8>),
    /// It ended before, after this on its standard output, with this exit status; none where a signal ended it.
    Ended(Vec<u8>, Option<i32>),
}

/// The folder in which this process is to work, if it is the second one.
#[must_use]
pub fn detached_in() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).map(PathBuf::from)
}

/// Starts this program once more with the same words, to work in `folder`, and waits until it leaves the terminal or
/// ends. Until then it shares standard error, and Ctrl-C reaches it.
///
/// # Errors
/// Where it cannot be started.
pub fn launch(folder: &Path) -> io::Result<Launched> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, folder)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut said)?;
    }
    if said.last() == Some(&GONE) {
        said.pop();
        return Ok(Launched::Detached(said));
    }
    let status = child.wait()?;
    Ok(Launched::Ended(said, status.code().or_else(|| status.signal().map(|signal| 128 + signal))))
}

/// Takes this process out of the terminal's session (setsid(2)), so that the terminal's end does not reach it. What was
/// written goes where it went; see [`write_to`].
///
/// # Errors
/// Where the system refuses.
pub fn leave_session() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// From now on standard output and standard error go to the end of this file, which only this user may read.
///
/// # Errors
/// Where it cannot be written.
pub fn write_to(log: &Path) -> io::Result<()> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(log)?;
    rustix::stdio::dup2_stderr(&file)?;
    rustix::stdio::dup2_stdout(&file)?;
    Ok(())
}
