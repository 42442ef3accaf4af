//! What was asked. In: the command line and the configuration, joined by the front door. Out: one value.

use std::path::PathBuf;
use std::time::Duration;

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::DeploymentId;
use tagboat_core::environment::{Host, RegionName};
use tagboat_core::gate::GatePolicy;
use tagboat_core::ledger::Attempt;
use tagboat_core::tag::EnvironmentTag;
use tagboat_core::version::Version;

/// How long a deployer waits for its turn on a host when nobody said otherwise.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What one Deployment changes (SPEC D3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedPart {
    /// Its region; none for the hosts that the environment has outside its regions.
    pub region: Option<RegionName>,
    /// Its hosts, the canary first.
    pub hosts: Vec<Host>,
}

/// A deployment that could not be undone, for the package of the version that runs is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostWayBack {
    /// Refused.
    Refused,
    /// A person overrode that (SPEC V4): if it fails, a person is needed.
    Accepted,
}

/// A deployment, or a roll-back, as it was asked for.
#[derive(Clone, Debug)]
pub struct DeployRequest {
    /// Deploy or roll back.
    pub attempt: Attempt,
    /// The project and the environment.
    pub tag: EnvironmentTag,
    /// What shall run.
    pub version: Version,
    /// Its commit.
    pub commit: CommitSha,
    /// The Debian package that carries it, which is also the application's name on its hosts.
    pub package: String,
    /// The hosts by region, in the order in which they are deployed.
    pub parts: Vec<RequestedPart>,
    /// How health is judged.
    pub health: HealthRequest,
    /// The signed APT repository that the hosts are given, as a folder here.
    pub repository: PathBuf,
    /// Who asks for it.
    pub triggered_by: String,
    /// The forge's run; `None` on a person's machine.
    pub workflow_run_id: Option<String>,
    /// Why a hold on the version is lifted, if it is.
    pub lift_hold: Option<String>,
    /// Why it rolls back, if a person said so.
    pub reason: Option<String>,
    /// Which protections are overridden, and why (SPEC V4).
    pub override_reason: Option<String>,
    /// The id under which it waited in the queue; none where it did not. It keeps it.
    pub queued_as: Option<DeploymentId>,
    /// What becomes of it where the package of the version that runs is not published any more.
    pub lost_way_back: LostWayBack,
    /// How long to wait for the turn on each host.
    pub patience: Duration,
}

impl DeployRequest {
    /// Every host, in the order in which they are changed.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.parts.iter().flat_map(|part| &part.hosts)
    }
}

/// Where and how the service tells its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRequest {
    /// Its port on the host's loopback.
    pub port: u16,
    /// The path.
    pub path: String,
    /// Checks that must be up.
    pub critical: Vec<String>,
    /// Whether it tells its version.
    pub version: VersionAnswer,
    /// The gate's numbers.
    pub policy: GatePolicy,
}

/// Whether a service tells its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionAnswer {
    /// It does, and it must be the expected one.
    Checked,
    /// The configuration says that it tells none.
    Unchecked,
}
