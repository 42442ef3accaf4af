//! `tagboat build`: packages of a commit. In: targets. Out: files in dist/, and what they are.

use std::time::Duration;

use tagboat_build::request::{
    Architectures, Builder, Leftovers, PackagePlan, Parallel, ProjectPlan, Staged, StagedFile,
    StagedKind,
};
use tagboat_build::strategy::{Strategy, StrategyChoice};
use tagboat_build::{Ports, Record, Request};
use tagboat_config::{Config, Project, StagedContent};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::listing::{About, Source};
use tagboat_core::next::build_version;
use tagboat_core::ports::{Architecture, LogQuery, Scope, Since};
use tagboat_core::version::Version;
use tagboat_report::log_line::{LogContext, LogMetrics};

use super::Doing;
use super::reading::State;
use super::target::{Target, origin_json, targets, tell_origin};
use crate::cli::build::{Arch, BuildArgs};
use crate::context::Context;
use crate::terminal::Table;

/// Builds.
pub(crate) fn run(arguments: &BuildArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("build");
    let config = context.config()?;
    let state = State::read(context, &scope, Source::Clone, About::Everything)?;
    let targets = targets(context, &scope, config, &state, arguments.what.as_deref())?;
    let doing = Doing::of(arguments.dry_run);
    // A plan is made without roots; then this fails only where one is carried out.
    let roots = match doing {
        Doing::All => Some(context.roots()?),
        Doing::Plan => None,
    };
    let mut records = Vec::new();
    let mut plans = Vec::new();
    for target in &targets {
        let wish = Wish { arch: arguments.arch, parallel: arguments.parallel, doing };
        let version = version(context, &scope, &state, target)?;
        let mut request = request(context, config, target, version, &wish)?;
        request.project.variables = super::variables::build_time(context, target.project)?;
        let scope = scope.span(format!("build {}", target.project.name));
        context.terminal.log_about(about(context, target));
        let facts = tagboat_build::observe(&scope, context.repository(), &request)?;
        let plan = tagboat_build::plan(&facts, &request)?;
        tell_origin(context, std::slice::from_ref(target));
        let Some(roots) = &roots else {
            context.terminal.say(plan.to_string().trim_end());
            plans.push(plan.to_string());
            continue;
        };
        let ports = Ports { repository: context.repository(), roots, clock: context.clock() };
        let record = tagboat_build::apply(plan, &scope, &ports)?;
        for artifact in &record.artifacts.packages {
            context.terminal.log_measured(
                &format!("build {}", artifact.name),
                Architecture::from_debian(&artifact.architecture),
                Duration::from_secs(artifact.build_time_seconds),
                LogMetrics {
                    package_size_bytes: Some(artifact.size_bytes),
                    ..LogMetrics::default()
                },
            );
        }
        records.push(record);
    }
    let origin = origin_json(&targets);
    if doing == Doing::Plan {
        let document = serde_json::json!({ "plans": plans, "targets": origin, "offline": true });
        context.terminal.json(&document);
    } else {
        let document = serde_json::json!({ "builds": records, "targets": origin, "offline": true });
        context.terminal.json(&document);
        context.terminal.say(&human(&records));
    }
    Ok(Exit::Done)
}

/// The version that a build is given: the tag's. Between tags a staged package gets one that sorts between its
/// neighbours (SPEC V5); packaging of a project's own says in its changelog what it is.
fn version(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    target: &Target<'_>,
) -> Result<Option<Version>> {
    let (tagboat_config::Builder::Staged(_), None) = (&target.project.builder, &target.version)
    else {
        return Ok(target.version.clone());
    };
    let (project, commit) = (target.project, &target.commit.sha);
    let history = super::version::history(context, scope, state, project, commit)?;
    let commits = match &history.last {
        Some(_) => history.commits_since_last(),
        None => {
            let paths = super::version::paths(project);
            let limit = tagboat_core::next::LOG_LIMIT;
            let query = LogQuery { until: commit, since: Since::Beginning, paths: &paths, limit };
            let log = context.repository().log(scope, &query);
            log.map_err(|error| super::repository::diagnostic(&error))?.entries.len()
        }
    };
    let version = build_version(&project.path, history.last.as_ref(), commits, commit)
        .map_err(|error| super::version::refusal(&project.path, &error))?;
    context
        .terminal
        .note(&format!("{version}: a build between tags, which cannot be published or deployed"));
    Ok(Some(version))
}

