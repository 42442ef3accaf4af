//! The tags, as the rules look at them. In: this clone, and the remote unless it is left out. Out: every tag by its
//! meaning, and what each ledger says, a few hundred at a time.

use std::collections::BTreeMap;

use tagboat_config::check::{LedgerFacts, NoLedger, Recorded, StateTag, Telling};
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::diagnostic::Result;
use tagboat_core::ledger::{History, Ledger};
use tagboat_core::listing::{Listing, REMOTE_TAGS, Source, TAGS};
use tagboat_core::ports::{ListedRef, Scope};
use tagboat_core::tag::{EnvironmentTag, Environments, State as Mark, TagKind, classify};

use super::super::overriding::{Overrides, fetch_recorded, read_recorded, recorded_refs};
use super::super::reading::{Holding, State, environments, not_remembered};
use super::super::repository::diagnostic;
use super::super::trust::Trust;
use super::Unchecked;
use crate::context::Context;

/// Ledgers that are read at once: 40 records take some 25 KiB, and what is read at once is held at once.
const AT_ONCE: usize = 500;

/// What was read.
pub(super) struct Tags {
    pub(super) state: State,
    pub(super) states: Vec<StateTag>,
    pub(super) ledgers: BTreeMap<EnvironmentTag, Telling>,
    pub(super) overrides: Vec<Recorded>,
    /// How many ledgers no trusted key signed.
    unsigned: usize,
}

impl Tags {
    /// None, where they cannot be read.
    pub(super) fn none(environments: Environments) -> Self {
        Self {
            state: State { listing: Listing::default(), environments, moved: Vec::new() },
            states: Vec::new(),
            ledgers: BTreeMap::new(),
            overrides: Vec::new(),
            unsigned: 0,
        }
    }

    /// Reads them: one listing, and the ledgers in one go. `in_full`: with every attempt, for records that are held
    /// against them.
    pub(super) fn read(
        context: &Context<'_>,
        trust: &Trust,
        source: Source,
        in_full: bool,
    ) -> Result<Self> {
        let scope = context.scope("check");
        let repository = context.repository();
        let mut tags = Self::none(Environments::default());
        let refs = match source {
            // What `State::read` does without a remote, but for the refs that the listing leaves out.
            Source::Clone => {
                let environments = environments(context)?;
                let refs = repository.refs(&scope).map_err(|error| diagnostic(&error))?;
                let listing = Listing::read(&refs, &environments, source);
                tags.state = State { listing, environments, moved: Vec::new() };
                refs
            }
            Source::Remote => {
                tags.state = State::read(context, &scope, source)?;
                fetch_recorded(context, &scope)?;
                repository.refs(&scope).map_err(|error| diagnostic(&error))?
            }
        };
        tags.states = tags.marks(&refs);
        tags.ledgers = tags.lightweight(&refs);
        let overrides = recorded_refs(&refs);
        drop(refs);
        tags.overrides = read_recorded(context, &scope, overrides)?;
        tags.read_ledgers(context, &scope, trust, in_full)?;
        Ok(tags)
    }

    /// How much was looked at.
    pub(super) fn counted(&self) -> String {
        let listing = &self.state.listing;
        let count = super::count;
        format!(
            "the tags were checked: {}, {}, {}, {} of others",
            count(listing.versions.len(), "version"),
            count(self.states.len(), "state"),
            count(self.ledgers.len(), "ledger"),
            listing.foreign
        )
    }

    /// What could not be decided.
    pub(super) fn unchecked(&self) -> Vec<Unchecked> {
        let unsure = self.ledgers.iter().filter_map(|(tag, telling)| {
            let ledger = telling.read.as_ref().ok()?;
            ledger.needs_pages().then(|| tag.to_string())
        });
        let unsure: Vec<String> = unsure.collect();
        let mut unchecked = Vec::new();
        if !unsure.is_empty() {
            let what = "roll-backs to what ran long before";
            let names = unsure.join(", ");
            let why = format!("older records of {names} are not here or cannot be trusted");
            unchecked.push(Unchecked { what, why });
        }
        let first = self
            .ledgers
            .iter()
            .filter(|(tag, telling)| telling.read.is_ok() && self.state.is_read_first(tag));
        let first: Vec<String> = first.map(|(tag, _)| tag.to_string()).collect();
        if !first.is_empty() {
            let what = "whether a ledger went back";
            unchecked.push(Unchecked { what, why: not_remembered(&first) });
        }
        if self.unsigned > 0 {
            let what = "whether a deployment or a person wrote a ledger";
            let count = super::count(self.unsigned, "ledger");
            let why = format!("only a signature tells, and {count} without a good one");
            unchecked.push(Unchecked { what, why });
        }
        unchecked
    }

