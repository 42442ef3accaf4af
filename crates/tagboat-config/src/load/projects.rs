//! The projects. In: what build-config.yml says of each, and the files they name. Out: projects whose every
//! default is settled.

use std::collections::BTreeMap;

use tagboat_core::gate::GatePolicy;
use tagboat_core::ports::Architecture;
use tagboat_core::tag::{Environments, NameClash, clashes};
use tagboat_core::version::ProjectPath;
use tagboat_deb::PackageName;
use tagboat_deb::control::{Dialect, Paragraphs};

use super::environments::Settled;
use super::sheet::Sheet;
use crate::config::{Builder, Health, Project, Staged, StagedContent, StagedFile};
use crate::decode::{Here, Shape as _};
use crate::files::Files;
use crate::mistake::{Mistakes, code};
use crate::shape::build::BuildConfig;
use crate::shape::project::{
    BuilderKind, FileFields, FileKind, HealthFields, Hooks, PackageFields, Ports, ProjectFields,
    Variables,
};
use crate::value::{Branch, Mode, RepoPath};

/// What a project is checked against.
struct Surroundings<'a> {
    files: &'a Files,
    environments: Environments,
    default_branch: Branch,
}

/// Settles every project that is sound by itself, so that one misspelled key hides no other mistake. `None`
/// where a mistake was told.
pub(super) fn resolve(
    files: &Files,
    build: &mut Sheet<BuildConfig>,
    environments: &[Settled],
) -> Option<Vec<Project>> {
    let tree = build.tree.clone()?;
    let mistakes = &mut build.mistakes;
    let root = Here::of(&tree);
    // Told already where it is wrong; what is settled from a default is thrown away then.
    let mut told = Mistakes::of("", "");
    let branch = root.get("default_branch").and_then(|there| Branch::decode(there, &mut told));
    let around = Surroundings {
        files,
        environments: Environments::new(
            environments.iter().map(|settled| settled.environment.name.clone()),
        ),
        default_branch: branch.unwrap_or_else(|| Branch::of("main")),
    };
    let value = build.value.as_mut();
    let (sound, package) =
        value.map(|value| (value.projects.take(), value.package.take())).unwrap_or_default();
    let written: Vec<(Here<'_>, Option<ProjectFields>)> = match (root.get("projects"), sound) {
        (Some(list), Some(sound)) => list.items().zip(sound.into_iter().map(Some)).collect(),
        // Each by itself.
        (Some(list), None) => {
            list.items().map(|here| (here, ProjectFields::decode(here, &mut told))).collect()
        }
        (None, _) => {
            let read = |here| package.or_else(|| PackageFields::decode(here, &mut told));
            let here = root.get("package");
            here.map(|here| (here, read(here).map(single))).into_iter().collect()
        }
    };
    let mut names: BTreeMap<PackageName, usize> = BTreeMap::new();
    let mut projects = Some(Vec::new());
    for (here, fields) in written {
        let project = fields.and_then(|fields| settle(fields, here, &around, mistakes));
        let Some(project) = project else {
            projects = None;
            continue;
        };
        let span = here.get("package").unwrap_or(here).value("name");
        if let Some(line) = names.insert(project.name.clone(), span.line) {
            let message = format!("two projects make the package `{}`", project.name);
            mistakes.mistake(
                code::DUPLICATE,
                span,
                message,
                format!("the other is in line {line}"),
            );
        }
        if let Some(projects) = &mut projects {
            projects.push(project);
        }
    }
    projects
}

/// Seed 000's `package` at the top: the one project of a repository.
fn single(package: PackageFields) -> ProjectFields {
    ProjectFields {
        path: ProjectPath::root(),
        also: Vec::new(),
        package: Some(package),
        builder: Some(BuilderKind::Debhelper),
        build: None,
        build_dependencies: None,
        files: None,
        conffiles: None,
        test: Vec::new(),
        unit: None,
        target: None,
        ports: None,
        health: None,
        hooks: Hooks::none(),
        release_branches: None,
        signers: Vec::new(),
        freeze: Vec::new(),
        variables: Variables::none(),
    }
}

fn settle(
    mut fields: ProjectFields,
    here: Here<'_>,
    around: &Surroundings<'_>,
    mistakes: &mut Mistakes,
) -> Option<Project> {
    tell_clashes(&fields.path, here, around, mistakes);
    tell_unknown_environments(&fields, here, around, mistakes);
    let package = fields.package.take();
    let made = match builder_of(&fields, package.is_some(), here, around, mistakes)? {
        BuilderKind::Debhelper => debhelper(&fields.path, package, here, around, mistakes),
        BuilderKind::Staged => staged(&mut fields, package),
    };
    let Made { name, architectures, builder } = made?;
    let unit = unit_of(&fields, &name, &builder, here, around, mistakes);
    let health = match fields.health {
        None => None,
        // Told already where there is no port.
        Some(asked) => Some(health_of(asked, fields.ports.as_ref())?),
    };
    Some(Project {
        path: fields.path,
        also: fields.also,
        name,
        architectures,
        builder,
        test: fields.test,
        unit,
        target: fields.target,
        ports: fields.ports,
        health,
        hooks: fields.hooks,
        release_branches: fields
            .release_branches
            .unwrap_or_else(|| vec![around.default_branch.clone()]),
        signers: fields.signers,
        freeze: fields.freeze,
        variables: fields.variables,
    })
}

