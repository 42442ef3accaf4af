//! `tagboat check`: whether files, tags and records hold (SPEC S1). In: the files, the tags, given records. Out: every
//! finding with its place, and what was not checked.

mod facts;
mod sarif;

use std::io::Read as _;
use std::path::Path;

use tagboat_config::Files;
use tagboat_config::check::{self, Facts, Given, MAX_BYTES, look, plain_secrets};
use tagboat_config::schema::{self, ConfigFile};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::listing::Source;

use self::facts::Tags;
use super::trust::Trust;
use crate::cli::check::CheckArgs;
use crate::context::Context;
use crate::terminal::Terminal;

/// Something that was not looked at.
struct Unchecked {
    what: &'static str,
    why: String,
}

/// Checks.
pub(crate) fn run(arguments: &CheckArgs, context: &Context<'_>) -> Result<Exit> {
    if let Some(typed) = &arguments.schema {
        return print_schema(typed, context.terminal);
    }
    let given = arguments.records.iter().map(|file| read(file)).collect::<Result<Vec<_>>>()?;
    let files = Files::Folder(context.root.clone());
    let mut missing_variables = Vec::new();
    let (mut told, holds, named, trust) = match context.loaded() {
        Ok(loaded) => {
            let config = &loaded.config;
            let holds = format!(
                "the configuration holds: {}, {}",
                count(config.projects.len(), "project"),
                count(config.environments.len(), "environment")
            );
            let trust = Trust::of(context, config);
            missing_variables = check::missing_variables(config);
            let named = config.environments.iter().map(|e| e.secrets_file.clone()).collect();
            (loaded.warnings.clone(), holds, named, trust)
        }
        Err(told) => (told.clone(), String::new(), default_secrets(context)?, Trust::read(context)),
    };
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let plain_secrets = plain_secrets(&files, &named);
    let mut unchecked = never_checked(&given);
    let mut source = if arguments.read.offline { Source::Clone } else { Source::Remote };
    let mut seen = String::new();
    let read_tags = |source| Tags::read(context, &trust, source, !given.is_empty());
    let read = match read_tags(source) {
        // There is nobody to ask before the first push.
        Err(error) if error.code == "git::no-remote" => {
            source = Source::Clone;
            read_tags(source)
        }
        read => read,
    };
    let tags = match read {
        Ok(tags) => {
            seen = tags.counted();
            tags
        }
        Err(error) => {
            let why = error.message.clone();
            unchecked.push(Unchecked { what: "tags, ledgers and what records say of them", why });
            told.push(asked_offline(*error));
            Tags::none(super::reading::environments(context)?)
        }
    };
    // A record is held against the tags: without them it would be judged by nothing.
    let given = if seen.is_empty() { Vec::new() } else { given };
    told.extend(look(&Facts {
        listing: &tags.state.listing,
        environments: &tags.state.environments,
        moved: &tags.state.moved,
        ledgers: &tags.ledgers,
        overrides: &tags.overrides,
        plain_secrets: &plain_secrets,
        missing_variables: &missing_variables,
        given: &given,
    }));
    unchecked.extend(tags.unchecked());
    if source == Source::Clone {
        let what = "whether the remote holds the same tags";
        let asked = arguments.read.offline;
        let why = if asked { "--offline: it was not asked" } else { "this clone has no remote" };
        unchecked.push(Unchecked { what, why: why.to_owned() });
    }
    tell(arguments, context, &told, &unchecked, source, &[&holds, &seen])
}

