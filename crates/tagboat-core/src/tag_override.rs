//! The record of a protection that was overridden by hand (SPEC V4, S3). In: the tag object that a hook wrote. Out:
//! which ref was changed, by whom, when and why.
//!
//! A version tag has no ledger, so what happened to it is written where everybody can read it: an annotated tag
//! object at `refs/tagboat/overrides/<time>-<number>` on the remote, that never changes.

use jiff::Timestamp;

use crate::commit::ObjectId;
use crate::ports::TagObject;

/// Where the records are, here and on the remote.
pub const OVERRIDES: &str = "refs/tagboat/overrides/";

/// What holds nothing.
const NOTHING: &str = "0000000000000000000000000000000000000000";

/// One ref that was changed though it is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagOverride {
    /// The full name of the ref that was changed.
    pub name: String,
    /// What it held; `None`: it did not exist.
    pub old: Option<ObjectId>,
    /// What it was made to hold; `None`: it was deleted.
    pub new: Option<ObjectId>,
    /// Why: one line.
    pub reason: String,
    /// `Name <mail>` of who did it, as their git says.
    pub by: String,
    /// When, as their clock says.
    pub at: Timestamp,
}

/// Reads a record; one may tell of several refs. `None` where it is not in the form that hooks write.
#[must_use]
pub fn read(record: &str, object: &TagObject) -> Option<Vec<TagOverride>> {
    // As a ledger's: a record that was copied elsewhere is none.
    if object.name != record.strip_prefix("refs/")? {
        return None;
    }
    let field = |name: &str| object.message.lines().find_map(|line| line.strip_prefix(name));
    let reason = field("reason: ").map(str::trim).filter(|reason| !reason.is_empty())?.to_owned();
    let id = |text: &str| {
        if text == NOTHING { Some(None) } else { ObjectId::parse(text).ok().map(Some) }
    };
    let changes = object.message.lines().filter_map(|line| line.strip_prefix("change: "));
    let read = |line: &str| {
        let mut words = line.split(' ');
        let (name, old, new) = (words.next()?, words.next()?, words.next()?);
        Some(TagOverride {
            name: name.to_owned(),
            old: id(old)?,
            new: id(new)?,
            reason: reason.clone(),
            by: object.tagger.clone(),
            at: object.time,
        })
    };
    let all: Option<Vec<TagOverride>> = changes.map(read).collect();
    all.filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, message: &str) -> TagObject {
        TagObject {
            id: ObjectId::parse(&"a".repeat(40)).unwrap(),
            object: ObjectId::parse(&"b".repeat(40)).unwrap(),
            name: name.to_owned(),
            tagger: "Jo <jo@example.org>".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            message: message.to_owned(),
            signature: None,
        }
    }

    #[test]
    fn the_record_of_an_override_tells_each_ref_and_one_reason() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let message = format!(
            "a protection was overridden\n\nchange: refs/tags/v1.0.0 {one} {two}\n\
             change: refs/tags/v1.1.0 {one} {NOTHING}\nreason: leaked a key\n"
        );
        let name = "refs/tagboat/overrides/20261121-120000-7";
        let read_back = read(name, &object("tagboat/overrides/20261121-120000-7", &message));
        let all = read_back.unwrap();
        assert_eq!(
            (all[0].name.as_str(), all[0].reason.as_str()),
            ("refs/tags/v1.0.0", "leaked a key")
        );
        assert_eq!((all[1].old.is_some(), all[1].new.is_some()), (true, false));
        // Copied, without a reason, without a change, with a broken one.
        assert_eq!(read(name, &object("tagboat/overrides/other", &message)), None);
        let inner = "tagboat/overrides/20261121-120000-7";
        for bad in [
            message.replace("reason: leaked a key\n", ""),
            message.replace("leaked a key", "  "),
            "reason: x\n".to_owned(),
            message.replace(&two, "xyz"),
        ] {
            assert_eq!(read(name, &object(inner, &bad)), None, "{bad}");
        }
    }
}
