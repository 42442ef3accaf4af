//! The forms of a report. In: the report. Out: text for a terminal, for a step summary, for programs. Nothing
//! that people wrote acts in any of them.

mod human;
mod json;
mod markdown;

pub use human::human;
pub use json::{json, json_line};
pub use markdown::{STEP_SUMMARY_LIMIT, markdown};

#[cfg(test)]
mod tests;
