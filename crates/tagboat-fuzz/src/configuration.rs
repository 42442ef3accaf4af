//! The configuration of a repository. In: files, NUL between them, each a line with its path and its bytes; they are
//! put into a small repository that loads. Out: a panic where a mistake has no place or cannot be printed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use tagboat_config::check::{Facts, Given, look, missing_variables, plain_secrets};
use tagboat_config::generate::rulesets::{Enforcement, Pipeline, rulesets};
use tagboat_config::{Config, Files, load};
use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::listing::{Listing, Source};

/// A repository that loads, with every kind of file that [`load`] looks at, and no larger: it is read a thousand
/// times a second.
static GROUND: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    let secrets =
        "T: ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\nsops: {mac: \"ENC[AES256_GCM,data:a]\"}\n";
    [
        (
            "config/ci-cd/build-config.yml",
            "projects: [{path: local-rag, target: apt, health: {port: 8000, critical: []}}]\n",
        ),
        ("config/ci-cd/monitoring.yml", "logging: {format: json}\n"),
        ("config/ci-cd/quality-gates.yml", "validation: {lintian: {enabled: true}}\n"),
        ("config/api.service", "[Service]\n"),
        ("config/local-rag.service", "[Service]\n"),
        ("environments/production/environment.yml", "is_production: true\n"),
        ("environments/production/regions/eu-west/region.yml", "cloud_mappings: {aws: x}\n"),
        ("environments/production/secrets.enc", secrets),
        ("environments/staging/environment.yml", "hosts: []\n"),
        ("environments/staging/secrets.enc", secrets),
        (
            "local-rag/packaging/debian/control",
            "Source: local-rag\n\nPackage: local-rag\nArchitecture: any\nDescription: answers\n",
        ),
    ]
    .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
    .into()
});

/// Reads `bytes` as files.
///
/// # Panics
/// Where what is told of them cannot be shown.
pub fn judge(bytes: &[u8]) {
    let mut files = GROUND.clone();
    let mut given = Vec::new();
    for file in bytes.split(|byte| *byte == 0).take(8) {
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        let (path, content) = (&file[..end], file.get(end + 1..).unwrap_or_default());
        let Ok(path) = std::str::from_utf8(path) else { continue };
        if path.ends_with(".json") {
            given.push(Given::read(path, content));
        }
        if content == b"-" {
            files.remove(path);
        } else {
            files.insert(path.to_owned(), content.to_vec());
        }
    }
    let paths: BTreeSet<String> = files.keys().cloned().collect();
    let files = Files::Listed(files);
    let (config, told) = match load(&files) {
        Ok(loaded) => {
            assert!(loaded.warnings.iter().all(|told| told.exit == Exit::Done));
            (Some(loaded.config), loaded.warnings)
        }
        Err(told) => {
            assert!(told.iter().any(|told| told.exit == Exit::Usage), "refused without a mistake");
            (None, told)
        }
    };
    for one in &told {
        assert!(one.code.starts_with("config::"), "{one:?}");
        judge_told(one, &paths);
    }
    if let Some(config) = &config {
        judge_config(config);
    }
    for (path, why) in plain_secrets(&files, &["environments/staging/secrets.enc"]) {
        assert!(paths.contains(&path), "{path:?} is no file");
        super::assert_printable(&why, "why a file is not encrypted");
    }
    judge_given(&given, config.as_ref());
}

/// A mistake is in a file that there is, at a place that it has, in words that a terminal may show.
fn judge_told(told: &Diagnostic, paths: &BTreeSet<String>) {
    super::assert_printable(&told.message, "a message");
    super::assert_printable(told.help.as_deref().unwrap_or_default(), "a help");
    for (label, fact) in &told.facts {
        super::assert_printable(label, "a fact's label");
        super::assert_printable(fact, "a fact");
    }
    let Some(place) = &told.place else { return };
    super::assert_printable(&place.label, "a label");
    assert!(paths.contains(&place.file), "there is no {:?}", place.file);
    // What is cut carries no text.
    if !place.text.is_empty() {
        let line = place.text.split('\n').nth(place.line.saturating_sub(1));
        assert!(line.is_some(), "{} has no line {}", place.file, place.line);
        let columns = line.map_or(0, |line| line.chars().count()) + 1;
        assert!(place.line >= 1 && (1..=columns).contains(&place.column), "{told:?}");
    }
    assert!(place.width >= 1, "{told:?}");
}

fn judge_config(config: &Config) {
    let environments = config.tag_environments();
    for environment in &config.environments {
        assert!(environments.is_configured(&environment.name));
        assert_eq!(config.environment(&environment.name), Some(environment));
        let names: BTreeSet<_> = environment.every_host().map(|host| &host.name).collect();
        assert_eq!(names.len(), environment.every_host().count(), "two hosts have one name");
    }
    for project in &config.projects {
        assert_eq!(config.project(&project.path).map(|it| &it.path), Some(&project.path));
    }
    let names = config.environments.iter().map(|environment| &environment.name);
    let written = rulesets(names, &[Pipeline::DeployKey], Enforcement::Active);
    assert!(!written.is_empty());
}

/// Records that were given are judged without a repository behind them.
fn judge_given(given: &[Given], config: Option<&Config>) {
    let environments = config.map(Config::tag_environments).unwrap_or_default();
    let listing = Listing::read(&[], &environments, Source::Clone);
    let missing_variables = config.map(missing_variables).unwrap_or_default();
    let facts = Facts {
        missing_variables: &missing_variables,
        listing: &listing,
        environments: &environments,
        moved: &[],
        ledgers: &BTreeMap::new(),
        overrides: &[],
        plain_secrets: &[],
        given,
    };
    for one in look(&facts) {
        assert!(one.code.starts_with("check::"), "{one:?}");
        if let Some(place) = &one.place {
            let lines = place.text.split('\n').count();
            assert!(place.text.is_empty() || (1..=lines).contains(&place.line), "{one:?}");
            super::assert_printable(&place.label, "a label");
        }
        super::assert_printable(&one.message, "a message");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ground_loads() {
        let loaded = load(&Files::Listed(GROUND.clone())).unwrap();
        assert_eq!((loaded.config.projects.len(), loaded.config.environments.len()), (1, 2));
    }
}
