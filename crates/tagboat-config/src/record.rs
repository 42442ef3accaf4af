//! The description of shapes. In: a struct, an enum, a text or a number, written down once with its
//! documentation. Out: the Rust type, how it is decoded, and its JSON schema.

use serde_json::{Map, Value as Json, json};

/// A record. `field as "key": Type = default`: without a default, and where the type has none of its own,
/// the key is required. `outputs` are keys that Tagboat writes in the same shape; `elsewhere` names keys of
/// other files; `identity` is the field that tells items of a list apart; `check` is called with the value
/// and its place when every field is sound.
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        $vis:vis struct $Name:ident {
            $(
                $(#[doc = $field_doc:literal])+
                $field:ident $(as $key:literal)? : $type:ty $(= $default:expr)?
            ),* $(,)?
        }
        $(outputs: $($output:literal),+;)?
        $(elsewhere: $elsewhere:path;)?
        $(identity: $identity:ident;)?
        $(check: $check:path;)?
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $Name {
            $(
                $(#[doc = $field_doc])+
                $vis $field: $type,
            )*
        }

        impl $crate::decode::Shape for $Name {
            fn expected() -> String {
                $crate::decode::mapping_with(&[$($crate::record::record!(@key $field $($key)?)),*])
            }

            fn schema() -> serde_json::Value {
                let mut record = $crate::record::RecordSchema::new(&[$($doc),+]);
                $(
                    let absent: Option<$type> = $crate::record::record!(@absent $type $(, $default)?);
                    record.field(
                        $crate::record::record!(@key $field $($key)?),
                        &[$($field_doc),+],
                        absent.as_ref(),
                    );
                )*
                $($(record.output($output);)+)?
                record.finish()
            }

            fn absent() -> Option<Self> {
                Some(Self {
                    $($field: $crate::record::record!(@absent $type $(, $default)?)?,)*
                })
            }

            fn decode(
                here: $crate::decode::Here<'_>,
                mistakes: &mut $crate::mistake::Mistakes,
            ) -> Option<Self> {
                let keys = $crate::decode::Keys {
                    known: &[$($crate::record::record!(@key $field $($key)?)),*],
                    outputs: &[$($($output),+)?],
                    elsewhere: $crate::record::record!(@elsewhere $($elsewhere)?),
                };
                let fields = $crate::decode::Fields::open(here, keys, mistakes)?;
                $(
                    let $field: Option<$type> = fields.take(
                        $crate::record::record!(@key $field $($key)?),
                        || $crate::record::record!(@absent $type $(, $default)?),
                        mistakes,
                    );
                )*
                let value = Self { $($field: $field?,)* };
                $($check(&value, here, mistakes);)?
                Some(value)
            }

            $(
                fn identity(&self) -> Option<(&'static str, String)> {
                    Some((stringify!($identity), $crate::decode::Text::text(&self.$identity)))
                }
            )?
        }
    };
    (@elsewhere) => { &[] };
    (@elsewhere $elsewhere:path) => { $elsewhere };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (@absent $type:ty) => { <$type as $crate::decode::Shape>::absent() };
    (@absent $type:ty, $default:expr) => { Some::<$type>($default) };
}

/// A choice between words. `planned` are words of the public interface whose feature does not exist yet.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])+
        $vis:vis enum $Name:ident {
            $(
                $(#[doc = $word_doc:literal])+
                $Word:ident = $word:literal
            ),+ $(,)?
        }
        $(planned: $($planned:literal),+;)?
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        $vis enum $Name {
            $(
                $(#[doc = $word_doc])+
                $Word,
            )+
        }

        impl $Name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$Word)),+];

            /// The word in the configuration.
            #[must_use]
            $vis const fn word(self) -> &'static str {
                match self { $(Self::$Word => $word),+ }
            }
        }

        impl $crate::decode::Shape for $Name {
            fn expected() -> String {
                $crate::decode::listed([$($word),+].into_iter())
            }

            fn schema() -> serde_json::Value {
                $crate::record::choice_schema(&[$(($word, &[$($word_doc),+])),+])
            }

            fn decode(
                here: $crate::decode::Here<'_>,
                mistakes: &mut $crate::mistake::Mistakes,
            ) -> Option<Self> {
                let planned: &[&str] = &[$($($planned),+)?];
                $crate::record::choose(here, Self::WORDS, planned, mistakes)
            }

            fn identity(&self) -> Option<(&'static str, String)> {
                Some(("", self.word().to_owned()))
            }

            fn shown(&self) -> Option<serde_json::Value> {
                Some(self.word().into())
            }
        }
    };
}

