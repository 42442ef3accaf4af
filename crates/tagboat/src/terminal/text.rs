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
    }
}
