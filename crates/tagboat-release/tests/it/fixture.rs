//! What the tests share: in: names and times, out: packages, keys, repositories, and programs that were run.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tagboat_core::diagnostic::Result;
use tagboat_core::ports::{Architecture, Cancel, Clock, Scope, Silent};
use tagboat_core::secret::Secret;
use tagboat_release::apt::{self, Plan, Record, Request};
use tagboat_release::keys::{self, CheckedKey, NewKey, NewKeyRequest, SigningKey};
use tagboat_release::signature::Signer as _;
use tempfile::TempDir;

pub(crate) struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, _: &Scope<'_>, duration: Duration) -> bool {
        std::thread::sleep(duration);
        true
    }
}

pub(crate) fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

/// `days` from now.
pub(crate) fn in_days(days: i64) -> Timestamp {
    Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)
}

pub(crate) fn new_key(made: Timestamp, days: u32) -> NewKey {
    let request = NewKeyRequest {
        user_id: "Example Archive <archive@example.org>".to_owned(),
        days,
        passphrase: None,
    };
    SigningKey::generate(&request, made).unwrap()
}

pub(crate) fn checked(key: &NewKey, now: Timestamp) -> CheckedKey {
    let loaded = SigningKey::load(&key.secret, None).unwrap();
    keys::check(Box::new(loaded), None, now).unwrap()
}

/// A repository in a folder of its own, with its key.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) key: NewKey,
    pub(crate) request: Request,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_key(new_key(in_days(-3), 365))
    }

    pub(crate) fn with_key(key: NewKey) -> Self {
        let folder = TempDir::new().unwrap();
        let request = Request {
            folder: folder.path().join("repository"),
            suite: "stable".to_owned(),
            codename: "stable".to_owned(),
            component: "main".to_owned(),
            origin: "Example".to_owned(),
            label: "Example".to_owned(),
            architectures: Architecture::ALL.to_vec(),
            packages: Vec::new(),
            valid_for: None,
        };
        let world = Self { folder, key, request };
        let certificate = SigningKey::load(&world.key.secret, None).unwrap().certificate().clone();
        fs::write(world.keyring(), certificate.keyring().unwrap()).unwrap();
        fs::write(world.secret_file(), world.key.secret.expose()).unwrap();
        world
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn keyring(&self) -> PathBuf {
        self.path("archive.gpg")
    }

    pub(crate) fn secret_file(&self) -> PathBuf {
        self.path("secret.asc")
    }

    pub(crate) fn root(&self) -> &Path {
        &self.request.folder
    }

    pub(crate) fn suite(&self, below: &str) -> PathBuf {
        self.root().join("dists/stable").join(below)
    }

    pub(crate) fn package(&self, name: &str, version: &str, architecture: &str) -> PathBuf {
        build_package(&self.path("built"), name, version, architecture, "")
    }

    pub(crate) fn request(&self, packages: &[PathBuf]) -> Request {
        Request { packages: packages.to_vec(), ..self.request.clone() }
    }

    pub(crate) fn plan(&self, request: &Request, now: Timestamp) -> Result<Plan> {
        let key = checked(&self.key, now);
        let facts = apt::observe(request, std::slice::from_ref(key.certificate()))?;
        apt::plan(&facts, request, &key, now)
    }

    pub(crate) fn publish_at(&self, request: &Request, now: Timestamp) -> Result<Record> {
        let lock = apt::lock(&request.folder, Duration::from_secs(60), &RealClock, &scope())?;
        let plan = self.plan(request, now)?;
        apt::apply(&plan, &checked(&self.key, now), &lock, &scope())
    }

    pub(crate) fn publish(&self, packages: &[PathBuf]) -> Result<Record> {
        self.publish_at(&self.request(packages), Timestamp::now())
    }

    /// The names and versions in an index, as apt would read them.
    pub(crate) fn listed(&self, architecture: &str) -> Vec<String> {
        let path = self.suite(&format!("main/binary-{architecture}/Packages"));
        let text = fs::read_to_string(path).unwrap();
        let field = |stanza: &str, name: &str| {
            let line = stanza.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().to_owned()
        };
        text.split("\n\n")
            .filter(|stanza| !stanza.is_empty())
            .map(|stanza| format!("{} {}", field(stanza, "Package:"), field(stanza, "Version:")))
            .collect()
    }
}

