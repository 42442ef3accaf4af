//! Files that are no YAML, or have other keys and types than they should.

use crate::load;
use crate::tests::support::{BUILD_CONFIG, MONITORING, edited, render, told, with, without};

/// Ten aliases of ten aliases of ten ...: a file of 500 bytes that stands for 10^10 values.
fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        let items = vec![before; 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    text
}

#[test]
fn a_misspelled_key_is_shown_with_the_nearest_right_one() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "      name: api\n", "      name: api\n      architectur: [amd64]\n")),
        @r#"
    error[config::unknown-key]: unknown key `architectur`
      --> config/ci-cd/build-config.yml:6:7
      |       architectur: [amd64]
      |       ^^^^^^^^^^^ did you mean `architecture`?
    "#
    );
}

#[test]
fn a_key_like_no_other_is_shown_with_all_that_may_stand_there() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "green: 8082", "green: 8082, crimson: 1")),
        @r#"
    error[config::unknown-key]: unknown key `crimson`
      --> config/ci-cd/build-config.yml:13:38
      |     ports: {blue: 8081, green: 8082, crimson: 1}
      |                                      ^^^^^^^ expected `blue` or `green`
    "#
    );
}

#[test]
fn a_key_of_another_file_is_sent_there() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "projects:", "logging: {level: info}\nprojects:")),
        @r#"
    error[config::unknown-key]: unknown key `logging`
      --> config/ci-cd/build-config.yml:1:1
      | logging: {level: info}
      | ^^^^^^^ this belongs to config/ci-cd/monitoring.yml
    "#
    );
}

#[test]
fn a_wrong_type_says_what_was_expected() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "[make, -C, api]", "make -C api")),
        @r#"
    error[config::wrong-type]: a text cannot stand here
      --> config/ci-cd/build-config.yml:9:9
      |       - make -C api
      |         ^^^^^^^^^^^ expected a list of words, as `[make, -C, api]`
    "#
    );
}

#[test]
fn a_number_where_a_text_must_be_is_shown_in_quotes() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "mode: \"0755\"", "mode: 0755")),
        @r#"
    error[config::wrong-type]: a whole number cannot stand here
      --> config/ci-cd/build-config.yml:11:55
      |       - {from: api/build/api, to: /usr/bin/api, mode: 0755}
      |                                                       ^^^^ as a text: "0755"
    "#
    );
}

#[test]
fn a_duplicate_key_names_the_first_line() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    target: apt\n", "    target: apt\n    builder: staged\n")),
        @r#"
    error[config::duplicate-key]: the key `builder` stands here twice
      --> config/ci-cd/build-config.yml:13:5
      |     builder: staged
      |     ^^^^^^^ already in line 3
    "#
    );
}

#[test]
fn an_unknown_word_of_a_choice_is_shown_with_the_nearest() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "builder: staged", "builder: stagd")),
        @r#"
    error[config::unknown-value]: `stagd` is none of the words that may stand here
      --> config/ci-cd/build-config.yml:3:14
      |     builder: stagd
      |              ^^^^^ did you mean `staged`?
    "#
    );
}

#[test]
fn a_word_like_no_other_is_shown_with_all_there_are() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "builder: staged", "builder: nix")),
        @r#"
    error[config::unknown-value]: `nix` is none of the words that may stand here
      --> config/ci-cd/build-config.yml:3:14
      |     builder: nix
      |              ^^^ expected `debhelper` or `staged`
    "#
    );
}

#[test]
fn a_target_that_does_not_exist_yet_names_what_exists() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "target: apt", "target: docker")),
        @r#"
    error[config::not-yet]: `docker` does not exist yet
      --> config/ci-cd/build-config.yml:12:13
      |     target: docker
      |             ^^^^^^ expected `apt`
    "#
    );
}

#[test]
fn a_missing_key_points_at_its_parent() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "      name: api\n", "")),
        @r#"
    error[config::missing-key]: `name` is missing
      --> config/ci-cd/build-config.yml:4:5
      |     package:
      |     ^^^^^^^ expected `name` here: the name of a Debian package, as `local-rag`
    "#
    );
}

#[test]
fn a_tab_is_told_in_plain_words() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    builder: staged", "\tbuilder: staged")),
        @r#"
    error[config::syntax]: a tab stands in the indentation
      --> config/ci-cd/build-config.yml:3:1
      | ?builder: staged
      | ^ expected spaces
    "#
    );
}

#[test]
fn an_unclosed_bracket_is_one_mistake() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "green: 8082}", "green: 8082")),
        @r#"
    error[config::syntax]: this is no YAML: while parsing a flow mapping, did not find expected ',' or '}'
      --> config/ci-cd/build-config.yml:14:11
      |     health: {critical: [database]}
      |           ^ expected `,` or `}`
    "#
    );
}

