//! What can be typed, and what users are told to type: help, examples, completions, and the commands in the texts of
//! the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tagboat_report::verb::Verb;

/// `tagboat` outside any repository.
fn tagboat(words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tagboat"))
        .args(words)
        .current_dir("/")
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn help(verb: &[&str]) -> String {
    let (status, stdout, stderr) = tagboat(&[verb, &["--help"]].concat());
    assert_eq!((status, stderr.as_str()), (0, ""), "{verb:?} --help");
    stdout
}

/// The words below `Commands:` in a help text.
fn listed(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    // A longer description goes on in lines that are indented further.
    let own = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    own.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// Every verb with its help: `["deploy"]`, `["keys", "new"]`, and the groups, `["keys"]`.
fn verbs() -> BTreeMap<Vec<String>, String> {
    let mut found = BTreeMap::new();
    let mut open: Vec<Vec<String>> = vec![vec![]];
    while let Some(path) = open.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let text = help(&words);
        open.extend(listed(&text).into_iter().map(|word| [path.clone(), vec![word]].concat()));
        if !path.is_empty() {
            found.insert(path, text);
        }
    }
    found
}

/// Whether an option stands in a help text as a word of its own.
fn names(help: &str, option: &str) -> bool {
    help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).any(|word| word == option)
}

/// Whether a verb with others below it does something by itself.
fn is_verb(help: &str) -> bool {
    let usage = help.lines().skip_while(|line| !line.starts_with("Usage: "));
    usage.take_while(|line| !line.is_empty()).any(|line| line.ends_with(" [OPTIONS]"))
}

/// Why a command that users are told to type cannot be typed.
fn fault(command: &str, verbs: &BTreeMap<Vec<String>, String>) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let [first, rest @ ..] = &words[..] else { return None };
    // `tagboat -C FOLDER …` and `tagboat --help` are of no verb.
    if first.starts_with('-') {
        let top = help(&[]);
        return (!names(&top, first)).then(|| format!("there is no option {first}"));
    }
    let one = vec![(*first).to_owned()];
    let two = rest.first().map(|second| vec![(*first).to_owned(), (*second).to_owned()]);
    let text = match (two.and_then(|two| verbs.get(&two)), verbs.get(&one)) {
        (Some(text), _) => text,
        // Some verbs can be typed alone, and with others below them.
        (None, Some(text)) if listed(text).is_empty() || is_verb(text) => text,
        _ => return Some("there is no such verb".to_owned()),
    };
    let options = words.iter().map(|word| word.split('=').next().unwrap());
    let options = options.filter(|word| word.starts_with('-') && word.len() > 1);
    let wrong = options.filter(|option| !names(text, option)).collect::<Vec<_>>();
    (!wrong.is_empty()).then(|| format!("it has no {}", wrong.join(", ")))
}

#[test]
fn every_verb_has_help_with_examples_that_can_be_typed() {
    let verbs = verbs();
    assert!(verbs.len() >= 16, "{:?}", verbs.keys());
    for (verb, help) in &verbs {
        let examples = help.split("Examples:\n").nth(1);
        let examples = examples.unwrap_or_else(|| panic!("{verb:?} has no example"));
        let lines: Vec<&str> =
            examples.lines().filter_map(|line| line.trim().strip_prefix("tagboat ")).collect();
        assert!(!lines.is_empty(), "{verb:?} has no example");
        for line in lines {
            assert!(line.starts_with(&verb.join(" ")), "{verb:?}: {line}");
            // What stands after the arguments is a remark.
            let typed = line.split("   ").next().unwrap();
            assert_eq!(fault(typed, &verbs), None, "{verb:?}: {line}");
        }
    }
}

#[test]
fn help_is_plain_text() {
    for (verb, help) in verbs() {
        let odd = help.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(odd, None, "{verb:?}");
        let wide = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{verb:?}");
    }
}

#[test]
fn what_reports_say_to_type_can_be_typed() {
    for verb in Verb::ALL {
        let help = help(&[verb.word()]);
        for option in verb.options() {
            assert!(names(&help, option), "{} has no {option}", verb.word());
        }
    }
}

