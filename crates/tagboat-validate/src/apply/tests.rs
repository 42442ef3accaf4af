use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use tagboat_core::command::Command;
use tagboat_core::diagnostic::Exit;
use tagboat_core::finding::RequiredPass;
use tagboat_core::health::{Expectation, ExpectedVersion};
use tagboat_core::ports::{
    Architecture as Machine, Bind, Booted, Cancel, Mirror, Observer, Output, Root, RootSpec, Roots,
    Running,
};
use tagboat_deb::deb::{DebContents, DebFormat, write_deb};
use tagboat_deb::tar::{SetId, Tree};
use tagboat_deb::{Architecture, Paragraph};
use tagboat_testing::fake::{FakeClock, FakeRunner, Recorder, exited};
use tempfile::TempDir;

use super::*;
use crate::record::{How, Outcome, PackageRecord};
use crate::request::{
    Archive, Enabled, HealthRequest, InstallationRequest, LintianRequest, PackageUnderTest,
    PolicyLevel, Request, ServiceLimits, ServiceRequest, TestEnvironment,
};
use crate::{observe, plan};

const UNIT: &str = "[Service]\nExecStart=/usr/bin/api\n[Install]\nWantedBy=multi-user.target\n";

/// A root whose programs are a test's.
struct FakeRoots {
    programs: Arc<FakeRunner>,
    refusal: Option<RootError>,
}

struct FakeRoot {
    folder: TempDir,
    programs: Arc<FakeRunner>,
}

struct Shared(Arc<FakeRunner>);

impl Runner for Shared {
    fn run(&self, scope: &Scope<'_>, command: &Command) -> Result<Output, RunError> {
        self.0.run(scope, command)
    }

    fn start(&self, scope: &Scope<'_>, command: &Command) -> Result<Box<dyn Running>, RunError> {
        self.0.start(scope, command)
    }
}

impl Roots for FakeRoots {
    fn open(&self, _: &Scope<'_>, _: &RootSpec, _: &[Bind]) -> Result<Box<dyn Root>, RootError> {
        match &self.refusal {
            Some(refusal) => Err(refusal.clone()),
            None => {
                let folder = tempfile::tempdir().unwrap();
                Ok(Box::new(FakeRoot { folder, programs: Arc::clone(&self.programs) }))
            }
        }
    }
}

impl Root for FakeRoot {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn runner(&self, _: Network) -> Box<dyn Runner + '_> {
        Box::new(Shared(Arc::clone(&self.programs)))
    }

    fn boot(&self, _: &Scope<'_>, _: Duration) -> Result<Box<dyn Booted + '_>, RootError> {
        let folder = tempfile::tempdir().unwrap();
        Ok(Box::new(Self { folder, programs: Arc::clone(&self.programs) }))
    }
}

impl Booted for FakeRoot {
    fn runner(&self) -> Box<dyn Runner + '_> {
        Box::new(Shared(Arc::clone(&self.programs)))
    }
}

fn write(folder: &Path, name: &str, architecture: Architecture, depends: &str) -> PackageUnderTest {
    let mut control = Paragraph::new();
    for (field, value) in [
        ("Package", name),
        ("Version", "1.0"),
        ("Architecture", architecture.as_str()),
        ("Maintainer", "Ada Example <ada@example.org>"),
        ("Depends", depends),
        ("Description", "a program"),
    ] {
        control.set(field, value).unwrap();
    }
    let mut tree = Tree::new(SetId::Refused);
    if name == "api" {
        tree.bytes("lib/systemd/system/api.service", 0o644, UNIT).unwrap();
    }
    tree.bytes(&format!("usr/bin/{name}"), 0o755, "#!/bin/sh\n").unwrap();
    let contents =
        DebContents { control, conffiles: BTreeSet::new(), control_files: BTreeMap::new(), tree };
    let mut bytes = Vec::new();
    write_deb(&mut bytes, Cursor::new(Vec::new()), contents, &DebFormat::default()).unwrap();
    let file = folder.join(format!("{name}.{architecture}.built"));
    fs::write(&file, bytes).unwrap();
    PackageUnderTest { file, name: name.to_owned(), version: "1.0".to_owned(), architecture }
}

