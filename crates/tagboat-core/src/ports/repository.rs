//! The git repository and its remote. In: full ref names and object ids. Out: refs, tag objects, and who
//! won a compare-and-swap.

use std::fmt;
use std::path::Path;

use jiff::Timestamp;

use super::{RunError, Scope};
use crate::commit::{CommitSha, ObjectId};

/// A ref as listed: its full name, its object, and what that peels to where it is a tag object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRef {
    /// `refs/tags/api/v1.2.3`; bytes that are not UTF-8 make a ref foreign and are replaced.
    pub name: String,
    /// The object the ref holds.
    pub object: ObjectId,
    /// For an annotated tag below `refs/tags/`, the object it peels to. Private refs are not peeled: for those that
    /// are not packed git would have to read every object.
    pub peeled: Option<ObjectId>,
}

/// A ref in a listing that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefView<'a> {
    /// As [`ListedRef::name`].
    pub name: &'a str,
    /// As [`ListedRef::object`].
    pub object: &'a ObjectId,
    /// As [`ListedRef::peeled`].
    pub peeled: Option<&'a ObjectId>,
}

impl RefView<'_> {
    /// The same, kept.
    #[must_use]
    pub fn to_listed(self) -> ListedRef {
        let (name, object, peeled) = (self.name.to_owned(), self.object.clone(), self.peeled);
        ListedRef { name, object, peeled: peeled.cloned() }
    }
}

impl ListedRef {
    /// The same, borrowed.
    #[must_use]
    pub fn view(&self) -> RefView<'_> {
        RefView { name: &self.name, object: &self.object, peeled: self.peeled.as_ref() }
    }

    /// The object at the end of all tags.
    #[must_use]
    pub fn target(&self) -> &ObjectId {
        self.peeled.as_ref().unwrap_or(&self.object)
    }
}

/// An annotated tag object, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagObject {
    /// Its own object id.
    pub id: ObjectId,
    /// What it points to.
    pub object: ObjectId,
    /// The name inside it, which must equal the ref's for a ledger (SPEC V7).
    pub name: String,
    /// Who made it: `Name <mail>`; empty for a tag without a tagger.
    pub tagger: String,
    /// When; 1970 for a tag without a tagger.
    pub time: Timestamp,
    /// The message, without a signature.
    pub message: String,
    /// The signature at its end, if there is one. Nothing was verified.
    pub signature: Option<TagSignature>,
}

/// What an id leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A tag object.
    Tag(Box<TagObject>),
    /// A commit.
    Commit,
    /// Something else, a tag that is too large to be one of ours, or an object that is not here.
    Nothing,
}

/// A signature as it stands in a tag object (gitformat-signature(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSignature {
    /// As text, from its first line on: of OpenPGP, X.509 or ssh.
    pub armoured: String,
    /// The bytes that it is over: the tag object without it.
    pub payload: Vec<u8>,
}

/// A tag object to be written. The repository fills in the tagger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTag {
    /// The name inside it.
    pub name: String,
    /// The commit it points to.
    pub commit: CommitSha,
    /// When.
    pub time: Timestamp,
    /// The message, ending in a newline.
    pub message: String,
}

impl NewTag {
    /// The tag object as `tagger` (`Name <mail>`) makes it, without a signature: what a signature is over
    /// (git-mktag(1), gitformat-signature(5)).
    #[must_use]
    pub fn payload(&self, tagger: &str) -> String {
        format!(
            "object {}\ntype commit\ntag {}\ntagger {tagger} {} +0000\n\n{}",
            self.commit,
            self.name,
            self.time.as_second(),
            self.message
        )
    }
}

/// Something that holds a secret key and signs tag objects.
pub trait TagSigner {
    /// An armoured signature over `payload`, made at `at` where the signer is told the time; it ends in a
    /// newline.
    ///
    /// # Errors
    /// [`RepositoryError::NotSigned`].
    fn sign(
        &self,
        scope: &Scope<'_>,
        payload: &[u8],
        at: Timestamp,
    ) -> Result<String, RepositoryError>;
}

/// One ref of a push: what it must hold now, and what it shall hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// Full name.
    pub name: String,
    /// What the remote must hold; `None`: it must not exist.
    pub expected: Option<ObjectId>,
    /// What it shall hold.
    pub new: ObjectId,
}

