//! Reading objects. In: ids. Out: tags and commits, read in one `git cat-file --batch`, tolerant of rubbish.

use std::borrow::Cow;

use jiff::Timestamp;
use memchr::memmem;
use tagboat_core::command::Command;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::ports::{Commit, Found, RepositoryError, Scope, TagObject, TagSignature};

use super::GitRepository;
use super::names::check_revision;
use super::program::refusal;
use crate::process::Taken;

/// A larger tag is no ledger: 40 records take some 20 KiB.
const LARGEST_TAG: usize = 4 << 20;

/// A signature begins with one of these lines (git's gpg-interface.c: OpenPGP, X.509, SSH).
const SIGNATURES: [&str; 4] = [
    "-----BEGIN PGP SIGNATURE-----",
    "-----BEGIN PGP MESSAGE-----",
    "-----BEGIN SIGNED MESSAGE-----",
    "-----BEGIN SSH SIGNATURE-----",
];

impl GitRepository {
    /// One `git cat-file --batch`, and another one after each object that is too large to be looked at: an id may be that
    /// of a blob of any size.
    pub(super) fn read_objects(
        &self,
        scope: &Scope<'_>,
        ids: &[ObjectId],
        take: &mut dyn FnMut(&ObjectId, Found),
    ) -> Result<(), RepositoryError> {
        let mut left = ids;
        while !left.is_empty() {
            let mut batch = Batch { left, skip: 0, wrong: None };
            let command = self.cat_file(left.iter().map(ObjectId::as_str));
            let ended = self.git.stream(scope, &command, &mut |bytes| batch.take(bytes, take))?;
            let Batch { left: after, wrong, .. } = batch;
            if let Some(error) = wrong {
                return Err(error);
            }
            match ended {
                Some(output) if !output.success() => return Err(refusal(&command, &output)),
                Some(_) if !after.is_empty() => return Err(cut()),
                Some(_) | None => left = after,
            }
        }
        Ok(())
    }

    pub(super) fn read_commit(
        &self,
        scope: &Scope<'_>,
        name: &str,
    ) -> Result<Option<Commit>, RepositoryError> {
        check_revision(name)?;
        let command = self.cat_file([format!("{name}^{{commit}}").as_str()]);
        let output = self.git.checked(scope, &command)?.stdout;
        let Some((object, _)) = next_object(&output)? else { return Ok(None) };
        parse_commit(&object)
            .map(Some)
            .ok_or_else(|| RepositoryError::Unexpected(format!("{name} leads to no sound commit")))
    }

    /// With git's own buffering: it is not asked for one object after the other.
    fn cat_file<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Command {
        let mut lines = String::new();
        for name in names {
            lines.extend([name, "\n"]);
        }
        // In a partial clone git would fetch what is missing; where it can be told not to (2.45), it is.
        let command = self.command(["cat-file", "--batch", "--buffer"]);
        command.env("GIT_NO_LAZY_FETCH", "1").stdin(lines)
    }
}

/// Objects that are asked for in one batch, as they come.
struct Batch<'i> {
    /// Those that have not come yet.
    left: &'i [ObjectId],
    /// Bytes that still belong to one that is not looked at.
    skip: usize,
    wrong: Option<RepositoryError>,
}

impl Batch<'_> {
    fn take(&mut self, bytes: &[u8], give: &mut dyn FnMut(&ObjectId, Found)) -> Taken {
        let mut used = 0;
        loop {
            let skipped = self.skip.min(bytes.len() - used);
            (self.skip, used) = (self.skip - skipped, used + skipped);
            let rest = &bytes[used..];
            let Some(end) = rest.iter().position(|&byte| byte == b'\n') else { break };
            let Some((id, left)) = self.left.split_first() else {
                self.wrong = Some(unexpected("git cat-file gave more than it was asked for"));
                return Taken::Enough;
            };
            let Some(header) = Header::parse(&rest[..end]) else {
                give(id, Found::Nothing);
                (self.left, used) = (left, used + end + 1);
                continue;
            };
            if header.size > LARGEST_TAG {
                give(id, Found::Nothing);
                self.left = left;
                return Taken::Enough;
            }
            // And the newline behind it.
            let length = header.size + 1;
            match header.kind {
                b"tag" => {
                    let Some(content) = rest.get(end + 1..end + 1 + length) else { break };
                    let tag = content.strip_suffix(b"\n").and_then(|text| parse_tag(id, text));
                    give(id, tag.map_or(Found::Nothing, |tag| Found::Tag(Box::new(tag))));
                    used += end + 1 + length;
                }
                kind => {
                    let is_commit = kind == b"commit";
                    give(id, if is_commit { Found::Commit } else { Found::Nothing });
                    self.skip = length;
                    used += end + 1;
                }
            }
            self.left = left;
        }
        Taken::Bytes(used)
    }
}

