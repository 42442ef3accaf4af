//! The one shape of what a check found. In: a rule, how bad it is, what and where. Out: something to show, to
//! export and to judge; and the verdict that many of them make.

use serde::{Deserialize, Serialize};

/// How bad a finding is, the worst first. The words are lintian's (lintian(1), "Visibility"); SARIF's levels
/// are made from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It must be mended.
    Error,
    /// It most likely must be mended.
    Warning,
    /// It may be worth a look.
    Info,
    /// It is a matter of taste.
    Pedantic,
}

impl Severity {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Pedantic => "pedantic",
        }
    }

    /// Reads lintian's word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Error, Self::Warning, Self::Info, Self::Pedantic]
            .into_iter()
            .find(|severity| severity.as_str() == word)
    }
}

/// Where something was found. What is unknown is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The package: `local-rag`. `None`: it concerns all that were looked at together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// A file: in the package, without a slash at its start; or in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl Place {
    /// Somewhere in a package.
    #[must_use]
    pub fn package(name: impl Into<String>) -> Self {
        Self { package: Some(name.into()), ..Self::default() }
    }

    /// A file of it.
    #[must_use]
    pub fn file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }
}

/// Something that a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule: `<check>/<tag>`, as `lintian/no-copyright-file`.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was found: lower case, no full stop.
    pub message: String,
    /// Where.
    #[serde(default)]
    pub place: Place,
    /// One thing to change, or one command to type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where the rule is explained: a command to type, a section of Debian Policy, an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
}

impl Finding {
    /// A finding without place, help and documentation.
    #[must_use]
    pub fn new(rule: impl Into<String>, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            severity,
            message: message.into(),
            place: Place::default(),
            help: None,
            documentation: None,
        }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says where the rule is explained.
    #[must_use]
    pub fn documentation(mut self, documentation: impl Into<String>) -> Self {
        self.documentation = Some(documentation.into());
        self
    }
}

/// What must not be found, for a gate to let pass (SPEC X1 `required_passes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequiredPass {
    /// No error.
    NoErrors,
    /// No warning.
    NoWarnings,
}

impl RequiredPass {
    /// The severity that it forbids.
    #[must_use]
    pub const fn forbids(self) -> Severity {
        match self {
            Self::NoErrors => Severity::Error,
            Self::NoWarnings => Severity::Warning,
        }
    }
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing that was forbidden was found.
    Passed,
    /// Something was; or the check did not come to its end.
    Failed,
}

impl Verdict {
    /// Failed, where one of both is.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Passed, Self::Passed) => Self::Passed,
            (Self::Failed, _) | (_, Self::Failed) => Self::Failed,
        }
    }
}

/// The verdict over findings of a check that came to its end.
#[must_use]
pub fn verdict<'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
    required: &[RequiredPass],
) -> Verdict {
    let forbidden =
        |finding: &Finding| required.iter().any(|required| required.forbids() == finding.severity);
    if findings.into_iter().any(forbidden) { Verdict::Failed } else { Verdict::Passed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_forbidden_fails_a_gate() {
        use RequiredPass::{NoErrors, NoWarnings};
        use Severity::{Error, Info, Pedantic, Warning};
        let verdict_of = |severity, required: &[RequiredPass]| {
            verdict(&[Finding::new("x/y", severity, "z")], required)
        };
        for (severity, required, expected) in [
            (Error, &[NoErrors, NoWarnings][..], Verdict::Failed),
            (Error, &[NoWarnings], Verdict::Passed),
            (Warning, &[NoErrors, NoWarnings], Verdict::Failed),
            (Warning, &[NoErrors], Verdict::Passed),
            (Info, &[NoErrors, NoWarnings], Verdict::Passed),
            (Pedantic, &[NoErrors, NoWarnings], Verdict::Passed),
            (Error, &[], Verdict::Passed),
        ] {
            assert_eq!(verdict_of(severity, required), expected, "{severity:?} {required:?}");
        }
        assert_eq!(verdict(&[], &[NoErrors]), Verdict::Passed);
        assert_eq!(Verdict::Passed.and(Verdict::Failed), Verdict::Failed);
    }

    #[test]
    fn the_words_are_those_of_lintian_and_of_the_configuration() {
        assert_eq!(Severity::from_word("pedantic"), Some(Severity::Pedantic));
        assert_eq!(Severity::from_word("classification"), None);
        let word = serde_json::to_string(&RequiredPass::NoWarnings).unwrap();
        assert_eq!(word, "\"no-warnings\"");
    }
}
