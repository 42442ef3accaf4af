//! Queues from tickets and from runs, estimates, and whom a newer deployment skips.

use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

fn environment() -> EnvironmentName {
    EnvironmentName::parse("production").unwrap()
}

fn wanted(version: &str) -> Wanted {
    let commit = CommitSha::parse(&"c".repeat(40)).unwrap();
    let deployment_id = DeploymentId::new(at(0), &commit, |_| false);
    Wanted {
        workflow_run_id: format!("local-{deployment_id}"),
        deployment_id,
        version: Version::parse(version).unwrap(),
        commit,
        package: "api=1.2.0".to_owned(),
        previous_version: None,
    }
}

fn ticket(project: &str, attempt: Attempt, began: Option<i64>) -> Ticket {
    let project = ProjectPath::parse(project).unwrap();
    let mut ticket = Ticket::new(attempt, &project, "ann", at(0), 7);
    ticket.began_at = began.map(at);
    ticket.wanted = Some(wanted("api/v1.2.0"));
    ticket
}

fn standing(number: u64, ticket: Ticket) -> Standing {
    Standing { number, ticket: Some(ticket) }
}

fn deploy(number: u64, began: Option<i64>) -> Standing {
    standing(number, ticket("api", Attempt::Deploy, began))
}

fn run(id: &str, status: RunStatus, waiting: i64) -> ForgeRun {
    ForgeRun {
        id: id.to_owned(),
        status,
        created_at: at(0),
        waiting_since: at(waiting),
        started_at: (status == RunStatus::InProgress).then(|| at(waiting + 1)),
        actor: "ann".to_owned(),
        reference: "main".to_owned(),
        deployment: Some(wanted("api/v1.2.0")),
        url: format!("https://forge.example/{id}"),
    }
}

fn record(completed: i64, took: i64) -> Record {
    let wanted = wanted("api/v1.2.0");
    Record {
        sequence: 1,
        attempt: Attempt::Deploy,
        version: wanted.version,
        commit: wanted.commit,
        previous_version: None,
        previous_commit: None,
        outcome: crate::deployment::Terminal::Succeeded,
        started_at: at(completed - took),
        completed_at: at(completed),
        triggered_by: "ann".to_owned(),
        deployment_id: wanted.deployment_id,
        workflow_run_id: wanted.workflow_run_id,
        regions: Vec::new(),
        holds: Vec::new(),
        override_reason: None,
    }
}

#[test]
fn a_queue_shows_its_public_fields() {
    let line = vec![deploy(4, Some(10)), deploy(6, None)];
    let queue = DeploymentQueue::from_line(environment(), line, Some(60), at(30));
    let json = serde_json::to_value(&queue).unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 4);
    assert_eq!(json["environment"], "production");
    assert_eq!(json["locked_at"], "2026-01-01T00:00:10Z");
    assert_eq!(json["current_deployment"]["status"], "in_progress");
    assert_eq!(json["current_deployment"]["started_at"], "2026-01-01T00:00:10Z");
    let waiting = &json["queue"][0];
    assert_eq!(waiting["status"], "queued");
    assert_eq!(waiting["environment"], "production");
    assert_eq!(waiting["queue_position"], 1);
    assert_eq!(waiting["estimated_wait_time"], 40);
    assert_eq!(waiting["deployment_id"], "deploy-20260101-000000-ccccccc");
    assert_eq!(waiting["package"], "api=1.2.0");
}

#[test]
fn who_does_not_know_yet_what_to_deploy_has_a_place_and_is_no_deployment() {
    let mut arriving = ticket("api", Attempt::Deploy, Some(5));
    arriving.wanted = None;
    let line = vec![standing(1, arriving), Standing { number: 2, ticket: None }, deploy(3, None)];
    let queue = DeploymentQueue::from_line(environment(), line, Some(60), at(5));
    let json = serde_json::to_value(&queue).unwrap();
    assert!(json["current_deployment"].is_null() && json["locked_at"].is_null());
    assert_eq!(json["queue"].as_array().unwrap().len(), 1);
    assert_eq!(json["queue"][0]["queue_position"], 2);
    assert_eq!(json["queue"][0]["estimated_wait_time"], 120);
    assert!(queue.current().is_some());
}

