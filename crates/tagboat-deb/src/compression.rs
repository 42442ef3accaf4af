//! Compression of .deb members: in: bytes, out: one stream, always the same; and back.

use std::io::{self, BufRead, Read, Write};
use std::num::NonZeroU32;

use flate2::{Compression as GzipLevel, GzBuilder, bufread::MultiGzDecoder, write::GzEncoder};
use liblzma::bufread::XzDecoder;
use liblzma::stream::{Check, MtStreamBuilder, Stream};
use liblzma::write::XzEncoder;
use zstd::zstd_safe::CParameter;

use crate::error::{Error, Part};

/// How a member is compressed. Levels are fixed, because they are part of the bytes that we
/// promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip at level 9, as dpkg-deb.
    Gzip,
    /// xz at level 6, as dpkg-deb. The default: every dpkg since 1.17.6 (Debian 8) reads it, and
    /// lintian 2.116 of Debian 12 calls a .deb with zstd members `malformed-deb-archive`, an error.
    #[default]
    Xz,
    /// zstd at level 3, as dpkg-deb: measured 25 to 70 times cheaper than xz and up to a tenth
    /// larger. Read by dpkg from 1.21.18 (Debian 12) and on Ubuntu; not by Debian 11.
    Zstd,
}

impl Compression {
    /// What comes behind `control.tar` and `data.tar` in the name of the member.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
        }
    }

    /// The compression that a suffix stands for. bzip2 and lzma, which deb(5) still knows, are not
    /// read.
    #[must_use]
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        [Self::None, Self::Gzip, Self::Xz, Self::Zstd].into_iter().find(|c| c.suffix() == suffix)
    }
}

/// How many threads compress. The bytes do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(pub NonZeroU32);

impl Default for Threads {
    fn default() -> Self {
        Self(NonZeroU32::MIN)
    }
}

/// liblzma cuts its input into blocks of this size, 3 dictionaries of level 6, whatever the number
/// of threads.
const XZ_BLOCK: u64 = 24 << 20;
const ZSTD_LEVEL: i32 = 3;
/// zstd's own values for level 3, written down so that neither a new libzstd nor a known size moves
/// them.
const ZSTD_WINDOW_LOG: u32 = 21;
const ZSTD_JOB: u32 = 8 << 20;
const ZSTD_OVERLAP_LOG: u32 = 6;

