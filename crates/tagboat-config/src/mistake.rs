//! Mistakes. In: what is wrong and where, while a file is read. Out: diagnostics in the order of the file.

use std::ops::Range;

use tagboat_core::diagnostic::{Diagnostic, Exit, Place};

use crate::yaml::{Span, Unreadable, Why};

/// Most mistakes that are told of one file; each carries the file's text.
pub(crate) const MAX_TOLD: usize = 50;

/// The state of the world after a mistake: reading changes nothing.
const STILL: &str = "nothing was started";

/// The codes of this room. Each has its page `docs/errors/config/<code>.md`.
pub(crate) mod code {
    pub(crate) const BAD_VALUE: &str = "config::bad-value";
    pub(crate) const CONTRADICTION: &str = "config::contradiction";
    pub(crate) const DUPLICATE: &str = "config::duplicate";
    pub(crate) const DUPLICATE_KEY: &str = "config::duplicate-key";
    pub(crate) const ENCODING: &str = "config::encoding";
    pub(crate) const LIMIT: &str = "config::limit";
    pub(crate) const MISSING_FILE: &str = "config::missing-file";
    pub(crate) const MISSING_KEY: &str = "config::missing-key";
    pub(crate) const MORE: &str = "config::more";
    pub(crate) const NAME_CLASH: &str = "config::name-clash";
    pub(crate) const NO_APPROVAL: &str = "config::no-approval";
    pub(crate) const NO_SECRETS: &str = "config::no-secrets";
    pub(crate) const NOT_YET: &str = "config::not-yet";
    pub(crate) const OUTPUT: &str = "config::output";
    pub(crate) const PLAIN_SECRETS: &str = "config::plain-secrets";
    pub(crate) const PLAIN_WEBHOOK: &str = "config::plain-webhook";
    pub(crate) const SYNTAX: &str = "config::syntax";
    pub(crate) const UNKNOWN_KEY: &str = "config::unknown-key";
    pub(crate) const UNKNOWN_VALUE: &str = "config::unknown-value";
    pub(crate) const UNREADABLE: &str = "config::unreadable";
    pub(crate) const WRONG_TYPE: &str = "config::wrong-type";
    /// Every one, for the tests.
    #[cfg(test)]
    pub(crate) const ALL: [&str; 21] = [
        BAD_VALUE,
        CONTRADICTION,
        DUPLICATE,
        DUPLICATE_KEY,
        ENCODING,
        LIMIT,
        MISSING_FILE,
        MISSING_KEY,
        MORE,
        NAME_CLASH,
        NO_APPROVAL,
        NO_SECRETS,
        NOT_YET,
        OUTPUT,
        PLAIN_SECRETS,
        PLAIN_WEBHOOK,
        SYNTAX,
        UNKNOWN_KEY,
        UNKNOWN_VALUE,
        UNREADABLE,
        WRONG_TYPE,
    ];
}

/// The mistakes of one file, and what it should tell without being a mistake.
#[derive(Debug)]
pub(crate) struct Mistakes {
    file: String,
    text: String,
    told: Vec<Diagnostic>,
    more: usize,
    veiled: Range<usize>,
}

impl Mistakes {
    /// None yet, of a file with this text.
    pub(crate) fn of(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into(), told: Vec::new(), more: 0, veiled: 0..0 }
    }

    /// The file, relative to the root.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// A mistake: `label` says what was expected at `span`.
    pub(crate) fn mistake(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) {
        self.push(Exit::Usage, code, span, message.into(), label.into(), None);
    }

    /// A mistake with something to do about it.
    pub(crate) fn mistake_with_help(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Exit::Usage, code, span, message.into(), label.into(), Some(help.into()));
    }

    /// What a reader should know though it is allowed.
    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) {
        self.push(Exit::Done, code, span, message.into(), label.into(), None);
    }

    /// A file that is no YAML.
    pub(crate) fn unreadable(&mut self, unreadable: Unreadable) {
        let Unreadable { span, why } = unreadable;
        match why {
            Why::Syntax(what, expected) => {
                self.mistake(
                    code::SYNTAX,
                    span,
                    format!("this is no YAML: {what}"),
                    wanted(expected),
                );
            }
            Why::Refused(what, expected) => {
                self.mistake(code::SYNTAX, span, what, wanted(expected));
            }
            Why::Limit(what) => {
                self.mistake(code::LIMIT, span, what, "the limit is reached here");
            }
        }
    }

    fn push(
        &mut self,
        exit: Exit,
        code: &'static str,
        span: Span,
        message: String,
        label: String,
        help: Option<String>,
    ) {
        if self.told.len() >= MAX_TOLD {
            self.more += 1;
            return;
        }
        let place = Place {
            file: self.file.clone(),
            text: self.text.clone(),
            line: span.line,
            column: span.column,
            width: span.width,
            label,
        };
        let mut told = Diagnostic::unchanged(code, exit, message, STILL).at(place);
        told.help = help;
        self.told.push(told);
    }

    /// Lines that are never shown, whatever is wrong in them: they may hold what was meant to be a secret.
    pub(crate) fn veil(&mut self, lines: Range<usize>) {
        self.veiled = lines;
    }

    /// Everything, in the order of the file.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        let places = self.told.iter_mut().filter_map(|told| told.place.as_mut());
        for place in places.filter(|place| self.veiled.contains(&place.line)) {
            place.text.clear();
        }
        // Stable: what was found first at a place is told first.
        self.told.sort_by_key(|told| told.place.as_ref().map(|place| (place.line, place.column)));
        if self.more > 0 {
            let message = format!("{} more mistakes in {} are not shown", self.more, self.file);
            self.told.push(
                Diagnostic::unchanged(code::MORE, Exit::Usage, message, STILL)
                    .help("correct those above, and read the file again"),
            );
        }
        self.told
    }
}

/// A mistake that stands in no line: a missing or unreadable file.
pub(crate) fn of_file(code: &'static str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::unchanged(code, Exit::Usage, message, STILL)
}

/// `expected …`.
pub(crate) fn wanted(what: &str) -> String {
    format!("expected {what}")
}
