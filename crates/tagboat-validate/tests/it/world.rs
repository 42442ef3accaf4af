//! Packages in real clean roots. In: one that is sound, and ones that are not. Out: records.

use std::path::Path;
use std::time::Duration;

use tagboat_adapters::clock::SystemClock;
use tagboat_adapters::process::LocalRunner;
use tagboat_adapters::roots::{NspawnRoots, cache_folder, debian_mirrors, machine_mirrors};
use tagboat_core::commit::CommitSha;
use tagboat_core::finding::{RequiredPass, Verdict};
use tagboat_core::health::{Expectation, ExpectedVersion};
use tagboat_core::ports::{Architecture as Machine, Cancel, Scope, Silent};
use tagboat_core::version::Version;
use tagboat_deb::Architecture;
use tagboat_testing::require;
use tagboat_validate::record::{CheckName, How, MeasurementName, Outcome, PackageRecord, Record};
use tagboat_validate::request::{
    Archive, Enabled, HealthRequest, InstallationRequest, LintianRequest, PackageUnderTest,
    PolicyLevel, Request, ServiceLimits, ServiceRequest, TestEnvironment,
};
use tagboat_validate::sarif::sarif;
use tagboat_validate::{Ports, apply, observe, plan};

use crate::service_package::{Flaw, PORT, UNIT, write};

/// `None` where this machine cannot have roots.
fn roots() -> Option<NspawnRoots> {
    for tool in ["systemd-nspawn", "mmdebstrap", "nsenter"] {
        require(tool)?;
    }
    let cache = cache_folder(|name| std::env::var_os(name)).expect("a home or a cache folder");
    Some(NspawnRoots::new(LocalRunner::default(), cache))
}

fn request(package: PackageUnderTest) -> Request {
    let mirrors = machine_mirrors(Path::new("/"));
    let bookworm = mirrors.first().is_some_and(|mirror| mirror.suite == "bookworm");
    let mirrors = if bookworm { mirrors } else { debian_mirrors("bookworm") };
    let expectation = Expectation {
        critical: vec!["database".to_owned()],
        version: ExpectedVersion::Exactly {
            version: Version::parse("hello/v1.0.0").unwrap(),
            commit: CommitSha::parse(&"a".repeat(40)).unwrap(),
        },
    };
    Request {
        packages: vec![package],
        lintian: LintianRequest {
            enabled: Enabled::Yes,
            policy_level: PolicyLevel::Pedantic,
            suppress_tags: vec![],
            required_passes: vec![RequiredPass::NoErrors, RequiredPass::NoWarnings],
        },
        installation: InstallationRequest {
            enabled: Enabled::Yes,
            environments: vec![TestEnvironment {
                name: "debian:12".to_owned(),
                archive: Archive::Mirrors(mirrors.clone()),
            }],
            test_commands: vec![],
        },
        service_limits: ServiceLimits {
            startup_timeout: Duration::from_secs(5),
            ..ServiceLimits::default()
        },
        service: Some(ServiceRequest {
            unit: UNIT.to_owned(),
            health: Some(HealthRequest { port: PORT, path: "/api/health".to_owned(), expectation }),
        }),
        machine: Machine::Amd64,
        mirrors,
    }
}

/// Only installation: lintian has a test of its own.
fn without_lintian(package: PackageUnderTest) -> Request {
    let mut request = request(package);
    request.lintian.enabled = Enabled::No;
    request
}

fn validate(roots: &NspawnRoots, request: &Request) -> Record {
    let scope = Scope::new("test", &Silent, Cancel::default());
    let ports = Ports { roots, clock: &SystemClock };
    let facts = observe(request).unwrap();
    let plan = plan(&facts, request).unwrap();
    apply(&scope, &plan, &ports).unwrap_or_else(|error| panic!("{error:#?}"))
}

fn outcome(package: &PackageRecord, name: CheckName) -> &Outcome {
    &package.checks.iter().find(|check| check.name == name).expect("the check").outcome
}

