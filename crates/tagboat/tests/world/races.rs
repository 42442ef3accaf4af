//! Several deployers at once. Exactly one wins; the others are told who, and have changed nothing.

use std::path::PathBuf;
use tagboat_testing::sshd::{LoginShell, Sshd};

use crate::rounds;
use crate::stage::{App, Stage, WEB_2, WEB_3, stage};
use crate::user::{Process, Seen, wait_until};

/// Somebody holds an application's turn on a host until the gate is opened.
struct ClosedGate<'a> {
    app: &'a App,
    host: &'static str,
    unit: String,
}

impl<'a> ClosedGate<'a> {
    fn new(app: &'a App, host: &'static str) -> Self {
        let unit = format!("gate-{}.service", app.name);
        let lock = format!("/run/tagboat/{}.lock", app.name);
        let words = "mkdir -p /run/tagboat; exec flock --nonblock \"$1\" sleep 600";
        let held = [
            "systemd-run",
            "--quiet",
            "--collect",
            "--unit",
            &unit,
            "sh",
            "-c",
            words,
            "gate",
            &lock,
        ];
        assert!(app.on(host, &held).success());
        wait_until("a closed gate", || {
            app.on(host, &["flock", "--nonblock", &lock, "true"]).status == Some(1)
        });
        Self { app, host, unit }
    }

    fn open(self) {
        assert!(self.app.on(self.host, &["systemctl", "stop", &self.unit]).success());
    }
}

/// Everyone plans on the same tag, and then all run for the turn.
fn race(people: &[App], versions: &[&str]) -> Vec<Seen> {
    let turn = "turn on web-2";
    let gate = ClosedGate::new(&people[0], WEB_2);
    let mut racers: Vec<Process> = people
        .iter()
        .zip(versions.iter().cycle())
        .map(|(person, version)| person.start_deploy(version, "two", &["--wait", "100"]))
        .collect();
    for racer in &mut racers {
        assert!(racer.begins(turn), "{:?}", racer.said());
    }
    gate.open();
    racers.into_iter().map(Process::end).collect()
}

fn assert_one_won(people: &[App], versions: &[&str], seen: &[Seen]) {
    let statuses: Vec<i32> = seen.iter().map(|seen| seen.status).collect();
    let texts: Vec<&str> = seen.iter().map(|seen| seen.stderr.as_str()).collect();
    let winners: Vec<usize> = (0..seen.len()).filter(|index| statuses[*index] == 0).collect();
    let [winner] = winners[..] else { panic!("{statuses:?}\n{}", texts.join("\n\n")) };
    let version = versions[winner % versions.len()];
    let app = &people[0];
    app.assert_runs(version, "two", &[WEB_2]);
    let newest = app.records("two").remove(0);
    let id = newest["deployment_id"].as_str().unwrap();
    let who = format!("person-{winner}");
    assert_eq!(newest["triggered_by"], who.as_str());
    for (index, loser) in seen.iter().enumerate().filter(|(index, _)| *index != winner) {
        assert_eq!(loser.status, 3, "{index}: {}", loser.stderr);
        for told in ["deploy::lost-race", "no host was changed", id, &who, version] {
            assert!(loser.stderr.contains(told), "{index} is not told {told}: {}", loser.stderr);
        }
    }
    // Whoever changes a host leaves the log of a phase there.
    let logs = app.on(
        WEB_2,
        &[
            "sh",
            "-c",
            "grep -l \"of $1 by\\|Setting up $1 \" /var/log/tagboat/*.log",
            "x",
            app.name,
        ],
    );
    let newest_log = format!("/var/log/tagboat/{id}.log");
    assert!(logs.text().lines().any(|file| file == newest_log), "{}", logs.text());
    let records = app.records("two").len();
    assert_eq!(logs.text().lines().count(), records, "one log a record: {}", logs.text());
}

fn people(
    stage: &'static Stage,
    name: &'static str,
    count: usize,
    sshd: Option<&Sshd>,
) -> Vec<App> {
    (0..count)
        .map(|index| {
            let remote = stage.repo().remote();
            let remote = remote.to_str().unwrap().to_owned();
            let (clone, git_ssh): (PathBuf, _) =
                (stage.clone_as(&format!("{name}-{index}"), &remote), sshd);
            let mut app = stage.app_from(name, clone);
            app.environment.push(("USER", format!("person-{index}")));
            if let Some(sshd) = git_ssh.filter(|_| index % 2 == 1) {
                let url = format!("ssh://{}@127.0.0.1:{}{remote}", sshd.user(), sshd.port());
                stage.repo().git_in(&app.clone, &["remote", "set-url", "origin", &url]);
                app.environment.push(("GIT_SSH_COMMAND", sshd.git_ssh_command()));
            }
            app
        })
        .collect()
}

#[test]
fn of_eight_deployers_exactly_one_wins_each_round() {
    let Some(stage) = stage() else { return };
    let Some(sshd) = Sshd::start(LoginShell::Dash) else { return };
    let people = people(stage, "hawk", 8, Some(&sshd));
    let first: &[&str] = &["1.0.0"];
    let seen = race(&people, first);
    assert_one_won(&people, first, &seen);
    // The same commit; different commits; then the same version again and again.
    for round in 0..rounds(2, 60) {
        let versions: &[&str] = match round {
            0 => &["1.2.0", "1.2.1"],
            1 => &["1.2.1", "1.3.0"],
            _ => &["1.3.0"],
        };
        let seen = race(&people, versions);
        assert_one_won(&people, versions, &seen);
        if round == 1 {
            app_at_least(&people[0], "1.3.0");
        }
    }
}

/// The next round must not go down.
fn app_at_least(app: &App, version: &str) {
    if app.installed(WEB_2) != format!("installed {version}") {
        app.deploy(version, "two").expect(0);
    }
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
