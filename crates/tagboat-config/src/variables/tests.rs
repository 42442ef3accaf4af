//! Variables that environments have and lack.

use tagboat_core::diagnostic::Exit;
use tagboat_core::tag::EnvironmentName;
use tagboat_core::version::ProjectPath;

use crate::tests::support::{BUILD, BUILD_CONFIG, PRODUCTION, REGION, good, render};
use crate::{Config, Files, load};

/// The good repository: `api` takes these while it runs, and these files are as given.
fn files(variables: &str, others: &[(&str, &str)]) -> Files {
    let mut files = good();
    let with = format!("    health: {{critical: [database]}}\n    variables: {{{variables}}}\n");
    let build = BUILD.replace("    health: {critical: [database]}\n", &with);
    files.insert(BUILD_CONFIG.to_owned(), build.into_bytes());
    for (path, text) in others {
        let there = files.entry((*path).to_owned()).or_default();
        there.extend_from_slice(text.as_bytes());
    }
    Files::Listed(files)
}

fn config(files: &Files) -> Config {
    load(files).map(|loaded| loaded.config).unwrap_or_else(|told| panic!("{}", render(&told)))
}

/// What `api` lacks in an environment.
fn missing(config: &Config, environment: &str) -> Vec<String> {
    let project = config.project(&ProjectPath::parse("api").unwrap()).unwrap();
    let name = EnvironmentName::parse(environment).unwrap();
    let missing = config.missing_variables(project, config.environment(&name).unwrap());
    missing.iter().map(ToString::to_string).collect()
}

const ALL: &str = "run_time: [{name: URL}, {name: TOKEN, secret: true}, {name: OTHER, secret: true}, \
                   {name: PLAIN, required: false}]";

#[test]
fn what_is_required_and_nowhere_is_missing_with_the_file_to_write_it_to() {
    let config = config(&files(ALL, &[]));
    // TOKEN is in secrets.enc, PLAIN is not required.
    let expected = [
        "OTHER (environments/production/secrets.enc)",
        "URL (environments/production/environment.yml)",
    ];
    assert_eq!(missing(&config, "production"), expected);
    // Staging has no host: what would be deployed there lacks it all the same.
    assert_eq!(missing(&config, "staging").len(), 2);
    let told = crate::check::missing_variables(&config);
    assert_eq!(told.len(), 4, "{told:?}");
}

#[test]
fn a_region_has_what_its_environment_has_and_its_own() {
    let url = "run_time: [{name: URL}]";
    let own = config(&files(url, &[(PRODUCTION, "variables: {URL: 'http://a'}\n")]));
    assert_eq!(missing(&own, "production"), [""; 0]);
    // The hosts outside the regions still lack it.
    let region = config(&files(url, &[(REGION, "variables: {URL: 8080}\n")]));
    assert_eq!(missing(&region, "production"), ["URL (environments/production/environment.yml)"]);
    let elsewhere = "environments/production/regions/us-east/region.yml";
    let host = "cloud_mappings: {aws: us-east-1}\n\
                hosts: [{name: web-3, address: c, user: deploy, arch: amd64}]\n";
    let two = [(REGION, "variables: {URL: 'true'}\n"), (elsewhere, host)];
    let two = missing(&config(&files(url, &two)), "production");
    let expected = [
        "URL (environments/production/environment.yml)",
        "URL in us-east (environments/production/regions/us-east/region.yml)",
    ];
    assert_eq!(two, expected);
}

#[test]
fn a_secret_in_plain_is_an_error_that_never_shows_it() {
    for path in [PRODUCTION, REGION] {
        // A second mistake on the same line, and values that are no value at all.
        for text in [
            "variables: {OTHER: hunter2}\n",
            "variables: {OTHER: hunter2, 1X: hunter2, A: [hunter2]}\n",
        ] {
            let told = load(&files(ALL, &[(path, text)])).unwrap_err();
            assert!(told.iter().any(|told| told.exit == Exit::Usage));
            let shown = format!("{}{told:?}", render(&told));
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let told = load(&files(ALL, &[(path, "variables:\n  OTHER: hunter2\n")])).unwrap_err();
        let plain = told.iter().find(|told| told.code == "config::plain-secrets").unwrap();
        assert_eq!(plain.message, format!("the variable OTHER is a secret, and stands in {path}"));
    }
}

#[test]
fn what_a_build_is_given_is_no_secret() {
    let told = load(&files("build_time: [{name: KEY, secret: true}]", &[])).unwrap_err();
    assert_eq!(told[0].code, "config::contradiction");
}

#[test]
fn a_value_is_one_line_that_is_not_empty() {
    for bad in ["''", "", "[a]", "{a: b}", "\"a\\nb\""] {
        let text = format!("variables:\n  URL: {bad}\n");
        let told = load(&files(ALL, &[(PRODUCTION, &text)])).unwrap_err();
        assert!(
            told.iter().any(|told| told.place.as_ref().is_some_and(|place| place.line == 9)),
            "{bad}: {told:?}"
        );
    }
}

#[test]
fn secrets_whose_names_are_hidden_are_said_to_be() {
    let mut files = match files(ALL, &[]) {
        Files::Listed(files) => files,
        Files::Folder(_) => panic!("they are listed"),
    };
    let enc = "ENC[AES256_GCM,data:aaaa,iv:bbbb,tag:cccc,type:str]";
    let binary = format!("{{\"data\": \"{enc}\", \"sops\": {{\"mac\": \"{enc}\"}}}}");
    files.insert("environments/production/secrets.enc".to_owned(), binary.into_bytes());
    let config = config(&Files::Listed(files));
    let told = crate::check::missing_variables(&config);
    let production = told.iter().filter(|(tag, _)| tag.environment.as_str() == "production");
    assert!(production.clone().count() == 3 && production.clone().all(|(_, it)| it.hidden));
}
