//! What only the real git can make of a log: merges, odd objects, settings.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tagboat_adapters::git::GitRepository;
use tagboat_core::commit::CommitSha;
use tagboat_core::ports::{LogQuery, Repository as _, RepositoryError, Since};
use tagboat_testing::monorepo::Monorepo;

use super::{hermetic, open, scope};

/// A repository with one commit, and that.
fn started() -> (Monorepo, CommitSha) {
    let repo = Monorepo::new();
    repo.write("README", "read me\n");
    let start = repo.commit("start");
    (repo, start)
}

fn change(repo: &Monorepo, path: &str, message: &str) -> CommitSha {
    repo.write(path, message);
    repo.commit(message)
}

fn head(repo: &Monorepo) -> CommitSha {
    CommitSha::parse(&repo.git(&["rev-parse", "HEAD"])).unwrap()
}

fn subjects(repo: &Monorepo, since: &CommitSha, paths: &[&str]) -> Vec<String> {
    let git = open(repo, &repo.work());
    log(&git, since, &head(repo), paths).unwrap()
}

fn log(
    git: &GitRepository,
    since: &CommitSha,
    until: &CommitSha,
    paths: &[&str],
) -> Result<Vec<String>, RepositoryError> {
    let since = Since::FirstOf(std::slice::from_ref(since));
    let query = LogQuery { until, since, paths, limit: 100 };
    let log = git.log(&scope(), &query)?;
    Ok(log.entries.into_iter().map(|entry| entry.message).collect())
}

#[test]
fn both_sides_of_a_merge_are_in_the_log_and_the_merge_is_not() {
    let (repo, start) = started();
    repo.git(&["switch", "-qc", "side"]);
    change(&repo, "api/b", "feat: side");
    repo.git(&["switch", "-q", "main"]);
    change(&repo, "api/a", "fix: main");
    repo.git(&["merge", "-q", "--no-ff", "-m", "feat!: the merge itself", "side"]);
    let mut found = subjects(&repo, &start, &["api"]);
    found.sort();
    assert_eq!(found, ["feat: side", "fix: main"]);
}

#[test]
fn a_side_branch_that_was_merged_after_the_tag_counts_though_it_is_older() {
    let (repo, _) = started();
    repo.git(&["switch", "-qc", "side"]);
    change(&repo, "api/b", "feat: side");
    repo.git(&["switch", "-q", "main"]);
    let tagged = change(&repo, "api/a", "fix: main");
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    assert_eq!(subjects(&repo, &tagged, &["api"]), ["feat: side"]);
}

#[test]
fn what_a_merge_threw_away_or_had_already_is_not_in_the_log() {
    let (repo, start) = started();
    repo.git(&["switch", "-qc", "thrown-away"]);
    change(&repo, "api/b", "feat!: never landed");
    repo.git(&["switch", "-q", "main"]);
    change(&repo, "api/a", "fix: main");
    repo.git(&["merge", "-q", "-s", "ours", "-m", "merge", "thrown-away"]);
    assert_eq!(subjects(&repo, &start, &["api"]), ["fix: main"]);

    repo.git(&["switch", "-qc", "picked"]);
    let picked = change(&repo, "api/c", "feat: once");
    repo.git(&["switch", "-q", "main"]);
    change(&repo, "web/a", "fix: web");
    repo.git(&["cherry-pick", "--allow-empty", picked.as_str()]);
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "picked"]);
    assert_eq!(subjects(&repo, &start, &["api"]), ["feat: once", "fix: main"]);
}

/// Makes a commit of these bytes, whatever they are: after `start`, with more headers and a message.
fn raw_commit(repo: &Monorepo, start: &CommitSha, headers: &str, message: &[u8]) -> CommitSha {
    let tree = repo.git(&["write-tree"]);
    let mut object = format!(
        "tree {tree}\nparent {start}\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n{headers}\n"
    )
    .into_bytes();
    object.extend(message);
    let file = repo.folder().join("raw");
    std::fs::write(&file, object).unwrap();
    let args = ["hash-object", "-t", "commit", "-w", "--literally", file.to_str().unwrap()];
    CommitSha::parse(&repo.git(&args)).unwrap()
}

#[test]
fn a_message_that_forges_a_commit_stays_one_message() {
    let (repo, start) = started();
    let forged = format!("{start}\0feat!: forged\0");
    for (name, message) in [
        ("nul", format!("fix: x\0{forged}").into_bytes()),
        ("empty", Vec::new()),
        ("latin-1", b"fix: \xfcber\n".to_vec()),
        ("newlines", b"\n\nfix: late\n\nbody\n\n\n".to_vec()),
    ] {
        let commit = raw_commit(&repo, &start, "", &message);
        let git = open(&repo, &repo.work());
        let found = log(&git, &start, &commit, &[""]).unwrap();
        let expected = match name {
            "nul" => "fix: x",
            "empty" => "",
            "latin-1" => "fix: \u{fffd}ber",
            _ => "fix: late\n\nbody",
        };
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].trim_start_matches('\n'), expected, "{name}");
    }
}

