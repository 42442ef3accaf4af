//! `tagboat deploy` and `plan`: a version to an environment. In: configuration, state, hosts. Out: the plan, the
//! deployment, its report.

use std::time::Duration;

use tagboat_config::{Config, Project, VersionCheck};
use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::DeploymentId;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::{Environment, Host};
use tagboat_core::ledger::{Attempt, History};
use tagboat_core::listing::Source;
use tagboat_core::ports::{Architecture, Scope};
use tagboat_core::tag::EnvironmentTag;
use tagboat_core::version::Version;
use tagboat_deploy::apply::{Ports, apply};
use tagboat_deploy::observe::{Facts, Hosts, observe_hosts};
use tagboat_deploy::plan::DeployPlan;
use tagboat_deploy::request::{DeployRequest, HealthRequest, VersionAnswer};

use tagboat_report::log_line::LogContext;
use tagboat_report::pipeline_report::Subject;

use super::reading::State;
use super::repository::diagnostic;
use super::target;
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
    pub(crate) run: &'a RunArgs,
}

/// Deploys.
pub(crate) fn run(arguments: &DeployArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("deploy");
    let config = context.config()?;
    let state = State::read(context, &scope, Source::Remote)?;
    let (project, version, commit) =
        target::version(context, &scope, &config, &state, &arguments.version)?;
    let wish = Wish {
        attempt: Attempt::Deploy,
        project,
        environment: target::environment(&config, &arguments.environment)?,
        version,
        commit,
        lift_hold: arguments.lift_hold.clone(),
        reason: None,
        run: &arguments.run,
    };
    carry_out(context, &scope, &config, &state, wish)
}

