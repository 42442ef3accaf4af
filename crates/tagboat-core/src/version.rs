//! Versions. In: text as it stands in a tag. Out: its parts, its order, and its Debian form.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest project path plus version that is accepted, in bytes. Linux allows 255 bytes in a file
/// name (`NAME_MAX`), and git keeps loose refs as files; this leaves room for `-deprecated.lock`.
pub const MAX_NAME: usize = 200;

/// A project's path within the repository, which is also the prefix of its tags. Empty for the project
/// at the root.
///
/// The grammar is an allow-list, so that a name from git can go anywhere: components of ASCII letters,
/// digits, `.`, `_`, `-` and `+`, starting with a letter or a digit, joined by `/`; no `..`, no `.lock`
/// or `.` at a component's end (git-check-ref-format(1)).
///
/// Copies share their text: a repository has a hundred thousand versions of some hundreds of projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProjectPath(Arc<str>);

/// A version of one project (SPEC V1). Order is by project, then semver.org's §11.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    path: ProjectPath,
    major: u64,
    minor: u64,
    patch: u64,
    prerelease: Prerelease,
}

/// The dot-separated identifiers after the hyphen; empty for a final version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Prerelease(Vec<Identifier>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Identifier {
    // Declared first: numeric identifiers are lower than all others (semver.org §11.4.3).
    Number(u64),
    Text(String),
}

/// Why a text is no version or no project path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionError {
    /// Longer than [`MAX_NAME`].
    TooLong,
    /// The path starts or ends with `/`.
    OuterSlash,
    /// The path has an empty component.
    EmptyComponent,
    /// A component holds something outside the allow-list; the text is the component.
    Component(String),
    /// The last component does not start with `v` and a digit.
    NoVersion,
    /// `1.2` or `1.2.3.4`: there must be three numbers.
    NotThreeNumbers,
    /// One of the three is no number.
    NotANumber(String),
    /// A number with a leading zero (semver.org §2, §9).
    LeadingZero(String),
    /// A number above 2^64 - 1.
    TooLarge(String),
    /// `+...`: tags have no build metadata, for dpkg and SemVer order it differently.
    BuildMetadata,
    /// An empty pre-release identifier.
    EmptyIdentifier,
    /// A pre-release identifier outside `[0-9A-Za-z-]` (semver.org §9).
    Identifier(String),
    /// The last identifier is `lock`: git takes no ref that ends in `.lock` (git-check-ref-format(1)).
    Lock,
    /// The pre-release is, or ends in, a state's word, so the tag would be a state tag (SPEC V3).
    StateWord(&'static str),
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "longer than {MAX_NAME} bytes"),
            Self::OuterSlash => f.write_str("a path neither starts nor ends with `/`"),
            Self::EmptyComponent => f.write_str("a path has no empty component"),
            Self::Component(part) => write!(
                f,
                "the path component {part:?} is not made of letters, digits and `._-+` after a \
                 first letter or digit, or it ends in `.` or `.lock`"
            ),
            Self::NoVersion => f.write_str("a version starts with `v` and a digit, as in `v1.2.3`"),
            Self::NotThreeNumbers => f.write_str("a version has three numbers, as in `v1.2.3`"),
            Self::NotANumber(part) => write!(f, "{part:?} is not a number"),
            Self::LeadingZero(part) => write!(f, "the number {part:?} has a leading zero"),
            Self::TooLarge(part) => write!(f, "the number {part} is above 2^64 - 1"),
            Self::BuildMetadata => f.write_str("build metadata (`+…`) has no place in a tag"),
            Self::EmptyIdentifier => f.write_str("a pre-release identifier is empty"),
            Self::Identifier(part) => {
                write!(f, "the pre-release identifier {part:?} is not made of [0-9A-Za-z-]")
            }
            Self::Lock => f.write_str("a tag's name does not end in `.lock`: git takes none"),
            Self::StateWord(word) => {
                write!(f, "a pre-release may not be or end in `-{word}`: that is a state tag")
            }
        }
    }
}

impl std::error::Error for VersionError {}

