//! What is deployed has the variables that it requires (SPEC E5). In: what the configuration lacks. Out: each variable
//! that an environment lacks; a warning where the project was never deployed there.

use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::environment::RegionName;
use tagboat_core::tag::EnvironmentTag;

use super::{Facts, Rule};
use crate::config::Config;
use crate::variables::MissingVariable;

pub(super) const RULE: Rule = Rule {
    code: "check::required-variable",
    says: "an environment has every variable that a project deployed to it requires",
    look,
};

/// Projects that are deployed, against every environment.
pub(super) fn observe(config: &Config) -> Vec<(EnvironmentTag, MissingVariable)> {
    let deployed = || config.projects.iter().filter(|project| project.target.is_some());
    let pairs = config.environments.iter().flat_map(|it| deployed().map(move |p| (p, it)));
    let missing = pairs.flat_map(|(project, environment)| {
        let tag = EnvironmentTag::new(project.path.clone(), environment.name.clone());
        let missing = config.missing_variables(project, environment).into_iter();
        missing.map(move |variable| (tag.clone(), variable))
    });
    missing.collect()
}

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let told = facts.missing_variables.iter().map(|(tag, variable)| {
        let MissingVariable { name, region, file, hidden } = variable;
        let place = region.as_ref().map(|region: &RegionName| format!(" in {region}"));
        let place = place.unwrap_or_default();
        let message =
            format!("{} lacks {name}{place}, which {} requires", tag.environment, tag.path);
        // Where it never ran it may never run.
        let runs = facts.listing.ledgers.contains_key(tag);
        let exit = if runs { Exit::Judged } else { Exit::Done };
        let help = if *hidden {
            format!("write it to {file}; secrets in sops' binary form hide their names: use YAML, JSON or dotenv")
        } else {
            format!("write it to {file}")
        };
        Diagnostic::unchanged(RULE.code, exit, message, "nothing was changed")
            .fact("file", file.clone())
            .help(help)
    });
    told.collect()
}
