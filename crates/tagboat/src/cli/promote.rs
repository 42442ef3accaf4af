//! `tagboat promote`.

use clap::Args;

use super::deploy::RunArgs;

/// Brings the version that runs in one environment to the next: a deployment like any other.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat promote api --from staging --to production
  tagboat promote api --from staging --to production --dry-run")]
pub(crate) struct PromoteArgs {
    /// The project, by its path; `.` is the one at the root.
    #[arg(value_name = "PROJECT")]
    pub(crate) project: String,
    /// The environment whose version it is.
    #[arg(long, value_name = "ENV")]
    pub(crate) from: String,
    /// The environment that gets it.
    #[arg(long, value_name = "ENV")]
    pub(crate) to: String,
    /// Deploy a version that was rolled back there before, for this reason.
    #[arg(long, value_name = "REASON")]
    pub(crate) lift_hold: Option<String>,
    /// Skip deployments of this project that wait in the queue: each is told, and ends.
    #[arg(long)]
    pub(crate) supersede: bool,
    /// How it is run.
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
