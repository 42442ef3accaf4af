//! The report of a deployment that reached its hosts. In: its record. Out: what happened, what runs now, why.

use tagboat_core::deployment::{Artifact, Deployment, Ended, Head, Terminal};
use tagboat_core::diagnostic::{self, Diagnostic, Result};
use tagboat_core::environment::{HostName, RegionName};
use tagboat_core::ledger::{Attempt, HoldAction, HoldChange};
use tagboat_core::rollout::{Ending, Fared};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag};
use tagboat_core::time::readable;

use super::{Fact, PipelineReport, ReportStatus, ReportedStep, Run, fact, links};
use crate::text::duration;

/// What a deployment, or a roll-back, did.
#[derive(Clone, Debug)]
pub struct DeploymentRun<'a> {
    /// Deploy or roll back.
    pub attempt: Attempt,
    /// The Deployment that moves the tag, at its end: the only one where the environment has no regions.
    pub deployment: &'a Deployment<Ended>,
    /// Every Deployment, in the order in which they ended; none where the environment has no regions.
    pub deployments: &'a [Deployment<Ended>],
    /// How each region fared, in the order in which they are deployed; none where the environment has none.
    pub regions: &'a [Fared],
    /// How the hosts ended.
    pub ending: &'a Ending,
    /// Its number in the ledger; none where nothing was recorded, as for a first deployment that failed.
    pub sequence: Option<u64>,
    /// The holds that its record put on and took off.
    pub holds: &'a [HoldChange],
    /// Why it is not in the ledger though it should be.
    pub not_recorded: Option<&'a Diagnostic>,
    /// The steps, in order.
    pub steps: Vec<ReportedStep>,
    /// What the service last logged on the host that failed, the newest line last.
    pub journal: Vec<String>,
    /// What a reader should know.
    pub warnings: Vec<String>,
    /// Why a person rolled back, where they said so.
    pub reason: Option<&'a str>,
    /// The protections that a person overrode, and why, as the ledger says it (SPEC V4).
    pub override_reason: Option<&'a str>,
    /// Where a version goes from here: staging's is production. None after the last.
    pub next_environment: Option<&'a EnvironmentName>,
}

impl PipelineReport {
    /// The report of a deployment that reached its hosts.
    ///
    /// # Errors
    /// A bug, where a deployment has no JSON form.
    pub fn of_deployment(run: &Run, record: &DeploymentRun<'_>) -> Result<Self> {
        let value = |deployment: &Deployment<Ended>| {
            serde_json::to_value(deployment)
                .map_err(|error| diagnostic::bug(format!("a deployment has no JSON form: {error}")))
        };
        let status = match record.ending {
            Ending::Succeeded if record.not_recorded.is_none() => ReportStatus::Success,
            Ending::Succeeded | Ending::RolledBack(_) | Ending::Stuck(..) => ReportStatus::Failure,
        };
        Ok(Self {
            workflow_run_id: run.workflow_run_id.clone(),
            workflow_name: run.workflow_name.clone(),
            status,
            version: Some(record.deployment.head().version.clone()),
            action_links: links::after_deployment(run, record),
            generated_at: run.generated_at,
            headline: headline(record),
            facts: facts(record),
            steps: record.steps.clone(),
            deployment: Some(value(record.deployment)?),
            deployments: record.deployments.iter().map(value).collect::<Result<_>>()?,
            warnings: record.warnings.clone(),
            journal: record.journal.clone(),
        })
    }
}

fn headline(record: &DeploymentRun<'_>) -> String {
    let head = record.deployment.head();
    let (version, place) = (&head.version, &head.environment);
    let mut headline = match (record.attempt, record.ending, &head.previous_version) {
        (Attempt::Deploy, Ending::Succeeded, _) => format!("{version} runs in {place}"),
        (Attempt::Deploy, Ending::RolledBack(_), Some(_)) => {
            format!("{version} was rolled back in {place}")
        }
        (Attempt::Deploy, Ending::RolledBack(_), None) => {
            format!("{version} was removed from {place} again")
        }
        (Attempt::Deploy, Ending::Stuck(_, stuck), _) => {
            format!("{version} failed in {place} and is not undone on {}", hosts(stuck))
        }
        (Attempt::Rollback, Ending::Succeeded, _) => {
            format!("{place} was rolled back to {version}")
        }
        (Attempt::Rollback, Ending::RolledBack(_), _) => {
            format!("{place} could not be rolled back to {version}")
        }
        (Attempt::Rollback, Ending::Stuck(_, stuck), _) => format!(
            "{place} could not be rolled back to {version}, and that is not undone on {}",
            hosts(stuck)
        ),
    };
    if record.not_recorded.is_some() {
        headline.push_str("; the ledger does not say so");
    }
    headline
}

