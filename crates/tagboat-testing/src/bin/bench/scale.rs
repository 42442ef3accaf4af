//! Commands in a large repository. In: 100,000 version and environment tags of 500 projects, packed; and 20,000 loose
//! ones. Out: what the commands that read them all take, against one `git for-each-ref` of the same tags.

mod repository;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::table::{Ratio, Row, mebibytes, seconds};
use crate::usage::{measure as usage, median, run, run_fed};
use crate::{Result, own_tagboat, scratch};

use repository::{LEDGERS, Size, make};

/// Rounds of ours and the peer's, one after the other.
const ROUNDS: usize = 7;
/// Runs a figure: the kernel counts in hundredths of a second.
const RUNS: u32 = 3;

/// Processor time, as a multiple of the peer's.
const RATIO_BAR: f64 = 1.5;
/// The most memory that one process may hold.
const MEMORY_BAR: u64 = 100 << 20;

/// The commands; a project and an environment that every size has stand in them.
const COMMANDS: [&[&str]; 3] = [
    &["status", "--offline", "--format", "json"],
    &["rollback", "p000", "--env", "production", "--dry-run", "--offline"],
    &["check", "--offline", "--format", "json"],
];

/// What no reader of all tags and ledgers can do without: the names and targets of the tags, and the ledgers' objects.
const FLOOR: [&[&str]; 2] =
    [&["git", "show-ref", "--tags", "--dereference"], &["git", "cat-file", "--batch", "--buffer"]];

/// What the ratios are of.
const PEER: &[&str] = &["git", "for-each-ref", "refs/tags"];

/// Measures each command in each repository; and `status` in smaller ones, to see how it grows.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for size in [Size::PACKED, Size::LOOSE] {
        let repository = make(&size)?;
        let tagboat = own_tagboat(&repository)?;
        let tagboat = tagboat.to_str().ok_or("the cache folder is not UTF-8")?;
        for words in COMMANDS {
            let words: Vec<&str> = [tagboat].iter().chain(words).copied().collect();
            rows.push(compare(&repository, size.name, &words, PEER)?);
        }
        for words in FLOOR {
            rows.push(without_bar(compare(&repository, size.name, words, PEER)?));
        }
    }
    rows.push(next_version()?);
    rows.extend(with_its_remote()?);
    for size in [Size::TENTH, Size::HALF] {
        let repository = make(&size)?;
        let tagboat = own_tagboat(&repository)?;
        let tagboat = tagboat.to_str().ok_or("the cache folder is not UTF-8")?;
        let words: Vec<&str> = [tagboat].iter().chain(COMMANDS[0]).copied().collect();
        rows.push(without_bar(compare(&repository, size.name, &words, PEER)?));
    }
    Ok(rows)
}

/// `version next` of one of the projects, against the `git log` that it needs.
fn next_version() -> Result<Row> {
    let repository = make(&Size::PACKED)?;
    let tagboat = own_tagboat(&repository)?;
    let tagboat = tagboat.to_str().ok_or("the cache folder is not UTF-8")?;
    let since = format!("^{}", Size::PACKED.newest_version());
    let format = "--format=tformat:%m%H%x00%B";
    let mut log = vec!["git", "log", "-z", "--no-merges", "--parents", "--boundary", format];
    log.extend(["HEAD", &since, "--", "p000"]);
    let next = [tagboat, "version", "next", "p000", "--offline"];
    compare(&repository, Size::PACKED.name, &next, &log)
}

/// What the remote costs: the first `status` of a new clone brings every ledger's pages, the others find nothing new.
fn with_its_remote() -> Result<[Row; 2]> {
    let repository = make(&Size::PACKED)?;
    let folder = tempfile::tempdir_in(scratch("scale")?)?;
    let clone = folder.path().join("clone");
    run(Command::new("git").args(["clone", "--quiet", "--shared"]).arg(&repository).arg(&clone))?;
    let tagboat = own_tagboat(&clone)?;
    let tagboat = tagboat.to_str().ok_or("the cache folder is not UTF-8")?;
    let status = [tagboat, "status", "--format", "json"];
    let first = usage(|| run_fed(&mut command(&clone, &status)))?;
    let first = Row {
        what: format!("tagboat status, the first in a clone, {}", Size::PACKED.name),
        figure: format!("{} CPU, {}", seconds(first.cpu), mebibytes(first.peak)),
        peer: String::new(),
        ratio: None,
        bar: String::new(),
        met: None,
    };
    let peer = ["git", "ls-remote", "--quiet", "origin"];
    let again = without_bar(compare(&clone, Size::PACKED.name, &status, &peer)?);
    Ok([first, again])
}

fn without_bar(row: Row) -> Row {
    Row { bar: String::new(), met: None, ..row }
}

/// A command in a repository, with no setting of the machine or the user.
fn command(repository: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    // Only `cat-file` reads it.
    let ledgers = File::open(repository.join(LEDGERS)).map_or_else(|_| Stdio::null(), Into::into);
    command
        .args(&words[1..])
        .current_dir(repository)
        .stdin(ledgers)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    command
}

fn compare(repository: &Path, size: &str, words: &[&str], peer: &[&str]) -> Result<Row> {
    let (mut ours, mut peers, mut ratios, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let took = |words: &[&str]| {
            usage(|| (0..RUNS).try_for_each(|_| run_fed(&mut command(repository, words))))
        };
        let (one, other) = (took(words)?, took(peer)?);
        ratios.push(one.cpu.as_secs_f64() / other.cpu.as_secs_f64().max(1e-6));
        ours.push(one.cpu / RUNS);
        peers.push(other.cpu / RUNS);
        peak = peak.max(one.peak);
    }
    let middle = |all: &[Duration]| median(all.iter().copied()).ok_or("no figure");
    let ratio = Ratio::of(&ratios);
    let shown = words[1..].join(" ").replace(" --format json", "");
    let program = if words[0] == "git" { "git" } else { "tagboat" };
    Ok(Row {
        what: format!("{program} {shown}, {size}"),
        figure: format!("{} CPU, {}", seconds(middle(&ours)?), mebibytes(peak)),
        peer: format!("{} {}", seconds(middle(&peers)?), peer[..peer.len().min(3)].join(" ")),
        ratio,
        bar: format!("<= {RATIO_BAR}, {}", mebibytes(MEMORY_BAR)),
        met: ratio.map(|ratio| ratio.median <= RATIO_BAR && peak <= MEMORY_BAR),
    })
}
