//! Good configurations: what becomes of what stands in them.

use std::time::Duration;

use tagboat_core::ports::Architecture;
use tagboat_core::version::ProjectPath;

use super::support::{BUILD, edited, example, good, render, told, with};
use crate::decode::Text as _;
use crate::shape::build::Strategy;
use crate::shape::monitoring::LogLevel;
use crate::value::{Keep, Mode, Signer};
use crate::{Builder, Config, Files, StagedContent, load};

fn config(files: &Files) -> Config {
    match load(files) {
        Ok(loaded) => loaded.config,
        Err(told) => panic!("{}", render(&told)),
    }
}

fn path(text: &str) -> ProjectPath {
    ProjectPath::parse(text).unwrap()
}

#[test]
fn the_example_of_the_repository_loads() {
    assert_eq!(told(&Files::Folder(example())), "it loads\n");
}

#[test]
fn a_good_configuration_loads_without_warnings() {
    assert_eq!(told(&Files::Listed(good())), "it loads\n");
}

#[test]
fn what_is_not_said_has_the_documented_defaults() {
    let config = config(&Files::Listed(good()));
    assert_eq!(config.default_branch.as_str(), "main");
    assert_eq!(config.remote.as_str(), "origin");
    assert_eq!(config.strategy, Strategy::Auto);
    assert!(!config.parallel_builds);
    assert_eq!(config.publish.folder.as_str(), "dist/apt");
    assert_eq!(config.publish.origin, "api");
    assert_eq!(config.artifacts.retention.release_builds, Keep::Permanent);
    assert!(
        matches!(config.artifacts.retention.branch_builds, Keep::Days(days) if days.get() == 90)
    );
    assert_eq!(config.release.trigger.pattern.as_str(), "v*.*.*");
    assert!(!config.release.draft && !config.release.approval.required);
    assert_eq!(config.gpg.key_management.rotation_days.get(), 365);
    assert_eq!(
        config.validation.service_validation.performance_thresholds.memory_max_mb.get(),
        512
    );
    assert!((config.quality_metrics.build_success_rate.target.get() - 0.95).abs() < f64::EPSILON);
    assert_eq!(config.monitoring.alerting.build_failure.threshold.get(), 2);
    assert_eq!(config.monitoring.metrics.success_rate.window.to_string(), "24h");
    assert_eq!(config.logging.level, LogLevel::Info);
    assert_eq!(config.local_build.requirements.lintian.least(), [2, 100]);
    let mirror = config.mirrors.debian_suite("bookworm", &["main"]);
    assert_eq!(mirror.uri, "http://deb.debian.org/debian");
    assert_eq!(config.mirrors.ubuntu_suite("jammy", &["main"]), None);
}

#[test]
fn a_staged_project_knows_its_files_and_its_gate() {
    let config = config(&Files::Listed(good()));
    let api = config.project(&path("api")).unwrap();
    assert_eq!(api.architectures, Architecture::ALL);
    assert_eq!(api.unit.as_ref().unwrap().as_str(), "config/api.service");
    assert_eq!(api.release_branches[0].as_str(), "main");
    let health = api.health.as_ref().unwrap();
    assert_eq!((health.port, health.path.as_str()), (8081, "/api/health"));
    assert_eq!(health.critical, ["database"]);
    assert_eq!(health.gate, tagboat_core::gate::GatePolicy::default());
    let Builder::Staged(staged) = &api.builder else { panic!("{:?}", api.builder) };
    let StagedContent::File { from, mode } = &staged.files[0].content else { panic!("{staged:?}") };
    assert_eq!((from.as_str(), *mode), ("api/build/api", Mode::PROGRAM));
    assert_eq!(staged.build[0].words(), ["make", "-C", "api"]);
}

#[test]
fn a_debhelper_project_is_known_from_its_control_file() {
    let config = config(&Files::Listed(good()));
    let rag = config.project(&path("rag")).unwrap();
    assert_eq!((rag.name.as_str(), rag.architectures.len()), ("rag", 2));
    assert_eq!(rag.unit.as_ref().unwrap().as_str(), "rag/packaging/debian/rag.service");
    let Builder::Debhelper { folder } = &rag.builder else { panic!("{:?}", rag.builder) };
    assert_eq!(folder.as_str(), "rag/packaging/debian");
}

#[test]
fn an_environment_has_its_regions_hosts_and_rights() {
    let config = config(&Files::Listed(good()));
    let [production, staging] = config.environments.as_slice() else { panic!("{config:?}") };
    assert!(production.is_production && production.requires_approval);
    assert!(!staging.is_production && !staging.requires_approval);
    let names: Vec<_> = production.every_host().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["web-1", "web-2"]);
    let web_2 = &production.regions[0].hosts[0];
    assert_eq!((web_2.port, web_2.arch, &web_2.host_key), (22, Architecture::Arm64, &None));
    assert_eq!(production.regions[0].cloud_mappings["aws"], "eu-west-1");
    assert_eq!(production.secrets_file, "environments/production/secrets.enc");
}

