//! `tagboat status`: what runs where. In: tags and ledgers. Out: projects × environments.

mod moment;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use tagboat_core::deployment::Terminal as Outcome;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{HoldAction, LedgerError, LedgerView, Record, Signed};
use tagboat_core::listing::{About, Source};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag, State as Mark};
use tagboat_core::version::{ProjectPath, Version};

use super::history::signature_json;
use super::overriding::Overrides;
use super::reading::{Bare, Holding, State};
use super::trust::Trust;
use crate::cli::status::StatusArgs;
use crate::context::Context;

/// What one environment runs of one project.
#[derive(Clone, Serialize)]
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
    /// Versions that stand in the way of a deployment, as far as the tag's own records tell.
    holds: Vec<Hold>,
    signed: bool,
    signature: serde_json::Value,
    /// Whether there is a ledger at all.
    ledger: bool,
    #[serde(skip)]
    verdict: Signed,
}

#[derive(Clone, Serialize)]
struct LastAttempt {
    version: Version,
    outcome: Outcome,
    completed_at: Timestamp,
}

/// A version that was rolled back, and is not deployed again without a word of a person (SPEC R4).
#[derive(Clone, Serialize)]
struct Hold {
    version: Version,
    reason: String,
    since: Timestamp,
    /// The command that lifts it.
    lift: String,
}

/// One project.
#[derive(Serialize)]
struct Project {
    project: String,
    newest_version: Option<Version>,
    environments: Vec<Running>,
}

/// All of it, for programs.
#[derive(Serialize)]
struct Answer<'a> {
    projects: &'a [Project],
    unreadable: Vec<Unreadable<'a>>,
    /// Full names of version and state tags that the remote holds otherwise.
    moved_tags: Vec<&'a str>,
    /// Environment tags that this clone read for the first time.
    not_remembered: Vec<String>,
    /// How many tags are none of ours.
    foreign_tags: usize,
    offline: bool,
}

/// An environment tag that cannot be trusted.
#[derive(Serialize)]
struct Unreadable<'a> {
    tag: String,
    code: &'a str,
    message: &'a str,
}

impl<'a> Unreadable<'a> {
    fn new(tag: &EnvironmentTag, error: &'a Diagnostic) -> Self {
        Self { tag: tag.to_string(), code: error.code, message: &error.message }
    }
}

/// Shows it.
pub(crate) fn run(arguments: &StatusArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("status");
    let at = arguments.at.map(|at| at.resolve(context.clock().now())).transpose()?;
    let (state, source) =
        State::read_as_asked(context, &scope, &arguments.read, About::Everything)?;
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
    if let Some(at) = at {
        let holdings = state.holdings(context, &scope, &trust, &overrides, tags)?;
        state.warn(context, source);
        let projects = known.into_iter().filter(|path| chosen(path));
        return moment::show(context, &scope, &state, source, &at, projects, holdings);
    }
    let keep = &mut |view: &LedgerView<'_>| current(&state, view);
    let holdings = state.survey(context, &scope, &trust, &overrides, tags, keep)?;
    let mut running: BTreeMap<&ProjectPath, Vec<Running>> = BTreeMap::new();
    let mut broken = Vec::new();
    for (tag, read) in &holdings {
        match read {
            Ok(Holding::Ledger(runs, verdict)) => {
                let runs = runs.iter().cloned().map(|runs| runs.judged(verdict));
                running.entry(&tag.path).or_default().extend(runs);
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
                .next_back()
                .map(|(version, _)| version.clone()),
            environments: running.remove(*path).unwrap_or_default(),
        })
        .collect();

    state.warn(context, source);
    if context.terminal.is_json() {
        context.terminal.document(&Answer {
            projects: &projects,
            unreadable: broken.iter().map(|(tag, error)| Unreadable::new(tag, error)).collect(),
            moved_tags: state.moved.iter().map(|moved| moved.name.as_str()).collect(),
            not_remembered: holdings
                .iter()
                .filter(|(_, read)| matches!(read, Ok(Holding::Ledger(..))))
                .filter(|(tag, _)| state.is_read_first(tag))
                .map(|(tag, _)| tag.to_string())
                .collect(),
            foreign_tags: state.listing.foreign,
            offline: source == Source::Clone,
        });
    } else {
        let status = view::Status::new(&projects, &broken, &state, context.clock().now());
        context.terminal.say(&status.text(context.terminal.width()));
    }
    for (_, error) in &broken {
        context.terminal.warn(&format!("{} [{}]", error.message, error.code));
    }
    Ok(if broken.is_empty() && state.moved.is_empty() { Exit::Done } else { Exit::Judged })
}

/// Whether this attempt brought the version that runs after it.
fn brought(record: &Record, version: &Version) -> bool {
    record.version == *version && record.outcome == Outcome::Succeeded
}

/// The holds on versions that could be deployed next: those that are not lower than the one that runs.
fn holds(
    ledger: &LedgerView<'_>,
    current: &Version,
) -> std::result::Result<Vec<Hold>, LedgerError> {
    let mut judged = BTreeSet::new();
    let mut holds = Vec::new();
    for line in ledger.lines() {
        for change in line.holds.iter().rev() {
            // The newest word on a version holds.
            let news = judged.insert(&change.version) && change.action == HoldAction::Held;
            if news && change.version >= *current {
                let (version, environment) = (&change.version, &ledger.tag().environment);
                holds.push(Hold {
                    version: version.clone(),
                    reason: change.reason.clone(),
                    since: line.record()?.completed_at,
                    lift: format!(
                        "tagboat deploy {version} --env {environment} --lift-hold REASON"
                    ),
                });
            }
        }
    }
    Ok(holds)
}

impl Running {
    /// The same, with what the signature says.
    fn judged(self, verdict: &Signed) -> Self {
        let (signed, signature) = (verdict.is_good(), signature_json(verdict));
        Self { signed, signature, verdict: verdict.clone(), ..self }
    }
}

/// What a ledger says runs.
fn current(
    state: &State,
    ledger: &LedgerView<'_>,
) -> std::result::Result<Option<Running>, LedgerError> {
    let newest = ledger.newest();
    let Some((version, commit)) = newest.current() else { return Ok(None) };
    // The attempt that brought it; where failed ones since fill the whole tag, the oldest there is.
    let brought = ledger
        .lines()
        .iter()
        .find(|line| line.version == *version && line.outcome == Outcome::Succeeded);
    let shown = brought.unwrap_or(newest).record()?;
    let last_attempt = match brought {
        Some(line) if line.sequence == newest.sequence => None,
        Some(_) | None => Some(LastAttempt {
            version: newest.version.clone(),
            outcome: newest.outcome,
            completed_at: newest.record()?.completed_at,
        }),
    };
    Ok(Some(Running {
        environment: ledger.tag().environment.clone(),
        version: Some(version.clone()),
        state: state.listing.states.get(version).copied(),
        commit_sha: commit.to_string(),
        since: Some(shown.completed_at),
        triggered_by: Some(shown.triggered_by),
        last_attempt,
        holds: holds(ledger, version)?,
        signed: false,
        signature: signature_json(&Signed::No),
        ledger: true,
        verdict: Signed::No,
    }))
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
        holds: Vec::new(),
        signed: false,
        signature: signature_json(&Signed::No),
        ledger: false,
        verdict: Signed::No,
    }
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
