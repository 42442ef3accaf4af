//! Looking at a repository. In: its folder. Out: its projects, and what it has of a configuration.

use std::path::Path;

use tagboat_core::diagnostic::Result;
use tagboat_core::tag::{EnvironmentName, Environments, clashes};
use tagboat_core::version::ProjectPath;
use tagboat_deb::PackageName;

use super::{Facts, FoundProject};
use crate::files::{FileError, Files};
use crate::load::{debian_folder, read_control};
use crate::mistake::{code, of_file};

/// How deep projects are looked for: `services/web/api` is at 3.
const MAX_DEPTH: usize = 3;
/// Most folders that are looked into.
const MAX_FOLDERS: usize = 10_000;
/// Folders that hold what others wrote.
const FOREIGN: [&str; 5] = ["node_modules", "target", "vendor", "third_party", "venv"];
/// Files that Tagboat would write at the root of its configuration.
const CONFIGURATION: [&str; 3] = [
    "config/ci-cd/build-config.yml",
    "config/ci-cd/quality-gates.yml",
    "config/ci-cd/monitoring.yml",
];
const DOCUMENTS: [&str; 5] = ["README.md", "README", "LICENSE", "LICENSE.md", "COPYING"];

/// Looks at a repository; changes nothing.
///
/// # Errors
/// `config::unreadable` where a folder cannot be listed.
pub fn observe(folder: &Path) -> Result<Facts> {
    let files = Files::Folder(folder.to_owned());
    let mut facts = Facts {
        name: folder.canonicalize().ok().and_then(|folder| package_name(&folder)),
        environments: list(&files, "environments")?,
        ..Facts::default()
    };
    let there = |names: &[&str]| -> Vec<String> {
        names.iter().filter(|name| files.has(name)).map(|&name| name.to_owned()).collect()
    };
    facts.existing = there(&CONFIGURATION);
    facts.documents = there(&DOCUMENTS);
    // Those that the plan may make count too: their tags would clash later.
    let names = facts.environments.iter().map(String::as_str).chain(["production", "staging"]);
    let environments =
        Environments::new(names.filter_map(|name| EnvironmentName::parse(name).ok()));

    let (mut waiting, mut seen) = (vec![(String::new(), 0)], 0);
    while let Some((path, depth)) = waiting.pop() {
        seen += 1;
        if seen > MAX_FOLDERS {
            let why = format!("more than {MAX_FOLDERS} folders: the rest was not looked into");
            facts.skipped.push((path, why));
            break;
        }
        look_at(&files, &path, &environments, &mut facts);
        if depth == MAX_DEPTH {
            continue;
        }
        let below = match list(&files, &path) {
            Ok(below) => below,
            Err(error) => {
                facts.skipped.push((path, error.message));
                continue;
            }
        };
        // Taken from the end: the first in the alphabet is looked at first.
        for name in below.into_iter().rev() {
            let packaging = name == "debian" || name == "packaging";
            let ours = depth == 0 && (name == "environments" || name == "config");
            if !packaging && !ours && !FOREIGN.contains(&name.as_str()) {
                let inner = if path.is_empty() { name } else { format!("{path}/{name}") };
                waiting.push((inner, depth + 1));
            }
        }
    }
    facts.projects.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(facts)
}

/// Takes a folder for a project if it has its own packaging.
fn look_at(files: &Files, path: &str, environments: &Environments, facts: &mut Facts) {
    let Ok(project) = ProjectPath::parse(path) else { return };
    let Some(packaging) = debian_folder(&project, files) else { return };
    let taken = |name: &PackageName| facts.projects.iter().any(|found| found.name == *name);
    let why = match read_control(files, &format!("{packaging}/control")) {
        Err(why) => format!("its control file cannot be read: {why}"),
        Ok(_) if !clashes([&project], environments, []).is_empty() => {
            "its path reads like an environment or a version".to_owned()
        }
        Ok(control) => match control.names.into_iter().next() {
            Some(name) if !taken(&name) => {
                facts.projects.push(FoundProject {
                    path: project,
                    packaging: packaging.to_string(),
                    name,
                    architectures: control.architectures,
                });
                return;
            }
            _ => "another project makes a package of this name".to_owned(),
        },
    };
    facts.skipped.push((path.to_owned(), why));
}

fn list(files: &Files, path: &str) -> Result<Vec<String>> {
    files.folders(path).map_err(|error: FileError| {
        let shown = if path.is_empty() { "the repository" } else { path };
        Box::new(of_file(code::UNREADABLE, format!("{shown} cannot be listed: {error}")))
    })
}

/// The folder's name, as far as Debian takes it (Policy 5.6.1).
fn package_name(folder: &Path) -> Option<PackageName> {
    let name = folder.file_name()?.to_str()?.to_lowercase().replace(['_', ' '], "-");
    PackageName::parse(&name).ok()
}
