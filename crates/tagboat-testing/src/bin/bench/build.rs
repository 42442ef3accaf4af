//! Building packages. In: SQLite's amalgamation, and an empty program. Out: what `tagboat build` takes against
//! dpkg-buildpackage by hand in the same clean root, and what its cross build takes against its native one.
//!
//! Opening the root is part of what Tagboat does, and no part of what is done by hand.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tagboat_adapters::process::LocalRunner;
use tagboat_adapters::roots::{NspawnRoots, cache_folder, debian_mirrors};
use tagboat_core::command::Command as Inside;
use tagboat_core::ports::{
    Access, Architecture, Bind, BuildDepends, Cancel, Network, RootSpec, Roots as _, Scope, Silent,
};
use tagboat_testing::monorepo::{AUTHOR, Monorepo};

use crate::table::{Ratio, Row, mebibytes, seconds};
use crate::usage::{Usage, measure as usage, median, run};
use crate::{Result, own_tagboat, scratch};

/// Rounds, each with one run of everything that is compared.
const ROUNDS: usize = 3;

/// Bars, as ratios of processor time.
const NATIVE_BAR: f64 = 1.05;
const CROSS_BAR: f64 = 1.15;

/// How long a build by hand may take.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The crate that bundles SQLite's amalgamation, at one version so that figures can be compared: SQLite 3.53.
const BUNDLE: (&str, &str) = ("libsqlite3-sys", "0.39.1");

/// The two versions of the project.
const EMPTY: &str = "app/v0.1.0";
const SQLITE: &str = "app/v1.0.0";

const PROGRAM: &str = "#include \"sqlite3.h\"\n#include <stdio.h>\n\n\
                       int main(void) { return puts(sqlite3_libversion()) < 0; }\n";

const MAKEFILE: &str = "app: main.c sqlite3.c sqlite3.h\n\
                        \t$(CC) $(CPPFLAGS) $(CFLAGS) main.c sqlite3.c $(LDFLAGS) -lm -o $@\n";

