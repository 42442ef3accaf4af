//! `tagboat status`: what runs where. In: tags and ledgers. Out: projects × environments.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{Ledger, Signed};
use tagboat_core::listing::Source;
use tagboat_core::tag::{EnvironmentName, EnvironmentTag, State as Mark};
use tagboat_core::version::{ProjectPath, Version};

use super::history::signature_json;
use super::overriding::Overrides;
use super::reading::{Bare, Holding, State};
use super::trust::Trust;
use crate::cli::status::StatusArgs;
use crate::context::Context;
use crate::terminal::{Table, ago, printable};

/// What one environment runs of one project.
#[derive(Serialize)]
struct Running {
    environment: EnvironmentName,
    /// None where a lightweight tag leads to a commit without a version tag.
    version: Option<Version>,
    state: Option<Mark>,
    commit_sha: String,
    /// None where no ledger says it, as with the next.
    since: Option<Timestamp>,
    triggered_by: Option<String>,
    /// The newest attempt, where it is not the one that brought this version.
    last_attempt: Option<LastAttempt>,
    signed: bool,
    signature: serde_json::Value,
    /// Whether there is a ledger at all.
    ledger: bool,
    #[serde(skip)]
    verdict: Signed,
}

#[derive(Serialize)]
struct LastAttempt {
    version: Version,
    outcome: tagboat_core::deployment::Terminal,
    completed_at: Timestamp,
}

/// One project.
#[derive(Serialize)]
struct Project {
    project: String,
    newest_version: Option<Version>,
    environments: Vec<Running>,
}

/// Shows it.
pub(crate) fn run(arguments: &StatusArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("status");
    let (state, source) = State::read_as_asked(context, &scope, &arguments.read)?;
    let wanted = arguments
        .projects
        .iter()
        .map(|typed| super::project(typed))
        .collect::<Result<BTreeSet<ProjectPath>>>()?;
    let known = state.listing.projects();
    if let Some(unknown) = wanted.iter().find(|path| !known.contains(path)) {
        return Err(unknown_project(unknown, &known));
    }
    let chosen = |path: &ProjectPath| wanted.is_empty() || wanted.contains(path);
    let deleted = state.listing.deleted();
    let tags = state.listing.ledgers.keys().chain(deleted).filter(|tag| chosen(&tag.path));
    let (trust, overrides) = (Trust::read(context), Overrides::default());
    let holdings = state.holdings(context, &scope, &trust, &overrides, tags)?;
    let mut running: BTreeMap<&ProjectPath, Vec<Running>> = BTreeMap::new();
    let mut broken = Vec::new();
    for (tag, read) in &holdings {
        match read {
            Ok(Holding::Ledger(ledger, signed)) => {
                running.entry(&tag.path).or_default().extend(current(&state, ledger, signed));
            }
            Ok(Holding::Bare(bare)) => {
                running.entry(&tag.path).or_default().push(without_ledger(&state, tag, bare));
            }
            Err(error) => broken.push((tag, error.as_ref())),
        }
    }
    let projects: Vec<Project> = known
        .iter()
        .filter(|path| chosen(path))
        .map(|path| Project {
            project: path.as_str().to_owned(),
            newest_version: state
                .listing
                .versions_of(path)
                .last()
                .map(|(version, _)| version.clone()),
            environments: running.remove(*path).unwrap_or_default(),
        })
        .collect();

    state.warn(context, source);
    context.terminal.json(&serde_json::json!({
        "projects": projects,
        "unreadable": broken.iter().map(|(tag, error)| serde_json::json!({
            "tag": tag.to_string(), "code": error.code, "message": error.message,
        })).collect::<Vec<_>>(),
        "moved_tags": state.moved.iter().map(|moved| &moved.name).collect::<Vec<_>>(),
        "foreign_tags": state.listing.foreign,
        "offline": source == Source::Clone,
    }));
    context.terminal.say(&human(&projects, &broken, &state, context.clock().now()));
    for (_, error) in &broken {
        context.terminal.warn(&format!("{} [{}]", error.message, error.code));
    }
    Ok(if broken.is_empty() && state.moved.is_empty() { Exit::Done } else { Exit::Judged })
}

/// What a ledger says runs.
fn current(state: &State, ledger: &Ledger, signed: &Signed) -> Option<Running> {
    let newest = ledger.newest();
    let (version, commit) = newest.current()?;
    // The attempt that brought it; where failed ones since fill the whole tag, the oldest there is.
    let brought = ledger
        .entries()
        .iter()
        .map(tagboat_core::ledger::Entry::record)
        .find(|record| {
            record.version == *version && record.current().is_some_and(|c| c.0 == version)
        })
        .filter(|record| record.outcome == tagboat_core::deployment::Terminal::Succeeded);
    let shown = brought.unwrap_or(newest);
    let last_attempt =
        brought.is_none_or(|record| record.sequence != newest.sequence).then(|| LastAttempt {
            version: newest.version.clone(),
            outcome: newest.outcome,
            completed_at: newest.completed_at,
        });
    Some(Running {
        environment: ledger.tag().environment.clone(),
        version: Some(version.clone()),
        state: state.listing.states.get(version).copied(),
        commit_sha: commit.to_string(),
        since: Some(shown.completed_at),
        triggered_by: Some(shown.triggered_by.clone()),
        last_attempt,
        signed: signed.is_good(),
        signature: signature_json(signed),
        ledger: true,
        verdict: signed.clone(),
    })
}

