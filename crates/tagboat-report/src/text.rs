//! Hostile text made harmless. In: text that people, programs or git wrote. Out: text that acts neither on a
//! terminal nor on the runner of GitHub Actions, and lines of a width.

use std::borrow::Cow;
use std::time::Duration;

/// `text` with everything escaped that could act on a terminal or reorder what is read: control characters
/// (C0, DEL, C1) and Unicode's bidirectional, invisible and tag characters (Trojan Source, CVE-2021-42574).
/// Newlines are escaped too, so it stays one line; and so is the `##[` that the runner of GitHub Actions obeys anywhere
/// in a line (`ActionCommand.TryParse` of actions/runner). Doing it twice changes nothing more.
#[must_use]
pub fn printable(text: &str) -> String {
    let safe = text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        if acts(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
        safe
    });
    safe.replace("##[", r"\u{23}#[")
}

/// Whether a character acts instead of being seen.
pub(crate) fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// One line that is [`printable`] and no workflow command. The runner of GitHub Actions obeys a line that
/// begins with `::` after any white space, too (`ActionCommand.TryParseV2` of actions/runner): its first character is
/// escaped.
#[must_use]
pub fn inert(line: &str) -> String {
    let line = printable(line);
    let indent = line.len() - line.trim_start().len();
    match line[indent..].strip_prefix("::") {
        Some(rest) => format!(r"{}\u{{3a}}:{rest}", &line[..indent]),
        None => line,
    }
}

/// `text`, or its first characters and `…`: `most` characters at most.
#[must_use]
pub fn clip(text: &str, most: usize) -> Cow<'_, str> {
    if text.char_indices().nth(most).is_none() {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    Cow::Owned(format!("{kept}…"))
}

/// The words of `text` in lines of `width` characters; a longer word has a line of its own. At least one
/// line.
#[must_use]
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if used == 0 => {
                line.push_str(word);
                used = length;
            }
            Some(line) if used + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
                used += 1 + length;
            }
            Some(_) | None => {
                lines.push(word.to_owned());
                used = length;
            }
        }
    }
    lines
}

/// A duration as people say it: `4.2 s`, `1 min 12 s`, `2 h 5 min`.
#[must_use]
pub(crate) fn duration(seconds: f64) -> String {
    // What is no duration (negative, not a number) is none.
    let seconds = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    if seconds < Duration::from_millis(59_950) {
        return format!("{:.1} s", seconds.as_secs_f64());
    }
    let whole = (seconds + Duration::from_millis(500)).as_secs();
    match whole {
        0..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        assert_eq!(printable("a\x1b[31mb\u{9b}2J"), r"a\u{1b}[31mb\u{9b}2J");
        assert_eq!(printable("a\nb\u{202e}c\u{7f}"), r"a\u{a}b\u{202e}c\u{7f}");
        assert_eq!(printable("größe → 3"), "größe → 3");
        assert_eq!(printable("fix: ##[add-mask]x"), r"fix: \u{23}#[add-mask]x");
    }

    #[test]
    fn a_workflow_command_is_broken_wherever_the_runner_would_find_it() {
        assert_eq!(inert("::set-output name=x::y"), r"\u{3a}:set-output name=x::y");
        assert_eq!(inert(" \u{a0}\u{3000}::add-mask::x"), " \u{a0}\u{3000}\\u{3a}:add-mask::x");
        assert_eq!(inert("log ###[command]rm"), r"log #\u{23}#[command]rm");
        assert_eq!(inert("error[rollback::held]: no"), "error[rollback::held]: no");
    }

    #[test]
    fn a_long_text_is_clipped_between_characters() {
        assert_eq!(clip("größe", 5), "größe");
        assert_eq!(clip("größer", 5), "größ…");
    }

    #[test]
    fn words_are_wrapped_and_none_is_cut() {
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("a bb  ccc dddd", 6), ["a bb", "ccc", "dddd"]);
        assert_eq!(wrap("a aaaaaaaaaaaa b", 6), ["a", "aaaaaaaaaaaa", "b"]);
    }

    #[test]
    fn a_duration_is_told_in_two_units_at_most() {
        let told = [0.04, 59.94, 59.96, 72.4, 7_500.0, -1.0, f64::NAN].map(duration);
        let expected =
            ["0.0 s", "59.9 s", "1 min 0 s", "1 min 12 s", "2 h 5 min", "0.0 s", "0.0 s"];
        assert_eq!(told, expected);
    }

    proptest! {
        #[test]
        fn nothing_makes_an_inert_line_act(text in r"(\PC|\pC|::|##\[|\s){0,40}") {
            let line = inert(&text);
            prop_assert!(!line.contains(acts));
            prop_assert!(!line.trim_start().starts_with("::"));
            prop_assert!(!line.contains("##["));
            prop_assert_eq!(inert(&line), line.clone(), "twice is once");
        }
    }
}
