//! Looks at a repository and at the packages to add: in: a request and the keys to believe, out: facts; nothing is changed.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ports::Architecture;
use tagboat_deb::digest::{Digests, Sha256Sum};
use tagboat_deb::read::{Depth, Limits, read_deb};
use tagboat_deb::{Dialect, Paragraph, Paragraphs, file_name};

use super::entry::{Entry, parse_sha256};
use super::layout::{RepositoryPath, by_hash, by_hash_folder, index_path, pool_path, suite_path};
use super::{Request, Signed, clipped, damaged, io_failed, parse_release_date, refuse};
use crate::keys::{Certificate, Fingerprint};
use crate::signature::{MAX_SIGNED, Verified, verify_detached, verify_inline};

/// The largest index that is read, in bytes. Our own limit; Debian 12's `main` has 45 MiB.
const MAX_INDEX: u64 = 512 << 20;

/// What is there, and what shall come.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What clients see now; `None` where nothing was published in this suite.
    pub present: Option<Present>,
    /// The packages of the request, in its order.
    pub additions: Vec<Addition>,
    /// Files under their digests that the present `InRelease` does not name.
    pub superseded: Vec<Kept>,
}

/// The present publication of a suite, verified.
#[derive(Clone, Debug)]
pub struct Present {
    /// The digest of the signed file that was read: a plan is for this one and no other.
    pub release: Sha256Sum,
    /// Where it was read from: `InRelease`, or `Release` with its detached signature.
    pub signature: Signed,
    /// Whose key signed it.
    pub signed_by: Fingerprint,
    /// Its fields.
    pub fields: Paragraph,
    /// Its `Date`.
    pub date: Timestamp,
    /// Its architectures.
    pub architectures: Vec<Architecture>,
    /// Its components.
    pub components: Vec<String>,
    /// Every package that it lists, once, with its component.
    pub packages: Vec<(String, Entry)>,
    /// Its indices.
    pub indices: Vec<IndexFacts>,
}

/// An index that the present `InRelease` names.
#[derive(Clone, Debug)]
pub struct IndexFacts {
    /// From the folder of the suite.
    pub path: String,
    /// The bytes of it.
    pub size: u64,
    /// Of it.
    pub sha256: Sha256Sum,
    /// Whether the file under its plain name is this one; it is not where a publisher was stopped.
    pub plain: PlainName,
}

/// What lies under the plain name of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainName {
    /// The index that `InRelease` names.
    Right,
    /// Another one, or nothing.
    Other,
}

/// A package to add.
#[derive(Clone, Debug)]
pub struct Addition {
    /// The file that was read.
    pub source: PathBuf,
    /// What the index will say of it.
    pub entry: Entry,
    /// Of the file.
    pub digests: Digests,
    /// What lies where it shall go.
    pub place: Occupied,
}

/// What lies at a place of the pool that no index of this suite names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupied {
    /// Nothing, or what the index names.
    No,
    /// A file with this digest: left by a publisher that was stopped, or another suite's.
    By(Sha256Sum),
}

/// An index under its digest that may still be asked for by clients with an older `InRelease`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it lies.
    pub path: RepositoryPath,
    /// When it was written.
    pub modified: Timestamp,
}

/// Reads the present publication and the packages to add. The digests of packages in the pool are believed
/// from the signed index, where the file has the size that it says; nothing in the pool is read again.
///
/// # Errors
/// `publish::name`, `publish::unverified` where the present publication is not signed by one of `trusted`,
/// `publish::damaged` where it names what is not there, `publish::not-a-package`, `publish::io`.
pub fn observe(request: &Request, trusted: &[Certificate]) -> Result<Facts> {
    request.check()?;
    let present = observe_present(request, trusted)?;
    let listed: HashMap<&RepositoryPath, &Entry> =
        present.iter().flat_map(Present::by_file).collect();
    let mut additions = Vec::new();
    for source in &request.packages {
        additions.push(observe_package(request, source, &listed)?);
    }
    let superseded = observe_superseded(request, present.as_ref())?;
    Ok(Facts { present, additions, superseded })
}