/// What a lightweight tag from before says runs.
fn without_ledger(state: &State, tag: &EnvironmentTag, bare: &Bare) -> Running {
    Running {
        environment: tag.environment.clone(),
        version: bare.version.clone(),
        state: bare.version.as_ref().and_then(|version| state.listing.states.get(version).copied()),
        commit_sha: bare.commit.to_string(),
        since: None,
        triggered_by: None,
        last_attempt: None,
        signed: false,
        signature: signature_json(&Signed::No),
        ledger: false,
        verdict: Signed::No,
    }
}

fn human(
    projects: &[Project],
    broken: &[(&EnvironmentTag, &Diagnostic)],
    state: &State,
    now: Timestamp,
) -> String {
    if projects.is_empty() {
        let foreign = match state.listing.foreign {
            0 => String::new(),
            count => format!(" ({count} tags are not Tagboat's)"),
        };
        return format!(
            "no version tag yet{foreign}\nmake one and push it: `git tag -a v0.1.0 -m v0.1.0`, or api/v0.1.0 for a project in api/"
        );
    }
    let configured = state.environments.configured();
    let tagged = state.listing.ledgers.keys().map(|tag| &tag.environment);
    let columns: BTreeSet<&EnvironmentName> = configured.chain(tagged).collect();
    let head = ["PROJECT", "NEWEST"].map(str::to_owned).into_iter();
    let mut table = Table::new(head.chain(columns.iter().map(|name| name.as_str().to_uppercase())));
    let mut notes = Vec::new();
    for project in projects {
        let path = if project.project.is_empty() { "(root)" } else { &project.project };
        let newest =
            project.newest_version.as_ref().map_or_else(|| "-".to_owned(), Version::semver);
        let cells = columns.iter().map(|column| {
            let unreadable = broken.iter().any(|(tag, _)| {
                tag.path.as_str() == project.project && tag.environment == **column
            });
            match project.environments.iter().find(|running| running.environment == **column) {
                Some(running) => cell(running, now),
                None if unreadable => "?".to_owned(),
                None => "-".to_owned(),
            }
        });
        table.row([path.to_owned(), newest].into_iter().chain(cells));
        for running in &project.environments {
            if !running.ledger {
                notes.push(format!(
                    "{path} in {}: the tag is lightweight, from before; its history is lost",
                    running.environment
                ));
            }
            if let Some(last) = &running.last_attempt {
                notes.push(format!(
                    "{path} in {}: the attempt to deploy {} {} {}",
                    running.environment,
                    last.version.semver(),
                    match last.outcome {
                        tagboat_core::deployment::Terminal::RolledBack => "was rolled back",
                        other => other.word(),
                    },
                    ago(last.completed_at, now),
                ));
            }
        }
    }
    let mut text = table.text();
    if !notes.is_empty() {
        text.push_str("\n\n");
        text.push_str(&notes.join("\n"));
    }
    if let Some(signatures) = signatures(projects) {
        text.push_str("\n\n");
        text.push_str(&signatures);
    }
    text
}

/// One line on all ledgers where they are alike; else how many are signed, and a line for each that is not.
fn signatures(projects: &[Project]) -> Option<String> {
    let all = projects.iter().flat_map(|project| {
        project.environments.iter().map(move |running| (&project.project, running))
    });
    let all: Vec<_> = all.filter(|(_, running)| running.ledger).collect();
    if all.is_empty() {
        return None;
    }
    let signed = all.iter().filter(|(_, running)| running.signed).count();
    let is_plain = |verdict: &Signed| !matches!(verdict, Signed::Badly(_));
    if signed == all.len() {
        return Some("ledgers: signed".to_owned());
    }
    if signed == 0 && all.iter().all(|(_, running)| is_plain(&running.verdict)) {
        return Some("ledgers: unsigned".to_owned());
    }
    let mut text = format!("ledgers: {signed} of {} signed", all.len());
    for (project, running) in all.iter().filter(|(_, running)| !running.signed) {
        let path = if project.is_empty() { "(root)" } else { project };
        let verdict = printable(&running.verdict.to_string());
        text.push_str(&format!("\n  {path} in {}: {verdict}", running.environment));
    }
    Some(text)
}

fn cell(running: &Running, now: Timestamp) -> String {
    let mark = running.state.map(|state| format!(" {state}")).unwrap_or_default();
    let short = || running.commit_sha.chars().take(7).collect();
    let version = running.version.as_ref().map_or_else(short, Version::semver);
    let since = running.since.map_or_else(|| "no ledger".to_owned(), |since| ago(since, now));
    format!("{version}{mark}, {since}")
}

fn unknown_project(unknown: &ProjectPath, known: &BTreeSet<&ProjectPath>) -> Box<Diagnostic> {
    let names: Vec<String> = known.iter().take(20).map(ToString::to_string).collect();
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Box::new(
        Diagnostic::unchanged(
            "usage::project",
            Exit::Usage,
            format!("no tag names a project {unknown}"),
            "nothing was done",
        )
        .fact("projects", known)
        .help("name a project by its path in the repository"),
    )
}
