//! Debian changelogs: in: the facts of a version, out: its entry; and the newest head back.

use std::io::BufRead;

use crate::control::{Dialect, read_line};
use crate::date::check_rfc5322;
use crate::error::Error;
use crate::names::PackageName;
use crate::version::DebianVersion;

/// How much an upgrade matters (Debian Policy 5.6.17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// No hurry.
    Low,
    /// The usual.
    Medium,
    /// Fixes a serious fault.
    High,
    /// Fixes damage that happens.
    Emergency,
    /// As emergency, with the older name.
    Critical,
}

impl Urgency {
    /// The word in the changelog.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Emergency => "emergency",
            Self::Critical => "critical",
        }
    }
}

/// What an entry says.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The source package.
    pub package: PackageName,
    /// Its version.
    pub version: DebianVersion,
    /// Where it goes, such as `bookworm`; several are divided by one blank.
    pub distribution: String,
    /// How much it matters.
    pub urgency: Urgency,
    /// One text a change; its further lines are indented below the first.
    pub changes: Vec<String>,
    /// `Name <mail@example.org>`.
    pub maintainer: String,
    /// Such as `Sat, 21 Nov 2026 09:16:14 +0000`.
    pub date: String,
}

impl Entry {
    /// The text of the entry. Files join entries, the newest first, with an empty line between
    /// them.
    ///
    /// # Errors
    /// `Error::Grammar` or `Error::Field` for what would not be read back as it is: a bad
    /// distribution, maintainer or date, no change at all, an empty change, a control character.
    pub fn render(&self) -> Result<String, Error> {
        check_distribution(&self.distribution)?;
        check_maintainer(&self.maintainer)?;
        check_rfc5322(&self.date)?;
        if self.changes.is_empty() {
            return Err(Error::field("Changes", "there is no change"));
        }
        let Self { package, version, distribution, maintainer, date, .. } = self;
        let mut text =
            format!("{package} ({version}) {distribution}; urgency={}\n\n", self.urgency.as_str());
        for change in &self.changes {
            if change.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
                return Err(Error::field("Changes", "a change has a control character"));
            }
            let mut lead = "  * ";
            for line in change.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
                text.push_str(lead);
                text.push_str(if lead == "  * " { line.trim_start() } else { line });
                text.push('\n');
                lead = "    ";
            }
            if lead == "  * " {
                return Err(Error::field("Changes", "a change is empty"));
            }
        }
        text.push_str(&format!("\n -- {maintainer}  {date}\n"));
        Ok(text)
    }
}

/// The head and the trailer of an entry that was read.
#[derive(Debug, Clone)]
pub struct EntryHead {
    /// The source package.
    pub package: PackageName,
    /// Its version.
    pub version: DebianVersion,
    /// The distributions as they are written.
    pub distribution: String,
    /// `Name <mail@example.org>`.
    pub maintainer: String,
    /// The date as it is written.
    pub date: String,
}

/// Reads the newest entry of a changelog, which is the first.
///
/// # Errors
/// `Error::Line` with the number of the line that is wrong; a changelog without an entry is an
/// error as well.
pub fn parse_first_entry(mut reader: impl BufRead) -> Result<EntryHead, Error> {
    let mut number = 0;
    let mut heading = None;
    loop {
        number += 1;
        let Some(line) = read_line(&mut reader, number, Dialect::Source)? else {
            return Err(Error::line(
                number,
                if heading.is_none() {
                    "there is no entry"
                } else {
                    "the entry has no trailer line"
                },
            ));
        };
        if line.trim().is_empty() {
            continue;
        }
        let at_line = |error: Error| Error::line(number, error.to_string());
        match &heading {
            None => heading = Some(parse_heading(&line).map_err(at_line)?),
            Some((package, version, distribution)) => {
                if let Some(trailer) = line.strip_prefix(" -- ") {
                    // Behind the address: a day of one digit may have a second blank before it.
                    let end = trailer.find(">  ").ok_or_else(|| {
                        Error::line(number, "the trailer has no two blanks before its date")
                    })?;
                    let maintainer = &trailer[..=end];
                    let date: Vec<&str> = trailer[end + 1..].split_whitespace().collect();
                    let date = date.join(" ");
                    check_maintainer(maintainer).map_err(at_line)?;
                    check_rfc5322(&date).map_err(at_line)?;
                    return Ok(EntryHead {
                        package: package.clone(),
                        version: version.clone(),
                        distribution: distribution.clone(),
                        maintainer: maintainer.to_owned(),
                        date,
                    });
                }
                if !line.starts_with("  ") {
                    return Err(Error::line(
                        number,
                        "neither a change (two blanks) nor the trailer (\" -- \")",
                    ));
                }
            }
        }
    }
}

fn parse_heading(line: &str) -> Result<(PackageName, DebianVersion, String), Error> {
    let refuse = |reason| Error::grammar("heading", line, reason);
    let (package, rest) =
        line.split_once(" (").ok_or_else(|| refuse("has no \" (\" before its version"))?;
    let (version, rest) =
        rest.split_once(") ").ok_or_else(|| refuse("has no \") \" behind its version"))?;
    let (distribution, _) =
        rest.split_once(';').ok_or_else(|| refuse("has no ';' behind its distribution"))?;
    check_distribution(distribution)?;
    Ok((PackageName::parse(package)?, DebianVersion::parse(version)?, distribution.to_owned()))
}

fn check_distribution(text: &str) -> Result<(), Error> {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+.".contains(&b))
    };
    if text.split(' ').all(word) {
        return Ok(());
    }
    Err(Error::grammar("distribution", text, "is not words of letters, digits, '-', '+' and '.'"))
}

