use tagboat_core::health::{Expectation, ExpectedVersion};

use super::*;

fn output(status: i32, stdout: &str) -> Output {
    Output {
        status: Some(status),
        stdout: stdout.as_bytes().to_vec(),
        stderr: String::new(),
        took: Duration::ZERO,
    }
}

fn question(answer: HealthAnswer) -> HealthQuestion {
    HealthQuestion {
        unit: "api.service".to_owned(),
        answer,
        policy: GatePolicy::default(),
        startup: None,
    }
}

fn bad(judgement: Option<Judgement>) -> Option<String> {
    match judgement {
        Some(Judgement::Bad(why)) => Some(why),
        Some(Judgement::Good(_)) | None => None,
    }
}

#[test]
fn an_http_answer_is_judged_and_its_absence_is_bad() {
    let expectation =
        Expectation { critical: vec!["database".to_owned()], version: ExpectedVersion::Unchecked };
    let question = question(HealthAnswer::Http(expectation));
    let healthy = "HTTP/1.0 200 OK\r\n\r\n\
                   {\"status\":\"healthy\",\"checks\":{\"database\":{\"status\":\"up\"}}}";
    let good = hear(&question, &Ok(output(0, healthy)));
    assert_eq!(good, Some(Judgement::Good(vec![])));
    for answer in [
        Ok(output(0, "HTTP/1.0 200 OK\r\n\r\n{\"status\":\"healthy\"}")),
        Ok(output(0, "HTTP/1.0 503 No\r\n\r\n")),
        Ok(output(0, "")),
        Ok(output(REFUSED, "")),
        Ok(output(TIMED_OUT, "")),
        Ok(output(137, "")),
        Err(RunError::TimedOut(Duration::from_secs(5))),
        Err(RunError::TooMuchOutput),
    ] {
        assert!(bad(hear(&question, &answer)).is_some(), "{answer:?}");
    }
    for error in [RunError::Cancelled, RunError::Unreachable("off".to_owned())] {
        assert_eq!(hear(&question, &Err(error)), None, "it says nothing about the service");
    }
}

#[test]
fn a_service_that_systemd_keeps_restarting_is_not_healthy() {
    let question = question(HealthAnswer::Systemd);
    let shown = |state: &str, restarts: u32| {
        let shown = format!("ActiveState={state}\nResult=success\nNRestarts={restarts}\n");
        hear(&question, &Ok(output(0, &shown)))
    };
    assert_eq!(shown("active", 0), Some(Judgement::Good(vec![])));
    assert!(bad(shown("active", 2)).is_some_and(|why| why.contains("restarted 2 times")));
    assert!(bad(shown("activating", 0)).is_some());
    assert!(bad(shown("failed", 0)).is_some());
    assert!(bad(hear(&question, &Ok(output(0, "")))).is_some());
}

#[test]
fn only_a_service_that_is_inactive_with_success_has_stopped_well() {
    let stopped = |shown: &str| judge_stopped("api.service", &output(0, shown));
    assert_eq!(stopped("ActiveState=inactive\nResult=success\n"), Judged::clean());
    for shown in [
        "ActiveState=failed\nResult=timeout\n",
        "ActiveState=inactive\nResult=exit-code\n",
        "ActiveState=active\nResult=success\n",
        "",
    ] {
        assert_eq!(stopped(shown).findings[0].rule, "service/bad-end", "{shown:?}");
    }
}

#[test]
fn only_units_that_failed_since_are_found_and_silence_is_no_answer() {
    let mut notes = Notes::default();
    let before = "systemd-x.service loaded failed failed Some thing\n";
    assert_eq!(remember_failed(&mut notes, &output(0, before)), Judged::clean());
    assert_eq!(judge_failed(&mut notes, &output(0, before)), Judged::clean());
    let after = format!("{before}api.service loaded failed failed The API\n");
    let judged = judge_failed(&mut notes, &output(0, &after));
    assert_eq!(judged.findings.len(), 1);
    assert!(judged.findings[0].message.contains("api.service"));
    assert_eq!(judge_failed(&mut notes, &output(1, "")).findings.len(), 1);
    assert_eq!(judge_failed(&mut Notes::default(), &output(0, "")).findings.len(), 1);
}
