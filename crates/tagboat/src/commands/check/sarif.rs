//! Findings as SARIF 2.1.0. In: diagnostics. Out: the log file of `tagboat validate --sarif`, with a file or a ref as
//! each place.

use std::collections::{BTreeMap, BTreeSet};

use tagboat_config::check::RULES;
use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::finding::Verdict;
use tagboat_validate::record::Record;
use tagboat_validate::sarif::{
    ArtifactLocation, Driver, Location, Log, LogicalLocation, Message, PhysicalLocation, Region,
    Rule, SarifResult, SarifRun, Tool, sarif,
};

/// The log of these findings.
pub(super) fn log(told: &[Diagnostic]) -> Log {
    let empty = Record { packages: Vec::new(), validation_status: Verdict::Passed };
    let mut log = sarif(&empty);
    let codes: BTreeSet<&str> = told.iter().map(|told| told.code).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let results = told.iter().map(|told| result(told, &codes)).collect();
    let rules = codes.iter().map(|code| rule(code)).collect();
    log.runs = vec![SarifRun {
        tool: Tool {
            driver: Driver { name: "tagboat", version: env!("CARGO_PKG_VERSION"), rules },
        },
        results,
    }];
    log
}

fn rule(code: &str) -> Rule {
    let says = RULES.iter().find(|rule| rule.code == code).map_or(code, |rule| rule.says);
    let page = format!("docs/errors/{}.md", code.replace("::", "/"));
    Rule {
        id: code.to_owned(),
        short_description: Message { text: says.to_owned() },
        help: Some(Message { text: page }),
    }
}

fn result(told: &Diagnostic, codes: &[&str]) -> SarifResult {
    let fact = |label: &str| {
        told.facts.iter().find(|(found, _)| *found == label).map(|(_, text)| text.as_str())
    };
    let tag = fact("tag");
    let region = told.place.as_ref().and_then(|place| u64::try_from(place.line).ok());
    let uri = match (&told.place, fact("file"), tag) {
        (Some(place), ..) => place.file.clone(),
        (None, Some(file), _) => file.to_owned(),
        (None, None, Some(tag)) => format!("refs/tags/{tag}"),
        // A file that is missing, or a repository that cannot be read.
        (None, None, None) => "config/ci-cd/build-config.yml".to_owned(),
    };
    let facts = told.facts.iter().map(|(label, text)| format!("\n{label}: {text}"));
    let mut text = told.message.clone() + &facts.collect::<String>();
    if let Some(help) = &told.help {
        text.push_str(&format!("\n\n{help}"));
    }
    let fingerprint = format!("{}:{uri}:{}", told.code, told.message);
    SarifResult {
        rule_id: told.code.to_owned(),
        rule_index: codes.binary_search(&told.code).unwrap_or_default(),
        level: if told.exit == Exit::Done { "warning" } else { "error" },
        message: Message { text },
        locations: vec![Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: relative(&uri) },
                region: region.map(|start_line| Region { start_line }),
            },
            logical_locations: tag
                .map(|tag| LogicalLocation { name: tag.to_owned(), kind: "tag" })
                .into_iter()
                .collect(),
        }],
        partial_fingerprints: BTreeMap::from([("tagboat/v1", fingerprint)]),
    }
}

/// A relative reference (RFC 3986 §4.2): percent-encoded, and without a slash at its start.
fn relative(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/+".contains(&byte);
    let bytes = path.trim_start_matches('/').bytes();
    bytes.fold(String::new(), |mut uri, byte| {
        if plain(byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
        uri
    })
}