#[test]
fn an_estimate_is_what_is_left_of_the_running_one_and_the_usual_for_each_before() {
    let line = || vec![deploy(1, Some(0)), deploy(2, None), deploy(3, None)];
    let told = |usual, now| {
        let queue = DeploymentQueue::from_line(environment(), line(), usual, at(now));
        queue.waiting().map(|waiting| waiting.estimated_wait).collect::<Vec<_>>()
    };
    assert_eq!(told(Some(60), 0), [Some(60), Some(120)]);
    assert_eq!(told(Some(60), 45), [Some(15), Some(75)]);
    // One that takes longer than usual may end any moment.
    assert_eq!(told(Some(60), 500), [Some(0), Some(60)]);
    // A clock that was set back says nothing.
    assert_eq!(told(Some(60), -500), [Some(60), Some(120)]);
    assert_eq!(told(None, 0), [None, None]);
    let waiting = vec![deploy(2, None), deploy(3, None)];
    let queue = DeploymentQueue::from_line(environment(), waiting, Some(60), at(0));
    assert!(queue.current().is_none() && queue.locked_at().is_none() && !queue.is_empty());
    let told: Vec<_> = queue.waiting().map(|waiting| waiting.estimated_wait).collect();
    assert_eq!(told, [Some(0), Some(60)]);
}

#[test]
fn the_usual_duration_is_the_median_of_the_newest() {
    let usual = |records: &[(i64, i64)]| {
        let records: Vec<Record> =
            records.iter().map(|(completed, took)| record(*completed, *took)).collect();
        usual_duration(&records)
    };
    assert_eq!(usual(&[]), None);
    assert_eq!(usual(&[(0, 30)]), Some(30));
    assert_eq!(usual(&[(0, 30), (1, 50)]), Some(40));
    assert_eq!(usual(&[(0, 30), (1, 5000), (2, 50)]), Some(50));
    // A record whose clock was set back took no time.
    assert_eq!(usual(&[(0, -30)]), Some(0));
    // Twenty slow ones of late, many fast ones before.
    let many: Vec<(i64, i64)> =
        (0..100).map(|n| (n * 1000, if n < 80 { 5 } else { 600 })).collect();
    assert_eq!(usual(&many), Some(600));
}

#[test]
fn a_newer_deployment_skips_what_waits_of_its_project_and_nothing_else() {
    let line = vec![
        deploy(1, Some(0)),
        deploy(2, None),
        standing(3, ticket("web", Attempt::Deploy, None)),
        standing(4, ticket("api", Attempt::Rollback, None)),
        deploy(5, None),
        Standing { number: 6, ticket: None },
        deploy(7, None),
        deploy(8, None),
    ];
    let mine = ticket("api", Attempt::Deploy, None);
    assert_eq!(superseded(7, &mine, &line), [2, 5]);
    assert_eq!(superseded(7, &ticket("api", Attempt::Rollback, None), &line), Vec::<u64>::new());
    assert_eq!(superseded(1, &mine, &line), Vec::<u64>::new());
}

#[test]
fn a_forges_runs_stand_in_the_order_in_which_they_began_to_wait() {
    use RunStatus::{InProgress, Queued};
    // Run 8 was dispatched last and waits longest: an approval kept the others back.
    let runs = vec![
        run("9", Queued, 30),
        run("10", Queued, 30),
        run("7", Queued, 40),
        run("8", Queued, 20),
        run("11", InProgress, 25),
    ];
    let queue = DeploymentQueue::from_runs(environment(), runs, Some(60), at(26)).unwrap();
    let url = |member: &Member| member.url.clone().unwrap();
    assert_eq!(url(queue.current().unwrap()), "https://forge.example/11");
    assert_eq!(queue.locked_at(), Some(at(26)));
    let waiting: Vec<String> = queue.waiting().map(|waiting| url(waiting.member)).collect();
    assert_eq!(waiting, ["8", "9", "10", "7"].map(|id| format!("https://forge.example/{id}")));
}

