//! `tagboat init` and `tagboat completions`.

use clap::Args;
use clap_complete::Shell;

/// Writes a first configuration that works and explains itself in comments. Existing files stay as they are.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat init
  tagboat init --dry-run")]
pub(crate) struct InitArgs {
    /// Show the files, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Prints a completion script.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat completions bash > /etc/bash_completion.d/tagboat")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
