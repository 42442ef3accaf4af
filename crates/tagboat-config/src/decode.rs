//! Decoding. In: a located tree. Out: typed values, and every mistake on the way; the same traits describe
//! the JSON schema, so that the two cannot part.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value as Json, json};

use crate::mistake::{Mistakes, code, wanted};
use crate::yaml::{Key, Meaning, Node, Span, Value};

/// A node, and where a mistake about it as a whole is shown: at its key, or at its own beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here<'a> {
    pub(crate) node: &'a Node,
    pub(crate) head: Span,
}

impl<'a> Here<'a> {
    /// The root of a file, or an item of a list.
    pub(crate) fn of(node: &'a Node) -> Self {
        let head = match &node.value {
            Value::Map(entries) => entries.first().map_or(node.span, |(key, _)| key.span),
            Value::Scalar(_) | Value::List(_) => node.span,
        };
        Self { node, head }
    }

    fn under(key: &Key, node: &'a Node) -> Self {
        Self { node, head: key.span }
    }

    /// Where a mistake about its content is shown.
    pub(crate) fn span(self) -> Span {
        match &self.node.value {
            Value::Scalar(scalar) if scalar.meaning() != Meaning::Null => self.node.span,
            _ => self.head,
        }
    }

    /// The value of a key, where this is a mapping that has it.
    pub(crate) fn get(self, name: &str) -> Option<Self> {
        let Value::Map(entries) = &self.node.value else { return None };
        let (key, node) = entries.iter().find(|(key, _)| key.text == name)?;
        Some(Here::under(key, node))
    }

    /// The lines of a key and all below it: up to the next key of this mapping, or to the end.
    pub(crate) fn lines(self, name: &str) -> Range<usize> {
        let Value::Map(entries) = &self.node.value else { return 0..0 };
        let mut keys = entries.iter().map(|(key, _)| key).skip_while(|key| key.text != name);
        let Some(key) = keys.next() else { return 0..0 };
        let end = keys.next().map_or(usize::MAX, |next| next.span.line);
        key.span.line..end.max(key.span.line + 1)
    }

    /// The key itself, or where the mapping begins.
    pub(crate) fn key(self, name: &str) -> Span {
        self.get(name).map_or(self.head, |there| there.head)
    }

    /// The value of a key, or where the mapping begins.
    pub(crate) fn value(self, name: &str) -> Span {
        self.get(name).map_or(self.head, Here::span)
    }

    /// The items, where this is a list.
    pub(crate) fn items(self) -> impl Iterator<Item = Here<'a>> {
        let items = match &self.node.value {
            Value::List(items) => items.as_slice(),
            Value::Scalar(_) | Value::Map(_) => &[],
        };
        items.iter().map(|node| Here::of(node))
    }

    /// Whether this is `""`.
    pub(crate) fn is_empty_text(self) -> bool {
        matches!(&self.node.value, Value::Scalar(scalar) if scalar.meaning() == Meaning::Text(""))
    }

    /// What stands here, in words.
    fn found(self) -> &'static str {
        match &self.node.value {
            Value::List(items) if items.is_empty() => "an empty list",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Scalar(scalar) => match scalar.meaning() {
                Meaning::Null => "nothing",
                Meaning::Bool(_) => "true or false",
                Meaning::Whole(_) => "a whole number",
                Meaning::Decimal(_) => "a decimal number",
                Meaning::Text(_) => "a text",
            },
        }
    }

    /// Says that something else was expected.
    pub(crate) fn wrong_type(self, expected: &str, mistakes: &mut Mistakes) {
        let found = self.found();
        mistakes.mistake(
            code::WRONG_TYPE,
            self.span(),
            format!("{found} cannot stand here"),
            wanted(expected),
        );
    }
}

/// A type that stands in the configuration.
pub(crate) trait Shape: Sized {
    /// What stands beside a caret: `a whole number from 1 to 65535`.
    fn expected() -> String;

    /// Its JSON schema (draft 2020-12).
    fn schema() -> Json;

