//! Trees and archives: in: good and hostile ones, out: entries, or the refusal that names the flaw.

use std::collections::BTreeMap;
use std::io::Read as _;

use ::tar::{Builder, EntryType, Header};
use proptest::prelude::*;

use super::*;
use crate::error::{Error, Part};

fn read_all(bytes: &[u8]) -> Result<Vec<(TarEntry, Vec<u8>)>, Error> {
    let mut reader = TarReader::new(bytes, Part::DataTar);
    let mut all = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        all.push((entry, content));
    }
    Ok(all)
}

fn written(tree: Tree<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_tree(&mut bytes, tree, 1_700_000_000).unwrap();
    bytes
}

#[test]
fn a_tree_is_written_sorted_with_its_folders_and_read_back() {
    let long = format!("usr/{}/{}", "l".repeat(120), "n".repeat(120));
    let target = "t/".repeat(60) + "t";
    let mut tree = Tree::default();
    tree.symlink("usr/z", &target).unwrap();
    tree.bytes(&long, 0o640, b"long").unwrap();
    tree.directory("usr", 0o700).unwrap();
    tree.bytes("usr-x", 0o755, vec![7; 513]).unwrap();
    tree.bytes("usr/\u{e4} b", 0o644, b"").unwrap();
    let all = read_all(&written(tree)).unwrap();
    let paths: Vec<_> = all.iter().map(|(entry, _)| (entry.path.as_str(), entry.mode)).collect();
    assert_eq!(
        paths,
        [
            ("", 0o755),
            ("usr", 0o700),
            ("usr-x", 0o755),
            (&long[..124], 0o755),
            (&long, 0o640),
            ("usr/z", 0o777),
            ("usr/\u{e4} b", 0o644)
        ]
    );
    assert_eq!(all[2].1, [7; 513]);
    assert_eq!(all[5].0.kind, EntryKind::Symlink(target));
    assert!(all.iter().all(|(e, _)| (e.owner.as_str(), e.group.as_str()) == ("root", "root")));
    assert!(all.iter().all(|(e, _)| (e.uid, e.gid, e.mtime) == (0, 0, 1_700_000_000)));
}

#[test]
fn names_of_every_length_around_the_field_s_end_come_back() {
    for len in 90..110 {
        let name = "n".repeat(len);
        let mut tree = Tree::default();
        tree.directory(&name, 0o755).unwrap();
        tree.symlink(&format!("{name}/l"), &name).unwrap();
        let all = read_all(&written(tree)).unwrap();
        assert_eq!(all[1].0.path, name);
        assert_eq!(all[2].0.kind, EntryKind::Symlink(name));
    }
}

#[test]
fn a_path_that_leaves_the_package_is_refused() {
    let long = "x".repeat(256);
    for path in
        ["", "/etc/x", "../x", "a/../x", "a/..", "./a", "a/.", "a//b", "a/", "a\0b", "a\nb", &long]
    {
        let error = Tree::default().bytes(path, 0o644, b"").unwrap_err();
        assert!(matches!(error, Error::Entry { .. }), "{path:?}");
    }
    for target in ["", "../..", "../../x", "/..", "/a/../../b", "a\0", "a\n", "x/../../../y"] {
        assert!(Tree::default().symlink("usr/link", target).is_err(), "{target:?}");
    }
    for target in ["..", "../x", "/etc/x", "x", "./x", "/"] {
        Tree::default().symlink("usr/link", target).unwrap();
    }
}

#[test]
fn doubles_holes_and_unasked_bits_are_refused() {
    let mut tree = Tree::default();
    tree.bytes("a", 0o644, b"").unwrap();
    assert!(tree.directory("a", 0o755).is_err());
    assert!(tree.bytes("b", 0o4755, b"").is_err());
    assert!(tree.bytes("b", 0o2755, b"").is_err());
    assert!(tree.bytes("b", 0o10_644, b"").is_err());
    tree.directory("tmp", 0o1777).unwrap();
    Tree::new(SetId::Allowed).bytes("b", 0o4755, b"").unwrap();

    tree.bytes("a/b", 0o644, b"").unwrap();
    let error = write_tree(Vec::new(), tree, 0).err().unwrap();
    assert_eq!(error.to_string(), "entry \"a/b\": lies below what is not a folder");
    let mut tree = Tree::default();
    tree.symlink("lib", "usr/lib").unwrap();
    tree.bytes("lib/x", 0o644, b"").unwrap();
    assert!(write_tree(Vec::new(), tree, 0).is_err());
    assert!(write_tree(Vec::new(), Tree::default(), u64::MAX).is_err());
}

