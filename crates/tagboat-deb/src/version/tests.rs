//! Versions against dpkg: in: tables and generated pairs, out: the same order and the same grammar.

use std::cmp::Ordering;
use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::DebianVersion;

/// Asks the real dpkg about many pairs with one shell, because a process a pair is slow.
fn dpkg_order(pairs: &[(String, String)]) -> Vec<Ordering> {
    const SCRIPT: &str = r#"while read -r a b; do
        if dpkg --compare-versions "$a" lt "$b"; then echo lt
        elif dpkg --compare-versions "$a" eq "$b"; then echo eq
        else echo gt; fi; done"#;
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    let lines: String = pairs.iter().map(|(a, b)| format!("{a} {b}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = shell.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| match line {
            "lt" => Ordering::Less,
            "eq" => Ordering::Equal,
            _ => Ordering::Greater,
        })
        .collect();
    assert_eq!(answers.len(), pairs.len());
    answers
}

fn agrees_with_dpkg(pairs: &[(String, String)]) {
    for ((a, b), expected) in pairs.iter().zip(dpkg_order(pairs)) {
        let (left, right) = (DebianVersion::parse(a).unwrap(), DebianVersion::parse(b).unwrap());
        assert_eq!(left.cmp(&right), expected, "{a} against {b}");
        assert_eq!(right.cmp(&left), expected.reverse(), "{b} against {a}");
    }
}

/// Every version of a row is older than the next; `=` joins equal ones.
const CLASSIC: &[&[&str]] = &[
    &["1.0~~", "1.0~~a", "1.0~", "1.0", "1.0a"],
    &["1.0~rc.1-1", "1.0~rc.2-1", "1.0~rc.10-1", "1.0-1", "1.0-1.1", "1.0-2", "1.0+b1-1"],
    &["0~0", "0", "0.0", "0.0.1", "0.1", "1", "1.2", "1.10", "2", "1:0", "1:1", "2:0"],
    &["1.0-1~bpo12+1", "1.0-1", "1.0-1+deb12u1", "1.0-1+deb12u10", "1.0-1.1"],
    &["1.0a-1", "1.0b-1", "1.0z-1", "1.0+-1", "1.0--1", "1.0.-1"],
    &["1A", "1Z", "1a", "1z"],
    &["1.0rc10", "1.0rc11", "1.0rc100"],
    &["1-1-1", "1-1-2", "1-2-1"],
    &["99999999999999999999998", "99999999999999999999999", "100000000000000000000000"],
];

const EQUAL: &[(&str, &str)] = &[
    ("1.0", "1.00"),
    ("1.0", "0:1.0"),
    ("1.0", "1.0-0"),
    ("1.0-1", "0:1.000-01"),
    ("1.a0", "1.a"),
    ("00001", "1"),
];

#[test]
fn the_classic_cases_sort_as_dpkg_sorts_them() {
    let mut pairs = Vec::new();
    for row in CLASSIC {
        for window in row.windows(2) {
            let (a, b) = (window[0], window[1]);
            assert!(DebianVersion::parse(a).unwrap() < DebianVersion::parse(b).unwrap(), "{a} {b}");
            pairs.push((a.to_owned(), b.to_owned()));
        }
    }
    for (a, b) in EQUAL {
        assert_eq!(DebianVersion::parse(a).unwrap(), DebianVersion::parse(b).unwrap());
        pairs.push(((*a).to_owned(), (*b).to_owned()));
    }
    agrees_with_dpkg(&pairs);
}

#[test]
fn generated_pairs_sort_as_dpkg_sorts_them() {
    // A small alphabet, so that the two sides share long prefixes.
    let part = "[0-9]{1,2}[ab.+~0-9]{0,5}";
    let version = (prop::option::of(0u32..3), part, prop::option::of("[01a.+~]{1,4}")).prop_map(
        |(epoch, upstream, revision)| {
            let mut text = epoch.map(|e| format!("{e}:")).unwrap_or_default();
            text.push_str(&upstream);
            if let Some(revision) = revision {
                text.push('-');
                text.push_str(&revision);
            }
            text
        },
    );
    let mut runner = TestRunner::default();
    let pairs: Vec<_> = (0..250)
        .map(|_| (version.clone(), version.clone()).new_tree(&mut runner).unwrap().current())
        .collect();
    agrees_with_dpkg(&pairs);
}

#[test]
fn a_refused_version_says_why() {
    for (text, reason) in [
        ("", "is empty"),
        (":1", "the epoch is empty"),
        ("a:1", "not a number"),
        ("-1:1", "not a number"),
        ("2147483648:1", "larger than"),
        ("1:", "upstream version is empty"),
        ("1:-1", "upstream version is empty"),
        ("1-", "revision is empty"),
        ("v1.0", "start with a digit"),
        ("1.0_1", "upstream version has a character"),
        ("1:2:3", "upstream version has a character"),
        ("1 0", "upstream version has a character"),
        ("1.0\n", "upstream version has a character"),
        ("1.0-a_b", "revision has a character"),
        ("1.0ä", "upstream version has a character"),
    ] {
        let error = DebianVersion::parse(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text:?}: {error}");
    }
}

#[test]
fn a_version_keeps_its_text_and_gives_its_parts() {
    let version = DebianVersion::parse("3:1.0-beta-2~x").unwrap();
    assert_eq!(version.to_string(), "3:1.0-beta-2~x");
    assert_eq!(
        (version.epoch(), version.upstream(), version.revision()),
        (3, "1.0-beta", Some("2~x"))
    );
    assert_eq!(version.without_epoch(), "1.0-beta-2~x");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in ".{0,12}") {
        if let Ok(version) = DebianVersion::parse(&text) {
            prop_assert_eq!(version.as_str(), text.as_str());
        }
    }

    #[test]
    fn the_order_is_transitive(mut versions in prop::collection::vec("[0-9][ab.+~0-9]{0,4}", 3)) {
        versions.sort_by(|a, b| {
            DebianVersion::parse(a).unwrap().cmp(&DebianVersion::parse(b).unwrap())
        });
        let parsed: Vec<_> = versions.iter().map(|v| DebianVersion::parse(v).unwrap()).collect();
        prop_assert!(parsed[0] <= parsed[1] && parsed[1] <= parsed[2] && parsed[0] <= parsed[2]);
    }
}

#[test]
fn what_is_accepted_dpkg_accepts_without_a_warning() {
    let mut runner = TestRunner::default();
    let any = "[0-9a:.+~-]{1,6}";
    for _ in 0..100 {
        let text = any.new_tree(&mut runner).unwrap().current();
        if DebianVersion::parse(&text).is_ok() {
            let output = Command::new("dpkg").args(["--validate-version", &text]).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{text}");
        }
    }
}
