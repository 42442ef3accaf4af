//! Records that were given. In: a JSON file in the fields of the data model (seed 004). Out: its records by kind, each
//! value with its line.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use tagboat_core::diagnostic::{Diagnostic, Exit, Place};
use tagboat_core::version::{ProjectPath, Version};

use super::{MAX_TOLD, Rule};
use crate::decode::Here;
use crate::load::text_of;
use crate::yaml::{self, Meaning, Node, Span, Value};

/// Largest file of records that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// What a record is, by the fields that only it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Version,
    VersionTag,
    Environment,
    Region,
    Deployment,
    Queue,
    Maintenance,
    RollbackTarget,
    Report,
    ActionLink,
}

impl Kind {
    /// The fields by which a record is recognised, the tellingest first.
    const FIELDS: [(&'static str, Self); 10] = [
        ("queue", Self::Queue),
        ("target_version", Self::RollbackTarget),
        ("action_links", Self::Report),
        ("task_id", Self::Maintenance),
        ("deployment_id", Self::Deployment),
        ("tag_name", Self::VersionTag),
        ("cloud_mappings", Self::Region),
        ("secrets_file", Self::Environment),
        ("label", Self::ActionLink),
        ("semver", Self::Version),
    ];

    fn of(here: Here<'_>) -> Option<Self> {
        Self::FIELDS.iter().find(|(field, _)| here.get(field).is_some()).map(|(_, kind)| *kind)
    }
}

/// A file of records.
#[derive(Debug)]
pub struct Given {
    file: String,
    text: String,
    tree: Result<Option<Arc<Node>>, (Span, String)>,
    /// How often each rule was told of this file: every finding carries the file's text, and those that are cut
    /// need none.
    told: RefCell<BTreeMap<&'static str, usize>>,
}

impl Given {
    /// Reads a file: one record, or a list of them. JSON is YAML, so the reader of the configuration reads it and
    /// knows every place.
    #[must_use]
    pub fn read(file: impl Into<String>, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let tree = if bytes.len() > MAX_BYTES {
            Err((Span::START, format!("it is longer than {} MiB", MAX_BYTES >> 20)))
        } else {
            let sound = text_of(bytes).map_err(|(span, what)| (span, what.to_owned()));
            sound.and_then(|text| {
                yaml::parse(text).map_err(|error| {
                    let why = match error.why {
                        yaml::Why::Syntax(what, _) | yaml::Why::Limit(what) => what,
                        yaml::Why::Refused(what, _) => what.to_owned(),
                    };
                    (error.span, why)
                })
            })
        };
        Self { file: file.into(), text, tree, told: RefCell::default() }
    }

    /// Why it holds no records at all.
    pub(super) fn unreadable(&self) -> Option<(Span, &str)> {
        self.tree.as_ref().err().map(|(span, why)| (*span, why.as_str()))
    }

    /// Its records, each with its kind; `None` where that is unknown.
    pub(super) fn records(&self) -> Vec<(Option<Kind>, Item<'_>)> {
        let Ok(Some(tree)) = &self.tree else { return Vec::new() };
        let root = Here::of(tree);
        let all = match &tree.value {
            Value::List(_) => root.items().collect(),
            Value::Map(_) | Value::Scalar(_) => vec![root],
        };
        all.into_iter().map(|here| (Kind::of(here), Item { given: self, here })).collect()
    }

    pub(super) fn told(
        &self,
        rule: Rule,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        let mut counts = self.told.borrow_mut();
        let count = counts.entry(rule.code).or_default();
        *count += 1;
        let text = if *count > MAX_TOLD { String::new() } else { self.text.clone() };
        let place = Place {
            file: self.file.clone(),
            text,
            line: span.line,
            column: span.column,
            width: span.width,
            label: label.into(),
        };
        Diagnostic::unchanged(rule.code, Exit::Judged, message, "nothing was changed").at(place)
    }
}

/// The records of one kind in all files.
pub(super) fn of_kind(given: &[Given], kind: Kind) -> impl Iterator<Item = Item<'_>> {
    let all = given.iter().flat_map(Given::records);
    all.filter(move |(found, _)| *found == Some(kind)).map(|(_, item)| item)
}

/// A record, or an object in one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    given: &'a Given,
    here: Here<'a>,
}

impl<'a> Item<'a> {
    fn meaning(self) -> Option<Meaning<'a>> {
        match &self.here.node.value {
            Value::Scalar(scalar) => Some(scalar.meaning()),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// A field that is there and not null.
    pub(super) fn get(self, field: &str) -> Option<Self> {
        let there = Self { here: self.here.get(field)?, ..self };
        (there.meaning() != Some(Meaning::Null)).then_some(there)
    }

    /// A text.
    pub(super) fn text(self, field: &str) -> Option<&'a str> {
        match self.get(field)?.meaning()? {
            Meaning::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number.
    pub(super) fn whole(self, field: &str) -> Option<i64> {
        match self.get(field)?.meaning()? {
            Meaning::Whole(number) => Some(number),
            _ => None,
        }
    }

    /// True or false.
    pub(super) fn truth(self, field: &str) -> Option<bool> {
        match self.get(field)?.meaning()? {
            Meaning::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// A moment.
    pub(super) fn time(self, field: &str) -> Option<jiff::Timestamp> {
        self.text(field)?.parse().ok()
    }

    /// The items of a list.
    pub(super) fn list(self, field: &str) -> Vec<Self> {
        let there = self.get(field);
        there
            .into_iter()
            .flat_map(|list| list.here.items().map(move |here| Self { here, ..self }))
            .collect()
    }

    /// Whether there is nothing in an object.
    pub(super) fn is_empty(self) -> bool {
        match &self.here.node.value {
            Value::Map(entries) => entries.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Scalar(_) => self.meaning() == Some(Meaning::Text("")),
        }
    }

    /// The name of an environment, which may be written as its name or whole.
    pub(super) fn environment(self, field: &str) -> Option<&'a str> {
        self.text(field).or_else(|| self.get(field)?.text("name"))
    }

    /// A version, which may be written as its full name or whole.
    pub(super) fn version(self, field: &str) -> Option<Result<Version, String>> {
        let there = self.get(field)?;
        Some(match there.meaning() {
            Some(Meaning::Text(text)) => Version::parse(text).map_err(|error| error.to_string()),
            Some(_) => Err("it is no text".to_owned()),
            None => there.as_version(),
        })
    }

    /// Itself, as a version.
    pub(super) fn as_version(self) -> Result<Version, String> {
        let semver = self.text("semver").ok_or("it has no `semver`")?;
        let path = self.text("sub_project_path").unwrap_or_default();
        let path = ProjectPath::parse(path).map_err(|error| error.to_string())?;
        Version::parse_semver(path, semver).map_err(|error| error.to_string())
    }

    /// A finding at a field, or at the record where it is missing.
    pub(super) fn wrong(
        self,
        rule: Rule,
        field: &str,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        self.given.told(rule, self.here.value(field), message, label)
    }

    /// A finding about the whole.
    pub(super) fn whole_wrong(
        self,
        rule: Rule,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        self.given.told(rule, self.here.head, message, label)
    }
}
