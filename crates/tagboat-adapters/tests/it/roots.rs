//! Clean roots and hosts, for real. In: this machine's kernel, apt mirror and tools. Out: what they do.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tagboat_adapters::process::{Environment, LocalRunner};
use tagboat_adapters::roots::{NspawnRoots, cache_folder, machine_mirrors};
use tagboat_core::command::Command;
use tagboat_core::ports::{
    Access, Architecture, Bind, BuildDepends, Cancel, Network, Output, RootSpec, Roots as _,
    RunError, Runner, Scope, Silent,
};
use tagboat_core::secret::Secret;
use tagboat_testing::fake::{Recorder, Told};
use tagboat_testing::hosts::HostFleet;
use tagboat_testing::require;
use tempfile::TempDir;

/// Set in a process that a test starts to be killed, or to race with: which cache folder it is to use.
const CHILD: &str = "TAGBOAT_TEST_CHILD";

/// What booting takes, and what the tests talk with.
const BOOTABLE: [&str; 3] = ["curl", "dbus", "systemd-sysv"];

const PATIENCE: Duration = Duration::from_secs(60);

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

fn cache() -> PathBuf {
    cache_folder(|name| std::env::var_os(name)).unwrap()
}

/// `None` where this machine cannot have roots.
fn roots() -> Option<NspawnRoots> {
    for tool in ["systemd-nspawn", "mmdebstrap", "nsenter"] {
        require(tool)?;
    }
    if !rustix::process::geteuid().is_root() {
        return require("root's rights").and(None);
    }
    Some(NspawnRoots::new(LocalRunner::default(), cache()))
}

fn spec(architecture: Architecture, packages: &[&str]) -> RootSpec {
    RootSpec {
        architecture,
        foreign: Vec::new(),
        mirrors: machine_mirrors(Path::new("/")),
        packages: packages.iter().map(|&name| name.to_owned()).collect(),
        build_depends: None,
    }
}

fn plain() -> RootSpec {
    spec(Architecture::Amd64, &[])
}

fn shell(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

fn run(runner: &dyn Runner, command: &Command) -> Output {
    runner.run(&scope(), command).unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// What a program prints that must succeed.
fn text(runner: &dyn Runner, command: &Command) -> String {
    let output = run(runner, command);
    assert!(output.success(), "{command}: {output:?}");
    output.text().trim().to_owned()
}

/// Whether any process of this machine has `word` among its arguments.
fn runs(word: &str) -> bool {
    processes(word).next().is_some()
}

fn parent(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
    parent.trim().parse().unwrap()
}

fn processes(word: &str) -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").unwrap().filter_map(move |entry| {
        let entry = entry.ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let args = fs::read(entry.path().join("cmdline")).ok()?;
        args.split(|&byte| byte == 0).any(|arg| arg == word.as_bytes()).then_some(pid)
    })
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_kept_root_opens_again_at_once_and_what_is_written_in_it_vanishes() {
    let Some(roots) = roots() else { return };
    let first = roots.open(&scope(), &plain(), &[]).unwrap();
    let runner = first.runner(Network::Loopback);
    text(&*runner, &shell("echo gone > /root/written && rm /etc/issue"));
    assert!(first.path().join("root/written").exists());
    let place = first.path().to_owned();
    drop(runner);
    drop(first);
    assert!(!place.exists());
    // Another one: it asks the mirror again, as another process would.
    let roots = NspawnRoots::new(LocalRunner::default(), cache());
    let began = Instant::now();
    let second = roots.open(&scope(), &plain(), &[]).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!second.path().join("root/written").exists());
    assert!(second.path().join("etc/issue").exists());
}

