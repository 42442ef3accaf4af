//! Every ref, sorted by what it means (SPEC V6). In: one listing of refs and the environments that exist.
//! Out: versions, states, ledgers and pages; and what a fetch must bring.

mod versions;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::iter::Peekable;

use crate::commit::{CommitSha, ObjectId};
use crate::ports::{Existing, FetchSpec, ListedRef, RefView};
use crate::tag::{
    Classifier, EnvironmentName, EnvironmentTag, Environments, Movability, State, TagKind,
};
use crate::tag_override::OVERRIDES;
use crate::version::{ProjectPath, Version};

pub use versions::{TaggedVersion, Versions};

/// Where tags live, here and on the remote.
pub const TAGS: &str = "refs/tags/";
/// This clone's copies of the remote's environment tags.
pub const REMOTE_TAGS: &str = "refs/tagboat/remote/tags/";
/// This clone's copy of the remote's default branch: once there is one, every project was fetched.
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

/// A state tag (SPEC V4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateTag {
    /// Of which version.
    pub version: Version,
    /// Which state.
    pub state: State,
    /// The commit that it leads to.
    pub commit: CommitSha,
}

/// The refs of a clone by what they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Every version tag.
    pub versions: Versions,
    /// The state that holds for each version that has one (SPEC V4).
    pub states: BTreeMap<Version, State>,
    /// Every state tag, in the order of their names.
    pub state_tags: Vec<StateTag>,
    /// What each environment tag holds: the tag object of its ledger, or a commit where it is from before.
    pub ledgers: BTreeMap<EnvironmentTag, ObjectId>,
    /// The pages of each ledger.
    pub pages: BTreeMap<EnvironmentTag, BTreeMap<u64, ObjectId>>,
    /// The newest ledger that was ever read of each environment tag.
    pub seen: BTreeMap<EnvironmentTag, ObjectId>,
    /// Tags of the form `v1.2.3-production`: protected, never versions.
    pub legacy: Vec<(Version, EnvironmentName)>,
    /// Records of overrides, by their full names.
    pub overrides: Vec<(String, ObjectId)>,
    /// How many tags are none of ours.
    pub foreign: usize,
    /// Whether this clone ever fetched from its remote, of every project, with Tagboat.
    pub fetched: bool,
}

/// A [`Listing`] in the making.
#[derive(Debug)]
pub struct Sorter<'e> {
    classifier: Classifier<'e>,
    listing: Listing,
    versions: Vec<(Version, TaggedVersion)>,
    /// Environment tags as git cloned them.
    cloned: Vec<(EnvironmentTag, ObjectId)>,
    /// The copies that a fetch made.
    copies: Vec<(EnvironmentTag, ObjectId)>,
    seen: Vec<(EnvironmentTag, ObjectId)>,
}

