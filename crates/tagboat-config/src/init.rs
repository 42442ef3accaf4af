//! A first configuration. In: a repository's folder, and what the caller knows of machine and git. Out: files
//! that load, and explain themselves; nothing is written here.

mod adopt;
mod observe;
mod write;

use tagboat_core::ports::Architecture;
use tagboat_core::version::ProjectPath;
use tagboat_deb::PackageName;

use crate::value::{Branch, Maintainer, MirrorUri, Remote};

pub use adopt::{Adopted, Adoption, LeftAlone, ProjectName, plan_adoption};
pub use observe::observe;
pub use write::plan;

/// What a repository holds already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Projects with their own packaging, by path.
    pub projects: Vec<FoundProject>,
    /// A package's name made of the folder's, for a repository without packaging.
    pub name: Option<PackageName>,
    /// Files at the root that any package should hold: a readme, a licence.
    pub documents: Vec<String>,
    /// Files of a configuration that are there already, relative to the root.
    pub existing: Vec<String>,
    /// The folders below `environments/`.
    pub environments: Vec<String>,
    /// What was passed over: a folder, and why.
    pub skipped: Vec<(String, String)>,
}

/// A project with its own packaging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProject {
    /// Its folder.
    pub path: ProjectPath,
    /// The folder with its debian/control, relative to the root.
    pub packaging: String,
    /// Its package, from there.
    pub name: PackageName,
    /// What it is built for, from there.
    pub architectures: Vec<Architecture>,
}

/// What the caller knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The machine's Debian mirror, if it has one of its own.
    pub debian: Option<MirrorUri>,
    /// The machine's Ubuntu mirror, if it has one.
    pub ubuntu: Option<MirrorUri>,
    /// The branch that releases come from.
    pub default_branch: Branch,
    /// The remote that holds the tags.
    pub remote: Remote,
    /// Who answers for packages without packaging of their own.
    pub maintainer: Option<Maintainer>,
}

/// Files to be written, none of which exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which they are to be read.
    pub files: Vec<PlannedFile>,
    /// Files that are there already and stay as they are.
    pub kept: Vec<String>,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Where, relative to the root.
    pub path: String,
    /// Its text.
    pub text: String,
}

#[cfg(test)]
mod tests;
