//! The state, read from git (SPEC V6, V8). In: the remote and this clone. Out: every tag by its meaning, and
//! ledgers that were checked.

use std::collections::BTreeMap;

use tagboat_core::command::Command;
use tagboat_core::commit::ObjectId;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{History, Ledger, LedgerError};
use tagboat_core::listing::{Listing, MovedTag, REMOTE_PATTERNS, Source, plan_fetch};
use tagboat_core::ports::{RepositoryError, Runner as _, Scope, TagObject};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag, Environments};

use super::repository::diagnostic;
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

/// A ledger's tag object, or why there is none to be trusted.
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
            if !plan.specs.is_empty() {
                repository.fetch(scope, &plan.specs).map_err(failed)?;
            }
            let gone: Vec<_> = plan.forget.iter().map(|name| (name.clone(), None)).collect();
            if !gone.is_empty() {
                repository.remember(scope, &gone).map_err(failed)?;
            }
            if !plan.specs.is_empty() || !gone.is_empty() {
                refs = repository.refs(scope).map_err(failed)?;
            }
            moved = plan.moved;
        }
        let listing = Listing::read(&refs, &environments, source);
        Ok(Self { listing, environments, moved })
    }

    /// The ledgers of these environment tags, each checked for itself and against what this clone saw before.
    /// What was read is remembered, so that an older ledger is noticed later.
    pub(crate) fn ledgers<'t>(
        &self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        tags: impl IntoIterator<Item = &'t EnvironmentTag>,
    ) -> Result<BTreeMap<EnvironmentTag, Read<Ledger>>> {
        let tags: Vec<&EnvironmentTag> =
            tags.into_iter().filter(|tag| self.listing.ledgers.contains_key(tag)).collect();
        let ids: Vec<ObjectId> =
            tags.iter().map(|tag| self.listing.ledgers[*tag].clone()).collect();
        let repository = context.repository();
        let objects = repository.tag_objects(scope, &ids).map_err(|error| diagnostic(&error))?;
        let mut ledgers = BTreeMap::new();
        let mut news = Vec::new();
        for ((tag, id), object) in tags.into_iter().zip(ids).zip(objects) {
            let read = self.ledger(context, scope, tag, &id, object)?;
            if read.is_ok() && self.listing.seen.get(tag) != Some(&id) {
                news.push((tag.seen_ref(), Some(id)));
            }
            ledgers.insert(tag.clone(), read);
        }
        // The memory is an alarm for later; without it the answer is the same (SPEC V7).
        if !news.is_empty()
            && let Err(error) = repository.remember(scope, &news)
        {
            context.terminal.warn(&format!(
                "what was read cannot be remembered here, so an older ledger would not be noticed later: {error}"
            ));
        }
        Ok(ledgers)
    }

    fn ledger(
        &self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        tag: &EnvironmentTag,
        id: &ObjectId,
        object: Option<TagObject>,
    ) -> Result<Read<Ledger>> {
        let Some(object) = object else { return Ok(Err(no_ledger(tag))) };
        let ledger = match Ledger::read(tag.clone(), &object) {
            Ok(ledger) => ledger,
            Err(error) => return Ok(Err(error.diagnostic(tag))),
        };
        match self.listing.seen.get(tag) {
            None => Ok(Ok(ledger)),
            Some(seen) if seen == id => Ok(Ok(ledger)),
            // It changed since: the old one must be part of its history.
            Some(_) => {
                Ok(self.history(context, scope, ledger)?.map(|history| history.ledger().clone()))
            }
        }
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

/// An environment tag without a ledger: lightweight, or an annotated one that another program made.
fn no_ledger(tag: &EnvironmentTag) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "ledger::none",
            Exit::Refused,
            format!("the tag {tag} holds no ledger: it is lightweight"),
            "nothing was deployed or moved",
        )
        .fact("cause", "it was made by `git tag`, not by a deployment")
        .help(format!("look at it: `git show {}`", tag.remote_ref())),
    )
}