impl<'e> Sorter<'e> {
    /// For refs of a clone with these environments.
    #[must_use]
    pub fn new(environments: &'e Environments, source: Source) -> Self {
        let listing = Listing { fetched: source == Source::Remote, ..Listing::default() };
        Self {
            classifier: Classifier::new(environments),
            listing,
            versions: Vec::new(),
            cloned: Vec::new(),
            copies: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Takes one.
    pub fn take(&mut self, listed: RefView<'_>) {
        if let Some(name) = listed.name.strip_prefix(TAGS) {
            self.tag(name, listed);
            return;
        }
        self.listing.fetched |= listed.name == REMOTE_HEAD;
        if let Some(name) = listed.name.strip_prefix(REMOTE_TAGS) {
            if let Some(tag) = self.environment(name) {
                self.copies.push((tag, listed.object.clone()));
            }
        } else if let Some(name) = listed.name.strip_prefix(PAGES) {
            if let Some((tag, page)) = page(name, &mut self.classifier) {
                self.listing.pages.entry(tag).or_default().insert(page, listed.object.clone());
            }
        } else if let Some(name) = listed.name.strip_prefix(SEEN) {
            if let Some(tag) = self.environment(name) {
                self.seen.push((tag, listed.object.clone()));
            }
        } else if listed.name.starts_with(OVERRIDES) {
            self.listing.overrides.push((listed.name.to_owned(), listed.object.clone()));
        }
    }

    fn environment(&mut self, name: &str) -> Option<EnvironmentTag> {
        match self.classifier.classify(name) {
            TagKind::Environment(path, environment) => Some(EnvironmentTag::new(path, environment)),
            TagKind::Version(_)
            | TagKind::State(..)
            | TagKind::LegacySuffix(..)
            | TagKind::Foreign => None,
        }
    }

    fn tag(&mut self, name: &str, listed: RefView<'_>) {
        let commit = || CommitSha::from(listed.peeled.unwrap_or(listed.object).clone());
        let listing = &mut self.listing;
        match self.classifier.classify(name) {
            TagKind::Version(version) => {
                let tagged = TaggedVersion { object: listed.object.clone(), commit: commit() };
                self.versions.push((version, tagged));
            }
            TagKind::State(version, state) => {
                let strongest =
                    listing.states.get(&version).map_or(state, |known| state.max(*known));
                listing.states.insert(version.clone(), strongest);
                listing.state_tags.push(StateTag { version, state, commit: commit() });
            }
            TagKind::Environment(path, environment) => {
                let tag = EnvironmentTag::new(path, environment);
                self.cloned.push((tag, listed.object.clone()));
            }
            TagKind::LegacySuffix(version, environment) => {
                listing.legacy.push((version, environment));
            }
            TagKind::Foreign => listing.foreign += 1,
        }
    }

    /// All of them. Environment tags are those of the copies that a fetch made; where none was ever made of every project,
    /// the others are as git cloned them.
    #[must_use]
    pub fn finish(self) -> Listing {
        let mut listing = self.listing;
        listing.versions = self.versions.into_iter().collect();
        let cloned = if listing.fetched { Vec::new() } else { self.cloned };
        // All at once: they are nearly in order, and to look for the place of each would cost more than all else. Of two
        // of the same name the last one stays.
        listing.ledgers = cloned.into_iter().chain(self.copies).collect();
        listing.seen = self.seen.into_iter().collect();
        listing
    }
}

impl Listing {
    /// Sorts refs: see [`Sorter`].
    #[must_use]
    pub fn read(refs: &[ListedRef], environments: &Environments, source: Source) -> Self {
        let mut sorter = Sorter::new(environments, source);
        refs.iter().for_each(|listed| sorter.take(listed.view()));
        sorter.finish()
    }

    /// The version tags of one project, lowest first.
    pub fn versions_of(
        &self,
        project: &ProjectPath,
    ) -> impl DoubleEndedIterator<Item = (&Version, &TaggedVersion)> {
        self.versions.of(project).iter().map(|(version, tagged)| (version, tagged))
    }

    /// The environment tags that were there and are not: this clone read one before, or pages of its ledger are
    /// still there. A clone that never asked the remote knows of none.
    #[must_use]
    pub fn deleted(&self) -> BTreeSet<&EnvironmentTag> {
        let (mut beside_seen, mut beside_pages) =
            (Beside::new(&self.ledgers), Beside::new(&self.ledgers));
        let seen = self.seen.keys().filter(|tag| beside_seen.find(tag).is_none());
        let pages = self.pages.keys().filter(|tag| beside_pages.find(tag).is_none());
        seen.chain(pages).collect()
    }

    /// Every project that has a version tag or a ledger.
    #[must_use]
    pub fn projects(&self) -> BTreeSet<&ProjectPath> {
        self.versions.projects().chain(self.ledgers.keys().map(|tag| &tag.path)).collect()
    }
}

/// Finds tags one after the other, in their order, in a map: it is walked along once. To look for each from the top would
/// touch far more memory.
#[derive(Debug)]
pub struct Beside<'m, V>(Peekable<btree_map::Iter<'m, EnvironmentTag, V>>);

impl<'m, V> Beside<'m, V> {
    /// From the map's beginning on.
    #[must_use]
    pub fn new(map: &'m BTreeMap<EnvironmentTag, V>) -> Self {
        Self(map.iter().peekable())
    }

