//! Debian versions: in: text, out: a checked version that compares as dpkg compares it.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::error::Error;

#[cfg(test)]
mod tests;

/// A version `[epoch:]upstream[-revision]` (deb-version(7), Debian Policy 5.6.12).
///
/// Equality and order are dpkg's: `1.0`, `1.00` and `0:1.0-0` are equal though their texts differ.
/// So there is no `Hash`; use [`DebianVersion::as_str`] where the text itself is meant.
#[derive(Debug, Clone)]
pub struct DebianVersion {
    text: String,
    epoch: u32,
    upstream: std::ops::Range<usize>,
    revision: Option<std::ops::Range<usize>>,
}

impl DebianVersion {
    /// Reads a version. Stricter than dpkg in what Policy forbids: no blanks around it, an upstream
    /// version that starts with a digit, and no colon but the epoch's.
    ///
    /// # Errors
    /// `Error::Grammar` with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |reason| Err(Error::grammar("version", text, reason));
        if text.is_empty() {
            return refuse("is empty");
        }
        let (epoch, start) = match text.split_once(':') {
            None => (0, 0),
            Some(("", _)) => return refuse("the epoch is empty"),
            Some((digits, _)) => {
                if !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return refuse("the epoch is not a number");
                }
                // dpkg keeps the epoch in a C int.
                match digits.parse::<u32>() {
                    Ok(epoch) if epoch <= i32::MAX.unsigned_abs() => (epoch, digits.len() + 1),
                    _ => return refuse("the epoch is larger than 2147483647"),
                }
            }
        };
        let body = &text[start..];
        let (upstream, revision) = match body.rfind('-') {
            None => (start..text.len(), None),
            Some(hyphen) => (start..start + hyphen, Some(start + hyphen + 1..text.len())),
        };
        if upstream.is_empty() {
            return refuse("the upstream version is empty");
        }
        if !text[upstream.clone()].starts_with(|c: char| c.is_ascii_digit()) {
            return refuse("the upstream version does not start with a digit");
        }
        let allowed = |part: &str, marks: &[u8]| {
            part.bytes().all(|b| b.is_ascii_alphanumeric() || marks.contains(&b))
        };
        if !allowed(&text[upstream.clone()], b".+-~") {
            return refuse(
                "the upstream version has a character other than letters, digits, '.', '+', '-' and '~'",
            );
        }
        if let Some(revision) = &revision {
            if revision.is_empty() {
                return refuse("the revision is empty");
            }
            if !allowed(&text[revision.clone()], b".+~") {
                return refuse(
                    "the revision has a character other than letters, digits, '.', '+' and '~'",
                );
            }
        }
        Ok(Self { text: text.to_owned(), epoch, upstream, revision })
    }

    /// The version exactly as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The epoch; 0 where none is written.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The upstream version.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.text[self.upstream.clone()]
    }

    /// The Debian revision, where one is written.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.revision.clone().map(|range| &self.text[range])
    }

    /// The text without its epoch, as file names have it.
    #[must_use]
    pub fn without_epoch(&self) -> &str {
        &self.text[self.upstream.start..]
    }
}

impl fmt::Display for DebianVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for DebianVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl Ord for DebianVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_part(self.upstream(), other.upstream()))
            .then_with(|| {
                compare_part(self.revision().unwrap_or(""), other.revision().unwrap_or(""))
            })
    }
}

impl PartialOrd for DebianVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for DebianVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for DebianVersion {}

/// Policy 5.6.12: in turns, the longest run without digits, character by character, then the
/// longest run of digits as a number of any length.
fn compare_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        loop {
            let (a, b) = (weight(left.first()), weight(right.first()));
            if a != b {
                return a.cmp(&b);
            }
            if a == 0 {
                break;
            }
            (left, right) = (&left[1..], &right[1..]);
        }
        let (a, b) = (take_number(&mut left), take_number(&mut right));
        // Without leading zeros the longer number is the larger one.
        match a.len().cmp(&b.len()).then_with(|| a.cmp(b)) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
    Ordering::Equal
}

/// `~` sorts before the end of the part, the end (and a digit, which ends the run) before letters,
/// letters before all else.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(b'~') => -1,
        Some(b) if b.is_ascii_digit() => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(*b),
        Some(b) => i32::from(*b) + 256,
    }
}

fn take_number<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, after) = rest.split_at(digits);
    *rest = after;
    let zeros = number.iter().take_while(|b| **b == b'0').count();
    &number[zeros..]
}
