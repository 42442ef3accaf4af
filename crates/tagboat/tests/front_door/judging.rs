//! `validate`: what it leaves for programs. The checks that need a clean root are switched off here.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tagboat_testing::monorepo::Monorepo;

use crate::user::tagboat;

/// A mode that the permissions gate refuses.
const OPEN: u32 = 0o666;

/// Packages in dist/, each with a file of this mode.
fn judged(names: &[&str], mode: u32) -> Monorepo {
    let repo = Monorepo::new();
    let mut projects = String::new();
    for name in names {
        projects.push_str(&format!(
            "  - path: {name}\n    builder: staged\n    package: {{name: {name}, architecture: [amd64], \
             description: a thing, maintainer: A <a@example.org>}}\n    files: []\n"
        ));
        let tree = repo.folder().join(name);
        std::fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        std::fs::create_dir_all(tree.join("usr/share")).unwrap();
        let control = format!(
            "Package: {name}\nVersion: 1.0.0\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
             Description: a thing\n"
        );
        std::fs::write(tree.join("DEBIAN/control"), control).unwrap();
        let open = tree.join("usr/share/open\u{202e}");
        std::fs::write(&open, "").unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::create_dir_all(repo.work().join("dist")).unwrap();
        let made = Command::new("dpkg-deb")
            .args(["--root-owner-group", "--build"])
            .arg(&tree)
            .arg(repo.work().join(format!("dist/{name}_1.0.0_amd64.deb")))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    repo.write("config/ci-cd/build-config.yml", format!("projects:\n{projects}"));
    repo.write(
        "config/ci-cd/quality-gates.yml",
        "validation:\n  lintian: {enabled: false}\n  installation_test: {enabled: false}\n",
    );
    repo.commit("feat: begin");
    for name in names {
        repo.tag(&format!("{name}/v1.0.0"), "1.0.0");
    }
    repo
}

#[test]
fn findings_of_every_package_are_one_sarif_run() {
    let repo = judged(&["api", "web"], OPEN);
    repo.write("findings.sarif", "what was there before");
    let seen = tagboat(&repo, &["validate", "--sarif", "findings.sarif", "--dry-run"]);
    assert_eq!(seen.status, 0, "{}", seen.all());
    let file = repo.work().join("findings.sarif");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "what was there before");
    let seen = tagboat(&repo, &["validate", "--sarif", "findings.sarif"]);
    assert_eq!(seen.status, 1, "{}", seen.all());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains('\u{202e}'), "{text}");
    let log: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&log["version"], log["runs"].as_array().unwrap().len()), (&"2.1.0".into(), 1));
    let results = log["runs"][0]["results"].as_array().unwrap();
    for name in ["api", "web"] {
        let uri = |result: &serde_json::Value| {
            let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
            place["uri"].as_str().unwrap().starts_with(&format!("{name}_1.0.0_amd64.deb/"))
        };
        assert!(results.iter().any(uri), "{log}");
    }
    // Nothing is left beside it.
    let left = repo.git(&["status", "--porcelain", "-uall"]);
    assert_eq!(left.lines().filter(|line| line.contains("sarif")).count(), 1, "{left}");
}

#[test]
fn a_sarif_file_that_cannot_be_written_hides_no_verdict() {
    let words = ["validate", "--sarif", "nowhere/findings.sarif"];
    let repo = judged(&["api"], OPEN);
    let failed = tagboat(&repo, &words);
    assert_eq!(failed.status, 1, "{}", failed.all());
    assert!(failed.stdout.contains("FAILED"), "{}", failed.all());
    assert!(
        failed.stderr.contains("nowhere/findings.sarif could not be written"),
        "{}",
        failed.all()
    );
    let failed = tagboat(&repo, &[&words[..], &["--format", "json"]].concat());
    assert_eq!(failed.json()["validations"][0]["validation_status"], "failed");
    let repo = judged(&["api"], 0o644);
    let passed = tagboat(&repo, &words);
    assert_eq!(passed.status, 4, "{}", passed.all());
    assert!(passed.stdout.contains("passed"), "{}", passed.all());
    assert!(passed.stderr.contains("error[validate::not-written]: "), "{}", passed.all());
    let passed = tagboat(&repo, &[&words[..], &["--format", "json"]].concat());
    assert_eq!(passed.json()["error"]["code"], "validate::not-written");
}
