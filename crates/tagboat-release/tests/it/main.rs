//! The release room against the real gpg, gpgv, apt and dpkg: in: keys and packages, out: what those programs say.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "functions that the tests share are not tests to clippy"
)]

mod apt_client;
mod crash;
mod fixture;
mod keys;
mod race;
mod repository;
