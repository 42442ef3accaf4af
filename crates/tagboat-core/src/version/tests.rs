#![expect(clippy::disallowed_types, reason = "the oracle of Debian's order is a program")]

use proptest::prelude::*;

use super::*;

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

#[test]
fn the_parts_of_a_version_are_read_and_written_back() {
    for text in
        ["v0.0.0", "v1.2.3", "api/v1.2.3", "a/b.c/d_e-f/v10.20.30-rc.1.x-y", "v1.0.0-0.3.g1a2b"]
    {
        assert_eq!(version(text).to_string(), text);
    }
    let it = version("api/v1.2.3-beta.1");
    assert_eq!((it.path().as_str(), it.semver().as_str()), ("api", "v1.2.3-beta.1"));
    assert_eq!((it.bare().as_str(), it.debian().as_str()), ("1.2.3-beta.1", "1.2.3~beta.1"));
}

#[test]
fn each_refusal_says_which_rule_was_broken() {
    use VersionError::*;
    let table = [
        ("1.2.3", NoVersion),
        ("", OuterSlash),
        ("api/", OuterSlash),
        ("/v1.2.3", OuterSlash),
        ("/api/v1.2.3", OuterSlash),
        ("api//v1.2.3", OuterSlash),
        ("a//b/v1.2.3", EmptyComponent),
        ("vx.2.3", NoVersion),
        ("v1.2", NotThreeNumbers),
        ("v1.2.3.4", NotThreeNumbers),
        ("v1..3", NotANumber(String::new())),
        ("v1.2.x", NotANumber("x".into())),
        ("v1.02.3", LeadingZero("02".into())),
        ("v1.2.3-rc.01", LeadingZero("01".into())),
        ("v99999999999999999999.0.0", TooLarge("99999999999999999999".into())),
        ("v1.2.3+build", BuildMetadata),
        ("v1.2.3-rc+build", BuildMetadata),
        ("v1.2.3-", EmptyIdentifier),
        ("v1.2.3-rc..1", EmptyIdentifier),
        ("v1.2.3-rc_1", Identifier("rc_1".into())),
        ("v1.2.3-5.lock", Lock),
        ("v1.2.3-stable", StateWord("stable")),
        ("v1.2.3-rc-unstable", StateWord("unstable")),
        ("..", NoVersion),
        ("../v1.2.3", Component("..".into())),
        ("a b/v1.2.3", Component("a b".into())),
        ("-x/v1.2.3", Component("-x".into())),
        ("x.lock/v1.2.3", Component("x.lock".into())),
    ];
    for (text, expected) in table {
        assert_eq!(Version::parse(text), Err(expected), "{text:?}");
    }
    assert_eq!(Version::parse(&format!("v1.2.3-{}", "a".repeat(300))), Err(TooLong));
}

#[test]
fn a_version_is_shown_in_the_fields_of_the_data_model_and_read_back() {
    let shown = serde_json::to_string(&version("api/v1.2.3-beta.1")).unwrap();
    assert_eq!(
        shown,
        r#"{"full_version":"api/v1.2.3-beta.1","sub_project_path":"api","semver":"v1.2.3-beta.1","major":1,"minor":2,"patch":3,"prerelease":"beta.1"}"#
    );
    assert_eq!(serde_json::from_str::<Version>(&shown).unwrap(), version("api/v1.2.3-beta.1"));
    assert!(serde_json::from_str::<Version>(&shown.replace("\"major\":1", "\"major\":2")).is_err());
}

#[test]
fn a_program_may_name_its_version_in_three_ways() {
    let it = version("api/v1.2.3");
    for answer in ["1.2.3", "v1.2.3", "api/v1.2.3"] {
        assert!(it.is_named(answer), "{answer}");
    }
    for answer in ["1.2", "1.2.3-rc.1", "web/v1.2.3", "vv1.2.3", ""] {
        assert!(!it.is_named(answer), "{answer}");
    }
}

/// Pre-releases of every shape that semver.org allows and a tag may have.
fn any_version() -> impl Strategy<Value = String> {
    let number = || prop_oneof![0_u64..12, Just(u64::MAX)];
    let identifier = "[0-9A-Za-z-]{1,4}";
    let prerelease = proptest::collection::vec(identifier, 0..4);
    (number(), number(), number(), prerelease).prop_map(|(major, minor, patch, pre)| {
        let hyphen = if pre.is_empty() { "" } else { "-" };
        format!("{major}.{minor}.{patch}{hyphen}{}", pre.join("."))
    })
}

/// Those that Tagboat itself makes (SPEC V5): final, counted, and builds between tags.
fn made_version() -> impl Strategy<Value = String> {
    let word = prop_oneof![Just("alpha"), Just("beta"), Just("rc")];
    let pre = prop_oneof![
        Just(String::new()),
        (word.clone(), 1_u32..30).prop_map(|(word, n)| format!("-{word}.{n}")),
        (1_u32..200, "[0-9a-f]{7}").prop_map(|(n, sha)| format!("-0.{n}.g{sha}")),
        (word, 1_u32..30, 1_u32..200, "[0-9a-f]{7}")
            .prop_map(|(word, n, m, sha)| format!("-{word}.{n}.0.{m}.g{sha}")),
    ];
    (0_u32..3, 0_u32..3, 0_u32..12, pre)
        .prop_map(|(major, minor, patch, pre)| format!("v{major}.{minor}.{patch}{pre}"))
}

proptest! {
    #[test]
    fn acceptance_is_the_semver_crates(text in any_version()) {
        let ours = Version::parse(&format!("v{text}"));
        let theirs = semver::Version::parse(&text);
        // The one rule more that we have: a state's word.
        if !matches!(ours, Err(VersionError::StateWord(_))) {
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}: {:?} {:?}", text, ours, theirs);
        }
    }

    #[test]
    fn order_is_the_semver_crates(left in any_version(), right in any_version()) {
        let ours = (Version::parse(&format!("v{left}")), Version::parse(&format!("v{right}")));
        let theirs = (semver::Version::parse(&left), semver::Version::parse(&right));
        if let ((Ok(a), Ok(b)), (Ok(x), Ok(y))) = (ours, theirs) {
            prop_assert_eq!(a.cmp(&b), x.cmp_precedence(&y), "{} {}", left, right);
        }
    }

    #[test]
    fn a_parsed_version_prints_as_it_was_read(text in "(a/)?v[0-9.]{1,8}(-[0-9a-z.-]{0,6})?") {
        if let Ok(version) = Version::parse(&text) {
            prop_assert_eq!(version.to_string(), text);
        }
    }
}

proptest! {
    // Each case starts dpkg: fewer of them.
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn dpkg_orders_what_tagboat_makes_as_semver_does(left in made_version(), right in made_version()) {
        let (left, right) = (version(&left), version(&right));
        let word = match left.cmp(&right) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        let agrees = std::process::Command::new("dpkg")
            .args(["--compare-versions", &left.debian(), word, &right.debian()])
            .status()
            .unwrap()
            .success();
        prop_assert!(agrees, "{left} {word} {right}, but not {} to {}", left.debian(), right.debian());
    }
}