fn rules(package: &PackageRecord, name: CheckName) -> Vec<&str> {
    let checks = package.checks.iter().filter(|check| check.name == name);
    checks.flat_map(|check| &check.findings).map(|finding| finding.rule.as_str()).collect()
}

/// Every finding as text, for a test that fails.
fn shown(record: &Record) -> String {
    serde_json::to_string_pretty(record).unwrap()
}

#[test]
fn a_sound_package_passes_every_check() {
    let Some(roots) = roots() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut request = request(write(folder.path(), Architecture::Amd64, &[]));
    request.installation.test_commands = vec![
        "dpkg -i package.deb && test \"$(dpkg-query --show --showformat='${Version}' hello-svc)\" = 1.0.0"
            .to_owned(),
        "systemctl --user is-system-running".to_owned(),
        "curl --fail --retry 10 --retry-connrefused http://localhost:8123/api/health".to_owned(),
    ];
    let record = validate(&roots, &request);
    assert_eq!(record.validation_status, Verdict::Passed, "{}", shown(&record));
    let package = &record.packages[0];
    assert_eq!(package.how, How::Native);
    let names: Vec<CheckName> = package.checks.iter().map(|check| check.name).collect();
    let all = [
        CheckName::Permissions,
        CheckName::Lintian,
        CheckName::Install,
        CheckName::Service,
        CheckName::Removal,
        CheckName::TestCommands,
    ];
    assert_eq!(names, all);
    for check in &package.checks {
        assert_eq!(check.outcome, Outcome::Passed, "{}", shown(&record));
    }
    let measured = |name| {
        package.measurements.iter().find(|it| it.name == name).expect("it was measured").value
    };
    assert!(measured(MeasurementName::StartupSeconds) >= 0.5, "its program waits half a second");
    assert!(measured(MeasurementName::MemoryMb) > 5.0, "python alone takes more");
    assert!(measured(MeasurementName::InstallSeconds) > 0.0);
}

#[test]
fn lintian_and_permissions_fail_a_package_that_breaks_policy_and_sarif_tells_it() {
    let Some(roots) = roots() else { return };
    let folder = tempfile::tempdir().unwrap();
    let flaws = [Flaw::NoCopyright, Flaw::WorldWritable];
    let mut request = request(write(folder.path(), Architecture::Amd64, &flaws));
    request.installation.enabled = Enabled::No;
    let record = validate(&roots, &request);
    let package = &record.packages[0];
    assert_eq!(record.validation_status, Verdict::Failed);
    assert!(rules(package, CheckName::Lintian).contains(&"lintian/no-copyright-file"));
    assert_eq!(rules(package, CheckName::Permissions), ["permissions/world-writable"]);
    assert!(matches!(outcome(package, CheckName::Install), Outcome::Skipped { .. }));
    let log = serde_json::to_value(sarif(&record)).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let told = |rule: &str| results.iter().any(|result| result["ruleId"] == rule);
    assert!(told("lintian/no-copyright-file") && told("permissions/world-writable"));

    request.lintian.suppress_tags = vec!["no-such-tag-anywhere".to_owned()];
    let record = validate(&roots, &request);
    assert_eq!(rules(&record.packages[0], CheckName::Lintian), ["lintian/no-verdict"]);
}

