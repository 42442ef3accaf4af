//! `rollback` as a user meets it: where it goes, what it passes over, and why there may be no way.

use std::fmt::Write as _;

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_core::ledger::{HoldAction, HoldChange};
use tagboat_core::version::Version;
use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::{Book, tag};
use crate::signatures::{refused, shop, with};
use crate::user::{Seen, tagboat};

const ROLLBACK: [&str; 4] = ["rollback", "api", "--env", "production"];

/// Publishes these versions for an architecture, as an index and a pool show them.
fn publish(repo: &Monorepo, architecture: &str, versions: &[&str]) {
    let mut index = String::new();
    for version in versions {
        let file = format!("pool/main/a/api/api_{version}_{architecture}.deb");
        repo.write(&format!("repository/{file}"), "a package");
        write!(
            index,
            "Package: api\nVersion: {version}\nArchitecture: {architecture}\nFilename: {file}\nSize: 9\n\n"
        )
        .unwrap();
    }
    let path = format!("repository/dists/stable/main/binary-{architecture}/Packages");
    repo.write(&path, index);
}

/// Five versions ran in production, the last runs; it has a host of each architecture, which nobody can reach.
fn deployed() -> (Monorepo, Book, CommitSha) {
    let repo = shop("publish: {folder: repository}\n", "");
    let host = |number: u8, arch: &str| {
        format!("  - {{name: web-{number}, address: 192.0.2.{number}, user: root, arch: {arch}}}\n")
    };
    repo.write(
        "environments/production/environment.yml",
        format!("hosts:\n{}{}", host(1, "amd64"), host(2, "arm64")),
    );
    let commit = CommitSha::parse(&repo.git(&["rev-parse", "api/v1.0.0^{commit}"])).unwrap();
    let versions = ["v1.2.0", "v1.3.0", "v1.4.0"];
    for version in versions {
        repo.git(&["tag", "-a", "-m", version, &format!("api/{version}"), commit.as_str()]);
    }
    repo.push();
    let mut book = Book::new(&repo, tag("api", "production"));
    for version in ["v1.0.0", "v1.2.0", "v1.3.0", "v1.4.0"] {
        book.add(&format!("api/{version}"), &commit, Terminal::Succeeded);
    }
    (repo, book, commit)
}

/// What was chosen, as it is told before a host is asked.
fn chosen(seen: &Seen) -> &str {
    refused(seen, "host::unpinned");
    seen.stderr.split("error[").next().unwrap()
}

