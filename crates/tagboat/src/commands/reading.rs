//! The state, read from git (SPEC V6, V8). In: the remote and this clone. Out: every tag by its meaning, and
//! ledgers that were checked.

use std::collections::{BTreeMap, BTreeSet};

use tagboat_core::command::Command;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{History, Ledger, LedgerError, Protection, Signed};
use tagboat_core::listing::{
    FetchPlan, Listing, MovedTag, REMOTE_PATTERNS, Source, TAGS, plan_fetch,
};
use tagboat_core::ports::{FetchSpec, ListedRef, RepositoryError, Runner as _, Scope, TagObject};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag, Environments};
use tagboat_core::time::readable;
use tagboat_core::version::Version;

use super::overriding::Overrides;
use super::repository::{diagnostic, in_passing};
use super::trust::{Trust, not_signed};
use crate::cli::ReadArgs;
use crate::context::Context;

/// What git says now.
#[derive(Debug)]
pub(crate) struct State {
    /// Every tag.
    pub(crate) listing: Listing,
    /// The environments there are.
    pub(crate) environments: Environments,
    /// Version and state tags that moved, which they never may.
    pub(crate) moved: Vec<MovedTag>,
}

/// What an environment tag holds.
#[derive(Debug)]
pub(crate) enum Holding {
    /// A ledger, and what its signature says.
    Ledger(Ledger, Signed),
    /// None: it is lightweight, from before Tagboat, and what was before it is not recorded.
    Bare(Bare),
}

/// What a lightweight environment tag says.
#[derive(Clone, Debug)]
pub(crate) struct Bare {
    /// What runs.
    pub(crate) commit: CommitSha,
    /// The highest version tag of the project on that commit; none where there is none.
    pub(crate) version: Option<Version>,
}

/// What was read, or why it is not to be trusted.
pub(crate) type Read<T> = std::result::Result<T, Box<Diagnostic>>;

/// The folders below `environments/` that are environments' names. Others are `check`'s business.
pub(crate) fn environments(context: &Context<'_>) -> Result<Environments> {
    let folder = context.path("environments");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Environments::default());
        }
        Err(error) => return Err(unreadable(&error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&error))?;
        let is_folder = entry.file_type().map_err(|error| unreadable(&error))?.is_dir();
        let name = entry.file_name();
        if let (true, Some(name)) = (is_folder, name.to_str()) {
            names.extend(EnvironmentName::parse(name).ok());
        }
    }
    Ok(Environments::new(names))
}

fn unreadable(error: &std::io::Error) -> Box<Diagnostic> {
    Box::new(Diagnostic::unchanged(
        "config::unreadable",
        Exit::Usage,
        format!("the folder environments/ cannot be read: {error}"),
        "nothing was done",
    ))
}