impl Present {
    fn by_file(&self) -> impl Iterator<Item = (&RepositoryPath, &Entry)> {
        self.packages.iter().map(|(_, entry)| (&entry.file, entry))
    }
}

/// The signed text of a suite and the digest of the file that holds it. `InRelease` where it is there. Else
/// `Release` with `Release.gpg`, which a publisher that was stopped in its first publication leaves complete.
fn read_signed(
    folder: &Path,
    suite: &str,
    trusted: &[Certificate],
) -> Result<Option<(Sha256Sum, Signed, Verified)>> {
    let path = |name: &str| suite_path(suite, name);
    let unverified = |name: &str, error: &Diagnostic| {
        let why =
            error.facts.first().map_or_else(|| error.message.clone(), |(_, text)| text.clone());
        let keys: Vec<_> = trusted.iter().map(|c| c.fingerprint().to_string()).collect();
        Box::new(
            refuse(
                "publish::unverified",
                Exit::Refused,
                "the present repository is not signed by a key that is trusted here",
            )
            .fact("path", path(name).to_string())
            .fact("seen", why)
            .fact("trusted", keys.join(", "))
            .help("publish with the key that signed it, or accept it by its full fingerprint (`--accept-key`)"),
        )
    };
    let text = |name: &str, bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_| damaged(path(name), "it is not UTF-8"))
    };
    if let Some(bytes) = read_small(folder, &path("InRelease"))? {
        let sum = sum_of(&bytes);
        let signed = text("InRelease", bytes)?;
        let verified = verify_inline(&signed, trusted);
        return verified
            .map(|verified| Some((sum, Signed::Inline, verified)))
            .map_err(|error| unverified("InRelease", &error));
    }
    let Some(bytes) = read_small(folder, &path("Release"))? else { return Ok(None) };
    let signature = read_small(folder, &path("Release.gpg"))?.unwrap_or_default();
    let signature = text("Release.gpg", signature)?;
    let verified = verify_detached(&signature, &mut io::Cursor::new(&bytes), trusted)
        .map_err(|error| unverified("Release", &error))?;
    let sum = sum_of(&bytes);
    let release = text("Release", bytes)?;
    Ok(Some((sum, Signed::Detached, Verified { text: release, ..verified })))
}

fn observe_present(request: &Request, trusted: &[Certificate]) -> Result<Option<Present>> {
    let signed = read_signed(&request.folder, &request.suite, trusted)?;
    let Some((release, signature, verified)) = signed else { return Ok(None) };
    let path = suite_path(&request.suite, "InRelease");
    let fields = Paragraphs::only(verified.text.as_bytes(), Dialect::Binary)
        .map_err(|error| damaged(&path, error))?;
    let words = |name: &str| -> Vec<String> {
        fields.get(name).unwrap_or("").split_whitespace().map(str::to_owned).collect()
    };
    let date = fields.get("Date").and_then(parse_release_date);
    let date = date.ok_or_else(|| damaged(&path, "its Date cannot be read"))?;
    let components = words("Components");
    if let Some(bad) = components.iter().find(|c| RepositoryPath::parse(c).is_none()) {
        return Err(damaged(&path, format!("a component {}", clipped(bad))));
    }
    let mut architectures = Vec::new();
    for word in words("Architectures") {
        let known = Architecture::from_debian(&word)
            .ok_or_else(|| damaged(&path, format!("an architecture {}", clipped(&word))))?;
        architectures.push(known);
    }
    let mut indices = parse_hashes(&fields)
        .ok_or_else(|| damaged(&path, "its list of indices cannot be read"))?;
    for index in &mut indices {
        index.plain = observe_plain(request, index)?;
    }
    let mut packages = Vec::new();
    for component in &components {
        read_component(request, component, &architectures, &indices, &mut packages)?;
    }
    let present = Present {
        release,
        signature,
        signed_by: verified.by,
        fields,
        date,
        architectures,
        components,
        packages,
        indices,
    };
    check_pool(request, &present)?;
    Ok(Some(present))
}

