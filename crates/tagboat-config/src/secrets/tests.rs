//! What SOPS writes, and what it does not.

use super::{Names, NotEncrypted, check, names};
use crate::tests::support::{SECRETS, example};

const ENC: &str = "ENC[AES256_GCM,data:aaaa,iv:bbbb,tag:cccc,type:str]";

#[test]
fn the_three_forms_of_sops_are_recognised() {
    assert_eq!(check(SECRETS.as_bytes()), Ok(()));
    let json = format!(r#"{{"A": {{"B": ["{ENC}"]}}, "sops": {{"mac": "{ENC}"}}}}"#);
    assert_eq!(check(json.as_bytes()), Ok(()));
    let binary =
        format!("{{\n\t\"data\": \"{ENC}\",\n\t\"sops\": {{\n\t\t\"mac\": \"{ENC}\"\n\t}}\n}}\n");
    assert_eq!(check(binary.as_bytes()), Ok(()));
}

#[test]
fn the_files_of_the_example_are_recognised() {
    for environment in ["production", "staging"] {
        let path = example().join(format!("environments/{environment}/secrets.enc"));
        assert_eq!(check(&std::fs::read(path).unwrap()), Ok(()));
    }
}

#[test]
fn what_is_not_encrypted_is_told_without_its_content() {
    let cases = [
        ("", NotEncrypted::NoMark),
        ("TOKEN: hunter2\n", NotEncrypted::NoMark),
        ("TOKEN: hunter2\nsops: {}\n", NotEncrypted::NoMark),
        ("TOKEN: hunter2\nsops: {mac: none}\n", NotEncrypted::NoMark),
        ("- hunter2\n", NotEncrypted::NoMark),
        ("{\"TOKEN\": \"hunter2\"", NotEncrypted::Unreadable),
        ("TOKEN: [hunter2\n", NotEncrypted::Unreadable),
        ("sops: hunter2\n", NotEncrypted::NoMark),
    ];
    for (text, expected) in cases {
        let found = check(text.as_bytes()).unwrap_err();
        assert_eq!(found, expected, "{text}");
        assert!(!found.to_string().contains("hunter2"));
    }
    assert_eq!(check(b"\xff\xfe"), Err(NotEncrypted::Unreadable));
}

#[test]
fn a_value_that_was_added_by_hand_is_counted() {
    let one = format!("NEW: hunter2\n{SECRETS}");
    assert_eq!(check(one.as_bytes()), Err(NotEncrypted::Readable(1)));
    let nested = format!("NEW: {{a: [1, true, x]}}\n{SECRETS}");
    assert_eq!(check(nested.as_bytes()), Err(NotEncrypted::Readable(3)));
    let no_end = format!("NEW: {}\n{SECRETS}", ENC.trim_end_matches(']'));
    assert_eq!(check(no_end.as_bytes()), Err(NotEncrypted::Readable(1)));
}

#[test]
fn what_sops_leaves_readable_is_no_mistake() {
    let suffix = format!("HOST_unencrypted: example.com\nEMPTY: \"\"\nNONE:\n{SECRETS}");
    assert_eq!(check(suffix.as_bytes()), Ok(()));
    let chosen = SECRETS.replace("  version", "  unencrypted_suffix: _plain\n  version");
    assert_eq!(check(format!("HOST_plain: x\n{chosen}").as_bytes()), Ok(()));
    assert!(check(format!("HOST_unencrypted: x\n{chosen}").as_bytes()).is_err());
    let partly = SECRETS.replace("  version", "  encrypted_regex: ^TOKEN$\n  version");
    assert_eq!(check(format!("HOST: x\n{partly}").as_bytes()), Ok(()));
    // A rule that encrypted nothing protects nothing.
    let none = partly.replace("TOKEN: ENC", "TOKEN: DEC");
    assert!(check(none.as_bytes()).is_err());
}

fn dotenv() -> String {
    format!(
        "# from sops\nTOKEN={ENC}\nHOST_unencrypted=example.com\nsops_mac={ENC}\nsops_version=3.9.0\n"
    )
}

#[test]
fn the_dotenv_form_of_sops_is_recognised() {
    assert_eq!(check(dotenv().as_bytes()), Ok(()));
    let added = dotenv().replace("# from sops", "NEW=hunter2");
    assert_eq!(check(added.as_bytes()), Err(NotEncrypted::Readable(1)));
    assert_eq!(check(b"TOKEN=hunter2\n"), Err(NotEncrypted::NoMark));
    assert_eq!(check(b"sops_mac=none\n"), Err(NotEncrypted::NoMark));
}

#[test]
fn the_names_of_secrets_are_known_without_a_key() {
    let known = |text: &str| match names(text.as_bytes()) {
        Names::Known(names) => names.into_iter().collect::<Vec<_>>().join(" "),
        Names::Hidden => "hidden".to_owned(),
    };
    assert_eq!(known(SECRETS), "TOKEN");
    assert_eq!(known(&dotenv()), "HOST_unencrypted TOKEN");
    let block = format!("\"sops\": {{\"mac\": \"{ENC}\"}}");
    assert_eq!(known(&format!("{{\"A\": \"{ENC}\", {block}}}")), "A");
    // What is nested is no variable, and what is empty is not given.
    assert_eq!(known(&format!("{{\"A\": {{\"B\": \"{ENC}\"}}, \"C\": \"\", {block}}}")), "");
    assert_eq!(known(&format!("{{\"data\": \"{ENC}\", {block}}}")), "hidden");
    assert_eq!(known("{rubbish"), "");
}
