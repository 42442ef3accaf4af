//! Projects that are packed from a list of files. In: the list, the package's fields, a version. Out: the steps
//! that build as an unprivileged user and pack without debhelper; or which entry is wrong, before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Diagnostic, Result, bug};
use tagboat_core::ports::Architecture;
use tagboat_deb::description::Description;
use tagboat_deb::tar::SetId;
use tagboat_deb::{DebianVersion, PackageName, Paragraph};

use crate::debhelper::render_entry;
use crate::inside::check_relative;
use crate::observe::Facts;
use crate::plan::{
    Attempt, BUILD_TIMEOUT, Flags, Form, Packing, Plan, PlannedFile, Programs, STEP_TIMEOUT, Step,
    as_builder, frame, hand_over, job, normal_modes, unknown_architecture,
};
use crate::refusal::{self, bad_package, bad_path};
use crate::request::{Architectures, PackagePlan, Request, Staged, StagedFile, StagedKind};
use crate::strategy::{Strategy, StrategyChoice};
use crate::unit_scripts::unit_scripts;
use crate::variables::{self, FOLDER, HOME, PlaceholderError, SOURCE, fill, target_tool};

/// Where staged files lie in an attempt's folder, in the layout that dpkg-shlibdeps(1) knows.
pub(crate) fn stage_folder(package: &str) -> String {
    format!("stage/debian/{package}")
}

pub(crate) fn plan_staged(facts: &Facts, request: &Request, staged: &Staged) -> Result<Plan> {
    let package = PackageName::parse(&staged.package.name).map_err(|error| bad_package(&error))?;
    let Some(version) = &request.version else {
        let message = "a staged package takes its version from a tag, and there is none";
        let help = "put a version tag on the commit, and push it";
        return Err(Box::new(refusal::refuse("build::no-version", message).help(help)));
    };
    let debian = DebianVersion::parse(&version.debian()).map_err(|error| bad_package(&error))?;
    let mut plan = frame(request, package.as_str(), debian.clone());
    let maintainer = &staged.package.maintainer;
    tagboat_deb::changelog::check_maintainer(maintainer).map_err(|error| bad_package(&error))?;
    let changelog = render_entry(request, version, &package, &debian, maintainer);
    let changelog = changelog.map_err(|error| bad_package(&error))?;
    let build_depends = build_depends(&staged.package, &staged.build_dependencies)?;
    for (label, target) in targets(facts, request, &staged.package.architectures)? {
        let make = |attempt: &mut Attempt| {
            let parts = Parts {
                facts,
                request,
                staged,
                changelog: &changelog,
                control_file: &build_depends,
                version: &debian,
                label: &label,
            };
            parts.add_steps(attempt)
        };
        // A package for all is built where it is fastest, whatever was asked for the others.
        let native = Request { strategy: StrategyChoice::Auto, ..request.clone() };
        let request = if label == "all" { &native } else { request };
        let made = job(facts, request, &plan, &label, target, &build_depends, make)?;
        plan.jobs.push(made);
    }
    Ok(plan)
}

fn targets(
    facts: &Facts,
    request: &Request,
    made_for: &Architectures,
) -> Result<Vec<(String, Architecture)>> {
    let made_for = match made_for {
        Architectures::All => return Ok(vec![("all".to_owned(), facts.machine.architecture)]),
        Architectures::Each(list) => list,
    };
    let mut targets: Vec<(String, Architecture)> = Vec::new();
    for target in &request.architectures {
        if !made_for.contains(target) {
            let words: Vec<&str> = made_for.iter().map(|known| known.debian()).collect();
            return Err(unknown_architecture(*target, &words.join(", ")));
        }
        if !targets.iter().any(|(_, known)| known == target) {
            targets.push((target.to_string(), *target));
        }
    }
    Ok(targets)
}

/// A `debian/control` for apt and dpkg-shlibdeps: it never gets into the package.
fn build_depends(package: &PackagePlan, dependencies: &[String]) -> Result<String> {
    let list = relations("build_dependencies", dependencies)?;
    let mut source = Paragraph::new();
    let mut binary = Paragraph::new();
    let set = |paragraph: &mut Paragraph, name: &str, value: &str| {
        paragraph.set(name, value).map_err(|error| bad_package(&error))
    };
    set(&mut source, "Source", &package.name)?;
    set(&mut source, "Maintainer", &package.maintainer)?;
    if !list.is_empty() {
        set(&mut source, "Build-Depends", &list)?;
    }
    set(&mut binary, "Package", &package.name)?;
    set(&mut binary, "Architecture", "any")?;
    set(&mut binary, "Description", &package.synopsis)?;
    Ok(format!("{source}\n{binary}"))
}

