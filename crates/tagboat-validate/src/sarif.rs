//! Findings as SARIF 2.1.0 (OASIS standard, 27 March 2020). In: a record. Out: a value that serialises to a log
//! file as GitHub's code scanning reads it.

use std::collections::BTreeMap;

use serde::Serialize;
use tagboat_core::finding::{Finding, Severity};

use crate::record::Record;

/// A log file (§3.13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Log {
    /// The schema's address.
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    /// Always `2.1.0`.
    pub version: &'static str,
    /// One run.
    pub runs: Vec<SarifRun>,
}

/// A run of a tool (§3.14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SarifRun {
    /// The tool.
    pub tool: Tool,
    /// What was found.
    pub results: Vec<SarifResult>,
}

/// A tool (§3.18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// Its only component.
    pub driver: Driver,
}

/// A tool's component (§3.19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Driver {
    /// `tagboat`.
    pub name: &'static str,
    /// Tagboat's version.
    pub version: &'static str,
    /// Every rule that something was found for, in the order of their ids.
    pub rules: Vec<Rule>,
}

/// A rule (§3.49).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// `lintian/no-copyright-file`.
    pub id: String,
    /// In one sentence.
    pub short_description: Message,
    /// Where to read more, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<Message>,
}

/// A text (§3.11, §3.12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Plain text.
    pub text: String,
}

/// A finding (§3.27).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SarifResult {
    /// The rule's id.
    pub rule_id: String,
    /// Its index in `rules`.
    pub rule_index: usize,
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// What was found.
    pub message: Message,
    /// Where; exactly one.
    pub locations: Vec<Location>,
    /// The same for the same finding in every run: GitHub tells new ones from old ones by it.
    pub partial_fingerprints: BTreeMap<&'static str, String>,
}

/// A place (§3.28).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// The file.
    pub physical_location: PhysicalLocation,
    /// The package.
    pub logical_locations: Vec<LogicalLocation>,
}

/// A file (§3.29).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhysicalLocation {
    /// Which.
    pub artifact_location: ArtifactLocation,
    /// Where in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
}

/// A file's name (§3.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArtifactLocation {
    /// A relative reference (RFC 3986): the .deb's name, then the file in it.
    pub uri: String,
}

/// Lines (§3.30).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// The first, from 1.
    pub start_line: u64,
}

/// A thing that is no file (§3.33).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogicalLocation {
    /// Its name.
    pub name: String,
    /// `package`.
    pub kind: &'static str,
}

/// Every finding of a record, in its order. What was found in several packages at once stands there for each.
#[must_use]
pub fn sarif(record: &Record) -> Log {
    let findings = || {
        record.packages.iter().flat_map(|package| {
            let own = package.checks.iter().flat_map(|check| &check.findings);
            own.map(move |finding| (package, finding))
        })
    };
    let mut by_id: BTreeMap<&str, &Finding> = BTreeMap::new();
    for (_, finding) in findings() {
        by_id.entry(&finding.rule).or_insert(finding);
    }
    let ids: Vec<&str> = by_id.keys().copied().collect();
    let results = findings().map(|(package, finding)| {
        let deb = package.file.file_name().unwrap_or_default().to_string_lossy();
        let file = finding.place.file.as_deref();
        let uri = file.map_or_else(|| deb.to_string(), |file| format!("{deb}/{file}"));
        let name = finding.place.package.as_ref().unwrap_or(&package.name).clone();
        let mut fingerprint = format!("{}:{}:{}", finding.rule, package.architecture, package.name);
        // The first line: what follows is what a program said this time.
        let first = finding.message.lines().next().unwrap_or_default();
        for part in [file.unwrap_or_default(), first] {
            fingerprint = format!("{fingerprint}:{part}");
        }
        let artifact_location = ArtifactLocation { uri: encode(&uri) };
        let region = finding.place.line.map(|start_line| Region { start_line });
        SarifResult {
            rule_id: finding.rule.clone(),
            rule_index: ids.binary_search(&finding.rule.as_str()).unwrap_or_default(),
            level: level(finding.severity),
            message: Message { text: text(finding) },
            locations: vec![Location {
                physical_location: PhysicalLocation { artifact_location, region },
                logical_locations: vec![LogicalLocation { name, kind: "package" }],
            }],
            partial_fingerprints: BTreeMap::from([("tagboat/v1", fingerprint)]),
        }
    });
    let results = results.collect();
    let rules = by_id.into_values().map(rule).collect();
    let driver = Driver { name: "tagboat", version: env!("CARGO_PKG_VERSION"), rules };
    Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: vec![SarifRun { tool: Tool { driver }, results }],
    }
}

fn rule(finding: &Finding) -> Rule {
    let name = finding.rule.rsplit('/').next().unwrap_or_default().replace('-', " ");
    let help = finding.documentation.as_ref().map(|text| Message { text: text.clone() });
    Rule { id: finding.rule.clone(), short_description: Message { text: name }, help }
}

fn text(finding: &Finding) -> String {
    match &finding.help {
        Some(help) => format!("{}\n\n{help}", finding.message),
        None => finding.message.clone(),
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Pedantic => "note",
    }
}

/// RFC 3986 §2.1: whatever is not a character of a path is percent-encoded.
fn encode(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/+".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests;
