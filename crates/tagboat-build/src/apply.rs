//! Performs a plan. In: the plan and the ports. Out: the packages in their folder and a record of them; or what
//! failed, with nothing written there.
//!
//! Packages get their names at the end, once all are written: a run that fails for one architecture publishes
//! none.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tagboat_core::diagnostic::{Diagnostic, Result, World, bug};
use tagboat_core::ports::{Progress, Scope};
use tagboat_core::time::whole_seconds;
use tagboat_deb::description::Description;
use tagboat_deb::{DebianVersion, PackageName, Paragraph, file_name};

use crate::log::Log;
use crate::plan::{Attempt, Job, Plan};
use crate::record::{Artifact, Artifacts, BuildInfo, PackageInfo, Record};
use crate::request::{Leftovers, Parallel};
use crate::strategy::Strategy;
use crate::workshop::Workshop;
use crate::{Ports, refusal};

/// A finished package in the work folder.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) file: PathBuf,
    pub(crate) control: Paragraph,
    pub(crate) architecture: tagboat_deb::Architecture,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// What a job made.
struct Finished<'a> {
    job: &'a Job,
    strategy: Strategy,
    took: Duration,
    built: Vec<Built>,
}

/// Does what the plan says.
///
/// # Errors
/// The room's codes from `build::no-root` to `build::no-package`; exit 4 where a program, a root or the
/// disk failed, exit 2 where what was built is not what the configuration lists. Nothing was published then.
pub fn apply(plan: Plan, scope: &Scope<'_>, ports: &Ports<'_>) -> Result<Record> {
    for note in &plan.notes {
        scope.observer.tell(&scope.span, &Progress::Note(note));
    }
    let finished = run_jobs(&plan, scope, ports)?;
    let artifacts = publish(&plan, &finished)?;
    if plan.leftovers == Leftovers::RemoveOnSuccess {
        clean_up(&plan, scope);
    }
    Ok(Record {
        package: package_info(&finished)?,
        build_info: BuildInfo {
            timestamp: whole_seconds(ports.clock.now()),
            commit_sha: plan.commit.sha.clone(),
            branch: plan.branch.clone(),
            builder: plan.builder_name.clone(),
            cross_compiled: artifacts.iter().any(|artifact| artifact.cross_compiled),
            variables: plan.variables.clone(),
        },
        artifacts: Artifacts { packages: artifacts },
    })
}

fn run_jobs<'a>(plan: &'a Plan, scope: &Scope<'_>, ports: &Ports<'_>) -> Result<Vec<Finished<'a>>> {
    if plan.parallel == Parallel::OneAfterAnother {
        return plan.jobs.iter().map(|job| run_job(plan, job, scope, ports)).collect();
    }
    let results: Vec<Result<Finished<'a>>> = thread::scope(|threads| {
        let start = |job| threads.spawn(move || run_job(plan, job, scope, ports));
        let started: Vec<_> = plan.jobs.iter().map(start).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err(bug("a build thread panicked")))
        };
        started.into_iter().map(join).collect()
    });
    let (finished, failures): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let mut failures = failures.into_iter().filter_map(Result::err);
    match failures.next() {
        None => Ok(finished.into_iter().filter_map(Result::ok).collect()),
        Some(first) => {
            let also =
                |all: Diagnostic, other: Box<Diagnostic>| all.fact("also", other.to_string());
            Err(Box::new(failures.fold(*first, also)))
        }
    }
}

