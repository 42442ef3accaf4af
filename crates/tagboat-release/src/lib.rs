//! The release room: comes in: packages and a key, goes out: checksums, signatures and a signed APT repository.
//!
//! Nothing here opens a socket or starts a program. What is written stays below the folder that a request
//! names; what is signed is signed by a [`keys::CheckedKey`], which exists only after the key passed its check.

pub mod apt;
pub mod checksums;
pub mod keys;
pub mod signature;
