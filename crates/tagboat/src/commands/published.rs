//! What can be fetched (SPEC R2). In: the folder of the APT repository. Out: the versions of a package
//! that its indices list and whose files are there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use tagboat_core::environment::Host;
use tagboat_core::ports::Architecture;
use tagboat_core::version::Version;
use tagboat_deb::{Dialect, Paragraphs};

/// The Debian versions of a package that a host could fetch, with the architecture of the index that lists each. That
/// the index is signed apt on the host checks; a folder that is not there has nothing.
pub(crate) fn published(repository: &Path, package: &str) -> Vec<(String, Architecture)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![repository.join("dists")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
        let architecture = folder.file_name().and_then(|name| name.to_str());
        let architecture = architecture.and_then(|name| name.strip_prefix("binary-"));
        if let Some(architecture) = architecture.and_then(Architecture::from_debian) {
            let listed = listed(repository, &folder.join("Packages"), package);
            found.extend(listed.into_iter().map(|version| (version, architecture)));
        }
    }
    found.into_iter().collect()
}

/// The versions that an index lists and whose files have the size that it says. What cannot be read is not there.
fn listed(repository: &Path, index: &PathBuf, package: &str) -> Vec<String> {
    let Ok(file) = File::open(index) else { return Vec::new() };
    let stanzas = Paragraphs::new(BufReader::new(file), Dialect::Binary).map_while(Result::ok);
    let there = |path: &str, size: &str| {
        let relative = Path::new(path);
        let inside =
            relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        let found = fs::metadata(repository.join(relative)).ok().filter(|_| inside);
        found.is_some_and(|found| found.is_file() && found.len().to_string() == size)
    };
    let version = |stanza: tagboat_deb::Paragraph| {
        let is_it = stanza.get("Package") == Some(package)
            && there(stanza.get("Filename")?, stanza.get("Size")?.trim());
        is_it.then(|| stanza.get("Version").map(str::to_owned)).flatten()
    };
    stanzas.filter_map(version).collect()
}

/// The first architecture of these hosts for which the version cannot be fetched.
pub(crate) fn unpublished<'h>(
    pool: &[(String, Architecture)],
    version: &Version,
    mut hosts: impl Iterator<Item = &'h Host>,
) -> Option<Architecture> {
    let debian = version.debian();
    let missing =
        |host: &&Host| !pool.iter().any(|(listed, arch)| (listed, arch) == (&debian, &host.arch));
    hosts.find(missing).map(|host| host.arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn what_an_index_lists_and_the_pool_holds_whole_can_be_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let stanza = |package: &str, version: &str, file: &str, size: usize| {
            format!(
                "Package: {package}\nVersion: {version}\nArchitecture: amd64\nFilename: {file}\nSize: {size}\n\n"
            )
        };
        let file = |version: &str| format!("pool/main/a/api/api_{version}_amd64.deb");
        let index: String = [
            stanza("api", "1.0.0", &file("1.0.0"), 5),
            stanza("api", "1.1.0", &file("1.1.0"), 5),
            stanza("api", "1.2.0", &file("1.2.0"), 5),
            stanza("api", "1.3.0", "../outside", 5),
            stanza("web", "1.0.0", &file("1.0.0"), 5),
        ]
        .concat();
        write(root, "dists/stable/main/binary-amd64/Packages", &index);
        write(
            root,
            "dists/stable/main/binary-arm64/Packages",
            &stanza("api", "1.0.0", &file("1.0.0"), 5),
        );
        write(root, "dists/stable/main/binary-amd64/by-hash/SHA256/00", "no index");
        write(root, &file("1.0.0"), "whole");
        // Cut off; not there at all; there, and listed by none.
        write(root, &file("1.1.0"), "cut");
        write(root, &file("1.4.0"), "whole");
        let whole = |architecture| ("1.0.0".to_owned(), architecture);
        let pool = published(root, "api");
        assert_eq!(pool, [whole(Architecture::Amd64), whole(Architecture::Arm64)]);
        assert_eq!(published(&root.join("none"), "api"), []);
        let version = |text: &str| Version::parse(text).unwrap();
        let host = |arch| Host {
            name: tagboat_core::environment::HostName::parse("web-1").unwrap(),
            address: "192.0.2.1".to_owned(),
            user: "root".to_owned(),
            port: 22,
            host_key: None,
            arch,
            labels: vec![],
        };
        let hosts = [host(Architecture::Amd64), host(Architecture::Arm64)];
        assert_eq!(unpublished(&pool, &version("api/v1.0.0"), hosts.iter()), None);
        assert_eq!(
            unpublished(&pool[..1], &version("api/v1.0.0"), hosts.iter()),
            Some(Architecture::Arm64)
        );
        assert_eq!(
            unpublished(&pool, &version("api/v1.1.0"), hosts.iter()),
            Some(Architecture::Amd64)
        );
    }
}
