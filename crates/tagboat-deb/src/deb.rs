//! Writes a .deb: in: control fields, scripts and a tree, out: its bytes and their digests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use crate::ar::ArWriter;
use crate::compression::{Compression, Encoder, Threads};
use crate::control::Paragraph;
use crate::digest::{Digesting, Digests};
use crate::error::Error;
use crate::names::PackageName;
use crate::tar::{SetId, Tree, write_tree};
use crate::version::DebianVersion;

/// A file of the control archive that the packager may give (deb(5)); `control`, `conffiles` and
/// `md5sums` are made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ControlFile {
    /// Runs before unpacking.
    Preinst,
    /// Runs after unpacking.
    Postinst,
    /// Runs before removal.
    Prerm,
    /// Runs after removal.
    Postrm,
    /// debconf's questions (debconf-devel(7)).
    Config,
    /// debconf's texts.
    Templates,
    /// deb-triggers(5).
    Triggers,
    /// deb-shlibs(5).
    Shlibs,
    /// deb-symbols(5).
    Symbols,
}

impl ControlFile {
    /// Its name in the control archive.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Preinst => "preinst",
            Self::Postinst => "postinst",
            Self::Prerm => "prerm",
            Self::Postrm => "postrm",
            Self::Config => "config",
            Self::Templates => "templates",
            Self::Triggers => "triggers",
            Self::Shlibs => "shlibs",
            Self::Symbols => "symbols",
        }
    }

    /// Whether dpkg or debconf runs it.
    #[must_use]
    pub fn is_script(self) -> bool {
        matches!(self, Self::Preinst | Self::Postinst | Self::Prerm | Self::Postrm | Self::Config)
    }
}

/// Of every stream: few system calls, and still nothing next to the window of a compressor.
const BUFFER: usize = 128 << 10;

/// All that goes into a package.
#[derive(Debug)]
pub struct DebContents<'a> {
    /// The fields of the binary package (Debian Policy 5.3); `Installed-Size` is computed.
    pub control: Paragraph,
    /// Paths in `tree` that dpkg treats as configuration (deb-conffiles(5)), without the slash at
    /// the start.
    pub conffiles: BTreeSet<String>,
    /// Maintainer scripts and the like.
    pub control_files: BTreeMap<ControlFile, Vec<u8>>,
    /// The files.
    pub tree: Tree<'a>,
}

/// How the bytes are made.
#[derive(Debug, Clone, Copy, Default)]
pub struct DebFormat {
    /// Of both members.
    pub compression: Compression,
    /// The date of everything inside, in seconds since 1970.
    pub mtime: u64,
    /// How many threads compress; no byte depends on it.
    pub threads: Threads,
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// Of the whole .deb.
    pub digests: Digests,
    /// `Installed-Size`, in KiB.
    pub installed_size: u64,
    /// The control paragraph as it stands in the package.
    pub control: Paragraph,
}

