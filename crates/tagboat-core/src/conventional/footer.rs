//! The end of a conventional commit. In: what follows the subject. Out: the body and the footers.

/// `Token: value` or `Token #value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer<'a> {
    /// `Refs`, `BREAKING CHANGE`.
    pub token: &'a str,
    /// What follows, up to the next footer, without blanks around it.
    pub value: &'a str,
}

/// The two tokens that must be upper case, and the only one with a blank in it
/// (conventionalcommits.org, rules 15 and 16).
const BREAKING: [&str; 2] = ["BREAKING CHANGE", "BREAKING-CHANGE"];

impl Footer<'_> {
    /// Whether it says that something breaks.
    #[must_use]
    pub fn breaks(&self) -> bool {
        BREAKING.contains(&self.token)
    }
}

/// Parts the body from the footers, which begin after a blank line; one that breaks begins them anywhere.
/// From there on everything belongs to a footer (rule 10: values may have blanks and newlines).
pub(super) fn split(rest: &str) -> (&str, Vec<Footer<'_>>) {
    let mut footers: Vec<Footer<'_>> = Vec::new();
    let mut body = rest.len();
    // Where the newest footer's value begins.
    let mut open = 0;
    let mut after_blank = false;
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        let begins = if after_blank || !footers.is_empty() { token(line) } else { None };
        if let Some((token, separator)) = begins.or_else(|| breaking(line)) {
            match footers.last_mut() {
                Some(last) => last.value = rest[open..at].trim(),
                None => body = at,
            }
            footers.push(Footer { token, value: "" });
            open = at + token.len() + separator;
        }
        after_blank = line.trim().is_empty();
        at += line.len();
    }
    if let Some(last) = footers.last_mut() {
        last.value = rest[open..].trim();
    }
    (rest[..body].trim(), footers)
}

/// A token at the beginning of a line, and the length of what parts it from its value.
fn token(line: &str) -> Option<(&str, usize)> {
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '-')?;
    let (token, rest) = line.split_at(end);
    let sound = token.starts_with(|c: char| c.is_ascii_alphabetic());
    (sound && (rest.starts_with(": ") || rest.starts_with(" #"))).then_some((token, 2))
}

/// A token that breaks; its value may begin on the next line.
fn breaking(line: &str) -> Option<(&str, usize)> {
    BREAKING.into_iter().find_map(|word| {
        let rest = line.strip_prefix(word)?.strip_prefix(':')?;
        (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| (&line[..word.len()], 1))
    })
}
