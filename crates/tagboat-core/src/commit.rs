//! Names of git objects. In: text from git. Out: ids that cannot be mistaken for anything else.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Digits of a full SHA-1 name.
const DIGITS: usize = 40;

/// A git object's full SHA-1 name: 40 lower-case hexadecimal digits. In place, not on the heap: a listing has
/// hundreds of thousands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectId([u8; DIGITS]);

/// A commit's full SHA-1 name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitSha(ObjectId);

/// A text that is no full object name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnId(String);

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a full object name (40 hexadecimal digits)", self.0)
    }
}

impl std::error::Error for NotAnId {}

impl ObjectId {
    /// Reads 40 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`NotAnId`] for anything else: short names are ambiguous, and a name from git is never short.
    pub fn parse(text: &str) -> Result<Self, NotAnId> {
        // It looks at each, which processors do to many at once.
        let hex = |all: bool, byte: &u8| all & matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match <[u8; DIGITS]>::try_from(text.as_bytes()) {
            Ok(digits) if digits.iter().fold(true, hex) => Ok(Self(digits)),
            _ => Err(NotAnId(text.chars().take(64).collect())),
        }
    }

    /// The 40 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // They are ASCII since they were parsed.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The first seven digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.as_str()[..7]
    }
}

impl CommitSha {
    /// Reads 40 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`NotAnId`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotAnId> {
        ObjectId::parse(text).map(Self)
    }

    /// The 40 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The first seven digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.short()
    }

    /// The same name, as that of any object.
    #[must_use]
    pub const fn object(&self) -> &ObjectId {
        &self.0
    }
}

/// An object that is known to be a commit: what a tag peels to.
impl From<ObjectId> for CommitSha {
    fn from(id: ObjectId) -> Self {
        Self(id)
    }
}

impl TryFrom<String> for ObjectId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        Self::parse(&text)
    }
}

impl From<ObjectId> for String {
    fn from(id: ObjectId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_lower_case_name_is_an_id() {
        let full = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(CommitSha::parse(full).unwrap().short(), "0123456");
        for bad in ["", "0123456", &full.to_uppercase(), &format!("{full}0"), "--output=pwned"] {
            assert!(CommitSha::parse(bad).is_err(), "{bad}");
        }
    }
}
