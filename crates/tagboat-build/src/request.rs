//! What is asked for. In: the configuration and the command line, already read by the front door. Out: plain
//! values that the plan is made from.

use std::path::PathBuf;

use tagboat_core::ports::{Architecture, Commit, Mirror};
use tagboat_core::version::{ProjectPath, Version};

use crate::strategy::StrategyChoice;

/// Everything that one build of one project depends on.
#[derive(Clone, Debug)]
pub struct Request {
    /// The project.
    pub project: ProjectPlan,
    /// The version that its tags give. `None` is for debhelper projects alone: their own changelog then says
    /// the version, and is left as it is.
    pub version: Option<Version>,
    /// The commit to build. Its time dates everything that is made.
    pub commit: Commit,
    /// The branch it was reached by, for the record; `None` for a detached commit.
    pub branch: Option<String>,
    /// Who builds, for the record: `github-actions`, `local`.
    pub builder_name: String,
    /// Where packages come from; the first names the suite to build in.
    pub mirrors: Vec<Mirror>,
    /// What to build for; each must be one that the project is made for.
    pub architectures: Vec<Architecture>,
    /// Native, cross or emulated.
    pub strategy: StrategyChoice,
    /// One architecture after the other, or side by side.
    pub parallel: Parallel,
    /// The folder that receives the .deb files.
    pub out: PathBuf,
    /// The folder that receives one log a build.
    pub logs: PathBuf,
    /// A folder of this run alone: empty, or not there yet. Its path is UTF-8.
    pub work: PathBuf,
    /// What becomes of `work`.
    pub leftovers: Leftovers,
}

/// How architectures follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parallel {
    /// All at once, each in a root and a folder of its own.
    Parallel,
    /// The first failure ends the run.
    #[default]
    OneAfterAnother,
}

/// What becomes of the trees in which was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leftovers {
    /// They are removed once the packages are there; after a failure they stay, to be looked at.
    #[default]
    RemoveOnSuccess,
    /// They stay.
    Keep,
}

/// A project, as its entry in `build-config.yml` describes it.
#[derive(Clone, Debug)]
pub struct ProjectPlan {
    /// Its folder in the repository.
    pub path: ProjectPath,
    /// The unit file, from the repository's root. `None`: `config/<package>.service`, where git has it.
    pub unit: Option<String>,
    /// Its build-time variables and their values (SPEC E5). They are no secrets: plan and log show them.
    pub variables: Vec<(String, String)>,
    /// How it becomes packages.
    pub builder: Builder,
}

/// The two builders (SPEC B3).
#[derive(Clone, Debug)]
pub enum Builder {
    /// The project's own Debian packaging, through dpkg-buildpackage.
    Debhelper,
    /// Commands, then a list of files, packed without debhelper and without root's rights.
    Staged(Box<Staged>),
}

/// A project that is packed from a list.
#[derive(Clone, Debug)]
pub struct Staged {
    /// What the package says about itself.
    pub package: PackagePlan,
    /// The commands, each an argument list; started in the repository's root. `${NAME}` stands for one of
    /// [`crate::variables`].
    pub build: Vec<Vec<String>>,
    /// Packages that the commands need, as in `Build-Depends` (Debian Policy 7.1): apt chooses between the
    /// machine's and the target's as it does for any cross build; `:any` and `:native` say otherwise.
    pub build_dependencies: Vec<String>,
    /// What goes into the package.
    pub files: Vec<StagedFile>,
    /// Absolute paths in the package that dpkg treats as configuration; all below `/etc` are anyway, as
    /// with debhelper (dh_installdeb(1)).
    pub conffiles: Vec<String>,
}

/// The control fields of a staged package (Debian Policy 5.3), as people write them.
#[derive(Clone, Debug)]
pub struct PackagePlan {
    /// `Package`.
    pub name: String,
    /// First line of `Description`.
    pub synopsis: String,
    /// The rest of `Description`: paragraphs divided by empty lines.
    pub extended: String,
    /// `Section`.
    pub section: String,
    /// `Priority`; `optional`, unless there is a reason.
    pub priority: String,
    /// `Maintainer`: `Name <mail@example.org>`.
    pub maintainer: String,
    /// `Homepage`.
    pub homepage: Option<String>,
    /// `Depends` beyond the libraries, which are found from the programs.
    pub depends: Vec<String>,
    /// `Conflicts`.
    pub conflicts: Vec<String>,
    /// `Provides`.
    pub provides: Vec<String>,
    /// What it is made for.
    pub architectures: Architectures,
}

/// The architectures of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Architectures {
    /// One package for each of these.
    Each(Vec<Architecture>),
    /// One package for all: it holds no machine code.
    All,
}

/// One entry of the list of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedFile {
    /// Where it is after the build, from the repository's root; the target of a [`StagedKind::Symlink`];
    /// not looked at for a [`StagedKind::Directory`].
    pub from: String,
    /// Where it is installed: absolute.
    pub to: String,
    /// Its permissions, such as 0o755. `None`: 0755 for what can be executed and for folders, else 0644.
    pub mode: Option<u32>,
    /// What it is.
    pub kind: StagedKind,
}

/// What an entry of the list of files stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StagedKind {
    /// One file.
    #[default]
    File,
    /// A folder with all that is in it.
    Tree,
    /// An empty folder.
    Directory,
    /// A symbolic link to `from`, absolute or relative to the link's folder.
    Symlink,
}
