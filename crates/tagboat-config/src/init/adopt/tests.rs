//! What tags of other tools mean.

use std::cmp::Ordering;

use tagboat_core::commit::ObjectId;
use tagboat_core::tag::EnvironmentName;
use tagboat_deb::DebianVersion;

use super::*;

fn debian(one: &str, other: &str) -> Option<Ordering> {
    Some(DebianVersion::parse(one).ok()?.cmp(&DebianVersion::parse(other).ok()?))
}

fn project(path: &str, package: &str) -> ProjectName {
    ProjectName { path: ProjectPath::parse(path).unwrap(), package: package.to_owned() }
}

/// Tags on the commits of these numbers.
fn refs(tags: &[(&str, usize)]) -> Vec<ListedRef> {
    let listed = |(name, number): &(&str, usize)| ListedRef {
        name: format!("refs/tags/{name}"),
        object: ObjectId::parse(&format!("{number:040x}")).unwrap(),
        peeled: None,
    };
    tags.iter().map(listed).collect()
}

fn adopt(tags: &[(&str, usize)], projects: &[ProjectName]) -> Adoption {
    let environments = Environments::new([EnvironmentName::parse("qa").unwrap()]);
    plan_adoption(&refs(tags), projects, &environments, &debian)
}

/// `old > new` for each that is adopted, `old: why` for each that is left.
fn shown(plan: &Adoption) -> Vec<String> {
    let adopted = plan.adopted.iter().map(|one| format!("{} > {}", one.tag, one.version));
    let left = plan.left.iter().map(|left| format!("{}: {}", left.tag, left.why));
    adopted.chain(left).collect()
}

#[test]
fn each_tools_tags_mean_the_version_of_their_project() {
    let projects =
        [project("api", "acme-api"), project("services/web", "web"), project("lib/core", "core")];
    for (tag, version) in [
        ("api-v1.2.3", "api/v1.2.3"),
        ("api-1.2.3", "api/v1.2.3"),
        ("api@1.2.3", "api/v1.2.3"),
        ("api@v1.2.3", "api/v1.2.3"),
        ("api_v1.2.3", "api/v1.2.3"),
        ("api/1.2.3", "api/v1.2.3"),
        ("@acme/api@1.2.3", "api/v1.2.3"),
        ("acme-api-v1.2.3-rc.1", "api/v1.2.3-rc.1"),
        ("services-web-v0.1.0", "services/web/v0.1.0"),
        ("services/web-v0.1.0", "services/web/v0.1.0"),
        ("web/v0.1.0", "services/web/v0.1.0"),
        ("core-v2.0.0-beta.3", "lib/core/v2.0.0-beta.3"),
    ] {
        assert_eq!(shown(&adopt(&[(tag, 1)], &projects)), [format!("{tag} > {version}")]);
    }
}

#[test]
fn in_a_repository_of_one_project_a_bare_version_is_its() {
    let nested = [project("server", "shop")];
    for tag in ["v1.2.3", "1.2.3", "V1.2.3", "release-1.2.3", "release/v1.2.3", "shop-1.2.3"] {
        assert_eq!(shown(&adopt(&[(tag, 1)], &nested)), [format!("{tag} > server/v1.2.3")]);
    }
    // Of the project at the root they are versions as they stand.
    let root = [project("", "shop")];
    let plan = adopt(&[("v1.2.3", 1), ("v1.10.0", 2), ("1.2.3", 1), ("1.2.4", 3)], &root);
    assert_eq!(shown(&plan), ["1.2.4 > v1.2.4"]);
    assert_eq!(plan.done, 1);
    let versions: Vec<String> =
        plan.versions[&ProjectPath::root()].iter().map(Version::semver).collect();
    assert_eq!(versions, ["v1.2.3", "v1.10.0"]);
}

