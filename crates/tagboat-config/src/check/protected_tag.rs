//! An environment tag was made by a deployment (seed 004, security 3). In: environment tags and their ledgers. Out: those
//! without a ledger that can be trusted, and those that were deleted.

use tagboat_core::diagnostic::{Diagnostic, Exit};

use super::{Facts, NoLedger, Rule, of_tag};

pub(super) const RULE: Rule = Rule {
    code: "check::protected-tag",
    says: "an environment tag holds a ledger that deployments wrote, and is never deleted",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for (tag, telling) in facts.ledgers {
        let Err(why) = &telling.read else { continue };
        let name = tag.to_string();
        let one = match why {
            NoLedger::Lightweight(_) => {
                of_tag(RULE, &name, format!("{name} holds no ledger: it is lightweight"))
                    .help("find out who made it; the next deployment there begins a ledger")
            }
            NoLedger::Broken(error) => {
                let told = of_tag(RULE, &name, error.message.clone())
                    .fact("code", error.code)
                    .help(error.help.clone().unwrap_or_default());
                // What Tagboat itself could not do is no judgement on the tag.
                if error.exit == Exit::Refused { told } else { told.exit(error.exit) }
            }
        };
        told.push(one.fact("object", telling.object.to_string()));
    }
    for tag in facts.listing.deleted() {
        let name = tag.to_string();
        told.push(
            of_tag(RULE, &name, format!("{name} was there and is deleted"))
                .help("find out who deleted it; a deployment does not make it again by itself"),
        );
    }
    told
}
