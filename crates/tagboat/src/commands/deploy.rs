//! `tagboat deploy` and `plan`: a version to an environment. In: configuration, state, hosts. Out: the plan, the
//! deployment, its report.

use std::collections::BTreeMap;
use std::time::Duration;

use tagboat_config::{Config, Project, VersionCheck};
use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::DeploymentId;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::{Environment, Host, HostName, RegionName};
use tagboat_core::ledger::{Attempt, History, Protection, Record, Signed};
use tagboat_core::ports::{Architecture, Scope, TagSigner};
use tagboat_core::tag::EnvironmentTag;
use tagboat_core::version::Version;
use tagboat_deploy::apply::{Ports, apply};
use tagboat_deploy::host::HostFacts;
use tagboat_deploy::observe::{Facts, Hosts, observe_hosts};
use tagboat_deploy::plan::{DeployPlan, PlannedHost, PlannedPart, Previous, Signing};
use tagboat_deploy::request::{
    DeployRequest, HealthRequest, LostWayBack, PATIENCE, RequestedPart, VersionAnswer,
};

use tagboat_report::log_line::LogContext;
use tagboat_report::pipeline_report::Subject;

use super::Doing;
use super::history::signature_json;
use super::overriding::Overrides;
use super::protection::{check_branch, check_protections, check_signers, refuse_moved};
use super::published::{published, unpublished};
use super::reading::{Bare, Holding, State};
use super::rollback::{self, Asking, Today};
use super::target;
use super::trust::Trust;
use super::turn::{Asked, Others, in_turn};
use super::variables::check_run_time;
use crate::cli::deploy::{DeployArgs, HostArgs, PlanArgs, RunArgs};
use crate::context::Context;
use crate::report;

/// What a deployment is asked with, whichever verb asks.
pub(crate) struct Wish<'a> {
    pub(crate) attempt: Attempt,
    pub(crate) project: &'a Project,
    pub(crate) environment: &'a Environment,
    pub(crate) version: Version,
    pub(crate) commit: CommitSha,
    pub(crate) lift_hold: Option<String>,
    pub(crate) reason: Option<String>,
    /// What a person overrides, and what of it was needed so far.
    pub(crate) overrides: Overrides<'a>,
    pub(crate) run: &'a RunArgs,
    /// The id under which it waits in the queue.
    pub(crate) queued_as: Option<DeploymentId>,
}

/// Deploys.
pub(crate) fn run(arguments: &DeployArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("deploy");
    let config = context.config()?;
    let environment = target::environment(config, &arguments.environment)?;
    let asked = Asked {
        attempt: Attempt::Deploy,
        project: target::parsed(&arguments.version)?.path().clone(),
        environment,
        run: &arguments.run,
        others: Others::of(arguments.supersede),
    };
    in_turn(context, &scope, config, &asked, |state| {
        let (project, version, commit) =
            target::version(context, &scope, config, state, &arguments.version)?;
        Ok(Wish {
            attempt: Attempt::Deploy,
            project,
            environment,
            version,
            commit,
            lift_hold: arguments.lift_hold.clone(),
            reason: None,
            overrides: Overrides::of(&arguments.run.overrides),
            run: &arguments.run,
            queued_as: None,
        })
    })
}

/// Shows a plan.
pub(crate) fn plan(arguments: &PlanArgs, context: &Context<'_>) -> Result<Exit> {
    let arguments = DeployArgs {
        version: arguments.version.clone(),
        environment: arguments.environment.clone(),
        lift_hold: arguments.lift_hold.clone(),
        supersede: false,
        run: RunArgs {
            wait: None,
            detach: false,
            hosts: HostArgs { identity: arguments.hosts.identity.clone() },
            signing_key: None,
            overrides: arguments.overrides.clone(),
            dry_run: true,
        },
    };
    run(&arguments, context)
}

/// Plans, and carries out what was planned.
pub(crate) fn carry_out(
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &Config,
    state: &State,
    wish: Wish<'_>,
) -> Result<Exit> {
    let subject = Subject {
        attempt: wish.attempt,
        version: &wish.version.clone(),
        environment: &wish.environment.name,
    };
    let planned = planned(context, scope, config, state, &wish);
    if wish.run.dry_run {
        let Planned { plan, rollback, .. } = planned?;
        let mut json = plan_json(&plan);
        json["rollback"] = rollback.as_ref().map_or(serde_json::Value::Null, Today::json);
        context.terminal.json(&json);
        context.terminal.say(plan.to_string().trim_end());
        let today = rollback.as_ref().map(Today::told);
        context.terminal.say(today.as_deref().unwrap_or(rollback::NO_PAST));
        return Ok(Exit::Done);
    }
    let Planned { plan, facts, hosts, signer, rollback: _ } = planned.inspect_err(|error| {
        report::refusal(context, refused_id(context, &wish), &subject, error);
    })?;
    context.terminal.note(&format!("ledger of {}: {}", plan.request.tag, plan.told_ledger()));
    if let Some(overridden) = &plan.request.override_reason {
        context.terminal.warn(&format!("overridden, and recorded: {overridden}"));
    }
    context.terminal.log_about(LogContext {
        commit_sha: Some(plan.head.commit.clone()),
        branch: context.variable("GITHUB_REF_NAME"),
        workflow_run_id: Some(plan.head.workflow_run_id.clone()),
    });
    let ports = Ports {
        repository: context.repository(),
        hosts: &hosts,
        clock: context.clock(),
        signer: signer.as_deref(),
    };
    let record = apply(scope, &plan, &facts, &ports).inspect_err(|error| {
        report::refusal(context, plan.head.workflow_run_id.clone(), &subject, error);
    })?;
    report::deployment(context, &plan, record)
}

