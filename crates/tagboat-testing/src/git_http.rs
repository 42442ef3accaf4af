//! A git remote over HTTP. In: a folder of bare repositories. Out: lighttpd on a free port of 127.0.0.1, with
//! `git http-backend` behind it, as a self-hosted remote has.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::require;

/// A running server; dropping it ends it.
#[derive(Debug)]
pub struct GitHttp {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl GitHttp {
    /// Serves every repository below `root`, for reading and writing (`http.receivepack` is set in each one that
    /// is pushed to). `None` where lighttpd is missing and may be (see [`require()`]).
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(root: &Path) -> Option<Self> {
        let program = require("lighttpd")?;
        let folder = TempDir::new().unwrap();
        // It serves on the socket that is its standard input: nobody can take the port meanwhile, and whoever comes
        // before it is up waits in the queue.
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let at = |name: &str| folder.path().join(name).display().to_string();
        // git-http-backend(1), EXAMPLES, Lighttpd. A push from us may come while 31 others do.
        let config = format!(
            "server.bind = \"/dev/stdin\"\nserver.document-root = \"{}\"\nserver.errorlog = \"{}\"\n\
             server.upload-dirs = ( \"{}\" )\n\
             server.modules = ( \"mod_alias\", \"mod_setenv\", \"mod_cgi\" )\n\
             alias.url = ( \"/git\" => \"{}\" )\n\
             setenv.set-environment = ( \"GIT_PROJECT_ROOT\" => \"{}\", \"GIT_HTTP_EXPORT_ALL\" => \"1\", \
             \"GIT_CONFIG_NOSYSTEM\" => \"1\", \"GIT_CONFIG_GLOBAL\" => \"/dev/null\" )\n\
             cgi.assign = ( \"\" => \"\" )\n",
            folder.path().display(),
            at("errors"),
            folder.path().display(),
            backend().display(),
            root.display(),
        );
        std::fs::write(folder.path().join("lighttpd.conf"), config).unwrap();
        let child = Command::new(program)
            .arg("-D")
            .arg("-f")
            .arg(folder.path().join("lighttpd.conf"))
            .stdin(std::os::fd::OwnedFd::from(socket))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, folder, port })
    }

    /// The address of a repository, by its path below the root.
    #[must_use]
    pub fn url(&self, repository: &str) -> String {
        format!("http://127.0.0.1:{}/git/{repository}", self.port)
    }

    /// What it logged: why a request failed.
    #[must_use]
    pub fn errors(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default()
    }
}

impl Drop for GitHttp {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The CGI program of the git on `PATH`.
fn backend() -> PathBuf {
    let output = Command::new("git").arg("--exec-path").output().unwrap();
    Path::new(String::from_utf8(output.stdout).unwrap().trim()).join("git-http-backend")
}
