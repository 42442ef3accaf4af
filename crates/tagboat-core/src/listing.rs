//! Every ref, sorted by what it means (SPEC V6). In: one listing of refs and the environments that exist.
//! Out: versions, states, ledgers and pages; and what a fetch must bring.

use std::collections::{BTreeMap, BTreeSet};

use crate::commit::{CommitSha, ObjectId};
use crate::ports::{Existing, FetchSpec, ListedRef};
use crate::tag::{
    EnvironmentName, EnvironmentTag, Environments, Movability, State, TagKind, classify,
};
use crate::version::{ProjectPath, Version};

/// Where tags live, here and on the remote.
pub const TAGS: &str = "refs/tags/";
/// This clone's copies of what moves on the remote: once there is one, a fetch has happened.
pub const REMOTE: &str = "refs/tagboat/remote/";
/// This clone's copies of the remote's environment tags.
pub const REMOTE_TAGS: &str = "refs/tagboat/remote/tags/";
/// This clone's copy of the remote's default branch.
pub const REMOTE_HEAD: &str = "refs/tagboat/remote/HEAD";
/// Ledger pages, here and on the remote.
pub const PAGES: &str = "refs/tagboat/ledger/";
/// What was the newest ledger that this clone read.
pub const SEEN: &str = "refs/tagboat/seen/";

/// What the remote is asked to list: its default branch, all tags, all pages.
pub const REMOTE_PATTERNS: [&str; 3] = ["HEAD", "refs/tags/*", "refs/tagboat/ledger/*"];

/// Where answers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The remote was asked first.
    Remote,
    /// This clone alone.
    Clone,
}

/// A version's tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedVersion {
    /// What the ref holds.
    pub object: ObjectId,
    /// The commit that it leads to.
    pub commit: CommitSha,
}

/// The refs of a clone by what they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Every version tag.
    pub versions: BTreeMap<Version, TaggedVersion>,
    /// The state that holds for each version that has one (SPEC V4).
    pub states: BTreeMap<Version, State>,
    /// The tag object of each ledger.
    pub ledgers: BTreeMap<EnvironmentTag, ObjectId>,
    /// The pages of each ledger.
    pub pages: BTreeMap<EnvironmentTag, BTreeMap<u64, ObjectId>>,
    /// The newest ledger that was ever read of each environment tag.
    pub seen: BTreeMap<EnvironmentTag, ObjectId>,
    /// Tags of the form `v1.2.3-production`: protected, never versions.
    pub legacy: Vec<(Version, EnvironmentName)>,
    /// How many tags are none of ours.
    pub foreign: usize,
    /// Whether this clone ever fetched from its remote with Tagboat.
    pub fetched: bool,
}

impl Listing {
    /// Sorts refs. Environment tags are read from the copies that a fetch made; a clone that never made one
    /// is read as git cloned it.
    #[must_use]
    pub fn read(refs: &[ListedRef], environments: &Environments, source: Source) -> Self {
        let fetched =
            source == Source::Remote || refs.iter().any(|listed| listed.name.starts_with(REMOTE));
        let mut listing = Self { fetched, ..Self::default() };
        for listed in refs {
            if let Some(name) = listed.name.strip_prefix(TAGS) {
                listing.tag(name, listed, environments);
            } else if let Some(name) = listed.name.strip_prefix(REMOTE_TAGS) {
                if let TagKind::Environment(path, environment) = classify(name, environments) {
                    let tag = EnvironmentTag::new(path, environment);
                    listing.ledgers.insert(tag, listed.object.clone());
                }
            } else if let Some(name) = listed.name.strip_prefix(PAGES) {
                if let Some((tag, page)) = page(name, environments) {
                    listing.pages.entry(tag).or_default().insert(page, listed.object.clone());
                }
            } else if let Some(name) = listed.name.strip_prefix(SEEN)
                && let TagKind::Environment(path, environment) = classify(name, environments)
            {
                let tag = EnvironmentTag::new(path, environment);
                listing.seen.insert(tag, listed.object.clone());
            }
        }
        listing
    }

    fn tag(&mut self, name: &str, listed: &ListedRef, environments: &Environments) {
        match classify(name, environments) {
            TagKind::Version(version) => {
                let commit = CommitSha::from(listed.target().clone());
                let tagged = TaggedVersion { object: listed.object.clone(), commit };
                self.versions.insert(version, tagged);
            }
            TagKind::State(version, state) => {
                let strongest = self.states.get(&version).map_or(state, |known| state.max(*known));
                self.states.insert(version, strongest);
            }
            TagKind::Environment(path, environment) => {
                if !self.fetched {
                    let tag = EnvironmentTag::new(path, environment);
                    self.ledgers.insert(tag, listed.object.clone());
                }
            }
            TagKind::LegacySuffix(version, environment) => self.legacy.push((version, environment)),
            TagKind::Foreign => self.foreign += 1,
        }
    }