impl ProjectPath {
    /// The project at the repository's root.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a path; an empty text is the root.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        if text.len() > MAX_NAME {
            return Err(VersionError::TooLong);
        }
        if text.starts_with('/') || text.ends_with('/') {
            return Err(VersionError::OuterSlash);
        }
        if !text.is_empty() {
            text.split('/').try_for_each(check_component)?;
        }
        Ok(Self(text.into()))
    }

    /// As it stands in a tag; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root project.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Its components, from the outermost.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// The name of a tag of this project: `api` and `v1.2.3` give `api/v1.2.3`.
    #[must_use]
    pub fn join(&self, last: &str) -> String {
        if self.is_root() { last.to_owned() } else { format!("{}/{last}", self.0) }
    }
}

impl PartialOrd for ProjectPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ProjectPath {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

/// The path, or `(root)`.
impl fmt::Display for ProjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "(root)" } else { &self.0 })
    }
}

fn check_component(part: &str) -> Result<(), VersionError> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
    if part.is_empty() {
        return Err(VersionError::EmptyComponent);
    }
    let sound = part.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && part.bytes().all(inner)
        && !part.contains("..")
        && !part.ends_with('.')
        && !part.ends_with(".lock");
    if sound { Ok(()) } else { Err(VersionError::Component(part.chars().take(64).collect())) }
}

impl Version {
    /// Reads `[path/]vX.Y.Z[-prerelease]`.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(full: &str) -> Result<Self, VersionError> {
        let (path, semver) = match full.rsplit_once('/') {
            // `/v1.0.0` has an empty path before its slash: not the root project.
            Some(("", _)) => return Err(VersionError::OuterSlash),
            Some((path, last)) => (ProjectPath::parse(path)?, last),
            None => (ProjectPath::root(), full),
        };
        if semver.is_empty() {
            return Err(VersionError::OuterSlash);
        }
        Self::parse_semver(path, semver)
    }

    /// Reads `vX.Y.Z[-prerelease]` of a project.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse_semver(path: ProjectPath, semver: &str) -> Result<Self, VersionError> {
        let folder = if path.is_root() { 0 } else { path.as_str().len() + 1 };
        if folder + semver.len() > MAX_NAME {
            return Err(VersionError::TooLong);
        }
        let text = semver.strip_prefix('v').ok_or(VersionError::NoVersion)?;
        if !text.bytes().next().is_some_and(|first| first.is_ascii_digit()) {
            return Err(VersionError::NoVersion);
        }
        if text.bytes().any(|byte| byte == b'+') {
            return Err(VersionError::BuildMetadata);
        }
        let (core, prerelease) = match cut(text, b'-') {
            Some((core, prerelease)) => (core, Prerelease::parse(prerelease)?),
            None => (text, Prerelease::default()),
        };
        let parts = cut(core, b'.').and_then(|(major, rest)| Some((major, cut(rest, b'.')?)));
        let Some((major, (minor, patch))) = parts else {
            return Err(VersionError::NotThreeNumbers);
        };
        let (major, minor) = (number(major)?, number(minor)?);
        if patch.bytes().any(|byte| byte == b'.') {
            return Err(VersionError::NotThreeNumbers);
        }
        let patch = number(patch)?;
        Ok(Self { path, major, minor, patch, prerelease })
    }

    /// The lowest version that a project can have, `v0.0.0-0`: where its versions begin in order.
    #[must_use]
    pub fn lowest(path: ProjectPath) -> Self {
        let prerelease = Prerelease(vec![Identifier::Number(0)]);
        Self { path, major: 0, minor: 0, patch: 0, prerelease }
    }

    /// The project it is a version of.
    #[must_use]
    pub const fn path(&self) -> &ProjectPath {
        &self.path
    }

    /// `v1.2.3-rc.1`: without the project.
    #[must_use]
    pub fn semver(&self) -> String {
        format!("v{}", self.bare())
    }

    /// `1.2.3-rc.1`: without the project and the `v`, as programs say it.
    #[must_use]
    pub fn bare(&self) -> String {
        let core = format!("{}.{}.{}", self.major, self.minor, self.patch);
        if self.is_prerelease() { format!("{core}-{}", self.prerelease) } else { core }
    }

    /// `[1, 2, 3]` of `v1.2.3-rc.1`.
    #[must_use]
    pub const fn numbers(&self) -> [u64; 3] {
        [self.major, self.minor, self.patch]
    }

    /// `rc.1` of `v1.2.3-rc.1`; `None` for a final version.
    #[must_use]
    pub fn prerelease(&self) -> Option<String> {
        self.is_prerelease().then(|| self.prerelease.to_string())
    }

    /// Whether it comes before its final version.
    #[must_use]
    pub const fn is_prerelease(&self) -> bool {
        !self.prerelease.0.is_empty()
    }

    /// The upstream version that dpkg sorts where SemVer does: the first hyphen becomes `~`, which sorts
    /// before everything, even the end (deb-version(7)). Further hyphens become `+`, for a hyphen would
    /// start a Debian revision: `1.2.3-rc.1` is `1.2.3~rc.1`.
    #[must_use]
    pub fn debian(&self) -> String {
        let core = format!("{}.{}.{}", self.major, self.minor, self.patch);
        if self.is_prerelease() {
            format!("{core}~{}", self.prerelease.to_string().replace('-', "+"))
        } else {
            core
        }
    }

    /// Whether an answer that a program gives as its version means this one: semver with or without
    /// `v`, or the full version (SPEC D4).
    #[must_use]
    pub fn is_named(&self, answer: &str) -> bool {
        answer == self.to_string() || answer.strip_prefix('v').unwrap_or(answer) == self.bare()
    }

    fn precedence(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| match (self.is_prerelease(), other.is_prerelease()) {
                (false, false) => Ordering::Equal,
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                // Vec's order is the rule: identifier by identifier, the longer one later (§11.4).
                (true, true) => self.prerelease.0.cmp(&other.prerelease.0),
            })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.path.cmp(&other.path).then_with(|| self.precedence(other))
    }
}

