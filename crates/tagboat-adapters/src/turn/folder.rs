//! The folder of a queue. In: names of our own making. Out: files that are this user's own and regular, through no
//! symbolic link.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, linkat, mkdirat, openat, statat,
    unlinkat,
};
use rustix::io::Errno;
use tagboat_core::ports::{Scope, TurnError};
use tagboat_core::queue::{MAX_TICKET, QueueName};

use crate::clock::TICK;

/// What every file is opened with: not through a symbolic link, not waiting for the other end of a FIFO, and not for the
/// programs that are started.
const SAFE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

const DOOR: &str = "door";

/// A file on its way to its number.
const NEW: &str = "new";

/// The door is held for a moment at a time. Who holds it longer was stopped, and is not waited for.
const DOOR_PATIENCE: Duration = Duration::from_secs(10);

/// Numbers that are tried where something that is no place has the next ones.
const TRIES: u64 = 1000;

/// A file's identity: its device and inode.
pub(super) type Id = (u64, u64);

/// A queue's folder, opened.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens it; `None` where it never was.
    pub(super) fn open(base: &Path, queue: &QueueName) -> Result<Option<Self>, TurnError> {
        match Self::walk(base, queue, false) {
            Ok(folder) => Ok(Some(folder)),
            Err(Refusal::Os(Errno::NOENT)) => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Opens it, after making what is missing.
    pub(super) fn make(base: &Path, queue: &QueueName) -> Result<Self, TurnError> {
        std::fs::create_dir_all(base).map_err(|error| failed(&error))?;
        // Somebody may delete it between two steps.
        for _ in 0..TRIES {
            match Self::walk(base, queue, true) {
                Err(Refusal::Os(Errno::NOENT)) => {
                    std::fs::create_dir_all(base).map_err(|error| failed(&error))?;
                }
                walked => return walked.map_err(TurnError::from),
            }
        }
        Err(TurnError::Io(format!("{} goes away again and again", base.display())))
    }

    fn walk(base: &Path, queue: &QueueName, make: bool) -> Result<Self, Refusal> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        // The way to the base is the user's choice, links and all.
        let mut fd = openat(CWD, base, flags, Mode::empty())?;
        let mut path = base.to_owned();
        let steps = ["tagboat", "queue", queue.repository(), queue.environment.as_str()];
        for step in steps {
            path.push(step);
            if make {
                match mkdirat(&fd, step, Mode::RWXU) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            let next = openat(&fd, step, flags | OFlags::NOFOLLOW, Mode::empty());
            fd = match next {
                Err(Errno::LOOP | Errno::NOTDIR) => return Err(Refusal::Foreign(path)),
                next => next?,
            };
            let stat = fstat(&fd)?;
            let others_write =
                Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH);
            if !is_own(&stat) || others_write {
                return Err(Refusal::Foreign(path));
            }
        }
        Ok(Self { fd, path })
    }

    /// Whether the folder was deleted, or another one stands in its place.
    fn is_gone(&self) -> bool {
        let there = statat(CWD, &self.path, AtFlags::SYMLINK_NOFOLLOW);
        match (there, fstat(&self.fd)) {
            (Ok(there), Ok(ours)) => of(&there) != of(&ours),
            _ => true,
        }
    }

    /// What was done here; `None` where it failed because the folder was deleted meanwhile.
    pub(super) fn unless_gone<T>(
        &self,
        done: Result<T, TurnError>,
    ) -> Result<Option<T>, TurnError> {
        match done {
            Err(TurnError::Io(_)) if self.is_gone() => Ok(None),
            done => done.map(Some),
        }
    }

    /// Whether this name, on the way that others take, is this file.
    pub(super) fn has(&self, name: &str, file: &File) -> bool {
        let there = statat(CWD, self.path.join(name), AtFlags::SYMLINK_NOFOLLOW);
        matches!((there, id(file)), (Ok(there), Ok(ours)) if of(&there) == ours)
    }

    /// Every place that is held, the lowest number first.
    pub(super) fn places(&self) -> Result<Vec<(u64, File)>, TurnError> {
        let mut found = Vec::new();
        for name in self.names()? {
            let Some(number) = number(&name) else { continue };
            if let Some(file) = self.own(&name)?
                && is_held(&file)
            {
                found.push((number, file));
            }
        }
        found.sort_unstable_by_key(|(number, _)| *number);
        Ok(found)
    }

    /// Takes away what nobody holds. Only who holds the door does that, so that no new place is taken for an old one.
    pub(super) fn clear(&self, _: &Door) -> Result<(), TurnError> {
        for name in self.names()? {
            let place = name.strip_suffix(".leave").unwrap_or(&name);
            let nobodys = name == NEW
                || (number(place).is_some()
                    && !self.own(place)?.is_some_and(|file| is_held(&file)));
            if nobodys {
                self.remove(&name);
            }
        }
        Ok(())
    }

    /// Makes a file by way of [`NEW`]; where somebody deletes that on its way, and not the folder, makes it anew.
    fn make_anew<T>(&self, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
        let deleted = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let mut made = make();
        for _ in 0..TRIES {
            match made {
                Err(error) if deleted(&error) && !self.is_gone() => made = make(),
                made => return made,
            }
        }
        made
    }

    /// A new place above `highest`, locked before anybody can see it.
    pub(super) fn place(&self, highest: u64, line: &[u8]) -> io::Result<(u64, File)> {
        self.make_anew(|| self.try_to_place(highest, line))
    }

    fn try_to_place(&self, highest: u64, line: &[u8]) -> io::Result<(u64, File)> {
        let flags = SAFE | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let file = File::from(openat(&self.fd, NEW, flags, Mode::RUSR | Mode::WUSR)?);
        file.try_lock()?;
        write_line(&file, line)?;
        for number in highest.saturating_add(1)..=highest.saturating_add(TRIES) {
            let name = number.to_string();
            // link(2) refuses a name that is there, whatever it is.
            match linkat(&self.fd, NEW, &self.fd, &name, AtFlags::empty()) {
                Ok(()) => {
                    self.remove(NEW);
                    self.remove(&format!("{name}.leave"));
                    return Ok((number, file));
                }
                Err(Errno::EXIST) => {}
                Err(errno) => {
                    self.remove(NEW);
                    return Err(errno.into());
                }
            }
        }
        self.remove(NEW);
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Writes a file that is there whole or not at all.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TurnError> {
        let flags = SAFE | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let written = self.make_anew(|| {
            self.remove(NEW);
            let file = File::from(openat(&self.fd, NEW, flags, Mode::RUSR | Mode::WUSR)?);
            file.write_all_at(bytes, 0)?;
            Ok(rustix::fs::renameat(&self.fd, NEW, &self.fd, name)?)
        });
        written.map_err(|error| failed(&error))
    }

    /// What a file begins with; `None` where there is none of our own.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, TurnError> {
        Ok(self.own(name)?.map(|file| read_line(&file)))
    }

    /// Removes a file, if it is there. What cannot be removed is nobody's place all the same.
    pub(super) fn remove(&self, name: &str) {
        unlinkat(&self.fd, name, AtFlags::empty()).ok();
    }

    fn names(&self) -> Result<Vec<String>, TurnError> {
        let failed = |errno: Errno| failed(&errno.into());
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            // Names that are no text are none of ours.
            names.extend(entry.map_err(failed)?.file_name().to_str().ok().map(str::to_owned));
        }
        Ok(names)
    }

    /// A file by this name that is regular and this user's own.
    fn own(&self, name: &str) -> Result<Option<File>, TurnError> {
        match openat(&self.fd, name, SAFE | OFlags::RDONLY, Mode::empty()) {
            Ok(fd) => {
                let stat = fstat(&fd).map_err(|errno| failed(&errno.into()))?;
                let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
                Ok((regular && is_own(&stat)).then(|| File::from(fd)))
            }
            // Out of file descriptors is not the same as not there.
            Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => Err(failed(&errno.into())),
            Err(_) => Ok(None),
        }
    }
}

