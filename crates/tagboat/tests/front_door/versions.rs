//! `version`, `mark` and `promote`: what comes next and why, and the tags that say so, on a real remote.

use std::process::Command;

use serde_json::{Value, json};
use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::{Book, tag};
use crate::user::{Seen, tagboat, tagboat_in};

/// Two projects, `api`, which shares `lib`, and `web`; all is pushed, nothing is tagged.
pub(crate) fn new_shop() -> Monorepo {
    let repo = Monorepo::new();
    let project = |name: &str, also: &str| {
        format!(
            "  - path: {name}\n    also: [{also}]\n    builder: staged\n    target: apt\n    \
             health: {{path: /health, port: 8080}}\n    package: {{name: {name}, architecture: [amd64], \
             description: a thing, maintainer: A <a@example.org>}}\n    files: [{{from: LICENSE, \
             to: /usr/share/doc/{name}/copyright}}]\n"
        )
    };
    let projects = format!("projects:\n{}{}", project("api", "lib"), project("web", ""));
    repo.write("config/ci-cd/build-config.yml", projects);
    repo.write("environments/staging/environment.yml", "hosts: []\n");
    repo.write("environments/production/environment.yml", "requires_approval: true\nhosts: []\n");
    repo.write("LICENSE", "MIT\n");
    repo.write("config/api.service", "[Service]\nExecStart=/bin/true\n");
    repo.write("config/web.service", "[Service]\nExecStart=/bin/true\n");
    repo.write("api/main", "1");
    repo.commit("feat: begin");
    repo.push();
    repo
}

/// The same, with `api/v0.1.0`.
pub(crate) fn shop() -> Monorepo {
    let repo = new_shop();
    repo.tag("api/v0.1.0", "api/v0.1.0");
    repo.push();
    repo
}

/// Changes a file, commits and pushes.
pub(crate) fn change(repo: &Monorepo, path: &str, message: &str) -> CommitSha {
    let file = repo.work().join(path);
    let mut text = std::fs::read_to_string(&file).unwrap_or_default();
    text.push('x');
    repo.write(path, text);
    let commit = repo.commit(message);
    repo.push();
    commit
}

/// A shop with commits of every kind since `api/v0.1.0`.
fn busy_shop() -> Monorepo {
    let repo = shop();
    change(&repo, "api/main", "docs: say more");
    change(&repo, "lib/list", "feat: sort lists");
    change(&repo, "web/page", "feat!: a new page");
    change(&repo, "api/main", "close the file");
    repo
}

pub(crate) fn refused(seen: &Seen, status: i32, code: &str) {
    assert_eq!(seen.status, status, "{}", seen.all());
    assert!(seen.stderr.contains(&format!("error[{code}]: ")), "{}", seen.all());
    assert_eq!(seen.stdout, "", "{}", seen.all());
}

