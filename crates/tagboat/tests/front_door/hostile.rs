//! Every verb over a repository whose every name attacks, and with such names as its arguments: none is obeyed, none is
//! printed raw, nothing crashes.

use std::process::{Command, Stdio};

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_core::ledger::{HoldAction, HoldChange};
use tagboat_core::version::Version;
use tagboat_testing::hostile::{canaries, repository, texts};
use tagboat_testing::monorepo::Monorepo;
use tagboat_testing::terminal;

use crate::ledgers::{Book, tag};
use crate::user::{command, see, tagboat};

/// The public exit statuses (README): 70 would be a bug, 101 a panic, 124 the end of patience.
const PUBLIC: [i32; 8] = [0, 1, 2, 3, 4, 5, 6, 130];

/// A completion script is a script, and help is a text, whoever asks.
const TEXTS: [&str; 3] = ["completions", "-h", "--help"];

/// Variables that are told, or stand where a name does.
const VARIABLES: [&str; 5] =
    ["USER", "GITHUB_REF_NAME", "GITHUB_RUN_ID", "TAGBOAT_SSH_IDENTITY", "TAGBOAT_SIGNING_KEY"];

/// A verb that does something, as its own help describes it: so none is forgotten.
#[derive(Debug)]
struct Verb {
    /// `version tag`.
    words: Vec<String>,
    /// What it must be given, in order: `--env`, `<ENVIRONMENT>`, `<VERSION>`, `[PROJECT]`.
    usage: Vec<String>,
    /// Options with the name of their value.
    options: Vec<(String, String)>,
    /// Switches.
    switches: Vec<String>,
}

/// Every verb, by walking through all help pages.
fn verbs(repo: &Monorepo) -> Vec<Verb> {
    let (mut verbs, mut groups) = (Vec::new(), vec![Vec::<String>::new()]);
    while let Some(words) = groups.pop() {
        let mut asked: Vec<&str> = words.iter().map(String::as_str).collect();
        asked.push("--help");
        let help = tagboat(repo, &asked);
        assert_eq!(help.status, 0, "{}", help.all());
        let section = |head: &str| {
            let lines = help.stdout.lines().skip_while(move |line| *line != head).skip(1);
            lines.take_while(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let below = section("Commands:");
        if below.is_empty() {
            verbs.push(Verb::read(words, &help.stdout));
            continue;
        }
        for line in below {
            // A line that goes on is indented more.
            if let Some(name) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')) {
                let name = name.split(' ').next().unwrap().to_owned();
                groups.push(words.iter().cloned().chain([name]).collect());
            }
        }
    }
    verbs
}

impl Verb {
    fn read(words: Vec<String>, help: &str) -> Self {
        let usage = help.split_once("Usage: tagboat ").unwrap().1;
        let usage = usage.split_once("\n\n").unwrap().0.split_whitespace();
        let usage = usage.skip(words.len()).filter(|word| *word != "[OPTIONS]");
        let (mut options, mut switches) = (Vec::new(), Vec::new());
        for line in help.lines().map(str::trim_start) {
            let Some(at) = line.find("--").filter(|at| line.starts_with('-') && *at < 5) else {
                continue;
            };
            let mut parts = line[at..].splitn(2, ' ');
            let name = parts.next().unwrap().to_owned();
            let value = parts.next().and_then(|rest| rest.strip_prefix('<')?.split_once('>'));
            match value {
                Some((value, _)) => options.push((name, value.to_owned())),
                None => switches.push(name),
            }
        }
        switches.retain(|switch| switch != "--help");
        Self { words, usage: usage.map(str::to_owned).collect(), options, switches }
    }

    fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|has| has == switch)
    }

    /// The words to type, where `fill` gives a value by the name of its place.
    fn typed(&self, fill: impl Fn(&str) -> String) -> Vec<String> {
        let mut typed = self.words.clone();
        for word in &self.usage {
            let place = word.trim_matches(['<', '>', '[', ']', '.']);
            typed.push(if place == word { word.clone() } else { fill(place) });
        }
        typed
    }

    fn takes_names(&self) -> bool {
        self.usage.iter().any(|word| word.starts_with(['<', '[']))
    }
}

/// What a user would type there.
fn usual(place: &str) -> String {
    match place {
        "VERSION" => "api/v1.0.0",
        "PROJECT" | "PROJECT|VERSION" | "VERSION|PROJECT" => "api",
        "ENVIRONMENT" | "ENV" => "staging",
        "SHELL" => "bash",
        "HOST" => "web-1",
        "SECONDS" | "COUNT" | "LINES" => "1",
        "TIME" => "2026-05-03T14:00Z",
        // One of several words.
        words if words.contains('|') => words.split('|').next().unwrap(),
        _ => "any",
    }
    .to_owned()
}

/// Where it is told, and in which form.
#[derive(Clone, Copy, Debug)]
enum Reader {
    Person,
    Program,
    Terminal,
}

