//! The example monorepo, built for real. In: this machine's kernel, apt mirror and tools. Out: packages for both
//! architectures that lintian finds nothing wrong with, the same bytes twice, and that install and run.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tagboat_adapters::clock::SystemClock;
use tagboat_adapters::git::GitRepository;
use tagboat_adapters::process::LocalRunner;
use tagboat_adapters::roots::{NspawnRoots, cache_folder, machine_mirrors};
use tagboat_build::request::{
    Architectures, Builder, Leftovers, PackagePlan, Parallel, ProjectPlan, Staged,
};
use tagboat_build::strategy::{Strategy, StrategyChoice};
use tagboat_build::{Ports, Record, Request, apply, observe, plan};
use tagboat_core::command::Command;
use tagboat_core::ports::{
    Access, Architecture, Bind, Cancel, Network, Output, Repository as _, RootSpec, Roots as _,
    Scope, Silent,
};
use tagboat_core::version::{ProjectPath, Version};
use tagboat_testing::fake::Recorder;
use tagboat_testing::monorepo::Monorepo;
use tagboat_testing::require;

use crate::scene::{file, words};

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

/// `None` where this machine cannot have roots.
fn roots() -> Option<NspawnRoots> {
    for tool in ["systemd-nspawn", "mmdebstrap"] {
        require(tool)?;
    }
    if !Path::new("/proc/self")
        .metadata()
        .is_ok_and(|facts| std::os::unix::fs::MetadataExt::uid(&facts) == 0)
    {
        return require("root's rights").and(None);
    }
    let cache = cache_folder(|name| std::env::var_os(name)).unwrap();
    Some(NspawnRoots::new(LocalRunner::default(), cache))
}

