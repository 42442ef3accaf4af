//! Decides what to write: in: facts, a request, a checked key and the time, out: every byte and the order, or why not.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use flate2::{Compression, GzBuilder};
use jiff::{SignedDuration, Timestamp};
use tagboat_core::diagnostic::{Exit, Result, bug};
use tagboat_core::ports::Architecture;
use tagboat_core::time::{readable, whole_seconds};
use tagboat_deb::digest::{Digests, Sha256Sum};
use tagboat_deb::release::{IndexFile, Release};
use tagboat_deb::{Architecture as Debian, PackageName};

use super::entry::Entry;
use super::folder::digests_of;
use super::layout::{RepositoryPath, by_hash, by_hash_folder, index_path, suite_path};
use super::observe::{Addition, Facts, Occupied, PlainName, Present};
use super::{Request, refuse, release_date};
use crate::keys::{CheckedKey, Fingerprint};

/// How many generations of an index stay under their digests, the new one among them: a client that read an
/// older `InRelease` still finds what it names.
pub const KEPT_GENERATIONS: usize = 3;

/// Younger files stay whatever their number: a client or a cache may hold an `InRelease` that long, and ten
/// publications can come in a minute.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// `Packages` and `Packages.gz`.
const FILES_AN_INDEX: usize = 2;

/// How far the present publication may be ahead of this machine's clock before that is called wrong.
const MAX_AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// What shall be written and in which order; nothing else is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The repository.
    pub folder: PathBuf,
    /// The suite.
    pub suite: String,
    /// The publication that this plan was made for; `apply` refuses where there is another by then.
    pub expects: Option<Sha256Sum>,
    /// The certificate that signs.
    pub key: Fingerprint,
    /// The time of the signatures.
    pub signed_at: Timestamp,
    /// The `Date` of the publication.
    pub date: Timestamp,
    /// The text of `Release`.
    pub release: String,
    /// What becomes of each package of the request.
    pub outcomes: Vec<(String, Outcome)>,
    /// How many packages the suite lists afterwards.
    pub packages: usize,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// In order; empty where all is there already.
    pub steps: Vec<Step>,
}

/// What becomes of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is added.
    Added,
    /// It is there with the same bytes.
    AlreadyThere,
}

/// One change of the repository.
#[derive(Clone, Debug)]
pub enum Step {
    /// A package comes into the pool.
    CopyPackage {
        /// The package.
        from: PathBuf,
        /// Where it goes.
        to: RepositoryPath,
        /// What it must have.
        digests: Digests,
    },
    /// A file is written.
    Write(Written),
    /// The text of `Release` is signed and written. [`Signed::Inline`] is the moment of publication.
    Sign {
        /// `InRelease` or `Release.gpg`.
        to: RepositoryPath,
        /// In which form.
        form: Signed,
    },
    /// A superseded index goes.
    Remove {
        /// Which.
        path: RepositoryPath,
    },
}

/// A file and all of its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it goes.
    pub to: RepositoryPath,
    /// What is in it.
    pub bytes: Arc<[u8]>,
}

/// The two forms of a signed release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// Text and signature in one file: `InRelease`.
    Inline,
    /// The signature alone: `Release.gpg`.
    Detached,
}

