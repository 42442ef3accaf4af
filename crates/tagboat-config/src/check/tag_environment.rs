//! A tag `v1.2.3-ENV` needs the folder `environments/ENV` (seed 004, cross-entity 1; SPEC V3). In: legacy suffix tags.
//! Out: those without one.

use tagboat_core::diagnostic::Diagnostic;

use super::{Facts, Rule, of_tag};

pub(super) const RULE: Rule = Rule {
    code: "check::tag-environment",
    says: "a version tag that ends in an environment's name has the folder environments/<name>",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let missing =
        facts.listing.legacy.iter().filter(|(_, name)| !facts.environments.is_configured(name));
    let told = missing.map(|(version, name)| {
        let tag = format!("{version}-{name}");
        of_tag(RULE, &tag, format!("{tag} names the environment {name}, and there is no environments/{name}"))
            .help(format!("add the folder environments/{name} if it is an environment of yours; such tags are never made any more"))
    });
    told.collect()
}
