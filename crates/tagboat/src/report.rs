//! What a run leaves to be read. In: what a room did, or why it did not. Out: the report on the terminal, as JSON,
//! and in the forge's step summary.

use std::io::Write as _;

use tagboat_core::diagnostic::{Exit, Result};
use tagboat_core::tag::EnvironmentName;
use tagboat_deploy::apply::DeployRecord;
use tagboat_deploy::plan::DeployPlan;
use tagboat_report::forge::ForgePages;
use tagboat_report::pipeline_report::{DeploymentRun, PipelineReport, ReportedStep, Run, Subject};
use tagboat_report::render::{STEP_SUMMARY_LIMIT, human, markdown};

use crate::context::Context;

/// Tells how a deployment ended, and answers its exit status. One that changed nothing is told, and is the
/// error.
pub(crate) fn deployment(
    context: &Context<'_>,
    plan: &DeployPlan,
    outcome: Result<DeployRecord>,
) -> Result<Exit> {
    let run = run(context, plan);
    let attempt = plan.request.attempt;
    match outcome {
        Ok(record) => {
            let exit = record.exit();
            let steps = record.steps.into_iter().map(|step| ReportedStep {
                step: step.step,
                seconds: step.seconds,
                result: step.result,
            });
            let next = next_environment(context, &plan.request.tag.environment);
            let report = PipelineReport::of_deployment(
                &run,
                &DeploymentRun {
                    attempt,
                    deployment: &record.deployment,
                    ending: &record.ending,
                    sequence: record.sequence,
                    holds: &record.holds,
                    not_recorded: record.not_recorded.as_deref(),
                    steps: steps.collect(),
                    journal: record.journal,
                    warnings: record.warnings,
                    reason: plan.request.reason.as_deref(),
                    next_environment: next.as_ref(),
                },
            )?;
            tell(context, &report);
            Ok(exit)
        }
        Err(error) => {
            let subject = Subject {
                attempt,
                version: &plan.request.version,
                environment: &plan.request.tag.environment,
            };
            summarise(context, &PipelineReport::of_refusal(&run, Some(&subject), &error));
            Err(error)
        }
    }
}

fn run(context: &Context<'_>, plan: &DeployPlan) -> Run {
    let server = context.variable("GITHUB_SERVER_URL");
    let repository = context.variable("GITHUB_REPOSITORY");
    let pages = server.zip(repository).map(|(server, name)| ForgePages::new(&server, &name));
    Run {
        workflow_run_id: plan.head.workflow_run_id.clone(),
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

fn tell(context: &Context<'_>, report: &PipelineReport) {
    context.terminal.say(human(report).trim_end());
    context.terminal.json(report);
    summarise(context, report);
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