fn run_job<'a>(
    plan: &Plan,
    job: &'a Job,
    scope: &Scope<'_>,
    ports: &Ports<'_>,
) -> Result<Finished<'a>> {
    let began = ports.clock.instant();
    let refused = |error: io::Error| refusal::write_failed(&job.log, &error);
    let log = Log::create(&job.log, scope.observer).map_err(refused)?;
    let commit = &plan.commit.sha;
    log.note(&format!("{} {} for {} from commit {commit}", plan.package, plan.version, job.label));
    let scope =
        Scope { observer: &log, ..scope.span(format!("build {} {}", plan.package, job.label)) };
    let mut failure = bug("a job has no attempt");
    let mut attempts = job.attempts.iter().peekable();
    while let Some(attempt) = attempts.next() {
        match run_attempt(plan, job, attempt, &log, &scope, ports) {
            Ok(built) => {
                log.finish().map_err(refused)?;
                let took = ports.clock.instant().saturating_duration_since(began);
                return Ok(Finished { job, strategy: attempt.strategy, took, built });
            }
            Err(error) => failure = error,
        }
        match attempts.peek() {
            Some(next) if another_way_may_work(&failure) => {
                let (this, next) = (attempt.strategy, next.strategy);
                let note = format!("the {this} build failed ({failure}); building {next} instead");
                scope.observer.tell(&scope.span, &Progress::Note(&note));
            }
            _ => break,
        }
    }
    // The failure itself is the news: what the log could not take is only a fact beside it.
    match log.finish() {
        Ok(()) => Err(failure),
        Err(error) => Err(Box::new((*failure).fact("log", error.to_string()))),
    }
}

/// Whether the same project may well build natively: a mistake in configuration stays one.
fn another_way_may_work(failure: &Diagnostic) -> bool {
    ["build::root-packages", "build::command-failed", "build::wrong-architecture"]
        .contains(&failure.code)
}

fn run_attempt(
    plan: &Plan,
    job: &Job,
    attempt: &Attempt,
    log: &Log<'_>,
    scope: &Scope<'_>,
    ports: &Ports<'_>,
) -> Result<Vec<Built>> {
    if scope.cancel.is_cancelled() {
        return Err(refusal::interrupted());
    }
    prepare(&attempt.folder).map_err(|error| refusal::write_failed(&attempt.folder, &error))?;
    for note in &attempt.notes {
        scope.observer.tell(&scope.span, &Progress::Note(note));
    }
    let timed = |title: &str, work: &mut dyn FnMut(&Scope<'_>) -> Result<()>| {
        let scope = scope.span(format!("{}: {title}", scope.span));
        let began = ports.clock.instant();
        scope.observer.tell(&scope.span, &Progress::Began);
        let result = work(&scope);
        let took = ports.clock.instant().saturating_duration_since(began);
        let end = if result.is_ok() { Progress::Done(took) } else { Progress::Failed(took) };
        scope.observer.tell(&scope.span, &end);
        result
    };
    let mut root = None;
    timed(&format!("{} root", attempt.root.architecture), &mut |scope| {
        let opened = ports.roots.open(scope, &attempt.root, &attempt.binds());
        let architecture = attempt.root.architecture;
        root = Some(opened.map_err(|error| refusal::no_root(&error, architecture, &job.log))?);
        Ok(())
    })?;
    let root = root.ok_or_else(|| bug("a root was opened and is not there"))?;
    let mut workshop = Workshop::new(plan, attempt, &*root, log, &job.log);
    for step in &attempt.steps {
        timed(&step.title(), &mut |scope| workshop.perform(scope, ports, step))?;
    }
    Ok(workshop.into_built())
}

/// The attempt's own folder, which programs inside must be able to pass through whatever our umask is.
fn prepare(folder: &Path) -> io::Result<()> {
    if let Some(work) = folder.parent() {
        fs::create_dir_all(work)?;
    }
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    fs::create_dir(folder.join("source"))?;
    fs::create_dir(folder.join("home"))
}