impl State {
    /// Reads all refs, for a verb that may be told not to ask the remote.
    pub(crate) fn read_as_asked(
        context: &Context<'_>,
        scope: &Scope<'_>,
        asked: &ReadArgs,
    ) -> Result<(Self, Source)> {
        let source = if asked.offline { Source::Clone } else { Source::Remote };
        match Self::read(context, scope, source) {
            Ok(state) => Ok((state, source)),
            Err(error) if error.code == "git::remote" => {
                let help = error.help.as_deref().unwrap_or_default();
                let help = format!("{help}; or read what was last fetched: `--offline`");
                Err(Box::new(error.help(help)))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads all refs, after bringing this clone up to date where the remote is the source.
    pub(crate) fn read(context: &Context<'_>, scope: &Scope<'_>, source: Source) -> Result<Self> {
        let repository = context.repository();
        let failed = |error| diagnostic(&error);
        let environments = environments(context)?;
        let mut refs = repository.refs(scope).map_err(failed)?;
        let mut moved = Vec::new();
        if source == Source::Remote {
            let remote = repository
                .remote_refs(scope, &REMOTE_PATTERNS)
                .map_err(|error| unanswered(context, scope, &error))?;
            let plan = plan_fetch(&remote, &refs, &environments);
            fetch(context, scope, &plan, &remote)?;
            let gone: Vec<_> = plan.forget.iter().map(|name| (name.clone(), None)).collect();
            if !gone.is_empty()
                && let Err(error) = repository.remember(scope, &gone)
            {
                context
                    .terminal
                    .warn(&format!("old copies of the remote's tags stay here: {error}"));
            }
            if !plan.specs.is_empty() || !gone.is_empty() {
                refs = plan.carried_out(refs, &remote);
            }
            moved = plan.moved;
        }
        let listing = Listing::read(&refs, &environments, source);
        Ok(Self { listing, environments, moved })
    }

    /// What these environment tags hold: each ledger checked for itself, for its signature, and against what this
    /// clone saw before. What was read is remembered, so that an older ledger is noticed later.
    pub(crate) fn holdings<'t>(
        &self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        trust: &Trust,
        overrides: &Overrides<'_>,
        tags: impl IntoIterator<Item = &'t EnvironmentTag>,
    ) -> Result<BTreeMap<EnvironmentTag, Read<Holding>>> {
        let deleted = self.listing.deleted();
        let (gone, tags): (Vec<&EnvironmentTag>, Vec<&EnvironmentTag>) =
            tags.into_iter().partition(|tag| deleted.contains(tag));
        let tags: Vec<&EnvironmentTag> =
            tags.into_iter().filter(|tag| self.listing.ledgers.contains_key(tag)).collect();
        let ids: Vec<ObjectId> =
            tags.iter().map(|tag| self.listing.ledgers[*tag].clone()).collect();
        let repository = context.repository();
        let objects = repository.tag_objects(scope, &ids).map_err(|error| diagnostic(&error))?;
        let reading = Reading { state: self, context, scope, trust, overrides };
        let mut holdings = BTreeMap::new();
        let mut news = Vec::new();
        for ((tag, id), object) in tags.into_iter().zip(ids).zip(objects) {
            let read = match object {
                Some(object) => reading.ledger(tag, &id, &object)?,
                None => reading.bare(tag, &id)?,
            };
            if matches!(read, Ok(Holding::Ledger(..))) && self.listing.seen.get(tag) != Some(&id) {
                news.push((tag.seen_ref(), Some(id)));
            }
            holdings.insert(tag.clone(), read);
        }
        for tag in gone {
            holdings.insert(tag.clone(), reading.gone(tag, "it was deleted")?);
        }
        let first: Vec<String> = holdings
            .iter()
            .filter(|(_, read)| matches!(read, Ok(Holding::Ledger(..))))
            .filter_map(|(tag, _)| self.is_read_first(tag).then(|| tag.to_string()))
            .collect();
        if !first.is_empty() {
            context.terminal.aside(&not_remembered(&first));
        }
        // The memory is an alarm for later; without it the answer is the same (SPEC V7).
        if !news.is_empty()
            && let Err(error) = repository.remember(scope, &news)
        {
            let error = in_passing(&error);
            context.terminal.warn(&format!(
                "what was read cannot be remembered here, so an older ledger would not be noticed later: {error}"
            ));
        }
        Ok(holdings)
    }

    /// Whether this clone remembers no earlier reading of it: a ledger that went back would not be noticed here.
    pub(crate) fn is_read_first(&self, tag: &EnvironmentTag) -> bool {
        self.listing.ledgers.contains_key(tag) && !self.listing.seen.contains_key(tag)
    }

    /// Every record of a ledger: its pages are read too, and it is held against what was seen before.
    pub(crate) fn history(
        &self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        ledger: Ledger,
    ) -> Result<Read<History>> {
        let tag = ledger.tag().clone();
        let here = self.listing.pages.get(&tag);
        let page = |number| here.and_then(|pages| pages.get(&number)).cloned();
        let pages: Option<Vec<ObjectId>> = (0..ledger.pages()).rev().map(page).collect();
        let Some(mut ids) = pages else {
            let missing = (0..ledger.pages()).rev().find(|n| page(*n).is_none()).unwrap_or(0);
            return Ok(Err(LedgerError::MissingPage(missing).diagnostic(&tag)));
        };
        let seen = self.listing.seen.get(&tag);
        ids.extend(seen.cloned());
        let mut objects =
            context.repository().tag_objects(scope, &ids).map_err(|error| diagnostic(&error))?;
        let seen = seen.and_then(|_| objects.pop()).flatten();
        let history = match History::read(ledger, &objects) {
            Ok(history) => history,
            Err(error) => return Ok(Err(error.diagnostic(&tag))),
        };
        // What was seen was checked when it was; if it cannot be read now, the memory is lost, not the answer.
        if let Some(Ok(seen)) = seen.map(|object| Ledger::read(tag.clone(), &object))
            && let Err(error) = history.follows_seen(&seen)
        {
            return Ok(Err(error.diagnostic(&tag)));
        }
        Ok(Ok(history))
    }

    /// What a reader should know of this state beside any answer.
    pub(crate) fn warn(&self, context: &Context<'_>, source: Source) {
        for MovedTag { name, ours, theirs } in &self.moved {
            context.terminal.warn(&format!(
                "{name} moved: this clone holds {ours}, the remote {theirs}; a version tag never moves, so \
                 find out who did it"
            ));
        }
        if source == Source::Clone {
            context.terminal.warn(if self.listing.fetched {
                "the remote was not asked: this is what was last fetched"
            } else {
                "the remote was not asked, and never was before: this is what git cloned"
            });
        }
    }
}

/// Brings what a plan says. Copies that cannot be written, as where a git that was killed left a lock, are told of: what
/// counts is that their objects are here.
fn fetch(
    context: &Context<'_>,
    scope: &Scope<'_>,
    plan: &FetchPlan,
    remote: &[ListedRef],
) -> Result<()> {
    let repository = context.repository();
    let Err(error) = repository.fetch(scope, &plan.specs) else { return Ok(()) };
    let failed = || diagnostic(&error);
    // A version tag is no copy: verbs hand its name to git.
    let is_tag = |spec: &FetchSpec| spec.to.starts_with(TAGS);
    if !matches!(error, RepositoryError::Git { .. }) || plan.specs.iter().any(is_tag) {
        return Err(failed());
    }
    let wanted: BTreeSet<&str> = plan.specs.iter().map(|spec| spec.from.as_str()).collect();
    for listed in remote.iter().filter(|listed| wanted.contains(listed.name.as_str())) {
        let commit = repository.commit(scope, listed.target().as_str()).map_err(|_| failed())?;
        let object = repository.tag_objects(scope, std::slice::from_ref(&listed.object));
        let is_whole = listed.peeled.is_none() || object.map_err(|_| failed())? != [None];
        if commit.is_none() || !is_whole {
            return Err(failed());
        }
    }
    let error = in_passing(&error);
    context.terminal.warn(&format!("copies of the remote's tags cannot be kept here: {error}"));
    Ok(())
}

/// One look at environment tags.
struct Reading<'a> {
    state: &'a State,
    context: &'a Context<'a>,
    scope: &'a Scope<'a>,
    trust: &'a Trust,
    overrides: &'a Overrides<'a>,
}

impl Reading<'_> {
    fn ledger(
        &self,
        tag: &EnvironmentTag,
        id: &ObjectId,
        object: &TagObject,
    ) -> Result<Read<Holding>> {
        let ledger = match Ledger::read(tag.clone(), object) {
            Ok(ledger) => ledger,
            Err(error) => return Ok(Err(error.diagnostic(tag))),
        };
        let signed = self.trust.ledger(self.context, self.scope, object);
        if let Err(error) = self.judge(tag, &says(&ledger), &signed) {
            return Ok(Err(error));
        }
        match self.state.listing.seen.get(tag) {
            Some(seen) if seen != id => {
                // It changed since: the old one must be part of its history.
                let history = self.state.history(self.context, self.scope, ledger)?;
                Ok(history.map(|history| Holding::Ledger(history.ledger().clone(), signed)))
            }
            Some(_) | None => Ok(Ok(Holding::Ledger(ledger, signed))),
        }
    }

