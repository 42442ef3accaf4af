//! The queue of an environment with real processes: order, deaths, cancelling, skipping, the background, files that are
//! deleted.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tagboat_adapters::turn::QueueFolder;
use tagboat_core::ledger::Attempt;
use tagboat_core::ports::{Cancel, Place, Scope, Silent, Turn as _, Waited};
use tagboat_core::queue::{QueueName, Ticket};
use tagboat_core::tag::EnvironmentName;
use tagboat_core::version::ProjectPath;
use tagboat_testing::monorepo::Monorepo;

use crate::ground::one_project;
use crate::user::{Seen, command, see, tagboat};

/// Longer than anything here takes on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(120);

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

fn state(repo: &Monorepo) -> PathBuf {
    repo.folder().join("home/.local/state")
}

fn turn(repo: &Monorepo) -> QueueFolder {
    QueueFolder::new(state(repo))
}

fn queue(repo: &Monorepo, environment: &str) -> QueueName {
    let environment = EnvironmentName::parse(environment).unwrap();
    QueueName::new(repo.remote().to_str().unwrap(), environment)
}

/// Who stands there: the names of those of whom it is known what they wait for.
fn names(repo: &Monorepo, environment: &str) -> Vec<String> {
    let line = turn(repo).line(&scope(), &queue(repo, environment)).unwrap();
    let tickets = line.into_iter().filter_map(|standing| standing.ticket);
    let known = tickets.filter(|ticket| ticket.wanted.is_some() || ticket.began_at.is_some());
    known.map(|ticket| ticket.triggered_by).collect()
}

/// The turn, held by this test.
fn hold(repo: &Monorepo, environment: &str, who: &str) -> Box<dyn Place> {
    let now = "2026-11-21T10:30:45Z".parse().unwrap();
    let project = ProjectPath::parse("").unwrap();
    let ticket = Ticket::new(Attempt::Deploy, &project, who, now, std::process::id());
    let mut place = turn(repo).enrol(&scope(), &queue(repo, environment), &ticket).unwrap();
    assert_eq!(place.wait(&scope(), &|| now), Ok(Waited::Begun));
    place
}

/// A deployment that runs beside the test.
struct Deployment(Option<Child>);

impl Deployment {
    fn start(repo: &Monorepo, who: &str, words: &[&str]) -> Self {
        let mut command = command(repo, &repo.work(), words);
        command.env("USER", who).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        Self(Some(command.spawn().unwrap()))
    }

    /// Starts `deploy v0.1.0 --env staging` and waits until it stands in the queue.
    fn waits(repo: &Monorepo, who: &str, more: &[&str]) -> Self {
        let words = [&["deploy", "v0.1.0", "--env", "staging"], more].concat();
        let deployment = Self::start(repo, who, &words);
        until(&format!("{who} in the queue"), || {
            names(repo, "staging").iter().any(|name| name == who).then_some(())
        });
        deployment
    }

