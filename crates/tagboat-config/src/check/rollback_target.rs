//! A roll-back's target (seed 004, entity 8 and cross-entity 4; SPEC R1, R2). In: given targets, tags and ledgers. Out:
//! targets that may not be chosen.

use std::collections::BTreeSet;

use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::tag::State;
use tagboat_core::version::Version;

use super::given::{Item, Kind, of_kind};
use super::{Facts, Rule};

pub(super) const RULE: Rule = Rule {
    code: "check::rollback-target",
    says: "a roll-back's target is lower, not deprecated, ran there before, and is a candidate",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for item in of_kind(facts.given, Kind::RollbackTarget) {
        let both = (item.version("current_version"), item.version("target_version"));
        let (Some(Ok(current)), Some(Ok(target))) = both else {
            let message = "it needs two versions: `current_version` and `target_version`";
            told.push(item.whole_wrong(RULE, message, "expected both"));
            continue;
        };
        one(item, facts, &current, &target, &mut told);
    }
    told
}

fn one(
    item: Item<'_>,
    facts: &Facts<'_>,
    current: &Version,
    target: &Version,
    told: &mut Vec<Diagnostic>,
) {
    let mut wrong = |field: &str, message: String, label: &str| {
        told.push(item.wrong(RULE, field, message, label.to_owned()));
    };
    if target >= current || target.path() != current.path() {
        wrong(
            "target_version",
            format!("{target} is not lower than {current}"),
            "expected a lower version of the same project",
        );
    }
    let state = |version: &Version| facts.listing.states.get(version).copied();
    if state(target) == Some(State::Deprecated) {
        wrong(
            "target_version",
            format!("{target} is tagged -deprecated"),
            "expected another version",
        );
    }
    let versions = |field: &str| -> BTreeSet<Version> {
        item.list(field).into_iter().filter_map(|item| item.as_version().ok()).collect()
    };
    let candidates = versions("candidate_versions");
    if !candidates.contains(target) {
        wrong(
            "candidate_versions",
            format!("{target} is no candidate"),
            "expected the target among them",
        );
    }
    if versions("rejected_versions").contains(target) {
        wrong(
            "rejected_versions",
            format!("{target} is rejected and chosen"),
            "expected the others only",
        );
    }
    let environment = item.environment("environment").unwrap_or_default();
    let ledger = facts.ledger(target.path(), environment);
    let ran = ledger.is_some_and(|ledger| ledger.succeeded.contains(target));
    if !ran {
        let message = format!("{target} is not in the ledger of {environment} with success");
        wrong("target_version", message, "expected a version that ran there before");
    }
    let prefers = item.get("selection_criteria").and_then(|c| c.truth("prioritize_stable"));
    let stable = candidates.iter().any(|candidate| state(candidate) == Some(State::Stable));
    if prefers != Some(false) && stable && state(target) != Some(State::Stable) {
        let message = format!("{target} is not tagged -stable, and a candidate is");
        let told_one =
            item.wrong(RULE, "target_version", message, "expected the newest stable one");
        told.push(told_one.exit(Exit::Done));
    }
}
