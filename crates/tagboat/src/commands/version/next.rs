//! `tagboat version next`. In: the tags, and the commits since. Out: the version, alone; the reason of each commit beside
//! it.

use serde_json::{Value, json};
use tagboat_core::conventional::Change;
use tagboat_core::diagnostic::{Exit, Result};
use tagboat_core::listing::{About, Source};
use tagboat_core::next::{Asks, Bump, NextError, NextVersion, Reason};
use tagboat_core::version::{ProjectPath, Version};

use super::super::reading::State;
use super::{commit, goal, next_of, project, refusal};
use crate::cli::version::NextArgs;
use crate::context::Context;
use crate::terminal::Table;

/// Commits shown to people; programs get them all.
const SHOWN: usize = 20;

/// Shows it.
pub(super) fn run(arguments: &NextArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("version");
    let config = context.config()?;
    let one = match arguments.project {
        None if config.projects.len() != 1 => None,
        _ => Some(project(config, arguments.project.as_deref())?),
    };
    let about = one.map(|project| std::slice::from_ref(&project.path));
    let about = about.map_or(About::Everything, About::Projects);
    let (state, source) = State::read_as_asked(context, &scope, &arguments.read, about)?;
    let commit = commit(context, &scope, &arguments.of.commit)?;
    let goal = goal(&arguments.of);
    let of = |project| next_of(context, &scope, &state, project, &commit, goal);
    let judged = if state.moved.is_empty() { Exit::Done } else { Exit::Judged };

    if let Some(project) = one {
        let next = of(project)?.map_err(|error| refusal(&project.path, &error))?;
        state.warn(context, source);
        let mut document = next_json(&project.path, &Ok(next.clone()));
        document["commit_sha"] = json!(commit);
        document["offline"] = json!(source == Source::Clone);
        context.terminal.json(&document);
        context.terminal.say(&next.version.to_string());
        for line in reasons(&next) {
            context.terminal.note(&line);
        }
        return Ok(judged);
    }

    let mut table = Table::new(["PROJECT", "LAST", "NEXT", "BECAUSE"]);
    let mut documents = Vec::new();
    let mut failed = Vec::new();
    for project in &config.projects {
        let next = of(project)?;
        table.row(row(&project.path, &next));
        documents.push(next_json(&project.path, &next));
        if let Err(error) = next
            && !matches!(error, NextError::NothingAsked { .. })
        {
            failed.push(refusal(&project.path, &error));
        }
    }
    state.warn(context, source);
    context.terminal.json(&json!({
        "projects": documents, "commit_sha": commit, "offline": source == Source::Clone,
    }));
    context.terminal.say(&table.text());
    for error in &failed {
        context.terminal.warn(&format!("{} [{}]", error.message, error.code));
    }
    Ok(if failed.is_empty() { judged } else { Exit::Judged })
}

/// `minor after api/v1.2.0:` and what each commit asks for, the weightiest first.
fn reasons(next: &NextVersion) -> Vec<String> {
    let Some(base) = &next.base else {
        return vec!["the project has no version yet: it begins here".to_owned()];
    };
    let announced = if next.reasons.is_empty() { " what the pre-release announced" } else { "" };
    let mut lines = vec![format!("{} after {base}:{announced}", bump(next.bump))];
    let mut ordered: Vec<&Reason> = next.reasons.iter().collect();
    ordered.sort_by_key(|reason| std::cmp::Reverse(weight(reason)));
    let shown = ordered.iter().take(SHOWN);
    lines.extend(shown.map(|reason| {
        let undone = match &reason.asks {
            Asks::UndoneBy(by) => format!(" (undone by {})", by.short()),
            Asks::For(_) | Asks::Nothing | Asks::Undoes => String::new(),
        };
        let (commit, subject) = (reason.commit.short(), &reason.subject);
        format!("  {:<8}  {commit}  {subject}{undone}", asked(reason))
    }));
    let more = ordered.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("  and {more} more, none of which asks for more"));
    }
    lines
}

const fn weight(reason: &Reason) -> Option<Change> {
    match reason.asks {
        Asks::For(change) => Some(change),
        Asks::Nothing | Asks::UndoneBy(_) | Asks::Undoes => None,
    }
}

const fn asked(reason: &Reason) -> &'static str {
    match weight(reason) {
        None => "nothing",
        Some(Change::Patch) => "patch",
        Some(Change::Feature) => "feature",
        Some(Change::Breaking) => "breaking",
    }
}

const fn bump(bump: Bump) -> &'static str {
    match bump {
        Bump::First => "the first final version",
        Bump::Patch => "patch",
        Bump::Minor => "minor",
        Bump::Major => "major",
    }
}

fn row(path: &ProjectPath, next: &std::result::Result<NextVersion, NextError>) -> [String; 4] {
    let semver = |version: Option<&Version>| version.map_or("-".to_owned(), Version::semver);
    let (last, version, why) = match next {
        Ok(next) => {
            let heaviest = next.reasons.iter().rev().max_by_key(|reason| weight(reason));
            let why = match (&next.base, heaviest) {
                (None, _) => "the project has no version yet".to_owned(),
                (_, None) => "the pre-release announced it".to_owned(),
                (_, Some(reason)) => reason.subject.clone(),
            };
            (next.base.as_ref(), semver(Some(&next.version)), why)
        }
        Err(error) => {
            let last = match error {
                NextError::NothingAsked { last, .. } => Some(last),
                NextError::Elsewhere { highest } => Some(highest),
                NextError::Exists { existing, .. } | NextError::Orders { existing, .. } => {
                    Some(existing.as_ref())
                }
                NextError::NoPrerelease { .. } | NextError::TooLarge | NextError::Version(_) => {
                    None
                }
            };
            (last, "-".to_owned(), error.to_string())
        }
    };
    [path.to_string(), semver(last), version, why]
}

fn next_json(path: &ProjectPath, next: &std::result::Result<NextVersion, NextError>) -> Value {
    let (reasons, none) = match next {
        Ok(next) => (next.reasons.as_slice(), None),
        Err(error) => {
            let reasons = match error {
                NextError::NothingAsked { reasons, .. } => reasons.as_slice(),
                _ => &[],
            };
            let told = refusal(path, error);
            (reasons, Some(json!({ "code": told.code, "message": told.message })))
        }
    };
    let next = next.as_ref().ok();
    json!({
        "project": path.as_str(),
        "version": next.map(|next| &next.version),
        "base": next.and_then(|next| next.base.as_ref()),
        "bump": next.map(|next| next.bump),
        "none_because": none,
        "reasons": reasons.iter().map(reason_json).collect::<Vec<_>>(),
    })
}

fn reason_json(reason: &Reason) -> Value {
    let undone_by = match &reason.asks {
        Asks::UndoneBy(commit) => Some(commit),
        Asks::For(_) | Asks::Nothing | Asks::Undoes => None,
    };
    json!({
        "commit_sha": reason.commit,
        "subject": reason.subject,
        "asks": asked(reason),
        "undone_by": undone_by,
    })
}
