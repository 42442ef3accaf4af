//! `tagboat host prepare`: a bare Debian host made ready. In: an environment's hosts. Out: what was put there, or the
//! key that a person must commit first.

use std::path::PathBuf;

use tagboat_config::Config;
use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::{Environment, Host};
use tagboat_core::ports::{Runner as _, Scope};
use tagboat_deploy::error::unreachable;
use tagboat_deploy::prepare::{App, PrepareRequest, apply, commands};
use tagboat_release::keys::{Certificate, Fingerprint};

use super::publish::PUBLIC_KEY;
use super::target;
use crate::cli::host::{HostVerb, PrepareArgs};
use crate::context::Context;

/// Runs one of them.
pub(crate) fn run(verb: &HostVerb, context: &Context<'_>) -> Result<Exit> {
    match verb {
        HostVerb::Prepare(arguments) => prepare(arguments, context),
    }
}

fn prepare(arguments: &PrepareArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("host prepare");
    let config = context.config()?;
    let environment = target::environment(config, &arguments.environment)?;
    let wanted =
        |host: &&Host| arguments.host.as_ref().is_none_or(|name| host.name.as_str() == name);
    let hosts: Vec<&Host> = environment.every_host().filter(wanted).collect();
    if hosts.is_empty() {
        return Err(unknown_host(environment, arguments.host.as_deref()));
    }
    // Keys first: nothing is put on any host while one of them is unknown.
    let unpinned: Vec<&Host> =
        hosts.iter().copied().filter(|host| host.host_key.is_none()).collect();
    if let Some(first) = unpinned.first() {
        for host in &unpinned {
            show_key(context, &scope, environment, host)?;
        }
        return Err(self::unpinned(environment, first));
    }
    let public_key = public_key(context, config)?;
    for host in hosts {
        let request = PrepareRequest {
            host: host.name.clone(),
            user: host.user.clone(),
            login: arguments.login.clone(),
            apps: apps(config),
            public_key: public_key.clone(),
            origin: config.publish.origin.clone(),
            suite: config.publish.suite.to_string(),
            components: config.publish.components.iter().map(ToString::to_string).collect(),
        };
        if arguments.dry_run {
            let steps: Vec<String> = commands(&request).into_iter().map(|(what, _)| what).collect();
            for what in &steps {
                context.terminal.say(&format!("{}: {what}", host.name));
            }
            context.terminal.json_line(&serde_json::json!({ "host": host.name, "steps": steps }));
            continue;
        }
        let Some(key) = &host.host_key else { continue };
        let way = context
            .host(host, key, &arguments.login, arguments.identity.as_deref())
            .map_err(|error| unreachable(&host.name, &error))?;
        let done = apply(&scope, &request, &way)?;
        context.terminal.json_line(&serde_json::json!({ "host": host.name, "done": done }));
        context.terminal.say(&format!("{} is prepared for {}", host.name, names(&request.apps)));
    }
    Ok(Exit::Done)
}

fn names(apps: &[App]) -> String {
    let names: Vec<&str> = apps.iter().map(|app| app.package.as_str()).collect();
    if names.is_empty() {
        "nothing yet: no project has a target".to_owned()
    } else {
        names.join(", ")
    }
}

/// Every project that is deployed may be deployed to every host.
fn apps(config: &Config) -> Vec<App> {
    let deployed = config.projects.iter().filter(|project| project.target.is_some());
    deployed
        .map(|project| App {
            package: project.name.to_string(),
            unit: project.unit.as_ref().map_or_else(
                || format!("{}.service", project.name),
                |unit| unit_name(unit.as_str(), project.name.as_str()),
            ),
        })
        .collect()
}

/// The unit as it is called on a host: a packaging's own `service` file is called like its package.
fn unit_name(path: &str, package: &str) -> String {
    match path.rsplit('/').next() {
        Some(name) if name.ends_with(".service") => name.to_owned(),
        _ => format!("{package}.service"),
    }
}

