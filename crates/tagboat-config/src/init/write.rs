//! Writing a first configuration. In: what was seen and what the caller knows. Out: the texts of its files.

use std::fmt::Write as _;

use super::{Facts, FoundProject, Plan, PlannedFile, Request};

/// Stands for the maintainer until a person is named: it can be found, and mail to it reaches nobody else.
const NOBODY: &str = "Nobody Yet <nobody@localhost>";

/// Plans a first configuration: every file that is not there yet. The environments are planned only where
/// there is none at all.
#[must_use]
pub fn plan(facts: &Facts, request: &Request) -> Plan {
    let mut files = vec![
        ("config/ci-cd/build-config.yml", build_config(facts, request)),
        ("config/ci-cd/quality-gates.yml", quality_gates(request)),
        ("config/ci-cd/monitoring.yml", MONITORING.to_owned()),
    ];
    if facts.environments.is_empty() {
        files.push(("environments/staging/environment.yml", environment("staging")));
        files.push(("environments/production/environment.yml", environment("production")));
    }
    let (kept, files): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(path, _)| facts.existing.iter().any(|there| there == path));
    Plan {
        files: files
            .into_iter()
            .map(|(path, text)| PlannedFile { path: path.to_owned(), text })
            .collect(),
        kept: kept.into_iter().map(|(path, _)| path.to_owned()).collect(),
    }
}

fn build_config(facts: &Facts, request: &Request) -> String {
    let mut text = String::from(
        "# What is built, from where, and how it is released and deployed. Paths are relative to the\n\
         # repository. What is not named has its default; `tagboat check` reads this file.\n\nprojects:\n",
    );
    for project in &facts.projects {
        debhelper(project, &mut text);
    }
    if facts.projects.is_empty() {
        staged(facts, request, &mut text);
    }
    let (branch, remote) =
        (quoted(request.default_branch.as_str()), quoted(request.remote.as_str()));
    // Writing to a String does not fail.
    let _ = write!(
        text,
        "\n# The branch that releases come from, and the remote that holds the tags.\n\
         default_branch: {branch}\nremote: {remote}\n\n"
    );
    text.push_str(&mirrors(request));
    text.push_str(RELEASE);
    text
}

fn debhelper(project: &FoundProject, text: &mut String) {
    let path = if project.path.is_root() { "." } else { project.path.as_str() };
    let architectures: Vec<&str> = project.architectures.iter().map(|one| one.debian()).collect();
    let _ = write!(
        text,
        "  # The package `{name}` ({on}): {packaging}/control says what it is.\n  \
         - path: {path}\n    builder: debhelper\n{DEPLOYED}",
        name = project.name,
        on = architectures.join(", "),
        packaging = project.packaging,
        path = quoted(path),
    );
}

fn staged(facts: &Facts, request: &Request, text: &mut String) {
    let name = facts.name.as_ref().map_or("my-project", |name| name.as_str());
    let maintainer = request.maintainer.as_ref().map_or(NOBODY, |who| who.as_str());
    let (name_text, maintainer) = (quoted(name), quoted(maintainer));
    let _ = write!(
        text,
        "  # No debian/ folder was found: this package is made of the files that are listed here.\n  \
         - path: .\n    builder: staged\n    package:\n      name: {name_text}\n      \
         architecture: [amd64, arm64]\n      description: {name} (say here in a line what it is)\n      \
         maintainer: {maintainer}\n    \
         # Commands that make the files, each a list of words; no shell reads them.\n    \
         # build:\n    #   - [make]\n    build: []\n    \
         # Tests that must pass before a release.\n    # test:\n    #   - [make, check]\n    \
         # What the package holds. Modes stand in quotes; \"0644\" is the default.\n    \
         # files:\n    #   - {{from: build/{name}, to: /usr/bin/{name}, mode: \"0755\"}}\n",
    );
    if facts.documents.is_empty() {
        text.push_str("    files: []\n");
    } else {
        text.push_str("    files:\n");
        for document in &facts.documents {
            let to = quoted(&format!("/usr/share/doc/{name}/{document}"));
            let _ = writeln!(text, "      - {{from: {}, to: {to}}}", quoted(document));
        }
    }
    text.push_str(DEPLOYED);
}

fn mirrors(request: &Request) -> String {
    let mut text = String::from("# Where packages come from when clean systems are made.\n");
    match (&request.debian, &request.ubuntu) {
        (None, None) => text.push_str(
            "# mirrors:\n#   debian: http://deb.debian.org/debian\n#   ubuntu: the URI of a mirror of \
             Ubuntu; without it nothing is tried there\n",
        ),
        (debian, ubuntu) => {
            text.push_str("mirrors:\n");
            for (key, uri) in [("debian", debian), ("ubuntu", ubuntu)] {
                if let Some(uri) = uri {
                    let _ = writeln!(text, "  {key}: {}", quoted(uri.as_str()));
                }
            }
        }
    }
    text
}

