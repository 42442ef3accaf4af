//! One round of a race. In: deployers from machines of their own, who reach the remote in one way. Out: exactly one won;
//! the others were told who, and changed no file of the host outside logs and /run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use tagboat_testing::git_http::GitHttp;
use tagboat_testing::sshd::{LoginShell, Sshd};

use crate::stage::{App, Course, Stage};
use crate::user::{Process, Seen, wait_until};

/// How many run for one turn.
const RACERS: usize = 32;

/// How many of them come late, where the files are looked at: they find somebody at work.
const LATE: usize = 4;

/// How the remote is reached.
pub(crate) enum Way {
    /// As a folder of this machine.
    File,
    /// `git-receive-pack` behind a real sshd.
    Ssh(Sshd),
    /// `git http-backend` behind a real web server.
    Http(GitHttp),
}

impl Way {
    pub(crate) fn ssh() -> Option<Self> {
        Sshd::start(LoginShell::Dash).map(Self::Ssh)
    }

    pub(crate) fn http(stage: &Stage) -> Option<Self> {
        let remote = stage.repo().remote();
        stage.repo().git_in(&remote, &["config", "http.receivepack", "true"]);
        GitHttp::start(remote.parent().unwrap()).map(Self::Http)
    }

    fn address(&self, remote: &Path) -> String {
        match self {
            Self::File => remote.display().to_string(),
            Self::Ssh(sshd) => {
                format!("ssh://{}@127.0.0.1:{}{}", sshd.user(), sshd.port(), remote.display())
            }
            Self::Http(server) => server.url(remote.file_name().unwrap().to_str().unwrap()),
        }
    }

    fn environment(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Ssh(sshd) => Some(("GIT_SSH_COMMAND", sshd.git_ssh_command())),
            Self::File | Self::Http(_) => None,
        }
    }
}

/// Somebody holds an application's turn on a host until the gate is opened.
pub(crate) struct ClosedGate<'a> {
    app: &'a App,
    host: &'static str,
    unit: String,
}

impl<'a> ClosedGate<'a> {
    pub(crate) fn new(app: &'a App, host: &'static str) -> Self {
        let unit = format!("gate-{}.service", app.name);
        let lock = format!("/run/tagboat/{}.lock", app.name);
        let words = "mkdir -p /run/tagboat; exec flock --nonblock \"$1\" sleep 3600";
        let mut held = vec!["systemd-run", "--quiet", "--collect", "--unit", &unit];
        held.extend(["sh", "-c", words, "gate", &lock]);
        assert!(app.on(host, &held).success());
        wait_until("a closed gate", || {
            app.on(host, &["flock", "--nonblock", &lock, "true"]).status == Some(1)
        });
        Self { app, host, unit }
    }

    pub(crate) fn open(self) {
        assert!(self.app.on(self.host, &["systemctl", "stop", &self.unit]).success());
    }
}

/// What is looked at on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looking {
    /// Every file, and what was run there.
    Files,
    /// What was run there.
    Runs,
}

/// Those who race for one application.
pub(crate) struct Race {
    people: Vec<App>,
    course: Course,
}

