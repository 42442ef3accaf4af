//! A control group for a guest that boots on a machine without systemd. In: a name. Out: systemd-nspawn and all of
//! its guest in a group of that name, which goes when the guest has.
//!
//! The first process of a guest makes and removes groups below the one it is in (systemd's
//! <https://systemd.io/CGROUP_DELEGATION/>). Two guests in one group remove each other's: services fail at random
//! with `219/CGROUP`. Where systemd runs, it gives each guest a scope.

use std::fs;
use std::path::{Path, PathBuf};

use tagboat_core::command::Command;

/// Where a hierarchy may be mounted: the only one (cgroups(7), version 2), or, beside those of version 1,
/// systemd's own and the one of version 2.
const HIERARCHIES: [&str; 3] =
    ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"];

/// What our groups' names begin with.
const PREFIX: &str = "tagboat-";

/// Moves itself into the groups `$1`, one a line, and becomes the program behind them. It must be there before the
/// guest's first process is, so nobody else can move it in time.
const ENTER: &str = r#"
echo "$1" | while IFS= read -r group; do echo $$ >"$group/cgroup.procs"; done
shift
exec "$@"
"#;

/// The group, in each hierarchy.
#[derive(Debug)]
pub(super) struct ControlGroup {
    folders: Vec<PathBuf>,
}

impl ControlGroup {
    /// Makes the group of a layer; `None` where systemd makes it, or where this process may make none, as in a container that
    /// sees its hierarchy read-only: a single guest boots there all the same.
    pub(super) fn make(layer: &str) -> Option<Self> {
        // sd_booted(3).
        if Path::new("/run/systemd/system").exists() {
            return None;
        }
        let hierarchies = HIERARCHIES.map(Path::new);
        let mounted = hierarchies.iter().filter(|path| path.join("cgroup.procs").exists());
        let mut made = Self { folders: Vec::new() };
        for hierarchy in mounted {
            sweep(hierarchy);
            let folder = hierarchy.join(format!("{PREFIX}{layer}"));
            match fs::create_dir(&folder) {
                Ok(()) => made.folders.push(folder),
                Err(_) => return None,
            }
        }
        (!made.folders.is_empty()).then_some(made)
    }

    /// The command, run in the group.
    pub(super) fn enter(&self, command: Command) -> Command {
        let folders: Vec<_> = self.folders.iter().map(|path| path.to_string_lossy()).collect();
        let mut entering = command.clone();
        entering.program = "/bin/sh".to_owned();
        entering.args = ["-ec", ENTER, "enter"].map(str::to_owned).into();
        entering.args.extend([folders.join("\n"), command.program]);
        entering.args.extend(command.args);
        entering
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        for folder in &self.folders {
            remove_empty(folder);
        }
    }
}

/// Removes what a process that was killed left: a name is that of a layer, which begins with its process's id.
fn sweep(hierarchy: &Path) {
    for entry in fs::read_dir(hierarchy).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(layer) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            continue;
        };
        let process = layer.split('-').next().unwrap_or(layer);
        if !Path::new("/proc").join(process).exists() {
            remove_empty(&entry.path());
        }
    }
}

/// Removes a group and those below it, unless a process is in one of them: then its guest lives, and needs all.
/// A group that is left is in nobody's way, and the next [`ControlGroup::make`] tries again.
fn remove_empty(folder: &Path) {
    if is_populated(folder) {
        return;
    }
    for below in groups_below(folder) {
        remove_empty(&below);
    }
    // Gone, or somebody came into it just now.
    let _gone_or_used = fs::remove_dir(folder);
}

fn is_populated(folder: &Path) -> bool {
    let here = fs::read(folder.join("cgroup.procs")).is_ok_and(|processes| !processes.is_empty());
    here || groups_below(folder).iter().any(|below| is_populated(below))
}

fn groups_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}