#[test]
fn a_signing_key_makes_the_ledger_of_production_signed() {
    let build = "config/ci-cd/build-config.yml";
    let key = "0123456789ABCDEF0123456789ABCDEF01234567";
    let with_key = format!("gpg: {{signing: {{key_id: \"{key}\"}}}}\nprojects:");
    let config = config(&edited(build, "projects:", &with_key));
    let signed: Vec<_> = config.signed_ledgers.iter().map(|name| name.as_str()).collect();
    assert_eq!(signed, ["production"]);
    assert_eq!(config.publish.key.unwrap().as_str(), key);
    let signers: Vec<_> = config.ledger_signers.iter().map(Signer::text).collect();
    assert_eq!(signers, [key]);
}

#[test]
fn ledger_signers_stand_beside_the_signing_key_and_make_productions_ledger_signed_too() {
    let build = "config/ci-cd/build-config.yml";
    let key = "0123456789ABCDEF0123456789ABCDEF01234567";
    let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO1V4ccOMnrydy5+csQa4+AOn+pOwpga8EJxMEnfAPk9";
    let listed = format!("ledger_signers: [\"{ssh} pipeline\"]\n");
    let alone = config(&edited(build, "projects:", &format!("{listed}projects:")));
    assert_eq!(alone.signed_ledgers.len(), 1);
    let both = format!("{listed}gpg: {{signing: {{key_id: \"{key}\"}}}}\nprojects:");
    let both = config(&edited(build, "projects:", &both));
    let signers: Vec<_> = both.ledger_signers.iter().map(Signer::text).collect();
    assert_eq!(signers, [ssh, key]);
    let off = format!("gpg: {{signing: {{enabled: false, key_id: \"{key}\"}}}}\nprojects:");
    let off = config(&edited(build, "projects:", &off));
    assert!(off.ledger_signers.is_empty() && off.signed_ledgers.is_empty());
}

#[test]
fn seed_000s_package_stands_for_the_one_project_at_the_root() {
    // The block of the seed, with its output fields.
    let text = "package:\n  name: rag\n  version: \"1.0.0\"\n  architecture: [amd64, arm64]\n  \
                description: \"Local RAG system for private document querying\"\n  dependencies:\n    \
                - python3 (>= 3.11)\n    - python3-pip\n    - systemd\n  conflicts: []\n  provides: []\n";
    let mut files = good();
    files.insert("config/ci-cd/build-config.yml".to_owned(), text.as_bytes().to_vec());
    let control = files.remove("rag/packaging/debian/control").unwrap();
    files.insert("packaging/debian/control".to_owned(), control);
    let loaded = load(&Files::Listed(files)).unwrap();
    let [project] = loaded.config.projects.as_slice() else { panic!("{loaded:?}") };
    assert!(project.path.is_root());
    assert_eq!(project.name.as_str(), "rag");
    assert_eq!(loaded.warnings.len(), 1);
}

#[test]
fn an_anchor_stands_for_its_value_wherever_it_is_named() {
    let text = BUILD
        .replace("build:\n      - [make, -C, api]", "build:\n      - &make [make, -C, api]")
        .replace("    target: apt\n    ports", "    test: [*make]\n    target: apt\n    ports");
    let config = config(&with("config/ci-cd/build-config.yml", text));
    assert_eq!(config.projects[0].test[0].words(), ["make", "-C", "api"]);
}

#[test]
fn comments_alone_are_an_empty_file() {
    for text in ["", "# nothing yet\n", "---\n", "logging:\n"] {
        assert_eq!(told(&with("config/ci-cd/monitoring.yml", text)), "it loads\n", "{text:?}");
    }
}

#[test]
fn a_file_of_windows_lines_loads_and_counts_lines_the_same() {
    let text = BUILD.replace('\n', "\r\n");
    assert_eq!(told(&with("config/ci-cd/build-config.yml", &text)), "it loads\n");
    let wrong = text.replace("blue", "blau");
    let told = load(&with("config/ci-cd/build-config.yml", wrong)).unwrap_err();
    assert_eq!(told[0].place.as_ref().unwrap().line, 13);
}

#[test]
fn the_numbers_of_a_gate_reach_it() {
    let more = "{interval_seconds: 2, answer_within_seconds: 4, start_within_seconds: 60, passes: 5, \
                failures: 1}";
    let build = "config/ci-cd/build-config.yml";
    let config = config(&edited(build, "{critical: [database]}", more));
    let gate = &config.projects[0].health.as_ref().unwrap().gate;
    assert_eq!(
        (gate.interval, gate.answer_within),
        (Duration::from_secs(2), Duration::from_secs(4))
    );
    assert_eq!((gate.start_within, gate.passes, gate.failures), (Duration::from_secs(60), 5, 1));
}
