//! Debhelper projects. In: packaging as projects keep it. Out: what dpkg-buildpackage is given, and what is taken
//! from it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command as Program;

use tagboat_build::observe::PackagingPlace;
use tagboat_build::plan::Step;
use tagboat_build::strategy::{Strategy, StrategyChoice};
use tagboat_core::command::{Command, Input};
use tagboat_core::ports::Architecture;
use tagboat_core::version::{ProjectPath, Version};
use tagboat_testing::fake::exited;

use crate::scene::{FILES, FakeRoots, LOCAL_RAG_CONTROL, Scene, debhelper_project, started};

fn commands(steps: &[Step]) -> Vec<&Command> {
    let mut commands = Vec::new();
    for step in steps {
        if let Step::Run { command, .. } = step {
            commands.push(command);
        }
    }
    commands
}

/// What is written to a file whose name ends so.
fn written(steps: &[Step], name: &str) -> Option<String> {
    let writes = |command: &&Command| command.args.last().is_some_and(|arg| arg.ends_with(name));
    match &commands(steps).into_iter().find(writes)?.input {
        Input::Bytes(bytes) => Some(String::from_utf8(bytes.clone()).unwrap()),
        _ => None,
    }
}

/// dpkg-buildpackage as far as its result goes: real packages, made by the real dpkg-deb.
fn build_package(folder: &Path, packages: &[(&str, &str)]) {
    let mut list = String::new();
    for (name, architecture) in packages {
        let tree = folder.join("made").join(name);
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        // dpkg-deb takes no other, whatever the umask is.
        fs::set_permissions(tree.join("DEBIAN"), fs::Permissions::from_mode(0o755)).unwrap();
        let control = format!(
            "Package: {name}\nVersion: 1.2.0~rc.1\nArchitecture: {architecture}\nMaintainer: Ada <ada@example.org>\nDepends: python3\nDescription: search\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        let file = format!("{name}_1.2.0~rc.1_{architecture}.deb");
        let made = Program::new("dpkg-deb")
            .args(["--root-owner-group", "--build"])
            .arg(&tree)
            .arg(folder.join("source").join(&file))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        list.push_str(&format!("{file} web optional\n"));
    }
    list.push_str("local-rag_1.2.0~rc.1_amd64.buildinfo web optional\n");
    fs::create_dir_all(folder.join("source/local-rag/debian")).unwrap();
    fs::write(folder.join("source/local-rag/debian/files"), list).unwrap();
}

fn working() -> FakeRoots {
    let mut roots = FakeRoots::default();
    for name in ["chmod", "cp", "install", "chown"] {
        roots = roots.on(name, |_, _| Ok(exited(0, "")));
    }
    roots
}

#[test]
fn every_package_of_the_build_is_taken() {
    let scene = Scene::new();
    let roots = working().on("dpkg-buildpackage", |folder, _| {
        let target = if folder.ends_with("arm64-cross") { "arm64" } else { "amd64" };
        build_package(folder, &[("local-rag", target), ("local-rag-extra", target)]);
        Ok(exited(0, ""))
    });
    let record = scene.build(&scene.request(debhelper_project()), &roots).unwrap();
    let names: Vec<&str> = record.artifacts.packages.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "local-rag-extra_1.2.0~rc.1_amd64.deb",
            "local-rag-extra_1.2.0~rc.1_arm64.deb",
            "local-rag_1.2.0~rc.1_amd64.deb",
            "local-rag_1.2.0~rc.1_arm64.deb"
        ]
    );
    assert_eq!(record.package.architecture, ["amd64", "arm64"]);
    assert_eq!(record.package.dependencies, ["python3"]);
    assert!(record.build_info.cross_compiled);
    assert!(roots.always_alone());
}

