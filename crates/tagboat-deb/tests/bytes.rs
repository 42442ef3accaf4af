//! Our bytes before Debian's tools: in: our packages and indices, out: their verdict.

#![expect(clippy::unwrap_used, reason = "a test stops where a step before its claim fails")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Command;

use tagboat_deb::deb::{ControlFile, DebContents, DebFormat, Written, write_deb};
use tagboat_deb::description::Description;
use tagboat_deb::packages::packages_stanza;
use tagboat_deb::read::{Depth, Limits, read_deb};
use tagboat_deb::release::{IndexFile, Release};
use tagboat_deb::tar::{EntryKind, Tree};
use tagboat_deb::{Architecture, Compression, Dialect, Digests, Paragraph, Paragraphs, Threads};

const MTIME: u64 = 1_700_000_000;
const ALL: [Compression; 4] =
    [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

fn control() -> Paragraph {
    let description = Description {
        synopsis: "greets the world".to_owned(),
        extended: "A long text.\n\n * with a list\n\nAnd an end.".to_owned(),
    };
    let mut control = Paragraph::new();
    for (name, value) in [
        ("Package", "hello-api"),
        ("Version", "1:2.0~rc.1-1"),
        ("Architecture", "amd64"),
        ("Maintainer", "Ada Løve <ada@example.org>"),
        ("Depends", "libc6 (>= 2.36),\nadduser"),
        ("Section", "net"),
        ("Priority", "optional"),
        ("Description", &description.fold().unwrap()),
    ] {
        control.set(name, value).unwrap();
    }
    control
}

fn contents() -> DebContents<'static> {
    let mut tree = Tree::default();
    tree.bytes("etc/hello-api/config.yml", 0o640, b"port: 8080\n").unwrap();
    tree.bytes("usr/bin/hello-api", 0o755, b"#!/bin/sh\necho hello\n").unwrap();
    tree.symlink("usr/bin/hello", "hello-api").unwrap();
    tree.directory("var/lib/hello-api", 0o750).unwrap();
    tree.bytes("usr/share/hello-api/naïve name", 0o644, vec![b'x'; 1025]).unwrap();
    let deep = format!("usr/share/hello-api/{}/{}", "d".repeat(100), "f".repeat(100));
    tree.bytes(&deep, 0o644, b"").unwrap();
    DebContents {
        control: control(),
        conffiles: ["etc/hello-api/config.yml".to_owned()].into(),
        control_files: BTreeMap::from([
            (ControlFile::Postinst, b"#!/bin/sh\nset -e\n".to_vec()),
            (ControlFile::Triggers, b"interest-noawait hello\n".to_vec()),
        ]),
        tree,
    }
}

