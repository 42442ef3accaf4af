//! Tags that never move (SPEC V4): made by git itself, so that the user's own settings sign them, and pushed alone. In: a
//! name, a commit, a message. Out: the tag here and on the remote, or neither.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, World};
use tagboat_core::listing::REMOTE_HEAD;
use tagboat_core::ports::{
    Existing, FetchSpec, ListedRef, Output, RefUpdate, RepositoryError, Runner as _, Scope, Swap,
};

use super::super::repository::{diagnostic, names_a_lock};
use crate::context::Context;

/// What the remote is asked before a tag is made.
const LOOKED_AT: [&str; 2] = ["refs/heads/*", "refs/tags/*"];
/// Where this clone's copies of the remote's branches are.
const BRANCHES: &str = "refs/tagboat/remote/heads/";
/// How long signing may take: somebody may have to type a passphrase.
const SIGNING: Duration = Duration::from_secs(120);

/// A tag to be made.
pub(crate) struct FixedTag<'a> {
    /// Its name: of our grammar, so it can be an argument.
    pub(crate) name: String,
    /// The commit.
    pub(crate) commit: &'a CommitSha,
    /// The message; the name where there is none.
    pub(crate) message: Option<&'a str>,
}

/// A tag that was made.
pub(crate) struct Made {
    /// Its object.
    pub(crate) object: ObjectId,
    /// Whether a key signed it.
    pub(crate) signature: Signature,
}

/// Whether a key signed a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// One did.
    Signed,
    /// None did.
    Unsigned,
}

impl Signature {
    /// The word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Unsigned => "unsigned",
        }
    }
}

/// What the remote holds now: its branches and tags.
pub(crate) fn remote(context: &Context<'_>, scope: &Scope<'_>) -> Result<Vec<ListedRef>> {
    context.repository().remote_refs(scope, &LOOKED_AT).map_err(|error| diagnostic(&error))
}

/// Makes a tag here, or takes the one that an earlier run left, and pushes it.
pub(crate) fn publish(
    context: &Context<'_>,
    scope: &Scope<'_>,
    tag: &FixedTag<'_>,
) -> Result<Made> {
    let object = match here(context, scope, tag)? {
        Some(object) => object,
        None => make(context, scope, tag)?,
    };
    push(context, scope, &[(tag.name.clone(), object.clone())])?;
    let signature = signature(context, scope, &object)?;
    Ok(Made { object, signature })
}

/// The tag of that name in this clone, where it is what would be made: a run was cut off before its push. A lightweight
/// one says less than what would be made, and is no such.
pub(crate) fn here(
    context: &Context<'_>,
    scope: &Scope<'_>,
    tag: &FixedTag<'_>,
) -> Result<Option<ObjectId>> {
    let full = format!("refs/tags/{}", tag.name);
    let Some(object) = parsed(context, scope, &full)? else { return Ok(None) };
    let found = context.repository().tag_objects(scope, std::slice::from_ref(&object));
    let found = found.map_err(|error| diagnostic(&error))?.into_iter().next().flatten();
    if found.is_some_and(|found| found.object == *tag.commit.object() && found.name == tag.name) {
        return Ok(Some(object));
    }
    Err(Box::new(
        Diagnostic::unchanged(
            "version::only-here",
            Exit::Refused,
            format!("{} is in this clone, not on the remote, and not what would be made", tag.name),
            "no tag was made",
        )
        .fact("here", object.to_string())
        .help(format!("if nobody else has it, remove it: `git tag -d {}`", tag.name)),
    ))
}

