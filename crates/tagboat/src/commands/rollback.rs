//! `tagboat rollback`: back to a version that ran before. In: the ledger and the marks. Out: the choice with its
//! reasons, and a deployment like any other.

use std::collections::{BTreeMap, BTreeSet};

use tagboat_config::{Config, Project};
use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal as Outcome;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::Environment;
use tagboat_core::ledger::{Attempt, History, HoldChange, Protection};
use tagboat_core::listing::{About, Source};
use tagboat_core::ports::{Architecture, Scope};
use tagboat_core::rollback::{
    NoCandidate, Rejected, RollbackFacts, RollbackTarget, SelectionCriteria, choose_target,
    rejection,
};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag, State as Mark};
use tagboat_core::time::readable;
use tagboat_core::version::Version;

use super::deploy::{Past, Wish, past};
use super::overriding::Overrides;
use super::protection::signed_by_signers;
use super::published::{published, unpublished};
use super::reading::{Bare, State};
use super::target;
use super::trust::Trust;
use super::turn::{Asked, Others, in_turn};
use crate::cli::deploy::RollbackArgs;
use crate::context::Context;
use crate::terminal::printable;

/// What a choice that was made from this clone alone leaves open.
const NOT_KNOWN: [&str; 4] = [
    "what the remote holds now",
    "what the hosts run, and whether they can be reached",
    "whether the package can be fetched",
    "whether a protection stands in the way: a freeze window, a release branch",
];

/// Reasons shown for versions that were passed over; the rest is counted.
const SHOWN: usize = 8;

/// Rolls back.
pub(crate) fn run(arguments: &RollbackArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("rollback");
    let config = context.config()?;
    if arguments.offline {
        let project = [super::project(&arguments.project)?];
        let state = State::read(context, &scope, Source::Clone, About::Projects(&project))?;
        let (wish, current) = wish(arguments, context, &scope, config, &state)?;
        state.warn(context, Source::Clone);
        tell_offline(context, &wish, &current);
        return Ok(Exit::Done);
    }
    let asked = Asked {
        attempt: Attempt::Rollback,
        project: super::project(&arguments.project)?,
        environment: target::environment(config, &arguments.environment)?,
        run: &arguments.run,
        others: Others::Stay,
    };
    in_turn(context, &scope, config, &asked, |state| {
        wish(arguments, context, &scope, config, state).map(|(wish, _)| wish)
    })
}

/// What to go back to, as things are now, and from what.
fn wish<'a>(
    arguments: &'a RollbackArgs,
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &'a Config,
    state: &State,
) -> Result<(Wish<'a>, Version)> {
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
    let (Some(history), Some((current, _))) = (&past.history, past.running()) else {
        return Err(never_deployed(&tag));
    };
    let pool = (!arguments.offline)
        .then(|| published(&context.path(config.publish.folder.as_str()), project.name.as_str()));
    let asking = Asking { context, scope, state, trust: &trust, pool: pool.as_deref() };
    let mut known = Known::of(&asking, environment, history, current);
    let version = match &arguments.to {
        Some(typed) => named(&known.facts(), typed)?,
        None => {
            let chosen = choose(&asking, &mut known, project, environment, &overrides)?
                .map_err(|none| no_candidate(&tag, history, &known.current, &none.rejected))?;
            tell_choice(context, &chosen);
            chosen.target_version
        }
    };
    let commit = state.listing.versions.get(&version).map(|tagged| tagged.commit.clone());
    let Some(commit) = commit else {
        return Err(tagboat_core::diagnostic::bug(format!("{version} was chosen and has no tag")));
    };
    let wish = Wish {
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
    };
    Ok((wish, known.current))
}

/// What a choice asks.
pub(crate) struct Asking<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) scope: &'a Scope<'a>,
    pub(crate) state: &'a State,
    pub(crate) trust: &'a Trust,
    /// What the repository has of the project's package; none where that is not asked.
    pub(crate) pool: Option<&'a [(String, Architecture)]>,
}

/// What an environment's records say of each version, and what a deployment would say of it.
struct Known<'a> {
    current: Version,
    environment: &'a EnvironmentName,
    tagged: BTreeSet<Version>,
    states: &'a BTreeMap<Version, Mark>,
    succeeded: BTreeSet<Version>,
    held: BTreeMap<Version, HoldChange>,
    refused: BTreeMap<Version, String>,
}

