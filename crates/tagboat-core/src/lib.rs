//! The floor: what is true of versions, tags, ledgers and deployments, without I/O, clock or environment.
//!
//! Comes in: text and facts that someone else read. Goes out: decisions, and the text that someone else
//! writes. A rule lives here once; every room asks it.

pub mod command;
pub mod commit;
pub mod conventional;
pub mod deployment;
pub mod diagnostic;
pub mod environment;
pub mod finding;
pub mod gate;
pub mod guard;
pub mod health;
pub mod ledger;
pub mod listing;
pub mod next;
pub mod ports;
pub mod queue;
pub mod rollback;
pub mod rollout;
pub mod secret;
pub mod tag;
pub mod tag_override;
pub mod time;
pub mod version;
