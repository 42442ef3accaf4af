//! What a test needs of the machine. In: a program's name. Out: where it is, or that the test is skipped.

use std::path::PathBuf;

/// The program of this name, from `PATH` or where Debian keeps an administrator's. Where it is missing, the
/// test is to return: with `CI=true` it fails instead, so that nothing is skipped unseen.
///
/// # Panics
/// With `CI=true`, where it is missing.
#[must_use]
pub fn require(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        let strict = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!strict, "{program} is missing, and with CI=true no test is skipped");
        skipped(program);
    }
    found
}

#[expect(
    clippy::print_stderr,
    reason = "a skipped test must say so, and a test has no other voice"
)]
fn skipped(program: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("skipped: {name} needs {program}, which is missing");
}