#[test]
fn a_program_in_a_root_gets_and_gives_bytes_and_has_its_own_status() {
    let Some(roots) = roots() else { return };
    let root = roots.open(&scope(), &plain(), &[]).unwrap();
    let runner = root.runner(Network::Loopback);
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    assert_eq!(run(&*runner, &Command::new("cat").stdin(bytes.clone())).stdout, bytes);
    for status in [0, 1, 7, 137, 255] {
        let output = run(&*runner, &shell(&format!("echo said >&2; exit {status}")));
        assert_eq!((output.status, output.stderr.as_str()), (Some(status), "said\n"));
    }
    let missing = Command::new("no-such-program");
    assert_eq!(runner.run(&scope(), &missing), Err(RunError::NotFound));
    let missing = Command::new("/no/such");
    assert_eq!(runner.run(&scope(), &missing), Err(RunError::NotFound));
    let command = Command::new("printenv").args(["A", "HOME", "PASSWORD", "LC_ALL"]);
    let command = command.env("A", "b c=d").env("PASSWORD", "hunter2");
    let command = command.secret(Secret::new("hunter2".to_owned()));
    assert_eq!(text(&*runner, &command), "b c=d\n/root\nhunter2\nC.UTF-8");
    assert_eq!(text(&*runner, &Command::new("pwd").folder("/usr/share")), "/usr/share");
    assert_eq!(text(&*runner, &Command::new("hostname")), "tagboat");
    assert_eq!(text(&*runner, &shell("echo kept > /tmp/x; cat /tmp/x")), "kept");
    assert_eq!(text(&*runner, &shell("cat /tmp/x")), "kept");
}

#[test]
fn a_secret_variable_is_not_among_the_arguments_of_any_process() {
    let Some(roots) = roots() else { return };
    let root = roots.open(&scope(), &plain(), &[]).unwrap();
    let runner = root.runner(Network::Loopback);
    let secret = format!("secret-{}", std::process::id());
    let command = shell("echo up; sleep 60").env("TOKEN", &secret);
    let command = command.env("OPEN", "not-a-secret-of-anyone").secret(Secret::new(secret.clone()));
    let mut running = runner.start(&scope(), &command).unwrap();
    assert_eq!(running.line(&scope(), PATIENCE), Ok(Some("up".to_owned())));
    assert!(runs("--setenv=OPEN=not-a-secret-of-anyone"));
    assert!(!runs(&format!("--setenv=TOKEN={secret}")));
    assert!(runs("--setenv=TOKEN"));
}

#[test]
fn a_bind_is_what_it_says_and_survives_the_root() {
    let Some(roots) = roots() else { return };
    let folder = TempDir::new().unwrap();
    let (fixed, open) = (folder.path().join("fixed:one"), folder.path().join("open"));
    fs::create_dir(&fixed).unwrap();
    fs::create_dir(&open).unwrap();
    fs::write(fixed.join("in"), "from here").unwrap();
    let bind = |from: &Path, to: &str, access| Bind { from: from.into(), to: to.into(), access };
    let binds =
        [bind(&fixed, "/srv/fixed", Access::ReadOnly), bind(&open, "/tmp/open", Access::ReadWrite)];
    let root = roots.open(&scope(), &plain(), &binds).unwrap();
    let runner = root.runner(Network::Loopback);
    assert_eq!(
        text(&*runner, &shell("cat /srv/fixed/in; cp /srv/fixed/in /tmp/open/out")),
        "from here"
    );
    assert!(!run(&*runner, &shell("echo x > /srv/fixed/in")).success());
    drop(runner);
    drop(root);
    assert_eq!(fs::read_to_string(open.join("out")).unwrap(), "from here");
    assert_eq!(fs::read_to_string(fixed.join("in")).unwrap(), "from here");
}

#[test]
fn a_root_without_the_network_has_only_loopback() {
    let Some(roots) = roots() else { return };
    let root = roots.open(&scope(), &plain(), &[]).unwrap();
    let interfaces =
        shell("sed -n 's/^ *\\([^:]*\\):.*/\\1/p' /proc/net/dev; tail -n +2 /proc/net/route");
    assert_eq!(text(&*root.runner(Network::Loopback), &interfaces), "lo");
    let shared = text(&*root.runner(Network::Shared), &interfaces);
    assert_eq!(shared, text(&LocalRunner::default(), &interfaces));
    let update = Command::new("apt-get").arg("update").timeout(PATIENCE);
    assert!(text(&*root.runner(Network::Shared), &update).contains("Reading package lists"));
}

