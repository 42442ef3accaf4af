//! The end of every deployment: its record in the ledger, and the tag moved. In: the record and the ledger it
//! follows. Out: the tag that the remote now holds, or who was faster.

use tagboat_core::commit::ObjectId;
use tagboat_core::ledger::{Appended, Ledger, LedgerError, Record};
use tagboat_core::ports::{NewTag, RefUpdate, Repository, RepositoryError, Scope, Swap};
use tagboat_core::tag::EnvironmentTag;

/// Why the record is not in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRecorded {
    /// The remote holds another tag object than the one that this deployment began with.
    Lost(Option<ObjectId>),
    /// git could not be asked, so it is not known.
    Repository(RepositoryError),
    /// The record does not follow the ledger: a bug.
    Ledger(LedgerError),
}

impl From<RepositoryError> for NotRecorded {
    fn from(error: RepositoryError) -> Self {
        Self::Repository(error)
    }
}

impl From<LedgerError> for NotRecorded {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// Adds `record` to the ledger that the remote holds as `expected`: one atomic push of the tag and, when the tag
/// is full, of a page. Answers the new tag object.
///
/// # Errors
/// [`NotRecorded`].
pub fn add_record(
    scope: &Scope<'_>,
    repository: &dyn Repository,
    tag: &EnvironmentTag,
    ledger: Option<&Ledger>,
    expected: Option<&ObjectId>,
    record: Record,
) -> Result<ObjectId, NotRecorded> {
    let time = record.completed_at;
    let Appended { ledger, page } = match ledger {
        Some(ledger) => ledger.append(record)?,
        None => Appended { ledger: Ledger::first(tag.clone(), record)?, page: None },
    };
    let new = repository.write_tag(
        scope,
        &NewTag {
            name: tag.to_string(),
            commit: ledger.commit()?.clone(),
            time,
            message: ledger.message(),
        },
    )?;
    let mut updates =
        vec![RefUpdate { name: tag.remote_ref(), expected: expected.cloned(), new: new.clone() }];
    if let Some(page) = page {
        let object = repository.write_tag(
            scope,
            &NewTag { name: page.name, commit: page.commit, time, message: page.message },
        )?;
        updates.push(RefUpdate { name: tag.page_ref(page.number), expected: None, new: object });
    }
    match repository.swap(scope, &updates)? {
        Swap::Won => Ok(new),
        Swap::Lost(holds) => Err(NotRecorded::Lost(holds.into_iter().next().flatten())),
    }
}
