//! Signed ledgers as deployments to booted hosts leave them, and as stock git verifies them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::stage::{App, WEB_1, WEB_2, stage};

/// A person's own change to the configuration.
fn configure(app: &App, head: &str) {
    let path = app.clone.join("config/ci-cd/build-config.yml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{head}{text}")).unwrap();
}

fn ssh_key(app: &App) -> (PathBuf, String) {
    let file = app.stage.repo().folder().join(format!("{}-signs", app.name));
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    let line = fs::read_to_string(file.with_extension("pub")).unwrap();
    (file, line.trim().to_owned())
}

#[test]
fn a_ledger_is_signed_from_a_persons_word_on_and_stock_git_verifies_it() {
    let Some(stage) = stage() else { return };
    let app = stage.app("wasp");
    app.deploy("1.0.0", "production").expect(0);
    let (file, line) = ssh_key(&app);
    configure(&app, &format!("ledger_signers: [\"{line}\"]\n"));
    let key = ["--signing-key", file.to_str().unwrap()];
    app.deploy_with("1.1.0", "production", &key).expect(3).saying(&["ledger::unsigned"]);
    let word = ["--override", "ledger-signature=signing begins"];
    app.deploy_with("1.1.0", "production", &word).expect(3).saying(&["ledger::no-key"]);
    app.assert_runs("1.0.0", "production", &[WEB_2]);
    app.deploy_with("1.1.0", "production", &[key, word].concat()).expect(0).saying(&[
        "unsigned; record 2 will be signed",
        "overridden, and recorded: ledger-signature: signing begins",
    ]);
    app.assert_runs("1.1.0", "production", &[WEB_2]);
    app.tagboat(&["history", app.name, "--env", "production"])
        .expect(0)
        .saying(&["2 attempts, signed by SHA256:", " overrides ledger-signature: signing begins"]);
    let words = ["rollback", app.name, "--env", "production"];
    app.tagboat(&words).expect(3).saying(&["ledger::no-key"]);
    app.tagboat(&[&words[..], &key].concat()).expect(0);
    app.assert_runs("1.0.0", "production", &[WEB_2]);
    assert_eq!(app.records("production").len(), 3);

    let tag = format!("refs/tags/{}/production", app.name);
    let allowed = stage.repo().folder().join("allowed");
    fs::write(&allowed, format!("pipeline@example.org {line}\n")).unwrap();
    let git = |words: &[&str]| stage.repo().git_in(&app.clone, words);
    git(&["fetch", "-q", "origin", &format!("+{tag}:{tag}")]);
    let setting = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
    git(&["-c", &setting, "verify-tag", &format!("{}/production", app.name)]);
}

#[test]
fn a_deployment_signs_with_the_key_of_the_pipeline_where_it_is_configured() {
    let Some(stage) = stage() else { return };
    let mut app = stage.app("tern");
    let config = fs::read_to_string(app.clone.join("config/ci-cd/build-config.yml")).unwrap();
    let key = config.split("publish: {key: ").nth(1).unwrap().split(',').next().unwrap();
    configure(&app, &format!("gpg: {{signing: {{key_id: {key}}}}}\n"));
    let secret = fs::read_to_string(stage.repo().folder().join("secret.asc")).unwrap();
    app.environment.push(("GPG_PRIVATE_KEY", secret));
    app.deploy("1.0.0", "one").expect(0);
    let told = format!("1 attempt, signed by {key} T <t@example.org>");
    app.tagboat(&["history", app.name, "--env", "one"]).expect(0).saying(&[&told]);
    // A person without the key may still deploy there, and it shows.
    app.environment.clear();
    app.deploy("1.1.0", "one").expect(0).saying(&["record 2 will not be signed"]);
    app.tagboat(&["history", app.name, "--env", "one"]).expect(0).saying(&["unsigned"]);
    app.assert_runs("1.1.0", "one", &[WEB_1]);
}

#[test]
fn a_deleted_ledger_goes_on_where_it_was_with_a_persons_word_and_hosts_agree() {
    let Some(stage) = stage() else { return };
    let app = stage.app("toad");
    app.deploy("1.0.0", "two").expect(0);
    app.tagboat(&["status", app.name]).expect(0);
    let repo = stage.repo();
    let tag = format!("refs/tags/{}/two", app.name);
    repo.git_in(&repo.remote(), &["update-ref", "-d", &tag]);
    app.deploy("1.1.0", "two").expect(3).saying(&["ledger::deleted", "put it back"]);
    // Who never saw the ledger would begin a new one; the host has seen it.
    let stranger = stage.app_from("toad", stage.clone_as("jay-2", repo.remote().to_str().unwrap()));
    stranger.deploy("1.1.0", "two").expect(3);
    assert_eq!(app.answers(WEB_2).as_deref(), Some("1.0.0"));
    let word = ["--override", "deleted-tag=deleted by mistake"];
    app.deploy_with("1.1.0", "two", &word).expect(0);
    app.assert_runs("1.1.0", "two", &[WEB_2]);
    let records = app.records("two");
    assert_eq!((records.len(), &records[0]["sequence"]), (2, &2.into()));
    assert_eq!(records[0]["override_reason"], "deleted-tag: deleted by mistake");
    stranger.tagboat(&["history", "toad", "--env", "two"]).expect(0);
}
