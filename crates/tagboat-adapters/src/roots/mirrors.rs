//! Where packages come from. In: this machine's apt configuration. Out: the mirrors of its own suite.

use std::fs;
use std::path::Path;

use tagboat_core::ports::{Architecture, Mirror};

/// Debian's own default (sources.list(5)).
const DEFAULT_URI: &str = "http://deb.debian.org/debian";

/// Where Debian's security updates are, by the same name.
const DEFAULT_SECURITY_URI: &str = "http://deb.debian.org/debian-security";

/// The suite on machines that are not Debian: the one that Tagboat is tested on.
const DEFAULT_SUITE: &str = "bookworm";

/// Debian's archive areas (Debian Policy 2.2). An entry with another component is somebody else's archive.
const AREAS: [&str; 4] = ["main", "contrib", "non-free", "non-free-firmware"];

/// Debian's public mirrors of a suite: itself, its updates, its security updates.
#[must_use]
pub fn debian_mirrors(suite: &str) -> Vec<Mirror> {
    let mirror = |uri: &str, suite: String| Mirror {
        uri: uri.to_owned(),
        suite,
        components: vec!["main".to_owned()],
    };
    vec![
        mirror(DEFAULT_URI, suite.to_owned()),
        mirror(DEFAULT_URI, format!("{suite}-updates")),
        mirror(DEFAULT_SECURITY_URI, format!("{suite}-security")),
    ]
}

/// The mirrors that this machine takes its own suite from: `root` is `/`, below which `etc/os-release` and
/// `etc/apt` are read (os-release(5), sources.list(5), both of its formats). Only Debian's own archives; where
/// there are none, [`debian_mirrors`]. The suite itself comes first.
#[must_use]
pub fn machine_mirrors(root: &Path) -> Vec<Mirror> {
    let os = fs::read_to_string(root.join("etc/os-release")).unwrap_or_default();
    let value = |name: &str| {
        let line = os.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"'))
    };
    let suite = match (value("ID"), value("VERSION_CODENAME")) {
        (Some("debian"), Some(suite)) => suite,
        _ => return debian_mirrors(DEFAULT_SUITE),
    };
    let mut found: Vec<Mirror> = sources(&root.join("etc/apt"))
        .into_iter()
        .filter(|mirror| is_debians(mirror, suite))
        .collect();
    found.sort_by_key(|mirror| mirror.suite != suite);
    let mut seen = Vec::new();
    found.retain(|mirror| {
        let new = !seen.contains(mirror);
        seen.push(mirror.clone());
        new
    });
    match found.first() {
        Some(first) if first.suite == suite => found,
        _ => debian_mirrors(suite),
    }
}

fn is_debians(mirror: &Mirror, suite: &str) -> bool {
    // Backports are no part of a suite: nothing of them is installed unless asked for by name.
    let part = mirror.suite.strip_prefix(suite);
    matches!(part, Some("" | "-updates" | "-security"))
        && mirror.uri.starts_with("http")
        && mirror.components.iter().any(|component| component == "main")
        && mirror.components.iter().all(|component| AREAS.contains(&component.as_str()))
}

fn sources(apt: &Path) -> Vec<Mirror> {
    let mut files = vec![apt.join("sources.list")];
    if let Ok(folder) = fs::read_dir(apt.join("sources.list.d")) {
        files.extend(folder.filter_map(|entry| Some(entry.ok()?.path())));
    }
    files.sort();
    files
        .iter()
        .flat_map(|file| {
            // What cannot be read is no source: apt says so itself when it is used.
            let text = fs::read_to_string(file).unwrap_or_default();
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("list") => one_line_entries(&text),
                Some("sources") => deb822_entries(&text),
                _ => Vec::new(),
            }
        })
        .collect()
}

/// `deb [options] uri suite component...`
fn one_line_entries(text: &str) -> Vec<Mirror> {
    let entry = |line: &str| {
        let line = line.split('#').next()?.trim().strip_prefix("deb")?;
        let line = line.strip_prefix([' ', '\t'])?.trim_start();
        let line = match line.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?.1,
            None => line,
        };
        let mut words = line.split_whitespace().map(str::to_owned);
        Some(Mirror { uri: words.next()?, suite: words.next()?, components: words.collect() })
    };
    text.lines().filter_map(entry).collect()
}

/// Stanzas of `Types`, `URIs`, `Suites`, `Components`.
fn deb822_entries(text: &str) -> Vec<Mirror> {
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    text.split("\n\n").flat_map(stanza_entries).collect()
}

