//! build-config.yml, quality-gates.yml and monitoring.yml with values that break a rule.

use crate::tests::support::{BUILD_CONFIG, GATES, MONITORING, edited, told, with, without};

#[test]
fn a_path_out_of_the_repository_is_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "from: api/build/api", "from: ../../etc/shadow")),
        @r#"
    error[config::bad-value]: a path never leads upwards (`..`)
      --> config/ci-cd/build-config.yml:11:16
      |       - {from: ../../etc/shadow, to: /usr/bin/api, mode: "0755"}
      |                ^^^^^^^^^^^^^^^^ expected a path within the repository, as `api/src`
    "#
    );
}

#[test]
fn an_absolute_path_in_the_repository_is_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "from: api/build/api", "from: /etc/shadow")),
        @r#"
    error[config::bad-value]: an absolute path leads out of the repository
      --> config/ci-cd/build-config.yml:11:16
      |       - {from: /etc/shadow, to: /usr/bin/api, mode: "0755"}
      |                ^^^^^^^^^^^ expected a path within the repository, as `api/src`
    "#
    );
}

#[test]
fn a_path_on_a_host_is_absolute() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "to: /usr/bin/api", "to: usr/bin/../api")),
        @r#"
    error[config::bad-value]: a path on a host starts with `/`
      --> config/ci-cd/build-config.yml:11:35
      |       - {from: api/build/api, to: usr/bin/../api, mode: "0755"}
      |                                   ^^^^^^^^^^^^^^ expected an absolute path, as `/usr/bin/api`
    "#
    );
}

#[test]
fn two_files_at_one_place_are_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    target: apt\n", "      - {from: b, to: /usr/bin/api}\n    target: apt\n")),
        @r#"
    error[config::duplicate]: `to: /usr/bin/api` stands here twice
      --> config/ci-cd/build-config.yml:12:23
      |       - {from: b, to: /usr/bin/api}
      |                       ^^^^^^^^^^^^ already in line 11
    "#
    );
}

#[test]
fn a_link_takes_a_target_and_no_source() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    target: apt\n", "      - {from: b, to: /usr/bin/b, type: symlink}\n    target: apt\n")),
        @r#"
    error[config::missing-key]: `target` is missing
      --> config/ci-cd/build-config.yml:12:10
      |       - {from: b, to: /usr/bin/b, type: symlink}
      |          ^^^^ expected `target` here: this is a symlink
    error[config::contradiction]: a symlink has no `from`
      --> config/ci-cd/build-config.yml:12:10
      |       - {from: b, to: /usr/bin/b, type: symlink}
      |          ^^^^ this belongs to another `type`
    "#
    );
}

#[test]
fn a_conffile_that_is_not_packed_is_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    target: apt\n", "    conffiles: [/etc/api.conf]\n    target: apt\n")),
        @r#"
    error[config::bad-value]: a conffile that the package does not hold
      --> config/ci-cd/build-config.yml:12:17
      |     conffiles: [/etc/api.conf]
      |                 ^^^^^^^^^^^^^ expected the `to` of one of `files`
    "#
    );
}

#[test]
fn a_package_name_follows_policy() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "      name: api", "      name: Api_Server")),
        @r#"
    error[config::bad-value]: a package's name has two or more of a-z, 0-9, `+`, `-` and `.`, a letter or digit first (Policy 5.6.1)
      --> config/ci-cd/build-config.yml:5:13
      |       name: Api_Server
      |             ^^^^^^^^^^ expected the name of a Debian package, as `local-rag`
    "#
    );
}

#[test]
fn a_relation_follows_policy() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "      maintainer:", "      dependencies: ['a (> 1)', 'bb, cc', 'python3 (>= 3.11)', '${shlibs:Depends}']\n      maintainer:")),
        @r#"
    error[config::bad-value]: no package can have this name (Policy 5.6.1)
      --> config/ci-cd/build-config.yml:7:22
      |       dependencies: ['a (> 1)', 'bb, cc', 'python3 (>= 3.11)', '${shlibs:Depends}']
      |                      ^^^^^^^^^ expected a relation to a package, as `python3 (>= 3.11)`
    error[config::bad-value]: one relation an item: what a comma parts are two
      --> config/ci-cd/build-config.yml:7:33
      |       dependencies: ['a (> 1)', 'bb, cc', 'python3 (>= 3.11)', '${shlibs:Depends}']
      |                                 ^^^^^^^^ expected a relation to a package, as `python3 (>= 3.11)`
    error[config::bad-value]: variables are not filled in here; what a program links against is found by itself
      --> config/ci-cd/build-config.yml:7:64
      |       dependencies: ['a (> 1)', 'bb, cc', 'python3 (>= 3.11)', '${shlibs:Depends}']
      |                                                                ^^^^^^^^^^^^^^^^^^^ expected a relation to a package, as `python3 (>= 3.11)`
    "#
    );
}

