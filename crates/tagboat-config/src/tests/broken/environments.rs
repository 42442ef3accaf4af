//! Environments, regions, hosts and secrets that break a rule.

use crate::tests::support::{BUILD_CONFIG, PRODUCTION, REGION, edited, told, with, without};

#[test]
fn production_is_production() {
    insta::assert_snapshot!(
        told(&edited(PRODUCTION, "is_production: true", "is_production: false")),
        @r#"
    error[config::contradiction]: the environment `production` is production
      --> environments/production/environment.yml:1:16
      | is_production: false
      |                ^^^^^ expected true, or another name for its folder
    "#
    );
}

#[test]
fn production_without_approval_is_a_warning() {
    insta::assert_snapshot!(
        told(&edited(PRODUCTION, "is_production: true", "requires_approval: false")),
        @r#"
    it loads
    warning[config::no-approval]: `production` is production and requires no approval
      --> environments/production/environment.yml:1:20
      | requires_approval: false
      |                    ^^^^^ true lets a person look first
    "#
    );
}

#[test]
fn missing_secrets_are_a_warning() {
    insta::assert_snapshot!(
        told(&without("environments/production/secrets.enc")),
        @r#"
    it loads
    warning[config::no-secrets]: production has no secrets: there is no environments/production/secrets.enc
      help: keep secrets there, encrypted by sops
    "#
    );
}

#[test]
fn plain_secrets_are_an_error_that_never_shows_them() {
    insta::assert_snapshot!(
        told(&with("environments/production/secrets.enc", "TOKEN: hunter2\n")),
        @r#"
    error[config::plain-secrets]: environments/production/secrets.enc is not encrypted by SOPS: it has no `sops` block with a `mac`
      help: encrypt it, and change what it held: whoever reads the repository has read it
    "#
    );
}

#[test]
fn secrets_stand_in_their_environment() {
    insta::assert_snapshot!(
        told(&edited(PRODUCTION, "is_production: true", "secrets_file: environments/staging/secrets.enc")),
        @r#"
    error[config::bad-value]: the secrets of an environment stand in its folder
      --> environments/production/environment.yml:1:15
      | secrets_file: environments/staging/secrets.enc
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected a path that starts with `environments/production/`
    "#
    );
}

#[test]
fn an_environment_is_called_like_its_folder() {
    insta::assert_snapshot!(
        told(&edited(PRODUCTION, "is_production: true", "name: prod\nconfig_path: environments/prod")),
        @r#"
    error[config::bad-value]: `prod` is not the name of its folder
      --> environments/production/environment.yml:1:7
      | name: prod
      |       ^^^^ expected `production`
    error[config::bad-value]: `config_path` is not the folder that this file is in
      --> environments/production/environment.yml:2:14
      | config_path: environments/prod
      |              ^^^^^^^^^^^^^^^^^ expected `environments/production`, or nothing
    "#
    );
}

#[test]
fn a_folder_that_is_no_environment_is_told() {
    insta::assert_snapshot!(
        told(&with("environments/V1/environment.yml", "")),
        @r#"error[config::bad-value]: the folder environments/V1 is no environment: an environment's name is a lower-case letter, then lower-case letters, digits and hyphens, 63 at most"#
    );
}

#[test]
fn a_folder_that_is_no_region_is_told() {
    insta::assert_snapshot!(
        told(&with("environments/staging/regions/europe/region.yml", "")),
        @r#"error[config::bad-value]: the folder environments/staging/regions/europe is no region: a region's name is two lower-case letters, a hyphen and more of them, as in `eu-west`"#
    );
}

#[test]
fn a_region_is_called_something_by_a_cloud() {
    insta::assert_snapshot!(
        told(&with(REGION, "cloud_mappings: {}\n")),
        @r#"
    error[config::bad-value]: a region is called something by one cloud at least
      --> environments/production/regions/eu-west/region.yml:1:1
      | cloud_mappings: {}
      | ^^^^^^^^^^^^^^ expected a provider and its word, as `aws: eu-west-1`
    "#
    );
}

#[test]
fn regions_name_every_folder_and_no_other() {
    insta::assert_snapshot!(
        told(&edited(PRODUCTION, "is_production: true", "regions: [us-east]")),
        @r#"
    error[config::missing-key]: `regions` leaves out `eu-west`
      --> environments/production/environment.yml:1:1
      | regions: [us-east]
      | ^^^^^^^ expected every folder below regions/, in the order of deployment
    error[config::bad-value]: there is no region `us-east`
      --> environments/production/environment.yml:1:11
      | regions: [us-east]
      |           ^^^^^^^ expected a folder regions/us-east beside this file
    "#
    );
}

#[test]
fn two_hosts_of_one_name_are_refused() {
    insta::assert_snapshot!(
        told(&edited(PRODUCTION, "    arch: amd64\n", "    arch: amd64\n  - {name: web-1, address: a, user: b, arch: arm64}\n")),
        @r#"
    error[config::duplicate]: `name: web-1` stands here twice
      --> environments/production/environment.yml:8:12
      |   - {name: web-1, address: a, user: b, arch: arm64}
      |            ^^^^^ already in line 3
    "#
    );
}

#[test]
fn two_hosts_of_one_name_in_two_files_are_refused() {
    insta::assert_snapshot!(
        told(&edited(REGION, "name: web-2", "name: web-1")),
        @r#"
    error[config::duplicate]: two hosts of one environment are called `web-1`
      --> environments/production/regions/eu-west/region.yml:3:12
      |   - {name: web-1, address: web-2.example.com, user: deploy, arch: arm64}
      |            ^^^^^ the other is in environments/production/environment.yml:3
    "#
    );
}

