use super::*;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_763_721_045 + second).unwrap()
}

fn commit() -> CommitSha {
    CommitSha::parse("abc123def456abc123def456abc123def456abc1").unwrap()
}

fn head() -> Head {
    Head {
        deployment_id: DeploymentId::new(time(0), &commit(), |_| false),
        version: Version::parse("api/v1.2.0").unwrap(),
        environment: EnvironmentName::parse("production").unwrap(),
        region: None,
        commit: commit(),
        artifact: Artifact::Package("api=1.2.0".to_owned()),
        tag_move: TagMove::Moves,
        previous_version: Some(Version::parse("api/v1.1.0").unwrap()),
        workflow_run_id: "local-1".to_owned(),
        triggered_by: "alice".to_owned(),
    }
}

/// Status, and the three fields that are set iff the state has them.
fn public<S: State>(deployment: &Deployment<S>) -> (String, bool, bool, bool) {
    let shown = serde_json::to_value(deployment).unwrap();
    let set = |name: &str| !shown[name].is_null();
    let status = shown["status"].as_str().unwrap().to_owned();
    (status, set("queue_position"), set("started_at"), set("completed_at"))
}

#[test]
fn an_id_counts_up_in_the_same_second() {
    let first = DeploymentId::new(time(0), &commit(), |_| false);
    assert_eq!(first.as_str(), "deploy-20251121-103045-abc123d");
    let third = DeploymentId::new(time(0), &commit(), |id| !id.as_str().ends_with("-3"));
    assert_eq!(third.as_str(), "deploy-20251121-103045-abc123d-3");
    for id in [first, third] {
        assert_eq!(DeploymentId::parse(id.as_str()), Ok(id));
    }
}

#[test]
fn what_could_not_be_a_unit_name_is_no_id() {
    for bad in [
        "",
        "deploy-1-2-3",
        "deploy-20251121-103045-abc123d-",
        "deploy-20251121-103045-abc/../",
        "deploy-20251121-103045-abc123d-2-3",
        "deploy-20251121-103045-abc123d\n",
    ] {
        assert!(DeploymentId::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn fields_are_set_iff_the_state_has_them() {
    let queued = Deployment::queued(head(), 2, Some(40));
    assert_eq!(public(&queued), ("queued".to_owned(), true, false, false));
    let preparing = queued.begin(time(1));
    assert_eq!(public(&preparing), ("in_progress".to_owned(), false, true, false));
    let changing = preparing.change();
    assert_eq!(public(&changing), ("in_progress".to_owned(), false, true, false));
    let checked = changing.check_health();
    assert_eq!(public(&checked), ("health_check".to_owned(), false, true, false));
    let ended = checked.succeed(time(9));
    assert_eq!(public(&ended), ("succeeded".to_owned(), false, true, true));
}

#[test]
fn every_way_to_the_end_says_how_it_ended() {
    let begun = || Deployment::begun(head(), time(1));
    let sick = || begun().change().check_health().fail();
    let ends = [
        (begun().cancel(time(2)), Terminal::Cancelled),
        (begun().fail().stay(time(2)), Terminal::Failed),
        (begun().change().fail().stay(time(2)), Terminal::Failed),
        (begun().change().fail().rolled_back(time(2)), Terminal::RolledBack),
        (sick().rolled_back(time(2)), Terminal::RolledBack),
        (sick().stay(time(2)), Terminal::Failed),
        (begun().change().check_health().succeed(time(2)), Terminal::Succeeded),
        (Deployment::queued(head(), 1, None).cancel(time(2)), Terminal::Cancelled),
    ];
    for (ended, outcome) in ends {
        assert_eq!(ended.outcome(), outcome);
        assert_eq!(ended.completed_at(), time(2));
        assert_eq!(serde_json::to_value(&ended).unwrap()["status"], outcome.word());
    }
}

#[test]
fn health_is_said_only_where_it_was_asked() {
    let begun = || Deployment::begun(head(), time(1)).change();
    let health = |ended: Deployment<Ended>| {
        serde_json::to_value(&ended).unwrap()["health_check_passed"].clone()
    };
    assert_eq!(health(begun().fail().rolled_back(time(2))), serde_json::Value::Null);
    assert_eq!(health(begun().check_health().fail().rolled_back(time(2))), false);
    assert_eq!(health(begun().check_health().succeed(time(2))), true);
}

#[test]
fn a_deployment_is_shown_in_the_fields_of_the_data_model() {
    let ended = Deployment::begun(head(), time(0)).change().check_health().succeed(time(30));
    let shown = serde_json::to_string(&ended).unwrap();
    assert_eq!(
        shown,
        concat!(
            r#"{"deployment_id":"deploy-20251121-103045-abc123d","version":{"full_version":"api/v1.2.0","#,
            r#""sub_project_path":"api","semver":"v1.2.0","major":1,"minor":2,"patch":0,"prerelease":null},"#,
            r#""environment":"production","region":null,"#,
            r#""commit_sha":"abc123def456abc123def456abc123def456abc1","package":"api=1.2.0","#,
            r#""will_move_env_tag":true,"status":"succeeded","queue_position":null,"#,
            r#""estimated_wait_time":null,"started_at":"2025-11-21T10:30:45Z","#,
            r#""completed_at":"2025-11-21T10:31:15Z","health_check_passed":true,"#,
            r#""previous_version":{"full_version":"api/v1.1.0","sub_project_path":"api","#,
            r#""semver":"v1.1.0","major":1,"minor":1,"patch":0,"prerelease":null},"#,
            r#""workflow_run_id":"local-1","triggered_by":"alice"}"#
        )
    );
}
