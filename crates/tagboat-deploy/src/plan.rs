//! What a deployment will do. In: facts and a request. Out: a plan, or the reason for a refusal. Pure.

use std::fmt;

use sha2::{Digest as _, Sha256};
use tagboat_core::commit::ObjectId;
use tagboat_core::deployment::{Artifact, Deployment, DeploymentId, Head, Queued, TagMove};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, bug};
use tagboat_core::environment::{Host, HostName, RegionName};
use tagboat_core::health::{Expectation, ExpectedVersion};
use tagboat_core::ledger::{Attempt, LedgerError, Record, Signed};
use tagboat_core::rollout::{Part, WayBack};
use tagboat_core::time::readable;
use tagboat_core::version::Version;

use crate::host::{Claim, HostProgram, Installed, SCRIPT};
use crate::observe::{Facts, program};
use crate::request::{DeployRequest, HealthRequest, LostWayBack, VersionAnswer};

/// The version that ran before, and its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The version.
    pub version: Version,
    /// Its commit.
    pub commit: tagboat_core::commit::CommitSha,
}

/// Whether the ledger's next record is signed (SPEC V7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// By a key that the configuration names.
    Signed,
    /// It names none.
    Unsigned,
}

/// A host of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedHost {
    /// The host.
    pub host: Host,
    /// Its region, if it is in one.
    pub region: Option<RegionName>,
    /// What its fence is claimed with.
    pub claim: Claim,
    /// Its commands.
    pub program: HostProgram,
    /// What it has installed now.
    pub installed: Installed,
}

/// `web-1`, `web-2 in eu-west`.
impl fmt::Display for PlannedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.host.name.as_str())?;
        self.region.as_ref().map_or(Ok(()), |region| write!(f, " in {region}"))
    }
}

/// A region of a plan, or the hosts that the environment has outside its regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPart {
    /// What is fixed of its Deployment.
    pub head: Head,
    /// The hosts, the canary first.
    pub hosts: Vec<PlannedHost>,
}

/// A deployment, planned. `apply` does exactly this.
#[derive(Clone, Debug)]
pub struct DeployPlan {
    /// What was asked.
    pub request: DeployRequest,
    /// What is fixed of the Deployment that moves the tag, the last one: its id is the attempt's.
    pub head: Head,
    /// What is deployed one after the other. Never empty.
    pub parts: Vec<PlannedPart>,
    /// Where it would go back to; none at the first.
    pub previous: Option<Previous>,
    /// The packages of that version that are not published any more, where a person accepted that.
    pub lost_way_back: Vec<String>,
    /// The tag object that the remote must still hold when the turn has come.
    pub tag_object: Option<ObjectId>,
    /// The newest record before this deployment: 0 before the first.
    pub sequence: u64,
    /// Why the version was held, where `--lift-hold` lifts it.
    pub lifted: Option<String>,
    /// What the signature of the ledger says now; none where there is no ledger.
    pub ledger: Option<Signed>,
    /// Whether its next record is signed.
    pub signing: Signing,
}

impl DeployPlan {
    /// Where hosts go back to.
    #[must_use]
    pub fn way_back(&self) -> Option<WayBack> {
        let Previous { version, commit } = self.previous.as_ref()?;
        let artifact = artifact(&self.request, version);
        Some(WayBack { version: version.clone(), commit: commit.clone(), artifact })
    }

    /// What core's rollout goes through, in order.
    #[must_use]
    pub fn rollout_parts(&self) -> Vec<Part> {
        let part = |planned: &PlannedPart| {
            let mut hosts = planned.hosts.iter().map(|planned| planned.host.name.clone());
            let (head, canary) = (planned.head.clone(), hosts.next()?);
            Some(Part { head, canary, others: hosts.collect() })
        };
        self.parts.iter().filter_map(part).collect()
    }

    /// Every host, in the order in which they are changed.
    pub fn hosts(&self) -> impl Iterator<Item = &PlannedHost> {
        self.parts.iter().flat_map(|part| &part.hosts)
    }

    /// The hosts in the order in which they are locked: that of their names, across regions, so that two deployers
    /// never wait for each other.
    #[must_use]
    pub fn in_lock_order(&self) -> Vec<&PlannedHost> {
        let mut hosts: Vec<&PlannedHost> = self.hosts().collect();
        hosts.sort_by(|left, right| left.host.name.cmp(&right.host.name));
        hosts
    }

