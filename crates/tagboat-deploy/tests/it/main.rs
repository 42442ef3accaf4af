//! The deploy room against hosts in memory: every order of failure, every point of death.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

mod deployments;
mod ledgers;
mod plans;
mod regions;
mod world;
