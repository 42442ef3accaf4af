//! What is refused, and what cannot be done: nothing was changed then, and the error says so.

use std::fs;

use crate::stage::{App, WEB_2, WEB_3, stage};
use crate::user::wait_until;

/// What would change if a deployment did anything.
fn state(app: &App, environment: &str, host: &str) -> (Option<String>, String, String) {
    let fence = format!("/var/lib/tagboat/apps/{}", app.name);
    let fence = app.on(host, &["find", &fence, "-printf", "%p %T@ %s\n"]).text();
    (app.tag_object(environment), app.installed(host), fence)
}

/// A person's own change to an environment's file.
fn edit(app: &App, environment: &str, change: impl Fn(&str) -> String) {
    let path = app.clone.join(format!("environments/{environment}/environment.yml"));
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(&text);
    assert_ne!(text, changed);
    fs::write(path, changed).unwrap();
}

#[test]
fn what_is_not_published_or_not_on_a_release_branch_is_refused() {
    let Some(stage) = stage() else { return };
    let app = stage.app("fox");
    app.deploy("1.0.0", "production").expect(0);
    let before = state(&app, "production", WEB_2);
    let git = |words: &[&str]| stage.repo().git_in(&app.clone, words);
    git(&["commit", "-q", "--allow-empty", "-m", "feat: on no branch"]);
    git(&["tag", "-a", "-m", "x", "fox/v1.3.1"]);
    git(&["push", "-q", "origin", "refs/tags/fox/v1.3.1"]);
    app.deploy("1.3.1", "production").expect(3).saying(&["deploy::not-on-release-branch", "main"]);
    app.deploy("1.3.1", "one").expect(3).saying(&["deploy::not-published", "tagboat build"]);
    app.deploy("1.9.9", "one").expect(2).saying(&["usage::no-such-tag"]);
    app.deploy("1.1.0", "nowhere").expect(2).saying(&["usage::environment"]);
    assert_eq!(state(&app, "production", WEB_2), before);
}

#[test]
fn a_host_that_shows_another_key_is_refused_and_one_that_is_silent_is_unreachable() {
    let Some(stage) = stage() else { return };
    let app = stage.app("frog");
    app.deploy("1.0.0", "two").expect(0);
    let before = state(&app, "two", WEB_2);
    let (key, other) = (stage.host(WEB_2).host_key(), stage.host(WEB_3).host_key());
    edit(&app, "two", |text| text.replace(key, other));
    app.deploy("1.1.0", "two").expect(3).saying(&[
        "host::key-changed",
        "web-2",
        "no host was changed",
    ]);
    edit(&app, "two", |text| text.replace(other, key).replace("arch:", "port: 2222, arch:"));
    app.deploy("1.1.0", "two").expect(4).saying(&[
        "host::unreachable",
        "web-2",
        "no host was changed",
    ]);
    edit(&app, "two", |text| text.replace(&format!(", host_key: {key}"), ""));
    app.deploy("1.1.0", "two")
        .expect(3)
        .saying(&["host::unpinned", "tagboat host prepare two web-2"]);
    assert_eq!(state(&app, "two", WEB_2), before);
}

#[test]
fn when_one_of_two_hosts_refuses_ssh_the_other_is_not_changed_either() {
    let Some(stage) = stage() else { return };
    let _alone = stage.alone();
    let app = stage.app("gnu");
    app.deploy("1.0.0", "shaky").expect(0);
    let before = state(&app, "shaky", WEB_3);
    assert!(app.on(WEB_3, &["systemctl", "stop", "ssh.service"]).success());
    let refused = app.deploy("1.1.0", "shaky");
    assert!(app.on(WEB_3, &["systemctl", "start", "ssh.service"]).success());
    refused.expect(4).saying(&["host::unreachable", "web-3"]);
    assert_eq!(state(&app, "shaky", WEB_3), before);
    app.assert_runs("1.0.0", "shaky", &["web-1", WEB_3]);
}

#[test]
fn a_host_that_another_version_prepared_is_refused_until_it_is_prepared_again() {
    let Some(stage) = stage() else { return };
    let _alone = stage.alone();
    let app = stage.app("goat");
    app.deploy("1.0.0", "third").expect(0);
    let program = "/usr/local/lib/tagboat/host";
    assert!(app.on(WEB_3, &["sed", "-i", "$a# older", program]).success());
    let refused = app.deploy("1.1.0", "third").expect(3);
    refused.saying(&["host::unprepared", "tagboat host prepare third web-3"]);
    assert!(app.on(WEB_3, &["rm", program]).success());
    app.deploy("1.1.0", "third").expect(3).saying(&["host::unprepared"]);
    app.assert_runs("1.0.0", "third", &[WEB_3]);
    app.tagboat(&["host", "prepare", "third", WEB_3]).expect(0);
    app.deploy("1.1.0", "third").expect(0);
    app.assert_runs("1.1.0", "third", &[WEB_3]);
}

#[test]
fn what_was_installed_by_other_means_is_not_taken_over() {
    let Some(stage) = stage() else { return };
    let (app, pool) = (stage.app("hare"), stage.repo().work().join("dist/hare_1.0.0_all.deb"));
    let command = tagboat_core::command::Command::new("sh")
        .args(["-c", "cat >/var/tmp/hare.deb && dpkg -i /var/tmp/hare.deb"])
        .input(tagboat_core::command::Input::File(pool));
    // Somebody else may be installing.
    wait_until("a package by other means", || stage.host(WEB_2).run_command(&command).success());
    app.deploy("1.1.0", "two").expect(3).saying(&["deploy::unknown-installation", "apt-get"]);
    assert_eq!(app.installed(WEB_2), "installed 1.0.0");
}

#[test]
fn a_host_has_a_package_for_one_environment_until_it_is_taken_off() {
    let Some(stage) = stage() else { return };
    let app = stage.app("wolf");
    app.deploy("1.0.0", "two").expect(0);
    let before = state(&app, "two", WEB_2);
    app.deploy("1.1.0", "production")
        .expect(3)
        .saying(&["host::other-environment", "web-2 has wolf for the environment two"]);
    assert_eq!(state(&app, "two", WEB_2), before);
    let claim = ["/usr/local/lib/tagboat/host", "hold", "wolf", "1", "deploy-x", "ann"];
    assert!(app.on(WEB_2, &claim).success());
    let claim = ["/usr/local/lib/tagboat/host", "claim", "wolf", "9", "deploy-x", "production"];
    assert_eq!(app.on(WEB_2, &claim).status, Some(73));
    // Somebody else may be installing.
    let purge = ["apt-get", "--yes", "--quiet", "purge", "wolf"];
    wait_until("a host without it", || app.on(WEB_2, &purge).success());
    app.deploy("1.0.0", "production").expect(0);
    app.assert_runs("1.0.0", "production", &[WEB_2]);
}
