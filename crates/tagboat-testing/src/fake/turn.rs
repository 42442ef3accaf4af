//! Queues in memory. In: places that are taken, kept, dropped and lost. Out: the port's promises, without a lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tagboat_core::ports::{Dismissal, Place, Scope, Turn, TurnError, Waited};
use tagboat_core::queue::{Notice, QueueName, Standing, Ticket};

/// How often a wait looks whether its scope ended: nobody tells it that.
const TICK: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
struct Kept {
    ticket: Option<Ticket>,
    notice: Option<Notice>,
}

#[derive(Debug, Default)]
struct Queues {
    places: BTreeMap<(QueueName, u64), Kept>,
    last: u64,
}

/// Queues that all clones of one share.
#[derive(Clone, Debug, Default)]
pub struct FakeTurn(Arc<(Mutex<Queues>, Condvar)>);

impl FakeTurn {
    /// Nobody stands anywhere.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses every place, as where somebody deletes the folder of the queues.
    pub fn lose_everything(&self) {
        self.0.0.lock().unwrap().places.clear();
        self.0.1.notify_all();
    }

    /// A place's ticket cannot be read any more.
    pub fn spoil(&self, queue: &QueueName, number: u64) {
        let mut queues = self.0.0.lock().unwrap();
        queues.places.get_mut(&(queue.clone(), number)).unwrap().ticket = None;
    }

    fn take(&self, queue: &QueueName, ticket: &Ticket) -> u64 {
        let mut queues = self.0.0.lock().unwrap();
        queues.last += 1;
        let number = queues.last;
        let kept = Kept { ticket: Some(ticket.clone()), notice: None };
        queues.places.insert((queue.clone(), number), kept);
        number
    }
}

impl Turn for FakeTurn {
    fn enrol(
        &self,
        scope: &Scope<'_>,
        queue: &QueueName,
        ticket: &Ticket,
    ) -> Result<Box<dyn Place>, TurnError> {
        if scope.cancel.is_cancelled() {
            return Err(TurnError::Cancelled);
        }
        let ticket = Ticket { began_at: None, ..ticket.clone() };
        let number = self.take(queue, &ticket);
        let (turn, queue) = (self.clone(), queue.clone());
        Ok(Box::new(FakePlace { turn, queue, ticket, number, told: None }))
    }

    fn line(&self, _: &Scope<'_>, queue: &QueueName) -> Result<Vec<Standing>, TurnError> {
        let queues = self.0.0.lock().unwrap();
        let here = queues.places.iter().filter(|((name, _), _)| name == queue);
        Ok(here
            .map(|((_, number), kept)| Standing { number: *number, ticket: kept.ticket.clone() })
            .collect())
    }

    fn dismiss(
        &self,
        _: &Scope<'_>,
        queue: &QueueName,
        number: u64,
        notice: &Notice,
    ) -> Result<Dismissal, TurnError> {
        let mut queues = self.0.0.lock().unwrap();
        let Some(kept) = queues.places.get_mut(&(queue.clone(), number)) else {
            return Ok(Dismissal::Gone);
        };
        if kept.ticket.as_ref().is_some_and(|ticket| ticket.began_at.is_some()) {
            return Ok(Dismissal::Running);
        }
        kept.notice = Some(notice.clone());
        self.0.1.notify_all();
        Ok(Dismissal::Told)
    }
}

#[derive(Debug)]
struct FakePlace {
    turn: FakeTurn,
    queue: QueueName,
    ticket: Ticket,
    number: u64,
    told: Option<usize>,
}

impl Place for FakePlace {
    fn number(&self) -> u64 {
        self.number
    }

    fn tell(&mut self, ticket: &Ticket) -> Result<(), TurnError> {
        self.ticket = Ticket { began_at: self.ticket.began_at, ..ticket.clone() };
        let mut queues = self.turn.0.0.lock().unwrap();
        if let Some(kept) = queues.places.get_mut(&(self.queue.clone(), self.number)) {
            kept.ticket = Some(self.ticket.clone());
        }
        Ok(())
    }

    fn wait(
        &mut self,
        scope: &Scope<'_>,
        now: &dyn Fn() -> Timestamp,
    ) -> Result<Waited, TurnError> {
        if self.ticket.began_at.is_some() {
            return Ok(Waited::Begun);
        }
        let turn = self.turn.clone();
        let mut queues = turn.0.0.lock().unwrap();
        loop {
            if scope.cancel.is_cancelled() {
                return Err(TurnError::Cancelled);
            }
            let Some(kept) = queues.places.get(&(self.queue.clone(), self.number)) else {
                drop(queues);
                self.number = turn.take(&self.queue, &self.ticket);
                self.told = None;
                return Ok(Waited::Again);
            };
            if let Some(notice) = &kept.notice {
                return Ok(Waited::Dismissed(notice.clone()));
            }
            let before = queues.places.keys();
            let before =
                before.filter(|(name, number)| *name == self.queue && *number < self.number);
            let before = before.count();
            if before == 0 {
                self.ticket.began_at = Some(now());
                if let Some(kept) = queues.places.get_mut(&(self.queue.clone(), self.number)) {
                    kept.ticket = Some(self.ticket.clone());
                }
                return Ok(Waited::Begun);
            }
            if self.told.replace(before) != Some(before) {
                return Ok(Waited::Behind(before));
            }
            if scope.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(TurnError::TimedOut);
            }
            queues = turn.0.1.wait_timeout(queues, TICK).unwrap().0;
        }
    }
}

impl Drop for FakePlace {
    fn drop(&mut self) {
        let mut queues = self.turn.0.0.lock().unwrap();
        drop(queues.places.remove(&(self.queue.clone(), self.number)));
        self.turn.0.1.notify_all();
    }
}
