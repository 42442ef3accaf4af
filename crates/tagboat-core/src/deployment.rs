//! One deployment and the only ways it can go (SPEC D1, D2). In: who, what, where, and events. Out: the next
//! state, and the public fields.
//!
//! ```text
//! queued ──► in_progress ──► health_check ──► succeeded
//!   │          │  │               │
//!   │          │  └───────────────┴────────► failed ──► rolled_back
//!   └──────────┴─► cancelled   (only while no host was changed)
//! ```
//!
//! Each state is a type and each arrow a method that consumes it: an illegal transition does not compile.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use crate::commit::CommitSha;
use crate::environment::RegionName;
use crate::tag::EnvironmentName;
use crate::time;
use crate::version::Version;

/// `deploy-YYYYMMDD-HHMMSS-<short sha>`, with `-2`, `-3` … for more in the same second.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentId(String);

/// A text that is no deployment id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotADeploymentId(String);

impl fmt::Display for NotADeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no deployment id (deploy-YYYYMMDD-HHMMSS-<short sha>)", self.0)
    }
}

impl std::error::Error for NotADeploymentId {}

impl DeploymentId {
    /// The id of a deployment that starts at `at`: the first one that `taken` does not know.
    #[must_use]
    pub fn new(at: Timestamp, commit: &CommitSha, taken: impl Fn(&Self) -> bool) -> Self {
        let plain = format!("deploy-{}-{}", time::compact(at), commit.short());
        let mut id = Self(plain.clone());
        let mut count = 1_u32;
        while taken(&id) {
            count += 1;
            id = Self(format!("{plain}-{count}"));
        }
        id
    }

    /// Reads an id: it goes into unit and file names, so its characters are checked.
    ///
    /// # Errors
    /// [`NotADeploymentId`].
    pub fn parse(text: &str) -> Result<Self, NotADeploymentId> {
        if Self::is_sound(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotADeploymentId(text.chars().take(64).collect()))
        }
    }

    /// Whether a text is an id.
    pub(crate) fn is_sound(text: &str) -> bool {
        let digits =
            |part: &[u8], count| part.len() == count && part.iter().all(u8::is_ascii_digit);
        let hex = |part: &[u8]| part.len() == 7 && part.iter().all(u8::is_ascii_hexdigit);
        let mut parts = text.as_bytes().split(|byte| *byte == b'-');
        parts.next() == Some(b"deploy".as_slice())
            && parts.next().is_some_and(|part| digits(part, 8))
            && parts.next().is_some_and(|part| digits(part, 6))
            && parts.next().is_some_and(hex)
            && parts.next().is_none_or(|part| (1..=9).any(|length| digits(part, length)))
            && parts.next().is_none()
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DeploymentId {
    type Error = NotADeploymentId;

    fn try_from(text: String) -> Result<Self, NotADeploymentId> {
        Self::parse(&text)
    }
}

impl From<DeploymentId> for String {
    fn from(id: DeploymentId) -> Self {
        id.0
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Terminal {
    /// The new version runs, healthy, everywhere.
    Succeeded,
    /// It failed, and nothing was rolled back.
    Failed,
    /// It failed, and the version before runs again, healthy, everywhere.
    RolledBack,
    /// It was stopped before a host was changed.
    Cancelled,
}

impl Terminal {
    /// The public word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a successful deployment does to the environment tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagMove {
    /// Moves it: the last region of an environment.
    Moves,
    /// Leaves it: a region before the last.
    Stays,
}

/// What is put on the hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// A Debian package and its version: `api=1.2.0`, as apt-get(8) takes it.
    Package(String),
    /// An image by digest.
    ImageTag(String),
}

/// What is fixed from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its id.
    pub deployment_id: DeploymentId,
    /// What is to run.
    pub version: Version,
    /// Where.
    pub environment: EnvironmentName,
    /// In which region; none for the hosts of the environment itself.
    pub region: Option<RegionName>,
    /// The version's commit.
    pub commit: CommitSha,
    /// What is put on the hosts.
    pub artifact: Artifact,
    /// Whether success moves the tag.
    pub tag_move: TagMove,
    /// What ran before.
    pub previous_version: Option<Version>,
    /// The forge's run, or `local-<deployment_id>`.
    pub workflow_run_id: String,
    /// Who asked for it.
    pub triggered_by: String,
}

/// A deployment in state `S`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment<S> {
    head: Head,
    state: S,
}

/// Waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// From 1.
    pub position: u32,
    /// In seconds, where the past tells.
    pub estimated_wait: Option<u64>,
}

/// Has its turn; no host was changed yet, so it can still be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preparing {
    started_at: Timestamp,
}

/// Changes hosts. Publicly this is `in_progress` too, but it can no longer be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changing {
    started_at: Timestamp,
}

/// Changed the hosts; they are being judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    started_at: Timestamp,
}

/// Failed; what comes of it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    started_at: Timestamp,
    health: Health,
}

/// Over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    started_at: Option<Timestamp>,
    completed_at: Timestamp,
    outcome: Terminal,
    health: Health,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    NotAsked,
    Passed,
    Refused,
}

impl Deployment<Queued> {
    /// A deployment that must wait.
    #[must_use]
    pub const fn queued(head: Head, position: u32, estimated_wait: Option<u64>) -> Self {
        Self { head, state: Queued { position, estimated_wait } }
    }

    /// Its turn has come.
    #[must_use]
    pub fn begin(self, at: Timestamp) -> Deployment<Preparing> {
        Deployment { head: self.head, state: Preparing { started_at: at } }
    }

    /// It left the queue.
    #[must_use]
    pub fn cancel(self, at: Timestamp) -> Deployment<Ended> {
        self.end(None, at, Terminal::Cancelled, Health::NotAsked)
    }
}

impl Deployment<Preparing> {
    /// A deployment whose turn it is at once.
    #[must_use]
    pub const fn begun(head: Head, at: Timestamp) -> Self {
        Self { head, state: Preparing { started_at: at } }
    }

    /// The first host is about to be changed.
    #[must_use]
    pub fn change(self) -> Deployment<Changing> {
        let state = Changing { started_at: self.state.started_at };
        Deployment { head: self.head, state }
    }

    /// It was stopped in time.
    #[must_use]
    pub fn cancel(self, at: Timestamp) -> Deployment<Ended> {
        let started_at = Some(self.state.started_at);
        self.end(started_at, at, Terminal::Cancelled, Health::NotAsked)
    }

    /// It cannot go on.
    #[must_use]
    pub fn fail(self) -> Deployment<Failing> {
        let state = Failing { started_at: self.state.started_at, health: Health::NotAsked };
        Deployment { head: self.head, state }
    }
}

impl Deployment<Changing> {
    /// The hosts run the new version; now they are judged.
    #[must_use]
    pub fn check_health(self) -> Deployment<HealthCheck> {
        let state = HealthCheck { started_at: self.state.started_at };
        Deployment { head: self.head, state }
    }

    /// A host could not be changed.
    #[must_use]
    pub fn fail(self) -> Deployment<Failing> {
        let state = Failing { started_at: self.state.started_at, health: Health::NotAsked };
        Deployment { head: self.head, state }
    }
}

impl Deployment<HealthCheck> {
    /// Every host is healthy.
    #[must_use]
    pub fn succeed(self, at: Timestamp) -> Deployment<Ended> {
        let started_at = Some(self.state.started_at);
        self.end(started_at, at, Terminal::Succeeded, Health::Passed)
    }

    /// A host is not healthy.
    #[must_use]
    pub fn fail(self) -> Deployment<Failing> {
        let state = Failing { started_at: self.state.started_at, health: Health::Refused };
        Deployment { head: self.head, state }
    }
}

impl Deployment<Failing> {
    /// The version before runs again, judged healthy.
    #[must_use]
    pub fn rolled_back(self, at: Timestamp) -> Deployment<Ended> {
        let (started_at, health) = (Some(self.state.started_at), self.state.health);
        self.end(started_at, at, Terminal::RolledBack, health)
    }

