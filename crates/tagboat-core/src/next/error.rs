//! Why there is no next version. In: what stood in its way. Out: a sentence.

use std::fmt;

use crate::commit::CommitSha;
use crate::version::{Version, VersionError};

use super::Reason;

/// Why no version is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextError {
    /// Nothing that asks for a version touched the project since the last one.
    NothingAsked {
        /// The last version.
        last: Version,
        /// How many commits touched the project since then.
        commits: usize,
        /// The commits since the last final version with what they ask for, newest first.
        reasons: Vec<Reason>,
    },
    /// The project has versions, but the commit descends from none of them: a first version would be lower
    /// than what is out.
    Elsewhere {
        /// The highest of them.
        highest: Version,
    },
    /// The version, or a higher one of the same three numbers, is tagged already. The commit does not
    /// descend from it, or the channel would go down.
    Exists {
        /// What would have been proposed.
        version: Version,
        /// What is there.
        existing: Box<Version>,
    },
    /// SemVer and dpkg do not order the two in the same way.
    Orders {
        /// What would have been proposed.
        version: Version,
        /// What is there.
        existing: Box<Version>,
    },
    /// The highest version tag on the commit is no pre-release, or it has none.
    NoPrerelease {
        /// The commit.
        commit: CommitSha,
    },
    /// A number would be above 2^64 - 1.
    TooLarge,
    /// The version breaks a rule of versions, as by its length.
    Version(VersionError),
}

impl fmt::Display for NextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingAsked { last, commits: 0, .. } => {
                write!(f, "no commit touched the project since {last}")
            }
            Self::NothingAsked { last, commits, .. } => {
                let (noun, verb) =
                    if *commits == 1 { ("commit", "asks") } else { ("commits", "ask") };
                write!(f, "the {commits} {noun} since {last} {verb} for no new version")
            }
            Self::Elsewhere { highest } => write!(
                f,
                "the project has versions up to {highest}, but this commit descends from none of them"
            ),
            Self::Exists { version, existing } if *version == **existing => {
                write!(f, "{version} exists already, on a commit that is not behind this one")
            }
            Self::Exists { version, existing } => {
                write!(f, "{version} would be lower than {existing}, which exists already")
            }
            Self::Orders { version, existing } => write!(
                f,
                "SemVer and dpkg disagree on which of {version} and {existing} is the higher one"
            ),
            Self::NoPrerelease { commit } => {
                write!(f, "the highest version on commit {} is no pre-release", commit.short())
            }
            Self::TooLarge => f.write_str("a number of the version would be above 2^64 - 1"),
            Self::Version(error) => write!(f, "the next version is not sound: {error}"),
        }
    }
}

impl std::error::Error for NextError {}