#[test]
fn a_timeout_or_a_cancel_ends_everything_inside() {
    let Some(roots) = roots() else { return };
    let root = roots.open(&scope(), &plain(), &[]).unwrap();
    let runner = root.runner(Network::Loopback);
    let mark = format!("7{}.25", std::process::id());
    let script = format!("trap '' TERM; setsid sleep {mark} & sleep {mark}");
    let command = shell(&script).timeout(Duration::from_secs(1));
    let began = Instant::now();
    assert!(matches!(runner.run(&scope(), &command), Err(RunError::TimedOut(_))));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!runs(&mark));
    let scope = scope();
    std::thread::scope(|threads| {
        let running = threads.spawn(|| runner.run(&scope, &shell(&script)));
        wait_until("the program", || runs(&mark));
        scope.cancel.cancel();
        assert_eq!(running.join().unwrap(), Err(RunError::Cancelled));
    });
    assert!(!runs(&mark));
}

#[test]
fn what_a_program_leaves_running_is_ended_and_only_one_runs_at_a_time() {
    let Some(roots) = roots() else { return };
    let root = roots.open(&scope(), &plain(), &[]).unwrap();
    let runner = root.runner(Network::Loopback);
    let mark = format!("6{}.25", std::process::id());
    let daemon = format!("setsid sleep {mark} >/dev/null 2>&1 & echo left");
    assert_eq!(text(&*runner, &shell(&daemon)), "left");
    assert!(!runs(&mark));
    let mut running =
        runner.start(&scope(), &shell(&format!("echo up; exec sleep {mark}"))).unwrap();
    assert_eq!(running.line(&scope(), PATIENCE), Ok(Some("up".to_owned())));
    assert!(matches!(runner.run(&scope(), &Command::new("true")), Err(RunError::Io(_))));
    assert!(root.boot(&scope(), PATIENCE).is_err());
    drop(running);
    assert!(!runs(&mark));
    assert_eq!(text(&*runner, &shell("echo free")), "free");
}

#[test]
fn a_booted_root_runs_its_services_and_programs_beside_them() {
    let Some(roots) = roots() else { return };
    let root = roots.open(&scope(), &spec(Architecture::Amd64, &BOOTABLE), &[]).unwrap();
    let units = "set -e; cd /etc/systemd/system; mkdir -p /srv; printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello' > /srv/answer
        printf 'while read -r line && [ ${#line} -gt 1 ]; do :; done; cat /srv/answer' > /srv/serve
        printf '[Socket]\\nListenStream=127.0.0.1:8080\\nAccept=yes\\n[Install]\\nWantedBy=sockets.target\\n' > tiny.socket
        printf '[Service]\\nStandardInput=socket\\nExecStart=sh /srv/serve\\n' > tiny@.service
        systemctl enable tiny.socket";
    text(&*root.runner(Network::Loopback), &shell(units));
    let began = Instant::now();
    let booted = root.boot(&scope(), PATIENCE).unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let inside = booted.runner();
    let ask = |args: &[&str]| text(&*inside, &Command::new("systemctl").args(args.iter().copied()));
    assert_eq!(ask(&["is-system-running"]), "running");
    assert_eq!(ask(&["is-active", "multi-user.target"]), "active");
    // However many jobs it tells of.
    let jobs = "for job in $(seq 30); do systemd-run --quiet --wait true || exit; done";
    assert_eq!(text(&*inside, &shell(jobs)), "");
    let get = Command::new("curl").args(["--silent", "http://127.0.0.1:8080/"]);
    assert_eq!(text(&*inside, &get), "hello");
    assert!(LocalRunner::default().run(&scope(), &get).is_ok_and(|output| !output.success()));
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert_eq!(run(&*inside, &Command::new("cat").stdin(bytes.clone())).stdout, bytes);
    assert_eq!(inside.run(&scope(), &Command::new("no-such")), Err(RunError::NotFound));
    assert_eq!(run(&*inside, &shell("exit 9")).status, Some(9));
    assert_eq!(text(&*inside, &shell("echo $HOME; pwd").folder("/srv")), "/root\n/srv");
    assert_eq!(text(&*inside, &shell("cat /proc/1/comm; hostname")), "systemd\ntagboat");
    let late = shell("sleep 55").timeout(Duration::from_millis(300));
    assert!(matches!(inside.run(&scope(), &late), Err(RunError::TimedOut(_))));
    drop(inside);
    drop(booted);
    assert_eq!(text(&*root.runner(Network::Loopback), &shell("cat /proc/2/comm")), "sh");
}

