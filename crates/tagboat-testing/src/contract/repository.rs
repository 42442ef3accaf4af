//! The promises of a repository. In: a world of clones and one remote. Out: a panic where one is broken.

mod log;

use std::collections::BTreeMap;
use std::sync::Barrier;

use jiff::Timestamp;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::ports::{
    Cancel, Existing, FetchSpec, ListedRef, NewTag, RefUpdate, Repository, RepositoryError,
    RunError, Scope, Silent, Swap, TagSigner,
};

pub use log::*;

/// A remote with at least three commits on main, and clones of it.
pub trait World: Sync {
    /// A new clone with all of main, and no tag.
    fn clone_here(&self) -> Box<dyn Repository + '_>;
    /// main's commits, oldest first.
    fn commits(&self) -> Vec<CommitSha>;
    /// The files of the last one.
    fn files(&self) -> BTreeMap<String, String>;
    /// Makes main's next commit, with these files and no others, and pushes it.
    fn commit(&self, message: &str, files: &[(&str, &str)]) -> CommitSha;
    /// Makes a ref of the remote hold something, as somebody with all rights would.
    fn force(&self, name: &str, id: Option<&ObjectId>);
    /// How many rounds of racing are worth their time.
    fn rounds(&self) -> usize {
        3
    }
}

const RACERS: usize = 32;
const TAG: &str = "refs/tags/api/production";
const PAGE: &str = "refs/tagboat/ledger/api/production/0";

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

fn last(world: &dyn World) -> CommitSha {
    world.commits().last().unwrap().clone()
}

fn tag_of(clone: &dyn Repository, commit: &CommitSha, message: &str) -> ObjectId {
    let tag = NewTag {
        name: "api/production".to_owned(),
        commit: commit.clone(),
        time: Timestamp::from_second(1_767_225_600).unwrap(),
        message: format!("{message}\n"),
    };
    clone.write_tag(&scope(), &tag).unwrap()
}

fn update(name: &str, expected: Option<&ObjectId>, new: &ObjectId) -> RefUpdate {
    RefUpdate { name: name.to_owned(), expected: expected.cloned(), new: new.clone() }
}

fn swap(clone: &dyn Repository, name: &str, expected: Option<&ObjectId>, new: &ObjectId) -> Swap {
    clone.swap(&scope(), &[update(name, expected, new)]).unwrap()
}

fn fetch(from: &str, to: &str, existing: Existing) -> FetchSpec {
    FetchSpec { from: from.to_owned(), to: to.to_owned(), existing }
}

fn held(clone: &dyn Repository, name: &str) -> Option<ObjectId> {
    let refs = clone.refs(&scope()).unwrap();
    refs.into_iter().find(|listed| listed.name == name).map(|listed| listed.object)
}

fn held_there(clone: &dyn Repository, name: &str) -> Option<ObjectId> {
    let refs = clone.remote_refs(&scope(), &[name]).unwrap();
    assert!(refs.len() <= 1, "{refs:?}");
    refs.into_iter().next().map(|listed| listed.object)
}

/// See its name.
pub fn a_new_clone_has_no_tags(world: &dyn World) {
    let clone = world.clone_here();
    assert_eq!(clone.refs(&scope()).unwrap(), []);
    assert_eq!(clone.remote_refs(&scope(), &["refs/tags/*", "refs/tagboat/*"]).unwrap(), []);
}

