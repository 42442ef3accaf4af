//! Programs on a host: a real sshd, with each login shell that splits what we send.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tagboat_adapters::process::{Environment, LocalRunner};
use tagboat_adapters::ssh::{HostKey, SESSIONS, SshAddress, SshHost};
use tagboat_core::command::Command;
use tagboat_core::ports::{Cancel, Output, RunError, Runner, Running, Scope, Silent};
use tagboat_testing::sshd::{LoginShell, Sshd};

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

fn local() -> LocalRunner {
    LocalRunner::new(Environment::fixed(std::env::var_os("PATH").unwrap()))
}

fn address(sshd: &Sshd) -> SshAddress {
    SshAddress::new("127.0.0.1", vec![HostKey::parse(&sshd.host_key()).unwrap()])
        .unwrap()
        .user(&sshd.user())
        .unwrap()
        .port(sshd.port())
        .identity(sshd.identity())
        .configuration("/dev/null")
}

/// A host whose sshd lives as long as it.
struct Host {
    host: SshHost,
    sshd: Sshd,
}

fn host(shell: LoginShell) -> Option<Host> {
    let sshd = Sshd::start(shell)?;
    Some(Host { host: SshHost::new(local(), address(&sshd)).unwrap(), sshd })
}

impl Runner for Host {
    fn run(&self, scope: &Scope<'_>, command: &Command) -> Result<Output, RunError> {
        self.host.run(scope, command)
    }

    fn start(&self, scope: &Scope<'_>, command: &Command) -> Result<Box<dyn Running>, RunError> {
        self.host.start(scope, command)
    }
}

mod with_dash {
    use super::{LoginShell, host};
    tagboat_testing::runner_contract!(host(LoginShell::Dash));
    tagboat_testing::process_contract!(host(LoginShell::Dash));
}

mod with_bash {
    use super::{LoginShell, host};
    tagboat_testing::runner_contract!(host(LoginShell::Bash));
    tagboat_testing::process_contract!(host(LoginShell::Bash));
}

/// Every word arrives as it was, and so does a variable, for any characters but NUL.
fn words_survive(shell: LoginShell) {
    let Some(host) = host(shell) else { return };
    let survive = |words: &[String]| {
        let script = r#"printf '%s\0' "$VALUE" "$@""#;
        let value = words.concat();
        let command = Command::new("sh").args(["-c", script, "sh"]).args(words.iter().cloned());
        let output = host.run(&scope(), &command.env("VALUE", value.clone())).unwrap();
        let sent = std::iter::once(&value).chain(words);
        assert_eq!(output.text(), sent.map(|word| format!("{word}\0")).collect::<String>());
    };
    let ascii = (1_u8..=127).map(char::from);
    let alone = ascii.clone().map(String::from);
    let inside = ascii.map(|character| format!("a{character}b{character}"));
    survive(&alone.chain(inside).collect::<Vec<_>>());
    let special = "'\"\\$`!\n\r\t ~*?[]{}();&|<>#%=^-".chars().collect::<Vec<_>>();
    let character = prop_oneof![
        1 => any::<char>().prop_filter("NUL", |c| *c != '\0'),
        2 => proptest::sample::select(special),
        2 => (1_u8..=127).prop_map(char::from),
    ];
    let word = proptest::collection::vec(character, 0..24)
        .prop_map(|characters| characters.into_iter().collect::<String>());
    let words = proptest::collection::vec(word, 100..300);
    // Few cases of many words: a session takes longer than a word.
    let mut runner =
        TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let result = runner.run(&words, |words| {
        survive(&words);
        Ok(())
    });
    result.unwrap();
}

#[test]
fn every_word_survives_dash() {
    words_survive(LoginShell::Dash);
}

#[test]
fn every_word_survives_bash() {
    words_survive(LoginShell::Bash);
}

#[test]
fn another_host_key_than_the_pinned_one_is_refused_as_such() {
    let Some(host) = host(LoginShell::Dash) else { return };
    let sshd = &host.sshd;
    let wrong = SshAddress::new("127.0.0.1", vec![HostKey::parse(&sshd.other_key()).unwrap()])
        .unwrap()
        .port(sshd.port())
        .identity(sshd.identity())
        .configuration("/dev/null");
    let wrong = SshHost::new(local(), wrong).unwrap();
    let result = wrong.run(&scope(), &Command::new("true"));
    assert!(matches!(result, Err(RunError::HostKey(_))), "{result:?}");
    assert!(matches!(
        wrong.start(&scope(), &Command::new("true")).err(),
        Some(RunError::HostKey(_))
    ));
}

#[test]
fn any_of_several_pinned_keys_will_do() {
    let Some(host) = host(LoginShell::Dash) else { return };
    let sshd = &host.sshd;
    let keys = [sshd.other_key(), sshd.host_key()].map(|key| HostKey::parse(&key).unwrap());
    let address = SshAddress::new("127.0.0.1", keys.to_vec())
        .unwrap()
        .port(sshd.port())
        .identity(sshd.identity())
        .configuration("/dev/null");
    let host = SshHost::new(local(), address).unwrap();
    assert!(host.run(&scope(), &Command::new("true")).unwrap().success());
}

