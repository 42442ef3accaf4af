//! The health document (SPEC H1). In: an HTTP answer. Out: whether it means "healthy, and the version we
//! expect", with the reason where it does not.

mod answer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::commit::CommitSha;
use crate::version::Version;

pub use answer::read_answer;

/// How much of an answer's body is read, in bytes (SPEC D4). More is no health document.
pub const BODY_LIMIT: usize = 64 << 10;

/// Shortest prefix of a commit that identifies it as a version (SPEC D4); git's own shortest default.
pub const COMMIT_PREFIX: usize = 7;

/// What a service says of itself as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceStatus {
    /// All is well.
    Healthy,
    /// It serves, but something is wrong.
    Degraded,
    /// It does not serve.
    Unhealthy,
}

/// What a service says of one thing it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// It works.
    Up,
    /// It does not.
    Down,
}

/// One check of a health document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Whether it works.
    pub status: CheckStatus,
    /// How long it took, in milliseconds.
    #[serde(rename = "latencyMs", skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
}

/// A health document. Only `status` is required of programs that others wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthDocument {
    /// The whole.
    pub status: ServiceStatus,
    /// The parts, by name.
    #[serde(default)]
    pub checks: BTreeMap<String, Check>,
    /// The version that answers.
    #[serde(default)]
    pub version: Option<String>,
    /// Seconds since the start.
    #[serde(default)]
    pub uptime: Option<f64>,
    /// When it answered, ISO 8601.
    #[serde(default)]
    pub timestamp: Option<String>,
    /// How long the answer took, in milliseconds.
    #[serde(default, rename = "responseTimeMs")]
    pub response_time_ms: Option<f64>,
}

/// What came of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// An HTTP answer, its body read to the end.
    Answer {
        /// The status code.
        status: u16,
        /// The body, [`BODY_LIMIT`] at most.
        body: Vec<u8>,
    },
    /// No whole answer: refused, timed out, too large, not HTTP. The text says which.
    None(String),
}

/// Whether the answering program must tell its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// It must be this version, or name this commit.
    Exactly {
        /// The version.
        version: Version,
        /// Its commit.
        commit: CommitSha,
    },
    /// The project's configuration says `version: unchecked`: the program tells none.
    Unchecked,
}

/// What a good answer must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Checks that must be up.
    pub critical: Vec<String>,
    /// The version.
    pub version: ExpectedVersion,
}

/// One answer, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Good; what a reader should still know.
    Good(Vec<String>),
    /// Not good, and why.
    Bad(String),
}

/// Judges one answer: HTTP 200, every critical check up, not unhealthy, and the expected version. A redirect
/// is no 200, so nobody else can answer.
#[must_use]
pub fn judge(probe: &Probe, expectation: &Expectation) -> Judgement {
    let (status, body) = match probe {
        Probe::Answer { status, body } => (*status, body),
        Probe::None(why) => return Judgement::Bad(why.clone()),
    };
    // JSON is UTF-8 (RFC 8259 §8.1), also where nobody reads it: in fields that are passed over the JSON reader would not
    // look.
    let text = std::str::from_utf8(body).ok();
    let document: Option<HealthDocument> = text.and_then(|text| serde_json::from_str(text).ok());
    if status != 200 {
        let said = document.as_ref().map(complaints).unwrap_or_default();
        return Judgement::Bad(format!("it answered HTTP {status}{said}"));
    }
    let Some(document) = document else {
        // A program with nothing to check and no version to tell may just say 200.
        let nothing_asked =
            expectation.critical.is_empty() && expectation.version == ExpectedVersion::Unchecked;
        return if nothing_asked {
            Judgement::Good(Vec::new())
        } else {
            Judgement::Bad("it answered HTTP 200 without a health document".to_owned())
        };
    };
    if let Some(why) = wrong_version(&document, &expectation.version) {
        return Judgement::Bad(why);
    }
    for name in &expectation.critical {
        match document.checks.get(name).map(|check| check.status) {
            Some(CheckStatus::Up) => {}
            Some(CheckStatus::Down) => {
                return Judgement::Bad(format!("the check {name:?} is down"));
            }
            None => {
                return Judgement::Bad(format!("it tells no check {name:?}, which is critical"));
            }
        }
    }
    match document.status {
        ServiceStatus::Healthy => Judgement::Good(Vec::new()),
        ServiceStatus::Degraded => {
            Judgement::Good(vec![format!("it is degraded{}", complaints(&document))])
        }
        ServiceStatus::Unhealthy => {
            Judgement::Bad(format!("it says that it is unhealthy{}", complaints(&document)))
        }
    }
}

fn wrong_version(document: &HealthDocument, expected: &ExpectedVersion) -> Option<String> {
    let ExpectedVersion::Exactly { version, commit } = expected else { return None };
    let Some(answer) = document.version.as_deref() else {
        return Some(format!("it tells no version; {} was expected", version.bare()));
    };
    let names_commit = answer.len() >= COMMIT_PREFIX && commit.as_str().starts_with(answer);
    if version.is_named(answer) || names_commit {
        return None;
    }
    let answer: String = answer.chars().take(64).collect();
    Some(format!("version {answer:?} answers; {} was expected", version.bare()))
}

/// `: database is down`, for what a document complains of; empty if of nothing.
fn complaints(document: &HealthDocument) -> String {
    let down: Vec<&str> = document
        .checks
        .iter()
        .filter(|(_, check)| check.status == CheckStatus::Down)
        .map(|(name, _)| name.as_str())
        .take(8)
        .collect();
    match down.as_slice() {
        [] => String::new(),
        [one] => format!(": {one:?} is down"),
        many => format!(": {many:?} are down"),
    }
}

#[cfg(test)]
mod tests;
