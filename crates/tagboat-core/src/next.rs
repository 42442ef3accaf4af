//! The next version (SPEC V5). In: a project's history since its last version. Out: the version that follows
//! from it and the reason of each commit, or why there is none.
//!
//! - The base is the highest version tag that the commit descends from. Tags on other branches are no base;
//!   but a number that stands anywhere is never proposed again: that is refused, and a pre-release counts on
//!   from the highest of its channel anywhere.
//! - What commits ask for is counted from the last *final* version, so `rc.2` is a pre-release of the same
//!   version as `rc.1`, unless something larger came in between. A number that a pre-release has announced
//!   is not taken back.
//! - From 1.0.0 on a break raises the major number, a feature the minor, anything else the patch. Below
//!   1.0.0 each counts one place lower: a break raises the minor number, all else the patch. So do git-cliff,
//!   release-plz and knope by default, and so do Cargo and npm read `^0.2.3`. 1.0.0 is a promise: somebody
//!   makes it, by tagging it.
//! - A project without a version begins at 0.1.0 (semver.org, "How should I deal with revisions in the
//!   0.y.z initial development phase?"), and so does a renamed one, whose tags bear its old name: whoever
//!   wants the numbers to go on tags the new name once.
//! - A commit that is undone by a later one in the same range asks for nothing, and neither does the later.
//!   Merges are not listed. What undoes a whole merge by the merge's id stays a patch, and what the merge
//!   brought in still counts: the version is then higher than it need be, never lower.

mod error;
mod numbers;
mod observe;
mod order;
mod weigh;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::commit::CommitSha;
use crate::listing::Listing;
use crate::ports::LogEntry;
use crate::version::{ProjectPath, Version};

pub use error::NextError;
pub use observe::{HistoryRequest, LOG_LIMIT, observe_history};
pub use order::{DebianOrder, admit, check_order};
pub use weigh::{Asks, Reason};

use numbers::Numbers;

/// Where pre-releases of a version stand, the furthest from it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// `-alpha.1`
    Alpha,
    /// `-beta.1`
    Beta,
    /// `-rc.1`
    Rc,
}

impl Channel {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::Alpha, Self::Beta, Self::Rc];

    /// The identifier before the number.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Rc => "rc",
        }
    }

    /// The channel of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.word() == word)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What kind of version is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// One without a pre-release.
    Final,
    /// The next pre-release of a channel.
    Prerelease(Channel),
}

/// What was raised against the last final version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bump {
    /// There is no final version yet.
    First,
    /// X.Y.**Z**
    Patch,
    /// X.**Y**.Z
    Minor,
    /// **X**.Y.Z
    Major,
}

/// What a next version follows from: see [`observe_history`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Every version of the project, whether or not the commit descends from it; lowest first.
    pub versions: Vec<Version>,
    /// The highest that the commit descends from.
    pub last: Option<Version>,
    /// The highest of these without a pre-release.
    pub last_final: Option<Version>,
    /// The commits that touched the project since `last_final`, or since `last` where there is none; newest
    /// first. Not asked for where there is neither.
    pub commits: Vec<LogEntry>,
    /// Those of them that are in `last` already; none where that is final.
    pub before_last: BTreeSet<CommitSha>,
}

/// A version that does not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextVersion {
    /// The version that it follows.
    pub base: Option<Version>,
    /// What it raises.
    pub bump: Bump,
    /// The version.
    pub version: Version,
    /// Every commit since the last final version with what it asks for, newest first. Empty for a first
    /// version, which no commit decides.
    pub reasons: Vec<Reason>,
}

/// The version that follows from a history.
///
/// # Errors
/// See [`NextError`].
pub fn next_version(
    project: &ProjectPath,
    history: &History,
    goal: Goal,
    debian: DebianOrder<'_>,
) -> Result<NextVersion, NextError> {
    let Some(last) = &history.last else {
        if let Some(highest) = history.versions.last() {
            return Err(NextError::Elsewhere { highest: highest.clone() });
        }
        let version = goal.version(project, Numbers::FIRST, history)?;
        return Ok(NextVersion { base: None, bump: Bump::First, version, reasons: Vec::new() });
    };
    let reasons = weigh::weigh(&history.commits);
    let asked = weigh::strongest(&reasons);
    let announced = last.is_prerelease().then(|| Numbers::of(last));
    // A final version of what was announced needs no further commit; all else needs one that asks.
    if announced.is_none() || goal != Goal::Final {
        let new = history.new_commits();
        if weigh::strongest(&weigh::weigh(new.iter().copied())).is_none() {
            let commits = new.len();
            return Err(NextError::NothingAsked { last: last.clone(), commits, reasons });
        }
    }
    let before = history.last_final.as_ref().map(Numbers::of);
    let raised = match (before, asked) {
        (Some(before), Some(change)) => Some(before.raised(change)?),
        _ => None,
    };
    // One of the two is there: `last` is final, and a commit asked; or it is not, and has announced.
    let numbers = raised.max(announced).unwrap_or_else(|| Numbers::of(last));
    let version = goal.version(project, numbers, history)?;
    order::admit(&version, &history.versions, debian)?;
    let bump = before.map_or(Bump::First, |before| numbers.bump_from(before));
    Ok(NextVersion { base: Some(last.clone()), bump, version, reasons })
}

