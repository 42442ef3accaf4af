//! Hosts in memory that answer as `tagboat-host.sh` does, a remote in memory, and a deployer that can die.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tagboat_core::command::Command;
use tagboat_core::commit::CommitSha;
use tagboat_core::diagnostic::Result;
use tagboat_core::environment::{Host, HostName, RegionName};
use tagboat_core::gate::GatePolicy;
use tagboat_core::ledger::{Attempt, History, Ledger, Signed};
use tagboat_core::listing::{About, Listing, REMOTE_PATTERNS, Source, plan_fetch};
use tagboat_core::ports::{
    Architecture, Cancel, Clock as _, Output, Repository as _, RunError, Runner, Running, Scope,
    Silent, TagSigner,
};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag, Environments};
use tagboat_core::version::{ProjectPath, Version};
use tagboat_deploy::apply::{DeployRecord, Ports, apply};
use tagboat_deploy::observe::{Facts, Hosts, observe_hosts};
use tagboat_deploy::plan::{DeployPlan, Signing, plan, script_digest};
use tagboat_deploy::request::{
    DeployRequest, HealthRequest, LostWayBack, PATIENCE, RequestedPart, VersionAnswer,
};
use tagboat_testing::fake::{FakeClock, FakeRemote, FakeRepository, exited};

/// What a host is made of.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    pub(crate) installed: Option<String>,
    pub(crate) fence: Option<(u64, String)>,
    pub(crate) holder: Option<String>,
    pub(crate) commands: Vec<String>,
}

/// The world outside a deployer.
pub(crate) struct World {
    pub(crate) remote: FakeRemote,
    pub(crate) machines: BTreeMap<HostName, Arc<Mutex<Machine>>>,
    /// Versions that answer and are sick: `1.1.0` on every host, `web-2 1.1.0` on one.
    pub(crate) sick: Arc<Mutex<BTreeSet<String>>>,
    /// Hosts that cannot be reached.
    pub(crate) cut: Arc<Mutex<BTreeSet<String>>>,
    /// Versions whose installation fails, on these hosts.
    pub(crate) broken: Arc<Mutex<BTreeSet<(String, String)>>>,
    commits: BTreeMap<Version, CommitSha>,
    regions: Vec<(RegionName, Vec<HostName>)>,
    repository: tempfile::TempDir,
    pub(crate) clock: FakeClock,
}

/// Counts the commands of one deployer; at the chosen one it dies, before or after the host did it.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    lived: Arc<Mutex<usize>>,
    end: Option<(usize, Death)>,
    /// After this command someone asks to stop.
    stop: Option<(usize, Cancel)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    Before,
    After,
}

impl Life {
    pub(crate) fn full() -> Self {
        Self { lived: Arc::default(), end: None, stop: None }
    }

    pub(crate) fn until(command: usize, death: Death) -> Self {
        Self { end: Some((command, death)), ..Self::full() }
    }

    pub(crate) fn stopped_after(command: usize) -> Self {
        Self { stop: Some((command, Cancel::default())), ..Self::full() }
    }

    /// How many commands it has sent.
    pub(crate) fn lived(&self) -> usize {
        *self.lived.lock().unwrap()
    }

    fn live<T>(&self, act: impl FnOnce() -> T) -> T {
        let now = {
            let mut lived = self.lived.lock().unwrap();
            *lived += 1;
            *lived
        };
        let dies = |death| self.end == Some((now, death));
        // A panic unwinds, so turns are let go: as the kernel does for a process that was killed.
        if dies(Death::Before) {
            panic!("killed");
        }
        let done = act();
        if let Some((_, cancel)) = self.stop.as_ref().filter(|(command, _)| *command == now) {
            cancel.cancel();
        }
        if dies(Death::After) {
            panic!("killed");
        }
        done
    }
}

pub(crate) fn version(text: &str) -> Version {
    Version::parse(&format!("api/v{text}")).unwrap()
}

pub(crate) fn tag() -> EnvironmentTag {
    let environment = EnvironmentName::parse("production").unwrap();
    EnvironmentTag::new(ProjectPath::parse("api").unwrap(), environment)
}

fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

