//! Reads a tar archive as dpkg does: in: hostile bytes, out: entries one by one. Never unpacks.

use std::borrow::Cow;
use std::io::{self, Read};

use ::tar::Header;

use super::{BLOCK, MAX_PATH, check_path};
use crate::ar::read_full;
use crate::error::{Error, Part};

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Directory,
    /// A file with a content.
    File,
    /// A symbolic link with its target as it is written.
    Symlink(String),
    /// Another name of an entry before it, given by its path.
    HardLink(String),
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarEntry {
    /// Relative to the root, without `./` and without a slash at the end; empty for the root
    /// itself.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, at most 07777.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// The owner's name, which dpkg prefers to the number; may be empty.
    pub owner: String,
    /// The group's name, in the same way.
    pub group: String,
    /// Bytes of content.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: u64,
}

/// Reads entries one by one. As `Read` it gives the content of the current entry; its errors carry
/// an [`Error`].
///
/// Stricter than dpkg in what could be read in two ways: other bytes behind the end, a size where
/// there is no content, names that are not UTF-8, absolute or climbing.
#[derive(Debug)]
pub struct TarReader<R> {
    input: R,
    part: Part,
    offset: u64,
    left: u64,
    padding: u64,
    ended: bool,
}

impl<R: Read> TarReader<R> {
    /// A reader over an uncompressed archive; `part` is what its errors name.
    pub fn new(input: R, part: Part) -> Self {
        Self { input, part, offset: 0, left: 0, padding: 0, ended: false }
    }

    /// The reader below.
    pub(crate) fn into_inner(self) -> R {
        self.input
    }

    /// Goes behind the rest of the current entry to the next one; `None` at the end of the archive.
    ///
    /// # Errors
    /// `Error::Malformed` with the offset in the archive; `Error::Io` from the reader.
    pub fn next_entry(&mut self) -> Result<Option<TarEntry>, Error> {
        let (mut long_name, mut long_target) = (None, None);
        while !self.ended {
            let Some((at, header)) = self.next_header()? else { break };
            let kind = header.as_old().linkflag[0];
            let size = self.number(&header.as_old().size, at + 124)?;
            self.left = size;
            self.padding = size.next_multiple_of(BLOCK as u64) - size;
            let slot = match kind {
                b'L' => &mut long_name,
                b'K' => &mut long_target,
                _ => return self.entry(&header, at, size, long_name, long_target).map(Some),
            };
            if slot.is_some() {
                return Err(self.malformed(at, "a second long name for one entry"));
            }
            *slot = Some(self.read_long(at, size)?);
        }
        if long_name.is_some() || long_target.is_some() {
            return Err(self.malformed(self.offset, "a long name without an entry"));
        }
        Ok(None)
    }

    /// The next block that is not the end; at the end, makes sure that only zeros follow.
    fn next_header(&mut self) -> Result<Option<(u64, Header)>, Error> {
        io::copy(self, &mut io::sink())?;
        let padding = std::mem::take(&mut self.padding);
        let skipped = io::copy(&mut (&mut self.input).take(padding), &mut io::sink())?;
        self.offset += skipped;
        if skipped < padding {
            return Err(self.malformed(self.offset, "the archive ends inside an entry"));
        }
        let at = self.offset;
        let mut header = Header::new_old();
        let count = read_full(&mut self.input, header.as_mut_bytes())?;
        self.offset += count as u64;
        if count < BLOCK {
            return Err(self.malformed(at, "the archive ends without its end marker"));
        }
        if header.as_bytes().iter().any(|b| *b != 0) {
            self.check_header(&header, at)?;
            return Ok(Some((at, header)));
        }
        self.ended = true;
        let mut block = [0; BLOCK];
        loop {
            let at = self.offset;
            let count = read_full(&mut self.input, &mut block)?;
            self.offset += count as u64;
            if block[..count].iter().any(|b| *b != 0) {
                return Err(self.malformed(at, "there is something behind the end marker"));
            }
            if count < BLOCK {
                return Ok(None);
            }
        }
    }

    fn check_header(&self, header: &Header, at: u64) -> Result<(), Error> {
        let sum: u64 = header.as_bytes().iter().map(|b| u64::from(*b)).sum();
        let field = &header.as_old().cksum;
        let blanked = sum - field.iter().map(|b| u64::from(*b)).sum::<u64>() + 8 * u64::from(b' ');
        if self.number(field, at + 148)? != blanked {
            return Err(self.malformed(at + 148, "the checksum of a header is wrong"));
        }
        if !matches!(
            &header.as_bytes()[257..265],
            b"ustar  \0" | b"ustar\x0000" | b"\0\0\0\0\0\0\0\0"
        ) {
            return Err(self.malformed(at + 257, "neither a GNU nor a POSIX nor an old header"));
        }
        // dpkg looks at these in every header, in those of long names as well.
        let fields = header.as_old();
        self.number(&fields.mode, at + 100)?;
        self.number(&fields.mtime, at + 136)?;
        for (field, offset) in [(&fields.uid, at + 108), (&fields.gid, at + 116)] {
            if self.number(field, offset)? > u64::from(u32::MAX) {
                return Err(self.malformed(offset, "the number of an owner has more than 32 bits"));
            }
        }
        if matches!(fields.linkflag[0], b'3' | b'4') {
            self.number(&header.as_bytes()[329..337], at + 329)?;
            self.number(&header.as_bytes()[337..345], at + 337)?;
        }
        Ok(())
    }

