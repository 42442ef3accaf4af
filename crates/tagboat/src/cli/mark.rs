//! `tagboat mark`.

use clap::{Args, ValueEnum};
use tagboat_core::tag::State;

/// Says what a version is worth, by a tag on its commit, here and on the remote. A mark is never taken back: unstable
/// holds over stable, and deprecated over both.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat mark stable api/v1.2.0       roll-backs prefer it
  tagboat mark unstable api/v1.2.0     not to be trusted yet
  tagboat mark deprecated api/v1.1.0   roll-backs never choose it")]
pub(crate) struct MarkArgs {
    /// What it is.
    #[arg(value_enum, value_name = "stable|unstable|deprecated", hide_possible_values = true)]
    pub(crate) state: Mark,
    /// The version tag.
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// Say which tag would be made, and make none.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What a version is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mark {
    /// Preferred where one must be chosen.
    Stable,
    /// Not to be trusted yet.
    Unstable,
    /// Not to be rolled back to.
    Deprecated,
}

impl Mark {
    /// The same, as tags say it.
    pub(crate) const fn state(self) -> State {
        match self {
            Self::Stable => State::Stable,
            Self::Unstable => State::Unstable,
            Self::Deprecated => State::Deprecated,
        }
    }
}