/// The tags of the remote, with what each leads to.
pub(crate) fn remote_tags(repo: &Monorepo) -> Vec<String> {
    let format = "--format=%(refname:strip=2) %(objecttype) %(*objectname)";
    let listed = repo.git_in(&repo.remote(), &["for-each-ref", format, "refs/tags"]);
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn the_next_version_stands_alone_and_its_reasons_beside_it() {
    let repo = busy_shop();
    let seen = tagboat(&repo, &["version", "next", "api"]);
    insta::assert_snapshot!(seen.all(), @r"
    api/v0.1.1
    -- stderr
    patch after api/v0.1.0:
      feature   2585ba6  feat: sort lists
      patch     9892119  close the file
      nothing   a5a0fb0  docs: say more
    [exit 0]
    ");
    let quiet = tagboat(&repo, &["version", "next", "api", "--quiet"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("api/v0.1.1\n", ""));
    let pre = tagboat(&repo, &["version", "next", "api/", "--pre", "beta", "--quiet"]);
    assert_eq!(pre.stdout, "api/v0.1.1-beta.1\n");
    // What it says is what programs read.
    let document = tagboat(&repo, &["version", "next", "api", "--format", "json"]).json();
    assert_eq!(document["version"]["full_version"], "api/v0.1.1");
    assert_eq!(document["base"]["semver"], "v0.1.0");
    assert_eq!((&document["bump"], &document["offline"]), (&json!("patch"), &json!(false)));
    let asks: Vec<&Value> =
        document["reasons"].as_array().unwrap().iter().map(|reason| &reason["asks"]).collect();
    assert_eq!(asks, ["patch", "feature", "nothing"]);
    // Nothing was changed by asking.
    assert_eq!(remote_tags(&repo).len(), 1);
}

#[test]
fn without_a_project_each_is_listed_with_its_next_version() {
    let repo = busy_shop();
    let seen = tagboat(&repo, &["version", "next"]);
    insta::assert_snapshot!(seen.all(), @r"
    PROJECT  LAST    NEXT    BECAUSE
    api      v0.1.0  v0.1.1  feat: sort lists
    web      -       v0.1.0  the project has no version yet
    [exit 0]
    ");
    let document = tagboat(&repo, &["version", "next", "--pre", "rc", "--format", "json"]).json();
    let next = |at: usize| document["projects"][at]["version"]["semver"].clone();
    assert_eq!([next(0), next(1)], ["v0.1.1-rc.1", "v0.1.0-rc.1"]);
    // One that has nothing new is listed too, and is no failure.
    assert_eq!(tagboat(&repo, &["version", "tag", "api"]).status, 0);
    let seen = tagboat(&repo, &["version", "next"]);
    assert_eq!(seen.status, 0, "{}", seen.all());
    assert!(
        seen.stdout.contains("no commit touched the project since api/v0.1.1"),
        "{}",
        seen.stdout
    );
}

#[test]
fn above_1_0_0_a_break_is_major_and_what_is_undone_counts_nothing() {
    let repo = shop();
    assert_eq!(tagboat(&repo, &["version", "tag", "api/v1.0.0"]).status, 0);
    let next = |expected: &str| {
        let seen = tagboat(&repo, &["version", "next", "api", "--quiet"]);
        assert_eq!(seen.stdout.trim_end(), expected, "{}", seen.all());
    };
    change(&repo, "api/main", "fix: one");
    next("api/v1.0.1");
    change(&repo, "lib/list", "feat: two");
    next("api/v1.1.0");
    let broken = change(&repo, "api/main", "fix: three\n\nBREAKING CHANGE: all is new");
    next("api/v2.0.0");
    repo.git(&["revert", "--no-edit", broken.as_str()]);
    repo.push();
    next("api/v1.1.0");
    let seen = tagboat(&repo, &["version", "next", "api"]);
    let undone = format!("nothing   {}  fix: three (undone by ", broken.short());
    assert!(seen.stderr.contains(&undone), "{}", seen.stderr);
}

#[test]
fn a_file_that_moves_between_projects_counts_for_both() {
    let repo = shop();
    assert_eq!(tagboat(&repo, &["version", "tag", "web"]).status, 0);
    repo.write("api/part", "a part that moves");
    repo.commit("feat: a part");
    repo.push();
    assert_eq!(tagboat(&repo, &["version", "tag", "api"]).status, 0);
    std::fs::create_dir_all(repo.work().join("web")).unwrap();
    repo.git(&["mv", "api/part", "web/part"]);
    repo.commit("refactor: the part is web's");
    repo.push();
    for (project, version) in [("api", "api/v0.1.2\n"), ("web", "web/v0.1.1\n")] {
        let seen = tagboat(&repo, &["version", "next", project, "--quiet"]);
        assert_eq!(seen.stdout, version, "{}", seen.all());
    }
}

#[test]
fn a_renamed_project_begins_anew_and_can_be_told_to_go_on() {
    let repo = busy_shop();
    let config =
        std::fs::read_to_string(repo.work().join("config/ci-cd/build-config.yml")).unwrap();
    repo.write("config/ci-cd/build-config.yml", config.replace("path: api", "path: server"));
    repo.git(&["mv", "api", "server"]);
    repo.commit("refactor!: api is called server");
    repo.push();
    let next = |project| tagboat(&repo, &["version", "next", project, "--quiet"]);
    assert_eq!(next("server").stdout, "server/v0.1.0\n");
    refused(&next("api"), 2, "usage::project");
    assert_eq!(tagboat(&repo, &["version", "tag", "server/v0.2.0"]).status, 0);
    change(&repo, "server/main", "fix: more");
    assert_eq!(next("server").stdout, "server/v0.2.1\n");
}

#[test]
fn a_tag_on_another_branch_is_no_base_and_its_number_is_not_given_again() {
    let repo = busy_shop();
    repo.git(&["checkout", "-q", "-b", "side"]);
    repo.write("api/side", "x");
    repo.commit("fix: on the side");
    repo.git(&["push", "-q", "origin", "side"]);
    assert_eq!(tagboat(&repo, &["version", "tag", "api"]).stdout, "api/v0.1.1\n");
    repo.git(&["checkout", "-q", "main"]);
    let seen = tagboat(&repo, &["version", "next", "api"]);
    refused(&seen, 3, "version::exists");
    assert!(seen.stderr.contains("api/v0.1.1 exists already, on a commit"), "{}", seen.stderr);
    // In the list one that stands still is a finding; the others are told all the same.
    let all = tagboat(&repo, &["version", "next"]);
    assert_eq!(all.status, 1, "{}", all.all());
    assert!(
        all.stdout.contains("web") && all.stderr.contains("[version::exists]"),
        "{}",
        all.all()
    );
    repo.git(&["merge", "-q", "--no-edit", "side"]);
    repo.push();
    refused(&tagboat(&repo, &["version", "next", "api"]), 3, "version::nothing-new");
    change(&repo, "api/main", "fix: after the merge");
    assert_eq!(tagboat(&repo, &["version", "next", "api", "--quiet"]).stdout, "api/v0.1.2\n");
}

#[test]
fn pre_releases_count_up_and_the_final_version_is_on_their_commit() {
    let repo = busy_shop();
    let version = |words: &[&str]| tagboat(&repo, &[&["version"], words].concat());
    assert_eq!(version(&["tag", "api", "--pre", "rc"]).stdout, "api/v0.1.1-rc.1\n");
    refused(&version(&["tag", "api", "--pre", "rc"]), 3, "version::nothing-new");
    change(&repo, "api/main", "fix: more");
    assert_eq!(version(&["tag", "api", "--pre", "rc"]).stdout, "api/v0.1.1-rc.2\n");
    let candidate = repo.git(&["rev-parse", "HEAD"]);
    change(&repo, "api/main", "feat: what is not judged yet");
    let plan = version(&["final", "api", "--dry-run"]);
    assert_eq!((plan.status, plan.stdout.as_str()), (0, "api/v0.1.1\n"), "{}", plan.all());
    assert_eq!(version(&["final", "api"]).stdout, "api/v0.1.1\n");
    let made = format!("api/v0.1.1 tag {candidate}");
    assert!(remote_tags(&repo).contains(&made), "{:?}", remote_tags(&repo));
    refused(&version(&["final", "api"]), 3, "version::no-prerelease");
    refused(&version(&["final", "api/v0.1.1-rc.1"]), 3, "version::exists");
    refused(&version(&["final", "web"]), 3, "version::no-prerelease");
    refused(&version(&["final", "api/v9.0.0-rc.1"]), 2, "usage::no-such-tag");
    // What came after the candidate asks for the version after.
    assert_eq!(version(&["next", "api", "--quiet"]).stdout, "api/v0.1.2\n");
}

#[test]
fn of_several_version_tags_on_one_commit_the_highest_counts() {
    let repo = busy_shop();
    repo.tag("api/v0.5.0", "by hand");
    repo.tag("api/v0.4.0", "by hand");
    repo.push();
    change(&repo, "api/main", "fix: more");
    let seen = tagboat(&repo, &["version", "next", "api", "--quiet"]);
    assert_eq!(seen.stdout, "api/v0.5.1\n", "{}", seen.all());
}

#[test]
fn a_version_tag_is_annotated_says_who_and_is_pushed_alone() {
    let repo = busy_shop();
    repo.tag("api/v0.0.9", "one that nobody pushed");
    repo.remote_hook("pre-receive", "cat >>pushed; echo >>pushed");
    let message = "First promise\n\n# not a comment\n";
    let seen = tagboat(&repo, &["version", "tag", "api/v1.0.0", "--message", message]);
    assert_eq!((seen.status, seen.stdout.as_str()), (0, "api/v1.0.0\n"), "{}", seen.all());
    let object = repo.git_in(&repo.remote(), &["cat-file", "tag", "api/v1.0.0"]);
    let head = repo.git(&["rev-parse", "HEAD"]);
    assert!(
        object.starts_with(&format!("object {head}\ntype commit\ntag api/v1.0.0\ntagger Test "))
    );
    let (_, message) = object.split_once("\n\n").unwrap();
    let (message, attempt) = message.rsplit_once("\n\n").unwrap();
    assert_eq!(message, "First promise\n\n# not a comment");
    // What makes each attempt an object of its own, so that one of two in the same second loses.
    assert!(attempt.starts_with("Tagboat-Attempt: ") && attempt.len() == 33, "{attempt}");
    let pushed = std::fs::read_to_string(repo.remote().join("pushed")).unwrap();
    assert_eq!(pushed.trim_end().lines().count(), 1, "{pushed}");
    // Here it is the same.
    let here = repo.git(&["rev-parse", "refs/tags/api/v1.0.0"]);
    assert_eq!(repo.git_in(&repo.remote(), &["rev-parse", "refs/tags/api/v1.0.0"]), here);
    assert!(!remote_tags(&repo).iter().any(|tag| tag.starts_with("api/v0.0.9")));
}

#[test]
fn a_version_tag_is_signed_where_git_has_a_key() {
    let repo = busy_shop();
    let key = repo.folder().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test@example.org", "-f"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let signers = repo.folder().join("signers");
    std::fs::write(&signers, format!("test@example.org {public}")).unwrap();
    repo.git(&["config", "gpg.format", "ssh"]);
    repo.git(&["config", "user.signingKey", key.to_str().unwrap()]);
    repo.git(&["config", "gpg.ssh.allowedSignersFile", signers.to_str().unwrap()]);
    let seen = tagboat(&repo, &["version", "tag", "api"]);
    assert_eq!(seen.status, 0, "{}", seen.all());
    assert!(seen.stderr.contains(", signed, "), "{}", seen.stderr);
    // git is the judge.
    repo.git(&["verify-tag", "api/v0.1.1"]);
    assert_eq!(tagboat(&repo, &["mark", "stable", "api/v0.1.1"]).status, 0);
    repo.git(&["verify-tag", "api/v0.1.1-stable"]);

    // Who has said no is heard.
    repo.git(&["config", "tag.gpgSign", "false"]);
    let seen = tagboat(&repo, &["version", "tag", "web", "--format", "json"]);
    assert_eq!(seen.json()["signature"], "unsigned");
    repo.git(&["config", "--unset", "tag.gpgSign"]);

    // A key that does not sign makes no tag, here or there.
    std::fs::remove_file(&key).unwrap();
    std::fs::remove_file(key.with_extension("pub")).unwrap();
    change(&repo, "api/main", "fix: more");
    let before = remote_tags(&repo);
    refused(&tagboat(&repo, &["version", "tag", "api"]), 4, "version::not-made");
    assert_eq!(remote_tags(&repo), before);
    assert_eq!(repo.git(&["tag", "--list", "api/v0.1.2"]), "");
}

#[test]
fn a_commit_that_the_remote_lacks_gets_no_version() {
    let repo = busy_shop();
    repo.write("api/main", "only here");
    repo.commit("fix: only here");
    let seen = tagboat(&repo, &["version", "tag", "api"]);
    refused(&seen, 3, "version::not-pushed");
    assert_eq!((remote_tags(&repo).len(), repo.git(&["tag"]).lines().count()), (1, 1));
    // On any branch it is there, also on one that stands where another branch's folder was.
    repo.git(&["push", "-q", "origin", "HEAD:refs/heads/release/old"]);
    repo.write("api/main", "one more");
    repo.commit("fix: one more");
    refused(&tagboat(&repo, &["version", "tag", "api"]), 3, "version::not-pushed");
    repo.git(&["push", "-q", "origin", ":refs/heads/release/old"]);
    repo.write("api/main", "and more");
    repo.commit("fix: and more");
    repo.git(&["push", "-q", "origin", "HEAD:refs/heads/release"]);
    repo.git(&["fetch", "-q", "--prune"]);
    let seen = tagboat(&repo, &["version", "tag", "api", "--commit", "HEAD~1"]);
    assert_eq!((seen.status, seen.stdout.as_str()), (0, "api/v0.1.1\n"), "{}", seen.all());
    assert!(remote_tags(&repo)[1].ends_with(&repo.git(&["rev-parse", "HEAD~1"])));
}

#[test]
fn of_many_who_tag_at_once_one_wins_and_the_others_changed_nothing() {
    let repo = busy_shop();
    let clones: Vec<_> = (0..8).map(|n| repo.clone_as(&format!("clone{n}"))).collect();
    let seen: Vec<Seen> = std::thread::scope(|threads| {
        let race = |clone: &std::path::PathBuf| {
            let (repo, clone) = (&repo, clone.clone());
            threads.spawn(move || tagboat_in(repo, &clone, &["version", "tag", "api"]))
        };
        let running: Vec<_> = clones.iter().map(race).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let winners = seen.iter().filter(|seen| seen.status == 0).count();
    assert_eq!(winners, 1, "{seen:#?}");
    assert!(seen.iter().all(|seen| [0, 3].contains(&seen.status)), "{seen:#?}");
    let theirs = repo.git_in(&repo.remote(), &["rev-parse", "refs/tags/api/v0.1.1"]);
    for clone in &clones {
        let mine =
            repo.git_in(clone, &["for-each-ref", "--format=%(objectname)", "refs/tags/api/v0.1.1"]);
        assert!(mine.is_empty() || mine == theirs, "{mine} {theirs}");
    }
}

#[test]
fn what_the_remote_refuses_is_not_left_here() {
    let repo = busy_shop();
    repo.remote_hook("update", "echo no tags today >&2; exit 1");
    let seen = tagboat(&repo, &["version", "tag", "api"]);
    refused(&seen, 4, "git::failed");
    assert_eq!(repo.git(&["tag", "--list", "api/v0.1.1"]), "");
    std::fs::remove_file(repo.remote().join("hooks/update")).unwrap();
    assert_eq!(tagboat(&repo, &["version", "tag", "api"]).status, 0);
}

#[test]
fn a_run_that_was_cut_off_before_its_push_is_finished_by_the_next() {
    let repo = busy_shop();
    let object = repo.tag("api/v0.1.1", "api/v0.1.1");
    let seen = tagboat(&repo, &["version", "tag", "api"]);
    refused(&seen, 3, "version::nothing-new");
    let told = seen.stderr.split("`tagboat ").last().unwrap().split('`').next().unwrap();
    let words: Vec<&str> = told.split(' ').collect();
    change(&repo, "README", "docs: meanwhile");
    repo.git(&["push", "-q", "origin", ":refs/tags/api/v0.1.1"]);
    refused(&tagboat(&repo, &["version", "tag", "api/v0.1.1"]), 3, "version::exists");
    let seen = tagboat(&repo, &words);
    assert_eq!(seen.status, 0, "{words:?}: {}", seen.all());
    let there = repo.git_in(&repo.remote(), &["rev-parse", "refs/tags/api/v0.1.1"]);
    assert_eq!(there, object.as_str());
    // One that somebody made by hand and otherwise is not pushed for them.
    repo.git(&["tag", "web/v0.1.0"]);
    refused(&tagboat(&repo, &["version", "tag", "web/v0.1.0"]), 3, "version::only-here");
}

#[test]
fn a_version_that_semver_and_dpkg_order_otherwise_is_refused() {
    let repo = shop();
    repo.tag("api/v1.0.0-rc2", "by hand");
    repo.push();
    let args = ["--compare-versions", "1.0.0~rc10", "gt", "1.0.0~rc2"];
    assert!(Command::new("dpkg").args(args).status().unwrap().success());
    for version in ["api/v1.0.0-rc10", "api/v1.0.0-rc03"] {
        let seen = tagboat(&repo, &["version", "tag", version]);
        assert_eq!(seen.status, 3, "{}", seen.all());
    }
    refused(&tagboat(&repo, &["version", "tag", "api/v1.0.0-rc10"]), 3, "version::orders");
    assert_eq!(tagboat(&repo, &["version", "tag", "api/v1.0.0"]).status, 0);
}

#[test]
fn what_would_be_no_version_tag_is_refused_with_the_reason() {
    let repo = shop();
    for (typed, status, code, why) in [
        ("api/v0.1.0", 3, "version::exists", "given once"),
        ("api/v0.1.0-rc.1", 3, "version::exists", "lower than api/v0.1.0"),
        ("api/v1.0.0-staging", 2, "usage::version", "the environment staging"),
        ("api/v1.0.0-stable", 2, "usage::version", "state tag"),
        ("api/v1.0.1-0.3.g1234567", 2, "usage::version", "a build between tags"),
        ("api/v1.0", 2, "usage::version", "three numbers"),
        ("api/v1.0.0+x", 2, "usage::version", "build metadata"),
        ("db/v1.0.0", 2, "usage::project", "no project db"),
        ("api/v1.0.0\u{1b}[31m", 2, "usage::version", "is not a number"),
    ] {
        let seen = tagboat(&repo, &["version", "tag", typed]);
        assert_eq!(seen.status, status, "{typed}: {}", seen.all());
        assert!(seen.stderr.starts_with(&format!("error[{code}]: ")), "{typed}: {}", seen.all());
        assert!(seen.stderr.contains(why), "{typed}: {}", seen.stderr);
        assert!(!seen.all().contains('\u{1b}'), "{typed}");
    }
    refused(&tagboat(&repo, &["version", "tag"]), 2, "version::which-project");
    let both = tagboat(&repo, &["version", "tag", "api/v1.0.0", "--pre", "rc"]);
    refused(&both, 2, "usage::version");
    for commit in ["nope", "--output=x", "$(touch pwned)", "HEAD^{tree}", "", "a\nb", "-"] {
        let named = format!("--commit={commit}");
        let seen = tagboat(&repo, &["version", "next", "api", &named]);
        assert_eq!(seen.status, 2, "{commit}: {}", seen.all());
    }
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    assert_eq!(remote_tags(&repo).len(), 1);
}

#[test]
fn what_commits_say_of_themselves_does_not_act_on_a_terminal() {
    let repo = shop();
    change(&repo, "api/main", "feat: \u{1b}[31m\u{202e}evil $(touch pwned) `id`");
    for words in [&["version", "next", "api"][..], &["version", "next"]] {
        let seen = tagboat(&repo, words);
        assert_eq!(seen.status, 0, "{}", seen.all());
        assert!(seen.all().contains("evil $(touch pwned)"), "{}", seen.all());
        assert!(!seen.all().contains(['\u{1b}', '\u{202e}']), "{:?}", seen.all());
    }
    assert!(!repo.work().join("pwned").exists());
}

#[test]
fn a_shallow_clone_gives_no_version_and_offline_is_said() {
    let repo = busy_shop();
    let address = format!("file://{}", repo.remote().to_str().unwrap());
    let shallow = repo.clone_from("shallow", &address, &["--depth=1"]);
    for words in [
        &["version", "next", "api"][..],
        &["version", "next"],
        &["version", "tag", "api"],
        &["version", "tag", "api/v1.0.0"],
        &["version", "adopt"],
        &["promote", "api", "--from", "staging", "--to", "production"],
    ] {
        let seen = tagboat_in(&repo, &shallow, words);
        refused(&seen, 3, "git::shallow");
    }
    std::fs::rename(repo.remote(), repo.folder().join("gone.git")).unwrap();
    let seen = tagboat(&repo, &["version", "next", "api", "--offline"]);
    assert_eq!((seen.status, seen.stdout.as_str()), (0, "api/v0.1.1\n"), "{}", seen.all());
    assert!(seen.stderr.contains("the remote was not asked"), "{}", seen.stderr);
    refused(&tagboat(&repo, &["version", "next", "api"]), 4, "git::remote");
    refused(&tagboat(&repo, &["version", "tag", "api"]), 4, "git::remote");
}

#[test]
fn a_version_tag_that_moved_is_no_basis_for_another() {
    let repo = busy_shop();
    repo.git(&["tag", "-f", "-a", "-m", "moved", "api/v0.1.0", "HEAD"]);
    for words in [
        &["version", "tag", "api"][..],
        &["version", "tag", "api/v2.0.0"],
        &["mark", "stable", "api/v0.1.0"],
    ] {
        refused(&tagboat(&repo, words), 3, "git::moved-tag");
    }
    let seen = tagboat(&repo, &["version", "next", "web"]);
    assert_eq!(seen.status, 1, "{}", seen.all());
    assert!(seen.stderr.contains("moved"), "{}", seen.stderr);
}

#[test]
fn a_mark_is_never_taken_back_and_the_strongest_holds() {
    let repo = shop();
    let commit = repo.git(&["rev-parse", "HEAD"]);
    change(&repo, "api/main", "fix: more");
    let mark = |state: &str| tagboat(&repo, &["mark", state, "api/v0.1.0"]);
    let plan = tagboat(&repo, &["mark", "stable", "api/v0.1.0", "--dry-run"]);
    assert_eq!(plan.status, 0, "{}", plan.all());
    assert_eq!(remote_tags(&repo).len(), 1);
    insta::assert_snapshot!(mark("stable").all(), @r"
    api/v0.1.0 is marked stable
    [exit 0]
    ");
    // On the version's own commit, annotated.
    let made = format!("api/v0.1.0-stable tag {commit}");
    assert!(remote_tags(&repo).contains(&made), "{:?}", remote_tags(&repo));
    let before = remote_tags(&repo);
    insta::assert_snapshot!(mark("stable").all(), @r"
    api/v0.1.0 is marked stable already
    [exit 0]
    ");
    assert_eq!(remote_tags(&repo), before);
    assert_eq!(mark("deprecated").status, 0);
    insta::assert_snapshot!(mark("unstable").all(), @r"
    api/v0.1.0 is marked unstable
    -- stderr
    warning: api/v0.1.0 is marked deprecated as well, and that holds over unstable; a mark is never taken back
    [exit 0]
    ");
    let seen = tagboat(&repo, &["mark", "stable", "api/v0.1.0", "--format", "json"]).json();
    assert_eq!((&seen["marked"], &seen["holds"]), (&json!("already"), &json!("deprecated")));
}

#[test]
fn a_mark_needs_its_version_on_the_remote() {
    let repo = shop();
    refused(&tagboat(&repo, &["mark", "stable", "api/v9.0.0"]), 2, "usage::no-such-tag");
    refused(&tagboat(&repo, &["mark", "stable", "api"]), 2, "usage::version");
    repo.tag("web/v0.1.0", "only here");
    refused(&tagboat(&repo, &["mark", "stable", "web/v0.1.0"]), 3, "version::only-here");
    // A mark of another commit is none of this version.
    change(&repo, "api/main", "fix: more");
    repo.tag("api/v0.1.0-stable", "on the wrong commit");
    repo.push();
    refused(&tagboat(&repo, &["mark", "stable", "api/v0.1.0"]), 3, "version::exists");
    assert_eq!(tagboat(&repo, &["mark", "perfect", "api/v0.1.0"]).status, 2);
}

#[test]
fn what_one_environment_runs_is_promoted_to_the_next_as_any_deployment() {
    let repo = shop();
    let first = CommitSha::parse(&repo.git(&["rev-parse", "HEAD"])).unwrap();
    let promote = |words: &[&str]| tagboat(&repo, &[&["promote", "api"], words].concat());
    let up = ["--from", "staging", "--to", "production"];
    refused(&promote(&up), 3, "promote::nothing-runs");
    let mut staging = Book::new(&repo, tag("api", "staging"));
    staging.add("api/v0.1.0", &first, Terminal::Succeeded);
    // The gates are those of `deploy`: here the last of them says that there is no host.
    for dry_run in [&[][..], &["--dry-run"]] {
        let promoted = promote(&[&up, dry_run].concat());
        let deployed = ["deploy", "api/v0.1.0", "--env", "production"];
        let deployed = tagboat(&repo, &[&deployed, dry_run].concat());
        assert_eq!(promoted.status, deployed.status, "{}", promoted.all());
        let note = "api/staging runs api/v0.1.0: on to production\n";
        let error = promoted.stderr.strip_prefix(note).unwrap();
        assert_eq!(error.lines().next(), deployed.stderr.lines().next());
        assert!(error.starts_with("error[deploy::no-host]"), "{error}");
    }
    // What failed there is not what runs there.
    let second = change(&repo, "api/main", "fix: more");
    assert_eq!(tagboat(&repo, &["version", "tag", "api"]).status, 0);
    staging.add("api/v0.1.1", &second, Terminal::RolledBack);
    let seen = promote(&up);
    assert!(
        seen.stderr.contains("api/staging runs api/v0.1.0: on to production"),
        "{}",
        seen.stderr
    );
    assert!(seen.stderr.contains("the attempt to deploy api/v0.1.1"), "{}", seen.stderr);
}

#[test]
fn promoting_only_goes_up() {
    let repo = shop();
    let first = CommitSha::parse(&repo.git(&["rev-parse", "HEAD"])).unwrap();
    let second = change(&repo, "api/main", "fix: more");
    assert_eq!(tagboat(&repo, &["version", "tag", "api"]).status, 0);
    let mut staging = Book::new(&repo, tag("api", "staging"));
    let mut production = Book::new(&repo, tag("api", "production"));
    staging.add("api/v0.1.1", &second, Terminal::Succeeded);
    production.add("api/v0.1.1", &second, Terminal::Succeeded);
    let promote =
        |from: &str, to: &str| tagboat(&repo, &["promote", "api", "--from", from, "--to", to]);
    let seen = promote("staging", "production");
    refused(&seen, 3, "promote::not-higher");
    assert!(seen.stderr.contains("runs api/v0.1.1 already"), "{}", seen.stderr);
    staging.add("api/v0.1.0", &first, Terminal::Succeeded);
    let seen = promote("staging", "production");
    refused(&seen, 3, "promote::not-higher");
    assert!(seen.stderr.contains("higher than api/v0.1.0"), "{}", seen.stderr);
    refused(&promote("staging", "staging"), 2, "promote::same-environment");
    refused(&promote("staging", "moon"), 2, "usage::environment");
    // Another commit under the version's name.
    let mut canary = Book::new(&repo, tag("web", "staging"));
    repo.tag("web/v0.1.0", "web/v0.1.0");
    repo.push();
    canary.add("web/v0.1.0", &first, Terminal::Succeeded);
    let seen = tagboat(&repo, &["promote", "web", "--from", "staging", "--to", "production"]);
    refused(&seen, 3, "promote::other-commit");
}

#[test]
fn what_a_lightweight_tag_says_runs_is_promoted_and_is_no_step_back_either() {
    let repo = shop();
    let first = CommitSha::parse(&repo.git(&["rev-parse", "HEAD"])).unwrap();
    let second = change(&repo, "api/main", "fix: more");
    assert_eq!(tagboat(&repo, &["version", "tag", "api"]).status, 0);
    let promote = || tagboat(&repo, &["promote", "api", "--from", "staging", "--to", "production"]);
    let lightweight = |environment: &str, commit: &str| {
        let name = format!("refs/tags/api/{environment}");
        repo.git_in(&repo.remote(), &["update-ref", &name, commit]);
    };
    lightweight("staging", first.as_str());
    let seen = promote();
    refused(&seen, 3, "deploy::no-host");
    assert!(seen.stderr.starts_with("api/staging runs api/v0.1.0: on to production\n"));
    lightweight("production", second.as_str());
    let seen = promote();
    refused(&seen, 3, "promote::not-higher");
    assert!(seen.stderr.contains("runs api/v0.1.1, which is higher"), "{}", seen.stderr);
    // A commit without a version can be told, and not promoted.
    let third = change(&repo, "api/main", "fix: yet more");
    lightweight("staging", third.as_str());
    let seen = promote();
    refused(&seen, 3, "promote::no-version");
    assert!(seen.stderr.contains(third.short()), "{}", seen.stderr);
}

#[test]
fn a_build_between_tags_sorts_between_them_and_is_never_published() {
    let repo = busy_shop();
    let plan = |words: &[&str]| tagboat(&repo, &[&["build"], words, &["--dry-run"]].concat());
    let head = repo.git(&["rev-parse", "HEAD"]);
    let between = plan(&["api"]);
    let expected = format!("build api 0.1.1~0.3.g{} from ", &head[..7]);
    assert!(between.stdout.starts_with(&expected), "{}", between.all());
    assert!(between.stderr.contains("cannot be published or deployed"), "{}", between.stderr);
    let first = plan(&["web"]);
    let expected = format!("build web 0.1.0~0.1.g{} from ", &head[..7]);
    assert!(first.stdout.starts_with(&expected), "{}", first.all());
    let version = format!("0.1.1~0.3.g{}", &head[..7]);
    for (low, high) in
        [("0.1.0", version.as_str()), (&version, "0.1.1~alpha.1"), (&version, "0.1.1")]
    {
        let order = Command::new("dpkg").args(["--compare-versions", low, "lt", high]).status();
        assert!(order.unwrap().success(), "{low} {high}");
    }
    // It lies in dist/ under its own name, and no verb takes it for a release.
    repo.write(&format!("dist/api_{version}_amd64.deb"), "of a build");
    let made = ["keys", "new", "--user", "A <a@example.org>", "--out", "../key.asc"];
    let made = tagboat(&repo, &[&made[..], &["--format", "json"]].concat()).json();
    let file = repo.work().join("config/ci-cd/build-config.yml");
    let config = std::fs::read_to_string(&file).unwrap();
    let key = made["fingerprint"].as_str().unwrap();
    std::fs::write(&file, format!("publish: {{key: {key}}}\n{config}")).unwrap();
    for words in [&["publish", "api", "--key", "../key.asc"][..], &["validate", "api"]] {
        refused(&tagboat(&repo, words), 2, "build::no-version");
    }
    let semver = version.replace('~', "-");
    let deploy = ["deploy", &format!("api/v{semver}"), "--env", "staging"];
    refused(&tagboat(&repo, &deploy), 2, "usage::no-such-tag");
    refused(&tagboat(&repo, &["version", "tag", &format!("api/v{semver}")]), 2, "usage::version");
    // After a pre-release it belongs to that.
    assert_eq!(tagboat(&repo, &["version", "tag", "api", "--pre", "rc"]).status, 0);
    let head = change(&repo, "api/main", "fix: more");
    let expected = format!("build api 0.1.1~rc.1.0.1.g{} from ", head.short());
    assert!(plan(&["api"]).stdout.starts_with(&expected), "{}", plan(&["api"]).all());
}