fn write(contents: DebContents<'_>, compression: Compression, threads: u32) -> (Vec<u8>, Written) {
    let threads = Threads(NonZeroU32::new(threads).unwrap());
    let mut out = Vec::new();
    let scratch = tempfile::tempfile().unwrap();
    let format = DebFormat { compression, mtime: MTIME, threads };
    let written = write_deb(&mut out, scratch, contents, &format).unwrap();
    (out, written)
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The bytes of a package are public: a user who builds the same commit again, and a repository
/// that refuses the same version with other bytes, both rely on them. If this test fails, do not
/// just change the number: a release note has to say that packages are built differently from now
/// on.
#[test]
fn the_bytes_of_a_package_are_golden() {
    for (compression, golden) in [
        (Compression::None, "38eaa9361e11580eefcd226404e72b1814fc97a67164c2f0e3b1c64a25bf9bb6"),
        (Compression::Gzip, "4fb7d915addf165a8fa32727cae66e5e3026d3e6f508bc8fc7bceefcd99348e7"),
        (Compression::Xz, "c1341b5aa29a0dc4d15fd6bd18107ce48fac92dd2e1b938fc976dd93b69af0af"),
        (Compression::Zstd, "bf6129848d8dc4e3157720847235353e1412aac805684f06013ccdc5f8750031"),
    ] {
        let (bytes, written) = write(contents(), compression, 1);
        assert_eq!(written.digests.sha256.to_string(), golden, "{compression:?}");
        assert_eq!(written.digests, Digests::of(&bytes[..]).unwrap());
    }
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_the_order_of_insertion() {
    let payload = |reversed: bool| {
        let mut names: Vec<u32> = (0..300).collect();
        if reversed {
            names.reverse();
        }
        let mut tree = Tree::default();
        for name in names {
            let body: Vec<u8> = (0..60_000_u32).map(|at| ((at * name) >> 7) as u8).collect();
            tree.bytes(&format!("usr/{}/{name}", name % 7), 0o644, body).unwrap();
        }
        DebContents {
            tree,
            conffiles: [].into(),
            control_files: BTreeMap::new(),
            control: control(),
        }
    };
    for compression in ALL {
        let (one, _) = write(payload(false), compression, 1);
        let (four, _) = write(payload(true), compression, 4);
        assert!(one == four, "{compression:?}");
    }
}

#[test]
fn dpkg_deb_reads_every_compression() {
    for compression in ALL {
        let folder = tempfile::tempdir().unwrap();
        let (bytes, written) = write(contents(), compression, 2);
        fs::write(folder.path().join("a.deb"), &bytes).unwrap();

        let field = run(folder.path(), "dpkg-deb", &["--field", "a.deb"]);
        let field = Paragraphs::only(field.as_bytes(), Dialect::Binary).unwrap();
        assert_eq!(field, written.control);
        assert_eq!(
            run(
                folder.path(),
                "dpkg-deb",
                &["-W", "--showformat=${Version} ${Installed-Size}", "a.deb"]
            ),
            format!("1:2.0~rc.1-1 {}", written.installed_size)
        );
        assert!(run(folder.path(), "dpkg-deb", &["--info", "a.deb"]).contains("postinst"));

        let listing = run(folder.path(), "dpkg-deb", &["--contents", "a.deb"]);
        let ours = read_deb(&bytes[..], Depth::Entries, &Limits::default()).unwrap();
        assert_eq!(listing.lines().count(), ours.entries.len());
        for (line, entry) in listing.lines().zip(&ours.entries) {
            assert!(
                line.contains(" root/root ") && line.contains(" 2023-11-14 22:13 ./"),
                "{line}"
            );
            assert!(line.contains(&entry.path) || line.contains(r"na\303\257ve"), "{line}");
        }
        assert!(listing.contains(
            "lrwxrwxrwx root/root         0 2023-11-14 22:13 ./usr/bin/hello -> hello-api"
        ));
        assert!(
            listing
                .contains("drwxr-x--- root/root         0 2023-11-14 22:13 ./var/lib/hello-api/")
        );

        run(folder.path(), "dpkg-deb", &["--raw-extract", "a.deb", "x"]);
        let root = folder.path().join("x");
        for entry in ours.entries.iter().filter(|e| e.kind == EntryKind::File) {
            assert_eq!(fs::metadata(root.join(&entry.path)).unwrap().len(), entry.size);
        }
        assert_eq!(
            fs::read_to_string(root.join("DEBIAN/conffiles")).unwrap(),
            "/etc/hello-api/config.yml\n"
        );
        run(&root, "md5sum", &["--check", "--quiet", "--strict", "DEBIAN/md5sums"]);
    }
}

#[test]
fn installed_size_is_the_one_of_dpkg_gencontrol() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, written) = write(contents(), Compression::None, 1);
    fs::write(folder.path().join("a.deb"), &bytes).unwrap();
    fs::create_dir(folder.path().join("debian")).unwrap();
    run(folder.path(), "dpkg-deb", &["--extract", "a.deb", "debian/tmp"]);
    let source = "Source: hello-api\nMaintainer: A <a@b.c>\n\n\
        Package: hello-api\nArchitecture: any\nDescription: x\n";
    fs::write(folder.path().join("debian/control"), source).unwrap();
    let changelog = "hello-api (1.0) bookworm; urgency=low\n\n  * x\n\n \
        -- A <a@b.c>  Sat, 21 Nov 2026 09:16:14 +0000\n";
    fs::write(folder.path().join("debian/changelog"), changelog).unwrap();
    let theirs = run(folder.path(), "dpkg-gencontrol", &["-O"]);
    let theirs = Paragraphs::only(theirs.as_bytes(), Dialect::Binary).unwrap();
    assert_eq!(theirs.get("Installed-Size"), Some(written.installed_size.to_string().as_str()));
}

