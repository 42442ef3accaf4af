//! The `git` program. In: its arguments. Out: what it left behind; its refusals as errors.

use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::ports::{
    Clock as _, Output, RepositoryError, RunError, Runner as _, Scope, Silent,
};

use crate::clock::{SystemClock, jitter};
use crate::process::{LocalRunner, Taken};

/// Bound of what reads and writes only here. `git archive` of a large tree takes seconds.
pub(super) const LOCAL: Duration = Duration::from_secs(120);

/// How ssh begins its line where the remote's sshd dropped the connection, as it does with some of many who come at once
/// (`MaxStartups`, sshd_config(5)). Nothing was asked then.
const DROPPED: [&str; 4] = [
    "kex_exchange_identification: ",
    "Connection timed out during banner exchange",
    "Connection closed by ",
    "Connection reset by ",
];

/// How often it is tried, and the pause before the second time; before the third it is twice as long.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(200);

/// What git says below every failure of a transport (git, `transport.c` and `pkt-line.c`); the reason stands above it.
const ALWAYS: [&str; 3] = [
    "fatal: Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
];

/// How long the remote may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For listing its refs.
    pub listing: Duration,
    /// For objects that are fetched or pushed.
    pub transfer: Duration,
}

impl Default for Patience {
    /// 60 s for a listing: it is the first question to every remote, so it finds the one that hangs; 100,000 tags
    /// are some 10 MB, and ssh and TLS give up on a connection by themselves only after minutes. 300 s for a transfer:
    /// the remote has just answered, and what comes is what a clone lacks, minutes where that is a large
    /// repository's history; a push runs the user's `pre-push` hook within it.
    fn default() -> Self {
        Self { listing: Duration::from_secs(60), transfer: Duration::from_secs(300) }
    }
}

/// Settings of a user or repository that would change what our calls mean (git-config(1)).
const CONFIG: [&str; 15] = [
    // Would start a daemon.
    "core.fsmonitor=false",
    // Runs any program that a URL names.
    "protocol.ext.allow=never",
    // Our calls are no occasion to repack somebody's repository, in the background at that.
    "gc.auto=0",
    "maintenance.auto=false",
    // What to say is our business: these texts are for people at a prompt.
    "advice.pushUpdateRejected=false",
    "advice.fetchShowForcedUpdates=false",
    "color.ui=false",
    "core.quotePath=false",
    // Reading depends on the commit only.
    "core.attributesFile=/dev/null",
    "tar.umask=0022",
    // A ledger says who: a name guessed from the machine is nobody.
    "user.useConfigOnly=true",
    "fetch.prune=false",
    "fetch.pruneTags=false",
    "fetch.writeCommitGraph=false",
    "core.logAllRefUpdates=false",
];

/// Which `git`, and what it sees of the environment.
#[derive(Clone, Debug)]
pub struct GitProgram {
    runner: LocalRunner,
    program: String,
    pub(super) patience: Patience,
}

/// The `git` on `PATH`.
impl Default for GitProgram {
    fn default() -> Self {
        Self::new(LocalRunner::default(), "git")
    }
}

/// Whether the user's own hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hooks {
    /// For a push: who has a `pre-push` hook wants it to judge every push.
    Run,
    /// For what happens to our private refs: `reference-transaction` would fire for each.
    Silent,
}

impl GitProgram {
    /// This program (a name found on `PATH`, or an absolute path), run by `runner`.
    #[must_use]
    pub fn new(runner: LocalRunner, program: impl Into<String>) -> Self {
        Self { runner, program: program.into(), patience: Patience::default() }
    }