const CONFIG: &str = "projects:
  - path: app
    builder: staged
    package: {name: app, architecture: [amd64, arm64], section: utils, maintainer: Test <test@example.org>, description: a program}
    build_dependencies: [debhelper-compat (= 13)]
    build: [[make, -C, app]]
    files:
      - {from: app/app, to: /usr/bin/app, mode: \"0755\"}
      - {from: app/copyright, to: /usr/share/doc/app/copyright, mode: \"0644\"}
";

/// The same package as others make it: the same root, flags and files, and no package of debug symbols, as in
/// Tagboat.
const DEBIAN: [(&str, &str); 3] = [
    (
        "control",
        "Source: app\nSection: utils\nPriority: optional\nMaintainer: Test <test@example.org>\n\
         Build-Depends: debhelper-compat (= 13)\nRules-Requires-Root: no\n\
         Standards-Version: 4.6.2\n\nPackage: app\nArchitecture: any\n\
         Depends: ${shlibs:Depends}, ${misc:Depends}\nDescription: a program\n",
    ),
    ("install", "app usr/bin\n"),
    ("rules", "#!/usr/bin/make -f\nexport DEB_BUILD_MAINT_OPTIONS = hardening=+all\n%:\n\tdh $@\n"),
];

/// What a round takes.
struct Round {
    native: Usage,
    by_hand: Usage,
    cross: Usage,
}

/// Measures both programs.
pub(crate) fn measure(amalgamation: &Path) -> Result<Vec<Row>> {
    let bench = Bench::new(amalgamation)?;
    // What is made once, as roots, is made in a round that does not count.
    bench.round(EMPTY)?;
    let empty = bench.rounds(EMPTY)?;
    let sqlite = bench.rounds(SQLITE)?;
    let by_hand = "dpkg-buildpackage";
    let cross = format!("the same for {}, cross", foreign());
    let for_native = format!("tagboat build for {}", native());
    Ok(vec![
        against(
            ("tagboat build, an empty program", |round| round.native),
            (by_hand, |round| round.by_hand),
            &empty,
            None,
        )?,
        against(
            ("tagboat build, sqlite3.c", |round| round.native),
            (by_hand, |round| round.by_hand),
            &sqlite,
            Some(NATIVE_BAR),
        )?,
        peaks(&sqlite)?,
        against(
            (&cross, |round| round.cross),
            (&for_native, |round| round.native),
            &sqlite,
            Some(CROSS_BAR),
        )?,
    ])
}

/// One side of a comparison: its name, and which run of a round is its.
type Side<'a> = (&'a str, fn(&Round) -> Usage);

/// The row with the medians of both sides, and of the ratios of each round.
fn against(ours: Side<'_>, peer: Side<'_>, rounds: &[Round], bar: Option<f64>) -> Result<Row> {
    let cpu = |(_, of): Side<'_>, round: &Round| of(round).cpu;
    let ratio = |round| cpu(ours, round).as_secs_f64() / cpu(peer, round).as_secs_f64();
    let ratios: Vec<f64> = rounds.iter().map(ratio).collect();
    let ratio = Ratio::of(&ratios).ok_or("no figure")?;
    let figure = median(rounds.iter().map(|round| cpu(ours, round))).ok_or("no figure")?;
    let theirs = median(rounds.iter().map(|round| cpu(peer, round))).ok_or("no figure")?;
    Ok(Row {
        what: ours.0.to_owned(),
        figure: format!("{} CPU", seconds(figure)),
        peer: format!("{} {}", seconds(theirs), peer.0),
        ratio: Some(ratio),
        bar: bar.map_or_else(String::new, |bar| format!("<= {bar}")),
        met: bar.map(|bar| ratio.median <= bar),
    })
}

/// How much memory the largest process of a build held.
fn peaks(rounds: &[Round]) -> Result<Row> {
    let peak = |of: fn(&Round) -> u64| median(rounds.iter().map(of)).ok_or("no figure");
    let all = peak(|round| round.native.peak)?;
    let own = peak(|round| round.native.own_peak)?;
    let by_hand = peak(|round| round.by_hand.peak)?;
    Ok(Row {
        what: "  its largest process".to_owned(),
        figure: format!("{}, itself {}", mebibytes(all), mebibytes(own)),
        peer: format!("{} dpkg-buildpackage", mebibytes(by_hand)),
        ..Row::default()
    })
}

fn native() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::Amd64 }
}

fn foreign() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Amd64 } else { Architecture::Arm64 }
}

/// What the rounds share.
struct Bench {
    repo: Monorepo,
    tagboat: PathBuf,
    roots: NspawnRoots,
    cache: PathBuf,
}

impl Bench {
    fn new(amalgamation: &Path) -> Result<Self> {
        let repo = Monorepo::new();
        repo.write("config/ci-cd/build-config.yml", CONFIG);
        repo.write(".gitignore", "/dist\n");
        repo.write("app/copyright", "In the public domain.\n");
        repo.write("app/Makefile", MAKEFILE);
        repo.write("app/main.c", PROGRAM);
        repo.write("app/sqlite3.h", "const char *sqlite3_libversion(void);\n");
        repo.write("app/sqlite3.c", "const char *sqlite3_libversion(void) { return \"0\"; }\n");
        repo.commit("feat: an empty program");
        repo.tag(EMPTY, EMPTY);
        for name in ["sqlite3.c", "sqlite3.h"] {
            repo.write(&format!("app/{name}"), fs::read(amalgamation.join(name))?);
        }
        repo.commit("feat: all of SQLite");
        repo.tag(SQLITE, SQLITE);
        repo.push();
        let tagboat = own_tagboat(repo.folder())?;
        let cache = cache_folder(|name| std::env::var_os(name)).ok_or("HOME is not set")?;
        let roots = NspawnRoots::new(LocalRunner::default(), &cache);
        Ok(Self { repo, tagboat, roots, cache })
    }

