#![expect(clippy::disallowed_types, reason = "the oracle of Debian's order is a program")]

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::listing::TaggedVersion;

fn project() -> ProjectPath {
    ProjectPath::parse("api").unwrap()
}

/// `1.2.3-rc.1` of the project.
fn version(bare: &str) -> Version {
    Version::parse(&format!("api/v{bare}")).unwrap()
}

/// The commit whose id is this number.
fn id(number: usize) -> CommitSha {
    CommitSha::parse(&format!("{number:040x}")).unwrap()
}

/// Commits with these messages, newest first; the oldest has the id 1.
fn commits(messages: &[&str]) -> Vec<LogEntry> {
    let ids = (1..=messages.len()).rev().map(id);
    let entries = messages.iter().zip(ids);
    entries.map(|(message, sha)| LogEntry { sha, message: (*message).to_owned() }).collect()
}

/// A project whose versions are all behind the commit, with these commits since the last final version,
/// newest first.
fn history(versions: &[&str], messages: &[&str]) -> History {
    let mut versions: Vec<Version> = versions.iter().map(|bare| version(bare)).collect();
    versions.sort();
    History {
        last: versions.last().cloned(),
        last_final: versions.iter().rev().find(|it| !it.is_prerelease()).cloned(),
        versions,
        commits: commits(messages),
        before_last: BTreeSet::new(),
    }
}

fn dpkg(left: &str, right: &str) -> Option<Ordering> {
    let holds = |word: &str| {
        let args = ["--compare-versions", left, word, right];
        std::process::Command::new("dpkg").args(args).status().unwrap().success()
    };
    let words = [("lt", Ordering::Less), ("eq", Ordering::Equal), ("gt", Ordering::Greater)];
    words.into_iter().find(|(word, _)| holds(word)).map(|(_, order)| order)
}

fn next(history: &History, goal: Goal) -> Result<String, NextError> {
    next_version(&project(), history, goal, &dpkg).map(|next| next.version.bare())
}

fn pre(history: &History, channel: Channel) -> Result<String, NextError> {
    next(history, Goal::Prerelease(channel))
}

#[test]
fn the_strongest_commit_raises_the_version() {
    for (base, messages, expected, bump) in [
        ("1.2.3", &["fix: a"][..], "1.2.4", Bump::Patch),
        ("1.2.3", &["fix: a", "feat: b", "docs: c"], "1.3.0", Bump::Minor),
        ("1.2.3", &["feat: b", "fix!: a"], "2.0.0", Bump::Major),
        ("1.2.3", &["chore: a\n\nBREAKING CHANGE: b", "feat: c"], "2.0.0", Bump::Major),
        ("1.2.3", &["not conventional at all"], "1.2.4", Bump::Patch),
        ("1.2.3", &["docs: a", "Merge something by hand"], "1.2.4", Bump::Patch),
        // Below 1.0.0 each counts one place lower.
        ("0.2.3", &["fix: a"], "0.2.4", Bump::Patch),
        ("0.2.3", &["feat: a"], "0.2.4", Bump::Patch),
        ("0.2.3", &["feat!: a"], "0.3.0", Bump::Minor),
        ("0.0.3", &["feat!: a"], "0.1.0", Bump::Minor),
    ] {
        let next = next_version(&project(), &history(&[base], messages), Goal::Final, &dpkg);
        let next = next.unwrap();
        assert_eq!(
            (next.version.bare().as_str(), next.bump),
            (expected, bump),
            "{base} {messages:?}"
        );
        assert_eq!(next.base, Some(version(base)));
        assert_eq!(next.reasons.len(), messages.len());
    }
}

#[test]
fn a_project_without_a_version_begins_at_0_1_0() {
    let new = History::default();
    let first = next_version(&project(), &new, Goal::Final, &dpkg).unwrap();
    assert_eq!(first.version.to_string(), "api/v0.1.0");
    assert_eq!((first.base, first.bump, first.reasons.len()), (None, Bump::First, 0));
    assert_eq!(pre(&new, Channel::Alpha).unwrap(), "0.1.0-alpha.1");
    let root = next_version(&ProjectPath::root(), &new, Goal::Final, &dpkg).unwrap();
    assert_eq!(root.version.to_string(), "v0.1.0");
}