/// Decides. The `Date` is `now`, or the present publication's where that is later: clients refuse an older one.
/// Where everything is there already the plan has no steps.
///
/// # Errors
/// `publish::different-bytes`, `publish::architecture`, `publish::identity`, `publish::clock`.
pub fn plan(facts: &Facts, request: &Request, key: &CheckedKey, now: Timestamp) -> Result<Plan> {
    let now = whole_seconds(now);
    let present = facts.present.as_ref();
    if let Some(present) = present {
        check_identity(present, request)?;
    }
    let (date, mut notes) = choose_date(present, now)?;
    notes.extend(key.warning().map(ToString::to_string));
    let (architectures, components) = choose_extent(present, request);
    let mut entries: Vec<(&str, &Entry)> =
        present.iter().flat_map(|p| &p.packages).map(|(c, entry)| (c.as_str(), entry)).collect();
    let (outcomes, mut steps) = add_packages(facts, request, &architectures, &mut entries)?;
    entries.sort_by(|a, b| a.1.order(b.1));

    let indices = write_indices(&components, &architectures, &entries)?;
    let release = release_text(request, date, &architectures, &components, &indices)?;
    let added = outcomes.iter().any(|(_, outcome)| *outcome == Outcome::Added);
    let mut plan = Plan {
        folder: request.folder.clone(),
        suite: request.suite.clone(),
        expects: present.map(|present| present.release),
        key: key.fingerprint(),
        signed_at: now,
        date,
        release,
        outcomes,
        packages: entries.len(),
        notes,
        steps: Vec::new(),
    };
    if !added && present.is_some_and(|p| is_current(p, request, key, &architectures, &components)) {
        return Ok(plan);
    }
    let path = |below: &str| suite_path(&request.suite, below);
    for (index, bytes) in &indices {
        let to = path(&by_hash(&index.path, &index.digests.sha256));
        steps.push(Step::Write(Written { to, bytes: bytes.clone() }));
    }
    for (index, bytes) in indices.iter() {
        steps.push(Step::Write(Written { to: path(&index.path), bytes: bytes.clone() }));
    }
    // Before Release: where Release is there without InRelease, its signature is there too.
    steps.push(Step::Sign { to: path("Release.gpg"), form: Signed::Detached });
    let text = Arc::from(plan.release.as_bytes());
    steps.push(Step::Write(Written { to: path("Release"), bytes: text }));
    steps.push(Step::Sign { to: path("InRelease"), form: Signed::Inline });
    steps.extend(remove_superseded(facts, request, &indices, now));
    plan.steps = steps;
    Ok(plan)
}

/// apt asks its user, or stops, where these change for a source that it knows (apt-secure(8)).
fn check_identity(present: &Present, request: &Request) -> Result<()> {
    for (field, wanted) in [
        ("Origin", &request.origin),
        ("Label", &request.label),
        ("Suite", &request.suite),
        ("Codename", &request.codename),
    ] {
        let found = present.fields.get(field).unwrap_or("");
        if found != wanted {
            return Err(refuse(
                "publish::identity",
                Exit::Refused,
                format!("the {field} of a published repository would change, and apt would stop for its users"),
            )
            .fact("present", found)
            .fact("wanted", wanted.as_str())
            .help("keep the present one, or publish to a new folder")
            .into());
        }
    }
    Ok(())
}

fn choose_date(present: Option<&Present>, now: Timestamp) -> Result<(Timestamp, Vec<String>)> {
    let Some(present) = present.filter(|present| present.date > now) else {
        return Ok((now, Vec::new()));
    };
    let ahead = present.date.duration_since(now);
    if ahead > MAX_AHEAD {
        return Err(refuse(
            "publish::clock",
            Exit::Refused,
            "the present publication is dated after this machine's time",
        )
        .fact("present", readable(present.date))
        .fact("now", readable(now))
        .help("set this machine's clock: `timedatectl`")
        .into());
    }
    let note = format!(
        "dated as the present publication, which is {} s ahead of this machine's clock",
        ahead.as_secs()
    );
    Ok((present.date, vec![note]))
}

/// What the suite has afterwards: nothing that is there goes away.
fn choose_extent(present: Option<&Present>, request: &Request) -> (Vec<Architecture>, Vec<String>) {
    let has = |a: &Architecture| {
        request.architectures.contains(a) || present.is_some_and(|p| p.architectures.contains(a))
    };
    let architectures = Architecture::ALL.into_iter().filter(has).collect();
    let mut components = present.map_or_else(Vec::new, |present| present.components.clone());
    if !components.contains(&request.component) {
        components.push(request.component.clone());
    }
    (architectures, components)
}

/// Whether nothing would change but the date.
fn is_current(
    present: &Present,
    request: &Request,
    key: &CheckedKey,
    architectures: &[Architecture],
    components: &[String],
) -> bool {
    request.valid_for.is_none()
        && present.fields.get("Valid-Until").is_none()
        && present.signature == Signed::Inline
        && present.signed_by == key.fingerprint()
        && present.architectures == architectures
        && present.components == components
        && present.indices.iter().all(|index| index.plain == PlainName::Right)
}

