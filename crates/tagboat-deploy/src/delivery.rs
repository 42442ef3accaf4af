//! What a host's repository lacks. In: the signed repository here and what the host has. Out: a tar archive to be
//! sent. apt on the host verifies signature and hashes; this only saves the sending.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use tagboat_core::ports::Architecture;

/// Every file of the repository that this host needs, by path below its folder: the indices, and the packages
/// of these Debian versions for its architecture. Packages of one source share a version, so siblings that
/// depend on each other come together.
///
/// # Errors
/// Whatever the operating system says of the folder.
pub fn wanted(
    repository: &Path,
    versions: &[String],
    architecture: Architecture,
) -> io::Result<BTreeMap<String, u64>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
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
            } else if kind.is_file() && is_wanted(name, versions, architecture) {
                files.insert(name.to_owned(), entry.metadata()?.len());
            }
        }
    }
    Ok(files)
}

fn is_wanted(path: &str, versions: &[String], architecture: Architecture) -> bool {
    if path.starts_with("dists/") {
        return true;
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    let of = |version: &String, word: &str| file.ends_with(&format!("_{version}_{word}.deb"));
    path.starts_with("pool/")
        && versions.iter().any(|v| of(v, architecture.debian()) || of(v, "all"))
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

    #[test]
    fn a_host_is_sent_what_it_lacks_and_no_other_version() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            "dists/stable/InRelease",
            "dists/stable/main/binary-amd64/by-hash/SHA256/00ff",
            "pool/main/a/api/api_1.1.0_amd64.deb",
            "pool/main/a/api/api_1.2.0_amd64.deb",
            "pool/main/a/api/api_1.2.0_arm64.deb",
            "pool/main/a/api/api-doc_1.2.0_all.deb",
            "pool/main/a/api/api_1.2.0_amd64.deb.tmp",
            ".lock",
        ];
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        let versions = ["1.2.0".to_owned()];
        let wanted = wanted(folder.path(), &versions, Architecture::Amd64).unwrap();
        let holdings =
            "22 dists/stable/InRelease\n50 dists/stable/main/binary-amd64/by-hash/SHA256/00ff\n";
        assert_eq!(
            missing(&wanted, holdings),
            [
                "dists/stable/InRelease",
                "pool/main/a/api/api-doc_1.2.0_all.deb",
                "pool/main/a/api/api_1.2.0_amd64.deb",
            ]
        );
        let packed = pack(folder.path(), &missing(&wanted, holdings)).unwrap();
        let mut archive = tar::Archive::new(packed.reopen().unwrap());
        assert_eq!(archive.entries().unwrap().count(), 3);
    }
}
