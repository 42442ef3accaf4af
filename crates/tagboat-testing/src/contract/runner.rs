//! The promises of a runner. In: one. Out: a panic where it breaks one.
//!
//! The first group holds for fakes too: its programs are `true`, `false`, `cat` and `echo`. The rest starts
//! shells and kills them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tagboat_core::command::{Command, Input, OUTPUT_LIMIT};
use tagboat_core::ports::{Cancel, Output, RunError, Runner, Running, Scope, Silent};
use tagboat_core::secret::Secret;

use crate::fake::Recorder;

type Subject<'a> = dyn Runner + 'a;

/// The name of a program that no machine has.
pub const MISSING: &str = "tagboat-no-such-program";

/// The secret in these tests.
pub const SECRET: &str = "hunter2-ü";

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

fn sh(script: &str) -> Command {
    Command::new("sh").args(["-c", script]).timeout(Duration::from_secs(30))
}

fn run(runner: &Subject<'_>, command: &Command) -> Output {
    runner.run(&scope(), command).unwrap()
}

/// A word that no other process of this machine has on its command line.
fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}{:03}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether a process has this argument; zombies have none.
fn runs(word: &str) -> bool {
    let wanted = word.as_bytes();
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|&byte| byte == 0).any(|arg| arg == wanted)
    })
}

