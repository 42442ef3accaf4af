//! A project's history. In: the repository and the project's version tags. Out: what the next version follows
//! from.

use std::collections::BTreeSet;

use crate::commit::CommitSha;
use crate::listing::{Listing, TaggedVersion};
use crate::ports::{LogQuery, Repository, RepositoryError, Scope, Since};
use crate::version::{ProjectPath, Version};

use super::History;

/// Most commits of one project between two versions. A thousand commits take about a megabyte; the bound
/// stays below [`crate::command::OUTPUT_LIMIT`] for messages of ordinary length.
pub const LOG_LIMIT: usize = 50_000;

/// What history is asked for.
#[derive(Clone, Copy, Debug)]
pub struct HistoryRequest<'a> {
    /// The project.
    pub project: &'a ProjectPath,
    /// Its path, and the shared paths that count as its own (SPEC E7, `also`): see [`LogQuery::paths`].
    pub paths: &'a [&'a str],
    /// The commit that shall get a version.
    pub commit: &'a CommitSha,
}

/// Reads what the next version follows from: one log since the highest version, and where that is a
/// pre-release, another since the highest final one.
///
/// # Errors
/// See [`RepositoryError`].
pub fn observe_history(
    repository: &dyn Repository,
    scope: &Scope<'_>,
    listing: &Listing,
    request: HistoryRequest<'_>,
) -> Result<History, RepositoryError> {
    let tagged: Vec<(&Version, &TaggedVersion)> = listing.versions_of(request.project).collect();
    let versions = tagged.iter().map(|(version, _)| (*version).clone()).collect();
    // What came since the first of some versions that the commit descends from, and which that is.
    let since = |tags: &[&(&Version, &TaggedVersion)]| {
        let commits: Vec<CommitSha> = tags.iter().map(|(_, tag)| tag.commit.clone()).collect();
        let query = LogQuery {
            until: request.commit,
            since: Since::FirstOf(&commits),
            paths: request.paths,
            limit: LOG_LIMIT,
        };
        let log = repository.log(scope, &query)?;
        let found = log.since.and_then(|place| tags.get(place));
        Ok((found.map(|(version, _)| (*version).clone()), log.entries))
    };

    let downwards: Vec<_> = tagged.iter().rev().collect();
    let (last, commits) = since(&downwards)?;
    let mut history = History { versions, last, commits, ..History::default() };
    if !history.last.as_ref().is_some_and(Version::is_prerelease) {
        history.last_final.clone_from(&history.last);
        return Ok(history);
    }
    let finals: Vec<_> = downwards.into_iter().filter(|(it, _)| !it.is_prerelease()).collect();
    let (last_final, all) = since(&finals)?;
    if last_final.is_some() {
        let new: BTreeSet<&CommitSha> = history.commits.iter().map(|entry| &entry.sha).collect();
        let old = all.iter().map(|entry| &entry.sha).filter(|sha| !new.contains(sha));
        history.before_last = old.cloned().collect();
        history.commits = all;
        history.last_final = last_final;
    }
    Ok(history)
}
