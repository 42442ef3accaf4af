//! One publisher at a time: in: a folder and how long to wait, out: a lock that ends with its holder.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tagboat_core::diagnostic::{Exit, Result};
use tagboat_core::ports::{Clock, Scope};

use super::{io_failed, refuse};

/// Where a publisher keeps what is nobody else's: its lock, and files that are not complete yet.
pub(super) const OWN_FOLDER: &str = ".tagboat";

/// How often a taken lock is tried again: flock(2) cannot wait for a given time.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The right to publish into a folder. The kernel takes it back when this is dropped or its process dies;
/// the file itself says nothing and stays.
#[derive(Debug)]
pub struct Lock {
    folder: PathBuf,
    _file: File,
}

impl Lock {
    /// The repository that it is for.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Waits for the right to publish into `folder`, which is made where it is not there, at most for `patience`
/// and not beyond the scope's deadline.
///
/// # Errors
/// `publish::locked` where another publisher holds it for longer, or the wait was stopped; `publish::io`.
pub fn lock(
    folder: &Path,
    patience: Duration,
    clock: &dyn Clock,
    scope: &Scope<'_>,
) -> Result<Lock> {
    let own = folder.join(OWN_FOLDER);
    fs::create_dir_all(&own).map_err(|error| io_failed("locked", &own, &error))?;
    let path = own.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| io_failed("locked", &path, &error))?;
    let began = clock.instant();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Lock { folder: folder.to_owned(), _file: file }),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(errno) => return Err(io_failed("locked", &path, &errno.into())),
        }
        let waited = clock.instant().duration_since(began);
        if waited >= patience || !clock.sleep(scope, AGAIN_AFTER.min(patience - waited)) {
            return Err(refuse(
                "publish::locked",
                Exit::Refused,
                "another publisher is writing to this repository",
            )
            .fact("waited", format!("{:.1} s", waited.as_secs_f32()))
            .fact("lock", path.display().to_string())
            .help("run the same command again; the lock ends with its holder")
            .into());
        }
    }
}
