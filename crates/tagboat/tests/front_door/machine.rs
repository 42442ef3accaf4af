//! The machine that a command may run on: streams closed, no HOME, no git, odd languages, a remote that hangs, a signal,
//! many tags.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tagboat_testing::monorepo::Monorepo;

use crate::ground::one_project;
use crate::ledgers::two_projects;
use crate::user::{command, see, tagboat};

/// Runs `words` of a shell in which `$0` is tagboat.
fn shell(repo: &Monorepo, words: &str) -> i32 {
    let status = Command::new("bash")
        .args(["-c", words, env!("CARGO_BIN_EXE_tagboat")])
        .current_dir(repo.work())
        .envs(repo.environment())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap().code().unwrap()
}

#[test]
fn closed_streams_change_no_exit_status() {
    let repo = two_projects();
    for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        assert_eq!(shell(&repo, &format!("\"$0\" status {closed}")), 0, "{closed}");
        assert_eq!(shell(&repo, &format!("\"$0\" status nope {closed}")), 2, "{closed}");
        assert_eq!(shell(&repo, &format!("\"$0\" stauts {closed}")), 2, "{closed}");
    }
}

#[test]
fn what_cannot_be_told_is_no_success_and_a_failure_stays_one() {
    let repo = one_project();
    // full(4): writing fails as on a full disk.
    for (words, status) in [
        ("status", 4),
        ("status --format json", 4),
        ("--help", 4),
        ("--version", 4),
        ("completions bash", 4),
        ("build --dry-run", 4),
        ("init --dry-run", 4),
        ("status nope", 2),
        ("status nope --format json", 2),
        ("stauts --format json", 2),
        // What was to be done is done.
        ("keys new --user 'A <a@example.org>' --out ../k.asc", 0),
        ("init", 0),
    ] {
        assert_eq!(shell(&repo, &format!("\"$0\" {words} >/dev/full")), status, "{words}");
    }
    let gone = "\"$0\" status nope --format json | true; exit \"${PIPESTATUS[0]}\"";
    assert_eq!(shell(&repo, gone), 2);
    let told = Command::new("bash")
        .args(["-c", "\"$0\" status --format json 2>&1 >/dev/full", env!("CARGO_BIN_EXE_tagboat")])
        .current_dir(repo.work())
        .envs(repo.environment())
        .output();
    let told = String::from_utf8(told.unwrap().stdout).unwrap();
    assert!(told.starts_with("error[run::output]: "), "{told}");
}

#[test]
fn no_home_and_odd_languages_change_no_answer() {
    let repo = one_project();
    let expected = tagboat(&repo, &["status"]).all();
    for language in ["C", "tr_TR.UTF-8", "xx_XX.bogus", ""] {
        let mut command = command(&repo, &repo.work(), &["status"]);
        command.env_remove("HOME").env_remove("XDG_CONFIG_HOME");
        command.env("LANG", language).env("LC_ALL", language).env("LANGUAGE", "de");
        assert_eq!(see(&repo, &mut command).all(), expected, "{language}");
    }
}

#[test]
fn without_a_home_everything_is_planned_and_nothing_built() {
    let repo = one_project();
    let temporary = repo.folder().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    repo.write("dist/hello_0.1.0_amd64.deb", "judged only when it is validated");
    let homeless = |words: &[&str]| {
        let mut command = command(&repo, &repo.work(), words);
        command.env_remove("HOME").env_remove("XDG_CACHE_HOME").env("TMPDIR", &temporary);
        see(&repo, &mut command)
    };
    let plan = homeless(&["build", "--dry-run"]);
    assert_eq!(plan.status, 0, "{}", plan.all());
    assert!(plan.stdout.starts_with("build hello 0.1.0 "), "{}", plan.stdout);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    for verb in ["build", "validate"] {
        let seen = homeless(&[verb]);
        assert_eq!(seen.status, 2, "{}", seen.all());
        assert!(seen.stderr.starts_with("error[usage::no-cache]: "), "{}", seen.all());
    }
}

