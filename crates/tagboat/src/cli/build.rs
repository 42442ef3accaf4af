//! `tagboat build` and `tagboat validate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Builds the packages of a version, each architecture in a clean root.
///
/// Only what git has is built. Packages land in dist/, the log of each build in dist/logs/.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat build api/v1.2.0                  the packages of that version tag
  tagboat build api                         of the project api at HEAD
  tagboat build                             of every project at HEAD
  tagboat build api/v1.2.0 --arch arm64     for one architecture
  tagboat build api/v1.2.0 --dry-run        only show the steps")]
pub(crate) struct BuildArgs {
    /// A version tag, or a project by its path; `.` is the one at the root.
    #[arg(value_name = "VERSION|PROJECT")]
    pub(crate) what: Option<String>,
    /// What to build for.
    #[arg(long, value_enum, default_value_t = Arch::All, value_name = "amd64|arm64|all")]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) arch: Arch,
    /// Build the architectures side by side.
    #[arg(long)]
    pub(crate) parallel: bool,
    /// Show the steps, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// An architecture, or all that the project is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    /// x86-64.
    Amd64,
    /// AArch64.
    Arm64,
    /// Every one that the project is made for.
    All,
}

/// Judges built packages: lintian, installation, start, health and removal in clean roots.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat validate api/v1.2.0               what `tagboat build api/v1.2.0` made
  tagboat validate api --arch amd64         of the project api at HEAD
  tagboat validate --sarif findings.sarif   for GitHub's code scanning")]
pub(crate) struct ValidateArgs {
    /// A version tag, or a project by its path; `.` is the one at the root.
    #[arg(value_name = "VERSION|PROJECT")]
    pub(crate) what: Option<String>,
    /// Which packages.
    #[arg(long, value_enum, default_value_t = Arch::All, value_name = "amd64|arm64|all")]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) arch: Arch,
    /// Write every finding to a file, as SARIF 2.1.0.
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    /// Show the steps, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