/// A package made by dpkg-deb.
pub(crate) fn build_package(
    folder: &Path,
    name: &str,
    version: &str,
    architecture: &str,
    more: &str,
) -> PathBuf {
    let tree = TempDir::new().unwrap();
    let share = tree.path().join("usr/share").join(name);
    fs::create_dir_all(&share).unwrap();
    fs::create_dir_all(tree.path().join("DEBIAN")).unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(share.join("version"), format!("{name} {version} {architecture}\n")).unwrap();
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n\
         Maintainer: Example <example@example.org>\n{more}Section: misc\nPriority: optional\n\
         Description: {name} for tests\n A second line.\n .\n After a blank one.\n"
    );
    fs::write(tree.path().join("DEBIAN/control"), control).unwrap();
    let file = folder.join(format!("{name}_{}_{architecture}.deb", version.replace(':', "%3a")));
    let made = run(
        "dpkg-deb",
        [
            OsStr::new("--root-owner-group"),
            "-Zgzip".as_ref(),
            "--build".as_ref(),
            tree.path().as_os_str(),
            file.as_os_str(),
        ],
    );
    assert!(made.status.success(), "{made:?}");
    file
}

pub(crate) fn run<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Output {
    Command::new(program)
        .args(args)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
}

pub(crate) fn run_planned(command: &tagboat_core::command::Command) -> Output {
    run(&command.program, &command.args)
}

/// Whether gpgv takes the signed file for good.
pub(crate) fn gpgv(keyring: &Path, signed: &Path) -> bool {
    run_planned(&tagboat_release::signature::gpgv_inline(keyring, signed)).status.success()
}

pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The example `publish`, as a program. `scripts/test` built it before, with the same words: then cargo only looks.
pub(crate) fn publisher() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // Where no cargo runs the tests, the one in PATH chooses the toolchain for itself and all that it starts. Of the
        // whole workspace, for its dependencies to have the features that they were built with.
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let built = run(&cargo, ["build", "-q", "--locked", "--workspace", "--example", "publish"]);
        assert!(built.status.success(), "{}", text(&built));
        let tests = std::env::current_exe().unwrap();
        tests.parent().unwrap().parent().unwrap().join("examples/publish")
    })
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// Every file of a repository but the publisher's own.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true if entry.file_name() == ".tagboat" => {}
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

/// The invariants of a repository, as a reader has them: gpgv takes `InRelease`; every index that it names is
/// there under its digest, with size and digest; every file that an index names is there with its own.
pub(crate) fn assert_whole(root: &Path, keyring: &Path) {
    let suite = root.join("dists/stable");
    let signed = suite.join("InRelease");
    if !signed.exists() {
        return;
    }
    assert!(gpgv(keyring, &signed), "gpgv refuses InRelease");
    let release = fs::read_to_string(&signed).unwrap();
    let lines = release.lines().skip_while(|line| *line != "SHA256:").skip(1);
    let mut sums = String::new();
    let mut indices = 0;
    for line in lines.take_while(|line| line.starts_with(' ')) {
        let [sum, size, path] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let index = suite.join(path).with_file_name("by-hash").join("SHA256").join(sum);
        sums.push_str(&sum_line(&index, size, sum));
        indices += 1;
        if !path.ends_with("Packages") {
            continue;
        }
        let text = fs::read_to_string(index).unwrap();
        for stanza in text.split("\n\n").filter(|stanza| !stanza.is_empty()) {
            let field =
                |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            let file = root.join(field("Filename: "));
            sums.push_str(&sum_line(&file, field("Size: "), field("SHA256: ")));
        }
    }
    assert_eq!(indices, 4, "{release}");
    let list = tempfile::NamedTempFile::new().unwrap();
    fs::write(&list, sums).unwrap();
    let checked = run("sha256sum", [Path::new("--check"), "--quiet".as_ref(), list.path()]);
    assert!(checked.status.success(), "{}", text(&checked));
}

/// A line for sha256sum(1), of a file that has the right size.
fn sum_line(path: &Path, size: &str, sum: &str) -> String {
    let seen = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(seen.len().to_string(), size, "{}", path.display());
    format!("{sum}  {}\n", path.display())
}
