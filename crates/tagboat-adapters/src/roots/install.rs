//! What is installed over a base. In: a spec. Out: its packages, and over them its build dependencies, installed;
//! and the words that name them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use tagboat_core::command::Command;
use tagboat_core::ports::{
    Access, Architecture, Bind, BuildDepends, Network, RootError, RootSpec, Runner as _, Scope,
};

use super::kept::{MAKING, SHOWN, last_lines, write_etc};
use super::layer::Layer;
use super::{mirrors, nspawn, refused};
use crate::process::LocalRunner;

/// Where the source is seen while its build dependencies are installed: on a tmpfs, so that it leaves nothing.
const SOURCE: &str = "/run/source";

/// The fields of a source paragraph that `apt-get build-dep` reads (Debian Policy 7.7).
const BUILD_FIELDS: [&str; 6] = [
    "Build-Depends",
    "Build-Depends-Arch",
    "Build-Depends-Indep",
    "Build-Conflicts",
    "Build-Conflicts-Arch",
    "Build-Conflicts-Indep",
];

/// What one layer adds to those below. Build dependencies have one of their own: the compilers below them are
/// the same for every source.
pub(super) enum Addition<'a> {
    /// Architectures, and packages of all of them.
    Packages(&'a [Architecture], &'a [String]),
    /// Whatever building a source takes.
    BuildDepends(&'a BuildDepends),
}

impl<'a> Addition<'a> {
    /// What `spec` adds to its base, the lowest first.
    pub(super) fn of(spec: &'a RootSpec) -> Vec<Self> {
        let mut additions = Vec::new();
        if !spec.packages.is_empty() || !spec.foreign.is_empty() {
            additions.push(Self::Packages(&spec.foreign, &spec.packages));
        }
        additions.extend(spec.build_depends.as_ref().map(Self::BuildDepends));
        additions
    }

    /// It in words, by which it is kept.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Packages(foreign, packages) => {
                let mut packages = packages.to_vec();
                packages.sort();
                packages.dedup();
                format!("packages {}\n{}\n", mirrors::words(foreign), packages.join("\n"))
            }
            Self::BuildDepends(build) => {
                format!("build-depends {}\n{}", build.host, source_paragraph(build))
            }
        }
    }
}

/// Installs it in `layer`, and leaves no trace of how.
pub(super) fn install(
    runner: &LocalRunner,
    scope: &Scope<'_>,
    addition: &Addition<'_>,
    layer: &Arc<Layer>,
) -> Result<(), RootError> {
    // invoke-rc.d(8): nothing is started while packages are installed.
    let policy = layer.root().join("usr/sbin/policy-rc.d");
    fs::write(&policy, "#!/bin/sh\nexit 101\n").map_err(refused(&policy))?;
    fs::set_permissions(&policy, Permissions::from_mode(0o755)).map_err(refused(&policy))?;
    let run = |binds: &[Bind], command: Command| {
        let inside = nspawn::Inside { runner, layer, binds, network: Network::Shared };
        let command = command.env("DEBIAN_FRONTEND", "noninteractive").timeout(MAKING);
        let output = inside.run(scope, &command).map_err(RootError::Run)?;
        if output.success() {
            return Ok(());
        }
        Err(RootError::Packages(last_lines(&output, SHOWN)))
    };
    let apt = || Command::new("apt-get").args(["--quiet", "--yes", "--no-install-recommends"]);
    match addition {
        Addition::Packages(foreign, packages) => {
            for foreign in *foreign {
                run(&[], Command::new("dpkg").args(["--add-architecture", foreign.debian()]))?;
            }
            if !foreign.is_empty() {
                run(&[], apt().arg("update"))?;
            }
            run(&[], apt().args(["install", "--"]).args(packages.iter()))?;
        }
        Addition::BuildDepends(build) => {
            let folder = tempfile::tempdir().map_err(refused(Path::new("a temporary folder")))?;
            let debian = folder.path().join("debian");
            fs::create_dir(&debian).map_err(refused(&debian))?;
            let control = debian.join("control");
            fs::write(&control, source_paragraph(build)).map_err(refused(&control))?;
            let bind = Bind {
                from: folder.path().to_owned(),
                to: SOURCE.to_owned(),
                access: Access::ReadOnly,
            };
            let host = format!("--host-architecture={}", build.host);
            run(&[bind], apt().args(["build-dep", &host, SOURCE]))?;
        }
    }
    run(&[], apt().arg("clean"))?;
    fs::remove_file(&policy).map_err(refused(&policy))?;
    write_etc(layer.root(), "machine-id", "")
}

/// A source paragraph with nothing but its build fields: what else changes in a `debian/control` needs no new
/// root (deb822(5): a field goes on in lines that begin with a blank; `#` begins a comment).
fn source_paragraph(build: &BuildDepends) -> String {
    let mut kept = String::from("Source: source\n");
    let mut inside = false;
    let text = build.control.lines().map(str::trim_end).filter(|line| !line.starts_with('#'));
    for line in text.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()) {
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next().unwrap_or_default();
            inside = BUILD_FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name));
        }
        if inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_build_fields_of_the_first_paragraph_name_a_root() {
        let control = "\n# a comment\nSource: api\nBuild-Depends: debhelper-compat (= 13),\n# another\n libfoo-dev\n\
                       Maintainer: Bob\nbuild-depends-indep: python3\n\nPackage: api\nBuild-Depends: no\n";
        let build = BuildDepends { control: control.to_owned(), host: Architecture::Arm64 };
        assert_eq!(
            source_paragraph(&build),
            "Source: source\nBuild-Depends: debhelper-compat (= 13),\n libfoo-dev\nbuild-depends-indep: python3\n"
        );
    }
}
