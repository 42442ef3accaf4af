//! What every test plays on. In: nothing. Out: six booted hosts, prepared; a remote with tagged versions; a signed
//! repository with their packages. Each test has an application of its own, so tests share the hosts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tagboat_adapters::clock::SystemClock;
use tagboat_core::ports::{Architecture, Cancel, Output, Scope, Silent};
use tagboat_core::secret::Secret;
use tagboat_release::apt;
use tagboat_release::keys::{SigningKey, check};
use tagboat_testing::hosts::{Host, HostFleet};
use tagboat_testing::monorepo::Monorepo;

use crate::packages::{COMMITS, write_packages};
use crate::user::{PATIENCE, Process, Seen, wait_until};

/// Hosts that tests share.
pub(crate) const WEB_1: &str = "web-1";
pub(crate) const WEB_2: &str = "web-2";
/// The host whose power, network and sshd may fail: see [`Stage::alone`].
pub(crate) const WEB_3: &str = "web-3";
/// Where races are run: an environment and its one host, on which nobody else is at work. Its files may be looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    pub(crate) environment: &'static str,
    pub(crate) host: &'static str,
}

/// One for each test of races.
pub(crate) const COURSES: [Course; 3] = [
    Course { environment: "race-1", host: "web-4" },
    Course { environment: "race-2", host: "web-5" },
    Course { environment: "race-3", host: "web-6" },
];

/// Environments, and their hosts in the order in which they are changed.
const ENVIRONMENTS: [(&str, &[&str]); 6] = [
    ("one", &[WEB_1]),
    ("two", &[WEB_2]),
    ("pair", &[WEB_1, WEB_2]),
    ("third", &[WEB_3]),
    ("shaky", &[WEB_1, WEB_3]),
    ("production", &[WEB_2]),
];

/// An environment with two regions of one host each, deployed in this order, which is not that of their names.
pub(crate) const GLOBE: &str = "globe";
const REGIONS: [(&str, &str); 2] = [("us-east", WEB_1), ("eu-west", WEB_2)];

/// The port of the first application; the next one has the next.
const FIRST_PORT: u16 = 9000;

/// One application a test.
const APPS: [&str; 49] = [
    "ant", "bee", "cat", "cod", "cow", "crab", "crow", "deer", "dog", "dove", "duck", "eel", "elk",
    "emu", "fly", "fox", "frog", "gnu", "goat", "hare", "hawk", "hen", "ibis", "jay", "kiwi",
    "lark", "lion", "lynx", "mole", "moth", "mule", "newt", "owl", "ox", "pig", "puma", "rat",
    "seal", "swan", "wolf", "wren", "tern", "toad", "wasp", "yak", "zebu", "orca", "pike", "vole",
];

/// The applications of the races. Their hosts have 32 visitors at once, so their servers have more time to start.
const RACING: [&str; 3] = ["hawk", "orca", "pike"];

/// All of it.
pub(crate) struct Stage {
    fleet: HostFleet,
    repo: Monorepo,
    program: PathBuf,
    alone: Mutex<()>,
    // Ends when this process does, and takes away what statics leave behind.
    _janitor: std::process::Child,
}

/// The stage, set at the first call. `None` where this machine cannot run hosts.
pub(crate) fn stage() -> Option<&'static Stage> {
    static STAGE: LazyLock<Option<Stage>> = LazyLock::new(Stage::set);
    STAGE.as_ref()
}

impl Stage {
    fn set() -> Option<Self> {
        let courses = COURSES.map(|course| course.host);
        let fleet = HostFleet::up(&[&[WEB_1, WEB_2, WEB_3], &courses[..]].concat())?;
        fleet.hosts().iter().for_each(forget_debian);
        let repo = Monorepo::new();
        let janitor = janitor(&[fleet.folder(), repo.folder()]);
        // Hosts are prepared by one version of the program: it must not change while tests run.
        let program = repo.folder().join("tagboat");
        std::fs::copy(env!("CARGO_BIN_EXE_tagboat"), &program).unwrap();
        let stage = Self { fleet, repo, program, alone: Mutex::default(), _janitor: janitor };
        stage.write_repository();
        let courses = COURSES.map(|course| course.environment);
        for environment in ["pair", "third"].iter().chain(&courses) {
            stage.tagboat(&stage.repo.work(), &["host", "prepare", environment]).expect(0);
        }
        // What a host does for itself, at times of its own, would be taken for a racer's doing.
        for Course { host, .. } in COURSES {
            assert!(stage.host(host).run(&["sh", "-c", "systemctl stop '*.timer'"]).success());
        }
        Some(stage)
    }

