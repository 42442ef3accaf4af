//! Publishes packages as the front door does: in: `publish FOLDER SECRET-KEY-FILE PACKAGE...`, out: a signed repository.
//!
//! The tests run it as a process of its own, to race it and to kill it at every system call.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tagboat_core::ports::{Architecture, Cancel, Clock, Scope, Silent};
use tagboat_core::secret::Secret;
use tagboat_release::apt::{self, Request};
use tagboat_release::keys::{self, SigningKey};

struct SystemClock;

impl Clock for SystemClock {
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

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(key_file)) = (args.next(), args.next()) else {
        return Err("usage: publish FOLDER SECRET-KEY-FILE PACKAGE...".into());
    };
    let request = Request {
        folder,
        suite: "stable".to_owned(),
        codename: "stable".to_owned(),
        component: "main".to_owned(),
        origin: "Example".to_owned(),
        label: "Example".to_owned(),
        architectures: Architecture::ALL.to_vec(),
        packages: args.collect(),
        valid_for: None,
    };
    let secret = Secret::new(std::fs::read_to_string(key_file)?);
    let key = keys::check(Box::new(SigningKey::load(&secret, None)?), None, SystemClock.now())?;
    let scope = Scope::new("publish", &Silent, Cancel::default());

    let lock = apt::lock(&request.folder, Duration::from_secs(120), &SystemClock, &scope)?;
    let facts = apt::observe(&request, std::slice::from_ref(key.certificate()))?;
    let plan = apt::plan(&facts, &request, &key, SystemClock.now())?;
    let record = apt::apply(&plan, &key, &lock, &scope)?;
    writeln!(std::io::stdout(), "{plan}\n{record:?}")?;
    Ok(())
}
