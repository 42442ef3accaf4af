use super::*;

fn expectation() -> Expectation {
    Expectation {
        critical: vec!["database".to_owned()],
        version: ExpectedVersion::Exactly {
            version: Version::parse("api/v1.2.0").unwrap(),
            commit: CommitSha::parse("abc123def456abc123def456abc123def456abc1").unwrap(),
        },
    }
}

fn judged(status: u16, body: &str) -> Judgement {
    judge(&Probe::Answer { status, body: body.into() }, &expectation())
}

fn document(status: &str, database: &str, version: &str) -> String {
    format!(
        r#"{{"status":"{status}","checks":{{"database":{{"status":"{database}","latencyMs":0.4}},
            "mail":{{"status":"down"}}}},"version":"{version}","uptime":3,"unknown":[1]}}"#
    )
}

#[test]
fn the_expected_version_with_its_critical_checks_up_is_good() {
    for version in ["1.2.0", "v1.2.0", "api/v1.2.0", "abc123d", "abc123def456"] {
        let judged = judged(200, &document("healthy", "up", version));
        assert_eq!(judged, Judgement::Good(vec![]), "{version}");
    }
}

#[test]
fn another_version_is_bad_however_healthy() {
    for version in ["1.1.0", "abc123", "", "1.2.0-rc.1"] {
        let Judgement::Bad(why) = judged(200, &document("healthy", "up", version)) else {
            panic!("{version} was believed")
        };
        assert!(why.contains("1.2.0 was expected"), "{why}");
    }
}

#[test]
fn degraded_passes_with_a_warning_and_unhealthy_does_not_pass() {
    assert_eq!(
        judged(200, &document("degraded", "up", "1.2.0")),
        Judgement::Good(vec!["it is degraded: \"mail\" is down".to_owned()])
    );
    assert_eq!(
        judged(200, &document("unhealthy", "up", "1.2.0")),
        Judgement::Bad("it says that it is unhealthy: \"mail\" is down".to_owned())
    );
}

#[test]
fn a_critical_check_that_is_down_or_missing_is_bad() {
    let bad = |body: &str| match judged(200, body) {
        Judgement::Bad(why) => why,
        Judgement::Good(_) => panic!("{body} was believed"),
    };
    assert_eq!(bad(&document("healthy", "down", "1.2.0")), "the check \"database\" is down");
    assert_eq!(
        bad(r#"{"status":"healthy","version":"1.2.0"}"#),
        "it tells no check \"database\", which is critical"
    );
}

#[test]
fn only_http_200_with_a_document_is_believed() {
    let answers = [
        (302, document("healthy", "up", "1.2.0"), "it answered HTTP 302: \"mail\" is down"),
        (503, "gone".to_owned(), "it answered HTTP 503"),
        (200, "OK".to_owned(), "it answered HTTP 200 without a health document"),
        (200, String::new(), "it answered HTTP 200 without a health document"),
        (200, "{\"status\":\"fine\"}".to_owned(), "it answered HTTP 200 without a health document"),
    ];
    for (status, body, why) in answers {
        assert_eq!(judged(status, &body), Judgement::Bad(why.to_owned()));
    }
    let none = judge(&Probe::None("no answer within 5 s".to_owned()), &expectation());
    assert_eq!(none, Judgement::Bad("no answer within 5 s".to_owned()));
}

#[test]
fn a_program_that_tells_nothing_passes_only_where_nothing_is_asked() {
    let open = Expectation { critical: vec![], version: ExpectedVersion::Unchecked };
    let plain = Probe::Answer { status: 200, body: b"OK".to_vec() };
    assert_eq!(judge(&plain, &open), Judgement::Good(vec![]));
    let strict = Expectation { critical: vec!["database".to_owned()], ..open };
    assert!(matches!(judge(&plain, &strict), Judgement::Bad(_)));
}

#[test]
fn a_document_with_a_byte_that_is_no_utf_8_is_none_wherever_it_stands() {
    let whole = document("healthy", "up", "1.2.0").replacen('{', "{\"since\":\"2026\",", 1);
    let judged = |body: Vec<u8>| judge(&Probe::Answer { status: 200, body }, &expectation());
    assert!(matches!(judged(whole.clone().into_bytes()), Judgement::Good(_)), "{whole}");
    let at = whole.find("2026").unwrap();
    let mut broken = whole.into_bytes();
    broken[at] = 0xd4;
    assert!(matches!(judged(broken), Judgement::Bad(_)));
}