impl<'a> Known<'a> {
    fn of(
        asking: &Asking<'a>,
        environment: &'a Environment,
        past: &History,
        current: Version,
    ) -> Self {
        let listing = &asking.state.listing;
        let tagged = listing.versions_of(current.path()).map(|(version, _)| version.clone());
        // The newest success of each counts: records are newest first.
        let mut succeeded: BTreeMap<&Version, &CommitSha> = BTreeMap::new();
        for record in past.records().filter(|record| record.outcome == Outcome::Succeeded) {
            succeeded.entry(&record.version).or_insert(&record.commit);
        }
        let mut refused = BTreeMap::new();
        for (&version, &ran) in &succeeded {
            let missing =
                asking.pool.and_then(|pool| unpublished(pool, version, environment.every_host()));
            if listing.versions.get(version).is_some_and(|tagged| tagged.commit != *ran) {
                let why = "is tagged on another commit than the one that ran there";
                refused.insert(version.clone(), why.to_owned());
            } else if let Some(architecture) = missing {
                let why = format!("has no package for {architecture} in the repository");
                refused.insert(version.clone(), why);
            }
        }
        let named: BTreeSet<&Version> =
            past.records().flat_map(|record| &record.holds).map(|change| &change.version).collect();
        let held = named.into_iter().filter_map(|v| Some((v.clone(), past.hold(v)?.clone())));
        Self {
            environment: &environment.name,
            tagged: tagged.collect(),
            states: &listing.states,
            held: held.collect(),
            succeeded: succeeded.into_keys().cloned().collect(),
            refused,
            current,
        }
    }

    fn facts(&self) -> RollbackFacts<'_> {
        RollbackFacts {
            current: &self.current,
            environment: self.environment,
            tagged: &self.tagged,
            states: self.states,
            succeeded: &self.succeeded,
            held: &self.held,
            refused: &self.refused,
        }
    }
}

/// Chooses by the rule, and goes on to the next where a gate would refuse the deployment.
fn choose(
    asking: &Asking<'_>,
    known: &mut Known<'_>,
    project: &Project,
    environment: &Environment,
    overrides: &Overrides<'_>,
) -> Result<std::result::Result<RollbackTarget, NoCandidate>> {
    let Asking { context, scope, state, trust, .. } = asking;
    let is_protected = environment.is_production || environment.requires_approval;
    loop {
        let chosen = match choose_target(&known.facts(), SelectionCriteria::default()) {
            Ok(chosen) if is_protected => chosen,
            decided => return Ok(decided),
        };
        let version = &chosen.target_version;
        match signed_by_signers(context, scope, state, trust, project, version)? {
            Some(signed) if !signed.is_good() && !overrides.allow(Protection::Signers) => {
                let why = format!("is signed by none of its project's `signers`: {signed}");
                known.refused.insert(version.clone(), why);
            }
            Some(_) | None => return Ok(Ok(chosen)),
        }
    }
}

/// Where a roll-back would go today (SPEC D7).
pub(crate) struct Today {
    current: Version,
    environment: EnvironmentName,
    chosen: std::result::Result<RollbackTarget, NoCandidate>,
}

/// What is told where there is no record that a roll-back could be chosen from.
pub(crate) const NO_PAST: &str = "a roll-back today\n  to nothing: no record tells what ran before";

/// Looks, without a word of a person; `None` where no record tells what ran.
pub(crate) fn today(
    asking: &Asking<'_>,
    project: &Project,
    environment: &Environment,
    past: &Past,
) -> Result<Option<Today>> {
    let (Some(history), Some((current, _))) = (&past.history, past.running()) else {
        return Ok(None);
    };
    let mut known = Known::of(asking, environment, history, current.clone());
    let chosen = choose(asking, &mut known, project, environment, &Overrides::default())?;
    Ok(Some(Today { current, environment: environment.name.clone(), chosen }))
}

impl Today {
    /// In the fields of SPEC R1; without a candidate there is no target.
    pub(crate) fn json(&self) -> serde_json::Value {
        match &self.chosen {
            Ok(target) => serde_json::json!(target),
            Err(NoCandidate { rejected }) => serde_json::json!({
                "current_version": self.current,
                "target_version": null,
                "environment": self.environment,
                "selection_criteria": SelectionCriteria::default(),
                "candidate_versions": [],
                "rejected_versions": rejected,
            }),
        }
    }

