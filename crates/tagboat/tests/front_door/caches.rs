//! Caches, memories and locks that vanish at any moment, and locks that stay: every answer is the same. What is lost is
//! the memory of what was read before, and it is said.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::{Book, tag, two_projects};
use crate::user::{Seen, command, see};

/// Who reads: from a clone, with caches in folders of one's own.
struct Reader {
    repo: Monorepo,
    clone: PathBuf,
}

/// Verbs that answer from tags.
const VERBS: [&[&str]; 7] = [
    &["status"],
    &["history"],
    &["history", "web", "--env", "staging"],
    &["check"],
    &["version", "next", "api"],
    &["plan", "api/v1.1.0", "--env", "staging"],
    &["rollback", "api", "--env", "staging", "--dry-run"],
];

impl Reader {
    fn new() -> Self {
        let repo = two_projects();
        repo.write(
            "config/ci-cd/build-config.yml",
            "projects:\n  - {path: api, builder: staged, package: {name: api, architecture: [amd64], \
             description: an api, maintainer: A <a@example.org>}, files: []}\n",
        );
        let commit = repo.commit("fix: more");
        repo.push();
        // So many that the oldest are in a page.
        let mut book = Book::new(&repo, tag("web", "staging"));
        for _ in 0..41 {
            book.add("web/v0.1.0", &commit, Terminal::Succeeded);
        }
        let clone = repo.clone_as("reader");
        let reader = Self { repo, clone };
        reader.run(&["status"]);
        reader
    }

    fn run(&self, words: &[&str]) -> Seen {
        let mut command = command(&self.repo, &self.clone, words);
        for (name, folder) in self.folders() {
            command.env(name, folder);
        }
        see(&self.repo, &mut command)
    }

    fn folders(&self) -> [(&'static str, PathBuf); 3] {
        let below = |name: &str| self.repo.folder().join("machine").join(name);
        [
            ("XDG_CACHE_HOME", below("cache")),
            ("XDG_STATE_HOME", below("state")),
            ("XDG_RUNTIME_DIR", below("run")),
        ]
    }

    /// All that Tagboat keeps on this machine, each to be deleted alone.
    fn kept(&self) -> Vec<PathBuf> {
        let private = self.clone.join(".git/refs/tagboat");
        let parts = ["", "seen", "remote", "ledger", "remote/tags/api", "seen/api/staging"];
        let machine = self.folders().map(|(_, folder)| folder.join("tagboat"));
        parts.iter().map(|part| private.join(part)).chain(machine).collect()
    }

    /// What each verb answers, to people and to programs, without what it says of its memory.
    fn answers(&self) -> Vec<(i32, String)> {
        let mut answers = Vec::new();
        for verb in VERBS {
            let human = self.run(verb);
            answers.push((human.status, human.stdout));
            let json = self.run(&[verb, &["--format", "json"]].concat());
            let mut document = json.json();
            if let Some(fields) = document.as_object_mut() {
                fields.remove("not_remembered");
            }
            if let Some(unchecked) = document["not_checked"].as_array_mut() {
                unchecked.retain(|one| one["what"] != "whether a ledger went back");
            }
            answers.push((json.status, document.to_string()));
        }
        answers
    }

    fn not_remembered(&self, verb: &str) -> Vec<String> {
        let json = self.run(&[verb, "--format", "json"]).json();
        let names = json["not_remembered"].as_array().unwrap();
        names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    fn forget(&self) {
        delete(&self.clone.join(".git/refs/tagboat/seen"));
    }
}

/// What is not there need not be deleted; and what comes back meanwhile is deleted the next time.
fn delete(path: &Path) {
    let (Ok(()) | Err(_)) = std::fs::remove_dir_all(path);
    let (Ok(()) | Err(_)) = std::fs::remove_file(path);
}

const LEDGERS: [&str; 3] = ["api/production", "api/staging", "web/staging"];

#[test]
fn answers_are_the_same_after_any_cache_was_deleted() {
    let reader = Reader::new();
    let answers = reader.answers();
    assert!(answers[0].1.contains("v1.1.0"), "{answers:?}");
    for path in reader.kept() {
        delete(&path);
        assert_eq!(reader.answers(), answers, "without {}", path.display());
    }
    reader.repo.git_in(&reader.clone, &["pack-refs", "--all"]);
    delete(&reader.clone.join(".git/refs/tagboat"));
    assert_eq!(reader.answers(), answers, "packed");
}

#[test]
fn answers_are_the_same_while_caches_are_deleted() {
    let reader = Reader::new();
    let answers = reader.answers();
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for path in reader.kept().iter().cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                delete(path);
            }
        });
        let seen: Vec<_> = (0..3).map(|_| reader.answers()).collect();
        over.store(true, Ordering::Relaxed);
        for seen in seen {
            assert_eq!(seen, answers);
        }
    });
}