/// How a compare-and-swap ended, as read from the remote afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The remote holds what we pushed.
    Won,
    /// The remote holds something else: for each ref, in order, what it holds (`None`: nothing).
    Lost(Vec<Option<ObjectId>>),
}

/// Why git could not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepositoryError {
    /// This folder is in no git repository.
    NotARepository,
    /// The clone is shallow: history is missing, so nothing may be derived from it.
    Shallow,
    /// The remote cannot be reached, or refused us. The text is the last line that git said.
    Remote(String),
    /// git said no. The texts are what was run and what it said.
    Git {
        /// What was run, as one could type it.
        command: String,
        /// The last lines of its standard error.
        said: String,
    },
    /// git answered something that its documentation excludes.
    Unexpected(String),
    /// A tag object could not be signed, and why.
    NotSigned(String),
    /// The program could not be run.
    Run(RunError),
}

impl fmt::Display for RepositoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARepository => f.write_str("this folder is in no git repository"),
            Self::Shallow => f.write_str("the clone is shallow"),
            Self::Remote(said) => write!(f, "the remote did not answer: {said}"),
            Self::Git { command, said } => write!(f, "`{command}` failed: {said}"),
            Self::Unexpected(what) => write!(f, "git answered something unexpected: {what}"),
            Self::NotSigned(why) => write!(f, "the tag could not be signed: {why}"),
            Self::Run(error) => write!(f, "git could not be run: {error}"),
        }
    }
}

impl std::error::Error for RepositoryError {}

/// One ref to bring from the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchSpec {
    /// Full name there.
    pub from: String,
    /// Full name here.
    pub to: String,
    /// What to do with a ref that is here already.
    pub existing: Existing,
}

/// What a fetch does with a ref that this clone already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Overwritten: for the private copies of refs that move.
    Overwrite,
    /// Left alone: version and state tags never move.
    Keep,
}

/// Which commits a log is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogQuery<'a> {
    /// The commit that the log ends with, newest of all.
    pub until: &'a CommitSha,
    /// Where it begins.
    pub since: Since<'a>,
    /// Files and folders from the repository's root, read literally; the empty text is all of it. No path
    /// at all is touched by nothing.
    pub paths: &'a [&'a str],
    /// More commits than that are an error.
    pub limit: usize,
}

/// Where a log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since<'a> {
    /// With the first commit of all.
    Beginning,
    /// After the first of these, in their order, that the last commit is or descends from: without what it
    /// is or descends from itself.
    FirstOf(&'a [CommitSha]),
}

/// What happened to some paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The place in [`Since::FirstOf`] of the commit after which it begins. `None` where no such was given,
    /// and where none is behind the last commit: then there are no entries either.
    pub since: Option<usize>,
    /// The commits, newest first.
    pub entries: Vec<LogEntry>,
}

/// A commit of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its id.
    pub sha: CommitSha,
    /// Its whole message, without newlines at its end; bytes that are not UTF-8 are replaced.
    pub message: String,
}

/// The git repository and its remote: the only state there is.
///
/// Names given to it are full ref names or object ids, never what a user typed.
pub trait Repository: Sync {
    /// Every local ref below `refs/tagboat/`, then every one below `refs/tags/`, as the listing gives them: none is
    /// kept. One listing a run; everything else is derived from it.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn each_ref(
        &self,
        scope: &Scope<'_>,
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError>;

    /// Those of the same refs that have one of these names, or are in one of these folders: names that end in `/`. It costs
    /// what they cost, however many others there are.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn each_ref_of(
        &self,
        scope: &Scope<'_>,
        names: &[String],
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError>;

