//! Reports of five ends and of a refusal, and what every report keeps to.

use proptest::prelude::*;
use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::{
    Artifact, Deployment, DeploymentId, Ended, Head, TagMove, Terminal,
};
use tagboat_core::environment::{HostName, RegionName};
use tagboat_core::ledger::{HoldAction, HoldChange};
use tagboat_core::rollout::{Cause, Ending, Failure, Fared};

use super::*;
use crate::action_link::{Category, Label};
use crate::verb::Verb;

/// Records as the deploy room would hand them over.
pub(crate) mod sample {
    use super::*;

    pub(crate) fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    pub(crate) fn environment(name: &str) -> EnvironmentName {
        EnvironmentName::parse(name).unwrap()
    }

    pub(crate) fn host(name: &str) -> HostName {
        HostName::parse(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    pub(crate) fn run() -> Run {
        Run {
            workflow_run_id: "1234567890".to_owned(),
            workflow_name: "Deploy".to_owned(),
            pages: ForgePages::new("https://github.com", "acme/shop").ok(),
            generated_at: at("10:31:59"),
        }
    }

    pub(crate) fn head(version: &str, previous: Option<&str>, environment: &str) -> Head {
        let version = sample::version(version);
        let commit = CommitSha::parse("0123456789abcdef0123456789abcdef01234567").unwrap();
        Head {
            deployment_id: DeploymentId::new(at("10:30:45"), &commit, |_| false),
            artifact: Artifact::Package(format!("api={}", version.debian())),
            version,
            environment: sample::environment(environment),
            region: None,
            commit,
            tag_move: TagMove::Moves,
            previous_version: previous.map(sample::version),
            workflow_run_id: "1234567890".to_owned(),
            triggered_by: "alice".to_owned(),
        }
    }

    /// The deployment at its end, as the ending has it.
    pub(crate) fn ended(head: Head, ending: &Ending) -> Deployment<Ended> {
        let judged = Deployment::begun(head, at("10:30:45")).change().check_health();
        let end = at("10:31:57");
        match ending {
            Ending::Succeeded => judged.succeed(end),
            Ending::RolledBack(_) => judged.fail().rolled_back(end),
            Ending::Stuck(..) => judged.fail().stay(end),
        }
    }

    pub(crate) fn sick() -> Cause {
        Cause {
            host: host("web-1"),
            step: Failure::Health,
            reason: "3 bad answers in a row: it answered HTTP 503: \"database\" is down".to_owned(),
        }
    }

    fn step(step: &str, seconds: f64, result: &str) -> ReportedStep {
        ReportedStep { step: step.to_owned(), seconds, result: result.to_owned(), region: None }
    }

    pub(crate) fn record<'a>(
        attempt: Attempt,
        deployment: &'a Deployment<Ended>,
        ending: &'a Ending,
    ) -> DeploymentRun<'a> {
        DeploymentRun {
            attempt,
            deployment,
            deployments: &[],
            regions: &[],
            ending,
            sequence: Some(7),
            holds: &[],
            not_recorded: None,
            steps: vec![
                step("turn on web-1", 0.2, "done"),
                step("install v1.4.0 on web-1", 12.4, "done"),
            ],
            journal: Vec::new(),
            warnings: Vec::new(),
            reason: None,
            override_reason: None,
            next_environment: None,
        }
    }

    pub(crate) fn first_deployment() -> PipelineReport {
        let ending = Ending::Succeeded;
        let ended = ended(head("api/v1.4.0", None, "staging"), &ending);
        let production = environment("production");
        let record = DeploymentRun {
            sequence: Some(1),
            next_environment: Some(&production),
            ..record(Attempt::Deploy, &ended, &ending)
        };
        PipelineReport::of_deployment(&run(), &record).unwrap()
    }

    pub(crate) fn upgrade() -> PipelineReport {
        let ending = Ending::Succeeded;
        let ended = ended(head("api/v1.4.0", Some("api/v1.3.2"), "production"), &ending);
        let record = DeploymentRun {
            warnings: vec!["web-2: it is degraded: \"cache\" is down".to_owned()],
            override_reason: Some("freeze: mends the outage"),
            ..record(Attempt::Deploy, &ended, &ending)
        };
        let no_forge = Run {
            workflow_run_id: "local-deploy-20261121-103045-0123456".to_owned(),
            workflow_name: "tagboat deploy".to_owned(),
            pages: None,
            ..run()
        };
        PipelineReport::of_deployment(&no_forge, &record).unwrap()
    }

