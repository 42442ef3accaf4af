//! Looks at the world. In: a request. Out: the facts that the plan is made from: this machine, the project's
//! Debian packaging and its unit, as they stand in the commit. Nothing but the work folder is touched.

use std::fs;
use std::io;
use std::path::Path;

use tagboat_core::diagnostic::Result;
use tagboat_core::ports::{Architecture, Repository, Scope};
use tagboat_core::version::ProjectPath;
use tagboat_deb::{Dialect, PackageName, Paragraph, Paragraphs};

use crate::inside::{self, Astray};
use crate::refusal;
use crate::request::{Builder, Request};
use crate::strategy::Machine;

/// What the plan relies on. A commit never changes, so these facts do not either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// This machine.
    pub machine: Machine,
    /// The project's own Debian packaging, for a debhelper project.
    pub packaging: Option<Packaging>,
    /// The service's unit, where the project has one.
    pub unit: Option<UnitFile>,
}

/// A systemd unit of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFile {
    /// Its path from the repository's root.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A project's own Debian packaging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packaging {
    /// Where it lies in the project.
    pub place: PackagingPlace,
    /// The text of its `control`.
    pub control: String,
    /// `Source`.
    pub source: PackageName,
    /// `Maintainer`.
    pub maintainer: String,
    /// Whether `debian/rules` can do without root's rights.
    pub rights: Rights,
    /// The binary packages with their `Architecture`, in order; at least one.
    pub packages: Vec<(PackageName, String)>,
    /// Its changelog, where it has one.
    pub changelog: Option<String>,
    /// Whether it brings a unit for its first package.
    pub own_unit: OwnUnit,
}

/// Where a project keeps its Debian packaging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackagingPlace {
    /// In `debian/`, where dpkg-buildpackage looks.
    Debian,
    /// In `packaging/debian/`.
    PackagingDebian,
}

impl PackagingPlace {
    /// The folder, from the project's.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::PackagingDebian => "packaging/debian",
        }
    }
}

/// `Rules-Requires-Root` (deb-src-control(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// `no`.
    Nobody,
    /// Anything else, and where the field is missing.
    Root,
}

/// Whether the packaging has a unit for its first package (dh_installsystemd(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnUnit {
    /// It has.
    Present,
    /// It has not.
    Absent,
}

/// Reads what the plan needs.
///
/// # Errors
/// `build::work-folder`, `build::export-failed`, `build::no-packaging`, `build::bad-packaging`,
/// `build::missing-unit`, `build::bad-path`, `build::write-failed`.
pub fn observe(scope: &Scope<'_>, repository: &dyn Repository, request: &Request) -> Result<Facts> {
    let tree = request.work.join("observed");
    prepare(&request.work)?;
    fs::create_dir(&tree).map_err(|error| refusal::write_failed(&tree, &error))?;
    let exported = repository.export(scope, &request.commit.sha, &tree);
    let facts = exported
        .map_err(|error| refusal::export_failed(&error))
        .and_then(|()| observe_tree(&tree, request, this_machine()));
    // A plan that is only looked at leaves nothing behind.
    let work = &request.work;
    fs::remove_dir_all(work).map_err(|error| refusal::write_failed(work, &error))?;
    facts
}

fn prepare(work: &Path) -> Result<()> {
    let refused = |error: io::Error| refusal::write_failed(work, &error);
    fs::create_dir_all(work).map_err(refused)?;
    if work.to_str().is_none() {
        return Err(refusal::bad_path(&work.display().to_string(), "it is not UTF-8"));
    }
    if fs::read_dir(work).map_err(refused)?.next().is_some() {
        let message = format!("the work folder {} is not empty", work.display());
        let help = "remove it, if no other build uses it";
        return Err(Box::new(refusal::refuse("build::work-folder", message).help(help)));
    }
    Ok(())
}

/// The facts of a tree that has the commit's files.
fn observe_tree(tree: &Path, request: &Request, machine: Machine) -> Result<Facts> {
    let packaging = match &request.project.builder {
        Builder::Debhelper => Some(observe_packaging(tree, &request.project.path)?),
        Builder::Staged(_) => None,
    };
    let package = match (&request.project.builder, &packaging) {
        (Builder::Staged(staged), _) => staged.package.name.as_str(),
        (Builder::Debhelper, Some(packaging)) => packaging.packages[0].0.as_str(),
        (Builder::Debhelper, None) => "",
    };
    let unit = observe_unit(tree, request.project.unit.as_deref(), package)?;
    Ok(Facts { machine, packaging, unit })
}

