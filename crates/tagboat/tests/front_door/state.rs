//! `status` and `history`: what a user sees of tags and ledgers.

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_core::ledger::{HoldAction, HoldChange};
use tagboat_core::version::Version;
use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::{Book, tag, two_projects};
use crate::user::{Seen, command, see, tagboat, tagboat_in};

/// Ages depend on today: any is `<age>`.
fn ageless(seen: &Seen) -> String {
    let mut text = String::new();
    let all = seen.all();
    let words: Vec<&str> = all.split(' ').collect();
    for (index, word) in words.iter().enumerate() {
        let ago = |at: usize| words.get(at).is_some_and(|w| *w == "ago" || w.starts_with("ago\n"));
        text.push_str(if ago(index + 2) && word.parse::<u64>().is_ok() { "<n>" } else { word });
        text.push(' ');
    }
    text.trim_end().to_owned()
}

#[test]
fn status_shows_projects_by_environments() {
    let repo = two_projects();
    insta::assert_snapshot!(ageless(&tagboat(&repo, &["status"])), @r"
    PROJECT  NEWEST  PRODUCTION         STAGING
    api      v1.1.0  v1.0.0, <n> d ago  v1.1.0, <n> d ago
    web      v0.1.0  -                  -

    api in production: the attempt to deploy v1.1.0 was rolled back <n> d ago

    ledgers: unsigned
    [exit 0]
    ");
}

#[test]
fn a_version_that_is_held_is_shown_with_its_reason_and_how_to_lift_it() {
    let repo = two_projects();
    let commit = |name: &str| {
        CommitSha::parse(&repo.git(&["rev-parse", &format!("{name}^{{commit}}")])).unwrap()
    };
    let change = |version: &str, action, reason: &str| HoldChange {
        version: Version::parse(version).unwrap(),
        action,
        reason: reason.to_owned(),
    };
    let (first, second) = (commit("api/v1.0.0"), commit("api/v1.1.0"));
    let mut canary = Book::new(&repo, tag("api", "canary"));
    canary.add("api/v1.0.0", &first, Terminal::Succeeded);
    let sick = change("api/v1.1.0", HoldAction::Held, "it answered HTTP 503 \u{1b}[31m");
    canary.add_with("api/v1.1.0", &second, Terminal::RolledBack, vec![sick]);
    let seen = tagboat(&repo, &["status", "api"]);
    let told = "api in canary: v1.1.0 was rolled back ";
    let line = seen.stdout.lines().find(|line| line.starts_with(told)).unwrap();
    assert!(line.contains(" ago and is held: it answered HTTP 503 "), "{line}");
    assert!(!line.contains('\u{1b}'), "{line:?}");
    let lift = "tagboat deploy api/v1.1.0 --env canary --lift-hold REASON";
    assert!(seen.stdout.contains(&format!("\n  lift the hold: `{lift}`\n")), "{}", seen.stdout);
    let json = tagboat(&repo, &["status", "--format", "json"]).json();
    let canary_of = |json: &serde_json::Value| json["projects"][0]["environments"][0].clone();
    let hold = &canary_of(&json)["holds"][0];
    assert_eq!((&hold["version"]["semver"], &hold["lift"]), (&"v1.1.0".into(), &lift.into()));
    // A person leaves a version that runs: it is held too. One that is lifted is not, nor one that is lower.
    let lifted = change("api/v1.1.0", HoldAction::Lifted, "mended");
    canary.add_with("api/v1.1.0", &second, Terminal::Succeeded, vec![lifted]);
    let left = change("api/v1.1.0", HoldAction::Held, "too slow");
    canary.add_with("api/v1.0.0", &first, Terminal::Succeeded, vec![left]);
    let seen = tagboat(&repo, &["status", "api"]);
    assert!(seen.stdout.contains("api in canary: v1.1.0 is held since "), "{}", seen.stdout);
    let lifted = change("api/v1.1.0", HoldAction::Lifted, "mended again");
    let lower = change("api/v1.0.0", HoldAction::Held, "old");
    canary.add_with("api/v1.1.0", &second, Terminal::Succeeded, vec![lifted, lower]);
    let seen = tagboat(&repo, &["status", "--format", "json"]);
    assert_eq!(canary_of(&seen.json())["holds"], serde_json::json!([]));
}

#[test]
fn what_ran_at_a_moment_is_told_with_who_brought_it_and_in_which_run() {
    let repo = two_projects();
    let at = |moment: &str| tagboat(&repo, &["status", "--at", moment]).all();
    insta::assert_snapshot!(at("2026-01-01T00:02:40Z"), @r"
    at 2026-01-01 00:02:40 UTC, as the ledgers tell now:
    PROJECT  ENVIRONMENT  VERSION  SINCE                 BY     RUN
    api      production   v1.0.0   2026-01-01 00:01 UTC  alice  local-deploy-20260101-000100-2f89a66
    api      staging      v1.1.0   2026-01-01 00:02 UTC  alice  local-deploy-20260101-000200-62e30d4
    web      -            -

    web: no environment has a record of it
    [exit 0]
    ");
    insta::assert_snapshot!(at("2026-01-01T00:02:10Z"), @r"
    at 2026-01-01 00:02:10 UTC, as the ledgers tell now:
    PROJECT  ENVIRONMENT  VERSION  SINCE                 BY     RUN
    api      production   v1.0.0   2026-01-01 00:01 UTC  alice  local-deploy-20260101-000100-2f89a66
    api      staging      v1.0.0   2026-01-01 00:01 UTC  alice  local-deploy-20260101-000100-2f89a66
    web      -            -

    api in production: v1.1.0 was on its way, since 2026-01-01 00:02 UTC by alice, run local-deploy-20260101-000200-62e30d4: it was rolled back 2026-01-01 00:02 UTC
    api in staging: v1.1.0 was on its way, since 2026-01-01 00:02 UTC by alice, run local-deploy-20260101-000200-62e30d4: it succeeded 2026-01-01 00:02 UTC
    web: no environment has a record of it
    [exit 0]
    ");
    insta::assert_snapshot!(at("2025-12-31"), @r"
    at 2025-12-31 23:59:59 UTC, as the ledgers tell now:
    PROJECT  ENVIRONMENT  VERSION  SINCE  BY  RUN
    api      production   -
    api      staging      -
    web      -            -

    api in production: nothing yet: the ledger begins 2026-01-01 00:01 UTC
    api in staging: nothing yet: the ledger begins 2026-01-01 00:01 UTC
    web: no environment has a record of it
    -- stderr
    2025-12-31 is taken as its end: 2025-12-31T23:59:59Z
    [exit 0]
    ");
    let narrow = ["status", "--at", "2026-01-01T00:01:10Z"];
    let mut narrow = command(&repo, &repo.work(), &narrow);
    insta::assert_snapshot!(see(&repo, narrow.env("COLUMNS", "60")).all(), @r"
    at 2026-01-01 00:01:10 UTC, as the ledgers tell now:
    PROJECT  ENVIRONMENT  VERSION  SINCE  BY  RUN
    api      production   -
    api      staging      -
    web      -            -

    api in production: nothing yet: the ledger begins 2026-01-01
        00:01 UTC
    api in production: v1.0.0 was on its way, since 2026-01-01
        00:01 UTC by alice, run
        local-deploy-20260101-000100-2f89a66: it succeeded
        2026-01-01 00:01 UTC
    api in staging: nothing yet: the ledger begins 2026-01-01
        00:01 UTC
    api in staging: v1.0.0 was on its way, since 2026-01-01
        00:01 UTC by alice, run
        local-deploy-20260101-000100-2f89a66: it succeeded
        2026-01-01 00:01 UTC
    web: no environment has a record of it
    [exit 0]
    ");
    let json =
        tagboat(&repo, &["status", "api", "--at", "2026-01-01T01:02:10+01:00", "--format", "json"]);
    let json = json.json();
    assert_eq!(json["at"], "2026-01-01T00:02:10Z");
    let production = &json["projects"][0]["environments"][0];
    assert_eq!(production["version"]["semver"], "v1.0.0");
    assert_eq!(production["triggered_by"], "alice");
    assert_eq!(production["since"], "2026-01-01T00:01:30Z");
    assert_eq!(production["in_progress"]["version"]["semver"], "v1.1.0");
    assert_eq!(production["in_progress"]["outcome"], "rolled_back");
    for (bad, code) in
        [("2199-01-01T00:00Z", "usage::future"), ("2026-01-01T00:02", "usage::arguments")]
    {
        let seen = tagboat(&repo, &["status", "--at", bad, "--format", "json"]);
        assert_eq!((seen.status, &seen.json()["error"]["code"]), (2, &code.into()), "{bad}");
    }
}

#[test]
fn a_moment_that_no_record_tells_of_is_not_guessed() {
    let repo = two_projects();
    let first = repo.git(&["rev-parse", "api/v1.0.0^{commit}"]);
    let first = CommitSha::parse(&first).unwrap();
    // Lightweight, begun over a lightweight one, of many pages, deleted, without its oldest page.
    repo.git_in(&repo.remote(), &["update-ref", "refs/tags/web/staging", first.as_str()]);
    let mut canary = Book::new(&repo, tag("api", "canary"));
    canary.before("api/v1.0.0", &first);
    canary.add("api/v1.1.0", &first, Terminal::Succeeded);
    let book = |environment: &str| {
        let mut book = Book::new(&repo, tag("web", environment));
        for _ in 0..41 {
            book.add("web/v0.1.0", &first, Terminal::Succeeded);
        }
    };
    ["canary", "production"].iter().for_each(|name| book(name));
    let mut sandbox = Book::new(&repo, tag("web", "sandbox"));
    sandbox.add("web/v0.1.0", &first, Terminal::Succeeded);
    assert_eq!(tagboat(&repo, &["status"]).status, 0);
    repo.git_in(&repo.remote(), &["update-ref", "-d", "refs/tags/web/sandbox"]);
    repo.git_in(&repo.remote(), &["update-ref", "-d", "refs/tagboat/ledger/web/canary/0"]);
    repo.git(&["update-ref", "-d", "refs/tagboat/ledger/web/canary/0"]);
    let seen = tagboat(&repo, &["status", "--at", "2026-01-01T00:01:00Z"]);
    insta::assert_snapshot!(seen.all(), @r"
    at 2026-01-01 00:01:00 UTC, as the ledgers tell now:
    PROJECT  ENVIRONMENT  VERSION  SINCE  BY  RUN
    api      canary       ?
    api      production   -
    api      staging      -
    web      canary       ?
    web      production   -
    web      sandbox      ?
    web      staging      ?

    api in canary: not known: the ledger begins 2026-01-01 00:01 UTC, over a lightweight tag that said v1.0.0, not since when
    api in canary: v1.1.0 was on its way, since 2026-01-01 00:01 UTC by alice, run local-deploy-20260101-000100-2f89a66: it succeeded 2026-01-01 00:01 UTC
    api in production: nothing yet: the ledger begins 2026-01-01 00:01 UTC
    api in production: v1.0.0 was on its way, since 2026-01-01 00:01 UTC by alice, run local-deploy-20260101-000100-2f89a66: it succeeded 2026-01-01 00:01 UTC
    api in staging: nothing yet: the ledger begins 2026-01-01 00:01 UTC
    api in staging: v1.0.0 was on its way, since 2026-01-01 00:01 UTC by alice, run local-deploy-20260101-000100-2f89a66: it succeeded 2026-01-01 00:01 UTC
    web in canary: not known: the ledger of web/canary cannot be trusted: page 0 is missing
    web in production: nothing yet: the ledger begins 2026-01-01 00:01 UTC
    web in production: v0.1.0 was on its way, since 2026-01-01 00:01 UTC by alice, run local-deploy-20260101-000100-2f89a66: it succeeded 2026-01-01 00:01 UTC
    web in sandbox: not known: the ledger of web/sandbox is gone from the remote: it was deleted
    web in staging: not known: its tag is lightweight: it says that v0.1.0 runs now, not since when
    -- stderr
    warning: the ledger of web/canary cannot be trusted: page 0 is missing [ledger::missing-page]
    warning: the ledger of web/sandbox is gone from the remote: it was deleted [ledger::deleted]
    [exit 1]
    ");
    // What the tag alone tells needs no page.
    let seen =
        tagboat(&repo, &["status", "web", "--at", "2026-01-01T00:40:00Z", "--format", "json"]);
    let told = seen.json()["projects"][0]["environments"].clone();
    assert_eq!(
        (&told[0]["environment"], &told[0]["since"]),
        (&"canary".into(), &"2026-01-01T00:39:30Z".into())
    );
    // And what is in a page is read.
    let seen =
        tagboat(&repo, &["status", "web", "--at", "2026-01-01T00:05:45Z", "--format", "json"]);
    let told = seen.json()["projects"][0]["environments"].clone();
    assert_eq!(
        (&told[1]["environment"], &told[1]["since"]),
        (&"production".into(), &"2026-01-01T00:05:30Z".into())
    );
}

#[test]
fn history_shows_every_attempt_and_its_end() {
    let repo = two_projects();
    let seen = tagboat(&repo, &["history", "api", "--env", "production"]);
    insta::assert_snapshot!(seen.all(), @r"
    api/production: 2 attempts, unsigned
    #  WHEN                  WHAT                       OUTCOME              BY     RUN
    2  2026-01-01 00:02 UTC  deploy v1.1.0 from v1.0.0  failed, rolled back  alice  local-deploy-20260101-000200-62e30d4
    1  2026-01-01 00:01 UTC  deploy v1.0.0              succeeded            alice  local-deploy-20260101-000100-2f89a66
    [exit 0]
    ");
}

#[test]
fn what_a_record_says_of_holds_stands_below_the_table() {
    let repo = two_projects();
    let commit = CommitSha::parse(&repo.git(&["rev-parse", "api/v1.1.0^{commit}"])).unwrap();
    let change = |action, reason: &str| HoldChange {
        version: Version::parse("api/v1.1.0").unwrap(),
        action,
        reason: reason.to_owned(),
    };
    let mut canary = Book::new(&repo, tag("api", "canary"));
    canary.add("api/v1.0.0", &commit, Terminal::Succeeded);
    let held = change(HoldAction::Held, "health gate on web-1: it answered HTTP 503");
    canary.add_with("api/v1.1.0", &commit, Terminal::RolledBack, vec![held]);
    let lifted = change(HoldAction::Lifted, "mended");
    canary.add_with("api/v1.1.0", &commit, Terminal::Succeeded, vec![lifted]);
    let seen = tagboat(&repo, &["history", "api", "--env", "canary"]);
    insta::assert_snapshot!(seen.all(), @r"
    api/canary: 3 attempts, unsigned
    #  WHEN                  WHAT                       OUTCOME              BY     RUN
    3  2026-01-01 00:03 UTC  deploy v1.1.0 from v1.0.0  succeeded            alice  local-deploy-20260101-000300-62e30d4
    2  2026-01-01 00:02 UTC  deploy v1.1.0 from v1.0.0  failed, rolled back  alice  local-deploy-20260101-000200-62e30d4
    1  2026-01-01 00:01 UTC  deploy v1.0.0              succeeded            alice  local-deploy-20260101-000100-62e30d4

    #3 alice lifts the hold on v1.1.0: mended
    #2 holds v1.1.0: health gate on web-1: it answered HTTP 503
    [exit 0]
    ");
    let left = change(HoldAction::Held, "too slow");
    canary.add_rollback("api/v1.0.0", &commit, vec![left], Some("freeze: mends the outage"));
    let seen = tagboat(&repo, &["history", "api", "--env", "canary", "--limit", "1"]);
    insta::assert_snapshot!(seen.all(), @r"
    api/canary: 4 attempts, unsigned
    #  WHEN                  WHAT                             OUTCOME    BY     RUN
    4  2026-01-01 00:04 UTC  roll back to v1.0.0 from v1.1.0  succeeded  alice  local-deploy-20260101-000400-62e30d4

    #4 alice leaves and holds v1.1.0: too slow
    #4 alice overrides freeze: mends the outage
    held now: v1.1.0; lift a hold: `tagboat deploy api/VERSION --env canary --lift-hold REASON`
    [exit 0]
    ");
    let mut narrow = command(&repo, &repo.work(), &["history", "api", "--env", "canary"]);
    insta::assert_snapshot!(see(&repo, narrow.env("COLUMNS", "80")).all(), @r"
    api/canary: 4 attempts, unsigned
    #4 2026-01-01 00:04 UTC: roll back to v1.0.0 from v1.1.0: succeeded
        by alice, run local-deploy-20260101-000400-62e30d4
    #3 2026-01-01 00:03 UTC: deploy v1.1.0 from v1.0.0: succeeded
        by alice, run local-deploy-20260101-000300-62e30d4
    #2 2026-01-01 00:02 UTC: deploy v1.1.0 from v1.0.0: failed, rolled back
        by alice, run local-deploy-20260101-000200-62e30d4
    #1 2026-01-01 00:01 UTC: deploy v1.0.0: succeeded
        by alice, run local-deploy-20260101-000100-62e30d4

    #4 alice leaves and holds v1.1.0: too slow
    #4 alice overrides freeze: mends the outage
    #3 alice lifts the hold on v1.1.0: mended
    #2 holds v1.1.0: health gate on web-1: it answered HTTP 503
    held now: v1.1.0; lift a hold: `tagboat deploy api/VERSION --env canary --lift-hold REASON`
    [exit 0]
    ");
    let json = tagboat(&repo, &["history", "api", "--env", "canary", "--format", "json"]).json();
    let ledger = &json["ledgers"][0];
    assert_eq!(ledger["records"][0]["override_reason"], "freeze: mends the outage");
    assert_eq!(ledger["held"][0]["version"]["semver"], "v1.1.0");
}

#[test]
fn pushes_that_overrode_a_protection_are_in_the_history_with_who_and_why() {
    let repo = two_projects();
    let id = |name: &str| repo.git(&["rev-parse", name]);
    let (old, new) = (id("api/v1.0.0"), id("HEAD"));
    let record = |number: &str, changes: &[[&str; 3]], reason: &str| {
        let changes: Vec<String> =
            changes.iter().map(|change| format!("change: {}\n", change.join(" "))).collect();
        let message =
            format!("a protection was overridden\n\n{}reason: {reason}", changes.concat());
        let name = format!("tagboat/overrides/20260101-000000-{number}");
        repo.git(&["tag", "-a", "-m", &message, &name, "HEAD"]);
        let pushed = format!("refs/tags/{name}:refs/{name}");
        repo.git(&["push", "-q", "origin", &pushed]);
        repo.git(&["tag", "-d", &name]);
    };
    let none = "0".repeat(40);
    let moved = ["refs/tags/api/v1.0.0", &old, &new];
    let page = ["refs/tagboat/ledger/api/staging/0", &old, &none];
    record("1", &[moved, page], "it holds a key \u{1b}[31m");
    record("2", &[["refs/tags/web/production", &none, &new]], "moved in by hand");
    let clone = repo.clone_as("fresh");
    let seen = tagboat_in(&repo, &clone, &["history", "api", "--env", "staging", "--limit", "1"]);
    insta::assert_snapshot!(seen.all(), @r"
    api/staging: 2 attempts, unsigned
    #  WHEN                  WHAT                       OUTCOME    BY     RUN
    2  2026-01-01 00:02 UTC  deploy v1.1.0 from v1.0.0  succeeded  alice  local-deploy-20260101-000200-62e30d4

    pushes that overrode a protection:
    WHEN                  TAG                                WHAT                           BY                       REASON
    2026-01-01 00:02 UTC  refs/tagboat/ledger/api/staging/0  deleted, it was df04d93        Test <test@example.org>  it holds a key \u{1b}[31m
    2026-01-01 00:02 UTC  api/v1.0.0                         moved from df04d93 to 62e30d4  Test <test@example.org>  it holds a key \u{1b}[31m
    [exit 0]
    ");
    let told = |words: &[&str]| {
        let words = [&["history"], words, &["--offline", "--format", "json"]].concat();
        let json = tagboat_in(&repo, &clone, &words).json();
        let all = json["overridden_pushes"].as_array().unwrap().clone();
        all.iter().map(|one| one["ref"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told(&[]).len(), 3);
    // A version is of every environment, a page of its own, and another project's is not told.
    assert_eq!(told(&["api", "--env", "production"]), [moved[0]]);
    assert_eq!(told(&["web"]), ["refs/tags/web/production"]);
    // What is no record is said.
    repo.git(&["push", "-q", "origin", "HEAD:refs/tagboat/overrides/20260101-000000-3"]);
    let seen = tagboat_in(&repo, &clone, &["history", "api"]);
    assert_eq!(seen.status, 0, "{}", seen.all());
    assert!(seen.stderr.contains("000000-3 ("), "{}", seen.stderr);
    assert!(seen.stderr.contains("is no record of an override"), "{}", seen.stderr);
}

#[test]
fn two_hundred_and_fifty_deployments_are_read_back_from_a_fresh_clone() {
    let repo = Monorepo::new();
    let commit = repo.commit("feat: begin");
    repo.tag("api/v1.0.0", "api 1.0.0");
    repo.push();
    let mut book = Book::new(&repo, tag("api", "production"));
    for _ in 0..250 {
        book.add("api/v1.0.0", &commit, Terminal::Succeeded);
    }
    let clone = repo.clone_as("fresh");
    let seen = tagboat_in(&repo, &clone, &["history", "--format", "json"]);
    let records = seen.json()["ledgers"][0]["records"].as_array().unwrap().clone();
    let sequences: Vec<u64> = records.iter().map(|r| r["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=250).rev().collect::<Vec<_>>());
    let pages = repo.git_in(&repo.remote(), &["for-each-ref", "refs/tagboat/ledger/"]);
    assert_eq!(pages.lines().count(), 11);
    // git itself shows that it is only a tag.
    let tag = repo.git_in(&repo.remote(), &["cat-file", "tag", "refs/tags/api/production"]);
    assert!(tag.contains("\ntag api/production\n"), "{tag}");
}

#[test]
fn offline_is_said_and_answers_from_what_was_fetched() {
    let repo = two_projects();
    let clone = repo.clone_as("fresh");
    let online = tagboat_in(&repo, &clone, &["status", "--format", "json"]).json();
    assert_eq!(online["projects"][0]["environments"].as_array().unwrap().len(), 2);
    std::fs::rename(repo.remote(), repo.folder().join("gone.git")).unwrap();
    let offline = tagboat_in(&repo, &clone, &["status", "--offline", "--format", "json"]);
    assert_eq!(offline.json()["projects"], online["projects"]);
    assert!(offline.stderr.contains("the remote was not asked"), "{}", offline.stderr);
    let without = tagboat_in(&repo, &clone, &["status"]);
    assert_eq!(without.status, 4);
    assert!(without.stderr.starts_with("error[git::remote]: "), "{}", without.stderr);
}

#[test]
fn a_ledger_moved_back_is_noticed_by_who_saw_the_newer_one() {
    let repo = two_projects();
    let clone = repo.clone_as("fresh");
    let old = repo.git_in(&repo.remote(), &["rev-parse", "refs/tags/api/staging"]);
    let first = repo.git(&["rev-parse", "api/v1.0.0^{commit}"]);
    let first = CommitSha::parse(&first).unwrap();
    let mut book = Book::new(&repo, tag("api", "canary"));
    book.add("api/v1.0.0", &first, Terminal::Succeeded);
    let canary = repo.git_in(&repo.remote(), &["rev-parse", "refs/tags/api/canary"]);
    book.add("api/v1.0.0", &first, Terminal::Succeeded);
    assert_eq!(tagboat_in(&repo, &clone, &["status"]).status, 0);
    repo.git_in(&repo.remote(), &["update-ref", "refs/tags/api/canary", &canary]);
    let seen = tagboat_in(&repo, &clone, &["history", "api", "--env", "canary"]);
    assert_eq!(seen.status, 3);
    assert!(seen.stderr.starts_with("error[ledger::replayed]: "), "{}", seen.stderr);
    // And status says so without hiding the rest.
    let status = tagboat_in(&repo, &clone, &["status", "--format", "json"]);
    assert_eq!(status.status, 1);
    assert_eq!(status.json()["unreadable"][0]["code"], "ledger::replayed");
    assert_eq!(repo.git_in(&repo.remote(), &["rev-parse", "refs/tags/api/staging"]), old);
}

#[test]
fn a_version_tag_that_was_moved_on_the_remote_is_an_alarm() {
    let repo = two_projects();
    let clone = repo.clone_as("fresh");
    tagboat_in(&repo, &clone, &["status"]);
    repo.git(&["tag", "-f", "-a", "-m", "again", "api/v1.0.0", "HEAD"]);
    repo.git(&["push", "-q", "--force", "origin", "refs/tags/api/v1.0.0"]);
    let seen = tagboat_in(&repo, &clone, &["status"]);
    assert_eq!(seen.status, 1);
    assert!(seen.stderr.contains("refs/tags/api/v1.0.0 moved"), "{}", seen.stderr);
}

#[test]
fn a_question_about_one_project_brings_its_tags_alone_and_hides_no_others() {
    let repo = two_projects();
    let head = CommitSha::parse(&repo.git(&["rev-parse", "HEAD"])).unwrap();
    Book::new(&repo, tag("web", "production")).add("web/v0.1.0", &head, Terminal::Succeeded);
    let clone = repo.clone_as("fresh");
    repo.git_in(&clone, &["fetch", "-q", "--tags"]);
    let offline = ["status", "--offline", "--format", "json"];
    let before = tagboat_in(&repo, &clone, &offline).json();
    assert_eq!(tagboat_in(&repo, &clone, &["history", "api"]).status, 0);
    let refs = repo.git_in(&clone, &["for-each-ref", "--format=%(refname)", "refs/tagboat/remote"]);
    assert!(refs.contains("tags/api/production") && !refs.contains("web"), "{refs}");
    assert_eq!(tagboat_in(&repo, &clone, &offline).json()["projects"], before["projects"]);
    assert_eq!(before["projects"][1]["environments"].as_array().unwrap().len(), 1, "{before}");
}

#[test]
fn a_tag_that_holds_no_ledger_is_shown_as_unreadable_and_the_rest_as_it_is() {
    let repo = two_projects();
    repo.git(&["push", "-q", "origin", "HEAD^{tree}:refs/tags/web/production"]);
    let seen = tagboat(&repo, &["status", "--format", "json"]);
    assert_eq!((seen.status, &seen.json()["unreadable"][0]["code"]), (1, &"ledger::none".into()));
    assert_eq!(seen.json()["projects"][0]["environments"].as_array().unwrap().len(), 2);
    // It hides no other history; alone it is an error.
    let seen = tagboat(&repo, &["history", "--format", "json"]);
    assert_eq!((seen.status, &seen.json()["unreadable"][0]["code"]), (1, &"ledger::none".into()));
    assert_eq!(seen.json()["ledgers"].as_array().unwrap().len(), 2);
    let alone = tagboat(&repo, &["history", "web"]);
    assert!(alone.stderr.starts_with("error[ledger::none]: "), "{}", alone.all());
}

#[test]
fn hostile_names_are_counted_and_never_printed_or_executed() {
    let repo = two_projects();
    let names = [
        "$(touch${IFS}pwned)",
        "--output=pwned",
        "`touch${IFS}pwned`",
        "a;touch${IFS}pwned",
        "\u{202e}pwned",
    ];
    for name in names {
        repo.git(&["update-ref", &format!("refs/tags/{name}"), "HEAD"]);
    }
    repo.git(&["push", "-q", "origin", "refs/tags/*:refs/tags/*"]);
    let seen = tagboat(&repo, &["status", "--format", "json"]);
    assert_eq!((seen.status, &seen.json()["foreign_tags"]), (0, &5.into()));
    assert!(!seen.all().contains("pwned"));
    assert!(!repo.work().join("pwned").exists());
}

#[test]
fn errors_have_their_exit_status_and_one_form() {
    let repo = two_projects();
    let outside = tagboat_in(&repo, repo.folder(), &["status"]);
    assert_eq!(outside.status, 2);
    insta::assert_snapshot!(outside.all(), @r"
    -- stderr
    error[git::no-repository]: this folder is in no git repository
      = unchanged  nothing was changed, here or on the remote
      help: go into one, or name it: `tagboat -C FOLDER …`
    [exit 2]
    ");
    let unknown = tagboat(&repo, &["status", "ap"]);
    assert_eq!(unknown.status, 2);
    insta::assert_snapshot!(unknown.all(), @r"
    -- stderr
    error[usage::project]: no tag names a project ap
      = projects   api, web
      = unchanged  nothing was done
      help: name a project by its path in the repository
    [exit 2]
    ");
    let nothing = tagboat(&repo, &["history", "web", "--format", "json"]);
    assert_eq!(nothing.json()["error"]["code"], "history::none");
    assert_eq!(tagboat(&repo, &["stauts"]).status, 2);
    assert_eq!(tagboat(&repo, &["--version"]).status, 0);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let repo = two_projects();
    let words = "\"$0\" status | true; exit \"${PIPESTATUS[0]}\"";
    let status = std::process::Command::new("bash")
        .args(["-c", words, env!("CARGO_BIN_EXE_tagboat")])
        .current_dir(repo.work())
        .envs(repo.environment())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
}