    pub(crate) fn sick_and_rolled_back() -> PipelineReport {
        let ending = Ending::RolledBack(sick());
        let ended = ended(head("api/v1.4.0", Some("api/v1.3.2"), "production"), &ending);
        let mut record = record(Attempt::Deploy, &ended, &ending);
        record.steps.extend([
            step("health gate on web-1", 33.0, &sick().reason),
            step("put v1.3.2 back on web-1", 9.1, "done"),
            step("health gate on web-1 after the roll-back", 3.0, "done"),
        ]);
        record.journal = vec![
            "api[4711]: starting 1.4.0".to_owned(),
            "api[4711]: \u{1b}[31mcannot reach db:5432\u{1b}[0m".to_owned(),
            "::error::cannot reach db:5432".to_owned(),
        ];
        let holds = [HoldChange {
            version: version("api/v1.4.0"),
            action: HoldAction::Held,
            reason: "health gate on web-1".to_owned(),
        }];
        record.holds = &holds;
        PipelineReport::of_deployment(&run(), &record).unwrap()
    }

    pub(crate) fn rolled_back_by_a_person() -> PipelineReport {
        let ending = Ending::Succeeded;
        let ended = ended(head("api/v1.3.2", Some("api/v1.4.0"), "production"), &ending);
        let holds = [HoldChange {
            version: version("api/v1.4.0"),
            action: HoldAction::Held,
            reason: "loses carts".to_owned(),
        }];
        let record = DeploymentRun {
            holds: &holds,
            reason: Some("loses carts"),
            ..record(Attempt::Rollback, &ended, &ending)
        };
        PipelineReport::of_deployment(&run(), &record).unwrap()
    }

    pub(crate) fn stuck_on_one_host() -> PipelineReport {
        let stuck = vec![(host("web-2"), "the host cannot be reached: timeout".to_owned())];
        let ending = Ending::Stuck(sick(), stuck);
        let ended = ended(head("api/v1.4.0", Some("api/v1.3.2"), "production"), &ending);
        let record = record(Attempt::Deploy, &ended, &ending);
        PipelineReport::of_deployment(&run(), &record).unwrap()
    }

    pub(crate) fn lost_race() -> PipelineReport {
        let error = Diagnostic::unchanged(
            "deploy::lost-race",
            Exit::Refused,
            "another deployment was faster: api/production moved since the plan",
            "no host was changed by this deployment",
        )
        .fact("holds now", "89abcde")
        .help("see who won: `tagboat history`; then decide again");
        let (version, environment) = (version("api/v1.4.0"), environment("production"));
        let subject =
            Subject { attempt: Attempt::Deploy, version: &version, environment: &environment };
        PipelineReport::of_refusal(&run(), Some(&subject), &error)
    }

    /// Every report of this module.
    pub(crate) fn all() -> [PipelineReport; 6] {
        [
            first_deployment(),
            upgrade(),
            sick_and_rolled_back(),
            rolled_back_by_a_person(),
            stuck_on_one_host(),
            lost_race(),
        ]
    }
}

fn commands(report: &PipelineReport) -> Vec<&str> {
    report.action_links.iter().map(|link| link.command.as_str()).collect()
}

/// Every report that the builders can make: each attempt, ending, past and recording.
fn every_report() -> Vec<PipelineReport> {
    let interrupted = Cause { step: Failure::Interruption, ..sample::sick() };
    let stuck = vec![(sample::host("web-2"), "timeout".to_owned())];
    let endings = [
        Ending::Succeeded,
        Ending::RolledBack(sample::sick()),
        Ending::RolledBack(interrupted),
        Ending::Stuck(sample::sick(), stuck),
    ];
    let problem = Diagnostic::unchanged("a::b", Exit::NeedsPerson, "it was lost", "nothing");
    let next = sample::environment("production");
    let mut reports = Vec::from(sample::all());
    for exit in
        [Exit::Judged, Exit::Usage, Exit::Refused, Exit::Outside, Exit::Bug, Exit::Interrupted]
    {
        let error = Diagnostic::unchanged("a::b", exit, "it was not done", "nothing was changed");
        reports.push(PipelineReport::of_refusal(&sample::run(), None, &error));
        for attempt in [Attempt::Deploy, Attempt::Rollback] {
            let version = sample::version("v1.4.0-rc.1");
            let subject = Subject { attempt, version: &version, environment: &next };
            reports.push(PipelineReport::of_refusal(&sample::run(), Some(&subject), &error));
        }
    }
    for ending in &endings {
        for attempt in [Attempt::Deploy, Attempt::Rollback] {
            for previous in [None, Some("v1.3.2"), Some("v1.4.0"), Some("v1.5.0")] {
                for not_recorded in [None, Some(&problem)] {
                    let head = sample::head("v1.4.0", previous, "staging");
                    let holds = [HoldChange {
                        version: head.version.clone(),
                        action: HoldAction::Held,
                        reason: "it is sick".to_owned(),
                    }];
                    let deployment = sample::ended(head, ending);
                    let record = DeploymentRun {
                        attempt,
                        deployment: &deployment,
                        deployments: &[],
                        regions: &[],
                        ending,
                        sequence: not_recorded.is_none().then_some(7),
                        holds: &holds,
                        not_recorded,
                        steps: Vec::new(),
                        journal: Vec::new(),
                        warnings: Vec::new(),
                        reason: None,
                        override_reason: None,
                        next_environment: Some(&next),
                    };
                    reports.push(PipelineReport::of_deployment(&sample::run(), &record).unwrap());
                }
            }
        }
    }
    reports
}