    fn marks(&self, refs: &[ListedRef]) -> Vec<StateTag> {
        let mark = |listed: &ListedRef| {
            let name = listed.name.strip_prefix(TAGS)?;
            // Most tags are versions: their end says so.
            Mark::WORDS.iter().find(|word| name.ends_with(**word))?;
            match classify(name, &self.state.environments) {
                TagKind::State(version, state) => {
                    let commit = CommitSha::from(listed.target().clone());
                    Some(StateTag { version, state, commit })
                }
                _ => None,
            }
        };
        refs.iter().filter_map(mark).collect()
    }

    /// Environment tags that hold no tag object: the listing says so, nothing need be read.
    fn lightweight(&self, refs: &[ListedRef]) -> BTreeMap<EnvironmentTag, Telling> {
        let ledgers = &self.state.listing.ledgers;
        let bare = |listed: &ListedRef| {
            let below = listed.name.strip_prefix(TAGS);
            let name = below.or_else(|| listed.name.strip_prefix(REMOTE_TAGS))?;
            if listed.peeled.is_some() || is_like_a_version(name) {
                return None;
            }
            let TagKind::Environment(path, environment) = classify(name, &self.state.environments)
            else {
                return None;
            };
            let tag = EnvironmentTag::new(path, environment);
            let object = ledgers.get(&tag).filter(|object| **object == listed.object)?.clone();
            let commit = CommitSha::from(listed.object.clone());
            Some((tag, Telling { object, read: Err(NoLedger::Lightweight(commit)) }))
        };
        refs.iter().filter_map(bare).collect()
    }

    fn read_ledgers(
        &mut self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        trust: &Trust,
        in_full: bool,
    ) -> Result<()> {
        let all = self.state.listing.ledgers.keys();
        let tags: Vec<EnvironmentTag> =
            all.filter(|tag| !self.ledgers.contains_key(*tag)).cloned().collect();
        let overrides = Overrides::default();
        let mut long: Vec<Ledger> = Vec::new();
        for some in tags.chunks(AT_ONCE) {
            for (tag, read) in self.state.holdings(context, scope, trust, &overrides, some)? {
                let Some(object) = self.state.listing.ledgers.get(&tag).cloned() else { continue };
                let read = match read {
                    Ok(Holding::Ledger(ledger, signed)) => {
                        self.unsigned += usize::from(!signed.is_good());
                        let facts = LedgerFacts::of(&ledger, &self.state.listing);
                        let facts = if in_full { facts.in_full(&ledger) } else { facts };
                        if facts.needs_pages() {
                            long.push(ledger);
                        }
                        Ok(facts)
                    }
                    Ok(Holding::Bare(bare)) => Err(NoLedger::Lightweight(bare.commit)),
                    Err(error) => Err(NoLedger::Broken(error)),
                };
                self.ledgers.insert(tag, Telling { object, read });
            }
        }
        self.read_pages(context, scope, long)
    }

    /// The pages of ledgers whose roll-backs reach further back than the tag: all in one go.
    fn read_pages(
        &mut self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        long: Vec<Ledger>,
    ) -> Result<()> {
        let pages = |ledger: &Ledger| -> Option<Vec<ObjectId>> {
            let here = self.state.listing.pages.get(ledger.tag())?;
            (0..ledger.pages()).rev().map(|number| here.get(&number).cloned()).collect()
        };
        let wanted: Vec<(Ledger, Vec<ObjectId>)> =
            long.into_iter().filter_map(|ledger| pages(&ledger).map(|ids| (ledger, ids))).collect();
        let ids: Vec<ObjectId> = wanted.iter().flat_map(|(_, ids)| ids).cloned().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let objects = context.repository().tag_objects(scope, &ids).map_err(|e| diagnostic(&e))?;
        let mut rest = objects.as_slice();
        for (ledger, ids) in wanted {
            let (own, others) = rest.split_at(ids.len().min(rest.len()));
            rest = others;
            let tag = ledger.tag().clone();
            let read = History::read(ledger, own);
            let read = read.map_err(|error| NoLedger::Broken(error.diagnostic(&tag)));
            let read = read.map(|history| LedgerFacts::of_history(&history, &self.state.listing));
            if let Some(telling) = self.ledgers.get_mut(&tag) {
                // What a given record asks for is in the tag.
                telling.read = read.map(|facts| match &telling.read {
                    Ok(before) => LedgerFacts {
                        succeeded: before.succeeded.clone(),
                        attempts: before.attempts.clone(),
                        ..facts
                    },
                    Err(_) => facts,
                });
            }
        }
        Ok(())
    }
}

/// Most tags are: `v` and a digit begin the last part of their names.
fn is_like_a_version(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name).as_bytes();
    last.first() == Some(&b'v') && last.get(1).is_some_and(u8::is_ascii_digit)
}
