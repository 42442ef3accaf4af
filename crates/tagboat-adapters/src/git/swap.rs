//! Compare-and-swap on the remote. In: what each ref must hold and shall hold. Out: who won, as the remote
//! itself says afterwards.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use tagboat_core::command::Command;
use tagboat_core::commit::ObjectId;
use tagboat_core::ports::{
    Cancel, Clock as _, Output, Progress, RefUpdate, RepositoryError, RunError, Scope, Swap,
};
use tagboat_core::secret::Secret;

use super::GitRepository;
use super::names::{PRIVATE, check_ref};
use super::program::{Hooks, refusal, remote_refusal};
use crate::clock::SystemClock;

/// How often a push is tried that the remote refused although it still holds what we expect: a racer that
/// holds a ref's lock makes others fail before it has won or lost (git's files backend waits 0.1 s).
const TRIES: u32 = 3;

/// The wait before the second try; doubled before the third.
const PAUSE: Duration = Duration::from_millis(150);

/// How long reading the outcome may take, even where we were told to stop: not to know is worse.
const READING: Duration = Duration::from_secs(30);

/// What a push left us with, before the remote was read.
enum Pushed {
    /// It ended, and git says so.
    Ended(Output),
    /// It was cut off: the remote may have taken it, or may yet.
    CutOff(RepositoryError),
}

impl GitRepository {
    /// An id that the remote holds already counts as won, whatever was expected: give each attempt a tag
    /// object of its own.
    pub(super) fn compare_and_swap(
        &self,
        scope: &Scope<'_>,
        updates: &[RefUpdate],
    ) -> Result<Swap, RepositoryError> {
        let mut names = HashSet::new();
        for update in updates {
            check_ref(&update.name)?;
            if !names.insert(update.name.as_str()) {
                let name = &update.name;
                return Err(RepositoryError::Unexpected(format!("{name} is given twice")));
            }
        }
        let Some(outbox) = Outbox::of(updates) else { return Ok(Swap::Won) };
        let remote = self.push_remote(scope)?;
        let swapped = self.push_and_read(scope, &remote, &outbox);
        // Nothing reads what stays there.
        if let Err(error) = self.update_private_refs(scope, &outbox.refs(|_| None)) {
            let stays = format!("{} stays here: {error}", outbox.folder);
            scope.observer.tell(&scope.span, &Progress::Note(&stays));
        }
        swapped
    }

    fn push_and_read(
        &self,
        scope: &Scope<'_>,
        remote: &Remote,
        outbox: &Outbox<'_>,
    ) -> Result<Swap, RepositoryError> {
        let updates = outbox.updates;
        let command = self.push_command(remote, outbox);
        let mut attempt = 1;
        loop {
            self.update_private_refs(scope, &outbox.refs(|update| Some(update.new.clone())))?;
            let bound = self.git.patience.transfer;
            let pushed = match self.git.network(scope, command.clone(), bound, Hooks::Run) {
                Ok(output) => Pushed::Ended(output),
                // It never ran.
                Err(error @ RepositoryError::Run(RunError::NotFound)) => return Err(error),
                Err(error) => Pushed::CutOff(error),
            };
            let held = self.held(scope, remote, updates)?;
            let is = |wanted: fn(&RefUpdate) -> Option<&ObjectId>| {
                updates.iter().zip(&held).all(|(update, held)| held.as_ref() == wanted(update))
            };
            if is(|update| Some(&update.new)) {
                return Ok(Swap::Won);
            }
            if !is(|update| update.expected.as_ref()) {
                return Ok(Swap::Lost(held));
            }
            // The remote holds what it held before.
            let output = match pushed {
                Pushed::CutOff(RepositoryError::Run(RunError::Cancelled)) => {
                    return Err(unknown("the push was stopped"));
                }
                Pushed::CutOff(error) => return Err(unknown(&error.to_string())),
                Pushed::Ended(output) => output,
            };
            match Judgement::of(&output) {
                Judgement::Refused | Judgement::NoReport
                    if attempt < TRIES && SystemClock.sleep(scope, PAUSE * attempt) =>
                {
                    attempt += 1;
                }
                Judgement::NoReport | Judgement::Broken => return Err(remote_refusal(&output)),
                Judgement::Refused | Judgement::NotSent => return Err(refusal(&command, &output)),
            }
        }
    }

