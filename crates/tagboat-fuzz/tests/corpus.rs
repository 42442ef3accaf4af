//! What the fuzzer learned, on every run. In: `corpus/<target>/`. Out: the file whose bytes break a rule.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use tagboat_fuzz::TARGETS;

/// Largest corpus that is kept in the repository, all targets together, in bytes.
const LARGEST: u64 = 500 << 10;

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<PathBuf> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn nothing_in_a_corpus_breaks_a_rule() {
    for (target, judge) in TARGETS {
        let files = corpus(target);
        assert!(files.len() >= 10, "the corpus of {target} has {} files", files.len());
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let judged = catch_unwind(|| judge(&bytes));
            assert!(judged.is_ok(), "{} breaks a rule of {target}", file.display());
        }
    }
}

#[test]
fn the_corpora_stay_small() {
    let files = TARGETS.iter().flat_map(|(target, _)| corpus(target));
    let bytes: u64 = files.map(|file| file.metadata().unwrap().len()).sum();
    assert!(bytes <= LARGEST, "{bytes} bytes");
}
