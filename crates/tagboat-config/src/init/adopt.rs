//! Tags from before. In: a repository's tags, and its projects. Out: the version that each means, or why it means none.
//!
//! The tools that are left behind name tags `v1.2.3` or `1.2.3` in a repository of one project, `api-v1.2.3` (release-plz,
//! release-please), `api@1.2.3` and `@acme/api@1.2.3` (changesets, Lerna) in one of several.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use tagboat_core::commit::CommitSha;
use tagboat_core::next::{DebianOrder, check_order};
use tagboat_core::ports::ListedRef;
use tagboat_core::tag::{Environments, TagKind, classify};
use tagboat_core::version::{ProjectPath, Version, VersionError};

/// Prefixes that name no project.
const WORDS: [&str; 2] = ["release", "version"];

/// What tags may call a project by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectName {
    /// Its path, by which its tags are called from now on.
    pub path: ProjectPath,
    /// Its package.
    pub package: String,
}

/// A tag that means a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// Its name.
    pub tag: String,
    /// The version: its tag is to be made.
    pub version: Version,
    /// The commit of both.
    pub commit: CommitSha,
}

/// A tag that reads like a version and cannot be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// Its name.
    pub tag: String,
    /// Why: a clause that fits behind the name.
    pub why: String,
}

/// What a repository's tags mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Version tags of its projects that are there already.
    pub versions: BTreeMap<ProjectPath, Vec<Version>>,
    /// Tags that mean a version which has no tag yet; lowest version first.
    pub adopted: Vec<Adopted>,
    /// Tags whose version has its tag, on the same commit.
    pub done: usize,
    /// Tags that read like a version and cannot be one, by name.
    pub left: Vec<LeftAlone>,
}

/// Reads what tags mean. `refs` are full names; all but tags are passed over.
#[must_use]
pub fn plan_adoption(
    refs: &[ListedRef],
    projects: &[ProjectName],
    environments: &Environments,
    debian: DebianOrder<'_>,
) -> Adoption {
    let tags: BTreeMap<&str, &ListedRef> =
        refs.iter().filter_map(|it| Some((it.name.strip_prefix("refs/tags/")?, it))).collect();
    let commit = |listed: &ListedRef| CommitSha::from(listed.target().clone());
    let mut plan = Adoption::default();
    let mut wanted: BTreeMap<Version, Vec<(&str, CommitSha)>> = BTreeMap::new();
    for (&name, listed) in &tags {
        match meaning(name, projects, environments) {
            Meaning::Ours(version) => {
                plan.versions.entry(version.path().clone()).or_default().push(version);
            }
            Meaning::Version(version) => {
                wanted.entry(version).or_default().push((name, commit(listed)));
            }
            Meaning::None(why) => plan.leave(name, why),
            Meaning::Foreign => {}
        }
    }
    plan.versions.values_mut().for_each(|versions| versions.sort());

    let mut last: Option<Version> = None;
    for (version, found) in wanted {
        let full = version.to_string();
        if let Some(there) = tags.get(full.as_str()) {
            for (name, at) in found {
                if at == commit(there) {
                    plan.done += 1;
                } else {
                    plan.leave(name, format!("means {full}, which is on another commit"));
                }
            }
            continue;
        }
        let Some((first, at)) = found.first().cloned() else { continue };
        let why = if found.iter().any(|(_, other)| *other != at) {
            let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
            Some(format!("means {full}, and so do tags on other commits: {}", names.join(", ")))
        } else if let Some(clash) = clash(&full, &tags) {
            Some(format!("means {full}, and git cannot hold that beside the tag {clash}"))
        } else {
            // Both orders are total: with its neighbours in order a version is with all of them.
            let own = plan.versions.get(version.path()).map_or(&[][..], Vec::as_slice);
            let place = own.partition_point(|other| *other < version);
            let own = own.get(place.saturating_sub(1)..own.len().min(place + 1));
            let before = last.iter().filter(|last| last.path() == version.path());
            let near = own.into_iter().flatten().chain(before);
            let checked = check_order(&version, near, debian);
            checked.err().map(|error| format!("means {full}, and {error}"))
        };
        match why {
            Some(why) => found.iter().for_each(|(name, _)| plan.leave(name, why.clone())),
            None => {
                last = Some(version.clone());
                plan.done += found.len() - 1;
                plan.adopted.push(Adopted { tag: first.to_owned(), version, commit: at });
            }
        }
    }
    plan.left.sort_by(|one, other| one.tag.cmp(&other.tag));
    plan
}

impl Adoption {
    fn leave(&mut self, tag: &str, why: impl Into<String>) {
        self.left.push(LeftAlone { tag: tag.to_owned(), why: why.into() });
    }