/// See its name.
pub fn refs_that_are_asked_for_by_name_or_folder_are_those_of_the_whole_listing(world: &dyn World) {
    let clone = world.clone_here();
    let id = tag_of(&*clone, &last(world), "x");
    for name in ["api/production", "api/eu/production", "apis/production", "api-x/production"] {
        let name = format!("refs/tags/{name}");
        assert_eq!(swap(&*clone, &name, None, &id), Swap::Won);
        clone.fetch(&scope(), &[fetch(&name, &name, Existing::Keep)]).unwrap();
    }
    let seen = ["refs/tagboat/seen/api/production", "refs/tagboat/remote/HEAD"];
    let seen = seen.map(|name| (name.to_owned(), Some(id.clone())));
    clone.remember(&scope(), &seen).unwrap();
    let all = clone.refs(&scope()).unwrap();
    assert_eq!(all.len(), 6);
    let asked = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut found = Vec::new();
        clone.each_ref_of(&scope(), &names, &mut |listed| found.push(listed.to_listed())).unwrap();
        found
    };
    let these = |names: &[&str]| -> Vec<ListedRef> {
        all.iter().filter(|listed| names.contains(&listed.name.as_str())).cloned().collect()
    };
    let of_api = ["refs/tags/api/", "refs/tagboat/seen/api/", "refs/tagboat/remote/HEAD"];
    let expected = [
        "refs/tagboat/remote/HEAD",
        "refs/tagboat/seen/api/production",
        "refs/tags/api/eu/production",
        "refs/tags/api/production",
    ];
    assert_eq!(asked(&of_api), these(&expected));
    assert_eq!(asked(&["refs/tags/ap/", "refs/tags/api-x/production/"]), []);
    assert_eq!(asked(&[]), []);
}

/// See its name.
pub fn a_written_tag_reads_back_as_it_was_written(world: &dyn World) {
    let clone = world.clone_here();
    let message = "tagboat ledger\n\n{\"a\": \"ü \\u2028\"}\n\n  trailing  \n";
    let tag = NewTag {
        name: "api/production".to_owned(),
        commit: last(world),
        time: Timestamp::new(1_767_225_601, 500_000_000).unwrap(),
        message: message.to_owned(),
    };
    let id = clone.write_tag(&scope(), &tag).unwrap();
    let read = clone.tag_objects(&scope(), std::slice::from_ref(&id)).unwrap();
    let read = read.into_iter().next().unwrap().unwrap();
    assert_eq!(read.id, id);
    assert_eq!(read.object, *tag.commit.object());
    assert_eq!(read.name, tag.name);
    assert_eq!(read.tagger, "Test <test@example.org>");
    assert_eq!(read.time, Timestamp::from_second(1_767_225_601).unwrap());
    assert_eq!(read.message, message);
    assert_eq!(read.signature, None);
    assert_eq!(clone.refs(&scope()).unwrap(), [], "no ref may name it yet");
}

/// Signs with its own length: enough for what a repository promises.
struct Counting;

impl TagSigner for Counting {
    fn sign(
        &self,
        _: &Scope<'_>,
        payload: &[u8],
        at: Timestamp,
    ) -> Result<String, RepositoryError> {
        let (length, at) = (payload.len(), at.as_second());
        Ok(format!("-----BEGIN SSH SIGNATURE-----\n{length} {at}\n-----END SSH SIGNATURE-----\n"))
    }
}

/// Has lost its key.
struct Refusing;

impl TagSigner for Refusing {
    fn sign(&self, _: &Scope<'_>, _: &[u8], _: Timestamp) -> Result<String, RepositoryError> {
        Err(RepositoryError::NotSigned("there is no key".to_owned()))
    }
}

/// See its name.
pub fn a_signed_tag_reads_back_with_its_signature_and_what_was_signed(world: &dyn World) {
    let clone = world.clone_here();
    let tag = NewTag {
        name: "api/production".to_owned(),
        commit: last(world),
        time: Timestamp::from_second(1_767_225_601).unwrap(),
        message: "ü\n\n-----BEGIN SSH SIGNATURE-----\nquoted\n".to_owned(),
    };
    let id = clone.sign_tag(&scope(), &tag, &Counting).unwrap();
    let read = clone.tag_objects(&scope(), std::slice::from_ref(&id)).unwrap();
    let read = read.into_iter().next().unwrap().unwrap();
    assert_eq!((&read.message, &read.name), (&tag.message, &tag.name));
    let signature = read.signature.unwrap();
    assert_eq!(signature.payload, tag.payload("Test <test@example.org>").into_bytes());
    let again = Counting.sign(&scope(), &signature.payload, tag.time).unwrap();
    assert_eq!(signature.armoured, again);
    assert_ne!(clone.write_tag(&scope(), &tag).unwrap(), id);
    let error = clone.sign_tag(&scope(), &tag, &Refusing).unwrap_err();
    assert_eq!(error, RepositoryError::NotSigned("there is no key".to_owned()));
}

