//! The queue of an environment (SPEC Q1, Q2). In: who stands in it, and how long deployments took before. Out: who runs,
//! who waits at which place and for how long, and whom a newer deployment skips.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::commit::CommitSha;
use crate::deployment::{Artifact, Deployment, DeploymentId, Head, Preparing, Queued, TagMove};
use crate::ledger::{Attempt, Record};
use crate::ports::{ForgeRun, RunStatus};
use crate::tag::EnvironmentName;
use crate::version::{ProjectPath, Version};

/// Durations that an estimate is made from: the newest of an environment. Deployments get faster and slower as projects
/// change, so older ones say little; fewer than this many are taken as they are.
pub const RECENT: usize = 20;

/// Longest line that a ticket is read from, in bytes. One that is written is far below: names are bounded.
pub const MAX_TICKET: usize = 4096;

/// Longest name of a person in a ticket, in characters.
const MAX_NAME: usize = 100;

/// Which queue: all deployments of one remote to one environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueName {
    repository: String,
    /// The environment.
    pub environment: EnvironmentName,
}

impl QueueName {
    /// The queue of a remote's environment. Addresses of one remote that differ in the user, in a password, in a `.git`
    /// or a slash at the end give one queue.
    #[must_use]
    pub fn new(remote: &str, environment: EnvironmentName) -> Self {
        let (scheme, rest) = remote.split_once("://").unwrap_or(("", remote));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = match authority.rsplit_once('@') {
            Some((_, host)) if !scheme.is_empty() => host,
            _ => authority,
        };
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
        let digest = Sha256::digest(format!("{scheme}\n{host}\n{path}").as_bytes());
        let repository = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { repository, environment }
    }

    /// The remote as a file name: 16 hexadecimal digits of a SHA-256, so an address with a password gives nothing away.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }
}

/// The deployment that somebody stands in the queue for, as it would be if its turn were now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Its id; it keeps it when its turn comes.
    pub deployment_id: DeploymentId,
    /// What is to run.
    #[serde(with = "crate::ledger::full_version")]
    pub version: Version,
    /// The version's commit.
    pub commit: CommitSha,
    /// The Debian package, as apt-get(8) takes it.
    pub package: String,
    /// What runs there now.
    #[serde(with = "crate::ledger::full_version_or_null")]
    pub previous_version: Option<Version>,
    /// The forge's run, or `local-<deployment_id>`.
    pub workflow_run_id: String,
}

impl Wanted {
    fn head(&self, environment: &EnvironmentName, triggered_by: &str) -> Head {
        Head {
            deployment_id: self.deployment_id.clone(),
            version: self.version.clone(),
            environment: environment.clone(),
            region: None,
            commit: self.commit.clone(),
            artifact: Artifact::Package(self.package.clone()),
            tag_move: TagMove::Moves,
            previous_version: self.previous_version.clone(),
            workflow_run_id: self.workflow_run_id.clone(),
            triggered_by: triggered_by.to_owned(),
        }
    }
}

/// What a place in the queue says of who holds it. It is for people: nothing is decided by it but whom `--supersede`
/// asks to leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Deploy or roll back.
    pub attempt: Attempt,
    /// The project, by its path.
    pub project: String,
    /// Who asked for it.
    pub triggered_by: String,
    /// When it began to wait.
    pub since: Timestamp,
    /// The process that waits.
    pub pid: u32,
    /// When its turn came; none while it waits.
    pub began_at: Option<Timestamp>,
    /// What it is to deploy; none while that is still being read from the remote.
    pub wanted: Option<Wanted>,
}

impl Ticket {
    /// The ticket of one who comes at `since`.
    #[must_use]
    pub fn new(
        attempt: Attempt,
        project: &ProjectPath,
        triggered_by: &str,
        since: Timestamp,
        pid: u32,
    ) -> Self {
        let triggered_by = triggered_by.chars().take(MAX_NAME).collect();
        let project = project.as_str().to_owned();
        Self { attempt, project, triggered_by, since, pid, began_at: None, wanted: None }
    }

    /// One JSON line, with its end.
    #[must_use]
    pub fn line(&self) -> String {
        // Text, numbers and times always have a JSON form.
        serde_json::to_string(self).map(|line| line + "\n").unwrap_or_default()
    }

    /// Reads the first line of a ticket; `None` for everything that is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().take(MAX_TICKET).position(|byte| *byte == b'\n')?;
        serde_json::from_slice(&bytes[..end]).ok()
    }
}

/// Why one who waits is asked to leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Notice {
    /// A person cancelled it.
    Cancelled {
        /// Who.
        by: String,
    },
    /// A newer deployment of the same project skips it.
    Superseded {
        /// Who asked for the newer one.
        by: String,
        /// The newer one's version, as a tag.
        version: String,
        /// The newer one's run.
        run: String,
    },
}