/// The version without the pre-release, on the commit that bears it: of the highest version tag there.
///
/// # Errors
/// [`NextError::NoPrerelease`]; [`NextError::Exists`] where the final version is tagged already;
/// [`NextError::Orders`].
pub fn final_version(
    listing: &Listing,
    project: &ProjectPath,
    commit: &CommitSha,
    debian: DebianOrder<'_>,
) -> Result<Version, NextError> {
    let here = listing.versions_of(project).filter(|(_, tag)| tag.commit == *commit);
    let here = here.map(|(version, _)| version);
    let Some(last) = here.max().filter(|version| version.is_prerelease()) else {
        return Err(NextError::NoPrerelease { commit: commit.clone() });
    };
    let version = Numbers::of(last).version(project, "")?;
    let existing: Vec<&Version> = listing.versions_of(project).map(|(it, _)| it).collect();
    order::admit(&version, existing, debian)?;
    Ok(version)
}

/// The version of a build between tags: `X.Y.(Z+1)-0.<n>.g<sha>` after a final version,
/// `X.Y.Z-rc.1.0.<n>.g<sha>` after a pre-release, `0.1.0-0.<n>.g<sha>` before the first. It sorts after
/// what it follows and before whatever may come next, for SemVer and for dpkg.
///
/// `commits` counts those that touched the project since `last`; `built` is the commit that is built.
///
/// # Errors
/// [`NextError::TooLarge`] and [`NextError::Version`].
pub fn build_version(
    project: &ProjectPath,
    last: Option<&Version>,
    commits: usize,
    built: &CommitSha,
) -> Result<Version, NextError> {
    let build = format!("0.{commits}.g{}", built.short());
    match last {
        None => Numbers::FIRST.version(project, &build),
        Some(last) => match last.prerelease() {
            Some(prerelease) => {
                Numbers::of(last).version(project, &format!("{prerelease}.{build}"))
            }
            None => Numbers::of(last).patched()?.version(project, &build),
        },
    }
}

/// Whether a version reads like one of [`build_version`]'s: a pre-release that ends in `0.<n>.g<sha>`.
#[must_use]
pub fn is_build(version: &Version) -> bool {
    let prerelease = version.prerelease().unwrap_or_default();
    let identifiers: Vec<&str> = prerelease.split('.').collect();
    let [.., "0", count, commit] = identifiers[..] else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let sha = commit.strip_prefix('g').unwrap_or_default();
    digits(count) && sha.len() >= 7 && sha.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl History {
    /// How many commits touched the project since `last`.
    #[must_use]
    pub fn commits_since_last(&self) -> usize {
        self.new_commits().len()
    }

    /// The commits that `last` has not.
    fn new_commits(&self) -> Vec<&LogEntry> {
        self.commits.iter().filter(|entry| !self.before_last.contains(&entry.sha)).collect()
    }
}

impl Goal {
    /// The version of these numbers. A pre-release counts on from the highest of its channel that exists,
    /// wherever that is tagged.
    fn version(
        self,
        project: &ProjectPath,
        numbers: Numbers,
        history: &History,
    ) -> Result<Version, NextError> {
        let Self::Prerelease(channel) = self else { return numbers.version(project, "") };
        let same = history.versions.iter().filter(|version| Numbers::of(version) == numbers);
        let counts = same.filter_map(|version| {
            let prerelease = version.prerelease()?;
            prerelease.strip_prefix(channel.word())?.strip_prefix('.')?.parse::<u64>().ok()
        });
        let count = counts.max().unwrap_or(0).checked_add(1).ok_or(NextError::TooLarge)?;
        numbers.version(project, &format!("{channel}.{count}"))
    }
}

#[cfg(test)]
mod tests;