    /// Where it must be signed by one who may, and is not, only a person's word helps.
    fn judge(&self, tag: &EnvironmentTag, says: &str, signed: &Signed) -> Read<()> {
        let refused = self.trust.requires(&tag.environment)
            && !signed.is_good()
            && !self.overrides.allow(Protection::LedgerSignature);
        if refused { Err(not_signed(&tag.to_string(), says, signed)) } else { Ok(()) }
    }

    /// A tag without a tag object.
    fn bare(&self, tag: &EnvironmentTag, id: &ObjectId) -> Result<Read<Holding>> {
        let listing = &self.state.listing;
        if listing.seen.contains_key(tag) || listing.pages.contains_key(tag) {
            return self.gone(tag, "it was replaced by a lightweight tag");
        }
        let repository = self.context.repository();
        let commit = repository.commit(self.scope, id.as_str());
        let Some(commit) = commit.map_err(|error| diagnostic(&error))? else {
            return Ok(Err(no_ledger(tag)));
        };
        let versions = listing.versions_of(&tag.path);
        let here = versions.filter(|(_, tagged)| tagged.commit == commit.sha);
        let version = here.last().map(|(version, _)| version.clone());
        let says = version.as_ref().map_or_else(|| commit.sha.to_string(), ToString::to_string);
        if let Err(error) = self.judge(tag, &format!("{says} runs"), &Signed::No) {
            return Ok(Err(error));
        }
        Ok(Ok(Holding::Bare(Bare { commit: commit.sha, version })))
    }

