//! How many programs a verb starts: as many in a large repository as in a small one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::{Book, tag};
use crate::user::{command, see, tagboat};

const ENVIRONMENTS: [&str; 3] = ["production", "staging", "canary"];

/// The verbs that read every tag; the first brings them.
const VERBS: [&[&str]; 8] = [
    &["status"],
    &["check"],
    &["status", "--offline"],
    &["status", "--offline", "--format", "json"],
    &["check", "--offline"],
    &["history", "p0", "--env", "production", "--offline"],
    &["version", "next", "p0", "--offline"],
    &["rollback", "p0", "--env", "production", "--dry-run", "--offline"],
];

/// A repository with so many projects, each with its versions, its ledgers, and an environment tag from before.
struct Grown {
    repo: Monorepo,
    books: Vec<Book>,
    commit: CommitSha,
}

impl Grown {
    fn new(projects: usize) -> Self {
        let repo = Monorepo::new();
        let mut config = String::from("projects:\n");
        for name in (0..projects).map(|index| format!("p{index}")) {
            config.push_str(&format!(
                "  - path: {name}\n    target: apt\n    builder: staged\n    package: {{name: {name}, \
                 architecture: [amd64], section: misc, maintainer: T <t@example.org>, description: a server}}\n    \
                 files: [{{from: {name}/f0, to: /usr/share/{name}/f0}}]\n    health: {{port: 8080}}\n"
            ));
            repo.write(&format!("{name}/f0"), "0\n");
            repo.write(&format!("config/{name}.service"), "[Service]\nExecStart=/bin/true\n");
        }
        repo.write("config/ci-cd/build-config.yml", &config);
        for name in ENVIRONMENTS {
            let text = "requires_approval: true\n";
            repo.write(&format!("environments/{name}/environment.yml"), text);
        }
        let commit = repo.commit("feat: begin");
        repo.push();
        let mut books = Vec::new();
        for name in (0..projects).map(|index| format!("p{index}")) {
            for version in ["v0.1.0", "v0.2.0", "v0.3.0"] {
                repo.tag(&format!("{name}/{version}"), version);
            }
            repo.git(&["tag", &format!("{name}/sandbox")]);
            books.extend(ENVIRONMENTS.map(|environment| Book::new(&repo, tag(&name, environment))));
        }
        repo.git(&["push", "--quiet", "origin", "--tags"]);
        let mut grown = Self { repo, books, commit };
        grown.deploy("v0.1.0");
        grown.deploy("v0.2.0");
        grown
    }

    /// Everything moves on.
    fn deploy(&mut self, version: &str) {
        for (index, book) in self.books.iter_mut().enumerate() {
            let version = format!("p{}/{version}", index / ENVIRONMENTS.len());
            book.add(&version, &self.commit, Terminal::Succeeded);
        }
    }

    /// The `git` commands that a verb starts, without what is told to them on standard input.
    fn programs(&self, words: &[&str]) -> Vec<String> {
        let folder = self.repo.folder().join("counted");
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join("log");
        fs::write(&log, "").unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let real = std::env::split_paths(&path).map(|one| one.join("git")).find(|it| it.is_file());
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\nexec '{}' \"$@\"\n",
            log.display(),
            real.unwrap().display()
        );
        let wrapper = folder.join("git");
        fs::write(&wrapper, script).unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
        let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
        let mut ours = command(&self.repo, &self.repo.work(), words);
        let seen = see(&self.repo, ours.env("PATH", std::env::join_paths(folders).unwrap()));
        assert!(matches!(seen.status, 0 | 1 | 3), "{words:?}: {}", seen.all());
        fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect()
    }

    /// How many each verb starts.
    fn counted(&self) -> Vec<usize> {
        VERBS.iter().map(|words| self.programs(words).len()).collect()
    }
}

#[test]
fn a_verb_starts_the_same_number_of_programs_whatever_the_number_of_tags() {
    let (mut small, mut large) = (Grown::new(1), Grown::new(7));
    // What is seen for the first time, what was seen before, and what changed since.
    assert_eq!(small.counted(), large.counted(), "{VERBS:?}");
    let seen_before = small.counted();
    assert_eq!(seen_before, large.counted());
    small.deploy("v0.3.0");
    large.deploy("v0.3.0");
    let (few, many) = (small.programs(VERBS[0]), large.programs(VERBS[0]));
    assert_eq!(few.len(), many.len(), "{many:#?}");
    // One opens the repository, two list it, one reads the ledgers.
    assert_eq!(seen_before[2], 4, "{:?}", small.programs(VERBS[2]));
}

#[test]
fn a_roll_back_that_asks_nobody_says_where_it_would_go_and_what_it_could_not_know() {
    let repo = Grown::new(1).repo;
    assert_eq!(tagboat(&repo, &["status"]).status, 0);
    let words = ["rollback", "p0", "--env", "production", "--dry-run", "--offline"];
    let seen = tagboat(&repo, &words);
    assert_eq!(seen.status, 0, "{}", seen.all());
    let way = "production would go from p0/v0.2.0 back to p0/v0.1.0, commit ";
    assert!(seen.stdout.starts_with(way), "{}", seen.all());
    assert_eq!(seen.stderr.matches("not known: ").count(), 4, "{}", seen.all());
    assert!(seen.stderr.contains("the remote was not asked"), "{}", seen.all());
    let seen = tagboat(&repo, &[&words[..], &["--format", "json"]].concat());
    let told = seen.json();
    assert_eq!(told["target_version"]["full_version"], "p0/v0.1.0", "{}", seen.all());
    assert_eq!(told["not_known"].as_array().unwrap().len(), 4);
    let alone = tagboat(&repo, &["rollback", "p0", "--env", "production", "--offline"]);
    assert_eq!(alone.status, 2, "{}", alone.all());
    assert!(alone.stderr.contains("--dry-run"), "{}", alone.all());
}
