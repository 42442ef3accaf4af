//! `tagboat check`: whether the configuration holds. In: the files, and this clone's tags. Out: every mistake with its
//! place.

use tagboat_config::schema::{self, ConfigFile};
use tagboat_config::{Files, load};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::tag::{NameClash, clashes};

use super::reading;
use super::repository::diagnostic;
use crate::cli::check::CheckArgs;
use crate::context::Context;
use crate::terminal::Terminal;

/// Checks.
pub(crate) fn run(arguments: &CheckArgs, context: &Context<'_>) -> Result<Exit> {
    if let Some(typed) = &arguments.schema {
        return print_schema(typed, context.terminal);
    }
    let (mut told, projects, environments) = match load(&Files::Folder(context.root.clone())) {
        Ok(loaded) => {
            let config = loaded.config;
            (loaded.warnings, config.projects.len(), config.environments.len())
        }
        Err(told) => (told, 0, 0),
    };
    told.extend(prereleases(context)?);
    let (mistakes, warnings): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        told.iter().partition(|diagnostic| diagnostic.exit != Exit::Done);
    context.terminal.findings(&mistakes, &warnings);
    if mistakes.is_empty() {
        context.terminal.say(&format!(
            "the configuration holds: {}, {}",
            count(projects, "project"),
            count(environments, "environment")
        ));
        return Ok(Exit::Done);
    }
    Ok(Exit::Usage)
}

/// Environments that are called like a pre-release that is tagged already (SPEC V3).
fn prereleases(context: &Context<'_>) -> Result<Vec<Diagnostic>> {
    let scope = context.scope("tags");
    let refs = context.repository().refs(&scope).map_err(|error| diagnostic(&error))?;
    let tags = refs.iter().filter_map(|listed| listed.name.strip_prefix("refs/tags/"));
    let clashes = clashes([], &reading::environments(context)?, tags);
    let told = clashes.into_iter().filter_map(|clash| match clash {
        NameClash::Prerelease { environment, tag } => Some(
            Diagnostic::unchanged(
                "config::name-clash",
                Exit::Usage,
                format!("the environment `{environment}` is called like the pre-release of {tag}"),
                "nothing was changed",
            )
            .fact(
                "tag",
                format!("{tag} would be read as a tag of the environment, not as a version"),
            )
            .help(format!("rename the folder environments/{environment}")),
        ),
        NameClash::Environment { .. } | NameClash::Version { .. } => None,
    });
    Ok(told.collect())
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
