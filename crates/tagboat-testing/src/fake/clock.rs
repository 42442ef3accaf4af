//! A clock that a test moves. In: steps. Out: times; a wait takes none.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tagboat_core::ports::{Clock, Scope};

/// Starts at a given time and moves only when told, or when somebody waits.
#[derive(Debug)]
pub struct FakeClock {
    start: Timestamp,
    monotonic: Instant,
    passed: Mutex<Duration>,
}

impl FakeClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self { start, monotonic: Instant::now(), passed: Mutex::default() }
    }

    /// A clock that shows 2026-01-01 00:00 UTC.
    #[must_use]
    pub fn fixed() -> Self {
        Self::new(Timestamp::constant(1_767_225_600, 0))
    }

    /// Lets time pass.
    pub fn pass(&self, duration: Duration) {
        *self.passed.lock().unwrap() += duration;
    }

    /// How much has passed.
    #[must_use]
    pub fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.start + self.passed()
    }

    fn instant(&self) -> Instant {
        self.monotonic + self.passed()
    }

    fn sleep(&self, scope: &Scope<'_>, duration: Duration) -> bool {
        if scope.cancel.is_cancelled() {
            return false;
        }
        let left = scope.deadline.map(|d| d.saturating_duration_since(self.instant()));
        let short = left.filter(|left| *left < duration);
        self.pass(short.unwrap_or(duration));
        short.is_none()
    }
}
