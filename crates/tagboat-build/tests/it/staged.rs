//! Staged packages. In: a fake build. Out: packages that dpkg-deb reads, the same bytes every time.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use tagboat_build::plan;
use tagboat_build::plan::Step;
use tagboat_build::request::{Architectures, Leftovers, Parallel, StagedFile, StagedKind};
use tagboat_build::strategy::{Strategy, StrategyChoice};
use tagboat_core::ports::{Architecture, RootError};
use tagboat_testing::fake::{Told, exited};

use crate::scene::{FakeRoots, Scene, file, staged, staged_facts, staged_project, started, words};

fn dpkg_deb(arguments: &[&str], file: &Path) -> String {
    let output = Command::new("dpkg-deb")
        .args(arguments)
        .arg(file)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn dpkg_deb_reads_the_package_with_its_libraries_unit_and_scripts() {
    let scene = Scene::new();
    let request = scene.request(staged_project(staged()));
    let roots = FakeRoots::working();
    let record = scene.build(&request, &roots).unwrap();

    let names: Vec<&str> = record.artifacts.packages.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["api_1.2.0~rc.1_amd64.deb", "api_1.2.0~rc.1_arm64.deb"]);
    let amd64 = scene.path("dist/api_1.2.0~rc.1_amd64.deb");
    assert_eq!(fs::metadata(&amd64).unwrap().permissions().mode() & 0o777, 0o644);
    insta::assert_snapshot!(dpkg_deb(&["--field"], &amd64), @"
    Package: api
    Version: 1.2.0~rc.1
    Architecture: amd64
    Maintainer: Ada Example <ada@example.org>
    Installed-Size: 20
    Depends: libc6 (>= 2.34), libsqlite3-0 (>= 3.5.9), curl
    Provides: notes
    Section: web
    Priority: optional
    Homepage: https://example.org/api
    Description: notes over HTTP
     Keeps notes.
     .
     And serves them.
    ");
    insta::assert_snapshot!(dpkg_deb(&["--contents"], &amd64), @"
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./lib/
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./lib/systemd/
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./lib/systemd/system/
    -rw-r--r-- root/root        93 2026-11-20 14:03 ./lib/systemd/system/api.service
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./usr/
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./usr/bin/
    -rwxr-xr-x root/root      5020 2026-11-20 14:03 ./usr/bin/api
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./usr/share/
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./usr/share/doc/
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./usr/share/doc/api/
    -rw-r--r-- root/root       144 2026-11-20 14:03 ./usr/share/doc/api/changelog.gz
    -rw-r--r-- root/root       127 2026-11-20 14:03 ./usr/share/doc/api/copyright
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./usr/share/man/
    drwxr-xr-x root/root         0 2026-11-20 14:03 ./usr/share/man/man1/
    -rw-r--r-- root/root        30 2026-11-20 14:03 ./usr/share/man/man1/api.1.gz
    ");
    let info = dpkg_deb(&["--info"], &amd64);
    for name in ["postinst", "prerm", "postrm", "md5sums"] {
        assert!(info.contains(name), "{name} is missing in {info}");
    }
    assert!(!info.contains("conffiles"));

    let out = scene.path("x");
    let output = Command::new("dpkg-deb").arg("--extract").arg(&amd64).arg(&out).output().unwrap();
    assert!(output.status.success());
    let zcat = |name: &str| {
        let output = Command::new("gzip").args(["-dc"]).arg(out.join(name)).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(zcat("usr/share/man/man1/api.1.gz"), ".TH API 1\n");
    insta::assert_snapshot!(zcat("usr/share/doc/api/changelog.gz"), @"
    api (1.2.0~rc.1) bookworm; urgency=medium

      * feat: answer questions

     -- Ada Example <ada@example.org>  Fri, 20 Nov 2026 14:03:09 +0000
    ");
}

#[test]
fn the_record_has_the_public_fields() {
    let scene = Scene::new();
    let request = scene.request(staged_project(staged()));
    let record = scene.build(&request, &FakeRoots::working()).unwrap();
    let text = serde_json::to_string_pretty(&record).unwrap();
    let folder = scene.folder.path().to_str().unwrap();
    let text = record.artifacts.packages.iter().fold(text, |text, artifact| {
        let real = fs::read(&artifact.file).unwrap();
        assert_eq!(artifact.size_bytes, real.len() as u64);
        let digests = tagboat_deb::Digests::of(&real[..]).unwrap();
        assert_eq!(artifact.checksum_sha256, digests.sha256.to_string());
        assert!(artifact.log.is_file());
        text.replace(&artifact.checksum_sha256, "SHA256")
            .replace(&format!(": {},", artifact.size_bytes), ": SIZE,")
    });
    let text = text.replace(folder, "FOLDER").replace(scene.commit.sha.as_str(), "COMMIT");
    insta::assert_snapshot!(text, @r#"
    {
      "package": {
        "name": "api",
        "version": "1.2.0~rc.1",
        "architecture": [
          "amd64",
          "arm64"
        ],
        "description": "notes over HTTP",
        "dependencies": [
          "libc6 (>= 2.34)",
          "libsqlite3-0 (>= 3.5.9)",
          "curl"
        ],
        "conflicts": [],
        "provides": [
          "notes"
        ]
      },
      "build_info": {
        "timestamp": "2026-01-01T00:00:00Z",
        "commit_sha": "COMMIT",
        "branch": "main",
        "builder": "test",
        "cross_compiled": true
      },
      "artifacts": {
        "packages": [
          {
            "name": "api_1.2.0~rc.1_amd64.deb",
            "file": "FOLDER/dist/api_1.2.0~rc.1_amd64.deb",
            "package": "api",
            "version": "1.2.0~rc.1",
            "architecture": "amd64",
            "size_bytes": SIZE,
            "checksum_sha256": "SHA256",
            "build_time_seconds": 0,
            "cross_compiled": false,
            "strategy": "native",
            "log": "FOLDER/logs/api_1.2.0~rc.1_amd64.log"
          },
          {
            "name": "api_1.2.0~rc.1_arm64.deb",
            "file": "FOLDER/dist/api_1.2.0~rc.1_arm64.deb",
            "package": "api",
            "version": "1.2.0~rc.1",
            "architecture": "arm64",
            "size_bytes": SIZE,
            "checksum_sha256": "SHA256",
            "build_time_seconds": 0,
            "cross_compiled": true,
            "strategy": "cross",
            "log": "FOLDER/logs/api_1.2.0~rc.1_arm64.log"
          }
        ]
      }
    }
    "#);
    assert_eq!(
        serde_json::from_str::<tagboat_build::Record>(&serde_json::to_string(&record).unwrap())
            .unwrap(),
        record
    );
}

#[test]
fn what_runs_is_what_was_planned_without_a_network_and_not_as_root() {
    let scene = Scene::new();
    let request = scene.request(staged_project(staged()));
    let roots = FakeRoots::working();
    let plan = scene.plan(&request).unwrap();
    let planned = plan.clone();
    scene.apply(plan, &roots).unwrap();
    for job in &planned.jobs {
        let attempt = &job.attempts[0];
        let mut expected = Vec::new();
        for step in &attempt.steps {
            match step {
                Step::Run { command, .. } | Step::ReadFlags { command } => {
                    expected.push(command.clone())
                }
                Step::Strip { command } | Step::FindLibraries { command } => {
                    expected.push(command.clone().arg("debian/api/usr/bin/api"));
                }
                Step::Export | Step::Stage { .. } | Step::Pack(_) | Step::Collect { .. } => {}
            }
        }
        let asked = roots.asked(&format!("{}-{}", job.label, attempt.strategy));
        assert_eq!(asked.len(), expected.len());
        for (asked, expected) in asked.iter().zip(&expected) {
            assert_eq!((&asked.program, &asked.args), (&expected.program, &expected.args));
            assert_eq!((&asked.folder, asked.timeout), (&expected.folder, expected.timeout));
            assert!(attempt.variables.iter().all(|variable| asked.env.contains(variable)));
            assert!(
                asked.program == "setpriv" || ["chmod", "chown"].contains(&started(asked)),
                "{asked}"
            );
        }
    }
    assert!(roots.always_alone());
    let make = roots.asked("amd64-native").into_iter().find(|c| started(c) == "make").unwrap();
    assert!(make.env.contains(&("CFLAGS".to_owned(), "-O2 -g".to_owned())));
    assert!(make.args.contains(&"VERSION=1.2.0-rc.1".to_owned()));
}

#[test]
fn the_bytes_depend_on_the_commit_alone() {
    let bytes = |parallel, strategy, reversed: bool, umask: u32| {
        let scene = Scene::new();
        let mut list = staged();
        if reversed {
            list.files.reverse();
        }
        let mut request = scene.request(staged_project(list));
        request.parallel = parallel;
        request.strategy = strategy;
        let roots = FakeRoots::working().on("chown", move |folder, _| {
            // What another umask, another day and a hasty checkout leave behind.
            for name in ["source/api/api.1", "source/api/copyright"] {
                let path = folder.join(name);
                fs::set_permissions(&path, fs::Permissions::from_mode(0o666 & !umask)).unwrap();
                let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(umask));
                fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
            }
            Ok(exited(0, ""))
        });
        let record = scene.build(&request, &roots).unwrap();
        let read = |artifact: &tagboat_build::record::Artifact| fs::read(&artifact.file).unwrap();
        record.artifacts.packages.iter().map(read).collect::<Vec<_>>()
    };
    let first = bytes(Parallel::OneAfterAnother, StrategyChoice::Auto, false, 0o022);
    assert_eq!(first.len(), 2);
    assert!(first == bytes(Parallel::Parallel, StrategyChoice::Auto, true, 0o007));
    assert!(first == bytes(Parallel::OneAfterAnother, StrategyChoice::Auto, true, 0o077));
}

#[test]
fn side_by_side_builds_never_meet() {
    let scene = Scene::new();
    let mut request = scene.request(staged_project(staged()));
    request.parallel = Parallel::Parallel;
    // Each waits until the other is at the same point: were they not side by side, neither would come further.
    let barrier = std::sync::Arc::new(std::sync::Barrier::new(2));
    let roots = FakeRoots::working().on("dpkg-buildflags", move |folder, _| {
        barrier.wait();
        fs::write(folder.join("source/mine"), folder.to_str().unwrap()).unwrap();
        barrier.wait();
        let mine = fs::read_to_string(folder.join("source/mine")).unwrap();
        assert_eq!(mine, folder.to_str().unwrap());
        Ok(exited(0, "CFLAGS=-O2\n"))
    });
    assert_eq!(scene.build(&request, &roots).unwrap().artifacts.packages.len(), 2);
}

#[test]
fn a_package_for_all_is_built_once_and_holds_no_program() {
    let scene = Scene::new();
    let mut list = staged();
    list.package.architectures = Architectures::All;
    list.build.clear();
    list.files.remove(0);
    let request = scene.request(staged_project(list.clone()));
    let record = scene.build(&request, &FakeRoots::working()).unwrap();
    let [artifact] = &record.artifacts.packages[..] else { panic!("{record:?}") };
    assert_eq!(artifact.name, "api_1.2.0~rc.1_all.deb");
    assert!(dpkg_deb(&["--field"], &artifact.file).contains("Depends: curl\n"));

    let scene = Scene::new();
    list.build = staged().build;
    list.files.insert(0, staged().files.remove(0));
    let error =
        scene.build(&scene.request(staged_project(list)), &FakeRoots::working()).unwrap_err();
    assert_eq!(error.code, "build::wrong-architecture");
}

#[test]
fn trees_links_folders_conffiles_and_modes_are_as_listed() {
    let scene = Scene::new();
    let mut list = staged();
    let mut entry = |from: &str, to: &str, mode, kind| {
        list.files.push(StagedFile { from: from.to_owned(), to: to.to_owned(), mode, kind });
    };
    entry("api/assets", "/usr/share/api/assets", None, StagedKind::Tree);
    entry("api", "/usr/bin/api-notes", None, StagedKind::Symlink);
    entry("", "/var/lib/api", Some(0o750), StagedKind::Directory);
    entry("api/Makefile", "/etc/api/notes.conf", Some(0o640), StagedKind::File);
    entry("api/Makefile", "/usr/share/api/limits.conf", None, StagedKind::File);
    list.conffiles = words(&["/usr/share/api/limits.conf"]);
    let mut request = scene.request(staged_project(list));
    request.architectures = vec![Architecture::Amd64];
    let roots = FakeRoots::working().on("chown", |folder, command| {
        if command.args.iter().any(|arg| arg.ends_with("home")) {
            let assets = folder.join("source/api/assets/inner");
            fs::create_dir_all(&assets).unwrap();
            fs::write(assets.join("run"), "#!/bin/sh\n").unwrap();
            fs::set_permissions(assets.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
            fs::write(assets.join("text"), "x").unwrap();
            symlink("inner/text", folder.join("source/api/assets/link")).unwrap();
        }
        Ok(exited(0, ""))
    });
    let record = scene.build(&request, &roots).unwrap();
    let listing = dpkg_deb(&["--contents"], &record.artifacts.packages[0].file);
    for wanted in [
        "drwxr-xr-x root/root         0 2026-11-20 14:03 ./usr/share/api/assets/inner/",
        "-rwxr-xr-x root/root        10 2026-11-20 14:03 ./usr/share/api/assets/inner/run",
        "-rw-r--r-- root/root         1 2026-11-20 14:03 ./usr/share/api/assets/inner/text",
        "lrwxrwxrwx root/root         0 2026-11-20 14:03 ./usr/share/api/assets/link -> inner/text",
        "lrwxrwxrwx root/root         0 2026-11-20 14:03 ./usr/bin/api-notes -> api",
        "drwxr-x--- root/root         0 2026-11-20 14:03 ./var/lib/api/",
        "-rw-r----- root/root         5 2026-11-20 14:03 ./etc/api/notes.conf",
    ] {
        assert!(listing.contains(wanted), "{wanted} is not in\n{listing}");
    }
    let conffiles = dpkg_deb(&["--info"], &record.artifacts.packages[0].file);
    assert!(conffiles.contains("conffiles"), "{conffiles}");
    let output = Command::new("dpkg-deb")
        .args(["--ctrl-tarfile"])
        .arg(&record.artifacts.packages[0].file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("/etc/api/notes.conf\n/usr/share/api/limits.conf\n"));
}

#[test]
fn auto_falls_back_to_emulation_and_says_so() {
    for broken in ["root", "make", "architecture"] {
        let scene = Scene::new();
        let mut request = scene.request(staged_project(staged()));
        request.architectures = vec![Architecture::Arm64];
        let roots = match broken {
            "root" => FakeRoots::working().refusing(|spec| {
                (!spec.foreign.is_empty()).then(|| RootError::Packages("unmet".to_owned()))
            }),
            "make" => FakeRoots::working().on("make", |folder, command| {
                if folder.ends_with("arm64-cross") {
                    return Ok(exited(2, "cannot run test program while cross compiling\n"));
                }
                assert!(command.env.iter().all(|(name, _)| name != "CC"));
                fs::create_dir_all(folder.join("source/api/build")).unwrap();
                fs::write(folder.join("source/api/build/api"), crate::scene::program(183)).unwrap();
                Ok(exited(0, ""))
            }),
            _ => FakeRoots::working().on("make", |folder, _| {
                // A Makefile that ignores CC.
                let machine = if folder.ends_with("arm64-cross") { 62 } else { 183 };
                fs::create_dir_all(folder.join("source/api/build")).unwrap();
                fs::write(folder.join("source/api/build/api"), crate::scene::program(machine))
                    .unwrap();
                Ok(exited(0, ""))
            }),
        };
        let record = scene.build(&request, &roots).unwrap();
        let artifact = &record.artifacts.packages[0];
        assert_eq!((artifact.strategy, artifact.cross_compiled), (Strategy::Emulated, false));
        let said = scene.told.all().iter().any(|(_, told)| {
            matches!(told, Told::Note(note) if note.contains("cross build failed") && note.contains("emulated"))
        });
        assert!(said, "{broken}: {:?}", scene.told.all());

        let scene = Scene::new();
        let mut request = scene.request(staged_project(staged()));
        request.architectures = vec![Architecture::Arm64];
        request.strategy = StrategyChoice::Only(Strategy::Cross);
        assert!(scene.build(&request, &roots).is_err(), "{broken}");
    }
}

#[test]
fn leftovers_go_when_all_is_well_unless_asked_for() {
    for leftovers in [Leftovers::RemoveOnSuccess, Leftovers::Keep] {
        let scene = Scene::new();
        let mut request = scene.request(staged_project(staged()));
        request.leftovers = leftovers;
        scene.build(&request, &FakeRoots::working()).unwrap();
        let left = fs::read_dir(scene.path("work")).map(Iterator::count).ok();
        assert_eq!(left, (leftovers == Leftovers::Keep).then_some(2));
    }
}

#[test]
fn the_log_holds_what_was_run_and_what_it_printed() {
    let scene = Scene::new();
    let mut request = scene.request(staged_project(staged()));
    request.architectures = vec![Architecture::Amd64];
    scene.build(&request, &FakeRoots::working()).unwrap();
    let log = fs::read_to_string(scene.path("logs/api_1.2.0~rc.1_amd64.log")).unwrap();
    assert!(log.starts_with("api 1.2.0~rc.1 for amd64 from commit "), "{log}");
    assert!(
        log.contains("-- make -C api VERSION=1.2.0-rc.1 (in /build/source)\ncc -o build/api\n"),
        "{log}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever stands in the list, nothing outside the tree is read and nothing outside the package is named.
    #[test]
    fn no_path_of_the_list_leads_out(from in "(\\.\\./|/|\\./|a|b/|\u{0}){1,5}", to in "(/|\\.\\.|\\.|x|\n){1,5}") {
        let scene = Scene::new();
        let mut list = staged();
        list.files.push(file(&from, &to, None));
        let request = scene.request(staged_project(list));
        if let Ok(plan) = plan(&staged_facts(), &request) {
            for step in &plan.jobs[0].attempts[0].steps {
                if let Step::Stage { files, .. } = step {
                    for file in files {
                        prop_assert!(!file.from.starts_with('/') && !file.from.split('/').any(|p| p == ".."));
                        prop_assert!(file.to.split('/').all(|p| !["", ".", ".."].contains(&p)));
                    }
                }
            }
        }
    }
}