    /// Reads it; `None` where a mistake was told.
    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self>;

    /// The value where nothing stands; `None` where something must.
    fn absent() -> Option<Self> {
        None
    }

    /// The key by which two items of a list may not be equal, and its value.
    fn identity(&self) -> Option<(&'static str, String)> {
        None
    }

    /// It in JSON, where it can be the default that a schema names.
    fn shown(&self) -> Option<Json> {
        None
    }
}

/// A text with a grammar.
pub(crate) trait Text: Sized {
    /// What stands beside a caret.
    const EXPECTED: &'static str;
    /// The grammar as an ECMA-262 expression, where it has a short one.
    const PATTERN: Option<&'static str> = None;
    /// Whether it may hold line breaks.
    const LINES: Lines = Lines::One;

    /// Reads it, or says which rule it breaks.
    fn parse(text: &str) -> Result<Self, String>;

    /// As it was written.
    fn text(&self) -> String;

    /// Whether two in one list may be equal.
    const REPEATED: Repeated = Repeated::Refused;
}

/// How many lines a text may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    One,
    Many,
}

/// Whether equal texts may stand in one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    Allowed,
    Refused,
}

impl<T: Text> Shape for T {
    fn expected() -> String {
        T::EXPECTED.to_owned()
    }

    fn schema() -> Json {
        match T::PATTERN {
            Some(pattern) => json!({ "type": "string", "pattern": pattern }),
            None => json!({ "type": "string" }),
        }
    }

    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let text = text(here, T::expected, mistakes)?;
        let parsed = refuse_control(text, T::LINES).and_then(|()| T::parse(text));
        match parsed {
            Ok(value) => Some(value),
            Err(why) => {
                mistakes.mistake(code::BAD_VALUE, here.span(), why, wanted(T::EXPECTED));
                None
            }
        }
    }

    fn identity(&self) -> Option<(&'static str, String)> {
        (T::REPEATED == Repeated::Refused).then(|| ("", self.text()))
    }

    fn shown(&self) -> Option<Json> {
        Some(Json::String(self.text()))
    }
}

/// Control characters would forge lines in control files, units and logs.
pub(crate) fn refuse_control(text: &str, lines: Lines) -> Result<(), String> {
    let control = |c: char| c.is_control() && !(lines == Lines::Many && c == '\n');
    if text.chars().any(control) { Err("it holds a control character".to_owned()) } else { Ok(()) }
}

/// A scalar that YAML reads as a text.
pub(crate) fn text<'a>(
    here: Here<'a>,
    expected: impl FnOnce() -> String,
    mistakes: &mut Mistakes,
) -> Option<&'a str> {
    let Value::Scalar(scalar) = &here.node.value else {
        here.wrong_type(&expected(), mistakes);
        return None;
    };
    match scalar.meaning() {
        Meaning::Text(text) => Some(text),
        Meaning::Null => {
            here.wrong_type(&expected(), mistakes);
            None
        }
        Meaning::Bool(_) | Meaning::Whole(_) | Meaning::Decimal(_) => {
            let (found, plain) = (here.found(), &scalar.text);
            mistakes.mistake(
                code::WRONG_TYPE,
                here.span(),
                format!("{found} cannot stand here"),
                format!("as a text: \"{plain}\""),
            );
            None
        }
    }
}

impl Shape for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }

    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        if let Value::Scalar(scalar) = &here.node.value
            && let Meaning::Bool(value) = scalar.meaning()
        {
            return Some(value);
        }
        here.wrong_type("true or false", mistakes);
        None
    }

    fn shown(&self) -> Option<Json> {
        Some(Json::Bool(*self))
    }
}