fn tell_clashes(
    path: &ProjectPath,
    here: Here<'_>,
    around: &Surroundings<'_>,
    mistakes: &mut Mistakes,
) {
    for clash in clashes([path], &around.environments, []) {
        let (message, label) = match clash {
            NameClash::Environment { environment, .. } => (
                format!("a project's path holds the name of the environment `{environment}`"),
                "git cannot hold its tags beside the environment's tag",
            ),
            NameClash::Version { component, .. } => (
                format!("a project's path holds `{component}`, which reads like a version"),
                "nobody could tell its tags from version tags",
            ),
            NameClash::Prerelease { .. } => continue,
        };
        mistakes.mistake(code::NAME_CLASH, here.value("path"), message, label);
    }
}

fn tell_unknown_environments(
    fields: &ProjectFields,
    here: Here<'_>,
    around: &Surroundings<'_>,
    mistakes: &mut Mistakes,
) {
    let Some(list) = here.get("freeze") else { return };
    for (freeze, there) in fields.freeze.iter().zip(list.items()) {
        let Some(names) = there.get("environments") else { continue };
        for (name, there) in freeze.environments.iter().zip(names.items()) {
            if !around.environments.is_configured(name) {
                let message = format!("there is no environment `{name}`");
                let label = format!("expected a folder environments/{name}");
                mistakes.mistake(code::BAD_VALUE, there.span(), message, label);
            }
        }
    }
}

/// The builder a project names, or else debhelper where there is a debian/control.
fn builder_of(
    fields: &ProjectFields,
    has_package: bool,
    here: Here<'_>,
    around: &Surroundings<'_>,
    mistakes: &mut Mistakes,
) -> Option<BuilderKind> {
    if fields.builder.is_some() {
        return fields.builder;
    }
    let staged = fields.files.is_some() || fields.build.is_some() || fields.conffiles.is_some();
    if !staged && debian_folder(&fields.path, around.files).is_some() {
        return Some(BuilderKind::Debhelper);
    }
    let label = if staged || has_package {
        "expected `builder: staged` here"
    } else {
        "expected `builder` here: `debhelper`, with a debian/control, or `staged`"
    };
    mistakes.mistake(code::MISSING_KEY, here.head, "`builder` is missing", label);
    None
}

/// What a builder says of a package.
struct Made {
    name: PackageName,
    architectures: Vec<Architecture>,
    builder: Builder,
}

fn debhelper(
    path: &ProjectPath,
    package: Option<PackageFields>,
    here: Here<'_>,
    around: &Surroundings<'_>,
    mistakes: &mut Mistakes,
) -> Option<Made> {
    let Some(folder) = debian_folder(path, around.files) else {
        let (packaging, debian) = (path.join("packaging/debian"), path.join("debian"));
        let message = format!("there is neither {packaging}/control nor {debian}/control");
        let label = "the debhelper builder reads one of them";
        mistakes.mistake(code::MISSING_FILE, here.value("builder"), message, label);
        return None;
    };
    let file = format!("{}/control", folder.as_str());
    let control = match read_control(around.files, &file) {
        Ok(control) => control,
        Err(why) => {
            let message = format!("{file} cannot be read: {why}");
            let label = "the debhelper builder reads it";
            mistakes.mistake(code::UNREADABLE, here.value("builder"), message, label);
            return None;
        }
    };
    let (name, architectures) = match package {
        Some(package) => {
            if !control.names.contains(&package.name) {
                let there = here.get("package").unwrap_or(here);
                let names: Vec<&str> = control.names.iter().map(PackageName::as_str).collect();
                let message = format!("{file} makes no package `{}`", package.name);
                let label = format!("expected {}", crate::decode::listed(names.into_iter()));
                mistakes.mistake(code::BAD_VALUE, there.value("name"), message, label);
            }
            (package.name, package.architecture)
        }
        None => (control.names.into_iter().next()?, control.architectures),
    };
    Some(Made { name, architectures, builder: Builder::Debhelper { folder } })
}

/// The folder with the project's own packaging (SPEC B3).
pub(crate) fn debian_folder(path: &ProjectPath, files: &Files) -> Option<RepoPath> {
    ["debian", "packaging/debian"]
        .iter()
        .map(|folder| path.join(folder))
        .find(|folder| files.has(&format!("{folder}/control")))
        .map(RepoPath::sound)
}

