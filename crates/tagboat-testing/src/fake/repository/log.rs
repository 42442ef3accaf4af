//! The log in memory. In: a query. Out: commits with their messages, where history is a line.

use std::collections::{BTreeMap, BTreeSet};

use tagboat_core::commit::ObjectId;
use tagboat_core::ports::{Log, LogEntry, LogQuery, RepositoryError, Since};

use super::{Object, Remote};

impl Remote {
    pub(super) fn log(&self, query: &LogQuery<'_>) -> Result<Log, RepositoryError> {
        query.paths.iter().try_for_each(|path| check_path(path))?;
        let behind: BTreeSet<&ObjectId> = self.line(query.until.object()).collect();
        let (since, begin) = match query.since {
            Since::Beginning => (None, None),
            Since::FirstOf(candidates) => {
                let first = candidates.iter().position(|it| behind.contains(it.object()));
                let Some(place) = first else { return Ok(Log::default()) };
                (Some(place), Some(candidates[place].object()))
            }
        };
        let new = self.line(query.until.object()).take_while(|id| Some(*id) != begin);
        let entries: Vec<LogEntry> = new.filter_map(|id| self.entry(id, query.paths)).collect();
        if entries.len() > query.limit {
            let what = format!("more than {} commits", query.limit);
            return Err(RepositoryError::Unexpected(what));
        }
        Ok(Log { since, entries })
    }

    /// A commit and what is behind it, newest first.
    fn line<'r>(&'r self, from: &'r ObjectId) -> impl Iterator<Item = &'r ObjectId> {
        std::iter::successors(Some(from), |id| match self.objects.get(id) {
            Some(Object::Commit { parents, .. }) => parents.first(),
            Some(Object::Tag(_)) | None => None,
        })
    }

    /// A commit of the log, if it touched one of these paths.
    fn entry(&self, id: &ObjectId, paths: &[&str]) -> Option<LogEntry> {
        let Some(Object::Commit { message, parents, files, .. }) = self.objects.get(id) else {
            return None;
        };
        let empty = BTreeMap::new();
        let before = match parents.first().and_then(|parent| self.objects.get(parent)) {
            Some(Object::Commit { files, .. }) => files,
            Some(Object::Tag(_)) | None => &empty,
        };
        let mut names = before.keys().chain(files.keys());
        let changed = |name: &String| before.get(name) != files.get(name);
        // As git: where no path limits the log, a commit that changes nothing is in it.
        let touched = paths.contains(&"")
            || names.any(|name| changed(name) && paths.iter().any(|path| is_below(name, path)));
        touched.then(|| LogEntry { sha: id.clone().into(), message: message.clone() })
    }
}

fn is_below(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// As the real one: a path that leads nowhere else.
fn check_path(path: &str) -> Result<(), RepositoryError> {
    let odd = |part: &str| matches!(part, "" | "." | "..") || part.contains('\0');
    if path.is_empty() || !path.split('/').any(odd) {
        return Ok(());
    }
    Err(RepositoryError::Unexpected(format!("{path:?} is no path from the repository's root")))
}
