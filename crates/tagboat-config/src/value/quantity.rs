//! Quantities, each with its unit as its type. In: numbers and texts. Out: numbers within bounds.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::decode::{Here, Repeated, Shape, Text, whole};
use crate::mistake::{Mistakes, code, wanted};
use crate::record::number;
use crate::yaml::{Meaning, Value};

number! {
    /// A time in seconds: a day at most, for whatever waits longer waits for ever.
    pub struct Seconds(u32) in 1..=86400;
}

number! {
    /// A time in minutes, a year at most.
    pub struct Minutes(u32) in 1..=525600;
}

number! {
    /// A time in hours, ten years at most.
    pub struct Hours(u32) in 1..=87600;
}

number! {
    /// A time in days, a hundred years at most.
    pub struct Days(u32) in 1..=36500;
}

number! {
    /// How often: once at least.
    pub struct Times(u32) in 1..=1000;
}

number! {
    /// How many, zero too.
    pub struct Count(u32) in 0..=1000000;
}

number! {
    /// A size in MiB (2^20 bytes), a TiB at most.
    pub struct Megabytes(u32) in 1..=1048576;
}

number! {
    /// A part of a hundred; an increase may be above 100.
    pub struct Percent(u32) in 1..=10000;
}

number! {
    /// A TCP port.
    pub struct Port(u16) in 1..=65535;
}

impl Seconds {
    /// It as a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.get() as u64)
    }
}

impl Port {
    /// The port of sshd (RFC 4253 §4.1).
    pub(crate) const SSH: Self = Self(22);
}

/// Defaults of the schema; each stands in seed 000 or in SPEC.
macro_rules! defaults {
    ($($Type:ident),+) => {
        $(impl $Type {
            pub(crate) const fn of(number: u32) -> Self {
                Self(number)
            }
        })+
    };
}

defaults!(Seconds, Minutes, Hours, Days, Times, Count, Megabytes, Percent);

/// A part of one, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    pub(crate) const fn of(number: f64) -> Self {
        Self(number)
    }

    /// The number, from 0 to 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Shape for Ratio {
    fn expected() -> String {
        "a number from 0 to 1".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "number", "minimum": 0, "maximum": 1 })
    }

    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let meaning = match &here.node.value {
            Value::Scalar(scalar) => Some(scalar.meaning()),
            Value::List(_) | Value::Map(_) => None,
        };
        match meaning {
            Some(Meaning::Decimal(number)) if (0.0..=1.0).contains(&number) => Some(Self(number)),
            Some(Meaning::Whole(0)) => Some(Self(0.0)),
            Some(Meaning::Whole(1)) => Some(Self(1.0)),
            Some(Meaning::Decimal(_) | Meaning::Whole(_)) => {
                let message = "a ratio is a part of one: 0.95 is 95 %";
                mistakes.mistake(code::BAD_VALUE, here.span(), message, wanted(&Self::expected()));
                None
            }
            _ => {
                here.wrong_type(&Self::expected(), mistakes);
                None
            }
        }
    }

    fn shown(&self) -> Option<Json> {
        Some(self.0.into())
    }
}

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many days.
    Days(Days),
    /// For ever.
    Permanent,
}

impl Shape for Keep {
    fn expected() -> String {
        "a number of days, or `permanent`".to_owned()
    }

    fn schema() -> Json {
        json!({ "oneOf": [Days::schema(), { "const": "permanent" }] })
    }

    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let meaning = match &here.node.value {
            Value::Scalar(scalar) => Some(scalar.meaning()),
            Value::List(_) | Value::Map(_) => None,
        };
        match meaning {
            Some(Meaning::Text("permanent")) => Some(Self::Permanent),
            Some(Meaning::Whole(_)) => whole(here, 1, 36500, mistakes)
                .and_then(|days| u32::try_from(days).ok())
                .map(|days| Self::Days(Days(days))),
            _ => {
                here.wrong_type(&Self::expected(), mistakes);
                None
            }
        }
    }

    fn shown(&self) -> Option<Json> {
        match self {
            Self::Days(days) => days.shown(),
            Self::Permanent => Some("permanent".into()),
        }
    }
}

/// A span of time to look back over, as Prometheus writes it: `24h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    count: u32,
    unit: char,
}

impl Window {
    pub(crate) const DAY: Self = Self { count: 24, unit: 'h' };
    pub(crate) const WEEK: Self = Self { count: 7, unit: 'd' };

    /// Its length.
    #[must_use]
    pub fn duration(self) -> Duration {
        let unit = match self.unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => 7 * 86_400,
        };
        Duration::from_secs(u64::from(self.count) * unit)
    }
}

/// As Prometheus reads it.
impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.count, self.unit)
    }
}

impl Text for Window {
    const EXPECTED: &'static str = "a time, as `24h` or `7d`";
    const PATTERN: Option<&'static str> = Some("^[1-9][0-9]{0,4}[smhdw]$");
    const REPEATED: Repeated = Repeated::Allowed;

    fn parse(text: &str) -> Result<Self, String> {
        let why = "a time is a number and one of s, m, h, d and w";
        let unit = text.chars().last().filter(|unit| "smhdw".contains(*unit)).ok_or(why)?;
        let digits = &text[..text.len() - 1];
        let sound = (1..=5).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if !sound {
            return Err(why.to_owned());
        }
        Ok(Self { count: digits.parse().map_err(|_| why)?, unit })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}
