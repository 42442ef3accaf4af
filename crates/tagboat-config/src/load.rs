//! Loading. In: a repository's files. Out: a checked [`Config`] with its warnings, or every mistake, file by
//! file and from top to bottom.

mod environments;
mod projects;
mod sheet;

use std::collections::BTreeSet;

use tagboat_core::diagnostic::{Diagnostic, Exit, bug};
use tagboat_core::environment::Environment;

use crate::config::{Config, Project, Publish};
use crate::files::Files;
use crate::mistake::{code, of_file};
use crate::shape::build::{BuildConfig, PublishFields};
use crate::shape::gates::QualityGates;
use crate::shape::monitoring::MonitoringFile;
use crate::value::{Fingerprint, Signer};

use self::environments::Settled;
pub(crate) use self::projects::{debian_folder, read_control};
pub(crate) use self::sheet::text_of;
use self::sheet::{Presence, Sheet};

/// A configuration that holds, and what should be known of it all the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings, in the order of the files; each has [`Exit::Done`].
    pub warnings: Vec<Diagnostic>,
}

/// Reads and checks the whole configuration.
///
/// # Errors
/// Every mistake and every warning, in the order of the files and of their lines: at least one has
/// [`Exit::Usage`], and warnings have [`Exit::Done`]. Files are read in this order: build-config.yml,
/// quality-gates.yml, monitoring.yml, then each environment with its regions and secrets.
pub fn load(files: &Files) -> Result<Loaded, Vec<Diagnostic>> {
    let mut build = Sheet::<BuildConfig>::read(
        files,
        "config/ci-cd/build-config.yml",
        Presence::Required("`tagboat init` writes a first configuration"),
    );
    let gates =
        Sheet::<QualityGates>::read(files, "config/ci-cd/quality-gates.yml", Presence::Optional);
    let monitoring =
        Sheet::<MonitoringFile>::read(files, "config/ci-cd/monitoring.yml", Presence::Optional);
    let (environments, of_environments) = environments::load(files);
    let projects = projects::resolve(files, &mut build, &environments);

    let (build, mut told) = build.into_parts();
    let (gates, of_gates) = gates.into_parts();
    let (monitoring, of_monitoring) = monitoring.into_parts();
    told.extend(of_gates.into_iter().chain(of_monitoring).chain(of_environments));
    told.extend(plain_variables(projects.as_deref().unwrap_or_default(), &environments));

    if told.iter().any(|told| told.exit != Exit::Done) {
        return Err(told);
    }
    match (build, gates, monitoring, projects) {
        (Some(build), Some(gates), Some(monitoring), Some(projects)) => {
            let config = assemble(build, gates, monitoring, projects, environments);
            Ok(Loaded { config, warnings: told })
        }
        _ => Err(vec![*bug("the configuration was refused without a reason")]),
    }
}

/// What must be a secret and stands where anybody can read it: told by its name and file, never by its line.
fn plain_variables(projects: &[Project], environments: &[Settled]) -> Vec<Diagnostic> {
    let mut found = BTreeSet::new();
    for (project, settled) in projects.iter().flat_map(|p| environments.iter().map(move |e| (p, e)))
    {
        let folder = &settled.environment.config_path;
        for (name, region) in settled.variables.in_plain(project) {
            let file = match region {
                Some(region) => format!("{folder}/regions/{region}/region.yml"),
                None => format!("{folder}/environment.yml"),
            };
            found.insert((file, name.to_string(), &settled.environment.secrets_file));
        }
    }
    let tell = |(file, name, secrets): (String, String, &String)| {
        of_file(code::PLAIN_SECRETS, format!("the variable {name} is a secret, and stands in {file}"))
            .fact("file", file)
            .help(format!(
                "move it to {secrets}, encrypted by sops, and change its value: whoever reads the repository has read it"
            ))
    };
    found.into_iter().map(tell).collect()
}

fn assemble(
    build: BuildConfig,
    gates: QualityGates,
    monitoring: MonitoringFile,
    projects: Vec<Project>,
    environments: Vec<Settled>,
) -> Config {
    let signing = build.gpg.signing.key_id.as_ref().filter(|_| build.gpg.signing.enabled);
    let mut ledger_signers = build.ledger_signers;
    let of_signing = signing.map(|key| Signer::open_pgp(key.clone()));
    ledger_signers.extend(of_signing.filter(|key| !ledger_signers.contains(key)));
    let signed = |settled: &&Settled| {
        let by_default = settled.environment.is_production && !ledger_signers.is_empty();
        settled.require_signed_ledger.unwrap_or(by_default)
    };
    let signed_ledgers: BTreeSet<_> = environments
        .iter()
        .filter(signed)
        .map(|settled| settled.environment.name.clone())
        .collect();
    let (environments, variables): (Vec<Environment>, Vec<_>) = environments
        .into_iter()
        .map(|Settled { environment, variables, .. }| {
            let variables = (environment.name.clone(), variables);
            (environment, variables)
        })
        .unzip();
    let local = build.local_build.configuration.parallel_builds;
    Config {
        publish: publish(build.publish, build.gpg.signing.key_id.as_ref(), &projects),
        projects,
        environments,
        variables: variables.into_iter().collect(),
        signed_ledgers,
        ledger_signers,
        mirrors: build.mirrors,
        default_branch: build.default_branch,
        remote: build.remote,
        strategy: build.strategy,
        parallel_builds: build.parallel_builds.unwrap_or(local),
        artifacts: build.artifacts,
        release: build.release,
        gpg: build.gpg,
        local_build: build.local_build,
        tdd_integration: build.tdd_integration,
        validation: gates.validation,
        quality_metrics: gates.quality_metrics,
        security: gates.security,
        monitoring: monitoring.monitoring,
        logging: monitoring.logging,
    }
}

fn publish(fields: PublishFields, signing: Option<&Fingerprint>, projects: &[Project]) -> Publish {
    let first = projects.first().map(|project| project.name.to_string()).unwrap_or_default();
    let origin = fields.origin.map_or(first, |origin| origin.to_string());
    Publish {
        folder: fields.folder,
        label: fields.label.map_or_else(|| origin.clone(), |label| label.to_string()),
        origin,
        suite: fields.suite,
        components: fields.components,
        key: fields.key.or_else(|| signing.cloned()),
    }
}
