//! The port that waits for one's place (SPEC Q2). In: a queue and a ticket. Out: a place in it, which ends with its
//! holder; who else stands there.

use std::fmt;

use jiff::Timestamp;

use super::Scope;
use crate::queue::{Notice, QueueName, Standing, Ticket};

/// Why there is no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnError {
    /// The scope was cancelled.
    Cancelled,
    /// The scope's deadline passed.
    TimedOut,
    /// What lies where the queue belongs is not this user's own folder or file: it was not touched.
    Foreign(String),
    /// The queue cannot be read or written.
    Io(String),
}

impl fmt::Display for TurnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("it was interrupted"),
            Self::TimedOut => f.write_str("the turn did not come in time"),
            Self::Foreign(what) => write!(f, "{what} is not this user's own"),
            Self::Io(why) => write!(f, "the queue cannot be used: {why}"),
        }
    }
}

impl std::error::Error for TurnError {}

/// What waiting brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The turn came: nobody is before this place.
    Begun,
    /// So many are before this place now; it was another number when last told.
    Behind(usize),
    /// It was asked to leave. Its place is kept until it is dropped.
    Dismissed(Notice),
    /// The place was lost, as where somebody deleted the queue; it has a new one, behind those who are there.
    Again,
}

/// What came of asking somebody to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dismissal {
    /// It is told, and leaves by itself.
    Told,
    /// Its turn has come: it is not asked.
    Running,
    /// Nobody has this place any more.
    Gone,
}

/// Queues of this user on this machine. They keep deployments apart that would only lose a race against each other;
/// what is right does not depend on them.
pub trait Turn: Sync {
    /// Takes the last place. Two who come at once get different ones.
    ///
    /// # Errors
    /// See [`TurnError`].
    fn enrol(
        &self,
        scope: &Scope<'_>,
        queue: &QueueName,
        ticket: &Ticket,
    ) -> Result<Box<dyn Place>, TurnError>;

    /// Everybody who stands there now, in order. A queue that never was is empty.
    ///
    /// # Errors
    /// See [`TurnError`].
    fn line(&self, scope: &Scope<'_>, queue: &QueueName) -> Result<Vec<Standing>, TurnError>;

    /// Asks the one with this number to leave, if it still waits.
    ///
    /// # Errors
    /// See [`TurnError`].
    fn dismiss(
        &self,
        scope: &Scope<'_>,
        queue: &QueueName,
        number: u64,
        notice: &Notice,
    ) -> Result<Dismissal, TurnError>;
}

/// A place in a queue. Dropping it, or the end of its process in whatever way, frees it at once.
pub trait Place: Send {
    /// Its number; another one after [`Waited::Again`].
    fn number(&self) -> u64;

    /// Changes what others read of it; when its turn came stays as it is.
    ///
    /// # Errors
    /// See [`TurnError`].
    fn tell(&mut self, ticket: &Ticket) -> Result<(), TurnError>;

    /// Waits until the turn comes or something else is to be told. `now` is what the ticket says of its beginning.
    ///
    /// # Errors
    /// [`TurnError::Cancelled`] and [`TurnError::TimedOut`], with the place still held; others as they come.
    fn wait(&mut self, scope: &Scope<'_>, now: &dyn Fn() -> Timestamp)
    -> Result<Waited, TurnError>;
}
