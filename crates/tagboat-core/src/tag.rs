//! The tag grammar (SPEC V2-V4). In: a tag's name and the environments that exist. Out: what the tag is.
//!
//! Names from git are hostile: whatever is not matched by an allow-list here is foreign, and is counted,
//! never used.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::commit::CommitSha;
use crate::version::{ProjectPath, Version};

/// Environments that exist as words even where `environments/` has no such folder (SPEC V3).
pub const WELL_KNOWN: [&str; 5] = ["production", "staging", "canary", "sandbox", "performance"];

/// An environment's name: `[a-z][a-z0-9-]*` (SPEC E1), at most 63 bytes, and never like a version
/// (`v[0-9]*`), for `api/v2` could then be either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentName(String);

/// Why a text is no environment's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentNameError {
    /// Not `[a-z][a-z0-9-]*`, or longer than 63 bytes (RFC 1123's bound for a label: names end in
    /// unit and host names).
    Form,
    /// Like a version: `v` and a digit.
    LikeAVersion,
}

impl fmt::Display for EnvironmentNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => {
                "an environment's name is a lower-case letter, then lower-case letters, digits and \
                 hyphens, 63 at most"
            }
            Self::LikeAVersion => "an environment's name does not start like a version (`v1`)",
        })
    }
}

impl std::error::Error for EnvironmentNameError {}

impl EnvironmentName {
    /// Reads a name.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, EnvironmentNameError> {
        let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let bytes = text.as_bytes();
        if !bytes.first().is_some_and(u8::is_ascii_lowercase)
            || bytes.len() > 63
            || !bytes.iter().copied().all(inner)
        {
            return Err(EnvironmentNameError::Form);
        }
        if bytes[0] == b'v' && bytes.get(1).is_some_and(u8::is_ascii_digit) {
            return Err(EnvironmentNameError::LikeAVersion);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EnvironmentName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The environments that a tag may name: the folders below `environments/`, and [`WELL_KNOWN`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environments {
    configured: BTreeSet<EnvironmentName>,
}

impl Environments {
    /// From the folders below `environments/`.
    #[must_use]
    pub fn new(configured: impl IntoIterator<Item = EnvironmentName>) -> Self {
        Self { configured: configured.into_iter().collect() }
    }

    /// Whether there is a folder for it.
    #[must_use]
    pub fn is_configured(&self, name: &EnvironmentName) -> bool {
        self.configured.contains(name)
    }

    /// The environment called `text`, if a tag may name it.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<EnvironmentName> {
        let name = EnvironmentName::parse(text).ok()?;
        (self.is_configured(&name) || WELL_KNOWN.contains(&text)).then_some(name)
    }

    /// Those with a folder, in alphabetical order.
    pub fn configured(&self) -> impl Iterator<Item = &EnvironmentName> {
        self.configured.iter()
    }
}

/// What a version is said to be (SPEC V3, V4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    // The order is V4's: where a version is marked more than once, the greatest holds.
    /// To be preferred where one must be chosen.
    Stable,
    /// Not to be trusted yet.
    Unstable,
    /// Not to be deployed or rolled back to.
    Deprecated,
}

impl State {
    /// The words at the end of a state tag.
    pub const WORDS: [&str; 3] = ["stable", "unstable", "deprecated"];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Unstable => "unstable",
            Self::Deprecated => "deprecated",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Stable, Self::Unstable, Self::Deprecated].into_iter().find(|s| s.word() == word)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a tag's name says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagKind {
    /// `[path/]vX.Y.Z[-pre]`.
    Version(Version),
    /// A version tag's name followed by `-stable`, `-unstable` or `-deprecated`.
    State(Version, State),
    /// `[path/]ENV`: the ledger of a project in an environment.
    Environment(ProjectPath, EnvironmentName),
    /// `[path/]vX.Y.Z-ENV`: from before; protected, never made, never a version.
    LegacySuffix(Version, EnvironmentName),
    /// Anything else: counted, never touched.
    Foreign,
}

impl TagKind {
    /// Whose it is; nobody's where it is foreign.
    #[must_use]
    pub const fn project(&self) -> Option<&ProjectPath> {
        match self {
            Self::Version(version) | Self::State(version, _) | Self::LegacySuffix(version, _) => {
                Some(version.path())
            }
            Self::Environment(project, _) => Some(project),
            Self::Foreign => None,
        }
    }
}

