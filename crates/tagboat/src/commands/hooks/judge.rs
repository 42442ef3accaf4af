//! What a hook asks. In: `REF OLD NEW` lines. Out: those that are refused, and why.

use std::io::Read as _;

use tagboat_core::command::Command;
use tagboat_core::commit::ObjectId;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::guard::{Before, Guarded, Refusal, follow};
use tagboat_core::listing::TAGS;
use tagboat_core::ports::{ListedRef, RepositoryError, Runner as _, Scope, TagObject};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag, Environments};

use super::super::{reading, repository::diagnostic};
use crate::cli::hooks::{Asking, RunArgs};
use crate::context::Context;

/// Longest text that a hook hands over, in bytes: 100,000 tags in one push are some 20 MB.
const LIMIT: u64 = 64 << 20;

/// One ref of a push.
struct Change<'l> {
    name: &'l str,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
}

/// Judges.
pub(super) fn run(arguments: &RunArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("hooks");
    let text = pushed(std::io::stdin().lock())?;
    let environments = match arguments.hook {
        Asking::PrePush => reading::environments(context)?,
        Asking::Update => committed(context, &scope)?,
    };
    let mut judge = Judge { context, scope, environments, tags: None };
    let mut refused = false;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let change = change(line).ok_or_else(|| unreadable(&format!("{line:?} is no change")))?;
        if let Err(why) = judge.change(&change)? {
            refused = true;
            context.terminal.bytes(format!("{line}\n").as_bytes());
            context.terminal.error_aside(&told(&change, &why));
        }
    }
    Ok(if refused { Exit::Refused } else { Exit::Done })
}

/// What the hook hands over, whole: of a push that is too long to be read nothing is judged to be good.
fn pushed(input: impl std::io::Read) -> Result<String> {
    let mut text = String::new();
    let read = input.take(LIMIT + 1).read_to_string(&mut text);
    let length = read.map_err(|error| unreadable(&error.to_string()))?;
    if length as u64 > LIMIT {
        return Err(unreadable(&format!("it names more than {} MiB of refs", LIMIT >> 20)));
    }
    Ok(text)
}

fn change(line: &str) -> Option<Change<'_>> {
    let mut words = line.split(' ');
    let (name, old, new) = (words.next()?, words.next()?, words.next()?);
    let id = |text: &str| {
        let id = ObjectId::parse(text).ok()?;
        Some(text.bytes().any(|byte| byte != b'0').then_some(id))
    };
    words.next().is_none().then_some(Change { name, old: id(old)?, new: id(new)? })
}

struct Judge<'a> {
    context: &'a Context<'a>,
    scope: Scope<'a>,
    environments: Environments,
    /// The tags of this repository, once they are asked for.
    tags: Option<Vec<ListedRef>>,
}

impl Judge<'_> {
    fn change(&mut self, change: &Change<'_>) -> Result<std::result::Result<(), Refusal>> {
        let guarded = Guarded::of(change.name, &self.environments);
        if let Err(why) = guarded.judge(change.old.as_ref(), change.new.as_ref()) {
            return Ok(Err(why));
        }
        match (guarded, &change.new) {
            (Guarded::Environment(tag), Some(new)) if change.old.as_ref() != Some(new) => {
                self.ledger(&tag, change.old.as_ref(), new)
            }
            _ => Ok(Ok(())),
        }
    }

    fn ledger(
        &mut self,
        tag: &EnvironmentTag,
        old: Option<&ObjectId>,
        new: &ObjectId,
    ) -> Result<std::result::Result<(), Refusal>> {
        let before = match old {
            None => Before::Nothing,
            Some(old) => match (self.tag_object(old)?, self.commit(old)?) {
                (Some(object), _) => Before::Tag(Box::new(object)),
                (None, true) => Before::NoLedger,
                (None, false) => Before::Unknown,
            },
        };
        let after = self.tag_object(new)?;
        let ledger = match follow(tag, &before, after.as_ref()) {
            Ok(ledger) => ledger,
            Err(why) => return Ok(Err(why)),
        };
        let Some((version, commit)) = ledger.newest().current() else { return Ok(Ok(())) };
        let name = format!("{TAGS}{version}");
        let tags = match &self.tags {
            Some(tags) => tags,
            None => {
                let refs = self.context.repository().refs(&self.scope);
                self.tags.insert(refs.map_err(|error| diagnostic(&error))?)
            }
        };
        let tagged = tags.iter().find(|listed| listed.name == name);
        let there = tagged.is_some_and(|tagged| tagged.target() == commit.object());
        Ok(if there { Ok(()) } else { Err(Refusal::NotTagged(version.to_string())) })
    }

    fn tag_object(&self, id: &ObjectId) -> Result<Option<TagObject>> {
        let objects = self.context.repository().tag_objects(&self.scope, std::slice::from_ref(id));
        Ok(objects.map_err(|error| diagnostic(&error))?.pop().flatten())
    }

    fn commit(&self, id: &ObjectId) -> Result<bool> {
        let commit = self.context.repository().commit(&self.scope, id.as_str());
        Ok(commit.map_err(|error| diagnostic(&error))?.is_some())
    }
}

/// The environments of the commit that HEAD leads to: in a bare repository nothing is checked out.
fn committed(context: &Context<'_>, scope: &Scope<'_>) -> Result<Environments> {
    let head = context.repository().commit(scope, "HEAD").map_err(|error| diagnostic(&error))?;
    let Some(head) = head else { return Ok(Environments::default()) };
    let command = Command::new("git")
        .args(["ls-tree", "-d", "-z", "--name-only", head.sha.as_str(), "environments/"])
        .folder(&context.root);
    let output = context.local().run(scope, &command);
    let output = output.map_err(|error| diagnostic(&RepositoryError::Run(error)))?;
    if !output.success() {
        return Err(unreadable(&output.last_lines(2).join("; ")));
    }
    let text = output.text();
    let names = text.split('\0').filter_map(|path| path.strip_prefix("environments/"));
    Ok(Environments::new(names.filter_map(|name| EnvironmentName::parse(name).ok())))
}

fn unreadable(why: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "hooks::unreadable",
            Exit::Usage,
            format!("the push cannot be judged: {why}"),
            "nothing was judged to be good",
        )
        .help("run it from a hook that `tagboat hooks install` wrote"),
    )
}

fn told(change: &Change<'_>, why: &Refusal) -> Diagnostic {
    let id = |id: &Option<ObjectId>| id.as_ref().map_or("nothing".to_owned(), ToString::to_string);
    let told = Diagnostic::unchanged(
        "hooks::refused",
        Exit::Refused,
        format!("{} is protected: {why}", change.name),
        "this ref is what it was",
    )
    .fact("holds", id(&change.old))
    .fact("pushed", id(&change.new));
    told.help(match why {
        Refusal::NoLedger | Refusal::NotAfter(_) | Refusal::NotNewer(..) | Refusal::Begins(_) => {
            "environment tags move by `tagboat deploy` and `tagboat rollback`"
        }
        Refusal::Moved | Refusal::Deleted | Refusal::NeverMade | Refusal::Rewritten => {
            "make a new version instead; an administrator sets ALLOW_PROTECTED_TAG_PUSH to the reason"
        }
        Refusal::Ledger(_) | Refusal::Unknown | Refusal::NotTagged(_) => {
            "bring this repository up to date first: `git fetch --tags`, `tagboat status`"
        }
    })
}
