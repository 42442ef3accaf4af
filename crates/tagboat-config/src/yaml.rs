//! YAML. In: a file's text, hostile or not. Out: a tree in which every key and value knows its place, or
//! the first thing that is no YAML. The only module that knows the parser.
//!
//! A tree and not serde, because a reader wants every mistake of a file at once: serde stops at the first.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_saphyr::granit_parser::{self, ErrorKind, Event, Parser, ScalarStyle};

/// Deepest nesting that is read. The deepest place of our own shapes is 7.
const MAX_DEPTH: usize = 64;
/// Most values that a file may stand for, with every alias written out: a file of aliases to aliases
/// grows exponentially. A monorepo of 500 projects has some 25,000.
const MAX_NODES: usize = 200_000;

/// Where something stands. Line and column count from 1, columns and width in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) width: usize,
}

impl Span {
    /// The file's first character.
    pub(crate) const START: Self = Self { line: 1, column: 1, width: 1 };
}

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
    /// How many values it stands for, aliases written out.
    weight: usize,
    depth: usize,
}

impl Node {
    /// What a file stands for that holds nothing but comments.
    pub(crate) const fn empty() -> Self {
        Self { span: Span::START, value: Value::Map(Vec::new()), weight: 1, depth: 1 }
    }
}

#[derive(Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Arc<Node>>),
    /// In the order of the file; a key may stand there twice.
    Map(Vec<(Key, Arc<Node>)>),
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) quoting: Quoting,
}

/// Whether a scalar's text alone decides what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    Plain,
    /// Quoted, a block, or tagged `!!str`: a text, whatever it looks like.
    Text,
}

/// What a plain scalar is by YAML 1.2's core schema (§10.3.2). `yes`, `no`, `on` and `off` are texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning<'a> {
    Null,
    Bool(bool),
    Whole(i64),
    Decimal(f64),
    Text(&'a str),
}

impl Scalar {
    pub(crate) fn meaning(&self) -> Meaning<'_> {
        let text = self.text.as_str();
        if self.quoting == Quoting::Text {
            return Meaning::Text(text);
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Meaning::Null,
            "true" | "True" | "TRUE" => return Meaning::Bool(true),
            "false" | "False" | "FALSE" => return Meaning::Bool(false),
            _ => {}
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let whole = if unsigned.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().ok()
        } else if let Some(digits) = text.strip_prefix("0x") {
            i64::from_str_radix(digits, 16).ok()
        } else {
            text.strip_prefix("0o").and_then(|digits| i64::from_str_radix(digits, 8).ok())
        };
        if let Some(whole) = whole {
            return Meaning::Whole(whole);
        }
        let numeric = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let like_a_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && unsigned.chars().all(numeric);
        match text.parse() {
            Ok(decimal) if like_a_number => Meaning::Decimal(decimal),
            _ => Meaning::Text(text),
        }
    }
}

/// Why there is no tree.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) span: Span,
    pub(crate) why: Why,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// No YAML: what is wrong, and what was expected there.
    Syntax(String, &'static str),
    /// YAML that has no place in a configuration: what it is, and what to write instead.
    Refused(&'static str, &'static str),
    /// Beyond a limit, which the text names.
    Limit(String),
}

/// Reads a file's one document; `None` where it holds nothing but comments.
pub(crate) fn parse(text: &str) -> Result<Option<Arc<Node>>, Unreadable> {
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder { text, open: Vec::new(), anchors: BTreeMap::new(), root: None };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| syntax(&error, text))?;
        let place = builder.place(&span);
        let tagged = span.tag_span().map_or(place, |tag| builder.place(&tag));
        match event {
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    let why = Why::Refused("a second document begins here", "one document a file");
                    return Err(Unreadable { span: place, why });
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let quoting = quoting(style, tag.as_deref(), tagged)?;
                let scalar = Scalar { text: text.into_owned(), quoting };
                builder.close(Open::new(place, anchor, Unfinished::Scalar(scalar)))?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), tagged)?;
                builder.open.push(Open::new(place, anchor, Unfinished::List(Vec::new())));
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), tagged)?;
                builder.open.push(Open::new(place, anchor, Unfinished::Map(Vec::new(), None)));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = builder.open.pop() {
                    builder.close(open)?;
                }
            }
            Event::Alias(anchor) => {
                let Some(node) = builder.anchors.get(&anchor).cloned() else {
                    let why = Why::Refused(
                        "this alias stands inside what it stands for",
                        "a value written out",
                    );
                    return Err(Unreadable { span: place, why });
                };
                builder.add(node, place)?;
            }
            _ => {}
        }
    }
    Ok(builder.root)
}

/// A value whose end has not come yet.
struct Open {
    span: Span,
    anchor: usize,
    unfinished: Unfinished,
    weight: usize,
    depth: usize,
}

enum Unfinished {
    Scalar(Scalar),
    List(Vec<Arc<Node>>),
    /// The entries, and a key that waits for its value.
    Map(Vec<(Key, Arc<Node>)>, Option<Key>),
}

impl Open {
    const fn new(span: Span, anchor: usize, unfinished: Unfinished) -> Self {
        Self { span, anchor, unfinished, weight: 1, depth: 1 }
    }

    fn finish(self) -> Node {
        let value = match self.unfinished {
            Unfinished::Scalar(scalar) => Value::Scalar(scalar),
            Unfinished::List(items) => Value::List(items),
            Unfinished::Map(entries, _) => Value::Map(entries),
        };
        Node { span: self.span, value, weight: self.weight, depth: self.depth }
    }
}