/// Reads a tag's name (without `refs/tags/`).
#[must_use]
pub fn classify(name: &str, environments: &Environments) -> TagKind {
    Classifier::new(environments).classify(name)
}

/// Reads many names, in whatever order. Neighbours are mostly of one project: its path is then checked, and kept,
/// once.
#[derive(Clone, Debug)]
pub struct Classifier<'e> {
    environments: &'e Environments,
    last: ProjectPath,
}

impl<'e> Classifier<'e> {
    /// For tags that may name these environments.
    #[must_use]
    pub fn new(environments: &'e Environments) -> Self {
        Self { environments, last: ProjectPath::root() }
    }

    fn path(&mut self, text: &str) -> Option<ProjectPath> {
        if text != self.last.as_str() {
            self.last = ProjectPath::parse(text).ok()?;
        }
        Some(self.last.clone())
    }

    /// As [`classify`].
    #[must_use]
    pub fn classify(&mut self, name: &str) -> TagKind {
        self.read(name).unwrap_or(TagKind::Foreign)
    }

    /// `None` for what is foreign.
    fn read(&mut self, name: &str) -> Option<TagKind> {
        let (path, last) = match name.bytes().rposition(|byte| byte == b'/') {
            Some(0) => return None,
            Some(slash) => (&name[..slash], &name[slash + 1..]),
            None => ("", name),
        };
        // Foreign tags are the commonest by far in adopted repositories: look at the last component first.
        let like_a_version =
            last.starts_with('v') && last.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        if !like_a_version {
            let environment = self.environments.find(last)?;
            return Some(TagKind::Environment(self.path(path)?, environment));
        }
        let path = self.path(path)?;
        if let Some((version, word)) = last.rsplit_once('-')
            && let Some(state) = State::from_word(word)
        {
            return Some(TagKind::State(Version::parse_semver(path, version).ok()?, state));
        }
        // An environment's name may hold hyphens, a legacy tag's version may not have a pre-release: so the
        // first hyphen parts them.
        if let Some((version, word)) = last.split_once('-')
            && let Some(environment) = self.environments.find(word)
        {
            let version = Version::parse_semver(path, version).ok()?;
            return Some(TagKind::LegacySuffix(version, environment));
        }
        Version::parse_semver(path, last).ok().map(TagKind::Version)
    }
}

/// The name of a project's environment tag: `api/production`. One a project and environment (SPEC V7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentTag {
    /// The project.
    pub path: ProjectPath,
    /// The environment.
    pub environment: EnvironmentName,
}

impl EnvironmentTag {
    /// The tag of `path` in `environment`.
    #[must_use]
    pub const fn new(path: ProjectPath, environment: EnvironmentName) -> Self {
        Self { path, environment }
    }

    /// `refs/tags/api/production`: on the remote.
    #[must_use]
    pub fn remote_ref(&self) -> String {
        format!("refs/tags/{self}")
    }

    /// `refs/tagboat/remote/tags/api/production`: this clone's copy of it.
    #[must_use]
    pub fn local_ref(&self) -> String {
        format!("refs/tagboat/remote/tags/{self}")
    }

    /// `refs/tagboat/seen/api/production`: the newest ledger that this clone has ever read.
    #[must_use]
    pub fn seen_ref(&self) -> String {
        format!("refs/tagboat/seen/{self}")
    }

    /// `refs/tagboat/ledger/api/production/0`: a page of the ledger, here and on the remote.
    #[must_use]
    pub fn page_ref(&self, page: u64) -> String {
        format!("refs/tagboat/ledger/{self}/{page}")
    }
}

/// The tag's name.
impl fmt::Display for EnvironmentTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.join(self.environment.as_str()))
    }
}

/// Whether a tag may be made to point elsewhere (SPEC V4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movability {
    /// Environment tags.
    Movable,
    /// Version, state and legacy tags: neither moved nor deleted without an administrator's override.
    Fixed,
}

