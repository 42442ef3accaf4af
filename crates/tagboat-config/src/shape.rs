//! The shapes of the five files. In: a located tree. Out: what stands in one file, field by field.
//!
//! Names, words and defaults are seed 000's and SPEC's: they are the public interface. Records that need
//! nothing beside their own file are public as they are; the others are resolved in [`crate::config`].

pub mod build;
pub(crate) mod environment;
pub mod gates;
pub mod monitoring;
pub(crate) mod project;

/// Which file each section belongs to, for who wrote one into another.
pub(crate) const SECTIONS: &[(&str, &str)] = &[
    ("projects", BUILD),
    ("package", BUILD),
    ("mirrors", BUILD),
    ("default_branch", BUILD),
    ("remote", BUILD),
    ("publish", BUILD),
    ("strategy", BUILD),
    ("parallel_builds", BUILD),
    ("artifacts", BUILD),
    ("release", BUILD),
    ("gpg", BUILD),
    ("ledger_signers", BUILD),
    ("local_build", BUILD),
    ("tdd_integration", BUILD),
    ("build_info", BUILD),
    ("validation", GATES),
    ("quality_metrics", GATES),
    ("security", GATES),
    ("monitoring", MONITORING),
    ("logging", MONITORING),
];
const BUILD: &str = "config/ci-cd/build-config.yml";
const GATES: &str = "config/ci-cd/quality-gates.yml";
const MONITORING: &str = "config/ci-cd/monitoring.yml";
