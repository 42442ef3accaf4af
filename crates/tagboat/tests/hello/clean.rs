//! Clean roots of Debian 12. In: what must be in one, and what it sees of this machine. Out: what a program in it
//! left behind.

use std::path::Path;
use std::time::Duration;

use tagboat_adapters::process::LocalRunner;
use tagboat_adapters::roots::{NspawnRoots, cache_folder, machine_mirrors};
use tagboat_core::command::Command;
use tagboat_core::ports::{
    Access, Architecture, Bind, Cancel, Mirror, Network, Root, RootSpec, Roots as _, Scope, Silent,
};
use tagboat_testing::require;

/// How long anything in a root may take: emulated, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Nobody is told of progress, and nobody stops it.
pub(crate) fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

/// Whose programs this machine runs by itself.
pub(crate) fn machine() -> Architecture {
    match std::env::consts::ARCH {
        "aarch64" => Architecture::Arm64,
        _ => Architecture::Amd64,
    }
}

/// Roots from this machine's cache; `None` where it cannot have any.
pub(crate) fn roots() -> Option<NspawnRoots> {
    for tool in ["systemd-nspawn", "mmdebstrap"] {
        require(tool)?;
    }
    let owner = std::fs::metadata("/proc/self").unwrap();
    if std::os::unix::fs::MetadataExt::uid(&owner) != 0 {
        return require("root's rights").and(None);
    }
    let foreign = match machine() {
        Architecture::Amd64 => "aarch64",
        Architecture::Arm64 => "x86_64",
    };
    if !Path::new("/proc/sys/fs/binfmt_misc").join(format!("qemu-{foreign}")).exists() {
        return require("qemu-user-static, registered with binfmt-support,").and(None);
    }
    let cache = cache_folder(|name| std::env::var_os(name)).unwrap();
    Some(NspawnRoots::new(LocalRunner::default(), cache))
}

/// The suite that `tagboat init` configures here, so that its roots and these are the same.
pub(crate) fn mirrors() -> Vec<Mirror> {
    let own = machine_mirrors(Path::new("/")).swap_remove(0);
    let suite = |suite: &str| Mirror {
        uri: own.uri.clone(),
        suite: suite.to_owned(),
        components: vec!["main".to_owned()],
    };
    vec![suite("bookworm"), suite("bookworm-updates")]
}

/// A clean root with these packages, which sees these folders.
pub(crate) fn open(
    roots: &NspawnRoots,
    architecture: Architecture,
    packages: &[&str],
    binds: &[Bind],
) -> Box<dyn Root> {
    let spec = RootSpec {
        architecture,
        foreign: Vec::new(),
        mirrors: mirrors(),
        packages: packages.iter().map(|&name| name.to_owned()).collect(),
        build_depends: None,
    };
    roots.open(&scope(), &spec, binds).unwrap_or_else(|error| panic!("{error}"))
}

/// A folder as a root sees it.
pub(crate) fn bind(from: &Path, to: &str, access: Access) -> Bind {
    Bind { from: from.to_owned(), to: to.to_owned(), access }
}

/// What a program prints in a root; it must succeed.
#[track_caller]
pub(crate) fn run(root: &dyn Root, network: Network, folder: &str, argv: &[&str]) -> String {
    let command = Command::new(argv[0])
        .args(argv[1..].iter().copied())
        .env("DEBIAN_FRONTEND", "noninteractive")
        .folder(folder)
        .timeout(PATIENCE);
    let output = root.runner(network).run(&scope(), &command).unwrap();
    assert!(output.success(), "{command}\n{}\n{}", output.text(), output.stderr);
    output.text()
}
