//! `tagboat host`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Hosts.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  tagboat host prepare staging web-1")]
pub(crate) enum HostVerb {
    #[command(about = "Prepare a host for deployments")]
    Prepare(PrepareArgs),
}

/// Prepares a Debian host: the program that deployments run there, the repository's key, and sudo for it.
///
/// A host whose key is not in environment.yml is not touched: its key is printed, for a person to compare with
/// the host's own console and to commit. Running it again, after an update of Tagboat for example, is safe.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat host prepare staging web-1              as root; prints a key first if
                                                  none is pinned
  tagboat host prepare staging                    every host of staging
  tagboat host prepare staging web-1 --as admin   as a user with full sudo")]
pub(crate) struct PrepareArgs {
    /// The environment.
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environment: String,
    /// The host; every host of the environment where none is named.
    #[arg(value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Who logs in to prepare it.
    #[arg(long = "as", value_name = "USER", default_value = "root")]
    pub(crate) login: String,
    /// The ssh key to log in with; ssh's own choice where none is named.
    #[arg(long, value_name = "FILE", env = "TAGBOAT_SSH_IDENTITY", hide_env_values = true)]
    pub(crate) identity: Option<PathBuf>,
    /// Show the steps, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
