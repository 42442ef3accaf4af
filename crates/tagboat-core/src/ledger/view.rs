//! A ledger, read in place. In: a tag object that is at hand. Out: its lines, with every rule checked that the tag alone
//! can show (SPEC V7).

use sha2::{Digest as _, Sha256};

use super::{Entry, Ledger, LedgerError, Line, NO_LINE, PAGE, hex_digits};
use crate::ports::TagObject;
use crate::tag::EnvironmentTag;
use crate::version::Version;

/// The records that an environment tag holds, checked, newest first; they stay where they were read. Never empty.
#[derive(Debug)]
pub struct LedgerView<'a> {
    tag: &'a EnvironmentTag,
    lines: Vec<Line<'a>>,
}

impl<'a> LedgerView<'a> {
    /// Reads a tag's ledger and checks every rule that the tag alone can show.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn read(tag: &'a EnvironmentTag, object: &'a TagObject) -> Result<Self, LedgerError> {
        let expected = tag.to_string();
        if object.name != expected {
            return Err(LedgerError::Name { expected, found: object.name.clone() });
        }
        let (said, lines) = read_message(tag, &object.message)?;
        check(tag, &lines)?;
        let view = Self { tag, lines };
        let (version, commit) = view.newest().current().unzip();
        if said != subject(tag, version) {
            return Err(LedgerError::Shape("its subject is not what its newest record says"));
        }
        match commit {
            Some(commit) if commit.object() == &object.object => Ok(view),
            _ => Err(LedgerError::Target(object.object.clone().into())),
        }
    }

    /// Whose ledger it is.
    #[must_use]
    pub const fn tag(&self) -> &EnvironmentTag {
        self.tag
    }

    /// The newest record.
    #[must_use]
    pub fn newest(&self) -> &Line<'a> {
        &self.lines[0]
    }

    /// The records in the tag, newest first.
    #[must_use]
    pub fn lines(&self) -> &[Line<'a>] {
        &self.lines
    }

    /// How many pages lie below the tag.
    #[must_use]
    pub fn pages(&self) -> u64 {
        pages(&self.lines)
    }

    /// The same, kept, with every field of every record.
    ///
    /// # Errors
    /// [`LedgerError::Line`].
    pub fn to_ledger(&self) -> Result<Ledger, LedgerError> {
        Ok(Ledger { tag: self.tag.clone(), entries: entries(&self.lines)? })
    }
}

fn pages(lines: &[Line<'_>]) -> u64 {
    let oldest = lines.last().map_or(1, |line| line.sequence);
    oldest.saturating_sub(1) / PAGE as u64
}

/// The first line of a tag's message.
pub(super) fn subject(tag: &EnvironmentTag, running: Option<&Version>) -> String {
    let running = running.map(ToString::to_string);
    format!("{tag} runs {}", running.as_deref().unwrap_or("nothing"))
}

/// The subject of a message, and its lines.
pub(super) fn read_message<'a>(
    tag: &EnvironmentTag,
    message: &'a str,
) -> Result<(&'a str, Vec<Line<'a>>), LedgerError> {
    let (subject, records) =
        message.split_once("\n\n").ok_or(LedgerError::Shape("it has no empty second line"))?;
    if subject.contains('\n') {
        return Err(LedgerError::Shape("it has no empty second line"));
    }
    let records =
        records.strip_suffix('\n').ok_or(LedgerError::Shape("it does not end in a newline"))?;
    let lines = records.split('\n').enumerate();
    let lines = lines.map(|(index, text)| Line::read(&tag.path, index + 3, text));
    Ok((subject, lines.collect::<Result<_, _>>()?))
}

/// Every field of these lines, kept.
pub(super) fn entries(lines: &[Line<'_>]) -> Result<Vec<Entry>, LedgerError> {
    lines.iter().map(Line::to_entry).collect()
}

/// The rules over the records of a tag.
pub(super) fn check(tag: &EnvironmentTag, lines: &[Line<'_>]) -> Result<(), LedgerError> {
    let count = lines.len();
    let (Some(newest), Some(oldest)) = (lines.first(), lines.last()) else {
        return Err(LedgerError::Count(count));
    };
    if count >= 2 * PAGE {
        return Err(LedgerError::Count(count));
    }
    check_chain(tag, lines)?;
    if !(oldest.sequence - 1).is_multiple_of(PAGE as u64) {
        return Err(LedgerError::Count(count));
    }
    if pages(lines) > 0 && count < PAGE {
        return Err(LedgerError::Count(count));
    }
    if newest.current().is_none() {
        return Err(LedgerError::Shape("nothing runs after its newest record"));
    }
    Ok(())
}

/// Sequences, hashes and project of lines that stand together, newest first.
pub(super) fn check_chain(tag: &EnvironmentTag, lines: &[Line<'_>]) -> Result<(), LedgerError> {
    for pair in lines.windows(2) {
        follows(&pair[1], &pair[0])?;
    }
    for line in lines {
        let project = line.version.path();
        if project != &tag.path {
            return Err(LedgerError::Project(line.sequence, project.clone()));
        }
        if line.sequence == 0 {
            return Err(LedgerError::Sequence(1, 0));
        }
        if (line.sequence == 1) != (line.previous_sha256 == NO_LINE) {
            return Err(LedgerError::Chain(line.sequence));
        }
    }
    Ok(())
}

/// Whether `older` is the line right before `newer`.
pub(super) fn follows(older: &Line<'_>, newer: &Line<'_>) -> Result<(), LedgerError> {
    let expected = newer.sequence.saturating_sub(1);
    if older.sequence != expected {
        return Err(LedgerError::Sequence(expected, older.sequence));
    }
    if !is_hex_of(&newer.previous_sha256, &Sha256::digest(older.text.as_bytes())) {
        return Err(LedgerError::Chain(newer.sequence));
    }
    Ok(())
}

/// Whether a text is these bytes in lower-case hexadecimal digits.
fn is_hex_of(text: &str, bytes: &[u8]) -> bool {
    let pairs = text.as_bytes().chunks_exact(2);
    text.len() == 2 * bytes.len() && pairs.zip(bytes).all(|(pair, byte)| pair == hex_digits(*byte))
}