#[test]
fn without_a_commit_that_asks_there_is_no_version() {
    for (messages, count, text) in [
        (&[][..], 0, "no commit touched the project since api/v1.2.3"),
        (&["docs: a"], 1, "the 1 commit since api/v1.2.3 asks for no new version"),
        (&["ci: b", "docs: a"], 2, "the 2 commits since api/v1.2.3 ask for no new version"),
    ] {
        for goal in [Goal::Final, Goal::Prerelease(Channel::Rc)] {
            let error = next(&history(&["1.2.3"], messages), goal).unwrap_err();
            assert_eq!(error.to_string(), text);
            let NextError::NothingAsked { commits, reasons, .. } = error else { panic!("{error}") };
            assert_eq!((commits, reasons.len()), (count, messages.len()));
        }
    }
}

#[test]
fn what_is_undone_in_the_same_range_asks_for_nothing() {
    let revert = |number: usize, subject: &str| {
        format!("Revert \"{subject}\"\n\nThis reverts commit {}.\n", id(number))
    };
    let asks = |messages: &[&str]| {
        let reasons = weigh::weigh(&commits(messages));
        reasons.iter().map(|reason| reason.asks.to_string()).collect::<Vec<_>>()
    };
    let (one, two, three) = (id(1), id(2), id(3));
    let undone = |by: &CommitSha| format!("nothing: {} undoes it", by.short());
    let undoes = "nothing: what it undoes is here";

    // Both are here.
    let text = revert(1, "feat!: a");
    assert_eq!(asks(&["fix: b", &text, "feat!: a"]), ["patch", undoes, &undone(&two)]);
    // The revert is undone in turn: the change stands.
    let back = format!("Reapply \"feat!: a\"\n\nThis reverts commit {two}.\n");
    assert_eq!(asks(&[&back, &text, "feat!: a"]), [undoes, &undone(&three), "breaking"]);
    let back = revert(2, "Revert \"feat!: a\"");
    assert_eq!(asks(&[&back, &text, "feat!: a"]), [undoes, &undone(&three), "breaking"]);
    // What is undone lies in an older version.
    assert_eq!(asks(&[&revert(77, "feat!: a")]), ["patch"]);
    assert_eq!(asks(&[&revert(77, "docs: a")]), ["nothing"]);
    // One of two is here.
    let text = format!("revert: both\n\nRefs: {}, {}", &one.as_str(), id(77));
    assert_eq!(asks(&[&text, "feat: a"]), ["patch", &undone(&two)]);
    // Whoever marks a revert as breaking means it.
    let text = format!("revert!: a\n\nThis reverts commit {one}.");
    assert_eq!(asks(&[&text, "feat: a"]), ["breaking", &undone(&two)]);
    // A forge's button leaves the id out: the newest older commit of that subject.
    assert_eq!(
        asks(&["feat: a (#1)", "Revert \"feat: a (#1)\" (#2)", "feat: a (#1)", "feat: a (#1)"]),
        ["feature", undoes, &undone(&three), "feature"]
    );
    let twice = ["Revert \"feat: a\"", "Revert \"feat: a\"", "feat: a", "feat: a"];
    assert_eq!(asks(&twice), [undoes, undoes, &undone(&id(4)), &undone(&three)]);
    // A whole merge is named by an id that no log has: what it brought still counts.
    let text = format!(
        "Revert \"Merge b\"\n\nThis reverts commit {}, reversing\nchanges made to {}.",
        id(99),
        id(98)
    );
    assert_eq!(asks(&[&text, "feat: a"]), ["patch", "feature"]);
    // An id that is one's own, as a short one may happen to be, undoes nothing.
    let text = format!("revert: a\n\nRefs: {}", &one.as_str()[..7]);
    assert_eq!(asks(&[&text]), ["patch"]);
}

