//! `tagboat mark`: what a version is worth. In: a version and a state. Out: the state tag on the version's commit, here
//! and on the remote.

use serde_json::json;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::listing::{About, Source};
use tagboat_core::tag::State as Mark;
use tagboat_core::version::Version;

use super::reading::State;
use super::target;
use super::version::making::{FixedTag, publish, remote};
use super::version::{no_such_version, refuse_moved};
use crate::cli::mark::MarkArgs;
use crate::context::Context;

/// Marks.
pub(crate) fn run(arguments: &MarkArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("mark");
    let version = target::parsed(&arguments.version)?;
    let project = [version.path().clone()];
    let state = State::read(context, &scope, Source::Remote, About::Projects(&project))?;
    refuse_moved(&state, version.path())?;
    let tagged = state.listing.versions.get(&version);
    let commit = &tagged.ok_or_else(|| no_such_version(&state, &version))?.commit;
    let mark = arguments.state.state();
    let name = format!("{version}-{mark}");
    let remote = remote(context, &scope)?;
    let on_remote = |name: &str| {
        let full = format!("refs/tags/{name}");
        remote.iter().find(|listed| listed.name == full)
    };
    if on_remote(&version.to_string()).is_none() {
        return Err(only_here(&version));
    }
    // Deprecated over unstable over stable (SPEC V4).
    let held = state.listing.states.get(&version).copied();
    let outcome = match on_remote(&name) {
        Some(theirs) if theirs.target() != commit.object() => {
            return Err(elsewhere(&name, &version, theirs.target().as_str()));
        }
        Some(_) => "already",
        None if arguments.dry_run => "would",
        None => {
            publish(context, &scope, &FixedTag { name: name.clone(), commit, message: None })?;
            "made"
        }
    };
    let holds = held.map_or(mark, |held| held.max(mark));
    context.terminal.json(&json!({
        "version": version, "state": mark, "holds": holds, "tag": name, "commit_sha": commit,
        "marked": outcome,
    }));
    context.terminal.say(&match outcome {
        "already" => format!("{version} is marked {mark} already"),
        "would" => format!("{version} would be marked {mark}: {name} on {}", commit.short()),
        _ => format!("{version} is marked {mark}"),
    });
    if holds != mark {
        warn_weaker(context, &version, mark, holds);
    }
    Ok(Exit::Done)
}

fn warn_weaker(context: &Context<'_>, version: &Version, mark: Mark, holds: Mark) {
    context.terminal.warn(&format!(
        "{version} is marked {holds} as well, and that holds over {mark}; a mark is never taken back"
    ));
}

fn only_here(version: &Version) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "version::only-here",
            Exit::Refused,
            format!("{version} is in this clone, not on the remote"),
            "no tag was made",
        )
        .help(format!("push it: `git push origin refs/tags/{version}`")),
    )
}

fn elsewhere(name: &str, version: &Version, commit: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "version::exists",
            Exit::Refused,
            format!("the remote has {name} on another commit than {version}"),
            "no tag was made",
        )
        .fact("remote", format!("on commit {commit}"))
        .help("find out who made it: it is no mark of this version"),
    )
}
