//! Encrypted secrets, recognised only. In: a file's bytes. Out: whether SOPS encrypted all of it, and the names that
//! it leaves readable; nothing of its values ever goes out.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::yaml::{self, Meaning, Node, Value};

/// How SOPS marks an encrypted value.
const MARK: &str = "ENC[AES256_GCM,";
/// Keys that end so stay readable where the file says nothing else (sops' own default).
const READABLE_SUFFIX: &str = "_unencrypted";

/// What the keys of SOPS's own block begin with in its dotenv form (sops, `stores/dotenv`).
const DOTENV_BLOCK: &str = "sops_";

/// What is wrong with a file of secrets. It names lines and counts, never content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotEncrypted {
    /// Neither YAML, JSON nor dotenv.
    Unreadable,
    /// There is no `sops` block, or it has no `mac`.
    NoMark,
    /// It has the block, and so many values that anybody can read.
    Readable(usize),
}

impl std::fmt::Display for NotEncrypted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable => f.write_str("it is no YAML, JSON or dotenv file as SOPS writes it"),
            Self::NoMark => f.write_str("it has no `sops` block with a `mac`"),
            Self::Readable(1) => f.write_str("one of its values is not encrypted"),
            Self::Readable(count) => write!(f, "{count} of its values are not encrypted"),
        }
    }
}

/// The names that a file of secrets holds: SOPS leaves them readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// These.
    Known(BTreeSet<String>),
    /// Its binary form encrypts them as well.
    Hidden,
}

/// Its names, without decrypting anything. What holds no single value is no variable; nor is what is empty.
pub(crate) fn names(bytes: &[u8]) -> Names {
    let tree = tree(bytes).unwrap_or(Json::Null);
    let Json::Object(entries) = &tree else { return Names::Known(BTreeSet::new()) };
    let own = || entries.iter().filter(|(key, _)| *key != "sops");
    let binary =
        bytes.trim_ascii_start().starts_with(b"{") && own().map(|(key, _)| key).eq(["data"]);
    if binary {
        return Names::Hidden;
    }
    let single = |value: &Json| match value {
        Json::Object(_) | Json::Array(_) | Json::Null => false,
        Json::String(text) => !text.is_empty(),
        Json::Number(_) | Json::Bool(_) => true,
    };
    Names::Known(own().filter(|(_, value)| single(value)).map(|(key, _)| key.clone()).collect())
}

fn tree(bytes: &[u8]) -> Result<Json, NotEncrypted> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotEncrypted::Unreadable)?;
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|_| NotEncrypted::Unreadable);
    }
    if let Some(tree) = dotenv(text) {
        return Ok(tree);
    }
    let node = yaml::parse(text).map_err(|_| NotEncrypted::Unreadable)?;
    Ok(node.map_or(Json::Null, |node| plain(&node)))
}

/// SOPS's dotenv form as the tree that its YAML form has: `sops_mac=…` is `mac` in the block. `None` where a line is
/// no `NAME=value`.
fn dotenv(text: &str) -> Option<Json> {
    let (mut entries, mut block) = (serde_json::Map::new(), serde_json::Map::new());
    let lines = text.lines().map(str::trim_end);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, value) = line.split_once('=')?;
        let sound = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        if name.is_empty() || !name.bytes().all(sound) {
            return None;
        }
        match name.strip_prefix(DOTENV_BLOCK) {
            Some(key) => block.insert(key.to_owned(), value.into()),
            None => entries.insert(name.to_owned(), value.into()),
        };
    }
    if entries.is_empty() && block.is_empty() {
        return None;
    }
    if !block.is_empty() {
        entries.insert("sops".to_owned(), block.into());
    }
    Some(entries.into())
}

/// Whether SOPS encrypted this: its YAML form, its JSON form, its dotenv form, or its binary form (JSON with one
/// value, `data`).
pub(crate) fn check(bytes: &[u8]) -> Result<(), NotEncrypted> {
    let tree = tree(bytes)?;
    let Json::Object(entries) = &tree else { return Err(NotEncrypted::NoMark) };
    let block = entries.get("sops").and_then(Json::as_object).ok_or(NotEncrypted::NoMark)?;
    if !block.get("mac").is_some_and(is_encrypted) {
        return Err(NotEncrypted::NoMark);
    }
    let word = |key: &str| block.get(key).and_then(Json::as_str).filter(|word| !word.is_empty());
    let rule = Rule {
        // A rule by expression or comment encrypts a part, and only SOPS can say which.
        partly: ["encrypted_regex", "unencrypted_regex", "encrypted_suffix"]
            .iter()
            .chain(&["encrypted_comment_regex", "unencrypted_comment_regex"])
            .any(|key| word(key).is_some()),
        readable_suffix: word("unencrypted_suffix").unwrap_or(READABLE_SUFFIX),
    };
    let mut count = Count::default();
    for (key, value) in entries.iter().filter(|(key, _)| *key != "sops") {
        rule.count(key, value, &mut count);
    }
    match count {
        Count { readable: 0, .. } => Ok(()),
        Count { encrypted, .. } if rule.partly && encrypted > 0 => Ok(()),
        Count { readable, .. } => Err(NotEncrypted::Readable(readable)),
    }
}

struct Rule<'a> {
    partly: bool,
    readable_suffix: &'a str,
}

#[derive(Default)]
struct Count {
    encrypted: usize,
    readable: usize,
}

impl Rule<'_> {
    fn count(&self, key: &str, value: &Json, count: &mut Count) {
        if key.ends_with(self.readable_suffix) {
            return;
        }
        match value {
            Json::Object(entries) => {
                entries.iter().for_each(|(key, value)| self.count(key, value, count));
            }
            Json::Array(items) => items.iter().for_each(|item| self.count(key, item, count)),
            // SOPS leaves these as they are: there is nothing to hide.
            Json::Null => {}
            Json::String(text) if text.is_empty() => {}
            value if is_encrypted(value) => count.encrypted += 1,
            Json::String(_) | Json::Number(_) | Json::Bool(_) => count.readable += 1,
        }
    }
}

fn is_encrypted(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text.starts_with(MARK) && text.ends_with(']'))
}

/// A tree without places; its depth and size are bounded already.
fn plain(node: &Node) -> Json {
    match &node.value {
        Value::List(items) => items.iter().map(|item| plain(item)).collect(),
        Value::Map(entries) => Json::Object(
            entries.iter().map(|(key, value)| (key.text.clone(), plain(value))).collect(),
        ),
        Value::Scalar(scalar) => match scalar.meaning() {
            Meaning::Null => Json::Null,
            Meaning::Bool(_) | Meaning::Whole(_) | Meaning::Decimal(_) | Meaning::Text(_) => {
                Json::String(scalar.text.clone())
            }
        },
    }
}

#[cfg(test)]
mod tests;
