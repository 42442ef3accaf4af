//! The ledger in an environment tag (SPEC V7). In: the messages of an annotated tag and its pages, or a new
//! record. Out: the checked history, or the messages to push.
//!
//! A message is a subject, an empty line, and one JSON line a record, newest first. Each record holds the
//! SHA-256 of the line before it in time, so whoever knows the newest line knows them all. The tag holds
//! the newest 20 to 39 records; when a fortieth comes, the oldest 20 become a page: a tag object of its own
//! that never changes.

mod line;
mod protection;
mod signed;
mod view;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::commit::CommitSha;
use crate::deployment::{DeploymentId, Terminal};
use crate::diagnostic::{Diagnostic, Exit};
use crate::ports::TagObject;
use crate::tag::EnvironmentTag;
use crate::version::{ProjectPath, Version};

pub use line::Line;
pub use protection::{MAX_REASON, Override, Protection};
pub use signed::Signed;
pub use view::LedgerView;

/// The format written here. A format may gain fields; a reader refuses a number above its own.
pub const FORMAT: u32 = 1;

/// Records in a page; the tag keeps this many at least once it has them.
pub const PAGE: usize = 20;

/// What the first record holds for the line before it.
pub const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Longest line that is read, in bytes. The longest that can be written is well below: names and reasons
/// are bounded.
const MAX_LINE: usize = 64 << 10;

/// What kind of attempt a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attempt {
    /// `tagboat deploy` or `promote`.
    Deploy,
    /// `tagboat rollback`.
    Rollback,
}

/// What a record did to a hold (SPEC R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldAction {
    /// The version may not be deployed again without a word of a person.
    Held,
    /// A person gave that word.
    Lifted,
}

/// A hold put on or taken off a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldChange {
    /// Which version.
    #[serde(with = "full_version")]
    pub version: Version,
    /// Put on or taken off.
    pub action: HoldAction,
    /// Why: the gate's verdict, or what the person wrote.
    pub reason: String,
}

/// How one region fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionOutcome {
    /// The region's name; none for the hosts that the environment has outside its regions.
    pub region: Option<String>,
    /// How it ended there: a region that had succeeded and went back with the others is `rolled_back`.
    pub outcome: Terminal,
    /// The Deployment that brought the version there. Records from before regions were deployed one by one have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<DeploymentId>,
}

/// One deployment attempt, as it stands in the ledger. The order of the fields is that of the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// From 1, without a gap.
    pub sequence: u64,
    /// Deploy or roll back.
    pub attempt: Attempt,
    /// The version that was to run.
    #[serde(with = "full_version")]
    pub version: Version,
    /// Its commit.
    pub commit: CommitSha,
    /// The version that ran before; none at the first.
    #[serde(with = "full_version_or_null")]
    pub previous_version: Option<Version>,
    /// Its commit.
    pub previous_commit: Option<CommitSha>,
    /// How it ended.
    pub outcome: Terminal,
    /// When it began, in whole seconds, UTC.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Timestamp,
    /// The person or system that asked for it.
    pub triggered_by: String,
    /// The Deployment that moves the tag: that of the last region, where there are some.
    pub deployment_id: DeploymentId,
    /// The run of the forge's pipeline, or `local-<deployment_id>`.
    pub workflow_run_id: String,
    /// The regions, in the order in which they were deployed; empty where an environment has none.
    pub regions: Vec<RegionOutcome>,
    /// Holds put on and taken off by it.
    pub holds: Vec<HoldChange>,
    /// Why a protection was overridden, where it was (SPEC V4).
    pub override_reason: Option<String>,
}

impl Record {
    /// The version that the environment runs after this attempt: the new one after a success, else the
    /// one before.
    #[must_use]
    pub fn current(&self) -> Option<(&Version, &CommitSha)> {
        match self.outcome {
            Terminal::Succeeded => Some((&self.version, &self.commit)),
            Terminal::Failed | Terminal::RolledBack | Terminal::Cancelled => {
                self.previous_version.as_ref().zip(self.previous_commit.as_ref())
            }
        }
    }
}

/// What is written: the line's outer fields, around the record's own.
#[derive(Serialize)]
struct Written<'r> {
    format: u32,
    #[serde(flatten)]
    record: &'r Record,
    previous_sha256: &'r str,
}

/// What is read first: a newer format may have other fields altogether.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// What is read beside the record.
#[derive(Deserialize)]
struct Chained {
    #[serde(rename = "format")]
    _format: u32,
    previous_sha256: String,
}

