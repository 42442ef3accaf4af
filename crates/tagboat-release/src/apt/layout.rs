//! Where things lie in a repository: in: names, out: relative paths that stay inside.

use std::fmt;
use std::path::{Path, PathBuf};

use tagboat_core::ports::Architecture;
use tagboat_deb::PackageName;
use tagboat_deb::digest::Sha256Sum;

/// A path from the root of a repository; it cannot climb, and no part of it starts with a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryPath(String);

impl RepositoryPath {
    /// Checks a path that someone else wrote; `None` where it is absolute, climbs, or has a blank, a control
    /// character, an empty part or one that starts with a dot.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let right = |part: &str| !part.is_empty() && !part.starts_with('.');
        let blank = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
        (text.split('/').all(right) && !text.contains(blank)).then(|| Self(text.to_owned()))
    }

    /// The path as text, with `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below a folder.
    #[must_use]
    pub fn below(&self, folder: &Path) -> PathBuf {
        folder.join(&self.0)
    }

    pub(super) fn of(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a package's file lies: `pool/main/a/api/api_1.0.0_amd64.deb`. The folder above the name's is its first
/// letter, or its first four where it starts with `lib` (Debian's pool, so that no folder grows too large).
#[must_use]
pub fn pool_path(component: &str, name: &PackageName, file_name: &str) -> RepositoryPath {
    let name = name.as_str();
    let prefix = if name.starts_with("lib") { 4.min(name.len()) } else { 1 };
    RepositoryPath(format!("pool/{component}/{}/{name}/{file_name}", &name[..prefix]))
}

/// Below the folder of the suite: `main/binary-amd64/Packages`.
pub(super) fn index_path(component: &str, architecture: Architecture) -> String {
    format!("{component}/binary-{architecture}/Packages")
}

/// The file of an index under its own digest, beside it (apt's `Acquire-By-Hash`).
pub(super) fn by_hash(index: &str, sum: &Sha256Sum) -> String {
    format!("{}/{sum}", by_hash_folder(index))
}

pub(super) fn by_hash_folder(index: &str) -> String {
    let folder = index.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/by-hash/SHA256")
}

pub(super) fn suite_path(suite: &str, below: &str) -> RepositoryPath {
    RepositoryPath(format!("dists/{suite}/{below}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_debians_folders() {
        let path = |name| {
            let name = PackageName::parse(name).unwrap();
            pool_path("main", &name, "x.deb").as_str().to_owned()
        };
        assert_eq!(path("api"), "pool/main/a/api/x.deb");
        assert_eq!(path("libapi2"), "pool/main/liba/libapi2/x.deb");
        assert_eq!(path("lib"), "pool/main/lib/lib/x.deb");
        assert_eq!(path("0ad"), "pool/main/0/0ad/x.deb");
    }

    #[test]
    fn a_path_stays_in_the_repository() {
        assert!(RepositoryPath::parse("pool/main/a/api/api_1~rc.1_amd64.deb").is_some());
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "pool/../../x",
            "pool//x",
            "pool/./x",
            "pool/x/",
            "a b",
            "pool/.tagboat",
            "a\nb",
            "a\\b",
        ] {
            assert!(RepositoryPath::parse(bad).is_none(), "{bad:?}");
        }
    }
}
