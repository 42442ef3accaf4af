//! `tagboat hooks`: real pushes to a real remote, judged with tagboat on PATH and without, here and over ssh.

use std::path::Path;
use std::process::{Command, Stdio};

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_testing::monorepo::Monorepo;
use tagboat_testing::sshd::{LoginShell, Sshd};

use crate::ground::one_project;
use crate::ledgers::{Book, tag};
use crate::user::{Seen, command, see, tagboat, tagboat_in};

/// Who judges a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The hook's own shell.
    Shell,
    /// `tagboat hooks run`.
    Tagboat,
}

/// git in a folder.
fn git(repo: &Monorepo, folder: &Path, by: By, words: &[&str], more: &[(&str, &str)]) -> Seen {
    let mut path = std::env::var("PATH").unwrap();
    if by == By::Tagboat {
        let bin = Path::new(env!("CARGO_BIN_EXE_tagboat")).parent().unwrap();
        path = format!("{}:{path}", bin.display());
    }
    let mut command = Command::new("git");
    command
        .args(words)
        .current_dir(folder)
        .env_clear()
        .envs(repo.environment())
        .env("PATH", path)
        .envs(more.iter().copied())
        .stdin(Stdio::null());
    see(repo, &mut command)
}

fn commit_of(repo: &Monorepo, name: &str) -> CommitSha {
    CommitSha::parse(&repo.git(&["rev-parse", &format!("{name}^{{commit}}")])).unwrap()
}

/// What the remote holds.
fn refs(repo: &Monorepo) -> String {
    repo.git_in(&repo.remote(), &["for-each-ref", "--format=%(objectname) %(refname)"])
}

/// Pushes that are mistakes or attacks, each from the work tree: all are refused and change nothing.
fn refused_everywhere(repo: &Monorepo, by: By, more: &[(&str, &str)], address: &str) {
    repo.commit("feat: more");
    repo.git(&["tag", "-f", "-a", "-m", "again", "v0.1.0", "HEAD"]);
    repo.git(&["tag", "-f", "-a", "-m", "again", "v0.1.0-stable", "HEAD"]);
    repo.git(&["tag", "-f", "-a", "-m", "by hand", "staging", "HEAD"]);
    repo.git(&["tag", "-f", "production", "HEAD"]);
    repo.git(&["tag", "-f", "qa", "HEAD"]);
    repo.git(&["tag", "-f", "-a", "-m", "legacy", "v0.1.0-production", "HEAD"]);
    let before = refs(repo);
    for pushed in [
        "+refs/tags/v0.1.0",
        ":refs/tags/v0.1.0",
        "+refs/tags/v0.1.0-stable",
        ":refs/tags/v0.1.0-stable",
        "+refs/tags/staging",
        ":refs/tags/staging",
        "refs/tags/production",
        "refs/tags/qa",
        "refs/tags/v0.1.0-production",
    ] {
        let seen = git(repo, &repo.work(), by, &["push", "-q", address, pushed], more);
        assert_ne!(seen.status, 0, "{by:?} {pushed}: {}", seen.all());
        let name = pushed.trim_start_matches(['+', ':']);
        assert!(seen.stderr.contains(name), "{by:?} {pushed}: {}", seen.all());
        assert_eq!(refs(repo), before, "{by:?} {pushed}");
    }
}

/// Pushes that are daily work.
fn allowed_everywhere(repo: &Monorepo, by: By, more: &[(&str, &str)], address: &str) {
    repo.git(&["tag", "-f", "-a", "-m", "next", "v0.2.0", "HEAD"]);
    repo.git(&["tag", "-f", "nightly", "HEAD"]);
    let hostile = "refs/tags/$(touch${IFS}pwned);`id`&x/v1.0.0";
    repo.git(&["update-ref", hostile, "HEAD"]);
    for pushed in ["HEAD:refs/heads/main", "refs/tags/v0.2.0", "+refs/tags/nightly", hostile] {
        let seen = git(repo, &repo.work(), by, &["push", "-q", address, pushed], more);
        assert_eq!(seen.status, 0, "{by:?} {pushed}: {}", seen.all());
    }
    let seen = git(repo, &repo.work(), by, &["push", "-q", address, ":refs/tags/nightly"], more);
    assert_eq!(seen.status, 0, "{by:?}: {}", seen.all());
    assert!(!repo.work().join("pwned").exists() && !repo.remote().join("pwned").exists());
}