impl World {
    pub(crate) fn new(hosts: &[&str]) -> Self {
        let remote = FakeRemote::new();
        let commits = ["1.0.0", "1.1.0", "1.2.0"].map(|number| {
            let commit = remote.commit(number, start(), &[("version", number)]);
            (version(number), commit)
        });
        let machines = hosts.iter().map(|name| (HostName::parse(name).unwrap(), Arc::default()));
        let repository = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(repository.path().join("dists/stable")).unwrap();
        Self {
            remote,
            machines: machines.collect(),
            sick: Arc::default(),
            cut: Arc::default(),
            broken: Arc::default(),
            commits: commits.into(),
            regions: Vec::new(),
            repository,
            clock: FakeClock::new(start()),
        }
    }

    pub(crate) fn machine(&self, name: &str) -> std::sync::MutexGuard<'_, Machine> {
        self.machines[&HostName::parse(name).unwrap()].lock().unwrap()
    }

    pub(crate) fn request(&self, number: &str) -> DeployRequest {
        DeployRequest {
            attempt: Attempt::Deploy,
            tag: tag(),
            version: version(number),
            commit: self.commits[&version(number)].clone(),
            package: "api".to_owned(),
            parts: self.parts(),
            health: HealthRequest {
                port: 8081,
                path: "/api/health".to_owned(),
                critical: vec!["database".to_owned()],
                version: VersionAnswer::Checked,
                policy: GatePolicy::default(),
            },
            repository: self.repository.path().to_owned(),
            triggered_by: "alice".to_owned(),
            workflow_run_id: None,
            queued_as: None,
            lift_hold: None,
            reason: None,
            override_reason: None,
            lost_way_back: LostWayBack::Refused,
            patience: PATIENCE,
        }
    }

    /// The hosts as the environment has them: those of no region first, then region by region.
    fn parts(&self) -> Vec<RequestedPart> {
        let host = |name: &HostName| Host {
            name: name.clone(),
            address: "192.0.2.1".to_owned(),
            user: "root".to_owned(),
            port: 22,
            host_key: Some("ssh-ed25519 AAAA".to_owned()),
            arch: Architecture::Amd64,
            labels: vec![],
        };
        let in_region =
            |name: &HostName| self.regions.iter().any(|(_, hosts)| hosts.contains(name));
        let own = self.machines.keys().filter(|name| !in_region(name)).map(host).collect();
        let regions = self.regions.iter().map(|(region, hosts)| RequestedPart {
            region: Some(region.clone()),
            hosts: hosts.iter().map(host).collect(),
        });
        std::iter::once(RequestedPart { region: None, hosts: own }).chain(regions).collect()
    }

    /// Puts hosts into a region, after the regions that are there.
    pub(crate) fn region(mut self, name: &str, hosts: &[&str]) -> Self {
        let hosts = hosts.iter().map(|name| HostName::parse(name).unwrap()).collect();
        self.regions.push((RegionName::parse(name).unwrap(), hosts));
        self
    }

    fn hosts(&self, life: &Life) -> Hosts<'static> {
        let host = |(name, machine): (&HostName, &Arc<Mutex<Machine>>)| {
            let host = FakeHost {
                name: name.to_string(),
                machine: Arc::clone(machine),
                sick: Arc::clone(&self.sick),
                cut: Arc::clone(&self.cut),
                broken: Arc::clone(&self.broken),
                life: life.clone(),
            };
            let runner: Box<dyn Runner> = Box::new(host);
            (name.clone(), runner)
        };
        self.machines.iter().map(host).collect()
    }

    /// Runs a command on a host by itself; its exit status.
    pub(crate) fn run(&self, host: &str, command: &Command) -> Option<i32> {
        let scope = Scope::new("test", &Silent, Cancel::default());
        let hosts = self.hosts(&Life::full());
        hosts[&HostName::parse(host).unwrap()].run(&scope, command).unwrap().status
    }

    /// What a deployer sees: it fetches, reads the ledger, asks the hosts.
    pub(crate) fn facts(&self, clone: &FakeRepository, request: &DeployRequest) -> Result<Facts> {
        let scope = Scope::new("test", &Silent, Cancel::default());
        let environments = Environments::new([tag().environment]);
        let remote = clone.remote_refs(&scope, &REMOTE_PATTERNS).unwrap();
        let fetch =
            plan_fetch(&remote, &clone.refs(&scope).unwrap(), &environments, About::Everything);
        clone.fetch(&scope, &fetch.specs).unwrap();
        let listing = Listing::read(&clone.refs(&scope).unwrap(), &environments, Source::Remote);
        let tag_object = listing.ledgers.get(&tag()).cloned();
        let object = tag_object
            .as_ref()
            .and_then(|id| clone.tag_objects(&scope, std::slice::from_ref(id)).unwrap().remove(0));
        let history = object.map(|object| {
            let ledger = Ledger::read(tag(), &object).unwrap();
            let ids: Vec<_> =
                (0..ledger.pages()).rev().map(|n| listing.pages[&tag()][&n].clone()).collect();
            History::read(ledger, &clone.tag_objects(&scope, &ids).unwrap()).unwrap()
        });
        let published = ["1.0.0", "1.1.0", "1.2.0"];
        Ok(Facts {
            ledger: history.as_ref().map(|_| Signed::No),
            adopted: None,
            signing: Signing::Unsigned,
            history,
            tag_object,
            hosts: observe_hosts(&scope, request, &self.hosts(&Life::full()))?,
            published: published.map(|v| (v.to_owned(), Architecture::Amd64)).to_vec(),
            now: self.clock.now(),
        })
    }

    pub(crate) fn plan(
        &self,
        clone: &FakeRepository,
        request: DeployRequest,
    ) -> Result<(DeployPlan, Facts)> {
        let facts = self.facts(clone, &request)?;
        Ok((plan(&facts, request)?, facts))
    }

    pub(crate) fn carry_out(
        &self,
        clone: &FakeRepository,
        plan: &DeployPlan,
        facts: &Facts,
        life: &Life,
    ) -> Result<DeployRecord> {
        self.carry_out_signed(clone, plan, facts, life, None)
    }

    /// The same, with something that signs the record.
    pub(crate) fn carry_out_signed(
        &self,
        clone: &FakeRepository,
        plan: &DeployPlan,
        facts: &Facts,
        life: &Life,
        signer: Option<&dyn TagSigner>,
    ) -> Result<DeployRecord> {
        let cancel = life.stop.as_ref().map_or_else(Cancel::default, |(_, cancel)| cancel.clone());
        let scope = Scope::new("test", &Silent, cancel);
        let hosts = self.hosts(life);
        let ports = Ports { repository: clone, hosts: &hosts, clock: &self.clock, signer };
        apply(&scope, plan, facts, &ports)
    }

    /// One whole deployment by somebody with a clone of their own.
    pub(crate) fn deploy(&self, request: DeployRequest) -> Result<DeployRecord> {
        self.clock.pass(Duration::from_secs(60));
        let clone = self.remote.clone_here();
        let (plan, facts) = self.plan(&clone, request)?;
        self.carry_out(&clone, &plan, &facts, &Life::full())
    }

    /// What the environment tag says, read anew.
    pub(crate) fn history(&self) -> Option<History> {
        self.facts(&self.remote.clone_here(), &self.request("1.0.0")).unwrap().history
    }

    pub(crate) fn tagged(&self) -> Option<String> {
        let history = self.history()?;
        history.ledger().newest().current().map(|(version, _)| version.bare())
    }

    pub(crate) fn installed(&self) -> Vec<Option<String>> {
        self.machines.values().map(|machine| machine.lock().unwrap().installed.clone()).collect()
    }
}

