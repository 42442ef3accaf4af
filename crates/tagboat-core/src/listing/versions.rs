//! Version tags in their order. In: versions with what their tags hold. Out: one of them, or those of a project.

use crate::commit::{CommitSha, ObjectId};
use crate::version::{ProjectPath, Version};

/// A version's tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedVersion {
    /// What the ref holds.
    pub object: ObjectId,
    /// The commit that it leads to.
    pub commit: CommitSha,
}

/// Version tags, project by project, each project's lowest first. One block of memory: of a hundred thousand, a
/// verb asks for some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions(Vec<(Version, TaggedVersion)>);

impl Versions {
    /// The tag of a version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&TaggedVersion> {
        let place = self.0.binary_search_by(|(known, _)| known.cmp(version)).ok()?;
        self.0.get(place).map(|(_, tagged)| tagged)
    }

    /// Those of one project, lowest first.
    #[must_use]
    pub fn of(&self, project: &ProjectPath) -> &[(Version, TaggedVersion)] {
        let from = self.0.partition_point(|(version, _)| version.path() < project);
        let rest = &self.0[from..];
        let count = rest.partition_point(|(version, _)| version.path() == project);
        &rest[..count]
    }

    /// The projects, each once, in their order.
    pub fn projects(&self) -> impl Iterator<Item = &ProjectPath> {
        self.0
            .chunk_by(|(one, _), (next, _)| one.path() == next.path())
            .filter_map(|versions| versions.first().map(|(version, _)| version.path()))
    }

    /// Every version, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &Version> {
        self.0.iter().map(|(version, _)| version)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one, or changes what its tag holds.
    pub fn insert(&mut self, version: Version, tagged: TaggedVersion) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&version)) {
            Ok(place) => self.0[place].1 = tagged,
            Err(place) => self.0.insert(place, (version, tagged)),
        }
    }
}

/// In whatever order they come: a listing of refs has those of a project together, so there is little to sort. A version
/// is given once, for it has one name.
impl FromIterator<(Version, TaggedVersion)> for Versions {
    fn from_iter<I: IntoIterator<Item = (Version, TaggedVersion)>>(tags: I) -> Self {
        let mut tags: Vec<_> = tags.into_iter().collect();
        if !tags.is_sorted_by(|one, next| one.0 <= next.0) {
            tags.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        }
        Self(tags)
    }
}
