//! The tar archives inside a .deb: in: a tree or an archive, out: an archive or its entries.

mod read;
mod tree;
mod write;

#[cfg(test)]
mod tests;

pub use read::{EntryKind, TarEntry, TarReader};
pub use tree::{SetId, Source, Tree};
pub(crate) use write::{Summary, write_tree};

/// Every entry starts on such a boundary.
const BLOCK: usize = 512;
/// The longest path, Linux' `PATH_MAX` without its NUL.
const MAX_PATH: usize = 4095;

/// The rules for a path inside a package. They hold for what is packed and for what is read.
fn check_path(path: &str) -> Result<(), &'static str> {
    if path.len() > MAX_PATH {
        return Err("the path is longer than 4095 bytes");
    }
    if path.starts_with('/') {
        return Err("the path is absolute");
    }
    if path.chars().any(char::is_control) {
        return Err("the path has a control character");
    }
    for component in path.split('/') {
        match component {
            "" => return Err("the path has an empty component"),
            "." => return Err("the path has a component \".\""),
            ".." => return Err("the path has a component \"..\""),
            long if long.len() > 255 => {
                return Err("a component of the path is longer than 255 bytes");
            }
            _ => {}
        }
    }
    Ok(())
}

/// The folders above a path, the nearest first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(at, _)| &path[..at])
}
