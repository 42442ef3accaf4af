//! Names and messages from git. In: a text; each line is taken for a name of every kind, the whole for a commit's
//! message. Out: a panic where one is read that is not written back the same, or two are ordered in two ways.

use std::cmp::Ordering;

use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::conventional::{Header, Mark, Message};
use tagboat_core::deployment::DeploymentId;
use tagboat_core::environment::{HostName, RegionName};
use tagboat_core::ledger::Override;
use tagboat_core::listing::{About, Listing, PAGES, REMOTE_TAGS, SEEN, Source, TAGS, plan_fetch};
use tagboat_core::next::check_order;
use tagboat_core::ports::ListedRef;
use tagboat_core::tag::{EnvironmentName, Environments, TagKind, clashes, classify};
use tagboat_core::version::{ProjectPath, Version, VersionError};
use tagboat_deb::{DebianVersion, PackageName};
use tagboat_report::action_link::Label;
use tagboat_report::forge::ActionsUrl;

/// Most names of one input: each is compared with the others.
const NAMES: usize = 8;

/// Reads `bytes` as names and as a message.
///
/// # Panics
/// Where a rule of the grammar does not hold.
pub fn judge(bytes: &[u8]) {
    // As a listing does it: bytes that are no UTF-8 are replaced before anything looks at them.
    let text = String::from_utf8_lossy(bytes);
    let names: Vec<&str> = text.split('\n').take(NAMES).collect();
    // What is called like an environment is one of the repository's, so that every kind of tag occurs.
    let configured = names.iter().filter_map(|name| EnvironmentName::parse(name).ok());
    let environments = Environments::new(configured);
    for name in &names {
        judge_path(name);
        judge_version(name);
        judge_debian(name);
        judge_tag(name, &environments);
        judge_labels(name);
    }
    let versions: Vec<Version> = names.iter().filter_map(|n| Version::parse(n).ok()).collect();
    judge_order(&versions);
    judge_debian_order(&names);
    judge_listing(&names, &environments);
    judge_message(&text);
}

/// What may stand in a name that was read: so it can be an argument, a path, a unit's name and a line.
fn assert_tame(name: &str) {
    let tame = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+/".contains(&byte);
    assert!(name.bytes().all(tame), "{name:?} was read as a name");
    assert!(!name.starts_with(['-', '.', '/']), "{name:?} was read as a name");
    assert!(!name.contains("..") && !name.contains("//"), "{name:?} was read as a name");
    let sound = |part: &str| !part.ends_with(".lock") && !part.ends_with('.');
    assert!(name.split('/').all(sound), "git takes no ref called {name:?}");
    assert!(name.len() <= 300, "{name:?} is longer than a file's name may be");
}

fn judge_path(name: &str) {
    let Ok(path) = ProjectPath::parse(name) else { return };
    assert_eq!(path.as_str(), name);
    assert_tame(name);
    assert_eq!(path.components().collect::<Vec<_>>().join("/"), name);
    assert_eq!(path.join("v1.0.0").rsplit_once('/').map_or("", |(path, _)| path), name);
}

fn judge_version(name: &str) {
    if let Ok(version) = Version::parse(name) {
        assert_eq!(version.to_string(), name);
        assert_tame(name);
        let oracle = semver::Version::parse(&version.bare());
        assert!(oracle.is_ok_and(|oracle| oracle.to_string() == version.bare()), "{name}");
        assert!(Version::lowest(version.path().clone()) <= version, "{name} is below the lowest");
        let debian = DebianVersion::parse(&version.debian());
        assert!(debian.is_ok_and(|debian| debian.revision().is_none()), "{name}");
        assert!(version.is_named(name) && version.is_named(&version.bare()));
        let json = serde_json::to_value(&version).unwrap_or_default();
        assert_eq!(serde_json::from_value::<Version>(json).ok(), Some(version));
    }
    // The other way round: what SemVer takes is refused for a reason of our own only.
    if let Ok(oracle) = semver::Version::parse(name)
        && oracle.build.is_empty()
    {
        let ours = Version::parse_semver(ProjectPath::root(), &format!("v{name}"));
        let allowed = matches!(
            ours,
            Ok(_)
                | Err(VersionError::StateWord(_) | VersionError::TooLarge(_) | VersionError::Lock)
        );
        assert!(allowed, "{name} is SemVer, and refused: {ours:?}");
    }
}

