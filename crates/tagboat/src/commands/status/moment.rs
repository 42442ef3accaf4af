//! `tagboat status --at`: what ran where at a moment. In: ledgers with their pages, and the moment. Out: what each says
//! of it; and where it cannot tell, why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal as Outcome;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{Attempt, Entry, Ledger, Record, Signed};
use tagboat_core::listing::Source;
use tagboat_core::ports::Scope;
use tagboat_core::tag::EnvironmentTag;
use tagboat_core::time::readable;
use tagboat_core::version::{ProjectPath, Version};

use super::brought;
use crate::cli::status::At;
use crate::commands::history::signature_json;
use crate::commands::reading::{Bare, Holding, Read, State};
use crate::context::Context;
use crate::terminal::{Table, fits, fold, printable};

/// A moment that is past, and what to know of how it was named.
pub(super) struct Moment {
    at: Timestamp,
    remark: Option<String>,
}

impl At {
    /// The moment that is meant.
    ///
    /// # Errors
    /// `usage::future` where it is not past yet.
    pub(super) fn resolve(self, now: Timestamp) -> Result<Moment> {
        let (at, remark) = match self {
            Self::Time(at) => (at, None),
            Self::Day(day) => {
                let begin = |day: jiff::civil::Date| {
                    day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).ok()
                };
                let end = day.tomorrow().ok().and_then(begin).map(|next| next.as_second() - 1);
                let end =
                    end.and_then(|end| Timestamp::from_second(end).ok()).unwrap_or(Timestamp::MAX);
                if end > now && begin(day).is_some_and(|begin| begin <= now) {
                    (now, Some(format!("{day} is not over: this is until now")))
                } else {
                    (end, Some(format!("{day} is taken as its end: {end}")))
                }
            }
        };
        if at > now {
            return Err(Box::new(
                Diagnostic::unchanged(
                    "usage::future",
                    Exit::Usage,
                    format!("{at} is not yet: it is {}", readable(now)),
                    "nothing was done",
                )
                .help("name a moment that is past; without --at it is what runs now"),
            ));
        }
        Ok(Moment { at, remark })
    }
}

/// What a ledger says of a moment.
#[derive(Debug, PartialEq, Eq)]
struct Then<'r> {
    /// What ran.
    ran: Ran<'r>,
    /// What was on its way.
    coming: Option<&'r Record>,
}

#[derive(Debug, PartialEq, Eq)]
enum Ran<'r> {
    /// A version, and the attempt that brought it where a record tells of it.
    Version(&'r Version, &'r CommitSha, Option<&'r Record>),
    /// Nothing: the first record is later, and says that nothing ran before.
    Nothing { begins: Timestamp },
    /// The first record is later, and says that a lightweight tag was there, not since when.
    BeforeTheLedger { begins: Timestamp, then: &'r Version },
    /// The records that are here are all later.
    Later,
}

/// Looks at records, newest first. Their order is that of the ledger, whatever their clocks said.
fn look<'r>(records: impl Iterator<Item = &'r Record> + Clone, at: Timestamp) -> Then<'r> {
    let coming = records.clone().find(|record| record.started_at <= at && at < record.completed_at);
    let mut ended = records.clone().skip_while(|record| record.completed_at > at).peekable();
    let ran = match ended.peek().and_then(|newest| newest.current()) {
        Some((version, commit)) => {
            Ran::Version(version, commit, ended.find(|record| brought(record, version)))
        }
        None => match records.last() {
            Some(first) if first.sequence > 1 => Ran::Later,
            Some(first) => match &first.previous_version {
                Some(then) => Ran::BeforeTheLedger { begins: first.started_at, then },
                None => Ran::Nothing { begins: first.completed_at },
            },
            None => Ran::Later,
        },
    };
    Then { ran, coming }
}

/// What is told of one project in one environment.
#[derive(Serialize)]
struct Told {
    environment: String,
    /// None where nothing ran, or where it is not known; then `unknown` says why.
    version: Option<Version>,
    commit_sha: Option<CommitSha>,
    since: Option<Timestamp>,
    attempt: Option<Attempt>,
    triggered_by: Option<String>,
    workflow_run_id: Option<String>,
    deployment_id: Option<String>,
    in_progress: Option<Coming>,
    unknown: Option<String>,
    signed: bool,
    signature: serde_json::Value,
    #[serde(skip)]
    nothing: Option<String>,
}

