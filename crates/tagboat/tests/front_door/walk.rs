//! A stranger's first hour: init, check, an edit, a tag, a build's plan; and what programs read of every verb.

use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::two_projects;
use crate::user::{Seen, tagboat, tagboat_in};

/// The one JSON document that standard output must be.
fn document(seen: &Seen) -> serde_json::Value {
    let all: Result<Vec<serde_json::Value>, _> =
        serde_json::Deserializer::from_str(&seen.stdout).into_iter().collect();
    assert!(all.as_ref().is_ok_and(|all| all.len() == 1), "{all:?}: {}", seen.all());
    all.unwrap().remove(0)
}

/// Exchanges a part of a file that `init` wrote.
fn edit(repo: &Monorepo, path: &str, before: &str, after: &str) {
    let text = std::fs::read_to_string(repo.work().join(path)).unwrap();
    assert!(text.contains(before), "{path} has no {before:?}:\n{text}");
    repo.write(path, text.replace(before, after));
}

#[test]
fn a_stranger_goes_from_init_to_the_plan_of_a_build() {
    let repo = Monorepo::new();
    let init = tagboat(&repo, &["init"]);
    assert_eq!((init.status, init.stderr.as_str()), (0, ""), "{}", init.all());
    let check = tagboat(&repo, &["check"]);
    assert_eq!(check.status, 0, "{}", check.all());
    assert!(!check.stderr.contains("error["), "{}", check.stderr);
    for line in check.stderr.lines().filter(|line| line.starts_with("warning")) {
        assert!(line.starts_with("warning[config::no-secrets]: "), "{line}");
    }
    let untagged = tagboat(&repo, &["build", "--dry-run"]);
    assert_eq!(untagged.status, 2);
    assert!(untagged.stderr.starts_with("error[git::no-commit]: "), "{}", untagged.stderr);

    let files = "files:\n      - {from: hello, to: /usr/bin/hello, mode: \"0755\"}\n      \
                 - {from: LICENSE, to: /usr/share/doc/work/copyright}";
    edit(&repo, "config/ci-cd/build-config.yml", "files: []", files);
    repo.write("hello", "#!/bin/sh\necho hello\n");
    repo.write("LICENSE", "MIT\n");
    repo.commit("feat: begin");
    let untagged = tagboat(&repo, &["build", "--dry-run"]);
    assert!(untagged.stdout.starts_with("build work 0.1.0~0."), "{}", untagged.all());
    let untagged = tagboat(&repo, &["validate", "--dry-run"]);
    assert_eq!(untagged.status, 2);
    assert!(untagged.stderr.starts_with("error[build::no-version]: "), "{}", untagged.stderr);
    assert!(untagged.stderr.contains("`tagboat version tag .`"), "{}", untagged.stderr);

    repo.tag("v0.1.0", "v0.1.0");
    for what in [&["build"][..], &["build", "."], &["build", "v0.1.0"]] {
        let plan = tagboat(&repo, &[what, &["--dry-run"]].concat());
        assert_eq!(plan.status, 0, "{what:?}: {}", plan.all());
        assert!(plan.stdout.starts_with("build work 0.1.0 from "), "{}", plan.stdout);
        assert!(plan.stdout.contains("/usr/bin/hello"), "{}", plan.stdout);
        assert!(!repo.work().join("dist").exists());
    }
    let plan = tagboat(&repo, &["build", "--dry-run", "--format", "json"]);
    let plans = document(&plan)["plans"].clone();
    assert!(plans[0].as_str().unwrap().starts_with("build work 0.1.0 "), "{plans}");
}