type Additions = (Vec<(String, Outcome)>, Vec<Step>);

/// Adds the new packages to `entries`, and says what becomes of each and which files are copied.
fn add_packages<'a>(
    facts: &'a Facts,
    request: &'a Request,
    architectures: &[Architecture],
    entries: &mut Vec<(&'a str, &'a Entry)>,
) -> Result<Additions> {
    let mut by_name: HashMap<(&PackageName, Debian), Vec<&Entry>> = HashMap::new();
    let mut by_file: HashMap<&RepositoryPath, &Entry> = HashMap::new();
    for (_, entry) in entries.iter() {
        by_name.entry((&entry.name, entry.architecture)).or_default().push(entry);
        by_file.insert(&entry.file, entry);
    }
    let (mut outcomes, mut steps) = (Vec::new(), Vec::new());
    for addition in &facts.additions {
        let new = &addition.entry;
        if !architectures.iter().any(|architecture| new.is_for(*architecture)) {
            let words: Vec<_> = architectures.iter().map(Architecture::to_string).collect();
            return Err(refuse(
                "publish::architecture",
                Exit::Refused,
                "a package is for an architecture that the repository does not have",
            )
            .fact("package", new.shown())
            .fact("has", words.join(" "))
            .help("add it to the repository's architectures")
            .into());
        }
        let namesakes = by_name.entry((&new.name, new.architecture)).or_default();
        let same = namesakes.iter().find(|entry| entry.is_same_version(new));
        match same.or_else(|| by_file.get(&new.file)) {
            Some(there) if there.is_same_version(new) && there.sha256 == new.sha256 => {
                outcomes.push((new.shown(), Outcome::AlreadyThere));
                continue;
            }
            Some(there) => {
                return Err(different(addition, &there.sha256, &format!("of {}", there.shown())));
            }
            None => {}
        }
        match addition.place {
            Occupied::By(sum) if sum != new.sha256 => {
                let why = format!("at {}, named by no index of this suite", new.file);
                return Err(different(addition, &sum, &why));
            }
            Occupied::By(_) => {}
            Occupied::No => steps.push(Step::CopyPackage {
                from: addition.source.clone(),
                to: new.file.clone(),
                digests: addition.digests,
            }),
        }
        namesakes.push(new);
        by_file.insert(&new.file, new);
        entries.push((&request.component, new));
        outcomes.push((new.shown(), Outcome::Added));
    }
    Ok((outcomes, steps))
}

fn different(
    addition: &Addition,
    there: &Sha256Sum,
    what: &str,
) -> Box<tagboat_core::diagnostic::Diagnostic> {
    Box::new(
        refuse(
            "publish::different-bytes",
            Exit::Refused,
            format!("{} is there already with other bytes", addition.entry.shown()),
        )
        .fact("there", format!("{there} {what}"))
        .fact("new", format!("{} of {}", addition.entry.sha256, addition.source.display()))
        .help("publish it under a new version: what was published never changes"),
    )
}

type Indices = Vec<(IndexFile, Arc<[u8]>)>;

fn write_indices(
    components: &[String],
    architectures: &[Architecture],
    entries: &[(&str, &Entry)],
) -> Result<Indices> {
    let mut indices = Vec::new();
    for component in components {
        for architecture in architectures {
            let mut text = String::new();
            for (of, entry) in entries {
                if of == component && entry.is_for(*architecture) {
                    text.push_str(&entry.stanza);
                    text.push('\n');
                }
            }
            let path = index_path(component, *architecture);
            let compressed = gzip(text.as_bytes())
                .map_err(|error| bug(format!("an index could not be compressed: {error}")))?;
            for (path, bytes) in [(path.clone(), text.into_bytes()), (path + ".gz", compressed)] {
                indices.push((IndexFile { path, digests: digests_of(&bytes) }, Arc::from(bytes)));
            }
        }
    }
    Ok(indices)
}

