//! What was committed. In: where a log begins and ends, and paths. Out: each commit's id and message, mostly
//! from a single `git log`.

use std::collections::HashSet;

use tagboat_core::commit::CommitSha;
use tagboat_core::ports::{Log, LogEntry, LogQuery, RepositoryError, Scope, Since};

use super::GitRepository;

/// How much larger each further question about ancestors is than the one before: so that a release branch
/// below hundreds of versions needs no hundreds of programs.
const GROWTH: usize = 16;

/// What a user's settings would change in our log (git-config(1), `log.*`): a single path would be followed
/// through renames, and signatures verified in between.
const SETTINGS: [&str; 4] = ["-c", "log.follow=false", "-c", "log.showSignature=false"];

/// The commits of a range, and those just outside that they stand on.
struct Range {
    entries: Vec<LogEntry>,
    edge: HashSet<CommitSha>,
}

impl GitRepository {
    /// The first candidate is taken for the one to begin with before it is known to be: mostly it is, and
    /// the log says so itself, for a commit at its edge is an ancestor of one in it. A walk of its own
    /// to ask for ancestors costs a third of the log.
    pub(super) fn read_log(
        &self,
        scope: &Scope<'_>,
        query: &LogQuery<'_>,
    ) -> Result<Log, RepositoryError> {
        query.paths.iter().try_for_each(|path| check_path(path))?;
        if self.is_shallow() {
            return Err(RepositoryError::Shallow);
        }
        let candidates = match query.since {
            Since::Beginning => {
                let range = self.range(scope, query, None)?;
                return range.into_log(None, query);
            }
            Since::FirstOf(candidates) => candidates,
        };
        let Some(first) = candidates.first() else { return Ok(Log::default()) };
        let range = self.range(scope, query, Some(first))?;
        if range.edge.contains(first) {
            return range.into_log(Some(0), query);
        }
        match self.first_ancestor(scope, candidates, query.until)? {
            None => Ok(Log::default()),
            Some(0) => range.into_log(Some(0), query),
            Some(place) => {
                let range = self.range(scope, query, candidates.get(place))?;
                range.into_log(Some(place), query)
            }
        }
    }

    /// History is simplified as git does it by default, which is also its cheapest way: whole side
    /// branches are skipped where the files are what they were. Without `--topo-order`, which costs a fifth
    /// more: a commit comes before its parents as it is, unless clocks were wrong.
    fn range(
        &self,
        scope: &Scope<'_>,
        query: &LogQuery<'_>,
        since: Option<&CommitSha>,
    ) -> Result<Range, RepositoryError> {
        if query.paths.is_empty() {
            return Ok(Range { entries: Vec::new(), edge: HashSet::new() });
        }
        // `--parents` makes the edge that of the commits with these paths (git-log(1), "Parent Rewriting").
        let edge = since.map(|_| ["--parents", "--boundary"]);
        let most = query.limit.saturating_add(1);
        let command = self
            .command(SETTINGS)
            // `log.decorate` would make it read every ref.
            .args(["log", "-z", "--no-merges", "--no-decorate"])
            .args(["--encoding=UTF-8", "--format=tformat:%m%H%x00%B"])
            .args(edge.into_iter().flatten())
            .arg(format!("--max-count={most}"))
            .arg(query.until.as_str())
            .args(since.map(|since| format!("^{since}")))
            .arg("--");
        // The empty path is everything; git has no literal path for it.
        let everything = query.paths.contains(&"");
        let paths = query.paths.iter().filter(|_| !everything);
        let command = command.args(paths.map(|path| format!(":(top,literal){path}")));
        parse(&self.git.checked(scope, &command)?.stdout)
    }

    /// The place of the first candidate that `descendant` is or descends from. Such a one is not among the
    /// commits that `descendant` lacks: so one walk answers for many.
    fn first_ancestor(
        &self,
        scope: &Scope<'_>,
        candidates: &[CommitSha],
        descendant: &CommitSha,
    ) -> Result<Option<usize>, RepositoryError> {
        let (mut from, mut size) = (0, 1);
        while from < candidates.len() {
            let to = candidates.len().min(from + size);
            let lacking = self.lacking(scope, &candidates[from..to], descendant)?;
            let lacking: HashSet<&[u8]> = lacking.split(|byte| *byte == b'\n').collect();
            let behind = |commit: &CommitSha| !lacking.contains(commit.as_str().as_bytes());
            if let Some(place) = candidates[from..to].iter().position(behind) {
                return Ok(Some(from + place));
            }
            (from, size) = (to, size.saturating_mul(GROWTH));
        }
        Ok(None)
    }

    /// Those behind `commits` that are not behind `descendant`, one id a line.
    fn lacking(
        &self,
        scope: &Scope<'_>,
        commits: &[CommitSha],
        descendant: &CommitSha,
    ) -> Result<Vec<u8>, RepositoryError> {
        // Asked for as commits: a tag may lead to anything, and git would leave out what is none.
        let mut lines: String =
            commits.iter().map(|commit| format!("{commit}^{{commit}}\n")).collect();
        lines.push_str(&format!("^{descendant}\n"));
        let command = self.command(["rev-list", "--stdin"]).stdin(lines);
        Ok(self.git.checked(scope, &command)?.stdout)
    }
}

impl Range {
    fn into_log(self, since: Option<usize>, query: &LogQuery<'_>) -> Result<Log, RepositoryError> {
        if self.entries.len() > query.limit {
            let (limit, until) = (query.limit, query.until.short());
            let what = format!("more than {limit} commits up to {until}");
            return Err(RepositoryError::Unexpected(what));
        }
        Ok(Log { since, entries: self.entries })
    }
}

/// A path from the repository's root that leads nowhere else.
fn check_path(path: &str) -> Result<(), RepositoryError> {
    let odd = |part: &str| matches!(part, "" | "." | "..") || part.contains('\0');
    if path.is_empty() || !path.split('/').any(odd) {
        return Ok(());
    }
    let path: String = path.chars().take(100).collect();
    Err(RepositoryError::Unexpected(format!("{path:?} is no path from the repository's root")))
}

/// Reads `<mark><id> NUL <message> NUL` until the end; the mark is `-` at the edge, else `>`. git ends a message
/// at a NUL in it, so none can look like the next commit.
fn parse(bytes: &[u8]) -> Result<Range, RepositoryError> {
    let odd = |what: &str| RepositoryError::Unexpected(format!("git log: {what}"));
    let mut range = Range { entries: Vec::new(), edge: HashSet::new() };
    let mut fields = bytes.split(|byte| *byte == 0);
    while let Some([mark, id @ ..]) = fields.next() {
        let id = String::from_utf8_lossy(id);
        let sha = CommitSha::parse(&id).map_err(|error| odd(&error.to_string()))?;
        let message = fields.next().ok_or_else(|| odd("it ended too early"))?;
        if *mark == b'-' {
            range.edge.insert(sha);
        } else {
            let message = String::from_utf8_lossy(message).trim_end_matches('\n').to_owned();
            range.entries.push(LogEntry { sha, message });
        }
    }
    Ok(range)
}
