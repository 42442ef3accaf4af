//! `tagboat check`.

use std::path::PathBuf;

use clap::Args;

use super::ReadArgs;

/// Checks the configuration below config/ci-cd/ and environments/, the tags, their ledgers and given records: whatever
/// breaks a rule, with its file and line or its tag and object.
///
/// Exit 2 where the configuration is wrong, 1 where tags or records are, 0 where there are warnings at most. What was
/// not checked is listed with the reason. Each rule has a page: docs/errors/check/.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat check
  tagboat check --offline                   this clone alone
  tagboat check --record report.json        a pipeline's report as well
  tagboat check --sarif check.sarif         for code scanning
  tagboat check --schema build-config > build-config.schema.json")]
pub(crate) struct CheckArgs {
    /// Check this file too: JSON records in the fields of the data model, as `deployment_id` or `action_links`; one, or
    /// a list. May be given again.
    #[arg(long = "record", value_name = "FILE")]
    pub(crate) records: Vec<PathBuf>,
    /// Write every finding to this file as SARIF 2.1.0.
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    /// Print the JSON schema of a file, for editors: build-config, quality-gates, monitoring, environment or
    /// region.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["records", "sarif", "offline"])]
    pub(crate) schema: Option<String>,
    /// Where to read from.
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}
