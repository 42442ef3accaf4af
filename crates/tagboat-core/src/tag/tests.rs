use super::*;

fn environments() -> Environments {
    Environments::new(["production", "qa", "pre-prod"].map(|n| EnvironmentName::parse(n).unwrap()))
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn environment(text: &str) -> EnvironmentName {
    EnvironmentName::parse(text).unwrap()
}

fn path(text: &str) -> ProjectPath {
    ProjectPath::parse(text).unwrap()
}

#[test]
fn every_form_of_the_grammar_is_read() {
    use TagKind::{Environment, LegacySuffix, State as Marked, Version as Tagged};
    let table = [
        ("v1.2.3", Tagged(version("v1.2.3"))),
        ("api/v1.2.3", Tagged(version("api/v1.2.3"))),
        ("a/b/v1.2.3-rc.1", Tagged(version("a/b/v1.2.3-rc.1"))),
        ("api/v1.2.3-rc.1-production", Tagged(version("api/v1.2.3-rc.1-production"))),
        ("api/v1.2.3-stable", Marked(version("api/v1.2.3"), State::Stable)),
        ("v1.2.3-rc.1-deprecated", Marked(version("v1.2.3-rc.1"), State::Deprecated)),
        ("api/v1.2.3-unstable", Marked(version("api/v1.2.3"), State::Unstable)),
        ("api/production", Environment(path("api"), environment("production"))),
        ("production", Environment(path(""), environment("production"))),
        ("a/b/qa", Environment(path("a/b"), environment("qa"))),
        ("api/canary", Environment(path("api"), environment("canary"))),
        ("api/v1.2.3-production", LegacySuffix(version("api/v1.2.3"), environment("production"))),
        ("v1.2.3-pre-prod", LegacySuffix(version("v1.2.3"), environment("pre-prod"))),
        ("v1.2.3-sandbox", LegacySuffix(version("v1.2.3"), environment("sandbox"))),
    ];
    for (name, expected) in table {
        assert_eq!(classify(name, &environments()), expected, "{name}");
    }
}

#[test]
fn whatever_the_allow_list_does_not_know_is_foreign() {
    let foreign = [
        "",
        "/",
        "v",
        "v1",
        "v1.2",
        "1.2.3",
        "release-7",
        "api/dev",
        "api@1.2.3",
        "api-v1.2.3",
        "/v1.2.3",
        "api//v1.2.3",
        "api/v1.2.3/",
        "api/v01.2.3",
        "api/v1.2.3+b",
        "v1.2.3-stable-stable",
        "v1.2.3-deprecated-stable",
        "--output=x/v1.2.3",
        "-x/production",
        "$(id)/v1.0.0",
        "`id`/production",
        "a;id/v1.0.0",
        "a b/v1.0.0",
        "a\u{202e}b/v1.0.0",
        "api/../v1.0.0",
        "api/.hidden/production",
        "a.lock/v1.0.0",
        "api/Production",
    ];
    for name in foreign {
        assert_eq!(classify(name, &environments()), TagKind::Foreign, "{name:?}");
    }
    let long = format!("{}/v1.0.0", "a".repeat(300));
    assert_eq!(classify(&long, &environments()), TagKind::Foreign);
}

#[test]
fn environments_move_and_versions_never_do() {
    let movability = |name| classify(name, &environments()).movability();
    assert_eq!(movability("api/production"), Some(Movability::Movable));
    for fixed in ["api/v1.0.0", "api/v1.0.0-stable", "api/v1.0.0-production"] {
        assert_eq!(movability(fixed), Some(Movability::Fixed), "{fixed}");
    }
    assert_eq!(movability("release-7"), None);
}

#[test]
fn deprecated_beats_unstable_beats_stable() {
    use State::{Deprecated, Stable, Unstable};
    assert_eq!(strongest([Stable, Deprecated, Unstable]), Some(Deprecated));
    assert_eq!(strongest([Unstable, Stable]), Some(Unstable));
    assert_eq!(strongest([Stable]), Some(Stable));
    assert_eq!(strongest([]), None);
}

#[test]
fn an_environment_is_never_named_like_a_version_or_outside_its_grammar() {
    for good in ["production", "p", "eu-1", "vault", "v"] {
        assert!(EnvironmentName::parse(good).is_ok(), "{good}");
    }
    assert_eq!(EnvironmentName::parse("v2"), Err(EnvironmentNameError::LikeAVersion));
    for bad in ["", "Prod", "1st", "-x", "a_b", "a/b", "a.b", &"a".repeat(64)] {
        assert_eq!(EnvironmentName::parse(bad), Err(EnvironmentNameError::Form), "{bad}");
    }
}

#[test]
fn a_project_that_git_could_not_hold_beside_its_tags_is_named() {
    let projects = ["api", "api/production", "staging/api", "tools/v1.0.0", "tools/v2"].map(path);
    let tags = ["api/v1.0.0-qa", "api/v1.0.0-rc.1", "api/v1.0.0-production"];
    assert_eq!(
        clashes(&projects, &environments(), tags),
        [
            NameClash::Environment {
                project: path("api/production"),
                environment: environment("production")
            },
            NameClash::Environment {
                project: path("staging/api"),
                environment: environment("staging")
            },
            NameClash::Version { project: path("tools/v1.0.0"), component: "v1.0.0".to_owned() },
            NameClash::Prerelease {
                environment: environment("qa"),
                tag: "api/v1.0.0-qa".to_owned()
            },
        ]
    );
}

#[test]
fn a_tag_is_shown_in_the_fields_of_the_data_model() {
    let time: Timestamp = "2025-11-21T10:30:00Z".parse().unwrap();
    let commit = CommitSha::parse(&"a".repeat(40)).unwrap();
    let shown = |name: &str, updated_at| {
        let kind = classify(name, &environments());
        let tag = VersionTag { kind, commit: commit.clone(), created_at: time, updated_at };
        serde_json::to_value(tag).unwrap()
    };
    let version = shown("api/v1.2.3-rc.1", Some(time));
    assert_eq!(version["tag_type"], "version");
    assert_eq!(version["version"]["prerelease"], "rc.1");
    assert_eq!(version["environment"], serde_json::Value::Null);
    assert_eq!(version["is_movable"], false);
    // A version tag has no time of a move, whatever it was given.
    assert_eq!(version["updated_at"], serde_json::Value::Null);
    let environment = shown("api/production", Some(time));
    assert_eq!(environment["tag_name"], "api/production");
    assert_eq!(environment["version"], serde_json::Value::Null);
    assert_eq!(environment["updated_at"], "2025-11-21T10:30:00Z");
    let state = shown("api/v1.2.3-stable", None);
    assert_eq!((&state["state"], &state["version"]["patch"]), (&"stable".into(), &3.into()));
}
