//! What a command is about. In: what was typed, and the state. Out: a version with its commit; an environment.

use tagboat_config::{Config, Project};
use tagboat_core::commit::CommitSha;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::Environment;
use tagboat_core::ports::{Commit, Mirror, RepositoryError, Scope};
use tagboat_core::version::{ProjectPath, Version};

use super::reading::State;
use super::repository::diagnostic;
use crate::context::Context;

/// A project at a commit, with the version that its tag gives.
#[derive(Debug)]
pub(crate) struct Target<'c> {
    /// The project.
    pub(crate) project: &'c Project,
    /// The version; none where no tag is on the commit.
    pub(crate) version: Option<Version>,
    /// The commit.
    pub(crate) commit: Commit,
}

impl Target<'_> {
    /// The target as one types it after a verb.
    pub(crate) fn typed(&self) -> String {
        match &self.version {
            Some(version) => version.to_string(),
            None if self.project.path.is_root() => ".".to_owned(),
            None => self.project.path.to_string(),
        }
    }
}

/// Says from where the versions of these targets are: verbs that need no network decide from this clone's tags, and
/// the remote is the truth (SPEC V8).
pub(crate) fn tell_origin(context: &Context<'_>, targets: &[Target<'_>]) {
    let mut found: Vec<String> = targets
        .iter()
        .filter_map(|target| target.version.as_ref().map(ToString::to_string))
        .collect();
    let untagged = targets.iter().filter(|target| target.version.is_none());
    let untagged: Vec<String> = untagged.map(|target| target.project.path.to_string()).collect();
    if !untagged.is_empty() {
        found.push(format!("none of {}", untagged.join(", ")));
    }
    let found = found.join(", ");
    context.terminal.note(&format!("this clone's version tags, the remote was not asked: {found}"));
}

/// The same for programs, as the fields of a document.
pub(crate) fn origin_json(targets: &[Target<'_>]) -> serde_json::Value {
    let target = |target: &Target<'_>| {
        serde_json::json!({
            "project": target.project.path.as_str(),
            "tag": target.version.as_ref().map(ToString::to_string),
            "commit_sha": target.commit.sha,
        })
    };
    targets.iter().map(target).collect()
}

/// What was typed as a version or a project; every project at HEAD where nothing was.
pub(crate) fn targets<'c>(
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &'c Config,
    state: &State,
    typed: Option<&str>,
) -> Result<Vec<Target<'c>>> {
    let Some(typed) = typed else {
        refuse_shallow(context)?;
        let head = head(context, scope)?;
        return Ok(config
            .projects
            .iter()
            .map(|project| at(state, project, head.clone()))
            .collect());
    };
    if is_meant_as_version(typed) {
        let version = parsed(typed)?;
        let project = known(config, version.path())?;
        let commit = commit(context, scope, state, &version)?;
        return Ok(vec![Target { project, version: Some(version), commit }]);
    }
    let project = known(config, &super::project(typed)?)?;
    refuse_shallow(context)?;
    Ok(vec![at(state, project, head(context, scope)?)])
}

/// Whether the last component begins like a version: no project's does (SPEC V3).
fn is_meant_as_version(typed: &str) -> bool {
    let last = typed.rsplit('/').next().unwrap_or(typed);
    let number = last.strip_prefix('v').and_then(|rest| rest.chars().next());
    number.is_some_and(|first| first.is_ascii_digit())
}

/// A version tag as it was typed.
pub(crate) fn parsed(typed: &str) -> Result<Version> {
    Version::parse(typed).map_err(|error| {
        Box::new(
            Diagnostic::unchanged(
                "usage::version",
                Exit::Usage,
                format!("{typed:?} is no version tag: {error}"),
                "nothing was done",
            )
            .help("name one as `git tag` shows it: `api/v1.2.3`"),
        )
    })
}

