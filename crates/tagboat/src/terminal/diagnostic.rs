//! A diagnostic in its one form (DESIGN §3). In: the value. Out: lines, or JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tagboat_core::diagnostic::{Diagnostic, Place, World};

use super::printable;

/// The lines. `headline` is `error[code]`, painted or not.
pub(crate) fn text(error: &Diagnostic, headline: &str) -> String {
    let mut text = format!("{headline}: {}\n", printable(&error.message));
    if let Some(place) = &error.place {
        text.push_str(&snippet(place));
    }
    let (label, world) = world(&error.world);
    let facts = error.facts.iter().map(|(label, fact)| (*label, fact.as_str()));
    let lines: Vec<(&str, &str)> = facts.chain([(label, world)]).collect();
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    for (label, fact) in lines {
        // Writing to a String cannot fail.
        writeln!(text, "  = {label:<width$}  {}", printable(fact)).ok();
    }
    if let Some(help) = &error.help {
        writeln!(text, "  help: {}", printable(help)).ok();
    }
    text
}

/// The same for programs.
pub(crate) fn json(error: &Diagnostic) -> Value {
    let (label, world) = world(&error.world);
    let place = error.place.as_ref().map(|place| {
        json!({
            "file": place.file, "line": place.line, "column": place.column, "width": place.width,
            "label": place.label,
        })
    });
    let facts: Vec<Value> =
        error.facts.iter().map(|(label, text)| json!({"label": label, "text": text})).collect();
    json!({
        "error": {
            "code": error.code,
            "exit": error.exit.status(),
            "message": error.message,
            "place": place,
            "facts": facts,
            "world": {"label": label, "text": world},
            "help": error.help,
        }
    })
}

fn world(world: &World) -> (&'static str, &str) {
    match world {
        World::Unchanged(text) => ("unchanged", text),
        World::Now(text) => ("now", text),
    }
}

/// The line with a caret below it, as rustc shows one.
fn snippet(place: &Place) -> String {
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let line = place.text.lines().nth(place.line.saturating_sub(1)).unwrap_or("");
    // A tab is shown as one space, so that the caret below stands right.
    let shown: String = line.chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    // A long line is shown from a little before the place.
    let from = place.column.saturating_sub(60);
    let window: String = shown.chars().skip(from).take(120).collect();
    let indent = " ".repeat(place.column.saturating_sub(1 + from));
    let room = window.chars().count().saturating_sub(indent.len()).max(1);
    let caret = "^".repeat(place.width.clamp(1, room));
    format!(
        "{margin}--> {}:{}:{}\n{margin} |\n{number} | {}\n{margin} | {indent}{caret} {}\n",
        printable(&place.file),
        place.line,
        place.column,
        printable(&window),
        printable(&place.label),
    )
}

#[cfg(test)]
mod tests {
    use tagboat_core::diagnostic::Exit;

    use super::*;

    #[test]
    fn an_error_has_one_form() {
        let error = Diagnostic::unchanged(
            "rollback::no-candidate",
            Exit::Refused,
            "nothing to roll api back to",
            "production still runs api/v1.4.0",
        )
        .fact("current", "api/v1.4.0")
        .fact("rejected", "api/v1.3.2: tagged -deprecated")
        .help("deploy a version you trust");
        insta::assert_snapshot!(text(&error, "error[rollback::no-candidate]"), @r"
        error[rollback::no-candidate]: nothing to roll api back to
          = current    api/v1.4.0
          = rejected   api/v1.3.2: tagged -deprecated
          = unchanged  production still runs api/v1.4.0
          help: deploy a version you trust
        ");
    }

    #[test]
    fn an_error_in_a_file_shows_the_line_and_a_caret() {
        let place = Place {
            file: "config/ci-cd/build-config.yml".to_owned(),
            text: "projects:\n\t- archtecture: [amd64]\n".to_owned(),
            line: 2,
            column: 4,
            width: 11,
            label: "did you mean `architecture`?".to_owned(),
        };
        let error = Diagnostic::unchanged(
            "config::unknown-key",
            Exit::Usage,
            "unknown key",
            "nothing was read",
        )
        .at(place);
        insta::assert_snapshot!(text(&error, "error[config::unknown-key]"), @r"
        error[config::unknown-key]: unknown key
         --> config/ci-cd/build-config.yml:2:4
          |
        2 |  - archtecture: [amd64]
          |    ^^^^^^^^^^^ did you mean `architecture`?
          = unchanged  nothing was read
        ");
    }
}