/// A project that runs in staging and is marked stable; `qa` is an environment that only the folder knows.
fn deployed() -> (Monorepo, Book) {
    let repo = one_project();
    repo.write("environments/qa/environment.yml", "hosts: []\n");
    repo.commit("feat: qa");
    repo.tag("v0.1.0-stable", "stable");
    repo.push();
    let mut book = Book::new(&repo, tag("", "staging"));
    book.add("v0.1.0", &commit_of(&repo, "v0.1.0"), Terminal::Succeeded);
    (repo, book)
}

#[test]
fn a_developers_hook_stops_a_push_of_protected_tags_and_no_other() {
    for by in [By::Shell, By::Tagboat] {
        let (repo, _) = deployed();
        assert_eq!(tagboat(&repo, &["hooks", "install"]).status, 0);
        refused_everywhere(&repo, by, &[], "origin");
        allowed_everywhere(&repo, by, &[], "origin");
    }
}

#[test]
fn a_remote_refuses_what_moves_protected_tags_and_takes_what_deployments_push() {
    for by in [By::Shell, By::Tagboat] {
        let (repo, mut book) = deployed();
        let remote = repo.remote();
        let folder = remote.to_str().unwrap();
        assert_eq!(tagboat(&repo, &["hooks", "install", "--remote", folder]).status, 0);
        let first = repo.git_in(&remote, &["rev-parse", "refs/tags/staging"]);
        // A deployment's own push.
        let commit = commit_of(&repo, "v0.1.0");
        for _ in 0..45 {
            book.add("v0.1.0", &commit, Terminal::Succeeded);
        }
        // A ledger of before, and a page that is changed.
        repo.git(&["update-ref", "refs/tags/old", &first]);
        let page = "refs/tagboat/ledger/staging/0";
        let before = refs(&repo);
        assert!(before.contains(page), "{before}");
        for pushed in
            ["+refs/tags/old:refs/tags/staging", &format!("+HEAD:{page}"), &format!(":{page}")]
        {
            let seen = git(&repo, &repo.work(), by, &["push", "-q", "origin", pushed], &[]);
            assert_ne!(seen.status, 0, "{by:?} {pushed}: {}", seen.all());
            assert_eq!(refs(&repo), before, "{by:?} {pushed}");
        }
        refused_everywhere(&repo, by, &[], "origin");
        allowed_everywhere(&repo, by, &[], "origin");
    }
}

#[test]
fn a_remote_is_guarded_over_ssh_where_no_tagboat_is_installed() {
    let Some(sshd) = Sshd::start(LoginShell::Dash) else { return };
    let (repo, _) = deployed();
    let folder = repo.remote();
    let folder = folder.to_str().unwrap();
    assert_eq!(tagboat(&repo, &["hooks", "install", "--remote", folder]).status, 0);
    let address = format!("ssh://{}@127.0.0.1:{}{folder}", sshd.user(), sshd.port());
    let command = sshd.git_ssh_command();
    let with = [("GIT_SSH_COMMAND", command.as_str())];
    // The variable of who pushes does not reach the server.
    let refused = [with[0], ("ALLOW_PROTECTED_TAG_PUSH", "because I say so")];
    refused_everywhere(&repo, By::Shell, &refused, &address);
    allowed_everywhere(&repo, By::Shell, &with, &address);
}