#[test]
fn an_unclosed_quote_is_one_mistake() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "description: notes", "description: \"notes")),
        @r#"
    error[config::syntax]: this is no YAML: invalid indentation in multiline quoted scalar
      --> config/ci-cd/build-config.yml:7:7
      |       maintainer: Jo Doe <jo@example.com>
      |       ^ expected the closing quote of the text above
    "#
    );
}

#[test]
fn a_tag_of_yaml_is_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "description: notes", "description: !secret notes")),
        @r#"
    error[config::syntax]: tags (`!…`) are not read
      --> config/ci-cd/build-config.yml:6:20
      |       description: !secret notes over HTTP
      |                    ^^^^^^^ expected the value without its tag
    "#
    );
}

#[test]
fn a_merge_key_is_refused() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "ports: {blue", "ports: {<<: *x, blue")),
        @r#"
    error[config::syntax]: merge keys (`<<`) are not read
      --> config/ci-cd/build-config.yml:13:13
      |     ports: {<<: *x, blue: 8081, green: 8082}
      |             ^^ expected the keys, written out
    "#
    );
}

#[test]
fn a_second_document_is_refused() {
    insta::assert_snapshot!(
        told(&with(MONITORING, "logging: {}\n---\nlogging: {}\n")),
        @r#"
    error[config::syntax]: a second document begins here
      --> config/ci-cd/monitoring.yml:2:1
      | ---
      | ^^^ expected one document a file
    "#
    );
}

#[test]
fn a_directive_is_refused() {
    insta::assert_snapshot!(
        told(&with(MONITORING, "%YAML 1.1\n---\nlogging: {}\n")),
        @r#"
    error[config::syntax]: directives are not read
      --> config/ci-cd/monitoring.yml:1:1
      | %YAML 1.1
      | ^ expected a configuration without `%` lines
    "#
    );
}

#[test]
fn an_alias_inside_itself_is_refused() {
    insta::assert_snapshot!(
        told(&with(MONITORING, "logging: &a\n  level: *a\n")),
        @r#"
    error[config::syntax]: this alias stands inside what it stands for
      --> config/ci-cd/monitoring.yml:2:10
      |   level: *a
      |          ^^ expected a value written out
    "#
    );
}

#[test]
fn a_byte_order_mark_is_told() {
    insta::assert_snapshot!(
        told(&with(MONITORING, "\u{feff}logging: {}\n")),
        @r#"
    error[config::encoding]: the file begins with a byte-order mark
      --> config/ci-cd/monitoring.yml:1:1
      | ?logging: {}
      | ^ expected UTF-8 without a byte-order mark, its lines ended by line feeds
    "#
    );
}

#[test]
fn utf_16_is_told() {
    insta::assert_snapshot!(
        told(&with(MONITORING, b"\xff\xfel\x00o\x00")),
        @r#"
    error[config::encoding]: the file is UTF-16
      --> config/ci-cd/monitoring.yml:1:1
      | ��l?o?
      | ^ expected UTF-8 without a byte-order mark, its lines ended by line feeds
    "#
    );
}

#[test]
fn utf_16_without_a_mark_is_told() {
    insta::assert_snapshot!(
        told(&with(MONITORING, b"l\x00o\x00g\x00")),
        @r#"
    error[config::encoding]: a NUL byte stands here: the file is UTF-16, or no text
      --> config/ci-cd/monitoring.yml:1:2
      | l?o?g?
      |  ^ expected UTF-8 without a byte-order mark, its lines ended by line feeds
    "#
    );
}

#[test]
fn bytes_that_are_no_utf_8_are_told_where_they_stand() {
    insta::assert_snapshot!(
        told(&with(MONITORING, b"# fine\nlogging: {level: \xe9rror}\n")),
        @r#"
    error[config::encoding]: a byte here is no UTF-8
      --> config/ci-cd/monitoring.yml:2:18
      | logging: {level: �rror}
      |                  ^ expected UTF-8 without a byte-order mark, its lines ended by line feeds
    "#
    );
}

#[test]
fn a_file_above_the_limit_is_told_and_not_parsed() {
    insta::assert_snapshot!(
        told(&with(MONITORING, vec![b'#'; 10 << 20])),
        @r#"error[config::limit]: config/ci-cd/monitoring.yml cannot be read: it is longer than 1024 KiB"#
    );
}

#[test]
fn nesting_of_20000_is_told() {
    insta::assert_snapshot!(
        told(&with(MONITORING, "[".repeat(20_000))),
        @r#"
    error[config::limit]: nested more than 64 deep
      --> config/ci-cd/monitoring.yml:1:65
      | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
      |                                                                 ^ the limit is reached here
    "#
    );
}

