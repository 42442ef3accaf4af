//! A report for programs. In: anything with a JSON form. Out: JSON whose text is safe to print as well.

use std::fmt::Write as _;

use serde::Serialize;

use crate::text::acts;

/// A value as one JSON document, indented; a report's fields are in the order of SPEC P1. Ends in a newline.
///
/// # Errors
/// Where a value has no JSON form.
pub fn json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(value)?;
    // Mostly nothing acts.
    if text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')) && !text.contains("##[") {
        text.push('\n');
        return Ok(text);
    }
    // The newlines of the indentation are the only characters outside strings that act.
    let lines: Vec<String> = text.lines().map(harmless).collect();
    Ok(lines.join("\n") + "\n")
}

/// A value as one line of JSON, without its end.
///
/// # Errors
/// Where a value has no JSON form.
pub fn json_line<T: Serialize>(value: &T) -> serde_json::Result<String> {
    serde_json::to_string(value).map(|line| harmless(&line))
}

/// The same JSON: what acts on a terminal can only stand inside a string, and is written as `\uXXXX` there
/// (RFC 8259 §7); so is the `##[` that the runner of GitHub Actions obeys anywhere in a line.
fn harmless(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    for c in line.chars() {
        if acts(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                write!(safe, "\\u{unit:04x}").ok();
            }
        } else {
            safe.push(c);
        }
    }
    safe.replace("##[", "\\u0023#[")
}
