//! What a program sees of the environment. In: the environment of this process. Out: the few variables of
//! it that are passed on, and fixed ones.

use std::ffi::OsString;
use std::path::PathBuf;

use rustix::fs::{Access, access};

/// `PATH` where this process has none: that of Debian's `ENV_SUPATH`, login.defs(5).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables passed on where they are set: where a user's keys, settings and proxies are. A name ending in
/// `*` stands for all that begin so.
const PASSED: [&str; 24] = [
    "HOME",
    "USER",
    "LOGNAME",
    // git trusts the repositories of whoever called sudo (safe.directory, git-config(1)).
    "SUDO_UID",
    "TMPDIR",
    "XDG_*",
    "SSH_AUTH_SOCK",
    "GNUPGHOME",
    "GIT_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_CONFIG_*",
    "GIT_AUTHOR_*",
    "GIT_COMMITTER_*",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// The environment of every program: fixed, but for what a user must be able to say. So a program cannot
/// answer in another language or time zone, and no secret of this process reaches it by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Environment(Vec<(OsString, OsString)>);

/// Names only: values may be secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What this process passes on.
impl Default for Environment {
    fn default() -> Self {
        Self::passing_on(std::env::vars_os())
    }
}

impl Environment {
    /// Only the fixed variables, and `PATH` as given.
    #[must_use]
    pub fn fixed(path: impl Into<OsString>) -> Self {
        let fixed = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        Self(vec![("PATH".into(), path.into()), fixed("LC_ALL", "C.UTF-8"), fixed("TZ", "UTC")])
    }

    /// The fixed variables, and of `all` what may pass.
    #[must_use]
    pub fn passing_on(all: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut path = OsString::from(DEFAULT_PATH);
        let mut passed = Vec::new();
        for (name, value) in all {
            match name.to_str() {
                Some("PATH") if !value.is_empty() => path = value,
                Some(text) if may_pass(text) => passed.push((name, value)),
                Some(_) | None => {}
            }
        }
        let mut environment = Self::fixed(path);
        environment.0.append(&mut passed);
        environment
    }

    /// Sets one variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let name = name.into();
        self.0.retain(|(existing, _)| *existing != name);
        self.0.push((name, value.into()));
        self
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&std::ffi::OsStr> {
        self.0.iter().find(|(existing, _)| existing == name).map(|(_, value)| value.as_os_str())
    }

    /// The file that a program's name means, by `PATH`; `None` where there is none. Relative folders there are passed
    /// over: a program would be looked for in the repository that it is to work on. Looked up here, it is started
    /// without a copy of this process's memory tables (posix_spawn(3)); std forks where the child would have to look
    /// on a `PATH` that is not its parent's.
    pub(super) fn find(&self, program: &str) -> Option<PathBuf> {
        if program.contains('/') {
            return Some(PathBuf::from(program));
        }
        let is_program = |file: &PathBuf| file.is_file() && access(file, Access::EXEC_OK).is_ok();
        let folders =
            std::env::split_paths(self.get("PATH")?).filter(|folder| folder.is_absolute());
        folders.map(|folder| folder.join(program)).find(is_program)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

fn may_pass(name: &str) -> bool {
    PASSED.iter().any(|allowed| {
        allowed.strip_suffix('*').map_or(*allowed == name, |prefix| name.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_never_looked_for_in_the_folder_in_which_it_runs() {
        assert_eq!(Environment::fixed(".::usr/bin").find("sh"), None);
        let found = Environment::fixed("relative:/nowhere:/bin").find("sh");
        assert_eq!(found, Some(PathBuf::from("/bin/sh")));
        assert_eq!(Environment::fixed("/etc").find("passwd"), None, "it is no program");
        assert_eq!(Environment::fixed("").find("/bin/sh"), Some(PathBuf::from("/bin/sh")));
    }

    #[test]
    fn only_allowed_variables_are_passed_on() {
        let all = [
            ("PATH", "/p"),
            ("HOME", "/h"),
            ("XDG_CACHE_HOME", "/c"),
            ("LC_ALL", "de_DE"),
            ("GIT_DIR", "/elsewhere"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
        ]
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let environment = Environment::passing_on(all);
        let names: Vec<_> = environment.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(names, ["PATH", "LC_ALL", "TZ", "HOME", "XDG_CACHE_HOME"]);
        assert_eq!(environment.get("LC_ALL").unwrap(), "C.UTF-8");
    }
}