    /// The host of this name.
    #[must_use]
    pub fn host(&self, name: &HostName) -> Option<&PlannedHost> {
        self.hosts().find(|planned| planned.host.name == *name)
    }

    /// Whether the environment has regions with hosts in them.
    #[must_use]
    pub fn has_regions(&self) -> bool {
        self.parts.iter().any(|part| part.head.region.is_some())
    }

    /// Each Deployment as it waits for its turn, in the fields of SPEC D1.
    #[must_use]
    pub fn queued(&self) -> Vec<Deployment<Queued>> {
        let queued = |(position, part): (u32, &PlannedPart)| {
            Deployment::queued(part.head.clone(), position, None)
        };
        (1..).zip(&self.parts).map(queued).collect()
    }

    /// What a healthy answer is like after the new version was installed.
    #[must_use]
    pub fn expected(&self) -> Expectation {
        expectation(&self.request.health, &self.request.version, &self.request.commit)
    }

    /// What a healthy answer is like after the version before was put back.
    #[must_use]
    pub fn expected_before(&self) -> Option<Expectation> {
        let Previous { version, commit } = self.previous.as_ref()?;
        Some(expectation(&self.request.health, version, commit))
    }
}

fn expectation(
    health: &HealthRequest,
    version: &Version,
    commit: &tagboat_core::commit::CommitSha,
) -> Expectation {
    let version = match health.version {
        VersionAnswer::Checked => {
            ExpectedVersion::Exactly { version: version.clone(), commit: commit.clone() }
        }
        VersionAnswer::Unchecked => ExpectedVersion::Unchecked,
    };
    Expectation { critical: health.critical.clone(), version }
}

