use super::*;
use crate::tag::classify;

fn id(digit: char) -> ObjectId {
    ObjectId::parse(&digit.to_string().repeat(40)).unwrap()
}

fn listed(name: &str, object: char, peeled: Option<char>) -> ListedRef {
    ListedRef { name: name.to_owned(), object: id(object), peeled: peeled.map(id) }
}

fn environments() -> Environments {
    Environments::new([EnvironmentName::parse("production").unwrap()])
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn tag(text: &str) -> EnvironmentTag {
    match classify(text, &environments()) {
        TagKind::Environment(path, environment) => EnvironmentTag::new(path, environment),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_ref_is_sorted_by_what_it_means() {
    let refs = [
        listed("refs/tags/api/production", 'a', Some('1')),
        listed("refs/tags/api/v1.0.0", 'b', Some('1')),
        listed("refs/tags/api/v1.0.0-deprecated", 'c', Some('1')),
        listed("refs/tags/api/v1.0.0-stable", '1', None),
        listed("refs/tags/api/v1.0.0-production", '1', None),
        listed("refs/tags/$(id)", '1', None),
        listed("refs/tagboat/ledger/api/production/0", 'd', Some('1')),
        listed("refs/tagboat/ledger/api/production/x", 'd', Some('1')),
        listed("refs/heads/main", '1', None),
    ];
    let listing = Listing::read(&refs, &environments(), Source::Clone);
    assert_eq!(listing.versions.get(&version("api/v1.0.0")).unwrap().commit.object(), &id('1'));
    assert_eq!(listing.states[&version("api/v1.0.0")], State::Deprecated);
    assert_eq!(listing.ledgers[&tag("api/production")], id('a'));
    assert_eq!(listing.pages[&tag("api/production")], BTreeMap::from([(0, id('d'))]));
    assert_eq!((listing.legacy.len(), listing.foreign, listing.fetched), (1, 1, false));
}

#[test]
fn once_fetched_only_the_private_copies_tell_of_environments() {
    let refs = [
        listed("refs/tagboat/remote/HEAD", '1', None),
        listed("refs/tagboat/remote/tags/api/production", 'e', Some('2')),
        listed("refs/tags/api/production", 'a', Some('1')),
        listed("refs/tags/web/production", 'a', Some('1')),
    ];
    let listing = Listing::read(&refs, &environments(), Source::Clone);
    assert_eq!(listing.ledgers, BTreeMap::from([(tag("api/production"), id('e'))]));
}

#[test]
fn where_only_some_projects_were_fetched_the_others_are_as_git_cloned_them() {
    let refs = [
        listed("refs/tagboat/remote/tags/api/production", 'e', Some('2')),
        listed("refs/tags/api/production", 'a', Some('1')),
        listed("refs/tags/web/production", 'b', Some('1')),
    ];
    let listing = Listing::read(&refs, &environments(), Source::Clone);
    let known = [(tag("api/production"), id('e')), (tag("web/production"), id('b'))];
    assert_eq!((listing.ledgers, listing.fetched), (BTreeMap::from(known), false));
}

#[test]
fn versions_of_a_project_do_not_mix_with_those_of_its_neighbours() {
    let names = [
        "a/v9.0.0",
        "api/v0.0.0-0",
        "api/v1.0.0",
        "api/v1.10.0",
        "api/v1.2.0",
        "api/x/v3.0.0",
        "apis/v2.0.0",
        "v1.0.0",
    ];
    let refs: Vec<_> = names.iter().map(|n| listed(&format!("refs/tags/{n}"), '1', None)).collect();
    let listing = Listing::read(&refs, &environments(), Source::Clone);
    let of = |project: &str| {
        let project = ProjectPath::parse(project).unwrap();
        listing.versions_of(&project).map(|(version, _)| version.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of("api"), ["api/v0.0.0-0", "api/v1.0.0", "api/v1.2.0", "api/v1.10.0"]);
    assert_eq!(of(""), ["v1.0.0"]);
    assert_eq!(of("nothing"), [""; 0]);
}

#[test]
fn a_fetch_brings_what_is_new_and_forgets_what_is_gone() {
    let remote = [
        listed("HEAD", '1', None),
        listed("refs/tags/api/production", 'b', Some('2')),
        listed("refs/tags/api/v1.0.0", 'c', Some('1')),
        listed("refs/tags/api/v1.1.0", 'd', Some('2')),
        listed("refs/tags/--upload-pack=x", 'd', Some('2')),
        listed("refs/tagboat/ledger/api/production/0", 'e', Some('2')),
    ];
    let local = [
        listed("refs/tagboat/remote/tags/api/production", 'a', Some('1')),
        listed("refs/tagboat/remote/tags/web/production", 'a', Some('1')),
        listed("refs/tags/api/v1.0.0", 'c', Some('1')),
    ];
    let plan = plan_fetch(&remote, &local, &environments(), About::Everything);
    let brought: Vec<_> = plan.specs.iter().map(|s| (s.to.as_str(), s.existing)).collect();
    assert_eq!(
        brought,
        [
            ("refs/tagboat/remote/HEAD", Existing::Overwrite),
            ("refs/tagboat/remote/tags/api/production", Existing::Overwrite),
            ("refs/tags/api/v1.1.0", Existing::Keep),
            ("refs/tagboat/ledger/api/production/0", Existing::Keep),
        ]
    );
    assert_eq!(plan.forget, ["refs/tagboat/remote/tags/web/production"]);
    assert_eq!(plan.moved, []);
}

#[test]
fn of_other_projects_than_the_question_is_about_nothing_is_brought_and_what_moved_is_told() {
    let remote = [
        listed("HEAD", '1', None),
        listed("refs/tags/api/production", 'b', Some('2')),
        listed("refs/tags/api/v1.0.0", 'c', Some('1')),
        listed("refs/tags/api/v1.0.0-stable", 'c', Some('1')),
        listed("refs/tags/web/production", 'b', Some('2')),
        listed("refs/tags/web/v1.0.0", 'c', Some('1')),
        listed("refs/tags/web/v1.1.0", 'c', Some('1')),
        listed("refs/tagboat/ledger/api/production/0", 'e', Some('2')),
        listed("refs/tagboat/ledger/web/production/0", 'e', Some('2')),
    ];
    let local = [
        listed("refs/tags/web/v1.1.0", 'd', Some('1')),
        listed("refs/tagboat/remote/tags/web/production", 'a', Some('1')),
        listed("refs/tagboat/remote/tags/web/staging", 'a', Some('1')),
    ];
    let api = [ProjectPath::parse("api").unwrap()];
    let plan = plan_fetch(&remote, &local, &environments(), About::Projects(&api));
    let brought: Vec<_> = plan.specs.iter().map(|s| s.from.as_str()).collect();
    assert_eq!(
        brought,
        [
            "refs/tags/api/production",
            "refs/tags/api/v1.0.0",
            "refs/tags/api/v1.0.0-stable",
            "refs/tagboat/ledger/api/production/0",
        ]
    );
    assert_eq!(plan.forget, ["refs/tagboat/remote/tags/web/staging"]);
    assert_eq!(plan.moved[0].name, "refs/tags/web/v1.1.0");
}

#[test]
fn a_version_tag_that_moved_is_an_alarm_with_both_objects_and_is_not_fetched() {
    let moved = |ours: ListedRef, theirs: ListedRef| {
        let plan = plan_fetch(&[theirs], &[ours], &environments(), About::Everything);
        assert_eq!(plan.specs, []);
        plan.moved
    };
    let name = "refs/tags/api/v1.0.0";
    let alarm = moved(listed(name, 'a', Some('1')), listed(name, 'b', Some('2')));
    assert_eq!((&alarm[0].ours, &alarm[0].theirs), (&id('a'), &id('b')));
    // Made anew on the same commit: still not the tag that it was.
    assert_eq!(moved(listed(name, 'a', Some('1')), listed(name, 'b', Some('1'))).len(), 1);
    // Made lightweight by a checkout, on the same commit: no alarm.
    assert_eq!(moved(listed(name, '1', None), listed(name, 'b', Some('1'))), []);
    assert_eq!(moved(listed(name, '1', None), listed(name, '2', None)).len(), 1);
}

#[test]
fn a_ledger_that_was_seen_or_has_pages_and_is_not_there_was_deleted() {
    let page = listed("refs/tagboat/ledger/api/production/0", 'd', Some('1'));
    let seen = listed("refs/tagboat/seen/web/production", 'e', Some('1'));
    let there = listed("refs/tagboat/remote/tags/api/production", 'a', Some('1'));
    let deleted = |refs: &[ListedRef]| -> Vec<String> {
        let listing = Listing::read(refs, &environments(), Source::Remote);
        listing.deleted().into_iter().map(ToString::to_string).collect()
    };
    assert_eq!(deleted(&[page.clone(), seen.clone()]), ["api/production", "web/production"]);
    assert_eq!(deleted(&[page, seen, there]), ["web/production"]);
}

#[test]
fn a_question_about_projects_asks_for_their_refs_and_one_about_the_root_for_all() {
    let api = ProjectPath::parse("eu/api").unwrap();
    let names = About::Projects(std::slice::from_ref(&api)).refs().unwrap();
    let listed = [
        "refs/tags/eu/api/v1.0.0",
        "refs/tagboat/remote/tags/eu/api/production",
        "refs/tagboat/seen/eu/api/production",
        "refs/tagboat/ledger/eu/api/production/0",
        "refs/tagboat/remote/HEAD",
    ];
    let is_asked_for = |listed: &str| {
        names.iter().any(|name| name == listed || (name.ends_with('/') && listed.starts_with(name)))
    };
    assert!(listed.into_iter().all(is_asked_for), "{names:?}");
    assert!(!is_asked_for("refs/tags/eu/api-x/v1.0.0") && !is_asked_for("refs/tags/web/v1.0.0"));
    assert!(names.iter().any(|name| OVERRIDES.starts_with(name)), "{names:?}");
    let root = ProjectPath::root();
    assert_eq!(About::Projects(&[api, root]).refs(), None);
    assert_eq!(About::Everything.refs(), None);
}

#[test]
fn a_tag_that_is_longer_than_a_version_may_be_is_foreign_as_its_name_alone_is_refused() {
    let name = format!("api/v1.0.0-{}", "x".repeat(190));
    assert!(Version::parse(&name).is_err());
    assert_eq!(classify(&name, &environments()), TagKind::Foreign);
    assert_eq!(classify(&format!("{name}-stable"), &environments()), TagKind::Foreign);
    assert_eq!(classify(&name[..200], &environments()), TagKind::Version(version(&name[..200])));
}
