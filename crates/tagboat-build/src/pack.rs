//! Writes a staged package. In: staged files, the plan's fields, the libraries that were found. Out: the .deb,
//! whose bytes depend on these alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read};
use std::num::NonZeroU32;
use std::path::Path;

use tagboat_core::diagnostic::Result;
use tagboat_deb::deb::{DebContents, DebFormat, Written, write_deb};
use tagboat_deb::tar::Tree;
use tagboat_deb::{Compression, Error, Threads};

use crate::plan::Packing;
use crate::refusal::{pack_failed, write_failed};
use crate::stage::{StagedEntry, What};

/// Writes the package to the new file `to`.
pub(crate) fn pack(
    packing: &Packing,
    entries: &[StagedEntry],
    libraries: &[String],
    to: &Path,
) -> Result<Written> {
    let contents = contents(packing, entries, libraries).map_err(|error| pack_failed(&error))?;
    let refused = |error| write_failed(to, &error);
    let scratch = tempfile::tempfile_in(to.parent().unwrap_or(to)).map_err(refused)?;
    let mut out = BufWriter::new(File::create_new(to).map_err(refused)?);
    let threads = std::thread::available_parallelism()
        .ok()
        .and_then(|threads| u32::try_from(threads.get()).ok())
        .and_then(NonZeroU32::new);
    let format = DebFormat {
        compression: Compression::default(),
        mtime: packing.mtime,
        threads: threads.map_or_else(Threads::default, Threads),
    };
    let written =
        write_deb(&mut out, scratch, contents, &format).map_err(|error| pack_failed(&error))?;
    out.into_inner().map_err(|error| refused(error.into_error()))?;
    Ok(written)
}

fn contents<'a>(
    packing: &'a Packing,
    entries: &'a [StagedEntry],
    libraries: &[String],
) -> Result<DebContents<'a>, Error> {
    let mut control = packing.control.clone();
    let depends = merge(libraries, &packing.depends);
    if !depends.is_empty() {
        control.set_after("Maintainer", "Depends", &depends.join(", "))?;
    }
    let mut tree = Tree::new(packing.set_id);
    // A tree and an entry of the list may name the same folder; only files named twice are a mistake.
    let mut folders: BTreeMap<&str, u32> = BTreeMap::new();
    let mut conffiles: BTreeSet<String> = packing.conffiles.clone();
    for StagedEntry { to, mode, what } in entries {
        match what {
            What::Directory => {
                folders.insert(to, *mode);
            }
            What::Symlink(target) => tree.symlink(to, target)?,
            What::File(path) => {
                if to.starts_with("etc/") {
                    conffiles.insert(to.clone());
                }
                let size = fs::metadata(path)?.len();
                let open = move || {
                    File::open(path).map(|file| Box::new(BufReader::new(file)) as Box<dyn Read>)
                };
                tree.file(to, *mode, size, Box::new(open))?;
            }
        }
    }
    for (path, mode) in folders {
        tree.directory(path, mode)?;
    }
    for (path, bytes) in &packing.generated {
        tree.bytes(path, 0o644, bytes)?;
    }
    Ok(DebContents { control, conffiles, control_files: packing.scripts.clone(), tree })
}

/// The libraries, sorted as dpkg-gencontrol(1) sorts them, then what was given by hand and is not said yet.
fn merge(libraries: &[String], given: &[String]) -> Vec<String> {
    let mut all = libraries.to_vec();
    all.sort();
    all.dedup();
    for entry in given {
        if !all.contains(entry) {
            all.push(entry.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_come_first_sorted_and_nothing_is_said_twice() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            merge(&list(&["libz1", "libc6 (>= 2.34)"]), &list(&["curl", "libz1", "curl"])),
            ["libc6 (>= 2.34)", "libz1", "curl"]
        );
    }
}