#[test]
fn two_runs_at_once_are_no_queue() {
    let runs = vec![
        run("2", RunStatus::InProgress, 9),
        run("1", RunStatus::InProgress, 5),
        run("3", RunStatus::Queued, 1),
    ];
    let error = DeploymentQueue::from_runs(environment(), runs, None, at(0)).unwrap_err();
    assert_eq!(error, TwoRunning("1".to_owned(), "2".to_owned()));
}

#[test]
fn addresses_of_one_remote_name_one_queue() {
    let key = |remote: &str| QueueName::new(remote, environment()).repository().to_owned();
    let one = key("https://git.example/acme/web.git");
    for same in [
        "https://git.example/acme/web",
        "https://git.example/acme/web/",
        "https://git.example/acme/web.git/",
        "https://ann:secret@git.example/acme/web.git",
        "https://x-access-token:ghs_1@git.example/acme/web",
    ] {
        assert_eq!(key(same), one, "{same}");
    }
    for other in [
        "https://git.example/acme/other",
        "https://other.example/acme/web",
        "ssh://git.example/acme/web",
        "/srv/acme/web",
        "git@git.example:acme/web.git",
        "",
    ] {
        assert_ne!(key(other), one, "{other}");
    }
    assert_eq!(key("git@git.example:acme/web.git"), key("git@git.example:acme/web"));
    assert!(one.len() == 16 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

proptest! {
    #[test]
    fn a_ticket_and_a_notice_read_back_whoever_writes_them(
        who in "\\PC{0,300}", path in "[a-z]{1,9}(/[a-z]{1,9}){0,3}", pid: u32, knows: bool,
    ) {
        let project = ProjectPath::parse(&path).unwrap();
        let mut ticket = Ticket::new(Attempt::Rollback, &project, &who, at(3), pid);
        ticket.wanted = knows.then(|| wanted("api/v1.2.0-rc.1"));
        let line = ticket.line();
        prop_assert!(line.ends_with('\n') && line.matches('\n').count() == 1);
        prop_assert!(line.len() < MAX_TICKET);
        // What an older, longer line left behind does no harm.
        prop_assert_eq!(Ticket::read(format!("{line}rest\u{0}").as_bytes()), Some(ticket));
        let notice = Notice::Superseded { by: who, version: path, run: pid.to_string() };
        prop_assert_eq!(Notice::read(notice.line().as_bytes()), notice);
    }

    #[test]
    fn no_bytes_are_too_bad_to_be_read(bytes: Vec<u8>) {
        prop_assert!(Ticket::read(&bytes).is_none_or(|ticket| Ticket::read(ticket.line().as_bytes()) == Some(ticket)));
        let is_cancelled = matches!(Notice::read(&bytes), Notice::Cancelled { .. });
        prop_assert!(is_cancelled);
    }

    /// SPEC Q1, whatever the tickets say.
    #[test]
    fn every_queue_keeps_its_rules(
        members in proptest::collection::vec(proptest::option::of((any::<bool>(), proptest::option::of(-9_i64..9))), 0..9),
        usual in proptest::option::of(any::<u64>()),
    ) {
        let line = members.iter().zip(1..).map(|(member, number)| Standing {
            number,
            ticket: member.map(|(knows, began)| {
                let mut ticket = ticket("api", Attempt::Deploy, began);
                if !knows { ticket.wanted = None; }
                ticket
            }),
        });
        let queue = DeploymentQueue::from_line(environment(), line.collect(), usual, at(0));
        prop_assert_eq!(queue.current().is_some(), queue.locked_at().is_some());
        let positions: Vec<u32> = queue.waiting().map(|waiting| waiting.position).collect();
        prop_assert!(positions.iter().copied().eq(1..=u32::try_from(positions.len()).unwrap()));
        prop_assert!(queue.waiting().map(|waiting| waiting.estimated_wait).is_sorted());
        let json = serde_json::to_value(&queue).unwrap();
        prop_assert_eq!(json["current_deployment"].is_null(), json["locked_at"].is_null());
        for entry in json["queue"].as_array().unwrap() {
            prop_assert_eq!(&entry["status"], "queued");
            prop_assert_eq!(&entry["environment"], "production");
        }
    }
}
