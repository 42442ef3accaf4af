//! `tagboat init` and `completions`. In: a repository. Out: a first configuration; a script for a shell.

use clap::CommandFactory as _;
use tagboat_adapters::roots::machine_mirrors;
use tagboat_config::init::{Facts, Plan, PlannedFile, ProjectName, Request, observe, plan};
use tagboat_config::value::{Branch, Maintainer, MirrorUri, Remote};
use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, bug};
use tagboat_core::ports::Runner as _;
use tagboat_core::version::ProjectPath;

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
    let mut plan = plan(&facts, &request(context)?);
    for path in &plan.kept {
        context.terminal.note(&format!("kept     {path}: it is there already"));
    }
    ignore_dist(context, &mut plan);
    for (folder, why) in &facts.skipped {
        context.terminal.warn(&format!("{folder} was passed over: {why}"));
    }
    for file in &plan.files {
        if arguments.dry_run {
            context.terminal.say(&format!("--- {}\n{}", file.path, file.text));
            continue;
        }
        let path = context.path(&file.path);
        crate::files::create(&path, file.text.as_bytes()).map_err(|error| not_written(&error))?;
        context.terminal.say(&format!("written  {}", file.path));
    }
    let tags = super::version::offer(context, &context.scope("init"), projects(&facts))?;
    let written = if arguments.dry_run { "would_write" } else { "written" };
    context.terminal.json(&serde_json::json!({
        written: plan.files.iter().map(|file| &file.path).collect::<Vec<_>>(),
        "kept": plan.kept,
        "tags": tags,
    }));
    if !arguments.dry_run {
        context.terminal.say(
            "\nnext: read config/ci-cd/build-config.yml, then `tagboat check` and `tagboat build`",
        );
    }
    Ok(Exit::Done)
}

/// The projects of the configuration that is planned; one at the root, where none was found.
fn projects(facts: &Facts) -> Vec<ProjectName> {
    let found = facts.projects.iter().map(|project| ProjectName {
        path: project.path.clone(),
        package: project.name.to_string(),
    });
    let found: Vec<ProjectName> = found.collect();
    if !found.is_empty() {
        return found;
    }
    let package = facts.name.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![ProjectName { path: ProjectPath::root(), package }]
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

/// What `tagboat build` leaves is no part of the repository. A `.gitignore` that is there is its owner's: then this
/// says what to add.
fn ignore_dist(context: &Context<'_>, plan: &mut Plan) {
    let asked =
        Command::new("git").args(["check-ignore", "--quiet", "dist/x"]).folder(&context.root);
    let asked = context.local().run(&context.scope("git"), &asked);
    // git-check-ignore(1): 0 where it is ignored, 1 where it is not.
    if plan.files.is_empty() || asked.is_ok_and(|output| output.status == Some(0)) {
        return;
    }
    let path = ".gitignore";
    if std::fs::symlink_metadata(context.path(path)).is_ok() {
        context.terminal.note("add to .gitignore what `tagboat build` leaves: /dist/");
        plan.kept.push(path.to_owned());
    } else {
        plan.files.push(PlannedFile { path: path.to_owned(), text: "/dist/\n".to_owned() });
    }
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