/// A whole number within bounds.
pub(crate) fn whole(here: Here<'_>, least: i64, most: i64, mistakes: &mut Mistakes) -> Option<i64> {
    let expected = || bounds(least, most);
    let Value::Scalar(scalar) = &here.node.value else {
        here.wrong_type(&expected(), mistakes);
        return None;
    };
    match scalar.meaning() {
        Meaning::Whole(value) if (least..=most).contains(&value) => Some(value),
        Meaning::Whole(value) => {
            let message = format!("{value} is out of range");
            mistakes.mistake(code::BAD_VALUE, here.span(), message, wanted(&expected()));
            None
        }
        _ => {
            here.wrong_type(&expected(), mistakes);
            None
        }
    }
}

/// `a whole number from 1 to 10`.
pub(crate) fn bounds(least: i64, most: i64) -> String {
    format!("a whole number from {least} to {most}")
}

impl<T: Shape> Shape for Option<T> {
    fn expected() -> String {
        T::expected()
    }

    fn schema() -> Json {
        T::schema()
    }

    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        T::decode(here, mistakes).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn shown(&self) -> Option<Json> {
        self.as_ref().and_then(T::shown)
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn expected() -> String {
        format!("a list; each item: {}", T::expected())
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }

    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let Value::List(items) = &here.node.value else {
            here.wrong_type(&Self::expected(), mistakes);
            return None;
        };
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut all = Some(Self::with_capacity(items.len()));
        for item in here.items() {
            let Some(value) = T::decode(item, mistakes) else {
                all = None;
                continue;
            };
            if let Some((key, identity)) = value.identity() {
                let span = item.value(key);
                match seen.get(&identity) {
                    Some(line) => {
                        let message = format!("{} stands here twice", shown_name(key, &identity));
                        let label = format!("already in line {line}");
                        mistakes.mistake(code::DUPLICATE, span, message, label);
                    }
                    None => {
                        seen.insert(identity, span.line);
                    }
                }
            }
            if let Some(all) = &mut all {
                all.push(value);
            }
        }
        all
    }

    fn shown(&self) -> Option<Json> {
        self.iter().map(T::shown).collect::<Option<Vec<_>>>().map(Json::Array)
    }
}

/// A mapping whose keys the user chooses.
impl<K: Text + Ord, T: Shape> Shape for BTreeMap<K, T> {
    fn expected() -> String {
        format!("a mapping from {} to {}", K::EXPECTED, T::expected())
    }

    fn schema() -> Json {
        json!({
            "type": "object",
            "propertyNames": K::schema(),
            "additionalProperties": T::schema(),
        })
    }

    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let mut all = Some(Self::new());
        for (key, node) in entries(here, Self::expected, mistakes)? {
            let name = K::parse(&key.text);
            if let Err(why) = &name {
                mistakes.mistake(code::BAD_VALUE, key.span, why, wanted(K::EXPECTED));
            }
            match (name, T::decode(Here::under(key, node), mistakes)) {
                (Ok(name), Some(value)) => {
                    if let Some(all) = &mut all {
                        all.insert(name, value);
                    }
                }
                _ => all = None,
            }
        }
        all
    }
}

/// The entries of a mapping, each key once: the first holds. Nothing at all is an empty mapping, as where
/// every line below a key is commented out.
pub(crate) fn entries<'a>(
    here: Here<'a>,
    expected: impl FnOnce() -> String,
    mistakes: &mut Mistakes,
) -> Option<Vec<(&'a Key, &'a Node)>> {
    let entries = match &here.node.value {
        Value::Map(entries) => entries,
        Value::Scalar(scalar) if scalar.meaning() == Meaning::Null => return Some(Vec::new()),
        Value::Scalar(_) | Value::List(_) => {
            here.wrong_type(&expected(), mistakes);
            return None;
        }
    };
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kept = Vec::with_capacity(entries.len());
    for (key, node) in entries {
        if let Some(line) = first.get(key.text.as_str()) {
            let message = format!("the key {} stands here twice", name(&key.text));
            let label = format!("already in line {line}");
            mistakes.mistake(code::DUPLICATE_KEY, key.span, message, label);
        } else {
            first.insert(&key.text, key.span.line);
            kept.push((key, &**node));
        }
    }
    Some(kept)
}

