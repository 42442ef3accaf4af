//! `status` of many projects: what a user sees of 50 projects in 5 environments, however wide the terminal is.

use jiff::Timestamp;
use tagboat_adapters::git::GitRepository;
use tagboat_core::deployment::{DeploymentId, Terminal};
use tagboat_core::ledger::{Attempt, HoldAction, HoldChange, Ledger, Record};
use tagboat_core::ports::{Cancel, NewTag, RefUpdate, Repository as _, Scope, Silent, Swap};
use tagboat_core::version::Version;
use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::tag;
use crate::user::{Seen, command, see};

const ENVIRONMENTS: [&str; 5] = ["staging", "canary", "sandbox", "performance", "production"];

const OFFLINE: [&str; 2] = ["status", "--offline"];

const NAMES: [&str; 10] = [
    "api",
    "web",
    "billing",
    "search",
    "gateway",
    "ledger",
    "mailer",
    "metrics",
    "scheduler",
    "accounts",
];

/// So many days, hours or minutes ago.
fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() - seconds).unwrap()
}

/// 50 projects; `long` gives their paths and versions more letters.
fn many(long: bool) -> Monorepo {
    let repo = Monorepo::new();
    for environment in ENVIRONMENTS {
        repo.write(&format!("environments/{environment}/environment.yml"), "");
    }
    let commit = repo.commit("feat: begin");
    let scope = Scope::new("test", &Silent, Cancel::default());
    let repository = GitRepository::open(&scope, &repo.work(), "origin").unwrap();
    let (mut updates, mut versions) = (Vec::new(), String::new());
    for project in 0..50_usize {
        let name = NAMES[project % 10];
        let path = match (project / 10, long) {
            (0, false) => name.to_owned(),
            (team, false) => format!("{name}-{team}"),
            (team, true) => format!("services/team-{team}/{name}-service"),
        };
        let minor = project % 12;
        let pre = if long { "-beta.12" } else { "" };
        let newest = format!("{path}/v1.{}.{}{pre}", minor + 1, project % 3);
        let older = format!("{path}/v1.{minor}.0");
        for version in [&newest, &older] {
            versions.push_str(&format!("create refs/tags/{version} {commit}\n"));
        }
        if project % 7 == 0 {
            versions.push_str(&format!("create refs/tags/{older}-stable {commit}\n"));
        }
        for (index, environment) in ENVIRONMENTS.into_iter().enumerate() {
            if (project + index) % 9 == 0 {
                continue;
            }
            let tag = tag(&path, environment);
            let version = if index < 2 { &newest } else { &older };
            let at = ago(3_000 * (project as i64 + 1) * (index as i64 + 1));
            let id = DeploymentId::new(at, &commit, |_| false);
            let record = |sequence, version: &str, outcome, holds| Record {
                sequence,
                attempt: Attempt::Deploy,
                version: Version::parse(version).unwrap(),
                commit: commit.clone(),
                previous_version: (sequence > 1).then(|| Version::parse(&older).unwrap()),
                previous_commit: (sequence > 1).then(|| commit.clone()),
                outcome,
                started_at: at,
                completed_at: at,
                triggered_by: "alice".to_owned(),
                workflow_run_id: format!("local-{id}"),
                deployment_id: id.clone(),
                regions: vec![],
                holds,
                override_reason: None,
            };
            let first = record(1, version, Terminal::Succeeded, vec![]);
            let mut ledger = Ledger::first(tag.clone(), first).unwrap();
            if project == 3 && environment == "production" {
                let held = HoldChange {
                    version: Version::parse(&newest).unwrap(),
                    action: HoldAction::Held,
                    reason: "health gate on web-1: it answered HTTP 503, and its critical check \
                             `database` was down"
                        .to_owned(),
                };
                let failed = record(2, &newest, Terminal::RolledBack, vec![held]);
                ledger = ledger.append(failed).unwrap().ledger;
            }
            let new = NewTag {
                name: tag.to_string(),
                commit: ledger.commit().unwrap().clone(),
                time: at,
                message: ledger.message(),
            };
            let new = repository.write_tag(&scope, &new).unwrap();
            updates.push(RefUpdate { name: tag.remote_ref(), expected: None, new });
        }
    }
    let file = repo.folder().join("versions");
    std::fs::write(&file, versions).unwrap();
    let git = std::process::Command::new("git")
        .args(["update-ref", "--stdin"])
        .current_dir(repo.work())
        .stdin(std::fs::File::open(&file).unwrap())
        .status();
    assert!(git.unwrap().success());
    repo.push();
    assert_eq!(repository.swap(&scope, &updates).unwrap(), Swap::Won);
    repo
}

fn status(repo: &Monorepo, columns: &str) -> Seen {
    let mut status = command(repo, &repo.work(), &OFFLINE);
    see(repo, status.env("COLUMNS", columns))
}

#[test]
fn fifty_projects_in_five_environments_are_readable_at_80_columns_and_every_version_is_whole() {
    for long in [false, true] {
        let repo = many(long);
        let mut online = command(&repo, &repo.work(), &["status", "--format", "json"]);
        let json = see(&repo, &mut online).json();
        for columns in ["80", "100", "120", "160"] {
            let seen = status(&repo, columns);
            let width: usize = columns.parse().unwrap();
            // A command is left whole, so that it can be copied.
            let lines = seen.stdout.lines().filter(|line| !line.starts_with("  lift the hold: "));
            let wide: Vec<&str> = lines.filter(|line| line.chars().count() > width).collect();
            assert_eq!(wide, Vec::<&str>::new(), "{columns}");
        }
        let narrow = status(&repo, "80").stdout;
        let wide = status(&repo, "300").stdout;
        assert_eq!(wide, see(&repo, &mut command(&repo, &repo.work(), &OFFLINE)).stdout);
        assert!(wide.starts_with("PROJECT") && wide.contains("v1.9.0, 1 d ago"), "{wide}");
        let words: Vec<&str> = narrow.split_whitespace().collect();
        let held = "was rolled back 16 h ago and is held: health gate";
        assert!(words.join(" ").contains(held), "{narrow}");
        let is_table = narrow.starts_with("PROJECT      CANARY ");
        let is_list =
            narrow.starts_with("services/team-0/accounts-service: newest v1.10.0-beta.12\n");
        assert_eq!((is_table, is_list), (!long, long), "{narrow}");
        for project in json["projects"].as_array().unwrap() {
            let path = project["project"].as_str().unwrap();
            assert!(narrow.lines().any(|line| line.starts_with(path)), "{path}");
            for running in project["environments"].as_array().unwrap() {
                let version = running["version"]["semver"].as_str().unwrap();
                assert!(narrow.contains(version), "{path} {version}");
            }
        }
    }
}
