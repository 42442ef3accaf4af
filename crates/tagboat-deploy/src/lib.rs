//! Runs a version on hosts. In: what shall run where, the ledger, the hosts as they are. Out: a plan that is
//! the program, and the record of what happened; the last step moves the environment tag.

pub mod apply;
pub mod delivery;
pub mod environment_tag;
pub mod error;
pub mod host;
pub mod observe;
pub mod plan;
pub mod prepare;
pub mod probe;
pub mod request;
