//! What a run leaves, and names that only the tags make wrong.

use std::path::Path;

use crate::ground::one_project;
use crate::user::{command, see, tagboat};

fn records(folder: &Path) -> Vec<serde_json::Value> {
    let entries = std::fs::read_dir(folder.join("tagboat/runs")).into_iter().flatten();
    entries
        .map(|entry| {
            serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap()
        })
        .collect()
}

#[test]
fn a_refused_deployment_is_in_the_record_of_its_run_alone() {
    let repo = one_project();
    let state = tempfile::tempdir().unwrap();
    let words = ["deploy", "v0.1.0", "--env", "staging"];
    let run = |more: &[(&str, &str)]| {
        let mut asked = command(&repo, &repo.work(), &words);
        asked.env("XDG_STATE_HOME", state.path()).envs(more.iter().copied());
        assert_eq!(see(&repo, &mut asked).status, 3);
    };
    run(&[]);
    let [record] = &records(state.path())[..] else { panic!("one run, one record") };
    assert_eq!(record["status"], "failure");
    assert_eq!(record["version"]["full_version"], "v0.1.0");
    let id = record["workflow_run_id"].as_str().unwrap();
    assert!(id.starts_with("local-deploy-"), "{id}");
    // A pipeline's run may deploy twice; what is there is never written again, and a hostile id is a name.
    run(&[("GITHUB_RUN_ID", "../../42")]);
    run(&[("GITHUB_RUN_ID", "../../42")]);
    assert_eq!(records(state.path()).len(), 3);
    assert!(state.path().join("tagboat/runs/.._.._42-2.json").exists());
    // A plan is no run; and records that are gone are history that is gone.
    let before = tagboat(&repo, &["status"]).stdout;
    std::fs::remove_dir_all(state.path().join("tagboat")).unwrap();
    let mut shown = command(&repo, &repo.work(), &[&words[..], &["--dry-run"]].concat());
    see(&repo, shown.env("XDG_STATE_HOME", state.path()));
    assert_eq!(records(state.path()).len(), 0);
    assert_eq!(tagboat(&repo, &["status"]).stdout, before);
}

#[test]
fn an_environment_that_is_called_like_a_tagged_pre_release_is_told() {
    let repo = one_project();
    repo.tag("v0.2.0-beta", "v0.2.0-beta");
    assert_eq!(tagboat(&repo, &["check"]).status, 0);
    repo.write("environments/beta/environment.yml", "hosts: []\n");
    let seen = tagboat(&repo, &["check"]);
    assert_eq!(seen.status, 2, "{}", seen.all());
    for told in ["config::name-clash", "`beta`", "v0.2.0-beta", "rename the folder"] {
        assert!(seen.stderr.contains(told), "{told}: {}", seen.stderr);
    }
}
