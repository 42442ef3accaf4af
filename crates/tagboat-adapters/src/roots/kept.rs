//! Kept roots. In: a spec, and the state of its mirrors. Out: the layers that make it up, made once however
//! many ask.
//!
//! ```text
//! roots/<base>/making.lock                 who makes a state of this base
//! roots/<base>/<state>/{made,root}         essential packages and apt, at one state of the mirrors
//! roots/<base>/<state>/use.lock            shared by whoever has it open: it is not removed then
//! roots/<base>/<state>/layers/<added>/{made,root}      what installing something wrote over it
//! ```
//! Every name is the hash of what it was made of; `made` says it in words, and is compared before use. What
//! is half made is called `.new` and belongs to whoever holds the lock.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use tagboat_core::command::Command;
use tagboat_core::ports::{
    Architecture, Mirror, Output, Progress, RootError, RootSpec, Runner as _, Scope,
};

use super::install::{Addition, install};
use super::layer::{self, Layer, lock_file, text, wait_for};
use super::{mirrors, nspawn, refused};
use crate::process::LocalRunner;

/// Part of every key: a change of how roots are made makes new ones.
const FORMAT: &str = "tagboat-root 1";

/// How long making one may take: an emulated one, from a slow mirror.
pub(super) const MAKING: Duration = Duration::from_secs(45 * 60);

/// How long the mirror may take to say which state it has.
const ASKING: Duration = Duration::from_secs(60);

/// How many of a failed program's last lines an error shows.
pub(super) const SHOWN: usize = 12;

/// Which state the mirrors of a spec have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// The hash over the digests of their signed indices.
    Known(String),
    /// They could not be asked; the text says why.
    Unknown(String),
}

/// What makes up a root, and the lock that keeps it from being removed.
#[derive(Debug)]
pub(super) struct Kept {
    /// The uppermost first.
    pub(super) lowers: Vec<PathBuf>,
    _in_use: File,
}

/// The folder `roots` of a cache.
pub(super) struct Store<'a> {
    pub(super) runner: &'a LocalRunner,
    pub(super) cache: &'a Path,
}

