//! Variables that a project takes: what is missing is told before anything is done, and a secret is never shown.

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_testing::monorepo::Monorepo;

use crate::ground::one_project;
use crate::ledgers::{Book, tag};
use crate::user::{command, see, tagboat};

const BUILD: &str = "config/ci-cd/build-config.yml";
const STAGING: &str = "environments/staging/environment.yml";
const ENC: &str = "ENC[AES256_GCM,data:aaaa,iv:bbbb,tag:cccc,type:str]";

/// The project with these variables, tagged `v0.1.0`.
fn taking(variables: &str) -> Monorepo {
    let repo = one_project();
    let text = std::fs::read_to_string(repo.work().join(BUILD)).unwrap();
    repo.write(BUILD, format!("{text}    variables: {{{variables}}}\n"));
    repo
}

const RUN_TIME: &str = "run_time: [{name: URL}, {name: TOKEN, secret: true}, \
                        {name: COLOUR, required: false}]";

#[test]
fn a_deployment_without_its_required_variables_is_refused_before_a_host_is_contacted() {
    let repo = taking(RUN_TIME);
    let host = "hosts: [{name: web-1, address: 192.0.2.1, user: deploy, arch: amd64}]\n";
    repo.write(STAGING, host);
    for words in
        [&["plan", "v0.1.0", "--env", "staging"], &["deploy", "v0.1.0", "--env", "staging"]]
    {
        let seen = tagboat(&repo, words);
        assert_eq!(seen.status, 2, "{}", seen.all());
        insta::allow_duplicates! {
            insta::assert_snapshot!(seen.stderr, @r"
            error[deploy::variable-missing]: v0.1.0 cannot be deployed to staging: it lacks required variables
              = missing    TOKEN (environments/staging/secrets.enc)
              = missing    URL (environments/staging/environment.yml)
              = unchanged  no host was contacted
              help: write TOKEN to environments/staging/secrets.enc, or say that it is not required
            ");
        }
    }
    // A secret is looked for by its name alone; nobody could decrypt this.
    repo.write("environments/staging/secrets.enc", format!("TOKEN={ENC}\nsops_mac={ENC}\n"));
    repo.write(STAGING, format!("{host}variables: {{URL: 8080}}\n"));
    let seen = tagboat(&repo, &["plan", "v0.1.0", "--env", "staging"]);
    assert!(
        seen.stderr.contains("error[deploy::not-published]")
            || seen.stderr.contains("error[host::unpinned]"),
        "{}",
        seen.all()
    );
    assert!(seen.stderr.contains("to bring them to the hosts is up to you"), "{}", seen.all());
}

#[test]
fn a_region_that_lacks_a_variable_is_named() {
    let repo = taking("run_time: [{name: URL}]");
    let region = |name: &str, host: &str, more: &str| {
        let text = format!(
            "cloud_mappings: {{aws: x}}\n\
             hosts: [{{name: {host}, address: {host}, user: deploy, arch: amd64}}]\n{more}"
        );
        repo.write(&format!("environments/staging/regions/{name}/region.yml"), text);
    };
    region("eu-west", "web-1", "variables: {URL: x}\n");
    region("us-east", "web-2", "");
    let seen = tagboat(&repo, &["plan", "v0.1.0", "--env", "staging"]);
    let lacking = "URL in us-east (environments/staging/regions/us-east/region.yml)";
    assert!(seen.stderr.contains(lacking), "{}", seen.all());
    assert!(!seen.stderr.contains("eu-west"), "{}", seen.all());
}

#[test]
fn check_finds_what_a_deployment_would_lack() {
    let repo = taking("run_time: [{name: URL}]");
    let warned = tagboat(&repo, &["check"]);
    assert_eq!(warned.status, 0, "{}", warned.all());
    assert!(warned.stderr.contains("warning[check::required-variable]"), "{}", warned.all());
    let commit = CommitSha::parse(&repo.git(&["rev-parse", "v0.1.0^{commit}"])).unwrap();
    Book::new(&repo, tag("", "staging")).add("v0.1.0", &commit, Terminal::Succeeded);
    let seen = tagboat(&repo, &["check"]);
    assert_eq!(seen.status, 1, "{}", seen.all());
    assert!(
        seen.stderr.contains("error[check::required-variable]: staging lacks URL"),
        "{}",
        seen.all()
    );
    repo.write(STAGING, "variables: {URL: http://db}\n");
    assert_eq!(tagboat(&repo, &["check"]).status, 0);
}

#[test]
fn a_secret_in_plain_is_an_error_that_shows_it_nowhere() {
    let repo = taking(RUN_TIME);
    repo.write(STAGING, "variables: {URL: x, TOKEN: hunter2}\n");
    for words in [
        &["check"][..],
        &["check", "--format", "json"],
        &["check", "--sarif", "findings.sarif"],
        &["plan", "v0.1.0", "--env", "staging"],
    ] {
        let seen = tagboat(&repo, words);
        assert_eq!(seen.status, 2, "{}", seen.all());
        assert!(seen.all().contains("config::plain-secrets"), "{}", seen.all());
        assert!(!seen.all().contains("hunter2"), "{}", seen.all());
    }
    let sarif = std::fs::read_to_string(repo.work().join("findings.sarif")).unwrap();
    assert!(!sarif.contains("hunter2"), "{sarif}");
}

#[test]
fn a_build_takes_its_variables_from_the_environment_of_the_command() {
    let repo = taking("build_time: [{name: FEATURES}, {name: EDITION, required: false}]");
    let build = ["build", "v0.1.0", "--dry-run"];
    let without = tagboat(&repo, &build);
    assert_eq!(without.status, 2, "{}", without.all());
    assert!(
        without
            .stderr
            .starts_with("error[build::variable-missing]: hello cannot be built without FEATURES"),
        "{}",
        without.all()
    );
    let with =
        see(&repo, command(&repo, &repo.work(), &build).env("FEATURES", "fast").env("OTHER", "x"));
    assert_eq!(with.status, 0, "{}", with.all());
    assert!(with.stdout.contains("set    FEATURES=fast"), "{}", with.all());
    assert!(!with.stdout.contains("OTHER") && !with.stdout.contains("EDITION"), "{}", with.all());
}