/// Package relations as one field's value. Each is one line, so that none can forge a field.
fn relations(field: &str, list: &[String]) -> Result<String> {
    let wrong = |entry: &&String| entry.trim().is_empty() || entry.chars().any(char::is_control);
    if let Some(entry) = list.iter().find(wrong) {
        let message = format!("{field} has the entry {entry:?}, which is no package relation");
        return Err(Box::new(refusal::refuse("build::bad-package", message)));
    }
    Ok(list.iter().map(|entry| entry.trim()).collect::<Vec<_>>().join(", "))
}

struct Parts<'a> {
    facts: &'a Facts,
    request: &'a Request,
    staged: &'a Staged,
    changelog: &'a str,
    control_file: &'a str,
    version: &'a DebianVersion,
    label: &'a str,
}

impl Parts<'_> {
    fn add_steps(&self, attempt: &mut Attempt) -> Result<()> {
        let tool = |name| target_tool(name, attempt.strategy, attempt.target);
        if attempt.strategy == Strategy::Cross {
            attempt.variables.extend(variables::cross_tools(attempt.target));
        }
        let variables = &attempt.variables;
        let package = self.staged.package.name.clone();
        let files = self.files(variables)?;
        let stage = format!("{FOLDER}/stage");
        let quick = |program: &str, folder: &str| {
            Command::new(program).folder(folder).timeout(STEP_TIMEOUT)
        };

        let mut steps = vec![Step::Export, normal_modes(), hand_over(&[SOURCE, HOME])];
        // hardening=+all adds what costs little and Debian's default leaves to each package: `-z now`.
        let flags = quick("dpkg-buildflags", SOURCE)
            .arg("--dump")
            .env("DEB_BUILD_MAINT_OPTIONS", "hardening=+all");
        steps.push(Step::ReadFlags { command: as_builder(flags) });
        for words in &self.staged.build {
            let command = build_command(words, variables)?;
            steps.push(Step::Run { command: as_builder(command), flags: Flags::Given });
        }
        let for_all = self.label == "all";
        let programs = if for_all { Programs::Refused } else { Programs::For(attempt.target) };
        let packing = self.packing(&files)?;
        let control = self.control_file.to_owned();
        steps.push(Step::Stage { package, control, files, programs });
        if !for_all {
            steps.push(hand_over(&[&stage]));
            // What dh_strip(1) takes off a program, and what it takes off a library.
            let strip = quick(&tool("strip"), &stage).args([
                "--strip-unneeded",
                "--remove-section=.comment",
                "--remove-section=.note",
                "--",
            ]);
            steps.push(Step::Strip { command: as_builder(strip) });
            let libraries = quick("dpkg-shlibdeps", &stage).arg("-O");
            steps.push(Step::FindLibraries { command: as_builder(libraries) });
        }
        steps.push(Step::Pack(Box::new(packing)));
        attempt.steps = steps;
        Ok(())
    }

    /// The list of files with its placeholders filled in, checked.
    fn files(&self, variables: &[(String, String)]) -> Result<Vec<PlannedFile>> {
        let plan = |file: &StagedFile| plan_file(file, variables);
        let files: Vec<PlannedFile> = self.staged.files.iter().map(plan).collect::<Result<_>>()?;
        let copyright = format!("usr/share/doc/{}/copyright", self.staged.package.name);
        let given = files.iter().any(|file| match file.kind {
            StagedKind::File => file.to == copyright,
            StagedKind::Tree => {
                copyright.strip_prefix(&file.to).is_some_and(|rest| rest.starts_with('/'))
            }
            StagedKind::Directory | StagedKind::Symlink => false,
        });
        if !given {
            let message = format!("the package has no /{copyright}");
            let help = format!(
                "add to `files`: {{from: <your licence>, to: /{copyright}, mode: \"0644\"}} (Debian Policy 12.5)"
            );
            return Err(Box::new(refusal::refuse("build::no-copyright", message).help(help)));
        }
        Ok(files)
    }

    fn packing(&self, files: &[PlannedFile]) -> Result<Packing> {
        let package = &self.staged.package;
        let mut generated = BTreeMap::new();
        // A version without a revision is a native one: its changelog is the package's only one (Policy 12.7).
        let changelog = format!("usr/share/doc/{}/changelog.gz", package.name);
        let packed = gzip(self.changelog.as_bytes()).map_err(|error| bug(error.to_string()))?;
        generated.insert(changelog, packed);
        let mut scripts = BTreeMap::new();
        if let Some(unit) = &self.facts.unit {
            let name = format!("{}.service", package.name);
            scripts = unit_scripts(&name, &unit.text);
            // Where debhelper 13.11 of Debian 12 installs units; Ubuntu 22.04 reads it as well.
            generated.insert(format!("lib/systemd/system/{name}"), unit.text.clone().into_bytes());
        }
        let mut seen: BTreeSet<&str> = generated.keys().map(String::as_str).collect();
        if let Some(twice) = files.iter().find(|file| !seen.insert(&file.to)) {
            return Err(bad_path(&format!("/{}", twice.to), "it is in the package twice"));
        }
        let conffiles = self.staged.conffiles.iter().map(|path| target_path(path));
        let asks = |file: &PlannedFile| file.mode.is_some_and(|mode| mode & 0o6000 != 0);
        Ok(Packing {
            control: self.control()?,
            depends: package.depends.iter().map(|entry| entry.trim().to_owned()).collect(),
            generated,
            conffiles: conffiles.collect::<Result<_>>()?,
            scripts,
            set_id: if files.iter().any(asks) { SetId::Allowed } else { SetId::Refused },
            mtime: variables::epoch(&self.request.commit),
        })
    }

    /// The control fields in the order in which dpkg-gencontrol(1) writes them.
    fn control(&self) -> Result<Paragraph> {
        let package = &self.staged.package;
        let description =
            Description { synopsis: package.synopsis.clone(), extended: package.extended.clone() };
        let description = description.fold().map_err(|error| bad_package(&error))?;
        // Depends is checked here, and written once the libraries are known.
        relations("dependencies", &package.depends)?;
        let mut control = Paragraph::new();
        for (name, value) in [
            ("Package", package.name.as_str()),
            ("Version", self.version.as_str()),
            ("Architecture", self.label),
            ("Maintainer", &package.maintainer),
            ("Conflicts", &relations("conflicts", &package.conflicts)?),
            ("Provides", &relations("provides", &package.provides)?),
            ("Section", &package.section),
            ("Priority", &package.priority),
            ("Homepage", package.homepage.as_deref().unwrap_or_default()),
            ("Description", &description),
        ] {
            if !value.is_empty() {
                control.set(name, value).map_err(|error| bad_package(&error))?;
            }
        }
        Ok(control)
    }
}

