//! The variables of every step (SPEC E6), and `${NAME}` in configured commands. In: version, commit, target.
//! Out: names and values; words with their placeholders filled in, or the name that nobody knows.

use jiff::Timestamp;
use tagboat_core::ports::{Architecture, Commit};

use crate::strategy::Strategy;

/// Where a build takes place, inside its root: the same path for everyone, for compilers write it down.
pub const FOLDER: &str = "/build";
/// Where the commit's files are.
pub const SOURCE: &str = "/build/source";
/// What programs take as their home: empty, and theirs to write.
pub const HOME: &str = "/build/home";
/// The date of what is made, in seconds since 1970 (reproducible-builds.org, "SOURCE_DATE_EPOCH specification").
pub(crate) const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// What the variables say.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The version as programs say it: `1.2.0-rc.1`; for a package that keeps its own changelog, the
    /// upstream part of its version.
    pub version: &'a str,
    /// The commit.
    pub commit: &'a Commit,
    /// The package.
    pub package: &'a str,
    /// What is built for.
    pub target: Architecture,
    /// The machine that compiles: the root's architecture.
    pub machine: Architecture,
}

/// The computed variables, in the order in which they are shown.
///
/// `DEB_HOST_*` and `DEB_BUILD_*` are dpkg-architecture(1)'s, `DEB_HOST_RUST_TYPE` is that of Debian's
/// rustc.mk: Debian's words, so that a command written for a Debian package can be used as it is.
#[must_use]
pub fn computed(subject: &Subject<'_>) -> Vec<(String, String)> {
    let Subject { version, commit, package, target, machine } = *subject;
    [
        ("BUILD_VERSION", version),
        ("VERSION", version),
        ("BUILD_TIMESTAMP", &tagboat_core::time::whole_seconds(commit.time).to_string()),
        (EPOCH, &epoch(commit).to_string()),
        ("COMMIT_SHA", commit.sha.as_str()),
        ("PACKAGE_NAME", package),
        ("BUILD_ARCH", target.debian()),
        ("DEB_HOST_ARCH", target.debian()),
        ("DEB_HOST_MULTIARCH", target.gnu()),
        ("DEB_HOST_GNU_TYPE", target.gnu()),
        ("DEB_HOST_RUST_TYPE", rust(target)),
        ("DEB_BUILD_ARCH", machine.debian()),
        ("DEB_BUILD_GNU_TYPE", machine.gnu()),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("HOME", HOME),
        // Debian's TZ default of a clean build; nothing built should name a place.
        ("TZ", "UTC"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// What makes compilers cross, for commands that know nothing of it: make's implicit rules, autoconf, CMake and
/// pkg-config(1) read these, cargo reads its own. debhelper sets them itself.
#[must_use]
pub fn cross_tools(target: Architecture) -> Vec<(String, String)> {
    let gnu = target.gnu();
    let tool = |name: &str| format!("{gnu}-{name}");
    let cargo = rust(target).to_uppercase().replace('-', "_");
    vec![
        ("CC".to_owned(), tool("gcc")),
        ("CXX".to_owned(), tool("g++")),
        ("AR".to_owned(), tool("ar")),
        ("RANLIB".to_owned(), tool("ranlib")),
        // Any pkg-config then finds the target's libraries and no other.
        ("PKG_CONFIG_LIBDIR".to_owned(), format!("/usr/lib/{gnu}/pkgconfig:/usr/share/pkgconfig")),
        (format!("CARGO_TARGET_{cargo}_LINKER"), tool("gcc")),
    ]
}

/// The commit's time in seconds since 1970; a commit from before is dated 1970.
#[must_use]
pub fn epoch(commit: &Commit) -> u64 {
    since_1970(commit.time)
}

/// A time in seconds since 1970; one from before is 1970.
pub(crate) fn since_1970(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}

/// The program that makes files for `target`, called so that it works in a cross root and in a native one.
pub(crate) fn target_tool(name: &str, strategy: Strategy, target: Architecture) -> String {
    match strategy {
        Strategy::Cross => format!("{}-{name}", target.gnu()),
        Strategy::Native | Strategy::Emulated => name.to_owned(),
    }
}

const fn rust(target: Architecture) -> &'static str {
    match target {
        Architecture::Amd64 => "x86_64-unknown-linux-gnu",
        Architecture::Arm64 => "aarch64-unknown-linux-gnu",
    }
}

/// A placeholder that cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceholderError {
    /// `${` without its `}`.
    Open,
    /// No variable has this name.
    Unknown(String),
}

/// `word` with every `${NAME}` replaced. It is no shell: `$NAME`, `$(…)` and `$$` stay what they are, and what
/// is filled in is not looked at again.
///
/// # Errors
/// The first placeholder that cannot be filled in.
pub fn fill(word: &str, variables: &[(String, String)]) -> Result<String, PlaceholderError> {
    let mut filled = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').ok_or(PlaceholderError::Open)?;
        let value = variables.iter().find(|(known, _)| known == name);
        let (_, value) = value.ok_or_else(|| PlaceholderError::Unknown(name.to_owned()))?;
        filled.push_str(before);
        filled.push_str(value);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn variables() -> Vec<(String, String)> {
        [("A", "1"), ("B", "${A}")].map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec()
    }

    #[test]
    fn only_known_names_are_filled_in_and_once() {
        let filled = |word| fill(word, &variables());
        assert_eq!(filled("x=${A}${A}y"), Ok("x=11y".to_owned()));
        assert_eq!(filled("${B}"), Ok("${A}".to_owned()));
        assert_eq!(filled("$A $(id) `id` $$ $ {A}"), Ok("$A $(id) `id` $$ $ {A}".to_owned()));
        assert_eq!(filled("${C}"), Err(PlaceholderError::Unknown("C".to_owned())));
        assert_eq!(filled("${}"), Err(PlaceholderError::Unknown(String::new())));
        assert_eq!(filled("${A"), Err(PlaceholderError::Open));
    }

    proptest! {
        #[test]
        fn a_word_without_placeholders_stays_as_it_is(word in "[^{]*") {
            prop_assert_eq!(fill(&word, &variables()), Ok(word));
        }
    }
}