/// Makes a tag in this clone.
pub(crate) fn make(
    context: &Context<'_>,
    scope: &Scope<'_>,
    tag: &FixedTag<'_>,
) -> Result<ObjectId> {
    let sign = signing(context, scope)?;
    let message = tag.message.unwrap_or(&tag.name);
    let command = git(context)
        // A tag says who: a name guessed from the machine is nobody.
        .args(["-c", "user.useConfigOnly=true", "tag", "--annotate"])
        .args(sign)
        // A line that begins with `#` is text, not a comment.
        .args(["--cleanup=whitespace", "--file=-", "--", &tag.name, tag.commit.as_str()])
        .stdin(format!("{}\n\nTagboat-Attempt: {}\n", message.trim_end(), attempt()))
        .timeout(SIGNING);
    let output = run(context, scope, &command)?;
    let made = parsed(context, scope, &format!("refs/tags/{}", tag.name))?;
    match made {
        Some(object) if output.success() => Ok(object),
        _ => {
            if let Some(line) = output.stderr.lines().find(|line| names_a_lock(line)) {
                let (command, said) = (command.to_string(), line.to_owned());
                return Err(diagnostic(&RepositoryError::Git { command, said }));
            }
            let said = output.last_lines(3).join("; ");
            Err(Box::new(
                Diagnostic::unchanged(
                    "version::not-made",
                    Exit::Outside,
                    format!("git did not make the tag {}", tag.name),
                    "there is no such tag, here or on the remote",
                )
                .fact("stderr", if said.is_empty() { "nothing".to_owned() } else { said })
                .help(
                    "git must know who you are (user.name, user.email) and have the key that user.signingKey \
                     names; and no tag may stand where a folder of tags must be",
                ),
            ))
        }
    }
}

/// A text that no other attempt has. Two runs of the same person in the same second would else make the same object, and a
/// remote that holds it already says to both that they won.
fn attempt() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// The option that git needs to sign where a key is set. Left alone it signs where `tag.gpgSign` says so, with the
/// committer's own key where none is named (git-tag(1)).
fn signing(context: &Context<'_>, scope: &Scope<'_>) -> Result<Option<&'static str>> {
    let ask = |args: &[&str]| {
        let command = git(context).arg("config").args(args.iter().copied());
        let output = run(context, scope, &command)?;
        let text = output.text().trim().to_owned();
        Ok::<_, Box<Diagnostic>>((output.success() && !text.is_empty()).then_some(text))
    };
    if ask(&["--type=bool", "--get", "tag.gpgSign"])?.as_deref() == Some("false") {
        return Ok(Some("--no-sign"));
    }
    Ok(ask(&["--get", "user.signingKey"])?.map(|_| "--sign"))
}

/// Pushes tags that the remote must not have: all or none. What it did not take is removed here again.
pub(crate) fn push(
    context: &Context<'_>,
    scope: &Scope<'_>,
    tags: &[(String, ObjectId)],
) -> Result<()> {
    let updates: Vec<RefUpdate> = tags
        .iter()
        .map(|(name, object)| RefUpdate {
            name: format!("refs/tags/{name}"),
            expected: None,
            new: object.clone(),
        })
        .collect();
    let names: Vec<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(", ");
    match context.repository().swap(scope, &updates) {
        Ok(Swap::Won) => Ok(()),
        Ok(Swap::Lost(held)) => {
            remove(context, scope, &updates)?;
            let theirs = updates.iter().zip(held).find_map(|(update, held)| Some((update, held?)));
            let lost = Diagnostic::unchanged(
                "version::lost-race",
                Exit::Refused,
                format!("somebody else pushed first: {names} is not made"),
                "what the remote has stays, and nothing was added",
            )
            .help("see what is there: `tagboat status`");
            Err(Box::new(match theirs {
                Some((update, held)) => lost.fact("remote", format!("{}: {held}", update.name)),
                None => lost,
            }))
        }
        // Whether it arrived is unknown: then what is here is what may be there.
        Err(error @ RepositoryError::Remote(_)) => {
            let told = *diagnostic(&error);
            let now = format!("{names} is in this clone; whether the remote has it is unknown");
            let told = told.world(World::Now(now)).exit(Exit::NeedsPerson);
            Err(Box::new(told.help("run the same command again: it finishes what is left")))
        }
        Err(error) => {
            remove(context, scope, &updates)?;
            Err(diagnostic(&error))
        }
    }
}

fn remove(context: &Context<'_>, scope: &Scope<'_>, updates: &[RefUpdate]) -> Result<()> {
    for update in updates {
        // Only while it is still ours.
        let args = ["update-ref", "-d", &update.name, update.new.as_str()];
        run(context, scope, &git(context).args(args))?;
    }
    Ok(())
}

