//! `tagboat check` over tags, ledgers and records: what is found, where, in which form, and at what cost.

use std::path::Path;

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_testing::monorepo::Monorepo;

use crate::ground::one_project;
use crate::ledgers::{Book, tag};
use crate::user::{Seen, command, see, tagboat, tagboat_in};

/// One project that runs in staging, and everything holds.
fn deployed() -> Monorepo {
    let repo = one_project();
    let commit = CommitSha::parse(&repo.git(&["rev-parse", "v0.1.0^{commit}"])).unwrap();
    let mut book = Book::new(&repo, tag("", "staging"));
    book.add("v0.1.0", &commit, Terminal::Succeeded);
    book.add("v0.1.0", &commit, Terminal::Succeeded);
    repo
}

fn found(seen: &Seen, status: i32, codes: &[&str]) {
    assert_eq!(seen.status, status, "{}", seen.all());
    let told: Vec<&str> = seen
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("error[")?.split(']').next())
        .collect();
    assert_eq!(told, codes, "{}", seen.all());
}

#[test]
fn where_everything_holds_check_says_what_it_looked_at_and_what_not() {
    let repo = deployed();
    let seen = tagboat(&repo, &["check"]);
    found(&seen, 0, &[]);
    insta::assert_snapshot!(seen.stdout, @r"
    the configuration holds: 1 project, 1 environment
    the tags were checked: 1 version, 0 states, 1 ledger, 0 of others
    ");
    for told in [
        "hard-coded credentials",
        "what only the forge knows",
        "no record was given",
        "only a signature tells, and 1 ledger without",
    ] {
        assert!(seen.stderr.contains(told), "{told}: {}", seen.stderr);
    }
    assert!(!seen.stderr.contains("--offline"), "{}", seen.stderr);
}

#[test]
fn check_asks_the_remote_and_offline_says_that_it_did_not() {
    let repo = deployed();
    assert_eq!(tagboat(&repo, &["check"]).status, 0);
    let head = repo.git(&["rev-parse", "HEAD"]);
    repo.git_in(&repo.remote(), &["update-ref", "refs/tags/production", &head]);
    let offline = tagboat(&repo, &["check", "--offline"]);
    found(&offline, 0, &[]);
    assert!(offline.stderr.contains("--offline: it was not asked"), "{}", offline.stderr);
    found(&tagboat(&repo, &["check"]), 1, &["check::protected-tag"]);
    // What was fetched is known from then on.
    found(&tagboat(&repo, &["check", "--offline"]), 1, &["check::protected-tag"]);
    std::fs::remove_dir_all(repo.remote()).unwrap();
    let gone = tagboat(&repo, &["check"]);
    found(&gone, 4, &["git::remote"]);
    assert!(gone.stderr.contains("not checked: tags, ledgers"), "{}", gone.stderr);
    assert!(gone.stderr.contains("`tagboat check --offline`"), "{}", gone.stderr);
}

#[test]
fn a_clone_without_a_remote_is_checked_alone_and_says_so() {
    let repo = deployed();
    repo.git(&["remote", "remove", "origin"]);
    let seen = tagboat(&repo, &["check"]);
    found(&seen, 0, &[]);
    assert!(seen.stderr.contains("this clone has no remote"), "{}", seen.stderr);
    assert_eq!(tagboat(&repo, &["check", "--format", "json"]).json()["offline"], true);
}

#[test]
fn a_tag_that_breaks_a_rule_is_told_with_its_name_and_object() {
    let repo = deployed();
    let object = repo.tag("v0.1.0-production", "from before");
    repo.tag("staging/v1.0.0", "clashes");
    repo.tag("v0.9.0-stable", "of nothing");
    let seen = tagboat(&repo, &["check", "--offline"]);
    found(&seen, 1, &["check::project-name", "check::tag-environment"]);
    assert!(seen.stderr.contains("warning[check::state-tag]: v0.9.0-stable"), "{}", seen.all());
    assert!(seen.stderr.contains("= tag        v0.1.0-production"), "{}", seen.all());
    repo.write("environments/production/environment.yml", "hosts: []\n");
    found(&tagboat(&repo, &["check", "--offline"]), 1, &["check::project-name"]);
    assert_ne!(object.to_string(), "");
}

#[test]
fn a_version_that_moved_or_went_is_told_against_the_remote_and_against_the_ledger() {
    let repo = deployed();
    let clone = repo.clone_as("seen");
    found(&tagboat_in(&repo, &clone, &["check"]), 0, &[]);
    repo.commit("feat: more");
    repo.git(&["tag", "-f", "-a", "-m", "again", "v0.1.0", "HEAD"]);
    repo.git(&["push", "-q", "--force", "origin", "main", "refs/tags/v0.1.0"]);
    // Who saw the old one sees that it moved; who never did sees it in the ledger, offline too.
    found(&tagboat_in(&repo, &clone, &["check"]), 1, &["check::version-moved"]);
    let fresh = repo.clone_as("fresh");
    let codes = ["check::version-moved", "check::deployment-tag"];
    found(&tagboat_in(&repo, &fresh, &["check"]), 1, &codes);
    let seen = tagboat_in(&repo, &fresh, &["check", "--offline"]);
    found(&seen, 1, &codes);
    assert!(
        seen.stderr.contains("v0.1.0 moved since it was deployed to staging"),
        "{}",
        seen.all()
    );
    repo.git(&["push", "-q", "origin", ":refs/tags/v0.1.0"]);
    let late = repo.clone_as("late");
    let seen = tagboat_in(&repo, &late, &["check"]);
    found(&seen, 1, &codes);
    assert!(seen.stderr.contains("its tag is gone"), "{}", seen.all());
}

#[test]
fn findings_are_told_to_programs_as_json_and_as_sarif() {
    let repo = deployed();
    repo.tag("v0.1.0-production", "from before");
    repo.write("report.json", "{\n  \"action_links\": [],\n  \"workflow_run_id\": \"x\"\n}\n");
    let words = [
        "check",
        "--offline",
        "--record",
        "report.json",
        "--sarif",
        "out.sarif",
        "--format",
        "json",
    ];
    let seen = tagboat(&repo, &words);
    assert_eq!(seen.status, 1, "{}", seen.all());
    let json = seen.json();
    let codes: Vec<&str> =
        json["errors"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect();
    assert_eq!(codes[0], "check::tag-environment");
    assert!(codes[1..].iter().all(|code| *code == "check::report-workflow"), "{codes:?}");
    assert_eq!(json["errors"][1]["place"]["file"], "report.json");
    assert_eq!(json["offline"], true);
    assert!(json["not_checked"].as_array().unwrap().len() >= 3, "{json}");
    let sarif: serde_json::Value =
        serde_json::from_slice(&std::fs::read(repo.work().join("out.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(
        results.len(),
        codes.len() + json["warnings"].as_array().unwrap().len(),
        "every finding and no other"
    );
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert!(!uri.as_str().unwrap().starts_with('/'), "{uri}");
    }
    let of = |code: &str| results.iter().find(|result| result["ruleId"] == code).unwrap();
    let tag = &of("check::tag-environment")["locations"][0];
    assert_eq!(tag["logicalLocations"][0]["name"], "v0.1.0-production");
    let report = &of("check::report-workflow")["locations"][0]["physicalLocation"];
    assert!(report["region"]["startLine"].as_u64().unwrap() >= 2, "{report}");
    // One that cannot be written is told, and is no success.
    let lost = tagboat(&deployed(), &["check", "--offline", "--sarif", "no/such/folder/x"]);
    found(&lost, 4, &["check::not-written"]);
}

#[test]
fn a_record_is_checked_with_its_line_and_what_tagboat_wrote_holds() {
    let repo = deployed();
    repo.write("bad.json", "{\n  \"deployment_id\": \"x\",\n  \"status\": \"queued\"\n}\n");
    let seen = tagboat(&repo, &["check", "--offline", "--record", "bad.json"]);
    assert_eq!(seen.status, 1, "{}", seen.all());
    assert!(seen.stderr.contains("--> bad.json:2:20"), "{}", seen.all());
    let state = tempfile::tempdir().unwrap();
    let mut deploy = command(&repo, &repo.work(), &["deploy", "v0.1.0", "--env", "staging"]);
    deploy.env("XDG_STATE_HOME", state.path());
    assert_ne!(see(&repo, &mut deploy).status, 0);
    let runs = std::fs::read_dir(state.path().join("tagboat/runs")).unwrap();
    let files: Vec<String> =
        runs.map(|run| run.unwrap().path().to_str().unwrap().to_owned()).collect();
    assert!(!files.is_empty());
    for file in &files {
        found(&tagboat(&repo, &["check", "--offline", "--record", file]), 0, &[]);
    }
    found(&tagboat(&repo, &["check", "--record", "none.json"]), 2, &["usage::record"]);
}

/// A `git` that writes down each call before it is made.
fn counted(folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let log = folder.join("calls");
    let find = std::process::Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
    let real = String::from_utf8(find.stdout).unwrap();
    let script =
        format!("#!/bin/sh\necho call >> '{}'\nexec {} \"$@\"\n", log.display(), real.trim());
    std::fs::write(bin.join("git"), script).unwrap();
    let runs = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bin.join("git"), runs).unwrap();
    bin
}

#[test]
fn check_asks_git_as_often_for_many_tags_as_for_few() {
    let repo = one_project();
    let commit = CommitSha::parse(&repo.git(&["rev-parse", "v0.1.0^{commit}"])).unwrap();
    let bin = counted(repo.folder());
    let calls = || {
        let log = repo.folder().join("calls");
        std::fs::write(&log, "").unwrap();
        let mut check = command(&repo, &repo.work(), &["check", "--offline"]);
        let path = std::env::var("PATH").unwrap();
        check.env("PATH", format!("{}:{path}", bin.display()));
        let seen = see(&repo, &mut check);
        assert_eq!(seen.status, 0, "{}", seen.all());
        std::fs::read_to_string(&log).unwrap().lines().count()
    };
    let deploy = |path: &str| {
        repo.tag(&format!("{path}/v1.0.0"), "a version");
        repo.push();
        for environment in ["staging", "production"] {
            let version = format!("{path}/v1.0.0");
            Book::new(&repo, tag(path, environment)).add(&version, &commit, Terminal::Succeeded);
        }
        repo.git(&["fetch", "-q", "--tags"]);
    };
    deploy("api");
    // The first look remembers what it read.
    calls();
    let few = calls();
    for number in 0..12 {
        deploy(&format!("p{number}"));
    }
    calls();
    assert_eq!(calls(), few);
    assert!((1..=6).contains(&few), "{few} calls");
}