impl Race {
    /// Each of them has a clone, a home and a runtime folder of their own, as on another machine: all that they share is
    /// the remote and the host.
    pub(crate) fn between_strangers(
        stage: &'static Stage,
        name: &'static str,
        way: &Way,
        course: Course,
    ) -> Self {
        let repo = stage.repo();
        let first = stage.clone_as(&format!("{name}-0"), repo.remote().to_str().unwrap());
        repo.git_in(&first, &["remote", "set-url", "origin", &way.address(&repo.remote())]);
        let person = |index: usize, clone| {
            let machine = repo.folder().join(format!("machine-{name}-{index}"));
            let mut app = stage.app_from(name, clone);
            app.environment.push(("USER", format!("person-{index}")));
            for (variable, folder) in [
                ("HOME", "home"),
                ("XDG_CONFIG_HOME", "config"),
                ("XDG_CACHE_HOME", "cache"),
                ("XDG_STATE_HOME", "state"),
                ("XDG_RUNTIME_DIR", "run"),
            ] {
                let folder = machine.join(folder);
                std::fs::create_dir_all(&folder).unwrap();
                app.environment.push((variable, folder.to_str().unwrap().to_owned()));
            }
            app.environment.extend(way.environment());
            app
        };
        let mut people = vec![person(0, first.clone())];
        // Everybody has fetched the tags before: what they race with is new.
        people[0].tagboat(&["status"]).expect(0);
        repo.git_in(&first, &["pack-refs", "--all"]);
        for index in 1..RACERS {
            let clone = first.with_file_name(format!("clone-{name}-{index}"));
            let copied = Command::new("cp").arg("-a").args([&first, &clone]).status();
            assert!(copied.unwrap().success());
            people.push(person(index, clone));
        }
        Self { people, course }
    }

    fn app(&self) -> &App {
        &self.people[0]
    }

    /// Everybody plans on the same tag, and then all run for the turn. `number` turns the order in which they come.
    pub(crate) fn round(&self, number: usize, versions: &[&str], looking: Looking) {
        let app = self.app();
        let records = app.records(self.course.environment).len();
        let journal = Journal::from_now(app, self.course.host);
        let mut contest = Contest::new(self, number, versions);
        match looking {
            Looking::Runs => {
                contest.come(RACERS);
                contest.start();
            }
            Looking::Files => contest.while_looking_at_files(),
        }
        let outcome = contest.end(versions);
        let winner = self.assert_one_won(&outcome, records);
        journal.assert_only_it_changed_the_host(app, &winner);
    }

    /// Gives the deployment that won.
    fn assert_one_won(&self, outcome: &BTreeMap<usize, (&str, Seen)>, records: usize) -> String {
        let app = self.app();
        let winners: Vec<(usize, &str)> = outcome
            .iter()
            .filter(|(_, (_, seen))| seen.status == 0)
            .map(|(person, (version, _))| (*person, *version))
            .collect();
        let [(winner, version)] = winners[..] else { panic!("{winners:?} won\n{outcome:#?}") };
        app.assert_runs(version, self.course.environment, &[self.course.host]);
        let all = app.records(self.course.environment);
        assert_eq!(all.len(), records + 1, "one record a round");
        let id = all[0]["deployment_id"].as_str().unwrap();
        let who = format!("person-{winner}");
        assert_eq!(all[0]["triggered_by"], who.as_str());
        for (person, (_, loser)) in outcome.iter().filter(|(person, _)| **person != winner) {
            assert_eq!(loser.status, 3, "{person}: {}", loser.stderr);
            for told in ["no host was changed", id, &who] {
                assert!(loser.stderr.contains(told), "{person} is not told {told}: {loser:?}");
            }
            let codes = ["error[deploy::lost-race]", "error[deploy::busy]"];
            assert!(codes.iter().any(|code| loser.stderr.contains(code)), "{person}: {loser:?}");
        }
        id.to_owned()
    }

    /// As if it had never been deployed.
    pub(crate) fn forget(&self) {
        let app = self.app();
        let (repo, name) = (app.stage.repo(), app.name);
        let Course { environment, host } = self.course;
        let remote = repo.remote();
        let ledger = format!("refs/tagboat/ledger/{name}/{environment}");
        let refs = repo.git_in(&remote, &["for-each-ref", "--format=%(refname)", &ledger]);
        for gone in refs.lines().chain([format!("refs/tags/{name}/{environment}").as_str()]) {
            repo.git_in(&remote, &["update-ref", "-d", gone]);
        }
        for person in &self.people {
            let seen = format!("refs/tagboat/seen/{name}/{environment}");
            repo.git_in(&person.clone, &["update-ref", "-d", &seen]);
        }
        let words = "dpkg --purge \"$1\" >/dev/null 2>&1 && rm -r \"/var/lib/tagboat/apps/$1\"";
        assert!(app.on(host, &["sh", "-c", words, "forget", name]).success());
    }
}

