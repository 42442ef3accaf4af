//! `tagboat version tag` and `final`. In: a project or a version. Out: its tag, here and on the remote.

use serde_json::json;
use tagboat_config::Config;
use tagboat_core::commit::CommitSha;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::listing::{About, Source};
use tagboat_core::next::{NextError, admit, final_version, is_build};
use tagboat_core::ports::Scope;
use tagboat_core::tag::{TagKind, classify};
use tagboat_core::version::{ProjectPath, Version};

use super::super::reading::State;
use super::super::target;
use super::making::{FixedTag, check_pushed, publish, remote};
use super::{
    commit, debian_order, goal, is_meant_as_version, next_of, no_such_version, project, refusal,
    refuse_moved,
};
use crate::cli::version::{FinalArgs, MakeArgs, TagArgs};
use crate::context::Context;

/// Tags.
pub(super) fn run(arguments: &TagArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("version");
    let config = context.config()?;
    let state = State::read(context, &scope, Source::Remote, About::Everything)?;
    target::refuse_shallow(context)?;
    let commit = commit(context, &scope, &arguments.of.commit)?;
    let version = match arguments.what.as_deref().filter(|typed| is_meant_as_version(typed)) {
        Some(typed) => {
            let version = named(config, &state, typed)?;
            refuse_moved(&state, version.path())?;
            if arguments.of.pre.is_some() {
                return Err(no_version(
                    &version,
                    "--pre counts up, and a named version is what it is",
                ));
            }
            admitted(&state, &version, &commit)?;
            version
        }
        None => {
            let project = project(config, arguments.what.as_deref())?;
            refuse_moved(&state, &project.path)?;
            let goal = goal(&arguments.of);
            let next = next_of(context, &scope, &state, project, &commit, goal)?;
            next.map_err(|error| nothing_next(context, &scope, &state, &project.path, &error))?
                .version
        }
    };
    finish(context, &scope, &version, &commit, &arguments.make)
}

/// Why there is no next version. A run that was cut off may have left the last one in this clone alone.
fn nothing_next(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    project: &ProjectPath,
    error: &NextError,
) -> Box<Diagnostic> {
    let told = *refusal(project, error);
    let NextError::NothingAsked { last, .. } = error else { return Box::new(told) };
    let Some(tagged) = state.listing.versions.get(last) else { return Box::new(told) };
    let full = format!("refs/tags/{last}");
    match context.repository().remote_refs(scope, &[&full]) {
        Ok(there) if there.is_empty() => Box::new(
            told.fact("seen", format!("{last} is in this clone, not on the remote"))
                .help(format!("push it: `tagboat version tag {last} --commit {}`", tagged.commit)),
        ),
        // It is there, or the remote does not say: then the reason stands for itself.
        Ok(_) | Err(_) => Box::new(told),
    }
}

/// Drops the pre-release.
pub(super) fn run_final(arguments: &FinalArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("version");
    let config = context.config()?;
    let state = State::read(context, &scope, Source::Remote, About::Everything)?;
    let pre = match arguments.what.as_deref().filter(|typed| is_meant_as_version(typed)) {
        Some(typed) => target::parsed(typed)?,
        None => {
            let project = project(config, arguments.what.as_deref())?;
            let last = state.listing.versions_of(&project.path).last();
            last.map(|(version, _)| version.clone()).ok_or_else(|| never(&project.path))?
        }
    };
    target::known(config, pre.path())?;
    refuse_moved(&state, pre.path())?;
    let tagged = state.listing.versions.get(&pre).ok_or_else(|| no_such_version(&state, &pre))?;
    let commit = tagged.commit.clone();
    if !pre.is_prerelease() {
        return Err(refusal(pre.path(), &NextError::NoPrerelease { commit }));
    }
    let version = final_version(&state.listing, pre.path(), &commit, &debian_order)
        .map_err(|error| refusal(pre.path(), &error))?;
    finish(context, &scope, &version, &commit, &arguments.make)
}

/// The version that was typed, if a tag of that name would be one.
fn named(config: &Config, state: &State, typed: &str) -> Result<Version> {
    let version = target::parsed(typed)?;
    target::known(config, version.path())?;
    if is_build(&version) {
        return Err(no_version(&version, "it reads like a build between tags"));
    }
    match classify(typed, &state.environments) {
        TagKind::Version(_) => Ok(version),
        TagKind::LegacySuffix(_, environment) => {
            let why = format!("it would be a tag of the environment {environment}");
            Err(no_version(&version, &why))
        }
        TagKind::State(..) | TagKind::Environment(..) | TagKind::Foreign => {
            Err(no_version(&version, "it would be no version tag"))
        }
    }
}

fn no_version(version: &Version, why: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "usage::version",
            Exit::Usage,
            format!("{version} cannot be made: {why}"),
            "no tag was made",
        )
        .help("see what comes next: `tagboat version next`"),
    )
}

/// A version that a person named: it may be any that is new, and that SemVer and dpkg order alike.
fn admitted(state: &State, version: &Version, commit: &CommitSha) -> Result<()> {
    let others = state.listing.versions_of(version.path()).map(|(other, _)| other);
    // On the same commit it may be in this clone alone, from a run that was cut off: then it is pushed.
    if let Some(tagged) = state.listing.versions.get(version)
        && tagged.commit != *commit
    {
        return Err(exists(version, tagged.commit.as_str()));
    }
    let others: Vec<&Version> = others.filter(|other| *other != version).collect();
    admit(version, others, &debian_order).map_err(|error| refusal(version.path(), &error))
}

/// Makes the tag and pushes it.
fn finish(
    context: &Context<'_>,
    scope: &Scope<'_>,
    version: &Version,
    commit: &CommitSha,
    make: &MakeArgs,
) -> Result<Exit> {
    let name = version.to_string();
    let remote = remote(context, scope)?;
    let full = format!("refs/tags/{name}");
    if let Some(theirs) = remote.iter().find(|listed| listed.name == full) {
        return Err(exists(version, theirs.target().as_str()));
    }
    check_pushed(context, scope, &remote, commit)?;
    if make.dry_run {
        context.terminal.json(&json!({
            "version": version, "tag": name, "commit_sha": commit, "dry_run": true,
        }));
        context.terminal.say(&name);
        context.terminal.note(&format!("would be tagged on {}, and pushed", commit.short()));
        return Ok(Exit::Done);
    }
    let tag = FixedTag { name, commit, message: make.message.as_deref() };
    let made = publish(context, scope, &tag)?;
    context.terminal.json(&json!({
        "version": version, "tag": tag.name, "commit_sha": commit, "object": made.object,
        "signature": made.signature.word(), "dry_run": false,
    }));
    context.terminal.say(&tag.name);
    let signature = made.signature.word();
    context.terminal.note(&format!("tagged on {}, {signature}, and pushed", commit.short()));
    Ok(Exit::Done)
}

fn exists(version: &Version, commit: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "version::exists",
            Exit::Refused,
            format!("{version} exists already, and a version is given once"),
            "no tag was made",
        )
        .fact("seen", format!("on commit {commit}"))
        .help("see what comes next: `tagboat version next`"),
    )
}

fn never(project: &ProjectPath) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "version::no-prerelease",
            Exit::Refused,
            format!("{project} has no version yet, so no pre-release"),
            "no tag was made",
        )
        .help("make the first: `tagboat version tag`"),
    )
}
