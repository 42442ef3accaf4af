//! The three numbers of a version. In: a version and what is asked. Out: the numbers that follow.

use crate::conventional::Change;
use crate::version::{ProjectPath, Version};

use super::{Bump, NextError};

/// X, Y and Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Numbers {
    major: u64,
    minor: u64,
    patch: u64,
}

impl Numbers {
    /// Those of a project's first version.
    pub(super) const FIRST: Self = Self { major: 0, minor: 1, patch: 0 };

    /// Those of a version.
    pub(super) const fn of(version: &Version) -> Self {
        let [major, minor, patch] = version.numbers();
        Self { major, minor, patch }
    }

    /// The numbers after a change of that kind.
    pub(super) fn raised(self, change: Change) -> Result<Self, NextError> {
        let Self { major, minor, .. } = self;
        let next = |number: u64| number.checked_add(1).ok_or(NextError::TooLarge);
        match (major, change) {
            (0, Change::Breaking) => Ok(Self { major, minor: next(minor)?, patch: 0 }),
            (0, Change::Feature) | (_, Change::Patch) => self.patched(),
            (_, Change::Breaking) => Ok(Self { major: next(major)?, minor: 0, patch: 0 }),
            (_, Change::Feature) => Ok(Self { major, minor: next(minor)?, patch: 0 }),
        }
    }

    /// X.Y.(Z+1)
    pub(super) fn patched(self) -> Result<Self, NextError> {
        let patch = self.patch.checked_add(1).ok_or(NextError::TooLarge)?;
        Ok(Self { patch, ..self })
    }

    /// The largest of the numbers that differ.
    pub(super) fn bump_from(self, before: Self) -> Bump {
        if self.major != before.major {
            Bump::Major
        } else if self.minor != before.minor {
            Bump::Minor
        } else {
            Bump::Patch
        }
    }

    /// The version with these numbers and this pre-release, which may be empty.
    pub(super) fn version(
        self,
        project: &ProjectPath,
        prerelease: &str,
    ) -> Result<Version, NextError> {
        let Self { major, minor, patch } = self;
        let hyphen = if prerelease.is_empty() { "" } else { "-" };
        let semver = format!("v{major}.{minor}.{patch}{hyphen}{prerelease}");
        Version::parse(&project.join(&semver)).map_err(NextError::Version)
    }
}