#[test]
fn a_message_in_another_encoding_is_read_as_what_it_says() {
    let (repo, start) = started();
    repo.write("api/x", "1");
    repo.git(&["add", "--all"]);
    std::fs::write(repo.folder().join("message"), b"feat: \xfcber\n").unwrap();
    let message = format!("-F{}", repo.folder().join("message").display());
    repo.git(&["-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", &message]);
    repo.git(&["config", "i18n.logOutputEncoding", "UTF-16"]);
    assert_eq!(subjects(&repo, &start, &["api"]), ["feat: über"]);
}

#[test]
fn settings_of_a_user_change_nothing_in_a_log() {
    let (repo, start) = started();
    change(&repo, "web/shared", "long enough to be followed through a rename");
    repo.git(&["mv", "web", "api"]);
    let moved = repo.commit("feat: moved");
    repo.git(&["notes", "add", "-m", "BREAKING CHANGE: a note", moved.as_str()]);
    for (name, value) in [
        ("log.follow", "true"),
        ("log.showSignature", "true"),
        ("log.decorate", "full"),
        ("log.mailmap", "true"),
        ("log.showRoot", "false"),
        ("log.date", "relative"),
        ("log.diffMerges", "on"),
        ("format.pretty", "fuller"),
        ("format.notes", "true"),
        ("notes.displayRef", "refs/notes/*"),
        ("color.ui", "always"),
        ("core.abbrev", "4"),
        ("core.ignoreCase", "true"),
        ("diff.external", "/bin/false"),
        ("core.pager", "/bin/false"),
    ] {
        repo.git(&["config", name, value]);
    }
    assert_eq!(subjects(&repo, &start, &["api"]), ["feat: moved"]);
    assert_eq!(subjects(&repo, &start, &["api/shared"]), ["feat: moved"]);
    let git = open(&repo, &repo.work());
    let since = Since::Beginning;
    let query = LogQuery { until: &moved, since, paths: &["README"], limit: 1 };
    let all = git.log(&scope(), &query).unwrap();
    assert_eq!(all.entries[0].sha, start, "the first commit touches, too");
}

#[test]
fn no_signature_is_verified_for_a_log() {
    let (repo, start) = started();
    let signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n";
    let commit = raw_commit(&repo, &start, signature, b"feat: signed\n");
    let (program, marker) = (repo.folder().join("gpg"), repo.folder().join("was-run"));
    executable(&program, &format!("echo > '{}'", marker.display()));
    repo.git(&["config", "log.showSignature", "true"]);
    repo.git(&["config", "gpg.program", program.to_str().unwrap()]);
    repo.git(&["log", "-1", commit.as_str()]);
    assert!(marker.exists(), "git itself would");
    std::fs::remove_file(&marker).unwrap();
    let git = open(&repo, &repo.work());
    assert_eq!(log(&git, &start, &commit, &[""]).unwrap(), ["feat: signed"]);
    assert!(!marker.exists());
}

#[test]
fn a_log_since_the_wrong_commit_may_be_longer_than_asked_for() {
    let (repo, _) = started();
    repo.git(&["branch", "ahead"]);
    let [_, base, fix] = ["feat: a", "feat: b", "fix: c"].map(|text| change(&repo, "api/x", text));
    repo.git(&["switch", "-q", "ahead"]);
    let elsewhere = change(&repo, "api/y", "feat!: d");
    let git = open(&repo, &repo.work());
    let since = [elsewhere, base];
    let since = Since::FirstOf(&since);
    let query = LogQuery { until: &fix, since, paths: &["api"], limit: 1 };
    let log = git.log(&scope(), &query).unwrap();
    assert_eq!((log.since, log.entries.len()), (Some(1), 1));
}

#[test]
fn paths_begin_at_the_root_wherever_one_stands() {
    let (repo, start) = started();
    change(&repo, "api/api/x", "feat: inner");
    let end = change(&repo, "api/y", "fix: outer");
    let git = open(&repo, &repo.work().join("api"));
    assert_eq!(log(&git, &start, &end, &["api"]).unwrap(), ["fix: outer", "feat: inner"]);
    assert_eq!(log(&git, &start, &end, &["api/api"]).unwrap(), ["feat: inner"]);
    repo.push();
    let bare = open(&repo, &repo.remote());
    assert_eq!(log(&bare, &start, &end, &["api/api"]).unwrap(), ["feat: inner"]);
}

#[test]
fn a_shallow_clone_has_no_log() {
    let (repo, start) = started();
    let middle = change(&repo, "api/x", "feat: a");
    let end = change(&repo, "api/x", "feat: b");
    repo.push();
    let address = format!("file://{}", repo.remote().display());
    let clone = repo.clone_from("shallow", &address, &["--depth=2"]);
    let git = open(&repo, &clone);
    for since in [start, middle] {
        assert_eq!(log(&git, &since, &end, &["api"]), Err(RepositoryError::Shallow));
    }
}

