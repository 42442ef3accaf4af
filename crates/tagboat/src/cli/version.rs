//! `tagboat version`.

use clap::{Args, Subcommand, ValueEnum};
use tagboat_core::next::Channel;

use super::ReadArgs;

/// Versions: which comes next and why, and the tags that give them.
///
/// The next version follows from the last version tag behind the commit, and from the conventional commits since then
/// that touched the project's path or its shared paths (`also`). A break raises the major number, a feature the minor,
/// anything else the patch; below 1.0.0 each counts one place lower. `chore`, `ci`, `docs`, `style` and `test` ask for
/// nothing, and neither does what a later commit reverts.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  tagboat version next               of every project
  tagboat version next api           of one, and why
  tagboat version tag api            make it: tag HEAD, here and on the remote
  tagboat version tag api --pre rc   a pre-release of it
  tagboat version final api          what the pre-release was for")]
pub(crate) enum VersionVerb {
    #[command(about = "The next version of a project, and why")]
    Next(NextArgs),
    #[command(about = "Tag a version, here and on the remote")]
    Tag(TagArgs),
    #[command(about = "Drop the pre-release, on the same commit")]
    Final(FinalArgs),
    #[command(about = "Make version tags of the tags from before")]
    Adopt(AdoptArgs),
}

/// Shows the next version, alone on standard output, and what each commit asks for beside it.
///
/// Exits with 3 where no commit asks for a new version.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat version next
  tagboat version next api
  tagboat version next api --pre rc
  tagboat version next api --quiet            only the version
  tagboat version next api --commit release   as if that branch were tagged")]
pub(crate) struct NextArgs {
    /// The project, by its path; `.` is the one at the root. Without one: every project.
    #[arg(value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// Which commit.
    #[command(flatten)]
    pub(crate) of: OfArgs,
    /// How the state is read.
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// What a version is of.
#[derive(Args, Debug)]
pub(crate) struct OfArgs {
    /// A pre-release, counted up.
    #[arg(long, value_enum, value_name = "alpha|beta|rc", hide_possible_values = true)]
    pub(crate) pre: Option<Pre>,
    /// The commit that the version is for, in any way that git names one.
    #[arg(long, value_name = "COMMIT", default_value = "HEAD")]
    pub(crate) commit: String,
}

/// Makes an annotated tag and pushes it, alone and never by force: what the remote has stays.
///
/// It is signed where git has a key: with `user.signingKey` set, unless `tag.gpgSign` is off; and where `tag.gpgSign` is
/// on. The commit must be on the remote.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat version tag api                     the next version
  tagboat version tag api --pre beta
  tagboat version tag api/v1.0.0 --message 'First promise'
  tagboat version tag api --dry-run")]
pub(crate) struct TagArgs {
    /// The project, which gets its next version, or the version itself. May be left out where there is one project.
    #[arg(value_name = "PROJECT|VERSION")]
    pub(crate) what: Option<String>,
    /// Which commit.
    #[command(flatten)]
    pub(crate) of: OfArgs,
    /// How the tag is made.
    #[command(flatten)]
    pub(crate) make: MakeArgs,
}

/// How a tag is made.
#[derive(Args, Debug)]
pub(crate) struct MakeArgs {
    /// The tag's message; its name, where none is given.
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Say which tag would be made, and make none.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Tags the version that a pre-release was for, on the pre-release's commit, and pushes it as `version tag` does.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat version final api               of the highest version
  tagboat version final api/v1.3.0-rc.2   of this one")]
pub(crate) struct FinalArgs {
    /// The project or the pre-release. May be left out where there is one project.
    #[arg(value_name = "PROJECT|VERSION")]
    pub(crate) what: Option<String>,
    /// How the tag is made.
    #[command(flatten)]
    pub(crate) make: MakeArgs,
}

/// Reads the tags that the remote has from before, as `v1.2.3`, `api-v1.2.3` and `api@1.2.3`, and makes version tags at
/// the same commits. The old tags stay.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat version adopt --dry-run   which tags would be made, and which could not
  tagboat version adopt             make and push them")]
pub(crate) struct AdoptArgs {
    /// Say which tags would be made, and make none.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The channel of a pre-release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pre {
    /// `-alpha.1`
    Alpha,
    /// `-beta.1`
    Beta,
    /// `-rc.1`
    Rc,
}

impl Pre {
    /// The same, as the rules name it.
    pub(crate) const fn channel(self) -> Channel {
        match self {
            Self::Alpha => Channel::Alpha,
            Self::Beta => Channel::Beta,
            Self::Rc => Channel::Rc,
        }
    }
}
