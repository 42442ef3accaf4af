use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::ledger::RegionOutcome;

fn api() -> ProjectPath {
    ProjectPath::parse("api").unwrap()
}

const TERMINALS: [Terminal; 4] =
    [Terminal::Succeeded, Terminal::Failed, Terminal::RolledBack, Terminal::Cancelled];

fn terminal() -> impl Strategy<Value = Terminal> {
    (0_usize..4).prop_map(|place| TERMINALS[place])
}

fn version() -> impl Strategy<Value = Version> {
    "(api|api/x|web)/v(0|[1-9][0-9]{0,2})\\.[0-9]\\.[1-9](-rc\\.[1-9])?"
        .prop_map(|text| Version::parse(&text).unwrap())
}

fn commit() -> impl Strategy<Value = CommitSha> {
    "[0-9a-f]{40}".prop_map(|text| CommitSha::parse(&text).unwrap())
}

prop_compose! {
    fn record()(
        sequence in 1_u64..,
        attempt in prop_oneof![Just(Attempt::Deploy), Just(Attempt::Rollback)],
        version in version(),
        commit in commit(),
        previous in proptest::option::of((version(), commit())),
        outcome in terminal(),
        // Until the year 9900: beyond, the JSON reader is asked.
        seconds in (0_i64..250_000_000_000, 0_i64..100_000),
        people in ("[a-z \"\\\\]{0,6}", "\\PC{0,8}"),
        regions in proptest::collection::vec(
            (proptest::option::of("[a-z-]{0,5}"), terminal(), any::<bool>()), 0..3
        ),
        reason in proptest::option::of("[a-z ]{0,5}"),
    ) -> Record {
        let started_at = Timestamp::from_second(seconds.0).unwrap();
        let (previous_version, previous_commit) = previous.unzip();
        let deployment_id = DeploymentId::new(Timestamp::UNIX_EPOCH, &commit, |_| false);
        let region = |(region, outcome, named): (Option<String>, Terminal, bool)| RegionOutcome {
            region,
            outcome,
            deployment_id: named.then(|| deployment_id.clone()),
        };
        let regions = regions.into_iter().map(region).collect();
        Record {
            sequence,
            attempt,
            deployment_id,
            version,
            commit,
            previous_version,
            previous_commit,
            outcome,
            started_at,
            completed_at: Timestamp::from_second(seconds.0 + seconds.1).unwrap(),
            triggered_by: people.0,
            workflow_run_id: people.1,
            regions,
            holds: vec![],
            override_reason: reason,
        }
    }
}

/// What the JSON reader says of a text.
fn told(text: &str) -> Option<Line<'_>> {
    let Entry { record, previous_sha256, .. } = Entry::read(3, text).ok()?;
    let line = Line::of_record(&record, text);
    Some(Line { number: 3, previous_sha256: previous_sha256.into(), ..line })
}

proptest! {
    #[test]
    fn a_line_as_it_is_written_is_walked_and_says_what_the_json_reader_says(record in record()) {
        let entry = Entry::write(record.clone(), None).unwrap();
        let walked = walk(&api(), 3, &entry.line);
        let escaped = entry.line.contains('\\') || record.override_reason.is_some();
        prop_assert_eq!(walked.is_some(), !escaped, "{}", entry.line);
        let read = Line::read(&api(), 3, &entry.line).unwrap();
        prop_assert_eq!(&Line { number: 3, ..Line::of(&entry) }, &Line { number: 3, ..read.clone() });
        prop_assert_eq!(read.record().unwrap(), record);
    }

    #[test]
    fn no_line_is_walked_that_the_json_reader_refuses_or_reads_otherwise(
        record in record(),
        edits in proptest::collection::vec((0_usize..2000, 0_u8..4, "[ -~\\n\\t]{1,3}"), 1..4),
    ) {
        let mut text = Entry::write(record, None).unwrap().line;
        for (place, how, with) in edits {
            let place = place % text.len();
            let Some(end) = text.get(place..).and_then(|rest| rest.chars().next()) else { continue };
            let end = place + end.len_utf8();
            match how {
                0 => text.replace_range(place..end, &with),
                1 => text.insert_str(place, &with),
                2 => text.replace_range(place..end, ""),
                // A field that stands there twice, or elsewhere.
                _ => {
                    let field = text[..place].rfind(",\"").unwrap_or(0);
                    let next = text[place..].find(",\"").map_or(text.len(), |at| place + at);
                    let copied = text[field..next].to_owned();
                    text.insert_str(next, &copied);
                }
            }
        }
        if let Some(walked) = walk(&api(), 3, &text) {
            prop_assert_eq!(Some(walked), told(&text), "{}", text);
        }
    }

    #[test]
    fn a_time_is_walked_only_where_the_time_reader_takes_it(
        text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z",
    ) {
        if is_plain_time(&text) {
            prop_assert!(text.parse::<Timestamp>().is_ok(), "{text}");
        }
    }
}

#[test]
fn days_that_a_month_does_not_have_are_no_time() {
    assert!(is_plain_time("2024-02-29T00:00:00Z"));
    for odd in ["2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-00-01T00:00:00Z"] {
        assert!(!is_plain_time(odd), "{odd}");
    }
}
