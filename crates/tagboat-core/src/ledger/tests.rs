use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::commit::ObjectId;
use crate::tag::EnvironmentName;

fn tag() -> EnvironmentTag {
    let environment = EnvironmentName::parse("production").unwrap();
    EnvironmentTag::new(ProjectPath::parse("api").unwrap(), environment)
}

fn version(number: u64) -> Version {
    Version::parse(&format!("api/v1.{number}.0")).unwrap()
}

fn commit(number: u64) -> CommitSha {
    CommitSha::parse(&format!("{number:040x}")).unwrap()
}

fn time(second: u64) -> Timestamp {
    Timestamp::from_second(1_763_721_045 + i64::try_from(second).unwrap()).unwrap()
}

/// The record of attempt `sequence`: to the version of that number, from the one before that runs.
fn record(sequence: u64, previous: Option<u64>, outcome: Terminal) -> Record {
    Record {
        sequence,
        attempt: Attempt::Deploy,
        version: version(sequence),
        commit: commit(sequence),
        previous_version: previous.map(version),
        previous_commit: previous.map(commit),
        outcome,
        started_at: time(sequence * 60),
        completed_at: time(sequence * 60 + 30),
        triggered_by: "alice <alice@example.org>".to_owned(),
        deployment_id: DeploymentId::new(time(sequence * 60), &commit(sequence), |_| false),
        workflow_run_id: format!("local-{sequence}"),
        regions: vec![],
        holds: vec![],
        override_reason: None,
    }
}

/// What a remote would hold: the tag and its pages, as objects.
#[derive(Clone)]
struct Remote {
    ledger: Ledger,
    pages: BTreeMap<u64, TagObject>,
}

fn object(name: &str, commit: &CommitSha, message: &str) -> TagObject {
    TagObject {
        id: ObjectId::parse(&"f".repeat(40)).unwrap(),
        object: commit.object().clone(),
        name: name.to_owned(),
        tagger: "alice <alice@example.org>".to_owned(),
        time: time(0),
        message: message.to_owned(),
        signature: None,
    }
}

impl Remote {
    fn of(attempts: u64) -> Self {
        let ledger = Ledger::first(tag(), record(1, None, Terminal::Succeeded)).unwrap();
        let mut remote = Self { ledger, pages: BTreeMap::new() };
        for sequence in 2..=attempts {
            remote.add(record(sequence, Some(sequence - 1), Terminal::Succeeded));
        }
        remote
    }

    fn add(&mut self, record: Record) {
        let Appended { ledger, page } = self.ledger.append(record).unwrap();
        self.ledger = ledger;
        if let Some(page) = page {
            let before =
                self.pages.insert(page.number, object(&page.name, &page.commit, &page.message));
            assert!(before.is_none(), "a page never changes");
        }
    }

    fn tag_object(&self) -> TagObject {
        object("api/production", self.ledger.commit().unwrap(), &self.ledger.message())
    }

    fn read(&self) -> Result<History, LedgerError> {
        let ledger = Ledger::read(tag(), &self.tag_object())?;
        let pages: Vec<_> =
            (0..ledger.pages()).rev().map(|n| self.pages.get(&n).cloned()).collect();
        History::read(ledger, &pages)
    }
}

/// A line of format 1 as it was first written. It must stay readable for ever (SPEC V7): never change it.
const SAMPLE: &str = include_str!("sample-format-1.txt");

#[test]
fn a_sample_of_format_1_stays_readable() {
    let remote = object("api/production", &commit(2), SAMPLE);
    let ledger = Ledger::read(tag(), &remote).unwrap();
    assert_eq!(ledger.newest().sequence, 3);
    assert_eq!(ledger.newest().outcome, Terminal::RolledBack);
    assert_eq!(ledger.newest().holds[0].reason, "health: the check \"database\" is down");
    assert_eq!(ledger.message(), SAMPLE);
}

