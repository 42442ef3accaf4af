//! The fakes keep the promises of the real ones.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail as the test does")]

mod repository;
mod runner;
