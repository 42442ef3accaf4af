//! Ledgers from a remote. In: a tag object as git stores it, then its pages, newest first, NUL between them. Out: a
//! panic where something is accepted that would not be written so, or a change goes unseen.
//!
//! A fuzzer does not find SHA-256 sums. So each input is judged twice: as it is, and with sums, subjects and targets
//! put right, as somebody would who may write to the remote.

#![expect(clippy::panic, reason = "a broken rule ends the run: that is how a fuzzer hears of it")]

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tagboat_adapters::git::parse_tag;
use tagboat_adapters::signature::{SshPublicKey, SshSignature};
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::deployment::{DeploymentId, Terminal};
use tagboat_core::ledger::{Attempt, History, Ledger, NO_LINE, PAGE, Record};
use tagboat_core::ports::{NewTag, TagObject};
use tagboat_core::tag::{EnvironmentTag, Environments, TagKind, classify};
use tagboat_core::tag_override::{self, OVERRIDES};

/// Most pages of one input.
const PAGES: usize = 3;

/// Reads `bytes` as a tag object and its pages.
///
/// # Panics
/// Where a rule of the ledger does not hold.
pub fn judge(bytes: &[u8]) {
    let objects: Vec<&[u8]> = bytes.split(|byte| *byte == 0).take(1 + PAGES).collect();
    let parsed: Vec<Option<TagObject>> =
        objects.iter().map(|object| judge_object(object)).collect();
    let Some((Some(tag), pages)) = parsed.split_first() else { return };
    judge_override(tag);
    let Some(environment_tag) = named(&tag.name) else { return };
    judge_history(&environment_tag, tag, pages, bytes);
    if let Some((tag, pages)) = mended(&environment_tag, tag, pages) {
        judge_history(&environment_tag, &tag, &pages, bytes);
    }
}

/// The environment tag of this name, if it is one.
fn named(name: &str) -> Option<EnvironmentTag> {
    match classify(name, &Environments::default()) {
        TagKind::Environment(path, environment) => Some(EnvironmentTag::new(path, environment)),
        TagKind::Version(_) | TagKind::State(..) | TagKind::LegacySuffix(..) | TagKind::Foreign => {
            None
        }
    }
}

/// A tag object is cut into message and signature without a byte lost between them.
fn judge_object(content: &[u8]) -> Option<TagObject> {
    let id = ObjectId::parse(&"f".repeat(40)).ok()?;
    let tag = parse_tag(&id, content)?;
    assert!(!tag.name.contains('\n') && !tag.tagger.contains('\n'), "{tag:?}");
    if let Some(signature) = &tag.signature {
        let rest = content.strip_prefix(signature.payload.as_slice());
        let rest = rest.map(String::from_utf8_lossy);
        assert_eq!(rest.as_deref(), Some(signature.armoured.as_str()), "bytes are lost at the cut");
        let signed = String::from_utf8_lossy(&signature.payload);
        assert!(signed.ends_with(&tag.message), "what is read is not what was signed: {signed:?}");
        if let Some(read) = SshSignature::parse(&signature.armoured) {
            assert!(read.fingerprint().starts_with("SHA256:"));
        }
        for line in tag.message.lines() {
            if let Some(key) = SshPublicKey::parse(line) {
                super::assert_printable(&key.fingerprint(), "a fingerprint");
            }
        }
    }
    // What we write is read back.
    let commit = CommitSha::from(tag.object.clone());
    let new =
        NewTag { name: tag.name.clone(), commit, time: tag.time, message: tag.message.clone() };
    if !tag.name.contains('\r') && !tag.message.contains("-----BEGIN ") {
        let payload = new.payload("Jo <jo@example.org>");
        let again = parse_tag(&id, payload.as_bytes());
        let same = |it: &TagObject| {
            (&it.name, &it.object, &it.message, it.time.as_second())
                == (&tag.name, &tag.object, &tag.message, tag.time.as_second())
        };
        assert!(again.as_ref().is_some_and(same), "{payload:?} is read as {again:?}");
    }
    Some(tag)
}