#[test]
fn a_host_is_named_by_its_grammar() {
    insta::assert_snapshot!(
        told(&edited(REGION, "name: web-2, address: web-2.example.com, user: deploy", "name: Web, address: -oProxyCommand=x, user: root;id")),
        @r#"
    error[config::bad-value]: a host's name is made of lower-case letters, digits and inner hyphens, 63 at most
      --> environments/production/regions/eu-west/region.yml:3:12
      |   - {name: Web, address: -oProxyCommand=x, user: root;id, arch: arm64}
      |            ^^^ expected the name of a host, as `web-1`
    error[config::bad-value]: an address has letters, digits and `.:_-` only; the port has a key of its own
      --> environments/production/regions/eu-west/region.yml:3:26
      |   - {name: Web, address: -oProxyCommand=x, user: root;id, arch: arm64}
      |                          ^^^^^^^^^^^^^^^^ expected a host name or an address, as `192.0.2.10`
    error[config::bad-value]: a user's name has lower-case letters, digits and `_-` only, 32 at most
      --> environments/production/regions/eu-west/region.yml:3:50
      |   - {name: Web, address: -oProxyCommand=x, user: root;id, arch: arm64}
      |                                                  ^^^^^^^ expected a user's name, as `deploy`
    "#
    );
}

#[test]
fn a_host_key_cut_short_is_refused() {
    insta::assert_snapshot!(
        told(&edited(PRODUCTION, "bH13cmRCs2q/nwH3rC1hJZd", "bH1=")),
        @r#"
    error[config::bad-value]: the key is no base64
      --> environments/production/environment.yml:6:15
      |     host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFAgw1UekFaUaonKL35cQbH1=
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected a public key, as `ssh-ed25519 AAAA…` (`ssh-keyscan` shows it; compare it on the host)
    "#
    );
}

#[test]
fn a_host_key_is_no_fingerprint() {
    insta::assert_snapshot!(
        told(&edited(PRODUCTION, "ssh-ed25519 AAAAC3", "SHA256:AAAAC3")),
        @r#"
    error[config::bad-value]: this starts with none of ssh-ed25519, ecdsa-sha2-nistp256, -384, -521 and ssh-rsa
      --> environments/production/environment.yml:6:15
      |     host_key: SHA256:AAAAC3NzaC1lZDI1NTE5AAAAIFAgw1UekFaUaonKL35cQbH13cmRCs2q/nwH3rC1hJZd
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected a public key, as `ssh-ed25519 AAAA…` (`ssh-keyscan` shows it; compare it on the host)
    "#
    );
}

#[test]
fn a_host_key_of_another_algorithm_is_refused() {
    insta::assert_snapshot!(
        told(&edited(PRODUCTION, "host_key: ssh-ed25519", "host_key: ssh-rsa")),
        @r#"
    error[config::bad-value]: the key is of another algorithm than the word before it
      --> environments/production/environment.yml:6:15
      |     host_key: ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIFAgw1UekFaUaonKL35cQbH13cmRCs2q/nwH3rC1hJZd
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected a public key, as `ssh-ed25519 AAAA…` (`ssh-keyscan` shows it; compare it on the host)
    "#
    );
}

#[test]
fn two_hosts_at_one_address_are_refused() {
    insta::assert_snapshot!(
        told(&edited(REGION, "address: web-2.example.com", "address: 192.0.2.21")),
        @r"
    error[config::duplicate]: two hosts of one environment are at 192.0.2.21
      --> environments/production/regions/eu-west/region.yml:3:28
      |   - {name: web-2, address: 192.0.2.21, user: deploy, arch: arm64}
      |                            ^^^^^^^^^^ the other is in environments/production/environment.yml:4: one machine would be deployed to twice
    ");
    // Behind one address there may be two machines, at two ports.
    let other = edited(REGION, "address: web-2.example.com", "address: 192.0.2.21, port: 2222");
    assert!(told(&other).starts_with("it loads"));
}

#[test]
fn what_is_named_in_a_list_is_named_once() {
    let project = |more: &str| {
        edited(
            BUILD_CONFIG,
            "    health: {critical",
            &format!("    {more}\n    health: {{critical"),
        )
    };
    let key = "0123456789ABCDEF0123456789ABCDEF01234567";
    for files in [
        edited(PRODUCTION, "is_production: true", "regions: [eu-west, eu-west]"),
        edited(REGION, "arch: arm64", "arch: arm64, labels: [a, a]"),
        project("release_branches: [main, main]"),
        project(&format!("signers: [{key}, {key}]")),
        project("variables: {run_time: [{name: A}, {name: A, secret: true}]}"),
    ] {
        let told = told(&files);
        assert!(told.contains("stands here twice"), "{told}");
    }
}

#[test]
fn a_region_is_called_like_its_folder() {
    let named =
        "name: eu-east\nconfig_path: environments/production/regions/eu-east\ncloud_mappings";
    insta::assert_snapshot!(told(&edited(REGION, "cloud_mappings", named)), @r"
    error[config::bad-value]: `eu-east` is not the name of its folder
      --> environments/production/regions/eu-west/region.yml:1:7
      | name: eu-east
      |       ^^^^^^^ expected `eu-west`
    error[config::bad-value]: `config_path` is not the folder that this file is in
      --> environments/production/regions/eu-west/region.yml:2:14
      | config_path: environments/production/regions/eu-east
      |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected `environments/production/regions/eu-west`, or nothing
    ");
}

#[test]
fn a_path_of_secrets_leads_nowhere_else() {
    let told_of = |to: &str| told(&edited(PRODUCTION, "is_production: true", to));
    for path in ["environments/production/../staging/secrets.enc", "/etc/passwd", "secrets.enc"] {
        let told = told_of(&format!("secrets_file: {path}"));
        assert!(told.contains("error[config::bad-value]") && told.contains("yml:1:15"), "{told}");
    }
}
