//! What goes wrong. In: bad configuration, broken builds, hostile trees. Out: one code each, and nothing
//! published.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tagboat_build::request::{Architectures, Parallel, Staged, StagedKind};
use tagboat_core::diagnostic::{Diagnostic, Exit, World};
use tagboat_core::ports::{Architecture, RootError, RunError};
use tagboat_core::version::Version;
use tagboat_testing::fake::exited;

use crate::scene::{
    FILES, FakeRoots, Scene, debhelper_project, file, program, staged, staged_facts,
    staged_project, words,
};

fn fact<'a>(error: &'a Diagnostic, label: &str) -> Vec<&'a str> {
    let facts = error.facts.iter().filter(|(known, _)| *known == label);
    facts.map(|(_, text)| text.as_str()).collect()
}

#[test]
fn a_mistake_in_the_list_is_named_before_anything_runs() {
    type Spoil = fn(&mut Staged);
    let spoils: [(&str, Spoil); 26] = [
        ("build::bad-path", |s| s.files[0].from = "/etc/shadow".to_owned()),
        ("build::bad-path", |s| s.files[0].from = "api/../../x".to_owned()),
        ("build::bad-path", |s| s.files[0].from = String::new()),
        ("build::bad-path", |s| s.files[0].to = "usr/bin/api".to_owned()),
        ("build::bad-path", |s| s.files[0].to = "/usr/../etc/api".to_owned()),
        ("build::bad-path", |s| s.files[0].to = "/usr//bin".to_owned()),
        ("build::bad-path", |s| s.files[0].to = "/usr/bin/".to_owned()),
        ("build::bad-path", |s| s.files[0].to = "/usr/bin/a\nb".to_owned()),
        ("build::bad-path", |s| s.files[0].mode = Some(0o10755)),
        ("build::bad-path", |s| s.files.push(file("api/Makefile", "/usr/bin/api", None))),
        ("build::bad-path", |s| {
            s.files.push(file("api/Makefile", "/usr/share/doc/api/changelog.gz", None))
        }),
        ("build::bad-path", |s| s.files.push(file("x", "/lib/systemd/system/api.service", None))),
        ("build::bad-path", |s| s.conffiles = words(&["etc/api.conf"])),
        ("build::no-copyright", |s| s.files.truncate(2)),
        ("build::no-copyright", |s| s.files[2].kind = StagedKind::Symlink),
        ("build::unknown-variable", |s| s.build[0].push("${NOBODY}".to_owned())),
        ("build::unknown-variable", |s| s.build[0].push("${BUILD_VERSION".to_owned())),
        ("build::unknown-variable", |s| s.files[0].to = "/usr/bin/${X}".to_owned()),
        ("build::no-command", |s| s.build.push(vec![])),
        ("build::bad-package", |s| s.package.name = "Api".to_owned()),
        ("build::bad-package", |s| s.package.maintainer = "Ada".to_owned()),
        ("build::bad-package", |s| s.package.synopsis = "two\nlines".to_owned()),
        ("build::bad-package", |s| s.package.depends = words(&["curl\nEssential: yes"])),
        ("build::bad-package", |s| s.build_dependencies = words(&[""])),
        ("build::bad-package", |s| s.package.section = "web\n".to_owned()),
        ("build::unknown-architecture", |s| {
            s.package.architectures = Architectures::Each(vec![Architecture::Amd64]);
        }),
    ];
    for (number, (code, spoil)) in spoils.into_iter().enumerate() {
        let scene = Scene::new();
        let mut list = staged();
        spoil(&mut list);
        let error =
            tagboat_build::plan(&staged_facts(), &scene.request(staged_project(list))).unwrap_err();
        assert_eq!((error.code, error.exit), (code, Exit::Usage), "{number}: {error:?}");
    }
}

