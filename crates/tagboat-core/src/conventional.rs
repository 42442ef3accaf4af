//! Conventional commits. In: a commit's message, whatever it is. Out: its parts, what it undoes, and what it
//! asks of the next version.
//!
//! The grammar is conventionalcommits.org 1.0.0's, read with one eye closed where the strict reading would
//! make a version lower than its author meant: `feat(): x` has no scope rather than no type, and a line
//! that begins with `BREAKING CHANGE:` counts wherever below the subject it stands and whatever the subject
//! is, as semantic-release has it. A message that fits nowhere is one without a header: reading never fails.

mod footer;
mod header;
mod revert;

pub use footer::Footer;
pub use header::{Header, Mark};
pub use revert::{Direction, Revert, Undone};

/// A message taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The first line that says something; empty for an empty message.
    pub subject: &'a str,
    /// The subject's parts; `None`: the commit is not conventional.
    pub header: Option<Header<'a>>,
    /// What stands between the subject and the first footer, without blank lines around it.
    pub body: &'a str,
    /// The footers, in order.
    pub footers: Vec<Footer<'a>>,
    /// What it undoes, if it is a revert.
    pub revert: Option<Revert<'a>>,
}

/// What a commit asks of the next version, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// What is delivered may differ, and nobody need care.
    Patch,
    /// Users can do more than before.
    Feature,
    /// Users must do something.
    Breaking,
}

impl<'a> Message<'a> {
    /// Reads a message.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let text = text.trim();
        let (subject, rest) = text.split_once('\n').unwrap_or((text, ""));
        let subject = subject.trim_end();
        let header = Header::parse(subject);
        let (body, footers) = footer::split(rest);
        let revert = Revert::find(subject, header.as_ref(), rest, &footers);
        Self { subject, header, body, footers, revert }
    }

    /// What breaks, in its author's words: the first `BREAKING CHANGE` footer, or the description after `!`.
    #[must_use]
    pub fn breaking(&self) -> Option<&'a str> {
        let footer = self.footers.iter().find(|footer| footer.breaks()).map(|footer| footer.value);
        let marked = self.header.filter(|header| header.mark == Mark::Breaking);
        footer.or_else(|| marked.map(|header| header.description))
    }

    /// What this commit asks of the next version, judged alone; `None`: nothing.
    ///
    /// A commit that is not conventional asks for a patch, as do types that nobody knows: something of the
    /// project changed, and nobody said that it does not matter (so do git-cliff and release-plz). What
    /// undoes an older release's change is a patch (semantic-release's `revert` rule); what brings one back
    /// asks for what that asked.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        if self.breaking().is_some() {
            return Some(Change::Breaking);
        }
        match &self.revert {
            Some(revert) => revert.change(),
            None => self.header.map_or(Some(Change::Patch), |header| header.change()),
        }
    }
}

#[cfg(test)]
mod tests;
