//! `tagboat publish`.

use std::path::PathBuf;

use clap::Args;

use super::build::Arch;

/// Adds built packages to the signed APT repository in a folder.
///
/// The key is read from the environment: GPG_PRIVATE_KEY (armoured), and GPG_PASSPHRASE if it has one; or from
/// the file that --key names. It must be the one whose fingerprint is configured as `publish.key`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat publish api/v1.2.0                what `tagboat build api/v1.2.0` made
  tagboat publish api/v1.2.0 --key secret.asc")]
pub(crate) struct PublishArgs {
    /// A version tag, or a project by its path; `.` is the one at the root.
    #[arg(value_name = "VERSION|PROJECT")]
    pub(crate) what: Option<String>,
    /// Which packages.
    #[arg(long, value_enum, default_value_t = Arch::All, value_name = "amd64|arm64|all")]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) arch: Arch,
    /// A file with the armoured secret key, instead of GPG_PRIVATE_KEY.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Take over a repository that this other key signed, which is still its key.asc.
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) accept_key: Option<String>,
    /// Show the steps, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
