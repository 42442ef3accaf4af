//! `tagboat history`: every attempt. In: ledgers with their pages. Out: a line an attempt, newest first.

use tagboat_core::deployment::Terminal as Outcome;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{Attempt, History, HoldAction, HoldChange, Record};
use tagboat_core::listing::Source;
use tagboat_core::tag::EnvironmentTag;
use tagboat_core::time::readable;

use super::reading::State;
use crate::cli::history::HistoryArgs;
use crate::context::Context;
use crate::terminal::{Table, printable};

/// Shows it.
pub(crate) fn run(arguments: &HistoryArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("history");
    let (state, source) = State::read_as_asked(context, &scope, &arguments.read)?;
    let project = arguments.project.as_deref().map(super::project).transpose()?;
    let wanted = |tag: &&EnvironmentTag| {
        project.as_ref().is_none_or(|path| tag.path == *path)
            && arguments.environment.as_ref().is_none_or(|name| tag.environment.as_str() == name)
    };
    let tags: Vec<&EnvironmentTag> = state.listing.ledgers.keys().filter(wanted).collect();
    if tags.is_empty() {
        return Err(nothing(arguments, &state));
    }
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let mut shown = Vec::new();
    for (tag, read) in state.ledgers(context, &scope, tags)? {
        let history = state.history(context, &scope, read?)??;
        shown.push((tag, history));
    }
    state.warn(context, source);
    context.terminal.json(&serde_json::json!({
        "ledgers": shown.iter().map(|(tag, history)| serde_json::json!({
            "tag": tag.to_string(),
            "project": tag.path.as_str(),
            "environment": tag.environment,
            "signed": false,
            "records": history.records().take(limit).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "offline": source == Source::Clone,
    }));
    let tables: Vec<String> =
        shown.iter().map(|(tag, history)| human(tag, history, limit)).collect();
    context.terminal.say(&tables.join("\n\n"));
    Ok(Exit::Done)
}

fn human(tag: &EnvironmentTag, history: &History, limit: usize) -> String {
    let mut table = Table::new(["#", "WHEN", "WHAT", "OUTCOME", "BY", "RUN"]);
    for record in history.records().take(limit) {
        table.row([
            record.sequence.to_string(),
            readable(record.completed_at),
            what(record),
            outcome(record),
            record.triggered_by.clone(),
            record.workflow_run_id.clone(),
        ]);
    }
    let count = history.records().count();
    let attempts = if count == 1 { "1 attempt".to_owned() } else { format!("{count} attempts") };
    let remarks = history.records().take(limit).flat_map(|record| {
        remarks(record)
            .into_iter()
            .map(|remark| format!("\n#{} {}", record.sequence, printable(&remark)))
    });
    let remarks: String = remarks.collect();
    let apart = if remarks.is_empty() { "" } else { "\n" };
    format!("{tag}: {attempts}, unsigned\n{}{apart}{remarks}", table.text())
}

fn what(record: &Record) -> String {
    let version = record.version.semver();
    let from = record.previous_version.as_ref().map(|before| format!(" from {}", before.semver()));
    match record.attempt {
        Attempt::Deploy => format!("deploy {version}{}", from.unwrap_or_default()),
        Attempt::Rollback => format!("roll back to {version}{}", from.unwrap_or_default()),
    }
}

fn outcome(record: &Record) -> String {
    match record.outcome {
        Outcome::RolledBack => "failed, rolled back".to_owned(),
        Outcome::Succeeded | Outcome::Failed | Outcome::Cancelled => record.outcome.to_string(),
    }
}

/// What else a record tells: too long for a column. Each goes on after `#` and the record's number.
fn remarks(record: &Record) -> Vec<String> {
    let hold = |change: &HoldChange| {
        let what = match change.action {
            HoldAction::Held => "holds",
            HoldAction::Lifted => "lifts the hold on",
        };
        format!("{what} {}: {}", change.version.semver(), change.reason)
    };
    let overridden = record.override_reason.as_ref();
    let overridden = overridden.map(|reason| format!("overrides a protection: {reason}"));
    record.holds.iter().map(hold).chain(overridden).collect()
}

fn nothing(arguments: &HistoryArgs, state: &State) -> Box<Diagnostic> {
    let tags: Vec<String> =
        state.listing.ledgers.keys().take(20).map(ToString::to_string).collect();
    let known = if tags.is_empty() { "none".to_owned() } else { tags.join(", ") };
    let project = arguments.project.as_deref().unwrap_or("any project");
    let environment = arguments.environment.as_deref().unwrap_or("any environment");
    Box::new(
        Diagnostic::unchanged(
            "history::none",
            Exit::Usage,
            format!("nothing was ever deployed of {project} to {environment}"),
            "nothing was done",
        )
        .fact("ledgers", known)
        .help("deploy a version first, or name another project or environment"),
    )
}