/// A record with its line. The line is kept byte for byte, for a newer Tagboat may have written fields that
/// this one does not know, and the chain is over the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    record: Record,
    line: String,
    previous_sha256: String,
}

impl Entry {
    /// What it says.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// The JSON line, without its end.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The SHA-256 of the line, in lower-case hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(self.line.as_bytes()))
    }

    fn write(record: Record, before: Option<&Self>) -> Result<Self, LedgerError> {
        let previous_sha256 = before.map_or_else(|| NO_LINE.to_owned(), Self::sha256);
        let written =
            Written { format: FORMAT, record: &record, previous_sha256: &previous_sha256 };
        let line = serde_json::to_string(&written);
        let line = line.map_err(|error| LedgerError::Line(1, error.to_string()))?;
        Ok(Self { record, line, previous_sha256 })
    }

    /// `number`: of the line in its message, from 1.
    fn read(number: usize, line: &str) -> Result<Self, LedgerError> {
        if line.len() > MAX_LINE {
            return Err(LedgerError::Line(number, format!("longer than {MAX_LINE} bytes")));
        }
        let wrong = |error: serde_json::Error| LedgerError::Line(number, error.to_string());
        let Format { format } = serde_json::from_str(line).map_err(wrong)?;
        if format > FORMAT {
            return Err(LedgerError::Newer(format));
        }
        if format == 0 {
            return Err(LedgerError::Line(number, "there is no format 0".to_owned()));
        }
        let Chained { previous_sha256, .. } = serde_json::from_str(line).map_err(wrong)?;
        let record = serde_json::from_str(line).map_err(wrong)?;
        Ok(Self { record, line: line.to_owned(), previous_sha256 })
    }
}

/// Why a ledger cannot be trusted or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// The tag object is called otherwise than its ref: it was copied from elsewhere.
    Name {
        /// The ref.
        expected: String,
        /// The name inside the object.
        found: String,
    },
    /// The message is not a subject, an empty line and records.
    Shape(&'static str),
    /// A line is no record: its number in the message, from 1, and why.
    Line(usize, String),
    /// A newer Tagboat wrote it.
    Newer(u32),
    /// Sequences are not without a gap: the one expected and the one found.
    Sequence(u64, u64),
    /// The record of this sequence does not hold the hash of the line before it.
    Chain(u64),
    /// A tag or a page has a number of records that the rules exclude.
    Count(usize),
    /// The record of this sequence is of another project.
    Project(u64, ProjectPath),
    /// The tag does not point to the commit of the version that its newest record says is running.
    Target(CommitSha),
    /// This page is not here.
    MissingPage(u64),
    /// An older ledger than one that was read before: the sequence now and the one seen.
    Replayed(u64, u64),
    /// The record of this sequence was another when it was read before.
    Rewritten(u64),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { expected, found } => {
                write!(f, "the tag object at {expected} calls itself {found:?}")
            }
            Self::Shape(why) => write!(f, "the message is no ledger: {why}"),
            Self::Line(number, why) => write!(f, "line {number} is no record: {why}"),
            Self::Newer(format) => write!(f, "format {format} is newer than {FORMAT}"),
            Self::Sequence(expected, found) => {
                write!(f, "record {found} stands where record {expected} belongs")
            }
            Self::Chain(sequence) => {
                write!(f, "record {sequence} does not hold the hash of the record before it")
            }
            Self::Count(count) => write!(f, "{count} records are more or fewer than there may be"),
            Self::Project(sequence, path) => {
                write!(f, "record {sequence} is of the project {path}")
            }
            Self::Target(commit) => {
                write!(f, "the tag points to {commit}, which its newest record does not say runs")
            }
            Self::MissingPage(page) => write!(f, "page {page} is missing"),
            Self::Replayed(now, seen) => {
                write!(f, "it ends at record {now}, but record {seen} was seen before")
            }
            Self::Rewritten(sequence) => {
                write!(f, "record {sequence} is not the one that was seen before")
            }
        }
    }
}

impl std::error::Error for LedgerError {}