fn signature(context: &Context<'_>, scope: &Scope<'_>, object: &ObjectId) -> Result<Signature> {
    let read = context.repository().tag_objects(scope, std::slice::from_ref(object));
    let read = read.map_err(|error| diagnostic(&error))?.into_iter().flatten().next();
    let signed = read.is_some_and(|tag| tag.signature.is_some());
    Ok(if signed { Signature::Signed } else { Signature::Unsigned })
}

/// That the remote has a commit: it is, or is behind, one of its branches or tags.
pub(crate) fn check_pushed(
    context: &Context<'_>,
    scope: &Scope<'_>,
    remote: &[ListedRef],
    commit: &CommitSha,
) -> Result<()> {
    if remote.iter().any(|listed| listed.target() == commit.object()) {
        return Ok(());
    }
    let repository = context.repository();
    let failed = |error| diagnostic(&error);
    // The default branch was fetched with the tags, and is where most commits are.
    if repository.commit(scope, REMOTE_HEAD).map_err(failed)?.is_some()
        && repository.is_ancestor(scope, commit, REMOTE_HEAD).map_err(failed)?
    {
        return Ok(());
    }
    let branches = fetch_branches(context, scope, remote)?;
    for branch in &branches {
        if repository.is_ancestor(scope, commit, branch).map_err(failed)? {
            return Ok(());
        }
    }
    Err(Box::new(
        Diagnostic::unchanged(
            "version::not-pushed",
            Exit::Refused,
            format!("commit {} is on no branch of the remote", commit.short()),
            "no tag was made",
        )
        .help("push it first: `git push`"),
    ))
}

/// Copies the remote's branches, and forgets those that it no longer has: one of them may stand where another must be.
fn fetch_branches(
    context: &Context<'_>,
    scope: &Scope<'_>,
    remote: &[ListedRef],
) -> Result<Vec<String>> {
    let repository = context.repository();
    let failed = |error| diagnostic(&error);
    let named = |listed: &ListedRef| {
        let branch = listed.name.strip_prefix("refs/heads/")?;
        // A name that is not UTF-8 cannot be asked for.
        (!branch.contains(char::REPLACEMENT_CHARACTER)).then(|| format!("{BRANCHES}{branch}"))
    };
    let wanted: Vec<(String, String)> =
        remote.iter().filter_map(|it| Some((it.name.clone(), named(it)?))).collect();
    let here = repository.refs(scope).map_err(failed)?;
    let stale = here
        .into_iter()
        .map(|listed| listed.name)
        .filter(|name| name.starts_with(BRANCHES) && !wanted.iter().any(|(_, to)| to == name));
    let stale: Vec<(String, Option<ObjectId>)> = stale.map(|name| (name, None)).collect();
    if !stale.is_empty() {
        repository.remember(scope, &stale).map_err(failed)?;
    }
    let specs: Vec<FetchSpec> = wanted
        .into_iter()
        .map(|(from, to)| FetchSpec { from, to, existing: Existing::Overwrite })
        .collect();
    repository.fetch(scope, &specs).map_err(failed)?;
    Ok(specs.into_iter().map(|spec| spec.to).collect())
}

/// The object that a full ref name holds.
fn parsed(context: &Context<'_>, scope: &Scope<'_>, name: &str) -> Result<Option<ObjectId>> {
    let command = git(context).args(["rev-parse", "--verify", "--quiet", name]);
    let output = run(context, scope, &command)?;
    Ok(output.success().then(|| ObjectId::parse(output.text().trim_end()).ok()).flatten())
}

fn git(context: &Context<'_>) -> Command {
    Command::new("git").folder(&context.root).env("GIT_NO_REPLACE_OBJECTS", "1")
}

fn run(context: &Context<'_>, scope: &Scope<'_>, command: &Command) -> Result<Output> {
    context.local().run(scope, command).map_err(|error| diagnostic(&RepositoryError::Run(error)))
}