/// A deployment that had begun and not ended.
#[derive(Serialize)]
struct Coming {
    version: Version,
    attempt: Attempt,
    started_at: Timestamp,
    completed_at: Timestamp,
    /// How it ended, later.
    outcome: Outcome,
    triggered_by: String,
    workflow_run_id: String,
}

impl Told {
    fn new(tag: &EnvironmentTag, signed: &Signed) -> Self {
        Self {
            environment: tag.environment.to_string(),
            version: None,
            commit_sha: None,
            since: None,
            attempt: None,
            triggered_by: None,
            workflow_run_id: None,
            deployment_id: None,
            in_progress: None,
            unknown: None,
            signed: signed.is_good(),
            signature: signature_json(signed),
            nothing: None,
        }
    }

    fn unknown(tag: &EnvironmentTag, signed: &Signed, why: String) -> Self {
        Self { unknown: Some(why), ..Self::new(tag, signed) }
    }

    fn of(tag: &EnvironmentTag, signed: &Signed, then: &Then<'_>) -> Self {
        let in_progress = then.coming.map(|record| Coming {
            version: record.version.clone(),
            attempt: record.attempt,
            started_at: record.started_at,
            completed_at: record.completed_at,
            outcome: record.outcome,
            triggered_by: record.triggered_by.clone(),
            workflow_run_id: record.workflow_run_id.clone(),
        });
        let told = Self { in_progress, ..Self::new(tag, signed) };
        match &then.ran {
            Ran::Version(version, commit, brought) => Self {
                version: Some((*version).clone()),
                commit_sha: Some((*commit).clone()),
                since: brought.map(|record| record.completed_at),
                attempt: brought.map(|record| record.attempt),
                triggered_by: brought.map(|record| record.triggered_by.clone()),
                workflow_run_id: brought.map(|record| record.workflow_run_id.clone()),
                deployment_id: brought.map(|record| record.deployment_id.to_string()),
                ..told
            },
            Ran::Nothing { begins } => {
                let nothing = format!("nothing yet: the ledger begins {}", readable(*begins));
                Self { nothing: Some(nothing), ..told }
            }
            Ran::BeforeTheLedger { begins, then } => {
                let why = format!(
                    "the ledger begins {}, over a lightweight tag that said {}, not since when",
                    readable(*begins),
                    then.semver()
                );
                Self { unknown: Some(why), ..told }
            }
            Ran::Later => {
                let why = "the records that are here are all later".to_owned();
                Self { unknown: Some(why), ..told }
            }
        }
    }
}

/// Shows it.
pub(super) fn show<'p>(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    source: Source,
    moment: &Moment,
    known: impl Iterator<Item = &'p ProjectPath>,
    holdings: BTreeMap<EnvironmentTag, Read<Holding>>,
) -> Result<Exit> {
    let mut projects: BTreeMap<String, Vec<Told>> =
        known.map(|path| (path.as_str().to_owned(), Vec::new())).collect();
    let mut broken = Vec::new();
    for (tag, read) in holdings {
        let told = match read {
            Ok(Holding::Ledger(ledger, signed)) => {
                ledger_at(context, scope, state, &tag, ledger, &signed, moment.at)?
            }
            Ok(Holding::Bare(bare)) => Ok(Told::unknown(&tag, &Signed::No, of_bare(&bare))),
            Err(error) => Err(error),
        };
        let told = told.unwrap_or_else(|error| {
            let told = Told::unknown(&tag, &Signed::No, error.message.clone());
            broken.push((tag.clone(), error));
            told
        });
        projects.entry(tag.path.as_str().to_owned()).or_default().push(told);
    }
    if let Some(remark) = &moment.remark {
        context.terminal.note(remark);
    }
    context.terminal.json(&serde_json::json!({
        "at": moment.at,
        "projects": projects.iter().map(|(path, told)| serde_json::json!({
            "project": path, "environments": told,
        })).collect::<Vec<_>>(),
        "unreadable": broken.iter().map(|(tag, error)| serde_json::json!({
            "tag": tag.to_string(), "code": error.code, "message": error.message,
        })).collect::<Vec<_>>(),
        "moved_tags": state.moved.iter().map(|moved| &moved.name).collect::<Vec<_>>(),
        "offline": source == Source::Clone,
    }));
    context.terminal.say(&human(&projects, moment.at, context.terminal.width()));
    for (_, error) in &broken {
        context.terminal.warn(&format!("{} [{}]", error.message, error.code));
    }
    Ok(if broken.is_empty() && state.moved.is_empty() { Exit::Done } else { Exit::Judged })
}

