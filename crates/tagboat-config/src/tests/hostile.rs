//! Files that nobody would write: whatever stands in them, an answer comes, and every place that it names
//! is in the file.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::support::good;
use crate::{Files, load};

/// The files that people write by hand.
const WRITTEN: [&str; 6] = [
    "config/ci-cd/build-config.yml",
    "config/ci-cd/quality-gates.yml",
    "environments/production/environment.yml",
    "environments/production/regions/eu-west/region.yml",
    "environments/production/secrets.enc",
    "rag/packaging/debian/control",
];

fn judge(files: BTreeMap<String, Vec<u8>>) -> Result<(), TestCaseError> {
    let told = match load(&Files::Listed(files)) {
        Ok(loaded) => loaded.warnings,
        Err(told) => {
            prop_assert!(!told.is_empty());
            told
        }
    };
    for one in told {
        prop_assert!(one.code.starts_with("config::"), "{}", one.code);
        let Some(place) = one.place else { continue };
        let lines = place.text.split('\n').count();
        prop_assert!((1..=lines).contains(&place.line), "line {} of {lines}", place.line);
        prop_assert!(place.column >= 1 && place.width >= 1, "{place:?}");
    }
    Ok(())
}

fn replaced(path: &str, bytes: Vec<u8>) -> BTreeMap<String, Vec<u8>> {
    let mut files = good();
    files.insert(path.to_owned(), bytes);
    files
}

/// What is done to one line.
#[derive(Clone, Debug)]
enum Edit {
    Delete,
    Double,
    Indent(usize),
    Insert(Vec<u8>),
    Put(&'static str),
}

fn edit() -> impl Strategy<Value = Edit> {
    let pieces = prop::sample::select(vec![
        "[", "]", "{", "}", ": ", "- ", "\"", "'", "&a ", "*a", "!x ", "|\n", ">\n", "#", "\t",
        "%Y", "---", "~", "null", "0x", ".inf", "? ", "<<: *a", "\u{feff}", "\r", "\u{85}",
        "\u{2028}", "-1", "1e9",
    ]);
    prop_oneof![
        Just(Edit::Delete),
        Just(Edit::Double),
        (0..12_usize).prop_map(Edit::Indent),
        vec(any::<u8>(), 1..8).prop_map(Edit::Insert),
        pieces.prop_map(Edit::Put),
    ]
}

fn mutate(text: &[u8], edits: &[(usize, usize, Edit)]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    for (line, column, edit) in edits {
        let at = line % lines.len();
        let column = column % (lines[at].len() + 1);
        match edit {
            Edit::Delete if lines.len() > 1 => drop(lines.remove(at)),
            Edit::Delete => lines[at].clear(),
            Edit::Double => lines.insert(at, lines[at].clone()),
            Edit::Indent(width) => {
                let rest = lines[at].trim_ascii_start().to_vec();
                lines[at] = [b" ".repeat(*width), rest].concat();
            }
            Edit::Insert(bytes) => drop(lines[at].splice(column..column, bytes.clone())),
            Edit::Put(piece) => drop(lines[at].splice(column..column, piece.bytes())),
        }
    }
    lines.join(&b'\n')
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_mutated_file_is_read_or_refused_with_a_place(
        path in prop::sample::select(WRITTEN.to_vec()),
        edits in vec((any::<usize>(), any::<usize>(), edit()), 1..6),
    ) {
        let bytes = mutate(&good()[path], &edits);
        judge(replaced(path, bytes))?;
    }

    #[test]
    fn random_bytes_are_read_or_refused_with_a_place(
        path in prop::sample::select(WRITTEN.to_vec()),
        bytes in vec(any::<u8>(), 0..200),
    ) {
        judge(replaced(path, bytes))?;
    }

    #[test]
    fn random_texts_of_yaml_are_read_or_refused_with_a_place(
        path in prop::sample::select(WRITTEN.to_vec()),
        text in "[a-c:\\-\\[\\]{}\"'&*!|>#%@`,?~ \\t\\n\\r0-9.]{0,80}",
    ) {
        judge(replaced(path, text.into_bytes()))?;
    }
}

#[test]
fn a_megabyte_of_any_one_piece_is_answered() {
    let pieces = [
        "a",
        "\n",
        " ",
        "\t",
        "[",
        "{",
        "- ",
        "? ",
        ": ",
        "a: ",
        "a: b\n",
        "- a\n",
        "\"",
        "'",
        "&a ",
        "*a ",
        "!",
        "!!str ",
        "#",
        "# c\n",
        "|\n",
        ">\n",
        "%",
        "---\n",
        "...\n",
        ",",
        "[a,",
        "{a: ",
        "[]\n",
        "a\n ",
        "\"\\",
        "a: |\n b\n",
        "\r",
        "\u{85}",
        "? a\n: b\n",
        "- &a b\n",
        "<<: ",
        "a: *b\n",
        "é",
        "- - ",
    ];
    for piece in pieces {
        let text = piece.repeat((1 << 20) / piece.len());
        for prefix in ["", "projects: ", "projects:\n  - path: "] {
            let mut bytes = format!("{prefix}{text}").into_bytes();
            bytes.truncate(1 << 20);
            while std::str::from_utf8(&bytes).is_err() {
                bytes.pop();
            }
            judge(replaced("config/ci-cd/build-config.yml", bytes)).unwrap();
        }
    }
}
