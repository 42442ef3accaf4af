//! Times made easy to read.

use jiff::Timestamp;

/// `3 h ago`: how long before `now` something was, in one unit.
pub(crate) fn ago(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(time.as_second()).max(0);
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3_600 => (seconds / 60, "min"),
        3_600..86_400 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{count} {unit} ago")
}

/// `3h`: the same, as short as it can be said.
pub(crate) fn age(time: Timestamp, now: Timestamp) -> String {
    let told = ago(time, now);
    let mut words = told.split(' ');
    match (words.next(), words.next()) {
        (Some(count), Some(unit)) if unit != "now" => format!("{count}{unit}"),
        _ => "now".to_owned(),
    }
}

/// The text in lines that are no wider than so many columns, where its words allow it: the second and the further ones
/// begin with `indent`.
pub(crate) fn fold(text: &str, width: Option<usize>, indent: &str) -> String {
    let Some(width) = width else { return text.to_owned() };
    let (mut folded, mut column) = (String::new(), 0);
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > width {
            folded.push('\n');
            folded.push_str(indent);
            column = indent.len();
        } else if index > 0 {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(word);
        column += length;
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_one_unit() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let before = |seconds| Timestamp::from_second(now.as_second() - seconds).unwrap();
        let told = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, -5].map(|s| ago(before(s), now));
        let expected = [
            "just now",
            "just now",
            "1 min ago",
            "59 min ago",
            "1 h ago",
            "23 h ago",
            "1 d ago",
            "just now",
        ];
        assert_eq!(told, expected);
        let short = [0, 60, 3_600, 86_399, 400 * 86_400].map(|s| age(before(s), now));
        assert_eq!(short, ["now", "1min", "1h", "23h", "400d"]);
    }

    #[test]
    fn a_text_is_folded_at_its_spaces_and_no_word_is_cut() {
        let text = "  a text of some words and-of-a-long-one-too here";
        assert_eq!(fold(text, None, "    "), text);
        let folded = fold(text, Some(16), "    ");
        assert_eq!(folded, "  a text of some\n    words\n    and-of-a-long-one-too\n    here");
    }
}
