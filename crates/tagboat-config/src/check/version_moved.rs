//! Version and state tags never move and are never deleted (SPEC V4). In: what this clone, the remote and the ledgers
//! hold. Out: tags that differ, unless the record of an override says so.

use tagboat_core::commit::ObjectId;
use tagboat_core::diagnostic::Diagnostic;

use super::{Facts, Rule, of_tag};

pub(super) const RULE: Rule = Rule {
    code: "check::version-moved",
    says: "version and state tags never move and are never deleted",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    // A record excuses the move that it tells of, and no other: what the tag holds now is what it was made to hold.
    let overridden = |name: &str, now: Option<&ObjectId>| {
        facts.overridden(name).any(|change| change.new.as_ref() == now)
    };
    let mut told = Vec::new();
    for moved in facts.moved {
        let name = moved.name.trim_start_matches("refs/tags/");
        if overridden(&moved.name, Some(&moved.theirs)) {
            continue;
        }
        told.push(
            of_tag(
                RULE,
                name,
                format!("{name} moved: this clone and the remote hold different objects"),
            )
            .fact("here", moved.ours.to_string())
            .fact("remote", moved.theirs.to_string())
            .help("find out who moved it, here or there, and move it back"),
        );
    }
    for (tag, telling) in facts.ledgers {
        let Ok(ledger) = &telling.read else { continue };
        for (version, (then, now)) in &ledger.elsewhere {
            let name = version.to_string();
            let here = facts.listing.versions.get(version).map(|tagged| &tagged.object);
            if here.is_some() && overridden(&format!("refs/tags/{name}"), here) {
                continue;
            }
            let message = format!("{name} moved since it was deployed to {}", tag.environment);
            told.push(
                of_tag(RULE, &name, message)
                    .fact("deployed", then.to_string())
                    .fact("now", now.to_string())
                    .fact("ledger", format!("{tag} ({})", telling.object))
                    .help("find out who moved it, and move it back"),
            );
        }
        for version in &ledger.untagged {
            let name = version.to_string();
            if overridden(&format!("refs/tags/{name}"), None) {
                continue;
            }
            let message =
                format!("{name} was deployed to {}, and its tag is gone", tag.environment);
            told.push(
                of_tag(RULE, &name, message)
                    .fact("ledger", format!("{tag} ({})", telling.object))
                    .help("fetch the tags; if the remote has none, find out who deleted it"),
            );
        }
    }
    told
}
