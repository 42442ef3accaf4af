//! Debian's formats. In: bytes of a package, a control file or a changelog. Out: a panic where one is accepted that is
//! not written back, or takes more than its limits.

use tagboat_deb::changelog::parse_first_entry;
use tagboat_deb::description::Description;
use tagboat_deb::read::{Depth, Limits, read_deb};
use tagboat_deb::{Dialect, Paragraphs};

/// Small: a fuzzer's inputs are, and what they unpack to must be.
const LIMITS: Limits = Limits {
    control_bytes: 1 << 20,
    payload_bytes: 8 << 20,
    ratio: 1000,
    entries: 1000,
    name_bytes: 1 << 20,
    decoder_memory: 16 << 20,
};

/// Reads `bytes` as each of the formats.
///
/// # Panics
/// Where what was read breaks a rule that it was checked for.
pub fn judge(bytes: &[u8]) {
    if let Ok(deb) = read_deb(bytes, Depth::Entries, &LIMITS) {
        assert!(deb.entries.len() as u64 <= LIMITS.entries);
        assert!(deb.control_files.contains_key("control"));
        let shallow = read_deb(bytes, Depth::Control, &LIMITS);
        assert!(shallow.is_ok_and(|it| it.control.iter().eq(deb.control.iter())));
    }
    for dialect in [Dialect::Binary, Dialect::Source] {
        let Ok(paragraph) = Paragraphs::only(bytes, dialect) else { continue };
        let mut written = Vec::new();
        if paragraph.write_to(&mut written).is_ok() {
            let again = Paragraphs::only(written.as_slice(), dialect);
            let same = again.as_ref().is_ok_and(|it| it.iter().eq(paragraph.iter()));
            assert!(same, "{paragraph:?} is read back as {again:?}");
        }
        if let Some(value) = paragraph.get("Description") {
            // Folding wraps lines, so only the second time changes nothing.
            if let Ok(folded) = Description::unfold(value).fold() {
                let again = Description::unfold(&folded).fold();
                assert!(
                    again.as_ref().is_ok_and(|again| *again == folded),
                    "{folded:?}: {again:?}"
                );
            }
        }
    }
    drop(parse_first_entry(bytes));
}