#[test]
fn a_build_that_leaves_no_usable_package_is_no_success() {
    type Leave = fn(&Path);
    let leaves: [(&str, Leave); 5] = [
        ("nothing", |_| {}),
        ("an empty list", |folder| build_package(folder, &[])),
        ("another architecture", |folder| build_package(folder, &[("local-rag", "riscv64")])),
        ("a name that climbs", |folder| {
            build_package(folder, &[]);
            fs::write(folder.join("source/local-rag/debian/files"), "../../../x.deb a b\n")
                .unwrap();
        }),
        ("no package", |folder| {
            build_package(folder, &[]);
            fs::write(folder.join("source/local-rag/debian/files"), "x.deb a b\n").unwrap();
            fs::write(folder.join("source/x.deb"), "hello").unwrap();
        }),
    ];
    for (what, leave) in leaves {
        let scene = Scene::new();
        let roots = working().on("dpkg-buildpackage", move |folder, _| {
            leave(folder);
            Ok(exited(0, ""))
        });
        let error = scene.build(&scene.request(debhelper_project()), &roots).unwrap_err();
        assert_eq!(error.code, "build::no-package", "{what}: {error:?}");
        assert!(!scene.path("dist").exists(), "{what}");
    }
}

#[test]
fn a_cross_build_runs_no_tests_and_says_so() {
    let scene = Scene::new();
    let plan = scene.plan(&scene.request(debhelper_project())).unwrap();
    for (job, options, argument) in [
        (&plan.jobs[0], "noautodbgsym", None),
        (&plan.jobs[1], "noautodbgsym nocheck", Some("--host-arch=arm64")),
    ] {
        let attempt = &job.attempts[0];
        let build = *commands(&attempt.steps).last().unwrap();
        assert_eq!(started(build), "dpkg-buildpackage");
        assert!(build.env.contains(&("DEB_BUILD_OPTIONS".to_owned(), options.to_owned())));
        let host = build.args.iter().find(|arg| arg.starts_with("--host-arch"));
        assert_eq!(host.map(String::as_str), argument);
        let aloud = attempt.notes.iter().any(|note| note.contains("tests do not run"));
        assert_eq!(aloud, attempt.strategy == Strategy::Cross);
    }
}

#[test]
fn what_is_for_all_architectures_is_built_once_natively() {
    let several =
        format!("{LOCAL_RAG_CONTROL}\nPackage: local-rag-doc\nArchitecture: all\nDescription: x\n");
    let only_all = LOCAL_RAG_CONTROL.replace("Architecture: any", "Architecture: all");
    for (control, expected) in [
        (several, vec!["amd64 --build=binary", "arm64 --build=any"]),
        (only_all, vec!["all --build=all"]),
        (LOCAL_RAG_CONTROL.to_owned(), vec!["amd64 --build=binary", "arm64 --build=binary"]),
    ] {
        let files =
            [("local-rag/debian/control", control.as_str()), ("local-rag/debian/rules", "")];
        let scene = Scene::with(&files);
        let mut request = scene.request(debhelper_project());
        request.architectures.reverse();
        let plan = scene.plan(&request).unwrap();
        let mut jobs: Vec<String> = plan
            .jobs
            .iter()
            .map(|job| {
                let steps = &job.attempts[0].steps;
                let build = *commands(steps).last().unwrap();
                let part = build.args.iter().find(|arg| arg.starts_with("--build=")).unwrap();
                format!("{} {part}", job.label)
            })
            .collect();
        jobs.sort();
        assert_eq!(jobs, expected);
    }
}

#[test]
fn an_architecture_that_the_packaging_excludes_is_refused() {
    let control = LOCAL_RAG_CONTROL.replace("Architecture: any", "Architecture: amd64 i386");
    let files = [("local-rag/debian/control", control.as_str()), ("local-rag/debian/rules", "")];
    let scene = Scene::with(&files);
    let error = scene.plan(&scene.request(debhelper_project())).unwrap_err();
    assert_eq!(error.code, "build::unknown-architecture");
}

#[test]
fn packaging_that_is_in_place_is_not_copied_and_its_unit_stays() {
    let files = [
        ("local-rag/debian/control", LOCAL_RAG_CONTROL),
        ("local-rag/debian/rules", ""),
        ("local-rag/debian/local-rag.service", "[Service]\n"),
        ("local-rag/packaging/debian/control", "Source: other\n"),
        ("config/local-rag.service", "[Service]\nExecStart=/other\n"),
    ];
    let scene = Scene::with(&files);
    let request = scene.request(debhelper_project());
    let facts = scene.observe(&request).unwrap();
    assert_eq!(facts.packaging.as_ref().unwrap().place, PackagingPlace::Debian);
    let plan = tagboat_build::plan(&facts, &request).unwrap();
    let steps = &plan.jobs[0].attempts[0].steps;
    assert!(commands(steps).iter().all(|command| command.program != "cp"));
    assert_eq!(written(steps, ".service"), None);
}

