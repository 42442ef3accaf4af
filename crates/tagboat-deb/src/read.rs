//! Reads a .deb: in: bytes from anywhere, out: what it says and holds. Never unpacks.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufReader, Read};

use crate::ar::{ArReader, Member};
use crate::compression::{Compression, Decoder, DecoderLimits};
use crate::control::{Dialect, Paragraph, Paragraphs};
use crate::deb::check_control;
use crate::digest::{Digesting, Digests};
use crate::error::{Error, Part};
use crate::tar::{EntryKind, TarEntry, TarReader};

#[cfg(test)]
mod tests;

/// How much a package may make us do. All are our own; dpkg has none but the memory.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the uncompressed `control.tar`; all of it is kept in memory.
    pub control_bytes: u64,
    /// Bytes of the uncompressed `data.tar`.
    pub payload_bytes: u64,
    /// How many times larger than its compressed form `data.tar` may be, once it is larger than 64
    /// MiB.
    pub ratio: u64,
    /// Entries of each archive; each costs some 200 bytes of memory.
    pub entries: u64,
    /// Bytes of all paths and link targets of an archive; they are kept twice.
    pub name_bytes: u64,
    /// Bytes of a decoder's window. dpkg-deb's strongest levels take 65 MiB (xz -9) and 128 MiB
    /// (zstd -22).
    pub decoder_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            control_bytes: 16 << 20,
            payload_bytes: 64 << 30,
            ratio: 1000,
            entries: 250_000,
            name_bytes: 32 << 20,
            decoder_memory: 128 << 20,
        }
    }
}

/// Below this, no ratio is suspicious.
const RATIO_FLOOR: u64 = 64 << 20;

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The structure of the archive, the digests and the control files: enough for an index.
    Control,
    /// The entries of `data.tar` as well.
    Entries,
}

/// What a package says and holds.
#[derive(Debug, Clone)]
pub struct ReadDeb {
    /// The control paragraph; its mandatory fields are there and right.
    pub control: Paragraph,
    /// The files of the control archive by name, `control` among them.
    pub control_files: BTreeMap<String, Vec<u8>>,
    /// The lines of `conffiles` (deb-conffiles(5)): a path with its slash, perhaps after
    /// `remove-on-upgrade `.
    pub conffiles: Vec<String>,
    /// How `data.tar` is compressed.
    pub compression: Compression,
    /// The entries of `data.tar` in their order; empty where they were not looked at.
    pub entries: Vec<TarEntry>,
    /// Of the whole file.
    pub digests: Digests,
}

/// Reads a package to its end.
///
/// # Errors
/// `Error::Malformed`, `Error::Limit`, `Error::Line`, `Error::Field` or `Error::Grammar` for what
/// is wrong with the package, `Error::Io` for what is wrong with the reader. What is accepted,
/// dpkg-deb accepts. It accepts more: see [`TarReader`]; and paths named twice, members named as
/// the first three behind them, sizes and dates in headers that are no numbers.
pub fn read_deb(input: impl Read, depth: Depth, limits: &Limits) -> Result<ReadDeb, Error> {
    let mut entries = Vec::new();
    let mut keep = |entry: &TarEntry, _: &mut dyn Read| {
        entries.push(entry.clone());
        Ok(())
    };
    let record = match depth {
        Depth::Control => read_members(input, limits, None)?,
        Depth::Entries => read_members(input, limits, Some(&mut keep))?,
    };
    Ok(ReadDeb { entries, ..record })
}

/// Reads a package to its end, and shows each entry of `data.tar` with its content to `visit`. The
/// record has no entries.
///
/// # Errors
/// As [`read_deb`], and what `visit` returns. An entry may be shown before something behind it is
/// refused.
pub fn visit_deb(
    input: impl Read,
    limits: &Limits,
    mut visit: impl FnMut(&TarEntry, &mut dyn Read) -> Result<(), Error>,
) -> Result<ReadDeb, Error> {
    read_members(input, limits, Some(&mut visit))
}

type Visit<'a> = &'a mut dyn FnMut(&TarEntry, &mut dyn Read) -> Result<(), Error>;

fn read_members(
    input: impl Read,
    limits: &Limits,
    visit: Option<Visit<'_>>,
) -> Result<ReadDeb, Error> {
    let mut archive = ArReader::new(Digesting::new(Marked(input)))?;
    read_format(&mut archive)?;

    let (member, compression) = next_tar(&mut archive, "control.tar")?;
    let control_limits = DecoderLimits {
        part: Part::ControlTar,
        offset: member.offset,
        memory: limits.decoder_memory,
        bytes: limits.control_bytes,
    };
    let mut control_files = BTreeMap::new();
    read_tar(&mut archive, compression, control_limits, limits, &mut |entry, body| {
        if entry.path.is_empty() && entry.kind == EntryKind::Directory {
            return Ok(());
        }
        if entry.kind != EntryKind::File || entry.path.contains('/') {
            return Err(Error::entry(&entry.path, "is no plain file of the control archive"));
        }
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        control_files.insert(entry.path.clone(), bytes);
        Ok(())
    })?;
    let control = control_files.get("control").ok_or_else(|| {
        Error::malformed(
            Part::Archive,
            member.offset,
            "the control archive has no file \"control\"",
        )
    })?;
    let control = Paragraphs::only(control.as_slice(), Dialect::Binary)?;
    check_control(&control)?;
    let conffiles = read_conffiles(control_files.get("conffiles").map_or(&[], Vec::as_slice))?;

    let (member, compression) = next_tar(&mut archive, "data.tar")?;
    if let Some(visit) = visit {
        let by_ratio = member.size.saturating_mul(limits.ratio).max(RATIO_FLOOR);
        let payload_limits = DecoderLimits {
            part: Part::DataTar,
            offset: member.offset,
            memory: limits.decoder_memory,
            bytes: limits.payload_bytes.min(by_ratio),
        };
        read_tar(&mut archive, compression, payload_limits, limits, visit)?;
    }
    // deb(5): further members are to be ignored. But not a second one of the three.
    while let Some(member) = archive.next_member()? {
        if ["debian-binary", "control.tar", "data.tar"].iter().any(|n| member.name.starts_with(n)) {
            return Err(malformed(&member, "is there a second time"));
        }
    }
    let digests = archive.into_inner().finish();
    Ok(ReadDeb { control, control_files, conffiles, compression, entries: Vec::new(), digests })
}