/// In a shallow clone tags and history are missing, and what is decided from the rest may be wrong (DESIGN §4).
pub(crate) fn refuse_shallow(context: &Context<'_>) -> Result<()> {
    if context.is_shallow() { Err(diagnostic(&RepositoryError::Shallow)) } else { Ok(()) }
}

/// The version tag that was typed, with its commit.
pub(crate) fn version<'c>(
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &'c Config,
    state: &State,
    typed: &str,
) -> Result<(&'c Project, Version, CommitSha)> {
    let version = parsed(typed)?;
    let project = known(config, version.path())?;
    refuse_shallow(context)?;
    let commit = commit(context, scope, state, &version)?.sha;
    Ok((project, version, commit))
}

/// The environment of this name.
pub(crate) fn environment<'c>(config: &'c Config, typed: &str) -> Result<&'c Environment> {
    let found = config.environments.iter().find(|environment| environment.name.as_str() == typed);
    found.ok_or_else(|| {
        let names: Vec<&str> =
            config.environments.iter().map(|environment| environment.name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Box::new(
            Diagnostic::unchanged(
                "usage::environment",
                Exit::Usage,
                format!("there is no environment {typed:?}"),
                "nothing was done",
            )
            .fact("environments", names)
            .help("an environment is a folder: environments/NAME/environment.yml"),
        )
    })
}

/// The project of this path.
pub(crate) fn known<'c>(config: &'c Config, path: &ProjectPath) -> Result<&'c Project> {
    config.project(path).ok_or_else(|| {
        let names: Vec<String> = config.projects.iter().map(|p| p.path.to_string()).collect();
        Box::new(
            Diagnostic::unchanged(
                "usage::project",
                Exit::Usage,
                format!("config/ci-cd/build-config.yml has no project {path}"),
                "nothing was done",
            )
            .fact("projects", names.join(", "))
            .help("name a project by its path in the repository"),
        )
    })
}

fn at<'c>(state: &State, project: &'c Project, commit: Commit) -> Target<'c> {
    // Several version tags on one commit: the highest (SPEC V5).
    let mut here =
        state.listing.versions_of(&project.path).filter(|(_, tag)| tag.commit == commit.sha);
    let version = here.next_back().map(|(version, _)| version.clone());
    Target { project, version, commit }
}

fn head(context: &Context<'_>, scope: &Scope<'_>) -> Result<Commit> {
    let head = context.repository().commit(scope, "HEAD").map_err(|error| diagnostic(&error))?;
    head.ok_or_else(|| {
        Box::new(
            Diagnostic::unchanged(
                "git::no-commit",
                Exit::Usage,
                "there is no commit yet",
                "nothing was done",
            )
            .help("commit something first"),
        )
    })
}

fn commit(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    version: &Version,
) -> Result<Commit> {
    let missing = || {
        let known: Vec<String> = state
            .listing
            .versions_of(version.path())
            .map(|(version, _)| version.semver())
            .collect();
        let newest: Vec<&str> = known.iter().rev().take(5).map(String::as_str).collect();
        let newest = if newest.is_empty() { "none".to_owned() } else { newest.join(", ") };
        Box::new(
            Diagnostic::unchanged(
                "usage::no-such-tag",
                Exit::Usage,
                format!("there is no version tag {version}"),
                "nothing was done",
            )
            .fact("newest", newest)
            .help(format!(
                "fetch it: `git fetch --tags`; or make it: `tagboat version tag {version}`"
            )),
        )
    };
    let tagged = state.listing.versions.get(version).ok_or_else(missing)?;
    let commit = context.repository().commit(scope, tagged.commit.as_str());
    commit.map_err(|error| diagnostic(&error))?.ok_or_else(missing)
}

/// The mirrors of the suite that packages are made for: Debian 12, its updates, its security updates.
pub(crate) fn mirrors(config: &Config) -> Vec<Mirror> {
    let suite = |suite: &str| config.mirrors.debian_suite(suite, &["main"]);
    vec![suite("bookworm"), suite("bookworm-updates")]
}
