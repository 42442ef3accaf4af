//! Files in a tree that others made. In: a path that someone wrote, relative to the tree. Out: the file it
//! leads to, inside the tree, or why not.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The largest text that is read from a tree: control files, changelogs, units. Our own limit; Debian's longest
/// changelogs are some 2 MiB.
const MAX_TEXT: u64 = 8 << 20;

/// Why a path leads to nothing that may be used.
#[derive(Debug)]
pub(crate) enum Astray {
    /// There is nothing.
    Missing,
    /// It leads out of the tree, through a symbolic link.
    Outside,
    /// The operating system refused.
    Io(io::Error),
}

/// A path as configuration writes it: relative, and never climbing.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn check_relative(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("it is empty");
    }
    if path.starts_with('/') {
        return Err("it is absolute");
    }
    if path.chars().any(char::is_control) {
        return Err("it has a control character");
    }
    if path.split('/').any(|part| part == "..") {
        return Err("it has a component `..`");
    }
    Ok(())
}

/// Where `path` leads, links followed. The tree must not change meanwhile: whatever ran in it has ended.
pub(crate) fn resolve(tree: &Path, path: &str) -> Result<PathBuf, Astray> {
    check_relative(path).map_err(|_| Astray::Outside)?;
    let tree = fs::canonicalize(tree).map_err(Astray::Io)?;
    let found = match fs::canonicalize(tree.join(path)) {
        Ok(found) => found,
        Err(error) => return Err(of_missing(&tree, path, error)),
    };
    if found.starts_with(&tree) { Ok(found) } else { Err(Astray::Outside) }
}

/// A link that dangles here may well lead somewhere in the root that made it: that is no missing file.
fn of_missing(tree: &Path, path: &str, error: io::Error) -> Astray {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            let mut at = tree.to_owned();
            for part in Path::new(path) {
                at.push(part);
                if at.is_symlink() {
                    return Astray::Outside;
                }
            }
            Astray::Missing
        }
        _ => Astray::Io(error),
    }
}

/// The text of a file in the tree; `None` where there is none.
pub(crate) fn read_text(tree: &Path, path: &str) -> Result<Option<String>, Astray> {
    let found = match resolve(tree, path) {
        Ok(found) => found,
        Err(Astray::Missing) => return Ok(None),
        Err(astray) => return Err(astray),
    };
    if !fs::metadata(&found).map_err(Astray::Io)?.is_file() {
        return Ok(None);
    }
    let mut text = String::new();
    let mut file = fs::File::open(found).map_err(Astray::Io)?.take(MAX_TEXT + 1);
    file.read_to_string(&mut text).map_err(Astray::Io)?;
    if text.len() as u64 > MAX_TEXT {
        return Err(Astray::Io(io::Error::other("it is larger than 8 MiB")));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_out_of_the_tree_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir_all(tree.join("a")).unwrap();
        fs::write(folder.path().join("secret"), "s").unwrap();
        fs::write(tree.join("a/inner"), "i").unwrap();
        symlink("../secret", tree.join("up")).unwrap();
        symlink("/etc", tree.join("etc")).unwrap();
        symlink("/build/source/a/inner", tree.join("absolute")).unwrap();
        symlink("a/inner", tree.join("in")).unwrap();
        for path in ["up", "etc/passwd", "../secret", "/etc/passwd", "absolute", "a/../../secret"] {
            assert!(matches!(resolve(&tree, path), Err(Astray::Outside)), "{path}");
        }
        for path in ["none", "a/none", "a/inner/none"] {
            assert!(matches!(resolve(&tree, path), Err(Astray::Missing)), "{path}");
        }
        assert_eq!(read_text(&tree, "in").unwrap().as_deref(), Some("i"));
        assert_eq!(read_text(&tree, "a").unwrap(), None);
    }
}
