//! Publishes: in: a plan, its key and the lock, out: the new publication and a record of it, or the old one.

use std::io::Cursor;

use jiff::Timestamp;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, World, bug};
use tagboat_core::ports::{Progress, Scope};
use tagboat_deb::digest::Sha256Sum;

use super::folder::{Disk, Folder};
use super::lock::Lock;
use super::observe::{present_release, sum_of};
use super::plan::{Outcome, Plan, Signed, Step, Written};
use super::{STILL, refuse};
use crate::keys::CheckedKey;

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The `Date` of the publication that clients see now.
    pub date: Timestamp,
    /// The digest of the `InRelease` that clients see now; `None` where nothing was to do.
    pub in_release: Option<Sha256Sum>,
    /// The packages that are new.
    pub added: Vec<String>,
    /// Those that were there with the same bytes.
    pub already_there: Vec<String>,
    /// How many files were written.
    pub written: usize,
    /// Superseded files that could not be removed; the next publication tries again.
    pub left_behind: Vec<String>,
}

/// Does what the plan says, under the lock. Both signatures are made and verified before the first write; all
/// that `InRelease` names is on the disk before it gets its name.
///
/// # Errors
/// `publish::changed` where clients see another publication by now than the plan was made for; `publish::io`,
/// `publish::stopped`, and what the key says. Whatever the error, readers see a whole repository, and the same
/// command again finishes the work.
pub fn apply(plan: &Plan, key: &CheckedKey, lock: &Lock, scope: &Scope<'_>) -> Result<Record> {
    if lock.folder() != plan.folder || key.fingerprint() != plan.key {
        return Err(bug("a plan is applied with the lock or the key of another"));
    }
    if present_release(&plan.folder, &plan.suite)? != plan.expects {
        return Err(refuse(
            "publish::changed",
            Exit::Refused,
            "another publisher was faster: the repository is not the one that was planned for",
        )
        .help("run the same command again")
        .into());
    }
    perform(plan, key, &Folder::open(lock)?, scope)
}

fn perform(plan: &Plan, key: &CheckedKey, disk: &dyn Disk, scope: &Scope<'_>) -> Result<Record> {
    let record = |outcome| {
        let of = plan.outcomes.iter().filter(move |(_, found)| *found == outcome);
        of.map(|(package, _)| package.clone()).collect()
    };
    let mut record = Record {
        date: plan.date,
        in_release: None,
        added: record(Outcome::Added),
        already_there: record(Outcome::AlreadyThere),
        written: 0,
        left_behind: Vec::new(),
    };
    if plan.steps.is_empty() {
        return Ok(record);
    }
    let inline = key.inline_sign(&plan.release, plan.signed_at)?;
    let detached = key.detached(&mut Cursor::new(plan.release.as_bytes()), plan.signed_at)?;
    for step in &plan.steps {
        scope.observer.tell(&scope.span, &Progress::Line(&step.to_string()));
        if let Step::Remove { path } = step {
            if disk.remove(path).is_err() {
                record.left_behind.push(path.to_string());
            }
            continue;
        }
        if scope.cancel.is_cancelled() {
            let stopped =
                refuse("publish::stopped", Exit::Interrupted, "the publication was stopped");
            return Err(unfinished(stopped));
        }
        let done = match step {
            Step::CopyPackage { from, to, digests } => disk.put_file(to, from, digests),
            Step::Write(Written { to, bytes }) => disk.put(to, bytes),
            Step::Sign { to, form: Signed::Detached } => disk.put(to, detached.as_bytes()),
            Step::Sign { to, form: Signed::Inline } => {
                disk.settle().and_then(|()| disk.put(to, inline.as_bytes()))
            }
            Step::Remove { .. } => Ok(()),
        };
        done.map_err(|error| unfinished(*error))?;
        record.written += 1;
        if let Step::Sign { form: Signed::Inline, .. } = step {
            record.in_release = Some(sum_of(inline.as_bytes()));
            disk.settle().map_err(|error| {
                let now =
                    "readers see the new repository; a loss of power could bring the old one back";
                Box::new(error.exit(Exit::NeedsPerson).world(World::Now(now.to_owned())))
            })?;
        }
    }
    Ok(record)
}

/// An error between the first write and the publication.
fn unfinished(error: Diagnostic) -> Box<Diagnostic> {
    let still = format!("{STILL} for its readers; the same command again finishes the work");
    Box::new(error.world(World::Unchanged(still)))
}

#[cfg(test)]
mod tests;
