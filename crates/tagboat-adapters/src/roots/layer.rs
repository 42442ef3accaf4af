//! Throw-away layers. In: the kept root below. Out: an overlay mount that vanishes when it is dropped, or,
//! where its process was killed, the next time somebody opens one.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::ports::{
    Cancel, Clock as _, Progress, RootError, RunError, Runner as _, Scope, Silent,
};

use super::kept::Kept;
use super::{refused, residents};
use crate::clock::{SystemClock, TICK};
use crate::process::LocalRunner;

/// How long mounting may take: it is one system call.
const MOUNT: Duration = Duration::from_secs(30);

/// An overlay mount: a writable layer over kept ones.
#[derive(Debug)]
pub(super) struct Layer {
    runner: LocalRunner,
    folder: PathBuf,
    root: PathBuf,
    // Held for as long as the layer lives: it says that somebody owns it.
    _owner: File,
    // Held so that what lies below is not removed.
    _below: Option<Kept>,
    fate: Fate,
    busy: AtomicBool,
}

/// What becomes of a layer's files when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// They are removed.
    Vanish,
    /// Whoever mounted it decides.
    Stay,
}

impl Layer {
    /// A layer of its own over `kept`, below `cache/open`.
    pub(super) fn open(
        runner: &LocalRunner,
        scope: &Scope<'_>,
        cache: &Path,
        kept: Kept,
    ) -> Result<Self, RootError> {
        let open = cache.join("open");
        let (folder, owner) = {
            // Nobody may reap it between its making and its lock.
            let _gate = wait_for(scope, &open.join("gate.lock"))?;
            let folder = tempfile::Builder::new()
                .prefix(&format!("{}-", std::process::id()))
                .tempdir_in(&open)
                .map_err(refused(&open))?
                .keep();
            let owner = lock_file(&folder.join("owner.lock"))?;
            owner.lock().map_err(refused(&folder))?;
            (folder, owner)
        };
        let lowers = kept.lowers.clone();
        let layer = Self {
            runner: runner.clone(),
            root: folder.join("root"),
            folder,
            _owner: owner,
            _below: Some(kept),
            fate: Fate::Vanish,
            busy: AtomicBool::new(false),
        };
        layer.mount(scope, cache, &lowers)?;
        Ok(layer)
    }

    /// A layer in `folder`, over `lowers` (the uppermost first), whose written files become a kept layer.
    /// `lock` is what keeps others from making the same.
    pub(super) fn to_keep(
        runner: &LocalRunner,
        scope: &Scope<'_>,
        cache: &Path,
        folder: PathBuf,
        lock: File,
        lowers: &[PathBuf],
    ) -> Result<Self, RootError> {
        let layer = Self {
            runner: runner.clone(),
            root: folder.join("root"),
            folder,
            _owner: lock,
            _below: None,
            fate: Fate::Stay,
            busy: AtomicBool::new(false),
        };
        layer.mount(scope, cache, lowers)?;
        Ok(layer)
    }

    fn mount(&self, scope: &Scope<'_>, cache: &Path, lowers: &[PathBuf]) -> Result<(), RootError> {
        let upper = self.upper();
        let work = self.folder.join("work");
        for made in [&upper, &work, &self.root] {
            fs::create_dir(made).map_err(refused(made))?;
        }
        // The mount's own `/` has the mode of this folder.
        fs::set_permissions(&upper, fs::Permissions::from_mode(0o755)).map_err(refused(&upper))?;
        // Relative to the cache folder, so that no character of its name can mean anything to the mount.
        let inside = |path: &Path| path.strip_prefix(cache).unwrap_or(path).display().to_string();
        let lowers: Vec<String> = lowers.iter().map(|lower| inside(lower)).collect();
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            lowers.join(":"),
            inside(&upper),
            inside(&work)
        );
        let command = Command::new("mount")
            .args(["--types", "overlay", "--options", &options, "overlay"])
            .arg(text(&self.root)?)
            .folder(cache)
            .timeout(MOUNT);
        run(&self.runner, scope, &command)
    }

    /// Its files, as this machine sees them.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What it calls itself: no other layer of this machine has this name.
    pub(super) fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        name.trim_start_matches('.').to_owned()
    }

    /// A place for whoever runs something in it; there is one.
    pub(super) fn occupy(self: &Arc<Self>) -> Result<Occupied, RunError> {
        if self.busy.swap(true, Ordering::SeqCst) {
            return Err(RunError::Io("something else runs in this root".to_owned()));
        }
        Ok(Occupied(Arc::clone(self)))
    }

    /// Takes the mount down and leaves what was written in it, in the folder that is returned.
    pub(super) fn take_down(&self) -> Result<PathBuf, RootError> {
        take_down(&self.runner, &self.root)?;
        Ok(self.upper())
    }

    fn upper(&self) -> PathBuf {
        self.folder.join("upper")
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        // What resists is left to the next `reap`, which tells: the lock is free from here on.
        if take_down(&self.runner, &self.root).is_ok() && self.fate == Fate::Vanish {
            drop(delete(&self.folder));
        }
    }
}

