//! Each rule is broken once, and nothing else is told; what is sound is told by none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::deployment::{DeploymentId, Terminal};
use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::ledger::{Attempt, History, Ledger, LedgerView, Record};
use tagboat_core::listing::{Listing, MovedTag, StateTag, TaggedVersion};
use tagboat_core::ports::TagObject;
use tagboat_core::tag::{EnvironmentName, EnvironmentTag, Environments, State};
use tagboat_core::tag_override::TagOverride;
use tagboat_core::version::{ProjectPath, Version};

use super::*;
use crate::value::VariableName;

fn id(digit: char) -> ObjectId {
    ObjectId::parse(&digit.to_string().repeat(40)).unwrap()
}

fn commit(digit: char) -> CommitSha {
    CommitSha::from(id(digit))
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn environment(name: &str) -> EnvironmentName {
    EnvironmentName::parse(name).unwrap()
}

fn staging() -> EnvironmentTag {
    EnvironmentTag::new(ProjectPath::parse("api").unwrap(), environment("staging"))
}

/// A repository in which everything holds: api/v1.0.0 at `1`, api/v1.1.0 at `2`, which runs in staging.
struct World {
    listing: Listing,
    environments: Environments,
    moved: Vec<MovedTag>,
    ledgers: BTreeMap<EnvironmentTag, Telling>,
    overrides: Vec<Recorded>,
    plain_secrets: Vec<(String, String)>,
    missing_variables: Vec<(EnvironmentTag, MissingVariable)>,
    given: Vec<Given>,
}

impl World {
    fn sound() -> Self {
        let tagged = |digit| TaggedVersion { object: id(digit), commit: commit(digit) };
        let versions = [(version("api/v1.0.0"), tagged('1')), (version("api/v1.1.0"), tagged('2'))];
        let states = BTreeMap::from([(version("api/v1.0.0"), State::Stable)]);
        let ledger = LedgerFacts {
            running: Some((version("api/v1.1.0"), commit('2'))),
            succeeded: BTreeSet::from([version("api/v1.0.0"), version("api/v1.1.0")]),
            attempts: BTreeMap::from([(
                DeploymentId::parse("deploy-20260101-000100-2222222").unwrap(),
                Terminal::Succeeded,
            )]),
            ..LedgerFacts::default()
        };
        let telling = Telling { object: id('a'), read: Ok(ledger) };
        let mark =
            StateTag { version: version("api/v1.0.0"), state: State::Stable, commit: commit('1') };
        Self {
            listing: Listing {
                versions: versions.into_iter().collect(),
                states,
                state_tags: vec![mark],
                ledgers: BTreeMap::from([(staging(), id('a'))]),
                ..Listing::default()
            },
            environments: Environments::new([environment("staging"), environment("qa")]),
            moved: vec![],
            ledgers: BTreeMap::from([(staging(), telling)]),
            overrides: vec![],
            plain_secrets: vec![],
            missing_variables: vec![],
            given: vec![],
        }
    }

    fn ledger(&mut self, change: impl FnOnce(&mut LedgerFacts)) {
        change(self.ledgers.get_mut(&staging()).unwrap().read.as_mut().unwrap());
    }

    fn give(&mut self, text: &str) {
        self.given.push(Given::read("given.json", text.as_bytes()));
    }

    fn told(&self) -> Vec<Diagnostic> {
        look(&Facts {
            listing: &self.listing,
            environments: &self.environments,
            moved: &self.moved,
            ledgers: &self.ledgers,
            overrides: &self.overrides,
            plain_secrets: &self.plain_secrets,
            missing_variables: &self.missing_variables,
            given: &self.given,
        })
    }
}

const VERSION: &str = r#"{"full_version":"api/v1.1.0","sub_project_path":"api","semver":"v1.1.0","major":1,"minor":1,"patch":0,"prerelease":null}"#;

fn deployment(change: impl Fn(String) -> String) -> String {
    change(format!(
        r#"{{
  "deployment_id": "deploy-20260101-000100-2222222", "version": {VERSION},
  "environment": "staging", "region": null, "commit_sha": "{}",
  "package": "api_1.1.0", "will_move_env_tag": true, "status": "succeeded",
  "queue_position": null, "estimated_wait_time": null,
  "started_at": "2026-01-01T00:01:00Z", "completed_at": "2026-01-01T00:01:30Z",
  "health_check_passed": true, "previous_version": null,
  "workflow_run_id": "local-deploy-20260101-000100-2222222", "triggered_by": "alice"
}}"#,
        "2".repeat(40)
    ))
}

