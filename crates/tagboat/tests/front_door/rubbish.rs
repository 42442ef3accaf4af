//! Rubbish as arguments, as names in git, and as configuration: refused with a reason, never obeyed, never printed raw.

use tagboat_core::deployment::Terminal;
use tagboat_testing::monorepo::Monorepo;

use crate::ground::one_project;
use crate::ledgers::{Book, tag, two_projects};
use crate::user::{Seen, tagboat};

/// Nothing that acts on a terminal or reorders what is read.
fn assert_harmless(seen: &Seen, about: &str) {
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let all = seen.all();
    assert!(!all.contains(acts), "{about}: {all:?}");
}

#[test]
fn a_tag_that_breaks_the_grammar_is_refused_with_the_reason() {
    let repo = one_project();
    let typed = [
        ("v0.1", "three numbers"),
        ("v1.2.3.4", "three numbers"),
        ("v01.2.3", "zero"),
        ("v1.2.3+build", "metadata"),
        ("v1.2.3-", "identifier"),
        ("v1.2.3-a_b", "a_b"),
        ("v1.2.3-stable", "stable"),
        ("/v1.2.3", "`/`"),
        ("a//b/v1.2.3", "empty component"),
        ("$(id)/v1.2.3", "$(id)"),
        ("../v1.2.3", "\"..\""),
        ("v99999999999999999999.0.0", "99999999999999999999"),
    ];
    for (version, reason) in typed {
        for words in [&["build", version][..], &["deploy", version, "--env", "staging"]] {
            let seen = tagboat(&repo, words);
            assert_eq!(seen.status, 2, "{words:?}: {}", seen.all());
            assert!(
                seen.stderr.starts_with("error[usage::version]: "),
                "{words:?}: {}",
                seen.stderr
            );
            assert!(seen.stderr.lines().next().unwrap().contains(reason), "{}", seen.stderr);
        }
    }
}

#[test]
fn a_roll_back_never_takes_another_projects_version_for_its_own() {
    let repo = two_projects();
    repo.write(
        "config/ci-cd/build-config.yml",
        "projects:\n  - {path: api, builder: staged, package: {name: api, architecture: [amd64], \
         description: an api, maintainer: A <a@example.org>}, files: []}\n  \
         - {path: web, builder: staged, package: {name: web, architecture: [amd64], \
         description: a web, maintainer: A <a@example.org>}, files: []}\n",
    );
    repo.write("environments/staging/environment.yml", "hosts: []\n");
    repo.tag("web/v1.0.0", "web 1.0.0");
    repo.git(&["push", "-q", "origin", "web/v1.0.0"]);
    let to = |version| tagboat(&repo, &["rollback", "api", "--env", "staging", "--to", version]);
    let other = to("web/v1.0.0");
    assert_eq!(other.status, 3, "{}", other.all());
    assert!(other.stderr.contains("version of another project"), "{}", other.stderr);
    let rubbish = to("1.0");
    assert_eq!(rubbish.status, 2, "{}", rubbish.all());
    assert!(rubbish.stderr.starts_with("error[usage::version]: "), "{}", rubbish.stderr);
    // Both ways of writing it are the same version: this one is only not deployed anywhere by configuration.
    for version in ["v1.0.0", "api/v1.0.0"] {
        let own = to(version);
        assert!(own.stderr.starts_with("error[deploy::no-target]: "), "{}", own.all());
    }
}

#[test]
fn hostile_arguments_are_escaped_and_never_run() {
    let repo = one_project();
    let (first, second) = ("a\u{1b}[31m\u{202e}$(touch pwned)", "`touch pwned`\n;touch pwned");
    for words in [
        ["status", first].as_slice(),
        &["history", second],
        &["history", "--env", first],
        &["build", first],
        &["validate", second],
        &["publish", first],
        &["plan", first, "--env", "staging"],
        &["deploy", "v0.1.0", "--env", first],
        &["rollback", second, "--env", "staging"],
        &["logs", ".", "--env", first],
        &["logs", ".", "--env", "staging", "--host", first],
        &["host", "prepare", first],
        &["host", "prepare", "staging", first],
        &["check", "--schema", first],
        &["-C", first, "status"],
        &["publish", "--key", first],
        &["keys", "new", "--user", "A <a@example.org>", "--out", &format!("/none/{first}")],
        &["keys", "new", "--user", first, "--out", "../k"],
    ] {
        let seen = tagboat(&repo, words);
        assert_eq!(seen.status, 2, "{words:?}: {}", seen.all());
        assert_harmless(&seen, &format!("{words:?}"));
    }
    let made = ["keys", "new", "--user", "b\u{202e} <b@example.org>", "--out", "../k\u{202e}"];
    assert_harmless(&tagboat(&repo, &made), "a name that is legal");
    assert!(!repo.work().join("pwned").exists());
}

#[test]
fn an_environment_without_a_folder_is_refused_and_the_others_are_named() {
    let repo = one_project();
    for words in [
        &["deploy", "v0.1.0", "--env", "nowhere"][..],
        &["plan", "v0.1.0", "--env", "nowhere"],
        &["rollback", ".", "--env", "nowhere"],
        &["logs", ".", "--env", "nowhere"],
        &["host", "prepare", "nowhere"],
    ] {
        let seen = tagboat(&repo, words);
        assert_eq!(seen.status, 2, "{words:?}: {}", seen.all());
        assert!(seen.stderr.starts_with("error[usage::environment]: "), "{}", seen.stderr);
        assert!(seen.stderr.contains("= environments  staging"), "{}", seen.stderr);
    }
}

