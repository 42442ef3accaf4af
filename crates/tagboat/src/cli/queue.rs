//! `tagboat queue`.

use clap::{Args, Subcommand};

/// Shows, for each environment, the deployment that runs and those that wait on this machine, with their places and how
/// long they will probably wait.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  tagboat queue                            every environment
  tagboat queue --env production           one
  tagboat queue cancel 2 --env production  the second that waits")]
pub(crate) struct QueueArgs {
    /// Only this environment.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(crate) environment: Option<String>,
    /// What else to do.
    #[command(subcommand)]
    pub(crate) verb: Option<QueueVerb>,
}

/// What can be done to a queue.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueVerb {
    #[command(about = "Ask a deployment that waits to leave the queue")]
    Cancel(CancelArgs),
}

/// Asks a deployment that waits to leave the queue. It ends with exit status 3 and has changed nothing; one that runs is
/// not touched.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat queue cancel 2 --env production
  tagboat queue cancel local-deploy-20261121-103045-1a2b3c4 --env production")]
pub(crate) struct CancelArgs {
    /// Its run, or its place in the queue, as `tagboat queue` shows them.
    #[arg(value_name = "RUN|PLACE")]
    pub(crate) whom: String,
    /// The environment.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(crate) environment: String,
}