#[test]
fn a_machine_without_git_is_told_what_to_install() {
    let repo = one_project();
    for words in [&["status"][..], &["check"], &["init"], &["build"]] {
        let seen = see(&repo, command(&repo, &repo.work(), words).env("PATH", "/nonexistent"));
        assert_eq!(seen.status, 4, "{words:?}: {}", seen.all());
        assert!(seen.stderr.starts_with("error[git::missing]: "), "{}", seen.stderr);
        assert!(seen.stderr.contains("`apt-get install git`"), "{}", seen.stderr);
    }
    // What needs no repository needs no git.
    let script = see(
        &repo,
        command(&repo, &repo.work(), &["completions", "bash"]).env("PATH", "/nonexistent"),
    );
    assert_eq!(script.status, 0, "{}", script.all());
}

#[test]
fn a_remote_that_is_not_there_fails_and_changes_nothing() {
    let repo = one_project();
    let before = repo.git(&["for-each-ref"]);
    let gone = repo.folder().join("gone.git");
    for address in [gone.to_str().unwrap(), "ssh://127.0.0.1:1/x", "http://127.0.0.1:1/x.git"] {
        repo.git(&["remote", "set-url", "origin", address]);
        for words in [
            &["status"][..],
            &["history"],
            &["deploy", "v0.1.0", "--env", "staging"],
            &["rollback", ".", "--env", "staging"],
        ] {
            let seen = tagboat(&repo, words);
            assert_eq!(seen.status, 4, "{address} {words:?}: {}", seen.all());
            assert!(seen.stderr.starts_with("error[git::remote]: "), "{}", seen.stderr);
        }
    }
    assert_eq!(repo.git(&["for-each-ref"]), before);
}

/// The signal ends a wait for a remote that hangs, and what was started ends with it.
fn interrupted_by(signal: &str) {
    let repo = one_project();
    let (hang, pid) = (repo.folder().join("hang"), repo.folder().join("pid"));
    std::fs::write(
        &hang,
        format!(
            "#!/bin/sh\necho $$ > '{0}.new'\nmv '{0}.new' '{0}'\nexec sleep 600\n",
            pid.display()
        ),
    )
    .unwrap();
    let made = Command::new("chmod").arg("+x").arg(&hang).status().unwrap();
    assert!(made.success());
    repo.git(&["remote", "set-url", "origin", "ssh://nowhere.invalid/x"]);
    // A test runner in the background of a shell ignores SIGINT, and its children would too (signal(7)).
    let mut waiting = Command::new("env");
    waiting
        .args(["--default-signal=INT,TERM,HUP", env!("CARGO_BIN_EXE_tagboat"), "status"])
        .current_dir(repo.work())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(repo.environment())
        .env("GIT_SSH_COMMAND", &hang)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = waiting.spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(20);
    while !pid.exists() {
        assert!(Instant::now() < patience, "the remote was never asked");
        std::thread::sleep(Duration::from_millis(10));
    }
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let began = Instant::now();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.starts_with("error[run::interrupted]: "), "{said}");
    assert!(began.elapsed() < Duration::from_secs(5));
    let started = std::fs::read_to_string(&pid).unwrap();
    let alive = || {
        // A process that is dead and not yet waited for is `Z` (proc_pid_stat(5)).
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", started.trim()));
        stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
    };
    let patience = Instant::now() + Duration::from_secs(5);
    while alive() {
        assert!(Instant::now() < patience, "what was started still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ctrl_c_ends_a_wait_for_a_remote_that_hangs() {
    interrupted_by("INT");
}

#[test]
fn a_runner_that_is_told_to_stop_stops_in_the_same_way() {
    interrupted_by("TERM");
}

#[test]
fn twenty_thousand_loose_tags_are_read_in_seconds() {
    let repo = Monorepo::new();
    let commit = repo.commit("feat: begin");
    for project in 0..100 {
        let folder = repo.work().join(format!(".git/refs/tags/p{project}"));
        std::fs::create_dir_all(&folder).unwrap();
        for minor in 0..200 {
            std::fs::write(folder.join(format!("v1.{minor}.0")), format!("{commit}\n")).unwrap();
        }
    }
    let began = Instant::now();
    let seen = tagboat(&repo, &["status", "--offline"]);
    assert_eq!(seen.status, 0, "{}", seen.all());
    assert!(seen.stdout.lines().any(|line| line.starts_with("p99 ") && line.contains("v1.199.0")));
    // Measured 0.4 s; the bound is for a machine that does other things as well.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
