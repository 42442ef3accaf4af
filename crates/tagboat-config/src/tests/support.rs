//! A good configuration, and a plain rendering of what is told of a bad one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use tagboat_core::diagnostic::{Diagnostic, Exit};

use crate::{Files, load};

pub(crate) const BUILD_CONFIG: &str = "config/ci-cd/build-config.yml";
pub(crate) const GATES: &str = "config/ci-cd/quality-gates.yml";
pub(crate) const MONITORING: &str = "config/ci-cd/monitoring.yml";
pub(crate) const PRODUCTION: &str = "environments/production/environment.yml";
pub(crate) const REGION: &str = "environments/production/regions/eu-west/region.yml";

/// A small repository with a staged project, a debhelper project and two environments.
pub(crate) fn good() -> BTreeMap<String, Vec<u8>> {
    let files = [
        (BUILD_CONFIG, BUILD),
        (GATES, "validation: {lintian: {enabled: true}}\n"),
        (MONITORING, "logging: {format: json, level: info}\n"),
        ("config/api.service", "[Service]\n"),
        ("rag/packaging/debian/control", CONTROL),
        ("rag/packaging/debian/rag.service", "[Service]\n"),
        (PRODUCTION, PRODUCTION_TEXT),
        (REGION, REGION_TEXT),
        ("environments/production/secrets.enc", SECRETS),
        ("environments/staging/environment.yml", "hosts: []\n"),
        ("environments/staging/secrets.enc", SECRETS),
    ];
    files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into()
}

pub(crate) const BUILD: &str = "\
projects:
  - path: api
    builder: staged
    package:
      name: api
      description: notes over HTTP
      maintainer: Jo Doe <jo@example.com>
    build:
      - [make, -C, api]
    files:
      - {from: api/build/api, to: /usr/bin/api, mode: \"0755\"}
    target: apt
    ports: {blue: 8081, green: 8082}
    health: {critical: [database]}
  - path: rag
    target: apt
    health: {port: 8000, path: /health, critical: []}
";

const CONTROL: &str = "\
Source: rag

Package: rag
Architecture: any
Description: answers
";

const PRODUCTION_TEXT: &str = "\
is_production: true
hosts:
  - name: web-1
    address: 192.0.2.21
    user: deploy
    host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFAgw1UekFaUaonKL35cQbH13cmRCs2q/nwH3rC1hJZd
    arch: amd64
";

const REGION_TEXT: &str = "\
cloud_mappings: {aws: eu-west-1}
hosts:
  - {name: web-2, address: web-2.example.com, user: deploy, arch: arm64}
";

pub(crate) const SECRETS: &str = "\
TOKEN: ENC[AES256_GCM,data:aaaa,iv:bbbb,tag:cccc,type:str]
sops:
  mac: ENC[AES256_GCM,data:aaaa,iv:bbbb,tag:cccc,type:str]
  version: 3.9.0
";

/// The good repository with one file replaced.
pub(crate) fn with(path: &str, text: impl AsRef<[u8]>) -> Files {
    let mut files = good();
    files.insert(path.to_owned(), text.as_ref().to_vec());
    Files::Listed(files)
}

/// The good repository without one file.
pub(crate) fn without(path: &str) -> Files {
    let mut files = good();
    assert!(files.remove(path).is_some(), "there is no {path}");
    Files::Listed(files)
}

/// The good repository with one piece of one file replaced; the piece must be there.
pub(crate) fn edited(path: &str, from: &str, to: &str) -> Files {
    let text = String::from_utf8(good()[path].clone()).unwrap();
    assert!(text.contains(from), "{from:?} is not in {path}");
    with(path, text.replacen(from, to, 1))
}

/// What is told of these files, in the form of DESIGN §3 without colours.
pub(crate) fn told(files: &Files) -> String {
    match load(files) {
        Ok(loaded) => format!("it loads\n{}", render(&loaded.warnings)),
        Err(told) => render(&told),
    }
}

pub(crate) fn render(told: &[Diagnostic]) -> String {
    let mut out = String::new();
    for one in told {
        let severity = if one.exit == Exit::Done { "warning" } else { "error" };
        writeln!(out, "{severity}[{}]: {}", one.code, one.message).unwrap();
        if let Some(place) = &one.place {
            let line = place.text.lines().nth(place.line - 1).unwrap_or("");
            let plain = |c: char| if c.is_control() || c == '\u{feff}' { '?' } else { c };
            let line: String = line.chars().take(100).map(plain).collect();
            writeln!(out, "  --> {}:{}:{}", place.file, place.line, place.column).unwrap();
            writeln!(out, "  | {line}").unwrap();
            let (indent, caret) = (" ".repeat(place.column - 1), "^".repeat(place.width.min(100)));
            writeln!(out, "  | {indent}{caret} {}", place.label).unwrap();
        }
        if let Some(help) = &one.help {
            writeln!(out, "  help: {help}").unwrap();
        }
    }
    out
}

/// The repository's own example.
pub(crate) fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/monorepo")
}