/// A text with a grammar, kept as it was written. `check` says which rule a text breaks.
macro_rules! text {
    (
        $(#[doc = $doc:literal])+
        pub struct $Name:ident;
        expected: $expected:literal;
        $(pattern: $pattern:literal;)?
        $(lines: $lines:ident;)?
        $(repeated: $repeated:ident;)?
        check: $check:expr;
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(String);

        impl $Name {
            /// Reads a text from elsewhere: an argument, an answer.
            ///
            /// # Errors
            /// The rule that it breaks, as a sentence.
            pub fn parse(text: &str) -> Result<Self, String> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                $crate::decode::refuse_control(text, <Self as $crate::decode::Text>::LINES)?;
                check(text)?;
                Ok(Self(text.to_owned()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl $crate::decode::Text for $Name {
            const EXPECTED: &'static str = $expected;
            $(const PATTERN: Option<&'static str> = Some($pattern);)?
            $(const LINES: $crate::decode::Lines = $crate::decode::Lines::$lines;)?
            $(const REPEATED: $crate::decode::Repeated = $crate::decode::Repeated::$repeated;)?

            fn parse(text: &str) -> Result<Self, String> {
                Self::parse(text)
            }

            fn text(&self) -> String {
                self.0.clone()
            }
        }
    };
}

/// A whole number within bounds, with its unit as its name.
macro_rules! number {
    (
        $(#[doc = $doc:literal])+
        pub struct $Name:ident($repr:ty) in $least:literal..=$most:literal;
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name($repr);

        impl $Name {
            /// The number.
            #[must_use]
            pub const fn get(self) -> $repr {
                self.0
            }
        }

        impl $crate::decode::Shape for $Name {
            fn expected() -> String {
                $crate::decode::bounds($least, $most)
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({ "type": "integer", "minimum": $least, "maximum": $most })
            }

            fn decode(
                here: $crate::decode::Here<'_>,
                mistakes: &mut $crate::mistake::Mistakes,
            ) -> Option<Self> {
                let number = $crate::decode::whole(here, $least, $most, mistakes)?;
                <$repr>::try_from(number).ok().map(Self)
            }

            fn shown(&self) -> Option<serde_json::Value> {
                Some(self.0.into())
            }
        }
    };
}

pub(crate) use {choice, number, record, text};

use crate::decode::{Here, Shape, listed, name, suggestion, text as text_of};
use crate::mistake::{Mistakes, code, wanted};

/// A record's schema while it is described.
#[derive(Debug)]
pub(crate) struct RecordSchema {
    description: String,
    properties: Map<String, Json>,
    required: Vec<Json>,
}

impl RecordSchema {
    pub(crate) fn new(doc: &[&str]) -> Self {
        let description = prose(doc);
        Self { description, properties: Map::new(), required: Vec::new() }
    }

    pub(crate) fn field<T: Shape>(&mut self, key: &str, doc: &[&str], absent: Option<&T>) {
        let mut schema = T::schema();
        if let Json::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), prose(doc).into());
            if let Some(default) = absent.and_then(T::shown) {
                schema.insert("default".to_owned(), default);
            }
        }
        if absent.is_none() {
            self.required.push(key.into());
        }
        self.properties.insert(key.to_owned(), schema);
    }

    pub(crate) fn output(&mut self, key: &str) {
        let description = "Written by tagboat, and not read here.";
        self.properties.insert(
            key.to_owned(),
            json!({ "description": description, "readOnly": true, "deprecated": true }),
        );
    }

    pub(crate) fn finish(self) -> Json {
        let mut schema = json!({
            "type": "object",
            "description": self.description,
            "properties": self.properties,
            "additionalProperties": false,
        });
        if !self.required.is_empty() {
            schema["required"] = Json::Array(self.required);
        }
        schema
    }
}

pub(crate) fn choice_schema(words: &[(&str, &[&str])]) -> Json {
    let words: Vec<Json> = words
        .iter()
        .map(|(word, doc)| json!({ "const": word, "description": prose(doc) }))
        .collect();
    json!({ "type": "string", "oneOf": words })
}

/// Reads a word of a choice.
pub(crate) fn choose<T: Copy>(
    here: Here<'_>,
    words: &[(&'static str, T)],
    planned: &[&str],
    mistakes: &mut Mistakes,
) -> Option<T> {
    let known = words.iter().map(|(word, _)| *word);
    let text = text_of(here, || listed(known.clone()), mistakes)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    if planned.contains(&text) {
        let message = format!("{} does not exist yet", name(text));
        mistakes.mistake(code::NOT_YET, here.span(), message, wanted(&listed(known)));
    } else {
        let message = format!("{} is none of the words that may stand here", name(text));
        mistakes.mistake(code::UNKNOWN_VALUE, here.span(), message, suggestion(text, known));
    }
    None
}

/// Doc comments as one paragraph.
fn prose(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