#[test]
fn malformed_configuration_is_refused_at_its_place() {
    let repo = one_project();
    let bomb = {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..9 {
            let list = vec![format!("*a{}", n - 1); 10].join(",");
            text.push_str(&format!("a{n}: &a{n} [{list}]\n"));
        }
        text
    };
    let cases: [(&[u8], &str); 14] = [
        (b"", "config::missing-key"),
        (b"projects:\n\t- path: api\n", "config::syntax"),
        (b"projects: [[[[\n", "config::syntax"),
        (b"projects: []\nprojects: []\n", "config::duplicate-key"),
        (b"projects: \xff\n", "config::encoding"),
        (b"\xef\xbb\xbfprojects: []\n", "config::encoding"),
        (b"---\nprojects: []\n---\nprojects: []\n", "config::syntax"),
        (b"- 1\n", "config::wrong-type"),
        (b"projects: !!python/object:os.system x\n", "config::syntax"),
        (b"projects: &a [*a]\n", "config::syntax"),
        (b"\"\\e[31m\\u202eevil\": 1\n", "config::unknown-key"),
        (b"\x1b[31mevil: 1\n", "config::syntax"),
        (bomb.as_bytes(), "config::limit"),
        (&[b'['; 4_000], "config::limit"),
    ];
    for (text, code) in cases {
        repo.write("config/ci-cd/build-config.yml", text);
        let about = String::from_utf8_lossy(text).chars().take(60).collect::<String>();
        let seen = tagboat(&repo, &["check"]);
        assert_eq!(seen.status, 2, "{about}: {}", seen.all());
        assert!(seen.stderr.contains(&format!("error[{code}]: ")), "{about}: {}", seen.stderr);
        assert!(seen.stderr.contains("--> config/ci-cd/build-config.yml:"), "{}", seen.stderr);
        assert_harmless(&seen, &about);
        let build = tagboat(&repo, &["build", "--dry-run"]);
        assert_eq!((build.status, build.stdout.as_str()), (2, ""), "{about}");
    }
}

#[test]
fn a_configuration_file_that_is_no_plain_file_is_not_read() {
    let repo = one_project();
    let file = repo.work().join("config/ci-cd/build-config.yml");
    for target in ["/dev/zero", "/etc/passwd", "../../../remote.git/HEAD"] {
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(target, &file).unwrap();
        let seen = tagboat(&repo, &["check"]);
        assert_eq!(seen.status, 2, "{target}: {}", seen.all());
        assert!(seen.stderr.contains("error[config::unreadable]: "), "{}", seen.stderr);
        assert!(!seen.all().contains("root:"), "{}", seen.all());
    }
    std::fs::remove_file(&file).unwrap();
    // Opening a pipe that nobody writes to would wait for ever.
    let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    let seen = tagboat(&repo, &["check"]);
    assert!(seen.stderr.contains("error[config::unreadable]: "), "{}", seen.all());
}

#[test]
fn a_git_configuration_that_runs_programs_runs_none() {
    let repo = two_projects();
    let touch = "touch pwned; false";
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.editor",
        "gpg.program",
        "credential.helper",
        "alias.show-ref",
        "alias.ls-remote",
    ] {
        repo.git(&["config", key, &format!("!{touch}")]);
    }
    for name in ["reference-transaction", "post-checkout", "pre-auto-gc"] {
        repo.hook(&repo.work(), name, touch);
    }
    for words in [&["status"][..], &["history"], &["init"], &["check"], &["build", "--dry-run"]] {
        let seen = tagboat(&repo, words);
        assert!(seen.status <= 2, "{words:?}: {}", seen.all());
    }
    assert!(!repo.work().join("pwned").exists());
    for address in
        ["ext::sh -c touch% pwned", "--upload-pack=touch pwned", "-oProxyCommand=touch pwned"]
    {
        repo.git(&["config", "remote.origin.url", address]);
        let seen = tagboat(&repo, &["status"]);
        assert_eq!(seen.status, 4, "{address}: {}", seen.all());
        assert!(seen.stderr.starts_with("error[git::remote]: "), "{}", seen.stderr);
    }
    assert!(!repo.work().join("pwned").exists());
}

#[test]
fn hostile_people_in_a_ledger_are_shown_escaped() {
    let repo = Monorepo::new();
    repo.write("environments/staging/environment.yml", "");
    let commit = repo.commit("feat: \u{202e}begin");
    repo.tag("api/v1.0.0", "\u{1b}[31m\u{202e}");
    repo.push();
    let mut book = Book::by(&repo, tag("api", "staging"), "ev\u{1b}[31mil\u{202e}\n::set-output::");
    book.add("api/v1.0.0", &commit, Terminal::Succeeded);
    book.add("api/v1.0.0", &commit, Terminal::RolledBack);
    for words in [&["status"][..], &["history"]] {
        let seen = tagboat(&repo, words);
        assert_eq!(seen.status, 0, "{}", seen.all());
        assert_harmless(&seen, words[0]);
        assert!(
            !seen.all().lines().any(|line| line.trim_start().starts_with("::")),
            "{}",
            seen.all()
        );
    }
    let seen = tagboat(&repo, &["history", "--format", "json"]);
    assert_harmless(&seen, "JSON");
    let by = seen.json();
    let by = by["ledgers"][0]["records"][0]["triggered_by"].as_str().unwrap().to_owned();
    assert!(by.starts_with("ev\u{1b}[31mil\u{202e}"), "programs read what was written: {by:?}");
}