#[test]
fn an_architecture_is_one_of_debians_two() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "      name: api", "      name: api\n      architecture: [amd64, aarch64]")),
        @r#"
    error[config::unknown-value]: `aarch64` is none of the words that may stand here
      --> config/ci-cd/build-config.yml:6:29
      |       architecture: [amd64, aarch64]
      |                             ^^^^^^^ expected `amd64` or `arm64`
    "#
    );
}

#[test]
fn slots_on_one_port_are_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "green: 8082", "green: 8081")),
        @r#"
    error[config::contradiction]: both slots have one port
      --> config/ci-cd/build-config.yml:13:32
      |     ports: {blue: 8081, green: 8081}
      |                                ^^^^ expected another port than `blue`: both run at once during a switch
    "#
    );
}

#[test]
fn a_port_is_within_bounds() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "green: 8082", "green: 65536")),
        @r#"
    error[config::bad-value]: 65536 is out of range
      --> config/ci-cd/build-config.yml:13:32
      |     ports: {blue: 8081, green: 65536}
      |                                ^^^^^ expected a whole number from 1 to 65535
    "#
    );
}

#[test]
fn seconds_are_positive() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "{critical: [database]}", "{interval_seconds: 0, passes: -1, start_within_seconds: 1.5}")),
        @r#"
    error[config::bad-value]: 0 is out of range
      --> config/ci-cd/build-config.yml:14:32
      |     health: {interval_seconds: 0, passes: -1, start_within_seconds: 1.5}
      |                                ^ expected a whole number from 1 to 86400
    error[config::bad-value]: -1 is out of range
      --> config/ci-cd/build-config.yml:14:43
      |     health: {interval_seconds: 0, passes: -1, start_within_seconds: 1.5}
      |                                           ^^ expected a whole number from 1 to 1000
    error[config::wrong-type]: a decimal number cannot stand here
      --> config/ci-cd/build-config.yml:14:69
      |     health: {interval_seconds: 0, passes: -1, start_within_seconds: 1.5}
      |                                                                     ^^^ expected a whole number from 1 to 86400
    "#
    );
}

#[test]
fn health_without_a_port_is_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "{port: 8000, path: /health", "{path: /health")),
        @r#"
    error[config::missing-key]: nobody knows at which port health is asked
      --> config/ci-cd/build-config.yml:17:5
      |     health: {path: /health, critical: []}
      |     ^^^^^^ expected `port` here, or `ports` beside it
    "#
    );
}

#[test]
fn a_deployed_project_without_health_is_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    health: {critical: [database]}\n", "")),
        @r#"
    error[config::missing-key]: a project that is deployed needs `health`
      --> config/ci-cd/build-config.yml:12:5
      |     target: apt
      |     ^^^^^^ expected `health` beside it: no deployment is done that nobody can judge
    "#
    );
}

#[test]
fn a_deployed_project_without_a_unit_is_refused() {
    insta::assert_snapshot!(
        told(&without("config/api.service")),
        @r#"
    error[config::missing-file]: `api` is deployed, and there is no config/api.service
      --> config/ci-cd/build-config.yml:12:5
      |     target: apt
      |     ^^^^^^ expected a systemd unit there, or `unit` beside this
    "#
    );
}

#[test]
fn a_unit_that_is_named_must_be_there() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    target: apt\n", "    unit: config/apii.service\n    target: apt\n")),
        @r#"
    error[config::missing-file]: there is no config/apii.service
      --> config/ci-cd/build-config.yml:12:11
      |     unit: config/apii.service
      |           ^^^^^^^^^^^^^^^^^^^ expected a systemd unit of the repository
    "#
    );
}

#[test]
fn debhelper_takes_no_list_of_files() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "builder: staged", "builder: debhelper")),
        @r#"
    error[config::missing-file]: there is neither api/packaging/debian/control nor api/debian/control
      --> config/ci-cd/build-config.yml:3:14
      |     builder: debhelper
      |              ^^^^^^^^^ the debhelper builder reads one of them
    error[config::contradiction]: `build` stands in a project of the debhelper builder
      --> config/ci-cd/build-config.yml:8:5
      |     build:
      |     ^^^^^ this belongs to the staged builder; here `debian/` says it
    error[config::contradiction]: `files` stands in a project of the debhelper builder
      --> config/ci-cd/build-config.yml:10:5
      |     files:
      |     ^^^^^ this belongs to the staged builder; here `debian/` says it
    "#
    );
}