fn facts(record: &DeploymentRun<'_>) -> Vec<Fact> {
    let head = record.deployment.head();
    let mut facts = vec![fact("now", now(record))];
    facts.extend(record.regions.iter().map(|part| fact("region", in_region(part, head))));
    match record.ending {
        Ending::Succeeded => {}
        Ending::RolledBack(cause) => facts.push(fact("why", cause.to_string())),
        Ending::Stuck(cause, stuck) => {
            let not_back = |(host, reason): &(HostName, String)| {
                fact("not undone", format!("{host}: {reason}"))
            };
            facts.extend(stuck.iter().map(not_back));
            facts.push(fact("why", cause.to_string()));
        }
    }
    facts.extend(record.reason.map(|reason| fact("reason", reason)));
    facts.extend(record.override_reason.map(|reason| fact("overridden", reason)));
    for change in record.holds {
        let (label, what) = match change.action {
            HoldAction::Held => ("held", "may not be deployed again unless the hold is lifted"),
            HoldAction::Lifted => ("lifted", "was held; the reason to lift it"),
        };
        facts.push(fact(label, format!("{} {what}: {}", change.version, change.reason)));
    }
    if let Some(problem) = record.not_recorded {
        facts.push(fact("ledger", &problem.message));
        facts.extend(problem.facts.iter().map(|(label, text)| fact(label, text)));
        facts.extend(problem.help.iter().map(|help| fact("help", help)));
    }
    let before = head.previous_version.as_ref().map_or_else(
        || "nothing: this was the first deployment".to_owned(),
        |previous| format!("{previous} ran"),
    );
    facts.push(fact("before", before));
    let (Artifact::Package(artifact) | Artifact::ImageTag(artifact)) = &head.artifact;
    facts.push(fact("artifact", format!("{artifact} of commit {}", head.commit.short())));
    facts.push(fact("by", &head.triggered_by));
    facts.push(fact("took", took(record)));
    match (record.sequence, record.not_recorded) {
        (Some(sequence), _) => {
            let tag = EnvironmentTag::new(head.version.path().clone(), head.environment.clone());
            facts.push(fact("ledger", format!("record {sequence} of {tag}")));
        }
        (None, None) => facts.push(fact(
            "ledger",
            "no record: a first deployment that failed leaves no tag that could hold one",
        )),
        (None, Some(_)) => {}
    }
    facts.push(fact("id", head.deployment_id.as_str()));
    facts
}

/// What runs now: what a reader of a failure looks for first.
fn now(record: &DeploymentRun<'_>) -> String {
    let head = record.deployment.head();
    let place = &head.environment;
    match (record.ending, &head.previous_version) {
        (Ending::Succeeded, _) => {
            format!("{place} runs {}; every host is healthy", head.version)
        }
        (Ending::RolledBack(_), Some(previous)) => {
            format!("{place} runs {previous} again; every host is healthy")
        }
        (Ending::RolledBack(_), None) => {
            format!("{place} runs no {}: it is gone from every host", head.version.path())
        }
        (Ending::Stuck(_, stuck), Some(previous)) => {
            format!("{place} runs {previous}, but not for certain on {}", hosts(stuck))
        }
        (Ending::Stuck(_, stuck), None) => {
            format!("{} may still be on {}; it is gone elsewhere", head.version, hosts(stuck))
        }
    }
}

fn took(record: &DeploymentRun<'_>) -> String {
    let all = || record.deployments.iter().chain([record.deployment]);
    let end = all().map(Deployment::completed_at).max();
    let end = end.unwrap_or_else(|| record.deployment.completed_at());
    let start = all().filter_map(Deployment::started_at).min();
    let seconds = start.map(|start| end.duration_since(start).as_secs_f64());
    let took = seconds.map(|seconds| format!("{}, ", duration(seconds))).unwrap_or_default();
    format!("{took}until {}", readable(end))
}

/// What runs in one region: `eu-west: runs api/v1.3.2 again`.
fn in_region(part: &Fared, head: &Head) -> String {
    let name = part.region.as_ref().map_or("outside every region", RegionName::as_str);
    let (project, version) = (head.version.path(), &head.version);
    let state = match (part.outcome, &head.previous_version) {
        (Terminal::Succeeded, _) => format!("runs {version}"),
        (Terminal::RolledBack, Some(previous)) => format!("runs {previous} again"),
        (Terminal::RolledBack, None) => format!("runs no {project} again"),
        (Terminal::Cancelled, Some(previous)) => format!("was not begun and runs {previous}"),
        (Terminal::Cancelled, None) => format!("was not begun and runs no {project}"),
        (Terminal::Failed, Some(previous)) => {
            format!("runs {previous}, but not for certain on {}", hosts(&part.stuck))
        }
        (Terminal::Failed, None) => format!("{version} may still be on {}", hosts(&part.stuck)),
    };
    format!("{name}: {state}")
}

/// `web-1`, `web-1 and web-2`, `7 hosts`.
fn hosts(hosts: &[(HostName, String)]) -> String {
    match hosts {
        [(one, _)] => one.to_string(),
        [(one, _), (other, _)] => format!("{one} and {other}"),
        many => format!("{} hosts", many.len()),
    }
}