/// The lock of a queue's door: who holds it is the only one who comes, begins or asks somebody to leave.
#[derive(Debug)]
pub(super) struct Door {
    _file: File,
}

impl Door {
    pub(super) fn lock(scope: &Scope<'_>, folder: &Folder) -> Result<Self, TurnError> {
        let until = Instant::now() + DOOR_PATIENCE;
        loop {
            let flags = SAFE | OFlags::RDWR | OFlags::CREATE;
            let file = match openat(&folder.fd, DOOR, flags, Mode::RUSR | Mode::WUSR) {
                Ok(fd) => File::from(fd),
                Err(Errno::LOOP | Errno::ISDIR) => {
                    return Err(Refusal::Foreign(folder.path.join(DOOR)).into());
                }
                Err(errno) => return Err(failed(&errno.into())),
            };
            let stat = fstat(&file).map_err(|errno| failed(&errno.into()))?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || !is_own(&stat) {
                return Err(Refusal::Foreign(folder.path.join(DOOR)).into());
            }
            match file.try_lock() {
                // Somebody may have deleted it since it was opened: then others lock another one.
                Ok(()) if folder.has(DOOR, &file) => return Ok(Self { _file: file }),
                Ok(()) if folder.is_gone() => {
                    return Err(TurnError::Io("its folder was deleted".to_owned()));
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => std::thread::sleep(TICK / 10),
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
            }
            super::check(scope)?;
            if Instant::now() >= until {
                return Err(TurnError::Io("a process that was stopped holds its door".to_owned()));
            }
        }
    }
}

/// Why a folder is not used.
enum Refusal {
    Os(Errno),
    Foreign(PathBuf),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Os(errno)
    }
}

impl From<Refusal> for TurnError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Os(errno) => failed(&errno.into()),
            Refusal::Foreign(path) => Self::Foreign(path.display().to_string()),
        }
    }
}

pub(super) fn failed(error: &io::Error) -> TurnError {
    TurnError::Io(error.to_string())
}

/// Whether somebody else holds a file's lock. To look is to take a shared lock for a moment: those who look do not
/// disturb each other, and who holds a place took its lock before the place could be seen.
pub(super) fn is_held(file: &File) -> bool {
    // What cannot be asked is taken as held: then somebody waits, and nobody is passed over.
    match file.try_lock_shared() {
        Ok(()) => {
            file.unlock().ok();
            false
        }
        Err(_) => true,
    }
}

pub(super) fn id(file: &File) -> Result<Id, TurnError> {
    fstat(file).map(|stat| of(&stat)).map_err(|errno| failed(&errno.into()))
}

fn of(stat: &Stat) -> Id {
    (stat.st_dev, stat.st_ino)
}

fn is_own(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

fn number(name: &str) -> Option<u64> {
    let digits = !name.is_empty() && name.len() <= 18 && name.bytes().all(|b| b.is_ascii_digit());
    if digits { name.parse().ok() } else { None }
}

/// The first bytes of a file, as many as a ticket may have.
pub(super) fn read_line(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; MAX_TICKET];
    let length = file.read_at(&mut bytes, 0).unwrap_or(0);
    bytes.truncate(length);
    bytes
}

/// Writes a line over what is there. A reader stops at its end, so what was longer before does no harm.
pub(super) fn write_line(file: &File, line: &[u8]) -> io::Result<()> {
    file.write_all_at(line, 0)
}