/// Compresses into a writer: always exactly one zstd frame, xz stream or gzip member, because
/// Debian 12's dpkg-deb reads only the first.
pub(crate) enum Encoder<W: Write> {
    None(W),
    Gzip(GzEncoder<W>),
    Xz(XzEncoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    pub(crate) fn new(out: W, compression: Compression, threads: Threads) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None(out),
            // No date, and "unknown" as the system: the two things in a gzip header that could
            // differ.
            Compression::Gzip => Self::Gzip(
                GzBuilder::new().mtime(0).operating_system(255).write(out, GzipLevel::new(9)),
            ),
            Compression::Xz => {
                let stream = MtStreamBuilder::new()
                    .preset(6)
                    .check(Check::Crc64)
                    .block_size(XZ_BLOCK)
                    .threads(threads.0.get())
                    .encoder()?;
                Self::Xz(XzEncoder::new_stream(out, stream))
            }
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?;
                // With no worker at all zstd would cut its jobs differently.
                encoder.multithread(threads.0.get())?;
                encoder.window_log(ZSTD_WINDOW_LOG)?;
                encoder.set_parameter(CParameter::JobSize(ZSTD_JOB))?;
                encoder.set_parameter(CParameter::OverlapSizeLog(ZSTD_OVERLAP_LOG))?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::None(out) => Ok(out),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Xz(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Xz(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    /// Deliberately does nothing below: a flush would end a block and so show in the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a decoder may use and what it names in its errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecoderLimits {
    /// What the bytes that come out are.
    pub(crate) part: Part,
    /// Where the member starts in the .deb.
    pub(crate) offset: u64,
    /// The largest window in bytes. zstd wants a power of two: the next lower one is taken.
    pub(crate) memory: u64,
    /// The most bytes that may come out.
    pub(crate) bytes: u64,
}

/// Decompresses a member within limits. Its errors carry an [`Error`].
pub(crate) struct Decoder<R: BufRead> {
    codec: Codec<R>,
    limits: DecoderLimits,
    left: u64,
}

enum Codec<R: BufRead> {
    None(R),
    Gzip(MultiGzDecoder<R>),
    Xz(XzDecoder<R>),
    Zstd(zstd::stream::read::Decoder<'static, R>),
}

impl<R: BufRead> Decoder<R> {
    pub(crate) fn new(
        input: R,
        compression: Compression,
        limits: DecoderLimits,
    ) -> io::Result<Self> {
        let codec = match compression {
            Compression::None => Codec::None(input),
            Compression::Gzip => Codec::Gzip(MultiGzDecoder::new(input)),
            Compression::Xz => {
                // One stream only, as Debian 12's dpkg-deb.
                Codec::Xz(XzDecoder::new_stream(
                    input,
                    Stream::new_stream_decoder(limits.memory, 0)?,
                ))
            }
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?.single_frame();
                // libzstd takes 10 to 31.
                decoder.window_log_max(limits.memory.max(1).ilog2().clamp(10, 31))?;
                Codec::Zstd(decoder)
            }
        };
        Ok(Self { codec, limits, left: limits.bytes })
    }

    /// Makes sure that nothing of the member is left once the tar archive in it was read to its
    /// end.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if self.read(&mut [0])? > 0 {
            return Err(self.malformed("there is more than the tar archive in it"));
        }
        let Self { codec, limits, .. } = self;
        let mut input = match codec {
            Codec::None(input) => input,
            Codec::Gzip(decoder) => decoder.into_inner(),
            Codec::Xz(decoder) => decoder.into_inner(),
            Codec::Zstd(decoder) => decoder.finish(),
        };
        if input.fill_buf()?.is_empty() {
            return Ok(());
        }
        let reason = "there is something behind its first stream, which dpkg-deb would not read";
        Err(Error::malformed(
            Part::Archive,
            limits.offset,
            format!("member {}: {reason}", limits.part),
        ))
    }

    fn malformed(&self, reason: &str) -> Error {
        let DecoderLimits { part, offset, .. } = self.limits;
        Error::malformed(Part::Archive, offset, format!("member {part}: {reason}"))
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.codec {
            Codec::None(input) => input.read(buffer),
            Codec::Gzip(decoder) => decoder.read(buffer),
            Codec::Xz(decoder) => decoder.read(buffer),
            Codec::Zstd(decoder) => decoder.read(buffer),
        };
        let count = count.map_err(|error| {
            let passes = error.kind() == io::ErrorKind::Interrupted
                || error.get_ref().is_some_and(|inner| inner.is::<Error>());
            if passes {
                error
            } else {
                self.malformed(&format!("cannot be decompressed, {error}")).into_io()
            }
        })?;
        let DecoderLimits { part, bytes, .. } = self.limits;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| Error::Limit { part, what: "bytes", allowed: bytes }.into_io())?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compress(bytes: &[u8], compression: Compression, threads: u32, chunk: usize) -> Vec<u8> {
        let threads = Threads(NonZeroU32::new(threads).unwrap());
        let mut encoder = Encoder::new(Vec::new(), compression, threads).unwrap();
        for piece in bytes.chunks(chunk) {
            encoder.write_all(piece).unwrap();
        }
        encoder.finish().unwrap()
    }

    fn decompress(
        bytes: &[u8],
        compression: Compression,
        memory: u64,
        allowed: u64,
    ) -> Result<Vec<u8>, Error> {
        let limits = DecoderLimits { part: Part::DataTar, offset: 72, memory, bytes: allowed };
        let mut decoder = Decoder::new(bytes, compression, limits)?;
        let mut plain = Vec::new();
        decoder.read_to_end(&mut plain)?;
        decoder.finish()?;
        Ok(plain)
    }

    /// Mostly repetitive, so that it is quick, and with enough noise to make cuts show.
    fn sample(len: usize) -> Vec<u8> {
        let mut state = 1u32;
        (0..len)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if at / 4096 % 64 > 0 { (at % 61) as u8 } else { (state >> 24) as u8 }
            })
            .collect()
    }

    #[test]
    fn the_bytes_depend_neither_on_threads_nor_on_the_size_of_writes() {
        let long = sample(30 << 20);
        for (compression, len) in [
            (Compression::Gzip, 3 << 20),
            (Compression::Xz, 25 << 20),
            (Compression::Zstd, 30 << 20),
        ] {
            for len in [0, 1, 1000, len] {
                let plain = &long[..len];
                let one = compress(plain, compression, 1, 1 << 20);
                assert!(one == compress(plain, compression, 3, 70_001), "{compression:?} {len}");
                assert!(decompress(&one, compression, 64 << 20, u64::MAX).unwrap() == plain);
            }
        }
    }

    #[test]
    fn what_follows_the_first_stream_is_refused_except_in_gzip() {
        for (compression, refused) in
            [(Compression::Xz, true), (Compression::Zstd, true), (Compression::Gzip, false)]
        {
            let mut twice = compress(b"abc", compression, 1, 9);
            twice.extend(twice.clone());
            match decompress(&twice, compression, 64 << 20, u64::MAX) {
                Ok(plain) => assert!(!refused && plain == b"abcabc"),
                Err(error) => assert!(refused && error.to_string().contains("first stream")),
            }
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_its_limit() {
        let plain = vec![0; 1 << 20];
        for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
            let packed = compress(&plain, compression, 1, 1 << 20);
            let error = decompress(&packed, compression, 64 << 20, (1 << 20) - 1).unwrap_err();
            assert!(matches!(error, Error::Limit { allowed: 1_048_575, .. }), "{error}");
            assert!(decompress(&packed, compression, 64 << 20, 1 << 20).is_ok());
        }
    }

    #[test]
    fn every_cut_is_an_error_with_the_member_s_offset() {
        let plain = sample(20_000);
        for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
            let packed = compress(&plain, compression, 1, 1 << 20);
            for len in (1..packed.len()).step_by(97).chain([packed.len() - 1]) {
                let error =
                    decompress(&packed[..len], compression, 64 << 20, u64::MAX).unwrap_err();
                assert!(
                    matches!(error, Error::Malformed { offset: 72, .. }),
                    "{compression:?} {len}"
                );
            }
        }
    }

    #[test]
    fn a_window_above_the_memory_allowed_is_refused() {
        for compression in [Compression::Xz, Compression::Zstd] {
            let packed = compress(&sample(3 << 20), compression, 1, 1 << 20);
            assert!(decompress(&packed, compression, 1 << 20, u64::MAX).is_err());
        }
    }
}