#[test]
fn a_report_names_only_verbs_and_options_of_the_one_list() {
    let mut seen = std::collections::BTreeSet::new();
    for report in every_report() {
        for command in commands(&report) {
            let typed = command.strip_prefix("tagboat ").unwrap();
            let mut words = typed.split(' ');
            let word = words.next().unwrap();
            let verb = Verb::ALL.into_iter().find(|verb| verb.word() == word).unwrap();
            seen.insert(word.to_owned());
            for option in words.filter(|word| word.starts_with('-')) {
                assert!(verb.options().contains(&option), "{command}");
            }
        }
    }
    assert_eq!(seen.len(), Verb::ALL.len(), "a verb is listed that no report names: {seen:?}");
}

#[test]
fn every_report_ends_with_the_way_to_see_what_runs_where() {
    for report in every_report() {
        let last = *commands(&report).last().unwrap();
        assert!(last.starts_with("tagboat status"), "{last}");
        for link in &report.action_links {
            let length = link.label.as_str().chars().count();
            assert!((Label::LEAST..=Label::MOST).contains(&length));
        }
    }
}

#[test]
fn a_success_in_staging_leads_to_production() {
    let report = sample::first_deployment();
    assert_eq!(
        commands(&report),
        [
            "tagboat deploy api/v1.4.0 --env production",
            "tagboat mark stable api/v1.4.0",
            "tagboat logs api --env staging",
            "tagboat status api",
        ]
    );
    assert!(report.action_links.iter().all(|link| link.category != Category::Rollback));
}

#[test]
fn a_roll_back_is_offered_only_where_a_lower_version_ran() {
    let offers = |previous: Option<&str>| {
        let ending = Ending::Succeeded;
        let deployment = sample::ended(sample::head("v1.4.0", previous, "production"), &ending);
        let record = DeploymentRun {
            attempt: Attempt::Deploy,
            deployment: &deployment,
            deployments: &[],
            regions: &[],
            ending: &ending,
            sequence: Some(1),
            holds: &[],
            not_recorded: None,
            steps: Vec::new(),
            journal: Vec::new(),
            warnings: Vec::new(),
            reason: None,
            override_reason: None,
            next_environment: None,
        };
        let report = PipelineReport::of_deployment(&sample::run(), &record).unwrap();
        commands(&report).contains(&"tagboat rollback . --env production")
    };
    assert!(offers(Some("v1.3.9")));
    assert!(!offers(Some("v1.4.0")), "a repair");
    assert!(!offers(None), "the first deployment");
}

#[test]
fn a_sick_version_s_report_says_what_holds_and_how_to_lift_it() {
    let report = sample::sick_and_rolled_back();
    assert_eq!(
        commands(&report),
        [
            "tagboat logs api --env production",
            "tagboat deploy api/vX.Y.Z --env production",
            "tagboat deploy api/v1.4.0 --env production --lift-hold REASON",
            "tagboat history api --env production",
            "tagboat status api",
        ]
    );
}

#[test]
fn a_host_that_is_stuck_is_repaired_with_the_version_before() {
    let report = sample::stuck_on_one_host();
    assert_eq!(report.status, ReportStatus::Failure);
    assert!(commands(&report).contains(&"tagboat deploy api/v1.3.2 --env production"));
}

#[test]
fn a_lost_race_leads_to_who_won() {
    assert_eq!(
        commands(&sample::lost_race()),
        ["tagboat history api --env production", "tagboat status api"]
    );
}

#[test]
fn a_deployment_that_is_not_in_the_ledger_is_no_success() {
    let ending = Ending::Succeeded;
    let head = sample::head("api/v1.4.0", Some("api/v1.3.2"), "production");
    let deployment = sample::ended(head, &ending);
    let problem = Diagnostic::new(
        "deploy::not-recorded",
        Exit::NeedsPerson,
        "what the hosts run now is not in the ledger of api/production",
        World::Now("the hosts are as the steps say".to_owned()),
    );
    let record = DeploymentRun {
        attempt: Attempt::Rollback,
        deployment: &deployment,
        deployments: &[],
        regions: &[],
        ending: &ending,
        sequence: None,
        holds: &[],
        not_recorded: Some(&problem),
        steps: Vec::new(),
        journal: Vec::new(),
        warnings: Vec::new(),
        reason: None,
        override_reason: None,
        next_environment: None,
    };
    let report = PipelineReport::of_deployment(&sample::run(), &record).unwrap();
    assert_eq!(report.status, ReportStatus::Failure);
    assert!(report.headline.ends_with("; the ledger does not say so"), "{}", report.headline);
    assert_eq!(commands(&report)[0], "tagboat rollback api --env production --to v1.4.0");
}

