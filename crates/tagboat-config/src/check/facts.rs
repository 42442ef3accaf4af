//! What the rules look at. In: listings, ledgers and records that the front door read. Out: values small enough to
//! hold for 2,500 ledgers at once.

use std::collections::{BTreeMap, BTreeSet};

use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::deployment::{DeploymentId, Terminal};
use tagboat_core::diagnostic::Diagnostic;
use tagboat_core::ledger::{Attempt, Entry, History, Ledger, Record};
use tagboat_core::listing::{Listing, MovedTag};
use tagboat_core::tag::{EnvironmentTag, Environments, State};
use tagboat_core::tag_override::TagOverride;
use tagboat_core::version::{ProjectPath, Version};

use super::given::Given;
use crate::variables::MissingVariable;

/// Everything that the rules look at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Every tag by its meaning.
    pub listing: &'a Listing,
    /// The environments there are.
    pub environments: &'a Environments,
    /// Fixed tags that the remote holds otherwise than this clone.
    pub moved: &'a [MovedTag],
    /// Every state tag with what it leads to.
    pub states: &'a [StateTag],
    /// What each environment tag says.
    pub ledgers: &'a BTreeMap<EnvironmentTag, Telling>,
    /// Overrides that were recorded.
    pub overrides: &'a [Recorded],
    /// Files of secrets that are not encrypted, and why they are not.
    pub plain_secrets: &'a [(String, String)],
    /// Required variables that environments lack, for the projects that are deployed.
    pub missing_variables: &'a [(EnvironmentTag, MissingVariable)],
    /// Records that were given.
    pub given: &'a [Given],
}

/// The record of an override: its full name and what it tells, or the object that is no such record.
pub type Recorded = (String, Result<Vec<TagOverride>, ObjectId>);

/// A state tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateTag {
    /// Of which version.
    pub version: Version,
    /// Which state.
    pub state: State,
    /// The commit that it leads to.
    pub commit: CommitSha,
}

/// An environment tag.
#[derive(Debug)]
pub struct Telling {
    /// The object that the tag holds.
    pub object: ObjectId,
    /// What its ledger says.
    pub read: Result<LedgerFacts, NoLedger>,
}

/// Why an environment tag tells nothing that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLedger {
    /// It is lightweight, at this commit.
    Lightweight(CommitSha),
    /// It breaks a rule.
    Broken(Box<Diagnostic>),
}

/// What a ledger says, as far as a rule asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerFacts {
    /// What runs, and its commit.
    pub running: Option<(Version, CommitSha)>,
    /// Versions of successful attempts that have no tag any more.
    pub untagged: BTreeSet<Version>,
    /// Versions whose tag leads elsewhere than when they were deployed: the commit then and the one now.
    pub elsewhere: BTreeMap<Version, (CommitSha, CommitSha)>,
    /// Successful roll-backs that break a rule, or may.
    pub rolled: Vec<Rolled>,
    /// Whether older records lie in pages.
    pub pages: u64,
    /// What ran with success, where a given record asks for it.
    pub succeeded: BTreeSet<Version>,
    /// The attempts, where a given record asks for them.
    pub attempts: BTreeMap<DeploymentId, Terminal>,
}

/// A roll-back that may break a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rolled {
    /// The number of its record.
    pub sequence: u64,
    /// From where.
    pub from: Option<Version>,
    /// To where.
    pub to: Version,
    /// Whether the target ran there before, as far as the records go that were read.
    pub ran_before: bool,
}

impl LedgerFacts {
    /// From a tag's own records.
    #[must_use]
    pub fn of(ledger: &Ledger, listing: &Listing) -> Self {
        Self::read(ledger, ledger.entries().iter().rev().map(Entry::record), listing)
    }

    /// From all records, pages included.
    #[must_use]
    pub fn of_history(history: &History, listing: &Listing) -> Self {
        let mut records: Vec<&Record> = history.records().collect();
        records.reverse();
        Self { pages: 0, ..Self::read(history.ledger(), records.into_iter(), listing) }
    }

    /// With what given records ask for.
    #[must_use]
    pub fn in_full(mut self, ledger: &Ledger) -> Self {
        for entry in ledger.entries() {
            let record = entry.record();
            self.attempts.insert(record.deployment_id.clone(), record.outcome);
            if record.outcome == Terminal::Succeeded {
                self.succeeded.insert(record.version.clone());
            }
        }
        self
    }

    /// Whether a rule needs older records than the tag holds.
    #[must_use]
    pub fn needs_pages(&self) -> bool {
        self.pages > 0 && self.rolled.iter().any(|rolled| !rolled.ran_before)
    }

    /// `records`: oldest first.
    fn read<'r>(
        ledger: &'r Ledger,
        records: impl Iterator<Item = &'r Record>,
        listing: &Listing,
    ) -> Self {
        let mut facts = Self { pages: ledger.pages(), ..Self::default() };
        let current = ledger.newest().current();
        facts.running = current.map(|(version, commit)| (version.clone(), commit.clone()));
        let mut ran: BTreeSet<&Version> = BTreeSet::new();
        for record in records {
            if let Some(previous) = &record.previous_version {
                ran.insert(previous);
            }
            if record.outcome != Terminal::Succeeded {
                continue;
            }
            let version = &record.version;
            if record.attempt == Attempt::Rollback {
                let from = record.previous_version.clone();
                let ran_before = ran.contains(version);
                if !ran_before || from.as_ref().is_none_or(|from| from <= version) {
                    let to = version.clone();
                    let sequence = record.sequence;
                    facts.rolled.push(Rolled { sequence, from, to, ran_before });
                }
            }
            if ran.insert(version) || current.is_some_and(|(running, _)| running == version) {
                facts.compare(version, &record.commit, listing);
            }
        }
        facts
    }

    fn compare(&mut self, version: &Version, then: &CommitSha, listing: &Listing) {
        match listing.versions.get(version) {
            None => {
                self.untagged.insert(version.clone());
            }
            Some(tagged) if tagged.commit != *then => {
                let both = (then.clone(), tagged.commit.clone());
                self.elsewhere.insert(version.clone(), both);
            }
            Some(_) => {}
        }
    }
}

impl Facts<'_> {
    /// The project's ledger in an environment, where it can be trusted.
    pub(super) fn ledger(&self, path: &ProjectPath, environment: &str) -> Option<&LedgerFacts> {
        let environment = self.environments.find(environment)?;
        let tag = EnvironmentTag::new(path.clone(), environment);
        self.ledgers.get(&tag)?.read.as_ref().ok()
    }

    /// Overrides of a ref, newest word last.
    pub(super) fn overridden<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f TagOverride> {
        let read = self.overrides.iter().filter_map(|(_, read)| read.as_ref().ok());
        read.flatten().filter(move |change| change.name == name)
    }
}
