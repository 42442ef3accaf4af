//! Commands that a person waits for. In: the state that the demo leaves in git. Out: what `--version` and `status`
//! take, against what git takes to start and to list the tags.

use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use tagboat_adapters::git::GitRepository;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::deployment::{DeploymentId, Terminal};
use tagboat_core::ledger::{Attempt, Ledger, Record};
use tagboat_core::ports::{Cancel, NewTag, RefUpdate, Repository as _, Scope, Silent, Swap};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag};
use tagboat_core::version::{ProjectPath, Version};
use tagboat_testing::monorepo::{FIRST_COMMIT, Monorepo};

use crate::table::{Row, seconds};
use crate::usage::{measure as usage, median, run};
use crate::{Result, checkout_folder, own_tagboat};

/// Figures a command.
const FIGURES: usize = 20;
/// Runs a figure: the kernel counts in hundredths of a second, so one run is too short to be seen.
const RUNS: u32 = 10;

/// Bars, in processor time.
const VERSION_BAR: Duration = Duration::from_millis(10);
const STATUS_BAR: Duration = Duration::from_millis(50);

/// What the demo did to each environment, in order.
const STORY: [(&str, Terminal); 4] = [
    ("api/v1.0.0", Terminal::Succeeded),
    ("api/v1.1.0", Terminal::Succeeded),
    ("api/v1.2.0", Terminal::RolledBack),
    ("api/v1.2.1", Terminal::Succeeded),
];

/// Measures both.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let repo = demo_repository()?;
    let tagboat = own_tagboat(repo.folder())?;
    let tagboat = tagboat.to_str().ok_or("TMPDIR is not UTF-8")?;
    let command = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(repo.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(repo.environment());
        command
    };
    // A clone knows what it has fetched.
    run(&mut command(&[tagboat, "status"]))?;
    let shown = command(&[tagboat, "status", "--offline"]).output()?.stdout;
    if String::from_utf8_lossy(&shown).matches("v1.2.1").count() < 2 {
        return Err("`tagboat status` does not show what the demo left".into());
    }
    let mut rows = Vec::new();
    for (ours, peer, bar) in [
        (&["--version"][..], &["git", "--version"][..], VERSION_BAR),
        (&["status", "--offline"], &["git", "show-ref", "--tags", "-d"], STATUS_BAR),
    ] {
        let words: Vec<&str> = [tagboat].iter().chain(ours).copied().collect();
        let (mut figures, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..FIGURES {
            for (words, figures) in [(&words[..], &mut figures), (peer, &mut peers)] {
                let many = || (0..RUNS).try_for_each(|_| run(&mut command(words)));
                figures.push(usage(many)?.cpu / RUNS);
            }
        }
        let ours_took = median(figures.iter().copied()).ok_or("no figure")?;
        let peer_took = median(peers.iter().copied()).ok_or("no figure")?;
        rows.push(Row {
            what: format!("tagboat {}", ours.join(" ")),
            figure: format!("{} CPU", seconds(ours_took)),
            peer: format!("{} {}", seconds(peer_took), peer.join(" ")),
            ratio: None,
            bar: format!("<= {} ms", bar.as_millis()),
            met: Some(ours_took <= bar),
        });
    }
    Ok(rows)
}

/// Two projects, each deployed to two environments; one version of `api` was sick.
fn demo_repository() -> Result<Monorepo> {
    let repo = Monorepo::new();
    let example = checkout_folder().join("examples/monorepo/.");
    run(Command::new("cp").arg("--recursive").arg(example).arg(repo.work()))?;
    let mut commits = Vec::new();
    for (version, _) in STORY {
        let commit = repo.commit(&format!("feat: {version}"));
        repo.tag(version, version);
        if commits.is_empty() {
            repo.tag("local-rag/v1.0.0", "local-rag/v1.0.0");
        }
        commits.push((version, commit));
    }
    repo.push();
    for environment in ["staging", "production"] {
        let story = STORY
            .iter()
            .zip(&commits)
            .map(|((version, end), (_, commit))| (*version, commit, *end));
        write_ledger(&repo, "api", environment, story)?;
        let only = [("local-rag/v1.0.0", &commits[0].1, Terminal::Succeeded)];
        write_ledger(&repo, "local-rag", environment, only.into_iter())?;
    }
    Ok(repo)
}

/// An environment tag, grown as deployments grow it.
fn write_ledger<'a>(
    repo: &Monorepo,
    project: &str,
    environment: &str,
    story: impl Iterator<Item = (&'a str, &'a CommitSha, Terminal)>,
) -> Result<()> {
    let scope = Scope::new("bench", &Silent, Cancel::default());
    let repository = GitRepository::open(&scope, &repo.work(), "origin")?;
    let tag =
        EnvironmentTag::new(ProjectPath::parse(project)?, EnvironmentName::parse(environment)?);
    let mut ledger: Option<Ledger> = None;
    let mut held: Option<ObjectId> = None;
    for ((version, commit, outcome), sequence) in story.zip(1_u64..) {
        let at = |second: i64| {
            Timestamp::from_second(FIRST_COMMIT + i64::try_from(sequence)? * 3600 + second)
                .map_err(Box::<dyn std::error::Error>::from)
        };
        let previous = ledger.as_ref().and_then(|ledger| ledger.newest().current());
        let id = DeploymentId::new(at(0)?, commit, |_| false);
        let record = Record {
            sequence,
            attempt: Attempt::Deploy,
            version: Version::parse(version)?,
            commit: commit.clone(),
            previous_version: previous.map(|(version, _)| version.clone()),
            previous_commit: previous.map(|(_, commit)| commit.clone()),
            outcome,
            started_at: at(0)?,
            completed_at: at(30)?,
            triggered_by: "ann".to_owned(),
            workflow_run_id: format!("local-{id}"),
            deployment_id: id,
            regions: Vec::new(),
            holds: Vec::new(),
            override_reason: None,
        };
        let grown = match &ledger {
            Some(ledger) => ledger.append(record)?.ledger,
            None => Ledger::first(tag.clone(), record)?,
        };
        let new = repository.write_tag(
            &scope,
            &NewTag {
                name: tag.to_string(),
                commit: grown.commit()?.clone(),
                time: at(30)?,
                message: grown.message(),
            },
        )?;
        let update = RefUpdate { name: tag.remote_ref(), expected: held.clone(), new: new.clone() };
        if repository.swap(&scope, &[update])? != Swap::Won {
            return Err("a tag that nobody else writes could not be written".into());
        }
        (ledger, held) = (Some(grown), Some(new));
    }
    Ok(())
}
