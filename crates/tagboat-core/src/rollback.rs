//! Where a roll-back goes (SPEC R1, R2). In: what runs, what ran before, what is marked how. Out: one target
//! with its candidates, and a reason for every version that was passed over.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::ledger::HoldChange;
use crate::tag::{EnvironmentName, State};
use crate::version::Version;

/// What makes a version eligible. The defaults are the specification's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SelectionCriteria {
    /// A version marked stable goes before a newer one that is not.
    pub prioritize_stable: bool,
    /// A version marked deprecated is never chosen.
    pub exclude_deprecated: bool,
    /// A version marked unstable is never chosen.
    pub exclude_unstable: bool,
}

impl Default for SelectionCriteria {
    fn default() -> Self {
        Self { prioritize_stable: true, exclude_deprecated: true, exclude_unstable: false }
    }
}

/// What is known when a target is chosen.
#[derive(Clone, Debug)]
pub struct RollbackFacts<'a> {
    /// What runs.
    pub current: &'a Version,
    /// Where.
    pub environment: &'a EnvironmentName,
    /// The project's version tags.
    pub tagged: &'a BTreeSet<Version>,
    /// The strongest state of each version that has one.
    pub states: &'a BTreeMap<Version, State>,
    /// Versions that this environment's ledger tells of with success.
    pub succeeded: &'a BTreeSet<Version>,
    /// Versions that are held there.
    pub held: &'a BTreeMap<Version, HoldChange>,
    /// Versions that a deployment there would refuse now, and why: a clause that fits behind the version's name.
    pub refused: &'a BTreeMap<Version, String>,
}

/// A version that was passed over, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Which.
    pub version: Version,
    /// Why: a clause that fits behind the version's name.
    pub reason: String,
}

/// The version's own fields, and the reason.
impl Serialize for Rejected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten)]
            version: &'a Version,
            reason: &'a str,
        }
        Shown { version: &self.version, reason: &self.reason }.serialize(serializer)
    }
}

/// The chosen target, in the fields of SPEC R1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RollbackTarget {
    /// What runs.
    pub current_version: Version,
    /// What shall run.
    pub target_version: Version,
    /// Where.
    pub environment: EnvironmentName,
    /// By which rules it was chosen.
    pub selection_criteria: SelectionCriteria,
    /// Every eligible version, the target among them, highest first.
    pub candidate_versions: Vec<Version>,
    /// Every other version of the project, highest first.
    pub rejected_versions: Vec<Rejected>,
}

/// There is nothing to roll back to: every version and its reason, highest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCandidate {
    /// Why each was passed over.
    pub rejected: Vec<Rejected>,
}

/// Chooses the newest stable candidate, or else the newest.
///
/// # Errors
/// [`NoCandidate`] where no version is eligible.
pub fn choose_target(
    facts: &RollbackFacts<'_>,
    criteria: SelectionCriteria,
) -> Result<RollbackTarget, NoCandidate> {
    let mut candidates = Vec::new();
    let mut rejected = Vec::new();
    let project = facts.current.path();
    let known: BTreeSet<&Version> =
        facts.tagged.union(facts.succeeded).filter(|version| version.path() == project).collect();
    for &version in known.iter().rev().filter(|version| **version != facts.current) {
        match rejection(version, facts, criteria) {
            None => candidates.push(version.clone()),
            Some(reason) => rejected.push(Rejected { version: version.clone(), reason }),
        }
    }
    let stable = |version: &&Version| facts.states.get(version) == Some(&State::Stable);
    let preferred = candidates.iter().find(stable).filter(|_| criteria.prioritize_stable);
    let Some(target) = preferred.or_else(|| candidates.first()) else {
        return Err(NoCandidate { rejected });
    };
    Ok(RollbackTarget {
        current_version: facts.current.clone(),
        target_version: target.clone(),
        environment: facts.environment.clone(),
        selection_criteria: criteria,
        candidate_versions: candidates,
        rejected_versions: rejected,
    })
}

/// Why `version` is not eligible; `None` if it is.
#[must_use]
pub fn rejection(
    version: &Version,
    facts: &RollbackFacts<'_>,
    criteria: SelectionCriteria,
) -> Option<String> {
    if version >= facts.current {
        return Some(format!("is not lower than {}", facts.current.semver()));
    }
    if !facts.tagged.contains(version) {
        return Some("its version tag is gone".to_owned());
    }
    if !facts.succeeded.contains(version) {
        return Some(format!("is not in the ledger of {} with success", facts.environment));
    }
    if let Some(hold) = facts.held.get(version) {
        return Some(format!("is held: {}", hold.reason));
    }
    if let Some(reason) = facts.refused.get(version) {
        return Some(reason.clone());
    }
    match facts.states.get(version) {
        Some(State::Deprecated) if criteria.exclude_deprecated => {
            Some("is tagged -deprecated".to_owned())
        }
        Some(State::Unstable) if criteria.exclude_unstable => {
            Some("is tagged -unstable".to_owned())
        }
        Some(State::Stable | State::Unstable | State::Deprecated) | None => None,
    }
}

#[cfg(test)]
mod tests;