/// Writes a package to `out`.
///
/// The control member comes first in the file, but needs the checksums and the size of the files,
/// and its own neighbour's header needs the size of the compressed data. So the data member is
/// compressed to `scratch` first (from its current position on; a temporary file) and copied behind
/// the control member: each file is read once, `out` need not be seekable, and memory depends on
/// the compression and the number of entries only.
///
/// # Errors
/// `Error::Field` for a bad control paragraph, `Error::Entry` for a bad tree, conffile or script,
/// `Error::Source` for a file that cannot be read, `Error::Io` from `out` and `scratch`. What was
/// written by then is to be thrown away.
pub fn write_deb(
    out: impl Write,
    mut scratch: impl Read + Write + Seek,
    contents: DebContents<'_>,
    format: &DebFormat,
) -> Result<Written, Error> {
    let DebContents { mut control, conffiles, control_files, tree } = contents;
    check_control(&control)?;
    check_conffiles(&conffiles, &tree)?;

    let start = scratch.stream_position()?;
    let packed = pack(BufWriter::with_capacity(BUFFER, &mut scratch), tree, format)?;
    let end = scratch.stream_position()?;

    control.set_after("Maintainer", "Installed-Size", &packed.installed_size.to_string())?;
    let mut control_tree = Tree::new(SetId::Refused);
    control_tree.bytes("control", 0o644, control.to_string())?;
    if !conffiles.is_empty() {
        let lines: String = conffiles.iter().map(|path| format!("/{path}\n")).collect();
        control_tree.bytes("conffiles", 0o644, lines)?;
    }
    // As dh_md5sums: dpkg keeps the sums of conffiles itself.
    let md5sums: String = packed
        .md5sums
        .iter()
        .filter(|(path, _)| !conffiles.contains(path))
        .map(|(path, md5)| format!("{md5}  {path}\n"))
        .collect();
    if !md5sums.is_empty() {
        control_tree.bytes("md5sums", 0o644, md5sums)?;
    }
    for (file, bytes) in &control_files {
        check_script(*file, bytes)?;
        let mode = if file.is_script() { 0o755 } else { 0o644 };
        control_tree.bytes(file.name(), mode, bytes)?;
    }
    let mut control_member = Vec::new();
    pack(&mut control_member, control_tree, &DebFormat { threads: Threads::default(), ..*format })?;

    scratch.seek(SeekFrom::Start(start))?;
    let suffix = format.compression.suffix();
    let mtime = format.mtime;
    let mut archive = ArWriter::new(Digesting::new(BufWriter::with_capacity(BUFFER, out)))?;
    archive.append("debian-binary", mtime, 4, &b"2.0\n"[..])?;
    let size = control_member.len() as u64;
    archive.append(&format!("control.tar{suffix}"), mtime, size, &control_member[..])?;
    archive.append(
        &format!("data.tar{suffix}"),
        mtime,
        end - start,
        BufReader::with_capacity(BUFFER, scratch).take(end - start),
    )?;
    let mut digesting = archive.into_inner();
    digesting.flush()?;
    Ok(Written { digests: digesting.finish(), installed_size: packed.installed_size, control })
}

fn pack(out: impl Write, tree: Tree<'_>, format: &DebFormat) -> Result<crate::tar::Summary, Error> {
    let encoder = Encoder::new(out, format.compression, format.threads)?;
    let mut buffered = BufWriter::with_capacity(BUFFER, encoder);
    let summary = write_tree(&mut buffered, tree, format.mtime)?;
    let encoder = buffered.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    encoder.finish()?.flush()?;
    Ok(summary)
}

/// The fields that every binary package has (Debian Policy 5.3), and what dpkg must be able to read
/// of them.
pub(crate) fn check_control(control: &Paragraph) -> Result<(), Error> {
    PackageName::parse(control.required("Package")?)?;
    DebianVersion::parse(control.required("Version")?)?;
    let architecture = control.required("Architecture")?;
    let is_name =
        architecture.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_name || architecture == "any" || architecture == "source" {
        return Err(Error::field("Architecture", "is not the architecture of a binary package"));
    }
    control.required("Maintainer")?;
    control.required("Description")?;
    // deb822(5): only debian/control may have empty fields.
    match control.iter().find(|(_, value)| value.is_empty()) {
        Some((name, _)) => Err(Error::field(name, "is empty")),
        None => Ok(()),
    }
}

fn check_conffiles(conffiles: &BTreeSet<String>, tree: &Tree<'_>) -> Result<(), Error> {
    for path in conffiles {
        if !tree.has_file(path) {
            return Err(Error::entry(path, "is a conffile, but no file of the package"));
        }
        if path.ends_with(' ') {
            return Err(Error::entry(path, "is a conffile, but its name ends with a blank"));
        }
    }
    Ok(())
}

fn check_script(file: ControlFile, bytes: &[u8]) -> Result<(), Error> {
    if file.is_script() && !bytes.starts_with(b"#!/") {
        return Err(Error::entry(file.name(), "is a script without \"#!/\" at its start"));
    }
    Ok(())
}
