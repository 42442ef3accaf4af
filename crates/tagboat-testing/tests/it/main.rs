//! The fakes keep the promises of the real ones.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail as the test does")]

mod forge;
mod repository;
mod runner;
mod turn;
