//! GitHub's rulesets for tags (SPEC S3). In: the environments, and who deploys. Out: the bodies for
//! `POST /repos/{owner}/{repo}/rulesets` (docs.github.com/rest/repos/rules).
//!
//! Patterns are fnmatch(3)'s with `FNM_PATHNAME`, as GitHub documents: `**/` stands for any folders, or none.

use serde_json::{Value, json};
use tagboat_core::tag::{EnvironmentName, WELL_KNOWN};

/// Who may move environment tags: `GITHUB_TOKEN` cannot be named in a ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// A GitHub App, by its id.
    App(u64),
    /// Any of the repository's deploy keys.
    DeployKey,
}

impl Pipeline {
    fn actor(self) -> Value {
        match self {
            Self::App(id) => {
                json!({ "actor_id": id, "actor_type": "Integration", "bypass_mode": "always" })
            }
            // GitHub names no single key.
            Self::DeployKey => {
                json!({ "actor_id": null, "actor_type": "DeployKey", "bypass_mode": "always" })
            }
        }
    }
}

/// Whether rulesets refuse, or only tell what they would have refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// They refuse.
    Active,
    /// They tell.
    Evaluate,
}

/// Every ruleset. Nobody moves or deletes a version or state tag; the pipeline alone makes and moves environment tags,
/// and nobody deletes one; nobody makes `v1.2.3-production`.
#[must_use]
pub fn rulesets<'e>(
    configured: impl IntoIterator<Item = &'e EnvironmentName>,
    pipeline: &[Pipeline],
    enforcement: Enforcement,
) -> Vec<Value> {
    let mut names: Vec<&str> = WELL_KNOWN.to_vec();
    names.extend(configured.into_iter().map(EnvironmentName::as_str));
    names.sort_unstable();
    names.dedup();
    let environments: Vec<String> =
        names.iter().map(|name| format!("refs/tags/**/{name}")).collect();
    let legacy: Vec<String> =
        names.iter().map(|name| format!("refs/tags/**/v[0-9]*-{name}")).collect();
    let versions = vec!["refs/tags/**/v[0-9]*".to_owned()];
    let actors: Vec<Value> = pipeline.iter().map(|who| who.actor()).collect();
    let ruleset = |name: &str, refs: &[String], actors: &[Value], rules: &[&str]| {
        json!({
            "name": name,
            "target": "tag",
            "enforcement": match enforcement {
                Enforcement::Active => "active",
                Enforcement::Evaluate => "evaluate",
            },
            "bypass_actors": actors,
            "conditions": { "ref_name": { "include": refs, "exclude": [] } },
            "rules": rules.iter().map(|rule| json!({ "type": rule })).collect::<Vec<_>>(),
        })
    };
    vec![
        ruleset("tagboat: version and state tags", &versions, &[], &["update", "deletion"]),
        ruleset("tagboat: environment tags", &environments, &actors, &["creation", "update"]),
        ruleset("tagboat: no environment tag is deleted", &environments, &[], &["deletion"]),
        ruleset("tagboat: no version is named like an environment", &legacy, &[], &["creation"]),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn made() -> Vec<Value> {
        let qa = EnvironmentName::parse("qa").unwrap();
        rulesets([&qa], &[Pipeline::App(42), Pipeline::DeployKey], Enforcement::Active)
    }

    #[test]
    fn rulesets_have_the_shape_of_githubs_schema() {
        // The body of "Create a repository ruleset" (API version 2022-11-28): its fields, and the words of its enums.
        let rules = ["creation", "update", "deletion", "non_fast_forward", "required_signatures"];
        let actors = ["Integration", "OrganizationAdmin", "RepositoryRole", "Team", "DeployKey"];
        for ruleset in made() {
            let fields: BTreeSet<&str> =
                ruleset.as_object().unwrap().keys().map(String::as_str).collect();
            let known = ["bypass_actors", "conditions", "enforcement", "name", "rules", "target"];
            assert_eq!(fields, BTreeSet::from(known));
            assert_eq!(ruleset["target"], "tag");
            assert!(
                ["active", "evaluate", "disabled"].iter().any(|w| ruleset["enforcement"] == *w)
            );
            for rule in ruleset["rules"].as_array().unwrap() {
                assert!(rules.iter().any(|word| rule["type"] == *word), "{rule}");
            }
            for actor in ruleset["bypass_actors"].as_array().unwrap() {
                assert!(actors.iter().any(|word| actor["actor_type"] == *word), "{actor}");
                assert_eq!(actor["actor_id"].is_null(), actor["actor_type"] == "DeployKey");
                assert_eq!(actor["bypass_mode"], "always");
            }
            let names = ruleset["conditions"]["ref_name"]["include"].as_array().unwrap();
            assert!(names.iter().all(|name| name.as_str().unwrap().starts_with("refs/tags/**/")));
        }
    }

    #[test]
    fn nobody_bypasses_the_lock_of_versions_and_the_pipeline_alone_moves_environments() {
        let made = made();
        let bypassed: Vec<bool> =
            made.iter().map(|set| !set["bypass_actors"].as_array().unwrap().is_empty()).collect();
        assert_eq!(bypassed, [false, true, false, false]);
        let types = |set: &Value| -> Vec<String> {
            let rules = set["rules"].as_array().unwrap().iter();
            rules.map(|rule| rule["type"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(types(&made[0]), ["update", "deletion"]);
        assert_eq!(types(&made[1]), ["creation", "update"]);
        assert_eq!(types(&made[2]), ["deletion"]);
        let refs = made[1]["conditions"]["ref_name"]["include"].as_array().unwrap();
        assert!(
            refs.contains(&json!("refs/tags/**/qa"))
                && refs.contains(&json!("refs/tags/**/production"))
        );
    }
}