fn judge_debian(name: &str) {
    if let Ok(version) = DebianVersion::parse(name) {
        assert_eq!(version.to_string(), name);
    }
    if let Ok(package) = PackageName::parse(name) {
        assert_eq!(package.as_str(), name);
        let inner =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        assert!(first && name.bytes().all(inner), "{name:?} was read as a package's name");
    }
}

fn judge_tag(name: &str, environments: &Environments) {
    let kind = classify(name, environments);
    let written = match &kind {
        TagKind::Version(version) => version.to_string(),
        TagKind::State(version, state) => format!("{version}-{state}"),
        TagKind::Environment(path, environment) => path.join(environment.as_str()),
        TagKind::LegacySuffix(version, environment) => format!("{version}-{environment}"),
        TagKind::Foreign => {
            assert!(Version::parse(name).is_err(), "the version {name} is called foreign");
            return;
        }
    };
    assert_eq!(written, name, "read as {kind:?}");
    assert_tame(name);
}

fn judge_labels(name: &str) {
    let same = |written: Option<String>| {
        if let Some(written) = written {
            assert_eq!(written, name);
            assert!(!name.chars().any(char::is_control), "{name:?} was read as a label");
        }
    };
    same(EnvironmentName::parse(name).ok().map(|it| it.to_string()));
    same(HostName::parse(name).ok().map(|it| it.to_string()));
    same(RegionName::parse(name).ok().map(|it| it.to_string()));
    same(DeploymentId::parse(name).ok().map(|it| it.to_string()));
    same(ObjectId::parse(name).ok().map(|it| it.to_string()));
    same(CommitSha::parse(name).ok().map(|it| it.to_string()));
    same(ActionsUrl::parse(name).ok().map(|it| it.as_str().to_owned()));
    if let Ok(label) = Label::parse(name.to_owned()) {
        let count = label.as_str().chars().count();
        assert!((Label::LEAST..=Label::MOST).contains(&count), "{label:?}");
    }
    if let Ok(read) = name.parse::<Override>() {
        let again = format!("{}={}", read.protection, read.reason);
        assert_eq!(again.parse(), Ok(read), "{again}");
        super::assert_printable(&again, "an override");
    }
}

/// The order of versions is one, and SemVer's; where dpkg's is another, the two may not stand together.
fn judge_order(versions: &[Version]) {
    let debian =
        |a: &str, b: &str| Some(DebianVersion::parse(a).ok()?.cmp(&DebianVersion::parse(b).ok()?));
    for a in versions {
        for b in versions {
            let order = a.cmp(b);
            assert_eq!(order.reverse(), b.cmp(a), "{a} against {b}");
            assert_eq!(order == Ordering::Equal, a == b, "{a} against {b}");
            if a.path() == b.path() {
                let oracle = |version: &Version| semver::Version::parse(&version.bare()).ok();
                assert_eq!(
                    Some(order),
                    oracle(a).zip(oracle(b)).map(|(a, b)| a.cmp(&b)),
                    "{a}, {b}"
                );
                let together = check_order(a, [b], &debian).is_ok();
                assert_eq!(together, debian(&a.debian(), &b.debian()) == Some(order), "{a}, {b}");
                assert!(together || !(is_made_here(a) && is_made_here(b)), "{a} against {b}");
            }
            for c in versions {
                assert!(!(a <= b && b <= c) || a <= c, "{a} <= {b} <= {c}");
            }
        }
    }
}

