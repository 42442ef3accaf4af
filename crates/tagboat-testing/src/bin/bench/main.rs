//! What Tagboat costs. In: a checkout and this machine. Out: a table of figures, each against its peer in the same
//! run, and against the bar that it must not exceed. A figure is no test: the exit status is 0.
//!
//! The `tagboat` that it measures is the one beside it. What takes root's rights is measured by another process of
//! this program, which sudo starts where this one has none.

mod build;
mod checkout;
mod commands;
mod deployment;
mod edit;
mod scale;
mod table;
mod usage;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use tagboat_adapters::roots::cache_folder;

/// Whatever goes wrong is shown as it is.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What asks for the part that takes root's rights; the folder of the amalgamation follows.
const AS_ROOT: &str = "as-root";

/// A part of the table: its name on the command line, what it says, and how it is measured.
type Part = (&'static str, &'static str, fn() -> Result<Vec<table::Row>>);

const PARTS: [Part; 5] = [
    ("lock", "packages in Cargo.lock", checkout::packages),
    ("commands", "commands", commands::measure),
    ("scale", "large repositories", scale::measure),
    ("edit", "one line of a room, until linked", edit::measure),
    ("root", "what takes root's rights", measure_as_root),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [AS_ROOT, amalgamation] = args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        table::show("packages", build::measure(Path::new(amalgamation)));
        table::show("the report after the last step", deployment::measure());
        return ExitCode::SUCCESS;
    }
    let known = |arg: &String| PARTS.iter().any(|(name, ..)| name == arg);
    if let Some(unknown) = args.iter().find(|arg| !known(arg)) {
        let names: Vec<&str> = PARTS.iter().map(|(name, ..)| *name).collect();
        say(&format!("bench: there is no part {unknown:?}; there are: {}", names.join(", ")));
        return ExitCode::from(2);
    }
    say(&format!("before: {}", load()));
    table::heading();
    for (name, what, measure) in PARTS {
        if args.is_empty() || args.iter().any(|arg| arg == name) {
            table::show(what, measure());
        }
    }
    say(&format!("after: {}", load()));
    ExitCode::SUCCESS
}

/// The copy prints its own lines.
fn measure_as_root() -> Result<Vec<table::Row>> {
    // Cargo stays the user's own.
    let amalgamation = build::amalgamation()?;
    let own = std::env::current_exe()?;
    let mut copy = if rustix::process::geteuid().is_root() {
        Command::new(own)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("--preserve-env=TAGBOAT_CACHE").arg(own);
        sudo
    };
    let status = copy.arg(AS_ROOT).arg(amalgamation).status()?;
    if status.success() { Ok(Vec::new()) } else { Err(status.to_string().into()) }
}

#[expect(clippy::print_stdout, reason = "the table's surroundings")]
fn say(text: &str) {
    println!("{text}");
}

/// How busy the machine is with other things (proc(5), `/proc/loadavg`).
fn load() -> String {
    let average = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let average: Vec<&str> = average.split(' ').take(3).collect();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!("load average {}, {processors} processors", average.join(" "))
}

/// This checkout.
fn checkout_folder() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own)
}

/// A folder for what can be made again.
fn scratch(name: &str) -> Result<PathBuf> {
    let cache = cache_folder(|name| std::env::var_os(name)).ok_or("HOME is not set")?;
    let folder = cache.join("bench").join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A copy of `tagboat` of its own: who builds meanwhile does not change what is measured.
fn own_tagboat(folder: &Path) -> Result<PathBuf> {
    let built = std::env::current_exe()?.with_file_name("tagboat");
    let own = folder.join("tagboat");
    fs::copy(&built, &own).map_err(|error| format!("{}: {error}", built.display()))?;
    Ok(own)
}
