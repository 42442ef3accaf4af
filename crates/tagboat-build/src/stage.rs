//! Takes the listed files from a tree that a build left behind. In: the tree, the list. Out: copies of them in a
//! fresh folder, in the layout of the package, with normal modes; and which of them are programs.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tagboat_core::diagnostic::Result;

use crate::elf::{self, Code};
use crate::inside::{self, Astray};
use crate::plan::{Form, PlannedFile, Programs};
use crate::refusal;
use crate::request::StagedKind;
use crate::staged::{gzip, stage_folder};

/// One entry of the package, staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StagedEntry {
    /// In the package, without the slash at its start.
    pub(crate) to: String,
    pub(crate) mode: u32,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    File(PathBuf),
    Directory,
    Symlink(String),
}

/// What was taken.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) entries: Vec<StagedEntry>,
    /// The programs among them, as paths in the package.
    pub(crate) programs: Vec<String>,
}

/// Whose files these are, and what they may be.
pub(crate) struct Staging<'a> {
    /// The attempt's folder: `source` was built, `stage` must not exist.
    pub(crate) folder: &'a Path,
    pub(crate) package: &'a str,
    pub(crate) programs: Programs,
    pub(crate) log: &'a Path,
}

impl Staging<'_> {
    /// Copies every file of the list. Nothing may run in the tree meanwhile.
    pub(crate) fn take(&self, files: &[PlannedFile], control: &str) -> Result<Taken> {
        let stage = self.folder.join(stage_folder(self.package));
        // The build could write beside its tree: a `stage` of its making, a link even, is refused here.
        let outer = self.folder.join("stage");
        create(&outer)?;
        create(&outer.join("debian"))?;
        create(&stage)?;
        // dpkg-shlibdeps(1) knows a package's folder by this one, and reads the control file beside it.
        create(&stage.join("DEBIAN"))?;
        let control_file = outer.join("debian/control");
        fs::write(&control_file, control).map_err(|e| refusal::write_failed(&control_file, &e))?;
        let mut taken = Taken::default();
        for file in files {
            self.take_one(file, &stage, &mut taken)?;
        }
        Ok(taken)
    }

    fn take_one(&self, file: &PlannedFile, stage: &Path, taken: &mut Taken) -> Result<()> {
        let mut entry =
            |what, mode| taken.entries.push(StagedEntry { to: file.to.clone(), mode, what });
        match file.kind {
            StagedKind::Directory => entry(What::Directory, file.mode.unwrap_or(0o755)),
            StagedKind::Symlink => entry(What::Symlink(file.from.clone()), 0o777),
            StagedKind::File => {
                let from = self.resolve(&file.from)?;
                if !facts(&from)?.is_file() {
                    return Err(refusal::bad_path(
                        &file.from,
                        "it is no file; a folder is of the kind `tree`",
                    ));
                }
                self.copy(&from, file, stage, taken)?;
            }
            StagedKind::Tree => {
                let from = self.resolve(&file.from)?;
                if !facts(&from)?.is_dir() {
                    return Err(refusal::bad_path(&file.from, "it is no folder"));
                }
                self.take_tree(&from, file, stage, taken)?;
            }
        }
        Ok(())
    }

    fn take_tree(
        &self,
        from: &Path,
        tree: &PlannedFile,
        stage: &Path,
        taken: &mut Taken,
    ) -> Result<()> {
        let said = |error: io::Error| refusal::write_failed(from, &error);
        let mut names: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(from).map_err(said)? {
            names.push(entry.map_err(said)?.path());
        }
        names.sort();
        taken.entries.push(StagedEntry { to: tree.to.clone(), mode: 0o755, what: What::Directory });
        for path in names {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| {
                refusal::bad_path(&path.display().to_string(), "its name is not UTF-8")
            })?;
            let below = PlannedFile {
                from: format!("{}/{name}", tree.from),
                to: format!("{}/{name}", tree.to),
                mode: tree.mode,
                kind: StagedKind::File,
                form: Form::Plain,
            };
            let kind = fs::symlink_metadata(&path).map_err(said)?.file_type();
            if kind.is_symlink() {
                // A link in a tree is a link in the package: it is never followed here.
                let target = fs::read_link(&path).map_err(said)?;
                let target = target.to_str().ok_or_else(|| {
                    refusal::bad_path(&below.from, "it links to a name that is not UTF-8")
                })?;
                let what = What::Symlink(target.to_owned());
                taken.entries.push(StagedEntry { to: below.to, mode: 0o777, what });
            } else if kind.is_dir() {
                self.take_tree(&path, &below, stage, taken)?;
            } else if kind.is_file() {
                self.copy(&path, &below, stage, taken)?;
            } else {
                return Err(refusal::bad_path(&below.from, "it is no file, folder or link"));
            }
        }
        Ok(())
    }

    fn copy(&self, from: &Path, file: &PlannedFile, stage: &Path, taken: &mut Taken) -> Result<()> {
        let code = elf::inspect(from).map_err(|error| refusal::write_failed(from, &error))?;
        match (code, self.programs) {
            (None, _) => {}
            (Some(Code::For(found)), Programs::For(target)) if found == target => {
                taken.programs.push(file.to.clone());
            }
            (Some(found), wanted) => {
                let found = match found {
                    Code::For(architecture) => architecture.to_string(),
                    Code::Other(number) => format!("another machine (e_machine {number})"),
                };
                let wanted = match wanted {
                    Programs::For(target) => target.debian(),
                    Programs::Refused => "all architectures",
                };
                return Err(refusal::wrong_architecture(&file.from, &found, wanted));
            }
        }
        // Only whether its owner may run it counts: the rest is the umask of whoever built.
        let runs = facts(from)?.permissions().mode() & 0o100 != 0;
        let mode = file.mode.unwrap_or(if runs { 0o755 } else { 0o644 });
        let to = stage.join(&file.to);
        copy_content(from, &to, file.form).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                refusal::bad_path(&format!("/{}", file.to), "it is in the package twice")
            }
            _ => refusal::write_failed(&to, &error),
        })?;
        taken.entries.push(StagedEntry { to: file.to.clone(), mode, what: What::File(to) });
        Ok(())
    }

    fn resolve(&self, path: &str) -> Result<PathBuf> {
        inside::resolve(&self.folder.join("source"), path).map_err(|astray| match astray {
            Astray::Missing => refusal::missing_file(path, self.log),
            Astray::Outside => refusal::outside_tree(path),
            Astray::Io(error) => refusal::write_failed(Path::new(path), &error),
        })
    }
}

fn facts(path: &Path) -> Result<fs::Metadata> {
    fs::symlink_metadata(path).map_err(|error| refusal::write_failed(path, &error))
}

fn create(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().mode(0o755).create(folder);
    made.map_err(|error| refusal::write_failed(folder, &error))
}

fn copy_content(from: &Path, to: &Path, form: Form) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    }
    let mut copy = File::create_new(to)?;
    match form {
        Form::Plain => {
            io::copy(&mut File::open(from)?, &mut copy)?;
        }
        Form::Gzip => copy.write_all(&gzip(&fs::read(from)?)?)?,
    }
    Ok(())
}
