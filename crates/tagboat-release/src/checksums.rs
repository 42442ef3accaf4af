//! `checksums.txt` and the names of a release's assets: in: file names and digests, out: a text that `sha256sum --check` reads.

use std::fmt;

use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_deb::digest::Sha256Sum;

/// The name of the file itself among the assets (SPEC L3).
pub const FILE_NAME: &str = "checksums.txt";

/// The name of a file in a release. GitHub renames `~` to `.` in the names of assets; here it is renamed
/// before, so that the checksums name what users download. The pool of an APT repository keeps the `~`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetName(String);

impl AssetName {
    /// The name that a file gets: `api_1.0.0~rc.1_amd64.deb` becomes `api_1.0.0.rc.1_amd64.deb`.
    ///
    /// # Errors
    /// `release::asset-name` for what GitHub would rename otherwise (it keeps `A-Z a-z 0-9 . _ + -`, and no
    /// dot at either end), and for more than 255 bytes.
    pub fn of_file(name: &str) -> Result<Self> {
        let asset = name.replace('~', ".");
        let kept = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
        let dotted = asset.starts_with('.') || asset.ends_with('.');
        if asset.is_empty() || asset.len() > 255 || dotted || !asset.bytes().all(kept) {
            let shown: String = name.chars().take(120).flat_map(char::escape_debug).collect();
            return Err(refuse("a file cannot be an asset under its name", shown)
                .help("rename it to letters, digits, `.`, `_`, `+`, `-` and `~`")
                .into());
        }
        Ok(Self(asset))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AssetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text of `checksums.txt`: a line `<sha256>  <name>` for each, names sorted by bytes (sha256sum(1)).
///
/// # Errors
/// `release::asset-name` where two files get one name.
pub fn render(mut files: Vec<(AssetName, Sha256Sum)>) -> Result<String> {
    files.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(twice) = files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(refuse("two files would be one asset", twice[0].0.to_string())
            .help("rename one of them: `~` and `.` are one character in an asset's name")
            .into());
    }
    Ok(files.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect())
}

fn refuse(message: &'static str, seen: String) -> Diagnostic {
    Diagnostic::unchanged("release::asset-name", Exit::Usage, message, "nothing was released")
        .fact("seen", seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_has_the_name_that_github_gives_it() {
        let name = AssetName::of_file("api_1.0.0~rc.1+b_amd64.deb").unwrap();
        assert_eq!(name.as_str(), "api_1.0.0.rc.1+b_amd64.deb");
        for bad in ["", ".hidden", "a.", "a~", "a b", "a/b", "../a", "a\nb", "ä", &"x".repeat(256)]
        {
            assert_eq!(AssetName::of_file(bad).unwrap_err().code, "release::asset-name", "{bad:?}");
        }
    }

    #[test]
    fn checksums_are_sorted_and_name_every_file_once() {
        let of = |name: &str, byte| (AssetName::of_file(name).unwrap(), Sha256Sum([byte; 32]));
        let text = render(vec![of("b.deb", 2), of("B.deb", 1), of("a~1.deb", 0)]).unwrap();
        let names: Vec<_> = text.lines().map(|line| line.split_once("  ").unwrap().1).collect();
        assert_eq!(names, ["B.deb", "a.1.deb", "b.deb"]);
        let error = render(vec![of("a~1.deb", 0), of("a.1.deb", 1)]).unwrap_err();
        assert_eq!(error.code, "release::asset-name");
    }
}