impl LedgerError {
    /// As users meet it.
    #[must_use]
    pub fn diagnostic(&self, tag: &EnvironmentTag) -> Box<Diagnostic> {
        let (code, help) = match self {
            Self::Newer(_) => ("ledger::newer-format", "update tagboat on this machine".to_owned()),
            Self::Replayed(..) | Self::Rewritten(_) => (
                "ledger::replayed",
                format!(
                    "find out who moved the tag; if it was you, forget what this clone saw: \
                     `git update-ref -d {}`",
                    tag.seen_ref()
                ),
            ),
            Self::MissingPage(_) => {
                ("ledger::missing-page", "fetch it: run the command without --offline".to_owned())
            }
            Self::Name { .. }
            | Self::Shape(_)
            | Self::Line(..)
            | Self::Sequence(..)
            | Self::Chain(_)
            | Self::Count(_)
            | Self::Project(..)
            | Self::Target(_) => {
                ("ledger::broken", format!("look at it: `git cat-file tag {}`", tag.local_ref()))
            }
        };
        let message = format!("the ledger of {tag} cannot be trusted: {self}");
        Box::new(
            Diagnostic::unchanged(code, Exit::Refused, message, "nothing was deployed or moved")
                .help(help),
        )
    }
}

/// The records that an environment tag holds, checked, newest first. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    tag: EnvironmentTag,
    entries: Vec<Entry>,
}

/// A page to be pushed together with the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 0.
    pub number: u64,
    /// The name inside the tag object: its ref without `refs/`.
    pub name: String,
    /// The commit it points to: that of its newest record.
    pub commit: CommitSha,
    /// Its message.
    pub message: String,
}

/// A ledger with one record more, and what must be pushed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The new ledger.
    pub ledger: Ledger,
    /// The new page, when the tag was full.
    pub page: Option<Page>,
}

impl Ledger {
    /// The ledger of a first deployment.
    ///
    /// # Errors
    /// [`LedgerError`] where the record does not fit the tag.
    pub fn first(tag: EnvironmentTag, record: Record) -> Result<Self, LedgerError> {
        let entry = Entry::write(record, None)?;
        Self::written(tag, vec![entry])
    }

    /// Reads a tag's ledger and checks every rule that the tag alone can show: see [`LedgerView`].
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn read(tag: EnvironmentTag, object: &TagObject) -> Result<Self, LedgerError> {
        LedgerView::read(&tag, object)?.to_ledger()
    }

    /// Adds a record. When the tag is full its oldest records become a page.
    ///
    /// # Errors
    /// [`LedgerError`] where the record does not follow the newest one.
    pub fn append(&self, record: Record) -> Result<Appended, LedgerError> {
        let entry = Entry::write(record, self.entries.first())?;
        let mut entries = vec![entry];
        entries.extend(self.entries.iter().cloned());
        let page = (entries.len() == 2 * PAGE).then(|| {
            let oldest = entries.split_off(PAGE);
            self.page(&oldest)
        });
        let ledger = Self::written(self.tag.clone(), entries)?;
        Ok(Appended { ledger, page })
    }

    /// What was written, checked as a reader will check it.
    fn written(tag: EnvironmentTag, entries: Vec<Entry>) -> Result<Self, LedgerError> {
        view::check(&tag, &entries.iter().map(Line::of).collect::<Vec<_>>())?;
        Ok(Self { tag, entries })
    }

    /// Whose ledger it is.
    #[must_use]
    pub const fn tag(&self) -> &EnvironmentTag {
        &self.tag
    }

    /// The newest record.
    #[must_use]
    pub fn newest(&self) -> &Record {
        &self.entries[0].record
    }

    /// The records in the tag, newest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many pages lie below the tag.
    #[must_use]
    pub fn pages(&self) -> u64 {
        let oldest = self.entries.last().map_or(1, |entry| entry.record.sequence);
        oldest.saturating_sub(1) / PAGE as u64
    }

    /// The message of the tag.
    #[must_use]
    pub fn message(&self) -> String {
        write_message(&self.subject(), &self.entries)
    }

    /// The commit that the tag points to.
    ///
    /// # Errors
    /// [`LedgerError::Count`] where nothing runs, so there is nothing to point to.
    pub fn commit(&self) -> Result<&CommitSha, LedgerError> {
        self.newest().current().map(|(_, commit)| commit).ok_or(LedgerError::Count(0))
    }

    fn subject(&self) -> String {
        view::subject(&self.tag, self.newest().current().map(|(version, _)| version))
    }

    fn page(&self, entries: &[Entry]) -> Page {
        let newest = &entries[0].record;
        let number = (newest.sequence - 1) / PAGE as u64;
        Page {
            number,
            name: page_name(&self.tag, number),
            commit: newest.commit.clone(),
            message: write_message(&page_subject(&self.tag, entries), entries),
        }
    }
}

