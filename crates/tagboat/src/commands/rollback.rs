//! `tagboat rollback`: back to a version that ran before. In: the ledger and the marks. Out: the choice with its
//! reasons, and a deployment like any other.

use std::collections::{BTreeMap, BTreeSet};

use tagboat_config::Config;
use tagboat_core::deployment::Terminal as Outcome;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{Attempt, History, HoldChange};
use tagboat_core::ports::Scope;
use tagboat_core::rollback::{
    Rejected, RollbackFacts, RollbackTarget, SelectionCriteria, choose_target, rejection,
};
use tagboat_core::tag::EnvironmentTag;
use tagboat_core::time::readable;
use tagboat_core::version::Version;

use super::deploy::{Wish, past};
use super::overriding::Overrides;
use super::reading::{Bare, State};
use super::target;
use super::trust::Trust;
use super::turn::{Asked, Others, in_turn};
use crate::cli::deploy::RollbackArgs;
use crate::context::Context;

/// Reasons shown for versions that were passed over; the rest is counted.
const SHOWN: usize = 8;

/// Rolls back.
pub(crate) fn run(arguments: &RollbackArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("rollback");
    let config = context.config()?;
    let asked = Asked {
        attempt: Attempt::Rollback,
        project: super::project(&arguments.project)?,
        environment: target::environment(config, &arguments.environment)?,
        run: &arguments.run,
        others: Others::Stay,
    };
    in_turn(context, &scope, config, &asked, |state| {
        choose(arguments, context, &scope, config, state)
    })
}

/// What to go back to, as things are now.
fn choose<'a>(
    arguments: &'a RollbackArgs,
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &'a Config,
    state: &State,
) -> Result<Wish<'a>> {
    let project = target::known(config, &super::project(&arguments.project)?)?;
    let environment = target::environment(config, &arguments.environment)?;
    target::refuse_shallow(context)?;
    let tag = EnvironmentTag::new(project.path.clone(), environment.name.clone());
    let trust = Trust::of(context, config);
    let overrides = Overrides::of(&arguments.run.overrides);
    let past = past(context, scope, state, &trust, &overrides, &tag)?;
    if let Some(bare) = &past.bare {
        return Err(nothing_recorded(&tag, bare));
    }
    let past = past.history;
    let Some((past, current)) = past.as_ref().and_then(|past| Some((past, running(past)?))) else {
        return Err(never_deployed(&tag));
    };
    let ran = Ran::of(past);
    let tagged: BTreeSet<Version> =
        state.listing.versions_of(&project.path).map(|(version, _)| version.clone()).collect();
    let facts = RollbackFacts {
        current: &current,
        environment: &environment.name,
        tagged: &tagged,
        states: &state.listing.states,
        succeeded: &ran.succeeded,
        held: &ran.held,
    };
    let version = match &arguments.to {
        Some(typed) => named(&facts, typed)?,
        None => {
            let chosen = choose_target(&facts, SelectionCriteria::default())
                .map_err(|none| no_candidate(&tag, past, &none.rejected))?;
            tell_choice(context, &chosen);
            chosen.target_version
        }
    };
    let commit = state.listing.versions.get(&version).map(|tagged| tagged.commit.clone());
    let Some(commit) = commit else {
        return Err(tagboat_core::diagnostic::bug(format!("{version} was chosen and has no tag")));
    };
    Ok(Wish {
        attempt: Attempt::Rollback,
        project,
        environment,
        version,
        commit,
        lift_hold: None,
        reason: arguments.reason.clone(),
        overrides,
        run: &arguments.run,
        queued_as: None,
    })
}

fn running(past: &History) -> Option<Version> {
    past.ledger().newest().current().map(|(version, _)| version.clone())
}

/// What an environment's records say of each version.
struct Ran {
    succeeded: BTreeSet<Version>,
    held: BTreeMap<Version, HoldChange>,
}

impl Ran {
    fn of(past: &History) -> Self {
        let successes = past.records().filter(|record| record.outcome == Outcome::Succeeded);
        let succeeded: BTreeSet<Version> = successes.map(|record| record.version.clone()).collect();
        let named: BTreeSet<&Version> =
            past.records().flat_map(|record| &record.holds).map(|change| &change.version).collect();
        let held = named.into_iter().filter_map(|v| Some((v.clone(), past.hold(v)?.clone())));
        Self { held: held.collect(), succeeded }
    }
}

/// The version that a person named, with its path or without, if the rule would allow it.
fn named(facts: &RollbackFacts<'_>, typed: &str) -> Result<Version> {
    let path = facts.current.path();
    let version = if typed.contains('/') {
        target::parsed(typed)?
    } else {
        target::parsed(&path.join(typed))?
    };
    let why = if version.path() == path {
        rejection(&version, facts, SelectionCriteria::default())
    } else {
        Some(format!("is a version of another project than {path}"))
    };
    let Some(why) = why else { return Ok(version) };
    Err(Box::new(
        Diagnostic::unchanged(
            "rollback::not-eligible",
            Exit::Refused,
            format!("{} cannot be rolled back to {version}: it {why}", facts.environment),
            "no host was contacted",
        )
        .fact("current", facts.current.to_string())
        .help("leave --to out, and the rule chooses"),
    ))
}

fn tell_choice(context: &Context<'_>, chosen: &RollbackTarget) {
    let target = &chosen.target_version;
    context.terminal.note(&format!(
        "from {} back to {target}: the newest of {} that may be gone back to",
        chosen.current_version,
        chosen.candidate_versions.len()
    ));
    for Rejected { version, reason } in chosen.rejected_versions.iter().take(SHOWN) {
        context.terminal.note(&format!("  not {version}: it {reason}"));
    }
    let more = chosen.rejected_versions.len().saturating_sub(SHOWN);
    if more > 0 {
        context.terminal.note(&format!("  and {more} more"));
    }
}

fn never_deployed(tag: &EnvironmentTag) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "rollback::never-deployed",
            Exit::Refused,
            format!("nothing was ever deployed as {tag}"),
            "no host was contacted",
        )
        .help("see what runs where: `tagboat status`"),
    )
}

/// A lightweight tag knows of nothing before it.
fn nothing_recorded(tag: &EnvironmentTag, bare: &Bare) -> Box<Diagnostic> {
    let runs = bare.version.as_ref().map_or_else(|| bare.commit.to_string(), ToString::to_string);
    Box::new(
        Diagnostic::unchanged(
            "rollback::no-history",
            Exit::Refused,
            format!("what ran before as {tag} is recorded nowhere: its tag is lightweight"),
            format!("{} still runs {runs}", tag.environment),
        )
        .help(format!(
            "deploy a version you trust: `tagboat deploy VERSION --env {}`; its ledger begins then",
            tag.environment
        )),
    )
}

fn no_candidate(tag: &EnvironmentTag, past: &History, rejected: &[Rejected]) -> Box<Diagnostic> {
    let newest = past.ledger().newest();
    let current = newest.current().map_or_else(String::new, |(version, _)| version.to_string());
    let mut error = Diagnostic::unchanged(
        "rollback::no-candidate",
        Exit::Refused,
        format!("nothing to roll {tag} back to"),
        format!("{} still runs {current}", tag.environment),
    )
    .fact(
        "current",
        format!("{current}, deployed {} by {}", readable(newest.completed_at), newest.triggered_by),
    );
    for Rejected { version, reason } in rejected.iter().take(SHOWN) {
        error = error.fact("rejected", format!("{version}: {reason}"));
    }
    Box::new(error.help(format!(
        "deploy a version you trust: `tagboat deploy VERSION --env {}`",
        tag.environment
    )))
}