#[test]
fn an_override_is_recorded_on_the_remote_before_it_is_one_and_check_tells_it() {
    for (by, remote) in
        [(By::Shell, false), (By::Tagboat, false), (By::Shell, true), (By::Tagboat, true)]
    {
        let (repo, _) = deployed();
        let folder = repo.remote();
        let words = ["hooks", "install", "--remote", folder.to_str().unwrap()];
        let words = if remote { &words[..] } else { &words[..2] };
        assert_eq!(tagboat(&repo, words).status, 0);
        let delete = ["push", "-q", "origin", ":refs/tags/v0.1.0-stable"];
        let why = ("ALLOW_PROTECTED_TAG_PUSH", "it holds a key\nchange: $(touch pwned) \u{1b}[31m");
        // A reason is one, and somebody gives it.
        let before = refs(&repo);
        let blank = [("ALLOW_PROTECTED_TAG_PUSH", " \t")];
        assert_ne!(git(&repo, &repo.work(), by, &delete, &blank).status, 0);
        if !remote {
            let nobody = [
                why,
                ("GIT_CONFIG_GLOBAL", "/dev/null"),
                ("GIT_CONFIG_COUNT", "1"),
                ("GIT_CONFIG_KEY_0", "user.useConfigOnly"),
                ("GIT_CONFIG_VALUE_0", "true"),
            ];
            assert_ne!(git(&repo, &repo.work(), by, &delete, &nobody).status, 0, "{by:?}");
        }
        assert_eq!(refs(&repo), before);
        let seen = git(&repo, &repo.work(), by, &delete, &[why]);
        assert_eq!(seen.status, 0, "{by:?} {remote}: {}", seen.all());
        let after = refs(&repo);
        assert!(!after.contains("v0.1.0-stable"), "{after}");
        assert!(after.contains("refs/tagboat/overrides/"), "{after}");
        let fresh = repo.clone_as("fresh");
        let check = tagboat_in(&repo, &fresh, &["check"]);
        assert_eq!(check.status, 0, "{by:?} {remote}: {}", check.all());
        for told in
            ["warning[check::admin-override]", "v0.1.0-stable", "it holds a key", "Test <test@"]
        {
            assert!(check.stderr.contains(told), "{told}: {}", check.all());
        }
        assert!(!check.stderr.contains('\u{1b}') && !fresh.join("pwned").exists());
        // The record itself is protected.
        let name =
            after.lines().find_map(|line| line.split(' ').find(|w| w.contains("overrides/")));
        let gone = format!(":{}", name.unwrap());
        assert_ne!(git(&repo, &repo.work(), by, &["push", "-q", "origin", &gone], &[]).status, 0);
    }
}

