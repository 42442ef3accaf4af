//! Given deployments (seed 004, entity 5; SPEC D1). In: records, tags and ledgers. Out: fields that the state excludes,
//! and deployments that the tags do not know.

use std::collections::BTreeMap;

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::{DeploymentId, Terminal};
use tagboat_core::diagnostic::Diagnostic;

use super::given::{Item, Kind, of_kind};
use super::{Facts, Rule};

pub(super) const RULE: Rule = Rule {
    code: "check::deployment-record",
    says: "a given deployment has the fields of its state, and a version tag at its commit",
    look,
};

const STATES: [&str; 7] =
    ["queued", "in_progress", "health_check", "succeeded", "failed", "rolled_back", "cancelled"];

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    let single = of_kind(facts.given, Kind::Deployment);
    let queues = of_kind(facts.given, Kind::Queue);
    let queued = queues
        .flat_map(|queue| queue.list("queue").into_iter().chain(queue.get("current_deployment")));
    let reports = of_kind(facts.given, Kind::Report).flat_map(|report| {
        let regions = report.list("deployments");
        // The last of them is the one that the report shows by itself.
        let single = regions.is_empty().then(|| report.get("deployment")).flatten();
        regions.into_iter().chain(single)
    });
    for (index, item) in single.chain(queued).enumerate() {
        deployment(item, facts, &mut told);
        let id = item.text("deployment_id").unwrap_or_default();
        if ids.insert(id, index).is_some() {
            let message = format!("two deployments are called {id}");
            told.push(item.wrong(RULE, "deployment_id", message, "expected an id of its own"));
        }
    }
    // A report shows deployments that may be given by themselves as well.
    for item in reports {
        deployment(item, facts, &mut told);
    }
    told
}

fn deployment(item: Item<'_>, facts: &Facts<'_>, told: &mut Vec<Diagnostic>) {
    let mut wrong = |field: &str, message: String, label: &str| {
        told.push(item.wrong(RULE, field, message, label.to_owned()));
    };
    let id = item.text("deployment_id").unwrap_or_default();
    let parsed = DeploymentId::parse(id);
    if let Err(why) = &parsed {
        wrong("deployment_id", why.to_string(), "expected deploy-YYYYMMDD-HHMMSS-<short sha>");
    }
    let status = item.text("status").unwrap_or_default();
    if !STATES.contains(&status) {
        wrong(
            "status",
            format!("{status:?} is no state of a deployment"),
            "expected queued, in_progress, …",
        );
        return;
    }
    let queued = status == "queued";
    let ended = matches!(status, "succeeded" | "rolled_back" | "cancelled")
        || (status == "failed" && item.get("completed_at").is_some());
    if queued != item.whole("queue_position").is_some_and(|position| position > 0) {
        let (message, label) = if queued {
            ("a queued deployment has its place", "expected a number from 1")
        } else {
            ("only a queued deployment has a place", "expected null")
        };
        wrong("queue_position", message.to_owned(), label);
    }
    // One that was cancelled may never have begun.
    if !queued && status != "cancelled" && item.time("started_at").is_none() {
        wrong("started_at", format!("a deployment that is {status} has begun"), "expected a time");
    }
    if ended != item.time("completed_at").is_some() {
        let (message, label) = if ended {
            ("a deployment that ended has the time of its end", "expected a time")
        } else {
            ("a deployment that goes on has no end yet", "expected null")
        };
        wrong("completed_at", message.to_owned(), label);
    }
    if !is_run(item.text("workflow_run_id")) {
        let message = "`workflow_run_id` is no run".to_owned();
        wrong("workflow_run_id", message, "expected the forge's number, or local-<deployment_id>");
    }
    let version = item.version("version").and_then(Result::ok);
    let commit = item.text("commit_sha").and_then(|text| CommitSha::parse(text).ok());
    match (&version, &commit) {
        (Some(version), Some(commit)) => {
            if facts.listing.versions.get(version).is_none_or(|tagged| tagged.commit != *commit) {
                wrong(
                    "commit_sha",
                    format!("its commit has no tag {version}"),
                    "expected a commit that has the version's tag",
                );
            }
        }
        (None, _) => wrong("version", "it has no version".to_owned(), "expected a version"),
        (_, None) => {
            wrong("commit_sha", "it has no commit".to_owned(), "expected 40 hexadecimal digits")
        }
    }
    // What succeeded and moved the tag is in the ledger; a record beyond those that the tag holds cannot be found.
    if let (Some(version), Ok(id), "succeeded", Some(true)) =
        (&version, &parsed, status, item.truth("will_move_env_tag"))
    {
        let ledger =
            item.environment("environment").and_then(|name| facts.ledger(version.path(), name));
        let known = ledger.and_then(|ledger| ledger.attempts.get(id));
        let in_pages = ledger.is_some_and(|ledger| ledger.pages > 0);
        if known != Some(&Terminal::Succeeded) && !(known.is_none() && in_pages) {
            wrong(
                "will_move_env_tag",
                format!("the ledger knows of no {id} that succeeded"),
                "expected the environment tag to have moved by it",
            );
        }
    }
}

/// A run of the forge, or a local one.
pub(super) fn is_run(id: Option<&str>) -> bool {
    id.is_some_and(|id| {
        let local = id.strip_prefix("local-").is_some_and(|id| DeploymentId::parse(id).is_ok());
        local || (!id.is_empty() && id.len() <= 20 && id.bytes().all(|byte| byte.is_ascii_digit()))
    })
}