/// Waits until no process has this argument.
fn gone_within(word: &str, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    while runs(word) {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

// Of every runner.

/// See its name.
pub fn a_program_gives_its_output_and_status(runner: &Subject<'_>) {
    let output = run(runner, &Command::new("echo").arg("a b"));
    assert_eq!((output.status, output.text().as_str()), (Some(0), "a b\n"));
    assert!(output.success());
}

/// See its name.
pub fn a_status_other_than_0_is_an_output(runner: &Subject<'_>) {
    assert_eq!(run(runner, &Command::new("false")).status, Some(1));
}

/// See its name.
pub fn a_missing_program_is_not_found(runner: &Subject<'_>) {
    assert_eq!(runner.run(&scope(), &Command::new(MISSING)), Err(RunError::NotFound));
}

/// See its name.
pub fn standard_input_arrives_whole(runner: &Subject<'_>) {
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let output = run(runner, &Command::new("cat").stdin(bytes.clone()));
    assert!(output.stdout == bytes, "{} bytes came back", output.stdout.len());
}

/// See its name.
pub fn lines_are_told_with_the_span_and_without_secrets(runner: &Subject<'_>) {
    let recorder = Recorder::default();
    let scope = Scope::new("deploy api", &recorder, Cancel::default());
    let command =
        Command::new("echo").arg(format!("login {SECRET}")).secret(Secret::new(SECRET.to_owned()));
    let output = runner.run(&scope, &command).unwrap();
    assert_eq!(output.text(), format!("login {SECRET}\n"));
    assert_eq!(recorder.lines(), ["login ***"]);
    assert!(recorder.all().iter().all(|(span, _)| span == "deploy api"));
}

/// See its name.
pub fn nothing_starts_under_a_cancelled_scope(runner: &Subject<'_>) {
    let scope = scope();
    scope.cancel.cancel();
    assert_eq!(runner.run(&scope, &Command::new("true")), Err(RunError::Cancelled));
    assert!(runner.start(&scope, &Command::new("true")).is_err());
}

/// See its name.
pub fn nothing_starts_after_the_deadline(runner: &Subject<'_>) {
    let scope = scope().until(Instant::now());
    let result = runner.run(&scope, &Command::new("true"));
    assert!(matches!(result, Err(RunError::TimedOut(_))), "{result:?}");
}

/// See its name.
pub fn a_started_program_gives_its_lines_and_ends_when_dropped(runner: &Subject<'_>) {
    let mut running = runner.start(&scope(), &Command::new("cat").stdin("a\nb\n")).unwrap();
    let patience = Duration::from_secs(10);
    let line = |running: &mut Box<dyn Running>| running.line(&scope(), patience).unwrap();
    assert_eq!(line(&mut running).as_deref(), Some("a"));
    assert_eq!(line(&mut running).as_deref(), Some("b"));
    assert!(running.alive());
    drop(running);
}

// Of runners that start real programs.

/// A word that a shell, printf or a reader of lines would take apart.
pub const HOSTILE: [&str; 16] = [
    "",
    " ",
    "a b",
    "$(id)",
    "`id`",
    "; id",
    "'",
    "\"",
    "\\",
    "it's \\'",
    "*",
    "~",
    "\n",
    "--output=x",
    "\u{202e}txt.exe",
    "!$&|<>{}[]#%^",
];

/// See its name.
pub fn arguments_arrive_as_they_are(runner: &Subject<'_>) {
    let command = Command::new("printf").arg(r"%s\0").args(HOSTILE);
    let expected: String = HOSTILE.iter().map(|word| format!("{word}\0")).collect();
    assert_eq!(run(runner, &command).text(), expected);
}

/// See its name.
pub fn variables_and_the_folder_arrive(runner: &Subject<'_>) {
    let folder = tempfile::TempDir::with_prefix("a $b'").unwrap();
    let command =
        sh(r#"printf '%s|%s' "$A" "$(pwd -P)""#).env("A", "$x 'y'\n").folder(folder.path());
    let real = folder.path().canonicalize().unwrap();
    assert_eq!(run(runner, &command).text(), format!("$x 'y'\n|{}", real.display()));
}

/// See its name.
pub fn the_environment_is_small_and_fixed(runner: &Subject<'_>) {
    // `cargo test` sets this one.
    let command = sh(r#"echo "$LC_ALL $TZ ${CARGO_MANIFEST_DIR-none} ${PATH:+path}""#);
    assert_eq!(run(runner, &command).text(), "C.UTF-8 UTC none path\n");
}

/// See its name.
pub fn input_is_closed_unless_given(runner: &Subject<'_>) {
    assert_eq!(run(runner, &Command::new("cat")).text(), "");
}

/// See its name.
pub fn a_file_is_streamed_to_standard_input(runner: &Subject<'_>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![b'x'; 3 << 20]).unwrap();
    let command = Command::new("wc").arg("-c").input(Input::File(file.path().to_owned()));
    assert_eq!(run(runner, &command).text().trim(), (3 << 20).to_string());
}

/// See its name.
pub fn a_secret_on_standard_input_is_masked_when_printed(runner: &Subject<'_>) {
    let recorder = Recorder::default();
    let scope = Scope::new("x", &recorder, Cancel::default());
    let command = sh("read -r word; echo \"<$word>\"; echo \"<$word>\" >&2")
        .input(Input::Secret(Secret::new(format!("{SECRET}\n"))));
    let output = runner.run(&scope, &command).unwrap();
    assert_eq!(output.stderr, "<***>\n");
    assert_eq!(recorder.lines(), ["<***>", "<***>"]);
}

/// See its name.
pub fn large_output_is_kept_whole(runner: &Subject<'_>) {
    let output = run(runner, &sh("seq 2000000"));
    assert_eq!(output.stdout.len(), 14_888_896);
    assert!(output.stdout.ends_with(b"\n1999999\n2000000\n"));
}

/// See its name.
pub fn output_beyond_the_limit_is_an_error_and_ends_the_program(runner: &Subject<'_>) {
    let began = Instant::now();
    let result = runner.run(&scope(), &sh("exec cat /dev/zero"));
    assert_eq!(result.unwrap_err(), RunError::TooMuchOutput);
    assert!(began.elapsed() < Duration::from_secs(25), "{OUTPUT_LIMIT}: {:?}", began.elapsed());
}

/// See its name.
pub fn bytes_that_are_not_utf_8_are_kept(runner: &Subject<'_>) {
    let output = run(runner, &sh(r"printf 'a\377\376\0b'; printf 'c\377\n' >&2"));
    assert_eq!(output.stdout, b"a\xff\xfe\0b");
    assert_eq!(output.stderr, "c\u{fffd}\n");
}

/// See its name.
pub fn a_line_of_ten_megabytes_is_no_burden(runner: &Subject<'_>) {
    let recorder = Recorder::default();
    let scope = Scope::new("x", &recorder, Cancel::default());
    let command = sh("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo end")
        .secret(Secret::new("never".to_owned()));
    let output = runner.run(&scope, &command).unwrap();
    assert_eq!(output.stdout.len(), 10_000_005);
    assert_eq!(recorder.lines().last().unwrap(), "end");
    assert!(output.took < Duration::from_secs(10), "{:?}", output.took);
}

/// See its name.
pub fn interleaved_output_blocks_nothing(runner: &Subject<'_>) {
    let script = "i=0; while [ $i -lt 20000 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done";
    let output = run(runner, &sh(script));
    assert_eq!(output.text().lines().count(), 20000);
    assert!(output.stderr.ends_with("err19998\nerr19999\n"));
}

/// See its name.
pub fn the_end_of_standard_error_is_kept(runner: &Subject<'_>) {
    let output = run(runner, &sh("seq 100000 >&2; printf last >&2"));
    assert!(output.stderr.len() <= 64 << 10, "{}", output.stderr.len());
    assert_eq!(output.last_lines(2), ["100000", "last"]);
}

/// See its name.
pub fn a_program_that_reads_nothing_blocks_nothing(runner: &Subject<'_>) {
    let bytes = vec![b'x'; 8 << 20];
    assert_eq!(run(runner, &Command::new("true").stdin(bytes.clone())).status, Some(0));
    // Nor does one that prints before it reads.
    let output = run(runner, &sh("seq 200000; wc -c").stdin(bytes.clone()));
    assert!(output.text().trim_end().ends_with(&bytes.len().to_string()));
}

/// See its name.
pub fn a_timeout_ends_the_program_and_its_children(runner: &Subject<'_>) {
    let word = unique();
    let script = format!("sh -c 'sleep 300.{word} & wait' & wait");
    let began = Instant::now();
    let command = sh(&script).timeout(Duration::from_millis(600));
    let result = runner.run(&scope(), &command);
    assert!(matches!(result, Err(RunError::TimedOut(_))), "{result:?}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(gone_within(&format!("300.{word}"), Duration::from_secs(5)));
}

/// See its name.
pub fn a_program_that_ignores_sigterm_is_killed(runner: &Subject<'_>) {
    let word = unique();
    let script = format!("trap '' TERM; sleep 301.{word}; sleep 301.{word}");
    let began = Instant::now();
    let result = runner.run(&scope(), &sh(&script).timeout(Duration::from_millis(300)));
    assert!(matches!(result, Err(RunError::TimedOut(_))), "{result:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(gone_within(&format!("301.{word}"), Duration::from_secs(5)));
}

/// See its name.
pub fn cancelling_ends_the_wait(runner: &Subject<'_>) {
    let began = Instant::now();
    let cancel = Cancel::default();
    // Cancelled when the program runs, not after a time.
    let watcher = Watcher(cancel.clone());
    let scope = Scope::new("x", &watcher, cancel);
    let result = runner.run(&scope, &sh("echo up; exec sleep 30"));
    assert_eq!(result, Err(RunError::Cancelled));
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// Cancels at the first line.
struct Watcher(Cancel);

impl tagboat_core::ports::Observer for Watcher {
    fn tell(&self, _: &str, _: &tagboat_core::ports::Progress<'_>) {
        self.0.cancel();
    }
}

/// See its name.
pub fn a_program_ended_by_a_signal_has_not_succeeded(runner: &Subject<'_>) {
    assert!(!run(runner, &sh("kill -KILL $$")).success());
}

/// See its name.
pub fn exit_255_is_a_status_like_any_other(runner: &Subject<'_>) {
    let output = run(runner, &sh("echo out; exit 255"));
    assert_eq!((output.status, output.text().as_str()), (Some(255), "out\n"));
    assert_eq!(run(runner, &sh("exit 127")).status, Some(127));
    assert_eq!(run(runner, &sh("exit 124")).status, Some(124));
}

/// See its name.
pub fn waiting_for_a_line_has_its_own_end(runner: &Subject<'_>) {
    let mut running = runner.start(&scope(), &sh("printf half; exec sleep 60")).unwrap();
    let result = running.line(&scope(), Duration::from_millis(200));
    assert!(matches!(result, Err(RunError::TimedOut(_))), "{result:?}");
    let scope = scope();
    scope.cancel.cancel();
    assert_eq!(running.line(&scope, Duration::from_secs(9)), Err(RunError::Cancelled));
    assert!(running.alive());
}

/// See its name.
pub fn a_started_programs_input_stays_open_until_it_is_dropped(runner: &Subject<'_>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let script = r#"echo ready; cat >/dev/null; echo ended > "$1""#;
    let command = Command::new("sh").args(["-c", script, "sh"]);
    let command = command.arg(file.path().to_str().unwrap());
    let mut running = runner.start(&scope(), &command).unwrap();
    let line = running.line(&scope(), Duration::from_secs(10)).unwrap();
    assert_eq!(line.as_deref(), Some("ready"));
    assert!(running.alive());
    drop(running);
    let until = Instant::now() + Duration::from_secs(5);
    while std::fs::read(file.path()).unwrap() != b"ended\n" {
        assert!(Instant::now() < until, "it was not told of the end of its input");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// See its name.
pub fn a_started_program_that_ends_says_so(runner: &Subject<'_>) {
    let mut running = runner.start(&scope(), &sh("echo one; printf two")).unwrap();
    let patience = Duration::from_secs(10);
    assert_eq!(running.line(&scope(), patience).unwrap().as_deref(), Some("one"));
    assert_eq!(running.line(&scope(), patience).unwrap().as_deref(), Some("two"));
    assert_eq!(running.line(&scope(), patience).unwrap(), None);
    let until = Instant::now() + patience;
    while running.alive() {
        assert!(Instant::now() < until);
        std::thread::yield_now();
    }
}
