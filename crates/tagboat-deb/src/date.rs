//! Dates as Debian's files write them: in: text, out: the text, when its form is right.

use crate::error::Error;

/// Checks a date such as `Sat, 21 Nov 2026 09:16:14 +0000` (RFC 5322 3.3 as deb-changelog(5)
/// narrows it).
///
/// # Errors
/// `Error::Grammar` when a part is missing or out of its range. Whether the day of the week fits is
/// not checked.
pub fn check_rfc5322(text: &str) -> Result<(), Error> {
    let zone = |zone: &str| {
        zone.strip_prefix(['+', '-']).is_some_and(|digits| {
            digits.is_ascii()
                && digits.len() == 4
                && number(&digits[..2], 2, 0..=23)
                && number(&digits[2..], 2, 0..=59)
        })
    };
    check(text, zone)
}

/// Checks a date of a `Release` file, which apt reads only in UTC: `UTC`, `GMT` or `+0000` at the
/// end (the repository format of the Debian wiki).
///
/// # Errors
/// As [`check_rfc5322`].
pub fn check_utc(text: &str) -> Result<(), Error> {
    check(text, |zone| matches!(zone, "UTC" | "GMT" | "+0000"))
}

fn check(text: &str, zone_is_right: impl Fn(&str) -> bool) -> Result<(), Error> {
    const DAYS: [&str; 7] = ["Mon,", "Tue,", "Wed,", "Thu,", "Fri,", "Sat,", "Sun,"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let parts: Vec<&str> = text.split(' ').collect();
    let right = match parts[..] {
        [weekday, day, month, year, time, zone] => {
            let clock: Vec<&str> = time.split(':').collect();
            DAYS.contains(&weekday)
                && (number(day, 2, 1..=31) || number(day, 1, 1..=9))
                && MONTHS.contains(&month)
                && number(year, 4, 1970..=9999)
                && matches!(clock[..], [hour, minute, second]
                    if number(hour, 2, 0..=23) && number(minute, 2, 0..=59) && number(second, 2, 0..=60))
                && zone_is_right(zone)
        }
        _ => false,
    };
    if right {
        return Ok(());
    }
    Err(Error::grammar("date", text, "is not of the form \"Sat, 21 Nov 2026 09:16:14 +0000\""))
}

fn number(text: &str, digits: usize, range: std::ops::RangeInclusive<u32>) -> bool {
    text.len() == digits
        && text.bytes().all(|b| b.is_ascii_digit())
        && text.parse().is_ok_and(|number| range.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form() {
        for good in ["Sat, 21 Nov 2026 09:16:14 +0000", "Sat, 1 Nov 2026 23:59:60 -1130"] {
            check_rfc5322(good).unwrap();
        }
        for bad in [
            "",
            "21 Nov 2026 09:16:14 +0000",
            "Sat, 21 Nov 2026 09:16:14",
            "Sat, 21 Nov 2026 09:16 +0000",
            "Sat, 32 Nov 2026 09:16:14 +0000",
            "Sat, 21 nov 2026 09:16:14 +0000",
            "Sat, 21 Nov 26 09:16:14 +0000",
            "Sat, 21 Nov 2026 24:16:14 +0000",
            "Sat, 21 Nov 2026 09:16:14 +0060",
            "Sat, 21 Nov 2026 09:16:14 +\u{e4}00",
            "Sat,  1 Nov 2026 09:16:14 +0000",
            "Sat, 21 Nov 2026 09:16:14 +0000\n",
            "Sat, 21 Nov 2026 09:16:14 UTC",
        ] {
            assert!(check_rfc5322(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_release_is_dated_in_utc() {
        check_utc("Sat, 21 Nov 2026 09:16:14 UTC").unwrap();
        check_utc("Sat, 21 Nov 2026 09:16:14 +0000").unwrap();
        assert!(check_utc("Sat, 21 Nov 2026 09:16:14 +0100").is_err());
    }
}
