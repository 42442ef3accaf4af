//! Booted roots. In: a layer, and what its network is. Out: systemd as its first process, with
//! `multi-user.target` reached; switched off when it is dropped.

use std::fmt;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tagboat_core::command::Command;
use tagboat_core::ports::{
    Bind, Booted, Cancel, Clock as _, Observer, Output, Progress, RootError, RunError, Runner,
    Scope,
};

use super::control_group::ControlGroup;
use super::layer::{Layer, Occupied, text};
use super::nspawn::{Beside, nspawn};
use super::residents;
use crate::clock::{SystemClock, TICK};
use crate::process::LocalRunner;

/// Units that make no sense without a terminal, without hardware or without a way out; their absence is
/// nothing that a package could see (systemd-debug-generator(8), `systemd.mask=`).
const MASKED: [&str; 7] = [
    "console-getty.service",
    "getty.target",
    "systemd-udev-trigger.service",
    "systemd-networkd-wait-online.service",
    "systemd-firstboot.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
];

/// With `--keep-unit`, systemd-nspawn leaves with this status when its guest wants to reboot (systemd,
/// `nspawn.c`: `EXIT_FORCE_RESTART`), and whoever started it starts it again.
const REBOOT: i32 = 133;

/// How much of a console is kept: a failed boot is told by its end.
const CONSOLE_KEPT: usize = 64 << 10;

/// How many of a console's last lines an error shows.
const CONSOLE_SHOWN: usize = 12;

/// What a booted root's network is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Nothing but `lo`.
    Loopback,
    /// A network namespace that somebody prepared: `/run/netns/NAME` (ip-netns(8)).
    Namespace(PathBuf),
}

/// A booted root. Dropping it switches it off: in order, and after [`crate::process::GRACE`] by force.
pub struct BootedRoot {
    console: Arc<Console>,
    off: Cancel,
    /// Whether it said, since somebody looked, that all its jobs are done.
    ready: Arc<AtomicBool>,
    // In this order: the thread ends systemd-nspawn before the place is given back.
    thread: Option<JoinHandle<()>>,
    occupied: Occupied,
    _group: Option<ControlGroup>,
}

impl BootedRoot {
    pub(super) fn start(
        runner: &LocalRunner,
        layer: &Arc<Layer>,
        binds: &[Bind],
        scope: &Scope<'_>,
        patience: Duration,
        hostname: &str,
        wire: &Wire,
    ) -> Result<Self, RootError> {
        let occupied = layer.occupy().map_err(RootError::Run)?;
        let name = layer.name();
        let (socket, address) = ready_socket(&name)?;
        let mut command =
            boot_command(&name, layer.root(), hostname, binds, wire)?.env("NOTIFY_SOCKET", address);
        let group = ControlGroup::make(&name);
        if let Some(group) = &group {
            command = group.enter(command);
        }
        let console = Arc::new(Console::default());
        let (off, ready) = (Cancel::default(), Arc::<AtomicBool>::default());
        listen(&name, socket, Arc::clone(&ready), off.clone())?;
        let thread = {
            let (runner, console, off) = (runner.clone(), Arc::clone(&console), off.clone());
            std::thread::Builder::new()
                .name(name)
                .spawn(move || keep_on(&runner, &console, off, &command))
                .map_err(|error| RootError::Io(error.to_string()))?
        };
        let booted = Self { console, off, ready, thread: Some(thread), occupied, _group: group };
        booted.wait_for_boot(scope, patience)?;
        Ok(booted)
    }

    /// Waits until `multi-user.target` is reached by a boot that nobody waited for yet: after it was told, or
    /// decided, to reboot.
    ///
    /// # Errors
    /// [`RootError::Boot`] where that takes longer than `patience`, or where it is off.
    pub fn wait_for_boot(&self, scope: &Scope<'_>, patience: Duration) -> Result<(), RootError> {
        let began = Instant::now();
        let until = began.checked_add(patience).unwrap_or(began);
        let scope = scope.until(until);
        let failed = |why: &str| {
            let shown = format!("{why}\n{}", self.console.end());
            RootError::Boot(began.elapsed(), shown)
        };
        let mut ready = false;
        let mut state = "silent".to_owned();
        loop {
            if scope.cancel.is_cancelled() {
                return Err(RootError::Run(RunError::Cancelled));
            }
            if Instant::now() >= until {
                return Err(failed(&format!("multi-user.target was not reached; it is {state}")));
            }
            if self.is_off() {
                return Err(failed("it went off"));
            }
            // What it said only wakes us; what it answers counts.
            ready = ready || self.says_ready();
            if !ready {
                continue;
            }
            state = match self.ask(&scope, &["is-system-running"]) {
                Ok(state) => state,
                // The next turn tells whether there is time left.
                Err(RunError::Unreachable(_) | RunError::TimedOut(_)) => "silent".to_owned(),
                Err(error) => return Err(RootError::Run(error)),
            };
            match state.as_str() {
                "running" => break,
                "degraded" => {
                    self.tell_failed_units(&scope)?;
                    break;
                }
                _ => {
                    // Cut short, the next turn tells why.
                    let _in_full: bool = SystemClock.sleep(&scope, TICK);
                }
            }
        }
        match self.ask(&scope, &["is-active", "multi-user.target"]).map_err(RootError::Run)? {
            state if state == "active" => Ok(()),
            state => Err(failed(&format!("multi-user.target is {state}"))),
        }
    }

    /// Whether nothing runs in it any more and nobody will start it again.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Takes its power away: everything in it is gone at once, nothing is written any more.
    pub fn cut_power(&mut self) {
        // First, so that nobody takes the sudden end for a reboot.
        self.off.cancel();
        if let Some(leader) = residents::leader(self.occupied.root()) {
            residents::kill(self.occupied.root(), leader);
        }
        self.join();
    }

