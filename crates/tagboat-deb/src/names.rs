//! Names of packages, architectures and .deb files; in: texts, out: checked names and file names.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::version::DebianVersion;

/// A package name in the grammar of Debian Policy 5.6.1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

impl PackageName {
    /// Checks a name: at least two of `a-z 0-9 + - .`, the first a letter or a digit.
    ///
    /// # Errors
    /// `Error::Grammar` with the rule that is broken. 200 characters is our own limit, so that a
    /// file name with a version stays below the 255 bytes of a file system.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |reason| Err(Error::grammar("package name", text, reason));
        if text.len() < 2 {
            return refuse("shorter than two characters");
        }
        if text.len() > 200 {
            return refuse("longer than 200 characters");
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return refuse("does not start with a lower-case letter or a digit");
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
        {
            return refuse("has a character other than a-z, 0-9, '+', '-' and '.'");
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PackageName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// The architectures that this project builds for (Debian Policy 11.1), and the two words that
/// stand for sets of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// 64-bit x86.
    Amd64,
    /// 64-bit Arm.
    Arm64,
    /// One package for every architecture.
    All,
    /// In a source package: built once for each architecture. Never the architecture of a .deb.
    Any,
}

impl Architecture {
    /// Debian's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::All => "all",
            Self::Any => "any",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Architecture {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Amd64, Self::Arm64, Self::All, Self::Any]
            .into_iter()
            .find(|architecture| architecture.as_str() == text)
            .ok_or_else(|| {
                Error::grammar("architecture", text, "is not one of amd64, arm64, all, any")
            })
    }
}

/// The usual file name of a package, `name_version_architecture.deb`, as dpkg-name(1) makes it:
/// without the epoch, because a colon is not safe in a file name.
#[must_use]
pub fn file_name(
    name: &PackageName,
    version: &DebianVersion,
    architecture: Architecture,
) -> String {
    format!("{name}_{}_{architecture}.deb", version.without_epoch())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_names_follow_policy() {
        for good in ["ab", "0ad", "libstdc++6", "g++", "python3.11", "a-b", &"x".repeat(200)] {
            assert_eq!(PackageName::parse(good).unwrap().as_str(), good);
        }
        for bad in
            ["", "a", "-a", ".a", "+a", "Ab", "a_b", "a b", "a\n", "ä-b", "a/b", &"x".repeat(201)]
        {
            assert!(PackageName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_file_name_has_no_epoch() {
        let name = PackageName::parse("api").unwrap();
        let version = DebianVersion::parse("1:2.0~rc.1-3").unwrap();
        assert_eq!(file_name(&name, &version, Architecture::Arm64), "api_2.0~rc.1-3_arm64.deb");
    }

    #[test]
    fn only_known_architectures_are_read() {
        for known in ["amd64", "arm64", "all", "any"] {
            assert_eq!(known.parse::<Architecture>().unwrap().as_str(), known);
        }
        assert!("AMD64".parse::<Architecture>().is_err());
    }
}
