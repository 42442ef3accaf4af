//! A real sshd. In: nothing. Out: a server on a free port of 127.0.0.1 with keys and settings of its own; the
//! user that runs the test logs in.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::require;

/// A running sshd; dropping it ends it and its connections.
#[derive(Debug)]
pub struct Sshd {
    child: Child,
    folder: TempDir,
    port: u16,
}

/// How the shell is called that splits a remote command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginShell {
    /// `/bin/dash`.
    Dash,
    /// `/bin/bash`.
    Bash,
}

impl Sshd {
    /// Starts one; `None` where sshd is missing and may be (see [`require()`]).
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(shell: LoginShell) -> Option<Self> {
        Self::start_with(shell, "")
    }

    /// The same, with more settings (sshd_config(5)): they win over ours.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start_with(shell: LoginShell, settings: &str) -> Option<Self> {
        let program = require("sshd")?;
        let folder = TempDir::new().unwrap();
        for key in ["host_key", "other_key", "user_key"] {
            let status = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
                .arg(folder.path().join(key))
                .stdin(Stdio::null())
                .status()
                .unwrap();
            assert!(status.success());
        }
        if rustix::process::geteuid().is_root() {
            // Where Debian's sshd separates its privileges; its unit makes it, and no unit runs here.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        // Another process may take the port before sshd does.
        (0..5)
            .find_map(|_| Self::launch(&program, &folder, shell, settings))
            .map(|(child, port)| Self { child, folder, port })
            .or_else(|| panic!("sshd does not start"))
    }

    fn launch(
        program: &Path,
        folder: &TempDir,
        shell: LoginShell,
        settings: &str,
    ) -> Option<(Child, u16)> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = |name: &str| folder.path().join(name).display().to_string();
        // The forced command stands where the login shell does: it reads the same line in the same way.
        let shell = match shell {
            LoginShell::Dash => "/bin/dash",
            LoginShell::Bash => "/bin/bash",
        };
        // The start-up files of the user's shell are none of the test's business (bash(1) reads ~/.bashrc when sshd
        // starts it), and a key exchange that resists quantum computers takes eight times as long as the rest.
        let config = format!(
            "{settings}\nListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\nUseDNS no\nPrintMotd no\nMaxSessions 10\nMaxStartups 100\n\
             KexAlgorithms curve25519-sha256\nSetEnv HOME={}\n\
             ForceCommand exec {shell} -c \"$SSH_ORIGINAL_COMMAND\"\n",
            at("host_key"),
            at("user_key.pub"),
            folder.path().display(),
        );
        std::fs::write(folder.path().join("sshd_config"), config).unwrap();
        let mut child = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(folder.path().join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while said.read_line(&mut line).unwrap() > 0 {
            if line.contains("Server listening on") {
                // Somebody must read on, or it blocks when the pipe is full.
                std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
                return Some((child, port));
            }
        }
        child.wait().unwrap();
        None
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its public key, as one pins it.
    #[must_use]
    pub fn host_key(&self) -> String {
        self.read("host_key.pub")
    }

    /// The public key of nobody.
    #[must_use]
    pub fn other_key(&self) -> String {
        self.read("other_key.pub")
    }

    /// The private key that may log in.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.folder.path().join("user_key")
    }

    /// A private key that may not.
    #[must_use]
    pub fn stranger(&self) -> PathBuf {
        self.folder.path().join("other_key")
    }

    /// Who logs in.
    #[must_use]
    pub fn user(&self) -> String {
        let output = Command::new("id").arg("-un").output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A `GIT_SSH_COMMAND` that reaches it, and it only.
    #[must_use]
    pub fn git_ssh_command(&self) -> String {
        let known = self.folder.path().join("known_hosts");
        std::fs::write(&known, format!("test {}", self.host_key())).unwrap();
        format!(
            "ssh -F /dev/null -o BatchMode=yes -o HostKeyAlias=test -o UserKnownHostsFile={} -i {}",
            known.display(),
            self.identity().display()
        )
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.children().len()
    }

    /// Kills every connection, as a host that loses its power does.
    pub fn cut(&self) {
        for pid in self.children() {
            // The connection's own process runs below the one that watches it.
            for pid in children_of(pid).into_iter().chain([pid]) {
                if let Some(pid) = Pid::from_raw(pid) {
                    // It may be gone by now.
                    let (Ok(()) | Err(_)) = kill_process(pid, Signal::KILL);
                }
            }
        }
    }

    fn children(&self) -> Vec<i32> {
        children_of(self.child.id().try_into().unwrap())
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap().trim().to_owned()
    }
}

/// proc(5), `/proc/<pid>/task/<tid>/children`.
fn children_of(pid: i32) -> Vec<i32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    list.unwrap_or_default().split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.cut();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
