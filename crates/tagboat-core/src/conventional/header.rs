//! The first line of a conventional commit. In: a line. Out: type, scope, mark and description, and what the
//! type asks for.

use super::Change;

/// Types whose authors say that what is delivered is the same (from the Angular convention's list, to which
/// conventionalcommits.org points). `build` and `refactor` are not among them: what they touch is delivered.
const SILENT: [&str; 6] = ["chore", "ci", "docs", "style", "test", "tests"];

/// The scope under which bots bring new dependencies. These are delivered, security updates among them,
/// although Dependabot and Renovate call them `chore(deps)`.
const DEPENDENCIES: &str = "deps";

/// `type(scope)!: description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// As written. Case does not matter (conventionalcommits.org, rule 15): see [`Header::is`].
    pub kind: &'a str,
    /// What stands in the parentheses, if anything does.
    pub scope: Option<&'a str>,
    /// Whether there is a `!`.
    pub mark: Mark,
    /// What follows the colon; never empty.
    pub description: &'a str,
}

/// What stands before the colon of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    Plain,
    /// `!`
    Breaking,
}

impl<'a> Header<'a> {
    /// Reads a subject; `None` where it is not conventional.
    #[must_use]
    pub fn parse(subject: &'a str) -> Option<Self> {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let end = subject.find(|c| !inner(c))?;
        let (kind, rest) = subject.split_at(end);
        if !kind.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let (scope, rest) = match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(')').map(|(scope, rest)| (scope.trim(), rest))?,
            None => ("", rest),
        };
        let (mark, rest) = match rest.strip_prefix('!') {
            Some(rest) => (Mark::Breaking, rest),
            None => (Mark::Plain, rest),
        };
        let description = rest.strip_prefix(':')?.strip_prefix([' ', '\t'])?.trim();
        let scope = (!scope.is_empty()).then_some(scope);
        (!description.is_empty()).then_some(Self { kind, scope, mark, description })
    }

    /// Whether this is its type.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// What it asks for by itself.
    pub(super) fn change(&self) -> Option<Change> {
        if self.mark == Mark::Breaking {
            Some(Change::Breaking)
        } else if self.is("feat") {
            Some(Change::Feature)
        } else if self.is("chore") && self.scope == Some(DEPENDENCIES) {
            Some(Change::Patch)
        } else {
            let silent = SILENT.iter().any(|kind| self.is(kind));
            (!silent).then_some(Change::Patch)
        }
    }
}
