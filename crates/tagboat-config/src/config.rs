//! The checked configuration. In: nothing; [`crate::load`] makes it. Out: typed values that the other rooms'
//! requests are made from.

use std::collections::{BTreeMap, BTreeSet};

use tagboat_core::environment::Environment;
use tagboat_core::gate::GatePolicy;
use tagboat_core::ports::Architecture;
use tagboat_core::tag::{EnvironmentName, Environments};
use tagboat_core::version::ProjectPath;
use tagboat_deb::PackageName;

use crate::shape::build::{Artifacts, Gpg, LocalBuild, Mirrors, Release, Strategy, TddIntegration};
use crate::shape::gates::{QualityMetrics, Security, Validation};
use crate::shape::monitoring::{Logging, Monitoring};
use crate::shape::project::{Freeze, Hooks, LinkTarget, Ports, Target, Variables, VersionCheck};
use crate::value::{
    Argv, Branch, Dependency, Fingerprint, Homepage, HostPath, Maintainer, Mode, Priority, Remote,
    RepoPath, Section, Signer, Synopsis, UrlPath, Word,
};
use crate::variables::{EnvironmentVariables, MissingVariable};

/// Everything that the repository says. Every rule of SPEC that one tree of files can break holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The projects, in the order of the file; one at least.
    pub projects: Vec<Project>,
    /// The environments, in alphabetical order.
    pub environments: Vec<Environment>,
    /// What the files of each environment say of variables.
    pub variables: BTreeMap<EnvironmentName, EnvironmentVariables>,
    /// Environments whose deployments must be recorded in a signed ledger (SPEC V7).
    pub signed_ledgers: BTreeSet<EnvironmentName>,
    /// Keys that may sign ledgers, that of `gpg.signing.key_id` among them; where there is none, ledgers are not
    /// signed.
    pub ledger_signers: Vec<Signer>,
    /// Where packages come from.
    pub mirrors: Mirrors,
    /// The branch that releases come from.
    pub default_branch: Branch,
    /// The git remote that holds the tags.
    pub remote: Remote,
    /// The signed APT repository.
    pub publish: Publish,
    /// How packages of another architecture are built.
    pub strategy: Strategy,
    /// Whether both architectures are built at once on one machine.
    pub parallel_builds: bool,
    /// What is kept of what was built.
    pub artifacts: Artifacts,
    /// When and how a version is released.
    pub release: Release,
    /// Signing keys.
    pub gpg: Gpg,
    /// Builds on a developer's machine.
    pub local_build: LocalBuild,
    /// What runs before a commit and in a simulated pipeline.
    pub tdd_integration: TddIntegration,
    /// What is tried with every package.
    pub validation: Validation,
    /// What the pipeline must reach over time.
    pub quality_metrics: QualityMetrics,
    /// What is looked for in dependencies and sources.
    pub security: Security,
    /// What is measured, and who is told.
    pub monitoring: Monitoring,
    /// What is logged.
    pub logging: Logging,
}

impl Config {
    /// The project of this path.
    #[must_use]
    pub fn project(&self, path: &ProjectPath) -> Option<&Project> {
        self.projects.iter().find(|project| project.path == *path)
    }

    /// The environment of this name.
    #[must_use]
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == *name)
    }

    /// The required variables that an environment lacks for a project (SPEC E5).
    #[must_use]
    pub fn missing_variables(
        &self,
        project: &Project,
        environment: &Environment,
    ) -> Vec<MissingVariable> {
        let variables = self.variables.get(&environment.name);
        variables.map_or_else(Vec::new, |variables| variables.missing(project, environment))
    }

    /// The environments that tags may name.
    #[must_use]
    pub fn tag_environments(&self) -> Environments {
        Environments::new(self.environments.iter().map(|environment| environment.name.clone()))
    }
}