    /// The version tags of one project, lowest first.
    pub fn versions_of<'a>(
        &'a self,
        project: &'a ProjectPath,
    ) -> impl Iterator<Item = (&'a Version, &'a TaggedVersion)> {
        self.versions
            .range(Version::lowest(project.clone())..)
            .take_while(move |(version, _)| version.path() == project)
    }

    /// The environment tags that were there and are not: this clone read one before, or pages of its ledger are
    /// still there. A clone that never asked the remote knows of none.
    #[must_use]
    pub fn deleted(&self) -> BTreeSet<&EnvironmentTag> {
        let known = self.seen.keys().chain(self.pages.keys());
        known.filter(|tag| !self.ledgers.contains_key(tag)).collect()
    }

    /// Every project that has a version tag or a ledger.
    #[must_use]
    pub fn projects(&self) -> BTreeSet<&ProjectPath> {
        let tagged = self.versions.keys().map(Version::path);
        tagged.chain(self.ledgers.keys().map(|tag| &tag.path)).collect()
    }
}

fn page(name: &str, environments: &Environments) -> Option<(EnvironmentTag, u64)> {
    let (tag, number) = name.rsplit_once('/')?;
    let number: u64 = number.parse().ok()?;
    match classify(tag, environments) {
        TagKind::Environment(path, environment) => {
            Some((EnvironmentTag::new(path, environment), number))
        }
        TagKind::Version(_) | TagKind::State(..) | TagKind::LegacySuffix(..) | TagKind::Foreign => {
            None
        }
    }
}

/// A version, state or legacy tag that the remote holds otherwise than this clone (SPEC V4): someone moved
/// it, here or there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedTag {
    /// Its name.
    pub name: String,
    /// What this clone holds.
    pub ours: ObjectId,
    /// What the remote holds.
    pub theirs: ObjectId,
}

/// What must be brought from the remote, and what it no longer has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchPlan {
    /// What to bring.
    pub specs: Vec<FetchSpec>,
    /// Private copies of environment tags that the remote no longer has.
    pub forget: Vec<String>,
    /// Tags that must not move and did.
    pub moved: Vec<MovedTag>,
}

impl FetchPlan {
    /// This clone's refs as they are once the plan was carried out, by the remote's word. Copies that somebody deletes
    /// meanwhile, or that could not be written, change no answer (SPEC V8: the clone is a cache).
    #[must_use]
    pub fn carried_out(&self, local: Vec<ListedRef>, remote: &[ListedRef]) -> Vec<ListedRef> {
        let there: BTreeMap<&str, &ListedRef> =
            remote.iter().map(|listed| (listed.name.as_str(), listed)).collect();
        let brought = self.specs.iter().filter_map(|spec| {
            let listed = (*there.get(spec.from.as_str())?).clone();
            Some((spec.to.clone(), ListedRef { name: spec.to.clone(), ..listed }))
        });
        let mut refs: BTreeMap<String, ListedRef> =
            local.into_iter().map(|listed| (listed.name.clone(), listed)).collect();
        refs.extend(brought);
        for gone in &self.forget {
            refs.remove(gone);
        }
        refs.into_values().collect()
    }
}

/// Compares what the remote lists with what is here. Environment tags go to private copies and may move;
/// version and state tags are brought when they are new, and never overwritten; foreign tags stay there.
#[must_use]
pub fn plan_fetch(
    remote: &[ListedRef],
    local: &[ListedRef],
    environments: &Environments,
) -> FetchPlan {
    let here: BTreeMap<&str, &ListedRef> =
        local.iter().map(|listed| (listed.name.as_str(), listed)).collect();
    let mut plan = FetchPlan::default();
    let mut kept = BTreeSet::new();
    for listed in remote {
        let (to, existing) = if listed.name == "HEAD" {
            (REMOTE_HEAD.to_owned(), Existing::Overwrite)
        } else if let Some(name) = listed.name.strip_prefix(TAGS) {
            match classify(name, environments).movability() {
                Some(Movability::Movable) => (format!("{REMOTE_TAGS}{name}"), Existing::Overwrite),
                Some(Movability::Fixed) => (listed.name.clone(), Existing::Keep),
                None => continue,
            }
        } else if let Some(name) = listed.name.strip_prefix(PAGES) {
            if page(name, environments).is_none() {
                continue;
            }
            (listed.name.clone(), Existing::Keep)
        } else {
            continue;
        };
        match here.get(to.as_str()) {
            Some(ours) if ours.object == listed.object => {}
            Some(ours) if existing == Existing::Keep => {
                plan.moved.extend(moved(ours, listed));
            }
            Some(_) | None => {
                let from = listed.name.clone();
                plan.specs.push(FetchSpec { from, to: to.clone(), existing });
            }
        }
        kept.insert(to);
    }
    let copies = here.keys().filter(|name| name.starts_with(REMOTE_TAGS));
    plan.forget = copies.filter(|name| !kept.contains(**name)).map(|n| (*n).to_owned()).collect();
    plan
}

/// A fixed tag that differs. A lightweight tag here that leads to the same commit is no alarm:
/// `actions/checkout` made annotated tags lightweight until January 2026.
fn moved(ours: &ListedRef, theirs: &ListedRef) -> Option<MovedTag> {
    if ours.peeled.is_none() && ours.object == *theirs.target() {
        return None;
    }
    Some(MovedTag {
        name: ours.name.clone(),
        ours: ours.object.clone(),
        theirs: theirs.object.clone(),
    })
}

#[cfg(test)]
mod tests;