impl Notice {
    /// One JSON line, with its end.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).map(|line| line + "\n").unwrap_or_default()
    }

    /// Reads the first line of a notice. Whoever may leave one may also leave rubbish: that asks to leave as well, by
    /// nobody known.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let end = bytes.iter().take(MAX_TICKET).position(|byte| *byte == b'\n').unwrap_or(0);
        serde_json::from_slice(&bytes[..end])
            .unwrap_or_else(|_| Self::Cancelled { by: "somebody unknown".to_owned() })
    }
}

/// Somebody in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The place's number: lower ones come first. It says nothing else, and is not the position.
    pub number: u64,
    /// What the ticket says; none where it cannot be read.
    pub ticket: Option<Ticket>,
}

/// Whom the deployment with this number skips when it is to be the newest: deployments of the same project that wait
/// before it. Never one that runs, never a roll-back, and a roll-back skips nobody.
#[must_use]
pub fn superseded(number: u64, ticket: &Ticket, line: &[Standing]) -> Vec<u64> {
    let skipped = |other: &&Standing| {
        other.number < number
            && other.ticket.as_ref().is_some_and(|other| {
                other.began_at.is_none()
                    && other.attempt == Attempt::Deploy
                    && other.project == ticket.project
            })
    };
    match ticket.attempt {
        Attempt::Deploy => line.iter().filter(skipped).map(|other| other.number).collect(),
        Attempt::Rollback => Vec::new(),
    }
}

/// How long a deployment usually takes, in whole seconds: the median of the newest [`RECENT`] of these records, however
/// they ended, for each of them kept the others waiting. `None` where there is none.
#[must_use]
pub fn usual_duration<'r>(records: impl IntoIterator<Item = &'r Record>) -> Option<u64> {
    let mut took: Vec<(Timestamp, u64)> = records
        .into_iter()
        .map(|record| {
            let seconds = record.completed_at.as_second() - record.started_at.as_second();
            (record.completed_at, u64::try_from(seconds).unwrap_or(0))
        })
        .collect();
    took.sort_by(|one, other| other.cmp(one));
    took.truncate(RECENT);
    let mut seconds: Vec<u64> = took.into_iter().map(|(_, seconds)| seconds).collect();
    seconds.sort_unstable();
    let middle = seconds.len() / 2;
    match seconds.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(seconds[middle]),
        _ => Some(seconds[middle - 1].midpoint(seconds[middle])),
    }
}

/// One who stands in a queue, wherever that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who asked for it, when that is known.
    pub triggered_by: Option<String>,
    /// Since when it waits, when that is known.
    pub since: Option<Timestamp>,
    /// What it is to deploy, when that is known.
    pub wanted: Option<Wanted>,
    /// Where the forge shows it.
    pub url: Option<String>,
    began_at: Option<Timestamp>,
}

/// One who waits, with what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<'q> {
    /// From 1.
    pub position: u32,
    /// In seconds, where the past tells.
    pub estimated_wait: Option<u64>,
    /// Who it is.
    pub member: &'q Member,
}

/// Two runs of one environment go at the same time: what must keep them apart does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoRunning(pub String, pub String);

impl fmt::Display for TwoRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(one, other) = self;
        write!(f, "the runs {one} and {other} go at the same time: they are not in one queue")
    }
}

impl std::error::Error for TwoRunning {}

/// The queue of an environment. By its construction one runs at most, it stands before all who wait, and nobody is of
/// another environment; it is locked exactly while one runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentQueue {
    environment: EnvironmentName,
    current: Option<(Member, Timestamp)>,
    queue: Vec<Member>,
    usual: Option<u64>,
    now: Timestamp,
}

impl DeploymentQueue {
    /// The queue on this machine. `usual` is how long a deployment takes, in seconds; `now` what the clock shows.
    #[must_use]
    pub fn from_line(
        environment: EnvironmentName,
        line: Vec<Standing>,
        usual: Option<u64>,
        now: Timestamp,
    ) -> Self {
        let member = |standing: Standing| match standing.ticket {
            Some(ticket) => Member {
                triggered_by: Some(ticket.triggered_by),
                since: Some(ticket.since),
                wanted: ticket.wanted,
                url: None,
                began_at: ticket.began_at,
            },
            None => {
                Member { triggered_by: None, since: None, wanted: None, url: None, began_at: None }
            }
        };
        Self::new(environment, line.into_iter().map(member).collect(), usual, now)
    }

