//! Several deployers at once. Exactly one wins; the others are told who, and have changed nothing.

use std::sync::{Mutex, PoisonError};

use crate::round::{ClosedGate, Looking, Race, Way};
use crate::stage::{App, COURSES, Course, Stage, WEB_2, WEB_3, stage};
use crate::{is_full, rounds};

/// A round after which nobody has deployed it; the same commit; different commits; the same version again; and more.
const ROUNDS: [&[&str]; 5] = [
    &["1.0.0"],
    &["1.2.0", "1.2.1"],
    &["1.2.1", "1.3.0"],
    &["1.3.0"],
    &["1.3.0", "2.8.0", "2.9.0"],
];

/// One round at a time, but where `TAGBOAT_FULL` is set: 96 deployers at once are much for a machine with other things to
/// do, and show nothing that 32 do not.
static ONE: Mutex<()> = Mutex::new(());

/// In one of so many rounds every file is looked at.
const LOOKS: usize = 5;

/// How many rounds go through files, ssh and http, and how many in a full run. A round costs 12 s of CPU (measured: 6.6 s of
/// deployers, 5.7 s of their host), so those 400 take two cores some 45 minutes; `TAGBOAT_RACES="30 5 5"` runs so many
/// instead.
const COUNTS: [(usize, usize); 3] = [(3, 300), (2, 50), (2, 50)];

fn count(way: &Way) -> usize {
    let place = match way {
        Way::File => 0,
        Way::Ssh(_) => 1,
        Way::Http(_) => 2,
    };
    match std::env::var("TAGBOAT_RACES") {
        Ok(counts) => counts.split_whitespace().nth(place).unwrap().parse().unwrap(),
        Err(_) => rounds(COUNTS[place].0, COUNTS[place].1),
    }
}

fn of_32_deployers_exactly_one_wins(
    stage: &'static Stage,
    name: &'static str,
    way: &Way,
    course: Course,
) {
    let race = Race::between_strangers(stage, name, way, course);
    for number in 0..count(way) {
        let (versions, cycle) = (ROUNDS[number % ROUNDS.len()], number / ROUNDS.len());
        let _one = (!is_full()).then(|| ONE.lock().unwrap_or_else(PoisonError::into_inner));
        if number > 0 && number % ROUNDS.len() == 0 {
            race.forget();
        }
        // Each kind of round has its turn.
        let looks = number % LOOKS == (cycle + 1) % LOOKS;
        race.round(number, versions, if looks { Looking::Files } else { Looking::Runs });
    }
}

#[test]
fn of_32_deployers_through_files_exactly_one_wins_each_round() {
    let Some(stage) = stage() else { return };
    of_32_deployers_exactly_one_wins(stage, "hawk", &Way::File, COURSES[0]);
}

#[test]
fn of_32_deployers_through_ssh_exactly_one_wins_each_round() {
    let Some(stage) = stage() else { return };
    let Some(way) = Way::ssh() else { return };
    of_32_deployers_exactly_one_wins(stage, "orca", &way, COURSES[1]);
}

#[test]
fn of_32_deployers_through_http_exactly_one_wins_each_round() {
    let Some(stage) = stage() else { return };
    let Some(way) = Way::http(stage) else { return };
    of_32_deployers_exactly_one_wins(stage, "pike", &way, COURSES[2]);
}

#[test]
fn two_projects_on_one_host_do_not_race() {
    let Some(stage) = stage() else { return };
    let names = ["hen", "ibis", "jay", "kiwi", "lark", "lion"];
    std::thread::scope(|threads| {
        for name in names {
            threads.spawn(move || {
                let app = stage.app(name);
                app.deploy("1.0.0", "two").expect(0);
                app.deploy("1.1.0", "two").expect(0);
                app.assert_runs("1.1.0", "two", &[WEB_2]);
            });
        }
    });
}

/// Every file of the host outside logs and /run, and what cannot be compared: the kernel's own.
fn every_file(app: &App) -> String {
    let words = "find / -xdev \\( -path /var/log -o -path /run -o -path /proc -o -path /sys -o -path /dev \
                 -o -path /tmp -o -path /var/tmp \\) -prune -o -type f -printf '%p %s %T@ %i %m\\n' | sort";
    app.on(WEB_3, &["sh", "-c", words]).text()
}