    fn rounds(&self, version: &str) -> Result<Vec<Round>> {
        (0..ROUNDS).map(|_| self.round(version)).collect()
    }

    fn round(&self, version: &str) -> Result<Round> {
        Ok(Round {
            native: self.tagboat(version, native())?,
            by_hand: self.by_hand(version)?,
            cross: self.tagboat(version, foreign())?,
        })
    }

    fn tagboat(&self, version: &str, architecture: Architecture) -> Result<Usage> {
        let mut command = Command::new(&self.tagboat);
        command
            .args(["build", version, "--arch", architecture.debian(), "--quiet"])
            .current_dir(self.repo.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.repo.environment())
            .env("TAGBOAT_CACHE", &self.cache);
        usage(|| run(&mut command))
    }

    fn by_hand(&self, version: &str) -> Result<Usage> {
        let folder = tempfile::tempdir()?;
        self.repo.git(&["checkout", "-q", version]);
        run(Command::new("cp")
            .arg("--recursive")
            .arg(self.repo.work().join("app"))
            .arg(folder.path()))?;
        let debian = folder.path().join("app/debian");
        fs::create_dir(&debian)?;
        for (name, text) in DEBIAN {
            fs::write(debian.join(name), text)?;
        }
        fs::copy(folder.path().join("app/copyright"), debian.join("copyright"))?;
        let (_, number) = version.split_once("/v").ok_or("no version")?;
        let mut changelog = format!("app ({number}) bookworm; urgency=medium\n\n");
        write!(changelog, "  * Benchmark.\n\n -- {AUTHOR}  Thu, 01 Jan 2026 00:00:00 +0000\n")?;
        fs::write(debian.join("changelog"), changelog)?;
        run(Command::new("chmod").arg("0755").arg(debian.join("rules")))?;

        let scope = Scope::new("bench", &Silent, Cancel::default());
        let bind = Bind {
            from: folder.path().to_owned(),
            to: "/build".to_owned(),
            access: Access::ReadWrite,
        };
        let root = self.roots.open(&scope, &spec(), &[bind])?;
        let command = Inside::new("dpkg-buildpackage")
            .args(["--build=binary", "--no-sign", "--jobs=auto"])
            .folder("/build/app")
            .env("DEB_BUILD_OPTIONS", "noautodbgsym")
            .timeout(PATIENCE);
        let runner = root.runner(Network::Loopback);
        let took = usage(|| {
            let output = runner.run(&scope, &command)?;
            if output.success() {
                return Ok(());
            }
            Err(format!("dpkg-buildpackage: {}", output.last_lines(5).join(" / ")).into())
        })?;
        let package = format!("app_{number}_{}.deb", native());
        if !folder.path().join(&package).is_file() {
            return Err(format!("dpkg-buildpackage made no {package}").into());
        }
        Ok(took)
    }
}

/// The clean root that Tagboat builds the project in.
fn spec() -> RootSpec {
    RootSpec {
        architecture: native(),
        foreign: Vec::new(),
        // The suite and its updates.
        mirrors: debian_mirrors("bookworm").into_iter().take(2).collect(),
        packages: vec!["build-essential".to_owned()],
        build_depends: Some(BuildDepends { control: DEBIAN[0].1.to_owned(), host: native() }),
    }
}

/// The folder of the bundled amalgamation, in cargo's own cache.
pub(crate) fn amalgamation() -> Result<PathBuf> {
    let folder = scratch("amalgamation")?;
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    let (name, version) = BUNDLE;
    let manifest = format!(
        "[package]\nname = \"amalgamation\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\n{name} = {{ version = \"={version}\", features = [\"bundled\"] }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1"])
        .current_dir(&folder)
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let bundle = packages.iter().find(|package| package["name"] == name);
    let manifest = bundle.and_then(|package| package["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    Ok(folder.ok_or("cargo fetched no amalgamation")?.join("sqlite3"))
}