#[test]
fn a_version_without_a_package_for_every_host_is_passed_over_and_refused_by_name() {
    let (repo, ..) = deployed();
    publish(&repo, "amd64", &["1.0.0", "1.2.0", "1.3.0", "1.4.0"]);
    publish(&repo, "arm64", &["1.0.0", "1.3.0", "1.4.0"]);
    let back = "from api/v1.4.0 back to api/v1.3.0: the newest of 2 that may be gone back to\n";
    assert_eq!(chosen(&tagboat(&repo, &ROLLBACK)), back);
    publish(&repo, "arm64", &["1.0.0", "1.2.0", "1.4.0"]);
    // A file that is gone is no package, whatever the index says.
    std::fs::remove_file(repo.work().join("repository/pool/main/a/api/api_1.2.0_amd64.deb"))
        .unwrap();
    assert_eq!(
        chosen(&tagboat(&repo, &ROLLBACK)),
        "from api/v1.4.0 back to api/v1.0.0: the only one that may be gone back to\n  \
         not api/v1.3.0: it has no package for arm64 in the repository\n  \
         not api/v1.2.0: it has no package for amd64 in the repository\n  \
         not api/v1.1.0: it is not in the ledger of production with success\n"
    );
    let seen = tagboat(&repo, &with(&ROLLBACK, &["--to", "v1.2.0"]));
    refused(&seen, "rollback::not-eligible");
    assert!(
        seen.stderr.contains("it has no package for amd64 in the repository"),
        "{}",
        seen.stderr
    );
    publish(&repo, "arm64", &["1.4.0"]);
    let seen = tagboat(&repo, &ROLLBACK);
    refused(&seen, "rollback::no-candidate");
    insta::assert_snapshot!(seen.all(), @r"
    -- stderr
    error[rollback::no-candidate]: nothing to roll api/production back to
      = current    api/v1.4.0, deployed 2026-01-01 00:04 UTC by alice
      = rejected   api/v1.3.0: has no package for arm64 in the repository
      = rejected   api/v1.2.0: has no package for amd64 in the repository
      = rejected   api/v1.1.0: is not in the ledger of production with success
      = rejected   api/v1.0.0: has no package for arm64 in the repository
      = unchanged  production still runs api/v1.4.0
      help: deploy a version you trust: `tagboat deploy VERSION --env production`
    [exit 3]
    ");
}

#[test]
fn what_was_held_deprecated_or_tagged_on_another_commit_is_passed_over_and_stable_goes_first() {
    let (repo, mut book, commit) = deployed();
    publish(&repo, "amd64", &["1.0.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"]);
    publish(&repo, "arm64", &["1.0.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"]);
    repo.tag("api/v1.5.0", "api 1.5.0");
    repo.git(&["tag", "-a", "-m", "stable", "api/v1.2.0-stable", commit.as_str()]);
    repo.push();
    // It was another commit when it ran.
    book.add("api/v1.5.0", &commit, Terminal::Succeeded);
    let held = HoldChange {
        version: Version::parse("api/v1.5.0").unwrap(),
        action: HoldAction::Held,
        reason: "too slow \u{1b}[31m".to_owned(),
    };
    book.add_rollback("api/v1.4.0", &commit, vec![held.clone()], None);
    let stable =
        "from api/v1.4.0 back to api/v1.2.0: the newest stable of 3 that may be gone back to\n";
    assert_eq!(chosen(&tagboat(&repo, &ROLLBACK)), stable);
    repo.git(&["tag", "-a", "-m", "bad", "api/v1.2.0-deprecated", commit.as_str()]);
    repo.push();
    let held = HoldChange { version: Version::parse("api/v1.3.0").unwrap(), ..held };
    book.add_with("api/v1.4.0", &commit, Terminal::Succeeded, vec![held]);
    let seen = tagboat(&repo, &ROLLBACK);
    assert_eq!(
        chosen(&seen),
        "from api/v1.4.0 back to api/v1.0.0: the only one that may be gone back to\n  \
         not api/v1.3.0: it is held: too slow \\u{1b}[31m\n  \
         not api/v1.2.0: it is tagged -deprecated\n  \
         not api/v1.1.0: it is not in the ledger of production with success\n"
    );
    repo.tag("api/v1.6.0", "api 1.6.0");
    repo.push();
    book.add(
        "api/v1.6.0",
        &CommitSha::parse(&repo.git(&["rev-parse", "HEAD"])).unwrap(),
        Terminal::Succeeded,
    );
    publish(&repo, "amd64", &["1.5.0", "1.6.0"]);
    publish(&repo, "arm64", &["1.5.0", "1.6.0"]);
    let seen = tagboat(&repo, &with(&ROLLBACK, &["--to", "v1.5.0"]));
    refused(&seen, "rollback::not-eligible");
}

#[test]
fn a_lost_way_back_is_overridden_by_name_and_only_where_it_is_lost() {
    let (repo, ..) = deployed();
    repo.tag("api/v1.5.0", "api 1.5.0");
    repo.push();
    publish(&repo, "amd64", &["1.4.0", "1.5.0"]);
    publish(&repo, "arm64", &["1.4.0", "1.5.0"]);
    let deploy = ["deploy", "api/v1.5.0", "--env", "production"];
    let word = ["--override", "way-back=the outage is worse"];
    refused(&tagboat(&repo, &with(&deploy, &word)), "deploy::nothing-to-override");
    publish(&repo, "arm64", &["1.5.0"]);
    // The last refusal before a host is asked, and the plan understands the same words.
    for verb in ["deploy", "plan"] {
        let words = [verb, "api/v1.5.0", "--env", "production"];
        refused(&tagboat(&repo, &with(&words, &word)), "host::unpinned");
    }
}