/// The field `SHA256`: `<digest> <size> <path>` a line.
fn parse_hashes(fields: &Paragraph) -> Option<Vec<IndexFacts>> {
    let mut indices = Vec::new();
    for line in fields.get("SHA256")?.lines().filter(|line| !line.is_empty()) {
        let [sum, size, path] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return None;
        };
        indices.push(IndexFacts {
            path: RepositoryPath::parse(path)?.as_str().to_owned(),
            size: size.parse().ok()?,
            sha256: parse_sha256(sum)?,
            plain: PlainName::Other,
        });
    }
    Some(indices)
}

fn observe_plain(request: &Request, index: &IndexFacts) -> Result<PlainName> {
    let path = suite_path(&request.suite, &index.path).below(&request.folder);
    match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(PlainName::Other),
        Err(error) => Err(io_failed("read", &path, &error)),
        Ok(file) => {
            let digests = Digests::of(file).map_err(|error| io_failed("read", &path, &error))?;
            let right = (digests.size, digests.sha256) == (index.size, index.sha256);
            Ok(if right { PlainName::Right } else { PlainName::Other })
        }
    }
}

fn read_component(
    request: &Request,
    component: &str,
    architectures: &[Architecture],
    indices: &[IndexFacts],
    packages: &mut Vec<(String, Entry)>,
) -> Result<()> {
    let mut seen: HashMap<RepositoryPath, Sha256Sum> = HashMap::new();
    for architecture in architectures {
        let name = index_path(component, *architecture);
        let index = indices.iter().find(|index| index.path == name);
        let path = suite_path(&request.suite, &name);
        let index = index.ok_or_else(|| damaged(&path, "InRelease does not name it"))?;
        let bytes = read_index(request, index)?;
        for stanza in Paragraphs::new(bytes.as_slice(), Dialect::Binary) {
            let stanza = stanza.map_err(|error| damaged(&path, error))?;
            let entry = Entry::of_stanza(&stanza).ok_or_else(|| {
                let name = clipped(stanza.get("Package").unwrap_or("?"));
                damaged(&path, format!("the stanza of {name} cannot be used"))
            })?;
            match seen.insert(entry.file.clone(), entry.sha256) {
                None => packages.push((component.to_owned(), entry)),
                Some(sum) if sum == entry.sha256 => {}
                Some(_) => return Err(damaged(&entry.file, "two indices give it two digests")),
            }
        }
    }
    Ok(())
}

/// An index by its digest, which no later publisher overwrites; else under its plain name.
fn read_index(request: &Request, index: &IndexFacts) -> Result<Vec<u8>> {
    let hashed = suite_path(&request.suite, &by_hash(&index.path, &index.sha256));
    let plain = suite_path(&request.suite, &index.path);
    if index.size > MAX_INDEX {
        return Err(damaged(&plain, "it is larger than 512 MiB"));
    }
    for path in [&hashed, &plain] {
        let path = path.below(&request.folder);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(index.size + 1).read_to_end(&mut bytes)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_failed("read", &path, &error)),
            Ok(_) if bytes.len() as u64 == index.size && sum_of(&bytes) == index.sha256 => {
                return Ok(bytes);
            }
            Ok(_) => {}
        }
    }
    Err(damaged(&hashed, "it is not there with the size and digest that InRelease says"))
}

fn check_pool(request: &Request, present: &Present) -> Result<()> {
    for (_, entry) in &present.packages {
        let path = entry.file.below(&request.folder);
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() == entry.size => {}
            Ok(found) => {
                let seen =
                    format!("it has {} bytes where the index says {}", found.len(), entry.size);
                return Err(damaged(&entry.file, seen));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(&entry.file, "the index names it and it is not there"));
            }
            Err(error) => return Err(io_failed("read", &path, &error)),
        }
    }
    Ok(())
}