fn judge_override(tag: &TagObject) {
    for record in [format!("{OVERRIDES}20261121-120000-7"), format!("refs/{}", tag.name)] {
        if let Some(changes) = tag_override::read(&record, tag) {
            assert!(!changes.is_empty() && record.ends_with(&tag.name));
            assert!(changes.iter().all(|change| !change.reason.is_empty()), "{changes:?}");
        }
    }
}

fn judge_history(
    tag: &EnvironmentTag,
    object: &TagObject,
    pages: &[Option<TagObject>],
    choice: &[u8],
) {
    let ledger = match Ledger::read(tag.clone(), object) {
        Ok(ledger) => ledger,
        Err(error) => {
            let diagnostic = error.diagnostic(tag);
            assert!(diagnostic.code.starts_with("ledger::"));
            return;
        }
    };
    assert_eq!(ledger.message(), object.message, "what is accepted is written otherwise");
    assert_eq!(ledger.commit().map(CommitSha::object), Ok(&object.object));
    judge_flips(tag, object, &ledger, choice);
    judge_growth(tag, object, &ledger);
    let Ok(history) = History::read(ledger.clone(), pages) else { return };
    assert_eq!(history.follows_seen(&ledger), Ok(()));
    let sequences: Vec<u64> = history.records().map(|record| record.sequence).collect();
    let newest = sequences.first().copied().unwrap_or_default();
    assert_eq!(sequences, (1..=newest).rev().collect::<Vec<_>>(), "records are missing");
    for record in history.records() {
        assert_eq!(record.version.path(), &tag.path);
        let hold = history.hold(&record.version);
        assert!(hold.is_none_or(|hold| hold.version == record.version), "{hold:?}");
    }
}

/// Whatever byte changes outside the newest line, it is seen: that line alone is under git's own sum only.
fn judge_flips(tag: &EnvironmentTag, object: &TagObject, ledger: &Ledger, choice: &[u8]) {
    let line = ledger.entries()[0].line();
    let start = object.message.find(line).unwrap_or_default();
    let sum = Sha256::digest(choice);
    for (position, bit) in sum.chunks(3).filter_map(|three| {
        let [high, low, bit] = three else { return None };
        Some((usize::from(*high) << 8 | usize::from(*low), bit % 7))
    }) {
        let mut changed = object.message.clone().into_bytes();
        let position = position % changed.len();
        if (start..start + line.len()).contains(&position) || !changed[position].is_ascii() {
            continue;
        }
        changed[position] ^= 1 << bit;
        let Ok(message) = String::from_utf8(changed) else { continue };
        let read = Ledger::read(tag.clone(), &TagObject { message, ..object.clone() });
        assert!(read.is_err(), "bit {bit} of byte {position} changed unseen");
    }
}

/// The next attempt can be written, and is read back with all that was there.
fn judge_growth(tag: &EnvironmentTag, object: &TagObject, ledger: &Ledger) {
    let newest = ledger.newest();
    let Some((version, commit)) = newest.current() else { return };
    let Some(sequence) = newest.sequence.checked_add(1) else { return };
    let record = Record {
        sequence,
        attempt: Attempt::Deploy,
        version: version.clone(),
        commit: commit.clone(),
        previous_version: Some(version.clone()),
        previous_commit: Some(commit.clone()),
        outcome: Terminal::Succeeded,
        started_at: Timestamp::UNIX_EPOCH,
        completed_at: Timestamp::UNIX_EPOCH,
        triggered_by: newest.triggered_by.clone(),
        deployment_id: DeploymentId::new(Timestamp::UNIX_EPOCH, commit, |_| false),
        workflow_run_id: newest.workflow_run_id.clone(),
        regions: Vec::new(),
        holds: newest.holds.clone(),
        override_reason: newest.override_reason.clone(),
    };
    let grown = match ledger.append(record) {
        Ok(grown) => grown,
        Err(error) => panic!("nothing can follow an accepted ledger: {error}"),
    };
    assert_eq!(grown.page.is_some(), ledger.entries().len() + 1 == 2 * PAGE);
    let written = TagObject {
        message: grown.ledger.message(),
        object: commit.object().clone(),
        ..object.clone()
    };
    assert_eq!(Ledger::read(tag.clone(), &written), Ok(grown.ledger));
}

