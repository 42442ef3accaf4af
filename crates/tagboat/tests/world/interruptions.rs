//! Deployments that are cut off: killed, interrupted, without a network, without power. Running the same command
//! again finishes them or takes them back.

use crate::rounds;
use crate::stage::{App, WEB_1, WEB_3, stage};
use crate::user::Process;

/// Kills a deployer at the beginning of a step, or some time into it; `false` where it never got there.
fn kill_at(app: &App, version: &str, environment: &str, step: &str, after_ms: usize) -> Process {
    let mut process = app.start_deploy(version, environment, &[]);
    assert!(process.begins(step), "{step}: {:?}", process.said());
    let pause = u64::try_from(after_ms).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(pause));
    process.signal("-KILL");
    process
}

/// How long into a step it is killed: at once, and in the full run also later.
fn moments() -> Vec<usize> {
    [0, 300, 900][..rounds(1, 3)].to_vec()
}

fn kill_everywhere_and_run_again(app: &App, steps: &[&str]) {
    app.deploy("1.0.0", "one").expect(0);
    let mut versions = ["1.1.0", "1.2.0", "1.2.1", "1.3.0"].iter();
    let mut version = "1.0.0";
    for moment in moments() {
        for step in steps {
            version = versions.next().unwrap_or(&version);
            // Some time into its last step it may be through.
            kill_at(app, version, "one", step, moment).end().expect_one_of(&[-9, 0]);
            let again = || app.deploy_with(version, "one", &["--wait", "60"]);
            let seen = again();
            // The push that was under way may outlive who began it: then that one was faster.
            let lost = seen.status == 3 && seen.stderr.contains("deploy::lost-race");
            (if lost { again() } else { seen }).expect(0);
            app.assert_runs(version, "one", &[WEB_1]);
        }
    }
}

#[test]
fn a_deployer_killed_before_it_changed_a_host_is_followed_by_one_that_finishes() {
    let Some(stage) = stage() else { return };
    kill_everywhere_and_run_again(
        &stage.app("mule"),
        &[
            "turn on web-1",
            "read refs/tags/mule/one again",
            "claim web-1",
            "bring packages to web-1",
        ],
    );
}

#[test]
fn a_deployer_killed_after_it_changed_a_host_is_followed_by_one_that_finishes() {
    let Some(stage) = stage() else { return };
    kill_everywhere_and_run_again(
        &stage.app("newt"),
        &["install", "health gate on web-1", "record"],
    );
}

#[test]
fn a_deployer_killed_on_the_way_back_is_followed_by_one_that_goes_back() {
    let Some(stage) = stage() else { return };
    let app = stage.app("owl");
    app.deploy("1.0.0", "one").expect(0);
    let steps = [
        "health gate on web-1",
        "put v1.0.0 back on web-1",
        "health gate on web-1 after the roll-back",
        "record",
    ];
    let mut versions = ["2.4.0", "2.4.1", "2.4.2", "2.4.3"].iter().cycle();
    for moment in moments() {
        for step in steps {
            let version = versions.next().unwrap();
            // From the second time on it is held.
            let lift: &[&str] = if moment > 0 { &["--lift-hold", "again"] } else { &[] };
            let mut process = app.start_deploy(version, "one", lift);
            assert!(process.begins(step), "{step}: {:?}", process.said());
            std::thread::sleep(std::time::Duration::from_millis(moment as u64));
            process.signal("-KILL");
            process.end().expect_one_of(&[-9, 5]);
            let run = || app.deploy_with(version, "one", &[&["--wait", "60"], lift].concat());
            let first = run();
            // The push that was under way may outlive who began it.
            let lost = first.status == 3 && first.stderr.contains("deploy::lost-race");
            let again = if lost { run() } else { first };
            // Killed after the record was pushed: it is held by now.
            let held = again.status == 3 && again.stderr.contains("deploy::held");
            if !held {
                again.expect(5);
            }
            app.assert_runs("1.0.0", "one", &[WEB_1]);
        }
    }
}

#[test]
fn a_first_deployment_killed_in_the_middle_is_finished_by_the_next_run() {
    let Some(stage) = stage() else { return };
    let app = stage.app("ox");
    app.pause_installations(WEB_1);
    let process = app.start_deploy("1.0.0", "one", &[]);
    app.wait_for_installation(WEB_1);
    process.signal("-KILL");
    process.end().expect(-9);
    assert_eq!(app.tag_object("one"), None);
    // The next one comes while the phase still runs, and waits for it.
    let mut next = app.start_deploy("1.1.0", "one", &[]);
    assert!(next.begins("claim web-1"));
    assert_eq!(app.installed(WEB_1), "half-configured 1.0.0");
    app.go_on(WEB_1);
    next.end().expect(0);
    app.assert_runs("1.1.0", "one", &[WEB_1]);
}

