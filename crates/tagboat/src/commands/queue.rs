//! `tagboat queue`: who runs and who waits on this machine. In: tickets, and ledgers for the estimate. Out: a table an
//! environment; or somebody who is asked to leave.

use std::time::Duration;

use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::Environment;
use tagboat_core::listing::{About, Source};
use tagboat_core::ports::{Dismissal, Scope, Turn};
use tagboat_core::queue::{DeploymentQueue, Member, Notice, QueueName, Standing};

use super::deploy::who;
use super::reading::State;
use super::target;
use super::turn::{Past, duration, queue_name, unusable, what};
use crate::cli::queue::{CancelArgs, QueueArgs, QueueVerb};
use crate::context::Context;
use crate::terminal::{Table, ago};

/// How long one that was asked to leave is waited for: it looks 20 times a second.
const LEAVES_WITHIN: Duration = Duration::from_secs(10);

/// Shows it, or asks one to leave.
pub(crate) fn run(arguments: &QueueArgs, context: &Context<'_>) -> Result<Exit> {
    match &arguments.verb {
        None => show(arguments, context),
        Some(QueueVerb::Cancel(arguments)) => cancel(arguments, context),
    }
}

fn show(arguments: &QueueArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("queue");
    let config = context.config()?;
    let shown: Vec<&Environment> = match &arguments.environment {
        Some(typed) => vec![target::environment(config, typed)?],
        None => config.environments.iter().collect(),
    };
    let turn = context.turn();
    // Only how long deployments took is read, and that from this clone: it is an estimate.
    let state = State::read(context, &scope, Source::Clone, About::Everything)?;
    let now = context.clock().now();
    let mut queues = Vec::new();
    for environment in shown {
        let name = queue_name(context, &scope, config, &environment.name);
        let line = match &turn {
            Some(turn) => turn.line(&scope, &name),
            None => Ok(Vec::new()),
        };
        let line = line.map_err(|error| unusable(&environment.name, &error))?;
        let usual = match line.len() {
            0 => None,
            _ => Past::read(context, &scope, &state, &environment.name)?.usual,
        };
        queues.push(DeploymentQueue::from_line(environment.name.clone(), line, usual, now));
    }
    context.terminal.json(&serde_json::json!({ "queues": queues }));
    let tables: Vec<String> =
        queues.iter().filter(|queue| !queue.is_empty()).map(|queue| table(queue, now)).collect();
    if tables.is_empty() {
        context.terminal.say("nobody runs or waits on this machine");
    } else {
        context.terminal.say(&tables.join("\n\n"));
    }
    Ok(Exit::Done)
}

fn table(queue: &DeploymentQueue, now: jiff::Timestamp) -> String {
    let mut table = Table::new(["PLACE", "VERSION", "BY", "SINCE", "WAIT", "RUN"]);
    let mut row = |place: String, member: &Member, since: Option<jiff::Timestamp>, wait: String| {
        let wanted = member.wanted.as_ref();
        table.row([
            place,
            wanted.map_or_else(|| "not known yet".to_owned(), |it| it.version.to_string()),
            member.triggered_by.clone().unwrap_or_else(|| "-".to_owned()),
            since.map_or_else(|| "-".to_owned(), |since| ago(since, now)),
            wait,
            wanted.map_or_else(|| "-".to_owned(), |it| it.workflow_run_id.clone()),
        ]);
    };
    if let Some(current) = queue.current() {
        row("runs".to_owned(), current, queue.locked_at(), "-".to_owned());
    }
    for waiting in queue.waiting() {
        let wait = waiting.estimated_wait.map_or_else(|| "-".to_owned(), duration);
        row(waiting.position.to_string(), waiting.member, waiting.member.since, wait);
    }
    format!("{}\n{}", queue.environment(), table.text())
}

