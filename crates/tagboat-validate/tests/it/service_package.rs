//! A small package with a service. In: what is to be wrong with it. Out: a .deb.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use tagboat_deb::deb::{ControlFile, DebContents, DebFormat, write_deb};
use tagboat_deb::tar::{SetId, Tree};
use tagboat_deb::{Architecture, Paragraph};
use tagboat_validate::request::PackageUnderTest;

pub(crate) const PORT: u16 = 8123;
pub(crate) const UNIT: &str = "hello-svc.service";
const VERSION: &str = "1.0.0";
const COMMIT_TIME: u64 = 1_700_000_000;

/// Answers as SPEC H1 says, after a while that the start-up time must show.
const PROGRAM: &str = r#"#!/usr/bin/python3
import http.server
import json
import time


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.path == "/api/health"
        checks = {"database": {"status": "STATUS", "latencyMs": 1}}
        answer = {"status": "healthy", "version": "1.0.0", "checks": checks}
        body = json.dumps(answer).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


time.sleep(0.5)
http.server.HTTPServer(("127.0.0.1", 8123), Health).serve_forever()
"#;

const SERVICE: &str = "[Unit]
Description=Says hello
Documentation=https://example.org/hello

[Service]
ExecStart=/usr/libexec/hello-svc/serve
DynamicUser=yes
StateDirectory=hello-svc

[Install]
WantedBy=multi-user.target
";

const POSTINST: &str = r#"#!/bin/sh
set -e
if [ "$1" = configure ]; then
    deb-systemd-helper unmask hello-svc.service >/dev/null || true
    deb-systemd-helper enable hello-svc.service >/dev/null || true
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
        deb-systemd-invoke start hello-svc.service >/dev/null || true
    fi
fi
"#;

const PRERM: &str = r#"#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop hello-svc.service >/dev/null || true
fi
"#;

const POSTRM: &str = r#"#!/bin/sh
set -e
if [ "$1" = purge ]; then
    deb-systemd-helper purge hello-svc.service >/dev/null || true
    deb-systemd-helper unmask hello-svc.service >/dev/null || true
fi
"#;

const COPYRIGHT: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2023 Ada Example <ada@example.org>
License: Expat
 Permission is hereby granted, free of charge, to any person obtaining a copy
 of this software, to deal in it without restriction.
 .
 The software is provided \"as is\", without warranty of any kind.
";

const CHANGELOG: &str = "hello-svc (1.0.0) bookworm; urgency=medium

  * Say hello.

 -- Ada Example <ada@example.org>  Tue, 14 Nov 2023 22:13:20 +0000

hello-svc (0.9.0) bookworm; urgency=medium

  * Begin.

 -- Ada Example <ada@example.org>  Mon, 13 Nov 2023 22:13:20 +0000
";

/// What is wrong with a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flaw {
    /// A mode that lets everybody write.
    WorldWritable,
    /// No copyright file.
    NoCopyright,
    /// A dependency that no archive has.
    Dependency,
    /// A script that fails when it is configured.
    Postinst,
    /// A critical check that is down.
    DatabaseDown,
    /// A program that ends at once.
    Exits,
    /// A service that its removal does not stop, and a file that its purge leaves.
    Removal,
    /// A file that its purge leaves, though its service is stopped.
    Leftover,
    /// No service at all: what is left is a program.
    NoUnit,
}

/// Writes the package into `folder`.
pub(crate) fn write(folder: &Path, architecture: Architecture, flaws: &[Flaw]) -> PackageUnderTest {
    let flaws: BTreeSet<Flaw> = flaws.iter().copied().collect();
    let has = |flaw| flaws.contains(&flaw);
    let mut control = Paragraph::new();
    let depends =
        if has(Flaw::Dependency) { "python3:any, no-such-package (>= 3)" } else { "python3:any" };
    for (name, value) in [
        ("Package", "hello-svc"),
        ("Version", VERSION),
        ("Architecture", architecture.as_str()),
        ("Maintainer", "Ada Example <ada@example.org>"),
        ("Depends", depends),
        ("Section", "net"),
        ("Priority", "optional"),
        (
            "Description",
            "service that says hello to whoever asks\nIt answers on loopback, and tells whether it is well and\n\
             which version it is. It is made to be tried, and for\nnothing else.",
        ),
    ] {
        control.set(name, value).unwrap();
    }
    let mut program =
        PROGRAM.replace("STATUS", if has(Flaw::DatabaseDown) { "down" } else { "up" });
    if has(Flaw::Exits) {
        program =
            "#!/usr/bin/python3\nraise SystemExit(\"there is no configuration\")\n".to_owned();
    }
    let mut tree = Tree::new(SetId::Refused);
    tree.bytes("usr/libexec/hello-svc/serve", 0o755, program).unwrap();
    if !has(Flaw::NoUnit) {
        tree.bytes("lib/systemd/system/hello-svc.service", 0o644, SERVICE).unwrap();
    }
    tree.bytes("usr/share/doc/hello-svc/changelog.gz", 0o644, gzip(CHANGELOG)).unwrap();
    if !has(Flaw::NoCopyright) {
        tree.bytes("usr/share/doc/hello-svc/copyright", 0o644, COPYRIGHT).unwrap();
    }
    if has(Flaw::WorldWritable) {
        tree.bytes("usr/share/hello-svc/notes", 0o666, "notes\n").unwrap();
    }
    let mut postinst = POSTINST.to_owned();
    if has(Flaw::Postinst) {
        postinst.push_str("echo 'the database is not there' >&2\nexit 3\n");
    }
    if has(Flaw::Removal) || has(Flaw::Leftover) {
        postinst.push_str("mkdir -p /usr/share/hello-svc\necho x > /usr/share/hello-svc/cache\n");
    }
    let mut scripts = BTreeMap::from([(ControlFile::Postinst, postinst.into_bytes())]);
    if !has(Flaw::Removal) {
        scripts.insert(ControlFile::Prerm, PRERM.as_bytes().to_vec());
        scripts.insert(ControlFile::Postrm, POSTRM.as_bytes().to_vec());
    }
    if has(Flaw::NoUnit) {
        scripts.clear();
    }
    let contents =
        DebContents { control, conffiles: BTreeSet::new(), control_files: scripts, tree };
    let file = folder.join(format!("hello-svc_{VERSION}_{architecture}.deb"));
    let format = DebFormat { mtime: COMMIT_TIME, ..DebFormat::default() };
    write_deb(File::create(&file).unwrap(), Cursor::new(Vec::new()), contents, &format).unwrap();
    PackageUnderTest {
        file,
        name: "hello-svc".to_owned(),
        version: VERSION.to_owned(),
        architecture,
    }
}

/// As dh_compress does it.
fn gzip(text: &str) -> Vec<u8> {
    let mut child = Command::new("gzip")
        .arg("-9n")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    assert!(child.wait().unwrap().success());
    bytes
}
