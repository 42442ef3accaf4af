//! Programs on this machine.

use std::process::Command as StdCommand;
use std::time::{Duration, Instant};

use tagboat_adapters::process::LocalRunner;
use tagboat_core::command::Command;
use tagboat_core::ports::{Cancel, RunError, Runner as _, Running as _, Scope, Silent};

tagboat_testing::runner_contract!(Some(LocalRunner::default()));
tagboat_testing::process_contract!(Some(LocalRunner::default()));

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

#[test]
fn a_folder_that_does_not_exist_is_no_missing_program() {
    let result = LocalRunner::default().run(&scope(), &Command::new("true").folder("/no/such"));
    assert!(matches!(&result, Err(RunError::Io(why)) if why.contains("/no/such")), "{result:?}");
}

#[test]
fn a_daemon_that_keeps_the_output_open_is_not_waited_for() {
    let began = Instant::now();
    let command = Command::new("sh").args(["-c", "setsid sleep 6 & echo done"]);
    let output = LocalRunner::default().run(&scope(), &command).unwrap();
    assert_eq!(output.text(), "done\n");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_signal_gives_no_status() {
    let command = Command::new("sh").args(["-c", "kill -KILL $$"]);
    assert_eq!(LocalRunner::default().run(&scope(), &command).unwrap().status, None);
}

#[test]
fn a_program_killed_from_outside_ends_the_wait_and_leaves_no_zombie() {
    let runner = LocalRunner::default();
    let command = Command::new("sh").args(["-c", "echo $$; exec sleep 60"]);
    let mut running = runner.launch(&scope(), &command).unwrap();
    let pid = running.line(&scope(), Duration::from_secs(10)).unwrap().unwrap();
    let killed = StdCommand::new("kill").args(["-KILL", &pid]).status().unwrap();
    assert!(killed.success());
    assert_eq!(running.line(&scope(), Duration::from_secs(10)), Ok(None));
    drop(running);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn dropping_a_started_program_ends_its_children_too() {
    let runner = LocalRunner::default();
    let command = Command::new("sh").args(["-c", "sleep 61 & echo $!; wait"]);
    let mut running = runner.start(&scope(), &command).unwrap();
    let child = running.line(&scope(), Duration::from_secs(10)).unwrap().unwrap();
    drop(running);
    // Whoever adopts it reaps it when it likes.
    let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    let until = Instant::now() + Duration::from_secs(5);
    while !(state().is_empty() || state().contains(") Z ")) {
        assert!(Instant::now() < until, "{}", state());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn hundreds_of_programs_at_once_all_answer() {
    let runner = LocalRunner::default();
    std::thread::scope(|threads| {
        for thread in 0..16 {
            let runner = &runner;
            threads.spawn(move || {
                for turn in 0..20 {
                    let word = format!("{thread}-{turn}");
                    let output = runner.run(&scope(), &Command::new("echo").arg(&word)).unwrap();
                    assert_eq!(output.text().trim_end(), word);
                }
            });
        }
    });
}

#[test]
fn a_million_short_lines_are_cheap() {
    let began = Instant::now();
    let command = Command::new("seq").arg("1000000").timeout(Duration::from_secs(20));
    let output = LocalRunner::default().run(&scope(), &command).unwrap();
    assert_eq!(output.text().lines().count(), 1_000_000);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
