use super::*;
use crate::check::SHOWN;

/// What lintian 2.116.3 wrote about a small package with the options of [`step`].
const REAL: &str = include_str!("hello.json");

const PATH: &str = "/srv/packages/hello-svc_1.0_all.deb";

const BOTH: [RequiredPass; 2] = [RequiredPass::NoErrors, RequiredPass::NoWarnings];

fn gate(required: &[RequiredPass]) -> LintianGate {
    let files = vec![(PATH.to_owned(), "hello-svc".to_owned())];
    LintianGate { files, required: required.to_vec() }
}

fn output(status: Option<i32>, stdout: impl Into<Vec<u8>>) -> Output {
    Output { status, stdout: stdout.into(), stderr: String::new(), took: Duration::ZERO }
}

fn judge_real(required: &[RequiredPass], status: i32) -> Judged {
    judge(&mut Notes::default(), &gate(required), &output(Some(status), REAL))
}

/// An answer with these hints about the one file.
fn answer(hints: &str) -> String {
    format!(
        r#"{{"groups": [{{"input_files": [{{"path": "{PATH}", "hints": [{hints}]}}]}}],
            "lintian_version": "2.116.3"}}"#
    )
}

fn has_no_verdict(judged: &Judged) -> bool {
    let rules: Vec<&str> = judged.findings.iter().map(|finding| finding.rule.as_str()).collect();
    rules == ["lintian/no-verdict"] && judged.verdict() == Verdict::Failed
}

#[test]
fn a_real_answer_becomes_findings_with_their_places_the_worst_first() {
    let mut notes = Notes::default();
    let judged = judge(&mut notes, &gate(&BOTH), &output(Some(2), REAL));
    assert_eq!(judged.verdict(), Verdict::Failed);
    assert_eq!(notes.tool.as_deref(), Some("lintian 2.116.3+deb12u1"));
    let severities: Vec<Severity> = judged.findings.iter().map(|found| found.severity).collect();
    assert!(severities.is_sorted(), "{severities:?}");
    assert_eq!(severities.iter().filter(|it| **it == Severity::Error).count(), 3);
    assert_eq!(severities.iter().filter(|it| **it == Severity::Warning).count(), 2);
    let first = &judged.findings[0];
    assert_eq!(first.message, "description-too-short: small");
    assert_eq!(first.place, Place::package("hello-svc"));
    assert_eq!(first.documentation.as_deref(), Some("lintian-explain-tags description-too-short"));
    let folder = judged.findings.iter().find(|it| it.rule.ends_with("empty-directory")).unwrap();
    assert_eq!(folder.place, Place::package("hello-svc").file("usr/bin"));
}

