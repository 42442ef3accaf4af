//! The race through a real sshd.

use std::collections::BTreeMap;

use tagboat_adapters::git::{GitProgram, GitRepository};
use tagboat_adapters::process::{Environment, LocalRunner};
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::ports::Repository;
use tagboat_testing::contract::repository::{self, World};
use tagboat_testing::sshd::{LoginShell, Sshd};

use super::{OnDisk, scope, world};

struct OverSsh {
    disk: OnDisk,
    sshd: Sshd,
}

impl World for OverSsh {
    fn clone_here(&self) -> Box<dyn Repository + '_> {
        let repo = &self.disk.repo;
        let name =
            format!("ssh{}", self.disk.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let folder = repo.clone_as(&name);
        let (user, port) = (self.sshd.user(), self.sshd.port());
        let address = format!("ssh://{user}@127.0.0.1:{port}{}", repo.remote().display());
        repo.git_in(&folder, &["remote", "set-url", "origin", &address]);
        let environment = repo
            .environment()
            .into_iter()
            .chain([("GIT_SSH_COMMAND".to_owned(), self.sshd.git_ssh_command())])
            .fold(Environment::fixed(std::env::var_os("PATH").unwrap()), |all, (name, value)| {
                all.with(name, value)
            });
        let git = GitProgram::new(LocalRunner::new(environment), "git");
        Box::new(GitRepository::open_with(git, &scope(), &folder, "origin").unwrap())
    }

    fn commits(&self) -> Vec<CommitSha> {
        self.disk.commits()
    }

    fn files(&self) -> BTreeMap<String, String> {
        self.disk.files()
    }

    fn commit(&self, message: &str, files: &[(&str, &str)]) -> CommitSha {
        self.disk.commit(message, files)
    }

    fn force(&self, name: &str, id: Option<&ObjectId>) {
        self.disk.force(name, id);
    }

    fn rounds(&self) -> usize {
        1
    }
}

fn over_ssh() -> Option<OverSsh> {
    Some(OverSsh { sshd: Sshd::start(LoginShell::Dash)?, disk: world("git") })
}

#[test]
fn exactly_one_of_32_creators_wins() {
    if let Some(world) = over_ssh() {
        repository::exactly_one_of_32_creators_wins(&world);
    }
}

#[test]
fn exactly_one_of_32_movers_wins_each_round() {
    if let Some(world) = over_ssh() {
        repository::exactly_one_of_32_movers_wins_each_round(&world);
    }
}

#[test]
fn several_refs_are_pushed_together_or_not_at_all() {
    if let Some(world) = over_ssh() {
        repository::several_refs_are_pushed_together_or_not_at_all(&world);
    }
}
