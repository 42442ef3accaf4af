//! Sizes and checksums: in: bytes that pass by, out: their number, MD5 and SHA-256, in one pass.

use std::fmt;
use std::io::{self, Read, Write};

use md5::{Digest as _, Md5};
use sha2::Sha256;

/// An MD5 checksum; its text is lower-case hexadecimal. Only for `md5sums` and `Packages`, where
/// Debian asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Md5Sum(pub [u8; 16]);

/// A SHA-256 checksum; its text is lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Sum(pub [u8; 32]);

impl fmt::Display for Md5Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a `Packages` file says about the bytes of a file. SHA-1 is left out: apt trusts it no
/// longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// The number of bytes.
    pub size: u64,
    /// Their MD5.
    pub md5: Md5Sum,
    /// Their SHA-256.
    pub sha256: Sha256Sum,
}

impl Digests {
    /// Reads to the end.
    ///
    /// # Errors
    /// What the reader fails with.
    pub fn of(reader: impl Read) -> io::Result<Self> {
        let mut digesting = Digesting::new(reader);
        io::copy(&mut digesting, &mut io::sink())?;
        Ok(digesting.finish())
    }
}

/// A reader or writer that counts and digests what passes through it.
pub struct Digesting<T> {
    inner: T,
    size: u64,
    md5: Md5,
    sha256: Sha256,
}

impl<T> fmt::Debug for Digesting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digesting").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<T> Digesting<T> {
    /// Starts at zero bytes.
    pub fn new(inner: T) -> Self {
        Self { inner, size: 0, md5: Md5::new(), sha256: Sha256::new() }
    }

    /// The digests of all that passed.
    pub fn finish(self) -> Digests {
        Digests {
            size: self.size,
            md5: Md5Sum(self.md5.finalize().into()),
            sha256: Sha256Sum(self.sha256.finalize().into()),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.md5.update(bytes);
        self.sha256.update(bytes);
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.add(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.add(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_the_published_ones() {
        let digests = Digests::of(&b"abc"[..]).unwrap();
        assert_eq!(digests.size, 3);
        assert_eq!(digests.md5.to_string(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            digests.sha256.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let mut written = Digesting::new(Vec::new());
        written.write_all(b"abc").unwrap();
        assert_eq!(written.finish(), digests);
    }
}
