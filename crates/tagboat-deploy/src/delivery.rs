//! What a host's repository lacks. In: the signed repository here and what the host has. Out: a tar archive to be
//! sent. apt on the host verifies signature and hashes; this only saves the sending.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Component, Path, PathBuf};

use tagboat_core::ports::Architecture;
use tagboat_deb::{DebianVersion, Dialect, Paragraph, Paragraphs};

/// Every file of the repository that this host needs, with its size, by path below its folder: the indices, these Debian
/// versions of the package for its architecture, and what of the repository they depend on. Of a dependency it is the
/// same version, as packages of one source have, or else the highest one: what apt would choose.
///
/// # Errors
/// Whatever the operating system says of the folder; an index that is none.
pub fn wanted(
    repository: &Path,
    package: &str,
    versions: &[String],
    architecture: Architecture,
) -> io::Result<BTreeMap<String, u64>> {
    let mut files = BTreeMap::new();
    let mut listed = Vec::new();
    let mut folders = vec![PathBuf::from("dists")];
    while let Some(folder) = folders.pop() {
        let of_host = folder.ends_with(format!("binary-{}", architecture.debian()));
        for entry in std::fs::read_dir(repository.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            // Names that begin with a dot are work in progress: locks and files not renamed yet.
            let Some(name) =
                path.to_str().filter(|_| !entry.file_name().as_encoded_bytes().starts_with(b"."))
            else {
                continue;
            };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                if of_host && entry.file_name() == "Packages" {
                    listed.extend(read_index(&entry.path())?);
                }
                files.insert(name.to_owned(), entry.metadata()?.len());
            }
        }
    }
    let mut names = vec![package];
    let mut done = BTreeSet::new();
    while let Some(name) = names.pop() {
        if !done.insert(name) {
            continue;
        }
        let all: Vec<&Listed> = listed.iter().filter(|listed| listed.package == name).collect();
        let same =
            all.iter().copied().filter(|listed| versions.contains(&listed.version.to_string()));
        let mut chosen: Vec<&Listed> = same.collect();
        if chosen.is_empty() && name != package {
            chosen.extend(all.iter().copied().max_by(|one, other| one.version.cmp(&other.version)));
        }
        for listed in chosen {
            files.insert(listed.path.clone(), listed.size);
            names.extend(listed.depends.iter().map(String::as_str));
        }
    }
    Ok(files)
}

/// A package in an index.
struct Listed {
    package: String,
    version: DebianVersion,
    path: String,
    size: u64,
    /// The packages that its dependencies name, alternatives as well.
    depends: Vec<String>,
}

impl Listed {
    /// `None` where a field is missing or leads outside the repository.
    fn of(stanza: &Paragraph) -> Option<Self> {
        let path = stanza.get("Filename")?;
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        let relations =
            ["Pre-Depends", "Depends"].map(|field| stanza.get(field).unwrap_or_default());
        let names = relations.into_iter().flat_map(|relation| relation.split([',', '|']));
        let bare = |name: &str| {
            let end = name.find(|c: char| c.is_whitespace() || "(:[<".contains(c));
            name[..end.unwrap_or(name.len())].to_owned()
        };
        Some(Self {
            package: stanza.get("Package")?.to_owned(),
            version: DebianVersion::parse(stanza.get("Version")?).ok()?,
            path: inside.then(|| path.to_owned())?,
            size: stanza.get("Size")?.trim().parse().ok()?,
            depends: names.map(|name| bare(name.trim())).filter(|name| !name.is_empty()).collect(),
        })
    }
}

fn read_index(path: &Path) -> io::Result<Vec<Listed>> {
    let stanzas = Paragraphs::new(BufReader::new(File::open(path)?), Dialect::Binary);
    let read = |stanza: Result<Paragraph, tagboat_deb::Error>| {
        stanza
            .map(|stanza| Listed::of(&stanza))
            .map_err(|error| io::Error::other(error.to_string()))
    };
    stanzas.filter_map(|stanza| read(stanza).transpose()).collect()
}

/// Which of the wanted files must be sent. A package never changes under its name and an index by hash
/// neither, so their size tells; the other indices are always sent.
#[must_use]
pub fn missing(wanted: &BTreeMap<String, u64>, holdings: &str) -> Vec<String> {
    let there: BTreeMap<&str, u64> = holdings
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(size, path)| Some((path, size.parse().ok()?)))
        .collect();
    let fixed = |path: &str| path.starts_with("pool/") || path.contains("/by-hash/");
    wanted
        .iter()
        .filter(|(path, size)| !fixed(path) || there.get(path.as_str()) != Some(size))
        .map(|(path, _)| path.clone())
        .collect()
}

