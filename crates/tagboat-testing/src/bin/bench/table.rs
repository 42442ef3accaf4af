//! The table. In: one figure after the other. Out: a line each, as soon as it is known.

use std::fmt;
use std::time::Duration;

use crate::Result;
use crate::usage::median;

/// Widths of the columns but the last.
const WIDTHS: [usize; 5] = [34, 26, 38, 20, 8];

/// One line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// Ours.
    pub(crate) figure: String,
    /// The peer's, and its name.
    pub(crate) peer: String,
    /// Ours through the peer's, where that says something.
    pub(crate) ratio: Option<Ratio>,
    /// What it must not exceed.
    pub(crate) bar: String,
    /// Whether it does not; `None` where there is no bar.
    pub(crate) met: Option<bool>,
}

/// Ours through the peer's, of several rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    /// The smallest, the median, the largest: what lies between is the machine's noise.
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Ratio {
    /// Of one ratio a round; `None` of no round.
    pub(crate) fn of(rounds: &[f64]) -> Option<Self> {
        let median = median(rounds.iter().copied())?;
        let least = rounds.iter().copied().fold(median, f64::min);
        let most = rounds.iter().copied().fold(median, f64::max);
        Some(Self { least, median, most })
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { least, median, most } = self;
        write!(f, "{median:.3} ({least:.3}-{most:.3})")
    }
}

/// The first line.
pub(crate) fn heading() {
    line(&["what", "figure", "peer", "ratio", "bar"].map(str::to_owned), "met");
}

/// What was measured; or that it was not, and why.
pub(crate) fn show(what: &str, rows: Result<Vec<Row>>) {
    match rows {
        Ok(rows) => rows.iter().for_each(show_row),
        Err(why) => {
            let why = why.to_string().replace('\n', " / ");
            line(&[what, "", "", "", ""].map(str::to_owned), &format!("not measured: {why}"));
        }
    }
}

fn show_row(row: &Row) {
    let Row { what, figure, peer, bar, .. } = row.clone();
    let ratio = row.ratio.map_or_else(String::new, |ratio| ratio.to_string());
    let met = match row.met {
        Some(true) => "met",
        Some(false) => "NOT MET",
        None => "",
    };
    line(&[what, figure, peer, ratio, bar], met);
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn line(cells: &[String; 5], last: &str) {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(WIDTHS) {
        text.push_str(&format!("{cell:width$} | "));
    }
    println!("{}", format!("{text}{last}").trim_end());
}

/// `41.20 s`, `3.1 ms`.
pub(crate) fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

/// `420 MiB`.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_shows_the_noise_around_it() {
        let ratio = Ratio::of(&[1.1, 0.9, 1.0]).unwrap();
        assert_eq!(ratio.to_string(), "1.000 (0.900-1.100)");
        assert!(Ratio::of(&[]).is_none());
    }
}
