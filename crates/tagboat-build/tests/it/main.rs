//! The build room from outside. In: commits, plans and roots, fake and real. Out: packages that Debian's own
//! tools read, and errors that say what to do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where a step before its claim fails"
)]

mod debhelper;
mod failures;
mod plans;
mod scene;
mod staged;
mod world;
