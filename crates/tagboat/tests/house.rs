//! The house's own rules (DESIGN §1, §5). In: the checkout as it stands. Out: a failure that names what
//! broke which rule.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Every file below `folder`, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Every Rust file of every crate, with its path from the root and its text.
fn sources() -> Vec<(String, String)> {
    let root = root();
    let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    files(&root.join("crates"))
        .into_iter()
        .filter(rust)
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), text)
        })
        .collect()
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Crate → crates of the workspace that it depends on outside tests.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(|package| text(&package["name"])).collect();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
            let names = normal.map(|dependency| text(&dependency["name"]));
            (text(&package["name"]), names.filter(|name| ours.contains(name)).collect())
        })
        .collect()
}

#[test]
fn arrows_point_to_the_floor_and_only_the_front_door_sees_everything() {
    let floor = ["tagboat-core", "tagboat-deb"].map(str::to_owned);
    for (name, targets) in arrows() {
        assert!(!targets.contains("tagboat-fuzz"), "{name} must not depend on the fuzz targets");
        let allowed: BTreeSet<String> = match name.as_str() {
            "tagboat" => continue,
            // It hands bytes to whatever reads them.
            "tagboat-fuzz" => continue,
            "tagboat-core" | "tagboat-deb" => BTreeSet::new(),
            // The workshop hands real hosts to tests and to the demo, so it uses the edge.
            "tagboat-testing" => {
                floor.iter().cloned().chain(["tagboat-adapters".to_owned()]).collect()
            }
            _ => floor.iter().cloned().collect(),
        };
        let wrong: Vec<_> = targets.difference(&allowed).collect();
        assert!(wrong.is_empty(), "{name} must not depend on {wrong:?}");
    }
}

#[test]
fn the_floor_takes_no_dependency_without_a_decision() {
    let manifest = std::fs::read_to_string(root().join("crates/tagboat-core/Cargo.toml")).unwrap();
    let section = manifest.split("[dependencies]").nth(1).unwrap().split('[').next().unwrap();
    let names: Vec<&str> =
        section.lines().filter_map(|line| line.split_once('.')).map(|(name, _)| name).collect();
    assert_eq!(names, ["jiff", "serde", "serde_json", "sha2"]);
}

#[test]
fn a_source_file_stops_at_800_lines() {
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        let lines = text.lines().count();
        assert!(lines <= 800, "{path} has {lines} lines");
    }
}

#[test]
fn every_module_says_at_its_door_what_comes_in_and_what_goes_out() {
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        assert!(text.starts_with("//! "), "{path} has no `//!` line at its top");
    }
}

#[test]
fn no_module_is_called_by_a_word_that_says_nothing() {
    let banned =
        ["util", "utils", "helper", "helpers", "common", "misc", "manager", "handler", "data"];
    for (path, _) in sources() {
        let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
        let bad = parts.iter().find(|part| banned.contains(part));
        assert_eq!(bad, None, "{path}");
    }
}

/// Every `"room::code"` in the sources.
fn codes() -> BTreeMap<String, String> {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let mut codes = BTreeMap::new();
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        // Tests inside a source file are at its end.
        let text = text.split("#[cfg(test)]").next().unwrap();
        for literal in text.split('"').skip(1).step_by(1) {
            if let Some((room, code)) = literal.split_once("::")
                && word(room)
                && word(code)
            {
                codes.insert(literal.to_owned(), path.clone());
            }
        }
    }
    codes
}

#[test]
fn every_error_code_has_a_page_and_every_page_a_code() {
    let folder = root().join("docs/errors");
    let codes = codes();
    assert!(codes.len() > 5, "the codes were not found: {codes:?}");
    let pages: BTreeSet<String> = files(&folder)
        .iter()
        .map(|path| path.strip_prefix(&folder).unwrap().with_extension(""))
        .filter(|page| page.as_path() != Path::new("README"))
        .map(|page| page.to_str().unwrap().replace('/', "::"))
        .collect();
    for (code, path) in &codes {
        assert!(
            pages.contains(code),
            "{code} ({path}) has no page docs/errors/{}.md",
            code.replace("::", "/")
        );
    }
    for page in &pages {
        assert!(
            codes.contains_key(page),
            "docs/errors/{}.md explains no code",
            page.replace("::", "/")
        );
    }
}

#[test]
fn the_lock_file_stays_small_and_has_one_tls_provider() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let names: Vec<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(names.len() <= 300, "{} packages", names.len());
    for banned in ["aws-lc-sys", "openssl-sys", "native-tls", "octocrab", "bindgen", "cmake"] {
        assert!(!names.contains(&banned), "{banned} came in");
    }
}

/// Rows of `docs/spec.md`: id, state, tests.
fn spec_rows() -> Vec<(String, String, Vec<String>)> {
    let text = std::fs::read_to_string(root().join("docs/spec.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [id, state, _, tests] = cells[..] else { return None };
        let tests = tests.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some((id.trim().to_owned(), state.trim().to_owned(), tests))
    };
    text.lines().filter_map(row).filter(|(id, ..)| id != "row" && !id.starts_with('-')).collect()
}

#[test]
fn the_specification_table_has_every_row_once() {
    let mut expected = Vec::new();
    for (letter, count) in [
        ('V', 8),
        ('E', 7),
        ('D', 12),
        ('Q', 2),
        ('R', 4),
        ('M', 2),
        ('P', 2),
        ('S', 3),
        ('B', 6),
        ('X', 9),
        ('L', 4),
        ('G', 4),
        ('C', 1),
        ('H', 1),
        ('K', 1),
        ('N', 2),
        ('O', 5),
        ('T', 3),
        ('W', 5),
    ] {
        expected.extend((1..=count).map(|number| format!("{letter}{number}")));
    }
    let rows: Vec<String> = spec_rows().into_iter().map(|(id, ..)| id).collect();
    assert_eq!(rows, expected);
}

#[test]
fn the_specification_table_names_tests_that_exist() {
    let mut functions = BTreeSet::new();
    for (_, text) in sources() {
        for line in text.lines() {
            let line = line.trim_start();
            if let Some(rest) = line.strip_prefix("fn ") {
                functions.insert(rest.split(['(', '<']).next().unwrap().to_owned());
            }
        }
    }
    for (id, state, tests) in spec_rows() {
        for test in &tests {
            assert!(functions.contains(test), "{id} names `{test}`, which is no test");
        }
        match state.as_str() {
            "done" | "partly" => assert!(!tests.is_empty(), "{id} is {state} and names no test"),
            "not yet" => assert!(tests.is_empty(), "{id} is not yet there and names tests"),
            other => panic!("{id} has the state {other:?}"),
        }
    }
}

#[test]
fn the_architecture_fits_in_200_lines() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(text.lines().count() < 200);
}

#[test]
fn nothing_but_the_edge_and_the_context_starts_programs_or_opens_sockets() {
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        let edge = ["crates/tagboat-adapters/", "crates/tagboat-testing/"];
        if edge.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let text = text.split("#[cfg(test)]").next().unwrap();
        for banned in ["std::process::Command", "std::net::", "process::Command::new"] {
            assert!(!text.contains(banned), "{path} uses {banned}");
        }
    }
}