    /// Commits, tags, configuration and packages, with the commands that a user has.
    fn write_repository(&self) {
        let repo = &self.repo;
        let secret = repo.folder().join("secret.asc");
        let secret = secret.to_str().unwrap();
        repo.write("README.md", "");
        repo.commit("feat: begin");
        let made =
            ["keys", "new", "--user", "T <t@example.org>", "--out", secret, "--format", "json"];
        let made = self.tagboat(&repo.work(), &made).expect(0).json();
        let mut config = String::from("projects:\n");
        for (app, port) in APPS.iter().zip(FIRST_PORT..) {
            write!(config, "{}", project(app, port)).unwrap();
            repo.write(&format!("{app}/README"), "");
            repo.write(&format!("config/{app}.service"), UNIT);
        }
        let key = made["fingerprint"].as_str().unwrap();
        writeln!(config, "publish: {{key: {key}, origin: Test, label: Test}}").unwrap();
        repo.write("config/ci-cd/build-config.yml", config);
        let courses = COURSES.each_ref().map(|course| (course.environment, [course.host]));
        let courses = courses.iter().map(|(environment, host)| (*environment, &host[..]));
        for (environment, hosts) in ENVIRONMENTS.into_iter().chain(courses) {
            let hosts = hosts.iter().map(|name| self.described(self.host(name)));
            let text = format!("hosts:\n{}", hosts.collect::<String>());
            let protected = if environment == "production" { "" } else { "is_production: false\n" };
            let path = format!("environments/{environment}/environment.yml");
            repo.write(&path, format!("{protected}{text}"));
        }
        let order: Vec<&str> = REGIONS.iter().map(|(region, _)| *region).collect();
        let path = format!("environments/{GLOBE}/environment.yml");
        repo.write(&path, format!("is_production: false\nregions: [{}]\n", order.join(", ")));
        for (region, host) in REGIONS {
            let text = format!(
                "cloud_mappings: {{aws: {region}-1}}\nhosts:\n{}",
                self.described(self.host(host))
            );
            repo.write(&format!("environments/{GLOBE}/regions/{region}/region.yml"), text);
        }
        repo.write(".gitignore", "/dist\n");
        let mut tags = String::new();
        for versions in COMMITS {
            let commit = repo.commit(&format!("feat: {}", versions[0].0));
            for app in APPS {
                for (version, _) in versions {
                    let tagger = "tagger Test <test@example.org> 1767225600 +0000";
                    let name = format!("{app}/v{version}");
                    write!(tags, "tag {name}\nfrom {commit}\n{tagger}\ndata 0\n\n").unwrap();
                }
            }
        }
        self.import(&tags);
        repo.push();
        let built = repo.work().join("dist");
        std::fs::create_dir(&built).unwrap();
        let ports = APPS.iter().zip(FIRST_PORT..);
        let packages: Vec<PathBuf> =
            ports.flat_map(|(app, port)| write_packages(&built, app, port)).collect();
        // One by the command that users have, which writes the public key, too; the others in one go.
        let tag = format!("{}/v1.0.0", APPS[0]);
        self.tagboat(&repo.work(), &["publish", &tag, "--key", secret]).expect(0);
        publish(Path::new(secret), built.join("apt"), packages);
    }

    /// Makes tags, all at once (git-fast-import(1)).
    fn import(&self, tags: &str) {
        let file = self.repo.folder().join("tags");
        std::fs::write(&file, tags).unwrap();
        let imported = Command::new("git")
            .args(["fast-import", "--quiet"])
            .current_dir(self.repo.work())
            .envs(self.repo.environment())
            .stdin(std::fs::File::open(file).unwrap())
            .status();
        assert!(imported.unwrap().success());
    }

    fn described(&self, host: &Host) -> String {
        format!(
            "  - {{name: {}, address: {}, user: {}, arch: amd64, host_key: {}}}\n",
            host.name(),
            host.address(),
            host.user(),
            host.host_key()
        )
    }

    pub(crate) fn host(&self, name: &str) -> &Host {
        self.fleet.host(name)
    }

    pub(crate) fn repo(&self) -> &Monorepo {
        &self.repo
    }

    /// An application of one's own, with a fresh clone. `name` is one of [`APPS`], and used in one test only.
    pub(crate) fn app(&'static self, name: &'static str) -> App {
        assert!(APPS.contains(&name), "{name}");
        self.app_from(name, self.clone_as(name, self.repo.remote().to_str().unwrap()))
    }

    /// The same application as seen by another person, from this clone.
    pub(crate) fn app_from(&'static self, name: &'static str, clone: PathBuf) -> App {
        App { stage: self, name, clone, environment: Vec::new() }
    }