/// A project: one folder, one package, one line of versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Its folder, which is also the prefix of its tags.
    pub path: ProjectPath,
    /// Shared files and folders that count as its own.
    pub also: Vec<RepoPath>,
    /// Its package's name, from the configuration or from debian/control; no two projects share one.
    pub name: PackageName,
    /// What it is built for, one at least. A package for every architecture (`all`) is to be had on each.
    pub architectures: Vec<Architecture>,
    /// How its package is made.
    pub builder: Builder,
    /// Commands that test it, run in the repository's root.
    pub test: Vec<Argv>,
    /// Its systemd unit in the repository: the one it names, or the one that is found at
    /// `config/<name>.service` or in its `debian/` folder. `None` where it has none.
    pub unit: Option<RepoPath>,
    /// How it is deployed; `None` where it is built and released only.
    pub target: Option<Target>,
    /// Its two ports; `None` where it serves on one.
    pub ports: Option<Ports>,
    /// How its health is asked; there wherever `target` is.
    pub health: Option<Health>,
    /// What is run on a host around a deployment.
    pub hooks: Hooks,
    /// Branches whose versions may go to a protected environment, one at least.
    pub release_branches: Vec<Branch>,
    /// Keys of which one must have signed a version that goes to a protected environment; anybody's where
    /// there is none.
    pub signers: Vec<Signer>,
    /// When nothing is deployed.
    pub freeze: Vec<Freeze>,
    /// Variables that it takes.
    pub variables: Variables,
}

/// How a package is made (SPEC B3).
#[derive(Clone, Debug, PartialEq)]
pub enum Builder {
    /// Through dpkg-buildpackage.
    Debhelper {
        /// The folder that holds `control` and `rules`, relative to the repository's root.
        folder: RepoPath,
    },
    /// From a list of files.
    Staged(Box<Staged>),
}

/// What the staged builder packs.
#[derive(Clone, Debug, PartialEq)]
pub struct Staged {
    /// What the package is: its first line is the synopsis.
    pub description: Synopsis,
    /// Who answers for it.
    pub maintainer: Maintainer,
    /// Its section.
    pub section: Option<Section>,
    /// How much a system needs it.
    pub priority: Priority,
    /// Its web page.
    pub homepage: Option<Homepage>,
    /// What it takes to run, beside what its programs link against.
    pub dependencies: Vec<Dependency>,
    /// What it cannot be installed beside.
    pub conflicts: Vec<Dependency>,
    /// What it can stand for.
    pub provides: Vec<Dependency>,
    /// Commands that make the files, run in the repository's root.
    pub build: Vec<Argv>,
    /// Packages that the commands take.
    pub build_dependencies: Vec<Dependency>,
    /// What the package holds; no two stand at one path.
    pub files: Vec<StagedFile>,
    /// Those of them that an administrator may change.
    pub conffiles: Vec<HostPath>,
}

/// A file of a staged package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedFile {
    /// Where it is on a host.
    pub to: HostPath,
    /// What it is.
    pub content: StagedContent,
}

/// What a file of a staged package is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StagedContent {
    /// A file of the repository, committed or made by `build`.
    File {
        /// Which.
        from: RepoPath,
        /// Its permission bits.
        mode: Mode,
    },
    /// A symbolic link.
    Symlink {
        /// Where it leads.
        target: LinkTarget,
    },
    /// An empty folder.
    Directory {
        /// Its permission bits.
        mode: Mode,
    },
}

/// How a program's health is asked (SPEC D4).
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// The port: of the first slot, where it has two.
    pub port: u16,
    /// The path.
    pub path: UrlPath,
    /// Checks that must be up.
    pub critical: Vec<String>,
    /// Whether it must tell the expected version.
    pub version: VersionCheck,
    /// When it passes and when it fails.
    pub gate: GatePolicy,
}

/// The signed APT repository that `publish` writes (SPEC G2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The folder it is written to.
    pub folder: RepoPath,
    /// `Origin` of its Release file.
    pub origin: String,
    /// `Label` of its Release file.
    pub label: String,
    /// Its suite.
    pub suite: Word,
    /// Its components, one at least; packages go to the first.
    pub components: Vec<Word>,
    /// The key that signs it; without one nothing is published.
    pub key: Option<Fingerprint>,
}
