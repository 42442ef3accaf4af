//! `tagboat history`.

use clap::Args;

use super::ReadArgs;

/// Shows every deployment attempt, newest first: what, when, by whom, and how it ended; which versions were held and
/// lifted, and which protections were overridden, for what reason and by whom.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat history                           every project and environment
  tagboat history api --env production      one ledger
  tagboat history api --limit 5             the newest five of each
  tagboat history api --format json         for programs")]
pub(crate) struct HistoryArgs {
    /// Only this project, by path; `.` is the one at the root.
    #[arg(value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// Only this environment.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(crate) environment: Option<String>,
    /// At most so many attempts of each ledger.
    #[arg(long, value_name = "COUNT")]
    pub(crate) limit: Option<usize>,
    /// Where to read from.
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}
