//! `tagboat publish`: built packages into the signed APT repository. In: dist/, a key. Out: a folder that apt reads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tagboat_config::{Config, Project};
use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::listing::{About, Source};
use tagboat_core::ports::{Architecture, Runner as _, Scope};
use tagboat_core::secret::Secret;
use tagboat_release::apt;
use tagboat_release::keys::{Certificate, CheckedKey, Fingerprint, SigningKey, check};
use tagboat_release::signature::gpgv_inline;

use super::reading::State;
use super::target::{Target, origin_json, targets, tell_origin};
use crate::cli::publish::PublishArgs;
use crate::context::Context;

/// How long another publisher is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// The public key beside the repository: what hosts and users install.
pub(crate) const PUBLIC_KEY: &str = "key.asc";

/// Publishes.
pub(crate) fn run(arguments: &PublishArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("publish");
    let config = context.config()?;
    let state = State::read(context, &scope, Source::Clone, About::Everything)?;
    let key = signing_key(arguments, config, context)?;
    let targets = targets(context, &scope, config, &state, arguments.what.as_deref())?;
    let origin = origin_json(&targets);
    let mut packages = Vec::new();
    for target in &targets {
        let wanted = super::build::architectures(target.project, arguments.arch)?;
        packages.extend(built(context, &scope, config, target, &wanted)?);
    }
    let request = request(context, config, packages);
    let lock = apt::lock(&request.folder, PATIENCE, context.clock(), &scope)?;
    let trusted = trusted(arguments, &request.folder, &key)?;
    let facts = apt::observe(&request, &trusted).map_err(name_the_way)?;
    let plan = apt::plan(&facts, &request, &key, context.clock().now())?;
    tell_origin(context, &targets);
    let before = facts.present.as_ref().map(|present| present.signed_by);
    let before = before.filter(|before| *before != key.fingerprint());
    if let Some(before) = before {
        context.terminal.warn(&format!(
            "the repository was signed by {before} so far; hosts that know that key alone refuse it from now on, \
             until `tagboat host prepare` has brought them this one"
        ));
    }
    if arguments.dry_run {
        context.terminal.json(&serde_json::json!({
            "plan": plan.to_string(),
            "targets": origin,
            "offline": true,
            "key_before": before.map(|before| before.to_string()),
        }));
        context.terminal.say(plan.to_string().trim_end());
        return Ok(Exit::Done);
    }
    let record = apt::apply(&plan, &key, &lock, &scope)?;
    let public = request.folder.join(PUBLIC_KEY);
    write_public_key(&public, &key)?;
    verify(context, &scope, &request, &key)?;
    drop(lock);
    context.terminal.json(&serde_json::json!({
        "folder": request.folder,
        "suite": request.suite,
        "added": record.added,
        "already_there": record.already_there,
        "date": record.date,
        "key": key.fingerprint().to_string(),
        "key_before": before.map(|before| before.to_string()),
        "targets": origin,
        "offline": true,
    }));
    let names = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    context.terminal.say(&format!(
        "{}: suite {}, signed by {}\n  added          {}\n  already there  {}",
        config.publish.folder,
        request.suite,
        key.fingerprint(),
        names(&record.added),
        names(&record.already_there),
    ));
    Ok(Exit::Done)
}

/// The certificates whose signature of what is there counts: the key's own, and the old one that a person accepts by
/// its full fingerprint. Where it comes from is no matter then: the repository's own copy does.
fn trusted(arguments: &PublishArgs, folder: &Path, key: &CheckedKey) -> Result<Vec<Certificate>> {
    let mut trusted = vec![key.certificate().clone()];
    let Some(typed) = &arguments.accept_key else { return Ok(trusted) };
    let accepted = Fingerprint::parse(typed).map_err(|mut error| {
        "--accept-key needs the full fingerprint of a key".clone_into(&mut error.message);
        error
    })?;
    if accepted == key.fingerprint() {
        return Ok(trusted);
    }
    let path = folder.join(PUBLIC_KEY);
    let refused = |why: String| {
        Box::new(
            Diagnostic::unchanged(
                "publish::unverified",
                Exit::Refused,
                format!("the key {accepted} is not there to verify with"),
                "nothing was signed or published",
            )
            .fact("seen", why)
            .help(format!("put the old public key back as {}", path.display())),
        )
    };
    let text = std::fs::read(&path)
        .map_err(|error| refused(format!("{} cannot be read: {error}", path.display())))?;
    let found = Certificate::parse(&text)?;
    if found.fingerprint() != accepted {
        return Err(refused(format!("{} holds {}", path.display(), found.fingerprint())));
    }
    trusted.push(found);
    Ok(trusted)
}

/// The release room knows no verb.
fn name_the_way(error: Box<Diagnostic>) -> Box<Diagnostic> {
    if error.code != "publish::unverified" {
        return error;
    }
    let help = "publish with the key that signed it; or take it over, once: \
                `tagboat publish --accept-key FINGERPRINT` of the old key";
    Box::new(error.help(help))
}

