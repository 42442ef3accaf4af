//! The files of a package: in: paths, modes, contents, out: a sorted list without holes.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

use super::{MAX_PATH, ancestors, check_path};
use crate::error::Error;

/// Opens the content of a file when its turn comes, so that only one file is open at a time.
pub type Source<'a> = Box<dyn FnOnce() -> io::Result<Box<dyn Read + 'a>> + 'a>;

/// Whether a file may carry the set-user-id or set-group-id bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SetId {
    /// Such a file is refused.
    #[default]
    Refused,
    /// The packager asked for such files.
    Allowed,
}

pub(crate) enum Content<'a> {
    Directory,
    File { size: u64, source: Source<'a> },
    Symlink { target: String },
}

pub(crate) struct Node<'a> {
    pub(crate) mode: u32,
    pub(crate) content: Content<'a>,
}

/// The entries of one archive. All belong to root; paths are relative to the root of the file
/// system and written without `./`; folders above an entry that were not named get mode 0755.
#[derive(Default)]
pub struct Tree<'a> {
    nodes: BTreeMap<String, Node<'a>>,
    set_id: SetId,
}

impl fmt::Debug for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.nodes.keys()).finish()
    }
}

impl<'a> Tree<'a> {
    /// A tree without entries.
    #[must_use]
    pub fn new(set_id: SetId) -> Self {
        Self { nodes: BTreeMap::new(), set_id }
    }

    /// Adds a folder.
    ///
    /// # Errors
    /// `Error::Entry` for a path that is absolute, climbs, is named twice or has a control
    /// character, and for a mode above 07777 or with a bit that was not asked for.
    pub fn directory(&mut self, path: &str, mode: u32) -> Result<(), Error> {
        self.add(path, mode, Content::Directory)
    }

    /// Adds a file of exactly `size` bytes.
    ///
    /// # Errors
    /// As [`Tree::directory`].
    pub fn file(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        source: Source<'a>,
    ) -> Result<(), Error> {
        self.add(path, mode, Content::File { size, source })
    }

    /// Adds a file whose bytes are in memory.
    ///
    /// # Errors
    /// As [`Tree::directory`].
    pub fn bytes(
        &mut self,
        path: &str,
        mode: u32,
        bytes: impl AsRef<[u8]> + 'a,
    ) -> Result<(), Error> {
        let size = bytes.as_ref().len() as u64;
        let source = Box::new(move || Ok(Box::new(io::Cursor::new(bytes)) as Box<dyn Read + 'a>));
        self.file(path, mode, size, source)
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// As [`Tree::directory`], and for a target that is empty, too long, has a control character or
    /// climbs above the root.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<(), Error> {
        check_target(path, target).map_err(|reason| Error::entry(path, reason))?;
        self.add(path, 0o777, Content::Symlink { target: target.to_owned() })
    }

    /// Whether `path` is a file, not a folder or a link.
    #[must_use]
    pub fn has_file(&self, path: &str) -> bool {
        self.nodes.get(path).is_some_and(|node| matches!(node.content, Content::File { .. }))
    }

    fn add(&mut self, path: &str, mode: u32, content: Content<'a>) -> Result<(), Error> {
        check_path(path).map_err(|reason| Error::entry(path, reason))?;
        if mode > 0o7777 {
            return Err(Error::entry(path, "the mode is above 07777"));
        }
        if mode & 0o6000 != 0 && self.set_id == SetId::Refused {
            return Err(Error::entry(
                path,
                "the set-user-id or set-group-id bit was not asked for",
            ));
        }
        if self.nodes.contains_key(path) {
            return Err(Error::entry(path, "the path is named twice"));
        }
        self.nodes.insert(path.to_owned(), Node { mode, content });
        Ok(())
    }

    /// The entries in the order of their bytes, which puts every folder before what is in it.
    pub(crate) fn into_nodes(mut self) -> Result<BTreeMap<String, Node<'a>>, Error> {
        let mut missing = Vec::new();
        for path in self.nodes.keys() {
            for ancestor in ancestors(path) {
                match self.nodes.get(ancestor) {
                    None => missing.push(ancestor.to_owned()),
                    Some(Node { content: Content::Directory, .. }) => {}
                    Some(_) => return Err(Error::entry(path, "lies below what is not a folder")),
                }
            }
        }
        for path in missing {
            self.nodes.entry(path).or_insert(Node { mode: 0o755, content: Content::Directory });
        }
        Ok(self.nodes)
    }
}

fn check_target(path: &str, target: &str) -> Result<(), &'static str> {
    if target.is_empty() || target.len() > MAX_PATH {
        return Err("the target of the link is empty or longer than 4095 bytes");
    }
    if target.chars().any(char::is_control) {
        return Err("the target of the link has a control character");
    }
    let mut depth = if target.starts_with('/') { 0 } else { ancestors(path).count() };
    for component in target.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                depth =
                    depth.checked_sub(1).ok_or("the target of the link climbs above the root")?;
            }
            _ => depth += 1,
        }
    }
    Ok(())
}
