//! Programs on a host, through the `ssh` program. In: a command. Out: what it left behind there; or that
//! the way failed.
//!
//! One connection a host carries all sessions. It belongs to this process: its master runs `cat` on the host
//! and reads from us, so that it ends when we do, however that happens. A session never opens a connection
//! of its own. So exit 255, which ssh also uses for its own failures (ssh(1), EXIT STATUS), is told apart
//! without reading any text. A session that was not opened tries a connection of its own, and what it runs
//! for that leaves a mark here. Without the mark, and if the master of that session still answers, the way
//! was good and the program ended so (or by a signal: ssh does not tell which).
//!
//! sshd(8) ends a session when the program has exited *and* its output is closed: who leaves a daemon behind
//! must redirect its output.
//!
//! What runs on a host when the connection is cut runs on there; its own timeout ends it, for timeout(1) runs
//! there as well. Nothing ends it there when a scope is cancelled: what must not be left half done runs
//! as a unit of its own.

mod address;
mod master;
mod remote;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tagboat_core::command::Command;
use tagboat_core::ports::{Clock as _, Output, RunError, Runner, Running, Scope};

use crate::clock::{SystemClock, TICK};
use crate::process::{LocalProcess, LocalRunner};
use master::Master;

pub use address::{HostKey, SshAddress};

/// Sessions at once: sshd's `MaxSessions` is 10 (sshd_config(5)), the master's own is one, and one may still be
/// cleaned up behind.
pub const SESSIONS: usize = 8;

/// How long looking for a program on the host may take.
const PROBING: Duration = Duration::from_secs(10);

/// One host.
#[derive(Clone)]
pub struct SshHost(Arc<Inner>);

impl fmt::Debug for SshHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SshHost").field(&self.0.address).finish()
    }
}

struct Inner {
    runner: LocalRunner,
    address: SshAddress,
    // Holds known_hosts and the masters' sockets; only we may enter it.
    folder: tempfile::TempDir,
    master: Mutex<Option<Arc<Master>>>,
    // How many sessions there are.
    sessions: Mutex<usize>,
    ended: Condvar,
}

/// One of the [`SESSIONS`]; dropping it lets the next one in.
struct Session(Arc<Inner>);

impl Drop for Session {
    fn drop(&mut self) {
        *self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_one();
    }
}

