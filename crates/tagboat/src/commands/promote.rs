//! `tagboat promote`: the version of one environment to the next. In: two ledgers. Out: a deployment like any other.

use tagboat_config::Config;
use tagboat_core::commit::CommitSha;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::Attempt;
use tagboat_core::ports::Scope;
use tagboat_core::tag::EnvironmentTag;
use tagboat_core::time::readable;
use tagboat_core::version::Version;

use super::deploy::{Past, Wish, past};
use super::overriding::Overrides;
use super::reading::State;
use super::target;
use super::trust::Trust;
use super::turn::{Asked, Others, in_turn};
use super::version::no_such_version;
use crate::cli::promote::PromoteArgs;
use crate::context::Context;

/// Promotes.
pub(crate) fn run(arguments: &PromoteArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("promote");
    let config = context.config()?;
    let asked = Asked {
        attempt: Attempt::Deploy,
        project: super::project(&arguments.project)?,
        environment: target::environment(config, &arguments.to)?,
        run: &arguments.run,
        others: Others::of(arguments.supersede),
    };
    in_turn(context, &scope, config, &asked, |state| {
        wish(arguments, context, &scope, config, state)
    })
}

/// What to promote, as things are now.
fn wish<'a>(
    arguments: &'a PromoteArgs,
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &'a Config,
    state: &State,
) -> Result<Wish<'a>> {
    let project = target::known(config, &super::project(&arguments.project)?)?;
    let from = target::environment(config, &arguments.from)?;
    let to = target::environment(config, &arguments.to)?;
    if from.name == to.name {
        return Err(same(&arguments.from));
    }
    target::refuse_shallow(context)?;
    let tag = |environment: &tagboat_core::environment::Environment| {
        EnvironmentTag::new(project.path.clone(), environment.name.clone())
    };
    // What is overridden to read a ledger is overridden for this deployment, and stands in its record.
    let overrides = Overrides::of(&arguments.run.overrides);
    let trust = Trust::of(context, config);
    let read = |tag: &EnvironmentTag| past(context, scope, state, &trust, &overrides, tag);
    let (source, goal) = (tag(from), tag(to));
    let (version, recorded) = running(context, &source, &read(&source)?)
        .ok_or_else(|| nothing_runs(&source))?
        .version_or(|commit| no_version(&source, commit))?;
    if let Some(Running::Version(current, _)) = running(context, &goal, &read(&goal)?)
        && current >= version
    {
        return Err(not_higher(&source, &version, &goal, &current));
    }
    let tagged = state.listing.versions.get(&version);
    let commit = tagged.ok_or_else(|| no_such_version(state, &version))?.commit.clone();
    if commit != recorded {
        return Err(another_commit(&source, &version, &recorded, &commit));
    }
    context.terminal.note(&format!("{source} runs {version}: on to {}", to.name));
    Ok(Wish {
        attempt: Attempt::Deploy,
        project,
        environment: to,
        version,
        commit,
        lift_hold: arguments.lift_hold.clone(),
        reason: None,
        overrides,
        run: &arguments.run,
        queued_as: None,
    })
}

/// What an environment runs.
enum Running {
    /// A version, and the commit that it was when it was deployed.
    Version(Version, CommitSha),
    /// A commit to which a lightweight tag leads, and no version tag.
    Commit(CommitSha),
}

impl Running {
    fn version_or(
        self,
        refuse: impl FnOnce(&CommitSha) -> Box<Diagnostic>,
    ) -> Result<(Version, CommitSha)> {
        match self {
            Self::Version(version, commit) => Ok((version, commit)),
            Self::Commit(commit) => Err(refuse(&commit)),
        }
    }
}

/// What an environment's ledger says that it runs, or its lightweight tag from before.
fn running(context: &Context<'_>, tag: &EnvironmentTag, past: &Past) -> Option<Running> {
    if let Some(bare) = &past.bare {
        let commit = bare.commit.clone();
        return Some(match bare.version.clone() {
            Some(version) => Running::Version(version, commit),
            None => Running::Commit(commit),
        });
    }
    let newest = past.history.as_ref()?.ledger().newest();
    if newest.outcome != tagboat_core::deployment::Terminal::Succeeded {
        context.terminal.note(&format!(
            "{tag}: the attempt to deploy {} ended as {} on {}",
            newest.version,
            newest.outcome.word(),
            readable(newest.completed_at),
        ));
    }
    let (version, commit) = newest.current()?;
    Some(Running::Version(version.clone(), commit.clone()))
}

fn same(environment: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "promote::same-environment",
            Exit::Usage,
            format!("--from and --to are both {environment}"),
            "no host was contacted",
        )
        .help("name two environments"),
    )
}

fn nothing_runs(source: &EnvironmentTag) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "promote::nothing-runs",
            Exit::Refused,
            format!("nothing was ever deployed as {source}, so there is nothing to promote"),
            "no host was contacted",
        )
        .help(format!("deploy there first: `tagboat deploy VERSION --env {}`", source.environment)),
    )
}

/// A lightweight tag on a commit that no version tag names: only versions are deployed (SPEC D3).
fn no_version(source: &EnvironmentTag, commit: &CommitSha) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "promote::no-version",
            Exit::Refused,
            format!("{source} runs commit {}, which has no version tag", commit.short()),
            "no host was contacted",
        )
        .fact("tag", "it is lightweight, from before")
        .help(format!(
            "give the commit a version and deploy that: `tagboat version tag {} --commit {}`",
            if source.path.is_root() { "." } else { source.path.as_str() },
            commit.short()
        )),
    )
}

fn not_higher(
    source: &EnvironmentTag,
    version: &Version,
    goal: &EnvironmentTag,
    current: &Version,
) -> Box<Diagnostic> {
    let what = if version == current {
        format!("{goal} runs {version} already")
    } else {
        format!("{goal} runs {current}, which is higher than {version}")
    };
    let (path, environment) = (&goal.path, &goal.environment);
    let project = if path.is_root() { "." } else { path.as_str() };
    Box::new(
        Diagnostic::unchanged("promote::not-higher", Exit::Refused, what, "no host was contacted")
            .fact("from", format!("{source} runs {version}"))
            .help(format!(
                "to go back to a version that ran there: `tagboat rollback {project} --env {environment}`"
            )),
    )
}

fn another_commit(
    source: &EnvironmentTag,
    version: &Version,
    recorded: &CommitSha,
    tagged: &CommitSha,
) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "promote::other-commit",
            Exit::Refused,
            format!("{version} is tagged on another commit than the one that {source} runs"),
            "no host was contacted",
        )
        .fact("deployed", recorded.to_string())
        .fact("tagged", tagged.to_string())
        .help("a version tag never moves: find out who moved it"),
    )
}