    fn signal(&self, signal: &str) {
        let pid = self.0.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn end(mut self) -> Seen {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let status = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap());
        Seen { status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// The records of runs, in the order in which they were written.
fn records(repo: &Monorepo) -> Vec<serde_json::Value> {
    let entries = std::fs::read_dir(state(repo).join("tagboat/runs")).into_iter().flatten();
    let mut files: Vec<(i64, i64, PathBuf)> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_str().unwrap();
            name.ends_with(".json") && !name.starts_with('.')
        })
        .map(|entry| {
            let written = entry.metadata().unwrap();
            (written.mtime(), written.mtime_nsec(), entry.path())
        })
        .collect();
    files.sort();
    let read = |(_, _, path): (i64, i64, PathBuf)| {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    files.into_iter().map(read).collect()
}

/// It had its turn, and found that there is no host.
fn had_its_turn(seen: &Seen) {
    assert_eq!(seen.status, 3, "{}", seen.all());
    assert!(seen.stderr.contains("error[deploy::no-host]: "), "{}", seen.all());
}

#[test]
fn eight_deployments_have_their_turns_in_the_order_in_which_they_came() {
    let repo = one_project();
    let held = hold(&repo, "staging", "ann");
    let people: Vec<String> = (1..=8).map(|number| format!("person-{number}")).collect();
    let waiting: Vec<Deployment> =
        people.iter().map(|who| Deployment::waits(&repo, who, &[])).collect();
    // A version of which this clone has no tag says who runs; the eight are deployments in every field.
    let seen = tagboat(&repo, &["queue", "--env", "staging", "--format", "json"]).json();
    let shown = &seen["queues"][0];
    assert_eq!(shown["environment"], "staging");
    for (entry, position) in shown["queue"].as_array().unwrap().iter().zip(1..) {
        assert_eq!(entry["triggered_by"], format!("person-{position}"));
        assert_eq!(
            (&entry["status"], &entry["queue_position"]),
            (&"queued".into(), &position.into())
        );
    }
    assert_eq!(shown["queue"].as_array().unwrap().len(), 8);
    repo.write("queue.json", shown.to_string());
    let check = tagboat(&repo, &["check", "--record", "queue.json"]);
    assert_eq!(check.status, 0, "{}", check.all());
    let table = tagboat(&repo, &["queue"]).stdout;
    assert!(table.starts_with("staging\nPLACE  VERSION"), "{table}");
    assert!(table.lines().nth(2).unwrap().starts_with("runs   not known yet  ann"), "{table}");
    assert!(
        table.lines().nth(10).unwrap().starts_with("8      v0.1.0         person-8"),
        "{table}"
    );
    drop(held);
    let seen: Vec<Seen> = waiting.into_iter().map(Deployment::end).collect();
    for (seen, place) in seen.iter().zip(1..) {
        had_its_turn(seen);
        let told =
            format!("queue of staging: place {place}; the project at the root of ann runs\n");
        assert!(seen.stderr.contains(&told), "{place}: {}", seen.all());
    }
    // One at a time, in order: so the ids, which all waited, tell who was when.
    let ids: Vec<String> = seen
        .iter()
        .zip(&people)
        .map(|(_, who)| {
            let entry = shown["queue"].as_array().unwrap().iter();
            let mut mine = entry.filter(|entry| entry["triggered_by"] == who.as_str());
            mine.next().unwrap()["workflow_run_id"].as_str().unwrap().to_owned()
        })
        .collect();
    let written: Vec<String> = records(&repo)
        .iter()
        .map(|record| record["workflow_run_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(written, ids);
    let after = tagboat(&repo, &["queue"]);
    assert_eq!(after.stdout, "nobody runs or waits on this machine\n");
}

/// A host that takes connections and says nothing: whoever has the turn waits for it.
fn silent_host(repo: &Monorepo) -> TcpListener {
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHh2dHk3aWc5ZWZ1N2RqZ3F0bGZ3a3J4d3Z6cGJ5aDhx";
    repo.write(
        "environments/staging/environment.yml",
        format!("hosts:\n  - {{name: web-1, address: 127.0.0.1, port: {port}, user: deploy, host_key: {key}, arch: amd64}}\n"),
    );
    host
}

#[test]
fn a_holder_that_is_killed_passes_the_turn_on_at_once_and_so_does_one_in_the_middle() {
    let repo = one_project();
    let host = silent_host(&repo);
    let deploy = ["deploy", "v0.1.0", "--env", "staging"];
    let holder = Deployment::start(&repo, "ann", &deploy);
    // It has its turn: it asks the host.
    let _first = host.accept().unwrap();
    let middle = Deployment::waits(&repo, "bob", &[]);
    let last = Deployment::waits(&repo, "cy", &[]);
    middle.signal("-KILL");
    assert_eq!(middle.end().status, -9);
    until("a shorter queue", || (names(&repo, "staging") == ["ann", "cy"]).then_some(()));
    holder.signal("-KILL");
    let killed = Instant::now();
    until("the turn of cy", || {
        let line = turn(&repo).line(&scope(), &queue(&repo, "staging")).unwrap();
        let first = line.into_iter().next()?.ticket?;
        (first.triggered_by == "cy" && first.began_at.is_some()).then_some(())
    });
    assert!(killed.elapsed() < Duration::from_secs(2), "{:?}", killed.elapsed());
    // It asks the host anew.
    let _second = host.accept().unwrap();
    assert_eq!(holder.end().status, -9);
    last.signal("-INT");
    assert_eq!(last.end().status, 130);
    assert_eq!(names(&repo, "staging"), Vec::<String>::new());
}

#[test]
fn one_who_waits_is_cancelled_by_place_or_by_run_and_one_who_runs_is_not() {
    let repo = one_project();
    let held = hold(&repo, "staging", "ann");
    let first = Deployment::waits(&repo, "bob", &[]);
    let second = Deployment::waits(&repo, "cy", &[]);
    let cancel = |whom: &str| {
        let words = ["queue", "cancel", whom, "--env", "staging"];
        see(&repo, command(&repo, &repo.work(), &words).env("USER", "dee"))
    };
    let seen = cancel("2");
    assert_eq!(
        (seen.status, seen.stdout.as_str()),
        (0, "v0.1.0 of cy has left the queue of staging\n")
    );
    let seen = second.end();
    assert_eq!(seen.status, 3);
    insta::assert_snapshot!(seen.stderr.split_once("error[").unwrap().1, @"
    queue::cancelled]: the deployment was cancelled while it waited for its turn in staging
      = by         dee
      = unchanged  no host was contacted
      help: see who waits: `tagboat queue --env staging`
    ");
    let [record] = &records(&repo)[..] else { panic!("one record") };
    assert_eq!(record["status"], "cancelled");
    assert_eq!(record["deployment"]["status"], "cancelled");
    assert!(record["deployment"]["queue_position"].is_null());
    assert!(record["deployment"]["started_at"].is_null());
    assert!(record["deployment"]["completed_at"].is_string());
    assert_eq!(record["deployment"]["triggered_by"], "cy");
    assert_eq!(record["version"]["full_version"], "v0.1.0");
    // A report of a wait that ended is one that `check` takes.
    repo.write("record.json", record.to_string());
    let check = tagboat(&repo, &["check", "--record", "record.json"]);
    assert_eq!(check.status, 0, "{}", check.all());
    let shown = tagboat(&repo, &["queue", "--format", "json"]).json();
    let run = shown["queues"][0]["queue"][0]["workflow_run_id"].as_str().unwrap().to_owned();
    for (whom, code) in
        [("0", "nobody"), ("2", "nobody"), ("local-nonsense", "nobody"), ("", "nobody")]
    {
        let seen = cancel(whom);
        assert_eq!(seen.status, 3, "{}", seen.all());
        assert!(seen.stderr.starts_with(&format!("error[queue::{code}]: ")), "{}", seen.all());
    }
    assert_eq!(cancel(&run).status, 0);
    assert!(first.end().stderr.contains("error[queue::cancelled]: "));
    // One that has its turn.
    drop(held);
    let host = silent_host(&repo);
    let running = Deployment::start(&repo, "eve", &["deploy", "v0.1.0", "--env", "staging"]);
    let _asked = host.accept().unwrap();
    let shown = tagboat(&repo, &["queue", "--format", "json"]).json();
    let current = &shown["queues"][0]["current_deployment"];
    assert_eq!(
        (&current["status"], &current["triggered_by"]),
        (&"in_progress".into(), &"eve".into())
    );
    assert_eq!(shown["queues"][0]["locked_at"], current["started_at"]);
    let seen = cancel(current["workflow_run_id"].as_str().unwrap());
    assert_eq!(seen.status, 3);
    assert!(
        seen.stderr.starts_with("error[queue::runs]: v0.1.0 of eve runs already"),
        "{}",
        seen.all()
    );
    assert_eq!(names(&repo, "staging"), ["eve"]);
    running.signal("-INT");
    assert_eq!(running.end().status, 130);
}

#[test]
fn a_newer_deployment_skips_those_that_wait_and_says_so_aloud() {
    let repo = one_project();
    repo.commit("feat: more");
    repo.tag("v0.2.0", "v0.2.0");
    repo.push();
    let held = hold(&repo, "staging", "ann");
    let first = Deployment::waits(&repo, "bob", &[]);
    let second = Deployment::waits(&repo, "cy", &[]);
    let words = ["deploy", "v0.2.0", "--env", "staging", "--supersede"];
    let newer = Deployment::start(&repo, "dee", &words);
    for (skipped, who) in [(first, "bob"), (second, "cy")] {
        let seen = skipped.end();
        assert_eq!(seen.status, 3, "{}", seen.all());
        assert!(
            seen.stderr.contains("error[queue::superseded]: the deployment was skipped"),
            "{}",
            seen.all()
        );
        for told in ["= newer      v0.2.0", "= by         dee"] {
            assert!(seen.stderr.contains(told), "{who}: {}", seen.all());
        }
    }
    until("the newer one alone", || (names(&repo, "staging") == ["ann", "dee"]).then_some(()));
    drop(held);
    let seen = newer.end();
    had_its_turn(&seen);
    assert!(seen.stderr.contains("queue of staging: skips v0.1.0 of bob\n"), "{}", seen.all());
    assert!(seen.stderr.contains("queue of staging: skips v0.1.0 of cy\n"), "{}", seen.all());
    let cancelled = records(&repo).iter().filter(|it| it["status"] == "cancelled").count();
    assert_eq!(cancelled, 2);
}

#[test]
fn a_wait_has_the_bound_that_it_was_given_and_names_who_is_there() {
    let repo = one_project();
    let _held = hold(&repo, "staging", "ann");
    for bound in ["0", "1"] {
        let seen = tagboat(&repo, &["deploy", "v0.1.0", "--env", "staging", "--wait", bound]);
        assert_eq!(seen.status, 3, "{}", seen.all());
        let told = format!("error[queue::busy]: the turn in staging did not come within {bound} s");
        assert!(seen.stderr.contains(&told), "{}", seen.all());
        assert!(
            seen.stderr.contains("= runs       the project at the root of ann"),
            "{}",
            seen.all()
        );
    }
    // As much time as there is.
    let ever = u64::MAX.to_string();
    let other = ["deploy", "v0.1.0", "--env", "production", "--wait", &ever];
    repo.write("environments/production/environment.yml", "hosts: []\n");
    had_its_turn(&tagboat(&repo, &other));
}

#[test]
fn who_waits_is_told_at_once_what_is_wrong_now() {
    let repo = one_project();
    let _held = hold(&repo, "staging", "ann");
    let seen = tagboat(&repo, &["deploy", "v9.9.9", "--env", "staging"]);
    assert_eq!(seen.status, 2, "{}", seen.all());
    assert!(seen.stderr.contains("error[usage::no-such-tag]: "), "{}", seen.all());
    assert_eq!(names(&repo, "staging"), ["ann"]);
    let seen = tagboat(&repo, &["rollback", ".", "--env", "staging"]);
    assert!(seen.stderr.contains("error[rollback::never-deployed]: "), "{}", seen.all());
}

#[test]
fn a_wait_that_is_interrupted_leaves_the_queue_and_a_record() {
    let repo = one_project();
    let _held = hold(&repo, "staging", "ann");
    for signal in ["-INT", "-TERM"] {
        let waiting = Deployment::waits(&repo, "bob", &[]);
        waiting.signal(signal);
        let seen = waiting.end();
        assert_eq!(seen.status, 130, "{}", seen.all());
        assert!(seen.stderr.contains("error[run::interrupted]: "), "{}", seen.all());
        assert_eq!(names(&repo, "staging"), ["ann"]);
    }
    let records = records(&repo);
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record["deployment"]["status"] == "cancelled"));
}

#[test]
fn what_is_only_shown_takes_no_place() {
    let repo = one_project();
    let _held = hold(&repo, "staging", "ann");
    for words in [
        &["plan", "v0.1.0", "--env", "staging"][..],
        &["deploy", "v0.1.0", "--env", "staging", "--dry-run"],
        &["rollback", ".", "--env", "staging", "--dry-run"],
    ] {
        let seen = tagboat(&repo, words);
        assert_eq!(seen.status, 3, "{}", seen.all());
        assert!(!seen.stderr.contains("queue"), "{}", seen.all());
    }
}

#[test]
fn other_environments_and_other_repositories_are_not_waited_for() {
    let repo = one_project();
    let other = one_project();
    repo.write("environments/production/environment.yml", "hosts: []\n");
    let _held = (hold(&repo, "production", "ann"), hold(&repo, "staging", "ann"));
    let run = |repo: &Monorepo, home: &Monorepo, environment: &str| {
        let words = ["deploy", "v0.1.0", "--env", environment, "--wait", "0"];
        let mut deploy = command(repo, &repo.work(), &words);
        see(repo, deploy.env("XDG_STATE_HOME", state(home)))
    };
    assert!(run(&repo, &repo, "staging").stderr.contains("error[queue::busy]: "));
    // The same user and the same environment, but another remote.
    had_its_turn(&run(&other, &repo, "staging"));
    drop(_held.1);
    had_its_turn(&run(&repo, &repo, "staging"));
}

#[test]
fn another_clone_of_the_same_remote_stands_in_the_same_queue() {
    let repo = one_project();
    let _held = hold(&repo, "staging", "ann");
    let clone = repo.clone_as("other");
    repo.git_in(&clone, &["fetch", "-q", "--tags"]);
    let words = ["deploy", "v0.1.0", "--env", "staging", "--wait", "0"];
    let seen = crate::user::tagboat_in(&repo, &clone, &words);
    assert!(seen.stderr.contains("error[queue::busy]: "), "{}", seen.all());
}

#[test]
fn a_deployment_goes_on_without_its_terminal() {
    let repo = one_project();
    let held = hold(&repo, "staging", "ann");
    let words = ["deploy", "v0.1.0", "--env", "staging", "--detach"];
    let mut first = command(&repo, repo.folder(), &[&["-C", "work"], &words[..]].concat());
    let seen = see(&repo, first.env("USER", "bob"));
    assert_eq!(seen.status, 0, "{}", seen.all());
    let run = seen.stdout.lines().find_map(|line| line.strip_prefix("run  ")).unwrap().to_owned();
    assert!(
        seen.stdout.starts_with(
            "v0.1.0 goes on without this terminal: place 1; the project at the root of ann runs\n"
        ),
        "{}",
        seen.all()
    );
    let log = state(&repo).join(format!("tagboat/runs/{run}.log"));
    assert!(
        seen.stdout.ends_with(&format!("log  <folder>/home/.local/state/tagboat/runs/{run}.log\n"))
    );
    let line = turn(&repo).line(&scope(), &queue(&repo, "staging")).unwrap();
    let pid = line[1].ticket.as_ref().unwrap().pid;
    // A session of its own, and nothing of the terminal (proc_pid_stat(5): the session is the sixth field).
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    assert_eq!(after_name.split_whitespace().nth(3).unwrap(), pid.to_string());
    for stream in [0, 1, 2] {
        let target = std::fs::read_link(format!("/proc/{pid}/fd/{stream}")).unwrap();
        let expected =
            if stream == 0 { PathBuf::from("/dev/null") } else { log.canonicalize().unwrap() };
        assert_eq!(target, expected);
    }
    assert_eq!(std::fs::metadata(&log).unwrap().mode() & 0o777, 0o600);
    let json = [&words[..], &["--format", "json"]].concat();
    let seen = tagboat(&repo, &json).json();
    assert_eq!((&seen["status"], &seen["queue_position"]), (&"queued".into(), &2.into()));
    assert!(seen["workflow_run_id"].as_str().unwrap().starts_with("local-deploy-"));
    drop(held);
    until("both records", || (records(&repo).len() == 2).then_some(()));
    assert!(records(&repo).iter().any(|record| record["workflow_run_id"] == run.as_str()));
    until("an empty queue", || names(&repo, "staging").is_empty().then_some(()));
    until("the last word in the log", || {
        let said = std::fs::read_to_string(&log).unwrap();
        said.contains("error[deploy::no-host]: ").then_some(())
    });
    // What is wrong before there is a place is told here.
    let seen = tagboat(&repo, &["deploy", "v9.9.9", "--env", "staging", "--detach"]);
    assert_eq!(seen.status, 2, "{}", seen.all());
    assert!(seen.stderr.contains("error[usage::no-such-tag]: "), "{}", seen.all());
    let seen = tagboat(&repo, &[&words[..], &["--wait", "3"]].concat());
    assert_eq!(seen.status, 2, "{}", seen.all());
    assert!(seen.stderr.contains("'--detach' cannot be used with '--wait"), "{}", seen.all());
}

#[test]
fn with_every_file_of_the_queue_deleted_places_are_lost_and_no_answer_is_wrong() {
    let repo = one_project();
    let status = tagboat(&repo, &["status"]).stdout;
    let held = hold(&repo, "staging", "ann");
    let waiting: Vec<Deployment> =
        (1..=4).map(|who| Deployment::waits(&repo, &format!("person-{who}"), &[])).collect();
    std::fs::remove_dir_all(state(&repo).join("tagboat/queue")).unwrap();
    // They take new places, and still wait for the one whose place was deleted while it runs.
    until("four new places", || (names(&repo, "staging").len() == 4).then_some(()));
    assert_eq!(tagboat(&repo, &["status"]).stdout, status);
    assert_eq!(records(&repo).len(), 0);
    drop(held);
    for deployment in waiting {
        let seen = deployment.end();
        had_its_turn(&seen);
        assert!(
            seen.stderr.contains("warning: the queue's files were deleted: a new place was taken")
        );
    }
    assert_eq!(records(&repo).len(), 4);
    assert_eq!(tagboat(&repo, &["status"]).stdout, status);
}

#[test]
fn what_a_ticket_says_is_never_printed_raw() {
    let repo = one_project();
    let name = "\u{1b}[2J\u{202e}\u{7}$(id)\r\n=";
    let mut held = hold(&repo, "staging", name);
    let mut seen = vec![
        tagboat(&repo, &["queue"]),
        tagboat(&repo, &["queue", "cancel", "7", "--env", "staging"]),
        tagboat(&repo, &["queue", "cancel", "\u{1b}[2J", "--env", "staging"]),
        tagboat(&repo, &["deploy", "v0.1.0", "--env", "staging", "--wait", "0"]),
    ];
    let waiting = Deployment::waits(&repo, "bob", &[]);
    let words = ["queue", "cancel", "1", "--env", "staging"];
    seen.push(see(&repo, command(&repo, &repo.work(), &words).env("USER", name)));
    seen.push(waiting.end());
    // Rubbish in a ticket whose place is held.
    let folder = state(&repo).join("tagboat/queue").join(queue(&repo, "staging").repository());
    let file = folder.join("staging").join(held.number().to_string());
    std::fs::write(&file, [&b"\x1b[2J"[..], &vec![b'x'; 1 << 20]].concat()).unwrap();
    seen.push(tagboat(&repo, &["queue"]));
    seen.push(tagboat(&repo, &["deploy", "v0.1.0", "--env", "staging", "--wait", "0"]));
    assert!(
        seen.last().unwrap().stderr.contains("somebody unknown"),
        "{}",
        seen.last().unwrap().all()
    );
    for seen in &seen {
        assert!(!seen.all().contains(['\u{1b}', '\u{202e}', '\u{7}', '\r']), "{:?}", seen.all());
    }
    assert_eq!(held.wait(&scope(), &jiff::Timestamp::now), Ok(Waited::Begun));
}

#[test]
fn a_queue_that_cannot_be_used_keeps_nobody_from_deploying() {
    let repo = one_project();
    std::fs::create_dir_all(state(&repo).join("tagboat")).unwrap();
    std::fs::create_dir(repo.folder().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(repo.folder().join("elsewhere"), state(&repo).join("tagboat/queue"))
        .unwrap();
    let words = ["deploy", "v0.1.0", "--env", "staging"];
    let seen = tagboat(&repo, &words);
    had_its_turn(&seen);
    assert!(
        seen.stderr.contains("warning: no place in the queue of staging could be taken"),
        "{}",
        seen.all()
    );
    assert_eq!(std::fs::read_dir(repo.folder().join("elsewhere")).unwrap().count(), 0);
    let seen = tagboat(&repo, &["queue"]);
    assert_eq!(seen.status, 4);
    assert!(seen.stderr.starts_with("error[queue::unusable]: "), "{}", seen.all());
    let mut homeless = command(&repo, &repo.work(), &words);
    let seen = see(&repo, homeless.env_remove("HOME"));
    had_its_turn(&seen);
    assert!(seen.stderr.contains("set HOME"), "{}", seen.all());
    let mut homeless = command(&repo, &repo.work(), &[&words[..], &["--detach"]].concat());
    let seen = see(&repo, homeless.env_remove("HOME"));
    assert_eq!(seen.status, 4, "{}", seen.all());
    assert!(seen.stderr.contains("error[queue::not-detached]: "), "{}", seen.all());
}