/// The digest of the program that this Tagboat puts on hosts.
#[must_use]
pub fn script_digest() -> String {
    Sha256::digest(SCRIPT.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Plans a deployment.
///
/// # Errors
/// The first reason to refuse it; nothing was changed.
pub fn plan(facts: &Facts, request: DeployRequest) -> Result<DeployPlan> {
    let newest = facts.history.as_ref().map(|history| history.ledger().newest());
    let sequence = newest.map_or(0, |record| record.sequence);
    let previous = newest
        .and_then(Record::current)
        .map(|(version, commit)| Previous { version: version.clone(), commit: commit.clone() })
        .or_else(|| facts.adopted.clone());
    if request.hosts().next().is_none() {
        return Err(Box::new(
            refuse(&request, "deploy::no-host", "it has no host")
                .help("name its hosts in environment.yml"),
        ));
    }
    if newest.is_some() {
        // Over a lightweight tag there is no record to roll back by: the first deployment may go down.
        check_direction(&request, previous.as_ref())?;
    }
    let lifted = check_hold(facts, &request)?;
    check_hosts(facts, &request, sequence, previous.as_ref(), newest.is_some())?;
    let lost_way_back = check_published(facts, &request, previous.as_ref())?;

    let parts = plan_parts(facts, &request, sequence, previous.as_ref());
    let Some(head) = parts.last().map(|part| part.head.clone()) else {
        return Err(bug("a plan without a part"));
    };
    let tag_object = facts.tag_object.clone();
    let (ledger, signing) = (facts.ledger.clone(), facts.signing);
    Ok(DeployPlan {
        request,
        head,
        parts,
        previous,
        lost_way_back,
        tag_object,
        sequence,
        lifted,
        ledger,
        signing,
    })
}

/// One Deployment for each part that has hosts; the last moves the tag.
fn plan_parts(
    facts: &Facts,
    request: &DeployRequest,
    sequence: u64,
    previous: Option<&Previous>,
) -> Vec<PlannedPart> {
    let parts: Vec<_> = request.parts.iter().filter(|part| !part.hosts.is_empty()).collect();
    let ids = deployment_ids(facts, request, parts.len());
    // What runs the attempt is named after the Deployment that moves the tag, as the ledger's record is.
    let run = ids.last().map(|id| format!("local-{id}"));
    let run = request.workflow_run_id.clone().or(run).unwrap_or_default();
    let last = parts.len();
    let planned = (1..).zip(parts).zip(ids).map(|((number, part), id)| {
        let hosts = part.hosts.iter().map(|host| PlannedHost {
            host: host.clone(),
            region: part.region.clone(),
            claim: Claim {
                sequence,
                deployment: id.clone(),
                environment: request.tag.environment.clone(),
            },
            program: program(request, &host.user),
            installed: facts.hosts.get(&host.name).map_or(Installed::No, |f| f.installed.clone()),
        });
        let hosts = hosts.collect();
        let head = Head {
            version: request.version.clone(),
            environment: request.tag.environment.clone(),
            region: part.region.clone(),
            commit: request.commit.clone(),
            artifact: artifact(request, &request.version),
            tag_move: if number == last { TagMove::Moves } else { TagMove::Stays },
            previous_version: previous.map(|previous| previous.version.clone()),
            workflow_run_id: run.clone(),
            triggered_by: request.triggered_by.clone(),
            deployment_id: id,
        };
        PlannedPart { head, hosts }
    });
    planned.collect()
}

fn artifact(request: &DeployRequest, version: &Version) -> Artifact {
    Artifact::Package(format!("{}={}", request.package, version.debian()))
}

/// As many ids as there are Deployments, none of which the ledger or a host knows. The one that moves the tag keeps the
/// id under which the attempt waited in the queue.
fn deployment_ids(facts: &Facts, request: &DeployRequest, count: usize) -> Vec<DeploymentId> {
    let known = |id: &DeploymentId| {
        let recorded = |record: &Record| {
            let mut regions = record.regions.iter().filter_map(|r| r.deployment_id.as_ref());
            record.deployment_id == *id || regions.any(|known| known == id)
        };
        let mut fences = facts.hosts.values().filter_map(|host| host.fence.as_ref());
        facts.history.as_ref().is_some_and(|history| history.records().any(recorded))
            || fences.any(|fence| fence.deployment == id.as_str())
    };
    let queued = request.queued_as.as_ref().filter(|id| !known(id));
    let mut ids: Vec<DeploymentId> = Vec::with_capacity(count);
    for number in 1..=count {
        let id = queued.filter(|_| number == count).cloned().unwrap_or_else(|| {
            let taken = |id: &DeploymentId| ids.contains(id) || queued == Some(id) || known(id);
            DeploymentId::new(facts.now, &request.commit, taken)
        });
        ids.push(id);
    }
    ids
}

fn refuse(request: &DeployRequest, code: &'static str, why: &str) -> Box<Diagnostic> {
    let what =
        format!("{} cannot be deployed to {}: {why}", request.version, request.tag.environment);
    Box::new(Diagnostic::unchanged(code, Exit::Refused, what, "no host was changed"))
}

/// A deployment goes up, a roll-back goes down; the same version again is a repair.
fn check_direction(request: &DeployRequest, previous: Option<&Previous>) -> Result<()> {
    let Some(previous) = previous else { return Ok(()) };
    let (wanted, current) = (&request.version, &previous.version);
    if request.attempt == Attempt::Deploy && wanted < current {
        let why = format!("{} runs there, which is higher", current.semver());
        return Err(Box::new(refuse(request, "deploy::lower-version", &why).help(format!(
            "go back to it: `tagboat rollback {} --env {} --to {}`",
            project(request),
            request.tag.environment,
            wanted.semver()
        ))));
    }
    Ok(())
}

fn check_hold(facts: &Facts, request: &DeployRequest) -> Result<Option<String>> {
    let hold = facts.history.as_ref().and_then(|history| history.hold(&request.version));
    match (hold, &request.lift_hold) {
        (None, None) => Ok(None),
        (Some(hold), Some(_)) => Ok(Some(hold.reason.clone())),
        (Some(hold), None) => Err(Box::new(
            refuse(request, "deploy::held", "it is held there")
                .fact("reason", hold.reason.clone())
                .help(format!(
                    "deploy a version that mends it; or lift the hold: \
                     `tagboat deploy {} --env {} --lift-hold REASON`",
                    request.version, request.tag.environment
                )),
        )),
        (None, Some(_)) => Err(Box::new(
            refuse(request, "deploy::not-held", "there is no hold on it to lift")
                .help("leave --lift-hold out"),
        )),
    }
}

fn check_hosts(
    facts: &Facts,
    request: &DeployRequest,
    sequence: u64,
    previous: Option<&Previous>,
    recorded: bool,
) -> Result<()> {
    // A tag from before says what is installed; anything else was brought by other means.
    let told = |installed: &Installed| match (installed, previous) {
        (Installed::No, _) => true,
        (Installed::Version(version), Some(previous)) => *version == previous.version.debian(),
        (Installed::Version(_) | Installed::Broken(..), _) => false,
    };
    let digest = script_digest();
    for host in request.hosts() {
        let name = &host.name;
        let Some(seen) = facts.hosts.get(name) else {
            return Err(Box::new(
                refuse(request, "host::unpinned", &format!("{name} has no pinned key")).help(
                    format!(
                        "see its key: `tagboat host prepare {} {name}`",
                        request.tag.environment
                    ),
                ),
            ));
        };
        if seen.digest != digest {
            let why = format!("{name} was prepared by another version of Tagboat");
            return Err(Box::new(refuse(request, "host::unprepared", &why).help(format!(
                "prepare it: `tagboat host prepare {} {name}`",
                request.tag.environment
            ))));
        }
        let ours = request.tag.environment.as_str();
        let theirs = seen.fence.as_ref().and_then(|fence| fence.environment.as_deref());
        if let Some(theirs) = theirs.filter(|theirs| *theirs != ours) {
            if seen.installed != Installed::No {
                return Err(other_environment(request, name, theirs));
            }
        } else if let Some(fence) = seen.fence.as_ref().filter(|fence| fence.sequence > sequence) {
            let replayed = LedgerError::Replayed(sequence, fence.sequence);
            let mut replayed = replayed.diagnostic(&request.tag);
            replayed.facts.push(("seen by", name.to_string()));
            return Err(replayed);
        }
        if !recorded && seen.fence.is_none() && !told(&seen.installed) {
            let why = format!("{name} has {} installed by other means", request.package);
            return Err(Box::new(
                refuse(request, "deploy::unknown-installation", &why)
                    .help(format!("remove it there first: `apt-get remove {}`", request.package)),
            ));
        }
    }
    Ok(())
}

/// A host keeps one version of a package, so one environment's.
fn other_environment(request: &DeployRequest, host: &HostName, theirs: &str) -> Box<Diagnostic> {
    let why = format!("{host} has {} for the environment {theirs}", request.package);
    let help = format!(
        "give {} a host of its own; or, where {host} left {theirs} for good: `apt-get purge {}` there",
        request.tag.environment, request.package
    );
    Box::new(refuse(request, "host::other-environment", &why).help(help))
}

/// The package must be there for every host, and so must the way back, unless a person accepted that it is lost: then
/// which packages are.
fn check_published(
    facts: &Facts,
    request: &DeployRequest,
    previous: Option<&Previous>,
) -> Result<Vec<String>> {
    let mut lost = Vec::new();
    for host in request.hosts() {
        let published =
            |version: &Version| facts.published.contains(&(version.debian(), host.arch));
        let shown = |version: &Version| {
            format!("{} {} for {}", request.package, version.debian(), host.arch)
        };
        if !published(&request.version) {
            let why = format!("{} is not published", shown(&request.version));
            return Err(Box::new(
                refuse(request, "deploy::not-published", &why)
                    .fact("repository", request.repository.display().to_string())
                    .help(format!(
                        "build and publish it: `tagboat build {}` and `tagboat publish {}`",
                        request.version, request.version
                    )),
            ));
        }
        if let Some(previous) = previous
            && !published(&previous.version)
        {
            let back = shown(&previous.version);
            if request.lost_way_back == LostWayBack::Accepted {
                if !lost.contains(&back) {
                    lost.push(back);
                }
                continue;
            }
            let why =
                format!("{back}, to which it would be rolled back, is not published any more");
            return Err(Box::new(refuse(request, "deploy::no-way-back", &why).help(format!(
                "build and publish it again: `tagboat build {}`; in an emergency: `--override way-back=REASON`",
                previous.version
            ))));
        }
    }
    Ok(lost)
}

fn project(request: &DeployRequest) -> &str {
    if request.tag.path.is_root() { "." } else { request.tag.path.as_str() }
}

/// The plan as people read it: one line a step.
impl fmt::Display for DeployPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = &self.request;
        let verb = match request.attempt {
            Attempt::Deploy => "deploy",
            Attempt::Rollback => "roll back to",
        };
        let environment = &request.tag.environment;
        writeln!(f, "{verb} {} in {environment} ({})", request.version, self.head.deployment_id)?;
        match &self.previous {
            Some(previous) => writeln!(f, "  now        {} runs", previous.version)?,
            None => writeln!(f, "  now        nothing runs: this is the first deployment")?,
        }
        writeln!(f, "  ledger     {}", self.told_ledger())?;
        if let Some(overridden) = &request.override_reason {
            writeln!(f, "  override   {overridden}")?;
        }
        if self.has_regions() {
            for PlannedPart { head, hosts } in &self.parts {
                let region = head.region.as_ref().map_or("none", RegionName::as_str);
                let names: Vec<&str> = hosts.iter().map(|it| it.host.name.as_str()).collect();
                writeln!(
                    f,
                    "  region     {region}: {} ({})",
                    names.join(", "),
                    head.deployment_id
                )?;
            }
        }
        for planned in self.hosts() {
            let has = match &planned.installed {
                Installed::No => "nothing installed".to_owned(),
                Installed::Version(version) => format!("{} {version}", request.package),
                Installed::Broken(status, version) => {
                    format!("{} {version}, {status}", request.package)
                }
            };
            writeln!(f, "  host       {planned}: {has}")?;
        }
        writeln!(
            f,
            "  gap        {} restarts in place: requests fail from its stop to its start",
            request.package
        )?;
        match &self.previous {
            Some(previous) if self.lost_way_back.is_empty() => {
                writeln!(f, "  way back   {}", previous.version)?;
            }
            Some(previous) => writeln!(
                f,
                "  way back   none for certain: of {}, {} is not published any more",
                previous.version,
                self.lost_way_back.join(", ")
            )?,
            None => writeln!(f, "  way back   {} is removed again", request.package)?,
        }
        writeln!(f, "steps")?;
        for (number, step) in self.steps().iter().enumerate() {
            writeln!(f, "  {:>2}  {step}", number + 1)?;
        }
        Ok(())
    }
}

