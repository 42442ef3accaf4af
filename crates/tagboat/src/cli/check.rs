//! `tagboat check`.

use clap::Args;

/// Checks the configuration below config/ci-cd/ and environments/: every mistake, with its place.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat check
  tagboat check --schema build-config > build-config.schema.json")]
pub(crate) struct CheckArgs {
    /// Print the JSON schema of a file, for editors: build-config, quality-gates, monitoring, environment or
    /// region.
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<String>,
}
