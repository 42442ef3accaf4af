//! `tagboat history`: every attempt, and what was overridden. In: ledgers with their pages, and what hooks recorded of
//! pushes. Out: a line an attempt, newest first; holds, liftings and overrides with their reasons and who.

mod pushes;

use std::collections::BTreeSet;

use tagboat_core::deployment::Terminal as Outcome;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{
    Attempt, History, HoldAction, HoldChange, Record, RegionOutcome, Signed,
};
use tagboat_core::listing::{About, Source};
use tagboat_core::tag::EnvironmentTag;
use tagboat_core::time::readable;
use tagboat_core::version::Version;

use super::overriding::Overrides;
use super::reading::{Bare, Holding, State};
use super::trust::Trust;
use crate::cli::history::HistoryArgs;
use crate::context::Context;
use crate::terminal::{Table, fits, fold, printable};

/// Shows it.
pub(crate) fn run(arguments: &HistoryArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("history");
    let project = arguments.project.as_deref().map(super::project).transpose()?;
    let about =
        project.as_ref().map_or(About::Everything, |it| About::Projects(std::slice::from_ref(it)));
    let (state, source) = State::read_as_asked(context, &scope, &arguments.read, about)?;
    let wanted = |tag: &&EnvironmentTag| {
        project.as_ref().is_none_or(|path| tag.path == *path)
            && arguments.environment.as_ref().is_none_or(|name| tag.environment.as_str() == name)
    };
    let deleted = state.listing.deleted();
    let there = state.listing.ledgers.keys().chain(deleted);
    let tags: Vec<&EnvironmentTag> = there.filter(wanted).collect();
    let environment = arguments.environment.as_deref();
    let about = pushes::About { project: project.as_ref(), environment, state: &state };
    let pushed = pushes::read(context, &scope, source, &about)?;
    if tags.is_empty() && pushed.is_empty() {
        return Err(nothing(arguments, &state));
    }
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let (mut shown, mut broken) = (Vec::new(), Vec::new());
    let is_alone = tags.len() == 1;
    let trust = Trust::read(context);
    for (tag, read) in state.holdings(context, &scope, &trust, &Overrides::default(), tags)? {
        let told = match read {
            Ok(Holding::Ledger(ledger, signed)) => state
                .history(context, &scope, ledger)?
                .map(|history| Told::Records(history, signed)),
            Ok(Holding::Bare(bare)) => Ok(Told::Bare(bare)),
            Err(error) => Err(error),
        };
        match told {
            Ok(told) => shown.push(Shown { tag, told }),
            Err(error) if is_alone => return Err(error),
            // One that is broken does not hide the others.
            Err(error) => broken.push((tag, error)),
        }
    }
    state.warn(context, source);
    context.terminal.json(&serde_json::json!({
        "ledgers": shown.iter().map(|shown| shown.json(limit)).collect::<Vec<_>>(),
        "unreadable": broken.iter().map(|(tag, error)| serde_json::json!({
            "tag": tag.to_string(), "code": error.code, "message": error.message,
        })).collect::<Vec<_>>(),
        "overridden_pushes": pushed,
        "not_remembered": shown.iter()
            .filter(|shown| matches!(shown.told, Told::Records(..)) && state.is_read_first(&shown.tag))
            .map(|shown| shown.tag.to_string()).collect::<Vec<_>>(),
        "offline": source == Source::Clone,
    }));
    let width = context.terminal.width();
    let mut tables: Vec<String> = shown.iter().map(|shown| shown.human(limit, width)).collect();
    tables.extend(pushes::human(&pushed, width));
    context.terminal.say(&tables.join("\n\n"));
    for (_, error) in &broken {
        context.terminal.warn(&format!("{} [{}]", error.message, error.code));
    }
    Ok(if broken.is_empty() { Exit::Done } else { Exit::Judged })
}

/// An environment tag and what it tells.
struct Shown {
    tag: EnvironmentTag,
    told: Told,
}

enum Told {
    /// Every attempt, and what the signature of the newest says: by their hashes it covers the older ones.
    Records(History, Signed),
    /// What runs, and nothing of what was before.
    Bare(Bare),
}

impl Shown {
    fn json(&self, limit: usize) -> serde_json::Value {
        let (signed, records) = match &self.told {
            Told::Records(history, signed) => {
                (Some(signed), history.records().take(limit).collect::<Vec<_>>())
            }
            Told::Bare(_) => (None, Vec::new()),
        };
        let mut json = serde_json::json!({
            "tag": self.tag.to_string(),
            "project": self.tag.path.as_str(),
            "environment": self.tag.environment,
            "signed": signed.is_some_and(Signed::is_good),
            "signature": signature_json(signed.unwrap_or(&Signed::No)),
            "records": records,
            "held": self.held().map(|change| serde_json::json!({
                "version": change.version, "reason": change.reason,
            })).collect::<Vec<_>>(),
        });
        if let Told::Bare(bare) = &self.told {
            json["lightweight"] =
                serde_json::json!({"version": bare.version, "commit_sha": bare.commit});
        }
        json
    }