/// The version, as files are called by it, that a build of this target gives its packages: the tag's, or for packaging
/// that keeps its own changelog the one that stands there.
pub(crate) fn built_version(
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &Config,
    target: &Target<'_>,
) -> Result<String> {
    if let tagboat_config::Builder::Staged(_) = target.project.builder {
        return target.version.as_ref().map(Version::debian).ok_or_else(|| no_version(target));
    }
    let wish = Wish { arch: Arch::All, parallel: false, doing: Doing::Plan };
    let request = request(context, config, target, target.version.clone(), &wish)?;
    let facts = tagboat_build::observe(scope, context.repository(), &request)?;
    let Some(packaging) = &facts.packaging else { return Err(no_version(target)) };
    // A file's name has no epoch (dpkg-name(1)).
    let version = tagboat_build::debhelper::version(&request, packaging)?;
    Ok(version.without_epoch().to_owned())
}

/// How a build is asked for.
struct Wish {
    arch: Arch,
    parallel: bool,
    doing: Doing,
}

/// What log lines of a target are about.
pub(crate) fn about(context: &Context<'_>, target: &Target<'_>) -> LogContext {
    LogContext {
        commit_sha: Some(target.commit.sha.clone()),
        branch: context.variable("GITHUB_REF_NAME"),
        workflow_run_id: context.variable("GITHUB_RUN_ID"),
    }
}

fn human(records: &[Record]) -> String {
    let mut table = Table::new(["PACKAGE", "SIZE", "HOW", "SECONDS", "SHA256"]);
    for artifact in records.iter().flat_map(|record| &record.artifacts.packages) {
        table.row([
            artifact.name.clone(),
            size(artifact.size_bytes),
            artifact.strategy.to_string(),
            artifact.build_time_seconds.to_string(),
            artifact.checksum_sha256.chars().take(16).collect::<String>(),
        ]);
    }
    format!("{}\nin dist/; logs in dist/logs/", table.text())
}

/// A size for people, in binary units (IEC 80000-13).
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{}.{} MiB", bytes >> 20, (bytes >> 10) % 1_024 * 10 / 1_024),
    }
}

/// The architectures of a project that were asked for.
pub(crate) fn architectures(project: &Project, wanted: Arch) -> Result<Vec<Architecture>> {
    let one = match wanted {
        Arch::All => return Ok(project.architectures.clone()),
        Arch::Amd64 => Architecture::Amd64,
        Arch::Arm64 => Architecture::Arm64,
    };
    if project.architectures.contains(&one) {
        return Ok(vec![one]);
    }
    let made: Vec<&str> = project.architectures.iter().map(|made| made.debian()).collect();
    Err(Box::new(
        Diagnostic::unchanged(
            "usage::architecture",
            Exit::Usage,
            format!("{} is not made for {one}", project.name),
            "nothing was done",
        )
        .fact("made for", made.join(", "))
        .help("add it to `package.architecture` in config/ci-cd/build-config.yml"),
    ))
}