    /// The same refs as [`Repository::each_ref`], kept.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn refs(&self, scope: &Scope<'_>) -> Result<Vec<ListedRef>, RepositoryError> {
        let mut refs = Vec::new();
        self.each_ref(scope, &mut |listed| refs.push(listed.to_listed()))?;
        Ok(refs)
    }

    /// The refs that the remote holds under `HEAD`, these full names, or names that end in `/*`, without
    /// fetching an object. Sorted by name; names it does not have are left out.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn remote_refs(
        &self,
        scope: &Scope<'_>,
        patterns: &[&str],
    ) -> Result<Vec<ListedRef>, RepositoryError>;

    /// Brings exactly these refs and their objects.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn fetch(&self, scope: &Scope<'_>, specs: &[FetchSpec]) -> Result<(), RepositoryError>;

    /// Points private local refs (`refs/tagboat/…`) at objects, or removes them: all or none.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn remember(
        &self,
        scope: &Scope<'_>,
        refs: &[(String, Option<ObjectId>)],
    ) -> Result<(), RepositoryError>;

    /// The objects of these ids, read in one go, in the order asked, one after the other: none is kept.
    ///
    /// # Errors
    /// See [`RepositoryError`]; some may have been given before.
    fn each_object(
        &self,
        scope: &Scope<'_>,
        ids: &[ObjectId],
        take: &mut dyn FnMut(&ObjectId, Found),
    ) -> Result<(), RepositoryError>;

    /// The tag objects of these ids, in the order asked. `None` where the object is no tag or is not here.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn tag_objects(
        &self,
        scope: &Scope<'_>,
        ids: &[ObjectId],
    ) -> Result<Vec<Option<TagObject>>, RepositoryError> {
        let mut tags = Vec::with_capacity(ids.len());
        self.each_object(scope, ids, &mut |_, found| {
            tags.push(match found {
                Found::Tag(tag) => Some(*tag),
                Found::Commit | Found::Nothing => None,
            });
        })?;
        Ok(tags)
    }

    /// Writes a tag object; no ref names it yet.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn write_tag(&self, scope: &Scope<'_>, tag: &NewTag) -> Result<ObjectId, RepositoryError>;

    /// Writes a tag object with a signature of `signer` at its end; no ref names it yet.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn sign_tag(
        &self,
        scope: &Scope<'_>,
        tag: &NewTag,
        signer: &dyn TagSigner,
    ) -> Result<ObjectId, RepositoryError>;

    /// Pushes all `updates` or none, each only if the remote still holds what is expected, and reads the
    /// remote again to see how it ended: git's words and exit status do not decide.
    ///
    /// An id that the remote holds already counts as won: give each attempt a tag object of its own.
    ///
    /// # Errors
    /// [`RepositoryError::Git`] where the push was refused and the remote, read again, is unchanged;
    /// [`RepositoryError::Remote`] where the outcome is not known.
    fn swap(&self, scope: &Scope<'_>, updates: &[RefUpdate]) -> Result<Swap, RepositoryError>;

    /// Whether `ancestor` is reachable from `descendant`, a full ref name or an object id.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn is_ancestor(
        &self,
        scope: &Scope<'_>,
        ancestor: &CommitSha,
        descendant: &str,
    ) -> Result<bool, RepositoryError>;

    /// The commits that made the files below some paths what they are; see [`LogQuery`].
    ///
    /// Merges themselves are left out, and so is a side branch that changed nothing in the end because the
    /// merge threw its changes away or had them already (git-log(1), "History Simplification", default
    /// mode). Files are not followed when they are renamed: the commit that moves one from a path to
    /// another touches both.
    ///
    /// # Errors
    /// [`RepositoryError::Shallow`] in a clone without its history; [`RepositoryError::Unexpected`] for a
    /// path that is none of the repository, and for more commits than asked for.
    fn log(&self, scope: &Scope<'_>, query: &LogQuery<'_>) -> Result<Log, RepositoryError>;

    /// The commit that a full ref name, `HEAD` or an object id leads to; `None` if there is none.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn commit(&self, scope: &Scope<'_>, name: &str) -> Result<Option<Commit>, RepositoryError>;

    /// Every file of a commit, written into the empty folder `into`, as `git archive` gives them: no
    /// ignored, no uncommitted file can come along.
    ///
    /// # Errors
    /// See [`RepositoryError`].
    fn export(
        &self,
        scope: &Scope<'_>,
        commit: &CommitSha,
        into: &Path,
    ) -> Result<(), RepositoryError>;
}

/// A commit's head: who and when, and its tree's first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub sha: CommitSha,
    /// The committer's time: what reproducible builds use (`SOURCE_DATE_EPOCH`).
    pub time: Timestamp,
    /// `Name <mail>` of the author.
    pub author: String,
    /// First line of the message.
    pub subject: String,
}
