use jiff::Timestamp;

use super::*;
use crate::commit::CommitSha;
use crate::deployment::{DeploymentId, Terminal};
use crate::ledger::{Attempt, Record};
use crate::tag::EnvironmentName;
use crate::version::{ProjectPath, Version};

fn tag() -> EnvironmentTag {
    EnvironmentTag::new(ProjectPath::parse("api").unwrap(), EnvironmentName::parse("qa").unwrap())
}

fn environments() -> Environments {
    Environments::new([EnvironmentName::parse("qa").unwrap()])
}

fn id(digit: char) -> ObjectId {
    ObjectId::parse(&digit.to_string().repeat(40)).unwrap()
}

fn record(sequence: u64, by: &str) -> Record {
    let commit = CommitSha::from(id('c'));
    let at = Timestamp::from_second(1_767_225_600).unwrap();
    let version = Version::parse("api/v1.0.0").unwrap();
    let previous = (sequence > 1).then(|| version.clone());
    Record {
        sequence,
        attempt: Attempt::Deploy,
        version,
        commit: commit.clone(),
        previous_commit: previous.is_some().then(|| commit.clone()),
        previous_version: previous,
        outcome: Terminal::Succeeded,
        started_at: at,
        completed_at: at,
        triggered_by: by.to_owned(),
        deployment_id: DeploymentId::new(at, &commit, |_| false),
        workflow_run_id: "1".to_owned(),
        regions: vec![],
        holds: vec![],
        override_reason: None,
    }
}

/// A ledger with so many records.
fn ledger(records: u64, by: &str) -> Ledger {
    let mut ledger = Ledger::first(tag(), record(1, by)).unwrap();
    for sequence in 2..=records {
        ledger = ledger.append(record(sequence, by)).unwrap().ledger;
    }
    ledger
}

fn object(ledger: &Ledger) -> TagObject {
    TagObject {
        id: id('f'),
        object: id('c'),
        name: ledger.tag().to_string(),
        tagger: "A <a@example.org>".to_owned(),
        time: Timestamp::UNIX_EPOCH,
        message: ledger.message(),
        signature: None,
    }
}

fn before(ledger: &Ledger) -> Before {
    Before::Tag(Box::new(object(ledger)))
}

#[test]
fn what_is_made_once_neither_moves_nor_goes() {
    let (a, b) = (id('a'), id('b'));
    for name in [
        "refs/tags/v1.0.0",
        "refs/tags/api/v1.0.0-rc.1",
        "refs/tags/api/v1.0.0-stable",
        "refs/tagboat/ledger/api/qa/0",
        "refs/tagboat/overrides/x",
    ] {
        let guarded = Guarded::of(name, &environments());
        assert_eq!(guarded.judge(None, Some(&a)), Ok(()), "{name}");
        assert_eq!(guarded.judge(Some(&a), Some(&a)), Ok(()), "{name}");
        assert!(guarded.judge(Some(&a), Some(&b)).is_err(), "{name}");
        assert_eq!(guarded.judge(Some(&a), None), Err(Refusal::Deleted), "{name}");
    }
    let legacy = Guarded::of("refs/tags/v1.0.0-qa", &environments());
    assert_eq!(legacy.judge(None, Some(&a)), Err(Refusal::NeverMade));
    let environment = Guarded::of("refs/tags/api/qa", &environments());
    assert_eq!(environment, Guarded::Environment(tag()));
    assert_eq!(environment.judge(Some(&a), None), Err(Refusal::Deleted));
    for name in ["refs/heads/main", "refs/tags/nightly", "refs/tags/v1", "refs/tagboat/seen/qa"] {
        let free = Guarded::of(name, &environments());
        assert_eq!((free.judge(Some(&a), Some(&b)), free.judge(Some(&a), None)), (Ok(()), Ok(())));
    }
}

#[test]
fn an_environment_tag_moves_only_to_a_ledger_that_follows() {
    let grown = |from: u64, to: u64| {
        follow(&tag(), &before(&ledger(from, "a")), Some(&object(&ledger(to, "a"))))
    };
    assert!(grown(1, 2).is_ok());
    assert!(grown(39, 40).is_ok(), "its oldest records became a page");
    assert!(grown(5, 8).is_ok(), "what was pushed in between is in it");
    assert_eq!(grown(8, 5), Err(Refusal::NotNewer(5, 8)));
    assert_eq!(grown(5, 5), Err(Refusal::NotNewer(5, 5)));
    // Forty records later nobody can tell.
    assert_eq!(grown(1, 60), Err(Refusal::NotAfter(1)));
    let other = follow(&tag(), &before(&ledger(5, "a")), Some(&object(&ledger(6, "b"))));
    assert_eq!(other, Err(Refusal::NotAfter(5)));
}

#[test]
fn a_first_ledger_has_one_record_and_nothing_else_is_a_ledger() {
    let first = object(&ledger(1, "a"));
    for nothing in [Before::Nothing, Before::NoLedger] {
        assert!(follow(&tag(), &nothing, Some(&first)).is_ok());
        let second = follow(&tag(), &nothing, Some(&object(&ledger(2, "a"))));
        assert_eq!(second, Err(Refusal::Begins(2)));
    }
    assert_eq!(follow(&tag(), &Before::Nothing, None), Err(Refusal::NoLedger));
    let by_hand = TagObject { message: "release\n".to_owned(), ..first.clone() };
    assert_eq!(follow(&tag(), &Before::Nothing, Some(&by_hand)), Err(Refusal::NoLedger));
    let copied = TagObject { name: "web/qa".to_owned(), ..first.clone() };
    let refused = follow(&tag(), &Before::Nothing, Some(&copied));
    assert!(matches!(refused, Err(Refusal::Ledger(LedgerError::Name { .. }))), "{refused:?}");
    assert_eq!(follow(&tag(), &Before::Unknown, Some(&first)), Err(Refusal::Unknown));
}