/// Checks `Name <mail@example.org>`, the form of the `Maintainer` field (Debian Policy 5.6.2).
///
/// # Errors
/// `Error::Grammar` with the rule that is broken.
pub fn check_maintainer(text: &str) -> Result<(), Error> {
    let refuse = |reason| Err(Error::grammar("maintainer", text, reason));
    let Some((name, mail)) = text.strip_suffix('>').and_then(|text| text.split_once(" <")) else {
        return refuse("is not of the form \"Name <mail@example.org>\"");
    };
    if text.chars().any(char::is_control) {
        return refuse("has a control character");
    }
    if name.trim() != name || name.is_empty() || name.contains(['<', '>']) || name.contains("  ") {
        return refuse("the name is empty, or has '<', '>' or blanks side by side");
    }
    match mail.split_once('@') {
        Some((user, host)) if !user.is_empty() && !host.is_empty() => {}
        _ => return refuse("the mail address has nothing before or behind its '@'"),
    }
    if mail.contains(|c: char| c.is_whitespace() || c == '<' || c == '>') {
        return refuse("the mail address has a blank, '<' or '>'");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::Command;

    use super::*;

    fn entry() -> Entry {
        Entry {
            package: PackageName::parse("local-rag").unwrap(),
            version: DebianVersion::parse("1:2.0~rc.1-1").unwrap(),
            distribution: "bookworm".to_owned(),
            urgency: Urgency::Medium,
            changes: vec!["Fix a leak.\n\nIt was small.".to_owned(), "Second.".to_owned()],
            maintainer: "Ada Løve <ada@example.org>".to_owned(),
            date: "Sat, 21 Nov 2026 09:16:14 +0000".to_owned(),
        }
    }

    #[test]
    fn an_entry_is_what_dpkg_parsechangelog_reads() {
        let text = entry().render().unwrap();
        assert_eq!(
            text,
            "local-rag (1:2.0~rc.1-1) bookworm; urgency=medium\n\n  * Fix a leak.\n    It was small.\n  \
             * Second.\n\n -- Ada Løve <ada@example.org>  Sat, 21 Nov 2026 09:16:14 +0000\n"
        );
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let output =
            Command::new("dpkg-parsechangelog").arg("-l").arg(file.path()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let theirs = crate::Paragraphs::only(&output.stdout[..], Dialect::Binary).unwrap();
        let ours = parse_first_entry(text.as_bytes()).unwrap();
        assert_eq!(theirs.get("Source"), Some(ours.package.as_str()));
        assert_eq!(theirs.get("Version"), Some(ours.version.as_str()));
        assert_eq!(theirs.get("Distribution"), Some(ours.distribution.as_str()));
        assert_eq!(theirs.get("Maintainer"), Some(ours.maintainer.as_str()));
        assert_eq!(theirs.get("Date"), Some(ours.date.as_str()));
        assert_eq!(theirs.get("Urgency"), Some("medium"));
    }

    #[test]
    fn a_day_of_one_digit_may_be_padded_with_a_blank() {
        let text = "hello (2.2-1) unstable; urgency=low\n\n  * New.\n\n \
                    -- Santiago Vila <sanvila@debian.org>  Sat,  9 Dec 2006 17:00:14 +0100\n";
        let head = parse_first_entry(text.as_bytes()).unwrap();
        assert_eq!(head.maintainer, "Santiago Vila <sanvila@debian.org>");
        assert_eq!(head.date, "Sat, 9 Dec 2006 17:00:14 +0100");
    }

    #[test]
    fn a_change_cannot_forge_a_trailer() {
        let mut forged = entry();
        forged.changes = vec!["x\n -- Eve <e@e.e>  Sat, 21 Nov 2026 09:16:14 +0000".to_owned()];
        let head = parse_first_entry(forged.render().unwrap().as_bytes()).unwrap();
        assert_eq!(head.maintainer, "Ada Løve <ada@example.org>");
    }

    #[test]
    fn an_entry_that_would_not_be_read_back_is_refused() {
        type Spoil = fn(&mut Entry);
        let spoils: [Spoil; 10] = [
            |e| e.changes.clear(),
            |e| e.changes.push(" \n ".to_owned()),
            |e| e.changes.push("a\x1b[31m".to_owned()),
            |e| e.distribution = "a; urgency=low".to_owned(),
            |e| e.distribution = String::new(),
            |e| e.maintainer = "Ada <a@b>\n".to_owned(),
            |e| e.maintainer = "A  B <a@b>".to_owned(),
            |e| e.maintainer = "Ada a@b".to_owned(),
            |e| e.maintainer = "Ada <@b>".to_owned(),
            |e| e.date = "today".to_owned(),
        ];
        for (number, spoil) in spoils.iter().enumerate() {
            let mut spoilt = entry();
            spoil(&mut spoilt);
            assert!(spoilt.render().is_err(), "spoil {number}");
        }
    }

    #[test]
    fn a_bad_changelog_is_refused_with_its_line() {
        for (text, expected) in [
            ("", "there is no entry"),
            ("\n\napi 1.0\n", "line 3: heading"),
            ("api (1.0) x; urgency=low\n\n  * a\n", "has no trailer"),
            ("api (v1) x; urgency=low\n", "line 1: version"),
            ("api (1.0) x; urgency=low\nwhat\n", "line 2: neither"),
            ("api (1.0) x; urgency=low\n\n -- a <b@c> Sat\n", "line 3: the trailer"),
        ] {
            let error = parse_first_entry(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