/// Packs these files of the repository into a tar archive in a temporary file.
///
/// # Errors
/// Whatever the operating system says.
pub fn pack(repository: &Path, files: &[String]) -> io::Result<tempfile::NamedTempFile> {
    let archive = tempfile::NamedTempFile::new()?;
    let mut builder = tar::Builder::new(archive.reopen()?);
    builder.mode(tar::HeaderMode::Deterministic);
    for file in files {
        builder.append_path_with_name(repository.join(file), file)?;
    }
    builder.into_inner()?.sync_all()?;
    Ok(archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "dists/stable/main/binary-amd64/Packages";

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A package in the pool, and its stanza.
    fn publish(root: &Path, package: &str, version: &str, depends: &str) -> String {
        let file = format!("pool/main/x/{package}/{package}_{version}_amd64.deb");
        write(root, &file, "whole");
        let depends =
            if depends.is_empty() { String::new() } else { format!("Depends: {depends}\n") };
        format!("Package: {package}\nVersion: {version}\n{depends}Filename: {file}\nSize: 5\n\n")
    }

    fn pool<'a>(files: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
        let names = files.into_iter().filter(|path| path.starts_with("pool/"));
        names.map(|path| path.rsplit('/').next().unwrap()).collect()
    }

    #[test]
    fn a_host_is_sent_what_it_lacks_and_no_other_version() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let stanzas = ["1.1.0", "1.2.0"].map(|version| publish(root, "api", version, ""));
        write(root, INDEX, &stanzas.concat());
        let by_hash = "dists/stable/main/binary-amd64/by-hash/SHA256/00ff";
        for path in ["dists/stable/InRelease", by_hash, "dists/stable/.lock"] {
            write(root, path, path);
        }
        let versions = ["1.2.0".to_owned()];
        let wanted = wanted(root, "api", &versions, Architecture::Amd64).unwrap();
        let holdings = format!("22 dists/stable/InRelease\n{} {by_hash}\n", by_hash.len());
        let missing = missing(&wanted, &holdings);
        let package = "pool/main/x/api/api_1.2.0_amd64.deb";
        assert_eq!(missing, ["dists/stable/InRelease", INDEX, package]);
        let packed = pack(root, &missing).unwrap();
        let mut archive = tar::Archive::new(packed.reopen().unwrap());
        assert_eq!(archive.entries().unwrap().count(), 3);
    }

    #[test]
    fn a_host_is_sent_what_the_package_depends_on_and_no_other_projects() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let stanzas = [
            publish(root, "api", "1.2.0", "libc6 (>= 2.36), api-data (= 1.2.0), log | syslog"),
            publish(root, "api-data", "1.1.0", ""),
            publish(root, "api-data", "1.2.0", "fonts:any [amd64]"),
            publish(root, "fonts", "9.0.0", "api"),
            publish(root, "fonts", "10.0.0", ""),
            publish(root, "syslog", "0.1.0", ""),
            publish(root, "web", "1.2.0", "api"),
        ];
        write(root, INDEX, &stanzas.concat());
        write(root, &INDEX.replace("amd64", "arm64"), &publish(root, "api", "1.2.0", "web"));
        let versions = ["1.2.0".to_owned()];
        let wanted = wanted(root, "api", &versions, Architecture::Amd64).unwrap();
        let sent = ["api_1.2.0", "api-data_1.2.0", "fonts_10.0.0", "syslog_0.1.0"];
        let mut sent = sent.map(|name| format!("{name}_amd64.deb"));
        sent.sort();
        let mut found = pool(wanted.keys());
        found.sort_unstable();
        assert_eq!(found, sent);
    }

    #[test]
    fn what_an_index_says_of_files_elsewhere_is_not_sent_and_an_index_that_is_none_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let stanza =
            |file: &str| format!("Package: api\nVersion: 1.2.0\nFilename: {file}\nSize: 5\n\n");
        write(root, INDEX, &[stanza("../secret"), stanza("/etc/shadow")].concat());
        let versions = ["1.2.0".to_owned()];
        let look = || wanted(root, "api", &versions, Architecture::Amd64);
        assert_eq!(look().unwrap().into_keys().collect::<Vec<_>>(), [INDEX]);
        write(root, INDEX, "no index");
        assert!(look().is_err());
    }
}