const QUEUED: &str = r#"{"deployment_id":"deploy-20260101-000200-2222222","version":"api/v1.1.0","environment":"staging","commit_sha":"2222222222222222222222222222222222222222","will_move_env_tag":true,"status":"queued","queue_position":1,"workflow_run_id":"42"}"#;

fn queue(environment: &str) -> String {
    format!(
        r#"{{"environment":"{environment}","queue":[{QUEUED}],"current_deployment":null,"locked_at":null}}"#
    )
}

fn target(to: &str) -> String {
    format!(
        r#"{{"current_version":{VERSION},"target_version":"{to}","environment":"staging",
"selection_criteria":{{"prioritize_stable":true,"exclude_deprecated":true,"exclude_unstable":false}},
"candidate_versions":[{{"sub_project_path":"api","semver":"v1.0.0"}}],"rejected_versions":[]}}"#
    )
}

const TASK: &str = r#"{"task_id":"maint-20260101-000000-cleanup","task_type":"cleanup","status":"succeeded","started_at":"2026-01-01T00:00:00Z","completed_at":"2026-01-01T00:01:00Z","workflow_run_id":"42"}"#;

const LINK: &str = r#"{"label":"Roll back staging","url":"https://github.com/o/n/actions/workflows/rollback.yml","description":null,"icon":null,"category":"rollback","command":"tagboat rollback api --env staging"}"#;

fn report(links: &str) -> String {
    format!(
        r#"{{"workflow_run_id":"42","workflow_name":"deploy","status":"success","version":null,"action_links":[{links}],"generated_at":"2026-01-01T00:01:35Z"}}"#
    )
}

const ENVIRONMENT: &str = r#"{"name":"production","config_path":"environments/production","regions":[{"name":"eu-west","config_path":"environments/production/regions/eu-west","cloud_mappings":{"aws":"eu-west-1"}}],"secrets_file":"environments/production/secrets.enc","is_production":true,"requires_approval":true}"#;

fn tag_record(movable: bool) -> String {
    format!(
        r#"{{"tag_name":"api/v1.1.0","tag_type":"version","sub_project_path":"api","version":{VERSION},"environment":null,"state":null,"commit_sha":"{}","is_movable":{movable},"created_at":"2026-01-01T00:00:00Z","updated_at":null}}"#,
        "2".repeat(40)
    )
}

fn token() -> MissingVariable {
    MissingVariable {
        name: VariableName::parse("API_TOKEN").unwrap(),
        region: None,
        file: "environments/staging/secrets.enc".to_owned(),
        hidden: false,
    }
}

#[test]
fn a_variable_is_only_missed_for_certain_where_the_project_runs() {
    let mut world = broken("check::required-variable");
    let qa = EnvironmentTag::new(staging().path, environment("qa"));
    world.missing_variables.push((qa, MissingVariable { hidden: true, ..token() }));
    let [runs, never] = &world.told()[..] else { panic!("two findings") };
    assert_eq!((runs.exit, never.exit), (Exit::Judged, Exit::Done));
    assert_eq!(runs.message, "staging lacks API_TOKEN, which api requires");
    assert!(never.help.as_ref().unwrap().contains("binary form"), "{never:?}");
}