fn request(packages: Vec<PackageUnderTest>) -> Request {
    let mirrors = vec![Mirror {
        uri: "http://deb.debian.org/debian".to_owned(),
        suite: "bookworm".to_owned(),
        components: vec!["main".to_owned()],
    }];
    Request {
        packages,
        lintian: LintianRequest {
            enabled: Enabled::Yes,
            policy_level: PolicyLevel::Pedantic,
            suppress_tags: vec!["some-tag".to_owned(), "other-tag".to_owned()],
            required_passes: vec![RequiredPass::NoErrors, RequiredPass::NoWarnings],
        },
        installation: InstallationRequest {
            enabled: Enabled::Yes,
            environments: vec![
                TestEnvironment {
                    name: "ubuntu:22.04".to_owned(),
                    archive: Archive::Unreachable("its archive is not reachable".to_owned()),
                },
                TestEnvironment {
                    name: "debian:12".to_owned(),
                    archive: Archive::Mirrors(mirrors.clone()),
                },
            ],
            test_commands: vec!["dpkg -i package.deb".to_owned()],
        },
        service_limits: ServiceLimits::default(),
        service: Some(ServiceRequest {
            unit: "api.service".to_owned(),
            health: Some(HealthRequest {
                port: 8000,
                path: "/api/health".to_owned(),
                expectation: Expectation {
                    critical: vec!["database".to_owned()],
                    version: ExpectedVersion::Unchecked,
                },
            }),
        }),
        machine: Machine::Amd64,
        mirrors,
    }
}

fn api(folder: &Path) -> Request {
    let data = write(folder, "api-common", Architecture::All, "adduser");
    let depends = "api-common (= 1.0), libc6 (>= 2.36) | musl, python3:any";
    request(vec![write(folder, "api", Architecture::Amd64, depends), data])
}

fn only_lintian(folder: &Path) -> Request {
    let mut request = api(folder);
    request.installation.enabled = Enabled::No;
    request
}

const LINTIAN: &str = r#"{"lintian_version": "2.116.3", "groups": [{"input_files": [
    {"path": "/srv/packages/api_1.0_amd64.deb", "hints": []},
    {"path": "/srv/packages/api-common_1.0_all.deb", "hints": []}]}]}"#;

/// A world in which all is well.
fn sound() -> FakeRunner {
    let healthy = "HTTP/1.0 200 OK\r\n\r\n\
                   {\"status\":\"healthy\",\"checks\":{\"database\":{\"status\":\"up\"}}}";
    let installed = "api\t1.0\tii \napi-common\t1.0\tii \n";
    let processes = "/proc/9/status:VmRSS:\t2048 kB\n/proc/9/cgroup:0::/system.slice/api.service\n";
    let ok = |stdout: &str| Ok(exited(0, stdout));
    FakeRunner::new()
        .on(&["lintian"], ok(LINTIAN))
        .on(&["apt-get"], ok(""))
        .on(&["dpkg"], ok(""))
        .on_each(&["dpkg-query"], vec![ok(installed), Ok(exited(1, ""))])
        .on(&["find"], ok("/etc\0/usr\0"))
        .on(&["systemctl"], ok(""))
        .on(
            &["systemctl", "show", "--property=ActiveState"],
            ok("ActiveState=inactive\nResult=success\n"),
        )
        .on(
            &["systemctl", "show", "--property=LoadState"],
            ok("LoadState=not-found\nActiveState=inactive\n"),
        )
        .on(&["timeout"], ok(healthy))
        .on(&["sh"], ok(processes))
        .on(&["journalctl"], ok("the last thing it said\n"))
}

fn run_with(
    request: &Request,
    roots: &FakeRoots,
    observer: &dyn Observer,
    cancel: Cancel,
) -> tagboat_core::diagnostic::Result<Record> {
    let scope = Scope::new("test", observer, cancel);
    let clock = FakeClock::fixed();
    let facts = observe(request)?;
    let plan = plan(&facts, request)?;
    apply(&scope, &plan, &Ports { roots, clock: &clock })
}

fn validate(request: &Request, programs: FakeRunner) -> tagboat_core::diagnostic::Result<Record> {
    let roots = FakeRoots { programs: Arc::new(programs), refusal: None };
    run_with(request, &roots, &Silent, Cancel::default())
}