    /// A ledger that was there. With a person's word it goes on from what this clone last saw of it.
    fn gone(&self, tag: &EnvironmentTag, how: &str) -> Result<Read<Holding>> {
        let Some(seen) = self.state.listing.seen.get(tag) else {
            return Ok(Err(deleted(tag, how, None)));
        };
        let repository = self.context.repository();
        let object = repository.tag_objects(self.scope, std::slice::from_ref(seen));
        let object = object.map_err(|error| diagnostic(&error))?.pop().flatten();
        let Some(object) = object else { return Ok(Err(deleted(tag, how, None))) };
        let ledger = match Ledger::read(tag.clone(), &object) {
            Ok(ledger) => ledger,
            Err(error) => return Ok(Err(error.diagnostic(tag))),
        };
        if !self.overrides.allow(Protection::DeletedTag) {
            return Ok(Err(deleted(tag, how, Some(&ledger))));
        }
        self.ledger(tag, seen, &object)
    }
}

/// What is not known of ledgers that are read for the first time.
pub(crate) fn not_remembered(tags: &[String]) -> String {
    let some = tags.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match tags.len() {
        0..=3 => String::new(),
        all => format!(" and {} others", all - 3),
    };
    format!(
        "this clone remembers no earlier reading of {some}{more}: that one went back would not be noticed here"
    )
}

/// What a ledger says, in a few words.
fn says(ledger: &Ledger) -> String {
    let newest = ledger.newest();
    let runs = newest.current().map_or_else(|| "nothing".to_owned(), |(v, _)| v.to_string());
    format!(
        "{runs} runs since record {}, {}, by {}",
        newest.sequence,
        readable(newest.completed_at),
        newest.triggered_by
    )
}

/// A ledger that was there and is not.
fn deleted(tag: &EnvironmentTag, how: &str, seen: Option<&Ledger>) -> Box<Diagnostic> {
    let mut error = Diagnostic::unchanged(
        "ledger::deleted",
        Exit::Refused,
        format!("the ledger of {tag} is gone from the remote: {how}"),
        "nothing was deployed or moved",
    );
    let help = match seen {
        Some(ledger) => {
            error = error.fact("last seen", says(ledger));
            format!(
                "put it back: `git push --force origin {}:{}`; or let the next deployment go on from it: \
                 `--override deleted-tag=REASON`; where it shall be forgotten: `git update-ref -d {}`",
                tag.seen_ref(),
                tag.remote_ref(),
                tag.seen_ref()
            )
        }
        None => {
            error = error.fact("seen", "older pages of it, which are still there");
            format!(
                "put it back from a clone that saw it: `git push origin {}:{}`; where it is gone for good, delete its \
                 pages: `git push origin --delete {} …`",
                tag.seen_ref(),
                tag.remote_ref(),
                tag.page_ref(0)
            )
        }
    };
    Box::new(error.help(help))
}

/// Why the remote said nothing: a clone may simply have none.
fn unanswered(
    context: &Context<'_>,
    scope: &Scope<'_>,
    error: &RepositoryError,
) -> Box<Diagnostic> {
    let list = Command::new("git").arg("remote").folder(&context.root);
    let listed = context.local().run(scope, &list);
    let none = listed.is_ok_and(|output| output.success() && output.text().trim().is_empty());
    if !(none && matches!(error, RepositoryError::Remote(_))) {
        return diagnostic(error);
    }
    Box::new(
        Diagnostic::unchanged(
            "git::no-remote",
            Exit::Usage,
            "this clone has no remote, and the remote says what is deployed",
            "nothing was changed, here or elsewhere",
        )
        .help("add it: `git remote add origin URL`; `tagboat status --offline` reads this clone alone"),
    )
}

/// An environment tag whose object is neither a ledger nor a commit, or is not here.
fn no_ledger(tag: &EnvironmentTag) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "ledger::none",
            Exit::Refused,
            format!("the tag {tag} holds no ledger, and leads to no commit that is here"),
            "nothing was deployed or moved",
        )
        .fact("cause", "it was not made by a deployment")
        .help(format!("look at it: `git show {}`", tag.remote_ref())),
    )
}
