//! The binary as a user runs it: output, errors, exit status; hermetic.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod ledgers;
mod state;
mod user;
