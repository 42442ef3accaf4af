//! `tagboat hooks`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Git hooks that keep protected tags where they are.
///
/// Version and state tags are made once, ledgers only grow, and environment tags move by deployments. A hook guards one
/// repository: a forge needs rulesets as well (`tagboat forge rulesets`).
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  tagboat hooks install
  tagboat hooks install --remote /srv/git/shop.git")]
pub(crate) enum HooksVerb {
    #[command(about = "Write a pre-push hook here, or an update hook into a remote")]
    Install(InstallArgs),
    #[command(about = "Take the hook away again")]
    Uninstall(UninstallArgs),
    #[command(about = "Judge a push: what the hooks call")]
    Run(RunArgs),
}

/// Writes a pre-push hook into this clone, or an update hook into a remote on this machine.
///
/// The hook asks `tagboat hooks run` where tagboat is on PATH, and guards the basics in sh where it is not. It lies where
/// git looks for hooks: core.hooksPath counts. Who must push all the same sets ALLOW_PROTECTED_TAG_PUSH to the reason,
/// which is recorded at refs/tagboat/overrides/ on the remote.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat hooks install
  tagboat hooks install --chain             keep the hook that is there, and run it first
  tagboat hooks install --remote /srv/git/shop.git")]
pub(crate) struct InstallArgs {
    /// The folder of a repository on this machine that others push to: it gets an update hook.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) remote: Option<PathBuf>,
    /// Where there is a hook already, run it first: it is moved to `<hook>.chained`.
    #[arg(long)]
    pub(crate) chain: bool,
}

/// Takes the hook away, and puts back the one that it chained.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat hooks uninstall
  tagboat hooks uninstall --remote /srv/git/shop.git")]
pub(crate) struct UninstallArgs {
    /// The folder of a repository on this machine that others push to.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) remote: Option<PathBuf>,
}

/// Judges a push: reads `REF OLD NEW`, one a line, on standard input, and prints those that are refused.
///
/// Exit 3 where one is. Run in the repository that the hook belongs to.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat hooks run update")]
pub(crate) struct RunArgs {
    /// Which hook asks.
    #[arg(value_name = "pre-push|update", hide_possible_values = true)]
    pub(crate) hook: Asking,
}

/// A hook that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Asking {
    /// In a developer's clone.
    PrePush,
    /// In a remote.
    Update,
}
