//! Given versions and version tags (seed 004, entities 1 and 2). In: records. Out: fields that break their grammar, or
//! each other, or what the tags say.

use tagboat_core::commit::CommitSha;
use tagboat_core::diagnostic::Diagnostic;
use tagboat_core::tag::{EnvironmentTag, State, TagKind, classify};

use super::given::{Item, Kind, of_kind};
use super::{Facts, Rule};

pub(super) const RULE: Rule = Rule {
    code: "check::version-record",
    says: "a given version or version tag keeps to the grammar, and to the tags",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for item in of_kind(facts.given, Kind::Version) {
        version(item, &mut told);
    }
    for item in of_kind(facts.given, Kind::VersionTag) {
        tag(item, facts, &mut told);
    }
    told
}

fn version(item: Item<'_>, told: &mut Vec<Diagnostic>) {
    let version = match item.as_version() {
        Ok(version) => version,
        Err(why) => {
            told.push(item.wrong(RULE, "semver", why, "expected a version, as `v1.2.3-rc.1`"));
            return;
        }
    };
    if item.text("full_version").is_some_and(|full| full != version.to_string()) {
        let message = "`full_version` is not the path and the version of its fields";
        told.push(item.wrong(RULE, "full_version", message, format!("expected `{version}`")));
    }
    let semver = version.semver();
    let (core, pre) = semver.split_once('-').unwrap_or((&semver, ""));
    let numbers = core.trim_start_matches('v').split('.');
    for (field, number) in ["major", "minor", "patch"].into_iter().zip(numbers) {
        if item.whole(field).map(|found| found.to_string()).as_deref() != Some(number) {
            let message = format!("`{field}` is not that of {semver}");
            told.push(item.wrong(RULE, field, message, format!("expected {number}")));
        }
    }
    if item.text("prerelease").unwrap_or_default() != pre {
        let message = format!("`prerelease` is not that of {semver}");
        told.push(item.wrong(RULE, "prerelease", message, format!("expected {pre:?}")));
    }
}

fn tag(item: Item<'_>, facts: &Facts<'_>, told: &mut Vec<Diagnostic>) {
    let mut wrong = |field: &str, message: String, label: String| {
        told.push(item.wrong(RULE, field, message, label));
    };
    let name = item.text("tag_name").unwrap_or_default();
    let kind = classify(name, facts.environments);
    let (word, movable) = match &kind {
        TagKind::Version(_) => ("version", false),
        TagKind::State(..) => ("state", false),
        TagKind::Environment(..) => ("environment", true),
        TagKind::LegacySuffix(..) | TagKind::Foreign => {
            let label = "expected a version, state or environment tag".to_owned();
            wrong("tag_name", format!("{name:?} is no tag of the grammar"), label);
            return;
        }
    };
    if item.text("tag_type") != Some(word) {
        wrong("tag_type", format!("{name} is of the type {word}"), format!("expected `{word}`"));
    }
    if item.truth("is_movable") != Some(movable) {
        let moves = if movable { "moves" } else { "never moves" };
        wrong("is_movable", format!("{name} {moves}"), format!("expected {movable}"));
    }
    if !movable && item.get("updated_at").is_some() {
        wrong("updated_at", format!("{name} never moves"), "expected null".to_owned());
    }
    let (version, environment, state) = match &kind {
        TagKind::Version(version) => (Some(version), None, None),
        TagKind::State(version, state) => (Some(version), None, Some(state.word())),
        TagKind::Environment(_, name) => (None, Some(name.as_str()), None),
        TagKind::LegacySuffix(..) | TagKind::Foreign => (None, None, None),
    };
    let found = item.version("version");
    if found.as_ref().map(|found| found.as_ref().ok()) != version.map(Some) {
        let expected = version.map_or_else(|| "null".to_owned(), ToString::to_string);
        wrong(
            "version",
            format!("`version` is not that of {name}"),
            format!("expected {expected}"),
        );
    }
    for (field, expected) in [("environment", environment), ("state", state)] {
        if item.environment(field) != expected {
            let expected = expected.unwrap_or("null");
            wrong(
                field,
                format!("`{field}` is not that of {name}"),
                format!("expected {expected}"),
            );
        }
    }
    let Some(commit) = item.text("commit_sha").and_then(|text| CommitSha::parse(text).ok()) else {
        let label = "expected 40 hexadecimal digits".to_owned();
        wrong("commit_sha", format!("{name} has no commit"), label);
        return;
    };
    if let Some(actual) = at(&kind, facts).filter(|actual| *actual != commit) {
        let label = format!("expected {actual}");
        wrong("commit_sha", format!("{name} is not at that commit"), label);
    }
}

/// Where a tag leads, as far as that is known.
fn at(kind: &TagKind, facts: &Facts<'_>) -> Option<CommitSha> {
    let state = |version: &_, state: &State| {
        let found =
            facts.listing.state_tags.iter().find(|s| s.version == *version && s.state == *state);
        found.map(|found| found.commit.clone())
    };
    match kind {
        TagKind::Version(version) => Some(facts.listing.versions.get(version)?.commit.clone()),
        TagKind::State(version, word) => state(version, word),
        TagKind::Environment(path, environment) => {
            let tag = EnvironmentTag::new(path.clone(), environment.clone());
            let read = facts.ledgers.get(&tag)?.read.as_ref().ok()?;
            read.running.as_ref().map(|(_, commit)| commit.clone())
        }
        TagKind::LegacySuffix(..) | TagKind::Foreign => None,
    }
}