    fn entry(
        &self,
        header: &Header,
        at: u64,
        size: u64,
        long_name: Option<Vec<u8>>,
        long_target: Option<Vec<u8>>,
    ) -> Result<TarEntry, Error> {
        let fields = header.as_old();
        let raw_name = long_name.map_or_else(|| header.path_bytes(), Cow::Owned);
        let raw_target = match long_target {
            Some(target) => Cow::Owned(target),
            None => header.link_name_bytes().unwrap_or_default(),
        };
        let kind = match fields.linkflag[0] {
            // Before POSIX a file whose name ends with a slash was a folder; dpkg still reads it
            // so.
            b'0' | b'\0' if raw_name.ends_with(b"/") => EntryKind::Directory,
            b'0' | b'\0' => EntryKind::File,
            b'1' => EntryKind::HardLink(self.path(&raw_target, at + 157)?),
            b'2' => EntryKind::Symlink(self.target(&raw_target, at + 157)?),
            b'3' => EntryKind::CharacterDevice,
            b'4' => EntryKind::BlockDevice,
            b'5' => EntryKind::Directory,
            b'6' => EntryKind::Fifo,
            b'x' | b'g' => {
                return Err(self.malformed(at + 156, "a PAX header, which dpkg does not read"));
            }
            _ => return Err(self.malformed(at + 156, "an entry of an unknown type")),
        };
        if size > 0 && kind != EntryKind::File {
            return Err(self.malformed(at + 124, "an entry that is not a file has a size"));
        }
        let path = self.path(&raw_name, at)?;
        if path.is_empty() && kind != EntryKind::Directory {
            return Err(self.malformed(at, "the root is not a folder"));
        }
        let mode = self.number(&fields.mode, at + 100)?;
        // Old archives keep the type in the upper bits.
        let mode = u32::try_from(mode & 0o7777).unwrap_or_default();
        Ok(TarEntry {
            path,
            kind,
            mode,
            uid: self.number(&fields.uid, at + 108)?,
            gid: self.number(&fields.gid, at + 116)?,
            owner: self.account(header.username(), at + 265)?,
            group: self.account(header.groupname(), at + 297)?,
            size,
            mtime: self.number(&fields.mtime, at + 136)?,
        })
    }

    fn read_long(&mut self, at: u64, size: u64) -> Result<Vec<u8>, Error> {
        // "./" before, "/" and NUL behind.
        if size == 0 || size > MAX_PATH as u64 + 4 {
            return Err(self.malformed(at + 124, "a long name is empty or longer than 4095 bytes"));
        }
        let mut text = Vec::new();
        self.read_to_end(&mut text)?;
        // dpkg relies on it.
        if text.pop() != Some(0) {
            return Err(self.malformed(at, "a long name does not end with a NUL"));
        }
        Ok(text)
    }

    fn path(&self, raw: &[u8], at: u64) -> Result<String, Error> {
        let text = std::str::from_utf8(raw)
            .map_err(|_| self.malformed(at, "a path is not UTF-8 (Debian Policy 10.10)"))?;
        let path = text.strip_prefix("./").unwrap_or(if text == "." { "" } else { text });
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() && text.starts_with('.') {
            return Ok(String::new());
        }
        check_path(path).map_err(|reason| self.malformed(at, reason))?;
        Ok(path.to_owned())
    }

    fn target(&self, raw: &[u8], at: u64) -> Result<String, Error> {
        match std::str::from_utf8(raw) {
            Ok(text) if !text.is_empty() && !text.chars().any(char::is_control) => {
                Ok(text.to_owned())
            }
            _ => Err(self
                .malformed(at, "a link's target is empty, not UTF-8 or has a control character")),
        }
    }

    fn account(
        &self,
        name: Result<Option<&str>, std::str::Utf8Error>,
        at: u64,
    ) -> Result<String, Error> {
        match name {
            Ok(name) if !name.unwrap_or_default().chars().any(char::is_control) => {
                Ok(name.unwrap_or_default().to_owned())
            }
            _ => Err(self.malformed(at, "an owner's name is not UTF-8 or has a control character")),
        }
    }

    /// Octal digits between blanks and NULs, or GNU's base 256 for what does not fit.
    fn number(&self, field: &[u8], at: u64) -> Result<u64, Error> {
        let malformed = || self.malformed(at, "a number in a header is not octal, or out of range");
        if let [0x80, bytes @ ..] = field {
            return bytes
                .iter()
                .try_fold(0_u64, |sum, b| Some(sum.checked_mul(256)? | u64::from(*b)))
                // Room for sums of sizes and offsets.
                .filter(|number| *number < 1 << 62)
                .ok_or_else(malformed);
        }
        let blanks = field.iter().take_while(|b| **b == b' ').count();
        let text = &field[blanks..];
        let digits = text.iter().take_while(|b| (b'0'..=b'7').contains(b)).count();
        let (digits, rest) = text.split_at(digits);
        // dpkg takes a field that is all NUL for zero, and refuses one that is all blank.
        if text.is_empty() || rest.iter().any(|b| *b != 0 && *b != b' ') {
            return Err(malformed());
        }
        Ok(digits.iter().fold(0, |sum, b| sum * 8 + u64::from(b - b'0')))
    }

    fn malformed(&self, offset: u64, reason: impl Into<Cow<'static, str>>) -> Error {
        Error::malformed(self.part, offset, reason)
    }
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.input.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(self.malformed(self.offset, "the archive ends inside an entry").into_io());
        }
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
