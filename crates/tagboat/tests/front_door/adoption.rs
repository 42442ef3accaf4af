//! `version adopt`, and what `init` says: tags that another tool made become versions at the same commits.

use tagboat_testing::monorepo::Monorepo;

use crate::user::tagboat;
use crate::versions::{change, refused, remote_tags, shop};

/// A shop whose tags another tool made.
fn old_shop() -> Monorepo {
    let repo = shop();
    for (name, file) in [("api-v0.2.0", "api/a"), ("api@0.3.0", "api/b"), ("web-v1.0.0", "web/c")] {
        repo.write(file, name);
        repo.commit("feat: as before");
        repo.tag(name, name);
    }
    repo.git(&["tag", "web-v1.1.0-rc.1"]);
    repo.git(&["tag", "api-v0.2"]);
    repo.git(&["tag", "db-v1.0.0"]);
    repo.git(&["tag", "nightly"]);
    repo.git(&["tag", "web-v0.9.0", "HEAD^{tree}"]);
    repo.push();
    repo
}

#[test]
fn old_tags_are_adopted_at_their_commits() {
    let repo = old_shop();
    let plan = tagboat(&repo, &["version", "adopt", "--dry-run"]);
    insta::assert_snapshot!(plan.all(), @r#"
    TAG              BECOMES          COMMIT
    api-v0.2.0       api/v0.2.0       0690dd7
    api@0.3.0        api/v0.3.0       6ea7f3b
    web-v1.0.0       web/v1.0.0       61aff64
    web-v1.1.0-rc.1  web/v1.1.0-rc.1  61aff64
    -- stderr
    left alone: api-v0.2 is no version: a version has three numbers, as in `v1.2.3`
    left alone: db-v1.0.0 names no project of this repository: "db"
    left alone: web-v0.9.0 leads to nothing that is a commit in this clone
    4 to be made and pushed; the old ones stay
    [exit 0]
    "#);
    let before = remote_tags(&repo);
    assert_eq!(before.len(), 9);
    let seen = tagboat(&repo, &["version", "adopt"]);
    assert_eq!((seen.status, &seen.stdout), (0, &plan.stdout), "{}", seen.all());
    let after = remote_tags(&repo);
    assert!(before.iter().all(|tag| after.contains(tag)), "{before:?} {after:?}");
    for (old, new) in [("api-v0.2.0", "api/v0.2.0"), ("web-v1.1.0-rc.1", "web/v1.1.0-rc.1")] {
        let commit = |name: &str| {
            repo.git_in(&repo.remote(), &["rev-parse", &format!("refs/tags/{name}^{{commit}}")])
        };
        assert_eq!(commit(old), commit(new));
    }
    let message = repo.git_in(&repo.remote(), &["tag", "-l", "--format=%(contents)", "api/v0.3.0"]);
    assert!(message.contains("Adopted from the tag api@0.3.0."), "{message}");
    // Twice is once, and the numbers go on.
    let again = tagboat(&repo, &["version", "adopt"]);
    assert_eq!((again.status, again.stdout.as_str()), (0, "no tag is to be made\n"));
    assert_eq!(remote_tags(&repo), after);
    change(&repo, "api/b", "fix: on");
    assert_eq!(tagboat(&repo, &["version", "next", "api", "--quiet"]).stdout, "api/v0.3.1\n");
}

#[test]
fn init_says_what_the_tags_that_it_finds_mean() {
    let repo = Monorepo::new();
    repo.write("README.md", "x");
    repo.commit("feat: begin");
    for name in ["v1.0.0", "v1.2.3", "1.3.0", "v1.2"] {
        repo.git(&["tag", name]);
    }
    let seen = tagboat(&repo, &["init", "--dry-run", "--format", "json"]).json();
    assert_eq!(seen["tags"]["versions"][0]["highest"]["semver"], "v1.2.3");
    let seen = tagboat(&repo, &["init"]);
    let lines: Vec<&str> = seen.stdout.lines().filter(|line| line.starts_with("seen")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
        seen     2 tags are versions of (root), up to v1.2.3
        seen     1 tag means a version by another name, as 1.3.0 means v1.3.0: `tagboat version adopt --dry-run`
        ");
    assert!(seen.stderr.contains("left alone: the tag v1.2 is no version"), "{}", seen.stderr);

    let old = old_shop();
    let seen = tagboat(&old, &["init"]);
    assert!(seen.stdout.contains("`tagboat version adopt --dry-run`"), "{}", seen.all());
    // Without tags it says nothing of them.
    let new = Monorepo::new();
    let seen = tagboat(&new, &["init"]);
    assert!(!seen.stdout.contains("seen"), "{}", seen.all());
}

#[test]
fn adopting_goes_on_where_the_remote_stopped_it() {
    let repo = old_shop();
    repo.remote_hook("update", "case $1 in refs/tags/web/*) exit 1;; esac");
    let seen = tagboat(&repo, &["version", "adopt"]);
    refused(&seen, 4, "git::failed");
    // A push is whole or not at all, and what was not pushed is not here either.
    assert_eq!(remote_tags(&repo).len(), 9);
    assert_eq!(repo.git(&["tag", "--list", "api/v0.2.0", "web/v1.0.0"]), "");
    std::fs::remove_file(repo.remote().join("hooks/update")).unwrap();
    assert_eq!(tagboat(&repo, &["version", "adopt"]).status, 0);
    assert_eq!(remote_tags(&repo).len(), 13);
}
