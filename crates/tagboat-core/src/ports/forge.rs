//! The forge, as far as its queue is read (SPEC Q2). In: an environment. Out: its runs, page by page.

use std::fmt;

use jiff::Timestamp;

use super::Scope;
use crate::queue::Wanted;
use crate::tag::EnvironmentName;

/// Pages that are read of one answer. GitHub keeps 100 runs waiting in a group at most and gives 100 a page; more pages
/// than this are no queue.
pub const MAX_PAGES: usize = 20;

/// Whether a run waits or goes; what is over stands in no queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// It waits (GitHub: `queued`, `pending`, `waiting`, `requested`).
    Queued,
    /// It goes.
    InProgress,
}

/// A run of the forge's pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeRun {
    /// The forge's number of it.
    pub id: String,
    /// Whether it goes.
    pub status: RunStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began to wait: a run that is started again waits anew.
    pub waiting_since: Timestamp,
    /// When it began to go.
    pub started_at: Option<Timestamp>,
    /// Who started it.
    pub actor: String,
    /// The branch or tag that it runs on.
    pub reference: String,
    /// What it deploys, where the run says so.
    pub deployment: Option<Wanted>,
    /// Where people look at it.
    pub url: String,
}

/// One page of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunPage {
    /// The runs on it.
    pub runs: Vec<ForgeRun>,
    /// What to ask for the next page with; none at the last.
    pub next: Option<String>,
}

/// Why a forge does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForgeError {
    /// Too many questions; it answers again at this time, where it says so.
    RateLimited(Option<Timestamp>),
    /// The token may not read this, or there is none.
    NotPermitted(String),
    /// It failed itself, with this HTTP status.
    Unavailable(u16),
    /// There is no such repository, or the token may not know of it.
    NotFound,
    /// It answered something else than it promises.
    Unexpected(String),
    /// The scope was cancelled.
    Cancelled,
    /// It did not answer before the scope's deadline.
    TimedOut,
}

impl fmt::Display for ForgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateLimited(Some(until)) => write!(f, "it answers no more before {until}"),
            Self::RateLimited(None) => f.write_str("it was asked too often"),
            Self::NotPermitted(why) => write!(f, "it does not permit it: {why}"),
            Self::Unavailable(status) => write!(f, "it failed with status {status}"),
            Self::NotFound => f.write_str("it knows no such repository"),
            Self::Unexpected(what) => write!(f, "it answered what it should not: {what}"),
            Self::Cancelled => f.write_str("it was interrupted"),
            Self::TimedOut => f.write_str("it did not answer in time"),
        }
    }
}

impl std::error::Error for ForgeError {}

/// The forge.
pub trait Forge: Sync {
    /// A page of the runs that wait for, or deploy to, an environment, in any order. `page` is what the page before
    /// named as its next; `None` for the first.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn runs(
        &self,
        scope: &Scope<'_>,
        environment: &EnvironmentName,
        page: Option<&str>,
    ) -> Result<RunPage, ForgeError>;
}

/// Every run that waits for, or deploys to, an environment. A run that moved to another page while it was read counts
/// once, as it was last seen.
///
/// # Errors
/// See [`ForgeError`]; [`ForgeError::Unexpected`] for more than [`MAX_PAGES`].
pub fn every_run(
    forge: &dyn Forge,
    scope: &Scope<'_>,
    environment: &EnvironmentName,
) -> Result<Vec<ForgeRun>, ForgeError> {
    let mut runs: Vec<ForgeRun> = Vec::new();
    let mut next = None;
    for _ in 0..MAX_PAGES {
        let page = forge.runs(scope, environment, next.as_deref())?;
        runs.retain(|run| !page.runs.iter().any(|newer| newer.id == run.id));
        runs.extend(page.runs);
        match page.next {
            None => return Ok(runs),
            Some(page) => next = Some(page),
        }
    }
    Err(ForgeError::Unexpected(format!("more than {MAX_PAGES} pages of runs")))
}