#[test]
fn an_interruption_in_time_is_a_cancelled_run() {
    let error = Diagnostic::unchanged("run::interrupted", Exit::Interrupted, "stopped", "nothing");
    let report = PipelineReport::of_refusal(&sample::run(), None, &error);
    assert_eq!(report.status, ReportStatus::Cancelled);
}

#[test]
fn a_report_reads_back_as_it_was_written() {
    for report in every_report() {
        let text = crate::render::json(&report).unwrap();
        assert_eq!(serde_json::from_str::<PipelineReport>(&text).unwrap(), report);
    }
}

#[test]
fn the_public_fields_alone_are_a_report() {
    let text = r#"{
        "workflow_run_id": "1234567890", "workflow_name": "Pre-Release Pipeline",
        "status": "success", "version": null,
        "action_links": [{"label": "Promote to Release", "url": null, "description": null,
            "icon": "rocket", "category": "release", "command": "tagboat status"}],
        "generated_at": "2025-11-21T10:35:02Z"
    }"#;
    let report: PipelineReport = serde_json::from_str(text).unwrap();
    assert_eq!(report.status, ReportStatus::Success);
    let without = text.replace("success", "done");
    assert!(serde_json::from_str::<PipelineReport>(&without).is_err(), "an unknown status");
}

proptest! {
    #[test]
    fn any_report_reads_back(
        name in r"(\PC|\pC){0,20}",
        headline in r"(\PC|\pC|##\[){0,20}",
        seconds in 0_u32..1_000_000,
        lines in proptest::collection::vec(r"(\PC|\pC|::){0,20}", 0..4),
    ) {
        let steps = lines.iter().map(|line| ReportedStep {
            step: line.clone(), seconds: f64::from(seconds) / 8.0, result: line.clone(),
            region: Some(line.clone()),
        });
        let report = PipelineReport {
            workflow_name: name,
            headline,
            steps: steps.collect(),
            warnings: lines.clone(),
            journal: lines,
            ..sample::upgrade()
        };
        let text = crate::render::json(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<PipelineReport>(&text).unwrap(), report);
    }
}

/// A region as it fared, with the Deployment that ended in it.
fn region(name: &str, outcome: Terminal, stuck: &[&str]) -> Fared {
    let head = sample::head("api/v1.4.0", None, "production");
    Fared {
        region: Some(RegionName::parse(name).unwrap()),
        deployment_id: head.deployment_id,
        outcome,
        stuck: stuck.iter().map(|host| (sample::host(host), "no space".to_owned())).collect(),
    }
}

#[test]
fn a_report_tells_what_runs_in_each_region_and_shows_every_deployment() {
    let stuck = vec![(sample::host("web-2"), "no space".to_owned())];
    let ending = Ending::Stuck(sample::sick(), stuck);
    let regions = [
        region("us-east", Terminal::Failed, &["web-2"]),
        region("eu-west", Terminal::RolledBack, &[]),
        region("ap-south", Terminal::Cancelled, &[]),
    ];
    let told = |previous: Option<&str>| {
        let moving = sample::ended(sample::head("api/v1.4.0", previous, "production"), &ending);
        let deployments = [moving.clone(), moving.clone()];
        let record = DeploymentRun {
            regions: &regions,
            deployments: &deployments,
            ..sample::record(Attempt::Deploy, &moving, &ending)
        };
        PipelineReport::of_deployment(&sample::run(), &record).unwrap()
    };
    let of_regions = |report: &PipelineReport| -> Vec<String> {
        let regions = report.facts.iter().filter(|fact| fact.label == "region");
        regions.map(|fact| fact.text.clone()).collect()
    };
    let report = told(Some("api/v1.3.2"));
    assert_eq!(
        of_regions(&report),
        [
            "us-east: runs api/v1.3.2, but not for certain on web-2",
            "eu-west: runs api/v1.3.2 again",
            "ap-south: was not begun and runs api/v1.3.2",
        ]
    );
    assert_eq!(report.headline, "api/v1.4.0 failed in production and is not undone on web-2");
    assert_eq!(report.deployments.len(), 2);
    assert_eq!(report.deployment.as_ref(), report.deployments.last());
    assert_eq!(
        of_regions(&told(None)),
        [
            "us-east: api/v1.4.0 may still be on web-2",
            "eu-west: runs no api again",
            "ap-south: was not begun and runs no api",
        ]
    );
}
