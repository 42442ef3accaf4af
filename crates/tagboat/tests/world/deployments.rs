//! Deployments as they should go, versions that are sick, and the way back.

use serde_json::json;

use crate::stage::{WEB_1, WEB_2, stage};
use crate::user::wait_until;

#[test]
fn a_first_deployment_an_upgrade_and_a_repair() {
    let Some(stage) = stage() else { return };
    let app = stage.app("ant");
    app.deploy("1.0.0", "pair").expect(0);
    app.assert_runs("1.0.0", "pair", &[WEB_1, WEB_2]);
    app.deploy("1.1.0", "pair").expect(0).saying(&["ant/v1.1.0"]);
    app.assert_runs("1.1.0", "pair", &[WEB_1, WEB_2]);
    // The same version again puts right what someone broke by hand.
    assert!(app.on(WEB_2, &["systemctl", "stop", "ant"]).success());
    assert!(app.on(WEB_2, &["rm", "/usr/lib/ant/server.py"]).success());
    app.deploy("1.1.0", "pair").expect(0);
    app.assert_runs("1.1.0", "pair", &[WEB_1, WEB_2]);
    let records = app.records("pair");
    assert_eq!(records.len(), 3);
    assert_eq!(records[0]["previous_version"], "ant/v1.1.0");
    app.deploy("1.0.0", "pair")
        .expect(3)
        .saying(&["deploy::lower-version", "tagboat rollback ant"]);
    app.assert_runs("1.1.0", "pair", &[WEB_1, WEB_2]);
}

#[test]
fn a_sick_version_is_rolled_back_and_held_until_the_hold_is_lifted() {
    let Some(stage) = stage() else { return };
    let app = stage.app("bee");
    app.deploy("1.0.0", "two").expect(0);
    app.deploy("2.0.0", "two").expect(5).saying(&[
        // Why.
        "HTTP 503: \"database\" is down",
        // What runs now.
        "two runs bee/v1.0.0 again",
        // What the service said.
        "the database does not answer",
        // What to do next.
        "tagboat logs bee --env two",
        "tagboat deploy bee/v2.0.0 --env two --lift-hold REASON",
    ]);
    app.assert_runs("1.0.0", "two", &[WEB_2]);
    let records = app.records("two");
    assert_eq!((records.len(), &records[0]["outcome"]), (2, &json!("rolled_back")));
    assert_eq!(records[0]["holds"][0]["version"], "bee/v2.0.0");
    app.deploy("2.0.0", "two").expect(3).saying(&["deploy::held", "\"database\" is down"]);
    assert_eq!(app.records("two").len(), 2, "a refusal leaves no record");
    // Sick again: held again.
    app.deploy_with("2.0.0", "two", &["--lift-hold", "the database is mended"]).expect(5);
    app.deploy("2.0.0", "two").expect(3).saying(&["deploy::held"]);
    app.assert_runs("1.0.0", "two", &[WEB_2]);
}

#[test]
fn every_way_to_be_sick_ends_in_the_version_before() {
    let Some(stage) = stage() else { return };
    let ways = [
        ("cat", "2.1.0", "version \"1.0.0\" answers; 2.1.0 was expected"),
        ("cod", "2.2.0", "no whole answer within 2 s"),
        ("cow", "2.3.0", "its answer is larger than 64 KiB"),
        ("crab", "2.4.0", "nothing listens on port"),
        ("crow", "2.5.0", "nothing listens on port"),
        ("deer", "2.6.0", "post-installation script subprocess returned error exit status 1"),
        ("dog", "2.7.0", "it answered HTTP 302"),
    ];
    // At once, for most of it is waiting; and many projects share a host.
    std::thread::scope(|threads| {
        for (name, version, why) in ways {
            threads.spawn(move || {
                let app = stage.app(name);
                app.deploy("1.1.0", "one").expect(0);
                app.deploy(version, "one").expect(5).saying(&[why]);
                app.assert_runs("1.1.0", "one", &[WEB_1]);
            });
        }
    });
}

#[test]
fn an_asked_for_roll_back_goes_by_the_rule_or_to_the_named_version() {
    let Some(stage) = stage() else { return };
    let app = stage.app("dove");
    let back = |more: &[&str]| app.tagboat(&[&["rollback", "dove", "--env", "two"], more].concat());
    back(&[]).expect(3).saying(&["rollback::never-deployed"]);
    app.deploy("1.0.0", "two").expect(0);
    back(&[]).expect(3).saying(&["rollback::no-candidate"]);
    app.deploy("1.1.0", "two").expect(0);
    app.deploy("1.2.0", "two").expect(0);
    back(&["--to", "v1.3.0"]).expect(3);
    back(&["--to", "v1.0.0", "--reason", "too slow"]).expect(0);
    app.assert_runs("1.0.0", "two", &[WEB_2]);
    app.deploy("1.2.0", "two").expect(3).saying(&["deploy::held", "too slow"]);
    app.deploy("1.3.0", "two").expect(0);
    // The rule passes over 1.2.0, which is held; a plan says so before anybody asks.
    let plan = ["plan", "dove/v1.3.0", "--env", "two"];
    app.tagboat(&plan).expect(0).saying(&[
        "a roll-back today to dove/v1.1.0: the newest of 2 that may be gone back to",
        "not dove/v1.2.0: it is held: too slow",
    ]);
    let plan = app.tagboat(&[&plan[..], &["--format", "json"]].concat()).expect(0).json();
    let today = &plan["rollback"];
    assert_eq!(today["current_version"]["full_version"], "dove/v1.3.0");
    assert_eq!(today["target_version"]["full_version"], "dove/v1.1.0");
    assert_eq!(today["environment"], "two");
    assert_eq!(today["selection_criteria"]["prioritize_stable"], true);
    assert_eq!(today["candidate_versions"].as_array().map(Vec::len), Some(2));
    assert_eq!(plan["lost_way_back"], json!([]));
    back(&[]).expect(0).saying(&["dove/v1.1.0"]);
    app.assert_runs("1.1.0", "two", &[WEB_2]);
    let attempts: Vec<String> =
        app.records("two").iter().map(|r| r["attempt"].as_str().unwrap().to_owned()).collect();
    assert_eq!(attempts, ["rollback", "deploy", "rollback", "deploy", "deploy", "deploy"]);
}

