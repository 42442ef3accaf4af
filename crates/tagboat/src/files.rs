//! Files that users name or are left. In: a path and what it shall hold. Out: all of it there, or what was there before.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tagboat_core::diagnostic::{self, Diagnostic, Exit, bug};
use tagboat_validate::sarif::Log;

/// Writes findings in the form that code scanning reads (SARIF 2.1.0), whole or not at all. Where that fails `code`
/// is the error's, and `still` what is true all the same.
pub(crate) fn write_sarif(
    file: &Path,
    log: &Log,
    code: &'static str,
    still: &str,
) -> diagnostic::Result<()> {
    let text = tagboat_report::render::json(log).map_err(|error| bug(error.to_string()))?;
    replace(file, text.as_bytes()).map_err(|error| {
        let message = format!("{} could not be written: {error}", file.display());
        Box::new(
            Diagnostic::unchanged(code, Exit::Outside, message, still)
                .help("name a file in a folder of yours"),
        )
    })
}

/// Writes a file, in place of the one that is there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = write_beside(path, bytes)?;
    let done = std::fs::rename(&temporary, path);
    if done.is_err() {
        std::fs::remove_file(&temporary)?;
    }
    done.and_then(|()| File::open(folder(path))?.sync_all())
}

/// Writes a program, in place of the one that is there; its folder is made where there is none.
pub(crate) fn replace_program(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::create_dir_all(folder(path))?;
    let temporary = write_beside(path, bytes)?;
    let runs = std::fs::Permissions::from_mode(0o755);
    let done =
        std::fs::set_permissions(&temporary, runs).and_then(|()| std::fs::rename(&temporary, path));
    if done.is_err() {
        std::fs::remove_file(&temporary)?;
    }
    done.and_then(|()| File::open(folder(path))?.sync_all())
}

/// Writes a file that is not there yet.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::create_dir_all(folder(path))?;
    let temporary = write_beside(path, bytes)?;
    // link(2) refuses an existing name, where rename(2) would replace it.
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary)?;
    linked.and_then(|()| File::open(folder(path))?.sync_all())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file in the same folder, on disk.
fn write_beside(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| Error::from(ErrorKind::IsADirectory))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let temporary = folder(path).join(hidden);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        std::fs::remove_file(&temporary)?;
        return Err(error);
    }
    Ok(temporary)
}
