//! What is asked for. In: configuration and the build's record, read by someone else. Out: plain values that the
//! rest of the room works from.

use std::path::PathBuf;
use std::time::Duration;

use tagboat_core::finding::RequiredPass;
use tagboat_core::health::Expectation;
use tagboat_core::ports::{Architecture, Mirror};

/// One validation of the packages of one build.
#[derive(Clone, Debug)]
pub struct Request {
    /// Packages of one build. Those of one architecture, and those for all, are installed together; the first is
    /// the one that `package.deb` stands for.
    pub packages: Vec<PackageUnderTest>,
    /// lintian's gate.
    pub lintian: LintianRequest,
    /// Installing, and test commands.
    pub installation: InstallationRequest,
    /// The limits of a service.
    pub service_limits: ServiceLimits,
    /// The service that the packages bring; `None`: their units are started, and their health is not asked.
    pub service: Option<ServiceRequest>,
    /// This machine: other architectures are emulated.
    pub machine: Architecture,
    /// Debian 12's archive, for lintian; the suite first.
    pub mirrors: Vec<Mirror>,
}

/// A file to be judged, and what it says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageUnderTest {
    /// The .deb.
    pub file: PathBuf,
    /// `Package`.
    pub name: String,
    /// `Version`, in Debian's form.
    pub version: String,
    /// `Architecture`.
    pub architecture: tagboat_deb::Architecture,
}

/// Whether something is done at all (SPEC X1, X2 `enabled`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enabled {
    /// It is.
    Yes,
    /// It is not, and the record says so.
    No,
}

/// SPEC X1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintianRequest {
    /// Whether lintian runs.
    pub enabled: Enabled,
    /// The least severity that is shown. What the gate forbids is shown in any case.
    pub policy_level: PolicyLevel,
    /// Tags that are not to be told.
    pub suppress_tags: Vec<String>,
    /// What must not be found.
    pub required_passes: Vec<RequiredPass>,
}

/// The least severity that lintian shows (`policy_level`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyLevel {
    /// Errors.
    Error,
    /// Warnings too.
    Warning,
    /// Remarks too.
    Info,
    /// Everything.
    Pedantic,
}

/// SPEC X2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallationRequest {
    /// Whether packages are installed. Without it, no service is validated either.
    pub enabled: Enabled,
    /// On which systems.
    pub environments: Vec<TestEnvironment>,
    /// What is run there once the packages are installed, as users wrote it: shell text.
    pub test_commands: Vec<String>,
}

/// A system to install on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestEnvironment {
    /// As users write it: `debian:12`.
    pub name: String,
    /// Where its packages come from.
    pub archive: Archive,
}

/// Where the packages of a system come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Archive {
    /// From here; the suite first.
    Mirrors(Vec<Mirror>),
    /// From nowhere that this machine can reach; the text says why. Nothing is tried there, and the record says so.
    Unreachable(String),
}

/// SPEC X3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Until when it must run and be healthy.
    pub startup_timeout: Duration,
    /// So many bad answers in a row, after a good one, are a failure.
    pub health_check_retries: u32,
    /// How much memory it may take, in MiB.
    pub memory_max_mb: u64,
    /// How long its start may take, to the first good answer.
    pub startup_time_max: Duration,
}

/// SPEC X3's defaults.
impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            startup_timeout: Duration::from_secs(30),
            health_check_retries: 3,
            memory_max_mb: 512,
            startup_time_max: Duration::from_secs(30),
        }
    }
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRequest {
    /// Its unit: `local-rag.service`.
    pub unit: String,
    /// How its health is asked; `None`: it is healthy while systemd says that it is active.
    pub health: Option<HealthRequest>,
}

/// How a service's health is asked (SPEC H1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRequest {
    /// The port on loopback.
    pub port: u16,
    /// The path: `/api/health`.
    pub path: String,
    /// What a good answer is like.
    pub expectation: Expectation,
}