fn tell(
    arguments: &CheckArgs,
    context: &Context<'_>,
    told: &[Diagnostic],
    unchecked: &[Unchecked],
    source: Source,
    holds: &[&str],
) -> Result<Exit> {
    let (mistakes, warnings): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        told.iter().partition(|diagnostic| diagnostic.exit != Exit::Done);
    let not_checked: Vec<_> = unchecked
        .iter()
        .map(|one| serde_json::json!({ "what": one.what, "why": one.why }))
        .collect();
    let beside = serde_json::json!({
        "not_checked": not_checked, "offline": source == Source::Clone,
    });
    context.terminal.findings(&mistakes, &warnings, beside);
    let exit = exit(&mistakes);
    if exit == Exit::Done {
        for line in holds {
            context.terminal.say(line);
        }
    }
    for one in unchecked.iter().filter(|_| !context.terminal.is_json()) {
        context.terminal.note(&format!("not checked: {}: {}", one.what, one.why));
    }
    if let Some(file) = &arguments.sarif {
        let log = sarif::log(told);
        let still = "what was found is told above; nothing was changed";
        let written = crate::files::write_sarif(file, &log, "check::not-written", still);
        match written {
            // A verdict that stops the line is told, whatever else failed.
            Err(lost) if exit != Exit::Done => context.terminal.warn(&lost.message),
            Err(lost) => return Err(lost),
            Ok(()) => {}
        }
    }
    Ok(exit)
}

/// The configuration goes before what is built on it; else the worst that was found.
fn exit(mistakes: &[&Diagnostic]) -> Exit {
    let has = |exit: Exit| mistakes.iter().any(|told| told.exit == exit);
    let other = mistakes.iter().map(|told| told.exit).find(|exit| *exit != Exit::Judged);
    if has(Exit::Usage) {
        Exit::Usage
    } else {
        other.unwrap_or(if has(Exit::Judged) { Exit::Judged } else { Exit::Done })
    }
}

/// What no run of this command looks at.
fn never_checked(given: &[Given]) -> Vec<Unchecked> {
    let mut unchecked = vec![
        Unchecked {
            what: "hard-coded credentials",
            why: "no scan for secrets is part of this command: run gitleaks and trufflehog"
                .to_owned(),
        },
        Unchecked {
            what: "what only the forge knows: rulesets, runs of workflows, approvals",
            why: "no forge is asked".to_owned(),
        },
    ];
    unchecked.push(if given.is_empty() {
        Unchecked {
            what: "deployments, queues, roll-back targets, tasks and reports",
            why: "no record was given: name one with --record FILE".to_owned(),
        }
    } else {
        Unchecked {
            what: "in which state deployments and tasks began",
            why: "a record shows one moment".to_owned(),
        }
    });
    unchecked
}

fn asked_offline(error: Diagnostic) -> Diagnostic {
    if error.code != "git::remote" {
        return error;
    }
    let help = error.help.clone().unwrap_or_default();
    error.help(format!("{help}; or check what was last fetched: `tagboat check --offline`"))
}

/// Where secrets are when no configuration says it.
fn default_secrets(context: &Context<'_>) -> Result<Vec<String>> {
    let environments = super::reading::environments(context)?;
    let files = environments.configured().map(|name| format!("environments/{name}/secrets.enc"));
    Ok(files.collect())
}

fn read(file: &Path) -> Result<Given> {
    let name = file.display().to_string();
    // One byte more than is allowed shows that it is too long.
    let read = std::fs::File::open(file).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
    });
    read.map(|bytes| Given::read(name.clone(), &bytes)).map_err(|error| {
        Box::new(
            Diagnostic::unchanged(
                "usage::record",
                Exit::Usage,
                format!("the record {name} cannot be read: {error}"),
                "nothing was checked",
            )
            .help("name a file of JSON records"),
        )
    })
}

/// Prints the JSON schema of a configuration file, for editors.
pub(crate) fn print_schema(typed: &str, terminal: &Terminal) -> Result<Exit> {
    terminal.document(&schema::json(file(typed)?));
    Ok(Exit::Done)
}

fn count(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn file(typed: &str) -> Result<ConfigFile> {
    ConfigFile::ALL.into_iter().find(|file| file.stem() == typed).ok_or_else(|| {
        let stems: Vec<&str> = ConfigFile::ALL.iter().map(|file| file.stem()).collect();
        Box::new(
            Diagnostic::unchanged(
                "usage::schema",
                Exit::Usage,
                format!("there is no configuration file {typed:?}"),
                "nothing was done",
            )
            .fact("files", stems.join(", "))
            .help("name one of them"),
        )
    })
}
