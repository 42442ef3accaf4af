//! `tagboat forge`: what the forge is told. In: the environments, the pipeline's identity. Out: JSON.

use tagboat_config::generate::rulesets::{Enforcement, Pipeline, rulesets as written};
use tagboat_core::diagnostic::{Exit, Result};

use super::reading;
use crate::cli::forge::{ForgeVerb, RulesetsArgs};
use crate::context::Context;

/// Runs one of them.
pub(crate) fn run(verb: &ForgeVerb, context: &Context<'_>) -> Result<Exit> {
    match verb {
        ForgeVerb::Rulesets(arguments) => rulesets(arguments, context),
    }
}

fn rulesets(arguments: &RulesetsArgs, context: &Context<'_>) -> Result<Exit> {
    let environments = reading::environments(context)?;
    let apps = arguments.apps.iter().copied().map(Pipeline::App);
    let pipeline: Vec<Pipeline> =
        apps.chain(arguments.deploy_key.then_some(Pipeline::DeployKey)).collect();
    let enforcement = if arguments.evaluate { Enforcement::Evaluate } else { Enforcement::Active };
    let made = written(environments.configured(), &pipeline, enforcement);
    context.terminal.document(&made);
    context.terminal.note(
        "not covered: the pages of ledgers and the records of overrides (refs/tagboat/): rulesets know branches and \
         tags only. The chain of each ledger shows a page that changed: `tagboat history`, `tagboat check`",
    );
    if arguments.deploy_key {
        context.terminal.note(
            "every deploy key that can write may move environment tags: GitHub's rulesets name no single one",
        );
    }
    Ok(Exit::Done)
}
