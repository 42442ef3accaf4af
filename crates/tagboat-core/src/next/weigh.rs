//! What commits ask for together. In: commits, newest first. Out: the reason of each; what is undone within
//! them weighs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::commit::CommitSha;
use crate::conventional::{Change, Message, Undone};
use crate::ports::LogEntry;

/// A commit and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The commit.
    pub commit: CommitSha,
    /// The first line of its message.
    pub subject: String,
    /// What it asks of the next version.
    pub asks: Asks,
}

/// What a commit asks of the next version, seen among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// This.
    For(Change),
    /// Nothing: its type says that what is delivered is the same.
    Nothing,
    /// Nothing: this later commit undoes it.
    UndoneBy(CommitSha),
    /// Nothing: all that it does is to undo earlier commits that are among these.
    Undoes,
}

/// `breaking`, `feature`, `patch`, or `nothing` and why.
impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(Change::Breaking) => f.write_str("breaking"),
            Self::For(Change::Feature) => f.write_str("feature"),
            Self::For(Change::Patch) => f.write_str("patch"),
            Self::Nothing => f.write_str("nothing"),
            Self::UndoneBy(commit) => write!(f, "nothing: {} undoes it", commit.short()),
            Self::Undoes => f.write_str("nothing: what it undoes is here"),
        }
    }
}

/// The most that any of them asks for.
pub(super) fn strongest(reasons: &[Reason]) -> Option<Change> {
    let changes = reasons.iter().filter_map(|reason| match reason.asks {
        Asks::For(change) => Some(change),
        Asks::Nothing | Asks::UndoneBy(_) | Asks::Undoes => None,
    });
    changes.max()
}

/// Judges each commit. A revert counts only if nothing newer undoes it in turn, so newest first is the
/// order that decides.
pub(super) fn weigh<'a>(commits: impl IntoIterator<Item = &'a LogEntry>) -> Vec<Reason> {
    let entries: Vec<&LogEntry> = commits.into_iter().collect();
    let messages: Vec<Message<'_>> =
        entries.iter().map(|entry| Message::parse(&entry.message)).collect();
    let places = Places::new(&entries, &messages);
    // For each commit the one that undoes it.
    let mut undone: Vec<Option<usize>> = vec![None; entries.len()];
    let mut asks = Vec::with_capacity(entries.len());
    for (place, message) in messages.iter().enumerate() {
        let alone = || message.change().map_or(Asks::Nothing, Asks::For);
        asks.push(match &message.revert {
            Some(revert) if undone[place].is_none() => {
                let targets = places.find(&revert.undone, place, &undone);
                for target in targets.iter().flatten() {
                    undone[*target] = Some(place);
                }
                // Whoever says that a revert breaks something means more than that it undoes.
                let whole = targets.iter().all(Option::is_some) && !targets.is_empty();
                if whole && message.breaking().is_none() { Asks::Undoes } else { alone() }
            }
            Some(_) | None => alone(),
        });
    }
    let reasons = entries.iter().zip(&messages).zip(asks).zip(undone);
    reasons
        .map(|(((entry, message), asks), undone)| Reason {
            commit: entry.sha.clone(),
            subject: message.subject.to_owned(),
            asks: undone.map_or(asks, |by| Asks::UndoneBy(entries[by].sha.clone())),
        })
        .collect()
}

/// Where each commit stands, by its id and by its subject.
struct Places<'a> {
    by_id: BTreeMap<&'a str, usize>,
    by_subject: BTreeMap<&'a str, BTreeSet<usize>>,
}

impl<'a> Places<'a> {
    fn new(entries: &[&'a LogEntry], messages: &[Message<'a>]) -> Self {
        let mut places = Self { by_id: BTreeMap::new(), by_subject: BTreeMap::new() };
        for (place, (entry, message)) in entries.iter().zip(messages).enumerate() {
            places.by_id.insert(entry.sha.as_str(), place);
            places.by_subject.entry(message.subject).or_default().insert(place);
        }
        places
    }

    /// The places of what a revert at `from` undoes; `None` for what is not among these commits. A subject
    /// means the newest older commit of that subject that still stands.
    fn find(
        &self,
        named: &Undone<'_>,
        from: usize,
        undone: &[Option<usize>],
    ) -> Vec<Option<usize>> {
        match named {
            Undone::Ids(ids) => {
                // Nobody undoes himself, though a short id may happen to be one's own.
                ids.iter().map(|id| self.id(id).filter(|place| *place != from)).collect()
            }
            Undone::Subject(subject) => {
                let older = self.by_subject.get(subject).map(|places| places.range(from + 1..));
                let standing = older.into_iter().flatten().find(|place| undone[**place].is_none());
                vec![standing.copied()]
            }
            Undone::Unnamed => Vec::new(),
        }
    }

    fn id(&self, short: &str) -> Option<usize> {
        let short = short.to_ascii_lowercase();
        let (id, place) = self.by_id.range(short.as_str()..).next()?;
        id.starts_with(&short).then_some(*place)
    }
}