/// A plan, what it relies on, and the ways to its hosts.
struct Planned {
    plan: DeployPlan,
    facts: Facts,
    hosts: Hosts<'static>,
    signer: Option<Box<dyn TagSigner>>,
    /// Where a roll-back would go today, where the plan is only shown.
    rollback: Option<Today>,
}

fn planned(
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &Config,
    state: &State,
    wish: &Wish<'_>,
) -> Result<Planned> {
    let overrides = &wish.overrides;
    let trust = Trust::of(context, config);
    refuse_moved(state, &wish.version, overrides)?;
    check_protections(context, wish, overrides)?;
    check_run_time(context, config, wish)?;
    if wish.environment.is_production || wish.environment.requires_approval {
        check_branch(context, scope, wish, overrides)?;
        check_signers(context, scope, state, &trust, wish, overrides)?;
    }
    let tag = EnvironmentTag::new(wish.project.path.clone(), wish.environment.name.clone());
    let past = past(context, scope, state, &trust, overrides, &tag)?;
    let pool = published(&context.path(config.publish.folder.as_str()), wish.project.name.as_str());
    let lost_way_back = lost_way_back(wish, &past, &pool);
    let rollback = match Doing::of(wish.run.dry_run) {
        Doing::All => None,
        Doing::Plan => {
            let asking = Asking { context, scope, state, trust: &trust, pool: Some(&pool) };
            rollback::today(&asking, wish.project, wish.environment, &past)?
        }
    };
    let request = request(context, config, wish, overrides.settle()?, lost_way_back)?;
    // The key is tried before a host is asked for anything: the record is the last step. A plan that is only shown
    // uses no key: it says what the configuration asks for.
    let (signer, signs) = match Doing::of(wish.run.dry_run) {
        Doing::All => {
            let key = wish.run.signing_key.as_ref();
            let signer = trust.signer(context, scope, &wish.environment.name, key)?;
            let signs = signer.is_some();
            (signer, signs)
        }
        Doing::Plan => (None, !trust.ledger_signers.is_empty()),
    };
    let signing = if signs { Signing::Signed } else { Signing::Unsigned };
    let hosts = context.hosts(request.hosts(), wish.run.hosts.identity.as_deref())?;
    let seen = observe_hosts(scope, &request, &hosts)?;
    let facts = facts(context, state, &request, past, signing, pool, seen);
    let plan = tagboat_deploy::plan::plan(&facts, request)?;
    Ok(Planned { plan, facts, hosts, signer, rollback })
}

/// Whether what runs could be put back, as far as packages go; where it could not, whether a person accepted that.
fn lost_way_back(wish: &Wish<'_>, past: &Past, pool: &[(String, Architecture)]) -> LostWayBack {
    let lost = past.running().is_some_and(|(version, _)| {
        unpublished(pool, &version, wish.environment.every_host()).is_some()
    });
    match lost && wish.overrides.allow(Protection::WayBack) {
        true => LostWayBack::Accepted,
        false => LostWayBack::Refused,
    }
}

/// The id of a run that was refused before there was a plan (SPEC D1).
fn refused_id(context: &Context<'_>, wish: &Wish<'_>) -> String {
    context.variable("GITHUB_RUN_ID").unwrap_or_else(|| {
        let new = || DeploymentId::new(context.clock().now(), &wish.commit, |_| false);
        format!("local-{}", wish.queued_as.clone().unwrap_or_else(new))
    })
}

fn plan_json(plan: &DeployPlan) -> serde_json::Value {
    let names = |hosts: &[PlannedHost]| {
        hosts.iter().map(|planned| planned.host.name.to_string()).collect::<Vec<_>>()
    };
    let region = |part: &PlannedPart| {
        let PlannedPart { head, hosts } = part;
        serde_json::json!({
            "region": head.region, "deployment_id": head.deployment_id, "hosts": names(hosts),
        })
    };
    serde_json::json!({
        "deployment_id": plan.head.deployment_id,
        "version": plan.head.version,
        "environment": plan.head.environment,
        "previous_version": plan.head.previous_version,
        "ledger_signature": plan.ledger.as_ref().map(signature_json),
        "will_sign": plan.signing == Signing::Signed,
        "override_reason": plan.request.override_reason,
        "lost_way_back": plan.lost_way_back,
        "deployments": plan.queued(),
        "regions": plan.parts.iter().map(region).collect::<Vec<_>>(),
        "hosts": plan.hosts().map(|planned| planned.host.name.as_str()).collect::<Vec<_>>(),
        "steps": plan.steps(),
    })
}