/// See its name.
pub fn what_is_no_tag_or_not_here_is_none(world: &dyn World) {
    let clone = world.clone_here();
    let tag = tag_of(&*clone, &last(world), "x");
    let nowhere = ObjectId::parse(&"12".repeat(20)).unwrap();
    let ids = [last(world).object().clone(), nowhere, tag.clone()];
    let read = clone.tag_objects(&scope(), &ids).unwrap();
    assert!(read[0].is_none() && read[1].is_none());
    assert_eq!(read[2].as_ref().unwrap().id, tag);
    assert_eq!(clone.tag_objects(&scope(), &[]).unwrap(), []);
    // Another clone has it only once it is pushed and fetched.
    let elsewhere = tag_of(&*clone, &last(world), "not pushed");
    assert_eq!(world.clone_here().tag_objects(&scope(), &[elsewhere]).unwrap(), [None]);
}

/// See its name.
pub fn a_tag_of_what_is_no_commit_here_is_refused(world: &dyn World) {
    let clone = world.clone_here();
    let tag = NewTag {
        name: "v1".to_owned(),
        commit: CommitSha::parse(&"12".repeat(20)).unwrap(),
        time: Timestamp::UNIX_EPOCH,
        message: "x\n".to_owned(),
    };
    let error = clone.write_tag(&scope(), &tag).unwrap_err();
    assert!(matches!(error, RepositoryError::Git { .. }), "{error:?}");
}

/// See its name.
pub fn a_ref_is_created_only_where_nothing_is(world: &dyn World) {
    let (alice, bob) = (world.clone_here(), world.clone_here());
    let hers = tag_of(&*alice, &last(world), "alice");
    let his = tag_of(&*bob, &last(world), "bob");
    assert_eq!(swap(&*alice, TAG, None, &hers), Swap::Won);
    assert_eq!(swap(&*bob, TAG, None, &his), Swap::Lost(vec![Some(hers.clone())]));
    assert_eq!(held_there(&*bob, TAG), Some(hers));
}

/// See its name.
pub fn a_ref_moves_only_from_what_was_expected(world: &dyn World) {
    let (alice, bob) = (world.clone_here(), world.clone_here());
    let first = tag_of(&*alice, &last(world), "first");
    let second = tag_of(&*alice, &last(world), "second");
    let his = tag_of(&*bob, &last(world), "bob");
    assert_eq!(swap(&*alice, TAG, None, &first), Swap::Won);
    assert_eq!(swap(&*alice, TAG, Some(&first), &second), Swap::Won);
    // He knows the first one only, and has never fetched it.
    assert_eq!(swap(&*bob, TAG, Some(&first), &his), Swap::Lost(vec![Some(second)]));
    world.force(TAG, None);
    assert_eq!(swap(&*bob, TAG, Some(&first), &his), Swap::Lost(vec![None]));
}

/// See its name.
pub fn the_same_commit_in_two_tags_has_one_winner(world: &dyn World) {
    let (alice, bob) = (world.clone_here(), world.clone_here());
    let before = tag_of(&*alice, &last(world), "before");
    assert_eq!(swap(&*alice, TAG, None, &before), Swap::Won);
    let hers = tag_of(&*alice, &last(world), "alice");
    let his = tag_of(&*bob, &last(world), "bob");
    assert_eq!(swap(&*alice, TAG, Some(&before), &hers), Swap::Won);
    assert_eq!(swap(&*bob, TAG, Some(&before), &his), Swap::Lost(vec![Some(hers)]));
}