#[test]
fn nesting_of_block_lists_is_told() {
    insta::assert_snapshot!(
        told(&with(MONITORING, "- ".repeat(20_000))),
        @r#"
    error[config::limit]: nested more than 64 deep
      --> config/ci-cd/monitoring.yml:1:129
      | - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - 
      |                                                                                                                                 ^ the limit is reached here
    "#
    );
}

#[test]
fn aliases_that_grow_exponentially_are_told() {
    insta::assert_snapshot!(
        told(&with(MONITORING, bomb())),
        @r#"
    error[config::limit]: more than 200000 values, aliases written out
      --> config/ci-cd/monitoring.yml:6:15
      | a5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]
      |               ^^^ the limit is reached here
    "#
    );
}

#[test]
fn a_scalar_for_a_file_is_told() {
    insta::assert_snapshot!(
        told(&with(MONITORING, "hello\n")),
        @r#"
    error[config::wrong-type]: a text cannot stand here
      --> config/ci-cd/monitoring.yml:1:1
      | hello
      | ^^^^^ expected a mapping with `monitoring`, `logging`
    "#
    );
}

#[test]
fn nothing_where_a_list_must_be_is_told() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "    files:\n      - {from: api/build/api, to: /usr/bin/api, mode: \"0755\"}\n", "    files:\n")),
        @r#"
    error[config::wrong-type]: nothing cannot stand here
      --> config/ci-cd/build-config.yml:10:5
      |     files:
      |     ^^^^^ expected a list; each item: a mapping with `from`, `to`, `mode`, `type`, `target`
    "#
    );
}

#[test]
fn a_missing_build_config_says_how_to_get_one() {
    insta::assert_snapshot!(
        told(&without("config/ci-cd/build-config.yml")),
        @r#"
    error[config::missing-file]: there is no config/ci-cd/build-config.yml
      help: `tagboat init` writes a first configuration
    "#
    );
}

#[test]
fn a_missing_environment_file_is_told() {
    insta::assert_snapshot!(
        told(&without("environments/staging/environment.yml")),
        @r#"
    error[config::missing-file]: there is no environments/staging/environment.yml
      help: an environment is a folder with this file in it, which may be empty
    "#
    );
}

#[test]
fn neither_projects_nor_package_is_told() {
    insta::assert_snapshot!(
        told(&with(BUILD_CONFIG, "remote: origin\n")),
        @r#"
    error[config::missing-key]: `projects` is missing
      --> config/ci-cd/build-config.yml:1:1
      | remote: origin
      | ^^^^^^ expected `projects` here, or `package` for a repository with a single one
      help: `tagboat init` writes a first configuration
    "#
    );
}

#[test]
fn projects_beside_package_is_told() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "projects:", "package: {name: rag}\nprojects:")),
        @r#"
    error[config::contradiction]: `package` stands beside `projects`
      --> config/ci-cd/build-config.yml:1:1
      | package: {name: rag}
      | ^^^^^^^ a package belongs to its project in the list
    "#
    );
}

#[test]
fn several_mistakes_are_told_in_the_order_of_the_file() {
    insta::assert_snapshot!(
        told(&edited(BUILD_CONFIG, "builder: staged\n    package:\n      name: api\n      description: notes over HTTP", "builder: stage\n    package:\n      name: API\n      descripton: notes")),
        @r#"
    error[config::unknown-value]: `stage` is none of the words that may stand here
      --> config/ci-cd/build-config.yml:3:14
      |     builder: stage
      |              ^^^^^ did you mean `staged`?
    error[config::bad-value]: a package's name has two or more of a-z, 0-9, `+`, `-` and `.`, a letter or digit first (Policy 5.6.1)
      --> config/ci-cd/build-config.yml:5:13
      |       name: API
      |             ^^^ expected the name of a Debian package, as `local-rag`
    error[config::unknown-key]: unknown key `descripton`
      --> config/ci-cd/build-config.yml:6:7
      |       descripton: notes
      |       ^^^^^^^^^^ did you mean `description`?
    "#
    );
}

#[test]
fn a_flood_of_mistakes_is_cut_and_counted() {
    let mut text = String::from("logging: {}\n");
    for number in 0..10_000 {
        text.push_str(&format!("key{number}: 1\n"));
    }
    let told = load(&with(MONITORING, text)).unwrap_err();
    assert_eq!(told.len(), 51);
    let last = render(&told[50..]);
    assert!(last.starts_with("error[config::more]: 9950 more mistakes"), "{last}");
}

#[test]
fn a_mistake_in_one_project_hides_none_in_another() {
    let files = edited(BUILD_CONFIG, "builder: staged", "builder: stagd");
    let crate::Files::Listed(mut listed) = files else { unreachable!() };
    listed.remove("rag/packaging/debian/rag.service");
    let told = told(&crate::Files::Listed(listed));
    assert!(told.contains("did you mean `staged`?"), "{told}");
    assert!(told.contains("`rag` is deployed, and there is no config/rag.service"), "{told}");
}
