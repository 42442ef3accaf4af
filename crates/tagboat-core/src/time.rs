//! Instants as text. In: a [`Timestamp`]. Out: the two forms that people and records read.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `20261121-103045`, UTC: the form inside ids (SPEC D1, K1, M1).
#[must_use]
pub fn compact(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S").to_string()
}

/// `2026-11-21 10:30 UTC`: the form in sentences.
#[must_use]
pub fn readable(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `time` without its fraction of a second: records hold whole seconds, as git does.
#[must_use]
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_as_people_and_ids_write_it() {
        let time: Timestamp = "2026-11-21T10:30:45.9Z".parse().unwrap();
        assert_eq!(compact(time), "20261121-103045");
        assert_eq!(readable(time), "2026-11-21 10:30 UTC");
        assert_eq!(whole_seconds(time).to_string(), "2026-11-21T10:30:45Z");
    }
}