#[test]
fn real_packages_of_dpkg_deb_are_read_as_dpkg_deb_lists_them() {
    for compression in ["none", "gzip", "xz", "zstd"] {
        let folder = tempfile::tempdir().unwrap();
        let (bytes, _) = write(contents(), Compression::Zstd, 1);
        fs::write(folder.path().join("a.deb"), &bytes).unwrap();
        run(folder.path(), "dpkg-deb", &["--raw-extract", "a.deb", "x"]);
        run(
            folder.path(),
            "dpkg-deb",
            &[&format!("-Z{compression}"), "--root-owner-group", "-b", "x", "b.deb"],
        );
        let theirs = fs::read(folder.path().join("b.deb")).unwrap();
        let theirs = read_deb(&theirs[..], Depth::Entries, &Limits::default()).unwrap();
        let ours = read_deb(&bytes[..], Depth::Entries, &Limits::default()).unwrap();
        assert_eq!(theirs.control, ours.control);
        let essence = |entries: &[tagboat_deb::tar::TarEntry]| {
            let mut all: Vec<_> =
                entries.iter().map(|e| (e.path.clone(), e.mode, e.size, e.kind.clone())).collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        };
        assert_eq!(essence(&theirs.entries), essence(&ours.entries));
    }
}

#[test]
fn a_contradiction_inside_a_package_is_refused() {
    type Spoil = fn(&mut DebContents<'static>);
    let spoils: [(Spoil, &str); 9] = [
        (|c| drop(c.control.remove("Maintainer")), "is missing"),
        (|c| c.control.set("Version", "v1").unwrap(), "start with a digit"),
        (|c| c.control.set("Architecture", "any").unwrap(), "binary package"),
        (|c| c.control.set("Architecture", "amd64 arm64").unwrap(), "binary package"),
        (|c| c.control.set("Depends", "").unwrap(), "is empty"),
        (|c| c.conffiles.extend(["etc/none".to_owned()]), "no file of the package"),
        (|c| c.conffiles.extend(["usr/bin/hello".to_owned()]), "no file of the package"),
        (|c| c.conffiles.extend(["var/lib/hello-api".to_owned()]), "no file of the package"),
        (|c| drop(c.control_files.insert(ControlFile::Prerm, b"echo".to_vec())), "#!/"),
    ];
    for (spoil, expected) in spoils {
        let mut contents = contents();
        spoil(&mut contents);
        let outcome =
            write_deb(Vec::new(), Cursor::new(Vec::new()), contents, &DebFormat::default());
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_stanza_is_the_one_that_apt_ftparchive_and_dpkg_scanpackages_write() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("pool/h")).unwrap();
    let mut contents = contents();
    // Every field that apt's order knows, in another order, and two that it does not know.
    for (name, value) in [
        ("X-Last", "1"),
        ("Tag", "role::program"),
        ("Homepage", "https://example.org"),
        ("Enhances", "a"),
        ("Replaces", "b"),
        ("Breaks", "c"),
        ("Conflicts", "d"),
        ("Suggests", "e"),
        ("Recommends", "f"),
        ("Pre-Depends", "dpkg"),
        ("Provides", "g"),
        ("Bugs", "mailto:a@b.c"),
        ("Original-Maintainer", "B <b@b.c>"),
        ("Phased-Update-Percentage", "10"),
        ("Origin", "us"),
        ("Source", "hello"),
        ("Installer-Menu-Item", "1"),
        ("Essential", "no"),
        ("Important", "no"),
        ("Protected", "no"),
        ("Multi-Arch", "foreign"),
        ("Auto-Built-Package", "debug-symbols"),
        ("Built-For-Profiles", "nocheck"),
        ("Static-Built-Using", "h (= 1)"),
        ("Built-Using", "i (= 1)"),
        ("Kernel-Version", "6"),
        ("Subarchitecture", "s"),
        ("Package-Type", "deb"),
        ("Task", "t"),
        ("A-First", "1"),
    ] {
        contents.control.set(name, value).unwrap();
    }
    let (bytes, written) = write(contents, Compression::Xz, 1);
    fs::write(folder.path().join("pool/h/a.deb"), &bytes).unwrap();
    let ours = packages_stanza(&written.control, "pool/h/a.deb", &written.digests).unwrap();

    let apt = [
        "packages",
        "-o",
        "APT::FTPArchive::SHA1=false",
        "-o",
        "APT::FTPArchive::SHA512=false",
        "pool",
    ];
    let theirs = run(folder.path(), "apt-ftparchive", &apt);
    assert_eq!(format!("{ours}\n"), theirs);

    let output = Command::new("dpkg-scanpackages")
        .args(["-m", "pool"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let mut theirs = Paragraphs::only(&output.stdout[..], Dialect::Binary).unwrap();
    assert!(theirs.remove("SHA1").is_some());
    for (name, value) in theirs.iter() {
        assert_eq!(ours.get(name), Some(value), "{name}");
    }
    assert_eq!(theirs.len(), ours.len());
}

#[test]
fn an_index_is_not_led_out_of_its_repository() {
    let digests = Digests::of(&b""[..]).unwrap();
    for bad in
        ["", "/a.deb", "../a.deb", "a/../b.deb", "./a.deb", "a//b.deb", "a b.deb", "a\nb.deb"]
    {
        assert!(packages_stanza(&control(), bad, &digests).is_err(), "{bad:?}");
    }
    let mut forged = control();
    forged.set("sha256", &"0".repeat(64)).unwrap();
    assert!(packages_stanza(&forged, "a.deb", &digests).is_err());
}

fn release(files: Vec<IndexFile>) -> Release {
    Release {
        origin: "Ada".to_owned(),
        label: "Ada's packages".to_owned(),
        suite: "stable".to_owned(),
        codename: "bookworm".to_owned(),
        date: "Sat, 21 Nov 2026 09:16:14 +0000".to_owned(),
        valid_until: Some("Sat, 28 Nov 2026 09:16:14 +0000".to_owned()),
        architectures: vec![Architecture::Amd64, Architecture::Arm64],
        components: vec!["main".to_owned()],
        description: "Packages of Ada".to_owned(),
        files,
    }
}

#[test]
fn a_release_file_is_the_one_that_apt_ftparchive_writes() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (path, body) in
        [("main/binary-arm64/Packages", ""), ("main/binary-amd64/Packages", "Package: a\n")]
    {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, body).unwrap();
        files.push(IndexFile {
            path: path.to_owned(),
            digests: Digests::of(body.as_bytes()).unwrap(),
        });
    }
    let mut facts = release(files);
    assert_eq!(facts.paragraph().unwrap().get("Valid-Until"), facts.valid_until.as_deref());
    // apt-ftparchive reckons this one from its own clock.
    facts.valid_until = None;
    let ours = facts.paragraph().unwrap();
    let mut arguments = vec!["release".to_owned()];
    for off in ["MD5", "SHA1", "SHA512"] {
        arguments.extend(["-o".to_owned(), format!("APT::FTPArchive::{off}=false")]);
    }
    for (name, value) in ours.iter().filter(|(name, _)| *name != "SHA256") {
        arguments.extend(["-o".to_owned(), format!("APT::FTPArchive::Release::{name}={value}")]);
    }
    arguments.push(".".to_owned());
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let theirs = run(folder.path(), "apt-ftparchive", &arguments);
    let mut theirs = Paragraphs::only(theirs.as_bytes(), Dialect::Binary).unwrap();
    // apt-ftparchive insists on its own clock.
    theirs.set("Date", ours.get("Date").unwrap()).unwrap();
    let sorted = |paragraph: &Paragraph| {
        let mut lines: Vec<_> =
            paragraph.get("SHA256").unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&ours), sorted(&theirs));
    let names = |paragraph: &Paragraph| -> Vec<(String, String)> {
        let fields = paragraph.iter().filter(|(name, _)| *name != "SHA256");
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    assert_eq!(names(&ours), names(&theirs));
    assert!(ours.to_string().contains("\nSHA256:\n "));
}

#[test]
fn a_release_file_that_clients_would_misread_is_refused() {
    type Spoil = fn(&mut Release);
    let digests = Digests::of(&b""[..]).unwrap();
    let file = |path: &str| IndexFile { path: path.to_owned(), digests };
    assert!(release(vec![file("a"), file("b")]).paragraph().is_ok());
    assert!(release(vec![file("a"), file("a")]).paragraph().is_err());
    assert!(release(vec![file("../a")]).paragraph().is_err());
    assert!(release(vec![file("a b")]).paragraph().is_err());
    let spoils: [Spoil; 8] = [
        |r| r.date = "Sat, 21 Nov 2026 09:16:14 +0100".to_owned(),
        |r| r.valid_until = Some("soon".to_owned()),
        |r| r.components = vec!["a b".to_owned()],
        |r| r.components = vec![],
        |r| r.suite = "a/../../b".to_owned(),
        |r| r.origin = "a\nSuite: b".to_owned(),
        |r| r.description = String::new(),
        |r| r.architectures = vec![Architecture::Any],
    ];
    for (number, spoil) in spoils.iter().enumerate() {
        let mut spoilt = release(vec![file("a")]);
        spoil(&mut spoilt);
        assert!(spoilt.paragraph().is_err(), "spoil {number}");
    }
}
