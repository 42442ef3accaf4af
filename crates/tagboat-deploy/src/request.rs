//! What was asked. In: the command line and the configuration, joined by the front door. Out: one value.

use std::path::PathBuf;
use std::time::Duration;

use tagboat_core::commit::CommitSha;
use tagboat_core::environment::Host;
use tagboat_core::gate::GatePolicy;
use tagboat_core::ledger::Attempt;
use tagboat_core::tag::EnvironmentTag;
use tagboat_core::version::Version;

/// How long a deployer waits for its turn on a host when nobody said otherwise.
pub const PATIENCE: Duration = Duration::from_secs(30);

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
    /// The hosts, the canary first.
    pub hosts: Vec<Host>,
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
    /// How long to wait for the turn on each host.
    pub patience: Duration,
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
