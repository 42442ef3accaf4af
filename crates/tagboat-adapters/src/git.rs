//! The repository, through the `git` program. In: full ref names and object ids. Out: refs, objects, and
//! who won a compare-and-swap.

mod export;
mod fetch;
mod identity;
mod log;
mod names;
mod objects;
mod program;
mod refs;
mod swap;

use std::path::{Path, PathBuf};

use tagboat_core::command::Command;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::ports::{
    Commit, FetchSpec, Found, ListedRef, Log, LogQuery, NewTag, RefUpdate, RefView, Repository,
    RepositoryError, Scope, Swap, TagSigner,
};

pub use objects::parse_tag;
pub use program::{GitProgram, Patience};

/// A clone on this machine, and one of its remotes. The floor is Debian 12's git 2.39.
#[derive(Clone, Debug)]
pub struct GitRepository {
    git: GitProgram,
    folder: PathBuf,
    remote: String,
    history: HistoryHere,
}

/// How much of the history a clone has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HistoryHere {
    /// All of it.
    Whole,
    /// What a shallow clone has.
    Shallow,
}

impl GitRepository {
    /// The repository that `folder` is in, and its remote called `remote` (it need not exist until it is
    /// asked for something).
    ///
    /// # Errors
    /// [`RepositoryError::NotARepository`]; [`RepositoryError::Git`] where git refuses to work in the
    /// folder, as for one that belongs to somebody else (`safe.directory`, git-config(1)).
    pub fn open(scope: &Scope<'_>, folder: &Path, remote: &str) -> Result<Self, RepositoryError> {
        Self::open_with(GitProgram::default(), scope, folder, remote)
    }

    /// The same, with this `git`.
    ///
    /// # Errors
    /// As [`GitRepository::open`].
    pub fn open_with(
        git: GitProgram,
        scope: &Scope<'_>,
        folder: &Path,
        remote: &str,
    ) -> Result<Self, RepositoryError> {
        names::check_remote(remote)?;
        if !folder.is_dir() {
            return Err(RepositoryError::NotARepository);
        }
        let (folder, remote) = (folder.to_owned(), remote.to_owned());
        let mut repository = Self { git, folder, remote, history: HistoryHere::Whole };
        // Both questions in one program: every run asks them.
        let command =
            repository.command(["rev-parse", "--absolute-git-dir", "--is-shallow-repository"]);
        let output = repository.git.run(scope, &command)?;
        if output.success() {
            repository.history = match output.stdout.trim_ascii().rsplit(|b| *b == b'\n').next() {
                Some(b"true") => HistoryHere::Shallow,
                Some(b"false") => HistoryHere::Whole,
                _ => return Err(RepositoryError::Unexpected(output.text())),
            };
            return Ok(repository);
        }
        // git fails in the same way where there is no repository and where it will not touch the one
        // that is there.
        let there = |folder: &Path| folder.join(".git").exists() || folder.join("HEAD").exists();
        let folder = &repository.folder;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        if folder.ancestors().any(there) {
            return Err(program::refusal(&command, &output));
        }
        Err(RepositoryError::NotARepository)
    }

    /// Whether history was missing here when the repository was opened (git-rev-parse(1),
    /// `--is-shallow-repository`): then no version may be derived from it.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.history == HistoryHere::Shallow
    }

    fn command<const N: usize>(&self, args: [&str; N]) -> Command {
        Command::new("git").args(args).folder(&self.folder).timeout(program::LOCAL)
    }
}

impl Repository for GitRepository {
    fn each_ref(
        &self,
        scope: &Scope<'_>,
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError> {
        self.local_refs(scope, take)
    }

    fn each_ref_of(
        &self,
        scope: &Scope<'_>,
        names: &[String],
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError> {
        self.local_refs_of(scope, names, take)
    }

    fn remote_refs(
        &self,
        scope: &Scope<'_>,
        patterns: &[&str],
    ) -> Result<Vec<ListedRef>, RepositoryError> {
        self.listed_refs(scope, &self.remote, patterns)
    }

    fn fetch(&self, scope: &Scope<'_>, specs: &[FetchSpec]) -> Result<(), RepositoryError> {
        self.fetch_specs(scope, specs)?;
        self.pack_after(scope, specs.len());
        Ok(())
    }

    fn remember(
        &self,
        scope: &Scope<'_>,
        refs: &[(String, Option<ObjectId>)],
    ) -> Result<(), RepositoryError> {
        self.update_private_refs(scope, refs)?;
        self.pack_after(scope, refs.len());
        Ok(())
    }

    fn each_object(
        &self,
        scope: &Scope<'_>,
        ids: &[ObjectId],
        take: &mut dyn FnMut(&ObjectId, Found),
    ) -> Result<(), RepositoryError> {
        self.read_objects(scope, ids, take)
    }

    fn write_tag(&self, scope: &Scope<'_>, tag: &NewTag) -> Result<ObjectId, RepositoryError> {
        self.make_tag(scope, tag, None)
    }

    fn sign_tag(
        &self,
        scope: &Scope<'_>,
        tag: &NewTag,
        signer: &dyn TagSigner,
    ) -> Result<ObjectId, RepositoryError> {
        self.make_tag(scope, tag, Some(signer))
    }

    fn swap(&self, scope: &Scope<'_>, updates: &[RefUpdate]) -> Result<Swap, RepositoryError> {
        self.compare_and_swap(scope, updates)
    }

    fn is_ancestor(
        &self,
        scope: &Scope<'_>,
        ancestor: &CommitSha,
        descendant: &str,
    ) -> Result<bool, RepositoryError> {
        names::check_revision(descendant)?;
        let command = self.command(["merge-base", "--is-ancestor", ancestor.as_str(), descendant]);
        let output = self.git.run(scope, &command)?;
        match output.status {
            Some(0) => Ok(true),
            // The way between them may lie in what was not cloned.
            Some(1) if self.is_shallow() => Err(RepositoryError::Shallow),
            Some(1) => Ok(false),
            _ => Err(program::refusal(&command, &output)),
        }
    }

    fn log(&self, scope: &Scope<'_>, query: &LogQuery<'_>) -> Result<Log, RepositoryError> {
        self.read_log(scope, query)
    }

    fn commit(&self, scope: &Scope<'_>, name: &str) -> Result<Option<Commit>, RepositoryError> {
        self.read_commit(scope, name)
    }

    fn export(
        &self,
        scope: &Scope<'_>,
        commit: &CommitSha,
        into: &Path,
    ) -> Result<(), RepositoryError> {
        self.unpack(scope, commit, into)
    }
}