#[test]
fn when_the_second_host_is_sick_both_go_back() {
    let Some(stage) = stage() else { return };
    let app = stage.app("duck");
    app.deploy("1.0.0", "pair").expect(0);
    app.deploy("2.8.0", "pair")
        .expect(5)
        .saying(&["health gate on web-2", "pair runs duck/v1.0.0 again"]);
    app.assert_runs("1.0.0", "pair", &[WEB_1, WEB_2]);
}

#[test]
fn a_first_deployment_that_fails_is_removed_and_leaves_no_tag() {
    let Some(stage) = stage() else { return };
    let app = stage.app("eel");
    for version in ["2.6.0", "2.4.0", "2.8.0"] {
        app.deploy(version, "pair")
            .expect(5)
            .saying(&["pair runs no eel: it is gone from every host"]);
        app.assert_gone("pair", &[WEB_1, WEB_2]);
    }
    app.deploy("1.0.0", "pair").expect(0);
    app.assert_runs("1.0.0", "pair", &[WEB_1, WEB_2]);
}

#[test]
fn a_neighbour_that_dpkg_cannot_configure_is_in_nobodys_way() {
    let Some(stage) = stage() else { return };
    let (app, neighbour) = (stage.app("elk"), stage.app("emu"));
    app.deploy("1.0.0", "two").expect(0);
    neighbour.deploy("1.0.0", "two").expect(0);
    // The host has the package now. Installed by hand, it breaks.
    neighbour.deploy("2.6.0", "two").expect(5);
    let words = "exec dpkg --install $(find /var/lib/tagboat/apt/pool -name emu_2.6.0_all.deb)";
    wait_until("a neighbour in pieces", || {
        // Somebody else may be installing.
        let installed = neighbour.on(WEB_2, &["sh", "-c", words]);
        assert!(!installed.success());
        neighbour.installed(WEB_2) == "half-configured 2.6.0"
    });
    app.deploy("1.1.0", "two").expect(0);
    app.assert_runs("1.1.0", "two", &[WEB_2]);
    let third = stage.app("wren");
    third.deploy("2.6.0", "two").expect(5).saying(&["two runs no wren"]);
    third.assert_gone("two", &[WEB_2]);
    neighbour.deploy("1.1.0", "two").expect(0);
    neighbour.assert_runs("1.1.0", "two", &[WEB_2]);
}

#[test]
fn plans_logs_and_reports_can_be_read_by_programs() {
    let Some(stage) = stage() else { return };
    let app = stage.app("fly");
    let json = ["--format", "json"];
    let words = |words: &[&str]| app.tagboat(&[words, &json].concat());
    let plan = words(&["plan", "fly/v1.0.0", "--env", "two"]).expect(0).json();
    assert_eq!(plan["hosts"], json!(["web-2"]));
    assert_eq!(plan["rollback"], json!(null));
    assert_eq!(app.tag_object("two"), None, "a plan changes nothing");
    let report = words(&["deploy", "fly/v1.0.0", "--env", "two"]).expect(0).json();
    assert!(report.is_object(), "{report}");
    let logs = words(&["logs", "fly", "--env", "two"]).expect(0);
    let lines: Vec<serde_json::Value> =
        logs.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["line"] == "begins as 1.0.0" && line["host"] == "web-2"));
    let failed = words(&["deploy", "fly/v2.6.0", "--env", "two"]).expect(5).json();
    assert!(failed.is_object(), "{failed}");
    let refused = words(&["deploy", "fly/v2.6.0", "--env", "two"]).expect(3).json();
    assert_eq!(refused["error"]["code"], "deploy::held");
    words(&["plan", "fly/v2.6.0", "--env", "two"]).expect(3);
    let lifted =
        words(&["plan", "fly/v2.6.0", "--env", "two", "--lift-hold", "mended"]).expect(0).json();
    assert_eq!(lifted["rollback"]["target_version"], json!(null));
    let dry = app.tagboat(&["deploy", "fly/v1.1.0", "--env", "two", "--dry-run"]).expect(0);
    let shown = app.tagboat(&["plan", "fly/v1.1.0", "--env", "two"]).expect(0);
    let steps = |text: &str| text.lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(steps(&dry.stdout), steps(&shown.stdout));
    app.assert_runs("1.0.0", "two", &[WEB_2]);
}