    /// What the map holds for a tag, which comes after the one that was asked for before.
    pub fn find(&mut self, tag: &EnvironmentTag) -> Option<&'m V> {
        loop {
            match self.0.peek()?.0.cmp(tag) {
                Ordering::Less => drop(self.0.next()),
                Ordering::Equal => return self.0.next().map(|(_, value)| value),
                Ordering::Greater => return None,
            }
        }
    }
}

fn page(name: &str, classifier: &mut Classifier<'_>) -> Option<(EnvironmentTag, u64)> {
    let (tag, number) = name.rsplit_once('/')?;
    let number: u64 = number.parse().ok()?;
    match classifier.classify(tag) {
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
        if self.specs.is_empty() && self.forget.is_empty() {
            return local;
        }
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

/// What a question is about: of no other project is anything brought for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'p> {
    /// Every project.
    Everything,
    /// These.
    Projects(&'p [ProjectPath]),
}

impl About<'_> {
    fn needs(self, project: &ProjectPath) -> bool {
        match self {
            Self::Everything => true,
            Self::Projects(projects) => projects.contains(project),
        }
    }

    /// The refs, and folders of refs, with all that a clone knows of it; `None` where that is every ref, as for the project at
    /// the root, whose tags are in no folder of their own.
    #[must_use]
    pub fn refs(self) -> Option<Vec<String>> {
        let Self::Projects(projects) = self else { return None };
        if projects.iter().any(ProjectPath::is_root) {
            return None;
        }
        let of = |project: &ProjectPath| {
            [TAGS, REMOTE_TAGS, SEEN, PAGES].map(|place| format!("{place}{project}/"))
        };
        Some(
            projects
                .iter()
                .flat_map(of)
                .chain([OVERRIDES, REMOTE_HEAD].map(str::to_owned))
                .collect(),
        )
    }
}

/// Compares what the remote lists with what is here. Environment tags go to private copies and may move;
/// version and state tags are brought when they are new, and never overwritten; foreign tags stay there, and so do those
/// that the question is not about. What moved or is gone is told of every project: the listing shows it anyhow.
#[must_use]
pub fn plan_fetch(
    remote: &[ListedRef],
    local: &[ListedRef],
    environments: &Environments,
    about: About<'_>,
) -> FetchPlan {
    let here: BTreeMap<&str, &ListedRef> =
        local.iter().map(|listed| (listed.name.as_str(), listed)).collect();
    let mut plan = FetchPlan::default();
    let mut classifier = Classifier::new(environments);
    let mut kept = BTreeSet::new();
    for listed in remote {
        let (to, existing, is_needed) = if listed.name == "HEAD" {
            // It is also the sign that every project was asked for.
            (REMOTE_HEAD.to_owned(), Existing::Overwrite, about == About::Everything)
        } else if let Some(name) = listed.name.strip_prefix(TAGS) {
            let kind = classifier.classify(name);
            let is_needed = kind.project().is_some_and(|project| about.needs(project));
            match kind.movability() {
                Some(Movability::Movable) => {
                    (format!("{REMOTE_TAGS}{name}"), Existing::Overwrite, is_needed)
                }
                Some(Movability::Fixed) => (listed.name.clone(), Existing::Keep, is_needed),
                None => continue,
            }
        } else if let Some(name) = listed.name.strip_prefix(PAGES) {
            let Some((tag, _)) = page(name, &mut classifier) else { continue };
            (listed.name.clone(), Existing::Keep, about.needs(&tag.path))
        } else {
            continue;
        };
        match here.get(to.as_str()) {
            Some(ours) if ours.object == listed.object => {}
            Some(ours) if existing == Existing::Keep => {
                plan.moved.extend(moved(ours, listed));
            }
            Some(_) | None if !is_needed => {}
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
