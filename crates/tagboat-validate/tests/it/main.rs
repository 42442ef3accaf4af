//! The validate room against real lintian, apt, dpkg and systemd, in real clean roots.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's own functions fail as the test does"
)]

mod service_package;
mod world;