#[test]
fn a_version_is_needed_and_never_made_up() {
    let scene = Scene::new();
    for project in [staged_project(staged()), debhelper_project()] {
        let mut request = scene.request(project);
        request.version = None;
        let error = scene.plan(&request).unwrap_err();
        assert_eq!(error.code, "build::no-version");
        assert!(!scene.path("work").exists(), "what was only planned leaves nothing behind");
    }
}

#[test]
fn a_variable_of_ours_is_not_to_be_set() {
    let scene = Scene::new();
    let mut project = staged_project(staged());
    project.variables = vec![("FEATURES".to_owned(), "all".to_owned())];
    let plan = scene.plan(&scene.request(project.clone())).unwrap();
    let variables = &plan.jobs[0].attempts[0].variables;
    assert!(variables.contains(&("FEATURES".to_owned(), "all".to_owned())));
    project.variables = vec![("VERSION".to_owned(), "9".to_owned())];
    let error = tagboat_build::plan(&staged_facts(), &scene.request(project)).unwrap_err();
    assert_eq!(error.code, "build::reserved-variable");
}

#[test]
fn packaging_and_units_that_cannot_be_used_are_named() {
    let control = "local-rag/debian/control";
    let rules = ("local-rag/debian/rules", "");
    for (files, code) in [
        (vec![("x", "")], "build::no-packaging"),
        (vec![(control, "Source: local-rag\n")], "build::bad-packaging"),
        (
            vec![(control, "Source: local-rag\nMaintainer: A <a@b.c>\n"), rules],
            "build::bad-packaging",
        ),
        (vec![(control, "nonsense\n"), rules], "build::bad-packaging"),
        (vec![(control, ""), rules], "build::bad-packaging"),
        (
            vec![
                (control, crate::scene::LOCAL_RAG_CONTROL),
                rules,
                ("local-rag/debian/changelog", "x\n"),
            ],
            "build::bad-packaging",
        ),
    ] {
        let scene = Scene::with(&files);
        let error = scene.plan(&scene.request(debhelper_project())).unwrap_err();
        assert_eq!(error.code, code, "{files:?}");
    }
    for (unit, code) in
        [("config/none.service", "build::missing-unit"), ("../x", "build::bad-path")]
    {
        let scene = Scene::new();
        let mut project = staged_project(staged());
        project.unit = Some(unit.to_owned());
        assert_eq!(scene.plan(&scene.request(project)).unwrap_err().code, code);
    }
}

#[test]
fn a_package_without_a_unit_has_no_scripts() {
    let files: Vec<_> = FILES.into_iter().filter(|(path, _)| !path.ends_with(".service")).collect();
    let scene = Scene::with(&files);
    let record =
        scene.build(&scene.request(staged_project(staged())), &FakeRoots::working()).unwrap();
    let bytes = fs::read(&record.artifacts.packages[0].file).unwrap();
    let deb = tagboat_deb::read::read_deb(
        &bytes[..],
        tagboat_deb::read::Depth::Control,
        &tagboat_deb::read::Limits::default(),
    );
    let files: Vec<String> = deb.unwrap().control_files.into_keys().collect();
    assert_eq!(files, ["control", "md5sums"]);
}

#[test]
fn a_work_folder_of_somebody_else_is_left_alone() {
    let scene = Scene::new();
    fs::create_dir(scene.path("work")).unwrap();
    fs::write(scene.path("work/precious"), "x").unwrap();
    let error = scene.plan(&scene.request(staged_project(staged()))).unwrap_err();
    assert_eq!(error.code, "build::work-folder");
    assert!(scene.path("work/precious").exists());
}

