//! Protections that an administrator may override (SPEC V4). In: a protection and a reason, as typed. Out: both,
//! and the words for the ledger.

use std::fmt;
use std::str::FromStr;

/// What stands in the way of a deployment, and may be overridden by name. Whatever is not listed here cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// A freeze window is open (SPEC E7).
    Freeze,
    /// The version is on no release branch (SPEC D3).
    ReleaseBranch,
    /// None of the project's signers signed the version (SPEC D3).
    Signers,
    /// Another version tag than the one that is deployed was moved (SPEC V4).
    MovedTag,
    /// The ledger must be signed by one who may, and what the remote holds is not (SPEC V7).
    LedgerSignature,
    /// The environment tag was there before and was deleted (SPEC V7).
    DeletedTag,
    /// The package of the version that runs is not published any more, so it could not be put back (SPEC D4).
    WayBack,
}

impl Protection {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Freeze,
        Self::ReleaseBranch,
        Self::Signers,
        Self::MovedTag,
        Self::LedgerSignature,
        Self::DeletedTag,
        Self::WayBack,
    ];

    /// As it is typed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::ReleaseBranch => "release-branch",
            Self::Signers => "signers",
            Self::MovedTag => "moved-tag",
            Self::LedgerSignature => "ledger-signature",
            Self::DeletedTag => "deleted-tag",
            Self::WayBack => "way-back",
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The longest reason, in bytes: it stands in the ledger for ever.
pub const MAX_REASON: usize = 500;

/// A protection that a person overrides, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Which.
    pub protection: Protection,
    /// Why: one printable line.
    pub reason: String,
}

impl FromStr for Override {
    type Err = String;

    /// Reads `PROTECTION=REASON`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (word, reason) = text.split_once('=').unwrap_or((text, ""));
        let found = Protection::ALL.into_iter().find(|protection| protection.word() == word);
        let Some(protection) = found else {
            let words = Protection::ALL.map(Protection::word).join(", ");
            return Err(format!("it is PROTECTION=REASON, the protection one of {words}"));
        };
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(format!("it needs a reason: {word}='why it may be overridden'"));
        }
        if reason.len() > MAX_REASON || reason.chars().any(char::is_control) {
            return Err(format!("the reason is one line of at most {MAX_REASON} bytes"));
        }
        Ok(Self { protection, reason: reason.to_owned() })
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.protection, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_names_its_protection_and_carries_a_reason() {
        let read: Override = "freeze= mends the outage = yes ".parse().unwrap();
        assert_eq!(read.to_string(), "freeze: mends the outage = yes");
        for protection in Protection::ALL {
            let read: Override = format!("{protection}=why").parse().unwrap();
            assert_eq!(read.protection, protection);
        }
        let long = format!("freeze={}", "x".repeat(MAX_REASON + 1));
        for bad in ["", "freeze", "freeze=", "freeze=  ", "=why", "all=why", "freeze=a\nb", &long] {
            assert!(bad.parse::<Override>().is_err(), "{bad:?}");
        }
    }
}
