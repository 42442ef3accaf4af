//! `tagboat keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Signing keys.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  tagboat keys new --user 'Acme Packages <packages@acme.example>' --out secret.asc")]
pub(crate) enum KeysVerb {
    #[command(about = "Make a key that signs repositories")]
    New(NewArgs),
}

/// Makes an Ed25519 key that signs, and writes its secret part to a file that only you can read.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat keys new --user 'Acme Packages <packages@acme.example>' --out secret.asc")]
pub(crate) struct NewArgs {
    /// Whose key it is.
    #[arg(long, value_name = "NAME <MAIL>")]
    pub(crate) user: String,
    /// Where the armoured secret key goes; it must not exist yet. Keep it out of git.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Days until it expires, 3650 at most.
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub(crate) days: u32,
}
