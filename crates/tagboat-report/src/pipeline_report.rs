//! The report of a run (SPEC P1). In: what was run, and how it ended. Out: one value that every form is
//! rendered from: what happened, what is true now, why, and what to do next.

mod deployment;
mod links;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tagboat_core::deployment::{Deployment, Ended};
use tagboat_core::diagnostic::{Diagnostic, Exit, World};
use tagboat_core::ledger::Attempt;
use tagboat_core::tag::EnvironmentName;
use tagboat_core::version::Version;

use crate::action_link::ActionLinks;
use crate::forge::ForgePages;

pub use deployment::DeploymentRun;

/// How a run ended (SPEC P1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportStatus {
    /// What was asked for was done.
    Success,
    /// It was not; the report says what is true now.
    Failure,
    /// It was stopped before anything was changed.
    Cancelled,
}

impl ReportStatus {
    /// The public word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Something a reader should know: one short word, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// `now`, `why`, `before`.
    pub label: String,
    /// What it is, in one line.
    pub text: String,
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportedStep {
    /// What it was: `install v1.4.0 on web-1`.
    pub step: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it ended: [`ReportedStep::DONE`], or the reason why not.
    pub result: String,
    /// The region of the host it was taken on, if that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl ReportedStep {
    /// The result of a step that ended well.
    pub const DONE: &'static str = "done";
}

/// The report of a run. The fields of SPEC P1 come first, in their order; the others are ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineReport {
    /// The forge's number of the run, or `local-<deployment_id>`.
    pub workflow_run_id: String,
    /// The name of the workflow, or of the command where there is none.
    pub workflow_name: String,
    /// How it ended.
    pub status: ReportStatus,
    /// The version it was about, if it was about one.
    pub version: Option<Version>,
    /// What to do next; at least one.
    pub action_links: ActionLinks,
    /// When the report was made, UTC: within 10 s of the end of the run (SPEC P1).
    pub generated_at: Timestamp,
    /// What happened, in one sentence without a full stop.
    #[serde(default)]
    pub headline: String,
    /// What is true now, why, and what else a reader looks for, the most wanted first.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// What was done, in order.
    #[serde(default)]
    pub steps: Vec<ReportedStep>,
    /// The deployment in the fields of SPEC D1, if it was one: that which moves the tag.
    #[serde(default)]
    pub deployment: Option<serde_json::Value>,
    /// Where the environment has regions: every Deployment, in the order in which they ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<serde_json::Value>,
    /// What went well but should be looked at.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The last lines that a sick service logged, the newest last.
    #[serde(default)]
    pub journal: Vec<String>,
}

/// The run that a report is of.
#[derive(Clone, Debug)]
pub struct Run {
    /// The forge's number of it (`GITHUB_RUN_ID`), or `local-<deployment_id>`.
    pub workflow_run_id: String,
    /// `GITHUB_WORKFLOW`, or the command: `tagboat deploy`.
    pub workflow_name: String,
    /// Where the forge shows it; none without a forge.
    pub pages: Option<ForgePages>,
    /// Now.
    pub generated_at: Timestamp,
}

/// What a run was asked to do.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Deploy or roll back.
    pub attempt: Attempt,
    /// Which version should run.
    pub version: &'a Version,
    /// Where.
    pub environment: &'a EnvironmentName,
}

impl PipelineReport {
    /// The report of a run that ended before it changed anything: refused, lost a race, not reached,
    /// interrupted. `subject` is what it was asked to do, where that was known.
    #[must_use]
    pub fn of_refusal(run: &Run, subject: Option<&Subject<'_>>, error: &Diagnostic) -> Self {
        let status = match error.exit {
            Exit::Done => ReportStatus::Success,
            Exit::Interrupted => ReportStatus::Cancelled,
            Exit::Judged
            | Exit::Usage
            | Exit::Refused
            | Exit::Outside
            | Exit::RolledBack
            | Exit::NeedsPerson
            | Exit::Bug => ReportStatus::Failure,
        };
        Self::of_nothing_changed(run, subject, error, status)
    }

    /// The report of a run that ended while it waited in the queue, whoever ended it. `deployment` is what it waited
    /// for, where that was known.
    #[must_use]
    pub fn of_cancelled_wait(
        run: &Run,
        subject: Option<&Subject<'_>>,
        error: &Diagnostic,
        deployment: Option<&Deployment<Ended>>,
    ) -> Self {
        let report = Self::of_nothing_changed(run, subject, error, ReportStatus::Cancelled);
        // Fields of text, numbers and times always have a JSON form.
        let deployment = deployment.and_then(|it| serde_json::to_value(it).ok());
        Self { deployment, ..report }
    }

    fn of_nothing_changed(
        run: &Run,
        subject: Option<&Subject<'_>>,
        error: &Diagnostic,
        status: ReportStatus,
    ) -> Self {
        let (label, world) = match &error.world {
            World::Unchanged(text) => ("unchanged", text),
            World::Now(text) => ("now", text),
        };
        let mut facts = vec![fact(label, world)];
        facts.extend(error.facts.iter().map(|(label, text)| fact(label, text)));
        facts.extend(error.help.iter().map(|help| fact("help", help)));
        facts.push(fact("error", error.code));
        Self {
            workflow_run_id: run.workflow_run_id.clone(),
            workflow_name: run.workflow_name.clone(),
            status,
            version: subject.map(|subject| subject.version.clone()),
            action_links: links::after_refusal(run, subject, status),
            generated_at: run.generated_at,
            headline: error.message.clone(),
            facts,
            steps: Vec::new(),
            deployment: None,
            deployments: Vec::new(),
            warnings: Vec::new(),
            journal: Vec::new(),
        }
    }
}

fn fact(label: &str, text: impl Into<String>) -> Fact {
    Fact { label: label.to_owned(), text: text.into() }
}

#[cfg(test)]
pub(crate) mod tests;
