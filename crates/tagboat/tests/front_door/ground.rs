//! The ground that a command may stand on: no repository, an empty one, a bare one, shallow, detached, linked, in a folder
//! with any name, without a remote.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::two_projects;
use crate::user::{Seen, tagboat, tagboat_in};

fn refused(seen: &Seen, status: i32, code: &str) {
    assert_eq!(seen.status, status, "{}", seen.all());
    assert!(seen.stderr.starts_with(&format!("error[{code}]: ")), "{}", seen.all());
    assert_eq!(seen.stdout, "", "{}", seen.all());
}

/// A project at the root, ready to build: pushed, with the tag `v0.1.0`.
pub(crate) fn one_project() -> Monorepo {
    let repo = Monorepo::new();
    repo.write(
        "config/ci-cd/build-config.yml",
        "projects:\n  - path: .\n    builder: staged\n    target: apt\n    \
         health: {path: /health, port: 8080}\n    package:\n      name: hello\n      \
         architecture: [amd64]\n      description: says hello\n      \
         maintainer: A <a@example.org>\n    files:\n      \
         - {from: LICENSE, to: /usr/share/doc/hello/copyright}\n      \
         - {from: hello.service, to: /usr/lib/systemd/system/hello.service}\n    \
         unit: hello.service\n",
    );
    repo.write("LICENSE", "MIT\n");
    repo.write("hello.service", "[Service]\nExecStart=/bin/true\n");
    repo.write("environments/staging/environment.yml", "hosts: []\n");
    repo.commit("feat: begin");
    repo.tag("v0.1.0", "v0.1.0");
    repo.push();
    repo
}

#[test]
fn an_empty_repository_says_what_comes_first() {
    let repo = Monorepo::new();
    let status = tagboat(&repo, &["status"]);
    assert_eq!(status.status, 0, "{}", status.all());
    assert!(status.stdout.starts_with("no version tag yet"), "{}", status.stdout);
    refused(&tagboat(&repo, &["history"]), 2, "history::none");
    for words in [
        &["check"][..],
        &["build"],
        &["validate"],
        &["publish"],
        &["plan", "v1.0.0", "--env", "staging"],
        &["deploy", "v1.0.0", "--env", "staging"],
        &["rollback", ".", "--env", "staging"],
        &["logs", ".", "--env", "staging"],
        &["host", "prepare", "staging"],
    ] {
        let seen = tagboat(&repo, words);
        refused(&seen, 2, "config::missing-file");
        assert!(seen.stderr.contains("`tagboat init`"), "{words:?}: {}", seen.stderr);
    }
}

#[test]
fn a_clone_without_a_remote_is_told_to_add_one() {
    let repo = two_projects();
    repo.git(&["remote", "remove", "origin"]);
    let seen = tagboat(&repo, &["status"]);
    refused(&seen, 2, "git::no-remote");
    assert!(seen.stderr.contains("`git remote add origin URL`"), "{}", seen.stderr);
    assert_eq!(tagboat(&repo, &["status", "--offline"]).status, 0);
}

#[test]
fn a_bare_repository_is_read_and_never_initialised() {
    let repo = two_projects();
    let seen = tagboat_in(&repo, &repo.remote(), &["status", "--offline"]);
    assert_eq!(seen.status, 0, "{}", seen.all());
    assert!(seen.stdout.contains("api "), "{}", seen.stdout);
    let before = std::fs::read_dir(repo.remote()).unwrap().count();
    refused(&tagboat_in(&repo, &repo.remote(), &["init"]), 2, "init::bare");
    assert_eq!(std::fs::read_dir(repo.remote()).unwrap().count(), before);
}

#[test]
fn a_linked_work_tree_and_a_folder_below_see_the_same() {
    let repo = one_project();
    repo.git(&["worktree", "add", "-q", "../linked"]);
    let linked = repo.folder().join("linked");
    let expected = tagboat(&repo, &["status"]).stdout;
    for folder in [linked.clone(), linked.join("config/ci-cd"), repo.work().join("environments")] {
        assert_eq!(tagboat_in(&repo, &folder, &["status"]).stdout, expected);
        assert_eq!(tagboat_in(&repo, &folder, &["check"]).status, 0);
    }
    let named = linked.to_str().unwrap();
    assert_eq!(tagboat_in(&repo, repo.folder(), &["-C", named, "status"]).stdout, expected);
}

