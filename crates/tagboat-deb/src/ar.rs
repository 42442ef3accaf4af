//! The ar format of deb(5): in: members, out: an archive; and back, checked byte by byte.

use std::io::{self, Read, Write};

use crate::error::{Error, Part};

/// What every archive starts with.
pub const MAGIC: &[u8; 8] = b"!<arch>\n";
/// The largest member: its size has ten decimal digits (deb(5)).
pub const MAX_SIZE: u64 = 9_999_999_999;
const HEADER: usize = 60;

/// What a header says about its member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// At most 15 bytes (deb(5)), without the slash that GNU ar writes behind it.
    pub name: String,
    /// Seconds since 1970.
    pub mtime: u64,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// Type and permission bits.
    pub mode: u64,
    /// The number of bytes in the body.
    pub size: u64,
    /// Where the header starts in the archive.
    pub offset: u64,
}

/// Writes an archive; all members belong to root, with mode 100644, as dpkg-deb writes them.
#[derive(Debug)]
pub struct ArWriter<W> {
    out: W,
}

impl<W: Write> ArWriter<W> {
    /// Starts an archive.
    ///
    /// # Errors
    /// `Error::Io` from the writer.
    pub fn new(mut out: W) -> Result<Self, Error> {
        out.write_all(MAGIC)?;
        Ok(Self { out })
    }

    /// Adds a member: `size` bytes of `body`, dated `mtime` seconds since 1970.
    ///
    /// # Errors
    /// `Error::Entry` for a name, date or size that the header cannot hold, and for a body of
    /// another size; `Error::Io` from reader or writer.
    pub fn append(
        &mut self,
        name: &str,
        mtime: u64,
        size: u64,
        mut body: impl Read,
    ) -> Result<(), Error> {
        if name.is_empty() || name.len() > 15 || !name.bytes().all(is_name_byte) {
            return Err(Error::entry(
                name,
                "an ar member is named with 1 to 15 of a-z A-Z 0-9 . _ + -",
            ));
        }
        if mtime > 999_999_999_999 || size > MAX_SIZE {
            return Err(Error::entry(
                name,
                "date or size is too large for the header of an ar member",
            ));
        }
        writeln!(self.out, "{name:<16}{mtime:<12}{:<6}{:<6}{:<8}{size:<10}`", 0, 0, "100644")?;
        let copied = io::copy(&mut (&mut body).take(size), &mut self.out)?;
        if copied < size {
            return Err(Error::entry(name, format!("announced {size} bytes, but had {copied}")));
        }
        if read_full(&mut body, &mut [0])? > 0 {
            return Err(Error::entry(name, format!("announced {size} bytes, but had more")));
        }
        if size % 2 == 1 {
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// The writer below, after the last member.
    pub fn into_inner(self) -> W {
        self.out
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._+-".contains(&byte)
}

/// Reads an archive member by member from a stream. As `Read` it gives the body of the current
/// member; its errors carry an [`Error`].
#[derive(Debug)]
pub struct ArReader<R> {
    input: R,
    offset: u64,
    left: u64,
    padded: bool,
}

impl<R: Read> ArReader<R> {
    /// Reads the magic.
    ///
    /// # Errors
    /// `Error::Malformed` where it is another, `Error::Io` from the reader.
    pub fn new(mut input: R) -> Result<Self, Error> {
        let mut magic = [0; MAGIC.len()];
        if read_full(&mut input, &mut magic)? < magic.len() || magic != *MAGIC {
            return Err(malformed(0, "does not start with \"!<arch>\""));
        }
        Ok(Self { input, offset: MAGIC.len() as u64, left: 0, padded: false })
    }

    /// Where in the archive the next byte is read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The reader below.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Goes behind the rest of the current member to the next one; `None` at the end of the
    /// archive.
    ///
    /// # Errors
    /// `Error::Malformed` for a header that deb(5) does not allow and for an archive that ends
    /// early; `Error::Io` from the reader.
    pub fn next_member(&mut self) -> Result<Option<Member>, Error> {
        io::copy(self, &mut io::sink())?;
        if std::mem::take(&mut self.padded) {
            let mut padding = [0];
            if read_full(&mut self.input, &mut padding)? == 0 || padding != *b"\n" {
                return Err(malformed(self.offset, "no newline behind a member of odd size"));
            }
            self.offset += 1;
        }
        let mut header = [0; HEADER];
        let start = self.offset;
        match read_full(&mut self.input, &mut header)? {
            0 => return Ok(None),
            HEADER => {}
            _ => return Err(malformed(start, "the header of a member is cut off")),
        }
        if &header[58..] != b"`\n" {
            return Err(malformed(start + 58, "the header of a member does not end as it must"));
        }
        let member = Member {
            name: parse_name(&header[..16], start)?,
            mtime: parse_number(&header[16..28], 10, start + 16)?,
            uid: parse_number(&header[28..34], 10, start + 28)?,
            gid: parse_number(&header[34..40], 10, start + 34)?,
            mode: parse_number(&header[40..48], 8, start + 40)?,
            size: parse_number(&header[48..58], 10, start + 48)?,
            offset: start,
        };
        self.offset += HEADER as u64;
        self.left = member.size;
        self.padded = member.size % 2 == 1;
        Ok(Some(member))
    }
}

impl<R: Read> Read for ArReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.input.read(&mut buffer[..wanted])?;
        if count == 0 {
            let reason = format!("the archive ends {} bytes before its member does", self.left);
            return Err(malformed(self.offset, reason).into_io());
        }
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

fn malformed(offset: u64, reason: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::malformed(Part::Archive, offset, reason)
}

fn parse_name(field: &[u8], offset: u64) -> Result<String, Error> {
    let text = field.trim_ascii_end();
    if text.starts_with(b"/") || text.starts_with(b"#1/") {
        return Err(malformed(offset, "a long name or symbol table of GNU or BSD ar"));
    }
    let name = text.strip_suffix(b"/").unwrap_or(text);
    if name.is_empty() || name.len() > 15 || !name.iter().copied().all(is_name_byte) {
        return Err(malformed(offset, "a member's name is not 1 to 15 of a-z A-Z 0-9 . _ + -"));
    }
    Ok(name.iter().copied().map(char::from).collect())
}

fn parse_number(field: &[u8], radix: u32, offset: u64) -> Result<u64, Error> {
    let digits = field.iter().take_while(|b| **b != b' ').count();
    if field[digits..].iter().any(|b| *b != b' ') {
        return Err(malformed(offset, "a number in a header is not followed by blanks"));
    }
    // At most twelve digits: no overflow.
    field[..digits]
        .iter()
        .try_fold(0, |sum, b| {
            Some(sum * u64::from(radix) + u64::from(char::from(*b).to_digit(radix)?))
        })
        .filter(|_| digits > 0)
        .ok_or_else(|| malformed(offset, format!("a number in a header is not of base {radix}")))
}

/// Reads until the buffer is full or the input ends, and says how many bytes there were.
pub(crate) fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match input.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<u8> {
        let mut writer = ArWriter::new(Vec::new()).unwrap();
        writer.append("odd", 7, 3, &b"abc"[..]).unwrap();
        writer.append("even.tar", 7, 2, &b"de"[..]).unwrap();
        writer.into_inner()
    }

    fn read_all(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut reader = ArReader::new(bytes)?;
        let mut all = Vec::new();
        while let Some(member) = reader.next_member()? {
            let mut body = Vec::new();
            reader.read_to_end(&mut body)?;
            all.push((member.name, body));
        }
        Ok(all)
    }

    #[test]
    fn members_are_read_as_written() {
        let all = read_all(&archive()).unwrap();
        assert_eq!(
            all,
            [("odd".to_owned(), b"abc".to_vec()), ("even.tar".to_owned(), b"de".to_vec())]
        );
        let bytes = archive();
        let mut skipping = ArReader::new(&bytes[..]).unwrap();
        assert_eq!(skipping.next_member().unwrap().unwrap().mode, 0o100_644);
        assert_eq!(skipping.next_member().unwrap().unwrap().offset, 8 + 60 + 4);
    }

    #[test]
    fn the_system_s_ar_reads_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ar");
        std::fs::write(&path, archive()).unwrap();
        let output = std::process::Command::new("ar").arg("t").arg(&path).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "odd\neven.tar\n");
    }