/// The kernel says what it runs: binfmt_misc, Documentation/admin-guide/binfmt-misc.rst of Linux. Flag F means
/// that the interpreter can be opened from inside a root.
fn this_machine() -> Machine {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => Architecture::Arm64,
        _ => Architecture::Amd64,
    };
    let emulated = |target: &Architecture| {
        let cpu = match target {
            Architecture::Amd64 => "x86_64",
            Architecture::Arm64 => "aarch64",
        };
        let entry = format!("/proc/sys/fs/binfmt_misc/qemu-{cpu}");
        fs::read_to_string(entry).is_ok_and(|text| {
            text.starts_with("enabled")
                && text.lines().any(|line| line.starts_with("flags:") && line.contains('F'))
        })
    };
    let others = Architecture::ALL.into_iter().filter(|target| *target != architecture);
    Machine { architecture, emulates: others.filter(emulated).collect() }
}

fn observe_unit(tree: &Path, named: Option<&str>, package: &str) -> Result<Option<UnitFile>> {
    let default = format!("config/{package}.service");
    let path = named.unwrap_or(&default);
    inside::check_relative(path).map_err(|why| refusal::bad_path(path, why))?;
    match (read(tree, path)?, named) {
        (Some(text), _) => Ok(Some(UnitFile { path: path.to_owned(), text })),
        (None, None) => Ok(None),
        (None, Some(_)) => {
            let message = format!("the unit {path:?} is not in the commit");
            let help = "commit it, or correct `unit`; paths start at the repository's root";
            Err(Box::new(refusal::refuse("build::missing-unit", message).help(help)))
        }
    }
}

fn observe_packaging(tree: &Path, project: &ProjectPath) -> Result<Packaging> {
    for place in [PackagingPlace::Debian, PackagingPlace::PackagingDebian] {
        let folder = project.join(place.folder());
        if let Some(control) = read(tree, &format!("{folder}/control"))? {
            let file = |name: &str| read(tree, &format!("{folder}/{name}"));
            if file("rules")?.is_none() {
                return Err(refusal::bad_packaging(&format!("{folder}/rules"), "it is missing"));
            }
            let parsed = parse_control(&control);
            let parsed =
                parsed.map_err(|why| refusal::bad_packaging(&format!("{folder}/control"), why))?;
            let (source, maintainer, rights, packages) = parsed;
            let first = &packages[0].0;
            // dh_installsystemd(1) takes `debian/service` for the first package as well.
            let own = file(&format!("{first}.service"))?.or(file("service")?);
            return Ok(Packaging {
                place,
                source,
                maintainer,
                rights,
                changelog: file("changelog")?,
                own_unit: if own.is_some() { OwnUnit::Present } else { OwnUnit::Absent },
                packages,
                control,
            });
        }
    }
    let message = format!("the project {project} has no Debian packaging");
    let wanted = project.join("packaging/debian/control");
    let help = format!("commit {wanted}, or set `builder: staged`");
    Err(Box::new(refusal::refuse("build::no-packaging", message).help(help)))
}

type Parsed = (PackageName, String, Rights, Vec<(PackageName, String)>);

fn parse_control(text: &str) -> Result<Parsed, String> {
    let told = |error: tagboat_deb::Error| error.to_string();
    let paragraphs = Paragraphs::new(text.as_bytes(), Dialect::Source);
    let paragraphs: Vec<Paragraph> = paragraphs.collect::<Result<_, _>>().map_err(told)?;
    let (source, binaries) = paragraphs.split_first().ok_or("there is no paragraph")?;
    let name = PackageName::parse(source.required("Source").map_err(told)?).map_err(told)?;
    let maintainer = source.required("Maintainer").map_err(told)?.to_owned();
    tagboat_deb::changelog::check_maintainer(&maintainer).map_err(told)?;
    let rights = match source.get("Rules-Requires-Root") {
        Some("no") => Rights::Nobody,
        Some(_) | None => Rights::Root,
    };
    let package = |paragraph: &Paragraph| {
        let name = PackageName::parse(paragraph.required("Package")?)?;
        Ok((name, paragraph.required("Architecture")?.to_owned()))
    };
    let packages: Vec<_> = binaries.iter().map(package).collect::<Result<_, _>>().map_err(told)?;
    if packages.is_empty() {
        return Err("there is no binary package".to_owned());
    }
    Ok((name, maintainer, rights, packages))
}

fn read(tree: &Path, path: &str) -> Result<Option<String>> {
    inside::read_text(tree, path).map_err(|astray| match astray {
        Astray::Outside => refusal::outside_tree(path),
        Astray::Missing => refusal::bad_packaging(path, "it is missing"),
        Astray::Io(error) => refusal::bad_packaging(path, error.to_string()),
    })
}
