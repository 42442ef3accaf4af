//! Clean Debian roots. In: what must be in one. Out: a throw-away copy of it to run or boot.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{RunError, Runner, Scope};

/// A Debian architecture that Tagboat builds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// AArch64: Raspberry Pi 4 and 5, ARM servers.
    Arm64,
}

impl Architecture {
    /// Every one, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// Debian's word: `amd64`.
    #[must_use]
    pub const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// GNU's triplet, as cross compilers are called: `aarch64-linux-gnu`.
    #[must_use]
    pub const fn gnu(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-linux-gnu",
            Self::Arm64 => "aarch64-linux-gnu",
        }
    }

    /// Reads Debian's word.
    #[must_use]
    pub fn from_debian(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|architecture| architecture.debian() == word)
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.debian())
    }
}

/// Where packages come from, in the words of sources.list(5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mirror {
    /// `http://deb.debian.org/debian`.
    pub uri: String,
    /// `bookworm`.
    pub suite: String,
    /// `main`.
    pub components: Vec<String>,
}

/// What a root must hold. Equal specs with an equal state of the mirror give the same root.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RootSpec {
    /// Whose programs it runs.
    pub architecture: Architecture,
    /// Architectures whose packages can be installed beside, for cross building.
    pub foreign: Vec<Architecture>,
    /// The first names the suite of the root; all are in its sources (security, updates).
    pub mirrors: Vec<Mirror>,
    /// Packages beyond the essential ones and apt, with `:arm64` where they are foreign.
    pub packages: Vec<String>,
    /// Build dependencies, resolved as apt-get(8) `build-dep` does; installed after `packages`.
    pub build_depends: Option<BuildDepends>,
}

/// The build dependencies of a source package.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BuildDepends {
    /// The text of a `debian/control`; its first paragraph's `Build-Depends`, `-Arch` and `-Indep` count.
    pub control: String,
    /// What is built for (`apt-get build-dep --host-architecture`): when it is not the root's own, build
    /// dependencies are chosen for cross building.
    pub host: Architecture,
}

/// Whether what runs in a root can reach anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The machine's own network: to install packages.
    Shared,
    /// Loopback only: to build and to run what was built.
    Loopback,
}

/// Whether a bound folder can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It cannot.
    ReadOnly,
    /// It can.
    ReadWrite,
}

/// A folder of this machine, seen inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Here.
    pub from: PathBuf,
    /// There, absolute.
    pub to: String,
    /// How.
    pub access: Access,
}

/// Why there is no root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootError {
    /// A tool is missing; the text names it and its Debian package.
    Missing(String),
    /// It takes root's rights, which this process has not.
    NotRoot,
    /// A package could not be installed: the last lines that apt or mmdebstrap said.
    Packages(String),
    /// It did not boot within this time; the text is the end of its console.
    Boot(Duration, String),
    /// A program could not be run.
    Run(RunError),
    /// The operating system refused something.
    Io(String),
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(tool) => write!(f, "{tool} is missing on this machine"),
            Self::NotRoot => f.write_str("making a clean root takes root's rights"),
            Self::Packages(said) => write!(f, "its packages could not be installed: {said}"),
            Self::Boot(after, said) => {
                write!(f, "it did not boot within {} s: {said}", after.as_secs())
            }
            Self::Run(error) => write!(f, "a program could not be run: {error}"),
            Self::Io(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for RootError {}

/// Makes clean roots, and keeps them by the hash of what made them.
pub trait Roots: Sync {
    /// A throw-away layer over the root of this spec, which is made if it is not kept yet. What is written
    /// there vanishes when it is dropped; binds stay what they are.
    ///
    /// # Errors
    /// See [`RootError`].
    fn open(
        &self,
        scope: &Scope<'_>,
        spec: &RootSpec,
        binds: &[Bind],
    ) -> Result<Box<dyn Root>, RootError>;
}

/// An open root.
pub trait Root: Send + Sync {
    /// Its files, as this machine sees them.
    fn path(&self) -> &Path;

    /// Runs programs in it, as root, nothing else running there.
    fn runner(&self, network: Network) -> Box<dyn Runner + '_>;

    /// Boots it: systemd as its first process, loopback only, until `multi-user.target` is reached.
    ///
    /// # Errors
    /// [`RootError::Boot`] where that takes longer than `patience`.
    fn boot(
        &self,
        scope: &Scope<'_>,
        patience: Duration,
    ) -> Result<Box<dyn Booted + '_>, RootError>;
}

/// A booted root; dropping it switches it off.
pub trait Booted: Send + Sync {
    /// Runs programs in it, as root, beside its services.
    fn runner(&self) -> Box<dyn Runner + '_>;
}
