//! Real Debian hosts. In: their names. Out: booted systems with sshd, each in a network namespace of its own
//! on one bridge, whose network can be cut and whose power can fail.
//!
//! All of them are layers over one kept root. The names of bridges and namespaces carry the process id; what a
//! dead process left is removed when the next fleet comes up.

mod machine;
mod network;

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tagboat_adapters::process::LocalRunner;
use tagboat_adapters::roots::{NspawnRoots, cache_folder, machine_mirrors};
use tagboat_core::command::Command;
use tagboat_core::ports::{Architecture, Cancel, Output, RootSpec, Runner as _, Scope, Silent};
use tempfile::TempDir;

use crate::require;
use machine::Machine;
use network::Network;

/// How long a boot may take, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who logs in to deploy; root may log in with the same key, to prepare a host.
const USER: &str = "deploy";

/// What a small server has: sshd, sudo, and what our examples run on.
const PACKAGES: [&str; 11] = [
    "ca-certificates",
    "curl",
    "dbus",
    "iproute2",
    "libpam-systemd",
    "libsqlite3-0",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd-sysv",
];

/// What the machine must have for hosts: programs, by name.
const TOOLS: [&str; 5] = ["systemd-nspawn", "mmdebstrap", "nsenter", "ip", "ssh-keygen"];

/// Hosts that live as long as this.
#[derive(Debug)]
pub struct HostFleet {
    // In this order: the hosts go before the bridge that they are on, and before their keys.
    hosts: Vec<Host>,
    network: Network,
    folder: TempDir,
}

impl HostFleet {
    /// Boots a host for each name (`a` to `z`, `0` to `9`, `-`), all at once. `None` where this machine cannot:
    /// see [`require()`].
    ///
    /// # Panics
    /// Where one does not come up.
    #[must_use]
    pub fn up(names: &[&str]) -> Option<Self> {
        Self::up_with(names, &[])
    }

    /// [`HostFleet::up`], with more packages on every host.
    ///
    /// # Panics
    /// Where one does not come up.
    #[must_use]
    pub fn up_with(names: &[&str], packages: &[&str]) -> Option<Self> {
        for tool in TOOLS {
            require(tool)?;
        }
        if !rustix::process::geteuid().is_root() {
            return crate::require("root's rights").and(None);
        }
        let runner = LocalRunner::default();
        let cache = cache_folder(|name| std::env::var_os(name)).expect("a home or a cache folder");
        let spec = RootSpec {
            architecture: Architecture::Amd64,
            foreign: Vec::new(),
            mirrors: machine_mirrors(Path::new("/")),
            packages: PACKAGES.iter().chain(packages).map(|&name| name.to_owned()).collect(),
            build_depends: None,
        };
        let roots = NspawnRoots::new(runner.clone(), cache);
        let folder = TempDir::new().unwrap();
        let key = make_key(&runner, folder.path(), "key");
        let authorized = fs::read_to_string(key.with_extension("pub")).unwrap();
        let network = Network::up(&runner, names.len());
        let boot = |index: usize, name: &str| {
            let host_key = make_key(&runner, folder.path(), &format!("{name}.host"));
            let machine = Machine {
                roots: NspawnRoots::new(runner.clone(), roots.cache()),
                spec: spec.clone(),
                name: name.to_owned(),
                namespace: network.namespace(index),
                authorized: authorized.clone(),
                host_key: host_key.clone(),
                state: None,
            };
            let host = Host {
                name: name.to_owned(),
                runner: runner.clone(),
                address: network.address(index),
                wire: network.wire(index),
                key: key.clone(),
                host_key: public_key(&host_key),
                machine: Mutex::new(machine),
            };
            host.power_on();
            host
        };
        // The first one makes the root if it is not kept yet; the others wait for the same lock.
        let hosts = std::thread::scope(|threads| {
            let boots: Vec<_> = names
                .iter()
                .enumerate()
                .map(|(index, name)| threads.spawn(move || boot(index, name)))
                .collect();
            boots.into_iter().map(|boot| boot.join().expect("the host comes up")).collect()
        });
        Some(Self { hosts, network, folder })
    }

