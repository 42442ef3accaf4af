//! Places and meanings.

use super::{Meaning, Node, Quoting, Scalar, Value, parse};

fn meaning(text: &str) -> String {
    let scalar = Scalar { text: text.to_owned(), quoting: Quoting::Plain };
    format!("{:?}", scalar.meaning())
}

#[test]
fn a_plain_scalar_means_what_the_core_schema_says() {
    let cases = [
        ("", Meaning::Null),
        ("~", Meaning::Null),
        ("null", Meaning::Null),
        ("true", Meaning::Bool(true)),
        ("FALSE", Meaning::Bool(false)),
        ("yes", Meaning::Text("yes")),
        ("no", Meaning::Text("no")),
        ("12", Meaning::Whole(12)),
        ("-3", Meaning::Whole(-3)),
        ("+3", Meaning::Whole(3)),
        ("007", Meaning::Whole(7)),
        ("0o17", Meaning::Whole(15)),
        ("0xff", Meaning::Whole(255)),
        ("1.5", Meaning::Decimal(1.5)),
        (".5", Meaning::Decimal(0.5)),
        ("1e3", Meaning::Decimal(1000.0)),
        ("-", Meaning::Text("-")),
        ("+", Meaning::Text("+")),
        (".", Meaning::Text(".")),
        ("1.2.3", Meaning::Text("1.2.3")),
        ("2026-12-24", Meaning::Text("2026-12-24")),
        ("inf", Meaning::Text("inf")),
        ("nan", Meaning::Text("nan")),
        ("infinity", Meaning::Text("infinity")),
        ("1_000", Meaning::Text("1_000")),
    ];
    for (text, expected) in cases {
        assert_eq!(meaning(text), format!("{expected:?}"), "{text:?}");
    }
}

#[test]
fn a_number_beyond_64_bits_is_no_whole_number() {
    assert_eq!(meaning("9223372036854775807"), "Whole(9223372036854775807)");
    assert!(meaning("9223372036854775808").starts_with("Decimal"));
}

/// Every scalar and key of a tree as `line:column+width text`.
fn places(node: &Node, found: &mut Vec<String>) {
    match &node.value {
        Value::Scalar(scalar) => {
            let place = node.span;
            found.push(format!("{}:{}+{} {}", place.line, place.column, place.width, scalar.text));
        }
        Value::List(items) => items.iter().for_each(|item| places(item, found)),
        Value::Map(entries) => {
            for (key, value) in entries {
                let place = key.span;
                found
                    .push(format!("{}:{}+{} {}:", place.line, place.column, place.width, key.text));
                places(value, found);
            }
        }
    }
}

#[test]
fn every_key_and_value_knows_its_place() {
    let text = "# über allem\nname: 'größe'\nlist:\n  - ä: {b: \"c d\"}\nblock: |\n  one\n  two\n";
    let mut found = Vec::new();
    places(&parse(text).unwrap().unwrap(), &mut found);
    assert_eq!(
        found,
        [
            "2:1+4 name:",
            "2:7+7 größe",
            "3:1+4 list:",
            "4:5+1 ä:",
            "4:9+1 b:",
            "4:12+5 c d",
            "5:1+5 block:",
            "6:3+3 one\ntwo\n",
        ]
    );
}