    /// The queue on a forge. GitHub's `concurrency` with `queue: max` serves in the order in which runs began to wait,
    /// not that of their dispatch (docs.github.com, "Control the concurrency of workflows and jobs"); of two in the same
    /// second the one with the lower number.
    ///
    /// # Errors
    /// [`TwoRunning`] where more than one run goes.
    pub fn from_runs(
        environment: EnvironmentName,
        mut runs: Vec<ForgeRun>,
        usual: Option<u64>,
        now: Timestamp,
    ) -> Result<Self, TwoRunning> {
        runs.sort_by(|one, other| {
            let key = |run: &ForgeRun| (run.status != RunStatus::InProgress, run.waiting_since);
            key(one).cmp(&key(other)).then_with(|| numeric(&one.id).cmp(&numeric(&other.id)))
        });
        if let [one, other, ..] = &runs[..]
            && other.status == RunStatus::InProgress
        {
            return Err(TwoRunning(one.id.clone(), other.id.clone()));
        }
        let member = |run: ForgeRun| Member {
            triggered_by: Some(run.actor),
            since: Some(run.waiting_since),
            began_at: match run.status {
                RunStatus::InProgress => Some(run.started_at.unwrap_or(run.waiting_since)),
                RunStatus::Queued => None,
            },
            wanted: run.deployment,
            url: Some(run.url),
        };
        Ok(Self::new(environment, runs.into_iter().map(member).collect(), usual, now))
    }

    fn new(
        environment: EnvironmentName,
        mut members: Vec<Member>,
        usual: Option<u64>,
        now: Timestamp,
    ) -> Self {
        let began = members.first().and_then(|first| first.began_at);
        let current = began.map(|began| (members.remove(0), began));
        Self { environment, current, queue: members, usual, now }
    }

    /// Whose queue it is.
    #[must_use]
    pub const fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// Who runs.
    #[must_use]
    pub fn current(&self) -> Option<&Member> {
        self.current.as_ref().map(|(member, _)| member)
    }

    /// Since when someone runs.
    #[must_use]
    pub fn locked_at(&self) -> Option<Timestamp> {
        self.current.as_ref().map(|(_, began)| *began)
    }

    /// Who waits, the next one first.
    pub fn waiting(&self) -> impl Iterator<Item = Waiting<'_>> {
        self.queue.iter().zip(1..).map(|(member, position)| Waiting {
            position,
            estimated_wait: self.estimate(position),
            member,
        })
    }

    /// Nobody runs and nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.queue.is_empty()
    }

    /// The usual duration for each that waits before, and what is left of it for the one that runs.
    fn estimate(&self, position: u32) -> Option<u64> {
        let usual = self.usual?;
        let left = self.locked_at().map_or(0, |began| {
            let gone = self.now.as_second().saturating_sub(began.as_second());
            usual.saturating_sub(u64::try_from(gone).unwrap_or(0))
        });
        Some(usual.saturating_mul(u64::from(position - 1)).saturating_add(left))
    }

    fn running(&self) -> Option<Deployment<Preparing>> {
        let (member, began) = self.current.as_ref()?;
        Some(Deployment::begun(self.head(member)?, *began))
    }

    fn queued(&self, waiting: &Waiting<'_>) -> Option<Deployment<Queued>> {
        let head = self.head(waiting.member)?;
        Some(Deployment::queued(head, waiting.position, waiting.estimated_wait))
    }

    fn head(&self, member: &Member) -> Option<Head> {
        let who = member.triggered_by.as_deref().unwrap_or("unknown");
        member.wanted.as_ref().map(|wanted| wanted.head(&self.environment, who))
    }
}

/// The fields of SPEC Q1. Who is still reading what to deploy has a place, but no deployment yet, and is left out.
impl Serialize for DeploymentQueue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let running = self.running();
        let queue: Vec<_> = self.waiting().filter_map(|waiting| self.queued(&waiting)).collect();
        let mut fields = serializer.serialize_struct("DeploymentQueue", 4)?;
        fields.serialize_field("environment", &self.environment)?;
        fields.serialize_field("queue", &queue)?;
        fields.serialize_field("locked_at", &running.as_ref().and(self.locked_at()))?;
        fields.serialize_field("current_deployment", &running)?;
        fields.end()
    }
}

/// A deployment that left the queue before its turn, as its run's record shows it.
#[must_use]
pub fn left(
    ticket: &Ticket,
    environment: &EnvironmentName,
    at: Timestamp,
) -> Option<Deployment<crate::deployment::Ended>> {
    let head = ticket.wanted.as_ref()?.head(environment, &ticket.triggered_by);
    Some(Deployment::queued(head, 1, None).cancel(at))
}

/// Numbers of runs in their order: shorter ones are lower.
fn numeric(id: &str) -> (usize, &str) {
    (id.len(), id)
}

#[cfg(test)]
mod tests;