fn stanza_entries(stanza: &str) -> Vec<Mirror> {
    let field = |wanted: &str| -> Vec<String> {
        let mut inside = false;
        let mut words = Vec::new();
        for line in stanza.lines() {
            let rest = if line.starts_with([' ', '\t']) {
                line
            } else {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                inside = name.eq_ignore_ascii_case(wanted);
                value
            };
            if inside {
                words.extend(rest.split_whitespace().map(str::to_owned));
            }
        }
        words
    };
    let off = field("Enabled").first().is_some_and(|word| word == "no" || word == "false");
    if off || !field("Types").iter().any(|word| word == "deb") {
        return Vec::new();
    }
    let (suites, components) = (field("Suites"), field("Components"));
    let mirror = |uri: &String, suite: &String| Mirror {
        uri: uri.clone(),
        suite: suite.clone(),
        components: components.clone(),
    };
    field("URIs")
        .iter()
        .flat_map(|uri| suites.iter().map(move |suite| mirror(uri, suite)))
        .collect()
}

/// A line of sources.list(5) for one architecture or more.
pub(super) fn line(mirror: &Mirror) -> String {
    format!("deb {} {} {}", mirror.uri, mirror.suite, mirror.components.join(" "))
}

/// Where the signed index of a mirror's suite is (Debian repository format).
pub(super) fn in_release(mirror: &Mirror) -> String {
    format!("{}/dists/{}/InRelease", mirror.uri.trim_end_matches('/'), mirror.suite)
}

/// Debian's words, `amd64,arm64`.
pub(super) fn words(architectures: &[Architecture]) -> String {
    let words: Vec<&str> = architectures.iter().map(|one| one.debian()).collect();
    words.join(",")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn machine(os_release: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        fs::create_dir_all(root.join("etc/apt/sources.list.d")).unwrap();
        fs::write(root.join("etc/os-release"), os_release).unwrap();
        for (name, text) in files {
            fs::write(root.join("etc/apt").join(name), text).unwrap();
        }
        (folder, root)
    }

    fn shown(mirrors: &[Mirror]) -> Vec<String> {
        mirrors.iter().map(line).collect()
    }

    const DEBIAN: &str = "ID=debian\nVERSION_CODENAME=bookworm\n";

    #[test]
    fn both_formats_of_apt_sources_are_read_and_other_archives_are_left_out() {
        let (_kept, root) = machine(
            DEBIAN,
            &[
                (
                    "sources.list",
                    "# old\ndeb [arch=amd64 signed-by=/k] http://one.example/debian bookworm-updates main # x\n\
                     deb-src http://one.example/debian bookworm main\n",
                ),
                (
                    "sources.list.d/debian.sources",
                    "Types: deb deb-src\n# a comment\nURIs: http://one.example/debian\nSuites: bookworm\n bookworm-backports\n\
                     Components: main contrib\n\nTypes: deb\nURIs: http://one.example/debian-security\n\
                     Suites: bookworm-security\nComponents: main\n\nTypes: deb\nEnabled: no\n\
                     URIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n",
                ),
                (
                    "sources.list.d/docker.list",
                    "deb http://docker.example/debian bookworm stable\n",
                ),
                ("sources.list.d/off.list.save", "deb http://saved.example/debian bookworm main\n"),
            ],
        );
        assert_eq!(
            shown(&machine_mirrors(&root)),
            [
                "deb http://one.example/debian bookworm main contrib",
                "deb http://one.example/debian bookworm-updates main",
                "deb http://one.example/debian-security bookworm-security main",
            ]
        );
    }

    #[test]
    fn a_machine_that_is_not_debian_gets_the_public_mirrors() {
        let ubuntu = "ID=ubuntu\nVERSION_CODENAME=noble\n";
        let line = "deb http://one.example/ubuntu noble main\n";
        let (_kept, root) = machine(ubuntu, &[("sources.list", line)]);
        assert_eq!(machine_mirrors(&root), debian_mirrors("bookworm"));
    }

    #[test]
    fn a_suite_without_a_mirror_of_its_own_gets_the_public_ones() {
        let line = "deb http://one.example/debian bookworm-updates main\n";
        let (_kept, root) = machine(DEBIAN, &[("sources.list", line)]);
        assert_eq!(machine_mirrors(&root), debian_mirrors("bookworm"));
    }
}
