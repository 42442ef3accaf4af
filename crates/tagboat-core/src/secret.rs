//! A value that cannot be printed. In: a secret. Out: it, only to who asks by name; `***` to everyone else.

use std::fmt;

/// What stands wherever a secret would have been shown.
pub const MASK: &str = "***";

/// A secret value. `Debug` and `Display` print [`MASK`]; it has no `Serialize`. The one way to its content is
/// [`Secret::expose`], so every place that reads a secret can be found by searching for that word.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value into custody.
    #[must_use]
    pub const fn new(value: String) -> Self {
        Self(value)
    }

    /// The value itself. Whoever calls this answers for where it goes.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` with every occurrence of this secret replaced by [`MASK`], and of each of its lines: programs
    /// print keys line by line. An empty secret masks nothing.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let lines = self.0.lines().map(str::trim).filter(|line| !line.is_empty());
        let whole = Some(self.0.as_str()).filter(|secret| !secret.is_empty());
        whole.into_iter().chain(lines).fold(text.to_owned(), |text, part| text.replace(part, MASK))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_a_mask_and_masks_itself_in_text() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.mask("login hunter2 and hunter2"), "login *** and ***");
        assert_eq!(Secret::new(String::new()).mask("abc"), "abc");
        let key = Secret::new("-----BEGIN\n  abcd  \n\n-----END\n".to_owned());
        assert_eq!(key.mask("line abcd of it"), "line *** of it");
    }
}
