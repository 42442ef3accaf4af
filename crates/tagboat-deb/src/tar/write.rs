//! Writes a tree as GNU tar: in: sorted entries and one date, out: the same bytes every time.

use std::io::{self, Read, Write};

use ::tar::{EntryType, Header};
use md5::{Digest as _, Md5};

use super::BLOCK;
use super::tree::{Content, Tree};
use crate::digest::Md5Sum;
use crate::error::Error;

/// The latest date that eleven octal digits hold, in the year 2242.
const MAX_MTIME: u64 = 0o777_7777_7777;
const BUFFER: usize = 128 << 10;

/// What was packed.
pub(crate) struct Summary {
    /// dpkg-gencontrol's estimate in KiB: files and links by their size, rounded up, all else 1
    /// (Policy 5.6.20).
    pub(crate) installed_size: u64,
    /// The checksum of every file, in order.
    pub(crate) md5sums: Vec<(String, Md5Sum)>,
}

/// Writes all entries with the date `mtime` (seconds since 1970), the folder `./` first.
pub(crate) fn write_tree(
    mut out: impl Write,
    tree: Tree<'_>,
    mtime: u64,
) -> Result<Summary, Error> {
    if mtime > MAX_MTIME {
        return Err(Error::entry("", "the date is later than a tar header can hold"));
    }
    let mut summary = Summary { installed_size: 1, md5sums: Vec::new() };
    let mut buffer = vec![0; BUFFER];
    write_header(&mut out, "./", EntryType::Directory, 0o755, 0, "", mtime)?;
    for (path, node) in tree.into_nodes()? {
        match node.content {
            Content::Directory => {
                let name = format!("./{path}/");
                write_header(&mut out, &name, EntryType::Directory, node.mode, 0, "", mtime)?;
                summary.installed_size += 1;
            }
            Content::Symlink { target } => {
                let name = format!("./{path}");
                write_header(&mut out, &name, EntryType::Symlink, node.mode, 0, &target, mtime)?;
                summary.installed_size += (target.len() as u64).div_ceil(1024);
            }
            Content::File { size, source } => {
                let name = format!("./{path}");
                write_header(&mut out, &name, EntryType::Regular, node.mode, size, "", mtime)?;
                let source_error = |error| Error::Source { path: path.clone(), error };
                let body = source().map_err(source_error)?;
                let md5 = write_body(&mut out, &path, size, body, &mut buffer)?;
                summary.installed_size += size.div_ceil(1024);
                summary.md5sums.push((path, md5));
            }
        }
    }
    out.write_all(&[0; 2 * BLOCK])?;
    Ok(summary)
}

fn write_body(
    out: &mut impl Write,
    path: &str,
    size: u64,
    mut body: impl Read,
    buffer: &mut [u8],
) -> Result<Md5Sum, Error> {
    let mut md5 = Md5::new();
    let mut written = 0;
    loop {
        let count = match body.read(buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::Source { path: path.to_owned(), error }),
        };
        written += count as u64;
        if written > size {
            break;
        }
        md5.update(&buffer[..count]);
        out.write_all(&buffer[..count])?;
    }
    if written != size {
        let more_or_less = if written > size { "more" } else { "less" };
        return Err(Error::entry(path, format!("announced {size} bytes, but had {more_or_less}")));
    }
    write_padding(out, size)?;
    Ok(Md5Sum(md5.finalize().into()))
}

fn write_header(
    out: &mut impl Write,
    name: &str,
    kind: EntryType,
    mode: u32,
    size: u64,
    target: &str,
    mtime: u64,
) -> Result<(), Error> {
    let mut header = Header::new_gnu();
    let fields = header.as_old_mut();
    if name.len() > fields.name.len() {
        write_long(out, EntryType::GNULongName, name)?;
    }
    if target.len() > fields.linkname.len() {
        write_long(out, EntryType::GNULongLink, target)?;
    }
    fill(&mut fields.name, name);
    fill(&mut fields.linkname, target);
    header.set_mtime(mtime);
    seal(out, header, kind, mode, size)
}

/// GNU's way to say a name that does not fit: an entry with the name as its content comes first.
fn write_long(out: &mut impl Write, kind: EntryType, text: &str) -> Result<(), Error> {
    let mut header = Header::new_gnu();
    fill(&mut header.as_old_mut().name, "././@LongLink");
    header.set_mtime(0);
    let size = text.len() as u64 + 1;
    seal(out, header, kind, 0o644, size)?;
    out.write_all(text.as_bytes())?;
    out.write_all(&[0])?;
    write_padding(out, size)
}

fn seal(
    out: &mut impl Write,
    mut header: Header,
    kind: EntryType,
    mode: u32,
    size: u64,
) -> Result<(), Error> {
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_cksum();
    Ok(out.write_all(header.as_bytes())?)
}

fn fill(field: &mut [u8], text: &str) {
    let count = text.len().min(field.len());
    field[..count].copy_from_slice(&text.as_bytes()[..count]);
}

fn write_padding(out: &mut impl Write, size: u64) -> Result<(), Error> {
    let over = (size % BLOCK as u64) as usize;
    if over > 0 {
        out.write_all(&[0; BLOCK][over..])?;
    }
    Ok(())
}