/// Those who are at it in one round.
struct Contest<'a> {
    race: &'a Race,
    number: usize,
    versions: &'a [&'a str],
    gate: Option<ClosedGate<'a>>,
    running: BTreeMap<usize, Process>,
    ended: BTreeMap<usize, Seen>,
}

impl<'a> Contest<'a> {
    fn new(race: &'a Race, number: usize, versions: &'a [&'a str]) -> Self {
        let gate = Some(ClosedGate::new(race.app(), race.course.host));
        let (running, ended) = (BTreeMap::new(), BTreeMap::new());
        Self { race, number, versions, gate, running, ended }
    }

    fn version(&self, person: usize) -> &'a str {
        self.versions[person % self.versions.len()]
    }

    fn starts(&self, place: usize, wait: &str) -> (usize, Process) {
        let person = (self.number + place) % RACERS;
        let Race { people, course } = self.race;
        let (version, wait) = (self.version(person), ["--wait", wait]);
        (person, people[person].start_deploy(version, course.environment, &wait))
    }

    /// So many come, all at once, and stand before the turn: they have planned.
    fn come(&mut self, count: usize) {
        let mut all: Vec<(usize, Process)> =
            (0..count).map(|place| self.starts(place, "800")).collect();
        let turn = format!("turn on {}", self.race.course.host);
        for (person, racer) in &mut all {
            assert!(racer.begins(&turn), "{person}: {:?}", racer.said());
        }
        self.running.extend(all);
    }

    fn start(&mut self) {
        self.gate.take().unwrap().open();
    }

    /// The winner is stopped in the middle and the others after it, so that what they change is told apart.
    fn while_looking_at_files(&mut self) {
        let (app, host) = (self.race.app(), self.race.course.host);
        app.pause_installations(host);
        // Those who plan, and wait.
        let before = every_file(app, host);
        self.come(RACERS - LATE);
        assert_unchanged(&before, &every_file(app, host), "who planned");
        self.start();
        app.wait_for_installation(host);
        // Those who come while somebody is at work.
        let before = every_file(app, host);
        for place in RACERS - LATE..RACERS {
            let (person, late) = self.starts(place, "1");
            self.ended.insert(person, late.end());
        }
        assert_unchanged(&before, &every_file(app, host), "who came late");
        // Those who get the turn after the winner.
        let waiting = waiting(app, host);
        assert_eq!(waiting.len(), RACERS - LATE - 1);
        signal(app, host, "-STOP", &waiting);
        app.go_on(host);
        let mut winner = None;
        wait_until("a winner", || {
            winner = self
                .running
                .iter_mut()
                .find_map(|(person, racer)| racer.is_over().then_some(*person));
            winner.is_some()
        });
        let winner = winner.unwrap();
        self.ended.insert(winner, self.running.remove(&winner).unwrap().end());
        let before = every_file(app, host);
        signal(app, host, "-CONT", &waiting);
        while let Some((person, racer)) = self.running.pop_first() {
            self.ended.insert(person, racer.end());
        }
        assert_unchanged(&before, &every_file(app, host), "who came after the winner");
    }

    /// Everybody's version, and what they saw.
    fn end(mut self, versions: &'a [&'a str]) -> BTreeMap<usize, (&'a str, Seen)> {
        while let Some((person, racer)) = self.running.pop_first() {
            self.ended.insert(person, racer.end());
        }
        let version = |person: usize| versions[person % versions.len()];
        self.ended.into_iter().map(|(person, seen)| (person, (version(person), seen))).collect()
    }
}

