//! One package of an index: in: a stanza of `Packages`, out: what identifies it, and the stanza again.

use std::cmp::Ordering;

use tagboat_core::diagnostic::Result;
use tagboat_core::ports::Architecture as Machine;
use tagboat_deb::digest::{Digests, Sha256Sum};
use tagboat_deb::packages::packages_stanza;
use tagboat_deb::{Architecture, DebianVersion, Error, PackageName, Paragraph};

use super::layout::RepositoryPath;

/// A package that an index lists.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: DebianVersion,
    /// Its architecture, perhaps `all`.
    pub architecture: Architecture,
    /// Where its file lies.
    pub file: RepositoryPath,
    /// The bytes of its file.
    pub size: u64,
    /// Of its file.
    pub sha256: Sha256Sum,
    /// Its stanza in `Packages`, without the empty line behind it.
    pub stanza: String,
}

impl Entry {
    /// The entry of a new package.
    pub(super) fn of_package(
        control: &Paragraph,
        file: RepositoryPath,
        digests: &Digests,
    ) -> Result<Self, Error> {
        let stanza = packages_stanza(control, file.as_str(), digests)?;
        Self::new(&stanza, file, digests.size, digests.sha256)
    }

    /// The entry that a stanza of an index describes; `None` says that a field is missing or cannot be used.
    pub(super) fn of_stanza(stanza: &Paragraph) -> Option<Self> {
        let file = RepositoryPath::parse(stanza.get("Filename")?)?;
        let size = stanza.get("Size")?.parse().ok()?;
        let sha256 = parse_sha256(stanza.get("SHA256")?)?;
        Self::new(stanza, file, size, sha256).ok()
    }

    fn new(
        stanza: &Paragraph,
        file: RepositoryPath,
        size: u64,
        sha256: Sha256Sum,
    ) -> Result<Self, Error> {
        Ok(Self {
            name: PackageName::parse(stanza.required("Package")?)?,
            version: DebianVersion::parse(stanza.required("Version")?)?,
            architecture: stanza.required("Architecture")?.parse()?,
            file,
            size,
            sha256,
            stanza: stanza.to_string(),
        })
    }

    /// Whether apt would take the two for one package at one version. `1.0` and `1.00` are one version.
    #[must_use]
    pub fn is_same_version(&self, other: &Self) -> bool {
        self.name == other.name
            && self.architecture == other.architecture
            && self.version == other.version
    }

    /// Whether the index of an architecture lists it.
    #[must_use]
    pub fn is_for(&self, architecture: Machine) -> bool {
        self.architecture == Architecture::All
            || self.architecture.as_str() == architecture.debian()
    }

    /// The order of an index: by name, then version, then architecture.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let version = || self.version.cmp(&other.version);
        let architecture = || self.architecture.cmp(&other.architecture);
        self.name.cmp(&other.name).then_with(version).then_with(architecture)
    }

    /// `api 1.0.0 amd64`.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{} {} {}", self.name, self.version.as_str(), self.architecture)
    }
}

pub(super) fn parse_sha256(text: &str) -> Option<Sha256Sum> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(Sha256Sum(bytes))
}