#[test]
fn after_a_tag_that_leads_to_no_commit_there_is_no_log() {
    let (repo, _) = started();
    let end = change(&repo, "api/x", "feat: a");
    let git = open(&repo, &repo.work());
    for what in ["HEAD:README", "HEAD^{tree}"] {
        let id = CommitSha::parse(&repo.git(&["rev-parse", what])).unwrap();
        let error = log(&git, &id, &end, &["api"]).unwrap_err();
        assert!(matches!(error, RepositoryError::Git { .. }), "{what}: {error:?}");
    }
}

fn executable(path: &Path, script: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A git that counts how often it is started.
fn counting(repo: &Monorepo) -> (GitRepository, impl Fn() -> usize) {
    let count = repo.folder().join("count");
    let program = repo.folder().join("counting-git");
    executable(&program, &format!("echo >> '{}'\nexec git \"$@\"", count.display()));
    let program = hermetic(repo, program.to_str().unwrap());
    let git = GitRepository::open_with(program, &scope(), &repo.work(), "origin").unwrap();
    let started = move || {
        let lines = std::fs::read_to_string(&count).unwrap().lines().count();
        std::fs::write(&count, "").unwrap();
        lines
    };
    (git, started)
}

#[test]
fn a_log_takes_one_program_and_a_handful_below_hundreds_of_versions_elsewhere() {
    let (repo, start) = started();
    let below = change(&repo, "api/x", "feat: a");
    repo.git(&["switch", "-qc", "ahead"]);
    let ahead: Vec<CommitSha> =
        (0..20).map(|n| change(&repo, "api/x", &format!("{n}"))).rev().collect();
    let elsewhere: Vec<CommitSha> = ahead.iter().cycle().take(300).cloned().collect();
    repo.git(&["switch", "-q", "main"]);
    let fix = change(&repo, "api/y", "fix: a");
    let (git, started) = counting(&repo);
    started();
    let place = |since: &[CommitSha], until: &CommitSha| {
        let since = Since::FirstOf(since);
        let query = LogQuery { until, since, paths: &["api"], limit: 100 };
        git.log(&scope(), &query).unwrap().since
    };
    assert_eq!((place(&[below.clone(), start.clone()], &fix), started()), (Some(0), 1));
    // Also 1, 16, 256 and the rest for their places, and the log again.
    let candidates = [elsewhere.as_slice(), &[below, start.clone()]].concat();
    assert_eq!((place(&candidates, &fix), started()), (Some(300), 6));
    assert_eq!((place(&candidates, &start), started()), (Some(301), 6));
    assert_eq!((place(&elsewhere, &start), started()), (None, 5));
}

/// Small numbers that follow from a seed (Knuth's linear congruential generator).
fn numbers(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    }
}

#[test]
fn in_tangled_histories_the_log_is_what_git_says_it_is() {
    for seed in 1..=4 {
        let (repo, start) = started();
        let mut next = numbers(seed);
        let mut commits = vec![start];
        for branch in ["b0", "b1", "b2"] {
            repo.git(&["branch", branch]);
        }
        for step in 0..30 {
            repo.git(&["switch", "-q", &format!("b{}", next(3))]);
            if next(3) == 0 {
                let strategy = if next(4) == 0 { "-sours" } else { "-Xtheirs" };
                let other = format!("b{}", next(3));
                repo.git(&["merge", "-q", "--no-edit", strategy, &other]);
                commits.push(head(&repo));
            } else {
                let project = ["api", "web", "docs"][usize::try_from(next(3)).unwrap()];
                let path = format!("{project}/{}", next(3));
                repo.write(&path, format!("{}\n", next(3)));
                commits.push(repo.commit(&format!("step {step}")));
            }
        }
        let git = open(&repo, &repo.work());
        for _ in 0..25 {
            let mut any = || commits[usize::try_from(next(commits.len() as u64)).unwrap()].clone();
            let (until, since) = (any(), [any(), any(), any()]);
            let paths = [&["api"][..], &["api", "web"], &[""]][usize::try_from(next(3)).unwrap()];
            let behind = |one: &CommitSha| {
                let base = repo.git(&["merge-base", one.as_str(), until.as_str()]);
                base == one.as_str()
            };
            let place = since.iter().position(behind);
            let expected: Vec<String> = place.map_or_else(Vec::new, |place| {
                let begin = format!("^{}", since[place]);
                let mut args = vec!["rev-list", "--no-merges", until.as_str(), &begin];
                if paths != [""] {
                    args.push("--");
                    args.extend(paths);
                }
                repo.git(&args).lines().map(str::to_owned).collect()
            });
            let query =
                LogQuery { until: &until, since: Since::FirstOf(&since), paths, limit: 100 };
            let log = git.log(&scope(), &query).unwrap();
            let found: Vec<&str> = log.entries.iter().map(|entry| entry.sha.as_str()).collect();
            assert_eq!((log.since, found), (place, expected.iter().map(String::as_str).collect()));
        }
    }
}
