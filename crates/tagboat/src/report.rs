//! What a run leaves to be read. In: what a room did, or why it did not. Out: the report on the terminal, as JSON,
//! in the forge's step summary, and the run's record.

use std::io::{Error, ErrorKind, Write as _};
use std::path::PathBuf;

use tagboat_core::deployment::{Deployment, Ended};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, bug};
use tagboat_core::rollout::Over;
use tagboat_core::tag::EnvironmentName;
use tagboat_deploy::apply::DeployRecord;
use tagboat_deploy::plan::DeployPlan;
use tagboat_report::forge::ForgePages;
use tagboat_report::pipeline_report::{DeploymentRun, PipelineReport, ReportedStep, Run, Subject};
use tagboat_report::render::{STEP_SUMMARY_LIMIT, human, json, markdown};

use crate::context::Context;
use crate::files;

/// Tells how a deployment ended that changed something, and answers its exit status.
pub(crate) fn deployment(
    context: &Context<'_>,
    plan: &DeployPlan,
    record: DeployRecord,
) -> Result<Exit> {
    let exit = record.exit();
    let steps = record.steps.into_iter().map(|step| ReportedStep {
        step: step.step,
        seconds: step.seconds,
        result: step.result,
        region: step.region.map(|region| region.to_string()),
    });
    let next = next_environment(context, &plan.request.tag.environment);
    let Over { ending, parts, deployments } = &record.over;
    let moving = |it: &&Deployment<_>| it.head().deployment_id == plan.head.deployment_id;
    let deployment =
        deployments.iter().find(moving).ok_or_else(|| bug("a deployment without its last part"))?;
    let (deployments, regions): (&[_], &[_]) =
        if plan.has_regions() { (deployments, parts) } else { (&[], &[]) };
    let report = PipelineReport::of_deployment(
        &run(context, plan.head.workflow_run_id.clone()),
        &DeploymentRun {
            attempt: plan.request.attempt,
            deployment,
            deployments,
            regions,
            ending,
            sequence: record.sequence,
            holds: &record.holds,
            not_recorded: record.not_recorded.as_deref(),
            steps: steps.collect(),
            journal: record.journal,
            warnings: record.warnings,
            reason: plan.request.reason.as_deref(),
            override_reason: plan.request.override_reason.as_deref(),
            next_environment: next.as_ref(),
        },
    )?;
    context.terminal.say(human(&report).trim_end());
    context.terminal.json(&report);
    leave(context, &report);
    Ok(exit)
}

/// Leaves the report of a deployment that changed nothing; whoever asked for it gets the error.
pub(crate) fn refusal(
    context: &Context<'_>,
    id: String,
    subject: &Subject<'_>,
    error: &Diagnostic,
) {
    leave(context, &PipelineReport::of_refusal(&run(context, id), Some(subject), error));
}

/// Leaves the report of a deployment that ended while it waited in the queue.
pub(crate) fn cancelled_wait(
    context: &Context<'_>,
    id: String,
    subject: Option<&Subject<'_>>,
    deployment: Option<&Deployment<Ended>>,
    error: &Diagnostic,
) {
    let run = run(context, id);
    leave(context, &PipelineReport::of_cancelled_wait(&run, subject, error, deployment));
}

fn run(context: &Context<'_>, workflow_run_id: String) -> Run {
    let server = context.variable("GITHUB_SERVER_URL");
    let repository = context.variable("GITHUB_REPOSITORY");
    let pages = server.zip(repository).map(|(server, name)| ForgePages::new(&server, &name));
    Run {
        workflow_run_id,
        workflow_name: context
            .variable("GITHUB_WORKFLOW")
            .unwrap_or_else(|| "tagboat deploy".to_owned()),
        pages: pages.and_then(std::result::Result::ok),
        generated_at: context.clock().now(),
    }
}

/// Where a version goes from here: to production, from wherever it is not production yet.
fn next_environment(context: &Context<'_>, here: &EnvironmentName) -> Option<EnvironmentName> {
    let config = context.config().ok()?;
    let current = config.environment(here)?;
    if current.is_production {
        return None;
    }
    let production = config.environments.iter().find(|environment| environment.is_production);
    production.map(|environment| environment.name.clone())
}

/// Where those look who were not there.
fn leave(context: &Context<'_>, report: &PipelineReport) {
    summarise(context, report);
    if let Err(error) = keep(context, report) {
        context.terminal.warn(&format!("the run's record could not be kept: {error}"));
    }
}

/// Adds the run's record to those of this machine (SPEC V6). They are history for reports, and no state: nothing is
/// decided by them, and where there is no home for them none is kept.
fn keep(context: &Context<'_>, report: &PipelineReport) -> std::io::Result<()> {
    let Some(folder) = records_folder(context) else { return Ok(()) };
    let record = json(report)?;
    let id = file_name(&report.workflow_run_id);
    // A run of a pipeline may deploy more than once; and what is there never changes.
    for count in 1..=u16::MAX {
        let name = if count == 1 { format!("{id}.json") } else { format!("{id}-{count}.json") };
        match files::create(&folder.join(name), record.as_bytes()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            written => return written,
        }
    }
    Err(Error::from(ErrorKind::AlreadyExists))
}

/// Where a run that goes on without its terminal writes what it would have said there: beside its record.
pub(crate) fn log_file(context: &Context<'_>, workflow_run_id: &str) -> Option<PathBuf> {
    Some(records_folder(context)?.join(format!("{}.log", file_name(workflow_run_id))))
}

fn file_name(workflow_run_id: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    workflow_run_id.replace(|c| !plain(c), "_")
}

fn records_folder(context: &Context<'_>) -> Option<PathBuf> {
    Some(context.state_folder()?.join("tagboat/runs"))
}

/// Appends the report to the step summary that GitHub shows, where there is one.
fn summarise(context: &Context<'_>, report: &PipelineReport) {
    let Some(path) = context.variable("GITHUB_STEP_SUMMARY") else { return };
    let written =
        std::fs::OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| {
            let there = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
            let room = STEP_SUMMARY_LIMIT.saturating_sub(there.saturating_add(1));
            let fresh = if there == 0 { "" } else { "\n" };
            file.write_all(format!("{fresh}{}", markdown(report, room)).as_bytes())
        });
    if let Err(error) = written {
        context.terminal.warn(&format!("the step summary could not be written: {error}"));
    }
}
