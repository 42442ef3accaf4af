//! Nearest words.

use super::nearest;

const KEYS: [&str; 6] =
    ["architecture", "description", "build_time", "run_time", "required_passes", "no-errors"];

#[test]
fn a_misspelled_word_finds_the_one_that_was_meant() {
    for (text, meant) in [
        ("architectur", "architecture"),
        ("arhcitecture", "architecture"),
        ("Description", "description"),
        ("build-time", "build_time"),
        ("run", "run_time"),
        ("no_errors", "no-errors"),
        ("requiredpasses", "required_passes"),
    ] {
        assert_eq!(nearest(text, KEYS.into_iter()), Some(meant), "{text}");
    }
}

#[test]
fn a_word_like_no_other_finds_none() {
    for text in ["", "x", "colour", "deploy", &"architecture".repeat(100_000)] {
        assert_eq!(nearest(text, KEYS.into_iter()), None);
    }
}
