//! An environment with two regions of one host each: a Deployment a region, in the configured order, one version in both
//! in the end.

use serde_json::{Value, json};

use crate::stage::{App, GLOBE, WEB_1, WEB_2, stage};

const BOTH: [&str; 2] = [WEB_1, WEB_2];

/// `us-east v1.1.0 succeeded`, each Deployment in the order in which they ended.
fn deployments(report: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let tell = |deployment: &Value| {
        let version = word(&deployment["version"]["semver"]);
        format!("{} {version} {}", word(&deployment["region"]), word(&deployment["status"]))
    };
    report["deployments"].as_array().unwrap().iter().map(tell).collect()
}

/// What the newest record says of each region.
fn recorded(app: &App) -> Value {
    let regions = app.records(GLOBE)[0]["regions"].clone();
    let told = regions.as_array().unwrap().iter();
    told.map(|region| json!([region["region"], region["outcome"]])).collect()
}

#[test]
fn regions_are_deployed_in_their_order_and_a_sick_one_takes_all_back() {
    let Some(stage) = stage() else { return };
    let app = stage.app("yak");
    let first = app.deploy_with("1.0.0", GLOBE, &["--format", "json"]).expect(0).json();
    assert_eq!(deployments(&first), ["us-east v1.0.0 succeeded", "eu-west v1.0.0 succeeded"]);
    let moves = |index: usize| first["deployments"][index]["will_move_env_tag"].clone();
    assert_eq!((moves(0), moves(1)), (json!(false), json!(true)));
    app.assert_runs("1.0.0", GLOBE, &BOTH);
    let told = json!([["us-east", "succeeded"], ["eu-west", "succeeded"]]);
    assert_eq!(recorded(&app), told);

    let tag = app.tag("1.1.0");
    let plan = app.tagboat(&["plan", &tag, "--env", GLOBE]).expect(0);
    plan.saying(&["install on web-1 in us-east", "install on web-2 in eu-west"]);
    let plan = app.tagboat(&["plan", &tag, "--env", GLOBE, "--format", "json"]).expect(0).json();
    assert_eq!(plan["deployments"][1]["status"], "queued");
    assert_eq!(plan["deployments"][1]["queue_position"], 2);
    assert_eq!(plan["regions"][1]["region"], "eu-west");
    assert_eq!(plan["regions"][1]["hosts"], json!([WEB_2]));

    // Sick on web-2, which is in the second region.
    let sick = app.deploy_with("2.8.0", GLOBE, &["--format", "json"]).expect(5).json();
    assert_eq!(
        deployments(&sick),
        ["us-east v2.8.0 succeeded", "eu-west v2.8.0 rolled_back", "us-east v1.0.0 succeeded"]
    );
    app.assert_runs("1.0.0", GLOBE, &BOTH);
    let told = json!([["us-east", "rolled_back"], ["eu-west", "rolled_back"]]);
    assert_eq!((recorded(&app), app.records(GLOBE).len()), (told, 2));
    app.deploy("1.1.0", GLOBE).expect(0).saying(&["us-east: runs yak/v1.1.0"]);
    app.assert_runs("1.1.0", GLOBE, &BOTH);
}

#[test]
fn a_deployer_killed_or_interrupted_between_two_regions_leaves_no_two_versions() {
    let Some(stage) = stage() else { return };
    let app = stage.app("zebu");
    app.deploy("1.0.0", GLOBE).expect(0);
    let between = "install v1.1.0 on web-2 in eu-west";
    let mut process = app.start_deploy("1.1.0", GLOBE, &[]);
    assert!(process.begins(between), "{:?}", process.said());
    process.signal("-KILL");
    process.end().expect(-9);
    assert_eq!(app.installed(WEB_1), "installed 1.1.0", "the first region was through");
    app.deploy_with("1.1.0", GLOBE, &["--wait", "60"]).expect(0);
    app.assert_runs("1.1.0", GLOBE, &BOTH);

    let mut process = app.start_deploy("1.2.0", GLOBE, &[]);
    assert!(process.begins("install v1.2.0 on web-2 in eu-west"), "{:?}", process.said());
    process.signal("-INT");
    process.end().expect(5);
    app.assert_runs("1.1.0", GLOBE, &BOTH);
    let told = json!([["us-east", "rolled_back"], ["eu-west", "rolled_back"]]);
    assert_eq!(recorded(&app), told);
}
