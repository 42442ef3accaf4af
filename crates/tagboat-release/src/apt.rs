//! A signed APT repository in a folder: in: packages and a checked key, out: a repository that stock apt verifies and installs from.
//!
//! The truth is `InRelease`, written last: it names every index by its digest, and every index names its
//! packages by theirs. So a reader sees the old repository or the new one, whenever a publisher is stopped.
//! Layout and fields are those of the Debian wiki's RepositoryFormat.

mod apply;
mod entry;
mod folder;
mod layout;
mod lock;
mod observe;
mod plan;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ports::Architecture;

pub use apply::{Record, apply};
pub use entry::Entry;
pub use layout::{RepositoryPath, pool_path};
pub use lock::{Lock, lock};
pub use observe::{Addition, Facts, IndexFacts, Kept, Occupied, Present, observe};
pub use plan::{KEPT_FOR, KEPT_GENERATIONS, Outcome, Plan, Signed, Step, Written, plan};

/// What shall be published, and where.
#[derive(Clone, Debug)]
pub struct Request {
    /// The root of the repository: below it are `dists`, `pool` and, for the publisher's own use, `.tagboat`.
    pub folder: PathBuf,
    /// The folder below `dists` and what users write in their sources: `stable`. One word.
    pub suite: String,
    /// The field `Codename`, which has no folder of its own; the suite's name where there is no other.
    pub codename: String,
    /// The component that the packages go to: `main`. Components that are there already stay.
    pub component: String,
    /// The field `Origin`: who publishes. apt warns users when it changes, so it may not.
    pub origin: String,
    /// The field `Label`: what is published. It may not change either.
    pub label: String,
    /// The architectures that get an index; those that are there already stay. A package for `all` stands in
    /// the index of each, as in Debian, and `all` has no index of its own.
    pub architectures: Vec<Architecture>,
    /// The packages to add, as files.
    pub packages: Vec<PathBuf>,
    /// How long clients may believe this publication (`Valid-Until`); `None`: for ever. Where it is set, each
    /// publication renews it, even one that adds nothing.
    pub valid_for: Option<Duration>,
}

/// `Sat, 21 Nov 2026 09:16:14 UTC`: the dates of a `Release` file.
fn release_date(time: Timestamp) -> String {
    time.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S UTC").to_string()
}

fn parse_release_date(text: &str) -> Option<Timestamp> {
    let zone = ["UTC", "GMT", "+0000"].iter().find_map(|zone| text.strip_suffix(zone))?;
    let zoned = rfc2822::DateTimeParser::new().parse_timestamp(format!("{zone}+0000"));
    zoned.ok()
}

/// What every refusal before the first write says of the world.
const STILL: &str = "the repository is as it was";

fn refuse(code: &'static str, exit: Exit, message: impl Into<String>) -> Diagnostic {
    Diagnostic::unchanged(code, exit, message, STILL)
}

fn io_failed(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Box<Diagnostic> {
    Box::new(
        refuse("publish::io", Exit::Outside, format!("the repository could not be {doing}"))
            .fact("path", path.display().to_string())
            .fact("seen", error.to_string())
            .help("see that the folder exists, has room and belongs to you"),
    )
}

fn damaged(path: impl std::fmt::Display, seen: impl std::fmt::Display) -> Box<Diagnostic> {
    Box::new(
        refuse("publish::damaged", Exit::Refused, "the present repository is damaged")
            .fact("path", path.to_string())
            .fact("seen", seen.to_string())
            .help("put the file back from a copy of the repository"),
    )
}

/// Text of someone else, safe and short.
fn clipped(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_debug).collect()
}

/// Whether a word can stand between blanks and be one folder's name.
fn check_word(field: &'static str, text: &str) -> Result<()> {
    let kept = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
    if text.is_empty()
        || text.len() > 100
        || text.starts_with(['.', '-'])
        || !text.bytes().all(kept)
    {
        return Err(bad_name(
            field,
            text,
            "it is not one word of letters, digits, `.`, `_`, `+`, `-`",
        ));
    }
    Ok(())
}

/// Whether a text is one line that a `Release` file can hold.
fn check_line(field: &'static str, text: &str) -> Result<()> {
    if text.is_empty() || text.trim() != text || text.len() > 200 || text.contains(char::is_control)
    {
        return Err(bad_name(field, text, "it is not one line of up to 200 bytes"));
    }
    Ok(())
}

fn bad_name(field: &'static str, text: &str, why: &str) -> Box<Diagnostic> {
    Box::new(
        refuse("publish::name", Exit::Usage, format!("the repository's {field} cannot be used"))
            .fact("seen", format!("\"{}\": {why}", clipped(text))),
    )
}

impl Request {
    fn check(&self) -> Result<()> {
        check_word("suite", &self.suite)?;
        check_word("codename", &self.codename)?;
        check_word("component", &self.component)?;
        check_line("origin", &self.origin)?;
        check_line("label", &self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_debian_writes_it_and_read_back() {
        let time: Timestamp = "2026-11-01T09:06:04Z".parse().unwrap();
        assert_eq!(release_date(time), "Sun, 01 Nov 2026 09:06:04 UTC");
        assert_eq!(parse_release_date(&release_date(time)), Some(time));
        assert_eq!(parse_release_date("Sun, 01 Nov 2026 09:06:04 +0100"), None);
    }

    #[test]
    fn a_suite_is_one_word() {
        for good in ["stable", "bookworm-backports", "a.b_c+1"] {
            check_word("suite", good).unwrap();
        }
        for bad in ["", "..", ".", "-x", "a b", "a/b", "a\n", "ä"] {
            assert_eq!(check_word("suite", bad).unwrap_err().code, "publish::name", "{bad:?}");
        }
    }
}