const READERS: [Reader; 3] = [Reader::Person, Reader::Program, Reader::Terminal];

/// Runs of the program, and what was wrong with them.
struct Trial {
    repo: Monorepo,
    wrong: Vec<String>,
}

impl Trial {
    fn new() -> Self {
        Self { repo: world(), wrong: Vec::new() }
    }

    fn run(&mut self, words: &[String], reader: Reader) {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Reader::Program = reader {
            // Before all else: a `--` further on ends the options.
            words.splice(0..0, ["--format", "json"]);
        }
        let (status, text) = self.see(&words, reader);
        let mut complain = |what: String| {
            let text: String = text.chars().take(2_000).collect();
            self.wrong.push(format!("{reader:?} {words:?}: {what}\n{text:?}"));
        };
        if !status.is_some_and(|status| PUBLIC.contains(&status)) {
            complain(format!("status {status:?}"));
        }
        if let Some(raw) = text.chars().find(|c| acts(*c)) {
            complain(format!("{raw:?} is printed raw"));
        }
        // The runner of GitHub Actions obeys what a step prints (`ActionCommand` of actions/runner).
        if text.contains("##[") || text.lines().any(|line| line.trim_start().starts_with("::")) {
            complain("a workflow command is printed".to_owned());
        }
    }

    /// The status, and all that was printed.
    fn see(&mut self, words: &[&str], reader: Reader) -> (Option<i32>, String) {
        let repo = &self.repo;
        let mut patient = Command::new("timeout");
        let inner = command(repo, &repo.work(), words);
        patient.args(["--kill-after=5", "60"]).arg(inner.get_program()).args(inner.get_args());
        patient.current_dir(repo.work()).env_clear().env("NO_COLOR", "1");
        patient.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        patient.envs(VARIABLES.map(|name| (name, "$(touch pwned)\u{1b}[41m\u{202e}\n::x::")));
        patient.stdin(std::fs::File::open(repo.folder().join("stdin")).unwrap());
        if let Reader::Terminal = reader {
            let (status, seen) = terminal::run(patient);
            // A terminal begins each line anew (termios(3), ONLCR).
            return (status.code(), String::from_utf8(seen).unwrap().replace("\r\n", "\n"));
        }
        let output = patient.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        if let (Reader::Program, false) = (reader, words.iter().any(|word| TEXTS.contains(word))) {
            let documents = serde_json::Deserializer::from_str(&stdout);
            for document in documents.into_iter::<serde_json::Value>() {
                if let Err(error) = document {
                    self.wrong.push(format!("{words:?}: {error}: {stdout}"));
                    break;
                }
            }
        }
        (output.status.code(), stdout + &stderr)
    }

    #[track_caller]
    fn end(self) {
        let first = &self.wrong[..self.wrong.len().min(8)];
        assert!(first.is_empty(), "{} are wrong:\n{}", self.wrong.len(), first.join("\n\n"));
        assert_eq!(canaries(self.repo.folder()), Vec::<String>::new());
    }
}

/// What acts on a terminal, or reorders or hides what is read (Unicode, UAX #9).
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The repository, with ledgers that hostile people wrote, too. What hooks read on standard input is hostile as well.
fn world() -> Monorepo {
    let repo = repository();
    let commit =
        CommitSha::parse(&repo.git(&["rev-parse", "refs/tags/api/v1.2.0^{commit}"])).unwrap();
    let mut book = Book::by(&repo, tag("api", "staging"), &texts().concat());
    book.add("api/v1.2.0", &commit, Terminal::Succeeded);
    let holds =
        texts().into_iter().filter(|text| !text.trim().is_empty()).map(|reason| HoldChange {
            version: Version::parse("api/v1.1.0").unwrap(),
            action: HoldAction::Held,
            reason,
        });
    book.add_with("api/v1.2.0", &commit, Terminal::RolledBack, holds.collect());
    let refs =
        repo.git(&["for-each-ref", "--count=1", "--format=%(refname) %(objectname) %(objectname)"]);
    let lines: String = texts().iter().map(|text| format!("{text} {text} {text}\n")).collect();
    std::fs::write(repo.folder().join("stdin"), format!("{refs}\n{lines}")).unwrap();
    repo
}

#[test]
fn every_verb_reads_a_repository_of_hostile_names() {
    let mut trial = Trial::new();
    for verb in verbs(&trial.repo) {
        for reader in READERS {
            let typed = verb.typed(usual);
            let careful = [
                verb.has("--dry-run").then_some("--dry-run"),
                verb.has("--offline").then_some("--offline"),
            ];
            for switch in [None, careful[0], careful[1], Some("--verbose"), Some("--help")] {
                // What needs minutes, and roots, to be done is planned only.
                let costs = ["build", "validate"].contains(&verb.words[0].as_str());
                if costs && !["--dry-run", "--help"].map(Some).contains(&switch) {
                    continue;
                }
                trial.run(
                    &typed.iter().cloned().chain(switch.map(str::to_owned)).collect::<Vec<_>>(),
                    reader,
                );
            }
        }
    }
    trial.end();
}

