//! A command line that was not understood. In: clap's error. Out: the one form of every error.

use std::ffi::OsString;

use clap::Parser as _;
use tagboat_core::diagnostic::{Diagnostic, Exit};

use super::printable;
use crate::cli::Cli;

/// Whether these words ask for JSON. clap gives no values where it gives an error, so they are read once more.
pub(crate) fn wants_json(words: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = words.take_while(|word| word != "--").collect();
    words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json")
}

/// The error to show to people. clap repeats words as they were typed: it reads them once more, made printable. Help is
/// no error, and repeats none.
pub(super) fn harmless(error: &clap::Error) -> clap::Error {
    let words = std::env::args_os().map(|word| printable(&word.to_string_lossy()));
    match Cli::try_parse_from(words) {
        Err(same) if same.kind() == error.kind() => same,
        // Made printable they are not wrong any more, or in another way.
        Ok(_) | Err(_) => {
            let text: Vec<String> = error.to_string().lines().map(printable).collect();
            clap::Error::raw(error.kind(), text.join("\n") + "\n")
        }
    }
}

/// The error, with what clap found wrong, what it takes for meant, and how the verb is used.
pub(crate) fn diagnostic(error: &clap::Error) -> Diagnostic {
    let text = error.render().to_string();
    let mut parts = text.split("\n\n").map(|part| {
        part.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    });
    let first = parts.next().unwrap_or_default();
    let message = match first.strip_prefix("error: ") {
        Some(message) => message.to_owned(),
        // Then clap shows the help text instead.
        None => "a verb is missing".to_owned(),
    };
    let told = Diagnostic::unchanged("usage::arguments", Exit::Usage, message, "nothing was done");
    let (mut tip, mut usage) = (None, None);
    for part in parts {
        if let Some(meant) = part.strip_prefix("tip: ") {
            tip.get_or_insert(meant.to_owned());
        } else if let Some(how) = part.strip_prefix("Usage: ") {
            usage.get_or_insert(how.to_owned());
        }
    }
    let told = match usage {
        Some(usage) => told.fact("usage", usage),
        None => told,
    };
    told.help(tip.unwrap_or_else(|| "see what can be typed: `tagboat --help`".to_owned()))
}
