//! Protections that a person overrides (SPEC V4). In: what was typed. Out: leave to go on, and the words for the ledger.

use std::cell::RefCell;
use std::collections::BTreeSet;

use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::{Override, Protection};

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
