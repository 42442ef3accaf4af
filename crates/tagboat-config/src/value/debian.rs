//! Debian's words. In: texts of a configuration. Out: names and relations that dpkg and apt take.

use serde_json::{Value as Json, json};
use tagboat_core::ports::Architecture;
use tagboat_deb::{DebianVersion, PackageName};

use crate::decode::{Here, Lines, Shape, Text};
use crate::mistake::Mistakes;
use crate::record::{choice, choose, text};

text! {
    /// A relation to other packages (Policy 7.1): `python3 (>= 3.11)`, with `|` between alternatives.
    pub struct Dependency;
    expected: "a relation to a package, as `python3 (>= 3.11)`";
    check: check_dependency;
}

text! {
    /// A package's description (Policy 5.6.13): the first line is the synopsis, the rest the text.
    pub struct Synopsis;
    expected: "a description: one line, and more below it if there is more to say";
    lines: Many;
    check: |text| match text.lines().next().map(str::trim) {
        None | Some("") => Err("the first line of a description is empty"),
        // Policy 3.4.1: less than 80 characters.
        Some(first) if first.chars().count() >= 80 => Err("the first line has 80 characters or more"),
        Some(_) => Ok(()),
    };
}

text! {
    /// Who answers for a package (Policy 5.6.2): `Name <address>`.
    pub struct Maintainer;
    expected: "a name and a mail address, as `Jo Doe <jo@example.com>`";
    pattern: "^[^<>]*[^<> ][^<>]* <[^<>@ ]+@[^<>@ ]+>$";
    check: |text| {
        let parts = text.strip_suffix('>').and_then(|text| text.split_once(" <"));
        let sound = parts.is_some_and(|(name, mail)| {
            let plain = |c: char| !c.is_whitespace() && !"<>".contains(c);
            !name.trim().is_empty()
                && !name.contains(['<', '>'])
                && mail.chars().all(plain)
                && mail.split_once('@').is_some_and(|(a, b)| {
                    !a.is_empty() && !b.is_empty() && !b.contains('@')
                })
        });
        if sound { Ok(()) } else { Err("a maintainer is a name, a blank and `<address>`") }
    };
}

text! {
    /// The section of a package (Policy 2.4).
    pub struct Section;
    expected: "a section of Debian, as `web`";
    pattern: "^[a-z0-9][a-z0-9/-]{0,63}$";
    check: |text| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/-".contains(&b);
        if !text.is_empty() && text.len() <= 64 && text.bytes().all(inner) && !text.starts_with(['/', '-']) {
            Ok(())
        } else {
            Err("a section has lower-case letters, digits, `-` and `/` only")
        }
    };
}

text! {
    /// A web page.
    pub struct Homepage;
    expected: "the URL of a web page, as `https://example.com/`";
    pattern: "^https?://[!-~]+$";
    check: |text| {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        if rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic())) {
            Ok(())
        } else {
            Err("a web page's URL starts with `https://` or `http://` and has no blanks")
        }
    };
}

text! {
    /// A mirror, as the URI of sources.list(5), without suite and components.
    pub struct MirrorUri;
    expected: "the URI of a mirror, as `http://deb.debian.org/debian`";
    pattern: "^(https?|file)://[!-~]+$";
    check: |text| {
        let rest = ["https://", "http://", "file://"].iter().find_map(|way| text.strip_prefix(way));
        let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
            return Err("a mirror's URI starts with `https://`, `http://` or `file://`");
        };
        if rest.split('/').next().is_some_and(|host| host.contains('@')) {
            return Err("a credential in a URI is read by everybody");
        }
        if rest.bytes().all(|b| b.is_ascii_graphic() && !b"[]\\\"'`".contains(&b)) {
            Ok(())
        } else {
            Err("a mirror's URI has no blanks, brackets or quotes")
        }
    };
}

text! {
    /// A system to install a package on: `debian:12`.
    pub struct TestEnvironment;
    expected: "a system and its release, as `debian:12`";
    pattern: "^[a-z][a-z0-9-]{0,30}:[a-z0-9][a-z0-9.-]{0,30}$";
    check: |text| {
        let sound = text.split_once(':').is_some_and(|(system, release)| {
            let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
            system.starts_with(|c: char| c.is_ascii_lowercase())
                && !system.contains('.')
                && release.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && system.bytes().all(inner)
                && release.bytes().all(inner)
        });
        if sound && text.len() <= 64 { Ok(()) } else { Err("a system is named with its release") }
    };
}

text! {
    /// A tag of lintian: what it can find.
    pub struct LintianTag;
    expected: "a tag of lintian, as `no-manual-page`";
    pattern: "^[a-z0-9][a-zA-Z0-9./+-]{0,99}$";
    check: |text| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b"./+-".contains(&b);
        let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if first && text.len() <= 100 && text.bytes().all(inner) { Ok(()) }
        else { Err("this is no tag of lintian") }
    };
}

