//! Looks at the files. In: a request. Out: what each package says and holds; the plan relies on these bytes, and
//! [`crate::apply()`] looks at their digest again.

use std::fs::File;
use std::io::{BufReader, Read as _};

use tagboat_core::diagnostic::Result;
use tagboat_deb::read::{Limits, ReadDeb, visit_deb};
use tagboat_deb::tar::{EntryKind, TarEntry};
use tagboat_deb::{DebianVersion, PackageName, file_name};

use crate::refusal;
use crate::request::{PackageUnderTest, Request};

/// The largest unit or override file that is looked at: our own limit.
const TEXT_LIMIT: u64 = 256 << 10;

/// Where packages keep units of the system (systemd.unit(5), "System Unit Search Path").
const UNIT_FOLDERS: [&str; 3] =
    ["lib/systemd/system/", "usr/lib/systemd/system/", "etc/systemd/system/"];

/// What the plan relies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The packages, in the order of the request.
    pub packages: Vec<PackageFacts>,
}

/// A package, as its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFacts {
    /// The file, and what it was said to be.
    pub under_test: PackageUnderTest,
    /// What it is called where it is tried: `local-rag_1.0.0_amd64.deb`.
    pub file_name: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// The clauses of `Pre-Depends` and `Depends` (Debian Policy 7.1): `a | b (>= 1)`.
    pub depends: Vec<String>,
    /// The names of `Provides`.
    pub provides: Vec<String>,
    /// Its services.
    pub units: Vec<UnitFacts>,
    /// What its own file of lintian overrides says; empty where it has none.
    pub overrides: String,
    /// Its files.
    pub entries: Vec<TarEntry>,
}

/// A unit of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFacts {
    /// `local-rag.service`.
    pub name: String,
    /// When it runs.
    pub runs: Runs,
}

/// When a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// From boot to shutdown.
    Always,
    /// When something asks for it, or once: it has no section `[Install]`, or is of `Type=oneshot`.
    OnDemand,
}

/// Reads every package to its end.
///
/// # Errors
/// `validate::bad-request`, `validate::unreadable`, `validate::bad-package`, `validate::other-package`.
pub fn observe(request: &Request) -> Result<Facts> {
    if request.packages.is_empty() {
        return Err(refusal::bad_request("there is no package to validate"));
    }
    let packages: Vec<PackageFacts> =
        request.packages.iter().map(observe_package).collect::<Result<_>>()?;
    for (index, package) in packages.iter().enumerate() {
        let same = |other: &PackageFacts| {
            other.under_test.name == package.under_test.name
                && other.under_test.architecture == package.under_test.architecture
        };
        if packages[..index].iter().any(same) {
            let name = &package.under_test.name;
            let architecture = package.under_test.architecture;
            return Err(refusal::bad_request(format!(
                "the package {name} for {architecture} is named twice"
            )));
        }
    }
    Ok(Facts { packages })
}

fn observe_package(under_test: &PackageUnderTest) -> Result<PackageFacts> {
    let path = &under_test.file;
    let file = File::open(path).map_err(|error| refusal::unreadable(path, &error))?;
    let overrides_path = format!("usr/share/lintian/overrides/{}", under_test.name);
    let (mut entries, mut units, mut overrides) = (Vec::new(), Vec::new(), String::new());
    let read = visit_deb(BufReader::new(file), &Limits::default(), |entry, content| {
        let mut text = || {
            let mut bytes = Vec::new();
            content.take(TEXT_LIMIT).read_to_end(&mut bytes)?;
            Ok::<String, tagboat_deb::Error>(String::from_utf8_lossy(&bytes).into_owned())
        };
        if let Some(name) = service_name(entry) {
            units.push(UnitFacts { name: name.to_owned(), runs: when_it_runs(&text()?) });
        } else if entry.path == overrides_path && entry.kind == EntryKind::File {
            overrides = text()?;
        }
        entries.push(entry.clone());
        Ok(())
    });
    let read = read.map_err(|error| match error {
        tagboat_deb::Error::Io(error) => refusal::unreadable(path, &error),
        error => refusal::bad_package(path, &error),
    })?;
    check_identity(under_test, &read)?;
    let sound = |error: tagboat_deb::Error| refusal::bad_package(path, &error);
    let name = PackageName::parse(&under_test.name).map_err(sound)?;
    let version = DebianVersion::parse(&under_test.version).map_err(sound)?;
    let field = |name: &str| read.control.get(name).unwrap_or_default();
    let mut depends = clauses(field("Pre-Depends"));
    depends.extend(clauses(field("Depends")));
    Ok(PackageFacts {
        file_name: file_name(&name, &version, under_test.architecture),
        sha256: read.digests.sha256.to_string(),
        depends,
        provides: clauses(field("Provides"))
            .iter()
            .map(|it| relation_name(it).to_owned())
            .collect(),
        units,
        overrides,
        entries,
        under_test: under_test.clone(),
    })
}

