//! The connection. In: an address. Out: a socket over which sessions run, for as long as it lives.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tagboat_core::command::{Command, quote};
use tagboat_core::ports::{Cancel, Clock as _, RunError, Runner as _, Running as _, Scope, Silent};

use super::address::{KEY_ALIAS, SshAddress};
use crate::clock::{SystemClock, jitter};
use crate::process::{LocalProcess, LocalRunner};

/// The file with the pinned keys, in the private folder.
pub(super) const KNOWN_HOSTS: &str = "known_hosts";

/// How long connecting may take: `ConnectTimeout` for the network and for the host to say who it is, the rest for others
/// who come at the same time, for keys, and for a slow login.
const CONNECTING: Duration = Duration::from_secs(60);

/// The pause before a connection that the host dropped is tried again, times the number of tries.
const AGAIN: Duration = Duration::from_millis(100);

/// How long a master may take to say that it lives: it sits on this machine.
const ANSWERING: Duration = Duration::from_secs(5);

/// What the master's session prints when the login has gone well. A login shell may print before it.
const READY: &str = "tagboat-ready";

/// Settings of both masters and sessions (ssh_config(5)). What is given here wins over the user's files.
const OPTIONS: [&str; 18] = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=/dev/null",
    "KnownHostsCommand=none",
    "VerifyHostKeyDNS=no",
    "UpdateHostKeys=no",
    "CheckHostIP=no",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "RemoteCommand=none",
    "SessionType=default",
    "ControlPersist=no",
];

/// A connection and the socket that it is shared over.
pub(super) struct Master {
    process: Mutex<LocalProcess>,
    socket: PathBuf,
    // How many marks were named.
    marks: AtomicU32,
}

/// What came of one try.
enum Tried {
    Connected(Box<Master>),
    /// The host closed the connection before it said who it is, or was too slow to say it.
    Dropped(RunError),
}

impl Master {
    /// Connects. A host drops some of those who have not logged in yet where many come at once (`MaxStartups`,
    /// sshd_config(5): 10 by default), or has no time for them: who was dropped before a word was said comes again, for as
    /// long as connecting may take.
    pub(super) fn connect(
        runner: &LocalRunner,
        scope: &Scope<'_>,
        address: &SshAddress,
        folder: &Path,
    ) -> Result<Self, RunError> {
        let until = Instant::now() + CONNECTING;
        let mut tries = 1;
        loop {
            match Self::try_to_connect(runner, scope, address, folder, until)? {
                Tried::Connected(master) => return Ok(*master),
                Tried::Dropped(why) => {
                    let pause = AGAIN * tries + jitter();
                    if Instant::now() + pause >= until || !SystemClock.sleep(scope, pause) {
                        return Err(if scope.cancel.is_cancelled() {
                            RunError::Cancelled
                        } else {
                            why
                        });
                    }
                    tries += 1;
                }
            }
        }
    }