#[test]
fn a_file_that_changes_its_size_or_cannot_be_read_stops_the_writing() {
    for size in [2, 4] {
        let mut tree = Tree::default();
        tree.file("a", 0o644, size, Box::new(|| Ok(Box::new(&b"abc"[..])))).unwrap();
        assert!(matches!(write_tree(Vec::new(), tree, 0), Err(Error::Entry { .. })), "{size}");
    }
    let mut tree = Tree::default();
    tree.file("a", 0o644, 3, Box::new(|| Err(std::io::Error::other("gone")))).unwrap();
    let error = write_tree(Vec::new(), tree, 0).err().unwrap();
    assert_eq!(error.to_string(), "reading the content of \"a\": gone");
}

fn foreign(kind: EntryType, name: &[u8], size: u64, spoil: impl Fn(&mut Header)) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    spoil(&mut header);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(512 + (size.min(4096) as usize).next_multiple_of(512), b'c');
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

#[test]
fn hostile_entries_are_refused_where_they_are() {
    let plain = |name: &[u8]| foreign(EntryType::Regular, name, 0, |_| ());
    let link = |kind, target: &'static [u8]| {
        foreign(kind, b"l", 0, |h| h.as_old_mut().linkname[..target.len()].copy_from_slice(target))
    };
    let with = |spoil: fn(&mut Header)| foreign(EntryType::Regular, b"a", 0, spoil);
    let mut lonely = foreign(EntryType::GNULongName, b"@", 1, |_| ());
    lonely[512] = 0;
    for (archive, expected) in [
        (lonely, "long name without an entry"),
        (plain(b"../x"), "component \"..\""),
        (plain(b"./a/../x"), "component \"..\""),
        (plain(b"/etc/passwd"), "absolute"),
        (plain(b".//etc/passwd"), "absolute"),
        (plain(b"a//b"), "empty component"),
        (plain(b"a\nb"), "control character"),
        (plain(b"a\xff"), "not UTF-8"),
        (plain(b""), "empty component"),
        (plain(b"."), "root is not a folder"),
        (link(EntryType::Link, b"../../etc/passwd"), "component \"..\""),
        (link(EntryType::Symlink, b""), "target is empty"),
        (link(EntryType::Symlink, b"a\x1b"), "target is empty"),
        (foreign(EntryType::Directory, b"d", 9, |_| ()), "has a size"),
        (foreign(EntryType::XHeader, b"p", 0, |_| ()), "PAX"),
        (foreign(EntryType::XGlobalHeader, b"p", 0, |_| ()), "PAX"),
        (foreign(EntryType::GNUSparse, b"s", 0, |_| ()), "unknown type"),
        (foreign(EntryType::GNULongName, b"@", 5000, |_| ()), "longer than 4095"),
        (foreign(EntryType::GNULongName, b"@", 0, |_| ()), "long name is empty"),
        (foreign(EntryType::GNULongName, b"@", 9, |_| ()), "does not end with a NUL"),
        (foreign(EntryType::GNULongName, b"@", 9, |h| h.set_uid(1 << 40)), "more than 32 bits"),
        (foreign(EntryType::GNULongName, b"@", 9, |h| h.as_old_mut().mode[2] = b'x'), "not octal"),
        (foreign(EntryType::Char, b"c", 0, |h| h.as_mut_bytes()[329] = b'x'), "not octal"),
        (with(|h| h.as_mut_bytes()[265..268].copy_from_slice(b"a\nb")), "an owner's name"),
        (foreign(EntryType::Regular, b"a", 1 << 33, |_| ()), "ends inside an entry"),
        (with(|h| h.as_old_mut().size = *b"77777777777\x37"), "ends inside an entry"),
        (with(|h| h.as_old_mut().size[0] = b'-'), "not octal"),
        (with(|h| h.as_old_mut().size = [b' '; 12]), "not octal"),
        (with(|h| h.as_old_mut().size = [0xff; 12]), "not octal"),
        (
            with(|h| h.as_old_mut().size = *b"\x80\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"),
            "not octal",
        ),
        (with(|h| h.as_old_mut().mtime[2] = b'9'), "not octal"),
        (with(|h| h.as_mut_bytes()[257] = b'U'), "neither a GNU"),
    ] {
        let error = read_all(&archive).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.starts_with("data.tar, byte "),
            "{expected}: {error}"
        );
    }
}

