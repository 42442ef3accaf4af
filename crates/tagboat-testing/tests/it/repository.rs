//! The fake repository against the contract.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::ports::{Cancel, RefUpdate, Repository, RepositoryError, Scope, Silent, Swap};
use tagboat_testing::contract::repository::World;
use tagboat_testing::fake::{FakeRemote, Reachability};

struct InMemory {
    remote: FakeRemote,
    commits: Vec<CommitSha>,
}

fn world() -> InMemory {
    let remote = FakeRemote::new();
    let files = [("api/main.py", "print('ü')\n"), ("README", "read me\n")];
    let commits = ["first", "second", "third"]
        .into_iter()
        .zip(0..)
        .map(|(subject, minute)| {
            let time = Timestamp::from_second(1_767_225_600 + minute * 60).unwrap();
            remote.commit(subject, time, &files)
        })
        .collect();
    InMemory { remote, commits }
}

impl World for InMemory {
    fn clone_here(&self) -> Box<dyn Repository + '_> {
        Box::new(self.remote.clone_here())
    }

    fn commits(&self) -> Vec<CommitSha> {
        self.commits.clone()
    }

    fn files(&self) -> BTreeMap<String, String> {
        let files = [("api/main.py", "print('ü')\n"), ("README", "read me\n")];
        files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
    }

    fn commit(&self, message: &str, files: &[(&str, &str)]) -> CommitSha {
        self.remote.commit(message, Timestamp::UNIX_EPOCH, files)
    }

    fn force(&self, name: &str, id: Option<&ObjectId>) {
        self.remote.set(name, id.cloned());
    }

    fn rounds(&self) -> usize {
        50
    }
}

tagboat_testing::repository_contract!(Some(world()));

#[test]
fn an_ambush_makes_the_next_swap_lose_once() {
    let world = world();
    let clone = world.remote.clone_here();
    let scope = Scope::new("x", &Silent, Cancel::default());
    let (old, new) = (world.commits[0].object().clone(), world.commits[1].object().clone());
    world.remote.ambush("refs/tags/x", Some(old.clone()));
    let update =
        |expected| RefUpdate { name: "refs/tags/x".to_owned(), expected, new: new.clone() };
    let lost = clone.swap(&scope, &[update(None)]).unwrap();
    assert_eq!(lost, Swap::Lost(vec![Some(old.clone())]));
    assert_eq!(clone.swap(&scope, &[update(Some(old))]).unwrap(), Swap::Won);
}

#[test]
fn a_remote_lost_after_a_push_holds_it_and_says_nothing() {
    let world = world();
    let clone = world.remote.clone_here();
    let scope = Scope::new("x", &Silent, Cancel::default());
    let new = world.commits[1].object().clone();
    world.remote.become_reachable(Reachability::LostAfterPush);
    let update = RefUpdate { name: "refs/tags/x".to_owned(), expected: None, new: new.clone() };
    let error = clone.swap(&scope, &[update]).unwrap_err();
    assert!(matches!(error, RepositoryError::Remote(_)));
    assert!(clone.remote_refs(&scope, &["refs/tags/x"]).is_err());
    assert_eq!(world.remote.get("refs/tags/x"), Some(new));
}
