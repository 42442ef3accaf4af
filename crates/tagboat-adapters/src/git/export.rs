//! Exporting a commit. In: its id and an empty folder. Out: its files there, with the commit's time.
//!
//! The tree's own `.gitattributes` apply, as in any `git archive`: `export-subst` fills in texts that follow
//! from the commit, and `export-ignore` leaves out what the maintainers have said, in the same reviewed
//! commit, is no part of what they deliver. Attributes of the user (`core.attributesFile`) do not.

use std::fs::File;
use std::path::Path;

use tagboat_core::commit::CommitSha;
use tagboat_core::ports::{RepositoryError, Scope};

use super::GitRepository;

impl GitRepository {
    pub(super) fn unpack(
        &self,
        scope: &Scope<'_>,
        commit: &CommitSha,
        into: &Path,
    ) -> Result<(), RepositoryError> {
        let io = |error: std::io::Error| RepositoryError::Unexpected(error.to_string());
        if into.read_dir().map_err(io)?.next().is_some() {
            let into = into.display();
            return Err(RepositoryError::Unexpected(format!("{into} is not empty")));
        }
        self.refuse_submodules(scope, commit)?;
        // A tree may be larger than what we keep of a program's output: so through a file.
        let archive = tempfile::NamedTempFile::new().map_err(io)?;
        let Some(path) = archive.path().to_str() else {
            return Err(RepositoryError::Unexpected("TMPDIR is not UTF-8".to_owned()));
        };
        let output = format!("--output={path}");
        let command = self.command(["archive", "--format=tar", &output, commit.as_str()]);
        self.git.checked(scope, &command)?;
        // Opened again: git may have replaced the file.
        let mut tar = tar::Archive::new(File::open(path).map_err(io)?);
        tar.set_preserve_mtime(true);
        // Folders last: their times would change with what is written into them.
        let mut folders = Vec::new();
        for entry in tar.entries().map_err(io)? {
            let mut entry = entry.map_err(io)?;
            match entry.header().entry_type() {
                // git's note of the commit's id.
                tar::EntryType::XGlobalHeader => {}
                tar::EntryType::Directory => {
                    unpack_entry(&mut entry, into)?;
                    folders.push((entry.path().map_err(io)?.into_owned(), entry.header().mtime()));
                }
                tar::EntryType::Regular | tar::EntryType::Symlink => {
                    unpack_entry(&mut entry, into)?;
                }
                other => {
                    return Err(RepositoryError::Unexpected(format!(
                        "git archive gave an entry of type {other:?}"
                    )));
                }
            }
            if scope.cancel.is_cancelled() {
                return Err(RepositoryError::Run(tagboat_core::ports::RunError::Cancelled));
            }
        }
        for (folder, time) in folders.into_iter().rev() {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(time.map_err(io)?);
            File::open(into.join(folder)).and_then(|file| file.set_modified(time)).map_err(io)?;
        }
        Ok(())
    }

    /// `git archive` leaves an empty folder where a submodule belongs: what is built from that is not
    /// what was reviewed.
    fn refuse_submodules(
        &self,
        scope: &Scope<'_>,
        commit: &CommitSha,
    ) -> Result<(), RepositoryError> {
        let command = self.command(["ls-tree", "-r", "-z", commit.as_str()]);
        let listing = self.git.checked(scope, &command)?.stdout;
        // git's mode of a commit in a tree, gitglossary(7) "gitlink".
        let submodule = listing.split(|&byte| byte == 0).find(|line| line.starts_with(b"160000 "));
        let Some(line) = submodule else { return Ok(()) };
        let line = String::from_utf8_lossy(line);
        let path = line.split_once('\t').map_or("", |(_, path)| path);
        Err(RepositoryError::Unexpected(format!(
            "{path:?} is a submodule: its files are not in this repository; vendor or subtree them"
        )))
    }
}

/// Writes one entry below `into`, and nowhere else: [`tar::Entry::unpack_in`] refuses `..` and ways through
/// symbolic links, which no tree that git made has.
fn unpack_entry<R: std::io::Read>(
    entry: &mut tar::Entry<'_, R>,
    into: &Path,
) -> Result<(), RepositoryError> {
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    match entry.unpack_in(into) {
        Ok(true) => Ok(()),
        Ok(false) => Err(RepositoryError::Unexpected(format!("{name:?} would leave the folder"))),
        Err(error) => Err(RepositoryError::Unexpected(format!("{name:?}: {error}"))),
    }
}
