//! `tagboat init` and `completions`. In: a repository. Out: a first configuration; a script for a shell.

use clap::CommandFactory as _;
use tagboat_adapters::roots::machine_mirrors;
use tagboat_config::init::{Request, observe, plan};
use tagboat_config::value::{Branch, Maintainer, MirrorUri, Remote};
use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, bug};
use tagboat_core::ports::Runner as _;

use crate::cli::Cli;
use crate::cli::init::{CompletionsArgs, InitArgs};
use crate::context::Context;
use crate::terminal::Terminal;

/// Writes the first configuration.
pub(crate) fn run(arguments: &InitArgs, context: &Context<'_>) -> Result<Exit> {
    // gitrepository-layout(5): a bare repository is its own `.git`.
    if !context.path(".git").exists() {
        return Err(bare());
    }
    let facts = observe(&context.root)?;
    let plan = plan(&facts, &request(context)?);
    for path in &plan.kept {
        context.terminal.note(&format!("kept     {path}: it is there already"));
    }
    for (folder, why) in &facts.skipped {
        context.terminal.warn(&format!("{folder} was passed over: {why}"));
    }
    for file in &plan.files {
        if arguments.dry_run {
            context.terminal.say(&format!("--- {}\n{}", file.path, file.text));
            continue;
        }
        let path = context.path(&file.path);
        write_new(&path, &file.text).map_err(|error| not_written(&error))?;
        context.terminal.say(&format!("written  {}", file.path));
    }
    let written = if arguments.dry_run { "would_write" } else { "written" };
    context.terminal.json(&serde_json::json!({
        written: plan.files.iter().map(|file| &file.path).collect::<Vec<_>>(),
        "kept": plan.kept,
    }));
    if !arguments.dry_run {
        context.terminal.say(
            "\nnext: read config/ci-cd/build-config.yml, then `tagboat check` and `tagboat build`",
        );
    }
    Ok(Exit::Done)
}

fn request(context: &Context<'_>) -> Result<Request> {
    let mirrors = machine_mirrors(std::path::Path::new("/"));
    let git = |args: &[&str]| {
        let command = Command::new("git").args(args.iter().copied()).folder(&context.root);
        let output = context.local().run(&context.scope("git"), &command).ok()?;
        let text = output.text().trim().to_owned();
        (output.success() && !text.is_empty()).then_some(text)
    };
    let maintainer = git(&["config", "user.name"]).zip(git(&["config", "user.email"]));
    let branch = git(&["symbolic-ref", "--short", "HEAD"]);
    let known = |text: &str| bug(format!("{text:?} is no name of git's"));
    let default_branch = branch.and_then(|name| Branch::parse(&name).ok());
    Ok(Request {
        debian: mirrors.first().and_then(|mirror| MirrorUri::parse(&mirror.uri).ok()),
        ubuntu: None,
        default_branch: match default_branch {
            Some(branch) => branch,
            None => Branch::parse("main").map_err(|_| known("main"))?,
        },
        remote: Remote::parse("origin").map_err(|_| known("origin"))?,
        maintainer: maintainer
            .and_then(|(name, mail)| Maintainer::parse(&format!("{name} <{mail}>")).ok()),
    })
}

/// A file that is not there yet, whole or not at all.
fn write_new(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension("tagboat-new");
    std::fs::write(&temporary, text)?;
    // hard_link(2) refuses an existing name, where rename(2) would replace it.
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary)?;
    linked
}

fn bare() -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "init::bare",
            Exit::Usage,
            "a bare repository has no files to write a configuration to",
            "nothing was written",
        )
        .help("clone it, and run `tagboat init` in the clone"),
    )
}

fn not_written(error: &std::io::Error) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "init::not-written",
            Exit::Outside,
            format!("the configuration could not be written: {error}"),
            "files that are there stay as they are",
        )
        .help("see that the folder is yours, then run `tagboat init` again"),
    )
}

/// Prints a completion script.
pub(crate) fn completions(arguments: &CompletionsArgs, terminal: &Terminal) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "tagboat", &mut script);
    terminal.bytes(&script);
    Exit::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