    /// It stays failed: nothing was rolled back.
    #[must_use]
    pub fn stay(self, at: Timestamp) -> Deployment<Ended> {
        let (started_at, health) = (Some(self.state.started_at), self.state.health);
        self.end(started_at, at, Terminal::Failed, health)
    }
}

impl Deployment<Ended> {
    /// How it ended.
    #[must_use]
    pub const fn outcome(&self) -> Terminal {
        self.state.outcome
    }

    /// When it began; not at all where it was cancelled in the queue.
    #[must_use]
    pub const fn started_at(&self) -> Option<Timestamp> {
        self.state.started_at
    }

    /// When it ended.
    #[must_use]
    pub const fn completed_at(&self) -> Timestamp {
        self.state.completed_at
    }
}

impl<S> Deployment<S> {
    /// What is fixed from the start.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    fn end(
        self,
        started_at: Option<Timestamp>,
        completed_at: Timestamp,
        outcome: Terminal,
        health: Health,
    ) -> Deployment<Ended> {
        Deployment { head: self.head, state: Ended { started_at, completed_at, outcome, health } }
    }
}

/// The fields of SPEC D1 that depend on the state.
#[derive(Default)]
struct Public {
    status: &'static str,
    queue_position: Option<u32>,
    estimated_wait_time: Option<u64>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    health_check_passed: Option<bool>,
}

trait State {
    fn public(&self) -> Public;
}

impl State for Queued {
    fn public(&self) -> Public {
        Public {
            status: "queued",
            queue_position: Some(self.position),
            estimated_wait_time: self.estimated_wait,
            ..Public::default()
        }
    }
}

impl State for Preparing {
    fn public(&self) -> Public {
        running("in_progress", self.started_at)
    }
}

impl State for Changing {
    fn public(&self) -> Public {
        running("in_progress", self.started_at)
    }
}

impl State for HealthCheck {
    fn public(&self) -> Public {
        running("health_check", self.started_at)
    }
}

impl State for Failing {
    fn public(&self) -> Public {
        running("failed", self.started_at)
    }
}

impl State for Ended {
    fn public(&self) -> Public {
        Public {
            status: self.outcome.word(),
            started_at: self.started_at,
            completed_at: Some(self.completed_at),
            health_check_passed: match self.health {
                Health::NotAsked => None,
                Health::Passed => Some(true),
                Health::Refused => Some(false),
            },
            ..Public::default()
        }
    }
}

fn running(status: &'static str, started_at: Timestamp) -> Public {
    Public { status, started_at: Some(started_at), ..Public::default() }
}

impl<S: State> Serialize for Deployment<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        use serde::ser::SerializeStruct as _;
        let (head, public) = (&self.head, self.state.public());
        let mut fields = serializer.serialize_struct("Deployment", 16)?;
        fields.serialize_field("deployment_id", &head.deployment_id)?;
        fields.serialize_field("version", &head.version)?;
        fields.serialize_field("environment", &head.environment)?;
        fields.serialize_field("region", &head.region)?;
        fields.serialize_field("commit_sha", &head.commit)?;
        match &head.artifact {
            Artifact::Package(package) => fields.serialize_field("package", package)?,
            Artifact::ImageTag(image) => fields.serialize_field("image_tag", image)?,
        }
        fields.serialize_field("will_move_env_tag", &(head.tag_move == TagMove::Moves))?;
        fields.serialize_field("status", public.status)?;
        fields.serialize_field("queue_position", &public.queue_position)?;
        fields.serialize_field("estimated_wait_time", &public.estimated_wait_time)?;
        fields.serialize_field("started_at", &public.started_at)?;
        fields.serialize_field("completed_at", &public.completed_at)?;
        fields.serialize_field("health_check_passed", &public.health_check_passed)?;
        fields.serialize_field("previous_version", &head.previous_version)?;
        fields.serialize_field("workflow_run_id", &head.workflow_run_id)?;
        fields.serialize_field("triggered_by", &head.triggered_by)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests;