/// The same records under sums, subjects, sequences and targets that are right; `None` where there are no records.
fn mended(
    tag: &EnvironmentTag,
    object: &TagObject,
    pages: &[Option<TagObject>],
) -> Option<(TagObject, Vec<Option<TagObject>>)> {
    // Oldest first: each line's sum stands in the next.
    let mut before = NO_LINE.to_owned();
    let mut mended: Vec<Option<TagObject>> = Vec::new();
    let first = std::iter::once(Some(object));
    let newest_first: Vec<Option<&TagObject>> =
        first.chain(pages.iter().map(Option::as_ref)).collect();
    for (age, object) in newest_first.iter().enumerate().rev() {
        let Some(object) = object else {
            mended.push(None);
            continue;
        };
        let (_, records) = object.message.split_once("\n\n")?;
        let mut lines: Vec<String> = Vec::new();
        for line in records.lines().rev() {
            let line = with_sum(line, &before);
            before =
                Sha256::digest(line.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            lines.insert(0, line);
        }
        let newest: Value = serde_json::from_str(lines.first()?).unwrap_or_default();
        let sequence = |line: Option<&String>| {
            let line: Value = serde_json::from_str(line?).ok()?;
            line.get("sequence")?.as_u64()
        };
        let prefix = if newest.get("outcome").and_then(Value::as_str) == Some("succeeded") {
            ""
        } else {
            "previous_"
        };
        let text = |key: &str| newest.get(format!("{prefix}{key}")).and_then(Value::as_str);
        let (subject, name) = if age == 0 {
            (format!("{tag} runs {}", text("version").unwrap_or("nothing")), tag.to_string())
        } else {
            let (from, to) = (sequence(lines.last()), sequence(lines.first()));
            let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
            let number = to.saturating_sub(1) / PAGE as u64;
            (
                format!("{tag}, records {from} to {to}"),
                tag.page_ref(number).replacen("refs/", "", 1),
            )
        };
        let commit = text("commit").and_then(|commit| ObjectId::parse(commit).ok());
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        mended.push(Some(TagObject {
            name,
            message: format!("{subject}\n\n{body}"),
            object: commit.unwrap_or_else(|| object.object.clone()),
            ..(*object).clone()
        }));
    }
    let tag = mended.pop()??;
    mended.reverse();
    Some((tag, mended))
}

/// A line with the sum of the one before it, where it has a place for one.
fn with_sum(line: &str, sum: &str) -> String {
    const KEY: &str = "\"previous_sha256\":\"";
    let Some(at) = line.rfind(KEY).map(|at| at + KEY.len()) else { return line.to_owned() };
    let end = line[at..].find('"').map_or(line.len(), |end| at + end);
    format!("{}{sum}{}", &line[..at], &line[end..])
}

#[cfg(test)]
mod tests {
    use tagboat_core::version::Version;

    use super::*;

    /// The ledger that core keeps as a sample of its format.
    const SAMPLE: &str = include_str!("../../tagboat-core/src/ledger/sample-format-1.txt");

    fn sample() -> (EnvironmentTag, TagObject) {
        let tag = named("api/production").unwrap();
        let content = format!("object {}2\ntype commit\ntag {tag}\n\n{SAMPLE}", "0".repeat(39));
        let object = judge_object(content.as_bytes()).unwrap();
        (tag, object)
    }

    #[test]
    fn a_sound_ledger_is_mended_to_itself() {
        let (tag, object) = sample();
        assert_eq!(mended(&tag, &object, &[]), Some((object, Vec::new())));
    }

    #[test]
    fn a_ledger_with_wrong_sums_is_mended_and_then_accepted() {
        let (tag, sound) = sample();
        let broken = TagObject { message: SAMPLE.replace("alice", "mallory"), ..sound };
        assert!(Ledger::read(tag.clone(), &broken).is_err());
        let (mended, _) = mended(&tag, &broken, &[]).unwrap();
        assert!(Ledger::read(tag, &mended).is_ok());
    }

    #[test]
    fn versions_of_a_sample_belong_to_its_project() {
        let (tag, object) = sample();
        let ledger = Ledger::read(tag.clone(), &object).unwrap();
        assert_eq!(ledger.newest().version, Version::parse("api/v1.3.0").unwrap());
    }
}
