//! What people and machines read after a run. In: records of the run, and the time. Out: the pipeline report
//! (SPEC P1, P2) for a terminal, a step summary and programs, and log lines (SPEC O5).
//!
//! Everything here is a pure function: who calls it prints, appends and sends. Text from people (names,
//! reasons, logs of services) is taken as hostile in every form; [`text`] says how.

pub mod action_link;
pub mod forge;
pub mod log_line;
pub mod pipeline_report;
pub mod render;
pub mod text;
pub mod verb;
