//! An override is recorded and can be read (seed 004, security 4; SPEC V4). In: the records of overrides. Out: each, as
//! something to know; an error where it cannot be read.

use tagboat_core::diagnostic::{Diagnostic, Exit};

use super::{Facts, Rule, of_tag};

pub(super) const RULE: Rule = Rule {
    code: "check::admin-override",
    says: "every override of a protected tag is recorded with its reason, and each is told",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for (record, read) in facts.overrides {
        match read {
            Err(object) => told.push(
                Diagnostic::unchanged(
                    RULE.code,
                    Exit::Judged,
                    format!("{record} is no record of an override"),
                    "nothing was changed",
                )
                .fact("object", object.to_string())
                .help("find out who wrote it: hooks write who, what and why"),
            ),
            Ok(changes) => told.extend(changes.iter().map(|change| {
                let name = change.name.trim_start_matches("refs/tags/");
                let id = |id: &Option<_>| {
                    id.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
                };
                of_tag(
                    RULE,
                    name,
                    format!("the protection of {name} was overridden: {}", change.reason),
                )
                .exit(Exit::Done)
                .fact("by", change.by.clone())
                .fact("when", change.at.to_string())
                .fact("from", id(&change.old))
                .fact("to", id(&change.new))
                .fact("record", record.clone())
            })),
        }
    }
    told
}
