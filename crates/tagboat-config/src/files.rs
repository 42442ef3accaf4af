//! Where the configuration is read from. In: paths relative to the repository's root. Out: bytes, within a
//! limit; never from outside the root, and never from what is no plain file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// Longest file that is read, in bytes. A build-config.yml of 500 projects has some 400 KiB.
pub const MAX_BYTES: usize = 1 << 20;

/// A repository's files. Nothing is ever written.
#[derive(Clone, Debug)]
pub enum Files {
    /// Those below a folder: a working tree.
    Folder(PathBuf),
    /// These, by path relative to the root: a commit's tree that somebody else read.
    Listed(BTreeMap<String, Vec<u8>>),
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileError {
    /// Longer than [`MAX_BYTES`].
    TooLong,
    /// It leads out of the root, through a symbolic link.
    Outside,
    /// A folder, a device or a pipe.
    NoFile,
    /// The operating system refused.
    Io(String),
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong => write!(f, "it is longer than {} KiB", MAX_BYTES >> 10),
            Self::Outside => f.write_str("a symbolic link leads out of the repository"),
            Self::NoFile => f.write_str("it is no plain file"),
            Self::Io(why) => f.write_str(why),
        }
    }
}

impl Files {
    /// A file's bytes; `None` where there is none.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FileError> {
        match self {
            Self::Folder(root) => read_below(root, path),
            Self::Listed(files) => match files.get(path) {
                Some(bytes) if bytes.len() > MAX_BYTES => Err(FileError::TooLong),
                found => Ok(found.cloned()),
            },
        }
    }

    /// Whether there is such a plain file.
    pub(crate) fn has(&self, path: &str) -> bool {
        match self {
            Self::Folder(root) => matches!(find(root, path), Ok(Some(found)) if found.is_file()),
            Self::Listed(files) => files.contains_key(path),
        }
    }

    /// The folders in a folder, in alphabetical order, without hidden ones; none where it does not exist.
    pub(crate) fn folders(&self, path: &str) -> Result<Vec<String>, FileError> {
        let names: BTreeSet<String> = match self {
            Self::Folder(root) => folders_below(root, path)?,
            Self::Listed(files) => {
                let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
                let below = files.keys().filter_map(|file| file.strip_prefix(&prefix));
                below.filter_map(|rest| Some(rest.split_once('/')?.0.to_owned())).collect()
            }
        };
        Ok(names.into_iter().filter(|name| !name.starts_with('.')).collect())
    }
}

fn read_below(root: &Path, path: &str) -> Result<Option<Vec<u8>>, FileError> {
    let Some(found) = find(root, path)? else { return Ok(None) };
    // Asked before it is opened: opening a pipe waits for a writer.
    if !found.is_file() {
        return Err(FileError::NoFile);
    }
    let mut bytes = Vec::new();
    let file = File::open(&found).map_err(io_error)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io_error)?;
    if bytes.len() > MAX_BYTES { Err(FileError::TooLong) } else { Ok(Some(bytes)) }
}

fn folders_below(root: &Path, path: &str) -> Result<BTreeSet<String>, FileError> {
    let mut names = BTreeSet::new();
    let Some(folder) = find(root, path)? else { return Ok(names) };
    for entry in fs::read_dir(folder).map_err(io_error)? {
        let entry = entry.map_err(io_error)?;
        // Through links, as git checks them out: whether they lead outside is asked when they are read.
        if entry.path().is_dir() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// Where a path leads; `None` where nothing is there.
fn find(root: &Path, path: &str) -> Result<Option<PathBuf>, FileError> {
    let mut here = root.to_owned();
    for component in Path::new(path).components() {
        let Component::Normal(name) = component else { return resolve(root, path) };
        here.push(name);
        match here.symlink_metadata() {
            // Where it really is must be looked for.
            Ok(found) if found.is_symlink() => return resolve(root, path),
            Ok(_) => {}
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(io_error(error)),
        }
    }
    Ok(Some(here))
}

/// Where a path really is, through links and `..`.
fn resolve(root: &Path, path: &str) -> Result<Option<PathBuf>, FileError> {
    let root = root.canonicalize().map_err(io_error)?;
    let found = match root.join(path).canonicalize() {
        Ok(found) => found,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(io_error(error)),
    };
    if found.starts_with(&root) { Ok(Some(found)) } else { Err(FileError::Outside) }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn io_error(error: io::Error) -> FileError {
    FileError::Io(error.to_string())
}

#[cfg(test)]
mod tests;
