//! `tagboat logs`: what a service says on its hosts. In: a project and an environment. Out: its journal, host by host.

use std::time::Duration;

use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::Host;
use tagboat_core::ports::{RunError, Runner, Scope};
use tagboat_deploy::error::{last_words, unreachable};
use tagboat_deploy::host::{Escalation, HostProgram};

use super::target;
use crate::cli::deploy::LogsArgs;
use crate::context::Context;
use crate::terminal::printable;

/// Shows them.
pub(crate) fn run(arguments: &LogsArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("logs");
    let config = context.config()?;
    let project = target::known(config, &super::project(&arguments.project)?)?;
    let environment = target::environment(config, &arguments.environment)?;
    let wanted =
        |host: &&Host| arguments.host.as_ref().is_none_or(|name| host.name.as_str() == name);
    let hosts: Vec<Host> = environment.every_host().filter(wanted).cloned().collect();
    if hosts.is_empty() {
        return Err(super::host::unknown_host(environment, arguments.host.as_deref()));
    }
    let ways = context.hosts(&hosts, arguments.hosts.identity.as_deref())?;
    let program = |host: &Host| HostProgram {
        app: project.name.to_string(),
        escalation: Escalation::of(&host.user),
    };
    let mut shown = Vec::new();
    for host in &hosts {
        let Some(way) = ways.get(&host.name) else {
            return Err(super::host::unpinned(environment, host));
        };
        shown.push((host, way.as_ref(), program(host)));
    }
    if arguments.follow {
        return follow(context, &scope, arguments, &shown);
    }
    for (host, way, program) in &shown {
        let scope = scope.span(format!("logs of {}", host.name));
        let output = way.run(&scope, &program.journal(arguments.lines));
        let output = output.map_err(|error| unreachable(&host.name, &error))?;
        if !output.success() {
            return Err(Box::new(
                Diagnostic::unchanged(
                    "host::failed",
                    Exit::Outside,
                    format!("{} did not show its journal: {}", host.name, last_words(&output)),
                    "nothing was changed",
                )
                .help(format!(
                    "prepare it: `tagboat host prepare {} {}`",
                    environment.name, host.name
                )),
            ));
        }
        for line in output.text().lines() {
            say(context, host, line);
        }
    }
    Ok(Exit::Done)
}

/// One thread a host, until Ctrl-C or until every connection ended.
fn follow(
    context: &Context<'_>,
    scope: &Scope<'_>,
    arguments: &LogsArgs,
    shown: &[(&Host, &dyn Runner, HostProgram)],
) -> Result<Exit> {
    let (send, lines) = std::sync::mpsc::channel();
    std::thread::scope(|threads| {
        for (host, way, program) in shown {
            let send = send.clone();
            threads.spawn(move || {
                let ended = follow_one(scope, arguments.lines, *way, program, |line| {
                    send.send((*host, Ok(line))).is_ok()
                });
                if let Err(error) = ended {
                    // The receiver lives as long as a sender does.
                    send.send((*host, Err(error))).ok();
                }
            });
        }
        drop(send);
        let mut failed = None;
        for (host, line) in lines {
            match line {
                Ok(line) => say(context, host, &line),
                Err(RunError::Cancelled) => {}
                Err(error) => failed = Some(unreachable(&host.name, &error)),
            }
        }
        failed.map_or(Ok(Exit::Done), Err)
    })
}

fn follow_one(
    scope: &Scope<'_>,
    lines: usize,
    way: &dyn Runner,
    program: &HostProgram,
    mut hear: impl FnMut(String) -> bool,
) -> std::result::Result<(), RunError> {
    let mut journal = way.start(scope, &program.follow(lines))?;
    loop {
        match journal.line(scope, Duration::from_secs(1)) {
            Ok(Some(line)) => {
                if !hear(line) {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            // A quiet service.
            Err(RunError::TimedOut(_)) => {}
            Err(error) => return Err(error),
        }
    }
}

fn say(context: &Context<'_>, host: &Host, line: &str) {
    context.terminal.say(&format!("{} | {}", host.name, printable(line)));
    context.terminal.json_line(&serde_json::json!({ "host": host.name, "line": line }));
}