#[test]
fn a_package_that_cannot_be_installed_fails_there_and_nothing_else_is_tried() {
    let Some(roots) = roots() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (flaw, rule, said) in [
        (Flaw::Dependency, "install/dependencies", "no-such-package"),
        (Flaw::Postinst, "install/failed", "the database is not there"),
    ] {
        let package = write(folder.path(), Architecture::Amd64, &[flaw]);
        let record = validate(&roots, &without_lintian(package));
        assert_eq!(record.validation_status, Verdict::Failed);
        let package = &record.packages[0];
        assert_eq!(rules(package, CheckName::Install), [rule], "{}", shown(&record));
        for name in [CheckName::Service, CheckName::Removal] {
            assert!(matches!(outcome(package, name), Outcome::Skipped { .. }), "{name:?}");
        }
        let text = shown(&record);
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_service_that_is_not_healthy_fails_and_its_removal_is_still_tried() {
    let Some(roots) = roots() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (flaw, said) in [
        // Its removal is not to blame for what its service did.
        (Flaw::DatabaseDown, "the check \\\"database\\\" is down"),
        (Flaw::Exits, "there is no configuration"),
    ] {
        let package = write(folder.path(), Architecture::Amd64, &[flaw]);
        let record = validate(&roots, &without_lintian(package));
        let package = &record.packages[0];
        assert_eq!(rules(package, CheckName::Service), ["service/unhealthy"], "{}", shown(&record));
        assert_eq!(outcome(package, CheckName::Service), &Outcome::Failed);
        assert_eq!(outcome(package, CheckName::Removal), &Outcome::Passed, "{}", shown(&record));
        let text = shown(&record);
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_service_left_running_and_a_file_left_behind_are_found() {
    let Some(roots) = roots() else { return };
    let folder = tempfile::tempdir().unwrap();
    let package = write(folder.path(), Architecture::Amd64, &[Flaw::Removal]);
    let record = validate(&roots, &without_lintian(package));
    let package = &record.packages[0];
    let found = rules(package, CheckName::Removal);
    assert!(found.contains(&"removal/still-running"), "{}", shown(&record));
    let files: Vec<&str> = package
        .checks
        .iter()
        .flat_map(|check| &check.findings)
        .filter(|finding| finding.rule == "removal/leftover")
        .filter_map(|finding| finding.place.file.as_deref())
        .collect();
    assert!(files.contains(&"usr/share/hello-svc"), "{files:?}");
    assert!(
        files.contains(&"etc/systemd/system/multi-user.target.wants/hello-svc.service"),
        "{files:?}"
    );
    assert_eq!(outcome(package, CheckName::Service), &Outcome::Passed, "{}", shown(&record));

    let package = write(folder.path(), Architecture::Amd64, &[Flaw::Leftover]);
    let record = validate(&roots, &without_lintian(package));
    assert_eq!(rules(&record.packages[0], CheckName::Removal), ["removal/leftover"]);
}

#[test]
fn a_program_without_a_service_is_tried_without_booting_and_a_missing_unit_is_found() {
    let Some(roots) = roots() else { return };
    let folder = tempfile::tempdir().unwrap();
    let package = write(folder.path(), Architecture::All, &[Flaw::NoUnit]);
    let mut request = without_lintian(package);
    let record = validate(&roots, &request);
    let package = &record.packages[0];
    assert_eq!(rules(package, CheckName::Service), ["service/no-unit"], "{}", shown(&record));
    assert_eq!(outcome(package, CheckName::Removal), &Outcome::Passed, "{}", shown(&record));

    request.service = None;
    let record = validate(&roots, &request);
    let package = &record.packages[0];
    assert_eq!(record.validation_status, Verdict::Passed, "{}", shown(&record));
    assert_eq!(outcome(package, CheckName::Install), &Outcome::Passed);
    assert_eq!(outcome(package, CheckName::Removal), &Outcome::Passed);
    assert!(matches!(outcome(package, CheckName::Service), Outcome::Skipped { .. }));
}

#[test]
fn an_arm64_package_is_tried_under_emulation_and_the_record_says_so() {
    let Some(roots) = roots() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut request = without_lintian(write(folder.path(), Architecture::Arm64, &[]));
    request.service_limits = ServiceLimits::default();
    let record = validate(&roots, &request);
    assert_eq!(record.validation_status, Verdict::Passed, "{}", shown(&record));
    let package = &record.packages[0];
    assert_eq!(package.how, How::Emulated);
    for name in [CheckName::Install, CheckName::Service, CheckName::Removal] {
        assert_eq!(outcome(package, name), &Outcome::Passed, "{}", shown(&record));
    }
    let grounds: Vec<_> = package.checks.iter().filter_map(|check| check.ground.as_ref()).collect();
    assert!(grounds.iter().all(|it| it.how == How::Emulated && it.architecture == "arm64"));
}