#[test]
fn what_is_written_today_is_the_sample() {
    let mut remote = Remote::of(2);
    let mut sick = record(3, Some(2), Terminal::RolledBack);
    sick.regions = vec![RegionOutcome {
        region: Some("eu-west".to_owned()),
        outcome: Terminal::RolledBack,
        deployment_id: None,
    }];
    sick.holds = vec![HoldChange {
        version: version(3),
        action: HoldAction::Held,
        reason: "health: the check \"database\" is down".to_owned(),
    }];
    remote.add(sick);
    assert_eq!(remote.ledger.message(), SAMPLE);
}

#[test]
fn two_hundred_and_fifty_deployments_are_read_back_through_the_pages() {
    let remote = Remote::of(250);
    let history = remote.read().unwrap();
    let sequences: Vec<u64> = history.records().map(|record| record.sequence).collect();
    assert_eq!(sequences, (1..=250).rev().collect::<Vec<_>>());
    assert_eq!((remote.pages.len(), remote.ledger.entries().len()), (11, 30));
    assert_eq!(history.records().nth(249), Some(&record(1, None, Terminal::Succeeded)));
}

#[test]
fn the_tag_holds_twenty_to_thirty_nine_records_once_it_has_them() {
    for attempts in 1..=90 {
        let held = Remote::of(attempts).ledger.entries().len() as u64;
        let expected = if attempts < 40 { attempts } else { 20 + attempts % 20 };
        assert_eq!(held, expected, "after {attempts}");
    }
}

#[test]
fn a_failed_attempt_leaves_the_tag_at_the_commit_that_runs() {
    let mut remote = Remote::of(2);
    remote.add(record(3, Some(2), Terminal::RolledBack));
    assert_eq!(remote.ledger.commit().unwrap(), &commit(2));
    assert_eq!(remote.read().unwrap().ledger().newest().version, version(3));
    assert!(remote.ledger.message().starts_with("api/production runs api/v1.2.0\n\n{"));
}

#[test]
fn a_first_deployment_that_failed_makes_no_ledger() {
    let failed = record(1, None, Terminal::Failed);
    assert!(matches!(Ledger::first(tag(), failed), Err(LedgerError::Shape(_))));
}

#[test]
fn a_copied_tag_is_refused() {
    let mut copied = Remote::of(1).tag_object();
    copied.name = "api/staging".to_owned();
    assert!(matches!(Ledger::read(tag(), &copied), Err(LedgerError::Name { .. })));
    let other = EnvironmentTag { path: ProjectPath::parse("web").unwrap(), ..tag() };
    let copied = object("web/production", &commit(1), &Remote::of(1).ledger.message());
    let refused = Ledger::read(other, &copied);
    assert!(
        matches!(refused, Err(LedgerError::Shape(_) | LedgerError::Project(..))),
        "{refused:?}"
    );
}

#[test]
fn a_tag_that_points_elsewhere_is_refused() {
    let mut moved = Remote::of(2).tag_object();
    moved.object = commit(1).object().clone();
    assert_eq!(Ledger::read(tag(), &moved), Err(LedgerError::Target(commit(1))));
}

#[test]
fn an_older_ledger_than_one_seen_is_a_replay() {
    let seen = Remote::of(5).ledger;
    assert_eq!(Remote::of(5).read().unwrap().follows_seen(&seen), Ok(()));
    assert_eq!(Remote::of(60).read().unwrap().follows_seen(&seen), Ok(()));
    let older = Remote::of(4).read().unwrap().follows_seen(&seen);
    assert_eq!(older, Err(LedgerError::Replayed(4, 5)));
}

#[test]
fn a_ledger_that_tells_the_past_otherwise_is_refused() {
    let seen = Remote::of(5).ledger;
    let mut other = Remote::of(4);
    other.add(Record {
        triggered_by: "mallory".to_owned(),
        ..record(5, Some(4), Terminal::Succeeded)
    });
    other.add(record(6, Some(5), Terminal::Succeeded));
    assert_eq!(other.read().unwrap().follows_seen(&seen), Err(LedgerError::Rewritten(5)));
}

