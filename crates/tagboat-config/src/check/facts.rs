//! What the rules look at. In: listings, ledgers and records that the front door read. Out: values small enough to
//! hold for 2,500 ledgers at once.

use std::collections::{BTreeMap, BTreeSet};

use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::deployment::{DeploymentId, Terminal};
use tagboat_core::diagnostic::Diagnostic;
use tagboat_core::ledger::{Attempt, History, LedgerError, LedgerView, Line, Record};
use tagboat_core::listing::{Listing, MovedTag, TaggedVersion};
use tagboat_core::tag::{EnvironmentTag, Environments};
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

/// One record, as far as the rules ask for it.
struct Attempted<'r> {
    sequence: u64,
    attempt: Attempt,
    outcome: Terminal,
    version: &'r Version,
    commit: &'r CommitSha,
    previous_version: Option<&'r Version>,
}

impl<'r> Attempted<'r> {
    fn of_line(line: &'r Line<'_>) -> Self {
        Self {
            sequence: line.sequence,
            attempt: line.attempt,
            outcome: line.outcome,
            version: &line.version,
            commit: &line.commit,
            previous_version: line.previous_version.as_ref(),
        }
    }

    const fn of_record(record: &'r Record) -> Self {
        Self {
            sequence: record.sequence,
            attempt: record.attempt,
            outcome: record.outcome,
            version: &record.version,
            commit: &record.commit,
            previous_version: record.previous_version.as_ref(),
        }
    }
}

impl LedgerFacts {
    /// From a tag's own records.
    #[must_use]
    pub fn of(ledger: &LedgerView<'_>, listing: &Listing) -> Self {
        let records = ledger.lines().iter().rev().map(Attempted::of_line);
        let current = ledger.newest().current();
        Self { pages: ledger.pages(), ..Self::read(ledger.tag(), current, records, listing) }
    }

    /// From all records, pages included.
    #[must_use]
    pub fn of_history(history: &History, listing: &Listing) -> Self {
        let mut records: Vec<&Record> = history.records().collect();
        records.reverse();
        let records = records.into_iter().map(Attempted::of_record);
        let current = history.ledger().newest().current();
        Self::read(history.ledger().tag(), current, records, listing)
    }

    /// With what given records ask for.
    ///
    /// # Errors
    /// [`LedgerError`] of a line that cannot be read in full.
    pub fn in_full(mut self, ledger: &LedgerView<'_>) -> Result<Self, LedgerError> {
        for line in ledger.lines() {
            let record = line.record()?;
            if record.outcome == Terminal::Succeeded {
                self.succeeded.insert(record.version);
            }
            self.attempts.insert(record.deployment_id, record.outcome);
        }
        Ok(self)
    }

    /// Whether a rule needs older records than the tag holds.
    #[must_use]
    pub fn needs_pages(&self) -> bool {
        self.pages > 0 && self.rolled.iter().any(|rolled| !rolled.ran_before)
    }

    /// `records`: oldest first.
    fn read<'r>(
        tag: &EnvironmentTag,
        current: Option<(&Version, &CommitSha)>,
        records: impl Iterator<Item = Attempted<'r>>,
        listing: &Listing,
    ) -> Self {
        let running = current.map(|(version, commit)| (version.clone(), commit.clone()));
        let mut facts = Self { running, ..Self::default() };
        // The tags of one project: a search among all would look at far more memory.
        let tagged = listing.versions.of(&tag.path);
        let mut ran: BTreeSet<&Version> = BTreeSet::new();
        for record in records {
            if let Some(previous) = record.previous_version {
                ran.insert(previous);
            }
            if record.outcome != Terminal::Succeeded {
                continue;
            }
            let version = record.version;
            if record.attempt == Attempt::Rollback {
                let from = record.previous_version.cloned();
                let ran_before = ran.contains(version);
                if !ran_before || from.as_ref().is_none_or(|from| from <= version) {
                    let to = version.clone();
                    let sequence = record.sequence;
                    facts.rolled.push(Rolled { sequence, from, to, ran_before });
                }
            }
            if ran.insert(version) || current.is_some_and(|(running, _)| running == version) {
                facts.compare(version, record.commit, tagged);
            }
        }
        facts
    }

    fn compare(
        &mut self,
        version: &Version,
        then: &CommitSha,
        tagged: &[(Version, TaggedVersion)],
    ) {
        match tagged.binary_search_by(|(known, _)| known.cmp(version)).map(|place| &tagged[place]) {
            Err(_) => {
                self.untagged.insert(version.clone());
            }
            Ok((_, tagged)) if tagged.commit != *then => {
                let both = (then.clone(), tagged.commit.clone());
                self.elsewhere.insert(version.clone(), both);
            }
            Ok(_) => {}
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
