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
}

impl Runner for LocalRunner {
    fn run(&self, scope: &Scope<'_>, command: &Command) -> Result<Output, RunError> {
        let began = Instant::now();
        let own = began.checked_add(command.timeout);
        let deadline = match (own, scope.deadline) {
            (Some(own), Some(scope)) => Some(own.min(scope)),
            (own, scope) => own.or(scope),
        };
        if scope.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        if deadline.is_some_and(|deadline| deadline <= began) {
            return Err(RunError::TimedOut(Duration::ZERO));
        }
        let mut process =
            LocalProcess::spawn(&self.environment, command, child::Stdin::ClosedAtEnd)?;
        let status = process.run_to_end(scope, deadline)?;
        let (stdout, stderr) = process.into_output();
        Ok(Output { status, stdout, stderr, took: began.elapsed() })
    }

    /// The command's timeout does not bound it: each wait for a line has its own, and dropping it ends it.
    fn start(&self, scope: &Scope<'_>, command: &Command) -> Result<Box<dyn Running>, RunError> {
        Ok(Box::new(self.launch(scope, command)?))
    }
}