    /// Leaves out what the caller knows better than its name says.
    pub fn leave_where(&mut self, why: impl Fn(&Adopted) -> Option<String>) {
        let (mut kept, mut left) = (Vec::new(), Vec::new());
        for adopted in self.adopted.drain(..) {
            match why(&adopted) {
                None => kept.push(adopted),
                Some(why) => left.push(LeftAlone { tag: adopted.tag, why }),
            }
        }
        self.adopted = kept;
        self.left.extend(left);
        self.left.sort_by(|one, other| one.tag.cmp(&other.tag));
    }
}

/// What a tag's name means here.
enum Meaning {
    /// A version of a project, in our grammar.
    Ours(Version),
    /// A version, in another.
    Version(Version),
    /// It reads like a version, and is none.
    None(String),
    /// Nothing that has to do with versions.
    Foreign,
}

fn meaning(name: &str, projects: &[ProjectName], environments: &Environments) -> Meaning {
    match classify(name, environments) {
        TagKind::Version(version) => {
            if projects.iter().any(|project| project.path == *version.path()) {
                return Meaning::Ours(version);
            }
        }
        TagKind::State(..) | TagKind::Environment(..) | TagKind::LegacySuffix(..) => {
            return Meaning::Foreign;
        }
        TagKind::Foreign => {}
    }
    let Some((prefix, semver)) = split(name) else { return Meaning::Foreign };
    let semver = match semver {
        Ok(semver) => semver,
        Err(error) => return Meaning::None(format!("is no version: {error}")),
    };
    let project = match named(prefix, projects) {
        Ok(project) => project,
        Err(why) => return Meaning::None(why),
    };
    let full = project.join(&semver);
    match classify(&full, environments) {
        TagKind::Version(version) => Meaning::Version(version),
        TagKind::LegacySuffix(_, environment) => {
            Meaning::None(format!("would be {full}, a tag of the environment {environment}"))
        }
        TagKind::State(..) | TagKind::Environment(..) | TagKind::Foreign => {
            Meaning::None(format!("would be {full}, which is no version tag"))
        }
    }
}

/// A name's first part that ends where a version begins, and that version with its `v`; why it is none, where nothing
/// behind any separator is one.
fn split(name: &str) -> Option<(&str, Result<String, VersionError>)> {
    let behind = name.char_indices().filter(|(_, c)| "-@_/".contains(*c)).map(|(at, _)| at + 1);
    let mut broken = None;
    for at in std::iter::once(0).chain(behind) {
        let (prefix, rest) = name.split_at(at);
        let bare = rest.strip_prefix(['v', 'V']).unwrap_or(rest);
        let mut numbers = bare.splitn(2, '.');
        let is_number = |text: Option<&str>| {
            text.is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
        };
        if !is_number(numbers.next())
            || !numbers.next().is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            continue;
        }
        let prefix = prefix.trim_matches(['-', '@', '_', '/']);
        let semver = format!("v{bare}");
        match Version::parse_semver(ProjectPath::root(), &semver) {
            Ok(_) => return Some((prefix, Ok(semver))),
            Err(error) => {
                broken.get_or_insert((prefix, Err(error)));
            }
        }
    }
    broken
}

/// The one project that a prefix names.
fn named<'p>(prefix: &str, projects: &'p [ProjectName]) -> Result<&'p ProjectPath, String> {
    if prefix.is_empty() || WORDS.contains(&prefix) {
        return match projects {
            [only] => Ok(&only.path),
            _ => Err("names no project, and there are several".to_owned()),
        };
    }
    // `@acme/api` is `api` of the scope `acme`.
    let last = prefix.rsplit('/').next().unwrap_or(prefix);
    let fits = |project: &&ProjectName| {
        let path = project.path.as_str();
        let folder = path.rsplit('/').next().unwrap_or(path);
        path == prefix
            || path.replace('/', "-") == prefix
            || project.package == prefix
            || [folder, &project.package].contains(&last)
    };
    // One that is called so exactly goes before one that ends so.
    let exact = projects.iter().filter(|project| project.path.as_str() == prefix);
    let found: BTreeSet<&ProjectPath> = match exact.clone().next() {
        Some(_) => exact.map(|project| &project.path).collect(),
        None => projects.iter().filter(fits).map(|project| &project.path).collect(),
    };
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(project), None) => Ok(project),
        (None, _) => Err(format!("names no project of this repository: {prefix:?}")),
        (Some(one), Some(other)) => Err(format!("may mean the project {one} or {other}")),
    }
}

/// A tag beside which git cannot hold `full`: one of the two names is a folder of the other (git keeps refs as files).
fn clash<'t>(full: &str, tags: &BTreeMap<&'t str, &ListedRef>) -> Option<&'t str> {
    let folders = full.match_indices('/').map(|(at, _)| &full[..at]);
    let above =
        folders.filter_map(|folder| tags.get_key_value(folder)).map(|(name, _)| *name).next();
    let inside = format!("{full}/");
    let below = tags
        .range::<str, _>((Bound::Included(inside.as_str()), Bound::Unbounded))
        .next()
        .map(|(name, _)| *name);
    above.or_else(|| below.filter(|name| name.starts_with(&inside)))
}

#[cfg(test)]
mod tests;
