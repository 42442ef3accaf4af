//! Protections that a person overrides (SPEC V4). In: what was typed, and what hooks recorded of pushes. Out: leave to
//! go on, and the words for the ledger; who overrode what, and why.

use std::cell::RefCell;
use std::collections::BTreeSet;

use tagboat_config::check::Recorded;
use tagboat_core::commit::ObjectId;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{Override, Protection};
use tagboat_core::ports::{Existing, FetchSpec, RefView, Scope};
use tagboat_core::tag_override::{self, OVERRIDES};

use super::repository::diagnostic;
use crate::context::Context;

/// What was typed, and what of it was needed.
#[derive(Debug, Default)]
pub(crate) struct Overrides<'a> {
    given: &'a [Override],
    used: RefCell<BTreeSet<Protection>>,
}

impl<'a> Overrides<'a> {
    /// As the command line says.
    pub(crate) fn of(given: &'a [Override]) -> Self {
        Self { given, used: RefCell::default() }
    }

    /// Whether this protection, which stands in the way now, is overridden.
    pub(crate) fn allow(&self, protection: Protection) -> bool {
        let given = self.given.iter().any(|given| given.protection == protection);
        if given {
            self.used.borrow_mut().insert(protection);
        }
        given
    }

    /// The words for the ledger; `None` where nothing was overridden.
    ///
    /// # Errors
    /// Where one was typed that nothing needs: what is overridden out of habit protects nobody.
    pub(crate) fn settle(&self) -> Result<Option<String>> {
        let used = self.used.borrow();
        if let Some(idle) = self.given.iter().find(|given| !used.contains(&given.protection)) {
            return Err(Box::new(
                Diagnostic::unchanged(
                    "deploy::nothing-to-override",
                    Exit::Refused,
                    format!("the protection `{}` does not stand in the way", idle.protection),
                    "no host was changed",
                )
                .help("leave that --override out"),
            ));
        }
        let words: Vec<String> = self.given.iter().map(ToString::to_string).collect();
        Ok((!words.is_empty()).then(|| words.join("; ")))
    }
}

/// Whether the remote has records of overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// It has, and they are here now.
    Some,
    /// It has none.
    Nothing,
}

/// Brings the records of overrides that are not here.
pub(crate) fn fetch_recorded(context: &Context<'_>, scope: &Scope<'_>) -> Result<Fetched> {
    let repository = context.repository();
    let pattern = format!("{OVERRIDES}*");
    let remote = repository.remote_refs(scope, &[&pattern]).map_err(|error| diagnostic(&error))?;
    if remote.is_empty() {
        return Ok(Fetched::Nothing);
    }
    let specs: Vec<FetchSpec> = remote
        .into_iter()
        .map(|listed| FetchSpec {
            from: listed.name.clone(),
            to: listed.name,
            existing: Existing::Keep,
        })
        .collect();
    repository.fetch(scope, &specs).map_err(|error| diagnostic(&error))?;
    Ok(Fetched::Some)
}

/// The records that are here.
pub(crate) fn recorded_refs(
    context: &Context<'_>,
    scope: &Scope<'_>,
) -> Result<Vec<(String, ObjectId)>> {
    let mut records = Vec::new();
    let take = &mut |listed: RefView<'_>| {
        if listed.name.starts_with(OVERRIDES) {
            records.push((listed.name.to_owned(), listed.object.clone()));
        }
    };
    context.repository().each_ref(scope, take).map_err(|error| diagnostic(&error))?;
    Ok(records)
}

/// What they tell.
pub(crate) fn read_recorded(
    context: &Context<'_>,
    scope: &Scope<'_>,
    listed: Vec<(String, ObjectId)>,
) -> Result<Vec<Recorded>> {
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ObjectId> = listed.iter().map(|(_, id)| id.clone()).collect();
    let objects = context.repository().tag_objects(scope, &ids).map_err(|e| diagnostic(&e))?;
    let read = listed.into_iter().zip(objects).map(|((name, id), object)| {
        let read = object.and_then(|object| tag_override::read(&name, &object)).ok_or(id);
        (name, read)
    });
    Ok(read.collect())
}