#[test]
fn a_failing_command_is_told_with_its_last_lines_and_its_log() {
    let scene = Scene::new();
    let mut request = scene.request(staged_project(staged()));
    request.architectures = vec![Architecture::Amd64];
    let roots = FakeRoots::working().on("make", |_, _| {
        Ok(exited(2, "main.c:7: error: expected ';'\nmake: *** [api] Error 1\n"))
    });
    let error = scene.build(&request, &roots).unwrap_err();
    assert_eq!((error.code, error.exit), ("build::command-failed", Exit::Outside));
    assert_eq!(error.world, World::Unchanged("no package was written".to_owned()));
    assert!(
        fact(&error, "command")[0]
            .ends_with("-- make -C api VERSION=1.2.0-rc.1 (in /build/source)")
    );
    assert_eq!(fact(&error, "ended"), ["exit status 2"]);
    assert_eq!(
        fact(&error, "printed"),
        ["main.c:7: error: expected ';'", "make: *** [api] Error 1"]
    );
    let log = fs::read_to_string(fact(&error, "log")[0]).unwrap();
    assert!(log.contains("expected ';'"));
    // What stays is there to be looked at.
    assert!(Path::new(fact(&error, "kept")[0]).join("source/api/Makefile").exists());
    assert!(!scene.path("dist").exists());
}

#[test]
fn one_failure_publishes_nothing_of_the_others() {
    for parallel in [Parallel::OneAfterAnother, Parallel::Parallel] {
        let scene = Scene::new();
        let mut request = scene.request(staged_project(staged()));
        request.parallel = parallel;
        let roots = FakeRoots::working()
            .refusing(|spec| (!spec.foreign.is_empty()).then_some(RootError::NotRoot));
        let error = scene.build(&request, &roots).unwrap_err();
        assert_eq!((error.code, error.exit), ("build::no-root", Exit::Outside));
        assert!(!scene.path("dist").exists());
    }
}

#[test]
fn a_package_that_cannot_get_its_name_is_told_with_those_that_did() {
    let scene = Scene::new();
    fs::create_dir_all(scene.path("dist/api_1.2.0~rc.1_arm64.deb")).unwrap();
    let request = scene.request(staged_project(staged()));
    let error = scene.build(&request, &FakeRoots::working()).unwrap_err();
    assert_eq!(error.code, "build::write-failed");
    let now = "api_1.2.0~rc.1_amd64.deb written, the others not".to_owned();
    assert_eq!(error.world, World::Now(now));
    let left: Vec<_> = fs::read_dir(scene.path("dist")).unwrap().collect();
    assert_eq!(left.len(), 2, "nothing half written stays: {left:?}");
}

#[test]
fn every_refusal_of_a_root_has_its_code() {
    for (refused, code, exit) in [
        (RootError::Packages("x".to_owned()), "build::root-packages", Exit::Outside),
        (RootError::Missing("mmdebstrap".to_owned()), "build::no-root", Exit::Outside),
        (RootError::Io("x".to_owned()), "build::no-root", Exit::Outside),
        (RootError::Run(RunError::Cancelled), "build::interrupted", Exit::Interrupted),
    ] {
        let scene = Scene::new();
        let roots = FakeRoots::working().refusing(move |_| Some(refused.clone()));
        let error = scene.build(&scene.request(staged_project(staged())), &roots).unwrap_err();
        assert_eq!((error.code, error.exit), (code, exit));
    }
}

#[test]
fn a_build_that_is_stopped_says_so() {
    let scene = Scene::new();
    let cancel = scene.cancel.clone();
    let roots = FakeRoots::working().on("make", move |_, _| {
        cancel.cancel();
        Err(RunError::Cancelled)
    });
    let error = scene.build(&scene.request(staged_project(staged())), &roots).unwrap_err();
    assert_eq!((error.code, error.exit), ("build::interrupted", Exit::Interrupted));
    assert!(!scene.path("dist").exists());
}

/// A build whose `make` leaves something else behind.
fn left_behind(leave: fn(&Path)) -> (Scene, Box<Diagnostic>) {
    let scene = Scene::new();
    let mut request = scene.request(staged_project(staged()));
    request.architectures = vec![Architecture::Amd64];
    let roots = FakeRoots::working().on("make", move |folder, _| {
        fs::create_dir_all(folder.join("source/api/build")).unwrap();
        leave(folder);
        Ok(exited(0, ""))
    });
    let error = scene.build(&request, &roots).unwrap_err();
    assert!(!scene.path("dist").exists());
    (scene, error)
}

