//! The room's errors. In: what was seen. Out: diagnostics, each with its code, exit status, facts and help; the
//! pages in `docs/errors/validate` explain them.

use std::io;
use std::path::Path;

use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::ports::{RootError, RunError};

use crate::plan::Trial;

/// What holds after every failure of this room: it only looks.
const STILL: &str = "no package was judged, and none was changed";

fn refuse(code: &'static str, exit: Exit, message: impl Into<String>) -> Diagnostic {
    Diagnostic::unchanged(code, exit, message, STILL)
}

/// A request that says nothing that could be judged.
pub(crate) fn bad_request(why: impl Into<String>) -> Box<Diagnostic> {
    Box::new(refuse("validate::bad-request", Exit::Usage, why))
}

/// A file that cannot be read.
pub(crate) fn unreadable(file: &Path, error: &io::Error) -> Box<Diagnostic> {
    let message = format!("the package {} cannot be read", file.display());
    Box::new(
        refuse("validate::unreadable", Exit::Outside, message)
            .fact("seen", error.to_string())
            .help("build it first: `tagboat build`"),
    )
}

/// A file that is no sound package.
pub(crate) fn bad_package(file: &Path, error: &tagboat_deb::Error) -> Box<Diagnostic> {
    let message = format!("{} is no sound Debian package", file.display());
    Box::new(
        refuse("validate::bad-package", Exit::Judged, message)
            .fact("wrong", error.to_string())
            .help("build it again: `tagboat build`"),
    )
}

/// A package that is another one than it was said to be.
pub(crate) fn other_package(file: &Path, said: &str, is: &str) -> Box<Diagnostic> {
    let message = format!("{} is not the package that it was said to be", file.display());
    Box::new(
        refuse("validate::other-package", Exit::Judged, message)
            .fact("expected", said)
            .fact("found", is)
            .help("build it again: `tagboat build`"),
    )
}

/// A file that changed between plan and trial.
pub(crate) fn changed(file: &Path) -> Box<Diagnostic> {
    let message = format!("{} changed while it was being judged", file.display());
    Box::new(
        refuse("validate::changed", Exit::Refused, message)
            .help("validate it again once nobody writes it any more"),
    )
}

/// A clean root that could not be had, or into which the packages could not be brought.
pub(crate) fn no_root(trial: &Trial, error: &RootError) -> Box<Diagnostic> {
    let message = format!("there is no clean system for {}", trial.title());
    let (exit, help) = match error {
        RootError::Missing(_) => {
            (Exit::Outside, "install what is missing: mmdebstrap and systemd-container")
        }
        RootError::NotRoot => (Exit::Outside, "run it as root"),
        RootError::Packages(_) => (Exit::Outside, "look at the mirrors, and try again"),
        RootError::Run(RunError::Cancelled) => {
            (Exit::Interrupted, "run it again; nothing needs to be cleaned up")
        }
        RootError::Boot(..) | RootError::Run(_) | RootError::Io(_) => {
            (Exit::Outside, "try again with --verbose")
        }
    };
    let refusal = refuse("validate::no-root", exit, message);
    Box::new(refusal.fact("seen", error.to_string()).help(help))
}

/// Somebody asked to stop.
pub(crate) fn interrupted() -> Box<Diagnostic> {
    Box::new(refuse("validate::interrupted", Exit::Interrupted, "validation was interrupted"))
}

/// A program that could not be asked at all, though nothing says that the package is to blame.
pub(crate) fn not_asked(trial: &Trial, step: &str, error: &RunError) -> Box<Diagnostic> {
    let message = format!("{} came to no end", trial.title());
    Box::new(
        refuse("validate::not-asked", Exit::Outside, message)
            .fact("step", step)
            .fact("seen", error.to_string())
            .help("try again with --verbose"),
    )
}