text! {
    /// The least version of a tool: `>=6.0`.
    pub struct ToolVersion;
    expected: "a least version, as \">=6.0\"";
    pattern: "^>= ?[0-9]{1,9}(\\.[0-9]{1,9}){0,4}$";
    check: |text| {
        let number = text.strip_prefix(">=").map(|rest| rest.strip_prefix(' ').unwrap_or(rest));
        let part = |part: &str| (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if number.is_some_and(|number| number.len() <= 64 && number.split('.').all(part)) { Ok(()) }
        else { Err("a least version is `>=` and numbers with dots between") }
    };
}

choice! {
    /// How much a system needs a package (Policy 2.5).
    pub enum Priority {
        /// Without it the system does not work.
        Required = "required",
        /// Everybody expects it.
        Important = "important",
        /// Part of a small system without graphics.
        Standard = "standard",
        /// Everything else.
        Optional = "optional"
    }
}

impl MirrorUri {
    /// Debian's own, where nobody names a nearer one.
    pub(crate) fn debian() -> Self {
        Self("http://deb.debian.org/debian".to_owned())
    }
}

impl ToolVersion {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The numbers, from the most significant.
    #[must_use]
    pub fn least(&self) -> Vec<u32> {
        let numbers = self.0.trim_start_matches(['>', '=', ' ']);
        numbers.split('.').filter_map(|part| part.parse().ok()).collect()
    }
}

impl TestEnvironment {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// `debian`.
    #[must_use]
    pub fn system(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(system, _)| system)
    }

    /// `12`.
    #[must_use]
    pub fn release(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, release)| release)
    }
}

impl Dependency {
    /// Whether it names alternatives.
    pub(crate) fn has_alternatives(&self) -> bool {
        self.0.contains('|')
    }
}

fn check_dependency(text: &str) -> Result<(), &'static str> {
    if text.contains(',') {
        return Err("one relation an item: what a comma parts are two");
    }
    if text.contains('$') {
        return Err(
            "variables are not filled in here; what a program links against is found by itself",
        );
    }
    text.split('|').try_for_each(|alternative| check_relation(alternative.trim()))
}

fn check_relation(text: &str) -> Result<(), &'static str> {
    let (name, version) = match text.split_once('(') {
        None => (text, None),
        Some((name, rest)) => {
            let inner = rest.strip_suffix(')').ok_or("a version stands in brackets: `(>= 1.0)`")?;
            (name.trim_end(), Some(inner.trim()))
        }
    };
    let (name, architecture) = name.split_once(':').map_or((name, None), |(n, a)| (n, Some(a)));
    if PackageName::parse(name).is_err() {
        return Err("no package can have this name (Policy 5.6.1)");
    }
    if architecture.is_some_and(|word| !matches!(word, "any" | "native" | "amd64" | "arm64")) {
        return Err("the word after `:` is none of any, native, amd64 and arm64");
    }
    let Some(version) = version else { return Ok(()) };
    // Longest first: `<<` would else be read as `<`, which dpkg dropped for being mistaken for `<=`.
    let operator = ["<<", "<=", ">=", ">>", "="].iter().find_map(|sign| version.strip_prefix(sign));
    let number = operator.ok_or("a version is compared by one of <<, <=, =, >= and >>")?;
    DebianVersion::parse(number.trim()).map(|_| ()).map_err(|_| "this is no version of Debian's")
}

impl Text for PackageName {
    const EXPECTED: &'static str = "the name of a Debian package, as `local-rag`";
    const PATTERN: Option<&'static str> = Some("^[a-z0-9][a-z0-9+.-]{1,199}$");
    const LINES: Lines = Lines::One;

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|_| {
            "a package's name has two or more of a-z, 0-9, `+`, `-` and `.`, a letter or digit first \
             (Policy 5.6.1)"
                .to_owned()
        })
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

const ARCHITECTURES: [(&str, Architecture); 2] =
    [("amd64", Architecture::Amd64), ("arm64", Architecture::Arm64)];

impl Shape for Architecture {
    fn expected() -> String {
        "`amd64` or `arm64`".to_owned()
    }

    fn schema() -> Json {
        json!({ "enum": ["amd64", "arm64"] })
    }

    fn decode(here: Here<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        choose(here, &ARCHITECTURES, &[], mistakes)
    }

    fn identity(&self) -> Option<(&'static str, String)> {
        Some(("", self.debian().to_owned()))
    }

    fn shown(&self) -> Option<Json> {
        Some(self.debian().into())
    }
}
