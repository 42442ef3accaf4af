//! The real repository, with every git that this machine has: the floor is Debian 12's 2.39.

mod edges;
mod log;
mod next;
mod over_ssh;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use tagboat_adapters::git::{GitProgram, GitRepository};
use tagboat_adapters::process::{Environment, LocalRunner};
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::ports::{Cancel, Repository, Scope, Silent};
use tagboat_testing::contract::repository::World;
use tagboat_testing::monorepo::Monorepo;

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

/// A git that sees nothing of the machine's settings.
fn hermetic(repo: &Monorepo, program: &str) -> GitProgram {
    let path = std::env::var_os("PATH").unwrap();
    let environment = repo
        .environment()
        .into_iter()
        .fold(Environment::fixed(path), |all, (name, value)| all.with(name, value));
    GitProgram::new(LocalRunner::new(environment), program)
}

fn open(repo: &Monorepo, folder: &Path) -> GitRepository {
    GitRepository::open_with(hermetic(repo, "git"), &scope(), folder, "origin").unwrap()
}

struct OnDisk {
    repo: Monorepo,
    program: &'static str,
    commits: Vec<CommitSha>,
    next: AtomicU32,
}

fn files() -> BTreeMap<String, String> {
    let files = [("api/main.py", "print('ü')\n"), ("README", "read me\n")];
    files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

fn world(program: &'static str) -> OnDisk {
    let repo = Monorepo::with_git(program);
    for (path, text) in files() {
        repo.write(&path, text);
    }
    let commits = ["first", "second", "third"].map(|subject| repo.commit(subject)).to_vec();
    repo.push();
    OnDisk { repo, program, commits, next: AtomicU32::new(0) }
}

impl World for OnDisk {
    fn clone_here(&self) -> Box<dyn Repository + '_> {
        let name = format!("clone{}", self.next.fetch_add(1, Ordering::Relaxed));
        let folder = self.repo.clone_as(&name);
        let git = hermetic(&self.repo, self.program);
        Box::new(GitRepository::open_with(git, &scope(), &folder, "origin").unwrap())
    }

    fn commits(&self) -> Vec<CommitSha> {
        self.commits.clone()
    }

    fn files(&self) -> BTreeMap<String, String> {
        files()
    }

    fn commit(&self, message: &str, files: &[(&str, &str)]) -> CommitSha {
        self.repo.git(&["rm", "-rq", "--ignore-unmatch", "--", "."]);
        for (path, text) in files {
            self.repo.write(path, text);
        }
        let commit = self.repo.commit(message);
        self.repo.push();
        commit
    }

    fn force(&self, name: &str, id: Option<&ObjectId>) {
        let remote = self.repo.remote();
        match id {
            Some(id) => self.repo.git_in(&remote, &["update-ref", name, id.as_str()]),
            None => self.repo.git_in(&remote, &["update-ref", "-d", name]),
        };
    }
}

/// The `git` on `PATH`.
mod first_on_path {
    tagboat_testing::repository_contract!(Some(super::world("git")));
}

/// Debian's own, where `PATH` finds another one first.
mod debians_own {
    const PROGRAM: &str = "/usr/bin/git";

    fn other() -> Option<super::OnDisk> {
        let found = tagboat_testing::require("git")?;
        let other = std::path::Path::new(PROGRAM);
        (found != other && other.is_file()).then(|| super::world(PROGRAM))
    }

    tagboat_testing::repository_contract!(other());
}
