//! Programs in a root, alone or beside services. In: a [`Command`]. Out: what it left behind; nothing of it
//! runs any more when the answer is there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::ports::{
    Access, Bind, Network, Observer, Output, Progress, RootError, RunError, Runner, Running, Scope,
};

use super::layer::{Layer, Occupied, text};
use super::residents;
use crate::process::{Environment, LocalRunner};

/// What a root calls itself: the same everywhere, so that nothing built in it can name the machine.
pub(super) const HOSTNAME: &str = "tagboat";

/// The superuser's path of Debian: `ENV_SUPATH` of login.defs(5), with the folders for local programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const NSPAWN: &str = "/usr/bin/systemd-nspawn";
const NSENTER: &str = "/usr/bin/nsenter";
pub(super) const SETPRIV: &str = "/usr/bin/setpriv";
pub(super) const UNSHARE: &str = "/usr/bin/unshare";
pub(super) const MMDEBSTRAP: &str = "/usr/bin/mmdebstrap";
pub(super) const APT_HELPER: &str = "/usr/lib/apt/apt-helper";

/// Where Debian installs what this needs, and the package it comes from.
const TOOLS: [(&str, &str); 4] = [
    (NSPAWN, "systemd-container"),
    (NSENTER, "util-linux"),
    (SETPRIV, "util-linux"),
    (UNSHARE, "util-linux"),
];

/// What systemd-nspawn says when its own `/run` lies on a disk (systemd, `rm_rf` of its propagation
/// folder). It harms nothing and is not the program's.
const CHATTER: &str = "Attempted to remove disk file system under \"/run/systemd/nspawn/propagate/";

pub(super) fn require_tools() -> Result<(), RootError> {
    TOOLS.into_iter().try_for_each(|(tool, package)| require(tool, package))
}

pub(super) fn require(tool: &str, package: &str) -> Result<(), RootError> {
    if Path::new(tool).exists() {
        return Ok(());
    }
    Err(RootError::Missing(format!("{tool} (package {package})")))
}

/// What every use of systemd-nspawn has in common: files of its own, nothing of this machine but `binds`,
/// and an end with ours, even if we are killed.
pub(super) fn nspawn(
    layer: &str,
    root: &Path,
    hostname: &str,
    binds: &[Bind],
) -> Result<Command, RootError> {
    let mut command = Command::new(SETPRIV)
        // PR_SET_PDEATHSIG(2const): on SIGTERM, systemd-nspawn ends what runs inside; on SIGKILL it cannot.
        .args(["--pdeathsig", "TERM", "--", NSPAWN])
        .args(["--quiet", "--settings=no", "--register=no", "--console=pipe"])
        .args(["--link-journal=no", "--timezone=off", "--suppress-sync=yes"])
        .args([format!("--hostname={hostname}"), format!("--machine={layer}")])
        .args(["--directory", text(root)?])
        // Else /tmp is a small tmpfs of each program's own (systemd, docs/ENVIRONMENT.md).
        .env("SYSTEMD_NSPAWN_TMPFS_TMP", "0");
    // sd_booted(3). Without systemd there is nobody who could give it a scope: see `control_group`.
    if !Path::new("/run/systemd/system").exists() {
        command = command.arg("--keep-unit");
    }
    for bind in binds {
        let option = match bind.access {
            Access::ReadOnly => "--bind-ro",
            Access::ReadWrite => "--bind",
        };
        let from = escape(text(&bind.from)?);
        command = command.arg(format!("{option}={from}:{}", escape(&bind.to)));
    }
    Ok(command)
}

/// systemd-nspawn(1), `--bind=`: a colon in a path is written `\:`, a backslash `\\`.
fn escape(path: &str) -> String {
    path.replace('\\', r"\\").replace(':', r"\:")
}

/// Runs programs in a layer in which nothing else runs.
pub(super) struct Inside<'a> {
    pub(super) runner: &'a LocalRunner,
    pub(super) layer: &'a Arc<Layer>,
    pub(super) binds: &'a [Bind],
    pub(super) network: Network,
}

impl Inside<'_> {
    fn command(&self, command: &Command) -> Result<Command, RunError> {
        let io = |error: RootError| RunError::Io(error.to_string());
        let layer = self.layer.name();
        let mut whole = nspawn(&layer, self.layer.root(), HOSTNAME, self.binds).map_err(io)?;
        whole = whole.arg("--as-pid2");
        whole = match self.network {
            // Names are looked up, and mirrors reached, as on this machine.
            Network::Shared => whole.arg("--resolv-conf=bind-host").args([
                "--setenv=http_proxy",
                "--setenv=https_proxy",
                "--setenv=no_proxy",
            ]),
            Network::Loopback => whole.args(["--private-network", "--resolv-conf=off"]),
        };
        whole = whole.args([format!("--setenv=PATH={PATH}"), "--setenv=LC_ALL=C.UTF-8".to_owned()]);
        for (name, value) in &command.env {
            whole = if command.mask(value) == *value {
                whole.arg(format!("--setenv={name}={value}"))
            } else {
                // Everyone on the machine can read arguments; systemd-nspawn(1) takes the value from its own
                // environment where only the name is given.
                whole.env(name, value).arg(format!("--setenv={name}"))
            };
        }
        if let Some(folder) = &command.folder {
            whole = whole.args(["--chdir", text(folder).map_err(io)?]);
        }
        whole = whole.arg("--").arg(&command.program).args(&command.args);
        Ok(bounded_like(whole, command))
    }
}

