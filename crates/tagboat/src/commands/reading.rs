//! The state, read from git (SPEC V6, V8). In: the remote and this clone. Out: every tag by its meaning, and
//! ledgers that were checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{History, Ledger, LedgerError, LedgerView, Protection, Record, Signed};
use tagboat_core::listing::{
    About, Beside, FetchPlan, Listing, MovedTag, REMOTE_PATTERNS, Sorter, Source, TAGS, plan_fetch,
};
use tagboat_core::ports::{
    FetchSpec, Found, ListedRef, RefView, RepositoryError, Runner as _, Scope, TagObject,
};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag, Environments};
use tagboat_core::time::readable;
use tagboat_core::version::Version;

use super::overriding::Overrides;
use super::repository::{diagnostic, in_passing};
use super::trust::{Trust, not_signed};
use crate::cli::ReadArgs;
use crate::context::Context;

/// How long another command in this clone may take to write the refs that it fetched.
const AGAIN: Duration = Duration::from_millis(200);

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
pub(crate) enum Holding<L = Ledger> {
    /// A ledger, or what is kept of it, and what its signature says.
    Ledger(L, Signed),
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

/// What is kept of a ledger that was read and checked.
pub(crate) type Keep<'k, L> =
    dyn FnMut(&LedgerView<'_>) -> std::result::Result<L, LedgerError> + 'k;

/// Ledgers that are joined with their pages at once: what is joined is held, some 100 KiB each.
const AT_ONCE: usize = 100;

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
        about: About<'_>,
    ) -> Result<(Self, Source)> {
        let source = if asked.offline { Source::Clone } else { Source::Remote };
        match Self::read(context, scope, source, about) {
            Ok(state) => Ok((state, source)),
            Err(error) if error.code == "git::remote" => {
                let help = error.help.as_deref().unwrap_or_default();
                let help = format!("{help}; or read what was last fetched: `--offline`");
                Err(Box::new(error.help(help)))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads all refs, after bringing this clone up to date where the remote is the source, as far as the question
    /// needs it.
    pub(crate) fn read(
        context: &Context<'_>,
        scope: &Scope<'_>,
        source: Source,
        about: About<'_>,
    ) -> Result<Self> {
        let repository = context.repository();
        let failed = |error| diagnostic(&error);
        let environments = environments(context)?;
        if source == Source::Clone {
            let mut sorter = Sorter::new(&environments, source);
            let take = &mut |listed: RefView<'_>| sorter.take(listed);
            let listed = match about.refs() {
                Some(names) => repository.each_ref_of(scope, &names, take),
                None => repository.each_ref(scope, take),
            };
            listed.map_err(failed)?;
            return Ok(Self { listing: sorter.finish(), environments, moved: Vec::new() });
        }
        let refs = repository.refs(scope).map_err(failed)?;
        let remote = repository
            .remote_refs(scope, &REMOTE_PATTERNS)
            .map_err(|error| unanswered(context, scope, &error))?;
        let plan = plan_fetch(&remote, &refs, &environments, about);
        fetch(context, scope, &plan, &remote)?;
        let gone: Vec<_> = plan.forget.iter().map(|name| (name.clone(), None)).collect();
        if !gone.is_empty()
            && let Err(error) = repository.remember(scope, &gone)
        {
            context.terminal.warn(&format!("old copies of the remote's tags stay here: {error}"));
        }
        let refs = plan.carried_out(refs, &remote);
        let listing = Listing::read(&refs, &environments, source);
        Ok(Self { listing, environments, moved: plan.moved })
    }

    /// What these environment tags hold: see [`State::survey`].
    pub(crate) fn holdings<'t>(
        &self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        trust: &Trust,
        overrides: &Overrides<'_>,
        tags: impl IntoIterator<Item = &'t EnvironmentTag>,
    ) -> Result<BTreeMap<EnvironmentTag, Read<Holding>>> {
        let keep = &mut |view: &LedgerView<'_>| view.to_ledger();
        self.survey(context, scope, trust, overrides, tags, keep)
    }

    /// What these environment tags hold, of each ledger what `keep` keeps of it: a repository has thousands. Each is
    /// checked for itself, for its signature, and against what this clone saw before. What was read is remembered, so
    /// that an older ledger is noticed later.
    pub(crate) fn survey<'t, L>(
        &self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        trust: &Trust,
        overrides: &Overrides<'_>,
        tags: impl IntoIterator<Item = &'t EnvironmentTag>,
        keep: &mut Keep<'_, L>,
    ) -> Result<BTreeMap<EnvironmentTag, Read<Holding<L>>>> {
        let listing = &self.listing;
        let tags: BTreeSet<&EnvironmentTag> = tags.into_iter().collect();
        let (mut ledgers, mut seen) = (Beside::new(&listing.ledgers), Beside::new(&listing.seen));
        let mut pages = Beside::new(&listing.pages);
        let (mut plain, mut changed, mut gone) = (Vec::new(), Vec::new(), Gone::new());
        for tag in tags {
            let (id, seen, pages) = (ledgers.find(tag), seen.find(tag), pages.find(tag));
            let is_known = seen.is_some() || pages.is_some();
            match (id, seen) {
                (None, _) if is_known => gone.push((tag, "it was deleted")),
                (None, _) => {}
                (Some(id), seen) => {
                    let asked = Asked { tag, id, is_known };
                    // What changed since it was last seen must go on from that, so more of it is read.
                    let list =
                        if seen.is_some_and(|seen| seen != id) { &mut changed } else { &mut plain };
                    list.push((asked, seen));
                }
            }
        }
        let reading = Reading { state: self, context, scope, trust, overrides };
        let mut holdings = Vec::with_capacity(plain.len() + changed.len());
        let plain_tags: Vec<Asked<'_>> = plain.iter().map(|(asked, _)| *asked).collect();
        reading.plain(&plain_tags, keep, &mut holdings, &mut gone)?;
        for some in changed.chunks(AT_ONCE) {
            let some: Vec<Asked<'_>> = some.iter().map(|(asked, _)| *asked).collect();
            reading.changed(&some, keep, &mut holdings, &mut gone)?;
        }
        let is_ledger = |read: &Read<Holding<L>>| matches!(read, Ok(Holding::Ledger(..)));
        let read: BTreeSet<&EnvironmentTag> =
            holdings.iter().filter(|(_, read)| is_ledger(read)).map(|(tag, _)| tag).collect();
        let unseen = plain.iter().filter(|(_, seen)| seen.is_none()).chain(&changed);
        let news = unseen.filter(|(asked, _)| read.contains(asked.tag));
        let news: Vec<_> =
            news.map(|(asked, _)| (asked.tag.seen_ref(), Some(asked.id.clone()))).collect();
        let first = plain.iter().filter(|(asked, seen)| seen.is_none() && read.contains(asked.tag));
        let first: Vec<String> = first.map(|(asked, _)| asked.tag.to_string()).collect();
        if !first.is_empty() {
            context.terminal.aside(&not_remembered(&first));
        }
        drop(read);
        reading.gone(&gone, keep, &mut holdings)?;
        let holdings = holdings.into_iter().collect();
        // The memory is an alarm for later; without it the answer is the same (SPEC V7).
        if !news.is_empty()
            && let Err(error) = context.repository().remember(scope, &news)
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
        let ids = match self.below(ledger.tag(), ledger.pages()) {
            Ok(ids) => ids,
            Err(error) => return Ok(Err(error)),
        };
        let objects = context.repository().tag_objects(scope, &ids);
        Ok(self.joined(ledger, objects.map_err(|error| diagnostic(&error))?))
    }

    /// The objects that a ledger of so many pages is joined with: its pages, the newest first, and what was seen of it
    /// before.
    fn below(&self, tag: &EnvironmentTag, pages: u64) -> Read<Vec<ObjectId>> {
        let here = self.listing.pages.get(tag);
        let page = |number: u64| {
            let id = here.and_then(|pages| pages.get(&number));
            id.cloned().ok_or_else(|| LedgerError::MissingPage(number).diagnostic(tag))
        };
        let mut ids = (0..pages).rev().map(page).collect::<Read<Vec<ObjectId>>>()?;
        ids.extend(self.listing.seen.get(tag).cloned());
        Ok(ids)
    }

    /// Joins a ledger with the objects of [`State::below`].
    fn joined(&self, ledger: Ledger, mut objects: Vec<Option<TagObject>>) -> Read<History> {
        let tag = ledger.tag().clone();
        let seen = self.listing.seen.get(&tag).and_then(|_| objects.pop()).flatten();
        let history = History::read(ledger, &objects).map_err(|error| error.diagnostic(&tag))?;
        // What was seen was checked when it was; if it cannot be read now, the memory is lost, not the answer.
        if let Some(Ok(seen)) = seen.map(|object| Ledger::read(tag.clone(), &object)) {
            history.follows_seen(&seen).map_err(|error| error.diagnostic(&tag))?;
        }
        Ok(history)
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
                "the remote was not asked, and never was for every project: this is what git cloned, and what was \
                 fetched of some since"
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
    let bring = || repository.fetch(scope, &plan.specs);
    let brought = bring().or_else(|error| match error {
        // Where another command in this clone fetches the same refs at the same moment, git gives up; a second look
        // finds them here.
        RepositoryError::Git { .. } if context.clock().sleep(scope, AGAIN) => bring(),
        error => Err(error),
    });
    let Err(error) = brought else { return Ok(()) };
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

/// Ledgers that were there, and how each went.
type Gone<'t> = Vec<(&'t EnvironmentTag, &'static str)>;

/// What was read, one after the other.
type Holdings<L> = Vec<(EnvironmentTag, Read<Holding<L>>)>;

/// An environment tag that is there.
#[derive(Clone, Copy)]
struct Asked<'t> {
    tag: &'t EnvironmentTag,
    id: &'t ObjectId,
    /// Whether a ledger was there before.
    is_known: bool,
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
    /// Tags that are as they were last seen, or were never seen: their objects alone say it.
    fn plain<'t, L>(
        &self,
        tags: &[Asked<'t>],
        keep: &mut Keep<'_, L>,
        holdings: &mut Holdings<L>,
        gone: &mut Gone<'t>,
    ) -> Result<()> {
        let ids: Vec<ObjectId> = tags.iter().map(|asked| asked.id.clone()).collect();
        let mut left = tags.iter();
        self.objects(&ids, &mut |_, found| {
            let Some(asked) = left.next() else { return };
            let read = match found {
                Found::Tag(object) => Some(self.ledger(asked.tag, &object, keep)),
                Found::Commit | Found::Nothing => self.bare(asked, &found, gone),
            };
            holdings.extend(read.map(|read| (asked.tag.clone(), read)));
        })
    }

    /// Tags that changed since they were last seen: what was seen must be part of their histories.
    fn changed<'t, L>(
        &self,
        tags: &[Asked<'t>],
        keep: &mut Keep<'_, L>,
        holdings: &mut Holdings<L>,
        gone: &mut Gone<'t>,
    ) -> Result<()> {
        let mut ids: Vec<ObjectId> = tags.iter().map(|asked| asked.id.clone()).collect();
        let mut ledgers = Vec::new();
        let mut left = tags.iter();
        self.objects(&ids, &mut |_, found| {
            let Some(asked) = left.next() else { return };
            match found {
                Found::Tag(object) => ledgers.push((asked.tag, object)),
                Found::Commit | Found::Nothing => {
                    let read = self.bare(asked, &found, gone);
                    holdings.extend(read.map(|read| (asked.tag.clone(), read)));
                }
            }
        })?;
        // Every page of every one in one go, in the order in which they are joined below.
        ids.clear();
        let mut joined = Vec::new();
        for (tag, object) in ledgers {
            let read = self.ledger(tag, &object, &mut |view| Ok((keep(view)?, view.to_ledger()?)));
            let below = read.and_then(|holding| match holding {
                Holding::Ledger((kept, ledger), signed) => {
                    let below = self.state.below(tag, ledger.pages())?;
                    Ok((kept, ledger, signed, below))
                }
                Holding::Bare(_) => Err(no_ledger(tag)),
            });
            match below {
                Ok((kept, ledger, signed, below)) => {
                    joined.push((tag, kept, ledger, signed, below.len()));
                    ids.extend(below);
                }
                Err(error) => holdings.push((tag.clone(), Err(error))),
            }
        }
        let objects = self.context.repository().tag_objects(self.scope, &ids);
        let mut objects = objects.map_err(|error| diagnostic(&error))?.into_iter();
        for (tag, kept, ledger, signed, count) in joined {
            let own = objects.by_ref().take(count).collect();
            let history = self.state.joined(ledger, own);
            holdings.push((tag.clone(), history.map(|_| Holding::Ledger(kept, signed))));
        }
        Ok(())
    }

    fn objects(&self, ids: &[ObjectId], take: &mut dyn FnMut(&ObjectId, Found)) -> Result<()> {
        let repository = self.context.repository();
        repository.each_object(self.scope, ids, take).map_err(|error| diagnostic(&error))
    }

    /// What a tag object says by itself.
    fn ledger<L>(
        &self,
        tag: &EnvironmentTag,
        object: &TagObject,
        keep: &mut Keep<'_, L>,
    ) -> Read<Holding<L>> {
        let wrong = |error: LedgerError| error.diagnostic(tag);
        let view = LedgerView::read(tag, object).map_err(wrong)?;
        let signed = self.trust.ledger(self.context, self.scope, object);
        if self.is_refused(tag, &signed) {
            let says = says(&view.newest().record().map_err(wrong)?);
            return Err(not_signed(&tag.to_string(), &says, &signed));
        }
        Ok(Holding::Ledger(keep(&view).map_err(wrong)?, signed))
    }

    /// Where it must be signed by one who may, and is not, only a person's word helps.
    fn is_refused(&self, tag: &EnvironmentTag, signed: &Signed) -> bool {
        self.trust.requires(&tag.environment)
            && !signed.is_good()
            && !self.overrides.allow(Protection::LedgerSignature)
    }

    /// A tag without a tag object; `None` where a ledger was there before.
    fn bare<'t, L>(
        &self,
        asked: &Asked<'t>,
        found: &Found,
        gone: &mut Gone<'t>,
    ) -> Option<Read<Holding<L>>> {
        let Asked { tag, id, is_known } = *asked;
        if is_known {
            gone.push((tag, "it was replaced by a lightweight tag"));
            return None;
        }
        if *found != Found::Commit {
            return Some(Err(no_ledger(tag)));
        }
        let commit = CommitSha::from(id.clone());
        let mut versions = self.state.listing.versions_of(&tag.path).rev();
        let version = versions.find(|(_, tagged)| tagged.commit == commit);
        let version = version.map(|(version, _)| version.clone());
        if self.is_refused(tag, &Signed::No) {
            let says = version.as_ref().map_or_else(|| commit.to_string(), ToString::to_string);
            let says = format!("{says} runs");
            return Some(Err(not_signed(&tag.to_string(), &says, &Signed::No)));
        }
        Some(Ok(Holding::Bare(Bare { commit, version })))
    }

    /// Ledgers that were there. With a person's word one goes on from what this clone last saw of it.
    fn gone<L>(
        &self,
        gone: &Gone<'_>,
        keep: &mut Keep<'_, L>,
        holdings: &mut Holdings<L>,
    ) -> Result<()> {
        let seen = |tag: &EnvironmentTag| self.state.listing.seen.get(tag);
        let ids: Vec<ObjectId> = gone.iter().filter_map(|(tag, _)| seen(tag)).cloned().collect();
        let mut left = gone.iter().filter(|(tag, _)| seen(tag).is_some());
        self.objects(&ids, &mut |_, found| {
            let Some((tag, how)) = left.next() else { return };
            holdings.push(((*tag).clone(), self.last_seen(tag, how, &found, keep)));
        })?;
        for (tag, how) in gone.iter().filter(|(tag, _)| seen(tag).is_none()) {
            holdings.push(((*tag).clone(), Err(deleted(tag, how, None))));
        }
        Ok(())
    }

    fn last_seen<L>(
        &self,
        tag: &EnvironmentTag,
        how: &str,
        found: &Found,
        keep: &mut Keep<'_, L>,
    ) -> Read<Holding<L>> {
        let Found::Tag(object) = found else { return Err(deleted(tag, how, None)) };
        let newest = LedgerView::read(tag, object).and_then(|view| view.newest().record());
        let newest = newest.map_err(|error| error.diagnostic(tag))?;
        if !self.overrides.allow(Protection::DeletedTag) {
            return Err(deleted(tag, how, Some(&newest)));
        }
        self.ledger(tag, object, keep)
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

/// What a ledger's newest record says, in a few words.
fn says(newest: &Record) -> String {
    let runs = newest.current().map_or_else(|| "nothing".to_owned(), |(v, _)| v.to_string());
    format!(
        "{runs} runs since record {}, {}, by {}",
        newest.sequence,
        readable(newest.completed_at),
        newest.triggered_by
    )
}

/// A ledger that was there and is not.
fn deleted(tag: &EnvironmentTag, how: &str, seen: Option<&Record>) -> Box<Diagnostic> {
    let mut error = Diagnostic::unchanged(
        "ledger::deleted",
        Exit::Refused,
        format!("the ledger of {tag} is gone from the remote: {how}"),
        "nothing was deployed or moved",
    );
    let help = match seen {
        Some(newest) => {
            error = error.fact("last seen", says(newest));
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