struct Builder<'t> {
    text: &'t str,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Arc<Node>>,
    root: Option<Arc<Node>>,
}

impl Builder<'_> {
    /// A value is complete: names it if it has an anchor, and puts it into what is open.
    fn close(&mut self, finished: Open) -> Result<(), Unreadable> {
        let (span, anchor) = (finished.span, finished.anchor);
        let node = Arc::new(finished.finish());
        if anchor != 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        self.add(node, span)
    }

    fn add(&mut self, node: Arc<Node>, place: Span) -> Result<(), Unreadable> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.weight = open.weight.saturating_add(node.weight);
        open.depth = open.depth.max(node.depth + 1);
        if open.weight > MAX_NODES {
            let why = Why::Limit(format!("more than {MAX_NODES} values, aliases written out"));
            return Err(Unreadable { span: place, why });
        }
        if open.depth > MAX_DEPTH {
            return Err(Unreadable { span: place, why: too_deep() });
        }
        match &mut open.unfinished {
            Unfinished::Scalar(_) => {}
            Unfinished::List(items) => items.push(node),
            Unfinished::Map(entries, waiting) => match waiting.take() {
                Some(key) => entries.push((key, node)),
                None => *waiting = Some(key(&node, place)?),
            },
        }
        Ok(())
    }

    /// The parser counts columns from 0, and its spans may end on a later line.
    fn place(&self, span: &granit_parser::Span) -> Span {
        let (line, column) = (span.start.line().max(1), span.start.col() + 1);
        let width = if span.end.line() == span.start.line() {
            span.end.col().saturating_sub(span.start.col())
        } else {
            let from = span.start.byte_offset().and_then(|at| self.text.get(at..));
            let rest = from.and_then(|rest| rest.lines().next()).unwrap_or_default();
            rest.trim_end().chars().count()
        };
        Span { line, column, width: width.max(1) }
    }
}

fn syntax(error: &granit_parser::ScanError, text: &str) -> Unreadable {
    let marker = error.marker();
    if let Some(span) = indenting_tab(text, marker.line().max(1)) {
        return Unreadable { span, why: Why::Refused("a tab stands in the indentation", "spaces") };
    }
    let span = Span { line: marker.line().max(1), column: marker.col() + 1, width: 1 };
    let why = match error.kind() {
        ErrorKind::RecursionLimitExceeded => too_deep(),
        ErrorKind::DirectiveDisallowed => {
            Why::Refused("directives are not read", "a configuration without `%` lines")
        }
        kind => Why::Syntax(kind.to_string(), expected(kind)),
    };
    Unreadable { span, why }
}

/// The parser tells a tab in many ways, at the line before it as well; people see one thing.
fn indenting_tab(text: &str, line: usize) -> Option<Span> {
    text.lines().zip(1..).skip(line - 1).take(2).find_map(|(text, line)| {
        let indentation = text.len() - text.trim_start().len();
        let column = text.get(..indentation)?.chars().position(|c| c == '\t')? + 1;
        Some(Span { line, column, width: 1 })
    })
}

fn too_deep() -> Why {
    Why::Limit(format!("nested more than {MAX_DEPTH} deep"))
}

fn key(node: &Node, span: Span) -> Result<Key, Unreadable> {
    let Value::Scalar(scalar) = &node.value else {
        let why = Why::Refused("a list or mapping stands where a key must be", "a word");
        return Err(Unreadable { span, why });
    };
    if scalar.text == "<<" && scalar.quoting == Quoting::Plain {
        // YAML 1.1 only; a reader of 1.2 sees a key called `<<`.
        let why = Why::Refused("merge keys (`<<`) are not read", "the keys, written out");
        return Err(Unreadable { span, why });
    }
    Ok(Key { text: scalar.text.clone(), span })
}

fn quoting(
    style: ScalarStyle,
    tag: Option<&granit_parser::Tag>,
    span: Span,
) -> Result<Quoting, Unreadable> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema_tag("str") => Ok(Quoting::Text),
        Some(_) => Err(refused_tag(span)),
        None if style == ScalarStyle::Plain => Ok(Quoting::Plain),
        None => Ok(Quoting::Text),
    }
}

fn refuse_tag(tag: Option<&granit_parser::Tag>, span: Span) -> Result<(), Unreadable> {
    if tag.is_some() { Err(refused_tag(span)) } else { Ok(()) }
}

fn refused_tag(span: Span) -> Unreadable {
    Unreadable {
        span, why: Why::Refused("tags (`!…`) are not read", "the value without its tag")
    }
}

/// What a reader is told beside the caret.
fn expected(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UnclosedQuotedScalar => "a closing quote",
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::MismatchedFlowCollectionEnd { .. } => "the closing bracket",
        ErrorKind::UnknownAnchor => "the name of an anchor (`&name`) above",
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => "`key: value`",
        ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockMappingKey => {
            "the indentation of the keys above"
        }
        ErrorKind::ExpectedFlowMappingSeparator => "`,` or `}`",
        ErrorKind::ExpectedFlowSequenceSeparator => "`,` or `]`",
        ErrorKind::InvalidQuotedScalarIndent => "the closing quote of the text above",
        _ => "something else here: YAML stops at this place",
    }
}

#[cfg(test)]
mod tests;
