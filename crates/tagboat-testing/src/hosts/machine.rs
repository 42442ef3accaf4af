//! One host as a machine. In: its disk, its keys, its wire. Out: it, on or off.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use tagboat_adapters::roots::{BootedRoot, NspawnRoots, OpenRoot, Wire};
use tagboat_core::command::Command;
use tagboat_core::ports::{Booted as _, Output, Root as _, RootSpec};

use super::{PATIENCE, USER, public_key, scope};

/// The first user of a Debian system (adduser.conf(5), `FIRST_UID`).
const UID: u32 = 1000;

/// A disk, and whoever runs on it.
#[derive(Debug)]
pub(super) struct State {
    // In this order: it must be off before its disk goes.
    booted: Option<BootedRoot>,
    disk: OpenRoot,
}

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) roots: NspawnRoots,
    pub(super) spec: RootSpec,
    pub(super) name: String,
    pub(super) namespace: PathBuf,
    pub(super) authorized: String,
    pub(super) host_key: PathBuf,
    pub(super) state: Option<State>,
}

impl Machine {
    pub(super) fn power_on(&mut self) {
        if self.state.is_none() {
            let disk = self.roots.open_root(&scope(), &self.spec, &[]).expect("a kept root");
            self.furnish(disk.path());
            self.state = Some(State { booted: None, disk });
        }
        let state = self.state.as_mut().expect("it was made above");
        // Off before it is on again: one system a disk.
        state.booted = None;
        let wire = Wire::Namespace(self.namespace.clone());
        let booted = state.disk.boot_on(&scope(), PATIENCE, &self.name, &wire);
        state.booted = Some(booted.unwrap_or_else(|error| panic!("{}: {error}", self.name)));
        self.assert_running();
    }

    pub(super) fn discard(&mut self) {
        drop(self.state.take());
    }

    pub(super) fn lose_power(&mut self) {
        self.booted_mut().cut_power();
    }

    pub(super) fn reboot(&mut self) {
        // The program that asks for it goes down with it: how it ends says nothing.
        let asked = self.booted().runner().run(&scope(), &Command::new("systemctl").arg("reboot"));
        drop(asked);
        self.wait_for_boot();
    }

    pub(super) fn wait_for_boot(&mut self) {
        let up = self.booted().wait_for_boot(&scope(), PATIENCE);
        up.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        self.assert_running();
    }

    pub(super) fn run(&self, command: &Command) -> Output {
        let output = self.booted().runner().run(&scope(), command);
        output.unwrap_or_else(|error| panic!("{}: {command}: {error}", self.name))
    }

    /// A host on which something failed is no host to test with.
    fn assert_running(&self) {
        let failed = self.run(&Command::new("systemctl").args(["--failed", "--no-legend"])).text();
        if !failed.is_empty() {
            let journal =
                Command::new("journalctl").args(["--no-pager", "--output=cat", "--lines=60"]);
            panic!("{}: {failed}{}", self.name, self.run(&journal).text());
        }
    }

    fn booted(&self) -> &BootedRoot {
        self.state.as_ref().and_then(|state| state.booted.as_ref()).expect("the host is on")
    }

    fn booted_mut(&mut self) -> &mut BootedRoot {
        self.state.as_mut().and_then(|state| state.booted.as_mut()).expect("the host is on")
    }

    /// Makes a fresh copy of the kept root this host, before anything runs there.
    fn furnish(&self, root: &Path) {
        let etc = root.join("etc");
        let name = &self.name;
        put(&etc.join("hostname"), &format!("{name}\n"), 0o644);
        put(&etc.join("hosts"), &format!("127.0.0.1 localhost\n127.0.1.1 {name}\n"), 0o644);
        let ssh = etc.join("ssh");
        for entry in fs::read_dir(&ssh).unwrap() {
            let path = entry.unwrap().path();
            // The package made them, so all hosts would have the same.
            if path.file_name().unwrap().to_string_lossy().starts_with("ssh_host_") {
                fs::remove_file(path).unwrap();
            }
        }
        let key = fs::read_to_string(&self.host_key).unwrap();
        put(&ssh.join("ssh_host_ed25519_key"), &key, 0o600);
        let public = format!("{}\n", public_key(&self.host_key));
        put(&ssh.join("ssh_host_ed25519_key.pub"), &public, 0o644);
        // One that resists quantum computers takes eight times as long as the rest of a login.
        put(
            &ssh.join("sshd_config.d/10-tests.conf"),
            "UseDNS no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n\
             KexAlgorithms curve25519-sha256\n",
            0o644,
        );
        append(&etc.join("passwd"), &format!("{USER}:x:{UID}:{UID}::/home/{USER}:/bin/bash\n"));
        append(&etc.join("group"), &format!("{USER}:x:{UID}:\n"));
        // No password, but not locked: sshd lets nobody in who is (sshd(8), ALLOWED LOGINS).
        append(&etc.join("shadow"), &format!("{USER}:*:20000:0:99999:7:::\n"));
        let home = root.join("home").join(USER);
        self.authorize(&root.join("root"), 0);
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, Permissions::from_mode(0o750)).unwrap();
        chown(&home, Some(UID), Some(UID)).unwrap();
        self.authorize(&home, UID);
    }

    fn authorize(&self, home: &Path, user: u32) {
        let folder = home.join(".ssh");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        chown(&folder, Some(user), Some(user)).unwrap();
        let file = folder.join("authorized_keys");
        put(&file, &self.authorized, 0o600);
        chown(&file, Some(user), Some(user)).unwrap();
    }
}

fn put(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn append(path: &Path, line: &str) {
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, text + line).unwrap();
}
