//! A first configuration loads, explains itself, and overwrites nothing.

use std::fs;
use std::path::Path;

use super::{Facts, Plan, Request, observe, plan};
use crate::tests::support::{example, told};
use crate::value::{Branch, Maintainer, MirrorUri, Remote};
use crate::{Builder, Files, load};

fn request() -> Request {
    Request {
        debian: None,
        ubuntu: None,
        default_branch: Branch::parse("main").unwrap(),
        remote: Remote::parse("origin").unwrap(),
        maintainer: None,
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Observes, plans and writes, as the front door does.
fn initialise(root: &Path, request: &Request) -> (Facts, Plan) {
    let facts = observe(root).unwrap();
    let planned = plan(&facts, request);
    for file in &planned.files {
        assert!(!root.join(&file.path).exists(), "{} would be overwritten", file.path);
        write(root, &file.path, &file.text);
    }
    (facts, planned)
}

const NO_SECRETS: &str = "it loads
warning[config::no-secrets]: production has no secrets: there is no environments/production/secrets.enc
  help: keep secrets there, encrypted by sops
warning[config::no-secrets]: staging has no secrets: there is no environments/staging/secrets.enc
  help: keep secrets there, encrypted by sops
";

#[test]
fn an_empty_repository_gets_a_configuration_that_loads() {
    let root = tempfile::tempdir().unwrap();
    initialise(root.path(), &request());
    let files = Files::Folder(root.path().to_owned());
    assert_eq!(told(&files), NO_SECRETS);
}

#[test]
fn a_repository_without_packaging_gets_a_staged_project_named_like_its_folder() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().join("My_Tool");
    write(&root, "README.md", "hello\n");
    write(&root, "src/main.c", "int main;\n");
    let asked = Request {
        debian: Some(MirrorUri::parse("http://mirror.example/debian").unwrap()),
        ubuntu: Some(MirrorUri::parse("http://mirror.example/ubuntu?a#b:c").unwrap()),
        maintainer: Some(Maintainer::parse("Jo \"D\\oe\": # <jo@example.com>").unwrap()),
        ..request()
    };
    initialise(&root, &asked);
    let files = Files::Folder(root);
    assert_eq!(told(&files), NO_SECRETS);
    let config = load(&files).unwrap().config;
    let project = &config.projects[0];
    assert_eq!(project.name.as_str(), "my-tool");
    let Builder::Staged(staged) = &project.builder else { panic!("{project:?}") };
    assert_eq!(staged.maintainer.as_str(), "Jo \"D\\oe\": # <jo@example.com>");
    assert_eq!(staged.files[0].to.as_str(), "/usr/share/doc/my-tool/README.md");
    assert_eq!(config.mirrors.debian.as_str(), "http://mirror.example/debian");
    let ubuntu = config.mirrors.ubuntu.unwrap();
    assert_eq!(ubuntu.as_str(), "http://mirror.example/ubuntu?a#b:c");
    assert_eq!(config.validation.installation_test.test_environments.len(), 2);
}

#[test]
fn projects_are_found_by_their_packaging() {
    let root = tempfile::tempdir().unwrap();
    let control = |name: &str, on: &str| {
        format!(
            "Source: {name}\n# a comment\n\nPackage: {name}\nArchitecture: {on}\nDescription: x\n"
        )
    };
    write(root.path(), "api/debian/control", &control("api", "amd64"));
    write(root.path(), "services/rag/packaging/debian/control", &control("rag", "any"));
    write(root.path(), "node_modules/x/debian/control", &control("x", "any"));
    write(root.path(), "copy/debian/control", &control("api", "any"));
    write(root.path(), "broken/debian/control", "no colon\n");
    write(root.path(), "apps/staging/debian/control", &control("app", "any"));
    let (facts, _) = initialise(root.path(), &request());
    let found: Vec<_> = facts.projects.iter().map(|project| project.path.as_str()).collect();
    assert_eq!(found, ["api", "services/rag"]);
    let mut skipped: Vec<_> = facts.skipped.iter().map(|(path, _)| path.as_str()).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["apps/staging", "broken", "copy"]);
    let files = Files::Folder(root.path().to_owned());
    assert_eq!(told(&files), NO_SECRETS);
    assert_eq!(load(&files).unwrap().config.projects.len(), 2);
}

#[test]
fn what_is_there_is_kept() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "config/ci-cd/monitoring.yml", "logging: {level: warn}\n");
    write(root.path(), "environments/live/environment.yml", "is_production: true\n");
    let (_, first) = initialise(root.path(), &request());
    assert_eq!(first.kept, ["config/ci-cd/monitoring.yml"]);
    assert!(first.files.iter().all(|file| !file.path.starts_with("environments/")));
    let (_, second) = initialise(root.path(), &request());
    assert!(second.files.is_empty(), "{second:?}");
    let text = fs::read_to_string(root.path().join("config/ci-cd/monitoring.yml")).unwrap();
    assert_eq!(text, "logging: {level: warn}\n");
}

#[test]
fn the_example_of_the_repository_needs_nothing() {
    let facts = observe(&example()).unwrap();
    assert_eq!(facts.projects.len(), 1, "{facts:?}");
    assert!(plan(&facts, &request()).files.is_empty());
}

/// What a commented line would say is what the file would take: the examples in the comments are sound.
#[test]
fn the_commented_examples_of_a_staged_project_load_when_they_are_uncommented() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "config/my-project.service", "[Service]\n");
    let facts = Facts::default();
    for file in plan(&facts, &request()).files {
        let text = file
            .text
            .replace("    # target: apt", "    target: apt")
            .replace("    # ports:", "    ports:")
            .replace("    # health:", "    health:")
            .replace(
                "    # variables:\n    #   run_time:\n    #     - ",
                "    variables:\n      run_time:\n        - ",
            )
            .replace("    # build:\n    #   - [make]\n    build: []", "    build:\n      - [make]")
            .replace("    # test:\n    #   - [make", "    test:\n      - [make")
            .replace("    # files:\n    #   - {", "    files:\n      - {")
            .replace("    files: []\n", "")
            .replace(
                "AAAA...",
                "AAAAC3NzaC1lZDI1NTE5AAAAIFAgw1UekFaUaonKL35cQbH13cmRCs2q/nwH3rC1hJZd",
            )
            .replace("\nhosts: []\n", "\n")
            .replace("\n# hosts:", "\nhosts:")
            .replace("\n#   - name", "\n  - name");
        // Of a host's other fields the comment sign goes, and of build-config's end nothing.
        let text = match file.path.starts_with("environments/") {
            true => text.replace("\n#     ", "\n    "),
            false => text,
        };
        write(root.path(), &file.path, &text);
    }
    let files = Files::Folder(root.path().to_owned());
    assert_eq!(told(&files), NO_SECRETS);
    let config = load(&files).unwrap().config;
    assert!(config.projects[0].target.is_some() && config.projects[0].test.len() == 1);
    assert_eq!(config.environments[0].hosts.len(), 1);
}