fn cancel(arguments: &CancelArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("queue cancel");
    let config = context.config()?;
    let environment = target::environment(config, &arguments.environment)?;
    let name = queue_name(context, &scope, config, &environment.name);
    let failed = |error| unusable(&environment.name, &error);
    let Some(turn) = context.turn() else { return Err(nobody(arguments, &[])) };
    let line = turn.line(&scope, &name).map_err(failed)?;
    let whom = find(arguments, &line)?;
    let notice = Notice::Cancelled { by: who(context) };
    match turn.dismiss(&scope, &name, whom.number, &notice).map_err(failed)? {
        Dismissal::Gone => return Err(nobody(arguments, &line)),
        Dismissal::Running => return Err(runs(whom)),
        Dismissal::Told => {}
    }
    let gone = leaves(context, &scope, &turn, &name, whom.number);
    context.terminal.json(&serde_json::json!({
        "environment": environment.name,
        "workflow_run_id": whom.ticket.as_ref().and_then(|it| Some(&it.wanted.as_ref()?.workflow_run_id)),
        "left": gone,
    }));
    if gone {
        context.terminal.say(&format!("{} has left the queue of {}", what(whom), environment.name));
    } else {
        context.terminal.say(&format!(
            "{} is asked to leave the queue of {}; it does not answer, and leaves when it does",
            what(whom),
            environment.name
        ));
    }
    Ok(Exit::Done)
}

/// The one that was named: by its run, or by its place.
fn find<'l>(arguments: &CancelArgs, line: &'l [Standing]) -> Result<&'l Standing> {
    let is_named = |standing: &&Standing| {
        let wanted = standing.ticket.as_ref().and_then(|ticket| ticket.wanted.as_ref());
        wanted.is_some_and(|wanted| {
            wanted.workflow_run_id == arguments.whom
                || wanted.deployment_id.as_str() == arguments.whom
        })
    };
    if let Some(named) = line.iter().find(is_named) {
        return Ok(named);
    }
    let began = |standing: &&Standing| {
        standing.ticket.as_ref().is_some_and(|ticket| ticket.began_at.is_some())
    };
    // Places count those who wait, as the queue shows them.
    let running = usize::from(line.first().as_ref().is_some_and(began));
    let place = arguments.whom.parse::<usize>().ok().filter(|place| *place > 0);
    let index = place.and_then(|place| (place - 1).checked_add(running));
    index.and_then(|index| line.get(index)).ok_or_else(|| nobody(arguments, line))
}

fn leaves(
    context: &Context<'_>,
    scope: &Scope<'_>,
    turn: &dyn Turn,
    name: &QueueName,
    number: u64,
) -> bool {
    let until = context.clock().instant() + LEAVES_WITHIN;
    let stands = |line: &[Standing]| line.iter().any(|standing| standing.number == number);
    loop {
        match turn.line(scope, name) {
            Ok(line) if stands(&line) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
        let again = context.clock().sleep(scope, Duration::from_millis(50));
        if !again || context.clock().instant() >= until {
            return false;
        }
    }
}

fn nobody(arguments: &CancelArgs, line: &[Standing]) -> Box<Diagnostic> {
    let (whom, environment) = (&arguments.whom, &arguments.environment);
    let mut error = Diagnostic::unchanged(
        "queue::nobody",
        Exit::Refused,
        format!("nobody waits as {whom:?} in the queue of {environment} on this machine"),
        "no deployment was touched",
    );
    if line.is_empty() {
        error = error.fact("queue", "empty");
    }
    Box::new(error.help(format!("see who waits: `tagboat queue --env {environment}`")))
}

fn runs(standing: &Standing) -> Box<Diagnostic> {
    let mut error = Diagnostic::unchanged(
        "queue::runs",
        Exit::Refused,
        format!("{} runs already, and only one that waits is cancelled", what(standing)),
        "it goes on",
    );
    let mut help =
        "stop it with Ctrl-C where it was started: it then goes back by itself".to_owned();
    if let Some(ticket) = &standing.ticket {
        error = error.fact("process", ticket.pid.to_string());
        help += &format!("; or, from elsewhere, `kill -INT {}`", ticket.pid);
    }
    Box::new(error.help(help))
}