#[test]
fn a_refused_login_and_a_closed_port_are_unreachable_and_say_why() {
    let Some(host) = host(LoginShell::Dash) else { return };
    let stranger = address(&host.sshd).identity(host.sshd.stranger());
    let stranger = SshHost::new(local(), stranger).unwrap();
    let result = stranger.run(&scope(), &Command::new("true"));
    let said = |word: &str, result: &Result<Output, RunError>| matches!(result, Err(RunError::Unreachable(why)) if why.contains(word));
    assert!(said("Permission denied", &result), "{result:?}");
    let closed = SshHost::new(local(), address(&host.sshd).port(9)).unwrap();
    let result = closed.run(&scope(), &Command::new("true"));
    assert!(said("refused", &result), "{result:?}");
}

#[test]
fn a_host_that_never_answers_is_given_up_at_the_deadline() {
    let Some(host) = host(LoginShell::Dash) else { return };
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = address(&host.sshd).port(silent.local_addr().unwrap().port());
    let host = SshHost::new(local(), address).unwrap();
    let began = Instant::now();
    let scope = scope().until(began + Duration::from_millis(500));
    let result = host.run(&scope, &Command::new("true"));
    assert!(result.is_err(), "{result:?}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[test]
fn a_cut_connection_is_no_status_of_the_program_and_the_next_call_connects_anew() {
    let Some(host) = host(LoginShell::Dash) else { return };
    assert!(host.run(&scope(), &Command::new("true")).unwrap().success());
    let command = Command::new("sh").args(["-c", "echo up; exec sleep 30"]);
    let cutter = Cutter(&host.sshd);
    let watched = Scope { observer: &cutter, ..scope() };
    let result = host.run(&watched, &command);
    assert!(matches!(result, Err(RunError::Unreachable(_))), "{result:?}");
    assert!(host.run(&scope(), &Command::new("true")).unwrap().success());
}

/// Cuts the connection at the first line.
struct Cutter<'a>(&'a Sshd);

impl tagboat_core::ports::Observer for Cutter<'_> {
    fn tell(&self, _: &str, _: &tagboat_core::ports::Progress<'_>) {
        self.0.cut();
    }
}

#[test]
fn one_connection_carries_all_sessions_and_ends_with_the_host() {
    let Some(Host { host, sshd }) = host(LoginShell::Dash) else { return };
    std::thread::scope(|threads| {
        for _ in 0..3 * SESSIONS {
            threads.spawn(|| {
                let output =
                    host.run(&scope(), &Command::new("sh").args(["-c", "sleep 0.1; echo x"]));
                assert_eq!(output.unwrap().text(), "x\n");
            });
        }
    });
    assert_eq!(sshd.connections(), 1);
    drop(host);
    let until = Instant::now() + Duration::from_secs(10);
    while sshd.connections() > 0 {
        assert!(Instant::now() < until, "the connection outlives its host");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_full_connection_is_waited_for_no_longer_than_the_deadline() {
    let Some(host) = host(LoginShell::Dash) else { return };
    let start = || host.start(&scope(), &Command::new("cat")).unwrap();
    let running: Vec<_> = (0..SESSIONS).map(|_| start()).collect();
    let bounded = scope().until(Instant::now() + Duration::from_millis(200));
    let result = host.run(&bounded, &Command::new("true"));
    assert!(matches!(result, Err(RunError::TimedOut(_))), "{result:?}");
    drop(running);
    assert!(host.run(&scope(), &Command::new("true")).unwrap().success());
}

#[test]
fn a_started_program_keeps_the_connection_after_its_host_is_dropped() {
    let Some(Host { host, sshd: _sshd }) = host(LoginShell::Dash) else { return };
    let mut running = host.start(&scope(), &Command::new("cat").stdin("x\n")).unwrap();
    drop(host);
    let line = running.line(&scope(), Duration::from_secs(10)).unwrap();
    assert_eq!(line.as_deref(), Some("x"));
}

#[test]
fn of_many_who_connect_at_once_each_is_served_though_the_host_drops_most_at_first() {
    let Some(sshd) = Sshd::start_with(LoginShell::Dash, "MaxStartups 2") else { return };
    let came = std::thread::scope(|threads| {
        let connect = || {
            let host = SshHost::new(local(), address(&sshd)).unwrap();
            host.run(&scope(), &Command::new("true"))
        };
        let all: Vec<_> = (0..12).map(|_| threads.spawn(connect)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    for output in came {
        assert!(output.unwrap().success());
    }
}

#[test]
fn a_host_that_is_too_busy_to_say_who_it_is_is_asked_again() {
    let Some(sshd) = Sshd::start(LoginShell::Dash) else { return };
    let front = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = address(&sshd).port(front.local_addr().unwrap().port());
    let port = sshd.port();
    // Ends with the process: `accept` waits.
    std::thread::spawn(move || {
        let mut ignored = None;
        for stream in front.incoming() {
            let stream = stream.unwrap();
            if ignored.is_none() {
                ignored = Some(stream);
                continue;
            }
            let host = TcpStream::connect(("127.0.0.1", port)).unwrap();
            for (mut from, mut to) in
                [(stream.try_clone().unwrap(), host.try_clone().unwrap()), (host, stream)]
            {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    let host = SshHost::new(local(), slow).unwrap();
    assert!(host.run(&scope(), &Command::new("true")).unwrap().success());
}