    /// For people.
    pub(crate) fn told(&self) -> String {
        let (to, rejected) = match &self.chosen {
            Ok(chosen) => {
                (format!("{}: {}", chosen.target_version, why_chosen(chosen)), passed_over(chosen))
            }
            Err(none) => {
                ("nothing: no version may be gone back to".to_owned(), none_of(none, &self.current))
            }
        };
        let mut lines = vec!["a roll-back today".to_owned(), format!("  to {to}")];
        // Reasons of holds are people's words.
        lines.extend(shown(&rejected).map(|rejected| printable(&format!("  {rejected}"))));
        lines.join("\n")
    }
}

/// `the newest stable of 3 that may be gone back to`.
fn why_chosen(chosen: &RollbackTarget) -> String {
    let count = chosen.candidate_versions.len();
    let newest = chosen.candidate_versions.first() == Some(&chosen.target_version);
    match (count, newest) {
        (1, _) => "the only one that may be gone back to".to_owned(),
        (_, true) => format!("the newest of {count} that may be gone back to"),
        (_, false) => format!("the newest stable of {count} that may be gone back to"),
    }
}

/// Versions that a reader could have expected before the target; the others are in the JSON form.
fn passed_over(chosen: &RollbackTarget) -> Vec<&Rejected> {
    let between = &chosen.target_version..&chosen.current_version;
    chosen.rejected_versions.iter().filter(|it| between.contains(&&it.version)).collect()
}

/// The same where there is no target.
fn none_of<'n>(none: &'n NoCandidate, current: &Version) -> Vec<&'n Rejected> {
    none.rejected.iter().filter(|rejected| rejected.version < *current).collect()
}

/// The first of them, and how many more there are.
fn shown<'r>(rejected: &'r [&Rejected]) -> impl Iterator<Item = String> + use<'r> {
    let more = rejected.len().saturating_sub(SHOWN);
    let told = rejected.iter().take(SHOWN);
    let told = told.map(|Rejected { version, reason }| format!("not {version}: it {reason}"));
    told.chain((more > 0).then(|| format!("and {more} more")))
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

/// Where it would go, by this clone alone: no host is asked, so there is no plan.
fn tell_offline(context: &Context<'_>, wish: &Wish<'_>, current: &Version) {
    let (environment, target, commit) = (&wish.environment.name, &wish.version, &wish.commit);
    context.terminal.json(&serde_json::json!({
        "environment": environment,
        "current_version": current,
        "target_version": target,
        "commit_sha": commit,
        "not_known": NOT_KNOWN,
        "offline": true,
    }));
    context.terminal.say(&format!(
        "{environment} would go from {current} back to {target}, commit {}",
        commit.short()
    ));
    for open in NOT_KNOWN {
        context.terminal.note(&format!("not known: {open}"));
    }
}

fn tell_choice(context: &Context<'_>, chosen: &RollbackTarget) {
    let RollbackTarget { current_version: from, target_version: to, .. } = chosen;
    context.terminal.note(&format!("from {from} back to {to}: {}", why_chosen(chosen)));
    for rejected in shown(&passed_over(chosen)) {
        context.terminal.note(&format!("  {rejected}"));
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

fn no_candidate(
    tag: &EnvironmentTag,
    past: &History,
    current: &Version,
    rejected: &[Rejected],
) -> Box<Diagnostic> {
    let mut error = Diagnostic::unchanged(
        "rollback::no-candidate",
        Exit::Refused,
        format!("nothing to roll {tag} back to"),
        format!("{} still runs {current}", tag.environment),
    );
    let brought = past
        .records()
        .find(|record| record.outcome == Outcome::Succeeded && record.version == *current);
    let brought = brought.map(|record| {
        format!(", deployed {} by {}", readable(record.completed_at), record.triggered_by)
    });
    error = error.fact("current", format!("{current}{}", brought.unwrap_or_default()));
    // What is lower comes first: that the higher ones are none is no news.
    let (lower, higher): (Vec<_>, Vec<_>) =
        rejected.iter().partition(|rejected| rejected.version < *current);
    for Rejected { version, reason } in lower.iter().chain(&higher).take(SHOWN) {
        error = error.fact("rejected", format!("{version}: {reason}"));
    }
    let more = rejected.len().saturating_sub(SHOWN);
    if more > 0 {
        error = error.fact("rejected", format!("and {more} more"));
    }
    Box::new(error.help(format!(
        "deploy a version you trust: `tagboat deploy VERSION --env {}`",
        tag.environment
    )))
}