#[test]
fn a_short_id_finds_its_commit() {
    let sha = CommitSha::parse("676104e0123456789012345678901234567890ab").unwrap();
    let entries = [
        LogEntry { sha: id(2), message: "revert: x\n\nRefs: 676104E, a215868".to_owned() },
        LogEntry { sha, message: "feat: x".to_owned() },
    ];
    let reasons = weigh::weigh(&entries);
    assert_eq!(reasons[0].asks, Asks::For(crate::conventional::Change::Patch));
    assert_eq!(reasons[1].asks, Asks::UndoneBy(id(2)));
}

#[test]
fn all_undone_is_nothing_asked() {
    let revert = format!("Revert \"feat: a\"\n\nThis reverts commit {}.\n", id(1));
    let error = next(&history(&["1.2.3"], &[&revert, "feat: a"]), Goal::Final).unwrap_err();
    assert!(matches!(error, NextError::NothingAsked { commits: 2, .. }), "{error:?}");
}

#[test]
fn a_pre_release_counts_up_and_its_channel_never_goes_down() {
    use Channel::{Alpha, Beta, Rc};
    for (versions, channel, expected) in [
        (&["1.0.0"][..], Alpha, Ok("1.1.0-alpha.1")),
        (&["1.0.0"], Rc, Ok("1.1.0-rc.1")),
        (&["1.0.0", "1.1.0-alpha.1"], Alpha, Ok("1.1.0-alpha.2")),
        (&["1.0.0", "1.1.0-alpha.9", "1.1.0-alpha.10"], Alpha, Ok("1.1.0-alpha.11")),
        (&["1.0.0", "1.1.0-alpha.2"], Beta, Ok("1.1.0-beta.1")),
        (&["1.0.0", "1.1.0-beta.3"], Rc, Ok("1.1.0-rc.1")),
        (&["1.0.0", "1.1.0-rc.1"], Rc, Ok("1.1.0-rc.2")),
        (&["1.0.0", "1.1.0-rc.1"], Beta, Err("1.1.0-rc.1")),
        (&["1.0.0", "1.1.0-beta.1"], Alpha, Err("1.1.0-beta.1")),
        // A version that somebody else counts otherwise is no count, and is in the way where it is higher.
        (&["1.0.0", "1.1.0-rc"], Rc, Ok("1.1.0-rc.1")),
        (&["1.0.0", "1.1.0-rc.1.5"], Rc, Err("1.1.0-rc.1.5")),
    ] {
        let result = pre(&history(versions, &["feat: a"]), channel);
        match (result, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{versions:?}"),
            (Err(NextError::Exists { existing, .. }), Err(there)) => {
                assert_eq!(*existing, version(there), "{versions:?}");
            }
            (found, _) => panic!("{versions:?} {channel}: {found:?}"),
        }
    }
}

#[test]
fn what_a_pre_release_announced_is_raised_by_larger_changes_only() {
    let versions = ["1.0.0", "1.1.0-rc.1"];
    assert_eq!(
        pre(&history(&versions, &["fix: b", "feat: a"]), Channel::Rc).unwrap(),
        "1.1.0-rc.2"
    );
    assert_eq!(
        pre(&history(&versions, &["fix!: b", "feat: a"]), Channel::Rc).unwrap(),
        "2.0.0-rc.1"
    );
    assert_eq!(next(&history(&versions, &["fix: b", "feat: a"]), Goal::Final).unwrap(), "1.1.0");
    assert_eq!(next(&history(&versions, &["fix!: b", "feat: a"]), Goal::Final).unwrap(), "2.0.0");
    // Somebody announced more than the commits ask for.
    let versions = ["1.0.0", "2.0.0-alpha.1"];
    assert_eq!(pre(&history(&versions, &["fix: a"]), Channel::Alpha).unwrap(), "2.0.0-alpha.2");
    let found = next_version(&project(), &history(&versions, &["fix: a"]), Goal::Final, &dpkg);
    assert_eq!(found.unwrap().bump, Bump::Major);
    // Before any final version.
    let found = history(&["0.1.0-rc.1"], &["feat!: a"]);
    assert_eq!(pre(&found, Channel::Rc).unwrap(), "0.1.0-rc.2");
    assert_eq!(next_version(&project(), &found, Goal::Final, &dpkg).unwrap().bump, Bump::First);
}

