//! `tagboat version`: which version comes next, and the tags that give versions. In: tags and commits. Out: a version
//! with its reasons; a tag, here and on the remote.

mod adopt;
pub(super) mod making;
mod next;
mod tag;

use std::cmp::Ordering;

use tagboat_config::{Config, Project};
use tagboat_core::command::Command;
use tagboat_core::commit::CommitSha;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::next::{
    Goal, History, HistoryRequest, NextError, NextVersion, Reason, next_version, observe_history,
};
use tagboat_core::ports::{RepositoryError, Runner as _, Scope};
use tagboat_core::version::{ProjectPath, Version};
use tagboat_deb::DebianVersion;

use super::reading::State;
use super::repository::{diagnostic, moved_tag};
use super::target;
use crate::cli::version::{OfArgs, VersionVerb};
use crate::context::Context;

/// Reasons shown where a version is refused; the rest is counted.
const SHOWN: usize = 8;

/// Runs a verb.
pub(crate) fn run(verb: &VersionVerb, context: &Context<'_>) -> Result<Exit> {
    match verb {
        VersionVerb::Next(arguments) => next::run(arguments, context),
        VersionVerb::Tag(arguments) => tag::run(arguments, context),
        VersionVerb::Final(arguments) => tag::run_final(arguments, context),
        VersionVerb::Adopt(arguments) => adopt::run(arguments, context),
    }
}

/// What of old tags `tagboat init` tells.
pub(super) use adopt::offer;

/// dpkg's order of two upstream versions.
fn debian_order(one: &str, other: &str) -> Option<Ordering> {
    let [one, other] = [one, other].map(|text| DebianVersion::parse(text).ok());
    Some(one?.cmp(&other?))
}

/// Whether the last component begins like a version: no project's does (SPEC V3).
fn is_meant_as_version(typed: &str) -> bool {
    let last = typed.rsplit('/').next().unwrap_or(typed);
    matches!(last.as_bytes(), [b'v', digit, ..] if digit.is_ascii_digit())
}

/// The project of that path; the only one, where none is named.
fn project<'c>(config: &'c Config, typed: Option<&str>) -> Result<&'c Project> {
    match (typed, config.projects.as_slice()) {
        (Some(typed), _) => target::known(config, &super::project(typed)?),
        (None, [only]) => Ok(only),
        (None, several) => {
            let names: Vec<String> = several.iter().map(|one| one.path.to_string()).collect();
            Err(Box::new(
                Diagnostic::unchanged(
                    "version::which-project",
                    Exit::Usage,
                    "there are several projects, and none was named",
                    "nothing was done",
                )
                .fact("projects", names.join(", "))
                .help("name one; `tagboat version next` shows which have something new"),
            ))
        }
    }
}

/// The goal of these arguments.
fn goal(of: &OfArgs) -> Goal {
    of.pre.map_or(Goal::Final, |pre| Goal::Prerelease(pre.channel()))
}

/// The commit that was typed, in any way that git names one.
fn commit(context: &Context<'_>, scope: &Scope<'_>, typed: &str) -> Result<CommitSha> {
    let ask = Command::new("git")
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(format!("{typed}^{{commit}}"))
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .folder(&context.root);
    let ran = context.local().run(scope, &ask);
    let output = ran.map_err(|error| diagnostic(&RepositoryError::Run(error)))?;
    let found = output.success().then(|| CommitSha::parse(output.text().trim_end()).ok());
    found.flatten().ok_or_else(|| {
        let (code, what, help) = if typed == "HEAD" {
            ("git::no-commit", "there is no commit yet".to_owned(), "commit something first")
        } else {
            let what = format!("git knows no commit {typed:?}");
            ("version::no-such-commit", what, "see which there are: `git log --oneline --all`")
        };
        Box::new(Diagnostic::unchanged(code, Exit::Usage, what, "nothing was done").help(help))
    })
}

/// The next version of a project at a commit, or why there is none.
fn next_of(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    project: &Project,
    commit: &CommitSha,
    goal: Goal,
) -> Result<std::result::Result<NextVersion, NextError>> {
    let history = history(context, scope, state, project, commit)?;
    Ok(next_version(&project.path, &history, goal, &debian_order))
}