/// The packages that a build of this target left in dist/, for these architectures.
pub(crate) fn built(
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &Config,
    target: &Target<'_>,
    architectures: &[Architecture],
) -> Result<Vec<PathBuf>> {
    let version = super::build::built_version(context, scope, config, target)?;
    let dist = context.path("dist");
    let mut found = Vec::new();
    let words: Vec<&str> =
        architectures.iter().map(|architecture| architecture.debian()).chain(["all"]).collect();
    let entries = std::fs::read_dir(&dist).map(|entries| entries.flatten().collect::<Vec<_>>());
    for entry in entries.unwrap_or_default() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".deb") else { continue };
        let parts: Vec<&str> = stem.split('_').collect();
        let [package, its_version, architecture] = parts[..] else { continue };
        if is_of(config, target.project, package)
            && words.contains(&architecture)
            && its_version == version
        {
            found.push(entry.path());
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Box::new(
            Diagnostic::unchanged(
                "publish::not-built",
                Exit::Usage,
                format!("dist/ has no package of {} {version}", target.project.name),
                "nothing was done",
            )
            .help(format!("build it: `tagboat build {}`", target.typed())),
        ));
    }
    Ok(found)
}

/// Whether a package is this project's: `api-doc` is one of `api`, unless a project is called `api-doc`.
fn is_of(config: &Config, project: &Project, package: &str) -> bool {
    let named = |project: &&Project| {
        let rest = package.strip_prefix(project.name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let nearest =
        config.projects.iter().filter(named).max_by_key(|found| found.name.as_str().len());
    nearest.is_some_and(|nearest| nearest.path == project.path)
}

fn request(context: &Context<'_>, config: &Config, packages: Vec<PathBuf>) -> apt::Request {
    let publish = &config.publish;
    let suite = publish.suite.to_string();
    let architectures = config.projects.iter().flat_map(|project| &project.architectures).copied();
    let mut architectures: Vec<Architecture> = architectures.collect();
    architectures.sort();
    architectures.dedup();
    apt::Request {
        folder: context.path(publish.folder.as_str()),
        codename: suite.clone(),
        suite,
        component: publish
            .components
            .first()
            .map_or_else(|| "main".to_owned(), ToString::to_string),
        origin: publish.origin.clone(),
        label: publish.label.clone(),
        architectures,
        packages,
        valid_for: None,
    }
}

/// The key, checked, before anything is touched.
fn signing_key(
    arguments: &PublishArgs,
    config: &Config,
    context: &Context<'_>,
) -> Result<CheckedKey> {
    let no_key = |why: String, help: &str| {
        Box::new(
            Diagnostic::unchanged(
                "publish::no-key",
                Exit::Usage,
                why,
                "nothing was signed or published",
            )
            .help(help),
        )
    };
    let Some(expected) = &config.publish.key else {
        return Err(no_key(
            "no key is configured, and nothing is published unsigned".to_owned(),
            "make one with `tagboat keys new`, and configure its fingerprint as `publish.key`",
        ));
    };
    let expected = Fingerprint::parse(expected.as_str())?;
    let armoured = match &arguments.key {
        Some(file) => Some(std::fs::read_to_string(file).map(Secret::new).map_err(|error| {
            no_key(
                format!("{} cannot be read: {error}", file.display()),
                "name the secret key's file",
            )
        })?),
        None => context.secret("GPG_PRIVATE_KEY"),
    };
    let Some(armoured) = armoured else {
        return Err(no_key(
            "there is no secret key to sign with".to_owned(),
            "set GPG_PRIVATE_KEY to the armoured secret key, or name its file with --key",
        ));
    };
    let passphrase = context.secret("GPG_PASSPHRASE");
    let key = SigningKey::load(&armoured, passphrase.as_ref())?;
    let key = check(Box::new(key), Some(&expected), context.clock().now())?;
    if let Some(warning) = key.warning() {
        context.terminal.diagnostic_warning(warning);
    }
    Ok(key)
}

fn write_public_key(path: &std::path::Path, key: &CheckedKey) -> Result<()> {
    let text = key.certificate().armoured()?;
    if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    crate::files::replace(path, text.as_bytes()).map_err(|error| {
        Box::new(Diagnostic::unchanged(
            "publish::io",
            Exit::Outside,
            format!("{} could not be written: {error}", path.display()),
            "the packages are published",
        ))
    })
}

/// A second opinion on what was just written: the program that apt itself asks.
fn verify(
    context: &Context<'_>,
    scope: &Scope<'_>,
    request: &apt::Request,
    key: &CheckedKey,
) -> Result<()> {
    let io = |error: std::io::Error| {
        tagboat_core::diagnostic::bug(format!("a keyring for gpgv: {error}"))
    };
    let keyring = request.folder.join(".tagboat").join("verify.gpg");
    std::fs::write(&keyring, key.certificate().keyring()?).map_err(io)?;
    let signed = request.folder.join("dists").join(&request.suite).join("InRelease");
    let command: Command = gpgv_inline(&keyring, &signed);
    let scope = scope.span("verify with gpgv");
    let output = context.local().run(&scope, &command);
    let said = match &output {
        Ok(output) if output.success() => return Ok(()),
        Ok(output) => {
            output.last_lines(1).first().map_or_else(String::new, |line| (*line).to_owned())
        }
        Err(error) => error.to_string(),
    };
    Err(Box::new(
        Diagnostic::new(
            "publish::not-verified",
            Exit::NeedsPerson,
            "what was published does not verify with gpgv",
            tagboat_core::diagnostic::World::Now("the repository is written as planned".to_owned()),
        )
        .fact("gpgv", said)
        .help(format!("run it by hand: `{command}`")),
    ))
}
