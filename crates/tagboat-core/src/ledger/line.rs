//! A line of a ledger, read in place. In: its text. Out: what the rules over many ledgers ask for.
//!
//! A line that stands as Tagboat writes it is read by walking along it, and nothing but its versions and commits is
//! kept; any other, one that a newer Tagboat wrote or that is no record at all, is left to the JSON reader, whose word
//! counts. So both say the same of every line (a test holds them against each other), and 2,500 ledgers take a twentieth
//! of the time.

use std::borrow::Cow;

use super::{Attempt, Entry, FORMAT, HoldChange, LedgerError, MAX_LINE, Record};
use crate::commit::CommitSha;
use crate::deployment::{DeploymentId, Terminal};
use crate::version::{ProjectPath, Version};

/// A record that stays where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    number: usize,
    pub(super) text: &'a str,
    /// See [`Record::sequence`].
    pub sequence: u64,
    /// See [`Record::attempt`].
    pub attempt: Attempt,
    /// See [`Record::version`].
    pub version: Version,
    /// See [`Record::commit`].
    pub commit: CommitSha,
    /// See [`Record::previous_version`].
    pub previous_version: Option<Version>,
    /// See [`Record::previous_commit`].
    pub previous_commit: Option<CommitSha>,
    /// See [`Record::outcome`].
    pub outcome: Terminal,
    /// See [`Record::holds`].
    pub holds: Vec<HoldChange>,
    pub(super) previous_sha256: Cow<'a, str>,
}

impl<'a> Line<'a> {
    /// `number`: of the line in its message, from 1. Most versions are of `project`.
    pub(super) fn read(
        project: &ProjectPath,
        number: usize,
        text: &'a str,
    ) -> Result<Self, LedgerError> {
        if let Some(line) = walk(project, number, text).filter(|_| text.len() <= MAX_LINE) {
            return Ok(line);
        }
        let Entry { record, previous_sha256, .. } = Entry::read(number, text)?;
        Ok(Self { previous_sha256: previous_sha256.into(), ..Self::of_record(&record, text) })
    }

    /// An entry that is at hand.
    pub(super) fn of(entry: &'a Entry) -> Self {
        let previous_sha256 = Cow::Borrowed(entry.previous_sha256.as_str());
        Self { previous_sha256, ..Self::of_record(&entry.record, &entry.line) }
    }

    fn of_record(record: &Record, text: &'a str) -> Self {
        Self {
            number: 0,
            text,
            sequence: record.sequence,
            attempt: record.attempt,
            version: record.version.clone(),
            commit: record.commit.clone(),
            previous_version: record.previous_version.clone(),
            previous_commit: record.previous_commit.clone(),
            outcome: record.outcome,
            holds: record.holds.clone(),
            previous_sha256: Cow::Borrowed(""),
        }
    }

    /// As [`Record::current`].
    #[must_use]
    pub fn current(&self) -> Option<(&Version, &CommitSha)> {
        match self.outcome {
            Terminal::Succeeded => Some((&self.version, &self.commit)),
            Terminal::Failed | Terminal::RolledBack | Terminal::Cancelled => {
                self.previous_version.as_ref().zip(self.previous_commit.as_ref())
            }
        }
    }

    /// Every field.
    ///
    /// # Errors
    /// [`LedgerError::Line`].
    pub fn record(&self) -> Result<Record, LedgerError> {
        self.to_entry().map(|entry| entry.record)
    }

    pub(super) fn to_entry(&self) -> Result<Entry, LedgerError> {
        Entry::read(self.number, self.text)
    }
}