#[test]
fn ctrl_c_before_a_change_ends_it_and_after_one_takes_it_back() {
    let Some(stage) = stage() else { return };
    let app = stage.app("pig");
    app.deploy("1.0.0", "one").expect(0);
    let steps: [(&str, &[i32]); 7] = [
        ("turn on web-1", &[130]),
        ("read refs/tags/pig/one again", &[130]),
        ("claim web-1", &[130]),
        ("bring packages to web-1", &[130, 5]),
        ("install", &[5, 130]),
        ("health gate on web-1", &[5]),
        ("record", &[0]),
    ];
    for (step, expected) in steps {
        let mut process = app.start_deploy("1.1.0", "one", &[]);
        assert!(process.begins(step), "{step}: {:?}", process.said());
        process.signal("-INT");
        let seen = process.end();
        assert!(
            expected.contains(&seen.status),
            "{step}: {}\n{}\n{}",
            seen.status,
            seen.stdout,
            seen.stderr
        );
        let version = if seen.status == 0 { "1.1.0" } else { "1.0.0" };
        app.assert_runs(version, "one", &[WEB_1]);
    }
}

#[test]
fn ctrl_c_in_the_middle_of_an_installation_waits_for_it_and_goes_back() {
    let Some(stage) = stage() else { return };
    let app = stage.app("puma");
    app.deploy("1.0.0", "one").expect(0);
    app.pause_installations(WEB_1);
    let mut process = app.start_deploy("1.1.0", "one", &[]);
    app.wait_for_installation(WEB_1);
    process.signal("-INT");
    assert!(process.begins("put v1.0.0 back on web-1"));
    app.go_on(WEB_1);
    process.end().expect(5).saying(&["interrupted", "one runs puma/v1.0.0 again"]);
    app.assert_runs("1.0.0", "one", &[WEB_1]);
    // A person stopped it: that is no judgement on the version.
    app.deploy("1.1.0", "one").expect(0);
    app.assert_runs("1.1.0", "one", &[WEB_1]);
}

#[test]
fn a_network_cut_in_the_middle_of_an_installation_is_told_and_mended_by_the_next_run() {
    let Some(stage) = stage() else { return };
    let _alone = stage.alone();
    let app = stage.app("rat");
    app.deploy("1.0.0", "shaky").expect(0);
    app.pause_installations(WEB_3);
    let process = app.start_deploy("1.1.0", "shaky", &[]);
    app.wait_for_installation(WEB_3);
    let host = stage.host(WEB_3);
    host.cut_network();
    let seen = process.end();
    app.go_on(WEB_3);
    host.heal_network();
    seen.expect(6).saying(&["web-3", "cannot be reached", "shaky runs rat/v1.0.0"]);
    assert_eq!(app.installed(WEB_1), "installed 1.0.0");
    app.deploy_with("1.1.0", "shaky", &["--wait", "60", "--lift-hold", "the network is back"])
        .expect(0);
    app.assert_runs("1.1.0", "shaky", &[WEB_1, WEB_3]);
}

#[test]
fn a_short_cut_of_the_network_is_survived() {
    let Some(stage) = stage() else { return };
    let _alone = stage.alone();
    let app = stage.app("seal");
    app.deploy("1.0.0", "third").expect(0);
    app.pause_installations(WEB_3);
    let process = app.start_deploy("1.1.0", "third", &[]);
    app.wait_for_installation(WEB_3);
    let host = stage.host(WEB_3);
    host.cut_network();
    app.go_on(WEB_3);
    host.heal_network();
    process.end().expect(0);
    app.assert_runs("1.1.0", "third", &[WEB_3]);
}

#[test]
fn a_host_that_lost_its_power_during_an_installation_is_mended_by_the_next_run() {
    let Some(stage) = stage() else { return };
    let _alone = stage.alone();
    let app = stage.app("swan");
    app.deploy("1.0.0", "third").expect(0);
    app.pause_installations(WEB_3);
    let process = app.start_deploy("1.1.0", "third", &[]);
    app.wait_for_installation(WEB_3);
    process.signal("-KILL");
    process.end().expect(-9);
    stage.host(WEB_3).lose_power();
    stage.power_on(WEB_3);
    assert_eq!(app.installed(WEB_3), "half-configured 1.1.0");
    app.go_on(WEB_3);
    app.deploy("1.1.0", "third").expect(0);
    app.assert_runs("1.1.0", "third", &[WEB_3]);
    assert_eq!(app.on(WEB_3, &["dpkg", "--audit"]).text(), "");
}
