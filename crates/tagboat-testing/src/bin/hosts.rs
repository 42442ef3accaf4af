//! Real hosts from the command line. In: `hosts up NAME... [--with PACKAGE]...`. Out: one line of JSON a host,
//! when all are up; they run until standard input ends, or until `hosts down`.
//!
//! `up` starts itself once more, as the keeper of the hosts, and holds the other end of the keeper's standard
//! input. So they go down however `up` ends, even killed: nothing has to be cleaned up by hand.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program that shows what it is asked for"
)]

use std::error::Error;
use std::fs::File;
use std::io::{ErrorKind, Read as _, stdin};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;

use serde_json::json;
use tagboat_adapters::roots::cache_folder;
use tagboat_testing::hosts::HostFleet;

const USAGE: &str = "usage: hosts up NAME... [--with PACKAGE]...
       hosts down

up prints a line of JSON for each host (name, address, port, user, key_file, host_key) and keeps them until
its standard input ends. down ends the hosts of the `up` that runs, and waits for that.";

/// Whatever goes wrong is shown as it is.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["up", rest @ ..] if !rest.is_empty() => up(rest),
        ["keep", rest @ ..] if !rest.is_empty() => keep(rest),
        ["down"] => down(),
        _ => Err(USAGE.into()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("hosts: {error}");
        ExitCode::FAILURE
    })
}

/// Holds the keeper's life line until our own standard input ends.
fn up(args: &[&str]) -> Result<ExitCode> {
    let mut keeper = Command::new(std::env::current_exe()?)
        .arg("keep")
        .args(args)
        .stdin(Stdio::piped())
        // Ctrl-C is for us alone: the keeper has something to finish.
        .process_group(0)
        .spawn()?;
    let life_line = keeper.stdin.take();
    // Not joined: where the hosts went down first, nobody ends its input.
    drop(std::thread::spawn(move || {
        wait_for_end_of_input();
        drop(life_line);
    }));
    let status = keeper.wait()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Keeps hosts until its standard input ends or somebody connects to its socket.
fn keep(args: &[&str]) -> Result<ExitCode> {
    let (names, packages) = names_and_packages(args)?;
    let path = socket()?;
    let lock = File::options().create(true).append(true).open(path.with_extension("lock"))?;
    if lock.try_lock().is_err() {
        return Err("hosts are up already: `hosts down` ends them".into());
    }
    // With the lock free, a socket is what a killed keeper left.
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error.into());
    }
    let listener = UnixListener::bind(&path)?;
    let Some(fleet) = HostFleet::up_with(&names, &packages) else {
        return Err("this machine cannot run hosts: see above".into());
    };
    for host in fleet.hosts() {
        let line = json!({
            "name": host.name(),
            "address": host.address().to_string(),
            "port": 22,
            "user": host.user(),
            "key_file": host.key_file(),
            "host_key": host.host_key(),
        });
        println!("{line}");
    }
    let (ended, end) = mpsc::channel();
    let other = ended.clone();
    // Neither thread is joined: only one of them ever wakes.
    drop(std::thread::spawn(move || {
        wait_for_end_of_input();
        ended.send(None)
    }));
    drop(std::thread::spawn(move || other.send(listener.accept().ok())));
    // Who asked for the end waits until this connection is closed.
    let asked = end.recv()?;
    drop(fleet);
    std::fs::remove_file(&path)?;
    drop(asked);
    Ok(ExitCode::SUCCESS)
}

/// Asks the keeper to end, and waits until it has.
fn down() -> Result<ExitCode> {
    match UnixStream::connect(socket()?) {
        Ok(mut keeper) => {
            keeper.read_to_end(&mut Vec::new())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
        {
            eprintln!("hosts: none are up");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error.into()),
    }
}

fn wait_for_end_of_input() {
    // An input that cannot be read has ended, too.
    if let Err(error) = std::io::copy(&mut stdin().lock(), &mut std::io::sink()) {
        eprintln!("hosts: standard input: {error}");
    }
}

fn socket() -> Result<PathBuf> {
    let cache = cache_folder(|name| std::env::var_os(name)).ok_or("HOME is not set")?;
    std::fs::create_dir_all(&cache)?;
    Ok(cache.join("hosts.sock"))
}

fn names_and_packages<'a>(args: &[&'a str]) -> Result<(Vec<&'a str>, Vec<&'a str>)> {
    let (mut names, mut packages) = (Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        match arg {
            "--with" => packages.push(*args.next().ok_or("--with takes a package's name")?),
            name if is_hostname(name) => names.push(name),
            other => return Err(format!("{other} is no host's name\n{USAGE}").into()),
        }
    }
    Ok((names, packages))
}

/// RFC 1123, 2.1, in lower case.
fn is_hostname(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(known)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
