//! Control files: in: good and hostile texts, out: the same again, or a refusal.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Vec<Paragraph>, Error> {
    Paragraphs::new(text.as_bytes(), Dialect::Binary).collect()
}

fn parse_source(text: &str) -> Result<Vec<Paragraph>, Error> {
    Paragraphs::new(text.as_bytes(), Dialect::Source).collect()
}

#[test]
fn fields_keep_their_order_and_are_found_without_case() {
    let text = "Package: api\nDescription: one\n two\n .\n  three\nChecksums:\n a\n b\n\n\n \nPackage: b\n";
    let all = parse(text).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].get("DESCRIPTION"), Some("one\ntwo\n.\n three"));
    assert_eq!(all[0].get("checksums"), Some("\na\nb"));
    let names: Vec<_> = all[0].iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Package", "Description", "Checksums"]);
    assert!(text.starts_with(&all[0].to_string()));
}

#[test]
fn blanks_around_a_value_do_not_count() {
    let all = parse("A:b\nC:\t d \t\nE: \n").unwrap();
    assert_eq!(
        (all[0].get("A"), all[0].get("C"), all[0].get("E")),
        (Some("b"), Some("d"), Some(""))
    );
}

#[test]
fn comments_are_skipped_in_source_files_only() {
    let text = "# top\nA: 1\n# between\n two\n#end\n\n# alone\n\nB: 2";
    let all = parse_source(text).unwrap();
    assert_eq!(all[0].get("A"), Some("1\ntwo"));
    assert_eq!(all[1].get("B"), Some("2"));
    assert!(parse(text).unwrap_err().to_string().starts_with("line 1: "));
}

#[test]
fn a_refusal_has_its_line() {
    let long = format!("A: {}\n", "x".repeat(MAX_LINE as usize));
    for (text, expected) in [
        ("A: 1\nA: 2\n", "line 2: a second field \"A\""),
        ("A: 1\na: 2\n", "line 2: a second field \"a\""),
        (" x\n", "line 1: a continuation"),
        ("A: 1\n\n x\n", "line 3: a continuation"),
        ("A: 1\nnonsense\n", "line 2: neither"),
        ("A: 1\n \n b\n", "line 2: a line of blanks"),
        ("-A: 1\n", "line 1: the name starts"),
        ("A b: 1\n", "line 1: the name has"),
        (": 1\n", "line 1: the name is empty"),
        ("A: 1\r\nB: 2\n", "line 2: up to here, field \"A\": the value has a control character"),
        ("A: \x1b[31m\n", "control character"),
        ("A: 1", "line 1: the newline at the end is missing"),
        (&long, "line 1: the line is longer"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:.40?}: {error}");
    }
    let mut latin = Paragraphs::new(&b"A: 1\nB: \xe4\n"[..], Dialect::Binary);
    assert_eq!(latin.next().unwrap().unwrap_err().to_string(), "line 2: the line is not UTF-8");
    assert!(latin.next().is_none());
}

#[test]
fn a_paragraph_is_bounded_in_bytes_and_fields() {
    let line = format!(" {}\n", "x".repeat(1 << 19));
    let text = format!("A: 1\n{}", line.repeat(17));
    assert!(parse(&text).unwrap_err().to_string().contains("longer than 8 MiB"));
    let text: String = (0..=MAX_FIELDS).map(|n| format!("F{n}: 1\n")).collect();
    assert!(parse(&text).unwrap_err().to_string().contains("1000 fields"));
}

#[test]
fn only_one_paragraph_means_one() {
    assert!(Paragraphs::only(&b"A: 1\n\n\n"[..], Dialect::Binary).is_ok());
    assert!(Paragraphs::only(&b""[..], Dialect::Binary).is_err());
    assert!(Paragraphs::only(&b"A: 1\n\nB: 2\n"[..], Dialect::Binary).is_err());
}

#[test]
fn a_value_cannot_forge_a_field() {
    let mut paragraph = Paragraph::new();
    for value in [
        "x\n\nPackage: evil",
        "x\n",
        "\n",
        "x\n \ny",
        "x\r\ny",
        " x",
        "x ",
        "x\0",
        "x\x1b",
        "x\u{85}y",
    ] {
        assert!(paragraph.set("Maintainer", value).is_err(), "{value:?}");
    }
    paragraph.set("Maintainer", "x\nPackage: evil").unwrap();
    assert_eq!(paragraph.to_string(), "Maintainer: x\n Package: evil\n");
    for name in ["", "A b", "A:", "#A", "-A", "A\n", "Ä"] {
        assert!(paragraph.set(name, "x").is_err(), "{name:?}");
    }
}

#[test]
fn a_field_is_set_in_place_or_behind_its_anchor() {
    let mut paragraph = Paragraph::new();
    for name in ["A", "B", "C"] {
        paragraph.set(name, "1").unwrap();
    }
    paragraph.set_after("a", "X", "2").unwrap();
    paragraph.set_after("C", "b", "3").unwrap();
    assert_eq!(paragraph.to_string(), "A: 1\nX: 2\nB: 3\nC: 1\n");
    assert_eq!(paragraph.remove("x").as_deref(), Some("2"));
    assert_eq!(paragraph.ordered(&["c", "B"]).to_string(), "C: 1\nB: 3\nA: 1\n");
}

const LINES: &str =
    "([AB]: ?[a-z .]{0,3}|[ \t#][a-z. \t]{0,3}|)(\n([ABCD]:[a-z\t]{0,2}| [a-z]|)){0,6}\n";
const VALUE: &str = "[ -~\t\n.äß\u{1}\u{2028}]{0,20}";

proptest! {
    #[test]
    fn what_can_be_set_is_read_back(
        fields in prop::collection::vec(("[A-Z#-][a-z-]{0,6}", VALUE), 1..6)
    ) {
        let mut paragraph = Paragraph::new();
        for (name, value) in &fields {
            if paragraph.set(name, value).is_ok() {
                prop_assert_eq!(paragraph.get(name), Some(value.as_str()));
            }
        }
        let text = paragraph.to_string();
        let again = parse(&text).unwrap();
        prop_assert_eq!(again.first().cloned().unwrap_or_default(), paragraph.clone());
        prop_assert!(again.len() <= 1);
        prop_assert_eq!(parse_source(&text).unwrap(), again);
    }

    #[test]
    fn what_can_be_read_is_written_and_read_the_same(text in LINES) {
        if let Ok(all) = parse(&text) {
            let written = all.iter().map(Paragraph::to_string).collect::<Vec<_>>().join("\n");
            prop_assert_eq!(parse(&written).unwrap(), all);
        }
    }
}