#[test]
fn packages_of_one_project_are_never_taken_for_anothers() {
    let repo = Monorepo::new();
    let project = |name: &str| {
        format!(
            "  - path: {name}\n    builder: staged\n    package: {{name: {name}, architecture: [amd64], \
             description: a thing, maintainer: A <a@example.org>}}\n    files: []\n"
        )
    };
    let projects = format!("projects:\n{}{}", project("api"), project("api-client"));
    repo.write("config/ci-cd/build-config.yml", projects);
    repo.write("dist/api-client_1.0.0_amd64.deb", "of the other project");
    repo.commit("feat: begin");
    repo.tag("api/v1.0.0", "api 1.0.0");
    let seen = tagboat(&repo, &["validate", "api/v1.0.0", "--dry-run"]);
    assert_eq!(seen.status, 2, "{}", seen.all());
    assert!(seen.stderr.starts_with("error[publish::not-built]: "), "{}", seen.stderr);
    assert!(seen.stderr.contains("`tagboat build api/v1.0.0`"), "{}", seen.stderr);
    // Without a version tag nobody knows which of the files in dist/ is HEAD's.
    let untagged = tagboat(&repo, &["validate", "api-client", "--dry-run"]);
    assert!(untagged.stderr.starts_with("error[build::no-version]: "), "{}", untagged.all());
}

#[test]
fn init_twice_keeps_every_file() {
    let repo = Monorepo::new();
    let written = document(&tagboat(&repo, &["init", "--format", "json"]));
    let written: Vec<&str> =
        written["written"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    assert!(written.len() >= 5, "{written:?}");
    for path in &written {
        repo.write(path, "# mine\n");
    }
    let again = tagboat(&repo, &["init", "--format", "json"]);
    assert_eq!(again.status, 0);
    assert_eq!(document(&again)["written"], serde_json::json!([]));
    for path in written {
        assert_eq!(std::fs::read_to_string(repo.work().join(path)).unwrap(), "# mine\n", "{path}");
    }
}

#[test]
fn init_writes_nothing_when_it_only_shows() {
    let repo = Monorepo::new();
    let shown = document(&tagboat(&repo, &["init", "--dry-run", "--format", "json"]));
    assert!(!shown["would_write"].as_array().unwrap().is_empty(), "{shown}");
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
}

#[test]
fn init_survives_hostile_names_of_people_and_branches() {
    let repo = Monorepo::new();
    repo.git(&["config", "user.name", "\"quote' # : &x *y [z]\u{1b}[31m\u{202e}"]);
    repo.git(&["config", "user.email", "a@b>c"]);
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/b\u{202e}$(touch${IFS}pwned)"]);
    let init = tagboat(&repo, &["init"]);
    assert_eq!(init.status, 0, "{}", init.all());
    assert_eq!(tagboat(&repo, &["check"]).status, 0);
    let written =
        std::fs::read_to_string(repo.work().join("config/ci-cd/build-config.yml")).unwrap();
    assert!(!written.contains(['\u{1b}', '\u{202e}']), "{written:?}");
    assert!(!repo.work().join("pwned").exists());
}

#[test]
fn programs_read_one_json_document_from_every_verb() {
    let repo = two_projects();
    repo.write("environments/staging/environment.yml", "hosts: []\n");
    let failing: [(&[&str], &str); 11] = [
        (&["status", "nope"], "usage::project"),
        (&["history", "nope"], "history::none"),
        (&["plan", "api/v1.0.0", "--env", "staging"], "config::missing-file"),
        (&["deploy", "api/v1.0.0", "--env", "staging"], "config::missing-file"),
        (&["rollback", "api", "--env", "staging"], "config::missing-file"),
        (&["logs", "api", "--env", "staging"], "config::missing-file"),
        (&["host", "prepare", "staging"], "config::missing-file"),
        (&["build"], "config::missing-file"),
        (&["validate"], "config::missing-file"),
        (&["publish"], "config::missing-file"),
        (&["check", "--schema", "nope"], "usage::schema"),
    ];
    for (words, code) in failing {
        let seen = tagboat(&repo, &[words, &["--format", "json"]].concat());
        let error = document(&seen)["error"].clone();
        assert_eq!(error["code"], code, "{words:?}: {}", seen.all());
        assert_eq!(error["exit"], seen.status, "{words:?}");
        assert!(error["world"]["text"].is_string(), "{words:?}");
        assert!(!seen.stderr.contains("error["), "{words:?}: {}", seen.stderr);
    }
    for words in [
        &["stauts"][..],
        &["status", "--bogus"],
        &["deploy"],
        &["keys"],
        &["logs", "--lines", "x"],
        &["build", "--arch", "a\u{202e}b"],
    ] {
        let seen = tagboat(&repo, &[words, &["--format", "json"]].concat());
        let error = document(&seen)["error"].clone();
        assert_eq!((seen.status, &error["code"]), (2, &"usage::arguments".into()), "{words:?}");
        assert_eq!((seen.stdout.lines().count(), seen.stderr.as_str()), (1, ""), "{words:?}");
        assert!(!seen.stdout.contains('\u{202e}'), "{words:?}");
    }
    let meant = document(&tagboat(&repo, &["--format=json", "stauts"]))["error"].clone();
    assert_eq!(meant["help"], "a similar subcommand exists: 'status'");
    let missing =
        document(&tagboat(&repo, &["deploy", "v1.0.0", "--format=json"]))["error"].clone();
    assert!(missing["message"].as_str().unwrap().ends_with(": --env <ENVIRONMENT>"), "{missing}");
    // Not an option any more.
    let other = tagboat(&repo, &["status", "--bogus", "--", "--format=json"]);
    assert_eq!((other.status, other.stdout.as_str()), (2, ""));
    let check = tagboat(&repo, &["check", "--format", "json"]);
    assert_eq!(document(&check)["errors"][0]["code"], "config::missing-file");
    for words in [&["status"][..], &["history"], &["status", "--offline"], &["init"], &["check"]] {
        let seen = tagboat(&repo, &[words, &["--format", "json"]].concat());
        assert_eq!(seen.status, 0, "{words:?}: {}", seen.all());
        assert!(document(&seen).is_object(), "{words:?}");
    }
    let keys =
        ["keys", "new", "--user", "A <a@example.org>", "--out", "../k.asc", "--format", "json"];
    let made = document(&tagboat(&repo, &keys));
    assert_eq!(made["fingerprint"].as_str().unwrap().len(), 40, "{made}");
    let again = tagboat(&repo, &keys);
    assert_eq!(
        (again.status, &document(&again)["error"]["code"]),
        (2, &"keys::not-written".into())
    );
}

#[test]
fn a_secret_key_is_only_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let repo = Monorepo::new();
    let made = tagboat(&repo, &["keys", "new", "--user", "A <a@example.org>", "--out", "../k.asc"]);
    assert_eq!(made.status, 0, "{}", made.all());
    let file = repo.folder().join("k.asc");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!made.all().contains("PRIVATE KEY"), "{}", made.all());
}

