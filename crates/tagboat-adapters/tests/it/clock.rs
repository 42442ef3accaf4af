//! The machine's clock can be woken.

use std::time::{Duration, Instant};

use tagboat_adapters::clock::SystemClock;
use tagboat_core::ports::{Cancel, Clock as _, Scope, Silent};

#[test]
fn a_wait_ends_in_full_or_when_cancelled_or_at_the_deadline() {
    let scope = Scope::new("x", &Silent, Cancel::default());
    assert!(SystemClock.sleep(&scope, Duration::from_millis(5)));
    assert!(SystemClock.sleep(&scope, Duration::ZERO));
    let bounded = scope.until(Instant::now() + Duration::from_millis(20));
    let began = Instant::now();
    assert!(!SystemClock.sleep(&bounded, Duration::from_secs(60)));
    scope.cancel.cancel();
    assert!(!SystemClock.sleep(&scope, Duration::from_secs(60)));
    assert!(began.elapsed() < Duration::from_secs(10));
}
