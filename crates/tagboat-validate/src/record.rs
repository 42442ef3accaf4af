//! What was judged. In: findings and measurements. Out: a record that the terminal, a report and an artifact's
//! `validation_status` are made from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tagboat_core::finding::{Finding, Verdict};

/// One validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Every package, in the order of the request.
    pub packages: Vec<PackageRecord>,
    /// Failed, where one check of one package is.
    pub validation_status: Verdict,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageRecord {
    /// `local-rag`.
    pub name: String,
    /// Debian's form: `1.0.0~rc.1`.
    pub version: String,
    /// Debian's word: `amd64`, `arm64` or `all`.
    pub architecture: String,
    /// The file.
    pub file: PathBuf,
    /// SHA-256 of the bytes that were judged, 64 hexadecimal digits.
    pub checksum_sha256: String,
    /// How its programs were run.
    pub how: How,
    /// Every check, those that were skipped too.
    pub checks: Vec<CheckRecord>,
    /// What was measured. Packages that were installed together share it.
    pub measurements: Vec<Measurement>,
}

impl PackageRecord {
    /// Failed, where one of its checks is.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let failed = |check: &CheckRecord| matches!(check.outcome, Outcome::Failed);
        if self.checks.iter().any(failed) { Verdict::Failed } else { Verdict::Passed }
    }
}

/// How programs of another architecture are run (SPEC X5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// By this machine's processor.
    Native,
    /// By QEMU, 10 to 20 times slower: times and memory are shown, but fail nothing.
    Emulated,
}

impl How {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Emulated => "emulated",
        }
    }
}

/// The names of checks, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckName {
    /// Permissions and owners in the archive (SPEC X4).
    Permissions,
    /// lintian (SPEC X1).
    Lintian,
    /// Dependencies resolve, and it installs in time (SPEC X2).
    Install,
    /// It starts, is healthy, restarts and stops, within its limits (SPEC X3).
    Service,
    /// It is removed and purged without a trace (SPEC X2).
    Removal,
    /// The user's own commands (SPEC X2 `test_commands`).
    TestCommands,
}

impl CheckName {
    /// Its word in records and rules.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permissions => "permissions",
            Self::Lintian => "lintian",
            Self::Install => "install",
            Self::Service => "service",
            Self::Removal => "removal",
            Self::TestCommands => "test-commands",
        }
    }
}

/// Where a check ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// `debian:12`.
    pub environment: String,
    /// Debian's word for the system's architecture.
    pub architecture: String,
    /// How its programs were run.
    pub how: How,
}

/// One check of one package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// Which.
    pub name: CheckName,
    /// Where; `None` for a check that runs nothing of the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<Ground>,
    /// How it ended: `verdict` and, where it was skipped, `reason`.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// The tool and its version, where findings depend on it: `lintian 2.116.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// How long it took; shared by packages that were checked together.
    pub seconds: f64,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Outcome {
    /// It let the package pass.
    Passed,
    /// It did not, or did not come to its end.
    Failed,
    /// It did not run.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// Something measured, where the package ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What.
    pub name: MeasurementName,
    /// How much, in the unit that its name ends with.
    pub value: f64,
    /// The limit it is held to.
    pub limit: f64,
    /// Where.
    pub ground: Ground,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasurementName {
    /// From the first question for dependencies to the configured package.
    InstallSeconds,
    /// From the order to start to the first good answer.
    StartupSeconds,
    /// What the service's processes take once it is healthy, in MiB.
    MemoryMb,
}

impl MeasurementName {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InstallSeconds => "install_seconds",
            Self::StartupSeconds => "startup_seconds",
            Self::MemoryMb => "memory_mb",
        }
    }
}