#[test]
fn a_pre_release_needs_something_new_and_a_final_version_of_it_does_not() {
    let mut found = history(&["1.0.0", "1.1.0-rc.1"], &["feat: a"]);
    found.before_last.insert(id(1));
    let error = pre(&found, Channel::Rc).unwrap_err();
    assert!(matches!(error, NextError::NothingAsked { commits: 0, .. }), "{error:?}");
    assert_eq!(next(&found, Goal::Final).unwrap(), "1.1.0");
    // What the pre-release had is undone: that is something new, though nothing is left of it.
    let revert = format!("Revert \"feat: a\"\n\nThis reverts commit {}.", id(1));
    let mut found = history(&["1.0.0", "1.1.0-rc.1"], &[&revert, "feat: a"]);
    found.before_last.insert(id(1));
    assert_eq!(pre(&found, Channel::Rc).unwrap(), "1.1.0-rc.2");
    assert_eq!(next(&found, Goal::Final).unwrap(), "1.1.0");
}

/// The same, with versions that the commit does not descend from.
fn with_others(versions: &[&str], others: &[&str], messages: &[&str]) -> History {
    let mut found = history(versions, messages);
    found.versions.extend(others.iter().map(|bare| version(bare)));
    found.versions.sort();
    found
}

#[test]
fn a_version_on_another_branch_is_no_base_and_is_never_proposed_again() {
    // A fix on the branch of 1.0 beside the later versions on main.
    let found = with_others(&["1.0.0"], &["1.1.0", "2.0.0"], &["fix: a"]);
    assert_eq!(next(&found, Goal::Final).unwrap(), "1.0.1");
    // But a feature there would be 1.1.0 a second time.
    let found = with_others(&["1.0.0"], &["1.1.0", "2.0.0"], &["feat: a"]);
    let error = next(&found, Goal::Final).unwrap_err();
    assert_eq!(
        error.to_string(),
        "api/v1.1.0 exists already, on a commit that is not behind this one"
    );
    let error = pre(&found, Channel::Rc).unwrap_err();
    assert_eq!(
        error.to_string(),
        "api/v1.1.0-rc.1 would be lower than api/v1.1.0, which exists already"
    );
    // A pre-release counts past those elsewhere.
    let found = with_others(&["1.0.0", "1.1.0-rc.1"], &["1.1.0-rc.2"], &["feat: a"]);
    assert_eq!(pre(&found, Channel::Rc).unwrap(), "1.1.0-rc.3");
    // Nothing behind the commit at all: 0.1.0 would be lower than what is out.
    let found = with_others(&[], &["1.0.0"], &[]);
    let error = next(&found, Goal::Final).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the project has versions up to api/v1.0.0, but this commit descends from none of them"
    );
}

