//! Whether a version may join those that exist. In: it, and they. Out: nothing, or the one in its way.

use std::cmp::Ordering;

use crate::version::Version;

use super::NextError;
use super::numbers::Numbers;

/// How dpkg orders two upstream versions; `None` where it takes one of them for no version.
pub type DebianOrder<'a> = &'a dyn Fn(&str, &str) -> Option<Ordering>;

/// That SemVer and dpkg order `version` against each of `existing` in the same way: hosts follow dpkg, people
/// and roll-backs SemVer. `rc10` and `rc2` are the common example of two versions on which they disagree.
///
/// # Errors
/// [`NextError::Orders`] with the first on which they do not, or that dpkg cannot read.
pub fn check_order<'a>(
    version: &Version,
    existing: impl IntoIterator<Item = &'a Version>,
    debian: DebianOrder<'_>,
) -> Result<(), NextError> {
    let ours = version.debian();
    let disagrees = |other: &&Version| {
        let semver = version.cmp(other);
        debian(&ours, &other.debian()) != Some(semver)
    };
    match existing.into_iter().find(disagrees) {
        None => Ok(()),
        Some(other) => {
            Err(NextError::Orders { version: version.clone(), existing: Box::new(other.clone()) })
        }
    }
}

/// The same, and that no version of the same three numbers is as high or higher, on whatever branch: a number
/// is given once, and its pre-releases go up.
///
/// # Errors
/// As [`check_order`]; [`NextError::Exists`] with the highest of the same three numbers.
pub fn admit<'a>(
    version: &Version,
    existing: impl IntoIterator<Item = &'a Version> + Clone,
    debian: DebianOrder<'_>,
) -> Result<(), NextError> {
    check_order(version, existing.clone(), debian)?;
    let numbers = Numbers::of(version);
    let same = existing.into_iter().filter(|other| Numbers::of(other) == numbers);
    match same.max().filter(|highest| *highest >= version) {
        None => Ok(()),
        Some(highest) => {
            Err(NextError::Exists { version: version.clone(), existing: Box::new(highest.clone()) })
        }
    }
}