/// Shows a plan.
pub(crate) fn plan(arguments: &PlanArgs, context: &Context<'_>) -> Result<Exit> {
    let arguments = DeployArgs {
        version: arguments.version.clone(),
        environment: arguments.environment.clone(),
        lift_hold: None,
        run: RunArgs {
            wait: 30,
            hosts: HostArgs { identity: arguments.hosts.identity.clone() },
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
        let plan = planned?.plan;
        context.terminal.json(&plan_json(&plan));
        context.terminal.say(plan.to_string().trim_end());
        return Ok(Exit::Done);
    }
    let Planned { plan, facts, hosts } = planned.inspect_err(|error| {
        report::refusal(context, refused_id(context, &wish), &subject, error);
    })?;
    context.terminal.log_about(LogContext {
        commit_sha: Some(plan.head.commit.clone()),
        branch: context.variable("GITHUB_REF_NAME"),
        workflow_run_id: Some(plan.head.workflow_run_id.clone()),
    });
    let ports = Ports { repository: context.repository(), hosts: &hosts, clock: context.clock() };
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
}

fn planned(
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &Config,
    state: &State,
    wish: &Wish<'_>,
) -> Result<Planned> {
    refuse_moved(state)?;
    check_protections(context, config, wish)?;
    let request = request(context, config, wish)?;
    if wish.environment.is_production || wish.environment.requires_approval {
        check_branch(context, scope, wish)?;
    }
    let history = history(context, scope, state, &request.tag)?;
    let hosts = context.hosts(&request.hosts, wish.run.hosts.identity.as_deref())?;
    let facts = facts(context, scope, state, &request, history, &hosts)?;
    let plan = tagboat_deploy::plan::plan(&facts, request)?;
    Ok(Planned { plan, facts, hosts })
}

/// The id of a run that was refused before there was a plan (SPEC D1).
fn refused_id(context: &Context<'_>, wish: &Wish<'_>) -> String {
    context.variable("GITHUB_RUN_ID").unwrap_or_else(|| {
        format!("local-{}", DeploymentId::new(context.clock().now(), &wish.commit, |_| false))
    })
}

fn plan_json(plan: &DeployPlan) -> serde_json::Value {
    serde_json::json!({
        "deployment_id": plan.head.deployment_id,
        "version": plan.head.version,
        "environment": plan.head.environment,
        "previous_version": plan.head.previous_version,
        "hosts": plan.hosts.iter().map(|planned| planned.host.name.as_str()).collect::<Vec<_>>(),
        "steps": plan.steps(),
    })
}

/// A version tag that moved is no basis for a deployment.
fn refuse_moved(state: &State) -> Result<()> {
    let Some(moved) = state.moved.first() else { return Ok(()) };
    Err(Box::new(
        Diagnostic::unchanged(
            "git::moved-tag",
            Exit::Refused,
            format!("{} moved, and version tags never move", moved.name),
            "no host was contacted",
        )
        .fact("here", moved.ours.to_string())
        .fact("remote", moved.theirs.to_string())
        .help("find out who moved it; then put it back, or remove it from the clone that is wrong"),
    ))
}

/// A freeze stops deployments, not the way back. A protection that is configured and that Tagboat cannot enforce
/// stops both: a gate fails closed.
fn check_protections(context: &Context<'_>, config: &Config, wish: &Wish<'_>) -> Result<()> {
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
    if let (Some(freeze), Attempt::Deploy) = (frozen, wish.attempt) {
        let why = freeze.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let until = tagboat_core::time::readable(freeze.until);
        return refused(
            "deploy::frozen",
            format!("a freeze window is open until {until}{why}"),
            "wait until it is over, or end it in config/ci-cd/build-config.yml".to_owned(),
        );
    }
    let hooks = &project.hooks;
    let hooked = [&hooks.before_deploy, &hooks.after_deploy, &hooks.before_rollback];
    let needed = project.variables.run_time.iter().find(|variable| variable.required);
    let unenforceable = if !project.signers.is_empty() {
        Some("`signers`: signatures of versions are not checked".to_owned())
    } else if config.signed_ledgers.contains(&environment.name) {
        Some("`require_signed_ledger`: ledgers are not signed".to_owned())
    } else if hooked.iter().any(|list| !list.is_empty()) {
        Some("`hooks`: they are not run".to_owned())
    } else {
        needed.map(|variable| {
            format!("the required variable {}: secrets are not read", variable.name)
        })
    };
    match unenforceable {
        None => Ok(()),
        Some(what) => refused(
            "deploy::unenforceable",
            format!("this version of Tagboat cannot hold to {what}"),
            "take it out of the configuration, if you can do without it".to_owned(),
        ),
    }
}

/// To a protected environment only what a release branch holds (SPEC D3).
fn check_branch(context: &Context<'_>, scope: &Scope<'_>, wish: &Wish<'_>) -> Result<()> {
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
        let spec = tagboat_core::ports::FetchSpec {
            from,
            to: to.clone(),
            existing: tagboat_core::ports::Existing::Overwrite,
        };
        repository.fetch(scope, &[spec]).map_err(failed)?;
        if repository.is_ancestor(scope, &wish.commit, &to).map_err(failed)? {
            return Ok(());
        }
        looked.push(branch.to_string());
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

fn request(context: &Context<'_>, config: &Config, wish: &Wish<'_>) -> Result<DeployRequest> {
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
    let hosts: Vec<Host> = wish.environment.every_host().cloned().collect();
    Ok(DeployRequest {
        attempt: wish.attempt,
        tag: EnvironmentTag::new(project.path.clone(), wish.environment.name.clone()),
        version: wish.version.clone(),
        commit: wish.commit.clone(),
        package: project.name.to_string(),
        hosts,
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
        patience: Duration::from_secs(wish.run.wait),
    })
}

/// Who asks: GitHub's actor in its pipelines, else the user of this machine.
fn who(context: &Context<'_>) -> String {
    let named = ["GITHUB_ACTOR", "SUDO_USER", "USER", "LOGNAME"];
    named.iter().find_map(|name| context.variable(name)).unwrap_or_else(|| "unknown".to_owned())
}

/// Every record of an environment; none before its first deployment.
pub(crate) fn history(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    tag: &EnvironmentTag,
) -> Result<Option<History>> {
    let mut ledgers = state.ledgers(context, scope, [tag])?;
    match ledgers.remove(tag) {
        None => Ok(None),
        Some(ledger) => Ok(Some(state.history(context, scope, ledger?)??)),
    }
}

fn facts(
    context: &Context<'_>,
    scope: &Scope<'_>,
    state: &State,
    request: &DeployRequest,
    history: Option<History>,
    hosts: &Hosts<'_>,
) -> Result<Facts> {
    Ok(Facts {
        history,
        tag_object: state.listing.ledgers.get(&request.tag).cloned(),
        hosts: observe_hosts(scope, request, hosts)?,
        published: published(request),
        now: context.clock().now(),
    })
}

/// What the repository's pool has of the package. A folder that is not there has nothing, and the plan says so.
fn published(request: &DeployRequest) -> Vec<(String, Architecture)> {
    let mut found = Vec::new();
    let mut folders = vec![request.repository.join("pool")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let parts: Vec<&str> = name.strip_suffix(".deb").unwrap_or("").split('_').collect();
            let [package, version, architecture] = parts[..] else { continue };
            if package != request.package {
                continue;
            }
            match Architecture::from_debian(architecture) {
                Some(architecture) => found.push((version.to_owned(), architecture)),
                None if architecture == "all" => {
                    found.extend(
                        Architecture::ALL.map(|architecture| (version.to_owned(), architecture)),
                    );
                }
                None => {}
            }
        }
    }
    found
}
