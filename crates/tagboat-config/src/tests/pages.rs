//! Every code has a page, and every page a code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::mistake::code;

#[test]
fn every_code_has_a_page_with_an_example_and_a_cure() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors/config");
    let pages: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let codes: BTreeSet<String> =
        code::ALL.iter().map(|code| code.replace("config::", "") + ".md").collect();
    assert_eq!(pages, codes);
    for page in &pages {
        let text = fs::read_to_string(folder.join(page)).unwrap();
        let title = format!("# config::{}", page.trim_end_matches(".md"));
        assert!(text.starts_with(&title), "{page}");
        for heading in ["## Example", "## What to do"] {
            assert!(text.contains(heading), "{page} has no {heading}");
        }
    }
}
