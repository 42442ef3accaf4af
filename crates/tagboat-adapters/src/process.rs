//! Programs on this machine. In: a command. Out: what it left behind; its lines as they come.
//!
//! One thread and one poll(2) loop a program: nothing is left behind when a program closes its output
//! early, does not read its input, or leaves a child that keeps its output open.

mod child;
mod environment;
mod lines;

use std::time::{Duration, Instant};

use tagboat_core::command::Command;
use tagboat_core::ports::{Output, RunError, Runner, Running, Scope};

pub use child::LocalProcess;
pub use environment::Environment;

/// How long a program has between SIGTERM and SIGKILL.
pub const GRACE: Duration = Duration::from_secs(2);

/// How long output is still read after a program has exited while something that it left behind keeps its
/// pipes open: a daemon's own output is nobody's answer.
pub const DRAIN: Duration = Duration::from_secs(1);

/// How much of standard error is kept ([`Output::stderr`]).
pub const STDERR_KEPT: usize = 64 << 10;

/// What a reader of a program's output made of what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It needs no more of these bytes at the front; what is behind them comes again, with more.
    Bytes(usize),
    /// It needs nothing more at all: the program is ended.
    Enough,
}

/// Runs programs on this machine, each in a process group of its own, so that a timeout ends its whole
/// tree. A program that makes itself a daemon (setsid(2)) leaves that group.
#[derive(Clone, Debug, Default)]
pub struct LocalRunner {
    environment: Environment,
}

impl LocalRunner {
    /// A runner whose programs see `environment` and what their commands add.
    #[must_use]
    pub const fn new(environment: Environment) -> Self {
        Self { environment }
    }

    /// [`Runner::start`], with a type that tells more.
    ///
    /// # Errors
    /// See [`RunError`].
    pub fn launch(&self, scope: &Scope<'_>, command: &Command) -> Result<LocalProcess, RunError> {
        if scope.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        LocalProcess::spawn(&self.environment, command, child::Stdin::KeptOpen)
    }

    /// Runs `command` to its end and gives its output to `take` as it comes, so that no more of it is held than `take`
    /// leaves. The command's timeout bounds the time without output, not what `take` does with it. `None` where `take`
    /// had enough; else what it left behind, with what `take` left of its output.
    ///
    /// # Errors
    /// See [`RunError`].
    pub fn stream(
        &self,
        scope: &Scope<'_>,
        command: &Command,
        take: &mut dyn FnMut(&[u8]) -> Taken,
    ) -> Result<Option<Output>, RunError> {
        self.run_through(scope, command, Some(command.timeout), take)
    }

    fn run_through(
        &self,
        scope: &Scope<'_>,
        command: &Command,
        patience: Option<Duration>,
        take: &mut dyn FnMut(&[u8]) -> Taken,
    ) -> Result<Option<Output>, RunError> {
        let began = Instant::now();
        let own = began.checked_add(command.timeout);
        let deadline = [own, scope.deadline].into_iter().flatten().min();
        if scope.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        if deadline.is_some_and(|deadline| deadline <= began) {
            return Err(RunError::TimedOut(Duration::ZERO));
        }
        let mut process =
            LocalProcess::spawn(&self.environment, command, child::Stdin::ClosedAtEnd)?;
        let bound = child::Bound { deadline, patience };
        let child::End::Ended(status) = process.run_to_end(scope, bound, take)? else {
            return Ok(None);
        };
        let (stdout, stderr) = process.into_output();
        Ok(Some(Output { status, stdout, stderr, took: began.elapsed() }))
    }
}

impl Runner for LocalRunner {
    fn run(&self, scope: &Scope<'_>, command: &Command) -> Result<Output, RunError> {
        let ran = self.run_through(scope, command, None, &mut |_| Taken::Bytes(0))?;
        ran.ok_or_else(|| RunError::Io("nobody read its output".to_owned()))
    }

    /// The command's timeout does not bound it: each wait for a line has its own, and dropping it ends it.
    fn start(&self, scope: &Scope<'_>, command: &Command) -> Result<Box<dyn Running>, RunError> {
        Ok(Box::new(self.launch(scope, command)?))
    }
}