/// One round: everybody expects the same; gives what the remote holds afterwards.
fn race(
    clones: &[Box<dyn Repository + '_>],
    commit: &CommitSha,
    round: usize,
    expected: Option<&ObjectId>,
) -> ObjectId {
    let barrier = Barrier::new(clones.len());
    let tags: Vec<ObjectId> = (0..clones.len())
        .map(|racer| tag_of(&*clones[racer], commit, &format!("round {round}, racer {racer}")))
        .collect();
    let ends: Vec<Swap> = std::thread::scope(|threads| {
        let run = |(clone, tag)| {
            let (clone, tag, barrier): (&dyn Repository, &ObjectId, _) = (clone, tag, &barrier);
            threads.spawn(move || {
                barrier.wait();
                swap(clone, TAG, expected, tag)
            })
        };
        let racers: Vec<_> = clones.iter().map(|clone| &**clone).zip(&tags).map(run).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let winners: Vec<&ObjectId> =
        ends.iter().zip(&tags).filter(|(end, _)| **end == Swap::Won).map(|(_, tag)| tag).collect();
    let [winner] = winners.as_slice() else { panic!("round {round}: {} winners", winners.len()) };
    for end in ends.iter().filter(|end| **end != Swap::Won) {
        assert_eq!(*end, Swap::Lost(vec![Some((*winner).clone())]), "round {round}");
    }
    assert_eq!(held_there(&*clones[0], TAG).as_ref(), Some(*winner));
    (*winner).clone()
}

/// See its name.
pub fn exactly_one_of_32_creators_wins(world: &dyn World) {
    let clones: Vec<_> = (0..RACERS).map(|_| world.clone_here()).collect();
    for round in 0..world.rounds() {
        world.force(TAG, None);
        race(&clones, &last(world), round, None);
    }
}

/// See its name.
pub fn exactly_one_of_32_movers_wins_each_round(world: &dyn World) {
    let clones: Vec<_> = (0..RACERS).map(|_| world.clone_here()).collect();
    let mut holds = tag_of(&*clones[0], &last(world), "start");
    assert_eq!(swap(&*clones[0], TAG, None, &holds), Swap::Won);
    for round in 0..world.rounds() {
        holds = race(&clones, &last(world), round, Some(&holds));
    }
}

/// See its name.
pub fn several_refs_are_pushed_together_or_not_at_all(world: &dyn World) {
    let (alice, bob) = (world.clone_here(), world.clone_here());
    let (page, tag) = (tag_of(&*alice, &last(world), "page"), tag_of(&*alice, &last(world), "tag"));
    let both = [update(PAGE, None, &page), update(TAG, None, &tag)];
    assert_eq!(alice.swap(&scope(), &both).unwrap(), Swap::Won);
    world.force(PAGE, None);
    // The page could be made, the tag is not what he thinks.
    let (mine, moved) = (tag_of(&*bob, &last(world), "p2"), tag_of(&*bob, &last(world), "t2"));
    let both = [update(PAGE, None, &mine), update(TAG, Some(&page), &moved)];
    assert_eq!(bob.swap(&scope(), &both).unwrap(), Swap::Lost(vec![None, Some(tag.clone())]));
    assert_eq!((held_there(&*bob, PAGE), held_there(&*bob, TAG)), (None, Some(tag)));
}

/// See its name.
pub fn no_update_is_won_and_pushes_nothing(world: &dyn World) {
    let clone = world.clone_here();
    assert_eq!(clone.swap(&scope(), &[]).unwrap(), Swap::Won);
    assert_eq!(clone.remote_refs(&scope(), &["refs/tags/*"]).unwrap(), []);
}

/// See its name.
pub fn a_swap_to_an_object_that_is_not_here_changes_nothing(world: &dyn World) {
    let clone = world.clone_here();
    let nowhere = ObjectId::parse(&"12".repeat(20)).unwrap();
    let error = clone.swap(&scope(), &[update(TAG, None, &nowhere)]).unwrap_err();
    assert!(matches!(error, RepositoryError::Git { .. }), "{error:?}");
    assert_eq!(held_there(&*clone, TAG), None);
}

/// See its name.
pub fn a_fetched_ref_brings_its_object(world: &dyn World) {
    let (alice, bob) = (world.clone_here(), world.clone_here());
    let tag = tag_of(&*alice, &last(world), "x");
    assert_eq!(swap(&*alice, TAG, None, &tag), Swap::Won);
    let copy = "refs/tagboat/remote/tags/api/production";
    bob.fetch(&scope(), &[fetch(TAG, copy, Existing::Overwrite)]).unwrap();
    assert!(bob.tag_objects(&scope(), std::slice::from_ref(&tag)).unwrap()[0].is_some());
    let peeled = Some(last(world).object().clone());
    // A private ref is not peeled.
    let listed = ListedRef { name: copy.to_owned(), object: tag.clone(), peeled: None };
    assert_eq!(bob.refs(&scope()).unwrap(), [listed], "and nothing else");
    let there = ListedRef { name: TAG.to_owned(), object: tag, peeled };
    assert_eq!(bob.remote_refs(&scope(), &[TAG]).unwrap(), [there]);
}

/// See its name.
pub fn a_private_copy_follows_the_remote(world: &dyn World) {
    let clone = world.clone_here();
    let copy = "refs/tagboat/remote/tags/api/production";
    let commits = world.commits();
    // Forward and back again.
    for (commit, message) in [(&commits[0], "a"), (&commits[2], "b"), (&commits[1], "c")] {
        let tag = tag_of(&*clone, commit, message);
        let before = held_there(&*clone, TAG);
        assert_eq!(swap(&*clone, TAG, before.as_ref(), &tag), Swap::Won);
        clone.fetch(&scope(), &[fetch(TAG, copy, Existing::Overwrite)]).unwrap();
        assert_eq!(held(&*clone, copy), Some(tag));
    }
}

/// See its name.
pub fn a_version_tag_that_moved_on_the_remote_is_kept(world: &dyn World) {
    let (alice, bob) = (world.clone_here(), world.clone_here());
    let (moved, other) = ("refs/tags/api/v1.0.0", "refs/tags/api/v1.1.0");
    let first = tag_of(&*alice, &last(world), "first");
    assert_eq!(swap(&*alice, moved, None, &first), Swap::Won);
    bob.fetch(&scope(), &[fetch(moved, moved, Existing::Keep)]).unwrap();
    let second = tag_of(&*alice, &world.commits()[0], "second");
    assert_eq!(swap(&*alice, moved, Some(&first), &second), Swap::Won);
    assert_eq!(swap(&*alice, other, None, &second), Swap::Won);
    let specs = [moved, other].map(|name| fetch(name, name, Existing::Keep));
    bob.fetch(&scope(), &specs).unwrap();
    assert_eq!(held(&*bob, moved), Some(first));
    assert_eq!(held(&*bob, other), Some(second), "the others come all the same");
}

/// See its name.
pub fn a_kept_ref_is_not_fast_forwarded(world: &dyn World) {
    let clone = world.clone_here();
    let commits = world.commits();
    let (old, new) = (commits[0].object(), commits[2].object());
    world.force("refs/tagboat/x", Some(old));
    let spec = [fetch("refs/tagboat/x", "refs/tagboat/seen/x", Existing::Keep)];
    clone.fetch(&scope(), &spec).unwrap();
    world.force("refs/tagboat/x", Some(new));
    clone.fetch(&scope(), &spec).unwrap();
    assert_eq!(held(&*clone, "refs/tagboat/seen/x").as_ref(), Some(old));
}

/// See its name.
pub fn hundreds_of_refs_are_fetched_at_once(world: &dyn World) {
    let (alice, bob) = (world.clone_here(), world.clone_here());
    let names: Vec<String> = (0..300).map(|n| format!("refs/tags/api/v1.0.{n}")).collect();
    let tags: Vec<ObjectId> =
        (0..3).map(|n| tag_of(&*alice, &last(world), &n.to_string())).collect();
    let updates: Vec<RefUpdate> =
        names.iter().enumerate().map(|(n, name)| update(name, None, &tags[n % 3])).collect();
    assert_eq!(alice.swap(&scope(), &updates).unwrap(), Swap::Won);
    bob.fetch(&scope(), &[fetch(&names[7], &names[7], Existing::Keep)]).unwrap();
    let specs: Vec<FetchSpec> =
        names.iter().map(|name| fetch(name, name, Existing::Keep)).collect();
    world.force(&names[7], Some(&tags[0]));
    bob.fetch(&scope(), &specs).unwrap();
    let refs = bob.refs(&scope()).unwrap();
    assert_eq!(refs.len(), 300);
    assert_eq!(held(&*bob, &names[7]).as_ref(), Some(&tags[7 % 3]));
    assert!(refs.iter().all(|listed| listed.target() == last(world).object()));
    // One that is not there fails in this way as in the other.
    let missing = fetch("refs/tags/none", "refs/tags/none", Existing::Keep);
    let specs: Vec<FetchSpec> = names
        .iter()
        .map(|name| fetch(name, &name.replace("tags", "tagboat"), Existing::Overwrite))
        .chain([missing])
        .collect();
    assert!(bob.fetch(&scope(), &specs).is_err());
}

/// See its name.
pub fn fetching_what_the_remote_lacks_is_an_error(world: &dyn World) {
    let clone = world.clone_here();
    let spec = fetch("refs/tags/none", "refs/tags/none", Existing::Overwrite);
    let error = clone.fetch(&scope(), &[spec]).unwrap_err();
    assert!(matches!(error, RepositoryError::Git { .. }), "{error:?}");
}

/// See its name.
pub fn fetching_nothing_fetches_nothing(world: &dyn World) {
    let (alice, bob) = (world.clone_here(), world.clone_here());
    let tag = tag_of(&*alice, &last(world), "x");
    assert_eq!(swap(&*alice, TAG, None, &tag), Swap::Won);
    bob.fetch(&scope(), &[]).unwrap();
    assert_eq!(bob.refs(&scope()).unwrap(), []);
}

/// See its name.
pub fn a_pattern_matches_whole_names_only(world: &dyn World) {
    let clone = world.clone_here();
    let tag = tag_of(&*clone, &last(world), "x");
    let decoy = "refs/tags/x/refs/tags/api/production";
    for name in [TAG, decoy, PAGE, "refs/tags/api/production2"] {
        assert_eq!(swap(&*clone, name, None, &tag), Swap::Won);
    }
    let names = |patterns: &[&str]| -> Vec<String> {
        let refs = clone.remote_refs(&scope(), patterns).unwrap();
        refs.into_iter().map(|listed| listed.name).collect()
    };
    assert_eq!(names(&[TAG]), [TAG]);
    assert_eq!(names(&["refs/tagboat/*", TAG]), [PAGE, TAG]);
    assert_eq!(names(&["refs/tags/*"]), [TAG, "refs/tags/api/production2", decoy]);
    assert_eq!(names(&[]), Vec::<String>::new());
}

/// See its name.
pub fn private_refs_change_together_or_not_at_all(world: &dyn World) {
    let clone = world.clone_here();
    let tag = tag_of(&*clone, &last(world), "x");
    let (a, b) = ("refs/tagboat/seen/a".to_owned(), "refs/tagboat/seen/b".to_owned());
    clone.remember(&scope(), &[(a.clone(), Some(tag.clone()))]).unwrap();
    let nowhere = ObjectId::parse(&"12".repeat(20)).unwrap();
    let error = clone.remember(&scope(), &[(a.clone(), None), (b.clone(), Some(nowhere))]);
    assert!(matches!(error, Err(RepositoryError::Git { .. })), "{error:?}");
    assert_eq!(held(&*clone, &a), Some(tag.clone()));
    clone.remember(&scope(), &[(b.clone(), Some(tag.clone())), (a.clone(), None)]).unwrap();
    assert_eq!((held(&*clone, &a), held(&*clone, &b)), (None, Some(tag)));
    // To forget what is forgotten is no error, nor is nothing at all.
    clone.remember(&scope(), &[(a, None)]).unwrap();
    clone.remember(&scope(), &[]).unwrap();
}

/// See its name.
pub fn only_private_refs_are_remembered(world: &dyn World) {
    let clone = world.clone_here();
    let id = last(world).object().clone();
    for name in ["refs/heads/main", "refs/tags/v1", "HEAD", "refs/tagboat/../heads/main"] {
        let refs = [(name.to_owned(), Some(id.clone()))];
        assert!(clone.remember(&scope(), &refs).is_err(), "{name}");
    }
}

/// See its name.
pub fn an_ancestor_is_told_from_a_descendant(world: &dyn World) {
    let clone = world.clone_here();
    let commits = world.commits();
    let (first, last) = (commits.first().unwrap(), commits.last().unwrap());
    let is = |a: &CommitSha, d: &str| clone.is_ancestor(&scope(), a, d).unwrap();
    assert!(is(first, last.as_str()));
    assert!(is(first, "refs/heads/main"));
    assert!(is(last, last.as_str()));
    assert!(!is(last, first.as_str()));
    assert!(clone.is_ancestor(&scope(), first, "refs/heads/none").is_err());
    let nowhere = CommitSha::parse(&"12".repeat(20)).unwrap();
    assert!(clone.is_ancestor(&scope(), &nowhere, "refs/heads/main").is_err());
}

/// See its name.
pub fn a_commit_is_found_by_head_name_and_id(world: &dyn World) {
    let clone = world.clone_here();
    let last = last(world);
    let tag = tag_of(&*clone, &last, "x");
    clone.remember(&scope(), &[("refs/tagboat/seen/x".to_owned(), Some(tag.clone()))]).unwrap();
    for name in ["HEAD", "refs/heads/main", "refs/tagboat/seen/x", last.as_str(), tag.as_str()] {
        let commit = clone.commit(&scope(), name).unwrap().unwrap();
        assert_eq!(commit.sha, last, "{name}");
        assert_eq!(commit.author, "Test <test@example.org>");
        assert_eq!(commit.subject, "third");
        assert_eq!(commit.time, Timestamp::from_second(1_767_225_600 + 120).unwrap());
    }
    assert_eq!(clone.commit(&scope(), "refs/tags/none").unwrap(), None);
    assert_eq!(clone.commit(&scope(), &"12".repeat(20)).unwrap(), None);
}

/// See its name.
pub fn an_export_holds_the_commits_files_and_nothing_else(world: &dyn World) {
    let clone = world.clone_here();
    let into = tempfile::TempDir::new().unwrap();
    clone.export(&scope(), &last(world), into.path()).unwrap();
    let mut found = BTreeMap::new();
    let mut folders = vec![into.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(into.path()).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert_eq!(found, world.files());
}

/// See its name.
pub fn an_export_needs_an_empty_folder(world: &dyn World) {
    let into = tempfile::TempDir::new().unwrap();
    std::fs::write(into.path().join("old"), "").unwrap();
    assert!(world.clone_here().export(&scope(), &last(world), into.path()).is_err());
}

/// See its name.
pub fn a_name_that_would_change_a_refspec_is_refused(world: &dyn World) {
    let clone = world.clone_here();
    let tag = tag_of(&*clone, &last(world), "x");
    for name in
        ["", ":refs/tags/x", "+refs/tags/x", "refs/tags/*", "refs/tags/x\nrefs/tags/y", "--all"]
    {
        assert!(clone.swap(&scope(), &[update(name, None, &tag)]).is_err(), "{name:?}");
        let specs = [fetch(name, "refs/tags/x", Existing::Keep)];
        assert!(clone.fetch(&scope(), &specs).is_err(), "{name:?}");
        let specs = [fetch(TAG, name, Existing::Keep)];
        assert!(clone.fetch(&scope(), &specs).is_err(), "{name:?}");
        assert!(clone.commit(&scope(), name).is_err(), "{name:?}");
    }
    let odd = NewTag {
        name: "x\ntagger Eve <e@e> 1 +0000".to_owned(),
        commit: last(world),
        time: Timestamp::UNIX_EPOCH,
        message: "x\n".to_owned(),
    };
    assert!(clone.write_tag(&scope(), &odd).is_err());
}

/// See its name.
pub fn a_cancelled_scope_runs_nothing(world: &dyn World) {
    let clone = world.clone_here();
    let scope = scope();
    scope.cancel.cancel();
    let cancelled = RepositoryError::Run(RunError::Cancelled);
    assert_eq!(clone.refs(&scope).unwrap_err(), cancelled);
    assert_eq!(clone.remote_refs(&scope, &[TAG]).unwrap_err(), cancelled);
}
