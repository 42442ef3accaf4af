//! Paths. In: texts of a configuration. Out: paths that lead nowhere else than they say.

use crate::decode::{Lines, Repeated, Text};
use crate::record::text;

/// Longest path, in bytes: `PATH_MAX` of Linux is 4096 with what stands before it.
const MAX_PATH: usize = 1024;

text! {
    /// A file or folder of the repository, relative to its root: no `..`, so that it never leads out.
    pub struct RepoPath;
    expected: "a path within the repository, as `api/src`";
    check: check_repo_path;
}

text! {
    /// A file of a host or of a package: absolute and plain.
    pub struct HostPath;
    expected: "an absolute path, as `/usr/bin/api`";
    check: check_host_path;
}

text! {
    /// The path of a URL.
    pub struct UrlPath;
    expected: "the path of a URL, as `/api/health`";
    pattern: "^/[!-~]{0,1023}$";
    check: check_url_path;
}

impl RepoPath {
    /// Joins components that come from names which are sound already.
    pub(crate) fn sound(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl UrlPath {
    /// SPEC D4's default.
    pub(crate) fn api_health() -> Self {
        Self("/api/health".to_owned())
    }
}

/// Permission bits as chmod(1) writes them: `0755`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(u32);

impl Mode {
    /// A program.
    pub const PROGRAM: Self = Self(0o755);
    /// Any other file.
    pub const PLAIN: Self = Self(0o644);

    /// The bits, at most `0o7777`.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl Text for Mode {
    const EXPECTED: &'static str = "permission bits in quotes, as \"0755\"";
    const PATTERN: Option<&'static str> = Some("^[0-7]{3,4}$");
    const LINES: Lines = Lines::One;
    const REPEATED: Repeated = Repeated::Allowed;

    fn parse(text: &str) -> Result<Self, String> {
        let octal =
            (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        match u32::from_str_radix(text, 8) {
            Ok(bits) if octal => Ok(Self(bits)),
            _ => Err("a mode has three or four octal digits".to_owned()),
        }
    }

    fn text(&self) -> String {
        format!("{:04o}", self.0)
    }
}

fn check_repo_path(text: &str) -> Result<(), &'static str> {
    if text.starts_with('/') {
        return Err("an absolute path leads out of the repository");
    }
    if text.starts_with('-') {
        return Err("a path that starts with a hyphen reads like an option");
    }
    if text.contains('\\') {
        return Err("the components of a path are parted by `/`");
    }
    check_components(text)
}

fn check_host_path(text: &str) -> Result<(), &'static str> {
    let Some(inner) = text.strip_prefix('/') else {
        return Err("a path on a host starts with `/`");
    };
    // Policy 10.7 lists conffiles one a line, and dpkg's file lists know no quoting.
    if text.contains(char::is_whitespace) {
        return Err("a path on a host has no blanks");
    }
    check_components(inner)
}

fn check_components(text: &str) -> Result<(), &'static str> {
    if text.len() > MAX_PATH {
        return Err("a path has 1024 bytes at most");
    }
    if text.split('/').any(|part| part == "..") {
        return Err("a path never leads upwards (`..`)");
    }
    if text.split('/').any(|part| part.is_empty() || part == ".") {
        return Err("a path has no empty component, no `.` and no `/` at its end");
    }
    Ok(())
}

fn check_url_path(text: &str) -> Result<(), &'static str> {
    if !text.starts_with('/') {
        return Err("the path of a URL starts with `/`");
    }
    if text.len() > MAX_PATH || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("the path of a URL is made of visible ASCII, 1024 bytes at most");
    }
    Ok(())
}