    /// A clone with the packages at hand.
    pub(crate) fn clone_as(&self, name: &str, address: &str) -> PathBuf {
        let clone = self.repo.clone_from(&format!("clone-{name}"), address, &[]);
        std::os::unix::fs::symlink(self.repo.work().join("dist"), clone.join("dist")).unwrap();
        clone
    }

    /// Boots a host that lost its power.
    pub(crate) fn power_on(&self, name: &str) {
        self.host(name).power_on();
    }

    /// Nobody else uses [`WEB_3`] until this is dropped.
    pub(crate) fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The command, in a folder, with no setting of the machine or the user.
    pub(crate) fn command(&self, folder: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("USER", "ann")
            .env("TAGBOAT_SSH_IDENTITY", self.fleet.hosts()[0].key_file())
            .envs(self.repo.environment())
            // As on a machine of its own: nobody waits in a queue here, all race.
            .env("XDG_STATE_HOME", self.repo.folder().join(format!("state-{}", next())));
        command
    }

    /// Runs it.
    pub(crate) fn tagboat(&self, folder: &Path, words: &[&str]) -> Seen {
        Process::start(&mut self.command(folder, words)).end()
    }
}

const UNIT: &str = "[Unit]\nDescription=a small web server\n[Service]\nExecStart=/bin/true\n\
                    [Install]\nWantedBy=multi-user.target\n";

fn project(app: &str, port: u16) -> String {
    let start_within = if RACING.contains(&app) { 120 } else { 10 };
    format!(
        "  - path: {app}
    target: apt
    builder: staged
    package: {{name: {app}, architecture: [amd64], section: misc, maintainer: T <t@example.org>, description: a server}}
    files: [{{from: {app}/README, to: /usr/share/doc/{app}/README}}]
    health: {{port: {port}, interval_seconds: 1, answer_within_seconds: 2, start_within_seconds: {start_within}, passes: 2, failures: 2}}
"
    )
}

/// A number that no other command of this run has.
fn next() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// As on a host whose image was just made: apt has no index of Debian's 60,000 packages. It would read it all for each of
/// a hundred installations here, and none needs a package of Debian's.
fn forget_debian(host: &Host) {
    let words = "rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin";
    assert!(host.run(&["sh", "-c", words]).success());
}

/// Adds packages to the repository, as `tagboat publish` does.
fn publish(secret: &Path, folder: PathBuf, packages: Vec<PathBuf>) {
    let scope = Scope::new("publish", &Silent, Cancel::default());
    let secret = Secret::new(std::fs::read_to_string(secret).unwrap());
    let now = Timestamp::now();
    let key = check(Box::new(SigningKey::load(&secret, None).unwrap()), None, now).unwrap();
    let request = apt::Request {
        folder,
        suite: "stable".to_owned(),
        codename: "stable".to_owned(),
        component: "main".to_owned(),
        origin: "Test".to_owned(),
        label: "Test".to_owned(),
        architectures: vec![Architecture::Amd64],
        packages,
        valid_for: None,
    };
    let lock = apt::lock(&request.folder, PATIENCE, &SystemClock, &scope).unwrap();
    let facts = apt::observe(&request, std::slice::from_ref(key.certificate())).unwrap();
    let plan = apt::plan(&facts, &request, &key, now).unwrap();
    apt::apply(&plan, &key, &lock, &scope).unwrap();
}

