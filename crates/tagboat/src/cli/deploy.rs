//! `tagboat deploy`, `rollback`, `plan` and `logs`.

use std::path::PathBuf;

use clap::Args;
use tagboat_core::ledger::Override;

/// How hosts are reached and waited for.
#[derive(Args, Debug)]
pub(crate) struct HostArgs {
    /// The ssh key to log in with; ssh's own choice where none is named.
    #[arg(long, value_name = "FILE", env = "TAGBOAT_SSH_IDENTITY", hide_env_values = true)]
    pub(crate) identity: Option<PathBuf>,
}

/// How a deployment is run, whichever verb asks.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// How long to wait at most, in seconds: for the turn in the queue, else as long as it takes; and for the turn on each
    /// host, else 30.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<u64>,
    /// Take a place in the queue, say which, and go on without this terminal.
    #[arg(long, conflicts_with_all = ["wait", "dry_run"])]
    pub(crate) detach: bool,
    /// How to reach the hosts.
    #[command(flatten)]
    pub(crate) hosts: HostArgs,
    /// The ssh key that signs the record: a secret key's file, or a public one's whose secret half the agent holds.
    /// Without it the OpenPGP key of GPG_PRIVATE_KEY signs, the ssh key that git signs with, or one that gpg holds.
    #[arg(long, value_name = "FILE", env = "TAGBOAT_SIGNING_KEY", hide_env_values = true)]
    pub(crate) signing_key: Option<PathBuf>,
    /// Go on although this protection stands in the way: freeze, release-branch, signers, moved-tag,
    /// ledger-signature, deleted-tag or way-back. The reason is written into the ledger.
    #[arg(long = "override", value_name = "PROTECTION=REASON")]
    pub(crate) overrides: Vec<Override>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Brings a version to an environment: host by host, gated by health, rolled back when it is sick.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat deploy api/v1.2.0 --env staging
  tagboat deploy api/v1.2.0 --env production --dry-run
  tagboat deploy api/v1.2.0 --env production --detach
  tagboat deploy api/v1.2.1 --env production --supersede
  tagboat deploy api/v1.2.0 --env production --lift-hold 'mended'
  tagboat deploy api/v1.2.0 --env production --override freeze='mends the outage'")]
pub(crate) struct DeployArgs {
    /// The version tag.
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// The environment.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(crate) environment: String,
    /// Deploy a version that was rolled back before, for this reason.
    #[arg(long, value_name = "REASON")]
    pub(crate) lift_hold: Option<String>,
    /// Skip deployments of this project that wait in the queue: each is told, and ends.
    #[arg(long)]
    pub(crate) supersede: bool,
    /// How it is run.
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Goes back to a version that ran there before: the newest stable one, or else the newest.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat rollback api --env production                      where to, the rule decides
  tagboat rollback api --env production --to v1.0.0
  tagboat rollback api --env production --reason 'too slow'")]
pub(crate) struct RollbackArgs {
    /// The project, by its path; `.` is the one at the root.
    #[arg(value_name = "PROJECT")]
    pub(crate) project: String,
    /// The environment.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(crate) environment: String,
    /// This version; it must be one that the rule would allow.
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<String>,
    /// Why; the version that is left is held for this reason.
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    /// Do not ask the remote, nor any host: choose from what this clone last fetched, and say what that leaves open.
    #[arg(long, requires = "dry_run")]
    pub(crate) offline: bool,
    /// How it is run.
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Shows what a deployment would change, on which hosts, the expected gap, the way back, and where a roll-back would go
/// today. The plan of a roll-back itself is `tagboat rollback --dry-run`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat plan api/v1.2.0 --env production
  tagboat plan api/v1.2.0 --env production --lift-hold 'mended'
  tagboat plan api/v1.2.0 --env production --override freeze='mends the outage'")]
pub(crate) struct PlanArgs {
    /// The version tag.
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// The environment.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(crate) environment: String,
    /// As if the version's hold were lifted, for this reason.
    #[arg(long, value_name = "REASON")]
    pub(crate) lift_hold: Option<String>,
    /// As if this protection were overridden: see `tagboat deploy --help`.
    #[arg(long = "override", value_name = "PROTECTION=REASON")]
    pub(crate) overrides: Vec<Override>,
    /// How to reach the hosts.
    #[command(flatten)]
    pub(crate) hosts: HostArgs,
}

/// Shows what a project's service logs on its hosts.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat logs api --env production
  tagboat logs api --env production --lines 200
  tagboat logs api --env production --follow")]
pub(crate) struct LogsArgs {
    /// The project, by its path; `.` is the one at the root.
    #[arg(value_name = "PROJECT")]
    pub(crate) project: String,
    /// The environment.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(crate) environment: String,
    /// Only this host.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// How many lines of each host.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(crate) lines: usize,
    /// Go on until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How to reach the hosts.
    #[command(flatten)]
    pub(crate) hosts: HostArgs,
}