#[test]
fn a_hook_that_is_there_is_kept_and_runs_first_where_that_is_asked_for() {
    let (repo, _) = deployed();
    let hooks = repo.folder().join("my hooks");
    repo.git(&["config", "core.hooksPath", hooks.to_str().unwrap()]);
    std::fs::create_dir_all(&hooks).unwrap();
    let own = "#!/bin/sh\ngrep -q nightly && exit 7\nexit 0\n";
    std::fs::write(hooks.join("pre-push"), own).unwrap();
    let status = Command::new("chmod").arg("755").arg(hooks.join("pre-push")).status().unwrap();
    assert!(status.success());
    let refused = tagboat(&repo, &["hooks", "install"]);
    assert_eq!(refused.status, 3);
    assert!(refused.stderr.starts_with("error[hooks::taken]: "), "{}", refused.stderr);
    assert!(refused.stderr.contains("`tagboat hooks install --chain`"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(hooks.join("pre-push")).unwrap(), own);
    assert_eq!(tagboat(&repo, &["hooks", "uninstall"]).status, 3);
    for _ in 0..2 {
        assert_eq!(tagboat(&repo, &["hooks", "install", "--chain"]).status, 0);
    }
    repo.tag("nightly", "nightly");
    repo.tag("v0.2.0", "v0.2.0");
    let push =
        |what: &str| git(&repo, &repo.work(), By::Shell, &["push", "-q", "origin", what], &[]);
    assert_ne!(push("refs/tags/nightly").status, 0, "the hook that was there judges");
    assert_eq!(push("refs/tags/v0.2.0").status, 0);
    assert_ne!(push(":refs/tags/v0.2.0").status, 0, "and ours does");
    assert_eq!(tagboat(&repo, &["hooks", "uninstall"]).status, 0);
    assert_eq!(std::fs::read_to_string(hooks.join("pre-push")).unwrap(), own);
    assert_eq!(push(":refs/tags/v0.2.0").status, 0);
    assert!(!repo.work().join(".git/hooks/pre-push").exists());
    let nowhere = tagboat(&repo, &["hooks", "install", "--remote", "/nonexistent"]);
    assert_eq!(nowhere.status, 2);
    assert!(nowhere.stderr.starts_with("error[hooks::no-repository]: "), "{}", nowhere.all());
    assert_eq!(tagboat(&repo, &["hooks", "uninstall", "--remote", "../remote.git"]).status, 0);
}

#[test]
fn a_deployments_push_goes_through_the_hook_of_the_clone_that_deploys() {
    let (repo, mut book) = deployed();
    assert_eq!(tagboat(&repo, &["hooks", "install"]).status, 0);
    book.add("v0.1.0", &commit_of(&repo, "v0.1.0"), Terminal::RolledBack);
    book.add("v0.1.0", &commit_of(&repo, "v0.1.0"), Terminal::Succeeded);
    let history = tagboat(&repo, &["history", ".", "--env", "staging"]);
    assert!(history.stdout.contains("3 attempts"), "{}", history.all());
}

#[test]
fn a_ledger_of_a_version_that_is_not_tagged_is_refused_where_tagboat_judges() {
    let (repo, _) = deployed();
    let remote = repo.remote();
    Book::new(&repo, tag("", "canary")).add(
        "v9.9.9",
        &commit_of(&repo, "HEAD"),
        Terminal::Succeeded,
    );
    let ledger = repo.git_in(&remote, &["rev-parse", "refs/tags/canary"]);
    repo.git_in(&remote, &["update-ref", "-d", "refs/tags/canary"]);
    let words = ["hooks", "install", "--remote", remote.to_str().unwrap()];
    // Who keeps a server stands in no clone.
    assert_eq!(tagboat_in(&repo, repo.folder(), &words).status, 0);
    let pushed = format!("{ledger}:refs/tags/canary");
    let push = || git(&repo, &repo.work(), By::Tagboat, &["push", "-q", "origin", &pushed], &[]);
    let seen = push();
    assert_ne!(seen.status, 0, "{}", seen.all());
    assert!(seen.stderr.contains("says that v9.9.9 runs"), "{}", seen.all());
    repo.tag("v9.9.9", "now it is");
    repo.git(&["push", "-q", "origin", "refs/tags/v9.9.9"]);
    assert_eq!(push().status, 0);
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let (repo, _) = deployed();
    let judge = |text: &str| {
        let file = repo.folder().join("pushed");
        std::fs::write(&file, text).unwrap();
        let mut command = crate::user::command(&repo, &repo.work(), &["hooks", "run", "pre-push"]);
        see(&repo, command.stdin(std::fs::File::open(file).unwrap()))
    };
    let (a, zero) = ("a".repeat(40), "0".repeat(40));
    assert_eq!(judge("").status, 0);
    assert_eq!(judge(&format!("refs/heads/main {zero} {a}\n")).status, 0);
    // An object that is not here is nothing that follows.
    let unknown = judge(&format!("refs/tags/staging {a} {}\n", "b".repeat(40)));
    assert_eq!(unknown.status, 3, "{}", unknown.all());
    for bad in ["rubbish", "refs/tags/v1.0.0 x y", "refs/tags/v1.0.0", &format!("a {a} {a} {a}")] {
        let seen = judge(bad);
        assert_eq!(seen.status, 2, "{bad}: {}", seen.all());
        assert!(seen.stderr.starts_with("error[hooks::unreadable]: "), "{}", seen.stderr);
    }
}

#[test]
fn rulesets_are_printed_for_the_environments_there_are() {
    let repo = one_project();
    let seen = tagboat(&repo, &["forge", "rulesets", "--bypass-app", "42"]);
    assert_eq!(seen.status, 0, "{}", seen.all());
    let sets = seen.json();
    assert_eq!(sets.as_array().unwrap().len(), 4);
    assert_eq!(sets[0]["bypass_actors"], serde_json::json!([]));
    assert_eq!(sets[1]["bypass_actors"][0]["actor_id"], 42);
    let names = sets[1]["conditions"]["ref_name"]["include"].to_string();
    assert!(names.contains("refs/tags/**/staging"), "{names}");
    assert!(seen.stderr.contains("not covered: the pages of ledgers"), "{}", seen.stderr);
    // Without an identity nobody could deploy.
    assert_eq!(tagboat(&repo, &["forge", "rulesets"]).status, 2);
}

#[test]
fn a_push_that_is_too_long_to_be_read_is_refused_whole() {
    let repo = one_project();
    let file = repo.folder().join("pushed");
    let tag = repo.git(&["rev-parse", "refs/tags/v0.1.0"]);
    let change = format!("refs/tags/v0.1.0 {tag} {}\n", "0".repeat(40));
    // Its one change that is refused stands behind what is read of it.
    for (empty, code) in [(0, "hooks::refused"), (64 << 20, "hooks::unreadable")] {
        std::fs::write(&file, format!("{}{change}", "\n".repeat(empty))).unwrap();
        let mut hook = command(&repo, &repo.work(), &["hooks", "run", "update"]);
        let seen = see(&repo, hook.stdin(std::fs::File::open(&file).unwrap()));
        assert!(seen.stderr.starts_with(&format!("error[{code}]: ")), "{}", seen.all());
        assert_ne!(seen.status, 0);
    }
}