/// Who waits for the turn on the host: `flock`, with the lock open.
fn waiting(app: &App, host: &str) -> Vec<String> {
    let words = "for process in /proc/[0-9]*; do \
                 [ \"$(cat $process/comm 2>/dev/null)\" = flock ] || continue; \
                 [ \"$(readlink $process/fd/9)\" = \"/run/tagboat/$1.lock\" ] && basename $process; \
                 done; true";
    let found = app.on(host, &["sh", "-c", words, "waiting", app.name]).text();
    found.lines().map(str::to_owned).collect()
}

fn signal(app: &App, host: &str, signal: &str, processes: &[String]) {
    let mut words = vec!["kill", signal];
    words.extend(processes.iter().map(String::as_str));
    assert!(app.on(host, &words).success());
}

/// Every file, folder and link of the host outside logs and /run, with what shows that it was touched: inode, size, times, mode
/// and owner. Of a file it is the time of its content: that of its last change also moves where another root of this
/// machine is made with hard links to the same files.
fn every_file(app: &App, host: &str) -> BTreeSet<String> {
    let words = "find / /tmp /var/tmp -xdev \\( -path /run -o -path /var/log -o -path /proc -o -path /sys -o -path /dev \\) \
                 -prune -o -type d -printf '%p %y %i %s %C@ %m %U %G\\n' \
                 -o -printf '%p %y %i %s %T@ %m %U %G %l\\n'";
    let listed = app.on(host, &["sh", "-c", words]);
    let listed: BTreeSet<String> = listed.text().lines().map(str::to_owned).collect();
    assert!(listed.len() > 1_000, "{listed:?}");
    listed
}

#[track_caller]
fn assert_unchanged(before: &BTreeSet<String>, after: &BTreeSet<String>, who: &str) {
    let changed: Vec<&String> = before.symmetric_difference(after).collect();
    assert!(changed.is_empty(), "{who} changed: {changed:#?}");
}

/// What sudo wrote down of every run of the host's program: nobody becomes root there by another way.
struct Journal {
    host: &'static str,
    from: String,
}

impl Journal {
    fn from_now(app: &App, host: &'static str) -> Self {
        let now = app.on(host, &["date", "+@%s.%6N"]).text();
        Self { host, from: now.trim().to_owned() }
    }

    /// The arguments of each run.
    fn runs(&self, app: &App) -> Vec<Vec<String>> {
        assert!(app.on(self.host, &["journalctl", "--sync"]).success());
        let after = format!("--since={}", self.from);
        let words = ["journalctl", "--quiet", "--identifier=sudo", "--output=cat", &after];
        let lines = app.on(self.host, &words).text();
        let runs = lines.lines().filter_map(|line| line.split_once("COMMAND="));
        runs.map(|(_, command)| {
            let command = command.strip_prefix("/usr/local/lib/tagboat/host ");
            let words = command.unwrap_or_else(|| panic!("another program was run: {lines}"));
            words.split(' ').map(str::to_owned).collect()
        })
        .collect()
    }

    /// Everybody looked and asked for the turn, which writes to /run alone. All else was run by the winner.
    fn assert_only_it_changed_the_host(&self, app: &App, winner: &str) {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for run in self.runs(app) {
            let verb = run[0].as_str();
            // Of the gates, as often as it takes.
            if verb == "probe" {
                continue;
            }
            *count.entry(verb.to_owned()).or_default() += 1;
            if matches!(verb, "claim" | "settle" | "install" | "remove") {
                assert!(run.iter().any(|word| word == winner), "{run:?} is not of {winner}");
            }
        }
        let mut expected = vec![("facts", RACERS), ("hold", RACERS)];
        expected.extend(
            ["claim", "join", "holdings", "receive", "install", "settle"].map(|verb| (verb, 1)),
        );
        let expected = expected.into_iter().map(|(verb, count)| (verb.to_owned(), count)).collect();
        assert_eq!(count, expected);
    }
}
