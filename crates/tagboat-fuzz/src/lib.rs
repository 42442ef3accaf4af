//! What must hold of whatever comes from outside. In: bytes. Out: nothing, or a panic that says which rule
//! broke.
//!
//! Each module is one target with one function, `judge`. `scripts/fuzz` hands it what libFuzzer makes up
//! (docs/decisions/0016-fuzzing.md); `tests/corpus.rs` hands it every file of `corpus/<target>/`, which is
//! what the fuzzer learned and what it once broke.

pub mod answers;
pub mod configuration;
pub mod grammar;
pub mod ledger;
pub mod package;

/// A target's name, which is its folder's below `corpus/`, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, in alphabetical order.
pub const TARGETS: [Target; 5] = [
    ("answers", answers::judge),
    ("configuration", configuration::judge),
    ("grammar", grammar::judge),
    ("ledger", ledger::judge),
    ("package", package::judge),
];

/// That a text may go to a log as it stands: a reason, a message, a label.
fn assert_printable(text: &str, what: &str) {
    assert!(!text.chars().any(char::is_control), "{what} holds a control character: {text:?}");
}