#[test]
fn several_mistakes_are_one_document_that_says_how_many() {
    let repo = two_projects();
    repo.write("config/ci-cd/build-config.yml", "bogus: 1\nprojekts: []\nnope: 2\n");
    let check = document(&tagboat(&repo, &["check", "--format", "json"]));
    let mistakes = check["errors"].as_array().unwrap().len();
    assert!(mistakes >= 3, "{check}");
    let seen = tagboat(&repo, &["build", "--format", "json"]);
    let error = document(&seen)["error"].clone();
    assert_eq!((seen.status, &error["exit"]), (2, &2.into()), "{}", seen.all());
    let others = error["facts"].as_array().unwrap().iter().find(|fact| fact["label"] == "others");
    let text = others.unwrap()["text"].as_str().unwrap();
    assert!(text.starts_with(&format!("one of {mistakes} mistakes: ")), "{text}");
    // People are told each.
    let told = tagboat(&repo, &["build"]).stderr;
    assert_eq!(told.lines().filter(|line| line.starts_with("error[")).count(), mistakes, "{told}");
}

#[test]
fn a_file_beside_c_lies_below_that_folder() {
    let repo = Monorepo::new();
    let words = ["-C", "work", "keys", "new", "--user", "A <a@example.org>", "--out", "k.asc"];
    let made = tagboat_in(&repo, repo.folder(), &words);
    assert_eq!(made.status, 0, "{}", made.all());
    assert!(repo.work().join("k.asc").exists());
    assert!(!repo.folder().join("k.asc").exists());
    let init = tagboat_in(&repo, repo.folder(), &["-C", "work", "init"]);
    assert_eq!(init.status, 0, "{}", init.all());
    assert!(repo.work().join("config/ci-cd/build-config.yml").exists());
    // From a folder below, the file is there and the repository is the one around it.
    let below =
        ["-C", "work/config", "keys", "new", "--user", "A <a@example.org>", "--out", "k.asc"];
    assert_eq!(tagboat_in(&repo, repo.folder(), &below).status, 0);
    assert!(repo.work().join("config/k.asc").exists());
    let gone = tagboat_in(&repo, repo.folder(), &["-C", "wrok", "status"]);
    assert_eq!(gone.status, 2);
    assert!(
        gone.stderr.starts_with("error[usage::folder]: wrok cannot be entered"),
        "{}",
        gone.stderr
    );
}

