use proptest::prelude::*;

use super::*;

/// Runs a gate over answers a second apart: `+` good, `-` bad. Its verdict and how many it heard.
fn run(answers: &str) -> (Option<bool>, usize) {
    let mut gate = Gate::new(GatePolicy::default());
    for (second, answer) in answers.chars().enumerate() {
        let judgement = match answer {
            '+' => Judgement::Good(vec![]),
            _ => Judgement::Bad("it answered HTTP 503".to_owned()),
        };
        let at = Duration::from_secs(second as u64);
        if let Some(verdict) = gate.hear(at, judgement) {
            return (Some(matches!(verdict, GateVerdict::Passed(_))), second + 1);
        }
    }
    (None, answers.len())
}

#[test]
fn three_good_answers_in_a_row_pass() {
    assert_eq!(run("+++"), (Some(true), 3));
    assert_eq!(run("----+++"), (Some(true), 7));
    assert_eq!(run("+-++-+++"), (Some(true), 8));
    assert_eq!(run("++"), (None, 2));
}

#[test]
fn three_bad_answers_in_a_row_fail_once_there_was_a_good_one() {
    assert_eq!(run("+---"), (Some(false), 4));
    assert_eq!(run("++--+---"), (Some(false), 8));
    assert_eq!(run("-----"), (None, 5));
}

#[test]
fn the_first_good_answer_must_come_within_thirty_seconds() {
    assert_eq!(run(&"-".repeat(40)), (Some(false), 31));
    assert_eq!(run(&format!("{}+++", "-".repeat(30))), (Some(true), 33));
    let mut gate = Gate::new(GatePolicy::default());
    let late = gate.hear(Duration::from_secs(31), Judgement::Good(vec![]));
    assert!(matches!(late, Some(GateVerdict::Failed(_))));
}

#[test]
fn a_program_that_flaps_fails() {
    assert_eq!(run(&"+-".repeat(40)), (Some(false), 31));
}

#[test]
fn a_failure_says_why_and_a_pass_keeps_its_warnings_once() {
    let mut gate = Gate::new(GatePolicy::default());
    let degraded = || Judgement::Good(vec!["it is degraded".to_owned()]);
    gate.hear(Duration::ZERO, degraded());
    gate.hear(Duration::from_secs(1), degraded());
    let passed = gate.hear(Duration::from_secs(2), degraded());
    assert_eq!(passed, Some(GateVerdict::Passed(vec!["it is degraded".to_owned()])));

    let mut gate = Gate::new(GatePolicy::default());
    let failed = gate.hear(Duration::from_secs(30), Judgement::Bad("refused".to_owned()));
    let why = "no good answer within 30 s: refused".to_owned();
    assert_eq!(failed, Some(GateVerdict::Failed(why)));
}

proptest! {
    #[test]
    fn it_always_ends_and_passes_only_after_three_good_in_a_row(answers in "[+-]{70}") {
        let (verdict, heard) = run(&answers);
        let passed = verdict.expect("a verdict within 70 answers");
        prop_assert_eq!(passed, answers[..heard].ends_with("+++"), "{}", &answers[..heard]);
    }
}