/// The example monorepo as a repository of its own.
fn example() -> Monorepo {
    let repository = Monorepo::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/monorepo");
    copy(&from, &repository.work());
    repository.commit("feat: the example");
    // Ignored and uncommitted files are no part of a commit.
    repository.write("local-rag/local_rag/uncommitted.py", "raise SystemExit\n");
    repository
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (kind, to) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// As the example's `build-config.yml` says it.
fn api() -> ProjectPlan {
    let staged = Staged {
        package: PackagePlan {
            name: "api".to_owned(),
            synopsis: "notes over HTTP".to_owned(),
            extended: "A small service that keeps notes in an SQLite database and serves them\nas JSON on the loopback interface, with a health check.".to_owned(),
            section: "web".to_owned(),
            priority: "optional".to_owned(),
            maintainer: "Example Maintainers <maintainers@example.com>".to_owned(),
            homepage: Some("https://example.com/api".to_owned()),
            depends: vec![],
            conflicts: vec![],
            provides: vec![],
            architectures: Architectures::Each(Architecture::ALL.to_vec()),
        },
        build: vec![words(&["make", "-C", "api", "VERSION=${BUILD_VERSION}"])],
        build_dependencies: words(&["libsqlite3-dev"]),
        files: vec![
            file("api/build/api", "/usr/bin/api", Some(0o755)),
            file("api/build/api.1.gz", "/usr/share/man/man1/api.1.gz", Some(0o644)),
            file("api/packaging/copyright", "/usr/share/doc/api/copyright", Some(0o644)),
        ],
        conffiles: vec![],
    };
    project("api", Builder::Staged(Box::new(staged)))
}

fn project(path: &str, builder: Builder) -> ProjectPlan {
    let unit = Some(format!("config/{path}.service"));
    ProjectPlan { path: ProjectPath::parse(path).unwrap(), unit, variables: vec![], builder }
}

/// Builds HEAD into `folder`.
fn build(
    roots: &NspawnRoots,
    repository: &Monorepo,
    folder: &Path,
    change: impl FnOnce(&mut Request),
    project: ProjectPlan,
) -> Record {
    let told = Recorder::default();
    let scope = Scope::new("test", &told, Cancel::default());
    let git = GitRepository::open(&scope, &repository.work(), "origin").unwrap();
    let clock = SystemClock;
    let ports = Ports { repository: &git, roots, clock: &clock };
    let mut request = Request {
        version: Some(Version::parse(&format!("{}/v1.2.0-rc.1", project.path)).unwrap()),
        project,
        commit: git.commit(&scope, "HEAD").unwrap().unwrap(),
        branch: Some("main".to_owned()),
        builder_name: "test".to_owned(),
        mirrors: machine_mirrors(Path::new("/")),
        architectures: Architecture::ALL.to_vec(),
        strategy: StrategyChoice::Auto,
        parallel: Parallel::OneAfterAnother,
        out: folder.join("dist"),
        logs: folder.join("logs"),
        work: folder.join("work"),
        leftovers: Leftovers::RemoveOnSuccess,
    };
    change(&mut request);
    let facts = observe(&scope, ports.repository, &request).unwrap();
    let plan = plan(&facts, &request).unwrap();
    let record = apply(plan, &scope, &ports);
    record.unwrap_or_else(|error| panic!("{error:?}\n{}", told.lines().join("\n")))
}

fn root_spec(packages: &[&str]) -> RootSpec {
    RootSpec {
        architecture: Architecture::Amd64,
        foreign: vec![],
        mirrors: machine_mirrors(Path::new("/")),
        packages: words(packages),
        build_depends: None,
    }
}

fn bind(debs: &Path) -> Bind {
    Bind { from: debs.to_owned(), to: "/debs".to_owned(), access: Access::ReadOnly }
}

/// Runs a command in a clean root that sees the packages in `/debs`.
fn in_root(roots: &NspawnRoots, packages: &[&str], debs: &Path, command: &Command) -> Output {
    let root = roots.open(&scope(), &root_spec(packages), &[bind(debs)]).unwrap();
    root.runner(Network::Shared).run(&scope(), command).unwrap()
}

fn lint(roots: &NspawnRoots, folder: &Path, record: &Record) {
    let files = record.artifacts.packages.iter().map(|artifact| format!("/debs/{}", artifact.name));
    let command = Command::new("lintian")
        .args(["--display-info", "--pedantic", "--allow-root", "--fail-on=error,warning"])
        .args(files)
        .timeout(Duration::from_secs(300));
    let output = in_root(roots, &["lintian"], &folder.join("dist"), &command);
    assert!(output.success(), "{}\n{}", output.text(), output.stderr);
}

fn depends(record: &Record, architecture: &str) -> Vec<String> {
    let find = |artifact: &&tagboat_build::record::Artifact| artifact.architecture == architecture;
    let artifact = record.artifacts.packages.iter().find(find).unwrap();
    let bytes = fs::read(&artifact.file).unwrap();
    let limits = tagboat_deb::read::Limits::default();
    let deb = tagboat_deb::read::read_deb(&bytes[..], tagboat_deb::read::Depth::Control, &limits)
        .unwrap();
    let list = deb.control.get("Depends").unwrap_or_default().split(", ").map(str::to_owned);
    list.collect()
}

#[test]
fn the_staged_example_is_built_for_both_architectures_and_lintian_is_content() {
    let Some(roots) = roots() else { return };
    let repository = example();
    let folder = tempfile::tempdir().unwrap();
    let record = build(&roots, &repository, folder.path(), |_| {}, api());
    let names: Vec<&str> = record.artifacts.packages.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["api_1.2.0~rc.1_amd64.deb", "api_1.2.0~rc.1_arm64.deb"]);
    let strategies: Vec<Strategy> = record.artifacts.packages.iter().map(|a| a.strategy).collect();
    assert_eq!(strategies, [Strategy::Native, Strategy::Cross]);
    // The libraries of the target are found when crossing as well, and they are the same.
    let amd64 = depends(&record, "amd64");
    assert!(amd64.iter().any(|entry| entry.starts_with("libc6 (>= ")), "{amd64:?}");
    assert!(amd64.iter().any(|entry| entry.starts_with("libsqlite3-0 (>= ")), "{amd64:?}");
    assert_eq!(depends(&record, "arm64"), amd64);
    lint(&roots, folder.path(), &record);

    // The other order of everything gives the same bytes.
    let again = tempfile::tempdir().unwrap();
    let second = build(
        &roots,
        &repository,
        again.path(),
        |request| {
            request.architectures.reverse();
            request.parallel = Parallel::Parallel;
        },
        api(),
    );
    for (one, other) in record.artifacts.packages.iter().zip(&second.artifacts.packages) {
        assert_eq!((&one.name, &one.checksum_sha256), (&other.name, &other.checksum_sha256));
    }

    the_service_lives_with_its_package(&roots, &folder.path().join("dist"));
}