impl DeployPlan {
    /// Every step of the way forward, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        let request = &self.request;
        let tag = request.tag.remote_ref();
        let held = self.tag_object.as_ref().map_or("nothing", ObjectId::as_str);
        let mut steps = Vec::new();
        for host in self.in_lock_order() {
            let (patience, id) = (request.patience, &host.claim.deployment);
            let hold = host.program.hold(patience, id, &request.triggered_by);
            steps.push(format!("take the turn on {host}: {hold}"));
        }
        steps.push(format!("read {tag} on the remote again: it must still hold {held}"));
        for host in self.in_lock_order() {
            steps.push(format!("claim {host}: {}", host.program.claim(&host.claim)));
            let join = host.program.join();
            steps.push(format!("wait on {host} for a phase cut off before: {join}"));
        }
        for host in self.in_lock_order() {
            let receive = host.program.receive();
            steps.push(format!("bring {host} what its repository lacks: {receive}"));
        }
        for host in self.hosts() {
            let install = host.program.install(&request.version.debian(), &host.claim);
            steps.push(format!("install on {host}: {install}"));
            let health = &request.health;
            let probe = host.program.probe(health.port, &health.path, health.policy.answer_within);
            steps.push(format!("health gate on {host}: {probe}"));
        }
        let record = self.sequence + 1;
        steps.push(format!("add record {record} and move {tag}: push, if it still holds {held}"));
        for host in self.in_lock_order() {
            steps.push(format!("settle {host}: {}", host.program.settle(&host.claim, record)));
        }
        steps.push("let go of the turns".to_owned());
        steps
    }

    /// What the signature of the ledger says now, and whether the next record will be signed.
    #[must_use]
    pub fn told_ledger(&self) -> String {
        let now = match (&self.ledger, &self.tag_object) {
            (Some(signed), _) => signed.to_string(),
            (None, Some(_)) => "none, its history is lost: the tag is lightweight".to_owned(),
            (None, None) => "none yet".to_owned(),
        };
        let next = match self.signing {
            Signing::Signed => "will be signed",
            Signing::Unsigned => "will not be signed",
        };
        format!("{now}; record {} {next}", self.sequence + 1)
    }

    /// One line on what happened last, for the loser of a race.
    #[must_use]
    pub fn told(record: &Record) -> String {
        format!(
            "{} {} {}, {} by {}",
            record.version,
            record.outcome,
            readable(record.completed_at),
            record.deployment_id,
            record.triggered_by
        )
    }
}