#[test]
fn what_cannot_be_a_version_is_named_with_its_reason() {
    let projects = [project("api", "api"), project("web", "web"), project("old/web", "oldweb")];
    for (tag, why) in [
        ("api-v1.2", "a version has three numbers"),
        ("api-v1.2.3.4", "a version has three numbers"),
        ("api-v01.2.3", "leading zero"),
        ("api-1.2.3+build.5", "build metadata"),
        ("api-1.2.3rc1", "is not a number"),
        ("api-v1.2.3-stable", "that is a state tag"),
        ("api-v1.2.3-qa", "a tag of the environment qa"),
        ("v1.2.3", "names no project, and there are several"),
        ("db-v1.2.3", "names no project of this repository: \"db\""),
        ("db/v1.2.3", "names no project of this repository: \"db\""),
        ("python-3.11-v1.2.3", "names no project of this repository: \"python-3.11\""),
    ] {
        let plan = adopt(&[(tag, 1)], &projects);
        assert_eq!((plan.adopted.len(), plan.left.len()), (0, 1), "{tag}");
        assert!(plan.left[0].why.contains(why), "{tag}: {}", plan.left[0].why);
    }
    // One that is called so exactly goes before one whose folder is.
    assert_eq!(shown(&adopt(&[("web-v1.0.0", 1)], &projects)), ["web-v1.0.0 > web/v1.0.0"]);
    let twins = [project("a/web", "a-web"), project("b/web", "b-web")];
    let plan = adopt(&[("web-v1.0.0", 1)], &twins);
    assert_eq!(plan.left[0].why, "may mean the project a/web or b/web");
}

#[test]
fn what_has_nothing_to_do_with_versions_is_not_named() {
    let projects = [project("api", "api")];
    for tag in [
        "nightly",
        "api",
        "v1",
        "2024-11-03",
        "release",
        "api-latest",
        "x/--output=y",
        "$(id)",
        "api/production",
        "api/v1.0.0-stable",
        "ünïcode",
        "-",
        "@",
        "v",
        "api-v",
        "api/v1.0.0-qa",
    ] {
        let plan = adopt(&[(tag, 1)], &projects);
        assert_eq!(shown(&plan), Vec::<String>::new(), "{tag}");
    }
}

#[test]
fn tags_that_contradict_each_other_are_left_to_a_person() {
    let projects = [project("api", "api")];
    let plan = adopt(&[("api-v1.0.0", 1), ("api@1.0.0", 2)], &projects);
    assert!(plan.adopted.is_empty());
    assert!(plan.left[0].why.contains("so do tags on other commits"), "{:?}", plan.left);
    // On the same commit they say the same.
    let plan = adopt(&[("api-v1.0.0", 1), ("api@1.0.0", 1)], &projects);
    assert_eq!(shown(&plan), ["api-v1.0.0 > api/v1.0.0"]);
    let plan = adopt(&[("api-v1.0.0", 1), ("api/v1.0.0", 2)], &projects);
    assert_eq!(shown(&plan), ["api-v1.0.0: means api/v1.0.0, which is on another commit"]);
    // git keeps refs as files.
    let plan = adopt(&[("api-v1.0.0", 1), ("api", 2)], &projects);
    assert!(plan.left[0].why.ends_with("beside the tag api"), "{:?}", plan.left);
    let plan = adopt(&[("api-v1.0.0", 1), ("api/v1.0.0/notes", 2)], &projects);
    assert!(plan.left[0].why.ends_with("beside the tag api/v1.0.0/notes"), "{:?}", plan.left);
}

#[test]
fn of_versions_that_semver_and_dpkg_order_otherwise_the_lower_is_adopted() {
    let projects = [project("api", "api")];
    let tags = [("api-v1.0.0-rc2", 1), ("api-v1.0.0-rc10", 2), ("api-v1.0.0", 3)];
    let plan = adopt(&tags, &projects);
    let adopted: Vec<&str> = plan.adopted.iter().map(|one| one.tag.as_str()).collect();
    assert_eq!(adopted, ["api-v1.0.0-rc10", "api-v1.0.0"]);
    assert!(plan.left[0].why.contains("SemVer and dpkg disagree"), "{:?}", plan.left);
    // What is there already stays.
    let plan = adopt(&[("api-v1.0.0-rc10", 2), ("api/v1.0.0-rc2", 1)], &projects);
    assert!(plan.adopted.is_empty() && plan.left.len() == 1, "{plan:?}");
}

#[test]
fn what_the_caller_knows_better_is_left() {
    let mut plan = adopt(&[("api-v1.0.0", 1), ("api-v1.1.0", 2)], &[project("api", "api")]);
    plan.leave_where(|one| one.tag.ends_with("1.0").then(|| "leads to no commit".to_owned()));
    assert_eq!(shown(&plan), ["api-v1.0.0 > api/v1.0.0", "api-v1.1.0: leads to no commit"]);
}