/// The one place in a layer. Dropping it ends everything that runs there.
#[derive(Debug)]
pub(super) struct Occupied(Arc<Layer>);

impl Occupied {
    pub(super) fn root(&self) -> &Path {
        self.0.root()
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        // A layer in which something cannot be ended is never free again.
        if residents::end(self.0.root()).is_ok() {
            self.0.busy.store(false, Ordering::SeqCst);
        }
    }
}

/// Removes the layers in `open` that nobody owns any more, with what still runs in them.
pub(super) fn reap(runner: &LocalRunner, scope: &Scope<'_>, open: &Path) -> Result<(), RootError> {
    let _gate = wait_for(scope, &open.join("gate.lock"))?;
    for entry in fs::read_dir(open).map_err(refused(open))? {
        let folder = entry.map_err(refused(open))?.path();
        if !folder.is_dir() {
            continue;
        }
        let lock = folder.join("owner.lock");
        let owner = match File::open(&lock) {
            Ok(owner) => Some(owner),
            // Its owner is just removing it, or was killed doing so.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(refused(&lock)(error)),
        };
        if owner.as_ref().is_some_and(|owner| owner.try_lock().is_err()) {
            continue;
        }
        if let Err(error) = remove(runner, &folder) {
            let note = format!("what a killed run left behind stays: {error}");
            scope.observer.tell(&scope.span, &Progress::Note(&note));
        }
    }
    Ok(())
}

/// Removes a layer's folder, whatever state its maker left it in.
pub(super) fn remove(runner: &LocalRunner, folder: &Path) -> Result<(), RootError> {
    take_down(runner, &folder.join("root"))?;
    delete(folder)
}

/// Deletes a folder, but never what is mounted in it: that is somebody else's, or this machine's own.
pub(super) fn delete(folder: &Path) -> Result<(), RootError> {
    if let Some(mount) = residents::mount_within(folder)? {
        return Err(RootError::Io(format!("{}: {mount} is still mounted", folder.display())));
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(refused(folder)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Waits until this process alone holds `path`; the kernel frees it when its holder ends, however it ends.
pub(super) fn wait_for(scope: &Scope<'_>, path: &Path) -> Result<File, RootError> {
    let file = lock_file(path)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::Error(error)) => return Err(refused(path)(error)),
            Err(fs::TryLockError::WouldBlock) => {}
        }
        if !SystemClock.sleep(scope, TICK) {
            let why = if scope.cancel.is_cancelled() {
                RunError::Cancelled
            } else {
                RunError::TimedOut(Duration::ZERO)
            };
            return Err(RootError::Run(why));
        }
    }
}

pub(super) fn lock_file(path: &Path) -> Result<File, RootError> {
    File::options().create(true).append(true).open(path).map_err(refused(path))
}

/// Runs a program that must succeed.
pub(super) fn run(
    runner: &LocalRunner,
    scope: &Scope<'_>,
    command: &Command,
) -> Result<(), RootError> {
    let output = runner.run(scope, command).map_err(RootError::Run)?;
    if output.success() {
        return Ok(());
    }
    Err(RootError::Io(format!("{command}: {}", output.last_lines(3).join("; "))))
}

pub(super) fn text(path: &Path) -> Result<&str, RootError> {
    path.to_str().ok_or_else(|| RootError::Io(format!("{}: not UTF-8", path.display())))
}

/// Ends what runs in `root` and unmounts it. It must work when its scope has ended: it has its own.
fn take_down(runner: &LocalRunner, root: &Path) -> Result<(), RootError> {
    residents::end(root)?;
    if !residents::is_mounted(root) {
        return Ok(());
    }
    let scope = Scope::new("close a root", &Silent, Cancel::default());
    let command = Command::new("umount").arg(text(root)?).timeout(MOUNT);
    run(runner, &scope, &command)
}
