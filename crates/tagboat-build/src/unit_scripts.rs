//! The maintainer scripts of a package with a service. In: the unit's name and text. Out: scripts that do
//! what those of dh_installsystemd(1) do at level 13: enable and start it when it is installed, restart it
//! after an upgrade, stop it before it is removed, and forget it when it is purged.
//!
//! They decide nothing themselves: deb-systemd-helper(1p) keeps an administrator's choice to disable or mask,
//! deb-systemd-invoke(1p) heeds policy-rc.d. Both come with init-system-helpers, which is essential in Debian and
//! Ubuntu, so no dependency names it.

use std::collections::BTreeMap;

use tagboat_deb::deb::ControlFile;

/// `unit` is its installed name, such as `api.service`: a package name and a suffix, so no character of it
/// means anything to a shell.
pub(crate) fn unit_scripts(unit: &str, text: &str) -> BTreeMap<ControlFile, Vec<u8>> {
    let postinst = if can_be_enabled(text) { [ENABLE, START].concat() } else { START.to_owned() };
    [
        (ControlFile::Postinst, postinst),
        (ControlFile::Prerm, STOP.to_owned()),
        (ControlFile::Postrm, FORGET.to_owned()),
    ]
    .into_iter()
    .map(|(file, body)| (file, format!("#!/bin/sh\nset -e\n\nunit='{unit}'\n{body}").into_bytes()))
    .collect()
}

/// systemd.unit(5): only `[Install]` says where an enabled unit belongs.
fn can_be_enabled(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "[Install]")
}

/// The calls after which the package is configured are those of Debian Policy 6.6.
const ENABLE: &str = r#"
case "$1" in
configure | abort-upgrade | abort-deconfigure | abort-remove)
    # Only a mask that a package made is taken off.
    deb-systemd-helper unmask "$unit" >/dev/null || true
    # True at the first installation as well.
    if deb-systemd-helper --quiet was-enabled "$unit"; then
        deb-systemd-helper enable "$unit" >/dev/null || true
    else
        # It was disabled by hand: that stays, but a purge must know all of its links.
        deb-systemd-helper update-state "$unit" >/dev/null || true
    fi
    ;;
esac
"#;

const START: &str = r#"
case "$1" in
configure | abort-upgrade | abort-deconfigure | abort-remove)
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
        action=start
        if [ -n "${2:-}" ]; then
            action=restart
        fi
        # A service that does not come up is no half-installed package: who watches its health decides.
        deb-systemd-invoke "$action" "$unit" >/dev/null || true
    fi
    ;;
esac
"#;

const STOP: &str = r#"
if [ "$1" = remove ] && [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop "$unit" >/dev/null || true
fi
"#;

const FORGET: &str = r#"
case "$1" in
remove)
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
    fi
    ;;
purge)
    deb-systemd-helper purge "$unit" >/dev/null || true
    deb-systemd-helper unmask "$unit" >/dev/null || true
    ;;
esac
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(scripts: &BTreeMap<ControlFile, Vec<u8>>, file: ControlFile) -> String {
        String::from_utf8(scripts[&file].clone()).unwrap()
    }

    #[test]
    fn every_script_is_one_that_a_shell_reads() {
        let folder = tempfile::tempdir().unwrap();
        for (file, script) in unit_scripts("api.service", "[Install]\nWantedBy=multi-user.target\n")
        {
            let path = folder.path().join(file.name());
            std::fs::write(&path, script).unwrap();
            let output = std::process::Command::new("dash").arg("-n").arg(path).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        }
    }

    /// What the scripts call, in order, for a run of dpkg.
    fn calls(
        install: &str,
        file: ControlFile,
        arguments: &[&str],
        was_enabled: bool,
    ) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        for program in ["deb-systemd-helper", "deb-systemd-invoke", "systemctl"] {
            let status = if was_enabled { 0 } else { 1 };
            let fake = format!(
                "#!/bin/sh\necho \"{program} $*\" >> '{}'\ncase \"$*\" in *was-enabled*) exit {status} ;; esac\n",
                log.display()
            );
            let path = folder.path().join(program);
            std::fs::write(&path, fake).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).unwrap();
        }
        let booted = folder.path().join("booted");
        std::fs::create_dir(&booted).unwrap();
        let script = text(&unit_scripts("api.service", install), file)
            .replace("/run/systemd/system", booted.to_str().unwrap());
        let path = folder.path().join("script");
        std::fs::write(&path, script).unwrap();
        let search = format!("{}:/usr/bin:/bin", folder.path().display());
        let output = std::process::Command::new("dash")
            .arg(&path)
            .args(arguments)
            .env_clear()
            .env("PATH", search)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let log = std::fs::read_to_string(log).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    #[test]
    fn an_installation_enables_and_starts_an_upgrade_restarts() {
        let first = calls("[Install]", ControlFile::Postinst, &["configure", ""], true);
        assert_eq!(
            first,
            [
                "deb-systemd-helper unmask api.service",
                "deb-systemd-helper --quiet was-enabled api.service",
                "deb-systemd-helper enable api.service",
                "systemctl --system daemon-reload",
                "deb-systemd-invoke start api.service"
            ]
        );
        let upgrade = calls("[Install]", ControlFile::Postinst, &["configure", "1.0"], true);
        assert_eq!(upgrade.last().unwrap(), "deb-systemd-invoke restart api.service");
    }

    #[test]
    fn what_an_administrator_disabled_stays_disabled() {
        let calls = calls("[Install]", ControlFile::Postinst, &["configure", "1.0"], false);
        assert!(calls.contains(&"deb-systemd-helper update-state api.service".to_owned()));
        assert!(!calls.iter().any(|call| call.contains(" enable ")));
    }

    #[test]
    fn a_unit_without_an_install_section_is_started_and_never_enabled() {
        let calls = calls("[Service]", ControlFile::Postinst, &["configure", ""], true);
        assert_eq!(
            calls,
            ["systemctl --system daemon-reload", "deb-systemd-invoke start api.service"]
        );
    }

    #[test]
    fn a_removal_stops_and_a_purge_forgets() {
        let call = |file, arguments: &[&str]| calls("[Install]", file, arguments, true);
        assert_eq!(call(ControlFile::Prerm, &["remove"]), ["deb-systemd-invoke stop api.service"]);
        assert!(call(ControlFile::Prerm, &["upgrade", "2.0"]).is_empty());
        assert_eq!(call(ControlFile::Postrm, &["remove"]), ["systemctl --system daemon-reload"]);
        assert_eq!(
            call(ControlFile::Postrm, &["purge"]),
            ["deb-systemd-helper purge api.service", "deb-systemd-helper unmask api.service"]
        );
        assert!(call(ControlFile::Postrm, &["upgrade", "2.0"]).is_empty());
    }
}
