//! Moments against ledgers, as tables.

use tagboat_core::deployment::DeploymentId;

use super::*;

fn at(text: &str) -> Timestamp {
    format!("2026-05-{text}:00Z").parse().unwrap()
}

/// `version before began ended outcome`, oldest first.
fn records(lines: &[(&str, Option<&str>, &str, &str, Outcome)]) -> Vec<Record> {
    let commit = |version: &str| {
        let digit = version.chars().rev().find(char::is_ascii_digit).unwrap();
        CommitSha::parse(&digit.to_string().repeat(40)).unwrap()
    };
    let read = |(index, line): (usize, &(&str, Option<&str>, &str, &str, Outcome))| {
        let &(version, before, began, ended, outcome) = line;
        let id = DeploymentId::new(at(began), &commit(version), |_| false);
        Record {
            sequence: index as u64 + 1,
            attempt: Attempt::Deploy,
            version: Version::parse(version).unwrap(),
            commit: commit(version),
            previous_version: before.map(|before| Version::parse(before).unwrap()),
            previous_commit: before.map(commit),
            outcome,
            started_at: at(began),
            completed_at: at(ended),
            triggered_by: format!("who-{}", index + 1),
            workflow_run_id: format!("run-{}", index + 1),
            deployment_id: id,
            regions: vec![],
            holds: vec![],
            override_reason: None,
        }
    };
    let mut records: Vec<Record> = lines.iter().enumerate().map(read).collect();
    records.reverse();
    records
}

/// `v1.0.0 by 1, 2 coming`.
fn told(records: &[Record], moment: &str) -> String {
    let then = look(records.iter(), at(moment));
    let ran = match then.ran {
        Ran::Version(version, _, brought) => {
            let by = brought.map_or("?".to_owned(), |record| record.sequence.to_string());
            format!("{} by {by}", version.semver())
        }
        Ran::Nothing { .. } => "nothing".to_owned(),
        Ran::BeforeTheLedger { then, .. } => format!("before the ledger, then {}", then.semver()),
        Ran::Later => "later".to_owned(),
    };
    let coming = then.coming.map(|record| format!(", {} coming", record.sequence));
    ran + &coming.unwrap_or_default()
}

#[test]
fn a_ledger_tells_of_every_moment_since_it_began() {
    let records = records(&[
        ("v1.0.0", None, "01T10:00", "01T10:05", Outcome::Succeeded),
        ("v1.1.0", Some("v1.0.0"), "02T10:00", "02T10:05", Outcome::RolledBack),
        ("v1.2.0", Some("v1.0.0"), "03T10:00", "03T10:05", Outcome::Succeeded),
        ("v1.0.0", Some("v1.2.0"), "04T10:00", "04T10:05", Outcome::Succeeded),
        ("v1.3.0", Some("v1.0.0"), "05T10:00", "05T10:05", Outcome::Failed),
    ]);
    for (moment, expected) in [
        ("01T09:59", "nothing"),
        ("01T10:00", "nothing, 1 coming"),
        ("01T10:04", "nothing, 1 coming"),
        ("01T10:05", "v1.0.0 by 1"),
        ("02T09:59", "v1.0.0 by 1"),
        ("02T10:00", "v1.0.0 by 1, 2 coming"),
        ("02T10:05", "v1.0.0 by 1"),
        ("03T10:04", "v1.0.0 by 1, 3 coming"),
        ("03T10:05", "v1.2.0 by 3"),
        ("04T10:02", "v1.2.0 by 3, 4 coming"),
        ("04T10:05", "v1.0.0 by 4"),
        ("05T10:03", "v1.0.0 by 4, 5 coming"),
        ("09T00:00", "v1.0.0 by 4"),
    ] {
        assert_eq!(told(&records, moment), expected, "{moment}");
    }
}

#[test]
fn what_a_ledger_cannot_tell_is_not_guessed() {
    let over_a_tag = records(&[
        ("v1.1.0", Some("v1.0.0"), "02T10:00", "02T10:05", Outcome::RolledBack),
        ("v1.2.0", Some("v1.0.0"), "03T10:00", "03T10:05", Outcome::Succeeded),
    ]);
    for (moment, expected) in [
        ("01T10:00", "before the ledger, then v1.0.0"),
        ("02T10:01", "before the ledger, then v1.0.0, 1 coming"),
        // It ran, as the record says; who brought it, no record does.
        ("02T10:05", "v1.0.0 by ?"),
        ("03T10:05", "v1.2.0 by 2"),
    ] {
        assert_eq!(told(&over_a_tag, moment), expected, "{moment}");
    }
    // A tag whose older records lie in pages.
    let mut newest = over_a_tag;
    newest.iter_mut().for_each(|record| record.sequence += 20);
    assert_eq!(told(&newest, "01T10:00"), "later");
}

#[test]
fn records_count_in_their_order_whatever_the_clocks_of_their_deployers_said() {
    let records = records(&[
        ("v1.0.0", None, "01T10:00", "01T10:05", Outcome::Succeeded),
        ("v1.1.0", Some("v1.0.0"), "03T10:00", "03T10:05", Outcome::Succeeded),
        ("v1.2.0", Some("v1.1.0"), "02T10:00", "02T10:05", Outcome::Succeeded),
    ]);
    for (moment, expected) in
        [("02T00:00", "v1.0.0 by 1"), ("02T12:00", "v1.2.0 by 3"), ("04T00:00", "v1.2.0 by 3")]
    {
        assert_eq!(told(&records, moment), expected, "{moment}");
    }
}

#[test]
fn a_day_ends_at_its_last_second_and_the_future_is_not_told() {
    let now = at("10T12:00");
    let resolved = |text: &str| text.parse::<At>().unwrap().resolve(now);
    for (typed, meant, remark) in [
        ("2026-05-03T14:00Z", "2026-05-03T14:00:00Z", None),
        ("2026-05-10T12:00Z", "2026-05-10T12:00:00Z", None),
        ("2026-05-03", "2026-05-03T23:59:59Z", Some("taken as its end")),
        ("2026-05-10", "2026-05-10T12:00:00Z", Some("not over")),
    ] {
        let moment = resolved(typed).ok().unwrap();
        assert_eq!(moment.at.to_string(), meant, "{typed}");
        assert_eq!(moment.remark.is_some(), remark.is_some(), "{typed}");
        let said = moment.remark.unwrap_or_default();
        assert!(said.contains(remark.unwrap_or_default()), "{typed}: {said}");
    }
    for typed in ["2026-05-10T12:00:01Z", "2026-05-11", "9999-12-30"] {
        let error = resolved(typed).err().unwrap();
        assert_eq!((error.code, error.exit), ("usage::future", Exit::Usage), "{typed}");
    }
}
