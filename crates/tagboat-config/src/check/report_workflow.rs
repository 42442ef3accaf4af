//! A report is of a run that ended (seed 004, entity 9 and cross-entity 5; SPEC P1). In: given reports. Out: those of a
//! run that goes on, without a next step, or made too late.

use tagboat_core::diagnostic::Diagnostic;

use super::deployment_record::is_run;
use super::given::{Kind, of_kind};
use super::{Facts, Rule};

pub(super) const RULE: Rule = Rule {
    code: "check::report-workflow",
    says: "a report is of a run that ended, 10 s before at most, and names a next step",
    look,
};

/// How long after the end of a run its report may be made, in seconds (SPEC P1).
const LATEST: i64 = 10;

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for item in of_kind(facts.given, Kind::Report) {
        let mut wrong = |field: &str, message: String, label: &str| {
            told.push(item.wrong(RULE, field, message, label.to_owned()));
        };
        let run = item.text("workflow_run_id");
        if !is_run(run) {
            wrong(
                "workflow_run_id",
                "`workflow_run_id` is no run".to_owned(),
                "expected the forge's number, or local-<deployment_id>",
            );
        }
        let status = item.text("status").unwrap_or_default();
        if !matches!(status, "success" | "failure" | "cancelled") {
            wrong(
                "status",
                format!("{status:?} is no end of a run"),
                "expected success, failure or cancelled",
            );
        }
        if item.list("action_links").is_empty() {
            wrong(
                "action_links",
                "a report names at least one next step".to_owned(),
                "expected a link",
            );
        }
        let made = item.time("generated_at");
        if made.is_none() {
            wrong("generated_at", "a report says when it was made".to_owned(), "expected a time");
        }
        // Where an environment has regions there is more than one, and the last to end need not be the one that moves
        // the tag: what had succeeded may have been undone after it.
        let regions = item.list("deployments");
        let single = regions.is_empty().then(|| item.get("deployment")).flatten();
        let deployments: Vec<_> = regions.into_iter().chain(single).collect();
        if deployments.iter().any(|it| it.text("workflow_run_id") != run) {
            wrong(
                "workflow_run_id",
                "the report and its deployment are of two runs".to_owned(),
                "expected the run of the deployment",
            );
        }
        let goes_on = ["queued", "in_progress", "health_check"];
        if deployments.iter().any(|it| it.text("status").is_some_and(|it| goes_on.contains(&it))) {
            wrong(
                "status",
                "the report is of a deployment that goes on".to_owned(),
                "expected one that ended",
            );
        }
        let ended = deployments.iter().filter_map(|it| it.time("completed_at")).max();
        if let (Some(made), Some(ended)) = (made, ended) {
            let late = made.as_second().saturating_sub(ended.as_second());
            if !(0..=LATEST).contains(&late) {
                let message = format!("the report was made {late} s after the end of its run");
                wrong("generated_at", message, "expected 10 s at most");
            }
        }
    }
    told
}
