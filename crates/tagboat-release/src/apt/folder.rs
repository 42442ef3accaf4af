//! The disk: in: bytes and where they go, out: whole files under their names, or none.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use tagboat_core::diagnostic::{Exit, Result};
use tagboat_deb::Digests;
use tagboat_deb::digest::Digesting;

use super::layout::RepositoryPath;
use super::lock::{Lock, OWN_FOLDER};
use super::{io_failed, refuse};

/// Where a repository is written to. Each call is one change that readers can see, or none; a test stops
/// before each of them.
pub(super) trait Disk {
    /// Puts bytes under a name, in the place of what was there.
    fn put(&self, to: &RepositoryPath, bytes: &[u8]) -> Result<()>;

    /// Puts a file under a name that is free, if it has these digests.
    fn put_file(&self, to: &RepositoryPath, from: &Path, digests: &Digests) -> Result<()>;

    /// Returns when all names so far would survive a loss of power.
    fn settle(&self) -> Result<()>;

    /// Takes a file away; it may be gone already.
    fn remove(&self, path: &RepositoryPath) -> Result<()>;
}

/// A folder of this machine, under the lock. Permissions are the umask's business.
pub(super) struct Folder<'a> {
    root: &'a Path,
    incoming: PathBuf,
    /// Folders with new names that are not known to be on the disk.
    unsettled: RefCell<BTreeSet<PathBuf>>,
}

impl<'a> Folder<'a> {
    /// Opens the folder and throws away what a stopped publisher left half written.
    pub(super) fn open(lock: &'a Lock) -> Result<Self> {
        let root = lock.folder();
        let incoming = root.join(OWN_FOLDER).join("incoming");
        let cleared = match fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&incoming),
        };
        cleared.map_err(|error| io_failed("written", &incoming, &error))?;
        Ok(Self { root, incoming, unsettled: RefCell::new(BTreeSet::new()) })
    }

    /// Writes into a file that nobody else looks at, brings it to the disk, and gives it its name.
    fn place(&self, to: &RepositoryPath, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
        let target = to.below(self.root);
        let fail = |error: io::Error| io_failed("written", &target, &error);
        self.make_parent(&target).map_err(fail)?;
        let temporary = self.incoming.join("file");
        let mut file = File::create(&temporary).map_err(fail)?;
        fill(&mut file)?;
        file.sync_all().map_err(fail)?;
        fs::rename(&temporary, &target).map_err(fail)
    }

    fn make_parent(&self, target: &Path) -> io::Result<()> {
        let Some(parent) = target.parent() else { return Ok(()) };
        let mut unsettled = self.unsettled.borrow_mut();
        if unsettled.contains(parent) {
            return Ok(());
        }
        fs::create_dir_all(parent)?;
        // A new folder is a name in the folder above it.
        let up_to_root = parent.ancestors().take_while(|folder| folder.starts_with(self.root));
        unsettled.extend(up_to_root.map(Path::to_owned));
        Ok(())
    }
}

impl Disk for Folder<'_> {
    fn put(&self, to: &RepositoryPath, bytes: &[u8]) -> Result<()> {
        self.place(to, |file| {
            file.write_all(bytes)
                .map_err(|error| io_failed("written", &to.below(self.root), &error))
        })
    }

    fn put_file(&self, to: &RepositoryPath, from: &Path, digests: &Digests) -> Result<()> {
        // Under the lock nothing comes between this look and the new name.
        if fs::symlink_metadata(to.below(self.root)).is_ok() {
            let message = "a file came to the place of a package after it was planned";
            return Err(refuse("publish::changed", Exit::Refused, message)
                .fact("file", to.to_string())
                .help("run the same command again")
                .into());
        }
        self.place(to, |file| {
            let source = File::open(from).map_err(|error| io_failed("written", from, &error))?;
            let mut source = Digesting::new(source);
            copy(&mut source, file)
                .map_err(|error| io_failed("written", &to.below(self.root), &error))?;
            if source.finish() == *digests {
                return Ok(());
            }
            Err(refuse("publish::changed", Exit::Refused, "a package changed after it was planned")
                .fact("file", from.display().to_string())
                .help("run the same command again")
                .into())
        })
    }

    fn settle(&self) -> Result<()> {
        for folder in std::mem::take(&mut *self.unsettled.borrow_mut()) {
            File::open(&folder)
                .and_then(|open| open.sync_all())
                .map_err(|error| io_failed("written", &folder, &error))?;
        }
        Ok(())
    }

    fn remove(&self, path: &RepositoryPath) -> Result<()> {
        let full = path.below(self.root);
        match fs::remove_file(&full) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_failed("cleaned", &full, &error))
            }
            _ => Ok(()),
        }
    }
}

fn copy(from: &mut impl Read, to: &mut File) -> io::Result<()> {
    let mut buffer = vec![0; 128 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digests of bytes in memory.
pub(super) fn digests_of(bytes: &[u8]) -> Digests {
    let mut digesting = Digesting::new(bytes);
    let mut buffer = [0; 8 << 10];
    while matches!(digesting.read(&mut buffer), Ok(1..)) {}
    digesting.finish()
}