impl Runner for Inside<'_> {
    /// A program that a signal ended has the status 255: systemd-nspawn tells no more.
    fn run(&self, scope: &Scope<'_>, command: &Command) -> Result<Output, RunError> {
        let occupied = self.layer.occupy()?;
        let observer = WithoutChatter(scope.observer);
        let scope = Scope { observer: &observer, ..scope.clone() };
        let result = self.runner.run(&scope, &self.command(command)?);
        // Whatever it left running is ended before anyone reads its answer.
        drop(occupied);
        let mut output = result?;
        if output.status == Some(1) && says(&output, &format!("execv({}) failed", command.program))
        {
            return Err(RunError::NotFound);
        }
        output.stderr = without_chatter(&output.stderr);
        Ok(output)
    }

    fn start(&self, scope: &Scope<'_>, command: &Command) -> Result<Box<dyn Running>, RunError> {
        let occupied = self.layer.occupy()?;
        let process = self.runner.start(scope, &self.command(command)?)?;
        Ok(Box::new(StartedInside { process, _occupied: occupied }))
    }
}

/// Its fields are dropped in this order: first systemd-nspawn ends, then whatever is left inside.
struct StartedInside {
    process: Box<dyn Running>,
    _occupied: Occupied,
}

impl Running for StartedInside {
    fn line(&mut self, scope: &Scope<'_>, patience: Duration) -> Result<Option<String>, RunError> {
        self.process.line(scope, patience)
    }

    fn alive(&mut self) -> bool {
        self.process.alive()
    }
}

/// Runs programs in a booted root, beside its services.
pub(super) struct Beside<'a> {
    /// Where it is mounted: its first process is found by that, for it is another one after a reboot.
    pub(super) root: &'a Path,
}

impl Beside<'_> {
    fn command(&self, command: &Command) -> Result<(LocalRunner, Command), RunError> {
        let leader = residents::leader(self.root)
            .ok_or_else(|| RunError::Unreachable("it is switched off".to_owned()))?;
        let mut environment = Environment::fixed(PATH);
        for (name, value) in [("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root")] {
            environment = environment.with(name, value);
        }
        let folder = command.folder.as_deref().unwrap_or_else(|| Path::new("/"));
        let folder = text(folder).map_err(|error| RunError::Io(error.to_string()))?;
        let mut whole = Command::new(NSENTER)
            .args(["--target", &leader.to_string()])
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--root"])
            .args([&format!("--wdns={folder}"), "--"])
            .arg(&command.program)
            .args(&command.args);
        whole.env.clone_from(&command.env);
        Ok((LocalRunner::new(environment), bounded_like(whole, command)))
    }
}

impl Runner for Beside<'_> {
    fn run(&self, scope: &Scope<'_>, command: &Command) -> Result<Output, RunError> {
        let (runner, whole) = self.command(command)?;
        let output = runner.run(scope, &whole)?;
        let missing = format!("nsenter: failed to execute {}", command.program);
        if output.status == Some(127) && says(&output, &missing) {
            return Err(RunError::NotFound);
        }
        Ok(output)
    }

    fn start(&self, scope: &Scope<'_>, command: &Command) -> Result<Box<dyn Running>, RunError> {
        let (runner, whole) = self.command(command)?;
        runner.start(scope, &whole)
    }
}

/// `whole` with the input, bounds and secrets of the command in it.
fn bounded_like(whole: Command, command: &Command) -> Command {
    Command {
        input: command.input.clone(),
        timeout: command.timeout,
        secrets: command.secrets.clone(),
        ..whole
    }
}

fn says(output: &Output, what: &str) -> bool {
    output.stderr.lines().any(|line| line.starts_with(what))
}

fn without_chatter(said: &str) -> String {
    let lines = said.split_inclusive('\n').filter(|line| !line.starts_with(CHATTER));
    lines.collect()
}

struct WithoutChatter<'a>(&'a dyn Observer);

impl Observer for WithoutChatter<'_> {
    fn tell(&self, span: &str, progress: &Progress<'_>) {
        if !matches!(progress, Progress::Line(line) if line.starts_with(CHATTER)) {
            self.0.tell(span, progress);
        }
    }

    fn wants_lines(&self) -> bool {
        self.0.wants_lines()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_bind_keeps_what_systemd_nspawn_would_read_as_a_separator() {
        let bind = Bind {
            from: PathBuf::from("/a:b\\c"),
            to: "/in:side".to_owned(),
            access: Access::ReadOnly,
        };
        let command = nspawn("x", Path::new("/r"), HOSTNAME, &[bind]).unwrap();
        assert_eq!(command.args.last().unwrap(), r"--bind-ro=/a\:b\\c:/in\:side");
    }

    #[test]
    fn what_systemd_nspawn_says_about_itself_is_not_the_programs() {
        let said = format!("one\n{CHATTER}x\", and we can't allow that.\ntwo\n");
        assert_eq!(without_chatter(&said), "one\ntwo\n");
    }
}