    #[test]
    fn a_member_of_another_size_or_name_is_not_written() {
        let mut writer = ArWriter::new(Vec::new()).unwrap();
        assert!(writer.append("a", 0, 4, &b"abc"[..]).is_err());
        assert!(writer.append("a", 0, 2, &b"abc"[..]).is_err());
        assert!(writer.append("", 0, 0, &b""[..]).is_err());
        assert!(writer.append("a/", 0, 0, &b""[..]).is_err());
        assert!(writer.append("sixteen-letters-", 0, 0, &b""[..]).is_err());
        assert!(writer.append("a", 0, MAX_SIZE + 1, io::repeat(0)).is_err());
        assert!(writer.append("a", 1_000_000_000_000, 0, &b""[..]).is_err());
    }

    #[test]
    fn every_flaw_is_refused_where_it_is() {
        type Spoil = fn(&mut Vec<u8>);
        let spoils: [(Spoil, &str); 17] = [
            (|a| a[0] = b'?', "byte 0: does not start"),
            (|a| a.truncate(7), "byte 0: does not start"),
            (|a| a[8] = b' ', "byte 8: a member's name"),
            (|a| a[8] = b'/', "byte 8: a long name"),
            (|a| a[8..12].copy_from_slice(b"#1/2"), "byte 8: a long name"),
            (|a| a[8..24].copy_from_slice(b"abcdefghijklmnop"), "byte 8: a member's name"),
            (|a| a[24] = b'-', "byte 24: a number"),
            (|a| a[26] = b'1', "byte 24: a number"),
            (|a| a[36] = b' ', "byte 36: a number"),
            (|a| a[48] = b'9', "byte 48: a number"),
            (|a| a[56] = b'-', "byte 56: a number"),
            (|a| a[56..66].copy_from_slice(b"9999999999"), "byte 134: the archive ends"),
            (|a| a[66] = b'!', "byte 66: the header"),
            (|a| a[71] = b'x', "byte 71: no newline"),
            (|a| a.truncate(71), "byte 71: no newline"),
            (|a| a.truncate(90), "byte 72: the header of a member is cut off"),
            (|a| a.push(b'x'), "byte 134: the header of a member is cut off"),
        ];
        for (spoil, expected) in spoils {
            let mut bytes = archive();
            spoil(&mut bytes);
            let error = read_all(&bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
