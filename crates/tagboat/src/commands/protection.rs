//! What may stand in the way of a deployment (SPEC D3, E7, V4). In: the configuration, the state, what a person
//! overrides. Out: nothing, or the refusal.

use tagboat_config::Project;
use tagboat_core::commit::ObjectId;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{Attempt, Protection, Signed};
use tagboat_core::listing::{REMOTE_TAGS, TAGS};
use tagboat_core::ports::{Existing, FetchSpec, Scope, TagObject};
use tagboat_core::version::Version;

use super::deploy::Wish;
use super::overriding::Overrides;
use super::reading::State;
use super::repository::{diagnostic, moved_tag};
use super::trust::Trust;
use crate::context::Context;

/// A version tag that moved is no basis for a deployment. A person may go on where it is another than the one that is
/// deployed: one name for two commits would make every record of it a riddle.
pub(crate) fn refuse_moved(
    state: &State,
    version: &Version,
    overrides: &Overrides<'_>,
) -> Result<()> {
    let name = format!("{TAGS}{version}");
    let own = state.moved.iter().find(|moved| moved.name == name);
    let Some(moved) = own.or(state.moved.first()) else { return Ok(()) };
    if own.is_none() && overrides.allow(Protection::MovedTag) {
        return Ok(());
    }
    Err(moved_tag(moved, "no host was contacted"))
}

/// A freeze stops deployments, not the way back. A protection that is configured and that Tagboat cannot enforce
/// stops both: a gate fails closed.
pub(crate) fn check_protections(
    context: &Context<'_>,
    wish: &Wish<'_>,
    overrides: &Overrides<'_>,
) -> Result<()> {
    let (project, environment) = (wish.project, wish.environment);
    let refused = |code, why: String, help: String| {
        let what = format!("{} cannot be deployed to {}: {why}", wish.version, environment.name);
        Err(Box::new(
            Diagnostic::unchanged(code, Exit::Refused, what, "no host was contacted").help(help),
        ))
    };
    let now = context.clock().now();
    let frozen = project.freeze.iter().find(|freeze| {
        let everywhere = freeze.environments.is_empty();
        (everywhere || freeze.environments.contains(&environment.name))
            && (freeze.from..freeze.until).contains(&now)
    });
    if let (Some(freeze), Attempt::Deploy) = (frozen, wish.attempt)
        && !overrides.allow(Protection::Freeze)
    {
        let why = freeze.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let until = tagboat_core::time::readable(freeze.until);
        return refused(
            "deploy::frozen",
            format!("a freeze window is open until {until}{why}"),
            "wait until it is over; in an emergency: `--override freeze=REASON`".to_owned(),
        );
    }
    let hooks = &project.hooks;
    let hooked = [&hooks.before_deploy, &hooks.after_deploy, &hooks.before_rollback];
    if hooked.iter().all(|list| list.is_empty()) {
        return Ok(());
    }
    refused(
        "deploy::unenforceable",
        "this version of Tagboat cannot hold to `hooks`: they are not run".to_owned(),
        "take it out of the configuration, if you can do without it".to_owned(),
    )
}

/// To a protected environment only what a release branch holds (SPEC D3).
pub(crate) fn check_branch(
    context: &Context<'_>,
    scope: &Scope<'_>,
    wish: &Wish<'_>,
    overrides: &Overrides<'_>,
) -> Result<()> {
    let repository = context.repository();
    let failed = |error| diagnostic(&error);
    let mut looked = Vec::new();
    for branch in &wish.project.release_branches {
        let from = format!("refs/heads/{branch}");
        let to = format!("refs/tagboat/remote/heads/{branch}");
        let there = repository.remote_refs(scope, &[&from]).map_err(failed)?;
        if there.is_empty() {
            continue;
        }
        let spec = FetchSpec { from, to: to.clone(), existing: Existing::Overwrite };
        repository.fetch(scope, &[spec]).map_err(failed)?;
        if repository.is_ancestor(scope, &wish.commit, &to).map_err(failed)? {
            return Ok(());
        }
        looked.push(branch.to_string());
    }
    if overrides.allow(Protection::ReleaseBranch) {
        return Ok(());
    }
    let branches = if looked.is_empty() {
        "none of them is on the remote".to_owned()
    } else {
        looked.join(", ")
    };
    Err(Box::new(
        Diagnostic::unchanged(
            "deploy::not-on-release-branch",
            Exit::Refused,
            format!(
                "{} is on no release branch, and {} is protected",
                wish.version, wish.environment.name
            ),
            "no host was contacted",
        )
        .fact("looked at", branches)
        .help(format!(
            "merge commit {} first; the branches are `release_branches`",
            wish.commit.short()
        )),
    ))
}

/// To a protected environment only what one of the project's signers signed, where it has some (SPEC D3).
pub(crate) fn check_signers(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    trust: &Trust,
    wish: &Wish<'_>,
    overrides: &Overrides<'_>,
) -> Result<()> {
    let signed = signed_by_signers(context, scope, state, trust, wish.project, &wish.version)?;
    let Some(signed) = signed else { return Ok(()) };
    if signed.is_good() || overrides.allow(Protection::Signers) {
        return Ok(());
    }
    Err(Box::new(
        Diagnostic::unchanged(
            "deploy::not-signed",
            Exit::Refused,
            format!(
                "{} is signed by none of its project's `signers`, and {} is protected",
                wish.version, wish.environment.name
            ),
            "no host was contacted",
        )
        .fact("tag", signed.to_string())
        .help(format!(
            "let one of them sign a version: `git tag -s`; tags never move, so it is a new one after {}",
            wish.version.semver()
        )),
    ))
}

/// What the signature of a version's tag is worth to the project's signers; `None` where it has none.
pub(crate) fn signed_by_signers(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    trust: &Trust,
    project: &Project,
    version: &Version,
) -> Result<Option<Signed>> {
    let signers = &project.signers;
    if signers.is_empty() {
        return Ok(None);
    }
    let object = version_tag(context, scope, state, version)?;
    let judge = |object: TagObject| trust.judge(context, scope, object.signature.as_ref(), signers);
    Ok(Some(object.map_or(Signed::No, judge)))
}

/// The version's tag object, as the remote has it; `None` where it is lightweight, or calls itself otherwise.
fn version_tag(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    version: &Version,
) -> Result<Option<TagObject>> {
    let (repository, failed) = (context.repository(), |error| diagnostic(&error));
    let read = |id: &ObjectId| {
        let read = repository.tag_objects(scope, std::slice::from_ref(id)).map_err(failed)?;
        Ok::<_, Box<Diagnostic>>(read.into_iter().next().flatten())
    };
    let Some(tagged) = state.listing.versions.get(version) else { return Ok(None) };
    let mut object = read(&tagged.object)?;
    if object.is_none() {
        // A checkout may have made it lightweight here (DESIGN §4): the remote's counts.
        let from = format!("{TAGS}{version}");
        let there = repository.remote_refs(scope, &[&from]).map_err(failed)?;
        if let Some(there) = there.into_iter().find(|listed| listed.peeled.is_some()) {
            let to = format!("{REMOTE_TAGS}{version}");
            let spec = FetchSpec { from, to, existing: Existing::Overwrite };
            repository.fetch(scope, &[spec]).map_err(failed)?;
            object = read(&there.object)?;
        }
    }
    let is_it = |object: &TagObject| {
        object.name == version.to_string() && object.object == *tagged.commit.object()
    };
    Ok(object.filter(is_it))
}
