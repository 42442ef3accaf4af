use std::path::PathBuf;

use tagboat_core::finding::{Place, Verdict};

use super::*;
use crate::record::{CheckName, CheckRecord, How, Outcome, PackageRecord};

fn record(findings: Vec<Finding>) -> Record {
    let check = CheckRecord {
        name: CheckName::Lintian,
        ground: None,
        outcome: Outcome::Failed,
        findings,
        tool: None,
        seconds: 1.0,
    };
    let package = PackageRecord {
        name: "api".to_owned(),
        version: "1.0".to_owned(),
        architecture: "amd64".to_owned(),
        file: PathBuf::from("out/api_1.0~rc.1_amd64.deb"),
        checksum_sha256: String::new(),
        how: How::Native,
        checks: vec![check],
        measurements: vec![],
    };
    Record { packages: vec![package], validation_status: Verdict::Failed }
}

#[test]
fn every_result_names_a_rule_by_its_right_index() {
    let finding = |rule: &str, severity| Finding::new(rule, severity, "m");
    let log = sarif(&record(vec![
        finding("lintian/z", Severity::Error),
        finding("lintian/a", Severity::Pedantic),
        finding("lintian/z", Severity::Warning),
    ]));
    let run = &log.runs[0];
    let rules: Vec<&str> = run.tool.driver.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(rules, ["lintian/a", "lintian/z"]);
    for result in &run.results {
        assert_eq!(rules[result.rule_index], result.rule_id);
    }
    let levels: Vec<&str> = run.results.iter().map(|result| result.level).collect();
    assert_eq!(levels, ["error", "note", "warning"]);
}

#[test]
fn a_log_is_what_the_standard_asks_for() {
    let place = Place { line: Some(3), ..Place::package("api").file("usr/share/a b%é") };
    let finding = Finding::new("lintian/some-tag", Severity::Error, "some-tag: x\nlast words")
        .at(place)
        .help("mend it")
        .documentation("lintian-explain-tags some-tag");
    insta::assert_snapshot!(serde_json::to_string_pretty(&sarif(&record(vec![finding]))).unwrap());
}