#[test]
fn a_version_on_whose_order_semver_and_dpkg_disagree_is_refused() {
    // `rc.1` is before `rc10` for SemVer, and after it for dpkg.
    let found = history(&["1.0.0", "1.1.0-rc10"], &["feat: a"]);
    let error = pre(&found, Channel::Rc).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SemVer and dpkg disagree on which of api/v1.1.0-rc.1 and api/v1.1.0-rc10 is the higher one"
    );
    // The final version is above both for both.
    assert_eq!(next(&found, Goal::Final).unwrap(), "1.1.0");
    for (left, right, agree) in [
        ("1.0.0-rc.2", "1.0.0-rc.10", true),
        ("1.0.0-rc2", "1.0.0-rc10", false),
        ("1.0.0-rc.1", "1.0.0-rc-1", false),
        ("1.0.0-A.1", "1.0.0-a.1", true),
        ("1.0.0-a1b", "1.0.0-a01b", false),
        ("1.0.0", "1.0.0", true),
    ] {
        let (left, right) = (version(left), version(right));
        let found = check_order(&left, [&right], &dpkg);
        assert_eq!(found.is_ok(), agree, "{left} {right}: {found:?}");
        assert_eq!(check_order(&right, [&left], &dpkg).is_ok(), agree, "{right} {left}");
    }
    let unreadable = |_: &str, _: &str| None;
    assert!(check_order(&version("1.0.0"), [&version("0.9.0")], &unreadable).is_err());
}

#[test]
fn a_final_version_drops_the_pre_release_on_its_commit() {
    let tag = |bare: &str, number| {
        (version(bare), TaggedVersion { object: id(number).object().clone(), commit: id(number) })
    };
    let versions = [
        tag("1.0.0", 1),
        tag("1.1.0-beta.1", 2),
        tag("1.1.0-rc.1", 2),
        tag("1.2.0-rc.1", 3),
        tag("1.2.0", 4),
        tag("1.3.0-rc10", 5),
        tag("1.3.0-rc.1", 6),
    ];
    let listing = Listing { versions: versions.into_iter().collect(), ..Listing::default() };
    let find = |number| {
        final_version(&listing, &project(), &id(number), &dpkg).map(|version| version.bare())
    };
    assert_eq!(find(2).unwrap(), "1.1.0", "of the highest of several on one commit");
    assert_eq!(find(5).unwrap(), "1.3.0");
    assert!(matches!(find(3), Err(NextError::Exists { .. })), "made on a later commit");
    for none in [1, 4, 7] {
        assert_eq!(find(none), Err(NextError::NoPrerelease { commit: id(none) }));
    }
}

#[test]
fn numbers_and_names_have_an_end() {
    let last = u64::MAX;
    for (base, message) in [
        (format!("1.2.{last}"), "fix: a"),
        (format!("1.{last}.0"), "feat: a"),
        (format!("{last}.0.0"), "fix!: a"),
    ] {
        let found = history(&[&base], &[message]);
        assert_eq!(next(&found, Goal::Final), Err(NextError::TooLarge), "{base}");
    }
    let found = history(&["1.0.0", &format!("1.0.1-rc.{last}")], &["fix: a"]);
    assert_eq!(pre(&found, Channel::Rc), Err(NextError::TooLarge));
    let end = Version::parse(&format!("api/v1.0.{last}")).unwrap();
    assert_eq!(build_version(&project(), Some(&end), 1, &id(1)), Err(NextError::TooLarge));
    let long = ProjectPath::parse(&"a".repeat(199)).unwrap();
    let error = next_version(&long, &History::default(), Goal::Final, &dpkg).unwrap_err();
    assert_eq!(error, NextError::Version(crate::version::VersionError::TooLong));
}

#[test]
fn a_build_between_tags_has_the_form_of_the_specification() {
    let sha = CommitSha::parse("1a2b3c4d5e6f708090a0b0c0d0e0f00112233445").unwrap();
    for (last, expected) in [
        (None, "0.1.0-0.3.g1a2b3c4"),
        (Some("1.2.3"), "1.2.4-0.3.g1a2b3c4"),
        (Some("1.2.3-rc.1"), "1.2.3-rc.1.0.3.g1a2b3c4"),
    ] {
        let last = last.map(version);
        let build = build_version(&project(), last.as_ref(), 3, &sha).unwrap();
        assert_eq!(build.bare(), expected);
    }
}

fn semver(version: &Version) -> semver::Version {
    semver::Version::parse(&version.bare()).unwrap()
}