    /// What the remote holds now, in the order of `updates`.
    fn held(
        &self,
        scope: &Scope<'_>,
        remote: &Remote,
        updates: &[RefUpdate],
    ) -> Result<Vec<Option<ObjectId>>, RepositoryError> {
        let scope = Scope {
            deadline: Instant::now().checked_add(READING),
            cancel: Cancel::default(),
            span: scope.span.clone(),
            observer: scope.observer,
        };
        let names: Vec<&str> = updates.iter().map(|update| update.name.as_str()).collect();
        let listed =
            self.listed_refs(&scope, &remote.address, &names).map_err(|error| match error {
                RepositoryError::Run(error) => unknown(&error.to_string()),
                RepositoryError::Remote(said) => unknown(&said),
                other => other,
            })?;
        let mut listed: BTreeMap<String, ObjectId> =
            listed.into_iter().map(|listed| (listed.name, listed.object)).collect();
        Ok(names.into_iter().map(|name| listed.remove(name)).collect())
    }

    fn push_command(&self, remote: &Remote, outbox: &Outbox<'_>) -> Command {
        let mirror = format!("remote.{}.mirror=false", self.remote);
        let mut command = self.command(["-c", &mirror, "push", "--porcelain", "--atomic"]).args([
            "--no-follow-tags",
            "--recurse-submodules=no",
            "--no-force-with-lease",
        ]);
        for update in outbox.updates {
            // An empty expectation means "must not exist" (git-push(1)).
            let expected = update.expected.as_ref().map_or("", ObjectId::as_str);
            command = command.arg(format!("--force-with-lease={}:{expected}", update.name));
        }
        command = command.arg(&remote.address).arg(format!("{}*:refs/*", outbox.folder));
        remote.secret.iter().fold(command, |command, secret| command.secret(secret.clone()))
    }

    /// Where a push goes, for the outcome must be read from there: a remote may push elsewhere than it
    /// fetches from.
    fn push_remote(&self, scope: &Scope<'_>) -> Result<Remote, RepositoryError> {
        let fetch = self.remote_url(scope, &["--all"])?;
        let push = self.remote_url(scope, &["--push", "--all"])?;
        let [url] = push.as_slice() else {
            let name = &self.remote;
            return Err(RepositoryError::Unexpected(format!(
                "remote {name} pushes to {} places: which of them decides?",
                push.len()
            )));
        };
        if fetch.first() == Some(url) {
            return Ok(Remote { address: self.remote.clone(), secret: None });
        }
        if url.starts_with('-') {
            return Err(RepositoryError::Unexpected(format!("{url:?} is no address")));
        }
        Ok(Remote { address: url.clone(), secret: password(url) })
    }

    fn remote_url(
        &self,
        scope: &Scope<'_>,
        which: &[&str],
    ) -> Result<Vec<String>, RepositoryError> {
        let command =
            self.command(["remote", "get-url"]).args(which.iter().copied()).arg(&self.remote);
        let output = self.git.checked(scope, &command)?;
        Ok(output.text().lines().map(str::to_owned).collect())
    }
}

/// Private refs that hold what is pushed, so that one pattern names all of it. A destination that is named by itself
/// is matched with every ref of the remote that ends in that name (gitrevisions(7), the rules of `refname`): beside a branch
/// `refs/heads/refs/tags/api/production`, which whoever may push branches can make, git refuses to push the tag as
/// ambiguous, or, where there is no such tag yet, pushes the branch. What a pattern leads to is that ref alone.
struct Outbox<'u> {
    /// Ends in a slash. Nobody else's: the objects that are pushed are new ones.
    folder: String,
    updates: &'u [RefUpdate],
}