fn build_command(words: &[String], variables: &[(String, String)]) -> Result<Command> {
    let filled = words.iter().map(|word| filled(word, variables));
    let mut filled = filled.collect::<Result<Vec<_>>>()?.into_iter();
    let Some(program) = filled.next().filter(|program| !program.is_empty()) else {
        let message = "a build command has no program";
        let help = "write it as a list, such as [make, -C, api]";
        return Err(Box::new(refusal::refuse("build::no-command", message).help(help)));
    };
    Ok(Command::new(program).args(filled).folder(SOURCE).timeout(BUILD_TIMEOUT))
}

fn filled(word: &str, variables: &[(String, String)]) -> Result<String> {
    fill(word, variables).map_err(|error| {
        let known: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        let message = match error {
            PlaceholderError::Open => format!("{word:?} has a `${{` without its `}}`"),
            PlaceholderError::Unknown(name) => {
                format!("{word:?} names the unknown variable {name:?}")
            }
        };
        let refusal = refusal::refuse("build::unknown-variable", message);
        let help =
            "name it in `variables.build_time`, or use one of those; `$NAME` is left as it is";
        Box::new(refusal.fact("known", known.join(" ")).help(help))
    })
}

fn plan_file(file: &StagedFile, variables: &[(String, String)]) -> Result<PlannedFile> {
    let from = filled(&file.from, variables)?;
    let mut to = target_path(&filled(&file.to, variables)?)?;
    match file.kind {
        StagedKind::File | StagedKind::Tree => {
            check_relative(&from).map_err(|why| bad_path(&from, why))?;
        }
        // A link's target is checked when it is packed: it may climb, but not above the root.
        StagedKind::Directory | StagedKind::Symlink => {}
    }
    if file.mode.is_some_and(|mode| mode > 0o7777) {
        return Err(bad_path(&file.to, "its mode is above 07777"));
    }
    let page = to.starts_with("usr/share/man/") && !to.ends_with(".gz");
    let form = match file.kind {
        StagedKind::File if page => {
            to.push_str(".gz");
            Form::Gzip
        }
        _ => Form::Plain,
    };
    Ok(PlannedFile { from, to, mode: file.mode, kind: file.kind, form })
}

/// An absolute path of the package, without its slash at the start.
fn target_path(path: &str) -> Result<String> {
    let wrong = |why: &str| -> Box<Diagnostic> { bad_path(path, why) };
    let inner = path.strip_prefix('/').ok_or_else(|| wrong("it is not absolute"))?;
    if inner.chars().any(char::is_control) {
        return Err(wrong("it has a control character"));
    }
    if inner.split('/').any(|part| ["", ".", ".."].contains(&part)) {
        return Err(wrong("it has an empty component, `.` or `..`"));
    }
    Ok(inner.to_owned())
}

/// As `gzip -9n`: no name, no date, level 9, which lintian asks for.
pub(crate) fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let builder = GzBuilder::new().mtime(0).operating_system(3);
    let mut encoder = builder.write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
