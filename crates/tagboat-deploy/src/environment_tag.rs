//! The end of every deployment: its record in the ledger, and the tag moved. In: the record and the ledger it
//! follows. Out: the tag that the remote now holds, or who was faster.

use tagboat_core::commit::ObjectId;
use tagboat_core::ledger::{Appended, Ledger, LedgerError, Record};
use tagboat_core::ports::{NewTag, RefUpdate, Repository, RepositoryError, Scope, Swap, TagSigner};
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

/// Where a record goes.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The repository.
    pub repository: &'a dyn Repository,
    /// What signs the tag, where it is signed. Pages are not: their hashes stand in the tag.
    pub signer: Option<&'a dyn TagSigner>,
    /// The environment tag.
    pub tag: &'a EnvironmentTag,
    /// What the remote holds of it now.
    pub expected: Option<&'a ObjectId>,
}

impl std::fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("tag", &self.tag).finish_non_exhaustive()
    }
}

/// Adds `record` to a ledger: one atomic push of the tag and, when the tag is full, of a page. Answers the new tag
/// object.
///
/// # Errors
/// [`NotRecorded`].
pub fn add_record(
    scope: &Scope<'_>,
    to: &Place<'_>,
    ledger: Option<&Ledger>,
    record: Record,
) -> Result<ObjectId, NotRecorded> {
    let Place { repository, signer, tag, expected } = *to;
    let time = record.completed_at;
    let Appended { ledger, page } = match ledger {
        Some(ledger) => ledger.append(record)?,
        None => Appended { ledger: Ledger::first(tag.clone(), record)?, page: None },
    };
    let (name, message) = (tag.to_string(), ledger.message());
    let object = NewTag { name, commit: ledger.commit()?.clone(), time, message };
    let new = match signer {
        Some(signer) => repository.sign_tag(scope, &object, signer)?,
        None => repository.write_tag(scope, &object)?,
    };
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