impl SshHost {
    /// A host; the connection is made when it is first needed.
    ///
    /// # Errors
    /// [`RunError::Io`] where the private folder cannot be made.
    pub fn new(runner: LocalRunner, address: SshAddress) -> Result<Self, RunError> {
        let folder = private_folder().map_err(|error| RunError::Io(error.to_string()))?;
        std::fs::write(folder.path().join(master::KNOWN_HOSTS), address.known_hosts())
            .map_err(|error| RunError::Io(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            runner,
            address,
            folder,
            master: Mutex::new(None),
            sessions: Mutex::new(0),
            ended: Condvar::new(),
        })))
    }

    /// The living connection, made if there is none.
    fn master(&self, scope: &Scope<'_>) -> Result<Arc<Master>, RunError> {
        // Held while connecting: others wait for the same connection, no longer than connecting may take.
        let mut current = self.0.master.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(master) = current.as_ref().filter(|master| master.is_alive()) {
            return Ok(Arc::clone(master));
        }
        let inner = &self.0;
        let master = Master::connect(&inner.runner, scope, &inner.address, inner.folder.path())?;
        let master = Arc::new(master);
        *current = Some(Arc::clone(&master));
        Ok(master)
    }

    fn session(&self, scope: &Scope<'_>, deadline: Option<Instant>) -> Result<Session, RunError> {
        let began = Instant::now();
        let mut count = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        while *count >= SESSIONS {
            if scope.cancel.is_cancelled() {
                return Err(RunError::Cancelled);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(RunError::TimedOut(began.elapsed()));
            }
            count =
                self.0.ended.wait_timeout(count, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
        *count += 1;
        Ok(Session(Arc::clone(&self.0)))
    }

    /// The local command that runs `words` on the host over `master`, and leaves `mark` if it cannot.
    fn over(&self, master: &Master, mark: &Path, command: &Command, words: &str) -> Command {
        let mut local = master.session_command(&self.0.address, mark).arg(words);
        local.input.clone_from(&command.input);
        local.secrets.clone_from(&command.secrets);
        local
    }

    /// Runs `words` in a session, until the deadline. sshd counts a session until it has cleaned up behind
    /// it, a little longer than we: what it does not open for that reason is asked for again.
    fn run_over(
        &self,
        scope: &Scope<'_>,
        master: &Master,
        command: &Command,
        words: &str,
        deadline: Option<Instant>,
    ) -> Result<Output, RunError> {
        let began = Instant::now();
        let inner = &self.0;
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let mark = master.next_mark();
            let local = self.over(master, &mark, command, words);
            let local = local.timeout(left.unwrap_or(Duration::MAX));
            let output = inner.runner.run(scope, &local)?;
            if output.status != Some(255) {
                return Ok(output);
            }
            let answers = master.answers(&inner.runner, scope, &inner.address);
            match (mark.exists(), answers) {
                (false, true) => return Ok(output),
                (true, true) if SystemClock.sleep(scope, TICK) => {}
                (true, true) if scope.cancel.is_cancelled() => return Err(RunError::Cancelled),
                (true, true) => return Err(RunError::TimedOut(began.elapsed())),
                // The master died: whether the program had started by then, nobody knows.
                (_, false) => {
                    return Err(RunError::Unreachable(match output.last_lines(2).as_slice() {
                        [] => "the connection was lost".to_owned(),
                        lines => lines.join("; "),
                    }));
                }
            }
        }
    }

    /// Whether the host has this program, as seen with the command's own `PATH`.
    fn has_program(
        &self,
        scope: &Scope<'_>,
        master: &Master,
        command: &Command,
    ) -> Result<bool, RunError> {
        let probe = Command { program: "sh".to_owned(), args: Vec::new(), ..command.clone() }
            .args(["-c", r#"command -v -- "$1" >/dev/null"#, "sh"])
            .arg(&command.program)
            .input(tagboat_core::command::Input::Closed);
        let words = remote::words(&probe, Some(PROBING))?;
        let until = Instant::now().checked_add(PROBING);
        let output = self.run_over(scope, master, &probe, &words, until)?;
        Ok(output.success())
    }
}

impl Runner for SshHost {
    fn run(&self, scope: &Scope<'_>, command: &Command) -> Result<Output, RunError> {
        let began = Instant::now();
        let own = began.checked_add(command.timeout);
        let deadline = [own, scope.deadline].into_iter().flatten().min();
        let session = self.session(scope, deadline)?;
        let master = self.master(scope)?;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Err(RunError::TimedOut(began.elapsed()));
        }
        let words = remote::words(command, left)?;
        let mut output = self.run_over(scope, &master, command, &words, deadline)?;
        output.took = began.elapsed();
        match output.status {
            // timeout(1) on the host was faster than we.
            Some(124 | 137) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                Err(RunError::TimedOut(began.elapsed()))
            }
            // env(1)'s word for a missing program, and any shell's for one of its own.
            Some(127) if !self.has_program(scope, &master, command)? => Err(RunError::NotFound),
            _ => {
                drop(session);
                Ok(output)
            }
        }
    }

    fn start(&self, scope: &Scope<'_>, command: &Command) -> Result<Box<dyn Running>, RunError> {
        let session = self.session(scope, scope.deadline)?;
        let master = self.master(scope)?;
        let words = remote::words(command, None)?;
        let mark = master.next_mark();
        let process = self.0.runner.launch(scope, &self.over(&master, &mark, command, &words))?;
        Ok(Box::new(RemoteProcess { process, mark, _master: master, _session: session }))
    }
}

/// A program that runs on the host. Fields are dropped in this order.
struct RemoteProcess {
    process: LocalProcess,
    // See `SshHost::run_over`.
    mark: PathBuf,
    _master: Arc<Master>,
    _session: Session,
}

impl Running for RemoteProcess {
    fn line(&mut self, scope: &Scope<'_>, patience: Duration) -> Result<Option<String>, RunError> {
        match self.process.line(scope, patience) {
            Ok(None) if self.mark.exists() => {
                Err(RunError::Unreachable("the host opened no session".to_owned()))
            }
            line => line,
        }
    }

    fn alive(&mut self) -> bool {
        self.process.alive()
    }
}

/// A folder that only we may enter (mkdtemp(3)), with a path short enough for a socket below it: unix(7)
/// allows 108 bytes on Linux, and ssh binds to a temporary name 17 longer before it renames.
fn private_folder() -> std::io::Result<tempfile::TempDir> {
    let mut parent = std::env::temp_dir();
    if parent.as_os_str().len() > 60 {
        parent = PathBuf::from("/tmp");
    }
    tempfile::Builder::new().prefix("tb-").tempdir_in(parent)
}
