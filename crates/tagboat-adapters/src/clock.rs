//! Real time. In: nothing. Out: the machine's two clocks, and waits that can be cut short.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tagboat_core::ports::{Clock, Scope};

/// How long a wait may go on after it was cancelled. Short enough for a person at Ctrl-C, long enough to
/// cost nothing (20 wake-ups a second).
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Up to a tenth of a second, another time each time: those who were sent away together must not come together again.
pub(crate) fn jitter() -> Duration {
    Duration::from_millis(RandomState::new().build_hasher().finish() % 100)
}

/// The clocks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, scope: &Scope<'_>, duration: Duration) -> bool {
        let Some(end) = Instant::now().checked_add(duration) else { return false };
        loop {
            let now = Instant::now();
            if now >= end {
                return true;
            }
            let stop = scope.deadline.map_or(end, |deadline| deadline.min(end));
            if scope.cancel.is_cancelled() || now >= stop {
                return false;
            }
            std::thread::sleep(TICK.min(stop - now));
        }
    }
}