/// What a ledger says; its pages are asked only where its tag cannot tell alone.
fn ledger_at(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    tag: &EnvironmentTag,
    ledger: Ledger,
    signed: &Signed,
    at: Timestamp,
) -> Result<Read<Told>> {
    let then = look(ledger.entries().iter().map(Entry::record), at);
    let is_told = match then.ran {
        Ran::Version(_, _, brought) => brought.is_some(),
        Ran::Nothing { .. } | Ran::BeforeTheLedger { .. } => true,
        Ran::Later => false,
    };
    if is_told || ledger.pages() == 0 {
        return Ok(Ok(Told::of(tag, signed, &then)));
    }
    let history = match state.history(context, scope, ledger)? {
        Ok(history) => history,
        Err(error) => return Ok(Err(error)),
    };
    let records: Vec<&Record> = history.records().collect();
    Ok(Ok(Told::of(tag, signed, &look(records.iter().copied(), at))))
}

fn of_bare(bare: &Bare) -> String {
    let runs = bare.version.as_ref().map_or_else(|| bare.commit.to_string(), Version::semver);
    format!("its tag is lightweight: it says that {runs} runs now, not since when")
}

fn human(projects: &BTreeMap<String, Vec<Told>>, at: Timestamp, width: Option<usize>) -> String {
    let at = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC");
    if projects.is_empty() {
        return format!("at {at}: no project has a version tag or a ledger");
    }
    let name = |path: &str| if path.is_empty() { "(root)".to_owned() } else { path.to_owned() };
    let mut table = Table::new(["PROJECT", "ENVIRONMENT", "VERSION", "SINCE", "BY", "RUN"]);
    let (mut lines, mut notes) = (Vec::new(), Vec::new());
    for (path, all) in projects {
        if all.is_empty() {
            table.row([name(path), "-".to_owned(), "-".to_owned()]);
            let nothing = format!("{}: no environment has a record of it", name(path));
            lines.push(nothing.clone());
            notes.push(nothing);
        }
        for told in all {
            let place = format!("{} in {}", name(path), told.environment);
            let since = told.since.map(readable);
            let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
            let mut row = vec![name(path), told.environment.clone()];
            match (&told.version, &told.nothing) {
                (Some(version), _) => {
                    row.push(version.semver());
                    row.extend([&since, &told.triggered_by, &told.workflow_run_id].map(or_unknown));
                    let (by, run) = (&told.triggered_by, &told.workflow_run_id);
                    let brought = match (since, by, run) {
                        (Some(since), Some(by), Some(run)) => {
                            format!("since {since}, by {by}, run {run}")
                        }
                        _ => "no record tells who brought it".to_owned(),
                    };
                    lines.push(format!("{place}: {}, {brought}", version.semver()));
                }
                (None, Some(nothing)) => {
                    row.push("-".to_owned());
                    lines.push(format!("{place}: {nothing}"));
                    notes.push(format!("{place}: {nothing}"));
                }
                (None, None) => row.push("?".to_owned()),
            }
            table.row(row);
            if let Some(why) = &told.unknown {
                lines.push(format!("{place}: not known"));
                notes.push(format!("{place}: not known: {why}"));
            }
            if let Some(coming) = &told.in_progress {
                let what = match coming.attempt {
                    Attempt::Deploy => "was on its way",
                    Attempt::Rollback => "was on its way back",
                };
                let ended = match coming.outcome {
                    Outcome::RolledBack => "was rolled back",
                    other => other.word(),
                };
                notes.push(format!(
                    "{place}: {} {what}, since {} by {}, run {}: it {ended} {}",
                    coming.version.semver(),
                    readable(coming.started_at),
                    coming.triggered_by,
                    coming.workflow_run_id,
                    readable(coming.completed_at),
                ));
            }
        }
    }
    let folded = |lines: &[String]| {
        let lines = lines.iter().map(|line| fold(&printable(line), width, "    "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let (mut shown, mut below) = (table.text(), notes);
    if !fits(&shown, width) {
        // What the lines say already is not said twice.
        shown = folded(&lines);
        below.retain(|note| !lines.contains(note));
    }
    let mut text = format!("at {at}, as the ledgers tell now:\n{shown}");
    if !below.is_empty() {
        text.push_str("\n\n");
        text.push_str(&folded(&below));
    }
    text
}

#[cfg(test)]
mod tests;