/// The text literals of a Rust source, escapes resolved as far as a command may hold them.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.as_str().starts_with('/') => {
                chars.by_ref().find(|c| *c == '\n');
            }
            // A character literal may be a quotation mark.
            '\'' if chars.as_str().starts_with("\"'") => {
                chars.nth(1);
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => match chars.next() {
                            Some('\n') => {
                                let rest = chars.as_str();
                                let skip = rest.len() - rest.trim_start().len();
                                chars = rest[skip..].chars();
                            }
                            Some('n') | None => text.push('\n'),
                            Some(other) => text.push(other),
                        },
                        other => text.push(other),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    found
}

/// Every `` `tagboat …` `` in the literals of the sources, with its file.
fn told() -> BTreeSet<(String, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    let mut folders: Vec<_> =
        std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path().join("src")).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                let file = path.strip_prefix(crates).unwrap().to_str().unwrap().to_owned();
                for literal in literals(code) {
                    let quoted = literal.split('`').skip(1).step_by(2);
                    let ours = quoted.filter_map(|quoted| quoted.strip_prefix("tagboat "));
                    // A comment of a file that is written for users may wrap in a command.
                    let plain = ours.map(|command| command.replace("\n#", ""));
                    found.extend(plain.map(|command| (file.clone(), command)));
                }
            }
        }
    }
    found
}

#[test]
fn every_command_that_a_text_names_exists() {
    let verbs = verbs();
    let told = told();
    assert!(told.len() > 20, "the texts were not found: {told:?}");
    let wrong: Vec<String> = told
        .iter()
        .filter_map(|(file, command)| {
            Some(format!("{file}: `tagboat {command}`: {}", fault(command, &verbs)?))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_word_that_is_no_verb_exits_2_and_names_what_was_meant() {
    let (status, stdout, stderr) = tagboat(&["stauts"]);
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert!(stderr.contains("'status'"), "{stderr}");
    for words in [
        &["status", "--bogus"][..],
        &["deploy"],
        &["keys"],
        &["host"],
        &["keys", "old"],
        &["deploy", "v1.0.0"],
        &["logs", "api", "--env", "x", "--lines", "-1"],
        &["history", "--limit", "99999999999999999999"],
        &["-q", "-v", "status"],
        &["--format", "xml", "status"],
        &["completions", "tcsh"],
        &["build", "--arch", "riscv64"],
        // A key of no days would never expire (RFC 9580 §5.2.3.13).
        &["keys", "new", "--user", "A <a@example.org>", "--out", "/nonexistent/k", "--days", "0"],
        &[],
    ] {
        let (status, stdout, stderr) = tagboat(words);
        assert_eq!((status, stdout.as_str()), (2, ""), "{words:?}");
        assert!(!stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn completions_are_scripts_that_their_shell_reads() {
    for shell in ["bash", "zsh", "fish"] {
        let (status, script, stderr) = tagboat(&["completions", shell]);
        assert_eq!((status, stderr.as_str()), (0, ""), "{shell}");
        assert!(script.contains("rollback"), "{shell}");
        // bash is on every Debian; the others are asked where they are installed.
        let Ok(mut child) = Command::new(shell).arg("-n").stdin(Stdio::piped()).spawn() else {
            assert_ne!(shell, "bash", "there is no bash");
            continue;
        };
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{shell} -n refuses its script");
    }
}

#[test]
fn schemas_are_json_schemas() {
    for file in ["build-config", "quality-gates", "monitoring", "environment", "region"] {
        let (status, text, stderr) = tagboat(&["check", "--schema", file]);
        assert_eq!((status, stderr.as_str()), (0, ""), "{file}");
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{file}");
        assert_eq!(schema["type"], "object", "{file}");
    }
    let (status, _, stderr) = tagboat(&["check", "--schema", "no\u{1b}[31mne"]);
    assert_eq!(status, 2);
    assert!(stderr.starts_with("error[usage::schema]: "), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
}