#[test]
fn debhelper_without_a_control_file_is_refused() {
    insta::assert_snapshot!(
        told(&without("rag/packaging/debian/control")),
        @r#"
    error[config::missing-key]: `builder` is missing
      --> config/ci-cd/build-config.yml:15:5
      |   - path: rag
      |     ^^^^ expected `builder` here: `debhelper`, with a debian/control, or `staged`
    "#
    );
}

#[test]
fn a_control_file_that_cannot_be_read_is_told() {
    insta::assert_snapshot!(
        told(&with("rag/packaging/debian/control", "Package rag\n")),
        @r#"
    error[config::unreadable]: rag/packaging/debian/control cannot be read: line 1: neither a field (no colon) nor a continuation
      --> config/ci-cd/build-config.yml:15:5
      |   - path: rag
      |     ^^^^ the debhelper builder reads it
    "#
    );
}

#[test]
fn a_package_that_the_control_file_does_not_make_is_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "  - path: rag\n", "  - path: rag\n    package: {name: ragg}\n")),
        @r#"
    error[config::bad-value]: rag/packaging/debian/control makes no package `ragg`
      --> config/ci-cd/build-config.yml:16:21
      |     package: {name: ragg}
      |                     ^^^^ expected `rag`
    error[config::missing-file]: `ragg` is deployed, and there is no config/ragg.service
      --> config/ci-cd/build-config.yml:17:5
      |     target: apt
      |     ^^^^^^ expected a systemd unit there, or `unit` beside this
    "#
    );
}

#[test]
fn two_projects_at_one_path_are_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "path: rag", "path: api\n    builder: debhelper")),
        @r#"
    error[config::duplicate]: `path: api` stands here twice
      --> config/ci-cd/build-config.yml:15:11
      |   - path: api
      |           ^^^ already in line 2
    error[config::missing-file]: there is neither api/packaging/debian/control nor api/debian/control
      --> config/ci-cd/build-config.yml:16:14
      |     builder: debhelper
      |              ^^^^^^^^^ the debhelper builder reads one of them
    "#
    );
}

#[test]
fn two_projects_of_one_package_are_refused() {
    insta::assert_snapshot!(
        told(&with("rag/packaging/debian/control", "Source: a\n\nPackage: api\nArchitecture: all\n")),
        @r#"
    error[config::duplicate]: two projects make the package `api`
      --> config/ci-cd/build-config.yml:15:5
      |   - path: rag
      |     ^^^^ the other is in line 5
    "#
    );
}

#[test]
fn a_project_is_not_named_like_an_environment() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "path: api\n", "path: services/staging\n")),
        @r#"
    error[config::name-clash]: a project's path holds the name of the environment `staging`
      --> config/ci-cd/build-config.yml:2:11
      |   - path: services/staging
      |           ^^^^^^^^^^^^^^^^ git cannot hold its tags beside the environment's tag
    "#
    );
}

#[test]
fn a_project_is_not_named_like_a_version() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "path: api\n", "path: api/v1.2.3\n")),
        @r#"
    error[config::name-clash]: a project's path holds `v1.2.3`, which reads like a version
      --> config/ci-cd/build-config.yml:2:11
      |   - path: api/v1.2.3
      |           ^^^^^^^^^^ nobody could tell its tags from version tags
    "#
    );
}

#[test]
fn a_freeze_ends_after_it_begins_and_names_environments() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    target: apt\n", "    freeze: [{from: 2026-12-24T00:00:00Z, until: 2026-12-23T00:00:00Z, environments: [prod]}]\n    target: apt\n")),
        @r#"
    error[config::contradiction]: this freeze ends before it begins
      --> config/ci-cd/build-config.yml:12:50
      |     freeze: [{from: 2026-12-24T00:00:00Z, until: 2026-12-23T00:00:00Z, environments: [prod]}]
      |                                                  ^^^^^^^^^^^^^^^^^^^^ expected an instant after `from`
    error[config::bad-value]: there is no environment `prod`
      --> config/ci-cd/build-config.yml:12:87
      |     freeze: [{from: 2026-12-24T00:00:00Z, until: 2026-12-23T00:00:00Z, environments: [prod]}]
      |                                                                                       ^^^^ expected a folder environments/prod
    "#
    );
}