/// What happened to a project and what it shares.
pub(super) fn history(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    project: &Project,
    commit: &CommitSha,
) -> Result<History> {
    let paths = paths(project);
    let request = HistoryRequest { project: &project.path, paths: &paths, commit };
    observe_history(context.repository(), scope, &state.listing, request)
        .map_err(|error| diagnostic(&error))
}

/// A project's path, and the shared paths that count as its own (SPEC E7, `also`).
pub(super) fn paths(project: &Project) -> Vec<&str> {
    let also = project.also.iter().map(|path| path.as_str());
    std::iter::once(project.path.as_str()).chain(also).collect()
}

/// A version or state tag that moved is no basis for another.
pub(super) fn refuse_moved(state: &State, project: &ProjectPath) -> Result<()> {
    let of_project = |name: &str| {
        let tag = name.strip_prefix("refs/tags/").unwrap_or(name);
        let path = tag.rsplit_once('/').map_or("", |(path, _)| path);
        path == project.as_str()
    };
    let Some(moved) = state.moved.iter().find(|moved| of_project(&moved.name)) else {
        return Ok(());
    };
    Err(moved_tag(moved, "no tag was made"))
}

/// Why a version is not given, as users meet it.
pub(super) fn refusal(project: &ProjectPath, error: &NextError) -> Box<Diagnostic> {
    let refused = |code, exit, help: String| {
        Diagnostic::unchanged(code, exit, error.to_string(), "no tag was made").help(help)
    };
    let name_one = || {
        let name = project.join("vX.Y.Z");
        format!("if one is wanted nevertheless, name it: `tagboat version tag {name}`")
    };
    Box::new(match error {
        NextError::NothingAsked { reasons, .. } => {
            let told = refused("version::nothing-new", Exit::Refused, name_one());
            let shown = reasons.iter().take(SHOWN);
            let told = shown.fold(told, |told, reason| told.fact("commit", told_reason(reason)));
            match reasons.len().saturating_sub(SHOWN) {
                0 => told,
                more => told.fact("commit", format!("and {more} more")),
            }
        }
        NextError::Elsewhere { .. } => {
            let help = "merge the branch that has it; or tag a commit that descends from it";
            refused("version::elsewhere", Exit::Refused, help.to_owned())
        }
        NextError::Exists { .. } => {
            let name = project.join("vX.Y.Z");
            let help = format!("name one with higher numbers: `tagboat version tag {name}`");
            refused("version::exists", Exit::Refused, help)
        }
        NextError::Orders { .. } => {
            let help = "take a version that both order alike: dotted pre-releases, as `-rc.2`, are";
            refused("version::orders", Exit::Refused, help.to_owned())
        }
        NextError::NoPrerelease { .. } => {
            let help = "name the pre-release: `tagboat version final api/v1.3.0-rc.2`";
            refused("version::no-prerelease", Exit::Refused, help.to_owned())
        }
        NextError::TooLarge | NextError::Version(_) => {
            refused("usage::version", Exit::Usage, name_one())
        }
    })
}

/// `1a2b3c4 docs: say more: nothing`.
fn told_reason(reason: &Reason) -> String {
    format!("{} {} (asks for {})", reason.commit.short(), reason.subject, reason.asks)
}

/// A version as it is typed: for help.
fn newest(state: &State, project: &ProjectPath) -> String {
    let known: Vec<&Version> = state.listing.versions_of(project).map(|(it, _)| it).collect();
    let newest: Vec<String> = known.iter().rev().take(5).map(ToString::to_string).collect();
    if newest.is_empty() { "none".to_owned() } else { newest.join(", ") }
}

/// There is no such version tag to work on.
pub(super) fn no_such_version(state: &State, version: &Version) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "usage::no-such-tag",
            Exit::Usage,
            format!("there is no version tag {version}"),
            "nothing was done",
        )
        .fact("newest", newest(state, version.path()))
        .help(format!("make it: `tagboat version tag {version}`")),
    )
}