/// The repository's public key, which must be the one whose fingerprint git pins.
fn public_key(context: &Context<'_>, config: &Config) -> Result<String> {
    let path: PathBuf = context.path(config.publish.folder.as_str()).join(PUBLIC_KEY);
    let missing = |why: String| {
        Box::new(
            Diagnostic::unchanged("host::no-repository-key", Exit::Usage, why, "no host was contacted")
                .help("publish something first: `tagboat publish`; it writes the public key beside the repository"),
        )
    };
    let Some(pinned) = &config.publish.key else {
        return Err(missing("no key is configured as `publish.key`".to_owned()));
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|error| missing(format!("{} cannot be read: {error}", path.display())))?;
    let found = Certificate::parse(text.as_bytes())?.fingerprint();
    if found != Fingerprint::parse(pinned.as_str())? {
        return Err(missing(format!(
            "{} holds the key {found}, not the configured one",
            path.display()
        )));
    }
    Ok(text)
}

/// Prints the key that a host shows. It proves nothing yet: a person compares it with the host's console.
fn show_key(
    context: &Context<'_>,
    scope: &Scope<'_>,
    environment: &Environment,
    host: &Host,
) -> Result<()> {
    // ssh-keyscan(1) takes a name that begins with `-` for an option; addresses were checked, `--` is for the
    // next reader.
    let scan = Command::new("ssh-keyscan").args([
        "-T",
        "10",
        "-t",
        "ed25519,ecdsa,rsa",
        "-p",
        &host.port.to_string(),
        "--",
        &host.address,
    ]);
    let output = context.local().run(scope, &scan);
    let output = output.map_err(|error| unreachable(&host.name, &error))?;
    let text = output.text();
    let keys: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|l| l.split_once(' '))
        .map(|(_, key)| key)
        .collect();
    let best = ["ssh-ed25519", "ecdsa-", "ssh-rsa"]
        .iter()
        .find_map(|kind| keys.iter().find(|key| key.starts_with(kind)));
    let Some(key) = best else {
        let why = tagboat_core::ports::RunError::Unreachable("it showed no key".to_owned());
        return Err(unreachable(&host.name, &why));
    };
    let print = Command::new("ssh-keygen").args(["-l", "-f", "-"]).stdin(format!("{key}\n"));
    let fingerprint = context.local().run(scope, &print).map(|output| output.text());
    let fingerprint = fingerprint.unwrap_or_default();
    context.terminal.json_line(&serde_json::json!({ "host": host.name, "host_key": key }));
    context.terminal.say(&format!(
        "{} at {} shows this key:\n\n    {}\n\ncompare it with what the host's own console says \
         (`ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub`),\nthen commit it in {}/environment.yml:\n\n  \
         - name: {}\n    host_key: {key}\n",
        host.name,
        host.address,
        fingerprint.trim(),
        environment.config_path,
        host.name,
    ));
    Ok(())
}

/// A host whose key nobody has committed.
pub(crate) fn unpinned(environment: &Environment, host: &Host) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "host::unpinned",
            Exit::Refused,
            format!("the key of {} is not pinned", host.name),
            "no host was changed",
        )
        .help(format!(
            "commit its `host_key` in {}/environment.yml; `tagboat host prepare {} {}` prints it",
            environment.config_path, environment.name, host.name
        )),
    )
}

/// A host that the environment does not name.
pub(crate) fn unknown_host(environment: &Environment, typed: Option<&str>) -> Box<Diagnostic> {
    let names: Vec<&str> = environment.every_host().map(|host| host.name.as_str()).collect();
    let what = match typed {
        Some(name) => format!("{} has no host {name:?}", environment.name),
        None => format!("{} has no host", environment.name),
    };
    Box::new(
        Diagnostic::unchanged("usage::host", Exit::Usage, what, "nothing was done")
            .fact("hosts", if names.is_empty() { "none".to_owned() } else { names.join(", ") })
            .help(format!("name its hosts in {}/environment.yml", environment.config_path)),
    )
}