fn outcome(package: &PackageRecord, name: CheckName) -> Outcome {
    let mut checks = package.checks.iter().filter(|check| check.name == name);
    // The one that ran, where another environment could not be reached.
    let ran = checks.clone().find(|check| !matches!(check.outcome, Outcome::Skipped { .. }));
    ran.or_else(|| checks.next()).unwrap().outcome.clone()
}

fn findings(record: &Record, rule: &str) -> Vec<Finding> {
    let checks = record.packages.iter().flat_map(|package| &package.checks);
    let findings = checks.flat_map(|check| &check.findings);
    findings.filter(|finding| finding.rule == rule).cloned().collect()
}

fn killed() -> Output {
    Output { status: None, ..exited(0, "") }
}

#[test]
fn a_plan_prints_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let request = api(folder.path());
    let plan = plan(&observe(&request).unwrap(), &request).unwrap();
    let mut text = plan.to_string().replace(folder.path().to_str().unwrap(), "out");
    for package in &plan.packages {
        text = text.replace(&package.sha256, "SHA256");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_run_is_what_was_planned() {
    let folder = tempfile::tempdir().unwrap();
    let request = api(folder.path());
    let programs = Arc::new(sound());
    let roots = FakeRoots { programs: Arc::clone(&programs), refusal: None };
    let record = run_with(&request, &roots, &Silent, Cancel::default()).unwrap();
    assert_eq!(record.validation_status, Verdict::Passed, "{record:#?}");
    let plan = plan(&observe(&request).unwrap(), &request).unwrap();
    let steps = plan.trials.iter().flat_map(|trial| &trial.steps);
    let planned: Vec<String> = steps.map(|step| step.command.to_string()).collect();
    let mut asked = programs.asked_lines();
    // Only a gate asks the same again.
    asked.dedup_by(|second, first| second.starts_with("timeout ") && second == first);
    assert_eq!(asked, planned);
}

#[test]
fn siblings_are_installed_together_and_are_no_dependencies_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let request = api(folder.path());
    let plan = plan(&observe(&request).unwrap(), &request).unwrap();
    let trial = plan.trials.iter().find(|trial| trial.name == "installation").unwrap();
    let commands: Vec<String> = trial.steps.iter().map(|it| it.command.to_string()).collect();
    let satisfy = commands.iter().find(|it| it.contains("satisfy")).unwrap();
    assert!(satisfy.ends_with("'libc6 (>= 2.36) | musl, python3:any, adduser'"), "{satisfy}");
    let install = commands.iter().find(|it| it.contains(" install ")).unwrap();
    let both = "/srv/packages/api_1.0_amd64.deb /srv/packages/api-common_1.0_all.deb";
    assert!(install.ends_with(both), "{install}");
}

#[test]
fn a_lintian_that_is_missing_killed_slow_or_silent_fails_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let request = only_lintian(folder.path());
    let cut = &LINTIAN[..LINTIAN.len() / 2];
    for answer in [
        Err(RunError::NotFound),
        Err(RunError::TimedOut(Duration::from_secs(900))),
        Err(RunError::TooMuchOutput),
        Ok(killed()),
        Ok(exited(255, LINTIAN)),
        Ok(exited(1, LINTIAN)),
        Ok(exited(0, "")),
        Ok(exited(0, cut)),
        Ok(exited(2, LINTIAN)),
        Ok(exited(0, "N: all is well\n")),
    ] {
        let record = validate(&request, sound().on(&["lintian"], answer.clone())).unwrap();
        assert_eq!(record.validation_status, Verdict::Failed, "{answer:?}");
        for package in &record.packages {
            assert_eq!(outcome(package, CheckName::Lintian), Outcome::Failed, "{answer:?}");
        }
        assert_eq!(findings(&record, "lintian/no-verdict").len(), 2, "{answer:?}");
    }
    assert_eq!(validate(&request, sound()).unwrap().validation_status, Verdict::Passed);
}

