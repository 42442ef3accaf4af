//! `tagboat status`.

use clap::Args;

use super::ReadArgs;

/// Shows, for each project and environment, the version that runs there and since when.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat status                      every project, every environment
  tagboat status api                  one project
  tagboat status --offline            without asking the remote
  tagboat status --format json        for programs")]
pub(crate) struct StatusArgs {
    /// Only these projects, by path; `.` is the one at the root.
    #[arg(value_name = "PROJECT")]
    pub(crate) projects: Vec<String>,
    /// Where to read from.
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}