impl<'u> Outbox<'u> {
    /// For one update at least.
    fn of(updates: &'u [RefUpdate]) -> Option<Self> {
        let folder = format!("{PRIVATE}outbox/{}/", updates.first()?.new);
        Some(Self { folder, updates })
    }

    /// Its refs, each with what it holds of an update.
    fn refs(
        &self,
        holds: impl Fn(&RefUpdate) -> Option<ObjectId>,
    ) -> Vec<(String, Option<ObjectId>)> {
        let place = |update: &RefUpdate| {
            let below = update.name.strip_prefix("refs/").unwrap_or(&update.name);
            (format!("{}{below}", self.folder), holds(update))
        };
        self.updates.iter().map(place).collect()
    }
}

/// The push side of a remote.
struct Remote {
    /// Its name, or a URL where that differs.
    address: String,
    /// The password in that URL.
    secret: Option<Secret>,
}

fn password(url: &str) -> Option<Secret> {
    let (user, _) = url.split_once("://")?.1.split('/').next()?.rsplit_once('@')?;
    Some(Secret::new(user.split_once(':').map_or(user, |(_, password)| password).to_owned()))
}

fn unknown(why: &str) -> RepositoryError {
    RepositoryError::Remote(format!("{why}; whether it took the push is unknown"))
}

/// How a push that changed nothing ended, by the documented output of `git push --porcelain`
/// (git-push(1), OUTPUT): a line for each ref, beginning with a flag.
#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    /// The remote, or git here for its sake, judged the refs: nothing was changed.
    Refused,
    /// The refs were sent, and the remote did not say what it did.
    NoReport,
    /// Nothing was sent: a hook here refused it, or an object is missing.
    NotSent,
    /// The connection failed.
    Broken,
}

impl Judgement {
    fn of(output: &Output) -> Self {
        let text = output.text();
        let mut refused = text.lines().filter(|line| line.starts_with("!\t")).peekable();
        if refused.peek().is_none() && output.status == Some(0) {
            // There was nothing to push: somebody deleted what was in the outbox.
            return Self::NoReport;
        }
        if refused.peek().is_none() {
            // git dies with 128 where it has nobody to talk to, and fails with 1 by its own judgement.
            return if output.status == Some(1) { Self::NotSent } else { Self::Broken };
        }
        if refused.any(|line| line.contains("\t[remote failure]")) {
            Self::NoReport
        } else {
            Self::Refused
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: i32, stdout: &str) -> Output {
        let stdout = stdout.as_bytes().to_vec();
        Output { status: Some(status), stdout, stderr: String::new(), took: Duration::ZERO }
    }

    #[test]
    fn a_push_without_a_report_is_told_from_a_refused_one() {
        let line = "To ../r.git\n!\tabc:refs/tags/x\t[remote failure] (remote failed to report)\n";
        assert_eq!(Judgement::of(&ended(1, line)), Judgement::NoReport);
        let line = "To ../r.git\n!\tabc:refs/tags/x\t[remote rejected] (hook declined)\nDone\n";
        assert_eq!(Judgement::of(&ended(1, line)), Judgement::Refused);
        assert_eq!(Judgement::of(&ended(1, "")), Judgement::NotSent);
        assert_eq!(Judgement::of(&ended(128, "")), Judgement::Broken);
        assert_eq!(Judgement::of(&ended(0, "Everything up-to-date\n")), Judgement::NoReport);
    }

    #[test]
    fn a_password_in_a_url_is_a_secret() {
        let secret = |url| password(url).map(|s| s.expose().to_owned());
        assert_eq!(secret("https://bob:hunter2@example.org/x").as_deref(), Some("hunter2"));
        assert_eq!(secret("https://token@example.org/x").as_deref(), Some("token"));
        assert_eq!(secret("https://example.org/a@b"), None);
        assert_eq!(secret("git@example.org:x"), None);
    }
}