#[test]
fn hostile_names_stop_no_answer() {
    let repo = world();
    let answers = [
        (&["status"][..], "v1.2.0"),
        (&["history", "api"], r"\u{202e}gpj.exe"),
        (&["version", "next"], "api/v2.0.0"),
        (&["version", "next", "api"], r"\u{202e}\u{202e}"),
        (&["build", "api/v1.2.0", "--dry-run"], "build api 1.2.0"),
    ];
    for (words, answer) in answers {
        let seen = tagboat(&repo, words);
        // 1: some of the hostile tags stand where a ledger does.
        assert!(seen.status <= 1, "{}", seen.all());
        assert!(seen.all().contains(answer), "{words:?}: {}", seen.all());
    }
    // What is wrong with the repository is found in spite of them.
    let check = tagboat(&repo, &["check"]);
    assert!(check.status == 0 || check.stderr.contains("error[check::"), "{}", check.all());
}

#[test]
fn every_verb_takes_hostile_names_as_arguments() {
    let mut trial = Trial::new();
    let all = texts();
    let mut readers = READERS.into_iter().cycle();
    for (verb, turn) in verbs(&trial.repo).into_iter().zip(0..) {
        let costs = ["build", "validate"].contains(&verb.words[0].as_str());
        for (text, index) in all.iter().zip(0..) {
            // Each name in some verbs; with TAGBOAT_FULL in all of them, in every option.
            let full = std::env::var_os("TAGBOAT_FULL").is_some();
            if !full && (index + turn) % 4 != 0 {
                continue;
            }
            let mut before = verb.words.clone();
            before.extend(costs.then(|| "--dry-run".to_owned()));
            // In every place at once.
            if verb.takes_names() {
                let mut typed = verb.typed(|_| text.clone());
                typed.splice(..verb.words.len(), before.clone());
                trial.run(&typed, readers.next().unwrap());
            }
            for (option, place) in verb.options.iter().zip(0..) {
                if !full && (index / 4) % verb.options.len() != place {
                    continue;
                }
                let mut typed = verb.typed(usual);
                typed.splice(..verb.words.len(), before.clone());
                // With `=`, so that a dash at its beginning is not another option.
                typed.push(format!("{}={text}", option.0));
                trial.run(&typed, readers.next().unwrap());
            }
        }
    }
    trial.end();
}

#[test]
fn hostile_names_in_the_configuration_are_refused_and_escaped() {
    let mut trial = Trial::new();
    let config = trial.repo.work().join("config/ci-cd/build-config.yml");
    let sound = std::fs::read_to_string(&config).unwrap();
    for (text, index) in texts().into_iter().zip(0..) {
        // JSON is YAML: a hostile name is a legal scalar.
        let quoted = serde_json::to_string(&text).unwrap();
        std::fs::write(&config, sound.replace("path: api", &format!("path: {quoted}"))).unwrap();
        let verbs = [["check"].as_slice(), &["status"], &["build", "--dry-run"]];
        let words = verbs[index % verbs.len()].iter().map(|&word| word.to_owned());
        trial.run(&words.collect::<Vec<_>>(), READERS[(index / verbs.len()) % READERS.len()]);
    }
    trial.end();
}

#[test]
fn hostile_environment_folders_are_told_escaped() {
    let mut trial = Trial::new();
    for text in texts() {
        if text.contains('/') || text.len() > 255 || ["", ".", ".."].contains(&text.as_str()) {
            continue;
        }
        let folder = trial.repo.work().join("environments").join(&text);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("environment.yml"), "hosts: []\n").unwrap();
    }
    for verb in verbs(&trial.repo) {
        if ["build", "validate"].contains(&verb.words[0].as_str()) {
            continue;
        }
        for reader in READERS {
            trial.run(&verb.typed(usual), reader);
        }
    }
    trial.end();
}

#[test]
fn a_branch_and_a_folder_below_with_hostile_names_are_a_place_to_work_in() {
    let trial = Trial::new();
    let below = trial.repo.work().join("$(touch${IFS}pwned)");
    trial.repo.git(&["symbolic-ref", "HEAD", "refs/heads/\u{202e}gpj.exe"]);
    for words in [
        &["status"][..],
        &["version", "next"],
        &["check"],
        &["plan", "api/v1.2.0", "--env", "staging"],
    ] {
        let mut inside = command(&trial.repo, &below, words);
        let seen = see(&trial.repo, inside.stdin(Stdio::null()));
        assert!(PUBLIC.contains(&seen.status), "{}", seen.all());
        assert!(!seen.all().contains(acts), "{:?}", seen.all());
    }
    trial.end();
}
