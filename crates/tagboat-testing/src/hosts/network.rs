//! The hosts' network. In: how many hosts. Out: a bridge with this machine on it, and for each host a network
//! namespace with one wire to it.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tagboat_adapters::process::LocalRunner;
use tagboat_core::command::Command;

use super::run;

/// Held while a free network is chosen and taken: the machine has one address space.
const LOCK: &str = "/run/tagboat-hosts.lock";

/// Where ip-netns(8) keeps namespaces.
const NAMESPACES: &str = "/run/netns";

/// Where the kernel lists interfaces.
const INTERFACES: &str = "/sys/class/net";

/// How many fleets this process has had: part of their names.
static FLEETS: AtomicU32 = AtomicU32::new(0);

#[derive(Debug)]
pub(super) struct Network {
    runner: LocalRunner,
    bridge: String,
    third: u8,
    hosts: usize,
}

impl Network {
    pub(super) fn up(runner: &LocalRunner, hosts: usize) -> Self {
        let lock = File::options().create(true).append(true).open(LOCK).unwrap();
        lock.lock().unwrap();
        reap(runner);
        let number = FLEETS.fetch_add(1, Ordering::SeqCst);
        let bridge = format!("tb{}f{number}", std::process::id());
        let taken = run(runner, &Command::new("ip").args(["-4", "-oneline", "address"])).text();
        let is_free = |third: &u8| !taken.contains(&format!(" 10.77.{third}."));
        let third = (0..=u8::MAX).find(is_free).expect("a free network below 10.77.0.0/16");
        let network = Self { runner: runner.clone(), bridge, third, hosts };
        let bridge = &network.bridge;
        let mut batch = vec![
            format!("link add {bridge} type bridge"),
            format!("address add {}/24 dev {bridge}", network.gateway()),
            format!("link set {bridge} up"),
        ];
        for host in 0..hosts {
            let wire = network.wire(host);
            // IFNAMSIZ of if_nametoindex(3) is 16, with the NUL at the end.
            assert!(wire.len() < 16, "{wire} is too long for an interface");
            batch.extend([
                format!("netns add {wire}"),
                format!("link add {wire} type veth peer name eth0 netns {wire}"),
                format!("link set {wire} master {bridge} up"),
            ]);
        }
        ip(runner, &[], &batch);
        for host in 0..hosts {
            let batch = [
                "link set lo up".to_owned(),
                format!("address add {}/24 dev eth0", network.address(host)),
                "link set eth0 up".to_owned(),
                format!("route add default via {}", network.gateway()),
            ];
            ip(runner, &["-netns", &network.wire(host)], &batch);
        }
        network
    }

    /// This machine.
    pub(super) const fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, self.third, 1)
    }

    pub(super) fn address(&self, host: usize) -> Ipv4Addr {
        let last = u8::try_from(11 + host).expect("at most 244 hosts");
        Ipv4Addr::new(10, 77, self.third, last)
    }

    /// Our end of a host's wire, and the name of its namespace.
    pub(super) fn wire(&self, host: usize) -> String {
        format!("{}h{host}", self.bridge)
    }

    pub(super) fn namespace(&self, host: usize) -> PathBuf {
        Path::new(NAMESPACES).join(self.wire(host))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // A wire would go with its namespace, but only some time later.
        let batch = (0..self.hosts).flat_map(|host| {
            let wire = self.wire(host);
            [format!("link delete {wire}"), format!("netns delete {wire}")]
        });
        let batch: Vec<String> = batch.chain([format!("link delete {}", self.bridge)]).collect();
        ip(&self.runner, &["-force"], &batch);
    }
}

/// Removes what processes left that are no more.
fn reap(runner: &LocalRunner) {
    let mut batch = Vec::new();
    for (folder, object) in [(INTERFACES, "link"), (NAMESPACES, "netns")] {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            let dead = owner(&name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists());
            if dead {
                batch.push(format!("{object} delete {name}"));
            }
        }
    }
    if !batch.is_empty() {
        // Forced: what a dying process removes itself may be gone when its turn comes.
        let command = Command::new("ip").args(["-force", "-batch", "-"]);
        let command = command.stdin(batch.join("\n") + "\n");
        let output = tagboat_core::ports::Runner::run(runner, &super::scope(), &command);
        assert!(output.is_ok(), "{command}: {output:?}");
    }
}

/// Whose a bridge, wire or namespace is: `tb<pid>f<fleet>` or `tb<pid>f<fleet>h<host>`.
fn owner(name: &str) -> Option<u32> {
    let (pid, rest) = name.strip_prefix("tb")?.split_once('f')?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (fleet, host) = rest.split_once('h').unwrap_or((rest, "0"));
    (number(fleet) && number(host)).then(|| pid.parse().ok())?
}

fn ip(runner: &LocalRunner, options: &[&str], batch: &[String]) {
    let command = Command::new("ip").args(options.iter().copied()).args(["-batch", "-"]);
    run(runner, &command.stdin(batch.join("\n") + "\n"));
}

#[cfg(test)]
mod tests {
    use super::owner;

    #[test]
    fn only_what_a_fleet_made_has_an_owner() {
        assert_eq!(owner("tb4194304f12h34"), Some(4_194_304));
        assert_eq!(owner("tb17f0"), Some(17));
        for other in ["tb0", "tbf0", "eth0", "tb17", "tb17f", "tb17fx", "tb17f0h", "tb-1f0"] {
            assert_eq!(owner(other), None, "{other}");
        }
    }
}
