//! The binary as a user runs it: output, errors, exit status; hermetic.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod ground;
mod judging;
mod ledgers;
mod machine;
mod publishing;
mod records;
mod rubbish;
mod state;
mod user;
mod walk;
mod words;