#[test]
fn a_root_project_is_built_in_the_source_folder_itself() {
    let files = [("packaging/debian/control", LOCAL_RAG_CONTROL), ("packaging/debian/rules", "")];
    let scene = Scene::with(&files);
    let mut project = debhelper_project();
    project.path = ProjectPath::root();
    let mut request = scene.request(debhelper_project());
    request.project = project;
    request.version = Some(Version::parse("v1.2.0").unwrap());
    let plan = scene.plan(&request).unwrap();
    let steps = &plan.jobs[0].attempts[0].steps;
    let build = *commands(steps).last().unwrap();
    assert_eq!(build.folder.as_deref(), Some(Path::new("/build/source")));
    assert!(matches!(steps.last(), Some(Step::Collect { project }) if project == "source"));
    assert!(written(steps, "/build/source/debian/changelog").is_some());
}

#[test]
fn packaging_that_needs_root_gets_it_and_that_is_said() {
    let control = LOCAL_RAG_CONTROL.replace("Rules-Requires-Root: no\n", "");
    let files = [("local-rag/debian/control", control.as_str()), ("local-rag/debian/rules", "")];
    let scene = Scene::with(&files);
    let plan = scene.plan(&scene.request(debhelper_project())).unwrap();
    let attempt = &plan.jobs[0].attempts[0];
    assert_eq!(commands(&attempt.steps).last().unwrap().program, "dpkg-buildpackage");
    assert!(attempt.notes.iter().any(|note| note.contains("runs as root")));
}

/// The version and the changelog that a project with `changelog` gets from `tag`.
fn changelog(existing: Option<&str>, tag: Option<&str>) -> (String, Option<String>, Vec<String>) {
    let mut files =
        vec![("local-rag/debian/control", LOCAL_RAG_CONTROL), ("local-rag/debian/rules", "")];
    files.extend(existing.map(|text| ("local-rag/debian/changelog", text)));
    let scene = Scene::with(&files);
    let mut request = scene.request(debhelper_project());
    request.version = tag.map(|tag| Version::parse(&format!("local-rag/{tag}")).unwrap());
    request.architectures = vec![Architecture::Amd64];
    let plan = scene.plan(&request).unwrap();
    let text = written(&plan.jobs[0].attempts[0].steps, "debian/changelog");
    (plan.version.to_string(), text, plan.notes)
}

const OLD: &str = "local-rag (1:1.1.0-2) unstable; urgency=low\n\n  * Old.\n\n -- Ada <ada@example.org>  Sat, 01 Nov 2025 09:16:14 +0000\n";

#[test]
fn a_tag_becomes_an_entry_on_top_that_dpkg_parsechangelog_reads() {
    let (version, text, notes) = changelog(Some(OLD), Some("v1.2.0-rc.1"));
    // An epoch stays for ever.
    assert_eq!(version, "1:1.2.0~rc.1");
    assert!(notes.is_empty());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text.unwrap()).unwrap();
    let output = Program::new("dpkg-parsechangelog")
        .arg("--all")
        .arg("-l")
        .arg(file.path())
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @"
    Source: local-rag
    Version: 1:1.2.0~rc.1
    Distribution: bookworm
    Urgency: medium
    Maintainer: Ada Example <ada@example.org>
    Timestamp: 1795183389
    Date: Fri, 20 Nov 2026 14:03:09 +0000
    Changes:
     local-rag (1:1.2.0~rc.1) bookworm; urgency=medium
     .
       * feat: answer questions
     .
     local-rag (1:1.1.0-2) unstable; urgency=low
     .
       * Old.
    ");
}

#[test]
fn a_changelog_that_says_the_version_is_kept_untouched() {
    assert_eq!(changelog(Some(OLD), None), ("1:1.1.0-2".to_owned(), None, vec![]));
    assert_eq!(changelog(Some(OLD), Some("v1.1.0")), ("1:1.1.0-2".to_owned(), None, vec![]));
}