/// That `left` is below `right` for SemVer's own crate and for dpkg.
fn is_below(left: &Version, right: &Version) -> bool {
    semver(left) < semver(right) && dpkg(&left.debian(), &right.debian()) == Some(Ordering::Less)
}

/// Versions as Tagboat makes them.
fn base() -> impl Strategy<Value = String> {
    let pre = prop_oneof![
        Just(String::new()),
        (prop_oneof![Just("alpha"), Just("beta"), Just("rc")], 1_u32..30)
            .prop_map(|(word, count)| format!("-{word}.{count}")),
    ];
    (0_u32..3, 0_u32..12, 0_u32..12, pre)
        .prop_map(|(major, minor, patch, pre)| format!("{major}.{minor}.{patch}{pre}"))
}

fn message() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("fix: a"),
        Just("feat: a"),
        Just("feat!: a"),
        Just("docs: a"),
        Just("rubbish"),
        Just("Revert \"feat: a\""),
        Just("fix: a\n\nBREAKING CHANGE: b"),
    ]
}

fn goal() -> impl Strategy<Value = Goal> {
    prop_oneof![
        Just(Goal::Final),
        prop_oneof![Just(Channel::Alpha), Just(Channel::Beta), Just(Channel::Rc)]
            .prop_map(Goal::Prerelease),
    ]
}

proptest! {
    // Each case starts dpkg a few times: fewer of them.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_proposed_is_new_and_above_its_base(
        behind in proptest::collection::vec(base(), 0..4),
        elsewhere in proptest::collection::vec(base(), 0..4),
        messages in proptest::collection::vec(message(), 0..5),
        old in 0_usize..5,
        goal in goal(),
    ) {
        let behind: Vec<&str> = behind.iter().map(String::as_str).collect();
        let elsewhere: Vec<&str> = elsewhere.iter().map(String::as_str).collect();
        let mut found = with_others(&behind, &elsewhere, &messages);
        if found.last.as_ref().is_some_and(Version::is_prerelease) {
            found.before_last = (1..=old.min(messages.len())).map(id).collect();
        }
        if let Ok(next) = next_version(&project(), &found, goal, &dpkg) {
            prop_assert!(!found.versions.contains(&next.version));
            prop_assert_eq!(next.version.is_prerelease(), goal != Goal::Final);
            if let Some(last) = &found.last {
                prop_assert!(is_below(last, &next.version), "{last} {}", next.version);
            }
        }
    }

    #[test]
    fn a_build_lies_between_its_neighbours(
        base in base(),
        messages in proptest::collection::vec(message(), 1..5),
        (count, more) in (1_usize..300, 1_usize..300),
        (sha, other) in ("[0-9a-f]{40}", "[0-9a-f]{40}"),
        goal in goal(),
    ) {
        let found = history(&[&base], &messages);
        let last = version(&base);
        let built = |count, sha: &str| {
            build_version(&project(), Some(&last), count, &CommitSha::parse(sha).unwrap()).unwrap()
        };
        let build = built(count, &sha);
        prop_assert!(is_below(&last, &build), "{last} {build}");
        let later = built(count + more, &other);
        prop_assert!(is_below(&build, &later), "{build} {later}");
        if let Ok(next) = next_version(&project(), &found, goal, &dpkg) {
            prop_assert!(is_below(&later, &next.version), "{later} {}", next.version);
        }
    }
}

#[test]
fn a_build_between_tags_is_told_from_every_release() {
    let sha = CommitSha::parse("0123456789abcdef0123456789abcdef01234567").unwrap();
    for last in [None, Some("1.2.3"), Some("1.2.3-rc.1"), Some("1.2.3-x")] {
        let last = last.map(version);
        let build = build_version(&project(), last.as_ref(), 17, &sha).unwrap();
        assert!(is_build(&build), "{build}");
    }
    for release in ["1.2.3", "1.2.3-rc.1", "1.2.3-0.1", "1.2.3-0.1.gx", "1.2.3-1.1.g0123456"] {
        assert!(!is_build(&version(release)), "{release}");
    }
}
