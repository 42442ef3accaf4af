//! A state tag marks a version (seed 004, VersionTag). In: state tags and version tags. Out: states of nothing, and of
//! another commit.

use tagboat_core::diagnostic::{Diagnostic, Exit};

use super::{Facts, Rule, of_tag};

pub(super) const RULE: Rule = Rule {
    code: "check::state-tag",
    says: "a state tag is at the commit of its version's tag",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let told = facts.listing.state_tags.iter().filter_map(|state| {
        let name = format!("{}-{}", state.version, state.state);
        match facts.listing.versions.get(&state.version) {
            None => Some(
                of_tag(RULE, &name, format!("{name} marks a version that has no tag"))
                    .exit(Exit::Done)
                    .fact("object", state.commit.to_string())
                    .help(format!("fetch the tags; nothing can be deployed as {}", state.version)),
            ),
            Some(tagged) if tagged.commit != state.commit => Some(
                of_tag(RULE, &name, format!("{name} is not at the commit of {}", state.version))
                    .fact("object", state.commit.to_string())
                    .fact("version", tagged.commit.to_string())
                    .help("find out which of the two was moved"),
            ),
            Some(_) => None,
        }
    });
    told.collect()
}
