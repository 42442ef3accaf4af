//! What runs has a version tag (seed 004, cross-entity 2 and Deployment; SPEC D3). In: what each ledger says runs. Out:
//! versions without a tag at their commit.

use tagboat_core::diagnostic::Diagnostic;

use super::{Facts, NoLedger, Rule, of_tag};

pub(super) const RULE: Rule = Rule {
    code: "check::deployment-tag",
    says: "the commit of an environment tag has the version tag that its ledger names",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let told = facts.ledgers.iter().filter_map(|(tag, telling)| {
        let name = tag.to_string();
        let help =
            "fetch the tags; if one is gone or moved, deploy a version whose tag can be trusted";
        let (message, commit, found) = match &telling.read {
            Ok(ledger) => {
                let (version, commit) = ledger.running.as_ref()?;
                let tagged = facts.listing.versions.get(version);
                if tagged.is_some_and(|tagged| tagged.commit == *commit) {
                    return None;
                }
                let found = tagged.map_or_else(
                    || format!("there is no tag {version}"),
                    |tagged| format!("{version} is at {}", tagged.commit),
                );
                let message = format!("{name} runs {version}, and its commit has no such tag");
                (message, commit, found)
            }
            Err(NoLedger::Lightweight(commit)) => {
                let mut versions = facts.listing.versions_of(&tag.path);
                if versions.any(|(_, tagged)| tagged.commit == *commit) {
                    return None;
                }
                let message = format!("{name} is at a commit without a version tag");
                (message, commit, "there is none".to_owned())
            }
            Err(NoLedger::Broken(_)) => return None,
        };
        let told = of_tag(RULE, &name, message)
            .fact("object", telling.object.to_string())
            .fact("commit", commit.to_string())
            .fact("found", found)
            .help(help);
        Some(told)
    });
    told.collect()
}
