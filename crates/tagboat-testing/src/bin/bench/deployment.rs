//! The end of a deployment. In: one real host, and the example's `api` on it. Out: how long it takes from the last
//! step's end until the report is there and the program has ended.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tagboat_adapters::roots::cache_folder;
use tagboat_testing::hosts::{Host, HostFleet};
use tagboat_testing::monorepo::Monorepo;

use crate::table::{Row, seconds};
use crate::usage::run;
use crate::{Result, checkout_folder, own_tagboat};

/// The bar, on the wall.
const BAR: Duration = Duration::from_secs(10);

const VERSION: &str = "api/v1.0.0";

/// Measures it.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let fleet = HostFleet::up(&["staging-1"]).ok_or("this machine cannot run hosts")?;
    let repo = Monorepo::new();
    let tagboat = own_tagboat(repo.folder())?;
    let cache = cache_folder(|name| std::env::var_os(name)).ok_or("HOME is not set")?;
    let host = fleet.host("staging-1");
    let command = |words: &[&str]| {
        let mut command = Command::new(&tagboat);
        command
            .args(words)
            .current_dir(repo.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("USER", "ann")
            .env("TAGBOAT_CACHE", &cache)
            .env("TAGBOAT_SSH_IDENTITY", host.key_file())
            .envs(repo.environment());
        command
    };
    write_repository(&repo, host)?;
    let secret = repo.folder().join("secret.asc");
    let secret = secret.to_str().ok_or("TMPDIR is not UTF-8")?;
    let made = command(&["keys", "new", "--user", "T <t@example.org>", "--out", secret])
        .args(["--format", "json"])
        .output()?;
    let made: serde_json::Value = serde_json::from_slice(&made.stdout)?;
    let key = made["fingerprint"].as_str().ok_or("the new key has no fingerprint")?;
    let file = "config/ci-cd/build-config.yml";
    let config = fs::read_to_string(repo.work().join(file))?;
    repo.write(file, format!("{config}\npublish:\n  key: {key}\n"));
    repo.commit("feat: api");
    repo.tag(VERSION, VERSION);
    repo.push();
    run(&mut command(&["build", VERSION, "--arch", "amd64"]))?;
    run(&mut command(&["publish", VERSION, "--key", secret]))?;
    run(&mut command(&["host", "prepare", "staging"]))?;
    let took =
        after_the_last_step(&mut command(&["deploy", VERSION, "--env", "staging", "--verbose"]))?;
    Ok(vec![Row {
        what: "the report after the last step".to_owned(),
        figure: seconds(took),
        bar: format!("<= {} s", BAR.as_secs()),
        met: Some(took <= BAR),
        ..Row::default()
    }])
}

/// The example, with the host that is there.
fn write_repository(repo: &Monorepo, host: &Host) -> Result<()> {
    let example = checkout_folder().join("examples/monorepo/.");
    run(Command::new("cp").arg("--recursive").arg(example).arg(repo.work()))?;
    let hosts = format!(
        "hosts:\n  - {{name: {}, address: {}, user: {}, arch: amd64, host_key: {}}}\n",
        host.name(),
        host.address(),
        host.user(),
        host.host_key()
    );
    let environment = format!("is_production: false\nrequires_approval: false\n{hosts}");
    repo.write("environments/staging/environment.yml", environment);
    Ok(())
}

/// From the last step that it tells of to its end.
fn after_the_last_step(command: &mut Command) -> Result<Duration> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let said = child.stderr.take().ok_or("no standard error")?;
    let mut last = None;
    let mut all = Vec::new();
    for line in BufReader::new(said).lines() {
        let line = line?;
        if line.contains(": done in ") {
            last = Some(Instant::now());
        }
        all.push(line);
    }
    let status = child.wait()?;
    let ended = Instant::now();
    if !status.success() {
        let end: Vec<&str> = all.iter().rev().take(5).rev().map(String::as_str).collect();
        return Err(format!("tagboat deploy: {status}: {}", end.join(" / ")).into());
    }
    Ok(ended.duration_since(last.ok_or("the deployment told of no step")?))
}