/// The fields of a record, while it is decoded.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    here: Here<'a>,
    entries: Vec<(&'a Key, &'a Node)>,
}

/// What a record's keys are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    /// What a user writes.
    pub(crate) known: &'static [&'static str],
    /// What Tagboat writes into its reports, in the same shape (seed 000): told and passed over.
    pub(crate) outputs: &'static [&'static str],
    /// Keys of other files, and which.
    pub(crate) elsewhere: &'static [(&'static str, &'static str)],
}

impl<'a> Fields<'a> {
    /// Opens a mapping and tells its unknown keys. `None` where it is no mapping.
    pub(crate) fn open(here: Here<'a>, keys: Keys, mistakes: &mut Mistakes) -> Option<Self> {
        let entries = entries(here, || mapping_of(keys), mistakes)?;
        for (key, _) in &entries {
            let text = key.text.as_str();
            if keys.known.contains(&text) {
                continue;
            }
            let shown = name(text);
            if keys.outputs.contains(&text) {
                let message = format!("{shown} is written by tagboat, and not read here");
                mistakes.warning(code::OUTPUT, key.span, message, "this key has no effect");
            } else {
                let home = keys.elsewhere.iter().find(|(key, _)| *key == text);
                let label = match home {
                    Some((_, file)) => format!("this belongs to {file}"),
                    None => suggestion(text, keys.known.iter().copied()),
                };
                mistakes.mistake(
                    code::UNKNOWN_KEY,
                    key.span,
                    format!("unknown key {shown}"),
                    label,
                );
            }
        }
        Some(Self { here, entries })
    }

    /// One field: what stands there, or else its default; `None` where a mistake was told.
    pub(crate) fn take<T: Shape>(
        &self,
        name: &'static str,
        absent: impl FnOnce() -> Option<T>,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        match self.entries.iter().find(|(key, _)| key.text == name) {
            Some((key, node)) => T::decode(Here::under(key, node), mistakes),
            None => absent().or_else(|| {
                let expected = T::expected();
                mistakes.mistake(
                    code::MISSING_KEY,
                    self.here.head,
                    format!("`{name}` is missing"),
                    format!("expected `{name}` here: {expected}"),
                );
                None
            }),
        }
    }
}

fn mapping_of(keys: Keys) -> String {
    match keys.known {
        [] => "a mapping".to_owned(),
        known => mapping_with(known),
    }
}

/// ``a mapping with `a`, `b` ``.
pub(crate) fn mapping_with(keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("a mapping with {}", keys.join(", "))
}

/// A key as it is shown: hostile files have keys of a megabyte.
pub(crate) fn name(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{short}`")
}

fn shown_name(key: &str, identity: &str) -> String {
    if key.is_empty() { name(identity) } else { name(&format!("{key}: {identity}")) }
}

/// `` `a`, `b` or `c` ``.
pub(crate) fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// `did you mean …?`, or every word there is.
pub(crate) fn suggestion<'a>(text: &str, words: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(text, words.clone()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => wanted(&listed(words)),
    }
}

/// The one word that begins with `text`, or the one with the fewest edits to it, if they are few.
fn nearest<'a>(text: &str, words: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    // Longer than any key: no misspelling, and the cost is length times length.
    if text.len() > 64 {
        return None;
    }
    let lower = text.to_lowercase().replace('-', "_");
    let text: Vec<char> = lower.chars().collect();
    let mut begun = words.clone().filter(|word| word.replace('-', "_").starts_with(&lower));
    if let (Some(word), None, 3..) = (begun.next(), begun.next(), text.len()) {
        return Some(word);
    }
    words
        .map(|word| {
            let plain: Vec<char> = word.replace('-', "_").chars().collect();
            (edits(&text, &plain), plain.len(), word)
        })
        .filter(|(edits, length, _)| *edits <= (length / 3).max(1))
        .min()
        .map(|(_, _, word)| word)
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let mut least =
                (last[j] + usize::from(from != to)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *to && b[j - 1] == *from {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests;