/// How each rule is broken, and nothing else.
fn broken(code: &str) -> World {
    let mut world = World::sound();
    match code {
        "check::secret-encryption" => {
            world.plain_secrets.push(("environments/qa/secrets.enc".into(), "no mark".into()));
        }
        "check::required-variable" => world.missing_variables.push((staging(), token())),
        "config::name-clash" => {
            world.listing.legacy.push((version("api/v2.0.0"), environment("qa")));
        }
        "check::project-name" => {
            let tagged = TaggedVersion { object: id('3'), commit: commit('3') };
            world.listing.versions.insert(version("staging/v1.0.0"), tagged);
        }
        "check::tag-environment" => {
            world.listing.legacy.push((version("api/v2.0.0"), environment("canary")));
        }
        "check::version-moved" => world.moved.push(MovedTag {
            name: "refs/tags/api/v1.0.0".into(),
            ours: id('1'),
            theirs: id('2'),
        }),
        "check::state-tag" => world.listing.state_tags[0].commit = commit('2'),
        "check::protected-tag" => {
            let read = Err(NoLedger::Lightweight(commit('2')));
            world.ledgers.insert(staging(), Telling { object: id('2'), read });
        }
        "check::deployment-tag" => {
            world.ledger(|l| l.running = Some((version("api/v1.1.0"), commit('9'))))
        }
        "check::rollback-history" => world.ledger(|ledger| {
            let (from, to) = (Some(version("api/v1.1.0")), version("api/v1.0.0"));
            ledger.rolled.push(Rolled { sequence: 3, from, to, ran_before: false });
        }),
        "check::admin-override" => {
            world.overrides.push(("refs/tagboat/overrides/x".into(), Err(id('b'))))
        }
        "check::record-form" => world.give(r#"{"colour": "red"}"#),
        "check::version-record" => world.give(&tag_record(true)),
        "check::environment-record" => world.give(&ENVIRONMENT.replace("eu-west\"", "west\"")),
        "check::deployment-record" => {
            world.give(&deployment(|text| text.replace("\"2026-01-01T00:01:30Z\"", "null")));
        }
        "check::queue-environment" => world.give(&queue("qa")),
        "check::rollback-target" => world.give(&target("api/v1.2.0")),
        "check::maintenance-record" => world.give(&TASK.replace("succeeded", "pending")),
        "check::report-workflow" => world.give(&report("")),
        "check::action-link" => world.give(&report(&LINK.replace("Roll back staging", "Go"))),
        other => panic!("no test breaks the rule {other}"),
    }
    world
}

/// What must hold, written down a second time: a rule that is taken out is missed.
const EVERY: [&str; 20] = [
    "check::secret-encryption",
    "check::required-variable",
    "config::name-clash",
    "check::project-name",
    "check::tag-environment",
    "check::version-moved",
    "check::state-tag",
    "check::protected-tag",
    "check::deployment-tag",
    "check::rollback-history",
    "check::admin-override",
    "check::record-form",
    "check::version-record",
    "check::environment-record",
    "check::deployment-record",
    "check::queue-environment",
    "check::rollback-target",
    "check::maintenance-record",
    "check::report-workflow",
    "check::action-link",
];

#[test]
fn each_rule_is_told_where_it_is_broken_and_no_other() {
    for code in EVERY {
        let told = broken(code).told();
        let codes: BTreeSet<&str> = told.iter().map(|told| told.code).collect();
        assert_eq!(codes, BTreeSet::from([code]), "{told:#?}");
        assert!(told.iter().any(|told| told.exit != Exit::Done), "{code}");
    }
    assert_eq!(RULES.map(|rule| rule.code), EVERY);
}

#[test]
fn what_is_sound_is_told_by_no_rule() {
    let mut world = World::sound();
    let all = [
        VERSION.to_owned(),
        tag_record(false),
        ENVIRONMENT.to_owned(),
        deployment(|text| text),
        queue("staging"),
        target("api/v1.0.0"),
        TASK.to_owned(),
        report(LINK),
        LINK.to_owned(),
    ];
    world.give(&format!("[{}]", all.join(",\n")));
    assert_eq!(world.told(), []);
}

#[test]
fn every_rule_has_its_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    let mut codes = BTreeSet::new();
    for rule in RULES {
        let page = folder.join(format!("{}.md", rule.code.replace("::", "/")));
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.starts_with(&format!("# {}\n", rule.code)), "{}", page.display());
        assert!(codes.insert(rule.code), "{} is there twice", rule.code);
        assert!(!rule.says.is_empty() && !rule.says.ends_with('.'));
    }
}

#[test]
fn a_finding_in_a_record_shows_its_line() {
    let world = broken("check::deployment-record");
    let [told] = &world.told()[..] else { panic!("one mistake, one finding") };
    let place = told.place.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.line), ("given.json", 6), "{place:?}");
    assert!(place.text.lines().nth(place.line - 1).is_some());
}

#[test]
fn an_overridden_move_is_told_as_an_override_and_not_as_tampering() {
    let mut world = broken("check::version-moved");
    let change = |to| TagOverride {
        name: "refs/tags/api/v1.0.0".into(),
        old: Some(id('1')),
        new: Some(id(to)),
        reason: "leaked a key".into(),
        by: "Jo <jo@example.org>".into(),
        at: Timestamp::UNIX_EPOCH,
    };
    world.overrides.push(("refs/tagboat/overrides/x".into(), Ok(vec![change('2')])));
    let told = world.told();
    assert_eq!((told.len(), told[0].code, told[0].exit), (1, "check::admin-override", Exit::Done));
    assert!(told[0].message.contains("leaked a key"), "{told:?}");
    // Another move than the one that was recorded is one.
    world.overrides = vec![("refs/tagboat/overrides/x".into(), Ok(vec![change('3')]))];
    let codes: Vec<&str> = world.told().iter().map(|told| told.code).collect();
    assert_eq!(codes, ["check::version-moved", "check::admin-override"]);
}

