//! What git said, as users meet it.

use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::listing::MovedTag;
use tagboat_core::ports::{RepositoryError, RunError};

/// What helps where a lock stands in the way.
const UNLOCK: &str = "where no git is at work there, one was killed: remove the file that it names";

/// Whether git says here that it found a lock of another git, or what a killed one left (git, `lockfile.c`,
/// `unable_to_lock_message`).
pub(crate) fn names_a_lock(line: &str) -> bool {
    line.contains(".lock': File exists")
}

fn is_locked(error: &RepositoryError) -> bool {
    matches!(error, RepositoryError::Git { said, .. } if names_a_lock(said))
}

/// An error that stops no answer, with what helps.
pub(crate) fn in_passing(error: &RepositoryError) -> String {
    if is_locked(error) { format!("{error}; {UNLOCK}") } else { error.to_string() }
}

/// A repository's error with its code, its exit status and what to do.
pub(crate) fn diagnostic(error: &RepositoryError) -> Box<Diagnostic> {
    let still = "nothing was changed, here or on the remote";
    let diagnostic = |code, exit, help: &str| {
        Box::new(Diagnostic::unchanged(code, exit, error.to_string(), still).help(help))
    };
    match error {
        RepositoryError::NotARepository => diagnostic(
            "git::no-repository",
            Exit::Usage,
            "go into one, or name it: `tagboat -C FOLDER …`",
        ),
        RepositoryError::Shallow => diagnostic(
            "git::shallow",
            Exit::Refused,
            "fetch the rest: `git fetch --unshallow --tags` (in GitHub Actions: `fetch-depth: 0`)",
        ),
        RepositoryError::Remote(_) => {
            diagnostic("git::remote", Exit::Outside, "see what git says: `git ls-remote origin`")
        }
        RepositoryError::Run(RunError::NotFound) => {
            diagnostic("git::missing", Exit::Outside, "install it: `apt-get install git`")
        }
        RepositoryError::Run(RunError::Cancelled) => {
            diagnostic("run::interrupted", Exit::Interrupted, "run the command again")
        }
        RepositoryError::NotSigned(_) => diagnostic(
            "git::not-signed",
            Exit::Outside,
            "see whether the key works: `git tag -s` with it",
        ),
        error if is_locked(error) => {
            diagnostic("git::locked", Exit::Outside, &format!("run the command again; {UNLOCK}"))
        }
        RepositoryError::Git { .. } | RepositoryError::Unexpected(_) | RepositoryError::Run(_) => {
            diagnostic(
                "git::failed",
                Exit::Outside,
                "see whether the repository is sound: `git fsck`",
            )
        }
    }
}

/// A version or state tag that is another here than on the remote (SPEC V8); `still`: what was not done therefore.
pub(crate) fn moved_tag(moved: &MovedTag, still: &str) -> Box<Diagnostic> {
    let MovedTag { name, ours, theirs } = moved;
    let message = format!("{name} moved, and version tags never move");
    Box::new(
        Diagnostic::unchanged("git::moved-tag", Exit::Refused, message, still)
            .fact("here", ours.to_string())
            .fact("remote", theirs.to_string())
            .help(
                "find out who moved it; then put it back, or remove it from the clone that is wrong",
            ),
    )
}
