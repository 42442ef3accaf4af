//! Programs, run here or on a host. In: a [`Command`]. Out: what it left behind, or why there is nothing.

use std::fmt;
use std::time::Duration;

use super::Scope;
use crate::command::Command;

/// What a program left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit status; `None` where a signal ended it. Over ssh a signal may show as 255.
    pub status: Option<i32>,
    /// Standard output, whole, unmasked: it may be bytes.
    pub stdout: Vec<u8>,
    /// The last 64 KiB of standard error, masked.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Output {
    /// Whether it exited with 0.
    #[must_use]
    pub const fn success(&self) -> bool {
        matches!(self.status, Some(0))
    }

    /// Standard output as text; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The last `count` lines of standard error that say something.
    #[must_use]
    pub fn last_lines(&self, count: usize) -> Vec<&str> {
        let lines: Vec<&str> = self.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(count)..].to_vec()
    }
}

/// Why a program gave no [`Output`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// There is no such program.
    NotFound,
    /// It did not end in time and was ended.
    TimedOut(Duration),
    /// Someone asked to stop.
    Cancelled,
    /// It printed more than [`crate::command::OUTPUT_LIMIT`].
    TooMuchOutput,
    /// The host could not be reached, or refused us: the way failed, not the program. The text says why.
    Unreachable(String),
    /// The host showed another key than the pinned one. The text is what ssh said.
    HostKey(String),
    /// Anything else the operating system said.
    Io(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such program"),
            Self::TimedOut(after) => write!(f, "it did not end within {} s", after.as_secs_f32()),
            Self::Cancelled => f.write_str("it was stopped"),
            Self::TooMuchOutput => f.write_str("it printed more than 64 MiB"),
            Self::Unreachable(why) => write!(f, "the host cannot be reached: {why}"),
            Self::HostKey(why) => write!(f, "the host's key is not the pinned one: {why}"),
            Self::Io(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for RunError {}

/// A program that goes on running while we do other things: a lock holder, a log.
pub trait Running: Send {
    /// The next line of its standard output, without its end; `None` at its end.
    ///
    /// # Errors
    /// [`RunError::TimedOut`] after `patience`, [`RunError::Cancelled`], or what ended it.
    fn line(&mut self, scope: &Scope<'_>, patience: Duration) -> Result<Option<String>, RunError>;

    /// Whether it still runs.
    fn alive(&mut self) -> bool;
}

/// Runs programs: on this machine, or on one host. Dropping a [`Running`] ends it.
pub trait Runner: Sync {
    /// Runs `command` to its end, telling the scope's observer each line as it comes. A non-zero exit
    /// status is an [`Output`], not an error.
    ///
    /// # Errors
    /// See [`RunError`].
    fn run(&self, scope: &Scope<'_>, command: &Command) -> Result<Output, RunError>;

    /// Starts `command` and leaves it running; its standard input stays open until it is dropped, and its own
    /// timeout does not apply.
    ///
    /// # Errors
    /// See [`RunError`].
    fn start(&self, scope: &Scope<'_>, command: &Command) -> Result<Box<dyn Running>, RunError>;
}
