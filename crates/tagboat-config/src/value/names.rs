//! Names and words. In: texts of a configuration. Out: names that git, Prometheus, a shell's environment or
//! `execve(2)` take as they are.

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tagboat_core::secret::Secret;
use tagboat_core::tag::EnvironmentName;
use tagboat_core::version::ProjectPath;

use crate::decode::{Here, Lines, Repeated, Shape, Text, refuse_control};
use crate::mistake::{Mistakes, code, wanted};
use crate::record::text;
use crate::yaml::{Meaning, Value};

text! {
    /// One line of text for people.
    pub struct Line;
    expected: "one line of text";
    check: |text| if text.trim().is_empty() { Err("an empty text says nothing") } else { Ok(()) };
}

text! {
    /// A command as one types it in a shell (seed 000 writes them so).
    pub struct CommandLine;
    expected: "a command, as `curl -f http://localhost:8000/health`";
    repeated: Allowed;
    check: |text| if text.trim().is_empty() { Err("an empty text is no command") } else { Ok(()) };
}

text! {
    /// A word: letters, digits and `._+-`, the first a letter or a digit; 64 bytes at most.
    pub struct Word;
    expected: "a word of letters, digits and `._+-`";
    pattern: "^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$";
    check: |text| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if first && text.len() <= 64 && text.bytes().all(inner) {
            Ok(())
        } else {
            Err("a word has letters, digits and `._+-` only, 64 at most, and starts with one of the \
                 first two")
        }
    };
}

text! {
    /// The name of a variable (POSIX.1-2017, XBD 3.235): letters, digits and `_`, no digit first.
    pub struct VariableName;
    expected: "the name of a variable, as `API_TOKEN`";
    pattern: "^[A-Za-z_][A-Za-z0-9_]{0,254}$";
    check: |text| if is_variable(text) { Ok(()) } else {
        Err("a variable's name has letters, digits and `_` only, and starts with no digit")
    };
}

/// The value of a variable, as it was written: `8080` and `true` are texts here. It is shown nowhere, for what it
/// holds may have been meant to be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct VariableValue(String);

impl VariableValue {
    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for VariableValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VariableValue(…)")
    }
}

impl Shape for VariableValue {
    fn expected() -> String {
        "one line, not empty".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": ["string", "number", "boolean"] })
    }

    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let scalar = match &here.node.value {
            Value::Scalar(scalar) if scalar.meaning() != Meaning::Null => scalar,
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                here.wrong_type(&Self::expected(), mistakes);
                return None;
            }
        };
        let told = match refuse_control(&scalar.text, Lines::One) {
            Ok(()) if scalar.text.is_empty() => "an empty value says nothing".to_owned(),
            Ok(()) => return Some(Self(scalar.text.clone())),
            Err(why) => why,
        };
        mistakes.mistake(code::BAD_VALUE, here.span(), told, wanted(&Self::expected()));
        None
    }
}

text! {
    /// A branch, by an allow-list narrower than git-check-ref-format(1): letters, digits and `._/+-`.
    pub struct Branch;
    expected: "the name of a branch, as `main`";
    check: check_branch;
}

text! {
    /// Which version tags count, after the project's path; `*` stands for anything.
    pub struct TagPattern;
    expected: "a pattern of version tags, as `v*.*.*`";
    pattern: "^v[0-9A-Za-z.*-]{0,63}$";
    check: |text| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b".*-".contains(&b);
        if text.starts_with('v') && text.len() <= 64 && text.bytes().all(inner) { Ok(()) }
        else { Err("a pattern of version tags starts with `v` and has letters, digits and `.*-` only") }
    };
}

text! {
    /// A remote of the repository by its name; never a URL, which may hold a credential.
    pub struct Remote;
    expected: "the name of a git remote, as `origin`";
    check: |text| {
        if text.contains('/') { Err("a remote is named here, its URL stands in git's configuration") }
        else { check_branch(text) }
    };
}

text! {
    /// A person's mail address.
    pub struct Email;
    expected: "a mail address, as `ops@example.com`";
    check: |text| {
        let sound = text.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains(|c: char| c.is_ascii_alphanumeric()) && !host.contains('@')
        });
        let plain = text.chars().all(|c| !c.is_whitespace() && !"<>,;\"".contains(c));
        if sound && plain { Ok(()) } else { Err("this is no mail address") }
    };
}

