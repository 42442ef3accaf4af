//! Two people at one machine. The second waits, and is planned against what the first has made true.

use crate::stage::{WEB_2, stage};
use crate::user::wait_until;

#[test]
fn who_waits_in_the_queue_is_planned_when_the_turn_comes_and_keeps_its_id() {
    let Some(stage) = stage() else { return };
    let mut app = stage.app("vole");
    let state = stage.repo().folder().join("state-of-two");
    app.environment.push(("XDG_STATE_HOME", state.to_str().unwrap().to_owned()));
    app.deploy("1.0.0", "two").expect(0);
    app.pause_installations(WEB_2);
    let first = app.start_deploy("1.1.0", "two", &[]);
    app.wait_for_installation(WEB_2);
    let second = app.start_deploy("1.2.0", "two", &[]);
    let mut shown = serde_json::Value::Null;
    wait_until("two in the queue", || {
        let seen = app.tagboat(&["queue", "--env", "two", "--format", "json"]).expect(0).json();
        shown = seen["queues"][0].clone();
        shown["queue"].as_array().unwrap().len() == 1
    });
    assert_eq!(shown["current_deployment"]["version"]["semver"], "v1.1.0");
    assert_eq!(shown["current_deployment"]["status"], "in_progress");
    assert_eq!(shown["queue"][0]["version"]["semver"], "v1.2.0");
    assert!(shown["queue"][0]["estimated_wait_time"].is_u64(), "{shown}");
    let detached = app.deploy_with("1.3.0", "two", &["--detach"]).expect(0);
    let detached = detached.saying(&["vole/v1.3.0 goes on without this terminal: place 2, about"]);
    let log = detached.stdout.lines().find_map(|line| line.strip_prefix("log  ")).unwrap();
    app.go_on(WEB_2);
    first.end().expect(0);
    second.end().expect(0).saying(&["queue of two: the turn has come, after"]);
    let record = std::path::Path::new(log).with_extension("json");
    wait_until("the end of the detached one", || record.exists());
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains("vole/v1.3.0 runs in two"), "{said}");
    let records = app.records("two");
    for (record, before) in records.iter().zip(["v1.2.0", "v1.1.0", "v1.0.0"]) {
        assert_eq!(record["previous_version"], format!("vole/{before}"));
        assert_eq!(record["outcome"], "succeeded");
    }
    assert_eq!(records[1]["deployment_id"], shown["queue"][0]["deployment_id"]);
    assert_eq!(records[2]["deployment_id"], shown["current_deployment"]["deployment_id"]);
    app.assert_runs("1.3.0", "two", &[WEB_2]);
}
