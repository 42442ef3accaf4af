use proptest::prelude::*;

use super::*;
use crate::ledger::HoldAction;

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn production() -> EnvironmentName {
    EnvironmentName::parse("production").unwrap()
}

/// A small world that a test changes.
struct World {
    current: Version,
    tagged: BTreeSet<Version>,
    states: BTreeMap<Version, State>,
    succeeded: BTreeSet<Version>,
    held: BTreeMap<Version, HoldChange>,
    refused: BTreeMap<Version, String>,
}

impl World {
    /// Everything tagged and deployed with success; the last is current.
    fn of(versions: &[&str]) -> Self {
        let all: BTreeSet<Version> = versions.iter().map(|text| version(text)).collect();
        Self {
            current: version(versions[versions.len() - 1]),
            tagged: all.clone(),
            states: BTreeMap::new(),
            succeeded: all,
            held: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    fn mark(mut self, text: &str, state: State) -> Self {
        self.states.insert(version(text), state);
        self
    }

    fn hold(mut self, text: &str) -> Self {
        let change = HoldChange {
            version: version(text),
            action: HoldAction::Held,
            reason: "health: database is down".to_owned(),
        };
        self.held.insert(version(text), change);
        self
    }

    fn choose(&self) -> Result<RollbackTarget, NoCandidate> {
        let facts = RollbackFacts {
            current: &self.current,
            environment: &production(),
            tagged: &self.tagged,
            states: &self.states,
            succeeded: &self.succeeded,
            held: &self.held,
            refused: &self.refused,
        };
        choose_target(&facts, SelectionCriteria::default())
    }

    fn target(&self) -> String {
        self.choose().unwrap().target_version.to_string()
    }

    fn reason(&self, text: &str) -> String {
        let rejected = match self.choose() {
            Ok(target) => target.rejected_versions,
            Err(none) => none.rejected,
        };
        rejected.into_iter().find(|r| r.version == version(text)).unwrap().reason
    }
}

#[test]
fn a_version_that_a_deployment_would_refuse_is_never_the_target_however_it_is_marked() {
    let mut world = World::of(&["api/v1.0.0", "api/v1.1.0", "api/v1.2.0", "api/v1.3.0"])
        .mark("api/v1.2.0", State::Stable);
    let why = "has no package for arm64 in the repository";
    world.refused.insert(version("api/v1.2.0"), why.to_owned());
    assert_eq!(world.target(), "api/v1.1.0");
    assert_eq!(world.reason("api/v1.2.0"), why);
    // What the ledger says weighs more than what a gate would.
    world.refused.insert(version("api/v1.3.0"), why.to_owned());
    let mut held = world.hold("api/v1.1.0");
    held.refused.insert(version("api/v1.1.0"), why.to_owned());
    assert_eq!(held.target(), "api/v1.0.0");
    assert!(held.reason("api/v1.1.0").starts_with("is held"));
}

#[test]
fn without_marks_the_newest_lower_version_is_the_target() {
    assert_eq!(World::of(&["api/v1.0.0", "api/v1.1.0", "api/v1.2.0"]).target(), "api/v1.1.0");
}

#[test]
fn a_stable_version_goes_before_a_newer_unmarked_one() {
    let world = World::of(&["api/v1.0.0", "api/v1.1.0", "api/v1.2.0"]);
    assert_eq!(world.mark("api/v1.0.0", State::Stable).target(), "api/v1.0.0");
}

#[test]
fn a_deprecated_version_is_never_a_rollback_target() {
    let world = World::of(&["api/v1.0.0", "api/v1.1.0", "api/v1.2.0"])
        .mark("api/v1.1.0", State::Deprecated);
    assert_eq!(world.target(), "api/v1.0.0");
    assert_eq!(world.reason("api/v1.1.0"), "is tagged -deprecated");
}

#[test]
fn an_unstable_version_may_be_a_target() {
    let world =
        World::of(&["api/v1.0.0", "api/v1.1.0", "api/v1.2.0"]).mark("api/v1.1.0", State::Unstable);
    assert_eq!(world.target(), "api/v1.1.0");
}

#[test]
fn a_version_that_never_ran_there_is_no_target() {
    let mut world = World::of(&["api/v1.0.0", "api/v1.1.0", "api/v1.2.0"]);
    world.succeeded.remove(&version("api/v1.1.0"));
    assert_eq!(world.target(), "api/v1.0.0");
    assert_eq!(world.reason("api/v1.1.0"), "is not in the ledger of production with success");
}

#[test]
fn a_held_version_is_no_target() {
    let world = World::of(&["api/v1.0.0", "api/v1.1.0", "api/v1.2.0"]).hold("api/v1.1.0");
    assert_eq!(world.target(), "api/v1.0.0");
    assert_eq!(world.reason("api/v1.1.0"), "is held: health: database is down");
}

#[test]
fn a_version_whose_tag_is_gone_is_no_target() {
    let mut world = World::of(&["api/v1.0.0", "api/v1.1.0"]);
    world.tagged.remove(&version("api/v1.0.0"));
    assert_eq!(world.reason("api/v1.0.0"), "its version tag is gone");
    assert!(world.choose().is_err());
}

#[test]
fn a_higher_version_is_rejected_with_its_reason() {
    let mut world = World::of(&["api/v1.0.0", "api/v2.0.0", "api/v1.1.0"]);
    assert_eq!(world.target(), "api/v1.0.0");
    assert_eq!(world.reason("api/v2.0.0"), "is not lower than v1.1.0");
    world.current = version("api/v1.0.0");
    assert!(world.choose().is_err(), "nothing is lower than the first");
}

#[test]
fn another_project_is_not_considered() {
    let mut world = World::of(&["api/v1.0.0", "api/v1.1.0"]);
    world.tagged.insert(version("aaa/v1.0.5"));
    world.succeeded.insert(version("aaa/v1.0.5"));
    let target = world.choose().unwrap();
    assert_eq!(target.candidate_versions, [version("api/v1.0.0")]);
    assert!(target.rejected_versions.is_empty());
}

#[test]
fn a_target_is_shown_in_the_fields_of_the_data_model() {
    let world = World::of(&["api/v1.0.0", "api/v1.1.0", "api/v1.2.0"])
        .mark("api/v1.0.0", State::Deprecated);
    let shown = serde_json::to_value(world.choose().unwrap()).unwrap();
    assert_eq!(shown["target_version"]["semver"], "v1.1.0");
    assert_eq!(shown["selection_criteria"]["prioritize_stable"], true);
    assert_eq!(shown["rejected_versions"][0]["semver"], "v1.0.0");
    assert_eq!(shown["rejected_versions"][0]["reason"], "is tagged -deprecated");
}

proptest! {
    #[test]
    fn a_target_is_a_candidate_and_every_version_is_on_one_side(
        numbers in proptest::collection::btree_set(0_u8..30, 1..12),
        current in 0_u8..30,
        marks in proptest::collection::vec((0_u8..30, 0_u8..3), 0..8),
        missing in proptest::collection::vec(0_u8..30, 0..4),
    ) {
        let named = |n: u8| version(&format!("api/v1.{n}.0"));
        let mut world = World::of(&["api/v1.0.0"]);
        world.current = named(current);
        world.tagged = numbers.iter().map(|n| named(*n)).collect();
        world.succeeded = numbers.iter().filter(|n| !missing.contains(n)).map(|n| named(*n)).collect();
        for (n, state) in marks {
            let state = [State::Stable, State::Unstable, State::Deprecated][usize::from(state)];
            world.states.insert(named(n), state);
        }
        let (candidates, rejected) = match world.choose() {
            Ok(target) => {
                prop_assert!(target.target_version < world.current);
                prop_assert!(world.states.get(&target.target_version) != Some(&State::Deprecated));
                prop_assert!(world.succeeded.contains(&target.target_version));
                prop_assert!(target.candidate_versions.contains(&target.target_version));
                (target.candidate_versions, target.rejected_versions)
            }
            Err(none) => (vec![], none.rejected),
        };
        let mut all: Vec<Version> =
            candidates.into_iter().chain(rejected.into_iter().map(|r| r.version)).collect();
        all.sort();
        let mut expected = world.tagged.clone();
        expected.remove(&world.current);
        prop_assert_eq!(all, expected.into_iter().collect::<Vec<_>>());
    }
}