    /// The same, with this patience for the remote.
    #[must_use]
    pub const fn patient(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Runs a command that begins with `git`. A non-zero status is an [`Output`].
    pub(super) fn run(
        &self,
        scope: &Scope<'_>,
        command: &Command,
    ) -> Result<Output, RepositoryError> {
        self.run_with(scope, command, Hooks::Silent)
    }

    pub(super) fn run_with(
        &self,
        scope: &Scope<'_>,
        command: &Command,
        hooks: Hooks,
    ) -> Result<Output, RepositoryError> {
        // A listing is no progress; what a push says, and hooks say to it, is.
        let scope = match hooks {
            Hooks::Run => scope.clone(),
            Hooks::Silent => Scope { observer: &Silent, ..scope.clone() },
        };
        self.runner.run(&scope, &self.real(command, hooks)).map_err(RepositoryError::Run)
    }

    /// As [`GitProgram::run`], with its output taken as it comes; `None` where `take` had enough of it.
    pub(super) fn stream(
        &self,
        scope: &Scope<'_>,
        command: &Command,
        take: &mut dyn FnMut(&[u8]) -> Taken,
    ) -> Result<Option<Output>, RepositoryError> {
        let scope = Scope { observer: &Silent, ..scope.clone() };
        let real = self.real(command, Hooks::Silent);
        self.runner.stream(&scope, &real, take).map_err(RepositoryError::Run)
    }

    /// What is run for a command that begins with `git`.
    fn real(&self, command: &Command, hooks: Hooks) -> Command {
        let mut real = command.clone();
        real.program.clone_from(&self.program);
        let hooks = (hooks == Hooks::Silent).then_some("core.hooksPath=/dev/null");
        let settings = CONFIG.into_iter().chain(hooks);
        let settings = settings.flat_map(|setting| ["-c", setting]).map(str::to_owned);
        real.args = ["--no-pager".to_owned()].into_iter().chain(settings).collect();
        real.args.extend(command.args.iter().cloned());
        real.env("LC_ALL", "C")
            // A repository's refs/replace may say that a commit is another one.
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            // Nobody sits there to answer. ssh asks on the terminal unless it must use a program, and a
            // program outside the terminal's foreground group would be stopped by asking there
            // (setpgid(2), SIGTTIN).
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("SSH_ASKPASS", "false")
            .env("GCM_INTERACTIVE", "never")
    }

    /// As [`GitProgram::run`], and anything but exit 0 is a refusal.
    pub(super) fn checked(
        &self,
        scope: &Scope<'_>,
        command: &Command,
    ) -> Result<Output, RepositoryError> {
        let output = self.run(scope, command)?;
        if output.success() { Ok(output) } else { Err(refusal(command, &output)) }
    }

    /// As [`GitProgram::run`], for what talks to the remote: no answer within `bound` is its failure. Who was dropped comes
    /// again.
    pub(super) fn network(
        &self,
        scope: &Scope<'_>,
        command: Command,
        bound: Duration,
        hooks: Hooks,
    ) -> Result<Output, RepositoryError> {
        let command = command.timeout(bound);
        let mut tries = 1;
        loop {
            let ran = self.run_with(scope, &command, hooks).map_err(|error| match error {
                RepositoryError::Run(RunError::TimedOut(after)) => RepositoryError::Remote(
                    format!("git waited for it for {:.1} s", after.as_secs_f32()),
                ),
                other => other,
            });
            let output = ran?;
            let is_dropped = |line: &str| DROPPED.iter().any(|begin| line.starts_with(begin));
            let dropped = !output.success() && output.stderr.lines().any(is_dropped);
            if !dropped || tries == TRIES || !SystemClock.sleep(scope, PAUSE * tries + jitter()) {
                return Ok(output);
            }
            tries += 1;
        }
    }
}

/// git said no.
pub(super) fn refusal(command: &Command, output: &Output) -> RepositoryError {
    RepositoryError::Git { command: command.to_string(), said: said(output, 3) }
}

/// The remote said no, or nothing.
pub(super) fn remote_refusal(output: &Output) -> RepositoryError {
    RepositoryError::Remote(said(output, 3))
}

/// The last lines of what git said, and never nothing. Of a lock that another git holds, or left when it was killed, the
/// line that names it: what follows is the same every time (git, `lockfile.c`, `unable_to_lock_message`).
fn said(output: &Output, lines: usize) -> String {
    let names_a_lock = |line: &&str| line.contains(".lock': File exists");
    if let Some(line) = output.stderr.lines().find(names_a_lock) {
        return line.to_owned();
    }
    let all: Vec<&str> = output.last_lines(usize::MAX).into_iter().map(str::trim_end).collect();
    let reasons: Vec<&str> = all.iter().copied().filter(|line| !ALWAYS.contains(line)).collect();
    let told = if reasons.is_empty() { all } else { reasons };
    match &told[told.len().saturating_sub(lines)..] {
        [] => output.status.map_or_else(
            || "a signal ended it".to_owned(),
            |status| format!("exit status {status}"),
        ),
        lines => lines.join("; "),
    }
}