#[test]
fn the_end_of_an_archive_is_marked_and_final() {
    let mut tree = Tree::default();
    tree.bytes("a", 0o644, b"abc").unwrap();
    let good = written(tree);
    assert_eq!(read_all(&good).unwrap().len(), 2);
    for len in 0..good.len() - 1023 {
        assert!(read_all(&good[..len]).is_err(), "{len}");
    }
    let mut more = good.clone();
    more.extend(&good);
    assert!(read_all(&more).unwrap_err().to_string().contains("behind the end marker"));
    let mut spoilt = good;
    spoilt[513] ^= 1;
    assert!(read_all(&spoilt).unwrap_err().to_string().contains("checksum"));
}

#[test]
fn archives_of_other_writers_are_read() {
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_ustar();
    header.set_path(format!("{}/{}", "d".repeat(100), "f".repeat(90))).unwrap();
    header.set_size(3);
    header.set_mode(0o600);
    header.set_uid(1 << 30);
    header.set_gid(7);
    header.set_cksum();
    builder.append(&header, &b"abc"[..]).unwrap();
    let mut old = Header::new_old();
    old.set_path("folder/").unwrap();
    old.set_size(0);
    old.set_mode(0o40_755);
    old.set_uid(0);
    old.set_gid(0);
    old.set_mtime(0);
    old.set_cksum();
    builder.append(&old, &b""[..]).unwrap();
    let all = read_all(&builder.into_inner().unwrap()).unwrap();
    assert_eq!(all[0].0.path, format!("{}/{}", "d".repeat(100), "f".repeat(90)));
    assert_eq!((all[0].0.uid, all[0].1.as_slice()), (1 << 30, &b"abc"[..]));
    assert_eq!((&all[1].0.kind, all[1].0.mode), (&EntryKind::Directory, 0o755));
}

fn files() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let content = prop::collection::vec(any::<u8>(), 0..700);
    prop::collection::btree_map("[a-c]{1,3}(/[a-cä]{1,60}){0,3}", content, 1..12)
}

proptest! {
    #[test]
    fn any_tree_comes_back(files in files()) {
        let mut tree = Tree::default();
        for (path, content) in &files {
            tree.bytes(path, 0o644, content).unwrap();
        }
        let mut bytes = Vec::new();
        let collides = files.keys().any(|p| ancestors(p).any(|a| files.contains_key(a)));
        prop_assert_eq!(write_tree(&mut bytes, tree, 0).is_err(), collides);
        if !collides {
            let all = read_all(&bytes).unwrap();
            let read = all.into_iter().filter(|(entry, _)| entry.kind == EntryKind::File);
            let read = read.map(|(entry, content)| (entry.path, content));
            prop_assert!(read.eq(files));
        }
    }

    #[test]
    fn a_flipped_byte_never_panics(at in 0usize..2560, value in any::<u8>()) {
        let mut tree = Tree::default();
        tree.bytes(&"n".repeat(120), 0o644, b"abc").unwrap();
        let mut bytes = written(tree);
        let at = at % bytes.len();
        bytes[at] = value;
        let _outcome = read_all(&bytes);
    }
}