fn quality_gates(request: &Request) -> String {
    let systems = match request.ubuntu {
        Some(_) => "[\"debian:12\", \"ubuntu:22.04\"]",
        None => "[\"debian:12\"]",
    };
    format!(
        "# What a package must pass before it may be released.\n\
         validation:\n  lintian:\n    enabled: true\n    \
         # error, warning, info or pedantic: the least that is shown.\n    \
         policy_level: pedantic\n    suppress_tags: []\n    \
         required_passes: [no-errors, no-warnings]\n\n  \
         # Clean systems on which it is installed, upgraded, removed and purged.\n  \
         installation_test:\n    enabled: true\n    test_environments: {systems}\n    \
         # Commands that are run there as well; package.deb stands for the built file.\n    \
         test_commands: []\n\n  service_validation:\n    startup_timeout: 30 # seconds\n    \
         health_check_retries: 3\n    performance_thresholds:\n      memory_max_mb: 512\n      \
         startup_time_max_seconds: 30\n\n\
         security:\n  vulnerability_scanning:\n    enabled: true\n    \
         tools: [github-advisory, safety]\n    fail_on: [high, critical]\n\n\
         # What the pipeline must reach over time.\n\
         quality_metrics:\n  build_success_rate: {{target: 0.95, window_days: 30}}\n  \
         reliability_metrics: {{mtbf_hours: 720, recovery_time_minutes: 15}}\n"
    )
}

fn environment(name: &str) -> String {
    let rights = match name {
        "production" => {
            "# People depend on it: only versions on a release branch are deployed to it.\n\
             is_production: true\nrequires_approval: true\n"
        }
        _ => "is_production: false\nrequires_approval: false\n",
    };
    format!(
        "# The environment `{name}`: where its versions run. Its secrets stand beside it in secrets.enc.\n\
         {rights}\n\
         # Its hosts. The key is the host's own, from /etc/ssh/ssh_host_ed25519_key.pub there: no other is\n\
         # accepted, and a host without one is not deployed to.\n\
         # hosts:\n#   - name: {name}-1\n#     address: 192.0.2.10\n#     user: deploy\n\
         #     host_key: ssh-ed25519 AAAA...\n#     arch: amd64\n#     labels: []\nhosts: []\n"
    )
}

/// A text that YAML reads as this text, whatever it holds: JSON's strings are YAML's (YAML 1.2.2 §1.3). Plain
/// words are left as they are.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let letter = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '/');
    // YAML 1.1, which some editors still read, has more words for yes and no.
    let meant = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text);
    if text == "." || (letter && !meant && text.chars().all(plain)) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

const DEPLOYED: &str = "    \
    # To deploy it over ssh to hosts with systemd, name its unit (config/<name>.service is the default),\n    \
    # and how its health is asked. Two ports allow a switch without a gap.\n    \
    # target: apt\n    # ports: {blue: 8080, green: 8081}\n    \
    # health: {path: /api/health, critical: [database]}\n    \
    # Variables it takes: an environment has those of run_time in its `variables` or in its secrets file.\n    \
    # variables:\n    #   run_time:\n    #     - {name: API_TOKEN, required: true, secret: true}\n";

const RELEASE: &str = "\n\
    # How long what was built is kept, in days, or `permanent`.\n\
    artifacts:\n  retention: {branch_builds: 90, release_builds: permanent, max_artifacts_per_branch: 50}\n\n\
    # A version tag (`v1.2.3`, after the project's path) starts a release.\n\
    release:\n  trigger: {type: tag, pattern: \"v*.*.*\", require_semver: true}\n  \
    automation: {create_github_release: true, generate_changelog: true, attach_packages: true, \
    sign_packages: true}\n  approval: {required: false, reviewers: []}\n\n\
    # The signed APT repository that `tagboat publish` writes. Its key, by its whole fingerprint: `tagboat keys\n\
    # new` makes one, and says what to write here.\n\
    # publish:\n#   key: 40 hexadecimal digits\n";

const MONITORING: &str = "\
    # What is measured of the pipeline, when it calls for help, and what it logs.\n\
    monitoring:\n  alerting:\n    build_failure:\n      threshold: 2 # failures in a row\n      \
    channels: [slack, email]\n    performance_degradation:\n      build_time_increase: 50 # percent\n      \
    window: 7d\n\n\
    logging:\n  format: json\n  # error, warn, info or debug\n  level: info\n";