#[test]
fn what_a_build_leaves_behind_is_not_trusted() {
    type Leave = fn(&Path);
    let leaves: [(&str, Leave); 8] = [
        ("build::missing-file", |_| {}),
        ("build::bad-path", |folder| fs::create_dir(folder.join("source/api/build/api")).unwrap()),
        ("build::outside-tree", |folder| {
            symlink("/etc/passwd", folder.join("source/api/build/api")).unwrap();
        }),
        ("build::outside-tree", |folder| {
            symlink("../../../../../../../../etc/passwd", folder.join("source/api/build/api"))
                .unwrap();
        }),
        ("build::outside-tree", |folder| {
            fs::remove_dir_all(folder.join("source/api/build")).unwrap();
            symlink("/etc", folder.join("source/api/build")).unwrap();
        }),
        ("build::wrong-architecture", |folder| {
            fs::write(folder.join("source/api/build/api"), program(183)).unwrap();
        }),
        ("build::wrong-architecture", |folder| {
            fs::write(folder.join("source/api/build/api"), program(40)).unwrap();
        }),
        // The stage is ours to make: one that a build made may lead anywhere.
        ("build::write-failed", |folder| {
            fs::write(folder.join("source/api/build/api"), program(62)).unwrap();
            symlink("/tmp", folder.join("stage")).unwrap();
        }),
    ];
    for (number, (code, leave)) in leaves.into_iter().enumerate() {
        let (_scene, error) = left_behind(leave);
        assert_eq!(error.code, code, "{number}: {error:?}");
    }
}

#[test]
fn a_link_in_a_commit_does_not_make_us_read_elsewhere() {
    // FakeRepository has plain files only, so the tree is made as git would export it.
    let scene = Scene::with(&[("local-rag/README", "x")]);
    struct Linked;
    impl Linked {
        fn plant(tree: &Path) {
            fs::create_dir_all(tree.join("local-rag/debian")).unwrap();
            symlink("/etc/passwd", tree.join("local-rag/debian/control")).unwrap();
        }
    }
    let repository = crate::scene::Planted { inner: &scene.repository, plant: Linked::plant };
    let request = scene.request(debhelper_project());
    let error = tagboat_build::observe(&scene.scope(), &repository, &request).unwrap_err();
    assert_eq!(error.code, "build::outside-tree");
}

#[test]
fn tools_that_answer_nonsense_are_not_believed() {
    for (name, answer) in [("dpkg-buildflags", "hello\n"), ("dpkg-shlibdeps", "hello\n")] {
        let scene = Scene::new();
        let mut request = scene.request(staged_project(staged()));
        request.architectures = vec![Architecture::Amd64];
        let roots = FakeRoots::working().on(name, move |_, _| Ok(exited(0, answer)));
        let error = scene.build(&request, &roots).unwrap_err();
        assert_eq!(error.code, "build::unreadable-answer", "{name}");
    }
}

#[test]
fn a_commit_that_git_does_not_have_is_git_s_failure() {
    let scene = Scene::new();
    let mut request = scene.request(staged_project(staged()));
    request.commit.sha = tagboat_core::commit::CommitSha::parse(&"1".repeat(40)).unwrap();
    let error = scene.plan(&request).unwrap_err();
    assert_eq!((error.code, error.exit), ("build::export-failed", Exit::Outside));
}

#[test]
fn a_version_of_many_hyphens_is_still_a_debian_version() {
    let scene = Scene::new();
    let mut request = scene.request(staged_project(staged()));
    request.version = Some(Version::parse("api/v1.2.3-a-b.0.g-1").unwrap());
    assert_eq!(scene.plan(&request).unwrap().version.as_str(), "1.2.3~a+b.0.g+1");
}
