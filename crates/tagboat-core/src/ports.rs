//! The outside world as traits. In: requests as values, with a [`Scope`] that bounds them. Out: what was
//! seen or done. Implementations live in `tagboat-adapters`; fakes in `tagboat-testing`; one contract
//! suite holds both.

mod forge;
mod repository;
mod roots;
mod runner;
mod turn;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use forge::{Forge, ForgeError, ForgeRun, MAX_PAGES, RunPage, RunStatus, every_run};
pub use repository::{
    Commit, Existing, FetchSpec, Found, ListedRef, Log, LogEntry, LogQuery, NewTag, RefUpdate,
    RefView, Repository, RepositoryError, Since, Swap, TagObject, TagSignature, TagSigner,
};
pub use roots::{
    Access, Architecture, Bind, Booted, BuildDepends, Mirror, Network, Root, RootError, RootSpec,
    Roots,
};
pub use runner::{Output, RunError, Runner, Running};
pub use turn::{Dismissal, Place, Turn, TurnError, Waited};

/// Told to stop: by Ctrl-C, or by a sibling that failed. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks everything that runs under this to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether someone asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What bounds a call: until when, who may stop it, and under which name its lines are told.
#[derive(Clone)]
pub struct Scope<'a> {
    /// Latest end of everything done under this scope; a command's own timeout may be earlier.
    pub deadline: Option<Instant>,
    /// Stops it from outside.
    pub cancel: Cancel,
    /// What is going on: `build api amd64`. Shown before lines and written to logs.
    pub span: String,
    /// Who is told.
    pub observer: &'a dyn Observer,
}

impl<'a> Scope<'a> {
    /// A scope without a deadline.
    #[must_use]
    pub fn new(span: impl Into<String>, observer: &'a dyn Observer, cancel: Cancel) -> Self {
        Self { deadline: None, cancel, span: span.into(), observer }
    }

    /// The same bounds under another name.
    #[must_use]
    pub fn span(&self, span: impl Into<String>) -> Self {
        Self { span: span.into(), ..self.clone() }
    }

    /// The earlier of this scope's deadline and `until`.
    #[must_use]
    pub fn until(&self, until: Instant) -> Self {
        let deadline = Some(self.deadline.map_or(until, |mine| mine.min(until)));
        Self { deadline, ..self.clone() }
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("deadline", &self.deadline)
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

/// Something that happened while work went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A step of the plan began.
    Began,
    /// A program printed a line (without its end), already masked.
    Line(&'a str),
    /// A step ended well, after this long.
    Done(Duration),
    /// A step failed, after this long.
    Failed(Duration),
    /// Something a reader should know: a fall-back was taken, a wait began.
    Note(&'a str),
}

/// Hears of progress. It must not fail and must not wait.
pub trait Observer: Sync {
    /// `span` names what it is about.
    fn tell(&self, span: &str, progress: &Progress<'_>);

    /// Whether it cares for [`Progress::Line`]. A listing has hundreds of thousands of them: cutting them for
    /// nobody costs more than reading it.
    fn wants_lines(&self) -> bool {
        true
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn tell(&self, _: &str, _: &Progress<'_>) {}

    fn wants_lines(&self) -> bool {
        false
    }
}

/// Real time, for those who are told it.
pub trait Clock: Sync {
    /// The wall clock, UTC: for records.
    fn now(&self) -> Timestamp;
    /// The monotonic clock: for durations and deadlines.
    fn instant(&self) -> Instant;
    /// Waits, or less if the scope is cancelled or at its deadline. True if it waited in full.
    fn sleep(&self, scope: &Scope<'_>, duration: Duration) -> bool;
}
