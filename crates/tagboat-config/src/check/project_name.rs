//! No project that has tags is named like an environment or a version (SPEC V3). In: the projects that tags name. Out:
//! those whose tags git cannot hold beside an environment's.

use tagboat_core::diagnostic::Diagnostic;
use tagboat_core::tag::{NameClash, clashes};

use super::{Facts, Rule, of_tag};

pub(super) const RULE: Rule = Rule {
    code: "check::project-name",
    says: "no project that has tags is named like an environment or a version",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let clashes = clashes(facts.listing.projects(), facts.environments, []);
    let told = clashes.into_iter().filter_map(|clash| {
        let (project, what) = match clash {
            NameClash::Environment { project, environment } => {
                (project, format!("the environment `{environment}`"))
            }
            NameClash::Version { project, component } => {
                (project, format!("the version {component}"))
            }
            NameClash::Prerelease { .. } => return None,
        };
        let message = format!("the tags of {project} are named like {what}");
        let told = of_tag(RULE, &format!("{project}/…"), message)
            .fact("conflict", "git cannot hold a tag and a folder of tags of one name")
            .help(format!(
                "move the project {project} to a folder of another name, and tag it there"
            ));
        Some(told)
    });
    told.collect()
}