#[test]
fn what_does_not_boot_says_so_in_time() {
    let Some(roots) = roots() else { return };
    let root = roots.open(&scope(), &spec(Architecture::Amd64, &BOOTABLE), &[]).unwrap();
    let block = "printf '[Unit]\\nBefore=multi-user.target\\n[Service]\\nType=oneshot\\nExecStart=sleep 600\\n\
                 [Install]\\nRequiredBy=multi-user.target\\n' > /etc/systemd/system/never.service; systemctl enable never";
    text(&*root.runner(Network::Loopback), &shell(block));
    let began = Instant::now();
    let error = root.boot(&scope(), Duration::from_secs(3)).err().unwrap().to_string();
    assert!(error.contains("multi-user.target was not reached"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    // And where there is no systemd at all.
    let root = roots.open(&scope(), &plain(), &[]).unwrap();
    let began = Instant::now();
    let error = root.boot(&scope(), PATIENCE).err().unwrap().to_string();
    assert!(error.contains("it went off"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn an_arm64_root_runs_arm64_programs_and_boots() {
    let Some(roots) = roots() else { return };
    let recorder = Recorder::default();
    let scope = Scope::new("test", &recorder, Cancel::default());
    let root = roots.open(&scope, &spec(Architecture::Arm64, &BOOTABLE), &[]).unwrap();
    let runner = root.runner(Network::Loopback);
    assert_eq!(text(&*runner, &Command::new("uname").arg("-m")), "aarch64");
    assert_eq!(text(&*runner, &Command::new("dpkg").arg("--print-architecture")), "arm64");
    drop(runner);
    let booted = root.boot(&scope, PATIENCE).unwrap();
    let inside = booted.runner();
    let active = Command::new("systemctl").args(["is-active", "multi-user.target"]);
    assert_eq!(text(&*inside, &active), "active");
}

#[test]
fn build_dependencies_for_another_architecture_are_installed() {
    let Some(roots) = roots() else { return };
    let control = "Source: x\nBuild-Depends: libsqlite3-dev\n\nPackage: x\nArchitecture: any\n";
    let mut spec = plain();
    spec.foreign = vec![Architecture::Arm64];
    spec.packages = vec!["libc6:arm64".to_owned()];
    spec.build_depends =
        Some(BuildDepends { control: control.to_owned(), host: Architecture::Arm64 });
    let root = roots.open(&scope(), &spec, &[]).unwrap();
    let runner = root.runner(Network::Loopback);
    assert_eq!(text(&*runner, &Command::new("dpkg").arg("--print-foreign-architectures")), "arm64");
    let installed = ["--show", "--showformat=${Package}:${Architecture} ", "libsqlite3-dev:arm64"];
    assert_eq!(text(&*runner, &Command::new("dpkg-query").args(installed)), "libsqlite3-dev:arm64");
    assert!(!root.path().join("run/source").exists());
}

#[test]
fn a_root_is_opened_without_its_mirror() {
    let Some(roots) = roots() else { return };
    drop(roots.open(&scope(), &plain(), &[]).unwrap());
    // Nobody listens on port 1: apt reaches no mirror through this.
    let offline = Environment::default().with("http_proxy", "http://127.0.0.1:1");
    let offline = NspawnRoots::new(LocalRunner::new(offline), cache());
    let recorder = Recorder::default();
    let told = Scope::new("test", &recorder, Cancel::default());
    let root = offline.open(&told, &plain(), &[]).unwrap();
    assert_eq!(text(&*root.runner(Network::Loopback), &shell("echo here")), "here");
    let noted = |(_, told): &(String, Told)| matches!(told, Told::Note(note) if note.starts_with("the package mirror cannot be reached"));
    assert!(recorder.all().iter().any(noted), "{:?}", recorder.all());
    let mut unknown = plain();
    unknown.mirrors[0].suite = "no-such-suite".to_owned();
    assert!(roots.open(&scope(), &unknown, &[]).is_err());
}

/// A cache of its own that holds only base roots, by hard links to the shared one's.
fn own_cache() -> TempDir {
    let shared = cache();
    let own = tempfile::Builder::new().prefix("test-").tempdir_in(&shared).unwrap();
    for base in fs::read_dir(shared.join("roots")).unwrap() {
        for state in fs::read_dir(base.unwrap().path()).unwrap() {
            let state = state.unwrap().path();
            let made = fs::read_to_string(state.join("made")).unwrap_or_default();
            if !made.contains("\namd64\n") {
                continue;
            }
            let copy = own.path().join(state.strip_prefix(&shared).unwrap());
            fs::create_dir_all(copy.join("layers")).unwrap();
            let status = std::process::Command::new("cp")
                .args(["--archive", "--link"])
                .args([state.join("made"), state.join("root"), copy])
                .status()
                .unwrap();
            assert!(status.success());
        }
    }
    own
}

/// Runs the test of this name again, in a process of its own.
fn child(test: &str, cache: &Path) -> Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1", test])
        .env(CHILD, cache)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

#[test]
fn two_processes_make_a_root_once() {
    let spec = spec(Architecture::Amd64, &["hello"]);
    if let Some(cache) = std::env::var_os(CHILD) {
        let recorder = Recorder::default();
        let scope = Scope::new("child", &recorder, Cancel::default());
        let roots = NspawnRoots::new(LocalRunner::default(), cache);
        let root = roots.open(&scope, &spec, &[]).unwrap();
        say(&format!("said {}", text(&*root.runner(Network::Loopback), &Command::new("hello"))));
        for (_, told) in recorder.all() {
            if let Told::Note(note) = told {
                say(&format!("note {note}"));
            }
        }
        return;
    }
    let Some(roots) = roots() else { return };
    // Open, so that nobody removes what is copied.
    let root = roots.open(&scope(), &plain(), &[]).unwrap();
    let own = own_cache();
    drop(root);
    let mut children: Vec<Child> =
        (0..3).map(|_| child("roots::two_processes_make_a_root_once", own.path())).collect();
    let mut all = String::new();
    for child in &mut children {
        child.stdout.take().unwrap().read_to_string(&mut all).unwrap();
        assert!(child.wait().unwrap().success(), "{all}");
    }
    assert_eq!(all.matches("said Hello, world!").count(), 3, "{all}");
    assert_eq!(all.matches("note installing").count(), 1, "{all}");
    assert_eq!(all.matches("note making").count(), 0, "{all}");
    assert_eq!(fs::read_dir(own.path().join("open")).unwrap().count(), 1, "only the gate's lock");
}

#[test]
fn what_a_killed_process_left_is_gone_when_the_next_one_opens_a_root() {
    let mark = |pid: u32| format!("5{pid}.25");
    let bootable = spec(Architecture::Amd64, &BOOTABLE);
    if let Some(cache) = std::env::var_os(CHILD) {
        let roots = NspawnRoots::new(LocalRunner::default(), cache);
        let root = roots.open(&scope(), &bootable, &[]).unwrap();
        let booted = root.boot(&scope(), PATIENCE).unwrap();
        let sleep = Command::new("systemd-run").args(["sleep", &mark(std::process::id())]);
        assert!(run(&*booted.runner(), &sleep).success());
        say(&format!("open {}", root.path().display()));
        // Until the parent kills us, or ends.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let Some(roots) = roots() else { return };
    for first_killed in [Killed::OnlyTheProcess, Killed::NspawnFirst] {
        let test = "roots::what_a_killed_process_left_is_gone_when_the_next_one_opens_a_root";
        let mut child = child(test, roots.cache());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let opened =
            |line: Result<String, _>| Some(PathBuf::from(line.ok()?.strip_prefix("open ")?));
        let path = lines.into_iter().find_map(opened).expect("the child opened a root");
        let mark = mark(child.id());
        wait_until("the service", || runs(&mark));
        if first_killed == Killed::NspawnFirst {
            // A booted guest lives on: that is the hard case.
            let nspawn = parent(parent(processes(&mark).next().expect("it sleeps")));
            let nspawn = rustix::process::Pid::from_raw(nspawn).unwrap();
            rustix::process::kill_process(nspawn, rustix::process::Signal::KILL).unwrap();
            wait_until("the end of systemd-nspawn", || {
                !Path::new(&format!("/proc/{nspawn}/root/proc")).exists()
            });
            assert!(runs(&mark));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let root = roots.open(&scope(), &plain(), &[]).unwrap();
        assert!(!path.parent().unwrap().exists());
        assert!(!runs(&mark));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(path.to_str().unwrap()));
        drop(root);
    }
}

#[test]
fn a_process_that_is_killed_while_it_makes_a_root_leaves_nothing_running_or_mounted() {
    if let Some(cache) = std::env::var_os(CHILD) {
        let roots = NspawnRoots::new(LocalRunner::default(), cache);
        drop(roots.open(&scope(), &plain(), &[]).unwrap());
        return;
    }
    if roots().is_none() {
        return;
    }
    let own = tempfile::Builder::new().prefix("test-").tempdir_in(cache()).unwrap();
    let test =
        "roots::a_process_that_is_killed_while_it_makes_a_root_leaves_nothing_running_or_mounted";
    let mut child = child(test, own.path());
    // Packages are being installed: mmdebstrap has mounted its file systems by then.
    let root = || {
        let base = fs::read_dir(own.path().join("roots")).ok()?.next()?.ok()?.path();
        let root = base.join(".new/root");
        root.join("var/lib/dpkg/info/bash.list").exists().then_some(root)
    };
    wait_until("a half made root", || root().is_some());
    let root = root().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the end of mmdebstrap", || !runs(root.to_str().unwrap()));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(own.path().to_str().unwrap()), "{mounts}");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Killed {
    OnlyTheProcess,
    NspawnFirst,
}

fn ssh(host: &tagboat_testing::hosts::Host, user: &str, known: &Path, program: &str) -> Output {
    fs::write(known, format!("{} {}\n", host.address(), host.host_key())).unwrap();
    let command = Command::new("ssh")
        .args(["-F", "none", "-i", host.key_file().to_str().unwrap()])
        .args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=3", "-o", "StrictHostKeyChecking=yes"])
        .args(["-o", "GlobalKnownHostsFile=none"])
        .args(["-o", &format!("UserKnownHostsFile={}", known.display())])
        .args([&format!("{user}@{}", host.address()), program]);
    run(&LocalRunner::default(), &command)
}

#[test]
fn hosts_are_reached_by_their_keys_and_survive_cut_networks_and_power_failures() {
    let Some(fleet) = HostFleet::up(&["one", "two"]) else { return };
    let known = fleet.folder().join("known_hosts");
    let (one, two) = (fleet.host("one"), fleet.host("two"));
    let mark = format!("4{}.25", std::process::id());
    assert_ne!(one.host_key(), two.host_key());
    for (user, id) in [("deploy", "1000"), ("root", "0")] {
        let output = ssh(one, user, &known, "id -u; hostname");
        assert_eq!(output.text(), format!("{id}\none\n"), "{output:?}");
    }
    let reach = format!("echo > /dev/tcp/{}/22", two.address());
    assert!(one.run(&["timeout", "5", "bash", "-c", &reach]).success());

    two.cut_network();
    let cut = ssh(two, "deploy", &known, "true");
    assert_eq!(cut.status, Some(255), "{cut:?}");
    assert!(ssh(one, "deploy", &known, "true").success());
    assert!(two.run(&["true"]).success());
    two.heal_network();
    assert!(ssh(two, "deploy", &known, "true").success());

    let note = format!("echo kept > /root/note; exec systemd-run sleep {mark}");
    one.run(&["sh", "-c", &note]);
    wait_until("the service", || runs(&mark));
    one.lose_power();
    assert!(!runs(&mark));
    assert_eq!(ssh(one, "deploy", &known, "true").status, Some(255));
    one.power_on();
    assert_eq!(ssh(one, "root", &known, "cat /root/note").text(), "kept\n");

    one.run(&["touch", "/run/until-reboot"]);
    one.reboot();
    assert!(!one.run(&["test", "-e", "/run/until-reboot"]).success());
    assert_eq!(ssh(one, "root", &known, "cat /root/note").text(), "kept\n");
    one.reset();
    assert!(!ssh(one, "root", &known, "cat /root/note").success());

    one.run(&["systemd-run", "sleep", &mark]);
    wait_until("the service", || runs(&mark));
    drop(fleet);
    assert!(!runs(&mark));
    let mine = format!("tb{}f", std::process::id());
    for folder in ["/sys/class/net", "/run/netns"] {
        let left = fs::read_dir(folder).unwrap().filter_map(Result::ok);
        let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(&mine)), "{left:?}");
    }
}