    /// Versions that are held now, the highest first.
    fn held(&self) -> impl Iterator<Item = &HoldChange> {
        let history = match &self.told {
            Told::Records(history, _) => Some(history),
            Told::Bare(_) => None,
        };
        let named: BTreeSet<&Version> = history
            .iter()
            .flat_map(|history| history.records())
            .flat_map(|record| &record.holds)
            .map(|change| &change.version)
            .collect();
        named.into_iter().rev().filter_map(move |version| history?.hold(version))
    }

    fn human(&self, limit: usize, width: Option<usize>) -> String {
        match &self.told {
            Told::Records(history, signed) => {
                let mut text = human(&self.tag, history, signed, limit, width);
                let held: Vec<String> = self.held().map(|change| change.version.semver()).collect();
                if !held.is_empty() {
                    let (path, environment) = (&self.tag.path, &self.tag.environment);
                    let held = held.join(", ");
                    let lift = path.join("VERSION");
                    text.push_str(&format!(
                        "\nheld now: {held}; lift a hold: `tagboat deploy {lift} --env {environment} \
                         --lift-hold REASON`"
                    ));
                }
                text
            }
            Told::Bare(Bare { commit, version }) => {
                let runs = version.as_ref().map_or_else(|| commit.to_string(), Version::semver);
                format!(
                    "{}: no record; a lightweight tag from before says that {runs} runs, and its history is lost",
                    self.tag
                )
            }
        }
    }
}

/// A signature's verdict, for programs.
pub(crate) fn signature_json(signed: &Signed) -> serde_json::Value {
    let detail = Some(signed.detail()).filter(|detail| !detail.is_empty());
    serde_json::json!({"verdict": signed.word(), "detail": detail})
}

fn human(
    tag: &EnvironmentTag,
    history: &History,
    signed: &Signed,
    limit: usize,
    width: Option<usize>,
) -> String {
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
    let mut attempts = table.text();
    if !fits(&attempts, width) {
        attempts = list(history.records().take(limit), width);
    }
    let count = history.records().count();
    let counted = if count == 1 { "1 attempt".to_owned() } else { format!("{count} attempts") };
    let remarks = history.records().take(limit).flat_map(|record| {
        remarks(record).into_iter().map(|remark| {
            let remark = printable(&format!("#{} {remark}", record.sequence));
            format!("\n{}", fold(&remark, width, "    "))
        })
    });
    let remarks: String = remarks.collect();
    let apart = if remarks.is_empty() { "" } else { "\n" };
    let signed = printable(&signed.to_string());
    format!("{tag}: {counted}, {signed}\n{attempts}{apart}{remarks}")
}

/// The same for a narrow terminal: two lines an attempt.
fn list<'r>(records: impl Iterator<Item = &'r Record>, width: Option<usize>) -> String {
    let told = records.map(|record| {
        let (number, when) = (record.sequence, readable(record.completed_at));
        let first = format!("#{number} {when}: {}: {}", what(record), outcome(record));
        let second = format!("    by {}, run {}", record.triggered_by, record.workflow_run_id);
        [first, second].map(|line| fold(&printable(&line), width, "    ")).join("\n")
    });
    told.collect::<Vec<_>>().join("\n")
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
    let by = &record.triggered_by;
    let hold = |change: &HoldChange| {
        // A person lifts a hold, and leaves a version; a gate holds what it found sick.
        let what = match (change.action, record.attempt) {
            (HoldAction::Lifted, _) => format!("{by} lifts the hold on"),
            (HoldAction::Held, Attempt::Rollback) => format!("{by} leaves and holds"),
            (HoldAction::Held, Attempt::Deploy) => "holds".to_owned(),
        };
        format!("{what} {}: {}", change.version.semver(), change.reason)
    };
    let overridden = record.override_reason.as_ref();
    let overridden = overridden.map(|reason| format!("{by} overrides {reason}"));
    let begins = record.sequence == 1 && record.previous_version.is_some();
    let begins = begins.then(|| {
        "begins the ledger where a lightweight tag was: what happened before is lost".to_owned()
    });
    let is_uneven = record.regions.iter().any(|region| region.outcome != record.outcome);
    let regions = is_uneven.then(|| {
        let told = |region: &RegionOutcome| {
            let place = region.region.as_deref().unwrap_or("outside every region");
            format!("{place} {}", region.outcome)
        };
        format!("in regions: {}", record.regions.iter().map(told).collect::<Vec<_>>().join(", "))
    });
    record.holds.iter().map(hold).chain(overridden).chain(begins).chain(regions).collect()
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