/// dpkg and systemd as the package's scripts meet them: installed, disabled, upgraded, removed, purged.
fn the_service_lives_with_its_package(roots: &NspawnRoots, debs: &Path) {
    let spec = root_spec(&["systemd-sysv", "dbus", "libsqlite3-0"]);
    let root = roots.open(&scope(), &spec, &[bind(debs)]).unwrap();
    let booted = root.boot(&scope(), Duration::from_secs(60)).unwrap();
    let run = |line: &str| {
        let command = Command::new("sh").args(["-c", line]);
        let output = booted.runner().run(&scope(), &command).unwrap();
        (output.text().trim().to_owned(), output.stderr)
    };
    let state = || run("systemctl is-active api; systemctl is-enabled api").0;
    let install = "dpkg --install /debs/api_1.2.0~rc.1_amd64.deb && echo well";
    let said = run(install);
    assert!(said.0.ends_with("well"), "{said:?}");
    assert_eq!(state(), "active\nenabled", "{said:?}");
    let started = || run("systemctl show --property=ExecMainPID --value api").0;
    let first = started();
    assert!(run(install).0.ends_with("well"));
    assert_eq!(state(), "active\nenabled");
    assert_ne!(started(), first, "an upgrade restarts it");
    run("systemctl disable --now api");
    assert!(run(install).0.ends_with("well"));
    assert_eq!(state(), "inactive\ndisabled", "what was disabled by hand stays so");
    run("systemctl enable --now api");
    assert!(run("dpkg --remove api && echo well").0.ends_with("well"));
    assert!(state().starts_with("inactive"), "{}", state());
    assert!(run("dpkg --purge api && echo well").0.ends_with("well"));
    let left = run("find /etc/systemd /var/lib/systemd/deb-systemd-helper-* -name '*api*'");
    assert_eq!(left.0, "", "a purge leaves no link");
}

#[test]
fn the_debhelper_example_is_built_for_both_architectures_and_lintian_is_content() {
    let Some(roots) = roots() else { return };
    let repository = example();
    let folder = tempfile::tempdir().unwrap();
    let local_rag = || project("local-rag", Builder::Debhelper);
    let record = build(&roots, &repository, folder.path(), |_| {}, local_rag());
    let strategies: Vec<Strategy> = record.artifacts.packages.iter().map(|a| a.strategy).collect();
    assert_eq!(strategies, [Strategy::Native, Strategy::Cross]);
    let names: Vec<&str> = record.artifacts.packages.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["local-rag_1.2.0~rc.1_amd64.deb", "local-rag_1.2.0~rc.1_arm64.deb"]);
    lint(&roots, folder.path(), &record);
    let contents = std::process::Command::new("dpkg-deb")
        .arg("--contents")
        .arg(&record.artifacts.packages[0].file)
        .output()
        .unwrap();
    let contents = String::from_utf8(contents.stdout).unwrap();
    assert!(contents.contains("./lib/systemd/system/local-rag.service"), "{contents}");
    assert!(!contents.contains("uncommitted"), "{contents}");

    let again = tempfile::tempdir().unwrap();
    let second = build(&roots, &repository, again.path(), |_| {}, local_rag());
    for (one, other) in record.artifacts.packages.iter().zip(&second.artifacts.packages) {
        assert_eq!((&one.name, &one.checksum_sha256), (&other.name, &other.checksum_sha256));
    }
}

#[test]
fn a_build_reaches_no_network_and_cannot_become_root() {
    let Some(roots) = roots() else { return };
    let repository = example();
    let folder = tempfile::tempdir().unwrap();
    let script = "test \"$(id -u)\" = 65534 && ! test -w / && ! test -w /build && test -w /build/source \
                  && test \"$(ls /sys/class/net)\" = lo && ! test -e /build/source/local-rag/local_rag/uncommitted.py \
                  && printf '%s %s %s' \"$BUILD_VERSION\" \"$BUILD_TIMESTAMP\" \"$CFLAGS\" > said";
    let mut project = api();
    if let Builder::Staged(staged) = &mut project.builder {
        staged.build = vec![words(&["sh", "-ec", script])];
        staged.build_dependencies.clear();
        staged.files[0] = file("said", "/usr/share/api/said", None);
        staged.files.remove(1);
    }
    let amd64 = |request: &mut Request| request.architectures = vec![Architecture::Amd64];
    let record = build(&roots, &repository, folder.path(), amd64, project);
    let bytes = fs::read(&record.artifacts.packages[0].file).unwrap();
    let mut said = String::new();
    let limits = tagboat_deb::read::Limits::default();
    tagboat_deb::read::visit_deb(&bytes[..], &limits, |entry, content| {
        if entry.path == "usr/share/api/said" {
            content.read_to_string(&mut said)?;
        }
        Ok(())
    })
    .unwrap();
    assert!(
        said.starts_with(
            "1.2.0-rc.1 2026-01-01T00:00:00Z -g -O2 -ffile-prefix-map=/build/source=."
        ),
        "{said}"
    );
}
