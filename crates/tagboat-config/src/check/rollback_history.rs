//! A roll-back goes down, to what ran there before (seed 004, cross-entity 4; SPEC R2). In: roll-backs in the ledgers.
//! Out: those that went elsewhere.

use tagboat_core::diagnostic::Diagnostic;

use super::{Facts, Rule, of_tag};

pub(super) const RULE: Rule = Rule {
    code: "check::rollback-history",
    says: "a roll-back goes to a lower version that ran in that environment before",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for (tag, telling) in facts.ledgers {
        let Ok(ledger) = &telling.read else { continue };
        let unsure = ledger.pages > 0;
        for rolled in &ledger.rolled {
            let name = tag.to_string();
            let (sequence, to) = (rolled.sequence, &rolled.to);
            let mut tell = |message: String| {
                told.push(
                    of_tag(RULE, &name, message)
                        .fact("object", telling.object.to_string())
                        .help(format!("see what happened: `tagboat history {}`", path(tag))),
                );
            };
            if rolled.from.as_ref().is_none_or(|from| from <= to) {
                let from = rolled.from.as_ref().map_or("nothing".to_owned(), ToString::to_string);
                tell(format!(
                    "record {sequence} of {name} rolls back from {from} to {to}, which is not lower"
                ));
            }
            if !rolled.ran_before && !unsure {
                tell(format!(
                    "record {sequence} of {name} rolls back to {to}, which never ran there"
                ));
            }
        }
    }
    told
}

fn path(tag: &tagboat_core::tag::EnvironmentTag) -> &str {
    if tag.path.is_root() { "." } else { tag.path.as_str() }
}
