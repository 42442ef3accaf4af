//! Files for other programs. In: what the configuration says. Out: git hooks, and rulesets for the forge.

pub mod hooks;
pub mod rulesets;
