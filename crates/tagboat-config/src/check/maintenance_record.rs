//! Given maintenance tasks (seed 004, entity 7; SPEC M1). In: records. Out: fields that the state excludes.

use std::collections::BTreeSet;

use tagboat_core::diagnostic::Diagnostic;

use super::deployment_record::is_run;
use super::given::{Kind, of_kind};
use super::{Facts, Rule};

pub(super) const RULE: Rule = Rule {
    code: "check::maintenance-record",
    says: "a given maintenance task has an id of its own and the fields of its state",
    look,
};

const TYPES: [&str; 6] = [
    "cleanup",
    "sync-files",
    "deprecate-old-versions",
    "security-audit",
    "dependency-update",
    "all",
];

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    let mut ids = BTreeSet::new();
    for item in of_kind(facts.given, Kind::Maintenance) {
        let mut wrong = |field: &str, message: String, label: &str| {
            told.push(item.wrong(RULE, field, message, label.to_owned()));
        };
        let id = item.text("task_id").unwrap_or_default();
        let kind = item.text("task_type").unwrap_or_default();
        let parts: Vec<&str> = id.splitn(4, '-').collect();
        let digits =
            |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
        let form = matches!(parts[..], ["maint", day, time, tail]
            if digits(day, 8) && digits(time, 6) && tail.starts_with(kind));
        if !form || !TYPES.contains(&kind) {
            wrong(
                "task_id",
                format!("{id:?} is no task of a known type"),
                "expected maint-YYYYMMDD-HHMMSS-<type>",
            );
        }
        if !ids.insert(id) {
            wrong("task_id", format!("two tasks are called {id}"), "expected an id of its own");
        }
        let status = item.text("status").unwrap_or_default();
        let (begun, ended) = match status {
            "pending" => (false, false),
            "in_progress" => (true, false),
            "succeeded" | "failed" => (true, true),
            _ => {
                wrong(
                    "status",
                    format!("{status:?} is no state of a task"),
                    "expected pending, in_progress, succeeded or failed",
                );
                continue;
            }
        };
        for (field, expected) in [("started_at", begun), ("completed_at", ended)] {
            if item.time(field).is_some() != expected {
                let label = if expected { "expected a time" } else { "expected null" };
                wrong(field, format!("`{field}` does not fit a task that is {status}"), label);
            }
        }
        if !is_run(item.text("workflow_run_id")) {
            wrong(
                "workflow_run_id",
                "`workflow_run_id` is no run".to_owned(),
                "expected the forge's number",
            );
        }
    }
    told
}
