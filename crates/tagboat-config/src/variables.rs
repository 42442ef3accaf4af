//! Whether an environment has the variables that a project takes (SPEC E5). In: what the project names, what the
//! environment's files hold. Out: what is missing, and where it belongs; never a value of a secret.

use std::collections::{BTreeMap, BTreeSet};

use tagboat_core::environment::{Environment, RegionName};

use crate::config::Project;
use crate::secrets::Names;
use crate::value::{VariableName, VariableValue};

/// What the files of an environment say of variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentVariables {
    /// Values of environment.yml.
    pub own: BTreeMap<VariableName, VariableValue>,
    /// Values of each region.yml, which go before those.
    pub regions: BTreeMap<RegionName, BTreeMap<VariableName, VariableValue>>,
    pub(crate) secrets: Names,
}

/// A required variable that a part of an environment lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingVariable {
    /// Its name.
    pub name: VariableName,
    /// The region that lacks it; none where the hosts outside every region do, or where all do.
    pub region: Option<RegionName>,
    /// The file to write it to, relative to the repository's root.
    pub file: String,
    /// Whether the environment's secrets are in a form that hides their names, so that it may be there.
    pub hidden: bool,
}

/// `TOKEN (environments/production/secrets.enc)`.
impl std::fmt::Display for MissingVariable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, file, .. } = self;
        match &self.region {
            Some(region) => write!(f, "{name} in {region} ({file})"),
            None => write!(f, "{name} ({file})"),
        }
    }
}

impl Default for EnvironmentVariables {
    fn default() -> Self {
        let secrets = Names::Known(BTreeSet::new());
        Self { own: BTreeMap::new(), regions: BTreeMap::new(), secrets }
    }
}

impl EnvironmentVariables {
    /// What the project requires while it runs and the environment does not have, for each part of it that is
    /// deployed; in the order of the names.
    #[must_use]
    pub fn missing(&self, project: &Project, environment: &Environment) -> Vec<MissingVariable> {
        let mut missing = Vec::new();
        for variable in project.variables.run_time.iter().filter(|variable| variable.required) {
            let name = &variable.name;
            if self.is_secret(name) || self.own.contains_key(name) {
                continue;
            }
            let has = |region: &RegionName| {
                self.regions.get(region).is_some_and(|values| values.contains_key(name))
            };
            let lacking: Vec<Option<&RegionName>> = environment
                .parts()
                .map(|(region, _)| region)
                .filter(|region| !region.is_some_and(has))
                .collect();
            let all = lacking.len() == environment.parts().count();
            let told: &[Option<&RegionName>] = if all { &[None] } else { &lacking };
            missing.extend(told.iter().map(|region| MissingVariable {
                name: name.clone(),
                region: region.cloned(),
                file: self.file(variable.secret, *region, environment),
                hidden: self.secrets == Names::Hidden,
            }));
        }
        missing.sort();
        missing
    }

    /// Variables of a project that must be secrets and stand in a file that anybody can read: each with its region.
    #[must_use]
    pub fn in_plain<'a>(
        &'a self,
        project: &'a Project,
    ) -> Vec<(&'a VariableName, Option<&'a RegionName>)> {
        let secret = project.variables.run_time.iter().filter(|variable| variable.secret);
        let places = |name: &'a VariableName| {
            let own = self.own.contains_key(name).then_some(None);
            let has = move |(region, values): (&'a RegionName, &'a BTreeMap<_, _>)| {
                values.contains_key(name).then_some(Some(region))
            };
            own.into_iter().chain(self.regions.iter().filter_map(has))
        };
        secret
            .flat_map(|variable| places(&variable.name).map(move |region| (&variable.name, region)))
            .collect()
    }

    fn is_secret(&self, name: &VariableName) -> bool {
        matches!(&self.secrets, Names::Known(names) if names.contains(name.as_str()))
    }

    fn file(&self, secret: bool, region: Option<&RegionName>, environment: &Environment) -> String {
        let own = &environment.config_path;
        match region {
            _ if secret => environment.secrets_file.clone(),
            Some(region) => format!("{own}/regions/{region}/region.yml"),
            None => format!("{own}/environment.yml"),
        }
    }
}

#[cfg(test)]
mod tests;
