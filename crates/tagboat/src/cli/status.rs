//! `tagboat status`.

use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;

use super::ReadArgs;

/// Shows, for each project and environment, the version that runs there and since when; or with --at, what ran at a
/// moment, who brought it and in which run.
///
/// A table that is wider than the terminal (or `COLUMNS`) is told in shorter words, and at last in a block for each
/// project; no version is cut.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tagboat status                             every project, every environment
  tagboat status api                         one project
  tagboat status --at 2026-05-03T14:00Z      what ran where at that moment
  tagboat status --at 2026-05-03             at the end of that day, UTC
  tagboat status --offline                   without asking the remote
  tagboat status --format json               for programs")]
pub(crate) struct StatusArgs {
    /// Only these projects, by path; `.` is the one at the root.
    #[arg(value_name = "PROJECT")]
    pub(crate) projects: Vec<String>,
    /// What ran at this moment, as the ledgers tell: a time of RFC 3339 with its zone, or a date, which is the end of
    /// that day in UTC.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<At>,
    /// Where to read from.
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// A moment, as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// To the second.
    Time(Timestamp),
    /// A whole day.
    Day(Date),
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A date's form is looked at first: jiff would read a time as a date, and leave its hours away.
        let is_date = text.len() == "2026-05-03".len();
        let day = is_date.then(|| text.parse::<Date>().ok()).flatten();
        let time = || text.parse::<Timestamp>().ok().map(Self::Time);
        day.map(Self::Day).or_else(time).ok_or_else(|| {
            "it is a time with its zone, as 2026-05-03T14:00Z or 2026-05-03T16:00+02:00, or a date, as 2026-05-03"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_with_its_zone_or_a_date() {
        let time = |text: &str| At::Time(text.parse().unwrap());
        for (typed, meant) in [
            ("2026-05-03T14:00Z", time("2026-05-03T14:00:00Z")),
            ("2026-05-03T14:00:30Z", time("2026-05-03T14:00:30Z")),
            ("2026-05-03T16:00+02:00", time("2026-05-03T14:00:00Z")),
            ("2026-05-03 14:00Z", time("2026-05-03T14:00:00Z")),
            ("2026-05-03", At::Day(Date::new(2026, 5, 3).unwrap())),
        ] {
            assert_eq!(typed.parse(), Ok(meant), "{typed}");
        }
        for bad in [
            "",
            "now",
            "yesterday",
            "2026-05-03T14:00",
            "2026-02-30",
            "2026-13-01",
            "14:00Z",
            "2026-05-03T25:00Z",
            "20260503",
            "1777816800",
            "2026-05",
            "2026-05-03T14:00Z ",
        ] {
            assert!(bad.parse::<At>().is_err(), "{bad}");
        }
    }
}