#[test]
fn what_lintian_finds_in_one_package_is_not_the_fault_of_its_sibling() {
    let folder = tempfile::tempdir().unwrap();
    let request = only_lintian(folder.path());
    let hint = r#""hints": [{"tag": "x", "note": "", "visibility": "error"}]"#;
    let one = LINTIAN.replacen(r#""hints": []"#, hint, 1);
    let record = validate(&request, sound().on(&["lintian"], Ok(exited(2, one)))).unwrap();
    assert_eq!(record.validation_status, Verdict::Failed);
    assert_eq!(outcome(&record.packages[0], CheckName::Lintian), Outcome::Failed);
    assert_eq!(outcome(&record.packages[1], CheckName::Lintian), Outcome::Passed);
}

#[test]
fn no_program_may_fail_to_answer_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let request = api(folder.path());
    for program in
        ["lintian", "apt-get", "dpkg", "dpkg-query", "find", "systemctl", "timeout", "sh"]
    {
        for answer in [
            Err(RunError::NotFound),
            Err(RunError::TimedOut(Duration::from_secs(1))),
            Ok(killed()),
            Ok(exited(255, "")),
            Ok(exited(0, "rubbish")),
        ] {
            let silent_is_right = matches!(&answer, Ok(output) if output.status == Some(0))
                && ["apt-get", "find"].contains(&program);
            if silent_is_right {
                continue;
            }
            let record = validate(&request, sound().on(&[program], answer.clone())).unwrap();
            let failed = record.validation_status;
            assert_eq!(failed, Verdict::Failed, "{program} {answer:?}: {record:#?}");
        }
    }
}

#[test]
fn every_finding_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let request = api(folder.path());
    for program in
        ["lintian", "apt-get", "dpkg", "dpkg-query", "find", "systemctl", "timeout", "sh"]
    {
        let record = validate(&request, sound().on(&[program], Ok(exited(7, "")))).unwrap();
        let checks = record.packages.iter().flat_map(|package| &package.checks);
        for finding in checks.flat_map(|check| &check.findings) {
            assert!(finding.help.is_some(), "{finding:?}");
        }
    }
}

#[test]
fn a_failed_installation_leaves_the_rest_out_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = api(folder.path());
    request.installation.test_commands.clear();
    let refused = Output { stderr: "E: no\n".to_owned(), ..exited(100, "") };
    let record = validate(&request, sound().on(&["apt-get"], Ok(refused))).unwrap();
    let package = &record.packages[0];
    assert_eq!(outcome(package, CheckName::Install), Outcome::Failed);
    for name in [CheckName::Service, CheckName::Removal] {
        let reason = "it failed to install what the packages depend on".to_owned();
        assert_eq!(outcome(package, name), Outcome::Skipped { reason });
    }
}

#[test]
fn an_unhealthy_service_fails_with_its_log_and_its_removal_is_still_tried() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = api(folder.path());
    request.installation.test_commands.clear();
    let record = validate(&request, sound().on(&["timeout"], Ok(exited(7, "")))).unwrap();
    let package = &record.packages[0];
    assert_eq!(outcome(package, CheckName::Service), Outcome::Failed);
    assert_eq!(outcome(package, CheckName::Removal), Outcome::Passed);
    let found = &findings(&record, "service/unhealthy")[0];
    assert!(found.message.contains("nothing listens"), "{}", found.message);
    assert!(found.message.ends_with("the last thing it said"), "{}", found.message);
}

#[test]
fn nowhere_to_install_is_a_failure_and_not_a_skip() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = api(folder.path());
    drop(request.installation.environments.pop());
    let record = validate(&request, sound()).unwrap();
    assert_eq!(record.validation_status, Verdict::Failed);
    assert_eq!(findings(&record, "install/no-environment").len(), 2);
}

#[test]
fn an_emulated_package_has_more_time_and_the_record_says_how_it_ran() {
    let folder = tempfile::tempdir().unwrap();
    let packages = vec![write(folder.path(), "api", Architecture::Arm64, "libc6")];
    let mut request = request(packages);
    request.lintian.enabled = Enabled::No;
    request.installation.test_commands.clear();
    let plan = plan(&observe(&request).unwrap(), &request).unwrap();
    assert_eq!(plan.trials[0].spec.architecture, Machine::Arm64);
    assert_eq!(plan.trials[0].boot_patience, Duration::from_secs(1200));
    let installed = vec![Ok(exited(0, "api\t1.0\tii \n")), Ok(exited(1, ""))];
    let record = validate(&request, sound().on_each(&["dpkg-query"], installed)).unwrap();
    assert_eq!(record.validation_status, Verdict::Passed, "{record:#?}");
    assert_eq!(record.packages[0].how, How::Emulated);
    assert!(record.packages[0].measurements.iter().all(|it| it.ground.how == How::Emulated));
}