fn request(
    context: &Context<'_>,
    config: &Config,
    wish: &Wish<'_>,
    override_reason: Option<String>,
    lost_way_back: LostWayBack,
) -> Result<DeployRequest> {
    let project = wish.project;
    let (Some(_), Some(health)) = (&project.target, &project.health) else {
        return Err(Box::new(
            Diagnostic::unchanged(
                "deploy::no-target",
                Exit::Usage,
                format!("the project {} is not deployed", project.path),
                "nothing was done",
            )
            .help("give it `target: apt` and `health` in config/ci-cd/build-config.yml"),
        ));
    };
    let part = |(region, hosts): (Option<&RegionName>, &[Host])| RequestedPart {
        region: region.cloned(),
        hosts: hosts.to_vec(),
    };
    Ok(DeployRequest {
        attempt: wish.attempt,
        tag: EnvironmentTag::new(project.path.clone(), wish.environment.name.clone()),
        version: wish.version.clone(),
        commit: wish.commit.clone(),
        package: project.name.to_string(),
        parts: wish.environment.parts().map(part).collect(),
        health: HealthRequest {
            port: health.port,
            path: health.path.to_string(),
            critical: health.critical.clone(),
            version: match health.version {
                VersionCheck::Checked => VersionAnswer::Checked,
                VersionCheck::Unchecked => VersionAnswer::Unchecked,
            },
            policy: health.gate.clone(),
        },
        repository: context.path(config.publish.folder.as_str()),
        triggered_by: who(context),
        workflow_run_id: context.variable("GITHUB_RUN_ID"),
        lift_hold: wish.lift_hold.clone(),
        reason: wish.reason.clone(),
        override_reason,
        lost_way_back,
        queued_as: wish.queued_as.clone(),
        patience: wish.run.wait.map_or(PATIENCE, Duration::from_secs),
    })
}

/// Who asks: GitHub's actor in its pipelines, else the user of this machine.
pub(crate) fn who(context: &Context<'_>) -> String {
    let named = ["GITHUB_ACTOR", "SUDO_USER", "USER", "LOGNAME"];
    named.iter().find_map(|name| context.variable(name)).unwrap_or_else(|| "unknown".to_owned())
}

/// What the remote says of an environment.
pub(crate) struct Past {
    /// Every record; none before the first deployment.
    pub(crate) history: Option<History>,
    /// What the ledger's signature says; none where there is no ledger.
    pub(crate) signed: Option<Signed>,
    /// What a lightweight tag from before the ledger says.
    pub(crate) bare: Option<Bare>,
}

impl Past {
    /// The version that runs, and its commit: as the ledger says it, or the version tag that a lightweight one leads to.
    pub(crate) fn running(&self) -> Option<(Version, CommitSha)> {
        let newest = self.history.as_ref().map(|history| history.ledger().newest());
        match newest.and_then(Record::current) {
            Some((version, commit)) => Some((version.clone(), commit.clone())),
            None => {
                let Bare { commit, version } = self.bare.as_ref()?;
                Some((version.clone()?, commit.clone()))
            }
        }
    }
}

/// Reads it.
pub(crate) fn past(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    trust: &Trust,
    overrides: &Overrides<'_>,
    tag: &EnvironmentTag,
) -> Result<Past> {
    let mut holdings = state.holdings(context, scope, trust, overrides, [tag])?;
    let none = Past { history: None, signed: None, bare: None };
    match holdings.remove(tag) {
        None => Ok(none),
        Some(holding) => match holding? {
            Holding::Bare(bare) => Ok(Past { bare: Some(bare), ..none }),
            Holding::Ledger(ledger, signed) => {
                let history = state.history(context, scope, ledger)??;
                Ok(Past { history: Some(history), signed: Some(signed), ..none })
            }
        },
    }
}

fn facts(
    context: &Context<'_>,
    state: &State,
    request: &DeployRequest,
    past: Past,
    signing: Signing,
    pool: Vec<(String, Architecture)>,
    hosts: BTreeMap<HostName, HostFacts>,
) -> Facts {
    let adopted = past
        .bare
        .and_then(|Bare { commit, version }| version.map(|version| Previous { version, commit }));
    Facts {
        history: past.history,
        adopted,
        ledger: past.signed,
        signing,
        tag_object: state.listing.ledgers.get(&request.tag).cloned(),
        hosts,
        published: pool,
        now: context.clock().now(),
    }
}