#[test]
fn a_first_configuration_ignores_what_builds_leave() {
    let repo = Monorepo::new();
    let init = tagboat(&repo, &["init"]);
    assert!(init.stdout.contains("written  .gitignore\n"), "{}", init.all());
    repo.write("dist/x.deb", "");
    repo.write("api/dist/kept", "");
    let ignored = repo.git(&["status", "--porcelain", "-uall", "--ignored=matching"]);
    assert!(ignored.contains("!! dist/") && ignored.contains("?? api/dist/kept"), "{ignored}");
    // A .gitignore that is there is its owner's.
    let repo = Monorepo::new();
    repo.write(".gitignore", "/target\n");
    let init = tagboat(&repo, &["init"]);
    assert!(
        init.stderr.contains("add to .gitignore what `tagboat build` leaves: /dist/"),
        "{}",
        init.all()
    );
    assert_eq!(std::fs::read_to_string(repo.work().join(".gitignore")).unwrap(), "/target\n");
    // And one that ignores it needs no word.
    let repo = Monorepo::new();
    repo.write(".gitignore", "dist\n");
    let init = tagboat(&repo, &["init"]);
    assert!(!init.all().contains(".gitignore"), "{}", init.all());
}

#[test]
fn verbs_that_do_not_ask_the_remote_say_from_where_the_version_is() {
    let repo = crate::ground::one_project();
    crate::publishing::package(&repo, "0.1.0");
    for verb in ["build", "validate"] {
        let seen = tagboat(&repo, &[verb, "--dry-run"]);
        assert_eq!(seen.status, 0, "{}", seen.all());
        let line = "this clone's version tags, the remote was not asked: v0.1.0";
        assert_eq!(seen.stderr.lines().filter(|told| *told == line).count(), 1, "{}", seen.all());
        let seen = document(&tagboat(&repo, &[verb, "--dry-run", "--format", "json"]));
        assert_eq!(
            (&seen["offline"], &seen["targets"][0]["tag"]),
            (&true.into(), &"v0.1.0".into())
        );
        assert_eq!(seen["targets"][0]["commit_sha"], repo.git(&["rev-parse", "HEAD"]));
    }
}

#[test]
fn offline_is_offered_by_the_verbs_that_have_it_alone() {
    let repo = crate::ground::one_project();
    repo.git(&["remote", "set-url", "origin", "/nonexistent/x.git"]);
    let help = |words: &[&str]| {
        let seen = tagboat(&repo, words);
        assert!(seen.stderr.starts_with("error[git::remote]: "), "{words:?}: {}", seen.stderr);
        seen.stderr.contains("--offline")
    };
    assert!(help(&["status"]) && help(&["history"]));
    assert!(!help(&["plan", "v0.1.0", "--env", "staging"]));
    assert!(!help(&["deploy", "v0.1.0", "--env", "staging"]));
    assert!(!help(&["rollback", ".", "--env", "staging"]));
}

#[test]
fn quiet_keeps_results_and_errors() {
    let repo = two_projects();
    let quiet = tagboat(&repo, &["status", "--offline", "--quiet"]);
    assert_eq!((quiet.status, quiet.stderr.as_str()), (0, ""));
    assert!(quiet.stdout.starts_with("PROJECT"), "{}", quiet.stdout);
    let wrong = tagboat(&repo, &["status", "nope", "--quiet"]);
    assert!(wrong.stderr.starts_with("error[usage::project]: "), "{}", wrong.stderr);
    let verbose = tagboat(&repo, &["status", "--verbose"]);
    assert_eq!(verbose.status, 0);
    assert!(verbose.stdout.starts_with("PROJECT"), "{}", verbose.stdout);
}