#[test]
fn a_missing_copied_or_shortened_page_is_refused() {
    let good = Remote::of(65);
    let mut missing = good.clone();
    missing.pages.remove(&0);
    assert_eq!(missing.read(), Err(LedgerError::MissingPage(0)));
    let mut copied = good.clone();
    let page = copied.pages[&1].clone();
    copied.pages.insert(0, page);
    assert!(matches!(copied.read(), Err(LedgerError::Name { .. })));
    let mut short = good.clone();
    if let Some(page) = short.pages.get_mut(&0) {
        let cut = page.message.trim_end().rfind('\n').unwrap();
        page.message.truncate(cut + 1);
    }
    assert_eq!(short.read(), Err(LedgerError::Count(19)));
}

#[test]
fn a_newer_format_is_named_and_new_fields_of_this_one_are_kept() {
    let message = Remote::of(1).ledger.message();
    let newer = message.replace("{\"format\":1", "{\"format\":2");
    let read = |message: &str| Ledger::read(tag(), &object("api/production", &commit(1), message));
    assert_eq!(read(&newer), Err(LedgerError::Newer(2)));
    let grown = message.replace("\"sequence\":1", "\"sequence\":1,\"weather\":\"fair\"");
    assert_eq!(read(&grown).unwrap().message(), grown);
}

#[test]
fn the_newest_word_on_a_version_decides_its_hold() {
    let mut remote = Remote::of(2);
    let change = |action| HoldChange { version: version(3), action, reason: "why".to_owned() };
    let mut attempt = |sequence, outcome, holds| {
        remote.add(Record { holds, ..record(sequence, Some(2), outcome) });
        remote.read().unwrap().hold(&version(3)).is_some()
    };
    assert!(attempt(3, Terminal::RolledBack, vec![change(HoldAction::Held)]));
    assert!(!attempt(4, Terminal::RolledBack, vec![change(HoldAction::Lifted)]));
    let again = vec![change(HoldAction::Lifted), change(HoldAction::Held)];
    assert!(attempt(5, Terminal::RolledBack, again));
}

#[test]
fn text_from_people_cannot_add_a_line() {
    let mut remote = Remote::of(1);
    let evil = "x\"}\n{\"format\":1,\"sequence\":9}\n\u{202e}\u{1b}[31m".to_owned();
    remote.add(Record { triggered_by: evil.clone(), ..record(2, Some(1), Terminal::Succeeded) });
    let history = remote.read().unwrap();
    assert_eq!(history.records().count(), 2);
    assert_eq!(history.ledger().newest().triggered_by, evil);
    assert!(!remote.ledger.message().contains('\u{1b}'));
}

proptest! {
    #[test]
    fn no_byte_of_a_ledger_can_change_unseen(position in 0_usize..100_000, byte in 0_u8..128) {
        // Every byte but those of the newest line is under a hash; that line is under the tag object's
        // own name, which git checks. So a change is refused or is in the newest line.
        let ledger = Remote::of(6).ledger;
        let message = ledger.message();
        let newest = message.find(ledger.entries()[0].line()).unwrap();
        let newest = newest..newest + ledger.entries()[0].line().len();
        let position = position % message.len();
        let mut bytes = message.clone().into_bytes();
        bytes[position] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        if changed != message && !newest.contains(&position) {
            let read = Ledger::read(tag(), &object("api/production", &commit(6), &changed));
            prop_assert!(read.is_err(), "{position}: {changed}");
        }
    }

    #[test]
    fn rubbish_is_refused_and_never_a_panic(message in "\\PC*", lines in "(\\{[^\n]*\\}\n){0,4}") {
        for text in [message.clone(), format!("{message}\n\n{lines}"), format!("a\n\n{lines}{message}")] {
            prop_assert!(Ledger::read(tag(), &object("api/production", &commit(1), &text)).is_err());
        }
    }
}
