//! Descriptions (Debian Policy 5.6.13): in: free text, out: the folded field; and back.

use crate::error::Error;

/// The widest line that free text is wrapped to, in characters: lintian complains above 80 with the
/// blank.
const WIDTH: usize = 79;

/// A synopsis and an extended description as people write them: paragraphs divided by empty lines,
/// lines that start with a blank shown as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// One line that says what the package is.
    pub synopsis: String,
    /// The text below it; may be empty.
    pub extended: String,
}

impl Description {
    /// The value of the `Description` field. Lines wider than a terminal are wrapped between words,
    /// except those that start with a blank.
    ///
    /// # Errors
    /// `Error::Field` for an empty synopsis or one of several lines, a control character, and a
    /// line that starts with `.`, which Policy reserves.
    pub fn fold(&self) -> Result<String, Error> {
        let refuse = |reason| Err(Error::field("Description", reason));
        let synopsis = self.synopsis.trim_matches([' ', '\t']);
        if synopsis.is_empty() {
            return refuse("the synopsis is empty");
        }
        if synopsis.chars().any(char::is_control) {
            return refuse("the synopsis has a control character or a second line");
        }
        let mut folded = synopsis.to_owned();
        for line in self.extended.trim_end().lines().skip_while(|line| line.trim().is_empty()) {
            let line = line.trim_end_matches([' ', '\t']);
            if line.chars().any(|c| c.is_control() && c != '\t') {
                return refuse("the extended description has a control character");
            }
            if line.starts_with('.') {
                return refuse("a line of the extended description starts with '.'");
            }
            folded.push('\n');
            match line {
                "" => folded.push('.'),
                _ if line.starts_with([' ', '\t']) => folded.push_str(line),
                _ => wrap_into(&mut folded, line),
            }
        }
        Ok(folded)
    }

    /// Takes the value of a `Description` field apart.
    #[must_use]
    pub fn unfold(value: &str) -> Self {
        let (synopsis, extended) = value.split_once('\n').unwrap_or((value, ""));
        let lines: Vec<_> =
            extended.split('\n').map(|line| if line == "." { "" } else { line }).collect();
        Self { synopsis: synopsis.to_owned(), extended: lines.join("\n") }
    }
}

fn wrap_into(folded: &mut String, line: &str) {
    if line.chars().count() <= WIDTH {
        folded.push_str(line);
        return;
    }
    let mut column = 0;
    for word in line.split([' ', '\t']).filter(|word| !word.is_empty()) {
        let width = word.chars().count();
        // A line must not start with a dot, so such a word stays behind the one before it.
        if column > 0 && column + 1 + width > WIDTH && !word.starts_with('.') {
            folded.push('\n');
            column = 0;
        } else if column > 0 {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(word);
        column += width;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::control::Paragraph;

    fn description(synopsis: &str, extended: &str) -> Description {
        Description { synopsis: synopsis.to_owned(), extended: extended.to_owned() }
    }

    #[test]
    fn empty_lines_become_dots_and_come_back() {
        let text = description("web API", "First.\n\n * a point\n   and more\nLast.");
        let folded = text.fold().unwrap();
        assert_eq!(folded, "web API\nFirst.\n.\n * a point\n   and more\nLast.");
        assert_eq!(Description::unfold(&folded), text);
        assert_eq!(description("a", "\n\nb\n\n\n").fold().unwrap(), "a\nb");
        assert_eq!(description("a", "").fold().unwrap(), "a");
        assert_eq!(Description::unfold("a"), description("a", ""));
    }

    #[test]
    fn what_would_change_the_meaning_is_refused() {
        for (synopsis, extended) in [
            ("", "x"),
            ("a\nb", ""),
            ("a\x1b", ""),
            ("a", ".NET"),
            ("a", "b\n."),
            ("a", "b\x07"),
            ("a", "b\rc"),
        ] {
            assert!(description(synopsis, extended).fold().is_err(), "{synopsis:?} {extended:?}");
        }
    }

    proptest! {
        #[test]
        fn wrapping_keeps_the_words_and_the_width(words in prop::collection::vec("[a-zä.]{1,12}", 1..60)) {
            let text = words.join(" ");
            prop_assume!(!text.starts_with('.'));
            let folded = description("synopsis", &text).fold().unwrap();
            let mut paragraph = Paragraph::new();
            paragraph.set("Description", &folded).unwrap();
            let again = Description::unfold(&folded);
            prop_assert_eq!(again.extended.split_whitespace().collect::<Vec<_>>(), words);
            for line in folded.lines().skip(1) {
                prop_assert!(!line.starts_with('.'));
                prop_assert!(line.chars().count() <= WIDTH || line.contains(" ."));
            }
        }
    }
}