fn cut() -> RepositoryError {
    unexpected("git cat-file ended too early")
}

fn unexpected(what: &str) -> RepositoryError {
    RepositoryError::Unexpected(what.to_owned())
}

/// The line before an object (git-cat-file(1), "BATCH OUTPUT").
struct Header<'a> {
    id: &'a [u8],
    kind: &'a [u8],
    size: usize,
}

impl<'a> Header<'a> {
    /// `None` for `<name> missing` and `<name> ambiguous`.
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut words = line.split(|&byte| byte == b' ');
        let (id, kind, size) = (words.next()?, words.next()?, words.next()?);
        let size = std::str::from_utf8(size).ok()?.parse().ok()?;
        words.next().is_none().then_some(Self { id, kind, size })
    }
}

struct Object<'a> {
    id: &'a [u8],
    content: &'a [u8],
}

/// The first object of a batch, and what follows it; `None` where it is missing.
fn next_object(bytes: &[u8]) -> Result<Option<(Object<'_>, &[u8])>, RepositoryError> {
    let end = bytes.iter().position(|&byte| byte == b'\n').ok_or_else(cut)?;
    let Some(header) = Header::parse(&bytes[..end]) else { return Ok(None) };
    let body = &bytes[end + 1..];
    let (content, rest) = body.split_at_checked(header.size).ok_or_else(cut)?;
    let rest = rest.strip_prefix(b"\n").ok_or_else(cut)?;
    Ok(Some((Object { id: header.id, content }, rest)))
}

/// Reads a tag object's bytes (git-mktag(1)); `None` where they are none. Tags that old programs made may have no
/// tagger: theirs is empty, and the epoch its time.
#[must_use]
pub fn parse_tag(id: &ObjectId, content: &[u8]) -> Option<TagObject> {
    // By the bytes: a message need not be UTF-8, and what is replaced in a text has another length.
    let body = content.windows(2).position(|two| two == b"\n\n").map_or(content.len(), |at| at + 2);
    let (signed, armoured) = content.split_at(body + signature_start(&content[body..]));
    // Mostly it is UTF-8, and to see that costs a fifth of what it costs to mend what is not.
    let text =
        std::str::from_utf8(signed).map_or_else(|_| String::from_utf8_lossy(signed), Cow::Borrowed);
    let (headers, message) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let field = |name: &str| headers.lines().find_map(|line| line.strip_prefix(name));
    let (tagger, time) = field("tagger ").map_or_else(Default::default, parse_person);
    let signature = (!armoured.is_empty()).then(|| TagSignature {
        armoured: String::from_utf8_lossy(armoured).into_owned(),
        payload: signed.to_vec(),
    });
    Some(TagObject {
        id: id.clone(),
        object: ObjectId::parse(field("object ")?).ok()?,
        name: field("tag ")?.to_owned(),
        tagger,
        time,
        message: message.to_owned(),
        signature,
    })
}

fn parse_commit(object: &Object<'_>) -> Option<Commit> {
    let sha = CommitSha::parse(std::str::from_utf8(object.id).ok()?).ok()?;
    let text = String::from_utf8_lossy(object.content);
    let (headers, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let field = |name: &str| headers.lines().find_map(|line| line.strip_prefix(name));
    let (author, _) = parse_person(field("author ")?);
    let (_, time) = parse_person(field("committer ")?);
    let subject = body.lines().find(|line| !line.trim().is_empty()).unwrap_or("").to_owned();
    Some(Commit { sha, time, author, subject })
}

/// `Name <mail> 1700000000 +0100`. What is not a time counts as the epoch.
fn parse_person(line: &str) -> (String, Timestamp) {
    let (person, rest) = match line.rfind('>') {
        Some(end) => line.split_at(end + 1),
        None => (line, ""),
    };
    let seconds = rest.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    (person.to_owned(), time.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Where the signature begins, or the end: the last line that begins one begins it, as git reads it. So what
/// stands before one that is quoted in the message is not taken for unsigned.
fn signature_start(body: &[u8]) -> usize {
    let begins = |at: &usize| {
        (*at == 0 || body[at - 1] == b'\n')
            && SIGNATURES.iter().any(|begin| body[*at..].starts_with(begin.as_bytes()))
    };
    memmem::find_iter(body, "-----BEGIN ").filter(begins).last().unwrap_or(body.len())
}

#[cfg(test)]
mod tests;
