//! `tagboat forge`.

use clap::{Args, Subcommand};

/// What the forge is told.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  tagboat forge rulesets --bypass-app 123456")]
pub(crate) enum ForgeVerb {
    #[command(about = "Print GitHub rulesets that protect tags")]
    Rulesets(RulesetsArgs),
}

/// Prints GitHub rulesets as a JSON array: each is the body of one `POST /repos/OWNER/NAME/rulesets`.
///
/// Version and state tags can neither be moved nor deleted, by nobody; environment tags are made and moved by the
/// pipeline's identity alone: a GitHub App or a deploy key, for GITHUB_TOKEN cannot be named in a ruleset. A ruleset
/// covers branches and tags only: that ledger pages (refs/tagboat/) never change is shown by the chain of the ledger.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat forge rulesets --bypass-app 123456
  tagboat forge rulesets --bypass-deploy-key --evaluate")]
pub(crate) struct RulesetsArgs {
    /// The GitHub App that deploys, by its id. May be given again.
    #[arg(long = "bypass-app", value_name = "ID")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(required_unless_present = "deploy_key")]
    pub(crate) apps: Vec<u64>,
    /// Deploy keys may move environment tags: every key of the repository that can write.
    #[arg(long = "bypass-deploy-key")]
    pub(crate) deploy_key: bool,
    /// Only tell what would be refused (GitHub Enterprise), to try them out.
    #[arg(long)]
    pub(crate) evaluate: bool,
}