/// The full version: `api/v1.2.3-rc.1`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.join(&self.semver()))
    }
}

/// SPEC V1's fields.
impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Version", 7)?;
        fields.serialize_field("full_version", &self.to_string())?;
        fields.serialize_field("sub_project_path", self.path.as_str())?;
        fields.serialize_field("semver", &self.semver())?;
        fields.serialize_field("major", &self.major)?;
        fields.serialize_field("minor", &self.minor)?;
        fields.serialize_field("patch", &self.patch)?;
        fields.serialize_field("prerelease", &self.prerelease())?;
        fields.end()
    }
}

/// From SPEC V1's fields; `full_version` alone decides, and the others must agree with it.
impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = serde_json::Value::deserialize(deserializer)?;
        let full = given.get("full_version").and_then(serde_json::Value::as_str).unwrap_or("");
        let version = Self::parse(full).map_err(serde::de::Error::custom)?;
        let canonical = serde_json::to_value(&version).map_err(serde::de::Error::custom)?;
        if canonical == given {
            Ok(version)
        } else {
            Err(serde::de::Error::custom(format!("the fields of version {full} disagree")))
        }
    }
}

impl Prerelease {
    fn parse(text: &str) -> Result<Self, VersionError> {
        for word in crate::tag::State::WORDS {
            if text == word || text.strip_suffix(word).is_some_and(|rest| rest.ends_with('-')) {
                return Err(VersionError::StateWord(word));
            }
        }
        if text.ends_with(".lock") {
            return Err(VersionError::Lock);
        }
        text.split('.').map(Identifier::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Prerelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, identifier) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match identifier {
                Identifier::Number(number) => write!(f, "{dot}{number}")?,
                Identifier::Text(text) => write!(f, "{dot}{text}")?,
            }
        }
        Ok(())
    }
}

impl Identifier {
    fn parse(part: &str) -> Result<Self, VersionError> {
        if part.is_empty() {
            return Err(VersionError::EmptyIdentifier);
        }
        if !part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(VersionError::Identifier(part.chars().take(64).collect()));
        }
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            return number(part).map(Self::Number);
        }
        Ok(Self::Text(part.to_owned()))
    }
}

/// What stands before and after the first such character of ASCII: as [`str::split_once`], which is made for long texts.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == at)?;
    Some((&text[..place], &text[place + 1..]))
}

fn number(part: &str) -> Result<u64, VersionError> {
    let shown = || part.chars().take(64).collect::<String>();
    if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(VersionError::NotANumber(shown()));
    }
    if part.len() > 1 && part.starts_with('0') {
        return Err(VersionError::LeadingZero(shown()));
    }
    part.parse().map_err(|_| VersionError::TooLarge(shown()))
}

#[cfg(test)]
mod tests;
