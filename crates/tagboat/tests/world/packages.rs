//! Packages to deploy. In: an application and a version. Out: a real .deb with a small web server, whose version
//! decides how it behaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use tagboat_deb::Paragraph;
use tagboat_deb::compression::Compression;
use tagboat_deb::deb::{ControlFile, DebContents, DebFormat, write_deb};
use tagboat_deb::tar::{SetId, Tree};

/// How a version behaves once it is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It answers its health document.
    Healthy,
    /// HTTP 503, its database is down.
    DatabaseDown,
    /// It answers as if it were 1.0.0.
    OtherVersion,
    /// It takes connections, and never answers.
    Silent,
    /// Its answer never ends.
    Endless,
    /// It answers once, and dies.
    DiesSoon,
    /// It does not start.
    ExitsAtStart,
    /// Its `postinst` fails.
    PostinstFails,
    /// It sends the asker elsewhere.
    Redirects,
    /// It is healthy everywhere but on this host.
    SickOn(&'static str),
}

use Behaviour::{
    DatabaseDown, DiesSoon, Endless, ExitsAtStart, Healthy, OtherVersion, PostinstFails, Redirects,
    SickOn, Silent,
};

/// Every version of every application. Versions on one line share a commit.
pub(crate) const COMMITS: [&[(&str, Behaviour)]; 7] = [
    &[("1.0.0", Healthy)],
    &[("1.1.0", Healthy)],
    &[("1.2.0", Healthy), ("1.2.1", Healthy)],
    &[("1.3.0", Healthy)],
    &[
        ("2.0.0", DatabaseDown),
        ("2.1.0", OtherVersion),
        ("2.2.0", Silent),
        ("2.3.0", Endless),
        ("2.4.0", DiesSoon),
        ("2.4.1", DiesSoon),
        ("2.4.2", DiesSoon),
        ("2.4.3", DiesSoon),
        ("2.4.4", DiesSoon),
        ("2.4.5", DiesSoon),
        ("2.5.0", ExitsAtStart),
        ("2.6.0", PostinstFails),
        ("2.7.0", Redirects),
    ],
    &[("2.8.0", SickOn("web-2"))],
    &[("2.9.0", SickOn("web-3"))],
];

/// The packages of one application, into `folder`.
pub(crate) fn write_packages(folder: &Path, app: &str, port: u16) -> Vec<PathBuf> {
    let versions = COMMITS.iter().copied().flatten();
    // A thousand of them: xz would take seconds.
    let format = DebFormat { compression: Compression::Gzip, ..DebFormat::default() };
    versions
        .map(|(version, behaviour)| {
            let path = folder.join(format!("{app}_{version}_all.deb"));
            let contents = contents(app, port, version, *behaviour);
            let scratch = tempfile::tempfile().unwrap();
            let file = File::create_new(&path).unwrap();
            write_deb(file, scratch, contents, &format).unwrap();
            path
        })
        .collect()
}

fn contents(app: &str, port: u16, version: &str, behaviour: Behaviour) -> DebContents<'static> {
    let mut control = Paragraph::new();
    for (name, value) in [
        ("Package", app),
        ("Version", version),
        ("Architecture", "all"),
        ("Maintainer", "Test <test@example.org>"),
        ("Section", "misc"),
        ("Priority", "optional"),
        ("Description", "a small web server"),
    ] {
        control.set(name, value).unwrap();
    }
    let mut tree = Tree::new(SetId::Refused);
    let word = match behaviour {
        SickOn(host) => format!("sick-on-{host}"),
        other => format!("{other:?}"),
    };
    let unit = format!(
        "[Unit]\nDescription={app} {version}\n[Service]\n\
         ExecStart=/usr/bin/python3 -I -S /usr/lib/{app}/server.py {port} {version} {word}\n\
         [Install]\nWantedBy=multi-user.target\n"
    );
    tree.bytes(&format!("lib/systemd/system/{app}.service"), 0o644, unit).unwrap();
    tree.bytes(&format!("usr/lib/{app}/server.py"), 0o644, SERVER).unwrap();
    let exit = if behaviour == PostinstFails { 1 } else { 0 };
    let postinst = format!(
        "#!/bin/sh\nset -e\n{PAUSE}systemctl daemon-reload\nsystemctl enable --quiet \"$name\"\n\
         systemctl restart \"$name\"\nexit {exit}\n"
    );
    let scripts = [
        (ControlFile::Postinst, postinst),
        (ControlFile::Prerm, "#!/bin/sh\nset -e\nsystemctl stop \"$name\"\n".to_owned()),
        (
            ControlFile::Postrm,
            "#!/bin/sh\nset -e\n[ \"$1\" != purge ] || systemctl disable --quiet \"$name\" || true\n\
             systemctl daemon-reload\n"
                .to_owned(),
        ),
    ];
    let named = |text: String| text.replacen("set -e\n", &format!("set -e\nname={app}\n"), 1);
    let control_files: BTreeMap<ControlFile, Vec<u8>> =
        scripts.into_iter().map(|(file, text)| (file, named(text).into_bytes())).collect();
    DebContents { control, conffiles: BTreeSet::new(), control_files, tree }
}

/// An installation stands still as long as a test wants it to.
const PAUSE: &str = "\
if [ -e \"/var/lib/world/$name.pause\" ]; then
    mkdir -p /run/world
    touch \"/run/world/$name.paused\"
    while [ -e \"/var/lib/world/$name.pause\" ]; do sleep 0.05; done
    rm \"/run/world/$name.paused\"
fi
";

const SERVER: &str = r#"
import json, os, socket, sys, time

port, version, behaviour = sys.argv[1:]
if behaviour == "ExitsAtStart":
    sys.exit("cannot read the schema")
print("begins as", version, flush=True)
if behaviour == "DatabaseDown":
    print("the database does not answer", flush=True)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(port)))
listener.listen(64)
kept = []
while True:
    connection, _ = listener.accept()
    connection.settimeout(2)
    try:
        if behaviour == "Silent":
            kept.append(connection)
            continue
        connection.recv(4096)
        if behaviour == "Endless":
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            while True:
                connection.sendall(b" " * 4096)
        sick = behaviour == "DatabaseDown" or behaviour == "sick-on-" + os.uname().nodename
        status = "503 Service Unavailable" if sick else "200 OK"
        if behaviour == "Redirects":
            status = "302 Found\r\nLocation: http://192.0.2.1/"
        body = json.dumps({
            "status": "unhealthy" if sick else "healthy",
            "checks": {"database": {"status": "down" if sick else "up", "latencyMs": 1}},
            "version": "1.0.0" if behaviour == "OtherVersion" else version,
            "uptime": time.monotonic(),
        }).encode()
        head = f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
    except OSError:
        pass
    connection.close()
    if behaviour == "DiesSoon":
        sys.exit("out of memory")
"#;