/// Whether Tagboat itself would make such a version: final, or `-alpha.N`, `-beta.N`, `-rc.N`.
fn is_made_here(version: &Version) -> bool {
    let bare = version.bare();
    bare.split_once('-').is_none_or(|(_, pre)| {
        pre.split_once('.').is_some_and(|(word, number)| {
            ["alpha", "beta", "rc"].contains(&word) && number.bytes().all(|b| b.is_ascii_digit())
        })
    })
}

fn judge_debian_order(names: &[&str]) {
    let versions: Vec<_> = names.iter().filter_map(|n| DebianVersion::parse(n).ok()).collect();
    for a in &versions {
        for b in &versions {
            assert_eq!(a.cmp(b).reverse(), b.cmp(a), "{a} against {b}");
            for c in &versions {
                assert!(!(a <= b && b <= c) || a <= c, "{a} <= {b} <= {c}");
            }
        }
    }
}

fn judge_listing(names: &[&str], environments: &Environments) {
    let listed = |prefix: &'static str| {
        names.iter().enumerate().filter_map(move |(index, name)| {
            let object = ObjectId::parse(&format!("{index:040x}")).ok()?;
            Some(ListedRef { name: format!("{prefix}{name}"), object, peeled: None })
        })
    };
    let remote: Vec<ListedRef> = listed(TAGS).chain(listed(PAGES)).collect();
    let local: Vec<ListedRef> =
        listed("").chain(listed(TAGS)).chain(listed(REMOTE_TAGS)).chain(listed(SEEN)).collect();
    for (refs, source) in [(&remote, Source::Remote), (&local, Source::Clone)] {
        let listing = Listing::read(refs, environments, source);
        let tags = refs.iter().filter(|listed| listed.name.starts_with(TAGS)).count();
        assert!(
            listing.foreign + listing.versions.len() + listing.legacy.len() <= tags + names.len()
        );
        for project in listing.projects() {
            let own: Vec<_> = listing.versions_of(project).map(|(version, _)| version).collect();
            let all = listing.versions.keys().filter(|version| version.path() == project);
            assert_eq!(own, all.collect::<Vec<_>>(), "the versions of {project}");
        }
        let paths: Vec<ProjectPath> =
            names.iter().filter_map(|n| ProjectPath::parse(n).ok()).collect();
        clashes(&paths, environments, names.iter().copied());
    }
    let plan = plan_fetch(&remote, &local, environments, About::Everything);
    for spec in &plan.specs {
        assert!(remote.iter().any(|listed| listed.name == spec.from), "{spec:?}");
        let ours = ["refs/tags/", "refs/tagboat/"].iter().any(|start| spec.to.starts_with(start));
        assert!(ours, "{spec:?}");
        assert_tame(&spec.to);
    }
}

fn judge_message(text: &str) {
    let message = Message::parse(text);
    assert_eq!(Message::parse(text.trim()), message, "blanks around a message change it");
    assert!(!message.subject.contains('\n'), "{:?}", message.subject);
    assert_eq!(message.body.trim(), message.body);
    for footer in &message.footers {
        assert!(!footer.token.is_empty() && !footer.token.contains('\n'), "{footer:?}");
        assert_eq!(footer.value.trim(), footer.value);
    }
    if let Some(Header { kind, scope, mark, description }) = message.header {
        let scope = scope.map(|scope| format!("({scope})")).unwrap_or_default();
        let mark = if mark == Mark::Breaking { "!" } else { "" };
        let again = format!("{kind}{scope}{mark}: {description}");
        assert_eq!(Header::parse(&again), message.header, "{again:?}");
    }
    // A word that breaks is never lost, whatever else stands there.
    if message.footers.iter().any(|footer| footer.breaks()) {
        assert_eq!(message.change(), Some(tagboat_core::conventional::Change::Breaking));
    }
}
