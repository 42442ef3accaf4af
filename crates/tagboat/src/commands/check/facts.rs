//! The tags, as the rules look at them. In: this clone, and the remote unless it is left out. Out: every tag by its
//! meaning, and what each ledger says, a few hundred at a time.

use std::collections::BTreeMap;

use tagboat_config::check::{LedgerFacts, NoLedger, Recorded, Telling};
use tagboat_core::commit::ObjectId;
use tagboat_core::diagnostic::Result;
use tagboat_core::ledger::{History, Ledger, LedgerView};
use tagboat_core::listing::{About, Beside, Listing, Source};
use tagboat_core::ports::Scope;
use tagboat_core::tag::{EnvironmentTag, Environments};

use super::super::overriding::{Fetched, Overrides, fetch_recorded, read_recorded, recorded_refs};
use super::super::reading::{Holding, State, not_remembered};
use super::super::repository::diagnostic;
use super::super::trust::Trust;
use super::Unchecked;
use crate::context::Context;

/// What was read.
pub(super) struct Tags {
    pub(super) state: State,
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
        let mut tags = Self::none(Environments::default());
        tags.state = State::read(context, &scope, source, About::Everything)?;
        let mut overrides = std::mem::take(&mut tags.state.listing.overrides);
        if source == Source::Remote && fetch_recorded(context, &scope)? == Fetched::Some {
            overrides = recorded_refs(context, &scope)?;
        }
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
            count(listing.state_tags.len(), "state"),
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

    fn read_ledgers(
        &mut self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        trust: &Trust,
        in_full: bool,
    ) -> Result<()> {
        let listing = &self.state.listing;
        let mut long: Vec<Ledger> = Vec::new();
        let keep = &mut |view: &LedgerView<'_>| {
            let facts = LedgerFacts::of(view, listing);
            let facts = if in_full { facts.in_full(view)? } else { facts };
            if facts.needs_pages() {
                long.push(view.to_ledger()?);
            }
            Ok(facts)
        };
        let tags = listing.ledgers.keys();
        let overrides = Overrides::default();
        let read = self.state.survey(context, scope, trust, &overrides, tags, keep)?;
        let mut unsigned = 0;
        let mut objects = Beside::new(&listing.ledgers);
        let told = read.into_iter().filter_map(|(tag, read)| {
            let object = objects.find(&tag)?.clone();
            let read = match read {
                Ok(Holding::Ledger(facts, signed)) => {
                    unsigned += usize::from(!signed.is_good());
                    Ok(facts)
                }
                Ok(Holding::Bare(bare)) => Err(NoLedger::Lightweight(bare.commit)),
                Err(error) => Err(NoLedger::Broken(error)),
            };
            Some((tag, Telling { object, read }))
        });
        let told = told.collect();
        (self.ledgers, self.unsigned) = (told, unsigned);
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