impl TagKind {
    /// Whether such a tag moves; `None` for a foreign one, which is none of our business.
    #[must_use]
    pub const fn movability(&self) -> Option<Movability> {
        match self {
            Self::Environment(..) => Some(Movability::Movable),
            Self::Version(_) | Self::State(..) | Self::LegacySuffix(..) => Some(Movability::Fixed),
            Self::Foreign => None,
        }
    }
}

/// A tag with what is known of it, in the fields of SPEC V2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionTag {
    /// What its name says; a foreign tag is none.
    pub kind: TagKind,
    /// The commit it leads to, through any tag objects.
    pub commit: CommitSha,
    /// An annotated tag's time, or a lightweight one's commit's. Of an environment tag: its first
    /// record's.
    pub created_at: Timestamp,
    /// An environment tag's newest move.
    pub updated_at: Option<Timestamp>,
}

impl Serialize for VersionTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error as _, SerializeStruct as _};
        let (name, kind, path, version, environment, state) = match &self.kind {
            TagKind::Version(version) => {
                (version.to_string(), "version", version.path(), Some(version), None, None)
            }
            TagKind::State(version, state) => (
                format!("{version}-{state}"),
                "state",
                version.path(),
                Some(version),
                None,
                Some(state.word()),
            ),
            TagKind::Environment(path, environment) => (
                path.join(environment.as_str()),
                "environment",
                path,
                None,
                Some(environment.as_str()),
                None,
            ),
            TagKind::LegacySuffix(..) | TagKind::Foreign => {
                return Err(S::Error::custom(
                    "only version, state and environment tags have fields",
                ));
            }
        };
        let movable = self.kind.movability() == Some(Movability::Movable);
        let mut fields = serializer.serialize_struct("VersionTag", 10)?;
        fields.serialize_field("tag_name", &name)?;
        fields.serialize_field("tag_type", kind)?;
        fields.serialize_field("sub_project_path", path.as_str())?;
        fields.serialize_field("version", &version)?;
        fields.serialize_field("environment", &environment)?;
        fields.serialize_field("state", &state)?;
        fields.serialize_field("commit_sha", &self.commit)?;
        fields.serialize_field("is_movable", &movable)?;
        fields.serialize_field("created_at", &self.created_at)?;
        fields.serialize_field("updated_at", &self.updated_at.filter(|_| movable))?;
        fields.end()
    }
}

/// Why a project may not have this path (SPEC V3): git could not hold both refs, or nobody could tell
/// them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameClash {
    /// A component is an environment's name, so an environment tag would stand where a folder of tags
    /// must be.
    Environment {
        /// The project.
        project: ProjectPath,
        /// The environment.
        environment: EnvironmentName,
    },
    /// A component reads like a version.
    Version {
        /// The project.
        project: ProjectPath,
        /// The component.
        component: String,
    },
    /// An environment is called like a pre-release that is tagged already, so that tag would change its
    /// meaning.
    Prerelease {
        /// The environment.
        environment: EnvironmentName,
        /// The tag.
        tag: String,
    },
}

/// Every clash between project paths, environments and the tags that exist, in their order.
pub fn clashes<'a>(
    projects: impl IntoIterator<Item = &'a ProjectPath>,
    environments: &Environments,
    tags: impl IntoIterator<Item = &'a str>,
) -> Vec<NameClash> {
    let mut found = Vec::new();
    for project in projects {
        for component in project.components() {
            if let Some(environment) = environments.find(component) {
                found.push(NameClash::Environment { project: project.clone(), environment });
            } else if Version::parse_semver(ProjectPath::root(), component).is_ok() {
                let component = component.to_owned();
                found.push(NameClash::Version { project: project.clone(), component });
            }
        }
    }
    // A legacy suffix tag of a configured environment may have been made as a pre-release: only a
    // person knows. A well-known environment's word never was a pre-release.
    for tag in tags {
        if let TagKind::LegacySuffix(_, environment) = classify(tag, environments)
            && !WELL_KNOWN.contains(&environment.as_str())
        {
            found.push(NameClash::Prerelease { environment, tag: tag.to_owned() });
        }
    }
    found
}

/// The state of each version that has one: deprecated over unstable over stable (SPEC V4).
#[must_use]
pub fn strongest(states: impl IntoIterator<Item = State>) -> Option<State> {
    states.into_iter().max()
}

#[cfg(test)]
mod tests;