/// Every record of an environment, newest first: the tag's and its pages', chained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    ledger: Ledger,
    paged: Vec<Entry>,
}

impl History {
    /// Joins a ledger and its pages, the newest page first.
    ///
    /// # Errors
    /// [`LedgerError`] where a page is missing, is another's, or breaks the chain.
    pub fn read(ledger: Ledger, pages: &[Option<TagObject>]) -> Result<Self, LedgerError> {
        let mut paged: Vec<Entry> = Vec::with_capacity(pages.len() * PAGE);
        let mut number = ledger.pages();
        for page in pages.iter().take(usize::try_from(number).unwrap_or(usize::MAX)) {
            number -= 1;
            let object = page.as_ref().ok_or(LedgerError::MissingPage(number))?;
            let expected = page_name(&ledger.tag, number);
            if object.name != expected {
                return Err(LedgerError::Name { expected, found: object.name.clone() });
            }
            let (subject, lines) = view::read_message(&ledger.tag, &object.message)?;
            if lines.len() != PAGE {
                return Err(LedgerError::Count(lines.len()));
            }
            let after = paged.last().or_else(|| ledger.entries.last());
            if let Some(after) = after {
                view::follows(&lines[0], &Line::of(after))?;
            }
            view::check_chain(&ledger.tag, &lines)?;
            let entries = view::entries(&lines)?;
            if subject != page_subject(&ledger.tag, &entries) {
                return Err(LedgerError::Shape("its subject is not what its records say"));
            }
            paged.extend(entries);
        }
        if number > 0 {
            return Err(LedgerError::MissingPage(number - 1));
        }
        Ok(Self { ledger, paged })
    }

    /// The ledger that the tag holds.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Every entry, newest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.ledger.entries.iter().chain(&self.paged)
    }

    /// Every record, newest first.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.entries().map(Entry::record)
    }

    /// Refuses a ledger that is older than one seen before, or that tells of the past otherwise.
    ///
    /// # Errors
    /// [`LedgerError::Replayed`] or [`LedgerError::Rewritten`].
    pub fn follows_seen(&self, seen: &Ledger) -> Result<(), LedgerError> {
        let last = &seen.entries[0];
        let sequence = last.record.sequence;
        let newest = self.ledger.newest().sequence;
        if newest < sequence {
            return Err(LedgerError::Replayed(newest, sequence));
        }
        let now = self.entries().find(|entry| entry.record.sequence == sequence);
        if now.is_some_and(|now| now.line == last.line) {
            Ok(())
        } else {
            Err(LedgerError::Rewritten(sequence))
        }
    }

    /// The reason why `version` is held, if it is: the newest word on it holds.
    #[must_use]
    pub fn hold(&self, version: &Version) -> Option<&HoldChange> {
        self.records()
            .flat_map(|record| record.holds.iter().rev())
            .find(|change| change.version == *version)
            .filter(|change| change.action == HoldAction::Held)
    }
}

/// Names inside a page's tag object: `tagboat/ledger/api/production/0`.
fn page_name(tag: &EnvironmentTag, number: u64) -> String {
    tag.page_ref(number).trim_start_matches("refs/").to_owned()
}

fn page_subject(tag: &EnvironmentTag, entries: &[Entry]) -> String {
    let sequence = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.record.sequence);
    let (first, last) = (sequence(entries.last()), sequence(entries.first()));
    format!("{tag}, records {first} to {last}")
}

fn write_message(subject: &str, entries: &[Entry]) -> String {
    let mut message = format!("{subject}\n\n");
    for entry in entries {
        message.push_str(&entry.line);
        message.push('\n');
    }
    message
}

/// In lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| hex_digits(*byte)).map(char::from).collect()
}

/// The two digits of a byte.
fn hex_digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [byte >> 4, byte & 15].map(|nibble| DIGITS[usize::from(nibble)])
}

/// A version as its full name: `"api/v1.2.3"`.
pub(crate) mod full_version {
    use super::Version;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(version: &Version, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(version)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Version, D::Error> {
        Version::parse(&String::deserialize(d)?).map_err(D::Error::custom)
    }
}

/// The same, or `null`.
pub(crate) mod full_version_or_null {
    use super::Version;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(
        version: &Option<Version>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        match version {
            Some(version) => s.collect_str(version),
            None => s.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Version>, D::Error> {
        Option::<String>::deserialize(d)?
            .map(|text| Version::parse(&text).map_err(D::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests;
