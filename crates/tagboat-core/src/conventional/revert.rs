//! Reverts. In: a message's parts. Out: which commits it undoes, by id or by subject.

use super::{Change, Footer, Header};

/// The shortest abbreviation of an id that is taken for one: git's own shortest default.
const SHORTEST: usize = 7;

/// That a commit undoes others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revert<'a> {
    /// What is undone.
    pub undone: Undone<'a>,
    /// The subject of the change that goes or comes back.
    pub quoted: &'a str,
    /// Which of the two.
    pub direction: Direction,
}

/// How a revert names what it undoes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone<'a> {
    /// By ids, one at least, full or short.
    Ids(Vec<&'a str>),
    /// By subject alone, as a forge's button writes it.
    Subject(&'a str),
    /// Not at all.
    Unnamed,
}

/// What becomes of the change that a revert quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It goes: `Revert "…"`, `revert: …`.
    Away,
    /// It comes back: `Reapply "…"` (git since 2.43), `Revert "Revert "…""`.
    Back,
}

impl<'a> Revert<'a> {
    /// Reads the two forms: git's, with `This reverts commit <id>.` below it, and the type `revert`, whose
    /// ids may also stand in a footer `Refs` (conventionalcommits.org, "How does Conventional Commits
    /// handle revert commits?").
    pub(super) fn find(
        subject: &'a str,
        header: Option<&Header<'a>>,
        rest: &'a str,
        footers: &[Footer<'a>],
    ) -> Option<Self> {
        let mut ids: Vec<&str> =
            rest.split("This reverts commit ").skip(1).filter_map(leading_id).collect();
        let (named, quoted, direction) = if let Some(quoted) = quote(subject, "Reapply") {
            // What it undoes is the revert of that subject, and only git writes this: with the id.
            (Undone::Unnamed, quoted, Direction::Back)
        } else if let Some(first) = quote(subject, "Revert") {
            let (quoted, direction) = match quote(first, "Revert") {
                Some(second) => (second, Direction::Back),
                None => (first, Direction::Away),
            };
            (Undone::Subject(first), quoted, direction)
        } else {
            let header = header.filter(|header| header.is("revert"))?;
            let refs = footers.iter().filter(|footer| footer.token.eq_ignore_ascii_case("refs"));
            let words = refs.flat_map(|footer| footer.value.split([',', ' ', '\n']));
            ids.extend(words.filter_map(leading_id));
            let quoted = header.description.trim_matches('"');
            (Undone::Subject(quoted), quoted, Direction::Away)
        };
        let undone = if ids.is_empty() { named } else { Undone::Ids(ids) };
        Some(Self { undone, quoted, direction })
    }

    /// What it asks for where the change is one of an older version.
    pub(super) fn change(&self) -> Option<Change> {
        let quoted = Header::parse(self.quoted).map_or(Some(Change::Patch), |it| it.change());
        match self.direction {
            Direction::Away => quoted.map(|_| Change::Patch),
            Direction::Back => quoted,
        }
    }
}

/// `Revert "x"` quotes `x`; what a forge writes after it, as ` (#12)`, is not part of it.
fn quote<'a>(subject: &'a str, word: &str) -> Option<&'a str> {
    subject.strip_prefix(word)?.strip_prefix(" \"")?.rsplit_once('"').map(|(inner, _)| inner)
}

fn leading_id(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len());
    (SHORTEST..=40).contains(&end).then(|| &text[..end])
}