/// Moves every package to its folder, under its name, whole or not at all.
fn publish(plan: &Plan, finished: &[Finished<'_>]) -> Result<Vec<Artifact>> {
    let refused = |error: io::Error| refusal::write_failed(&plan.out, &error);
    fs::create_dir_all(&plan.out).map_err(refused)?;
    // Everything is written before anything gets its name: a full disk then changes nothing.
    let mut ready: Vec<(tempfile::NamedTempFile, Artifact)> = Vec::new();
    for Finished { job, strategy, took, built } in finished {
        for built in built {
            let artifact = artifact(plan, job, *strategy, *took, built)?;
            if let Some((_, known)) = ready.iter().find(|(_, known)| known.name == artifact.name) {
                let (name, first, second) = (&artifact.name, &known.log, &artifact.log);
                let why =
                    format!("{name} was made twice: {} and {}", first.display(), second.display());
                return Err(refusal::no_package(why, &job.log));
            }
            ready.push((copy_beside(&built.file, &plan.out).map_err(refused)?, artifact));
        }
    }
    ready.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
    let mut artifacts: Vec<Artifact> = Vec::new();
    for (temporary, artifact) in ready {
        if let Err(error) = temporary.persist(&artifact.file) {
            let refusal = refusal::write_failed(&artifact.file, &error.error);
            let there: Vec<&str> = artifacts.iter().map(|known| known.name.as_str()).collect();
            return Err(if there.is_empty() {
                refusal
            } else {
                let now = format!("{} written, the others not", there.join(", "));
                Box::new(refusal.world(World::Now(now)))
            });
        }
        artifacts.push(artifact);
    }
    File::open(&plan.out).and_then(|folder| folder.sync_all()).map_err(refused)?;
    Ok(artifacts)
}

fn copy_beside(from: &Path, folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut temporary = tempfile::Builder::new().prefix(".").suffix(".part").tempfile_in(folder)?;
    io::copy(&mut File::open(from)?, &mut temporary)?;
    temporary.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

fn artifact(
    plan: &Plan,
    job: &Job,
    strategy: Strategy,
    took: Duration,
    built: &Built,
) -> Result<Artifact> {
    let (package, version) = identity(&built.control)?;
    let name = file_name(&package, &version, built.architecture);
    Ok(Artifact {
        file: plan.out.join(&name),
        name,
        package: package.to_string(),
        version: version.to_string(),
        architecture: built.architecture.to_string(),
        size_bytes: built.size,
        checksum_sha256: built.sha256.clone(),
        build_time_seconds: took.as_secs() + u64::from(took.subsec_nanos() > 0),
        cross_compiled: strategy == Strategy::Cross,
        strategy,
        log: job.log.clone(),
    })
}

fn identity(control: &Paragraph) -> Result<(PackageName, DebianVersion)> {
    // write_deb and read_deb have checked both.
    let wrong = |error: tagboat_deb::Error| bug(error.to_string());
    let package = PackageName::parse(control.get("Package").unwrap_or_default()).map_err(wrong)?;
    let version =
        DebianVersion::parse(control.get("Version").unwrap_or_default()).map_err(wrong)?;
    Ok((package, version))
}

/// SPEC B1's view of the project: its first package, over all architectures.
fn package_info(finished: &[Finished<'_>]) -> Result<PackageInfo> {
    let built: Vec<&Built> = finished.iter().flat_map(|finished| &finished.built).collect();
    let first = built.first().ok_or_else(|| bug("a build ended well without a package"))?;
    let (package, version) = identity(&first.control)?;
    let same: Vec<&&Built> = built
        .iter()
        .filter(|built| built.control.get("Package") == first.control.get("Package"))
        .collect();
    let union = |field: &str| {
        let mut all: Vec<String> = Vec::new();
        for built in &same {
            let list = built.control.get(field).unwrap_or_default();
            for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
                if !all.iter().any(|known| known == entry) {
                    all.push(entry.to_owned());
                }
            }
        }
        all
    };
    let mut architecture = union("Architecture");
    architecture.sort();
    let description = Description::unfold(first.control.get("Description").unwrap_or_default());
    Ok(PackageInfo {
        name: package.to_string(),
        version: version.to_string(),
        architecture,
        description: description.synopsis,
        dependencies: union("Depends"),
        conflicts: union("Conflicts"),
        provides: union("Provides"),
    })
}

/// The packages are out: what cannot be removed is told, and is no failure of the build.
fn clean_up(plan: &Plan, scope: &Scope<'_>) {
    if let Err(error) = fs::remove_dir_all(&plan.work) {
        let note = format!("{} stays: {error}", plan.work.display());
        scope.observer.tell(&scope.span, &Progress::Note(&note));
    }
}