/// An override of api/v1.0.0, which a ledger tells of, as far as it says what the tag holds now.
fn overriding(world: &mut World, new: Option<ObjectId>) {
    let change = TagOverride {
        name: "refs/tags/api/v1.0.0".into(),
        old: Some(id('1')),
        new,
        reason: "leaked a key".into(),
        by: "Jo <jo@example.org>".into(),
        at: Timestamp::UNIX_EPOCH,
    };
    world.overrides = vec![("refs/tagboat/overrides/x".into(), Ok(vec![change]))];
}

fn is_told_as_moved(world: &World) -> bool {
    world.told().iter().any(|told| told.code == "check::version-moved")
}

#[test]
fn an_override_excuses_a_version_that_leads_elsewhere_only_where_it_tells_of_that_object() {
    let mut world = World::sound();
    world.ledger(|ledger| {
        ledger.elsewhere.insert(version("api/v1.0.0"), (commit('9'), commit('1')));
    });
    assert!(is_told_as_moved(&world));
    // The tag's own object, not the commit behind it; and nothing of before or of a deletion.
    let tagged = TaggedVersion { object: id('c'), commit: commit('1') };
    world.listing.versions.insert(version("api/v1.0.0"), tagged);
    for (new, excused) in
        [(Some(id('c')), true), (Some(id('1')), false), (Some(id('9')), false), (None, false)]
    {
        overriding(&mut world, new.clone());
        assert_eq!(is_told_as_moved(&world), !excused, "{new:?}");
    }
}

#[test]
fn an_override_excuses_a_version_that_is_gone_only_where_it_tells_of_its_deletion() {
    let mut world = World::sound();
    let tagged = TaggedVersion { object: id('2'), commit: commit('2') };
    world.listing.versions = [(version("api/v1.1.0"), tagged)].into_iter().collect();
    world.listing.states.clear();
    world.listing.state_tags.clear();
    world.ledger(|ledger| {
        ledger.untagged.insert(version("api/v1.0.0"));
    });
    assert!(is_told_as_moved(&world));
    overriding(&mut world, Some(id('2')));
    assert!(is_told_as_moved(&world));
    overriding(&mut world, None);
    assert!(!is_told_as_moved(&world));
}

