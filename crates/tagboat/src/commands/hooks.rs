//! `tagboat hooks`: protected tags, kept by git hooks (SPEC S3). In: a repository, or a push. Out: a hook, or a
//! judgement.

mod judge;

use std::path::{Path, PathBuf};

use tagboat_adapters::process::LocalRunner;
use tagboat_config::generate::hooks::{Hook, is_ours};
use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ports::{Cancel, RepositoryError, Runner as _, Scope};

use super::repository::diagnostic;
use crate::cli::hooks::{HooksVerb, InstallArgs, UninstallArgs};
use crate::context::Context;
use crate::files;
use crate::terminal::{Terminal, printable};

/// Runs one of them.
pub(crate) fn run(verb: &HooksVerb, context: &Context<'_>) -> Result<Exit> {
    let (root, terminal) = (&context.root, context.terminal);
    match verb {
        HooksVerb::Install(arguments) => {
            install(&Place::of(Hook::PrePush, root, terminal)?, arguments, terminal)
        }
        HooksVerb::Uninstall(_) => uninstall(&Place::of(Hook::PrePush, root, terminal)?, terminal),
        HooksVerb::Run(arguments) => judge::run(arguments, context),
    }
}

/// Runs what names its repository: who keeps a remote may stand in none. `None` for everything else.
pub(crate) fn run_anywhere(verb: &HooksVerb, terminal: &Terminal) -> Option<Result<Exit>> {
    let update = |remote| Place::of(Hook::Update, remote, terminal);
    match verb {
        HooksVerb::Install(arguments) => arguments
            .remote
            .as_ref()
            .map(|remote| update(remote).and_then(|place| install(&place, arguments, terminal))),
        HooksVerb::Uninstall(UninstallArgs { remote }) => remote
            .as_ref()
            .map(|remote| update(remote).and_then(|place| uninstall(&place, terminal))),
        HooksVerb::Run(_) => None,
    }
}

/// A hook's place.
struct Place {
    hook: Hook,
    file: PathBuf,
    chained: PathBuf,
}

impl Place {
    /// Where git looks for the hook: in the folder that `core.hooksPath` names, too.
    fn of(hook: Hook, folder: &Path, terminal: &Terminal) -> Result<Self> {
        let refused = |said: String| {
            Box::new(
                Diagnostic::unchanged(
                    "hooks::no-repository",
                    Exit::Usage,
                    format!("{} is no repository that git works in", folder.display()),
                    "nothing was written",
                )
                .fact("seen", said)
                .help("name the folder of a repository on this machine after --remote"),
            )
        };
        if !folder.is_dir() {
            return Err(refused("there is no such folder".to_owned()));
        }
        let command = Command::new("git")
            .args(["rev-parse", "--path-format=absolute", "--git-path", "hooks"])
            .folder(folder);
        let scope = Scope::new("hooks", terminal.observer(), Cancel::default());
        let output = LocalRunner::default()
            .run(&scope, &command)
            .map_err(|error| diagnostic(&RepositoryError::Run(error)))?;
        if !output.success() {
            return Err(refused(output.last_lines(2).join("; ")));
        }
        let hooks = PathBuf::from(output.text().trim_end_matches('\n'));
        let file = hooks.join(hook.name());
        let chained = hooks.join(format!("{}.chained", hook.name()));
        Ok(Self { hook, file, chained })
    }

    /// The hook that is there.
    fn found(&self) -> Result<Option<Vec<u8>>> {
        match std::fs::read(&self.file) {
            Ok(script) => Ok(Some(script)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.not_written(&error)),
        }
    }

    fn not_written(&self, error: &std::io::Error) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::unchanged(
                "hooks::not-written",
                Exit::Outside,
                format!("the hook {} could not be changed: {error}", self.file.display()),
                "the hooks are what they were",
            )
            .help("run it as who owns the repository"),
        )
    }
}

fn install(place: &Place, arguments: &InstallArgs, terminal: &Terminal) -> Result<Exit> {
    match place.found()? {
        Some(script) if !is_ours(&script) => {
            if !arguments.chain || place.chained.exists() {
                return Err(taken(place, arguments));
            }
            std::fs::rename(&place.file, &place.chained).map_err(|e| place.not_written(&e))?;
        }
        Some(_) | None => {}
    }
    let script = place.hook.script();
    files::replace_program(&place.file, script.as_bytes()).map_err(|e| place.not_written(&e))?;
    tell(terminal, "installed", &place.file);
    Ok(Exit::Done)
}

fn uninstall(place: &Place, terminal: &Terminal) -> Result<Exit> {
    match place.found()? {
        None => {
            terminal.say("there is no hook to take away");
            return Ok(Exit::Done);
        }
        Some(script) if !is_ours(&script) => {
            return Err(Box::new(
                Diagnostic::unchanged(
                    "hooks::not-ours",
                    Exit::Refused,
                    format!("the hook {} is not one that tagboat wrote", place.file.display()),
                    "it is what it was",
                )
                .help("remove it by hand if it should go"),
            ));
        }
        Some(_) => {}
    }
    let done = if place.chained.exists() {
        std::fs::rename(&place.chained, &place.file)
    } else {
        std::fs::remove_file(&place.file)
    };
    done.map_err(|error| place.not_written(&error))?;
    tell(terminal, "taken away", &place.file);
    Ok(Exit::Done)
}

fn tell(terminal: &Terminal, what: &str, file: &Path) {
    let shown = printable(&file.to_string_lossy());
    terminal.say(&format!("{what}: {shown}"));
    terminal.json(&serde_json::json!({ "hook": file, "state": what }));
}

fn taken(place: &Place, arguments: &InstallArgs) -> Box<Diagnostic> {
    let (hook, file) = (place.hook.name(), place.file.display());
    let error = Diagnostic::unchanged(
        "hooks::taken",
        Exit::Refused,
        format!("there is a {hook} hook already: {file}"),
        "it is what it was",
    );
    Box::new(if arguments.chain {
        error.help(format!("there is {} too: join the two by hand", place.chained.display()))
    } else {
        error.help("keep it, and have it run first: `tagboat hooks install --chain`")
    })
}
