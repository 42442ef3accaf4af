//! Clean Debian roots, through mmdebstrap, overlayfs and systemd-nspawn. In: what must be in one. Out: a
//! throw-away layer over it, to run programs in or to boot.
//!
//! The cache folder holds `roots/` (what is kept, see [`kept`]) and `open/` (throw-away layers, each with a
//! kernel lock that its process holds: a layer whose lock is free belongs to nobody and is removed).

mod boot;
mod control_group;
mod install;
mod kept;
mod layer;
mod mirrors;
mod nspawn;
mod residents;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::geteuid;
use tagboat_core::ports::{
    Architecture, Bind, Booted, Mirror, Network, Progress, Root, RootError, RootSpec, Roots,
    Runner, Scope,
};

use crate::process::LocalRunner;
pub use boot::{BootedRoot, Wire};
use kept::{Freshness, Store};
use layer::Layer;
pub use mirrors::{debian_mirrors, machine_mirrors};

/// Where roots are kept: `$TAGBOAT_CACHE`, else `tagboat` in `$XDG_CACHE_HOME` (XDG Base Directory
/// Specification: an absolute path, else it is ignored), else `~/.cache/tagboat`. `variable` gives the
/// environment; `None` where it names no folder at all.
pub fn cache_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("TAGBOAT_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|home| home.join("tagboat")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/tagboat")))
}

/// Makes clean roots and keeps them in one folder of this machine. It takes root's rights.
#[derive(Debug)]
pub struct NspawnRoots {
    runner: LocalRunner,
    cache: PathBuf,
    // A mirror is asked once: whatever one run opens, it opens at one state of the archive.
    asked: Mutex<HashMap<Vec<Mirror>, Freshness>>,
}

impl NspawnRoots {
    /// Roots kept below `cache` ([`cache_folder`]), made by programs that `runner` starts.
    #[must_use]
    pub fn new(runner: LocalRunner, cache: impl Into<PathBuf>) -> Self {
        Self { runner, cache: cache.into(), asked: Mutex::default() }
    }

    /// Where they are kept.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// [`Roots::open`], with a type that can do more.
    ///
    /// # Errors
    /// See [`RootError`].
    pub fn open_root(
        &self,
        scope: &Scope<'_>,
        spec: &RootSpec,
        binds: &[Bind],
    ) -> Result<OpenRoot, RootError> {
        self.prepare(spec)?;
        // As the kernel names it in mount tables.
        let cache = fs::canonicalize(&self.cache).map_err(refused(&self.cache))?;
        layer::reap(&self.runner, scope, &cache.join("open"))?;
        let store = Store { runner: &self.runner, cache: &cache };
        let fresh = self.freshness(scope, &store, &spec.mirrors)?;
        let (kept, fresh) = store.find_or_make(scope, spec, &fresh)?;
        self.remember(&spec.mirrors, fresh);
        let layer = Layer::open(&self.runner, scope, &cache, kept)?;
        Ok(OpenRoot {
            runner: self.runner.clone(),
            layer: Arc::new(layer),
            binds: binds.to_vec(),
            architecture: spec.architecture,
        })
    }

    fn prepare(&self, spec: &RootSpec) -> Result<(), RootError> {
        if !geteuid().is_root() {
            return Err(RootError::NotRoot);
        }
        nspawn::require_tools()?;
        require_execution(spec.architecture)?;
        for folder in ["roots", "open"] {
            make_private_folder(&self.cache.join(folder))?;
        }
        Ok(())
    }

    fn freshness(
        &self,
        scope: &Scope<'_>,
        store: &Store<'_>,
        mirrors: &[Mirror],
    ) -> Result<Freshness, RootError> {
        let known = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(mirrors).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let fresh = store.ask(scope, mirrors)?;
        if let Freshness::Unknown(why) = &fresh {
            let note = format!(
                "the package mirror cannot be reached, so the newest kept root is used: {why}"
            );
            scope.observer.tell(&scope.span, &Progress::Note(&note));
        }
        Ok(fresh)
    }

    fn remember(&self, mirrors: &[Mirror], fresh: Freshness) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        drop(asked.insert(mirrors.to_vec(), fresh));
    }
}

impl Roots for NspawnRoots {
    fn open(
        &self,
        scope: &Scope<'_>,
        spec: &RootSpec,
        binds: &[Bind],
    ) -> Result<Box<dyn Root>, RootError> {
        Ok(Box::new(self.open_root(scope, spec, binds)?))
    }
}

/// A throw-away layer over a kept root. One program, or one booted system, runs in it at a time; when it is
/// dropped, so are its files.
#[derive(Debug)]
pub struct OpenRoot {
    runner: LocalRunner,
    layer: Arc<Layer>,
    binds: Vec<Bind>,
    architecture: Architecture,
}

impl OpenRoot {
    /// [`Root::boot`], with a choice of network and a type that can do more. `hostname` is what it calls
    /// itself.
    ///
    /// # Errors
    /// [`RootError::Boot`] where `multi-user.target` is not reached within `patience`.
    pub fn boot_on(
        &self,
        scope: &Scope<'_>,
        patience: Duration,
        hostname: &str,
        wire: &Wire,
    ) -> Result<BootedRoot, RootError> {
        BootedRoot::start(&self.runner, &self.layer, &self.binds, scope, patience, hostname, wire)
    }

    /// Whose programs it runs.
    #[must_use]
    pub const fn architecture(&self) -> Architecture {
        self.architecture
    }
}

impl Root for OpenRoot {
    fn path(&self) -> &Path {
        self.layer.root()
    }

    fn runner(&self, network: Network) -> Box<dyn Runner + '_> {
        Box::new(nspawn::Inside {
            runner: &self.runner,
            layer: &self.layer,
            binds: &self.binds,
            network,
        })
    }

    fn boot(
        &self,
        scope: &Scope<'_>,
        patience: Duration,
    ) -> Result<Box<dyn Booted + '_>, RootError> {
        Ok(Box::new(self.boot_on(scope, patience, nspawn::HOSTNAME, &Wire::Loopback)?))
    }
}

/// Foreign programs run through qemu, which the kernel must be able to open from inside a root: binfmt_misc
/// with its flag F (Documentation/admin-guide/binfmt-misc.rst of Linux).
fn require_execution(architecture: Architecture) -> Result<(), RootError> {
    let cpu = match architecture {
        Architecture::Amd64 => "x86_64",
        Architecture::Arm64 => "aarch64",
    };
    if cpu == std::env::consts::ARCH {
        return Ok(());
    }
    let entry = format!("/proc/sys/fs/binfmt_misc/qemu-{cpu}");
    let registered = fs::read_to_string(&entry).unwrap_or_default();
    let flags = registered.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default();
    if registered.starts_with("enabled") && flags.contains('F') {
        return Ok(());
    }
    Err(RootError::Missing(format!(
        "what runs {architecture} programs: {entry} with flag F (packages qemu-user-static, binfmt-support)"
    )))
}

/// A folder below which only root may write: what lies there is run with root's rights.
fn make_private_folder(folder: &Path) -> Result<(), RootError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(refused(folder))?;
    let facts = fs::symlink_metadata(folder).map_err(refused(folder))?;
    if facts.is_dir() && facts.uid() == geteuid().as_raw() && facts.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(RootError::Io(format!("{}: others than root may write here", folder.display())))
}

/// What the operating system said about `path`.
fn refused(path: &Path) -> impl FnOnce(io::Error) -> RootError {
    move |error| RootError::Io(format!("{}: {error}", path.display()))
}
