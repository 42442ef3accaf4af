//! `publish`: which packages it takes, and whose repository it goes on with.

use std::process::Command;

use tagboat_testing::monorepo::Monorepo;

use crate::user::{Seen, tagboat};

/// A key in `folder/NAME.asc`, and its fingerprint.
fn key(repo: &Monorepo, name: &str) -> String {
    let out = format!("../{name}.asc");
    let words = ["keys", "new", "--user", "A <a@example.org>", "--out", &out, "--format", "json"];
    tagboat(repo, &words).json()["fingerprint"].as_str().unwrap().to_owned()
}

/// A real package in dist/, made by dpkg-deb.
pub(crate) fn package(repo: &Monorepo, version: &str) {
    let tree = repo.folder().join(format!("tree-{version}"));
    std::fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    let control = format!(
        "Package: hello\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\n\
         Description: says hello\n"
    );
    std::fs::write(tree.join("DEBIAN/control"), control).unwrap();
    std::fs::create_dir_all(repo.work().join("dist")).unwrap();
    let file = version.split_once(':').map_or(version, |(_, rest)| rest);
    let made = Command::new("dpkg-deb")
        .args(["--root-owner-group", "--build"])
        .arg(&tree)
        .arg(repo.work().join(format!("dist/hello_{file}_all.deb")))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// A project with its own packaging, whose changelog says `version`.
fn packaged(version: &str, fingerprint: &str) -> Monorepo {
    let repo = Monorepo::new();
    let changelog = format!(
        "hello ({version}) unstable; urgency=medium\n\n  * More.\n\n \
         -- A <a@example.org>  Sat, 21 Nov 2026 12:00:00 +0000\n"
    );
    repo.write("packaging/debian/changelog", changelog);
    repo.write("packaging/debian/rules", "#!/usr/bin/make -f\n%:\n\tdh $@\n");
    repo.write(
        "packaging/debian/control",
        "Source: hello\nMaintainer: A <a@example.org>\n\nPackage: hello\nArchitecture: all\n\
         Description: says hello\n",
    );
    configure(&repo, fingerprint);
    repo.commit("feat: begin");
    repo
}

fn configure(repo: &Monorepo, fingerprint: &str) {
    repo.write(
        "config/ci-cd/build-config.yml",
        format!(
            "publish:\n  key: {fingerprint}\nprojects:\n  - path: .\n    builder: debhelper\n    package:\n      \
             name: hello\n      architecture: [amd64]\n"
        ),
    );
}

fn publish(repo: &Monorepo, key: &str, more: &[&str]) -> Seen {
    let key = format!("../{key}.asc");
    tagboat(repo, &[&["publish", "--key", &key, "--format", "json"], more].concat())
}

#[test]
fn without_a_tag_exactly_the_version_of_the_changelog_is_published() {
    let repo = packaged("1:2.0-3", "0123456789ABCDEF0123456789ABCDEF01234567");
    configure(&repo, &key(&repo, "k"));
    for version in ["1.0", "2.0", "2.0-2", "2.1-1"] {
        package(&repo, version);
    }
    let seen = publish(&repo, "k", &[]);
    assert_eq!(seen.json()["error"]["code"], "publish::not-built", "{}", seen.all());
    assert!(seen.json()["error"]["message"].as_str().unwrap().ends_with(" hello 2.0-3"));
    package(&repo, "1:2.0-3");
    let seen = publish(&repo, "k", &[]);
    assert_eq!(seen.status, 0, "{}", seen.all());
    let added = seen.json()["added"].clone();
    assert_eq!(added.as_array().unwrap().len(), 1, "{added}");
    assert!(added[0].as_str().unwrap().contains("2.0-3"), "{added}");
    assert_eq!(seen.json()["targets"][0]["tag"], serde_json::Value::Null);
    assert!(seen.stderr.contains("the remote was not asked: none of (root)\n"), "{}", seen.stderr);
    // A tag of the same upstream version keeps the maintainers' revision, as the build does.
    repo.tag("v2.0.0", "2.0.0");
    let tagged = publish(&repo, "k", &["v2.0.0"]);
    assert_eq!(tagged.json()["error"]["code"], "publish::not-built", "{}", tagged.all());
}

#[test]
fn a_repository_is_taken_over_by_the_full_fingerprint_of_its_old_key_alone() {
    let repo = packaged("1.0", "0123456789ABCDEF0123456789ABCDEF01234567");
    let (old, new) = (key(&repo, "old"), key(&repo, "new"));
    package(&repo, "1.0");
    configure(&repo, &old);
    assert_eq!(publish(&repo, "old", &[]).status, 0);
    configure(&repo, &new);
    let code =
        |seen: &Seen| (seen.status, seen.json()["error"]["code"].as_str().unwrap().to_owned());
    let refused = publish(&repo, "new", &[]);
    assert_eq!(code(&refused), (3, "publish::unverified".to_owned()));
    let help = refused.json()["error"]["help"].as_str().unwrap().to_owned();
    assert!(help.contains("`tagboat publish --accept-key FINGERPRINT`"), "{help}");
    let short = publish(&repo, "new", &["--accept-key", &old[24..]]);
    assert_eq!(code(&short), (2, "keys::fingerprint-form".to_owned()));
    // Neither another key than the one that is there, nor the new one, says anything of the old.
    let other = "0123456789ABCDEF0123456789ABCDEF01234567";
    for fingerprint in [other, &new] {
        let seen = publish(&repo, "new", &["--accept-key", fingerprint]);
        assert_eq!(code(&seen), (3, "publish::unverified".to_owned()), "{fingerprint}");
    }
    let plan = publish(&repo, "new", &["--accept-key", &old, "--dry-run"]);
    assert_eq!(
        (plan.status, &plan.json()["key_before"]),
        (0, &old.clone().into()),
        "{}",
        plan.all()
    );
    let taken = publish(&repo, "new", &["--accept-key", &old]);
    assert_eq!(taken.status, 0, "{}", taken.all());
    assert_eq!((&taken.json()["key"], &taken.json()["key_before"]), (&new.into(), &old.into()));
    assert!(taken.stderr.contains("`tagboat host prepare`"), "{}", taken.stderr);
    // Once: from now on it is the new key's.
    let again = publish(&repo, "new", &[]);
    assert_eq!((again.status, &again.json()["key_before"]), (0, &serde_json::Value::Null));
}

#[test]
fn the_preparation_of_a_host_is_shown_step_by_step() {
    let repo = packaged("1.0", "0123456789ABCDEF0123456789ABCDEF01234567");
    configure(&repo, &key(&repo, "k"));
    package(&repo, "1.0");
    assert_eq!(publish(&repo, "k", &[]).status, 0);
    repo.write(
        "environments/staging/environment.yml",
        "hosts:\n  - {name: web-1, address: 127.0.0.1, arch: amd64, user: deploy, host_key: \"ssh-ed25519 \
         AAAAC3NzaC1lZDI1NTE5AAAAIFkxn8Mue4QpQkbPcOD2ZQ0oS5v8WCJm6ZeQ2l0kq3nB\"}\n",
    );
    for login in ["root", "admin"] {
        let words = ["host", "prepare", "staging", "--as", login, "--dry-run"];
        insta::allow_duplicates! {
            insta::assert_snapshot!(tagboat(&repo, &words).all(), @r"
            web-1: write /usr/local/lib/tagboat/host
            web-1: write /etc/apt/keyrings/tagboat.asc
            web-1: write /etc/apt/sources.list.d/tagboat.sources
            web-1: write /etc/tagboat/apt.d/tagboat.sources
            web-1: write /etc/apt/preferences.d/tagboat
            web-1: write /etc/ssh/sshd_config.d/tagboat.conf
            web-1: write /etc/sudoers.d/tagboat
            web-1: reload sshd
            [exit 0]
            ");
        }
        let shown = tagboat(&repo, &[&words[..], &["--format", "json"]].concat()).json();
        assert_eq!((&shown["host"], &shown["steps"][7]), (&"web-1".into(), &"reload sshd".into()));
    }
}