struct FakeHost {
    name: String,
    machine: Arc<Mutex<Machine>>,
    sick: Arc<Mutex<BTreeSet<String>>>,
    cut: Arc<Mutex<BTreeSet<String>>>,
    broken: Arc<Mutex<BTreeSet<(String, String)>>>,
    life: Life,
}

impl FakeHost {
    fn answer(&self, words: &[&str]) -> Output {
        let mut machine = self.machine.lock().unwrap();
        machine.commands.push(words.join(" "));
        let done = || exited(0, "");
        let fenced = |machine: &Machine, sequence: &str, deployment: &str| {
            machine.fence != Some((sequence.parse().unwrap(), deployment.to_owned()))
        };
        match *words {
            ["facts", "api"] => {
                let installed = machine.installed.as_deref();
                let installed = installed
                    .map_or_else(|| "not-installed -".to_owned(), |v| format!("installed {v}"));
                let fence = machine.fence.as_ref();
                let fence = fence
                    .map_or_else(|| "- - -".to_owned(), |(n, id)| format!("{n} {id} production"));
                let digest = script_digest();
                exited(
                    0,
                    format!(
                        "installed {installed}\nfence {fence}\nphase inactive\nunit active\ndigest {digest}\n"
                    ),
                )
            }
            ["claim", "api", sequence, deployment, "production"] => {
                let sequence: u64 = sequence.parse().unwrap();
                let turn = machine.holder.as_deref().and_then(|holder| holder.split(' ').next());
                if turn != Some(deployment) {
                    return exited(73, "");
                }
                if machine.fence.as_ref().is_some_and(|(accepted, _)| *accepted > sequence) {
                    return exited(73, "");
                }
                machine.fence = Some((sequence, deployment.to_owned()));
                done()
            }
            ["settle", "api", sequence, deployment, recorded] => {
                if fenced(&machine, sequence, deployment) {
                    return exited(73, "");
                }
                machine.fence = Some((recorded.parse().unwrap(), deployment.to_owned()));
                done()
            }
            ["holdings" | "receive"] | ["join", "api"] => done(),
            ["install", "api", version, sequence, deployment] => {
                if fenced(&machine, sequence, deployment) {
                    return exited(73, "");
                }
                if self.broken.lock().unwrap().contains(&(self.name.clone(), version.to_owned())) {
                    return exited(69, "E: Sub-process /usr/bin/dpkg returned an error code (1)\n");
                }
                machine.installed = Some(version.to_owned());
                done()
            }
            ["remove", "api", sequence, deployment] => {
                if fenced(&machine, sequence, deployment) {
                    return exited(73, "");
                }
                machine.installed = None;
                done()
            }
            ["probe", "8081", "/api/health", "5"] => {
                let Some(version) = machine.installed.clone() else { return exited(7, "") };
                let here = format!("{} {version}", self.name);
                let sick = self.sick.lock().unwrap();
                let sick = sick.contains(&version) || sick.contains(&here);
                let (line, status, database) = if sick {
                    ("503 No", "unhealthy", "down")
                } else {
                    ("200 OK", "healthy", "up")
                };
                exited(
                    0,
                    format!(
                        "HTTP/1.0 {line}\r\n\r\n{{\"status\":\"{status}\",\"version\":\"{version}\",\
                     \"checks\":{{\"database\":{{\"status\":\"{database}\"}}}}}}"
                    ),
                )
            }
            ["journal", "api", "20"] => exited(0, "no such table: note\n"),
            _ => exited(64, ""),
        }
    }
}

