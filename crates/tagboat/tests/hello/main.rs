//! Input that nobody here wrote: the Debian source of GNU hello, as `apt-get source hello` gives it, taken through
//! the binary as a stranger would, and measured against the packages that Debian made of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

mod archive;
mod clean;
mod stranger;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use tagboat_adapters::roots::NspawnRoots;
use tagboat_core::ports::{Access, Architecture, Network, Root};

use crate::archive::files_ending;
use crate::clean::{bind, machine, open, run};
use crate::stranger::Stranger;

/// Where the archive's packages and ours are seen in a root.
const THEIRS: &str = "/srv/theirs";
const OURS: &str = "/srv/ours";

#[test]
fn the_debian_source_of_gnu_hello_becomes_the_packages_that_debian_made_of_it() {
    let Some(roots) = clean::roots() else { return };
    let fetched = archive::fetched(&roots);
    let stranger = Stranger::new(roots.cache());
    archive::unpack(&roots, &fetched, stranger.folder());
    stranger.import();
    let source = fs::read_to_string(stranger.tree().join("debian/changelog")).unwrap();
    let version = source.split(['(', ')']).nth(1).unwrap();

    let said = stranger.tagboat(&["init"]).text();
    assert!(said.contains("written  config/ci-cd/build-config.yml"), "{said}");
    let said = stranger.tagboat(&["check"]).text();
    assert!(said.contains("1 project"), "{said}");
    let said = stranger.tagboat(&["build", "--arch", "all", "--parallel"]).text();

    let packages = Architecture::ALL.map(|one| format!("hello_{version}_{one}.deb"));
    let dist = stranger.tree().join("dist");
    assert_eq!(files_ending(&dist, ".deb"), packages, "{said}");
    let how = |package: &str| {
        let row = said.lines().find(|line| line.starts_with(package)).unwrap();
        row.split_whitespace().nth(3).unwrap().to_owned()
    };
    let expected =
        Architecture::ALL.map(|one| if one == machine() { "native" } else { "cross" }.to_owned());
    assert_eq!(packages.each_ref().map(|package| how(package)), expected, "{said}");
    let log = dist.join(format!("logs/hello_{version}_{}.log", machine()));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("PASS: tests/hello-1"), "its own tests ran");
    assert_eq!(stranger.git(&["status", "--short", "--untracked-files=no"]), "");

    for package in &packages {
        assert_same_package(&roots, package, &fetched, &dist, &source);
    }
    let judged = stranger.tagboat(&["validate", "--arch", machine().debian()]).text();
    for check in ["permissions", "lintian", "install", "removal"] {
        let row = judged.lines().find(|line| line.split_whitespace().any(|word| word == check));
        assert!(row.is_some_and(|row| row.contains(" passed ")), "{check}\n{judged}");
    }
    for architecture in Architecture::ALL {
        assert_greets(&roots, architecture, &dist);
    }
}

/// What git and time may change: the compiler may have been corrected since, a manual is dated by its file's time,
/// which git does not keep, and their sums follow.
const MAY_DIFFER: [&str; 3] = ["DEBIAN/md5sums", "usr/bin/hello", "usr/share/info/hello.info.gz"];

/// Ours is what the archive has: fields, scripts, files, modes, owners; and lintian finds nothing else in it.
fn assert_same_package(
    roots: &NspawnRoots,
    package: &str,
    fetched: &Path,
    dist: &Path,
    source: &str,
) {
    let scratch = tempfile::tempdir().unwrap();
    let binds = [
        bind(fetched, THEIRS, Access::ReadOnly),
        bind(dist, OURS, Access::ReadOnly),
        bind(scratch.path(), "/srv/scratch", Access::ReadWrite),
    ];
    let root = open(roots, machine(), &archive::TOOLS, &binds);
    let run = |argv: &[&str]| run(&*root, Network::Loopback, "/srv/scratch", argv);
    let both = [THEIRS, OURS].map(|folder| format!("{folder}/{package}"));

    let [theirs, ours] = both.each_ref().map(|file| fields(&run(&["dpkg-deb", "--field", file])));
    assert_eq!(ours, theirs);
    let [theirs, ours] = both.each_ref().map(|file| run(&["dpkg-deb", "--contents", file]));
    assert_eq!(listing(&ours), listing(&theirs));
    // The folder is as old as the version; upstream's files are older there, and git keeps no times.
    let times = |text: &str| text.lines().map(time).collect::<BTreeSet<String>>();
    assert_eq!(times(&ours), BTreeSet::from([time(&theirs)]));

    for (file, name) in both.iter().zip(["theirs", "ours"]) {
        run(&["dpkg-deb", "--raw-extract", file, name]);
    }
    let [theirs, ours] = ["theirs", "ours"].map(|name| contents(&scratch.path().join(name)));
    let differ = theirs.iter().filter(|(path, content)| ours.get(*path) != Some(content));
    for path in differ.map(|(path, _)| path.as_str()).filter(|path| *path != "DEBIAN/control") {
        assert!(MAY_DIFFER.contains(&path), "{path} of {package} differs");
    }
    // debhelper shortens it, in the same way (dh_installchangelogs(1)).
    let text = run(&["zcat", "ours/usr/share/doc/hello/changelog.Debian.gz"]);
    let (kept, _) = text.split_once("# Older entries").unwrap_or((&text, ""));
    assert!(!kept.is_empty() && source.starts_with(kept), "{text}");

    let [theirs, ours] = both.each_ref().map(|file| lint(&*root, file));
    let more: Vec<&String> = ours.difference(&theirs).collect();
    assert!(more.is_empty(), "{more:#?}");
}

/// The control fields; all but the size, which follows from what the compiler makes.
fn fields(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("Installed-Size:"));
    let fields: Vec<String> = lines.map(str::to_owned).collect();
    assert!(fields.iter().any(|line| line.starts_with("Depends: libc6 (>= ")), "{text}");
    fields
}

/// Mode, owner and path of everything in a package.
fn listing(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        format!("{} {} {}", words[0], words[1], words[5..].join(" "))
    };
    text.lines().map(line).collect()
}

/// The time of the first entry.
fn time(text: &str) -> String {
    text.split_whitespace().skip(3).take(2).collect::<Vec<_>>().join(" ")
}

/// Every file below a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                waiting.push(entry);
            } else {
                let path = entry.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(path, fs::read(entry).unwrap());
            }
        }
    }
    found
}

/// Whatever lintian can say, of every level.
fn lint(root: &dyn Root, file: &str) -> BTreeSet<String> {
    let argv = [
        "lintian",
        "--allow-root",
        "--no-cfg",
        "--display-info",
        "--display-experimental",
        "--pedantic",
        "--show-overrides",
        "--tag-display-limit=0",
        "--fail-on=none",
        file,
    ];
    run(root, Network::Loopback, "/", &argv).lines().map(str::to_owned).collect()
}

/// It is installed and greets, in a system that has nothing but the essential.
fn assert_greets(roots: &NspawnRoots, architecture: Architecture, dist: &Path) {
    let root = open(roots, architecture, &[], &[bind(dist, OURS, Access::ReadOnly)]);
    let run = |argv: &[&str]| run(&*root, Network::Loopback, "/", argv);
    assert_eq!(run(&["dpkg", "--print-architecture"]).trim(), architecture.debian());
    let package = files_ending(dist, &format!("_{architecture}.deb")).remove(0);
    run(&["dpkg", "--install", &format!("{OURS}/{package}")]);
    assert_eq!(run(&["hello"]), "Hello, world!\n");
}
