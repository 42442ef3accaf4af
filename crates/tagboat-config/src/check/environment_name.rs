//! No environment is called like a pre-release that is tagged (SPEC V3). In: tags that end in an environment's name.
//! Out: those that may have been versions.

use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::tag::WELL_KNOWN;

use super::{Facts, Rule};

pub(super) const RULE: Rule = Rule {
    code: crate::mistake::code::NAME_CLASH,
    says: "no environment is called like a pre-release that is tagged",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    // A well-known environment's word never was a pre-release.
    let ours = |name: &str| !WELL_KNOWN.contains(&name);
    let clashes = facts.listing.legacy.iter().filter(|(_, name)| ours(name.as_str()));
    let told = clashes.map(|(version, name)| {
        let tag = format!("{version}-{name}");
        let message = format!("the environment `{name}` is called like the pre-release of {tag}");
        Diagnostic::unchanged(RULE.code, Exit::Usage, message, "nothing was changed")
            .fact("tag", tag)
            .fact("meaning", "it would be read as a tag of the environment, not as a version")
            .help(format!("rename the folder environments/{name}"))
    });
    told.collect()
}
