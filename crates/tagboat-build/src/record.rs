//! What was made. In: finished packages. Out: a record with the public fields of SPEC B1 and B2.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tagboat_core::commit::CommitSha;

use crate::strategy::Strategy;

/// One build of one project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The package, or the first one of several.
    pub package: PackageInfo,
    /// How it was built.
    pub build_info: BuildInfo,
    /// What was made.
    pub artifacts: Artifacts,
}

/// SPEC B1 `package`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageInfo {
    /// `local-rag`.
    pub name: String,
    /// Debian's form: `1.0.0~rc.1`.
    pub version: String,
    /// Debian's words, sorted: `amd64`, `arm64`, `all`.
    pub architecture: Vec<String>,
    /// The synopsis.
    pub description: String,
    /// `Depends`, those of all architectures.
    pub dependencies: Vec<String>,
    /// `Conflicts`.
    pub conflicts: Vec<String>,
    /// `Provides`.
    pub provides: Vec<String>,
}

/// SPEC B1 `build_info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildInfo {
    /// When the build ended. (What is inside the packages is dated by the commit.)
    pub timestamp: Timestamp,
    /// The commit.
    pub commit_sha: CommitSha,
    /// The branch, if it was known.
    pub branch: Option<String>,
    /// Who built.
    pub builder: String,
    /// Whether any of the packages was cross built.
    pub cross_compiled: bool,
    /// The project's own build-time variables that were set, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
}

/// SPEC B2 `artifacts`; `retention` is configuration, not a fact of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifacts {
    /// Every .deb, in the order of their names.
    pub packages: Vec<Artifact>,
}

/// One .deb. `validation_status` is added by who validates it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The file's name: `local-rag_1.0.0_amd64.deb`.
    pub name: String,
    /// Where it is.
    pub file: PathBuf,
    /// The package in it: `local-rag`.
    pub package: String,
    /// Its version, in Debian's form.
    pub version: String,
    /// Debian's word: `amd64`, `arm64` or `all`.
    pub architecture: String,
    /// Size of the file in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub checksum_sha256: String,
    /// How long its architecture took, the root included, in whole seconds, rounded up.
    pub build_time_seconds: u64,
    /// Whether a cross compiler made it.
    pub cross_compiled: bool,
    /// How it was built.
    pub strategy: Strategy,
    /// Everything that the programs printed.
    pub log: PathBuf,
}
