//! The plans. In: the files of a repository. Out: a checked [`Config`], or every mistake in them with file,
//! line, column and what was expected there; JSON schemas for editors; a first configuration for a
//! repository that has none.
//!
//! [`load`] reads `config/ci-cd/{build-config,quality-gates,monitoring}.yml` and `environments/`. Shapes are
//! described once, in [`shape`], by the macros of `record`: that description is the Rust type, its decoder
//! and its JSON schema.

pub mod check;
pub mod config;
mod decode;
mod files;
pub mod generate;
pub mod init;
mod load;
mod mistake;
mod record;
pub mod schema;
mod secrets;
pub mod shape;
pub mod value;
pub mod variables;
mod yaml;

pub use config::{Builder, Config, Health, Project, Publish, Staged, StagedContent, StagedFile};
pub use files::{Files, MAX_BYTES};
pub use load::{Loaded, load};
pub use shape::project::VersionCheck;

#[cfg(test)]
mod tests;