    /// Every host, in the order of their names at [`HostFleet::up`].
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The host of this name.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn host(&self, name: &str) -> &Host {
        self.hosts.iter().find(|host| host.name == name).expect("a host of this fleet")
    }

    /// This machine's address on the hosts' network: where they find what a test serves.
    #[must_use]
    pub fn gateway(&self) -> Ipv4Addr {
        self.network.gateway()
    }

    /// A folder that only this user may enter, and that goes with the fleet.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for HostFleet {
    fn drop(&mut self) {
        // All at once: each takes a moment to shut down.
        std::thread::scope(|threads| {
            for host in self.hosts.drain(..) {
                threads.spawn(move || drop(host));
            }
        });
    }
}

/// One of them.
#[derive(Debug)]
pub struct Host {
    name: String,
    runner: LocalRunner,
    address: Ipv4Addr,
    wire: String,
    key: PathBuf,
    host_key: String,
    machine: Mutex<Machine>,
}

impl Host {
    /// What it calls itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its sshd listens, on port 22.
    #[must_use]
    pub const fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Who logs in to deploy. `root` may, too.
    #[must_use]
    pub const fn user(&self) -> &'static str {
        USER
    }

    /// The private key of both users.
    #[must_use]
    pub fn key_file(&self) -> &Path {
        &self.key
    }

    /// Its public key, to be pinned: `ssh-ed25519 AAAA…`. A reset does not change it.
    #[must_use]
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// Runs a program on it as root, not through its network.
    ///
    /// # Panics
    /// Where it cannot be run, as where the host is off.
    pub fn run(&self, argv: &[&str]) -> Output {
        let (program, args) = argv.split_first().expect("a program");
        self.run_command(&Command::new(*program).args(args.iter().copied()))
    }

    /// [`Host::run`], with all that a command can say.
    ///
    /// # Panics
    /// Where it cannot be run.
    pub fn run_command(&self, command: &Command) -> Output {
        self.machine().run(command)
    }

    /// Pulls its cable: nothing goes in or out, and nobody is told.
    pub fn cut_network(&self) {
        self.set_wire("down");
    }

    /// Puts the cable back.
    pub fn heal_network(&self) {
        self.set_wire("up");
    }

    /// Takes its power away: every program is gone at once. What it wrote stays.
    pub fn lose_power(&self) {
        self.machine().lose_power();
    }

    /// Boots it, with what is on its disk; at its first boot, a fresh disk.
    ///
    /// # Panics
    /// Where it does not come up with every unit.
    pub fn power_on(&self) {
        self.machine().power_on();
    }

    /// Tells it to reboot, and waits until it is up again.
    ///
    /// # Panics
    /// Where it does not come up.
    pub fn reboot(&self) {
        self.machine().reboot();
    }

    /// Waits until it is up again after something else told it to reboot.
    ///
    /// # Panics
    /// Where it does not come up.
    pub fn wait_for_boot(&self) {
        self.machine().wait_for_boot();
    }

    /// Gives it a fresh disk and boots it.
    ///
    /// # Panics
    /// Where it does not come up.
    pub fn reset(&self) {
        let mut machine = self.machine();
        machine.discard();
        machine.power_on();
    }

    /// A test that panicked while it held it has told already.
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn set_wire(&self, state: &str) {
        run(&self.runner, &Command::new("ip").args(["link", "set", &self.wire, state]));
    }
}

/// The bounds of everything that a fleet does to itself.
fn scope() -> Scope<'static> {
    Scope::new("hosts", &Silent, Cancel::default())
}

fn run(runner: &LocalRunner, command: &Command) -> Output {
    let output = runner.run(&scope(), command).unwrap_or_else(|error| panic!("{command}: {error}"));
    assert!(output.success(), "{command}: {}", output.stderr);
    output
}

fn make_key(runner: &LocalRunner, folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    let command = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(file.to_str().unwrap());
    run(runner, &command);
    file
}

/// Kind and key, without the comment.
fn public_key(private: &Path) -> String {
    let mut file = private.as_os_str().to_owned();
    file.push(".pub");
    let line = fs::read_to_string(file).unwrap();
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}