#[test]
fn fields_that_the_state_of_a_record_excludes_are_each_told() {
    let told = |text: &str| {
        let mut world = World::sound();
        world.give(text);
        world.told()
    };
    type Change = fn(String) -> String;
    let changes: [Change; 11] = [
        |t| t.replace("deploy-20260101-000100-2222222\", \"version", "deploy-1\", \"version"),
        |t| t.replace("succeeded", "done"),
        |t| t.replace("\"queue_position\": null", "\"queue_position\": 1"),
        |t| t.replace("\"2026-01-01T00:01:00Z\"", "null"),
        |t| t.replace("succeeded", "in_progress"),
        |t| t.replace("local-deploy", "local"),
        |t| t.replace(&"2".repeat(40), &"3".repeat(40)),
        |t| t.replace(&"2".repeat(40), "HEAD"),
        |t| t.replace("v1.1.0", "1.1.0"),
        |t| t.replace("000100", "000199"),
        |t| format!("[{t},{t}]"),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let told = told(&deployment(change));
        assert!(
            told.iter().any(|told| told.code == "check::deployment-record"),
            "{index}: {told:?}"
        );
    }
    for (text, code) in [
        (VERSION.replace("\"minor\":1", "\"minor\":2"), "check::version-record"),
        (VERSION.replace("api/v1.1.0", "v1.1.0"), "check::version-record"),
        (VERSION.replace("\"prerelease\":null", "\"prerelease\":\"rc.1\""), "check::version-record"),
        (VERSION.replace("\"sub_project_path\":\"api\"", "\"sub_project_path\":\"/api\""), "check::version-record"),
        (tag_record(false).replace("\"version\",\"sub", "\"state\",\"sub"), "check::version-record"),
        (tag_record(false).replace("\"updated_at\":null", "\"updated_at\":\"2026-01-01T00:00:00Z\""), "check::version-record"),
        (tag_record(false).replace(&"2".repeat(40), &"1".repeat(40)), "check::version-record"),
        (ENVIRONMENT.replace("\"is_production\":true", "\"is_production\":false"), "check::environment-record"),
        (ENVIRONMENT.replace("environments/production\"", "../production\""), "check::environment-record"),
        (ENVIRONMENT.replace("{\"aws\":\"eu-west-1\"}", "{}"), "check::environment-record"),
        (queue("staging").replace("\"status\":\"queued\"", "\"status\":\"succeeded\""), "check::queue-environment"),
        (queue("staging").replace("\"locked_at\":null", "\"locked_at\":\"2026-01-01T00:00:00Z\""), "check::queue-environment"),
        (queue("nowhere"), "check::queue-environment"),
        (target("api/v1.0.0").replace("\"candidate_versions\":[", "\"candidate_versions\":[],\"others\":["), "check::rollback-target"),
        (target("api/v1.0.0").replace("\"rejected_versions\":[]", "\"rejected_versions\":[{\"sub_project_path\":\"api\",\"semver\":\"v1.0.0\",\"reason\":\"x\"}]"), "check::rollback-target"),
        (TASK.replace("-cleanup", "-tidy"), "check::maintenance-record"),
        (format!("[{TASK},{TASK}]"), "check::maintenance-record"),
        (report(LINK).replace("success", "running"), "check::report-workflow"),
        (report(&LINK.replace("https://github.com", "http://github.com")), "check::action-link"),
        (LINK.replace("\"category\":\"rollback\"", "\"category\":\"state\""), "check::action-link"),
        ("[".to_owned(), "check::record-form"),
        (String::new(), "check::record-form"),
        ("{}".to_owned(), "check::record-form"),
    ] {
        let told = told(&text);
        assert!(told.iter().any(|told| told.code == code && told.exit == Exit::Judged), "{text}: {told:?}");
    }
}

#[test]
fn a_report_is_made_within_ten_seconds_of_the_end_of_its_deployment() {
    for (made, late) in [("00:01:40", false), ("00:01:41", true), ("00:01:29", true)] {
        let mut world = World::sound();
        let report = report(LINK)
            .replace("00:01:35", made)
            .replace("\"42\"", "\"local-deploy-20260101-000100-2222222\"")
            .replace("\"version\":null", &format!("\"deployment\":{}", deployment(|text| text)));
        world.give(&report);
        let found = world.told().iter().any(|told| told.code == "check::report-workflow");
        assert_eq!(found, late, "{made}: {:?}", world.told());
    }
}

#[test]
fn a_report_of_regions_is_judged_by_the_deployment_that_ended_last() {
    // The second region was cancelled at once, and the first undone 20 s later.
    let cancelled =
        deployment(|text| text.replace("succeeded", "cancelled").replace("00:01:30Z", "00:01:10Z"));
    let undone = deployment(|text| {
        let last = text.replace("\"will_move_env_tag\": true", "\"will_move_env_tag\": false");
        last.replace("000100-2222222\", \"version", "000100-2222222-3\", \"version")
    });
    let told = |deployments: &str| {
        let mut world = World::sound();
        let all = format!("\"deployment\":{cancelled},\"deployments\":[{deployments}]");
        world.give(
            &report(LINK)
                .replace("\"42\"", "\"local-deploy-20260101-000100-2222222\"")
                .replace("\"version\":null", &all),
        );
        world.told()
    };
    assert_eq!(told(&format!("{cancelled},{undone}")), []);
    let goes_on = undone.replace("succeeded", "in_progress");
    let codes: Vec<&str> = told(&goes_on).iter().map(|told| told.code).collect();
    assert!(codes.contains(&"check::report-workflow"), "{codes:?}");
    assert!(codes.contains(&"check::deployment-record"), "{codes:?}");
}