#[test]
fn a_lost_memory_is_said_where_it_matters_and_nowhere_else() {
    let reader = Reader::new();
    assert_eq!(reader.not_remembered("status"), [] as [&str; 0]);
    for verb in ["status", "history"] {
        reader.forget();
        assert_eq!(reader.not_remembered(verb), LEDGERS, "{verb}");
        assert_eq!(reader.not_remembered(verb), [] as [&str; 0], "{verb}");
    }
    let (what, who) = ("whether a ledger went back", "this clone remembers no earlier reading of");
    reader.forget();
    let check = reader.run(&["check"]).stderr;
    assert!(
        check.contains(&format!("not checked: {what}: {who} {}", LEDGERS.join(", "))),
        "{check}"
    );
    assert!(!reader.run(&["check"]).stderr.contains(what));
    for words in VERBS {
        reader.forget();
        assert!(words[0] == "check" || !reader.run(words).stderr.contains(who), "{words:?}");
        reader.forget();
        let seen = reader.run(&[words, &["--verbose"]].concat());
        // What comes next is no question to a ledger.
        assert_eq!(seen.stderr.contains(who), words[0] != "version", "{}", seen.all());
    }
}

#[test]
fn with_the_memory_the_alarm_is_lost_and_not_the_answer() {
    let reader = Reader::new();
    let (repo, name) = (&reader.repo, "refs/tags/web/production");
    let commit = CommitSha::parse(&repo.git(&["rev-parse", "HEAD"])).unwrap();
    let mut book = Book::new(repo, tag("web", "production"));
    book.add("web/v0.1.0", &commit, Terminal::Succeeded);
    let older = repo.git_in(&repo.remote(), &["rev-parse", name]);
    book.add("web/v0.1.0", &commit, Terminal::Succeeded);
    reader.run(&["status"]);
    // Somebody puts the environment's tag back to where it was a record before.
    repo.git_in(&repo.remote(), &["update-ref", name, &older]);
    let alarmed = reader.run(&["status", "web"]);
    assert_eq!(alarmed.status, 1, "{}", alarmed.all());
    assert!(alarmed.stderr.contains("[ledger::"), "{}", alarmed.all());
    reader.forget();
    let fooled = reader.run(&["status", "web", "--verbose"]);
    assert_eq!(fooled.status, 0, "{}", fooled.all());
    let told = "no earlier reading of web/production, web/staging";
    assert!(fooled.stderr.contains(told), "{}", fooled.all());
}

#[test]
fn a_lock_that_a_killed_git_left_stops_no_answer_and_is_named_with_its_cure() {
    let reader = Reader::new();
    let answers = reader.answers();
    let git = reader.clone.join(".git");
    for lock in [
        "refs/tagboat/remote/tags/api/staging.lock",
        "refs/tagboat/remote/HEAD.lock",
        "refs/tagboat/ledger/web/staging/0.lock",
        "refs/tagboat/seen/api/staging.lock",
    ] {
        // What it guards must be written.
        delete(&git.join("refs/tagboat"));
        let lock = git.join(lock);
        std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
        std::fs::write(&lock, "").unwrap();
        let seen = reader.run(&["status"]);
        let name = lock.file_name().unwrap().to_str().unwrap();
        assert!(seen.stderr.contains(&format!("{name}': File exists")), "{name}: {}", seen.all());
        assert!(seen.stderr.contains("remove the file that it names"), "{}", seen.all());
        assert_eq!(reader.answers(), answers, "{name}");
        delete(&lock);
    }
    assert_eq!(reader.answers(), answers);
    let made = git.join("refs/tags/api/v8.0.0.lock");
    std::fs::create_dir_all(made.parent().unwrap()).unwrap();
    std::fs::write(&made, "").unwrap();
    let refused = reader.run(&["version", "tag", "api/v8.0.0"]);
    assert_eq!(refused.status, 4, "{}", refused.all());
    assert!(refused.stderr.contains("v8.0.0.lock': File exists"), "{}", refused.all());
    delete(&made);
    // A version tag is no copy: what cannot be written here is not read either.
    reader.repo.tag("api/v9.0.0", "api 9.0.0");
    reader.repo.push();
    let lock = git.join("refs/tags/api/v9.0.0.lock");
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, "").unwrap();
    let refused = reader.run(&["status"]);
    assert_eq!(refused.status, 4, "{}", refused.all());
    assert!(refused.stderr.starts_with("error[git::locked]: "), "{}", refused.all());
    assert!(refused.stderr.contains("v9.0.0.lock"), "{}", refused.all());
    delete(&lock);
    let free = reader.run(&["status"]);
    assert!(free.stdout.contains("v9.0.0"), "{}", free.all());
}