fn request(
    context: &Context<'_>,
    config: &Config,
    target: &Target<'_>,
    version: Option<Version>,
    wish: &Wish,
) -> Result<Request> {
    let project = target.project;
    let builder = match &project.builder {
        tagboat_config::Builder::Debhelper { .. } => Builder::Debhelper,
        tagboat_config::Builder::Staged(staged) => {
            Builder::Staged(Box::new(staged_plan(project, staged)))
        }
    };
    let parallel = wish.parallel || config.parallel_builds;
    let dist = context.path("dist");
    let architectures = architectures(project, wish.arch)?;
    // The last that can fail: it may make a folder.
    let work = context.work(&format!("build-{}", project.name), wish.doing)?;
    Ok(Request {
        project: ProjectPlan {
            path: project.path.clone(),
            unit: project.unit.as_ref().map(ToString::to_string),
            variables: Vec::new(),
            builder,
        },
        version,
        commit: target.commit.clone(),
        branch: None,
        builder_name: context
            .variable("GITHUB_ACTIONS")
            .map_or("local", |_| "github-actions")
            .to_owned(),
        mirrors: super::target::mirrors(config),
        architectures,
        strategy: match config.strategy {
            tagboat_config::shape::build::Strategy::Auto => StrategyChoice::Auto,
            tagboat_config::shape::build::Strategy::Native => {
                StrategyChoice::Only(Strategy::Native)
            }
            tagboat_config::shape::build::Strategy::Cross => StrategyChoice::Only(Strategy::Cross),
            tagboat_config::shape::build::Strategy::Emulated => {
                StrategyChoice::Only(Strategy::Emulated)
            }
        },
        parallel: if parallel { Parallel::Parallel } else { Parallel::OneAfterAnother },
        logs: dist.join("logs"),
        out: dist,
        work,
        leftovers: if config.local_build.configuration.cleanup_after_build {
            Leftovers::RemoveOnSuccess
        } else {
            Leftovers::Keep
        },
    })
}

fn staged_plan(project: &Project, staged: &tagboat_config::Staged) -> Staged {
    let texts =
        |list: &[tagboat_config::value::Dependency]| list.iter().map(ToString::to_string).collect();
    let file = |file: &tagboat_config::StagedFile| {
        let to = file.to.to_string();
        match &file.content {
            StagedContent::File { from, mode } => StagedFile {
                from: from.to_string(),
                to,
                mode: Some(mode.bits()),
                kind: StagedKind::File,
            },
            StagedContent::Symlink { target } => {
                StagedFile { from: target.to_string(), to, mode: None, kind: StagedKind::Symlink }
            }
            StagedContent::Directory { mode } => StagedFile {
                from: String::new(),
                to,
                mode: Some(mode.bits()),
                kind: StagedKind::Directory,
            },
        }
    };
    let description = staged.description.to_string();
    let (synopsis, extended) = description.split_once('\n').unwrap_or((&description, ""));
    Staged {
        package: PackagePlan {
            name: project.name.to_string(),
            synopsis: synopsis.to_owned(),
            extended: extended.trim_start_matches('\n').to_owned(),
            section: staged.section.as_ref().map_or_else(|| "misc".to_owned(), ToString::to_string),
            priority: staged.priority.word().to_owned(),
            maintainer: staged.maintainer.to_string(),
            homepage: staged.homepage.as_ref().map(ToString::to_string),
            depends: texts(&staged.dependencies),
            conflicts: texts(&staged.conflicts),
            provides: texts(&staged.provides),
            architectures: Architectures::Each(project.architectures.clone()),
        },
        build: staged.build.iter().map(|argv| argv.words().to_vec()).collect(),
        build_dependencies: texts(&staged.build_dependencies),
        files: staged.files.iter().map(file).collect(),
        conffiles: staged.conffiles.iter().map(ToString::to_string).collect(),
    }
}

/// A staged package has no version but its tag's.
pub(crate) fn no_version(target: &Target<'_>) -> Box<Diagnostic> {
    let (project, commit) = (target.project, &target.commit.sha);
    let (tag, typed) = (project.path.join("v0.1.0"), target.typed());
    Box::new(
        Diagnostic::unchanged(
            "build::no-version",
            Exit::Usage,
            format!("no version tag of {} is on commit {}", project.path, commit.short()),
            "nothing was done",
        )
        .fact("seen", "this clone's tags; the remote was not asked")
        .help(format!(
            "fetch it: `git fetch --tags`; or tag it: `tagboat version tag {typed}`; or name a version: \
             `tagboat build {tag}`"
        )),
    )
}
