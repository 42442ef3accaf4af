//! Environment tags that are not as a deployment left them: lightweight ones from before, deleted ones, replaced ones;
//! and clones that lack what is needed to decide.

use std::path::Path;

use tagboat_core::deployment::Terminal;
use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::{Book, tag};
use crate::signatures::{DEPLOY, allowed, first, production, refused, shop, with};
use crate::user::{tagboat, tagboat_in};

const ROLLBACK: [&str; 4] = ["rollback", "api", "--env", "production"];
const PLAN: [&str; 4] = ["plan", "api/v1.1.0", "--env", "production"];

fn lightweight(repo: &Monorepo, what: &str) {
    let id = repo.git(&["rev-parse", &format!("{what}^{{commit}}")]);
    repo.git_in(&repo.remote(), &["update-ref", "refs/tags/api/production", &id]);
}

fn delete(repo: &Monorepo) {
    repo.git_in(&repo.remote(), &["update-ref", "-d", "refs/tags/api/production"]);
}

/// What the remote holds, to show that nothing was made.
fn held(repo: &Monorepo) -> String {
    repo.git_in(&repo.remote(), &["for-each-ref", "refs/tags/api/production"])
}

#[test]
fn a_lightweight_environment_tag_from_before_is_read_and_its_lost_history_is_said() {
    let repo = shop("", "");
    lightweight(&repo, "api/v1.0.0");
    let status = tagboat(&repo, &["status"]);
    insta::assert_snapshot!(status.all(), @r"
    PROJECT  NEWEST  PRODUCTION         STAGING
    api      v1.1.0  v1.0.0, no ledger  -

    api in production: the tag is lightweight, from before; its history is lost
    [exit 0]
    ");
    let running = &tagboat(&repo, &["status", "--format", "json"]).json()["projects"][0];
    let running = running["environments"][0].clone();
    assert_eq!((&running["ledger"], &running["since"]), (&false.into(), &serde_json::Value::Null));
    insta::assert_snapshot!(tagboat(&repo, &["history"]).all(), @r"
    api/production: no record; a lightweight tag from before says that v1.0.0 runs, and its history is lost
    [exit 0]
    ");
    let json = tagboat(&repo, &["history", "--format", "json"]).json();
    assert_eq!(json["ledgers"][0]["lightweight"]["version"]["full_version"], "api/v1.0.0");
    refused(&tagboat(&repo, &ROLLBACK), "rollback::no-history");
    allowed(&tagboat(&repo, &DEPLOY));
    allowed(&tagboat(&repo, &PLAN));
}

#[test]
fn a_lightweight_environment_tag_beside_every_version_says_its_commit() {
    let repo = shop("", "");
    let commit = repo.commit("feat: untagged");
    repo.push();
    lightweight(&repo, "HEAD");
    let status = tagboat(&repo, &["status"]);
    let short = &commit.to_string()[..7];
    assert!(status.stdout.contains(&format!("{short}, no ledger")), "{}", status.all());
}

#[test]
fn a_first_record_over_a_lightweight_tag_says_in_the_history_that_what_was_before_is_lost() {
    let repo = shop("", "");
    let mut book = Book::new(&repo, tag("api", "production"));
    let before = first(&repo);
    book.before("api/v1.0.0", &before);
    book.add("api/v1.1.0", &before, Terminal::Succeeded);
    insta::assert_snapshot!(tagboat(&repo, &["history"]).all(), @r"
    api/production: 1 attempt, unsigned
    #  WHEN                  WHAT                       OUTCOME    BY     RUN
    1  2026-01-01 00:01 UTC  deploy v1.1.0 from v1.0.0  succeeded  alice  local-deploy-20260101-000100-b6bf849

    #1 begins the ledger where a lightweight tag was: what happened before is lost
    [exit 0]
    ");
}

#[test]
fn a_deleted_environment_tag_is_said_and_never_silently_made_again() {
    let repo = shop("", "");
    production(&repo, None);
    assert_eq!(tagboat(&repo, &["status"]).status, 0);
    let ledger = repo.git(&["rev-parse", "refs/tagboat/seen/api/production"]);
    delete(&repo);
    for words in [&DEPLOY[..], &PLAN, &ROLLBACK, &["history"], &["history", "api", "--offline"]] {
        let seen = tagboat(&repo, words);
        refused(&seen, "ledger::deleted");
        assert!(
            seen.stderr.contains("api/v1.0.0 runs since record 1"),
            "{words:?}: {}",
            seen.all()
        );
        assert_eq!(held(&repo), "");
    }
    let status = tagboat(&repo, &["status", "--format", "json"]);
    assert_eq!(status.status, 1, "{}", status.all());
    assert_eq!(status.json()["unreadable"][0]["code"], "ledger::deleted");
    // With a word of a person it goes on from what was seen: here to the last refusal.
    let accept = ["--override", "deleted-tag=deleted by mistake"];
    allowed(&tagboat(&repo, &with(&DEPLOY, &accept)));
    // What the error says puts it back.
    let said = tagboat(&repo, &DEPLOY).stderr;
    let back = said.split("put it back: `").nth(1).unwrap().split('`').next().unwrap();
    let words: Vec<&str> = back.split(' ').skip(1).collect();
    repo.git(&words);
    assert!(held(&repo).starts_with(&ledger), "{}", held(&repo));
    assert_eq!(tagboat(&repo, &["status"]).status, 0);
    // A person who means it forgets it.
    delete(&repo);
    repo.git(&["update-ref", "-d", "refs/tagboat/seen/api/production"]);
    assert_eq!(tagboat(&repo, &["status"]).status, 0);
    allowed(&tagboat(&repo, &DEPLOY));
}

#[test]
fn a_clone_that_never_saw_a_deleted_tag_knows_of_it_by_its_pages() {
    let repo = shop("", "");
    let mut book = production(&repo, None);
    for _ in 0..39 {
        book.add("api/v1.0.0", &first(&repo), Terminal::Succeeded);
    }
    delete(&repo);
    let clone = repo.clone_as("fresh");
    let seen = tagboat_in(&repo, &clone, &["history"]);
    refused(&seen, "ledger::deleted");
    assert!(seen.stderr.contains("older pages of it"), "{}", seen.stderr);
}

#[test]
fn a_ledger_that_was_replaced_by_a_lightweight_tag_is_no_beginning() {
    let repo = shop("", "");
    production(&repo, None);
    assert_eq!(tagboat(&repo, &["status"]).status, 0);
    lightweight(&repo, "api/v1.1.0");
    for words in [&DEPLOY[..], &PLAN, &ROLLBACK, &["history"]] {
        let seen = tagboat(&repo, words);
        refused(&seen, "ledger::deleted");
        assert!(seen.stderr.contains("replaced by a lightweight tag"), "{}", seen.stderr);
    }
}

#[test]
fn a_moved_version_tag_stops_deployments_and_its_own_for_good() {
    let repo = shop("", "");
    assert_eq!(tagboat(&repo, &["status"]).status, 0);
    let commit = repo.git(&["rev-parse", "HEAD"]);
    repo.git_in(&repo.remote(), &["update-ref", "refs/tags/api/v1.0.0", &commit]);
    refused(&tagboat(&repo, &DEPLOY), "git::moved-tag");
    let accept = ["--override", "moved-tag=we know who did it"];
    allowed(&tagboat(&repo, &with(&DEPLOY, &accept)));
    let own = with(&["deploy", "api/v1.0.0", "--env", "production"], &accept);
    refused(&tagboat(&repo, &own), "git::moved-tag");
}

#[test]
fn a_shallow_clone_decides_nothing_whatever_the_verb() {
    let repo = shop("", "");
    production(&repo, None);
    repo.commit("feat: later");
    repo.push();
    let address = format!("file://{}", repo.remote().to_str().unwrap());
    let clone = repo.clone_from("shallow", &address, &["--depth=1"]);
    for words in [
        &DEPLOY[..],
        &PLAN,
        &ROLLBACK,
        &["promote", "api", "--from", "production", "--to", "staging"],
        &["version", "next", "api"],
        &["version", "tag", "api"],
        &["build", "api"],
    ] {
        let seen = tagboat_in(&repo, &clone, words);
        refused(&seen, "git::shallow");
        assert!(
            seen.stderr.contains("`git fetch --unshallow --tags`"),
            "{words:?}: {}",
            seen.all()
        );
    }
}

#[test]
fn every_memory_of_a_clone_may_be_deleted_and_the_answers_stay() {
    let repo = shop("", "");
    let mut book = production(&repo, None);
    for _ in 0..45 {
        book.add("api/v1.0.0", &first(&repo), Terminal::Succeeded);
    }
    let answers = |clone: &Path| {
        [&["status"][..], &["history"], &DEPLOY, &ROLLBACK].map(|words| {
            let seen = tagboat_in(&repo, clone, words);
            (seen.status, seen.stdout, seen.stderr)
        })
    };
    let before = answers(&repo.work());
    for below in ["seen", "remote", "ledger"] {
        let below = format!("refs/tagboat/{below}");
        for name in repo.git(&["for-each-ref", "--format=%(refname)", &below]).lines() {
            repo.git(&["update-ref", "-d", name]);
        }
        assert_eq!(answers(&repo.work()), before, "{below}");
    }
}
