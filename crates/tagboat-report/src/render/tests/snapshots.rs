//! The three forms of each end, as they are read in review.

use super::*;

#[test]
fn a_first_deployment_for_a_terminal() {
    let report = sample::first_deployment();
    insta::assert_snapshot!(human(&report), @r"
    success: api/v1.4.0 runs in staging
      = now       staging runs api/v1.4.0; every host is healthy
      = before    nothing: this was the first deployment
      = artifact  api=1.4.0 of commit 0123456
      = by        alice
      = took      1 min 12 s, until 2026-11-21 10:31 UTC
      = ledger    record 1 of api/staging
      = id        deploy-20261121-103045-0123456

    steps
         0.2 s  turn on web-1
        12.4 s  install v1.4.0 on web-1

    next
      Deploy to the next environment
          tagboat deploy api/v1.4.0 --env production
      Mark the version stable
          tagboat mark stable api/v1.4.0
      See what the service logs
          tagboat logs api --env staging
      See what runs where
          tagboat status api
    ");
}

#[test]
fn a_first_deployment_for_a_step_summary() {
    let report = sample::first_deployment();
    insta::assert_snapshot!(markdown(&report, STEP_SUMMARY_LIMIT), @r"
    ## success: api/v1.4.0 runs in staging

    | | |
    | --- | --- |
    | now | staging runs api/v1.4.0; every host is healthy |
    | before | nothing: this was the first deployment |
    | artifact | api=1.4.0 of commit 0123456 |
    | by | alice |
    | took | 1 min 12 s, until 2026-11-21 10:31 UTC |
    | ledger | record 1 of api/staging |
    | id | deploy-20261121-103045-0123456 |

    ### Next

    | Step | Command | What it does |
    | --- | --- | --- |
    | [Deploy to the next environment](https://github.com/acme/shop/actions/workflows/deploy.yml) | <code>tagboat deploy api/v1.4.0 --env production</code> | Runs api/v1.4.0 in production |
    | [Mark the version stable](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat mark stable api/v1.4.0</code> | Roll-backs prefer versions that are marked so |
    | [See what the service logs](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat logs api --env staging</code> | Shows its last lines on each host of staging |
    | [See what runs where](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat status api</code> | The version in each environment, and since when |

    <details><summary>Steps: 2, 12.6 s</summary>

    | Step | Seconds | Result |
    | --- | ---: | --- |
    | turn on web-1 | 0.2 | done |
    | install v1.4.0 on web-1 | 12.4 | done |

    </details>

    <sub>Deploy, run 1234567890, 2026-11-21 10:31 UTC</sub>
    ");
}

#[test]
fn a_first_deployment_for_programs() {
    let report = sample::first_deployment();
    insta::assert_snapshot!(json(&report).unwrap(), @r#"
    {
      "workflow_run_id": "1234567890",
      "workflow_name": "Deploy",
      "status": "success",
      "version": {
        "full_version": "api/v1.4.0",
        "sub_project_path": "api",
        "semver": "v1.4.0",
        "major": 1,
        "minor": 4,
        "patch": 0,
        "prerelease": null
      },
      "action_links": [
        {
          "label": "Deploy to the next environment",
          "url": "https://github.com/acme/shop/actions/workflows/deploy.yml",
          "description": "Runs api/v1.4.0 in production",
          "icon": "rocket",
          "category": "deployment",
          "command": "tagboat deploy api/v1.4.0 --env production"
        },
        {
          "label": "Mark the version stable",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "Roll-backs prefer versions that are marked so",
          "icon": "tag",
          "category": "state",
          "command": "tagboat mark stable api/v1.4.0"
        },
        {
          "label": "See what the service logs",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "Shows its last lines on each host of staging",
          "icon": "log",
          "category": "maintenance",
          "command": "tagboat logs api --env staging"
        },
        {
          "label": "See what runs where",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "The version in each environment, and since when",
          "icon": "pulse",
          "category": "state",
          "command": "tagboat status api"
        }
      ],
      "generated_at": "2026-11-21T10:31:59Z",
      "headline": "api/v1.4.0 runs in staging",
      "facts": [
        {
          "label": "now",
          "text": "staging runs api/v1.4.0; every host is healthy"
        },
        {
          "label": "before",
          "text": "nothing: this was the first deployment"
        },
        {
          "label": "artifact",
          "text": "api=1.4.0 of commit 0123456"
        },
        {
          "label": "by",
          "text": "alice"
        },
        {
          "label": "took",
          "text": "1 min 12 s, until 2026-11-21 10:31 UTC"
        },
        {
          "label": "ledger",
          "text": "record 1 of api/staging"
        },
        {
          "label": "id",
          "text": "deploy-20261121-103045-0123456"
        }
      ],
      "steps": [
        {
          "step": "turn on web-1",
          "seconds": 0.2,
          "result": "done"
        },
        {
          "step": "install v1.4.0 on web-1",
          "seconds": 12.4,
          "result": "done"
        }
      ],
      "deployment": {
        "commit_sha": "0123456789abcdef0123456789abcdef01234567",
        "completed_at": "2026-11-21T10:31:57Z",
        "deployment_id": "deploy-20261121-103045-0123456",
        "environment": "staging",
        "estimated_wait_time": null,
        "health_check_passed": true,
        "package": "api=1.4.0",
        "previous_version": null,
        "queue_position": null,
        "region": null,
        "started_at": "2026-11-21T10:30:45Z",
        "status": "succeeded",
        "triggered_by": "alice",
        "version": {
          "full_version": "api/v1.4.0",
          "major": 1,
          "minor": 4,
          "patch": 0,
          "prerelease": null,
          "semver": "v1.4.0",
          "sub_project_path": "api"
        },
        "will_move_env_tag": true,
        "workflow_run_id": "1234567890"
      },
      "warnings": [],
      "journal": []
    }
    "#);
}

#[test]
fn an_upgrade_for_a_terminal() {
    let report = sample::upgrade();
    insta::assert_snapshot!(human(&report), @r#"
    success: api/v1.4.0 runs in production
      = now         production runs api/v1.4.0; every host is healthy
      = overridden  freeze: mends the outage
      = before      api/v1.3.2 ran
      = artifact    api=1.4.0 of commit 0123456
      = by          alice
      = took        1 min 12 s, until 2026-11-21 10:31 UTC
      = ledger      record 7 of api/production
      = id          deploy-20261121-103045-0123456

    steps
         0.2 s  turn on web-1
        12.4 s  install v1.4.0 on web-1

    warnings
      - web-2: it is degraded: "cache" is down

    next
      Mark the version stable
          tagboat mark stable api/v1.4.0
      Roll back
          tagboat rollback api --env production
      See what the service logs
          tagboat logs api --env production
      See what runs where
          tagboat status api
    "#);
}

#[test]
fn an_upgrade_for_a_step_summary() {
    let report = sample::upgrade();
    insta::assert_snapshot!(markdown(&report, STEP_SUMMARY_LIMIT), @r#"
    ## success: api/v1.4.0 runs in production

    | | |
    | --- | --- |
    | now | production runs api/v1.4.0; every host is healthy |
    | overridden | freeze: mends the outage |
    | before | api/v1.3.2 ran |
    | artifact | api=1.4.0 of commit 0123456 |
    | by | alice |
    | took | 1 min 12 s, until 2026-11-21 10:31 UTC |
    | ledger | record 7 of api/production |
    | id | deploy-20261121-103045-0123456 |

    ### Next

    | Step | Command | What it does |
    | --- | --- | --- |
    | Mark the version stable | <code>tagboat mark stable api/v1.4.0</code> | Roll-backs prefer versions that are marked so |
    | Roll back | <code>tagboat rollback api --env production</code> | Goes back to the newest version that production ran well before |
    | See what the service logs | <code>tagboat logs api --env production</code> | Shows its last lines on each host of production |
    | See what runs where | <code>tagboat status api</code> | The version in each environment, and since when |

    | Warnings |
    | --- |
    | web-2: it is degraded: "cache" is down |

    <details><summary>Steps: 2, 12.6 s</summary>

    | Step | Seconds | Result |
    | --- | ---: | --- |
    | turn on web-1 | 0.2 | done |
    | install v1.4.0 on web-1 | 12.4 | done |

    </details>

    <sub>tagboat deploy, run local-deploy-20261121-103045-0123456, 2026-11-21 10:31 UTC</sub>
    "#);
}

#[test]
fn an_upgrade_for_programs() {
    let report = sample::upgrade();
    insta::assert_snapshot!(json(&report).unwrap(), @r#"
    {
      "workflow_run_id": "local-deploy-20261121-103045-0123456",
      "workflow_name": "tagboat deploy",
      "status": "success",
      "version": {
        "full_version": "api/v1.4.0",
        "sub_project_path": "api",
        "semver": "v1.4.0",
        "major": 1,
        "minor": 4,
        "patch": 0,
        "prerelease": null
      },
      "action_links": [
        {
          "label": "Mark the version stable",
          "url": null,
          "description": "Roll-backs prefer versions that are marked so",
          "icon": "tag",
          "category": "state",
          "command": "tagboat mark stable api/v1.4.0"
        },
        {
          "label": "Roll back",
          "url": null,
          "description": "Goes back to the newest version that production ran well before",
          "icon": "undo",
          "category": "rollback",
          "command": "tagboat rollback api --env production"
        },
        {
          "label": "See what the service logs",
          "url": null,
          "description": "Shows its last lines on each host of production",
          "icon": "log",
          "category": "maintenance",
          "command": "tagboat logs api --env production"
        },
        {
          "label": "See what runs where",
          "url": null,
          "description": "The version in each environment, and since when",
          "icon": "pulse",
          "category": "state",
          "command": "tagboat status api"
        }
      ],
      "generated_at": "2026-11-21T10:31:59Z",
      "headline": "api/v1.4.0 runs in production",
      "facts": [
        {
          "label": "now",
          "text": "production runs api/v1.4.0; every host is healthy"
        },
        {
          "label": "overridden",
          "text": "freeze: mends the outage"
        },
        {
          "label": "before",
          "text": "api/v1.3.2 ran"
        },
        {
          "label": "artifact",
          "text": "api=1.4.0 of commit 0123456"
        },
        {
          "label": "by",
          "text": "alice"
        },
        {
          "label": "took",
          "text": "1 min 12 s, until 2026-11-21 10:31 UTC"
        },
        {
          "label": "ledger",
          "text": "record 7 of api/production"
        },
        {
          "label": "id",
          "text": "deploy-20261121-103045-0123456"
        }
      ],
      "steps": [
        {
          "step": "turn on web-1",
          "seconds": 0.2,
          "result": "done"
        },
        {
          "step": "install v1.4.0 on web-1",
          "seconds": 12.4,
          "result": "done"
        }
      ],
      "deployment": {
        "commit_sha": "0123456789abcdef0123456789abcdef01234567",
        "completed_at": "2026-11-21T10:31:57Z",
        "deployment_id": "deploy-20261121-103045-0123456",
        "environment": "production",
        "estimated_wait_time": null,
        "health_check_passed": true,
        "package": "api=1.4.0",
        "previous_version": {
          "full_version": "api/v1.3.2",
          "major": 1,
          "minor": 3,
          "patch": 2,
          "prerelease": null,
          "semver": "v1.3.2",
          "sub_project_path": "api"
        },
        "queue_position": null,
        "region": null,
        "started_at": "2026-11-21T10:30:45Z",
        "status": "succeeded",
        "triggered_by": "alice",
        "version": {
          "full_version": "api/v1.4.0",
          "major": 1,
          "minor": 4,
          "patch": 0,
          "prerelease": null,
          "semver": "v1.4.0",
          "sub_project_path": "api"
        },
        "will_move_env_tag": true,
        "workflow_run_id": "1234567890"
      },
      "warnings": [
        "web-2: it is degraded: \"cache\" is down"
      ],
      "journal": []
    }
    "#);
}

#[test]
fn a_sick_version_that_was_rolled_back_for_a_terminal() {
    let report = sample::sick_and_rolled_back();
    insta::assert_snapshot!(human(&report), @r#"
    failure: api/v1.4.0 was rolled back in production
      = now       production runs api/v1.3.2 again; every host is healthy
      = why       health gate on web-1: 3 bad answers in a row: it answered HTTP
                  503: "database" is down
      = held      api/v1.4.0 may not be deployed again unless the hold is lifted:
                  health gate on web-1
      = before    api/v1.3.2 ran
      = artifact  api=1.4.0 of commit 0123456
      = by        alice
      = took      1 min 12 s, until 2026-11-21 10:31 UTC
      = ledger    record 7 of api/production
      = id        deploy-20261121-103045-0123456

    steps
         0.2 s  turn on web-1
        12.4 s  install v1.4.0 on web-1
        33.0 s  health gate on web-1
                failed: 3 bad answers in a row: it answered HTTP 503: "database" is
                        down
         9.1 s  put v1.3.2 back on web-1
         3.0 s  health gate on web-1 after the roll-back

    log of the service
      | api[4711]: starting 1.4.0
      | api[4711]: \u{1b}[31mcannot reach db:5432\u{1b}[0m
      | ::error::cannot reach db:5432

    next
      See what the service logs
          tagboat logs api --env production
      Deploy a version that mends it
          tagboat deploy api/vX.Y.Z --env production
      Lift the hold
          tagboat deploy api/v1.4.0 --env production --lift-hold REASON
      See every attempt
          tagboat history api --env production
      See what runs where
          tagboat status api
    "#);
}

#[test]
fn a_sick_version_that_was_rolled_back_for_a_step_summary() {
    let report = sample::sick_and_rolled_back();
    insta::assert_snapshot!(markdown(&report, STEP_SUMMARY_LIMIT), @r#"
    ## failure: api/v1.4.0 was rolled back in production

    | | |
    | --- | --- |
    | now | production runs api/v1.3.2 again; every host is healthy |
    | why | health gate on web-1: 3 bad answers in a row: it answered HTTP 503: "database" is down |
    | held | api/v1.4.0 may not be deployed again unless the hold is lifted: health gate on web-1 |
    | before | api/v1.3.2 ran |
    | artifact | api=1.4.0 of commit 0123456 |
    | by | alice |
    | took | 1 min 12 s, until 2026-11-21 10:31 UTC |
    | ledger | record 7 of api/production |
    | id | deploy-20261121-103045-0123456 |

    ### Next

    | Step | Command | What it does |
    | --- | --- | --- |
    | [See what the service logs](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat logs api --env production</code> | Shows its last lines on each host of production |
    | [Deploy a version that mends it](https://github.com/acme/shop/actions/workflows/deploy.yml) | <code>tagboat deploy api/vX.Y.Z --env production</code> | Runs a newer version in production, once it is tagged |
    | [Lift the hold](https://github.com/acme/shop/actions/workflows/deploy.yml) | <code>tagboat deploy api/v1.4.0 --env production --lift-hold REASON</code> | Deploys api/v1.4.0 all the same; REASON goes into the ledger |
    | [See every attempt](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat history api --env production</code> | Who deployed what to production, when, and how it ended |
    | [See what runs where](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat status api</code> | The version in each environment, and since when |

    <details><summary>Steps: 5, 57.7 s</summary>

    | Step | Seconds | Result |
    | --- | ---: | --- |
    | turn on web-1 | 0.2 | done |
    | install v1.4.0 on web-1 | 12.4 | done |
    | health gate on web-1 | 33.0 | failed: 3 bad answers in a row: it answered HTTP 503: "database" is down |
    | put v1.3.2 back on web-1 | 9.1 | done |
    | health gate on web-1 after the roll-back | 3.0 | done |

    </details>

    <details><summary>Log of the service: 3 lines</summary>

    ```text
    api[4711]: starting 1.4.0
    api[4711]: \u{1b}[31mcannot reach db:5432\u{1b}[0m
    \u{3a}:error::cannot reach db:5432
    ```

    </details>

    <sub>Deploy, run 1234567890, 2026-11-21 10:31 UTC</sub>
    "#);
}

#[test]
fn a_sick_version_that_was_rolled_back_for_programs() {
    let report = sample::sick_and_rolled_back();
    insta::assert_snapshot!(json(&report).unwrap(), @r#"
    {
      "workflow_run_id": "1234567890",
      "workflow_name": "Deploy",
      "status": "failure",
      "version": {
        "full_version": "api/v1.4.0",
        "sub_project_path": "api",
        "semver": "v1.4.0",
        "major": 1,
        "minor": 4,
        "patch": 0,
        "prerelease": null
      },
      "action_links": [
        {
          "label": "See what the service logs",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "Shows its last lines on each host of production",
          "icon": "log",
          "category": "maintenance",
          "command": "tagboat logs api --env production"
        },
        {
          "label": "Deploy a version that mends it",
          "url": "https://github.com/acme/shop/actions/workflows/deploy.yml",
          "description": "Runs a newer version in production, once it is tagged",
          "icon": "rocket",
          "category": "deployment",
          "command": "tagboat deploy api/vX.Y.Z --env production"
        },
        {
          "label": "Lift the hold",
          "url": "https://github.com/acme/shop/actions/workflows/deploy.yml",
          "description": "Deploys api/v1.4.0 all the same; REASON goes into the ledger",
          "icon": "unlock",
          "category": "deployment",
          "command": "tagboat deploy api/v1.4.0 --env production --lift-hold REASON"
        },
        {
          "label": "See every attempt",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "Who deployed what to production, when, and how it ended",
          "icon": "history",
          "category": "state",
          "command": "tagboat history api --env production"
        },
        {
          "label": "See what runs where",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "The version in each environment, and since when",
          "icon": "pulse",
          "category": "state",
          "command": "tagboat status api"
        }
      ],
      "generated_at": "2026-11-21T10:31:59Z",
      "headline": "api/v1.4.0 was rolled back in production",
      "facts": [
        {
          "label": "now",
          "text": "production runs api/v1.3.2 again; every host is healthy"
        },
        {
          "label": "why",
          "text": "health gate on web-1: 3 bad answers in a row: it answered HTTP 503: \"database\" is down"
        },
        {
          "label": "held",
          "text": "api/v1.4.0 may not be deployed again unless the hold is lifted: health gate on web-1"
        },
        {
          "label": "before",
          "text": "api/v1.3.2 ran"
        },
        {
          "label": "artifact",
          "text": "api=1.4.0 of commit 0123456"
        },
        {
          "label": "by",
          "text": "alice"
        },
        {
          "label": "took",
          "text": "1 min 12 s, until 2026-11-21 10:31 UTC"
        },
        {
          "label": "ledger",
          "text": "record 7 of api/production"
        },
        {
          "label": "id",
          "text": "deploy-20261121-103045-0123456"
        }
      ],
      "steps": [
        {
          "step": "turn on web-1",
          "seconds": 0.2,
          "result": "done"
        },
        {
          "step": "install v1.4.0 on web-1",
          "seconds": 12.4,
          "result": "done"
        },
        {
          "step": "health gate on web-1",
          "seconds": 33.0,
          "result": "3 bad answers in a row: it answered HTTP 503: \"database\" is down"
        },
        {
          "step": "put v1.3.2 back on web-1",
          "seconds": 9.1,
          "result": "done"
        },
        {
          "step": "health gate on web-1 after the roll-back",
          "seconds": 3.0,
          "result": "done"
        }
      ],
      "deployment": {
        "commit_sha": "0123456789abcdef0123456789abcdef01234567",
        "completed_at": "2026-11-21T10:31:57Z",
        "deployment_id": "deploy-20261121-103045-0123456",
        "environment": "production",
        "estimated_wait_time": null,
        "health_check_passed": false,
        "package": "api=1.4.0",
        "previous_version": {
          "full_version": "api/v1.3.2",
          "major": 1,
          "minor": 3,
          "patch": 2,
          "prerelease": null,
          "semver": "v1.3.2",
          "sub_project_path": "api"
        },
        "queue_position": null,
        "region": null,
        "started_at": "2026-11-21T10:30:45Z",
        "status": "rolled_back",
        "triggered_by": "alice",
        "version": {
          "full_version": "api/v1.4.0",
          "major": 1,
          "minor": 4,
          "patch": 0,
          "prerelease": null,
          "semver": "v1.4.0",
          "sub_project_path": "api"
        },
        "will_move_env_tag": true,
        "workflow_run_id": "1234567890"
      },
      "warnings": [],
      "journal": [
        "api[4711]: starting 1.4.0",
        "api[4711]: \u001b[31mcannot reach db:5432\u001b[0m",
        "::error::cannot reach db:5432"
      ]
    }
    "#);
}

#[test]
fn a_roll_back_by_a_person_for_a_terminal() {
    let report = sample::rolled_back_by_a_person();
    insta::assert_snapshot!(human(&report), @r#"
    success: production was rolled back to api/v1.3.2
      = now       production runs api/v1.3.2; every host is healthy
      = reason    loses carts
      = held      api/v1.4.0 may not be deployed again unless the hold is lifted:
                  loses carts
      = before    api/v1.4.0 ran
      = artifact  api=1.3.2 of commit 0123456
      = by        alice
      = took      1 min 12 s, until 2026-11-21 10:31 UTC
      = ledger    record 7 of api/production
      = id        deploy-20261121-103045-0123456

    steps
         0.2 s  turn on web-1
        12.4 s  install v1.4.0 on web-1

    next
      See what the service logs
          tagboat logs api --env production
      Deploy a version that mends it
          tagboat deploy api/vX.Y.Z --env production
      Lift the hold
          tagboat deploy api/v1.4.0 --env production --lift-hold REASON
      See every attempt
          tagboat history api --env production
      See what runs where
          tagboat status api
    "#);
}

#[test]
fn a_roll_back_by_a_person_for_a_step_summary() {
    let report = sample::rolled_back_by_a_person();
    insta::assert_snapshot!(markdown(&report, STEP_SUMMARY_LIMIT), @r#"
    ## success: production was rolled back to api/v1.3.2

    | | |
    | --- | --- |
    | now | production runs api/v1.3.2; every host is healthy |
    | reason | loses carts |
    | held | api/v1.4.0 may not be deployed again unless the hold is lifted: loses carts |
    | before | api/v1.4.0 ran |
    | artifact | api=1.3.2 of commit 0123456 |
    | by | alice |
    | took | 1 min 12 s, until 2026-11-21 10:31 UTC |
    | ledger | record 7 of api/production |
    | id | deploy-20261121-103045-0123456 |

    ### Next

    | Step | Command | What it does |
    | --- | --- | --- |
    | [See what the service logs](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat logs api --env production</code> | Shows its last lines on each host of production |
    | [Deploy a version that mends it](https://github.com/acme/shop/actions/workflows/deploy.yml) | <code>tagboat deploy api/vX.Y.Z --env production</code> | Runs a newer version in production, once it is tagged |
    | [Lift the hold](https://github.com/acme/shop/actions/workflows/deploy.yml) | <code>tagboat deploy api/v1.4.0 --env production --lift-hold REASON</code> | Deploys api/v1.4.0 all the same; REASON goes into the ledger |
    | [See every attempt](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat history api --env production</code> | Who deployed what to production, when, and how it ended |
    | [See what runs where](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat status api</code> | The version in each environment, and since when |

    <details><summary>Steps: 2, 12.6 s</summary>

    | Step | Seconds | Result |
    | --- | ---: | --- |
    | turn on web-1 | 0.2 | done |
    | install v1.4.0 on web-1 | 12.4 | done |

    </details>

    <sub>Deploy, run 1234567890, 2026-11-21 10:31 UTC</sub>
    "#);
}

#[test]
fn a_roll_back_by_a_person_for_programs() {
    let report = sample::rolled_back_by_a_person();
    insta::assert_snapshot!(json(&report).unwrap(), @r#"
    {
      "workflow_run_id": "1234567890",
      "workflow_name": "Deploy",
      "status": "success",
      "version": {
        "full_version": "api/v1.3.2",
        "sub_project_path": "api",
        "semver": "v1.3.2",
        "major": 1,
        "minor": 3,
        "patch": 2,
        "prerelease": null
      },
      "action_links": [
        {
          "label": "See what the service logs",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "Shows its last lines on each host of production",
          "icon": "log",
          "category": "maintenance",
          "command": "tagboat logs api --env production"
        },
        {
          "label": "Deploy a version that mends it",
          "url": "https://github.com/acme/shop/actions/workflows/deploy.yml",
          "description": "Runs a newer version in production, once it is tagged",
          "icon": "rocket",
          "category": "deployment",
          "command": "tagboat deploy api/vX.Y.Z --env production"
        },
        {
          "label": "Lift the hold",
          "url": "https://github.com/acme/shop/actions/workflows/deploy.yml",
          "description": "Deploys api/v1.4.0 all the same; REASON goes into the ledger",
          "icon": "unlock",
          "category": "deployment",
          "command": "tagboat deploy api/v1.4.0 --env production --lift-hold REASON"
        },
        {
          "label": "See every attempt",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "Who deployed what to production, when, and how it ended",
          "icon": "history",
          "category": "state",
          "command": "tagboat history api --env production"
        },
        {
          "label": "See what runs where",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "The version in each environment, and since when",
          "icon": "pulse",
          "category": "state",
          "command": "tagboat status api"
        }
      ],
      "generated_at": "2026-11-21T10:31:59Z",
      "headline": "production was rolled back to api/v1.3.2",
      "facts": [
        {
          "label": "now",
          "text": "production runs api/v1.3.2; every host is healthy"
        },
        {
          "label": "reason",
          "text": "loses carts"
        },
        {
          "label": "held",
          "text": "api/v1.4.0 may not be deployed again unless the hold is lifted: loses carts"
        },
        {
          "label": "before",
          "text": "api/v1.4.0 ran"
        },
        {
          "label": "artifact",
          "text": "api=1.3.2 of commit 0123456"
        },
        {
          "label": "by",
          "text": "alice"
        },
        {
          "label": "took",
          "text": "1 min 12 s, until 2026-11-21 10:31 UTC"
        },
        {
          "label": "ledger",
          "text": "record 7 of api/production"
        },
        {
          "label": "id",
          "text": "deploy-20261121-103045-0123456"
        }
      ],
      "steps": [
        {
          "step": "turn on web-1",
          "seconds": 0.2,
          "result": "done"
        },
        {
          "step": "install v1.4.0 on web-1",
          "seconds": 12.4,
          "result": "done"
        }
      ],
      "deployment": {
        "commit_sha": "0123456789abcdef0123456789abcdef01234567",
        "completed_at": "2026-11-21T10:31:57Z",
        "deployment_id": "deploy-20261121-103045-0123456",
        "environment": "production",
        "estimated_wait_time": null,
        "health_check_passed": true,
        "package": "api=1.3.2",
        "previous_version": {
          "full_version": "api/v1.4.0",
          "major": 1,
          "minor": 4,
          "patch": 0,
          "prerelease": null,
          "semver": "v1.4.0",
          "sub_project_path": "api"
        },
        "queue_position": null,
        "region": null,
        "started_at": "2026-11-21T10:30:45Z",
        "status": "succeeded",
        "triggered_by": "alice",
        "version": {
          "full_version": "api/v1.3.2",
          "major": 1,
          "minor": 3,
          "patch": 2,
          "prerelease": null,
          "semver": "v1.3.2",
          "sub_project_path": "api"
        },
        "will_move_env_tag": true,
        "workflow_run_id": "1234567890"
      },
      "warnings": [],
      "journal": []
    }
    "#);
}

#[test]
fn a_deployment_that_is_stuck_on_one_host_for_a_terminal() {
    let report = sample::stuck_on_one_host();
    insta::assert_snapshot!(human(&report), @r#"
    failure: api/v1.4.0 failed in production and is not undone on web-2
      = now         production runs api/v1.3.2, but not for certain on web-2
      = not undone  web-2: the host cannot be reached: timeout
      = why         health gate on web-1: 3 bad answers in a row: it answered HTTP
                    503: "database" is down
      = before      api/v1.3.2 ran
      = artifact    api=1.4.0 of commit 0123456
      = by          alice
      = took        1 min 12 s, until 2026-11-21 10:31 UTC
      = ledger      record 7 of api/production
      = id          deploy-20261121-103045-0123456

    steps
         0.2 s  turn on web-1
        12.4 s  install v1.4.0 on web-1

    next
      See what the service logs
          tagboat logs api --env production
      Put the version before back
          tagboat deploy api/v1.3.2 --env production
      Deploy a version that mends it
          tagboat deploy api/vX.Y.Z --env production
      See every attempt
          tagboat history api --env production
      See what runs where
          tagboat status api
    "#);
}

#[test]
fn a_deployment_that_is_stuck_on_one_host_for_a_step_summary() {
    let report = sample::stuck_on_one_host();
    insta::assert_snapshot!(markdown(&report, STEP_SUMMARY_LIMIT), @r#"
    ## failure: api/v1.4.0 failed in production and is not undone on web-2

    | | |
    | --- | --- |
    | now | production runs api/v1.3.2, but not for certain on web-2 |
    | not undone | web-2: the host cannot be reached: timeout |
    | why | health gate on web-1: 3 bad answers in a row: it answered HTTP 503: "database" is down |
    | before | api/v1.3.2 ran |
    | artifact | api=1.4.0 of commit 0123456 |
    | by | alice |
    | took | 1 min 12 s, until 2026-11-21 10:31 UTC |
    | ledger | record 7 of api/production |
    | id | deploy-20261121-103045-0123456 |

    ### Next

    | Step | Command | What it does |
    | --- | --- | --- |
    | [See what the service logs](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat logs api --env production</code> | Shows its last lines on each host of production |
    | [Put the version before back](https://github.com/acme/shop/actions/workflows/deploy.yml) | <code>tagboat deploy api/v1.3.2 --env production</code> | Runs api/v1.3.2 on every host of production again |
    | [Deploy a version that mends it](https://github.com/acme/shop/actions/workflows/deploy.yml) | <code>tagboat deploy api/vX.Y.Z --env production</code> | Runs a newer version in production, once it is tagged |
    | [See every attempt](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat history api --env production</code> | Who deployed what to production, when, and how it ended |
    | [See what runs where](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat status api</code> | The version in each environment, and since when |

    <details><summary>Steps: 2, 12.6 s</summary>

    | Step | Seconds | Result |
    | --- | ---: | --- |
    | turn on web-1 | 0.2 | done |
    | install v1.4.0 on web-1 | 12.4 | done |

    </details>

    <sub>Deploy, run 1234567890, 2026-11-21 10:31 UTC</sub>
    "#);
}

#[test]
fn a_deployment_that_is_stuck_on_one_host_for_programs() {
    let report = sample::stuck_on_one_host();
    insta::assert_snapshot!(json(&report).unwrap(), @r#"
    {
      "workflow_run_id": "1234567890",
      "workflow_name": "Deploy",
      "status": "failure",
      "version": {
        "full_version": "api/v1.4.0",
        "sub_project_path": "api",
        "semver": "v1.4.0",
        "major": 1,
        "minor": 4,
        "patch": 0,
        "prerelease": null
      },
      "action_links": [
        {
          "label": "See what the service logs",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "Shows its last lines on each host of production",
          "icon": "log",
          "category": "maintenance",
          "command": "tagboat logs api --env production"
        },
        {
          "label": "Put the version before back",
          "url": "https://github.com/acme/shop/actions/workflows/deploy.yml",
          "description": "Runs api/v1.3.2 on every host of production again",
          "icon": "tools",
          "category": "maintenance",
          "command": "tagboat deploy api/v1.3.2 --env production"
        },
        {
          "label": "Deploy a version that mends it",
          "url": "https://github.com/acme/shop/actions/workflows/deploy.yml",
          "description": "Runs a newer version in production, once it is tagged",
          "icon": "rocket",
          "category": "deployment",
          "command": "tagboat deploy api/vX.Y.Z --env production"
        },
        {
          "label": "See every attempt",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "Who deployed what to production, when, and how it ended",
          "icon": "history",
          "category": "state",
          "command": "tagboat history api --env production"
        },
        {
          "label": "See what runs where",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "The version in each environment, and since when",
          "icon": "pulse",
          "category": "state",
          "command": "tagboat status api"
        }
      ],
      "generated_at": "2026-11-21T10:31:59Z",
      "headline": "api/v1.4.0 failed in production and is not undone on web-2",
      "facts": [
        {
          "label": "now",
          "text": "production runs api/v1.3.2, but not for certain on web-2"
        },
        {
          "label": "not undone",
          "text": "web-2: the host cannot be reached: timeout"
        },
        {
          "label": "why",
          "text": "health gate on web-1: 3 bad answers in a row: it answered HTTP 503: \"database\" is down"
        },
        {
          "label": "before",
          "text": "api/v1.3.2 ran"
        },
        {
          "label": "artifact",
          "text": "api=1.4.0 of commit 0123456"
        },
        {
          "label": "by",
          "text": "alice"
        },
        {
          "label": "took",
          "text": "1 min 12 s, until 2026-11-21 10:31 UTC"
        },
        {
          "label": "ledger",
          "text": "record 7 of api/production"
        },
        {
          "label": "id",
          "text": "deploy-20261121-103045-0123456"
        }
      ],
      "steps": [
        {
          "step": "turn on web-1",
          "seconds": 0.2,
          "result": "done"
        },
        {
          "step": "install v1.4.0 on web-1",
          "seconds": 12.4,
          "result": "done"
        }
      ],
      "deployment": {
        "commit_sha": "0123456789abcdef0123456789abcdef01234567",
        "completed_at": "2026-11-21T10:31:57Z",
        "deployment_id": "deploy-20261121-103045-0123456",
        "environment": "production",
        "estimated_wait_time": null,
        "health_check_passed": false,
        "package": "api=1.4.0",
        "previous_version": {
          "full_version": "api/v1.3.2",
          "major": 1,
          "minor": 3,
          "patch": 2,
          "prerelease": null,
          "semver": "v1.3.2",
          "sub_project_path": "api"
        },
        "queue_position": null,
        "region": null,
        "started_at": "2026-11-21T10:30:45Z",
        "status": "failed",
        "triggered_by": "alice",
        "version": {
          "full_version": "api/v1.4.0",
          "major": 1,
          "minor": 4,
          "patch": 0,
          "prerelease": null,
          "semver": "v1.4.0",
          "sub_project_path": "api"
        },
        "will_move_env_tag": true,
        "workflow_run_id": "1234567890"
      },
      "warnings": [],
      "journal": []
    }
    "#);
}

#[test]
fn a_lost_race_for_a_terminal() {
    let report = sample::lost_race();
    insta::assert_snapshot!(human(&report), @r#"
    failure: another deployment was faster: api/production moved since the plan
      = unchanged  no host was changed by this deployment
      = holds now  89abcde
      = help       see who won: `tagboat history`; then decide again
      = error      deploy::lost-race

    next
      See every attempt
          tagboat history api --env production
      See what runs where
          tagboat status api
    "#);
}

#[test]
fn a_lost_race_for_a_step_summary() {
    let report = sample::lost_race();
    insta::assert_snapshot!(markdown(&report, STEP_SUMMARY_LIMIT), @r#"
    ## failure: another deployment was faster: api/production moved since the plan

    | | |
    | --- | --- |
    | unchanged | no host was changed by this deployment |
    | holds now | 89abcde |
    | help | see who won: &#96;tagboat history&#96;; then decide again |
    | error | deploy&#58;:lost-race |

    ### Next

    | Step | Command | What it does |
    | --- | --- | --- |
    | [See every attempt](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat history api --env production</code> | Who deployed what to production, when, and how it ended |
    | [See what runs where](https://github.com/acme/shop/actions/runs/1234567890) | <code>tagboat status api</code> | The version in each environment, and since when |

    <sub>Deploy, run 1234567890, 2026-11-21 10:31 UTC</sub>
    "#);
}

#[test]
fn a_lost_race_for_programs() {
    let report = sample::lost_race();
    insta::assert_snapshot!(json(&report).unwrap(), @r#"
    {
      "workflow_run_id": "1234567890",
      "workflow_name": "Deploy",
      "status": "failure",
      "version": {
        "full_version": "api/v1.4.0",
        "sub_project_path": "api",
        "semver": "v1.4.0",
        "major": 1,
        "minor": 4,
        "patch": 0,
        "prerelease": null
      },
      "action_links": [
        {
          "label": "See every attempt",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "Who deployed what to production, when, and how it ended",
          "icon": "history",
          "category": "state",
          "command": "tagboat history api --env production"
        },
        {
          "label": "See what runs where",
          "url": "https://github.com/acme/shop/actions/runs/1234567890",
          "description": "The version in each environment, and since when",
          "icon": "pulse",
          "category": "state",
          "command": "tagboat status api"
        }
      ],
      "generated_at": "2026-11-21T10:31:59Z",
      "headline": "another deployment was faster: api/production moved since the plan",
      "facts": [
        {
          "label": "unchanged",
          "text": "no host was changed by this deployment"
        },
        {
          "label": "holds now",
          "text": "89abcde"
        },
        {
          "label": "help",
          "text": "see who won: `tagboat history`; then decide again"
        },
        {
          "label": "error",
          "text": "deploy::lost-race"
        }
      ],
      "steps": [],
      "deployment": null,
      "warnings": [],
      "journal": []
    }
    "#);
}
