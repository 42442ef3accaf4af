//! The room's errors. In: what was seen. Out: diagnostics, each with its code, exit status, facts and help; the
//! pages in `docs/errors/build` explain them.

use std::io;
use std::path::Path;

use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::ports::{Architecture, RepositoryError, RootError, RunError};

/// What holds after every failure of this room: packages are published together, at the end, or not at all.
const STILL: &str = "no package was written";

pub(crate) fn refuse(code: &'static str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::unchanged(code, Exit::Usage, message, STILL)
}

fn failed(code: &'static str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::unchanged(code, Exit::Outside, message, STILL)
}

/// A field of the package that Debian does not take.
pub(crate) fn bad_package(error: &tagboat_deb::Error) -> Box<Diagnostic> {
    let refusal = refuse("build::bad-package", "the package cannot say this about itself");
    Box::new(refusal.fact("wrong", error.to_string()).help("correct it in build-config.yml"))
}

/// A file of Debian packaging that cannot be used.
pub(crate) fn bad_packaging(file: &str, why: impl Into<String>) -> Box<Diagnostic> {
    let refusal = refuse("build::bad-packaging", format!("{file} cannot be used"));
    Box::new(refusal.fact("wrong", why))
}

/// A configured path that may not be used.
pub(crate) fn bad_path(path: &str, why: &str) -> Box<Diagnostic> {
    let refusal = refuse("build::bad-path", format!("the path {path:?} cannot be used"));
    let help = "write sources relative to the repository's root, and targets as absolute paths without `..`";
    Box::new(refusal.fact("wrong", why).help(help))
}

/// A listed file that the build did not make.
pub(crate) fn missing_file(path: &str, log: &Path) -> Box<Diagnostic> {
    let message = format!("the package lists {path:?}, which is not there after the build");
    let help = "make the build commands create it, or correct `from`; paths start at the repository's root";
    Box::new(
        refuse("build::missing-file", message).fact("log", log.display().to_string()).help(help),
    )
}

/// A listed file that leads out of the tree.
pub(crate) fn outside_tree(path: &str) -> Box<Diagnostic> {
    let message = format!("{path:?} leads out of the tree that was built");
    let help = "list the file itself; a package's own link is an entry of the kind `symlink`";
    Box::new(refuse("build::outside-tree", message).help(help))
}

/// Machine code for a processor that the package is not for.
pub(crate) fn wrong_architecture(path: &str, found: &str, target: &str) -> Box<Diagnostic> {
    let message = format!("{path:?} is a program for {found}, in a package for {target}");
    let help = "let the build commands take the compiler from CC, or build natively: `--strategy native` or \
                `--strategy emulated`";
    Box::new(refuse("build::wrong-architecture", message).help(help))
}

/// The operating system refused us a file of our own.
pub(crate) fn write_failed(path: &Path, error: &io::Error) -> Box<Diagnostic> {
    let message = format!("{} cannot be used", path.display());
    Box::new(failed("build::write-failed", message).fact("said", error.to_string()))
}

/// The commit cannot be had.
pub(crate) fn export_failed(error: &RepositoryError) -> Box<Diagnostic> {
    if *error == RepositoryError::Run(RunError::Cancelled) {
        return interrupted();
    }
    let refusal = failed("build::export-failed", "the commit's files cannot be read from git");
    Box::new(refusal.fact("said", error.to_string()))
}

/// Someone asked to stop.
pub(crate) fn interrupted() -> Box<Diagnostic> {
    let message = "the build was stopped before its end";
    Box::new(Diagnostic::unchanged("build::interrupted", Exit::Interrupted, message, STILL))
}

/// There is no root to build in.
pub(crate) fn no_root(
    error: &RootError,
    architecture: Architecture,
    log: &Path,
) -> Box<Diagnostic> {
    let message = format!("there is no clean {architecture} root to build in");
    let log = log.display().to_string();
    let (code, help) = match error {
        RootError::Run(RunError::Cancelled) => return interrupted(),
        RootError::Packages(_) => (
            "build::root-packages",
            "correct the names in `build_dependencies` or `Build-Depends`, or the mirrors",
        ),
        RootError::Missing(_) => {
            ("build::no-root", "install what is missing: mmdebstrap and systemd-container")
        }
        RootError::NotRoot => ("build::no-root", "run it as root"),
        RootError::Boot(..) | RootError::Run(_) | RootError::Io(_) => {
            ("build::no-root", "read the log")
        }
    };
    Box::new(failed(code, message).fact("said", error.to_string()).fact("log", log).help(help))
}

/// A command that did not do its work.
pub(crate) struct CommandFailure<'a> {
    /// As one could type it.
    pub(crate) command: String,
    /// `exit status 2`, or why it did not end by itself.
    pub(crate) how: String,
    /// The last lines that it printed.
    pub(crate) lines: Vec<String>,
    /// Everything that was printed.
    pub(crate) log: &'a Path,
    /// Where it was built.
    pub(crate) folder: &'a Path,
}

impl CommandFailure<'_> {
    pub(crate) fn diagnostic(self) -> Box<Diagnostic> {
        let program = self.command.clone();
        let mut refusal = failed("build::command-failed", "a build command failed")
            .fact("command", program)
            .fact("ended", self.how);
        for line in self.lines {
            refusal = refusal.fact("printed", line);
        }
        let log = self.log.display().to_string();
        let help = format!("read the log: less {}", tagboat_core::command::quote(&log));
        Box::new(
            refusal.fact("log", log).fact("kept", self.folder.display().to_string()).help(help),
        )
    }
}

/// What a program printed is not what its manual says.
pub(crate) fn unreadable(command: &str, why: impl Into<String>) -> Box<Diagnostic> {
    let message = format!("the answer of `{command}` cannot be read");
    Box::new(failed("build::unreadable-answer", message).fact("wrong", why))
}

/// Packing failed: a file changed, a disk is full, an entry is refused.
pub(crate) fn pack_failed(error: &tagboat_deb::Error) -> Box<Diagnostic> {
    let refusal = failed("build::pack-failed", "the package cannot be written");
    Box::new(refusal.fact("said", error.to_string()))
}

/// dpkg-buildpackage ended well, but what it left is no set of packages.
pub(crate) fn no_package(why: impl Into<String>, log: &Path) -> Box<Diagnostic> {
    let refusal = failed("build::no-package", "the build ended well but left no usable package");
    Box::new(refusal.fact("wrong", why).fact("log", log.display().to_string()))
}