#[test]
fn the_gate_is_what_the_configuration_requires() {
    for (required, status, verdict) in [
        (&BOTH[..], 2, Verdict::Failed),
        (&[RequiredPass::NoErrors], 2, Verdict::Failed),
        (&[RequiredPass::NoWarnings], 2, Verdict::Failed),
        (&[], 0, Verdict::Passed),
    ] {
        let judged = judge_real(required, status);
        assert_eq!(judged.verdict(), verdict, "{required:?}");
        assert_eq!(judged.findings.len(), 10, "{required:?}");
    }
    let remark = answer(r#"{"tag": "x", "note": "", "visibility": "pedantic"}"#);
    let judged = judge(&mut Notes::default(), &gate(&BOTH), &output(Some(0), remark));
    assert_eq!((judged.verdict(), judged.findings.len()), (Verdict::Passed, 1));
}

#[test]
fn an_answer_cut_anywhere_is_never_clean() {
    let whole = REAL.trim_end();
    for length in (0..whole.len()).step_by(7).chain(whole.len() - 12..whole.len()) {
        for status in [0, 2] {
            let cut = output(Some(status), &whole.as_bytes()[..length]);
            assert!(has_no_verdict(&judge(&mut Notes::default(), &gate(&BOTH), &cut)), "{length}");
        }
    }
}

#[test]
fn a_crash_a_signal_and_rubbish_are_no_verdict() {
    let clean = answer("");
    for (status, stdout) in [
        // A check that could not be run; lintian's own exit status for errors.
        (Some(1), clean.as_str()),
        // An option or a tag that it does not know.
        (Some(25), ""),
        // systemd-nspawn's, where a signal ended the program.
        (Some(255), clean.as_str()),
        (None, clean.as_str()),
        (Some(0), ""),
        (Some(0), "E: hello-svc: no-copyright-file\n"),
        (Some(0), "{}"),
        (Some(0), r#"{"groups": [], "lintian_version": "2.116.3"}"#),
        (Some(0), r#"{"groups": null, "lintian_version": "2.116.3"}"#),
        (Some(0), "\u{0}\u{1}\u{2}"),
    ] {
        let judged = judge(&mut Notes::default(), &gate(&BOTH), &output(status, stdout));
        assert!(has_no_verdict(&judged), "{status:?} {stdout:?}: {judged:?}");
    }
    assert!(!has_no_verdict(&judge(&mut Notes::default(), &gate(&BOTH), &output(Some(0), clean))));
}

#[test]
fn no_verdict_fails_even_a_gate_that_requires_nothing() {
    let judged = judge(&mut Notes::default(), &gate(&[]), &output(Some(1), answer("")));
    assert!(has_no_verdict(&judged));
}

#[test]
fn an_answer_that_contradicts_itself_is_no_verdict() {
    let wrong = |status, stdout: String| {
        let output = output(Some(status), stdout);
        has_no_verdict(&judge(&mut Notes::default(), &gate(&BOTH), &output))
    };
    let error = r#"{"tag": "x", "note": "", "visibility": "error"}"#;
    assert!(wrong(0, answer(error)), "an error, and yet it says that there is none");
    assert!(wrong(2, answer("")), "no error, and yet it says that there is one");
    let unknown = r#"{"tag": "x", "note": "", "visibility": "fatal"}"#;
    assert!(wrong(0, answer(unknown)), "a severity that nobody knows");
    assert!(wrong(0, answer("").replace(PATH, "/srv/packages/other.deb")), "another file");
    assert!(wrong(0, answer("").replace("\"2.116.3\"", "null")), "no version");
    assert!(!wrong(2, answer(error)));
}

#[test]
fn what_is_overridden_or_masked_is_not_found() {
    let hint = |more: &str| format!(r#"{{"tag": "x", "note": "n", "visibility": "error"{more}}}"#);
    let overridden = answer(&hint(r#", "override": {"justification": "why"}"#));
    // lintian leaves an override out of its exit status, but not what a screen hides.
    let masked = answer(&hint(r#", "masks": [{"screen": "s", "excuse": "e"}]"#));
    for (status, stdout) in [(0, overridden), (2, masked)] {
        let judged = judge(&mut Notes::default(), &gate(&BOTH), &output(Some(status), stdout));
        assert_eq!(judged.findings, []);
        assert_eq!(judged.verdict(), Verdict::Passed);
    }
}

#[test]
fn the_last_words_of_a_lintian_that_failed_are_shown() {
    let stderr = (0..20).map(|line| format!("line {line}\n")).collect::<String>();
    let output = Output { stderr, ..output(Some(25), "") };
    let judged = judge(&mut Notes::default(), &gate(&BOTH), &output);
    let message = &judged.findings[0].message;
    assert!(message.contains("exit status 25") && message.ends_with("line 19"), "{message}");
    assert_eq!(message.lines().count(), 1 + SHOWN);
}

#[test]
fn what_the_gate_judges_is_always_shown() {
    let display_of = |policy_level, required: &[RequiredPass]| {
        display(&LintianRequest {
            enabled: crate::request::Enabled::Yes,
            policy_level,
            suppress_tags: vec![],
            required_passes: required.to_vec(),
        })
    };
    let errors = [RequiredPass::NoErrors];
    assert_eq!(display_of(PolicyLevel::Error, &errors), ["--display-level", "=error"]);
    assert_eq!(display_of(PolicyLevel::Error, &BOTH), ["--display-level", ">=warning"]);
    assert_eq!(display_of(PolicyLevel::Warning, &errors), ["--display-level", ">=warning"]);
    assert_eq!(display_of(PolicyLevel::Pedantic, &BOTH), ["--display-info", "--pedantic"]);
    assert_eq!(fail_on(&BOTH), "error,warning");
    assert_eq!(fail_on(&[RequiredPass::NoWarnings]), "warning");
    assert_eq!(fail_on(&[]), "none");
}