/// Without time or name, so that the same packages give the same bytes.
fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn release_text(
    request: &Request,
    date: Timestamp,
    architectures: &[Architecture],
    components: &[String],
    indices: &Indices,
) -> Result<String> {
    let valid_until = match request.valid_for {
        None => None,
        Some(lasts) => Some(date.checked_add(lasts).map_err(|error| {
            refuse("publish::name", Exit::Usage, "the repository cannot be valid for so long")
                .fact("seen", error.to_string())
        })?),
    };
    let debian = |architecture: &Architecture| match architecture {
        Architecture::Amd64 => Debian::Amd64,
        Architecture::Arm64 => Debian::Arm64,
    };
    let release = Release {
        origin: request.origin.clone(),
        label: request.label.clone(),
        suite: request.suite.clone(),
        codename: request.codename.clone(),
        date: release_date(date),
        valid_until: valid_until.map(release_date),
        architectures: architectures.iter().map(debian).collect(),
        components: components.to_vec(),
        description: format!("{} {}", request.label, request.suite),
        files: indices.iter().map(|(index, _)| index.clone()).collect(),
    };
    let paragraph = release.paragraph();
    let paragraph =
        paragraph.map_err(|error| bug(format!("a release could not be written: {error}")))?;
    Ok(paragraph.to_string())
}

/// The new publication is one generation, the present one another, and both stay; of older files the newest
/// that make up [`KEPT_GENERATIONS`], and all that are younger than [`KEPT_FOR`].
fn remove_superseded(
    facts: &Facts,
    request: &Request,
    indices: &Indices,
    now: Timestamp,
) -> Vec<Step> {
    let mut folders: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (index, _) in indices {
        let folder = suite_path(&request.suite, &by_hash_folder(&index.path));
        folders.entry(format!("{folder}/")).or_default();
    }
    let current: Vec<RepositoryPath> = indices
        .iter()
        .map(|(i, _)| suite_path(&request.suite, &by_hash(&i.path, &i.digests.sha256)))
        .collect();
    for kept in facts.superseded.iter().filter(|kept| !current.contains(&kept.path)) {
        let folder = folders.iter_mut().find(|(folder, _)| kept.path.as_str().starts_with(*folder));
        if let Some((_, files)) = folder {
            files.push(kept);
        }
    }
    let mut steps = Vec::new();
    for files in folders.values_mut() {
        files.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.path.cmp(&b.path)));
        let old = files.iter().skip((KEPT_GENERATIONS - 2) * FILES_AN_INDEX);
        for kept in old.filter(|kept| now.duration_since(kept.modified) > KEPT_FOR) {
            steps.push(Step::Remove { path: kept.path.clone() });
        }
    }
    steps
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Written({} bytes to {})", self.bytes.len(), self.to)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CopyPackage { from, to, digests } => {
                write!(f, "copy    {} to {to} ({} bytes)", from.display(), digests.size)
            }
            Self::Write(Written { to, bytes }) => write!(f, "write   {to} ({} bytes)", bytes.len()),
            Self::Sign { to, form: Signed::Detached } => write!(f, "sign    {to}"),
            Self::Sign { to, form: Signed::Inline } => write!(f, "publish {to}"),
            Self::Remove { path } => write!(f, "remove  {path}"),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "publish to {}, suite {}", self.folder.display(), self.suite)?;
        match &self.expects {
            Some(release) => writeln!(f, "  present {release}")?,
            None => writeln!(f, "  present nothing")?,
        }
        writeln!(f, "  key     {}", self.key)?;
        writeln!(f, "  date    {}", release_date(self.date))?;
        for (package, outcome) in &self.outcomes {
            match outcome {
                Outcome::Added => writeln!(f, "  add     {package}")?,
                Outcome::AlreadyThere => {
                    writeln!(f, "  keep    {package}: is there with the same bytes")?
                }
            }
        }
        for note in &self.notes {
            writeln!(f, "  note    {note}")?;
        }
        if self.steps.is_empty() {
            writeln!(f, "  nothing to do")?;
        }
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step}"))
    }
}