fn malformed(member: &Member, reason: &str) -> Error {
    Error::malformed(Part::Archive, member.offset, format!("member \"{}\" {reason}", member.name))
}

/// deb(5): the first member says `2.` and a minor number on its first line; more lines may follow.
fn read_format(archive: &mut ArReader<impl Read>) -> Result<(), Error> {
    let member = archive
        .next_member()?
        .ok_or_else(|| Error::malformed(Part::Archive, 8, "the archive has no member"))?;
    if member.name != "debian-binary" {
        return Err(malformed(&member, "is the first, where \"debian-binary\" must be"));
    }
    if member.size > 1024 {
        return Err(malformed(&member, "is larger than 1024 bytes"));
    }
    let mut text = Vec::new();
    archive.read_to_end(&mut text)?;
    let minor =
        text.iter().position(|b| *b == b'\n').and_then(|end| text[..end].strip_prefix(b"2."));
    match minor {
        Some([]) | None => Err(malformed(&member, "does not start with a line \"2.0\"")),
        Some(digits) if digits.len() > 3 || !digits.iter().all(u8::is_ascii_digit) => {
            Err(malformed(&member, "does not start with a line \"2.0\""))
        }
        Some(_) => Ok(()),
    }
}

/// The next member, which must be the tar archive of this name; those that start with `_` are
/// skipped (deb(5)).
fn next_tar(
    archive: &mut ArReader<impl Read>,
    name: &'static str,
) -> Result<(Member, Compression), Error> {
    while let Some(member) = archive.next_member()? {
        if member.name.starts_with('_') {
            continue;
        }
        let Some(suffix) = member.name.strip_prefix(name) else {
            return Err(malformed(&member, &format!("comes where \"{name}\" must be")));
        };
        let compression = Compression::from_suffix(suffix)
            .ok_or_else(|| malformed(&member, "has a compression that is not read here"))?;
        return Ok((member, compression));
    }
    Err(Error::malformed(Part::Archive, archive.offset(), format!("there is no member \"{name}\"")))
}

fn read_tar(
    archive: &mut ArReader<impl Read>,
    compression: Compression,
    decoder_limits: DecoderLimits,
    limits: &Limits,
    visit: Visit<'_>,
) -> Result<(), Error> {
    let part = decoder_limits.part;
    let buffered = BufReader::with_capacity(64 << 10, archive);
    let mut tar = TarReader::new(Decoder::new(buffered, compression, decoder_limits)?, part);
    let mut layout = HashMap::new();
    let mut name_bytes = 0;
    while let Some(entry) = tar.next_entry()? {
        if layout.len() as u64 == limits.entries {
            return Err(Error::Limit { part, what: "entries", allowed: limits.entries });
        }
        let target = match &entry.kind {
            EntryKind::HardLink(target) | EntryKind::Symlink(target) => target.as_str(),
            _ => "",
        };
        name_bytes += (entry.path.len() + target.len()) as u64;
        if name_bytes > limits.name_bytes {
            return Err(Error::Limit { part, what: "bytes of names", allowed: limits.name_bytes });
        }
        if matches!(entry.kind, EntryKind::HardLink(_)) && !layout.contains_key(target) {
            return Err(Error::entry(&entry.path, "is a hard link to no entry before it"));
        }
        let is_directory = entry.kind == EntryKind::Directory;
        if layout.insert(entry.path.clone(), is_directory).is_some() {
            return Err(Error::entry(&entry.path, "is in the archive twice"));
        }
        visit(&entry, &mut tar)?;
    }
    check_folders(&layout)?;
    tar.into_inner().finish()
}

/// Nothing lies below a link or file. Known only at the end, because a link may come behind what
/// lies below it.
fn check_folders(layout: &HashMap<String, bool>) -> Result<(), Error> {
    // With the slash before all other bytes, what lies below a path comes right behind it.
    let key = |path: &str| path.bytes().map(|b| if b == b'/' { 0 } else { b }).collect::<Vec<_>>();
    let mut sorted: Vec<_> = layout.iter().collect();
    sorted.sort_by_cached_key(|(path, _)| key(path));
    for pair in sorted.windows(2) {
        let ((path, is_directory), (next, _)) = (pair[0], pair[1]);
        if !is_directory && next.strip_prefix(path.as_str()).is_some_and(|r| r.starts_with('/')) {
            return Err(Error::entry(next, "lies below what is not a folder"));
        }
    }
    Ok(())
}

fn read_conffiles(bytes: &[u8]) -> Result<Vec<String>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::entry("conffiles", "is not UTF-8"))?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_end();
        let path = line.strip_prefix("remove-on-upgrade ").unwrap_or(line);
        if !path.starts_with('/') || path.chars().any(char::is_control) {
            let reason = format!("line {number} is not an absolute path");
            return Err(Error::entry("conffiles", reason));
        }
        lines.push(line.to_owned());
    }
    Ok(lines)
}

/// Marks the errors of the caller's reader, so that they are not taken for damage by the decoder
/// they pass.
struct Marked<R>(R);

impl<R: Read> Read for Marked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, Error::Io(error)),
        })
    }
}