fn observe_package(
    request: &Request,
    source: &Path,
    listed: &HashMap<&RepositoryPath, &Entry>,
) -> Result<Addition> {
    let refused = |error: tagboat_deb::Error| {
        Box::new(
            refuse(
                "publish::not-a-package",
                Exit::Refused,
                "a file is not a package that can be published",
            )
            .fact("file", source.display().to_string())
            .fact("seen", error.to_string())
            .help("look at it: `dpkg-deb --info FILE`"),
        )
    };
    let file = File::open(source).map_err(|error| refused(error.into()))?;
    let reader = BufReader::with_capacity(64 << 10, file);
    let record = read_deb(reader, Depth::Control, &Limits::default()).map_err(refused)?;
    // The place depends on what the entry says, and the entry on the place.
    let draft =
        Entry::of_package(&record.control, RepositoryPath::of("pool".to_owned()), &record.digests)
            .map_err(refused)?;
    let name = file_name(&draft.name, &draft.version, draft.architecture);
    let place = pool_path(&request.component, &draft.name, &name);
    let entry = Entry::of_package(&record.control, place, &record.digests).map_err(refused)?;
    let path = entry.file.below(&request.folder);
    let place = match File::open(&path) {
        _ if listed.contains_key(&entry.file) => Occupied::No,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Occupied::No,
        Err(error) => return Err(io_failed("read", &path, &error)),
        Ok(file) => {
            let digests = Digests::of(file).map_err(|error| io_failed("read", &path, &error))?;
            Occupied::By(digests.sha256)
        }
    };
    Ok(Addition { source: source.to_owned(), entry, digests: record.digests, place })
}

fn observe_superseded(request: &Request, present: Option<&Present>) -> Result<Vec<Kept>> {
    let Some(present) = present else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    for component in &present.components {
        for architecture in &present.architectures {
            let folder = by_hash_folder(&index_path(component, *architecture));
            let folder = suite_path(&request.suite, &folder);
            let path = folder.below(&request.folder);
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(io_failed("read", &path, &error)),
            };
            for entry in entries {
                let found =
                    entry.and_then(|entry| Ok((entry.file_name(), entry.metadata()?.modified()?)));
                let (name, modified) = found.map_err(|error| io_failed("read", &path, &error))?;
                let Some(sum) = name.to_str().and_then(parse_sha256) else { continue };
                if present.indices.iter().any(|index| index.sha256 == sum) {
                    continue;
                }
                kept.push(Kept {
                    path: RepositoryPath::of(format!("{folder}/{sum}")),
                    modified: Timestamp::try_from(modified).unwrap_or(Timestamp::MAX),
                });
            }
        }
    }
    Ok(kept)
}

/// The digest of what [`observe`] would read as the present publication, without a look inside.
pub(super) fn present_release(folder: &Path, suite: &str) -> Result<Option<Sha256Sum>> {
    for name in ["InRelease", "Release"] {
        if let Some(bytes) = read_small(folder, &suite_path(suite, name))? {
            return Ok(Some(sum_of(&bytes)));
        }
    }
    Ok(None)
}

fn read_small(folder: &Path, path: &RepositoryPath) -> Result<Option<Vec<u8>>> {
    let full = path.below(folder);
    let mut bytes = Vec::new();
    let limit = MAX_SIGNED as u64 + 1;
    match File::open(&full).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_failed("read", &full, &error)),
        Ok(_) if bytes.len() > MAX_SIGNED => Err(damaged(path, "it is larger than 512 KiB")),
        Ok(_) => Ok(Some(bytes)),
    }
}

pub(super) fn sum_of(bytes: &[u8]) -> Sha256Sum {
    super::folder::digests_of(bytes).sha256
}
