//! One verb a file: opens what it needs, calls the rooms, hands the result to the terminal.

mod build;
mod check;
mod deploy;
mod forge;
mod history;
mod hooks;
mod host;
mod init;
mod keys;
mod logs;
mod mark;
mod overriding;
mod promote;
mod protection;
mod publish;
mod published;
mod queue;
mod reading;
pub(crate) mod repository;
mod rollback;
mod status;
mod target;
mod trust;
mod turn;
mod validate;
mod variables;
mod version;

use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::version::ProjectPath;

use crate::cli::Verb;
use crate::context::Context;
use crate::terminal::Terminal;

/// Whether a plan is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It is.
    All,
    /// It is only shown.
    Plan,
}

impl Doing {
    /// As the command line says.
    pub(crate) const fn of(dry_run: bool) -> Self {
        if dry_run { Self::Plan } else { Self::All }
    }
}

/// Runs a verb.
pub(crate) fn run(verb: &Verb, context: &Context<'_>) -> Result<Exit> {
    match verb {
        Verb::Init(arguments) => init::run(arguments, context),
        Verb::Completions(arguments) => Ok(init::completions(arguments, context.terminal)),
        Verb::Status(arguments) => status::run(arguments, context),
        Verb::History(arguments) => history::run(arguments, context),
        Verb::Queue(arguments) => queue::run(arguments, context),
        Verb::Plan(arguments) => deploy::plan(arguments, context),
        Verb::Logs(arguments) => logs::run(arguments, context),
        Verb::Check(arguments) => check::run(arguments, context),
        Verb::Build(arguments) => build::run(arguments, context),
        Verb::Validate(arguments) => validate::run(arguments, context),
        Verb::Keys(verb) => keys::run(verb, context),
        Verb::Publish(arguments) => publish::run(arguments, context),
        Verb::Host(verb) => host::run(verb, context),
        Verb::Deploy(arguments) => deploy::run(arguments, context),
        Verb::Rollback(arguments) => rollback::run(arguments, context),
        Verb::Version(verb) => version::run(verb, context),
        Verb::Promote(arguments) => promote::run(arguments, context),
        Verb::Mark(arguments) => mark::run(arguments, context),
        Verb::Hooks(verb) => hooks::run(verb, context),
        Verb::Forge(verb) => forge::run(verb, context),
    }
}

/// Runs what needs no repository; `None` for everything else.
pub(crate) fn run_anywhere(verb: &Verb, terminal: &Terminal) -> Option<Result<Exit>> {
    match verb {
        Verb::Completions(arguments) => Some(Ok(init::completions(arguments, terminal))),
        Verb::Check(arguments) => {
            arguments.schema.as_deref().map(|file| check::print_schema(file, terminal))
        }
        Verb::Hooks(verb) => hooks::run_anywhere(verb, terminal),
        _ => None,
    }
}

/// A project as it was typed: its path, `.` for the root.
fn project(typed: &str) -> Result<ProjectPath> {
    let path = if typed == "." { "" } else { typed.trim_end_matches('/') };
    ProjectPath::parse(path).map_err(|error| {
        Box::new(
            Diagnostic::unchanged(
                "usage::project",
                Exit::Usage,
                format!("{typed:?} is no project: {error}"),
                "nothing was done",
            )
            .help("name a project by its path in the repository, as `tagboat status` lists them"),
        )
    })
}
