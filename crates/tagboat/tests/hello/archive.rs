//! What Debian's archive has of hello. In: clean roots. Out: its source, as apt fetched and verified it, and the
//! packages that Debian's own machines built of it.
//!
//! They are kept in the cache folder below `archive/`, by the digest that the signed index gives for the package:
//! what is kept is fetched once.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tagboat_adapters::roots::NspawnRoots;
use tagboat_core::ports::{Access, Architecture, Mirror, Network};

use crate::clean::{bind, machine, mirrors, open, run};

/// What unpacks, fetches and judges: `lintian` brings `dpkg-source` along.
pub(crate) const TOOLS: [&str; 1] = ["lintian"];

/// The fetched files: `hello_2.10-3.dsc` and what it names, and a .deb for each architecture.
pub(crate) fn fetched(roots: &NspawnRoots) -> PathBuf {
    let index = {
        let root = open(roots, machine(), &TOOLS, &[]);
        run(&*root, Network::Loopback, "/", &["apt-cache", "show", "--no-all-versions", "hello"])
    };
    let digest = index.lines().find_map(|line| line.strip_prefix("SHA256: ")).unwrap();
    let kept = roots.cache().join("archive");
    let folder = kept.join(digest);
    if !folder.exists() {
        fs::create_dir_all(&kept).unwrap();
        let new = tempfile::tempdir_in(&kept).unwrap();
        fetch(roots, new.path());
        match fs::rename(new.path(), &folder) {
            Ok(()) => drop(new.keep()),
            // Another run was faster.
            Err(error) => assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty, "{error}"),
        }
    }
    folder
}

/// As a person would: `deb-src` is added, and apt asked.
fn fetch(roots: &NspawnRoots, folder: &Path) {
    let binds = [bind(folder, "/srv/archive", Access::ReadWrite)];
    let root = open(roots, machine(), &TOOLS, &binds);
    let source = |mirror: &Mirror| {
        format!("deb-src {} {} {}\n", mirror.uri, mirror.suite, mirror.components.join(" "))
    };
    let sources: String = mirrors().iter().map(source).collect();
    fs::write(root.path().join("etc/apt/sources.list.d/source.list"), sources).unwrap();
    let run = |argv: &[&str]| run(&*root, Network::Shared, "/srv/archive", argv);
    for architecture in Architecture::ALL.iter().filter(|one| **one != machine()) {
        run(&["dpkg", "--add-architecture", architecture.debian()]);
    }
    run(&["apt-get", "--quiet", "update"]);
    run(&["apt-get", "--quiet", "source", "--download-only", "hello"]);
    run(&["apt-get", "--quiet", "download", "hello:amd64", "hello:arm64"]);
}

/// Unpacks the source as `apt-get source` does, with the patches of its packaging applied.
pub(crate) fn unpack(roots: &NspawnRoots, fetched: &Path, into: &Path) {
    let dsc = files_ending(fetched, ".dsc").remove(0);
    let binds = [
        bind(fetched, "/srv/archive", Access::ReadOnly),
        bind(into, "/srv/unpacked", Access::ReadWrite),
    ];
    let root = open(roots, machine(), &TOOLS, &binds);
    let dsc = format!("/srv/archive/{dsc}");
    // apt has verified who signed it; what it names is verified by its digests here.
    let argv = ["dpkg-source", "--no-copy", "--extract", &dsc, "hello"];
    run(&*root, Network::Loopback, "/srv/unpacked", &argv);
}

/// The names of a folder's files that end so, sorted.
pub(crate) fn files_ending(folder: &Path, end: &str) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let mut found: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
    found.sort();
    found
}
