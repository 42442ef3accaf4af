//! Grammars: what a schema's pattern lets pass, the decoder takes; and the tables of what each refuses.

use proptest::prelude::*;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use tagboat_core::environment::{HostName, RegionName};
use tagboat_deb::PackageName;

use super::*;
use crate::decode::Text;

/// An editor must not let pass what `tagboat check` refuses.
fn its_pattern_lets_nothing_pass_that_is_refused<T: Text>() {
    let pattern = T::PATTERN.unwrap().trim_start_matches('^').trim_end_matches('$');
    let texts = string_regex(pattern).unwrap();
    let outcome = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    })
    .run(&texts, |text| {
        let parsed = <T as Text>::parse(&text);
        prop_assert!(parsed.is_ok(), "{text:?}: {:?}", parsed.err());
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{}: {error}", T::EXPECTED);
    }
}

#[test]
fn what_the_pattern_of_a_schema_lets_pass_is_taken() {
    its_pattern_lets_nothing_pass_that_is_refused::<UrlPath>();
    its_pattern_lets_nothing_pass_that_is_refused::<Mode>();
    its_pattern_lets_nothing_pass_that_is_refused::<Window>();
    its_pattern_lets_nothing_pass_that_is_refused::<Word>();
    its_pattern_lets_nothing_pass_that_is_refused::<VariableName>();
    its_pattern_lets_nothing_pass_that_is_refused::<TagPattern>();
    its_pattern_lets_nothing_pass_that_is_refused::<MetricName>();
    its_pattern_lets_nothing_pass_that_is_refused::<LabelName>();
    its_pattern_lets_nothing_pass_that_is_refused::<Address>();
    its_pattern_lets_nothing_pass_that_is_refused::<UserName>();
    its_pattern_lets_nothing_pass_that_is_refused::<HostName>();
    its_pattern_lets_nothing_pass_that_is_refused::<RegionName>();
    its_pattern_lets_nothing_pass_that_is_refused::<PackageName>();
    its_pattern_lets_nothing_pass_that_is_refused::<Fingerprint>();
    its_pattern_lets_nothing_pass_that_is_refused::<Section>();
    its_pattern_lets_nothing_pass_that_is_refused::<Homepage>();
    its_pattern_lets_nothing_pass_that_is_refused::<TestEnvironment>();
    its_pattern_lets_nothing_pass_that_is_refused::<LintianTag>();
    its_pattern_lets_nothing_pass_that_is_refused::<ToolVersion>();
}

fn table<T: Text>(good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(<T as Text>::parse(text).is_ok(), "{text:?} is no {}", T::EXPECTED);
    }
    for text in bad {
        assert!(<T as Text>::parse(text).is_err(), "{text:?} was taken for {}", T::EXPECTED);
    }
}

#[test]
fn a_text_keeps_to_the_grammar_of_its_field() {
    table::<RepoPath>(
        &["a", "a/b.c", "with blank", "ä", "..a", "a/..b"],
        &["", "/a", "a/", "a//b", "./a", "a/../b", "..", "-a", "a\\b", "a\nb", "a\0"],
    );
    table::<HostPath>(&["/a", "/usr/bin/g++"], &["", "a", "/", "/a/", "/a b", "/../a", "/a\tb"]);
    table::<Branch>(
        &["main", "release/1.x", "v1"],
        &[
            "", "-x", "/a", "a/", "a//b", "a..b", "a.lock", ".a", "a b", "a~1", "a^", "a:b",
            "HEAD", "@{1}",
        ],
    );
    table::<Remote>(
        &["origin"],
        &["https://x:y@example.com/a.git", "git@example.com:a", "--upload-pack=x"],
    );
    table::<Dependency>(
        &["a1", "python3 (>= 3.11)", "a1 | b1 (<< 2~rc.1)", "libc6:any", "a1(=1)"],
        &[
            "", "a", "A1", "a1 (> 1)", "a1 (>= )", "a1 >= 1", "a1, b1", "${x}", "a1 |", "a1 (>= 1",
            "a1:sparc",
        ],
    );
    table::<Maintainer>(
        &["A <a@b>", "Jo Doe <jo@example.com>"],
        &[
            "",
            "Jo",
            "<a@b>",
            "Jo <ab>",
            "Jo <a@b@c>",
            "Jo <a@b> x",
            "A <b> <a@b>",
            "Jo<a@b>",
            "Jo <a b@c>",
        ],
    );
    table::<MirrorUri>(
        &["http://deb.debian.org/debian", "file:///srv/mirror"],
        &[
            "",
            "deb.debian.org",
            "ftp://a/b",
            "http://u:p@a/b",
            "http://a b",
            "http://",
            "http://a/[x=y]",
        ],
    );
    table::<Synopsis>(&["x", "x\nmore\n"], &["", "\nx", &"x".repeat(80), "x\u{7}"]);
    table::<Signer>(
        &[
            &"A".repeat(40),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFAgw1UekFaUaonKL35cQbH13cmRCs2q/nwH3rC1hJZd jo@x",
        ],
        &["", "jo@example.com", "AB12CD34", "ssh-ed25519", "ssh-ed25519 AAAA"],
    );
    table::<Email>(&["a@b.c"], &["", "a", "@b", "a@", "a@b@c", "A <a@b>", "a b@c"]);
}

#[test]
fn a_webhook_is_never_shown() {
    let webhook = <Webhook as Text>::parse("https://hooks.example.com/T0/B0/secret").unwrap();
    assert!(!format!("{webhook:?} {}", webhook.text()).contains("secret"));
}

#[test]
fn a_window_knows_its_length() {
    let seconds = |text| <Window as Text>::parse(text).unwrap().duration().as_secs();
    assert_eq!(
        [seconds("30s"), seconds("5m"), seconds("24h"), seconds("7d"), seconds("2w")],
        [30, 300, 86_400, 604_800, 1_209_600]
    );
}