/// Removes folders when this process has ended, however it did.
fn janitor(folders: &[&Path]) -> std::process::Child {
    Command::new("sh")
        .args(["-c", "cat >/dev/null; exec rm -rf -- \"$@\"", "janitor"])
        .args(folders)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// One application, and a person who deploys it from a clone.
pub(crate) struct App {
    pub(crate) stage: &'static Stage,
    pub(crate) name: &'static str,
    pub(crate) clone: PathBuf,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl App {
    /// `api/v1.0.0`.
    pub(crate) fn tag(&self, version: &str) -> String {
        format!("{}/v{version}", self.name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.stage.command(&self.clone, words);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub(crate) fn tagboat(&self, words: &[&str]) -> Seen {
        Process::start(&mut self.command(words)).end()
    }

    /// Starts a deployment that tells its steps as they begin.
    pub(crate) fn start_deploy(&self, version: &str, environment: &str, more: &[&str]) -> Process {
        let tag = self.tag(version);
        let mut words = vec!["deploy", &tag, "--env", environment, "--verbose"];
        words.extend(more);
        Process::start(&mut self.command(&words))
    }

    pub(crate) fn deploy(&self, version: &str, environment: &str) -> Seen {
        self.deploy_with(version, environment, &[])
    }

    pub(crate) fn deploy_with(&self, version: &str, environment: &str, more: &[&str]) -> Seen {
        let tag = self.tag(version);
        let mut words = vec!["deploy", &tag, "--env", environment];
        words.extend(more);
        self.tagboat(&words)
    }

    /// Every record of an environment, the newest first; none where there is no tag.
    pub(crate) fn records(&self, environment: &str) -> Vec<serde_json::Value> {
        let words = ["history", self.name, "--env", environment, "--format", "json"];
        let seen = self.tagboat(&words);
        if self.tag_object(environment).is_none() {
            return Vec::new();
        }
        seen.expect(0).json()["ledgers"][0]["records"].as_array().unwrap().clone()
    }

    /// The object that the remote holds as the environment's tag.
    pub(crate) fn tag_object(&self, environment: &str) -> Option<String> {
        let name = format!("refs/tags/{}/{environment}", self.name);
        let repo = &self.stage.repo;
        let listed =
            repo.git_in(&repo.remote(), &["for-each-ref", "--format=%(objectname)", &name]);
        (!listed.is_empty()).then_some(listed)
    }

    pub(crate) fn on(&self, host: &str, argv: &[&str]) -> Output {
        self.stage.host(host).run(argv)
    }

    /// dpkg's word and version: `installed 1.0.0`.
    pub(crate) fn installed(&self, host: &str) -> String {
        let show = "--showformat=${db:Status-Status} ${Version}";
        let output = self.on(host, &["dpkg-query", "--show", show, self.name]);
        if output.success() { output.text().trim().to_owned() } else { "nothing".to_owned() }
    }

    /// The version that answers.
    pub(crate) fn answers(&self, host: &str) -> Option<String> {
        let index = APPS.iter().position(|app| *app == self.name).unwrap();
        let port = FIRST_PORT + u16::try_from(index).unwrap();
        let url = format!("http://127.0.0.1:{port}/api/health");
        let output = self.on(host, &["curl", "--silent", "--max-time", "5", &url]);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        document["version"].as_str().map(str::to_owned)
    }

    /// The world is one: the tag, dpkg and whoever answers name this version on every host, nobody holds a
    /// turn and no phase runs.
    #[track_caller]
    pub(crate) fn assert_runs(&self, version: &str, environment: &str, hosts: &[&str]) {
        let repo = &self.stage.repo;
        let peeled = |name: &str| {
            repo.git_in(&repo.remote(), &["rev-parse", &format!("refs/tags/{name}^{{commit}}")])
        };
        let tag = format!("{}/{environment}", self.name);
        assert_eq!(peeled(&tag), peeled(&self.tag(version)), "{tag} is not at {version}");
        for host in hosts {
            assert_eq!(self.installed(host), format!("installed {version}"), "{host}");
            assert_eq!(self.answers(host).as_deref(), Some(version), "{host}");
            self.assert_quiet(host);
        }
    }

    /// There is no tag, and nothing of it on any host.
    #[track_caller]
    pub(crate) fn assert_gone(&self, environment: &str, hosts: &[&str]) {
        assert_eq!(self.tag_object(environment), None);
        for host in hosts {
            assert_eq!(self.installed(host), "nothing", "{host}");
            assert_eq!(self.answers(host), None, "{host}");
            self.assert_quiet(host);
        }
    }

    #[track_caller]
    fn assert_quiet(&self, host: &str) {
        let phase = format!("tagboat-{}.service", self.name);
        let state =
            self.on(host, &["systemctl", "show", "--property=ActiveState", "--value", &phase]);
        assert_eq!(state.text().trim(), "inactive", "{host}");
        let lock = format!("/run/tagboat/{}.lock", self.name);
        wait_until("a free turn", || {
            self.on(host, &["flock", "--nonblock", &lock, "true"]).success()
        });
    }

    /// Installations on this host stand still in the middle, until [`App::go_on`].
    pub(crate) fn pause_installations(&self, host: &str) {
        let file = self.pause_file();
        assert!(self.on(host, &["install", "-D", "/dev/null", &file]).success());
    }

    /// Waits until one stands still.
    pub(crate) fn wait_for_installation(&self, host: &str) {
        let paused = format!("/run/world/{}.paused", self.name);
        wait_until("an installation that stands still", || {
            self.on(host, &["test", "-e", &paused]).success()
        });
    }

    pub(crate) fn go_on(&self, host: &str) {
        assert!(self.on(host, &["rm", "-f", &self.pause_file()]).success());
    }

    fn pause_file(&self) -> String {
        format!("/var/lib/world/{}.pause", self.name)
    }
}