#[test]
fn without_a_root_there_is_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let request = api(folder.path());
    for (refusal, exit) in [
        (RootError::NotRoot, Exit::Outside),
        (RootError::Missing("mmdebstrap".to_owned()), Exit::Outside),
        (RootError::Packages("E: no lintian".to_owned()), Exit::Outside),
        (RootError::Run(RunError::Cancelled), Exit::Interrupted),
    ] {
        let roots = FakeRoots { programs: Arc::new(sound()), refusal: Some(refusal) };
        let error = run_with(&request, &roots, &Silent, Cancel::default()).unwrap_err();
        assert_eq!((error.code, error.exit), ("validate::no-root", exit));
    }
}

#[test]
fn an_interruption_and_a_root_that_went_away_are_errors_and_no_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let request = api(folder.path());
    let roots = FakeRoots { programs: Arc::new(sound()), refusal: None };
    let cancel = Cancel::default();
    cancel.cancel();
    let error = run_with(&request, &roots, &Silent, cancel).unwrap_err();
    assert_eq!((error.code, error.exit), ("validate::interrupted", Exit::Interrupted));
    for program in ["systemctl", "timeout", "lintian"] {
        let gone = Err(RunError::Unreachable("it is switched off".to_owned()));
        let error = validate(&request, sound().on(&[program], gone)).unwrap_err();
        assert_eq!((error.code, error.exit), ("validate::not-asked", Exit::Outside));
    }
}

#[test]
fn other_bytes_than_those_that_were_planned_for_are_not_judged() {
    let folder = tempfile::tempdir().unwrap();
    let request = api(folder.path());
    let plan = plan(&observe(&request).unwrap(), &request).unwrap();
    fs::write(&request.packages[0].file, "other bytes").unwrap();
    let scope = Scope::new("test", &Silent, Cancel::default());
    let roots = FakeRoots { programs: Arc::new(sound()), refusal: None };
    let ports = Ports { roots: &roots, clock: &FakeClock::fixed() };
    let error = apply(&scope, &plan, &ports).unwrap_err();
    assert_eq!((error.code, error.exit), ("validate::changed", Exit::Refused));
    let error = observe(&request).unwrap_err();
    assert_eq!((error.code, error.exit), ("validate::bad-package", Exit::Judged));
}

#[test]
fn a_request_that_is_wrong_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = || api(folder.path());
    let refused = |request: &Request| match observe(request) {
        Ok(facts) => plan(&facts, request).err().map(|error| error.code),
        Err(error) => Some(error.code),
    };
    assert_eq!(refused(&good()), None);
    let mut request = good();
    request.packages[0].version = "2.0".to_owned();
    assert_eq!(refused(&request), Some("validate::other-package"));
    let mut request = good();
    request.packages[0].file = PathBuf::from("/none.deb");
    assert_eq!(refused(&request), Some("validate::unreadable"));
    let mut request = good();
    request.packages.push(request.packages[0].clone());
    assert_eq!(refused(&request), Some("validate::bad-request"));
    let mut request = good();
    request.packages.clear();
    assert_eq!(refused(&request), Some("validate::bad-request"));
    for unit in ["--all", "a b.service", ".service", "api.socket", "-x.service"] {
        let mut request = good();
        request.service.as_mut().unwrap().unit = unit.to_owned();
        assert_eq!(refused(&request), Some("validate::bad-request"), "{unit:?}");
    }
    for path in ["", "api", "/a b", "/a\r\nX: y"] {
        let mut request = good();
        request.service.as_mut().unwrap().health.as_mut().unwrap().path = path.to_owned();
        assert_eq!(refused(&request), Some("validate::bad-request"), "{path:?}");
    }
}

#[test]
fn progress_is_told_and_lists_of_files_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::default();
    let listed = sound().on(&["find"], Ok(exited(0, "/etc\0/etc/some-file\0")));
    let roots = FakeRoots { programs: Arc::new(listed), refusal: None };
    run_with(&api(folder.path()), &roots, &recorder, Cancel::default()).unwrap();
    assert!(recorder.all().iter().any(|(span, _)| span.ends_with("install the packages")));
    assert!(!recorder.lines().iter().any(|line| line.contains("some-file")));
}
