//! The rules across files, tags and records (SPEC S1). In: facts that the front door read. Out: every rule that does
//! not hold, with its place; and what could not be looked at.
//!
//! A rule is one file here, one page `docs/errors/check/<rule>.md` and one line in [`RULES`]. What one file of the
//! configuration can break is told by [`crate::load`] and is no rule here.

mod action_link;
mod admin_override;
mod deployment_record;
mod deployment_tag;
mod environment_name;
mod environment_record;
mod facts;
mod given;
mod maintenance_record;
mod project_name;
mod protected_tag;
mod queue_environment;
mod record_form;
mod report_workflow;
mod required_variable;
mod rollback_history;
mod rollback_target;
mod secret_encryption;
mod state_tag;
mod tag_environment;
mod version_moved;
mod version_record;

use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::tag::EnvironmentTag;

pub use facts::{Facts, LedgerFacts, NoLedger, Recorded, Rolled, Telling};
pub use given::{Given, MAX_BYTES};

use crate::Files;
use crate::config::Config;
use crate::variables::MissingVariable;

/// Most findings of one rule that are told.
pub const MAX_TOLD: usize = 50;

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its code, which is also the name of its page.
    pub code: &'static str,
    /// What must hold, in one sentence.
    pub says: &'static str,
    look: fn(&Facts<'_>) -> Vec<Diagnostic>,
}

/// Every rule, in the order in which they are told.
pub const RULES: [Rule; 20] = [
    secret_encryption::RULE,
    required_variable::RULE,
    environment_name::RULE,
    project_name::RULE,
    tag_environment::RULE,
    version_moved::RULE,
    state_tag::RULE,
    protected_tag::RULE,
    deployment_tag::RULE,
    rollback_history::RULE,
    admin_override::RULE,
    record_form::RULE,
    version_record::RULE,
    environment_record::RULE,
    deployment_record::RULE,
    queue_environment::RULE,
    rollback_target::RULE,
    maintenance_record::RULE,
    report_workflow::RULE,
    action_link::RULE,
];

/// What every rule finds. A finding with [`Exit::Done`] is a warning.
#[must_use]
pub fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for rule in RULES {
        let mut found = (rule.look)(facts);
        let more = found.len().saturating_sub(MAX_TOLD);
        found.truncate(MAX_TOLD);
        if more > 0
            && let Some(last) = found.pop()
        {
            found.push(last.fact("others", format!("{more} more of this kind are not shown")));
        }
        told.append(&mut found);
    }
    told
}

/// What is wrong with files of secrets that no environment names: their paths, and how they are not encrypted.
#[must_use]
pub fn plain_secrets(files: &Files, named: &[&str]) -> Vec<(String, String)> {
    secret_encryption::observe(files, named)
}

/// The required variables that environments lack, each with the project and the environment.
#[must_use]
pub fn missing_variables(config: &Config) -> Vec<(EnvironmentTag, MissingVariable)> {
    required_variable::observe(config)
}

/// A finding about a tag.
fn of_tag(rule: Rule, name: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::unchanged(rule.code, Exit::Judged, message, "nothing was changed").fact("tag", name)
}

#[cfg(test)]
mod tests;