/// What a debian/control says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    /// Its packages, one at least; the first is the project's.
    pub(crate) names: Vec<PackageName>,
    /// What the first is built for.
    pub(crate) architectures: Vec<Architecture>,
}

/// Reads a debian/control.
pub(crate) fn read_control(files: &Files, path: &str) -> Result<Control, String> {
    let bytes = files.read(path).map_err(|error| error.to_string())?.unwrap_or_default();
    let mut names = Vec::new();
    let mut architectures = Vec::new();
    for paragraph in Paragraphs::new(bytes.as_slice(), Dialect::Source) {
        let paragraph = paragraph.map_err(|error| error.to_string())?;
        let Some(name) = paragraph.get("Package") else { continue };
        if names.is_empty() {
            // `any`, `linux-any` and `all` are to be had on each (Policy 5.6.8).
            let words = paragraph.get("Architecture").unwrap_or("any");
            let all = words.split_whitespace().any(|word| word == "all" || word.ends_with("any"));
            architectures = Architecture::ALL
                .into_iter()
                .filter(|one| all || words.split_whitespace().any(|word| word == one.debian()))
                .collect();
            if architectures.is_empty() {
                return Err(format!("`{name}` is for neither amd64 nor arm64"));
            }
        }
        names.push(PackageName::parse(name).map_err(|error| error.to_string())?);
    }
    if names.is_empty() {
        return Err("it names no package".to_owned());
    }
    Ok(Control { names, architectures })
}

/// `None` where what is missing was told while the project was decoded.
fn staged(fields: &mut ProjectFields, package: Option<PackageFields>) -> Option<Made> {
    let package = package?;
    let files = fields.files.take()?;
    let staged = Staged {
        description: package.description?,
        maintainer: package.maintainer?,
        section: package.section,
        priority: package.priority,
        homepage: package.homepage,
        dependencies: package.dependencies,
        conflicts: package.conflicts,
        provides: package.provides,
        build: fields.build.take().unwrap_or_default(),
        build_dependencies: fields.build_dependencies.take().unwrap_or_default(),
        files: files.into_iter().map(staged_file).collect::<Option<_>>()?,
        conffiles: fields.conffiles.take().unwrap_or_default(),
    };
    Some(Made {
        name: package.name,
        architectures: package.architecture,
        builder: Builder::Staged(Box::new(staged)),
    })
}

fn staged_file(file: FileFields) -> Option<StagedFile> {
    let content = match file.kind {
        FileKind::File => {
            StagedContent::File { from: file.from?, mode: file.mode.unwrap_or(Mode::PLAIN) }
        }
        FileKind::Symlink => StagedContent::Symlink { target: file.target? },
        FileKind::Directory => {
            StagedContent::Directory { mode: file.mode.unwrap_or(Mode::PROGRAM) }
        }
    };
    Some(StagedFile { to: file.to, content })
}

fn unit_of(
    fields: &ProjectFields,
    name: &PackageName,
    builder: &Builder,
    here: Here<'_>,
    around: &Surroundings<'_>,
    mistakes: &mut Mistakes,
) -> Option<RepoPath> {
    if let Some(unit) = &fields.unit {
        if !around.files.has(unit.as_str()) {
            let message = format!("there is no {unit}");
            let label = "expected a systemd unit of the repository";
            mistakes.mistake(code::MISSING_FILE, here.value("unit"), message, label);
        }
        return Some(unit.clone());
    }
    let usual = format!("config/{name}.service");
    let mut places = vec![usual.clone()];
    if let Builder::Debhelper { folder } = builder {
        // dh_installsystemd(1) looks for these.
        places.push(format!("{folder}/{name}.service"));
        places.push(format!("{folder}/service"));
    }
    let found = places.into_iter().find(|place| around.files.has(place)).map(RepoPath::sound);
    if found.is_none() && fields.target.is_some() {
        let message = format!("`{name}` is deployed, and there is no {usual}");
        let label = "expected a systemd unit there, or `unit` beside this";
        mistakes.mistake(code::MISSING_FILE, here.key("target"), message, label);
    }
    found
}

fn health_of(asked: HealthFields, ports: Option<&Ports>) -> Option<Health> {
    let port = asked.port.or(ports.map(|ports| ports.blue))?;
    Some(Health {
        port: port.get(),
        path: asked.path,
        critical: asked.critical.iter().map(ToString::to_string).collect(),
        version: asked.version,
        gate: GatePolicy {
            interval: asked.interval_seconds.duration(),
            answer_within: asked.answer_within_seconds.duration(),
            start_within: asked.start_within_seconds.duration(),
            passes: asked.passes.get(),
            failures: asked.failures.get(),
        },
    })
}