#[test]
fn a_repository_may_lie_in_a_folder_of_any_name() {
    let repo = one_project();
    let names: [&[u8]; 3] = [
        b"w eird '\" $(touch pwned)",
        "new\nline \u{202e}\u{1b}[31m é".as_bytes(),
        b"no utf-8 \xff",
    ];
    for name in names {
        let folder = repo.folder().join(OsStr::from_bytes(name));
        std::fs::rename(repo.work(), &folder).unwrap();
        for words in [&["status"][..], &["check"], &["build", "v0.1.0", "--dry-run"], &["init"]] {
            let seen = tagboat_in(&repo, &folder, words);
            assert_eq!(seen.status, 0, "{name:?} {words:?}: {}", seen.all());
            if words[0] != "build" {
                assert!(
                    !seen.all().contains(['\u{202e}', '\u{1b}']),
                    "{words:?}: {:?}",
                    seen.all()
                );
            }
        }
        assert!(!folder.join("pwned").exists());
        std::fs::rename(&folder, repo.work()).unwrap();
    }
}

#[test]
fn a_detached_head_is_as_good_as_a_branch() {
    let repo = one_project();
    repo.git(&["checkout", "-q", "--detach"]);
    assert_eq!(tagboat(&repo, &["status"]).status, 0);
    let plan = tagboat(&repo, &["build", "--dry-run"]);
    assert!(plan.stdout.starts_with("build hello 0.1.0 "), "{}", plan.all());
}

#[test]
fn a_shallow_clone_decides_nothing_and_names_the_cure() {
    let repo = one_project();
    repo.commit("feat: more");
    repo.push();
    let address = format!("file://{}", repo.remote().to_str().unwrap());
    let clone = repo.clone_from("shallow", &address, &["--depth=1"]);
    for words in [
        &["build"][..],
        &["build", "."],
        &["validate", "."],
        &["plan", "v0.1.0", "--env", "staging"],
        &["deploy", "v0.1.0", "--env", "staging"],
        &["rollback", ".", "--env", "staging"],
    ] {
        let seen = tagboat_in(&repo, &clone, words);
        refused(&seen, 3, "git::shallow");
        assert!(seen.stderr.contains("`git fetch --unshallow --tags`"), "{}", seen.stderr);
    }
    // Looking is not deciding.
    assert_eq!(tagboat_in(&repo, &clone, &["status"]).status, 0);
    repo.git_in(&clone, &["fetch", "-q", "--unshallow", "--tags"]);
    assert_eq!(tagboat_in(&repo, &clone, &["build", "v0.1.0", "--dry-run"]).status, 0);
}

#[test]
fn a_tag_that_was_not_fetched_is_not_said_to_be_missing_everywhere() {
    let repo = one_project();
    let clone = repo.clone_as("untagged");
    let seen = tagboat_in(&repo, &clone, &["build", "v0.1.0", "--dry-run"]);
    refused(&seen, 2, "usage::no-such-tag");
    assert!(seen.stderr.contains("`git fetch --tags`"), "{}", seen.stderr);
}

#[test]
fn a_broken_git_folder_is_an_error_that_says_what_git_says() {
    let repo = Monorepo::new();
    let folder = repo.folder().join("broken");
    for (name, content) in [("gone", "gitdir: /nonexistent\n"), ("garbage", "garbage\n"), ("", "")]
    {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(".git"), content).unwrap();
        let seen = tagboat_in(&repo, &folder, &["status"]);
        refused(&seen, 4, "git::failed");
        assert!(seen.stderr.contains("git rev-parse"), "{name}: {}", seen.stderr);
    }
}

#[test]
fn init_that_cannot_write_leaves_nothing_behind() {
    let repo = Monorepo::new();
    // A file where a folder must be: root may write to any folder, so permissions show nothing here.
    repo.write("config/ci-cd", "a file\n");
    refused(&tagboat(&repo, &["init"]), 4, "init::not-written");
    assert_eq!(repo.git(&["status", "--porcelain", "-uall"]), "?? config/ci-cd");
}

#[test]
fn a_clone_that_cannot_remember_still_answers() {
    let repo = two_projects();
    let clone = repo.clone_as("reader");
    assert_eq!(tagboat_in(&repo, &clone, &["status"]).status, 0);
    // Forget, and make remembering impossible.
    let seen = repo.git_in(&clone, &["for-each-ref", "--format=%(refname)", "refs/tagboat/seen"]);
    for name in seen.lines() {
        repo.git_in(&clone, &["update-ref", "-d", name]);
    }
    for tag in ["staging", "production"] {
        let lock = clone.join(format!(".git/refs/tagboat/seen/api/{tag}.lock"));
        std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
        std::fs::write(lock, "").unwrap();
    }
    let seen = tagboat_in(&repo, &clone, &["status", "--offline"]);
    assert_eq!(seen.status, 0, "{}", seen.all());
    assert!(seen.stdout.contains("v1.1.0"), "{}", seen.stdout);
    assert!(seen.stderr.contains("cannot be remembered"), "{}", seen.stderr);
}