text! {
    /// The name of a Prometheus metric.
    pub struct MetricName;
    expected: "the name of a metric, as `cicd_build_duration_seconds`";
    pattern: "^[a-zA-Z_:][a-zA-Z0-9_:]{0,254}$";
    check: |text| if is_variable(&text.replace(':', "_")) { Ok(()) } else {
        Err("a metric's name has letters, digits, `_` and `:` only, and starts with no digit")
    };
}

text! {
    /// The name of a Prometheus label.
    pub struct LabelName;
    expected: "the name of a label, as `architecture`";
    pattern: "^[a-zA-Z_][a-zA-Z0-9_]{0,254}$";
    check: |text| if is_variable(text) { Ok(()) } else {
        Err("a label's name has letters, digits and `_` only, and starts with no digit")
    };
}

/// Defaults of the schema.
macro_rules! defaults {
    ($($Type:ident),+) => {
        $(impl $Type {
            pub(crate) fn of(text: &str) -> Self {
                Self(text.to_owned())
            }
        })+
    };
}

defaults!(Word, VariableName, Branch, Remote, TagPattern, MetricName, LabelName);

fn is_variable(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn check_branch(text: &str) -> Result<(), &'static str> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._/+-".contains(&b);
    let component = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.ends_with(".lock")
    };
    let sound = text.len() <= 200
        && !text.starts_with('-')
        && text.bytes().all(inner)
        && !text.contains("..")
        && text.split('/').all(component)
        && text != "HEAD";
    if sound {
        Ok(())
    } else {
        Err("this is no plain name for git: letters, digits and `._/+-`, no hyphen first, no `..`")
    }
}

/// A program and its arguments. No shell reads it, so quotes, `|` and `>` mean nothing in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argv(Vec<String>);

impl Argv {
    /// The program, and its arguments.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

/// One word of an argument list.
struct Argument(String);

impl Text for Argument {
    const EXPECTED: &'static str = "a text";
    const LINES: Lines = Lines::Many;
    const REPEATED: Repeated = Repeated::Allowed;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

impl Shape for Argv {
    fn expected() -> String {
        "a list of words, as `[make, -C, api]`".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })
    }

    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let mut items = here.items().peekable();
        // An empty first word is a program without a name.
        if items.peek().is_none_or(|first| first.is_empty_text()) {
            here.wrong_type(&Self::expected(), mistakes);
            return None;
        }
        let words: Vec<Option<Argument>> =
            items.map(|item| Argument::decode(item, mistakes)).collect();
        words.into_iter().map(|word| word.map(|word| word.0)).collect::<Option<_>>().map(Self)
    }
}

/// Where Slack is told (seed 000 `slack_webhook`, empty for nowhere).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Webhook {
    /// Nowhere.
    None,
    /// The URL is a secret of this name.
    Variable(VariableName),
    /// The URL stands in the configuration, for everybody to read: told as a warning.
    Plain(Secret),
}

impl Text for Webhook {
    const EXPECTED: &'static str = "the name of the variable that holds the URL, or \"\" for none";

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Ok(Self::None)
        } else if text.starts_with("https://") {
            Ok(Self::Plain(Secret::new(text.to_owned())))
        } else {
            VariableName::parse(text).map(Self::Variable)
        }
    }

    fn text(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Variable(name) => name.as_str().to_owned(),
            Self::Plain(secret) => secret.to_string(),
        }
    }
}

/// `''` or `.` is the root.
impl Text for ProjectPath {
    const EXPECTED: &'static str = "a folder of the repository, as `api`; `.` is its root";

    fn parse(text: &str) -> Result<Self, String> {
        let text = if text == "." { "" } else { text };
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Text for EnvironmentName {
    const EXPECTED: &'static str = "the name of an environment, as `production`";
    const PATTERN: Option<&'static str> = Some("^[a-z][a-z0-9-]{0,62}$");

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Text for Timestamp {
    const EXPECTED: &'static str = "an instant with its zone, as `2026-12-24T00:00:00Z`";
    const REPEATED: Repeated = Repeated::Allowed;

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "this is no instant (RFC 3339)".to_owned())
    }

    fn text(&self) -> String {
        self.to_string()
    }
}
