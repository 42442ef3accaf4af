//! A given record is one of the data model's. In: files of records. Out: those that cannot be read or recognised.

use tagboat_core::diagnostic::Diagnostic;

use super::{Facts, Rule};

pub(super) const RULE: Rule =
    Rule { code: "check::record-form", says: "a given file holds records of the data model", look };

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for given in facts.given {
        if let Some((span, why)) = given.unreadable() {
            told.push(given.told(
                RULE,
                span,
                format!("this is no JSON record: {why}"),
                "expected JSON",
            ));
            continue;
        }
        let records = given.records();
        if records.is_empty() {
            let span = crate::yaml::Span::START;
            told.push(given.told(RULE, span, "there is no record in it", "expected a record"));
        }
        let unknown = records.into_iter().filter(|(kind, _)| kind.is_none());
        told.extend(unknown.map(|(_, item)| {
            item.whole_wrong(
                RULE,
                "this is no record of the data model",
                "expected the fields of one, as `deployment_id` or `action_links`",
            )
        }));
    }
    told
}
