//! The connection. In: an address. Out: a socket over which sessions run, for as long as it lives.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tagboat_core::command::{Command, quote};
use tagboat_core::ports::{Cancel, RunError, Runner as _, Running as _, Scope, Silent};

use super::address::{KEY_ALIAS, SshAddress};
use crate::process::{LocalProcess, LocalRunner};

/// The file with the pinned keys, in the private folder.
pub(super) const KNOWN_HOSTS: &str = "known_hosts";

/// How long connecting may take: `ConnectTimeout` for the network, the rest for keys and a slow login.
const CONNECTING: Duration = Duration::from_secs(30);

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

impl Master {
    pub(super) fn connect(
        runner: &LocalRunner,
        scope: &Scope<'_>,
        address: &SshAddress,
        folder: &Path,
    ) -> Result<Self, RunError> {
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
        let until = Instant::now() + CONNECTING;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match process.line(&quiet, left) {
                Ok(Some(line)) if line == READY => break,
                Ok(Some(_)) => {}
                Ok(None) => return Err(failure(&process)),
                Err(RunError::TimedOut(_)) if scope.deadline.is_none_or(|d| d > Instant::now()) => {
                    return Err(RunError::Unreachable(format!(
                        "no login within {} s",
                        CONNECTING.as_secs()
                    )));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self { process: Mutex::new(process), socket, marks: AtomicU32::new(0) })
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

/// Why there is no connection. This one text of ssh is matched (sshconnect.c, unchanged since 1999): a wrong
/// key and a dead network have the same status, and want different people. Where it should ever change, the
/// connection is refused all the same.
fn failure(process: &LocalProcess) -> RunError {
    let said: Vec<&str> = process.stderr().lines().filter(|l| !l.trim().is_empty()).collect();
    let last = said[said.len().saturating_sub(2)..].join("; ");
    if said.iter().any(|line| line.starts_with("Host key verification failed")) {
        return RunError::HostKey(last);
    }
    RunError::Unreachable(if last.is_empty() { "ssh said nothing".to_owned() } else { last })
}