fn check_identity(said: &PackageUnderTest, read: &ReadDeb) -> Result<()> {
    let field = |name: &str| read.control.get(name).unwrap_or_default();
    let is = [field("Package"), field("Version"), field("Architecture")].join(" ");
    let said_to_be = [&said.name, &said.version, said.architecture.as_str()].join(" ");
    if is == said_to_be {
        Ok(())
    } else {
        Err(refusal::other_package(&said.file, &said_to_be, &is))
    }
}

/// The name of a service that the entry is the unit of. Templates are none: they run only as instances.
fn service_name(entry: &TarEntry) -> Option<&str> {
    let name = UNIT_FOLDERS.iter().find_map(|folder| entry.path.strip_prefix(folder))?;
    let stem = name.strip_suffix(".service")?;
    let plain = entry.kind == EntryKind::File && !stem.contains('/') && !stem.ends_with('@');
    plain.then_some(name)
}

/// systemd.unit(5): without `[Install]`, nothing starts it by itself.
fn when_it_runs(unit: &str) -> Runs {
    let has = |wanted: &str| unit.lines().any(|line| line.trim() == wanted);
    let kind = unit.lines().rev().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "Type").then(|| value.trim())
    });
    if has("[Install]") && kind != Some("oneshot") { Runs::Always } else { Runs::OnDemand }
}

/// The clauses of a relation field: separated by commas.
fn clauses(field: &str) -> Vec<String> {
    let clauses = field.split(',').map(|clause| clause.split_whitespace().collect::<Vec<_>>());
    clauses.map(|words| words.join(" ")).filter(|clause| !clause.is_empty()).collect()
}

/// The package that one alternative of a clause names, without version, architecture and profile.
pub(crate) fn relation_name(alternative: &str) -> &str {
    let end = alternative.trim_start().find([' ', '(', '[', '<', ':', '|']);
    let trimmed = alternative.trim();
    end.map_or(trimmed, |end| &trimmed[..end.min(trimmed.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_split_as_policy_writes_them() {
        let field = "python3:any (>= 3.9~),\n adduser | systemd-sysusers ,foo(= 1)[amd64],";
        let clauses = clauses(field);
        assert_eq!(
            clauses,
            ["python3:any (>= 3.9~)", "adduser | systemd-sysusers", "foo(= 1)[amd64]"]
        );
        let names: Vec<&str> = clauses.iter().map(|clause| relation_name(clause)).collect();
        assert_eq!(names, ["python3", "adduser", "foo"]);
        assert_eq!(relation_name(" plain "), "plain");
    }

    #[test]
    fn only_a_unit_that_something_starts_by_itself_always_runs() {
        let unit = "[Service]\nType = simple\nExecStart=/bin/x\n";
        assert_eq!(when_it_runs(unit), Runs::OnDemand);
        assert_eq!(when_it_runs(&format!("{unit}[Install]\nWantedBy=a\n")), Runs::Always);
        let once = "[Service]\nType=oneshot\n[Install]\nWantedBy=a\n";
        assert_eq!(when_it_runs(once), Runs::OnDemand);
    }

    #[test]
    fn a_template_a_link_and_a_drop_in_are_no_services() {
        let entry = |path: &str, kind| TarEntry {
            path: path.to_owned(),
            kind,
            mode: 0o644,
            uid: 0,
            gid: 0,
            owner: String::new(),
            group: String::new(),
            size: 0,
            mtime: 0,
        };
        let name = |path: &str| service_name(&entry(path, EntryKind::File)).map(str::to_owned);
        assert_eq!(name("lib/systemd/system/a.service").as_deref(), Some("a.service"));
        assert_eq!(name("usr/lib/systemd/system/a.service").as_deref(), Some("a.service"));
        assert_eq!(name("usr/lib/systemd/user/a.service"), None);
        assert_eq!(name("lib/systemd/system/a@.service"), None);
        assert_eq!(name("lib/systemd/system/a.service.d/b.service"), None);
        assert_eq!(name("lib/systemd/system/a.timer"), None);
        let link = entry("lib/systemd/system/b.service", EntryKind::Symlink("a.service".into()));
        assert_eq!(service_name(&link), None);
    }
}