impl Store<'_> {
    /// Asks the mirrors which state they have. Their answer only chooses a root: what is installed from them is
    /// verified by apt.
    pub(super) fn ask(
        &self,
        scope: &Scope<'_>,
        mirrors: &[Mirror],
    ) -> Result<Freshness, RootError> {
        nspawn::require(nspawn::APT_HELPER, "apt")?;
        let folder = tempfile::tempdir().map_err(refused(Path::new("a temporary folder")))?;
        let files: Vec<PathBuf> =
            (0..mirrors.len()).map(|number| folder.path().join(number.to_string())).collect();
        let mut command = Command::new(nspawn::APT_HELPER)
            .args(["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=15"])
            .arg("download-file")
            .timeout(ASKING);
        for (mirror, file) in mirrors.iter().zip(&files) {
            command = command.args([&mirrors::in_release(mirror), text(file)?, ""]);
        }
        let output = self.runner.run(scope, &command).map_err(RootError::Run)?;
        if !output.success() {
            return Ok(Freshness::Unknown(last_lines(&output, 2)));
        }
        digest_of(&files).map(Freshness::Known)
    }

    /// The root of `spec`, and the state that it has.
    pub(super) fn find_or_make(
        &self,
        scope: &Scope<'_>,
        spec: &RootSpec,
        fresh: &Freshness,
    ) -> Result<(Kept, Freshness), RootError> {
        let base = Base::of(self, spec)?;
        let (state, in_use) = match fresh {
            Freshness::Known(state) => self.base(scope, &base, state)?,
            Freshness::Unknown(why) => base.newest(spec)?.ok_or_else(|| {
                RootError::Packages(format!(
                    "the mirror cannot be reached, and no root of it is kept: {why}"
                ))
            })?,
        };
        let fresh = match fresh {
            Freshness::Known(_) => Freshness::Known(state.clone()),
            Freshness::Unknown(_) => fresh.clone(),
        };
        let mut lowers = vec![base.root(&state)];
        for (addition, recipe) in recipes(spec) {
            let layer = self.layer(scope, &addition, &base, &state, &lowers, &recipe)?;
            lowers.insert(0, layer);
        }
        Ok((Kept { lowers, _in_use: in_use }, fresh))
    }

    fn base(
        &self,
        scope: &Scope<'_>,
        base: &Base<'_>,
        state: &str,
    ) -> Result<(String, File), RootError> {
        if let Some(in_use) = base.take(state)? {
            return Ok((state.to_owned(), in_use));
        }
        let _making = wait_for(scope, &base.folder.join("making.lock"))?;
        if let Some(in_use) = base.take(state)? {
            return Ok((state.to_owned(), in_use));
        }
        // The mirror may have moved on since it was asked: what was installed counts.
        let state = self.make_base(scope, base)?;
        base.remove_others(&state)?;
        let in_use = base.take(&state)?;
        let in_use = in_use.ok_or_else(|| RootError::Io("a new root was removed".to_owned()))?;
        Ok((state, in_use))
    }

    fn make_base(&self, scope: &Scope<'_>, base: &Base<'_>) -> Result<String, RootError> {
        nspawn::require(nspawn::MMDEBSTRAP, "mmdebstrap")?;
        tell(scope, &format!("making a clean {} root, once", base.name));
        let new = base.folder.join(".new");
        layer::remove(self.runner, &new)?;
        fs::create_dir(&new).map_err(refused(&new))?;
        let root = new.join("root");
        let command = Command::new(nspawn::SETPRIV)
            .args(["--pdeathsig", "KILL", "--", nspawn::UNSHARE])
            // It mounts /proc, /sys and more inside: they, and its programs, go when it goes, however it goes.
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"])
            .arg(nspawn::MMDEBSTRAP)
            .args(["--mode=root", "--variant=apt", "--format=directory"])
            .arg(format!("--architectures={}", base.architecture))
            // What is installed later needs the lists, and at this state.
            .args(["--skip=cleanup/apt/lists", "--aptopt=Acquire::Languages \"none\""])
            .args([&base.mirrors[0].suite, text(&root)?])
            .args(base.mirrors.iter().map(mirrors::line))
            .timeout(MAKING);
        let output = self.runner.run(scope, &command).map_err(RootError::Run)?;
        if !output.success() {
            return Err(RootError::Packages(last_lines(&output, SHOWN)));
        }
        // mmdebstrap(1) leaves the names of this machine in it.
        let files = [
            ("hostname", format!("{}\n", nspawn::HOSTNAME)),
            ("hosts", format!("127.0.0.1 localhost {}\n::1 localhost\n", nspawn::HOSTNAME)),
            ("resolv.conf", String::new()),
            ("machine-id", String::new()),
        ];
        for (name, content) in files {
            write_etc(&root, name, &content)?;
        }
        let state = digest_of(&signed_indices(&root)?)?;
        let made = base.made(&state);
        fs::create_dir(new.join("layers")).map_err(refused(&new))?;
        drop(lock_file(&new.join("use.lock"))?);
        finish(&new, &base.state(&state), &made)?;
        Ok(state)
    }

    fn layer(
        &self,
        scope: &Scope<'_>,
        addition: &Addition<'_>,
        base: &Base<'_>,
        state: &str,
        lowers: &[PathBuf],
        recipe: &str,
    ) -> Result<PathBuf, RootError> {
        let key = hash(recipe.as_bytes());
        let layers = base.state(state).join("layers");
        let folder = layers.join(&key);
        if is_made(&folder, recipe) {
            return Ok(folder.join("root"));
        }
        let making = wait_for(scope, &layers.join(format!("{key}.lock")))?;
        if is_made(&folder, recipe) {
            return Ok(folder.join("root"));
        }
        tell(scope, &format!("installing packages into a clean {} root, once", base.name));
        let new = layers.join(format!(".new-{key}"));
        layer::remove(self.runner, &new)?;
        fs::create_dir(&new).map_err(refused(&new))?;
        let layer = Layer::to_keep(self.runner, scope, self.cache, new.clone(), making, lowers)?;
        let layer = Arc::new(layer);
        install(self.runner, scope, addition, &layer)?;
        let written = layer.take_down()?;
        let root = new.join("root");
        fs::remove_dir(&root).map_err(refused(&root))?;
        fs::rename(&written, &root).map_err(refused(&root))?;
        let work = new.join("work");
        fs::remove_dir_all(&work).map_err(refused(&work))?;
        finish(&new, &folder, recipe)?;
        Ok(folder.join("root"))
    }
}

/// The roots of one architecture from the same mirrors, at whatever state.
struct Base<'a> {
    architecture: Architecture,
    mirrors: &'a [Mirror],
    name: String,
    recipe: String,
    folder: PathBuf,
}

impl<'a> Base<'a> {
    fn of(store: &Store<'_>, spec: &'a RootSpec) -> Result<Self, RootError> {
        let first = spec.mirrors.first();
        let first = first.ok_or_else(|| RootError::Packages("no mirror was given".to_owned()))?;
        let lines: Vec<String> = spec.mirrors.iter().map(mirrors::line).collect();
        let recipe = format!("{FORMAT}\n{}\n{}\n", spec.architecture, lines.join("\n"));
        let name = format!("{} {}", first.suite, spec.architecture);
        let folder = store.cache.join("roots").join(hash(recipe.as_bytes()));
        fs::create_dir_all(&folder).map_err(refused(&folder))?;
        let (architecture, mirrors) = (spec.architecture, spec.mirrors.as_slice());
        Ok(Self { architecture, mirrors, name, recipe, folder })
    }

    fn state(&self, state: &str) -> PathBuf {
        self.folder.join(state)
    }

    fn root(&self, state: &str) -> PathBuf {
        self.state(state).join("root")
    }