#[test]
fn a_ledger_remembers_what_ran_and_where_its_tag_was() {
    let record = |sequence: u64, attempt, to: &str, from: Option<&str>, digit| Record {
        sequence,
        attempt,
        version: version(to),
        commit: commit(digit),
        previous_version: from.map(version),
        previous_commit: from.map(|_| commit('0')),
        outcome: Terminal::Succeeded,
        started_at: Timestamp::UNIX_EPOCH,
        completed_at: Timestamp::UNIX_EPOCH,
        triggered_by: "alice".into(),
        deployment_id: DeploymentId::new(Timestamp::UNIX_EPOCH, &commit(digit), |_| false),
        workflow_run_id: "1".into(),
        regions: vec![],
        holds: vec![],
        override_reason: None,
    };
    let first = record(1, Attempt::Deploy, "api/v1.0.0", None, '7');
    let mut ledger = Ledger::first(staging(), first).unwrap();
    for next in [
        record(2, Attempt::Deploy, "api/v1.1.0", Some("api/v1.0.0"), '2'),
        record(3, Attempt::Rollback, "api/v1.0.0", Some("api/v1.1.0"), '7'),
        record(4, Attempt::Deploy, "api/v1.1.0", Some("api/v1.0.0"), '2'),
        record(5, Attempt::Rollback, "api/v0.9.0", Some("api/v1.1.0"), '8'),
        record(6, Attempt::Rollback, "api/v1.1.0", Some("api/v0.9.0"), '2'),
    ] {
        ledger = ledger.append(next).unwrap().ledger;
    }
    let object = TagObject {
        id: id('a'),
        object: ledger.commit().unwrap().object().clone(),
        name: staging().to_string(),
        tagger: String::new(),
        time: Timestamp::UNIX_EPOCH,
        message: ledger.message(),
        signature: None,
    };
    let tag = staging();
    let view = LedgerView::read(&tag, &object).unwrap();
    let facts = LedgerFacts::of(&view, &World::sound().listing);
    let history = History::read(ledger, &[]).unwrap();
    assert_eq!(LedgerFacts::of_history(&history, &World::sound().listing), facts);
    assert_eq!(facts.running, Some((version("api/v1.1.0"), commit('2'))));
    assert_eq!(facts.untagged, BTreeSet::from([version("api/v0.9.0")]));
    let moved = BTreeMap::from([(version("api/v1.0.0"), (commit('7'), commit('1')))]);
    assert_eq!(facts.elsewhere, moved);
    let rolled: Vec<(u64, bool)> =
        facts.rolled.iter().map(|r| (r.sequence, r.ran_before)).collect();
    assert_eq!(rolled, [(5, false), (6, true)]);
    assert!(!facts.needs_pages());
}

#[test]
fn a_file_of_many_bad_records_is_told_at_once_and_cut() {
    let many = vec!["{\"label\":\"x\"}"; 20_000].join(",");
    let mut world = World::sound();
    world.give(&format!("[{many}]"));
    let told = world.told();
    assert_eq!(told.len(), MAX_TOLD);
    let held: usize =
        told.iter().filter_map(|told| told.place.as_ref()).map(|place| place.text.len()).sum();
    assert!(held <= MAX_TOLD * (many.len() + 2), "{held}");
    for hostile in ["[".repeat(100_000), format!("\"{}\"", "x".repeat(MAX_BYTES))] {
        let mut world = World::sound();
        world.give(&hostile);
        let codes: Vec<&str> = world.told().iter().map(|told| told.code).collect();
        assert_eq!(codes, ["check::record-form"]);
    }
}

#[test]
fn secrets_that_no_environment_names_are_looked_at_too() {
    let files = BTreeMap::from([
        ("environments/qa/secrets.enc".to_owned(), b"TOKEN: hunter2\n".to_vec()),
        ("environments/qa/regions/eu-west/secrets.enc".to_owned(), b"TOKEN: hunter2\n".to_vec()),
        ("environments/staging/secrets.enc".to_owned(), crate::tests::support::SECRETS.into()),
        ("other/secrets.enc".to_owned(), b"TOKEN: hunter2\n".to_vec()),
    ]);
    let files = crate::Files::Listed(files);
    let found = plain_secrets(&files, &["environments/qa/secrets.enc"]);
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["environments/qa/regions/eu-west/secrets.enc"]);
    assert!(!format!("{found:?}").contains("hunter2"));
    assert_eq!(plain_secrets(&files, &[]).len(), 2);
}

#[test]
fn a_flood_of_findings_is_cut_and_counted() {
    let mut world = World::sound();
    for number in 0..60 {
        let name = version(&format!("api/v3.{number}.0"));
        world.listing.legacy.push((name, environment("canary")));
    }
    let told = world.told();
    assert_eq!(told.len(), MAX_TOLD);
    let last = told.last().unwrap();
    assert!(last.facts.contains(&("others", "10 more of this kind are not shown".to_owned())));
}