#[test]
fn a_version_that_the_changelog_says_is_dated_by_the_changelog_whatever_the_commit() {
    let control = ("local-rag/debian/control", LOCAL_RAG_CONTROL);
    let files = [control, ("local-rag/debian/rules", ""), ("local-rag/debian/changelog", OLD)];
    let scene = Scene::with(&files);
    for (tag, epoch) in [
        (None, "1761988574"),
        (Some("local-rag/v1.1.0"), "1761988574"),
        // An entry of our own is dated by its commit.
        (Some("local-rag/v1.2.0"), "1795183389"),
    ] {
        let mut request = scene.request(debhelper_project());
        request.version = tag.map(|tag| Version::parse(tag).unwrap());
        let plan = scene.plan(&request).unwrap();
        for attempt in plan.jobs.iter().flat_map(|job| &job.attempts) {
            let set: Vec<&str> = attempt
                .variables
                .iter()
                .filter(|(name, _)| name == "SOURCE_DATE_EPOCH")
                .map(|(_, value)| value.as_str())
                .collect();
            assert_eq!(set, [epoch]);
            let date = format!("--date=@{epoch}");
            let touched = commands(&attempt.steps).iter().any(|it| it.args.contains(&date));
            assert_eq!(touched, epoch == "1761988574", "what git exports has the commit's time");
        }
    }
}

#[test]
fn a_day_that_is_no_day_dates_nothing_and_a_wrong_weekday_is_forgiven() {
    let plan = |date: &str| {
        let changelog = OLD.replace("Sat, 01 Nov 2025", date);
        let control = ("local-rag/debian/control", LOCAL_RAG_CONTROL);
        let rules = ("local-rag/debian/rules", "");
        let scene =
            Scene::with(&[control, rules, ("local-rag/debian/changelog", changelog.as_str())]);
        let mut request = scene.request(debhelper_project());
        request.version = None;
        scene.plan(&request).map_err(|error| error.code)
    };
    assert!(plan("Mon, 1 Nov 2025").is_ok());
    assert_eq!(plan("Sat, 31 Feb 2025").unwrap_err(), "build::bad-packaging");
}

#[test]
fn a_tag_below_the_changelog_is_said_aloud() {
    let (version, text, notes) = changelog(Some(OLD), Some("v1.0.0"));
    assert_eq!(version, "1:1.0.0");
    assert!(text.is_some());
    assert!(notes[0].contains("below 1:1.1.0-2"), "{notes:?}");
}

#[test]
fn a_commit_s_subject_cannot_forge_the_changelog() {
    let scene = Scene::with(&FILES);
    let mut request = scene.request(debhelper_project());
    request.commit.subject = format!(
        "x\n -- Eve <eve@example.org>  Sat, 21 Nov 2026 09:16:14 +0000\n\nevil (9) x; urgency=low \u{1b}[31m {}",
        "word ".repeat(40)
    );
    let plan = scene.plan(&request).unwrap();
    let text = written(&plan.jobs[0].attempts[0].steps, "debian/changelog").unwrap();
    let head = tagboat_deb::changelog::parse_first_entry(text.as_bytes()).unwrap();
    assert_eq!(
        (head.version.as_str(), head.maintainer.as_str()),
        ("1.2.0~rc.1", "Ada Example <ada@example.org>")
    );
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert_eq!(text.matches("\n -- ").count(), 1);

    request.commit.subject = "\t\n".to_owned();
    let plan = scene.plan(&request).unwrap();
    let text = written(&plan.jobs[0].attempts[0].steps, "debian/changelog").unwrap();
    assert!(text.contains("\n  * Release v1.2.0-rc.1\n"), "{text}");
}

#[test]
fn a_forced_strategy_holds_for_packages_of_an_architecture() {
    let scene = Scene::new();
    let mut request = scene.request(debhelper_project());
    request.strategy = StrategyChoice::Only(Strategy::Emulated);
    assert_eq!(scene.plan(&request).unwrap_err().code, "build::no-strategy");
    request.architectures = vec![Architecture::Arm64];
    let plan = scene.plan(&request).unwrap();
    assert_eq!(plan.jobs[0].attempts[0].root.architecture, Architecture::Arm64);
}