    fn try_to_connect(
        runner: &LocalRunner,
        scope: &Scope<'_>,
        address: &SshAddress,
        folder: &Path,
        until: Instant,
    ) -> Result<Tried, RunError> {
        // A name of its own for each, so that asking for one master never reaches another.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let socket = folder.join(format!("{:x}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let command = base(address, folder, &socket)
            .args(["-o", "ControlMaster=yes", "--", &address.host])
            // `cat` ends with our end of the pipe, and the connection with it.
            .arg(format!("echo {READY}; exec cat >/dev/null"));
        // What the login prints is nobody's line.
        let quiet = Scope { observer: &Silent, ..scope.clone() };
        let mut process = runner.launch(&quiet, &command)?;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match process.line(&quiet, left) {
                Ok(Some(line)) if line == READY => break,
                Ok(Some(_)) => {}
                Ok(None) => return failure(&process),
                Err(RunError::TimedOut(_)) if scope.deadline.is_none_or(|d| d > Instant::now()) => {
                    return Err(RunError::Unreachable(format!(
                        "no login within {} s",
                        CONNECTING.as_secs()
                    )));
                }
                Err(error) => return Err(error),
            }
        }
        let process = Mutex::new(process);
        Ok(Tried::Connected(Box::new(Self { process, socket, marks: AtomicU32::new(0) })))
    }

    pub(super) fn is_alive(&self) -> bool {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).alive()
    }

    /// Whether it serves its socket still: asked when a session failed.
    pub(super) fn answers(
        &self,
        runner: &LocalRunner,
        scope: &Scope<'_>,
        address: &SshAddress,
    ) -> bool {
        let Some(folder) = self.socket.parent() else { return false };
        let quiet =
            Scope { observer: &Silent, cancel: Cancel::default(), deadline: None, ..scope.clone() };
        let command = base(address, folder, &self.socket)
            .args(["-O", "check", "--", &address.host])
            .timeout(ANSWERING);
        self.is_alive() && runner.run(&quiet, &command).is_ok_and(|output| output.success())
    }

    /// A file that does not exist: a session leaves it where it was not opened.
    pub(super) fn next_mark(&self) -> PathBuf {
        let count = self.marks.fetch_add(1, Ordering::Relaxed);
        self.socket.with_extension(format!("{count:x}"))
    }

    /// `ssh` over this connection and no other: to make one of its own, it must run `touch`, which is no
    /// way to any host.
    pub(super) fn session_command(&self, address: &SshAddress, mark: &Path) -> Command {
        let folder = self.socket.parent().unwrap_or(&self.socket);
        // ssh expands % in it and hands it to the user's shell (ssh_config(5), ProxyCommand).
        let touch = format!("touch {}", quote(&mark.to_string_lossy())).replace('%', "%%");
        base(address, folder, &self.socket)
            .args(["-o", "ControlMaster=no", "-o"])
            .arg(format!("ProxyCommand={touch}"))
            .args(["--", &address.host])
    }
}

/// Everything but the mode and the host.
fn base(address: &SshAddress, folder: &Path, socket: &Path) -> Command {
    let mut command = Command::new("ssh");
    if let Some(file) = &address.configuration {
        command = command.arg("-F").arg(file.to_string_lossy());
    }
    for option in OPTIONS {
        command = command.args(["-o", option]);
    }
    let known_hosts = folder.join(KNOWN_HOSTS);
    command = command
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
        .arg("-o")
        .arg(format!("HostKeyAlias={KEY_ALIAS}"))
        .args(["-o", "LogLevel=ERROR", "-S"])
        .arg(socket.to_string_lossy());
    if let Some(user) = &address.user {
        command = command.args(["-l", user]);
    }
    if let Some(port) = address.port {
        command = command.arg("-p").arg(port.to_string());
    }
    if let Some(file) = &address.identity {
        command = command.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(file.to_string_lossy());
    }
    command
}

/// How ssh begins its line where a connection was dropped before the host said who it is, and where `ConnectTimeout` passed
/// before that (kex.c, OpenSSH 7.9 and later). Of a host that took no connection it says something else.
const DROPPED: [&str; 2] =
    ["kex_exchange_identification: ", "Connection timed out during banner exchange"];

/// Why there is no connection. Texts of ssh are matched: a wrong key and a dead network have the same status, and want
/// different people (sshconnect.c, unchanged since 1999). Where they should ever change, the connection is refused all the
/// same.
fn failure(process: &LocalProcess) -> Result<Tried, RunError> {
    let said: Vec<&str> = process.stderr().lines().filter(|l| !l.trim().is_empty()).collect();
    let last = said[said.len().saturating_sub(2)..].join("; ");
    if said.iter().any(|line| line.starts_with("Host key verification failed")) {
        return Err(RunError::HostKey(last));
    }
    let dropped = said.iter().any(|line| DROPPED.iter().any(|begin| line.starts_with(begin)));
    let why = if last.is_empty() { "ssh said nothing".to_owned() } else { last };
    let why = RunError::Unreachable(why);
    if dropped { Ok(Tried::Dropped(why)) } else { Err(why) }
}
