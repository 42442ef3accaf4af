//! Reading objects. In: ids. Out: tags and commits, read in one `git cat-file --batch`, tolerant of rubbish.

use jiff::Timestamp;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::ports::{Commit, RepositoryError, Scope, TagObject, TagSignature};

use super::GitRepository;
use super::names::check_revision;

/// Most bytes asked for in one batch: half of what a program may print.
const BATCH: usize = tagboat_core::command::OUTPUT_LIMIT / 2;

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
    pub(super) fn read_tags(
        &self,
        scope: &Scope<'_>,
        ids: &[ObjectId],
    ) -> Result<Vec<Option<TagObject>>, RepositoryError> {
        // Sizes first: an id may be that of a blob of any size.
        let sizes = self.sizes_of_tags(scope, ids)?;
        let mut tags: Vec<Option<TagObject>> = Vec::with_capacity(ids.len());
        tags.resize_with(ids.len(), || None);
        let mut batch: Vec<usize> = Vec::new();
        let mut bytes = 0;
        for (index, size) in sizes.iter().enumerate() {
            let Some(size) = size.filter(|&size| size <= LARGEST_TAG) else { continue };
            if bytes + size > BATCH {
                self.read_batch(scope, ids, &batch, &mut tags)?;
                batch.clear();
                bytes = 0;
            }
            batch.push(index);
            // With room for the line before it.
            bytes += size + 64;
        }
        self.read_batch(scope, ids, &batch, &mut tags)?;
        Ok(tags)
    }

    fn sizes_of_tags(
        &self,
        scope: &Scope<'_>,
        ids: &[ObjectId],
    ) -> Result<Vec<Option<usize>>, RepositoryError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.cat_file(scope, "--batch-check", ids.iter().map(ObjectId::as_str))?;
        let sizes: Vec<Option<usize>> = output
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| match Header::parse(line) {
                Some(Header { kind: b"tag", size, .. }) => Some(size),
                Some(_) | None => None,
            })
            .collect();
        if sizes.len() == ids.len() {
            Ok(sizes)
        } else {
            let (got, asked) = (sizes.len(), ids.len());
            Err(RepositoryError::Unexpected(format!("{got} answers to {asked} objects")))
        }
    }

    fn read_batch(
        &self,
        scope: &Scope<'_>,
        ids: &[ObjectId],
        batch: &[usize],
        tags: &mut [Option<TagObject>],
    ) -> Result<(), RepositoryError> {
        if batch.is_empty() {
            return Ok(());
        }
        let names = batch.iter().filter_map(|&index| ids.get(index)).map(ObjectId::as_str);
        let output = self.cat_file(scope, "--batch", names)?;
        let mut rest = output.as_slice();
        for &index in batch {
            let Some((object, after)) = next_object(rest)? else { continue };
            rest = after;
            if let (Some(slot), Some(id)) = (tags.get_mut(index), ids.get(index)) {
                *slot = parse_tag(id, object.content);
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
        let output = self.cat_file(scope, "--batch", [format!("{name}^{{commit}}").as_str()])?;
        let Some((object, _)) = next_object(&output)? else { return Ok(None) };
        parse_commit(&object)
            .map(Some)
            .ok_or_else(|| RepositoryError::Unexpected(format!("{name} leads to no sound commit")))
    }

    fn cat_file<'n>(
        &self,
        scope: &Scope<'_>,
        mode: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Vec<u8>, RepositoryError> {
        let mut lines = String::new();
        for name in names {
            lines.extend([name, "\n"]);
        }
        // In a partial clone git would fetch what is missing; where it can be told not to (2.45), it is.
        let command = self.command(["cat-file", mode]).env("GIT_NO_LAZY_FETCH", "1").stdin(lines);
        Ok(self.git.checked(scope, &command)?.stdout)
    }
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
    let cut = || RepositoryError::Unexpected("git cat-file ended too early".to_owned());
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
    let text = String::from_utf8_lossy(signed);
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
    let mut at = 0;
    let mut begins = body.len();
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        if SIGNATURES.iter().any(|begin| line.starts_with(begin.as_bytes())) {
            begins = at;
        }
        at += line.len();
    }
    begins
}

#[cfg(test)]
mod tests;
