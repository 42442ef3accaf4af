//! The variables that a project takes (SPEC E5). In: the configuration, the environment of this command. Out: those of a
//! build, or the refusal that names every one that is missing.

use tagboat_config::{Config, Project};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};

use super::deploy::Wish;
use crate::context::Context;

/// Refuses a deployment to an environment that lacks a required variable; by names alone, nothing is decrypted.
pub(crate) fn check_run_time(
    context: &Context<'_>,
    config: &Config,
    wish: &Wish<'_>,
) -> Result<()> {
    let missing = config.missing_variables(wish.project, wish.environment);
    let Some(first) = missing.first() else {
        if wish.project.variables.run_time.iter().any(|variable| variable.required) {
            context.terminal.note(
                "the required variables are configured; to bring them to the hosts is up to you",
            );
        }
        return Ok(());
    };
    let environment = &wish.environment.name;
    let what = format!(
        "{} cannot be deployed to {environment}: it lacks {}",
        wish.version,
        if missing.len() == 1 { "a required variable" } else { "required variables" }
    );
    let help = if missing.iter().any(|variable| variable.hidden) {
        "secrets in sops' binary form hide their names: keep them as YAML, JSON or dotenv"
            .to_owned()
    } else {
        format!("write {} to {}, or say that it is not required", first.name, first.file)
    };
    let refusal = Diagnostic::unchanged(
        "deploy::variable-missing",
        Exit::Usage,
        what,
        "no host was contacted",
    );
    let named = missing.iter().fold(refusal, |told, it| told.fact("missing", it.to_string()));
    Err(Box::new(named.help(help)))
}

/// The build-time variables of a project, from the environment of this command.
pub(crate) fn build_time(
    context: &Context<'_>,
    project: &Project,
) -> Result<Vec<(String, String)>> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for variable in &project.variables.build_time {
        let name = variable.name.to_string();
        match context.variable(&name) {
            Some(value) => found.push((name, value)),
            None if variable.required => missing.push(name),
            None => {}
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    Err(Box::new(
        Diagnostic::unchanged(
            "build::variable-missing",
            Exit::Usage,
            format!("{} cannot be built without {}", project.name, missing.join(", ")),
            "nothing was built",
        )
        .help("set it in the environment of this command, or say that it is not required"),
    ))
}