#[test]
fn a_loser_changes_no_file_outside_logs_and_run() {
    let Some(stage) = stage() else { return };
    let _alone = stage.alone();
    let (app, mut other) = (
        stage.app("lynx"),
        stage.app_from(
            "lynx",
            stage.clone_as("other-lynx", stage.repo().remote().to_str().unwrap()),
        ),
    );
    other.environment.push(("USER", "bob".to_owned()));
    app.deploy("1.0.0", "third").expect(0);
    let old = app.tag_object("third").unwrap();
    // One that finds the turn taken.
    app.pause_installations(WEB_3);
    let winner = app.start_deploy("1.1.0", "third", &[]);
    app.wait_for_installation(WEB_3);
    let before = every_file(&app);
    let busy = other.deploy_with("1.2.0", "third", &["--wait", "1"]).expect(3);
    assert_eq!(every_file(&app), before);
    app.go_on(WEB_3);
    winner.end().expect(0);
    let id = app.records("third")[0]["deployment_id"].as_str().unwrap().to_owned();
    busy.saying(&["deploy::busy", &id, "ann", "no host was changed"]);
    // One that gets the turn, but the tag is not what it planned on any more.
    let gate = ClosedGate::new(&app, WEB_3);
    let mut slow = other.start_deploy("1.2.0", "third", &["--wait", "100"]);
    assert!(slow.begins("turn on web-3"));
    let new = app.tag_object("third").unwrap();
    let move_tag = |to: &str, from: &str| {
        let words = ["update-ref", "refs/tags/lynx/third", to, from];
        stage.repo().git_in(&stage.repo().remote(), &words);
    };
    move_tag(&old, &new);
    let before = every_file(&app);
    gate.open();
    let seen = slow.end();
    move_tag(&new, &old);
    assert_eq!(every_file(&app), before);
    seen.expect(3).saying(&["deploy::lost-race", "no host was changed"]);
    app.assert_runs("1.1.0", "third", &[WEB_3]);
}

#[test]
fn a_paused_deployer_that_resumes_after_another_won_changes_nothing() {
    let Some(stage) = stage() else { return };
    let app = stage.app("mole");
    app.deploy("1.0.0", "two").expect(0);
    let pauses = [
        ("read refs/tags/mole/two again", "1.1.0", "1.2.0"),
        ("health gate on web-2", "1.2.1", "1.3.0"),
    ];
    for (step, version, other) in pauses {
        let mut paused = app.start_deploy(version, "two", &[]);
        assert!(paused.begins(step), "{:?}", paused.said());
        paused.signal("-STOP");
        // Its network goes; its hosts notice.
        let own = paused.family();
        for pid in &own[1..] {
            let killed =
                std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            assert!(killed.is_ok());
        }
        app.deploy(other, "two").expect(0);
        let before = (app.tag_object("two"), app.records("two"));
        paused.signal("-CONT");
        let seen = paused.end();
        assert!([3, 4, 6].contains(&seen.status), "{}\n{}", seen.stdout, seen.stderr);
        app.assert_runs(other, "two", &[WEB_2]);
        assert_eq!((app.tag_object("two"), app.records("two")), before);
    }
}

#[test]
fn only_who_has_the_turn_may_claim_a_host() {
    let Some(stage) = stage() else { return };
    let app = stage.app("moth");
    app.deploy("1.0.0", "two").expect(0);
    let fence = app.on(WEB_2, &["cat", "/var/lib/tagboat/apps/moth/fence"]).text();
    let words: Vec<&str> = fence.split_whitespace().collect();
    let claim = |sequence: &str, id: &str| {
        app.on(WEB_2, &["/usr/local/lib/tagboat/host", "claim", "moth", sequence, id, "two"]).status
    };
    assert_eq!(claim(words[0], "deploy-20200101-000000-abcdef0"), Some(73));
    assert_eq!(claim("999", "deploy-20200101-000000-abcdef0"), Some(73));
    assert_eq!(claim("0", words[1]), Some(73));
    assert_eq!(app.on(WEB_2, &["cat", "/var/lib/tagboat/apps/moth/fence"]).text(), fence);
}
