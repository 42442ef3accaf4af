//! JSON schemas for editors. In: which file. Out: its schema (draft 2020-12), from the same description that
//! the file is decoded by.

use serde_json::{Value as Json, json};

use crate::decode::Shape as _;
use crate::shape::build::BuildConfig;
use crate::shape::environment::{EnvironmentFile, RegionFile};
use crate::shape::gates::QualityGates;
use crate::shape::monitoring::MonitoringFile;

/// A file of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigFile {
    /// `config/ci-cd/build-config.yml`.
    BuildConfig,
    /// `config/ci-cd/quality-gates.yml`.
    QualityGates,
    /// `config/ci-cd/monitoring.yml`.
    Monitoring,
    /// `environments/<env>/environment.yml`.
    Environment,
    /// `environments/<env>/regions/<region>/region.yml`.
    Region,
}

impl ConfigFile {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::BuildConfig, Self::QualityGates, Self::Monitoring, Self::Environment, Self::Region];

    /// Its name without folders and `.yml`.
    #[must_use]
    pub const fn stem(self) -> &'static str {
        match self {
            Self::BuildConfig => "build-config",
            Self::QualityGates => "quality-gates",
            Self::Monitoring => "monitoring",
            Self::Environment => "environment",
            Self::Region => "region",
        }
    }

    /// Where it stands; `*` is the name of an environment or a region.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::BuildConfig => "config/ci-cd/build-config.yml",
            Self::QualityGates => "config/ci-cd/quality-gates.yml",
            Self::Monitoring => "config/ci-cd/monitoring.yml",
            Self::Environment => "environments/*/environment.yml",
            Self::Region => "environments/*/regions/*/region.yml",
        }
    }
}

/// A file's schema.
#[must_use]
pub fn json(file: ConfigFile) -> Json {
    let record = match file {
        ConfigFile::BuildConfig => BuildConfig::schema(),
        ConfigFile::QualityGates => QualityGates::schema(),
        ConfigFile::Monitoring => MonitoringFile::schema(),
        ConfigFile::Environment => EnvironmentFile::schema(),
        ConfigFile::Region => RegionFile::schema(),
    };
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": file.path(),
    });
    if let (Json::Object(schema), Json::Object(record)) = (&mut schema, record) {
        schema.extend(record);
    }
    schema
}

#[cfg(test)]
mod tests;
