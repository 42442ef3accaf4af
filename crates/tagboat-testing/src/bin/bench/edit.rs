//! One line of one room changes. In: the last commit. Out: what it takes until the program is linked again.
//!
//! In a clone, so that nothing of the checkout changes, with the checkout's target folder, so that nothing but our
//! own crates is compiled.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::table::{Row, seconds};
use crate::usage::{Usage, measure as usage, median, run};
use crate::{Result, checkout_folder, scratch};

/// The bar, in processor time: how long somebody waits on a machine that does nothing else.
const BAR: Duration = Duration::from_secs(10);

const ROUNDS: usize = 3;

/// A room that the front door links.
const FILE: &str = "crates/tagboat-report/src/text.rs";

/// The program's name in the clone: the checkout's own one stays.
const PROGRAM: &str = "tagboat-edited";

/// Measures it.
pub(crate) fn measure() -> Result<Vec<Row>> {
    // Always at the same place: cargo takes a package elsewhere for another one, and keeps both.
    let clone = scratch("workspace")?;
    fs::remove_dir_all(&clone)?;
    run(Command::new("git").args(["clone", "--quiet"]).arg(checkout_folder()).arg(&clone))?;
    rename_program(&clone)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = || {
        run(Command::new(&cargo)
            .args(["build", "--quiet", "--locked", "--package=tagboat", "--bin", PROGRAM])
            .current_dir(&clone)
            .env("CARGO_TARGET_DIR", checkout_folder().join("target")))
    };
    build()?;
    let file = clone.join(FILE);
    let text = fs::read_to_string(&file)?;
    let (door, rest) = text.split_once("\n\n").ok_or("the room's file has no first paragraph")?;
    let mut figures: Vec<Usage> = Vec::new();
    for round in 0..ROUNDS {
        // At the top, every line below it moves: the compiler's tables of lines all change.
        fs::write(&file, format!("{door}\n\n// Edit {round}.\n{}{rest}", "\n".repeat(round)))?;
        figures.push(usage(build)?);
    }
    let cpu = median(figures.iter().map(|usage| usage.cpu)).ok_or("no figure")?;
    let wall = median(figures.iter().map(|usage| usage.wall)).ok_or("no figure")?;
    Ok(vec![Row {
        what: "one line of a room, until linked".to_owned(),
        figure: format!("{} CPU, {} in all", seconds(cpu), seconds(wall)),
        bar: format!("<= {} s", BAR.as_secs()),
        met: Some(cpu <= BAR),
        ..Row::default()
    }])
}

fn rename_program(clone: &Path) -> Result<()> {
    let file = clone.join("crates/tagboat/Cargo.toml");
    let manifest = fs::read_to_string(&file)?;
    let rest = manifest.strip_prefix("[package]\n").ok_or("tagboat's manifest begins otherwise")?;
    let program = format!("[[bin]]\nname = \"{PROGRAM}\"\npath = \"src/main.rs\"\n");
    fs::write(&file, format!("[package]\nautobins = false\n{rest}\n{program}"))?;
    Ok(())
}
