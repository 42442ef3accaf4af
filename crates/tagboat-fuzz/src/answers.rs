//! What programs and hosts answer. In: bytes as they came from a socket or a session. Out: a panic where a sick answer
//! passes for a good one, or a reason cannot be printed.

#![expect(clippy::panic, reason = "a broken rule ends the run: that is how a fuzzer hears of it")]

use serde_json::Value;
use tagboat_core::commit::CommitSha;
use tagboat_core::health::{
    self, BODY_LIMIT, COMMIT_PREFIX, Expectation, ExpectedVersion, Judgement, Probe, read_answer,
};
use tagboat_core::version::Version;
use tagboat_deploy::host::{HostFacts, Installed};
use tagboat_report::text::{clip, inert, printable};

/// The version that is expected to answer.
const VERSION: &str = "api/v1.2.3-rc.1";
/// Its commit.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Reads `bytes` as an HTTP answer, as a body, as what a host says, and as a line for people.
///
/// # Panics
/// Where an answer is taken for better than it is.
pub fn judge(bytes: &[u8]) {
    let answer = read_answer(bytes);
    if let Probe::Answer { body, .. } = &answer {
        assert!(body.len() <= BODY_LIMIT);
        assert!(bytes.windows(body.len().max(1)).any(|part| part == body) || body.is_empty());
    }
    judge_health(&answer);
    judge_health(&Probe::Answer { status: 200, body: bytes.to_vec() });
    let text = String::from_utf8_lossy(bytes);
    judge_host(&text);
    judge_text(&text);
}

fn judge_health(answer: &Probe) {
    let (Ok(version), Ok(commit)) = (Version::parse(VERSION), CommitSha::parse(COMMIT)) else {
        panic!("the expected version is none");
    };
    let expectation = Expectation {
        critical: vec!["database".to_owned()],
        version: ExpectedVersion::Exactly { version, commit },
    };
    match health::judge(answer, &expectation) {
        Judgement::Bad(why) => super::assert_printable(&why, "a reason"),
        Judgement::Good(warnings) => {
            warnings.iter().for_each(|warning| super::assert_printable(warning, "a warning"));
            let Probe::Answer { status: 200, body } = answer else {
                panic!("{answer:?} is called good");
            };
            let document: Value = serde_json::from_slice(body).unwrap_or_default();
            assert_ne!(document["status"], "unhealthy");
            assert_eq!(document["checks"]["database"]["status"], "up");
            let said = document["version"].as_str().unwrap_or_default();
            let by_commit = said.len() >= COMMIT_PREFIX && COMMIT.starts_with(said);
            let named = [VERSION, "v1.2.3-rc.1", "1.2.3-rc.1"].contains(&said);
            assert!(named || by_commit, "{said:?} answers for {VERSION}");
        }
    }
    let anything = Expectation { critical: Vec::new(), version: ExpectedVersion::Unchecked };
    if let Judgement::Good(_) = health::judge(answer, &anything) {
        assert!(matches!(answer, Probe::Answer { status: 200, .. }), "{answer:?} is called good");
    }
}

fn judge_host(text: &str) {
    let Some(facts) = HostFacts::read(text) else { return };
    for word in [&facts.phase, &facts.unit, &facts.digest] {
        assert!(!word.contains('\n'), "{facts:?}");
    }
    if let Installed::Version(version) = &facts.installed {
        assert!(!version.contains('\n'), "{facts:?}");
    }
}

/// Text from outside becomes safe to show, and stays so.
fn judge_text(text: &str) {
    let shown = printable(text);
    assert_eq!(printable(&shown), shown, "what is printable changes when it is printed");
    super::assert_printable(&shown, "printable text");
    for line in text.lines().take(4) {
        let quiet = inert(line);
        assert!(!quiet.trim_start().starts_with("::") && !quiet.contains("##["), "{quiet:?}");
        assert!(clip(line, 20).chars().count() <= 20, "{line:?} is not cut");
    }
}