/// Reads a line that stands as [`Entry`] writes it; `None` for any other, and for the rare ones with a hold or an
/// override. Each text is held against the same grammar as the JSON reader's.
fn walk<'a>(project: &ProjectPath, number: usize, text: &'a str) -> Option<Line<'a>> {
    const { assert!(FORMAT == 1, "the literal below is of format 1") };
    let mut rest = Walk { text, at: 0 };
    rest.literal(b"{\"format\":1,\"sequence\":")?;
    let sequence = rest.number()?;
    rest.literal(b",\"attempt\":\"")?;
    let attempt = match rest.literal(b"deploy\"") {
        Some(()) => Attempt::Deploy,
        None => rest.literal(b"rollback\"").map(|()| Attempt::Rollback)?,
    };
    rest.literal(b",\"version\":")?;
    let version = version(project, rest.string()?)?;
    rest.literal(b",\"commit\":")?;
    let commit = rest.commit()?;
    rest.literal(b",\"previous_version\":")?;
    let previous_version = match rest.literal(b"null") {
        Some(()) => None,
        None => Some(self::version(project, rest.string()?)?),
    };
    rest.literal(b",\"previous_commit\":")?;
    let previous_commit = match rest.literal(b"null") {
        Some(()) => None,
        None => Some(rest.commit()?),
    };
    rest.literal(b",\"outcome\":")?;
    let outcome = terminal(rest.string()?)?;
    rest.literal(b",\"started_at\":")?;
    rest.fixed::<20>().filter(|text| is_plain_time(text))?;
    rest.literal(b",\"completed_at\":")?;
    rest.fixed::<20>().filter(|text| is_plain_time(text))?;
    rest.literal(b",\"triggered_by\":")?;
    rest.string()?;
    rest.literal(b",\"deployment_id\":")?;
    rest.string().filter(|text| DeploymentId::is_sound(text))?;
    rest.literal(b",\"workflow_run_id\":")?;
    rest.string()?;
    rest.literal(b",\"regions\":[")?;
    while rest.literal(b"{\"region\":").is_some() {
        if rest.literal(b"null").is_none() {
            rest.string()?;
        }
        rest.literal(b",\"outcome\":")?;
        terminal(rest.string()?)?;
        if rest.literal(b",\"deployment_id\":").is_some() {
            rest.string().filter(|text| DeploymentId::is_sound(text))?;
        }
        rest.literal(b"}")?;
        if rest.literal(b",").is_some() && !rest.left().starts_with(b"{") {
            return None;
        }
    }
    rest.literal(b"],\"holds\":[],\"override_reason\":null,\"previous_sha256\":")?;
    let previous_sha256 = rest.fixed::<64>().filter(|text| is_hex(text.as_bytes()))?;
    (rest.left() == b"}").then_some(Line {
        number,
        text,
        sequence,
        attempt,
        version,
        commit,
        previous_version,
        previous_commit,
        outcome,
        holds: Vec::new(),
        previous_sha256: Cow::Borrowed(previous_sha256),
    })
}

/// A line, and how far it was read.
struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    fn left(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Of a length that is known when this is compiled, so that it is compared in place.
    fn literal<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        self.left().first_chunk::<N>().filter(|found| *found == literal)?;
        self.at += N;
        Some(())
    }

    /// A number as JSON has it: no leading zero (RFC 8259 §6).
    fn number(&mut self) -> Option<u64> {
        let end = self.left().iter().position(|byte| !byte.is_ascii_digit())?;
        let digits = self.text.get(self.at..self.at + end)?;
        self.at += end;
        if digits.len() > 1 && digits.starts_with('0') { None } else { digits.parse().ok() }
    }

    /// A string without an escape (RFC 8259 §7).
    fn string(&mut self) -> Option<&'a str> {
        let inner = self.left().strip_prefix(b"\"")?;
        let end = inner.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        if inner.get(end) != Some(&b'"') {
            return None;
        }
        let text = self.text.get(self.at + 1..self.at + 1 + end)?;
        self.at += end + 2;
        Some(text)
    }

    /// A string of so many bytes; whoever asks makes sure that there is no escape in it.
    fn fixed<const N: usize>(&mut self) -> Option<&'a str> {
        let left = self.left();
        if left.first() != Some(&b'"') || left.get(N + 1) != Some(&b'"') {
            return None;
        }
        let text = self.text.get(self.at + 1..self.at + 1 + N)?;
        self.at += N + 2;
        Some(text)
    }

    fn commit(&mut self) -> Option<CommitSha> {
        CommitSha::parse(self.fixed::<40>()?).ok()
    }
}

/// Whether all are hexadecimal digits as we write them. It looks at each, which processors do to many at once.
fn is_hex(digits: &[u8]) -> bool {
    digits.iter().fold(true, |all, byte| all & matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn version(project: &ProjectPath, text: &str) -> Option<Version> {
    if let Some(semver) = text.strip_prefix(project.as_str())
        && let Some(semver) = semver.strip_prefix('/')
        && !semver.contains('/')
        && text.len() <= crate::version::MAX_NAME
    {
        // The path need not be read again, and its text is shared.
        return Version::parse_semver(project.clone(), semver).ok();
    }
    Version::parse(text).ok()
}

fn terminal(word: &str) -> Option<Terminal> {
    let all = [Terminal::Succeeded, Terminal::Failed, Terminal::RolledBack, Terminal::Cancelled];
    all.into_iter().find(|terminal| terminal.word() == word)
}

/// `2026-05-03T14:00:00Z`, on a day that every month has, of a year that needs no thought (RFC 3339).
fn is_plain_time(text: &str) -> bool {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b'Z',
    ] = *text.as_bytes()
    else {
        return false;
    };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2, h1, h2, n1, n2, s1, s2];
    let in_range = |from: [u8; 2], to: [u8; 2], found: [u8; 2]| from <= found && found <= to;
    digits.iter().all(u8::is_ascii_digit)
        && in_range(*b"19", *b"98", [y1, y2])
        && in_range(*b"01", *b"12", [m1, m2])
        && in_range(*b"01", *b"31", [d1, d2])
        && (in_range(*b"01", *b"28", [d1, d2]) || text.parse::<jiff::Timestamp>().is_ok())
        && in_range(*b"00", *b"23", [h1, h2])
        && in_range(*b"00", *b"59", [n1, n2])
        && in_range(*b"00", *b"59", [s1, s2])
}

#[cfg(test)]
mod tests;
