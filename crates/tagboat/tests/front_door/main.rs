//! The binary as a user runs it: output, errors, exit status; hermetic.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod adoption;
mod caches;
mod checks;
mod environment_tags;
mod ground;
mod guide;
mod hooks;
mod hostile;
mod judging;
mod ledgers;
mod machine;
mod many;
mod programs;
mod publishing;
mod queue;
mod records;
mod rollbacks;
mod rubbish;
mod signatures;
mod state;
mod user;
mod variables;
mod versions;
mod walk;
mod words;
