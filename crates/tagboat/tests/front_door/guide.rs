//! The guide tells the truth: what its console blocks show is typed here, in their order, in one repository. What a
//! reader's hosts would have done is done between them, where the page says so in a comment.

use std::collections::BTreeMap;
use std::process::Command;

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_core::ledger::{HoldAction, HoldChange};
use tagboat_core::version::Version;
use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::{Book, tag};
use crate::versions::new_shop;

/// What happens on a page.
#[derive(Debug)]
enum Step {
    /// A command is typed, and this is what it prints.
    Typed(String, String),
    /// `<!-- guide: api/v1.0.0 runs in staging -->`.
    Happened(String),
}

/// What the console blocks of a page show to be typed, each with what it prints; and what happens between them.
fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut in_console = false;
    for line in page.lines() {
        let happened = line.strip_prefix("<!-- guide: ").and_then(|line| line.strip_suffix(" -->"));
        match (line.strip_prefix("$ "), happened, steps.last_mut()) {
            _ if line.starts_with("```") => in_console = line == "```console",
            (Some(command), ..) if in_console => {
                steps.push(Step::Typed(command.to_owned(), String::new()));
            }
            (_, _, Some(Step::Typed(_, printed))) if in_console => {
                printed.push_str(&format!("{line}\n"));
            }
            (_, Some(what), _) => steps.push(Step::Happened(what.to_owned())),
            _ => {}
        }
    }
    steps
}

/// The hosts that the page tells of.
struct Hosts<'r> {
    repo: &'r Monorepo,
    books: BTreeMap<String, Book>,
}

impl Hosts<'_> {
    fn happen(&mut self, what: &str) {
        let words: Vec<&str> = what.split(' ').collect();
        let (version, environment) = match words[..] {
            [environment, "has", "a", "host"] => {
                let host = "requires_approval: true\nhosts:\n  - {name: web-1, address: 192.0.2.1, user: root, arch: amd64}\n";
                self.repo.write(&format!("environments/{environment}/environment.yml"), host);
                return;
            }
            [version, "runs", "in", environment] => (version, environment),
            [version, "is", "rolled", "back", "in", environment] => (version, environment),
            _ => unreachable!("nothing like {what:?} can happen"),
        };
        let commit = self.repo.git(&["rev-parse", &format!("{version}^{{commit}}")]);
        let commit = CommitSha::parse(&commit).unwrap();
        let book = self
            .books
            .entry(environment.to_owned())
            .or_insert_with(|| Book::by(self.repo, tag("api", environment), "alice"));
        if words[1] == "runs" {
            return book.add(version, &commit, Terminal::Succeeded);
        }
        let held = HoldChange {
            version: Version::parse(version).unwrap(),
            action: HoldAction::Held,
            reason: "health gate on web-1: 3 bad answers in a row: it answered HTTP 503".to_owned(),
        };
        book.add_with(version, &commit, Terminal::RolledBack, vec![held]);
    }
}

/// Ages depend on today, and the columns on them: where one is told every age is `3 d ago`, and columns stand two
/// spaces apart.
fn ageless(printed: &str) -> String {
    if !printed.contains(" ago") {
        return printed.to_owned();
    }
    let line = |line: &str| {
        let (indent, columns) = line.split_at(line.len() - line.trim_start().len());
        let columns = columns.split("  ").map(str::trim).filter(|column| !column.is_empty());
        let words = columns.map(|column| {
            let words: Vec<&str> = column.split(' ').collect();
            let is_age = |at: usize| words.get(at + 2).is_some_and(|word| word.starts_with("ago"));
            let told = words.iter().enumerate();
            told.map(|(at, &word)| if is_age(at) { "3" } else { word })
                .collect::<Vec<_>>()
                .join(" ")
        });
        format!("{indent}{}\n", words.collect::<Vec<_>>().join("  "))
    };
    printed.lines().map(line).collect()
}

#[test]
fn every_console_block_of_the_guide_is_true() {
    let page =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/versions-and-environments.md");
    let page = std::fs::read_to_string(page).unwrap();
    let steps = steps(&page);
    assert!(steps.len() > 20, "{steps:?}");
    let repo = new_shop();
    repo.write("lib/list", "unsorted\n");
    repo.commit("feat: lists");
    repo.git(&["push", "-q", "--set-upstream", "origin", "main"]);
    let mut hosts = Hosts { repo: &repo, books: BTreeMap::new() };
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_tagboat"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().to_str().unwrap());
    let (mut whole, mut shown) = (String::new(), String::new());
    let mut expected = String::new();
    for (minute, step) in steps.iter().enumerate() {
        let (command, printed) = match step {
            Step::Typed(command, printed) => (command, printed),
            Step::Happened(what) => {
                hosts.happen(what);
                continue;
            }
        };
        // One stream: what is printed in which order is what a terminal shows.
        let time = format!("{} +0000", 1_767_312_000 + minute * 60);
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .current_dir(repo.work())
            .env_clear()
            .env("PATH", &path)
            .envs(repo.environment())
            .env("GIT_AUTHOR_DATE", &time)
            .env("GIT_COMMITTER_DATE", &time)
            .output()
            .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        whole.push_str(&format!("$ {command}\n{output}"));
        shown.push_str(&format!("$ {command}\n{}", ageless(&output)));
        expected.push_str(&format!("$ {command}\n{}", ageless(printed)));
    }
    if let Some(file) = std::env::var_os("TAGBOAT_GUIDE") {
        std::fs::write(file, &whole).unwrap();
    }
    assert_eq!(shown, expected);
}
