//! The `Release` file of a suite: in: its facts and the digests of its indices, out: its text.

use crate::control::Paragraph;
use crate::date::check_utc;
use crate::digest::Digests;
use crate::error::Error;
use crate::names::Architecture;

/// One index below the folder of the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// Its path from the folder that the `Release` file is in, such as
    /// `main/binary-amd64/Packages.gz`.
    pub path: String,
    /// Of its bytes.
    pub digests: Digests,
}

/// What a `Release` file says (Debian wiki, RepositoryFormat).
#[derive(Debug, Clone)]
pub struct Release {
    /// Who publishes.
    pub origin: String,
    /// What is published.
    pub label: String,
    /// Such as `stable`.
    pub suite: String,
    /// Such as `bookworm`.
    pub codename: String,
    /// When it was made, such as `Sat, 21 Nov 2026 09:16:14 UTC`.
    pub date: String,
    /// When clients shall stop to believe it.
    pub valid_until: Option<String>,
    /// The architectures that have an index.
    pub architectures: Vec<Architecture>,
    /// Such as `main`.
    pub components: Vec<String>,
    /// One line about the suite.
    pub description: String,
    /// All indices, uncompressed ones as well, in any order.
    pub files: Vec<IndexFile>,
}

impl Release {
    /// The file as a paragraph: fields in the order of their names, as apt-ftparchive has them, the
    /// list of SHA-256 at the end. `Acquire-By-Hash` is always `yes`.
    ///
    /// # Errors
    /// `Error::Field` for an empty or several-line value, a component or path that is not one word,
    /// or a path named twice; `Error::Grammar` for a date that is not in UTC.
    pub fn paragraph(&self) -> Result<Paragraph, Error> {
        check_utc(&self.date)?;
        self.valid_until.as_deref().map_or(Ok(()), check_utc)?;
        for component in &self.components {
            check_word("Components", component)?;
        }
        if self.architectures.contains(&Architecture::Any) {
            return Err(Error::field("Architectures", "\"any\" has no index"));
        }
        check_word("Suite", &self.suite)?;
        check_word("Codename", &self.codename)?;
        let architectures: Vec<_> = self.architectures.iter().map(|a| a.as_str()).collect();
        let mut paragraph = Paragraph::new();
        for (name, value) in [
            ("Acquire-By-Hash", "yes"),
            ("Architectures", &architectures.join(" ")),
            ("Codename", &self.codename),
            ("Components", &self.components.join(" ")),
            ("Date", &self.date),
            ("Description", &self.description),
            ("Label", &self.label),
            ("Origin", &self.origin),
            ("Suite", &self.suite),
        ] {
            if value.is_empty() || value.contains('\n') {
                return Err(Error::field(name, "is not one line of text"));
            }
            paragraph.set(name, value)?;
        }
        if let Some(valid_until) = &self.valid_until {
            paragraph.set("Valid-Until", valid_until)?;
        }
        paragraph.set("SHA256", &self.hash_list()?)?;
        Ok(paragraph)
    }

    fn hash_list(&self) -> Result<String, Error> {
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(twice) = files.windows(2).find(|pair| pair[0].path == pair[1].path) {
            let path = crate::error::clipped(&twice[0].path);
            return Err(Error::field("SHA256", format!("\"{path}\" is named twice")));
        }
        let mut list = String::new();
        for IndexFile { path, digests } in files {
            check_word("SHA256", path)?;
            list.push_str(&format!("\n{} {:>16} {path}", digests.sha256, digests.size));
        }
        Ok(list)
    }
}

/// A path or name that stands between blanks, and that a client turns into a path.
fn check_word(field: &str, text: &str) -> Result<(), Error> {
    let climbs = text.split('/').any(|part| matches!(part, "" | "." | ".."));
    if climbs || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let text = crate::error::clipped(text);
        return Err(Error::field(
            field,
            format!("\"{text}\" is not one relative path without blanks"),
        ));
    }
    Ok(())
}