fn words(command: &Command) -> Vec<&str> {
    assert_eq!(command.program, "/usr/local/lib/tagboat/host");
    command.args.iter().map(String::as_str).collect()
}

impl Runner for FakeHost {
    fn run(&self, scope: &Scope<'_>, command: &Command) -> Result<Output, RunError> {
        if scope.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        if self.cut.lock().unwrap().contains(&self.name) {
            return Err(RunError::Unreachable("no route to host".to_owned()));
        }
        Ok(self.life.live(|| self.answer(&words(command))))
    }

    fn start(&self, _: &Scope<'_>, command: &Command) -> Result<Box<dyn Running>, RunError> {
        let words = words(command);
        let ["hold", "api", _, deployment, who] = words[..] else { panic!("{words:?}") };
        if self.cut.lock().unwrap().contains(&self.name) {
            return Err(RunError::Unreachable("no route to host".to_owned()));
        }
        self.life.live(|| {
            let mut machine = self.machine.lock().unwrap();
            machine.commands.push(words.join(" "));
            if let Some(holder) = &machine.holder {
                let line = format!("busy {holder}");
                return Ok(Box::new(Turn { line: Some(line), machine: None }) as Box<dyn Running>);
            }
            machine.holder = Some(format!("{deployment} {who}"));
            let machine = Some(Arc::clone(&self.machine));
            Ok(Box::new(Turn { line: Some("held".to_owned()), machine }) as Box<dyn Running>)
        })
    }
}

struct Turn {
    line: Option<String>,
    machine: Option<Arc<Mutex<Machine>>>,
}

impl Running for Turn {
    fn line(&mut self, _: &Scope<'_>, _: Duration) -> Result<Option<String>, RunError> {
        Ok(self.line.take())
    }

    fn alive(&mut self) -> bool {
        true
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(machine) = &self.machine {
            machine.lock().unwrap_or_else(std::sync::PoisonError::into_inner).holder = None;
        }
    }
}