    /// The end of what it said on its console.
    #[must_use]
    pub fn console(&self) -> String {
        self.console.end()
    }

    fn tell_failed_units(&self, scope: &Scope<'_>) -> Result<(), RootError> {
        let failed = self.ask(scope, &["list-units", "--failed", "--plain", "--no-legend"]);
        let failed = failed.map_err(RootError::Run)?;
        let names = failed.lines().filter_map(|line| line.split_whitespace().next());
        let names: Vec<&str> = names.collect();
        let note = format!("booted with failed units: {}", names.join(", "));
        scope.observer.tell(&scope.span, &Progress::Note(&note));
        Ok(())
    }

    /// What systemctl(1) answers; its status says no more than its words.
    fn ask(&self, scope: &Scope<'_>, question: &[&str]) -> Result<String, RunError> {
        let command = Command::new("systemctl").args(question.iter().copied());
        let quiet = Scope { observer: &tagboat_core::ports::Silent, ..scope.clone() };
        let answer: Output = self.beside().run(&quiet, &command)?;
        Ok(answer.text().trim().to_owned())
    }

    fn beside(&self) -> Beside<'_> {
        Beside { root: self.occupied.root() }
    }

    /// Whether it says within a tick that all its jobs are done (sd_notify(3), `READY=1`).
    fn says_ready(&self) -> bool {
        let is_ready = || self.ready.swap(false, Ordering::Relaxed);
        is_ready() || {
            std::thread::sleep(TICK);
            is_ready()
        }
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too.
            drop(thread.join());
        }
    }
}

impl Booted for BootedRoot {
    fn runner(&self) -> Box<dyn Runner + '_> {
        Box::new(self.beside())
    }
}

impl Drop for BootedRoot {
    fn drop(&mut self) {
        self.off.cancel();
        self.join();
    }
}

impl fmt::Debug for BootedRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BootedRoot").field("root", &self.occupied.root()).finish_non_exhaustive()
    }
}

fn boot_command(
    layer: &str,
    root: &Path,
    hostname: &str,
    binds: &[Bind],
    wire: &Wire,
) -> Result<Command, RootError> {
    let command = nspawn(layer, root, hostname, binds)?.args([
        "--resolv-conf=off",
        "--notify-ready=yes",
        "--kill-signal=SIGRTMIN+3",
    ]);
    let command = match wire {
        Wire::Loopback => command.arg("--private-network"),
        Wire::Namespace(path) => command.arg(format!("--network-namespace-path={}", text(path)?)),
    };
    let masks = MASKED.map(|unit| format!("systemd.mask={unit}"));
    Ok(command.arg("--boot").args(masks).timeout(Duration::MAX))
}

/// Hears what it says until it is off: it tells of every job, and its first process would wait for ever for somebody to
/// hear the eleventh (`net.unix.max_dgram_qlen`, unix(7)).
fn listen(
    name: &str,
    socket: UnixDatagram,
    ready: Arc<AtomicBool>,
    off: Cancel,
) -> Result<(), RootError> {
    let hear = move || {
        let mut message = [0; 4096];
        while !off.is_cancelled() {
            // Nothing for a tick is nothing.
            let length = socket.recv(&mut message).unwrap_or_default();
            if message[..length].split(|&byte| byte == b'\n').any(|line| line == b"READY=1") {
                ready.store(true, Ordering::Relaxed);
            }
        }
    };
    let thread = std::thread::Builder::new().name(format!("{name} says")).spawn(hear);
    thread.map(drop).map_err(|error| RootError::Io(error.to_string()))
}

/// Where systemd-nspawn says that its guest is up. The name is abstract (unix(7)): it has no length limit that
/// a cache folder could reach, and leaves nothing behind. Anyone may write to it, so it only wakes.
fn ready_socket(name: &str) -> Result<(UnixDatagram, String), RootError> {
    let io = |error: std::io::Error| RootError::Io(format!("a socket for {name}: {error}"));
    let name = format!("tagboat/{name}/{:?}", std::thread::current().id());
    let address = SocketAddr::from_abstract_name(&name).map_err(io)?;
    let socket = UnixDatagram::bind_addr(&address).map_err(io)?;
    socket.set_read_timeout(Some(TICK)).map_err(io)?;
    Ok((socket, format!("@{name}")))
}

/// Runs it until it is switched off; where it reboots, again.
fn keep_on(runner: &LocalRunner, console: &Console, off: Cancel, command: &Command) {
    let scope = Scope::new("console", console, off);
    loop {
        let ended = runner.run(&scope, command);
        let reboots = matches!(&ended, Ok(output) if output.status == Some(REBOOT));
        if !reboots || scope.cancel.is_cancelled() {
            if let Err(error) = ended {
                console.add(&error.to_string());
            }
            return;
        }
    }
}

/// Keeps the end of what a guest says.
#[derive(Default)]
struct Console(Mutex<String>);

impl Console {
    fn add(&self, line: &str) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(line);
        said.push('\n');
        if said.len() > 2 * CONSOLE_KEPT {
            let from = said.len() - CONSOLE_KEPT;
            let from = (from..said.len()).find(|at| said.is_char_boundary(*at)).unwrap_or(from);
            drop(said.drain(..from));
        }
    }

    fn end(&self) -> String {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(CONSOLE_SHOWN)..].join("\n")
    }
}

impl Observer for Console {
    fn tell(&self, _: &str, progress: &Progress<'_>) {
        if let Progress::Line(line) = progress {
            self.add(line);
        }
    }
}