    fn made(&self, state: &str) -> String {
        format!("{}{state}\n", self.recipe)
    }

    /// Takes a state into use, if it is kept.
    fn take(&self, state: &str) -> Result<Option<File>, RootError> {
        let folder = self.state(state);
        if !is_made(&folder, &self.made(state)) {
            return Ok(None);
        }
        let in_use = lock_file(&folder.join("use.lock"))?;
        // Held against us only by who removes it; and it may have been removed since we looked.
        let taken = in_use.try_lock_shared().is_ok() && is_made(&folder, &self.made(state));
        Ok(taken.then_some(in_use))
    }

    /// The newest state kept; one that already holds the layer of `spec` goes first.
    fn newest(&self, spec: &RootSpec) -> Result<Option<(String, File)>, RootError> {
        let layer = recipes(spec).pop().map(|(_, recipe)| hash(recipe.as_bytes()));
        let mut states = Vec::new();
        for name in self.states()? {
            let folder = self.state(&name);
            let whole = layer.as_ref().is_none_or(|key| folder.join("layers").join(key).exists());
            let made = fs::metadata(folder.join("made")).and_then(|facts| facts.modified());
            states.push((whole, made.unwrap_or(SystemTime::UNIX_EPOCH), name));
        }
        states.sort();
        for (_, _, name) in states.into_iter().rev() {
            if let Some(in_use) = self.take(&name)? {
                return Ok(Some((name, in_use)));
            }
        }
        Ok(None)
    }

    /// Removes the states that nobody uses, but for `keep`. Only while `making.lock` is held.
    fn remove_others(&self, keep: &str) -> Result<(), RootError> {
        for name in self.states()? {
            let folder = self.state(&name);
            let in_use = lock_file(&folder.join("use.lock"))?;
            if name == keep || in_use.try_lock().is_err() {
                continue;
            }
            // First what says that it is whole: half removed, it is not taken for one.
            let made = folder.join("made");
            fs::remove_file(&made).or_else(absent).map_err(refused(&made))?;
            layer::delete(&folder)?;
        }
        Ok(())
    }

    fn states(&self) -> Result<Vec<String>, RootError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(refused(&self.folder))? {
            let entry = entry.map_err(refused(&self.folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && !name.starts_with('.') {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// The layers over a base, the lowest first. The recipe of each tells all that is below it, too.
fn recipes(spec: &RootSpec) -> Vec<(Addition<'_>, String)> {
    let mut recipe = format!("{FORMAT}\n");
    let additions = Addition::of(spec).into_iter();
    additions
        .map(|addition| {
            recipe.push_str(&addition.words());
            (addition, recipe.clone())
        })
        .collect()
}

fn is_made(folder: &Path, made: &str) -> bool {
    fs::read_to_string(folder.join("made")).is_ok_and(|text| text == made)
}

/// Makes what is in `new` last, and gives it its name.
fn finish(new: &Path, name: &Path, made: &str) -> Result<(), RootError> {
    fs::write(new.join("made"), made).map_err(refused(new))?;
    let io = |error: rustix::io::Errno| refused(new)(error.into());
    rustix::fs::syncfs(File::open(new).map_err(refused(new))?).map_err(io)?;
    match fs::rename(new, name) {
        // The mirror's state was made by somebody else under another question: theirs is the same.
        Err(_) if is_made(name, made) => fs::remove_dir_all(new).map_err(refused(new)),
        other => other.map_err(refused(name)),
    }?;
    let parent = name.parent().unwrap_or(name);
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(refused(parent))
}

pub(super) fn write_etc(root: &Path, name: &str, content: &str) -> Result<(), RootError> {
    let path = root.join("etc").join(name);
    // Never through a link: what it points to may be this machine's.
    fs::remove_file(&path).or_else(absent).map_err(refused(&path))?;
    fs::write(&path, content).map_err(refused(&path))
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// The signed indices that apt used: `InRelease`, by apt's names for them.
fn signed_indices(root: &Path) -> Result<Vec<PathBuf>, RootError> {
    let lists = root.join("var/lib/apt/lists");
    let mut found = Vec::new();
    for entry in fs::read_dir(&lists).map_err(refused(&lists))? {
        let path = entry.map_err(refused(&lists))?.path();
        if path.to_string_lossy().ends_with("_InRelease") {
            found.push(path);
        }
    }
    Ok(found)
}

/// One digest over files, whatever their names and order.
fn digest_of(files: &[PathBuf]) -> Result<String, RootError> {
    let mut digests = Vec::new();
    for file in files {
        digests.push(hash(&fs::read(file).map_err(refused(file))?));
    }
    digests.sort();
    Ok(hash(digests.join("\n").as_bytes()))
}

/// The first 96 bits of SHA-256, in hexadecimal: a name, not a signature.
fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn last_lines(output: &Output, count: usize) -> String {
    output.last_lines(count).join("\n")
}

fn tell(scope: &Scope<'_>, note: &str) {
    scope.observer.tell(&scope.span, &Progress::Note(note));
}