#[test]
fn an_instant_has_a_zone() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    target: apt\n", "    freeze: [{from: 2026-12-24, until: 2026-12-26T00:00:00Z}]\n    target: apt\n")),
        @r#"
    error[config::bad-value]: this is no instant (RFC 3339)
      --> config/ci-cd/build-config.yml:12:21
      |     freeze: [{from: 2026-12-24, until: 2026-12-26T00:00:00Z}]
      |                     ^^^^^^^^^^ expected an instant with its zone, as `2026-12-24T00:00:00Z`
    "#
    );
}

#[test]
fn a_hook_has_a_deadline_and_no_shell() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    target: apt\n", "    hooks: {before_deploy: [{command: [], deadline_seconds: 0}]}\n    target: apt\n")),
        @r#"
    error[config::wrong-type]: an empty list cannot stand here
      --> config/ci-cd/build-config.yml:12:30
      |     hooks: {before_deploy: [{command: [], deadline_seconds: 0}]}
      |                              ^^^^^^^ expected a list of words, as `[make, -C, api]`
    error[config::bad-value]: 0 is out of range
      --> config/ci-cd/build-config.yml:12:61
      |     hooks: {before_deploy: [{command: [], deadline_seconds: 0}]}
      |                                                             ^ expected a whole number from 1 to 86400
    "#
    );
}

#[test]
fn a_short_key_id_is_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "projects:", "gpg: {signing: {key_id: AB12CD34}}\nprojects:")),
        @r#"
    error[config::bad-value]: a short key id can be forged
      --> config/ci-cd/build-config.yml:1:25
      | gpg: {signing: {key_id: AB12CD34}}
      |                         ^^^^^^^^ expected a whole fingerprint, 40 hexadecimal digits (`gpg --fingerprint` shows it)
    "#
    );
}

#[test]
fn a_short_key_id_of_digits_is_refused_as_well() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "projects:", "gpg: {signing: {key_id: \"0x12345678\"}}\nprojects:")),
        @r#"
    error[config::bad-value]: a short key id can be forged
      --> config/ci-cd/build-config.yml:1:25
      | gpg: {signing: {key_id: "0x12345678"}}
      |                         ^^^^^^^^^^^^ expected a whole fingerprint, 40 hexadecimal digits (`gpg --fingerprint` shows it)
    "#
    );
}

#[test]
fn a_webhook_in_plain_is_a_warning() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "projects:", "release: {notifications: {slack_webhook: https://hooks.example.com/x}}\nprojects:")),
        @r#"
    it loads
    warning[config::plain-webhook]: whoever reads this file can post to your channel
      --> config/ci-cd/build-config.yml:1:27
      | release: {notifications: {slack_webhook: https://hooks.example.com/x}}
      |                           ^^^^^^^^^^^^^ expected the name of the variable that holds the URL
    "#
    );
}

#[test]
fn what_tagboat_writes_itself_is_a_warning() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "      name: api\n", "      name: api\n      version: \"1.0.0\"\n")),
        @r#"
    it loads
    warning[config::output]: `version` is written by tagboat, and not read here
      --> config/ci-cd/build-config.yml:6:7
      |       version: "1.0.0"
      |       ^^^^^^^ this key has no effect
    "#
    );
}

#[test]
fn a_rate_is_a_part_of_one() {
    insta::assert_snapshot!(
        told(&with(GATES, "quality_metrics: {build_success_rate: {target: 95}}\n")),
        @r#"
    error[config::bad-value]: a ratio is a part of one: 0.95 is 95 %
      --> config/ci-cd/quality-gates.yml:1:48
      | quality_metrics: {build_success_rate: {target: 95}}
      |                                                ^^ expected a number from 0 to 1
    "#
    );
}

#[test]
fn a_window_is_a_number_and_a_unit() {
    insta::assert_snapshot!(
        told(&with(MONITORING, "monitoring: {alerting: {performance_degradation: {window: 1 week}}}\n")),
        @r#"
    error[config::bad-value]: a time is a number and one of s, m, h, d and w
      --> config/ci-cd/monitoring.yml:1:59
      | monitoring: {alerting: {performance_degradation: {window: 1 week}}}
      |                                                           ^^^^^^ expected a time, as `24h` or `7d`
    "#
    );
}

#[test]
fn a_parallel_build_is_said_once() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "projects:", "parallel_builds: true\nlocal_build: {configuration: {parallel_builds: false}}\nprojects:")),
        @r#"
    error[config::contradiction]: `parallel_builds` says one thing here and another at the top
      --> config/ci-cd/build-config.yml:2:48
      | local_build: {configuration: {parallel_builds: false}}
      |                                                ^^^^^ expected one of the two
    "#
    );
}
