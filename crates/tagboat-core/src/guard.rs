//! What a push may do to protected refs (SPEC V4, V7, S3). In: a ref, what it holds and what it shall hold. Out:
//! nothing, or why it may not.

use std::fmt;

use crate::commit::ObjectId;
use crate::ledger::{Ledger, LedgerError};
use crate::listing::{PAGES, TAGS};
use crate::ports::TagObject;
use crate::tag::{EnvironmentTag, Environments, TagKind, classify};
use crate::tag_override::OVERRIDES;

/// What a ref is to a guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guarded {
    /// A version, state or legacy tag: made once.
    Fixed,
    /// A tag of the form `v1.2.3-production`: never made any more (SPEC V3).
    Legacy,
    /// An environment tag: moves from ledger to ledger.
    Environment(EnvironmentTag),
    /// A page of a ledger, or the record of an override: written once.
    Written,
    /// Anything else.
    Free,
}

impl Guarded {
    /// What `name`, a full ref name, is.
    #[must_use]
    pub fn of(name: &str, environments: &Environments) -> Self {
        if name.starts_with(PAGES) || name.starts_with(OVERRIDES) {
            return Self::Written;
        }
        let Some(tag) = name.strip_prefix(TAGS) else { return Self::Free };
        match classify(tag, environments) {
            TagKind::Version(_) | TagKind::State(..) => Self::Fixed,
            TagKind::LegacySuffix(..) => Self::Legacy,
            TagKind::Environment(path, environment) => {
                Self::Environment(EnvironmentTag::new(path, environment))
            }
            TagKind::Foreign => Self::Free,
        }
    }

    /// Whether a ref of this kind may change from `old` to `new` (`None`: it does not exist). Of an environment
    /// tag this says only that it may not be deleted; [`follow`] judges its ledger.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, old: Option<&ObjectId>, new: Option<&ObjectId>) -> Result<(), Refusal> {
        if old == new {
            return Ok(());
        }
        match (self, old, new) {
            (Self::Free, ..)
            | (Self::Environment(_), _, Some(_))
            | (Self::Fixed | Self::Written, None, Some(_)) => Ok(()),
            (Self::Legacy, None, Some(_)) => Err(Refusal::NeverMade),
            (Self::Fixed | Self::Legacy, Some(_), Some(_)) => Err(Refusal::Moved),
            (Self::Written, Some(_), Some(_)) => Err(Refusal::Rewritten),
            (_, _, None) => Err(Refusal::Deleted),
        }
    }
}

/// What an environment tag holds before a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// There is no such tag.
    Nothing,
    /// A lightweight tag, from before there was a ledger.
    NoLedger,
    /// This tag object.
    Tag(Box<TagObject>),
    /// An object that is not here.
    Unknown,
}

/// Why a push is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A version, state or legacy tag would move.
    Moved,
    /// A protected ref would be deleted.
    Deleted,
    /// A legacy suffix tag would be made.
    NeverMade,
    /// A page of a ledger or the record of an override would change.
    Rewritten,
    /// An environment tag would hold no ledger: somebody made it by hand.
    NoLedger,
    /// The new ledger, or the one before it, breaks a rule.
    Ledger(LedgerError),
    /// A first ledger must begin with record 1; the record that it ends with.
    Begins(u64),
    /// The new ledger is not newer: where it ends, and where the one before it does.
    NotNewer(u64, u64),
    /// The new ledger does not hold the newest record of the one before it: its number.
    NotAfter(u64),
    /// What the tag holds now is not in this repository, so nothing can be said of what follows it.
    Unknown,
    /// What the newest record says runs has no version tag at its commit: the version.
    NotTagged(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved => f.write_str("version and state tags never move"),
            Self::Deleted => f.write_str("protected tags and ledgers are never deleted"),
            Self::NeverMade => {
                f.write_str("a version tag with an environment at its end is never made")
            }
            Self::Rewritten => f.write_str("what is written there never changes"),
            Self::NoLedger => f.write_str(
                "an environment tag moves by a deployment: this is no tag with a ledger",
            ),
            Self::Ledger(error) => write!(f, "its ledger cannot be trusted: {error}"),
            Self::Begins(last) => {
                write!(f, "a first ledger has one record, and this one ends with record {last}")
            }
            Self::NotNewer(new, old) => {
                write!(
                    f,
                    "its ledger ends with record {new}, and the tag already holds record {old}"
                )
            }
            Self::NotAfter(old) => {
                write!(f, "its ledger does not hold record {old} as the tag does now")
            }
            Self::Unknown => f.write_str("what the tag holds now is not in this repository"),
            Self::NotTagged(version) => {
                write!(f, "its ledger says that {version} runs, and no such tag is at its commit")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// The ledger that a push would leave, where it follows what was there: every record that the tag held is in it or
/// behind it, and at least one is new. A person can write one by hand that follows: only a signature tells that.
///
/// # Errors
/// Why it does not follow.
pub fn follow(
    tag: &EnvironmentTag,
    before: &Before,
    after: Option<&TagObject>,
) -> Result<Ledger, Refusal> {
    let after = after.ok_or(Refusal::NoLedger)?;
    let after = Ledger::read(tag.clone(), after).map_err(|error| match error {
        LedgerError::Shape(_) | LedgerError::Line(..) => Refusal::NoLedger,
        error => Refusal::Ledger(error),
    })?;
    let last = after.newest().sequence;
    let before = match before {
        Before::Unknown => return Err(Refusal::Unknown),
        Before::Nothing | Before::NoLedger if last == 1 => return Ok(after),
        Before::Nothing | Before::NoLedger => return Err(Refusal::Begins(last)),
        Before::Tag(object) => Ledger::read(tag.clone(), object).map_err(Refusal::Ledger)?,
    };
    let sequence = before.newest().sequence;
    if last <= sequence {
        return Err(Refusal::NotNewer(last, sequence));
    }
    let kept = after.entries().iter().find(|entry| entry.record().sequence == sequence);
    let newest = before.entries().first();
    if kept.map(|entry| entry.line()) == newest.map(|entry| entry.line()) {
        Ok(after)
    } else {
        Err(Refusal::NotAfter(sequence))
    }
}

#[cfg(test)]
mod tests;
