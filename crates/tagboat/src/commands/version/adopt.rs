//! `tagboat version adopt`, and what `tagboat init` says of old tags. In: the tags of other tools. Out: version tags at the
//! same commits.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tagboat_config::init::{Adopted, Adoption, ProjectName, plan_adoption};
use tagboat_config::{Config, Files};
use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, World};
use tagboat_core::listing::{About, Source};
use tagboat_core::ports::{RepositoryError, Runner as _, Scope};

use super::super::reading::{State, environments};
use super::super::repository::diagnostic;
use super::super::target;
use super::debian_order;
use super::making::{FixedTag, here, make, push, remote};
use crate::cli::version::AdoptArgs;
use crate::context::Context;
use crate::terminal::Table;

/// How many tags are pushed at once: all or none of them.
const AT_ONCE: usize = 50;

/// Adopts.
pub(super) fn run(arguments: &AdoptArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("version");
    let config = context.config()?;
    let state = State::read(context, &scope, Source::Remote, About::Everything)?;
    target::refuse_shallow(context)?;
    let remote = remote(context, &scope)?;
    let mut plan = plan_adoption(&remote, &names(config), &state.environments, &debian_order);
    let known = commits(context, &scope, &plan)?;
    plan.leave_where(|adopted| {
        let known = known.contains(adopted.commit.as_str());
        (!known).then(|| "leads to nothing that is a commit in this clone".to_owned())
    });

    let mut table = Table::new(["TAG", "BECOMES", "COMMIT"]);
    for Adopted { tag, version, commit } in &plan.adopted {
        table.row([tag.clone(), version.to_string(), commit.short().to_owned()]);
    }
    for left in &plan.left {
        context.terminal.note(&format!("left alone: {} {}", left.tag, left.why));
    }
    if !arguments.dry_run {
        carry_out(context, &scope, &plan.adopted)?;
    }
    let mut document = told(&plan);
    document["dry_run"] = json!(arguments.dry_run);
    context.terminal.json(&document);
    if plan.adopted.is_empty() {
        context.terminal.say("no tag is to be made");
    } else {
        context.terminal.say(&table.text());
        let count = plan.adopted.len();
        context.terminal.note(&if arguments.dry_run {
            format!("{count} to be made and pushed; the old ones stay")
        } else {
            format!("{count} made and pushed; the old ones stay")
        });
    }
    Ok(Exit::Done)
}

fn carry_out(context: &Context<'_>, scope: &Scope<'_>, adopted: &[Adopted]) -> Result<()> {
    let mut pushed = 0;
    for some in adopted.chunks(AT_ONCE) {
        let so_far = |error: Box<Diagnostic>| match pushed {
            0 => error,
            count => {
                let now = format!("{count} of {} tags are made and pushed", adopted.len());
                let error = error.world(World::Now(now)).exit(Exit::NeedsPerson);
                Box::new(error.help("run the command again: it goes on from there"))
            }
        };
        let mut tags = Vec::new();
        for one in some {
            let name = one.version.to_string();
            let message = format!("{name}\n\nAdopted from the tag {}.", one.tag);
            let tag = FixedTag { name, commit: &one.commit, message: Some(&message) };
            let object = match here(context, scope, &tag).map_err(so_far)? {
                Some(object) => object,
                None => make(context, scope, &tag).map_err(so_far)?,
            };
            tags.push((tag.name, object));
        }
        push(context, scope, &tags).map_err(so_far)?;
        pushed += tags.len();
    }
    Ok(())
}

/// Which of the commits are in this clone, and are commits: a tag may lead to anything.
fn commits(context: &Context<'_>, scope: &Scope<'_>, plan: &Adoption) -> Result<BTreeSet<String>> {
    let asked: String =
        plan.adopted.iter().map(|adopted| format!("{}\n", adopted.commit)).collect();
    if asked.is_empty() {
        return Ok(BTreeSet::new());
    }
    let command = Command::new("git")
        .args(["cat-file", "--batch-check=%(objecttype) %(objectname)"])
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .folder(&context.root)
        .stdin(asked);
    let ran = context.local().run(scope, &command);
    let output = ran.map_err(|error| diagnostic(&RepositoryError::Run(error)))?;
    let text = output.text();
    Ok(text.lines().filter_map(|line| Some(line.strip_prefix("commit ")?.to_owned())).collect())
}

fn names(config: &Config) -> Vec<ProjectName> {
    let name = |project: &tagboat_config::Project| ProjectName {
        path: project.path.clone(),
        package: project.name.to_string(),
    };
    config.projects.iter().map(name).collect()
}

fn told(plan: &Adoption) -> Value {
    let versions = plan.versions.iter().map(|(path, versions)| {
        json!({ "project": path.as_str(), "count": versions.len(), "highest": versions.last() })
    });
    let adopted = plan.adopted.iter().map(|adopted| {
        json!({ "tag": adopted.tag, "version": adopted.version, "commit_sha": adopted.commit })
    });
    let left = plan.left.iter().map(|left| json!({ "tag": left.tag, "why": left.why }));
    json!({
        "versions": versions.collect::<Vec<_>>(),
        "adopted": adopted.collect::<Vec<_>>(),
        "left_alone": left.collect::<Vec<_>>(),
    })
}

/// Says what the tags of this clone mean to a configuration that was just written, or is to be: `projects` stand in for
/// one that cannot be read yet.
pub(in super::super) fn offer(
    context: &Context<'_>,
    scope: &Scope<'_>,
    projects: Vec<ProjectName>,
) -> Result<Value> {
    let refs = context.repository().refs(scope).map_err(|error| diagnostic(&error))?;
    let loaded = tagboat_config::load(&Files::Folder(context.root.clone()));
    let projects = loaded.map_or(projects, |loaded| names(&loaded.config));
    let plan = plan_adoption(&refs, &projects, &environments(context)?, &debian_order);
    for (path, versions) in &plan.versions {
        if let Some(highest) = versions.last() {
            let count = versions.len();
            let noun = if count == 1 { "tag is a version" } else { "tags are versions" };
            context.terminal.say(&format!("seen     {count} {noun} of {path}, up to {highest}"));
        }
    }
    if let Some(Adopted { tag, version, .. }) = plan.adopted.last() {
        let count = plan.adopted.len();
        let noun = if count == 1 { "tag means a version" } else { "tags mean versions" };
        context.terminal.say(&format!(
            "seen     {count} {noun} by another name, as {tag} means {version}: `tagboat version adopt --dry-run`"
        ));
    }
    for left in plan.left.iter().take(super::SHOWN) {
        context.terminal.note(&format!("left alone: the tag {} {}", left.tag, left.why));
    }
    let more = plan.left.len().saturating_sub(super::SHOWN);
    if more > 0 {
        context.terminal.note(&format!("left alone: {more} more; `tagboat version adopt` has all"));
    }
    Ok(told(&plan))
}
