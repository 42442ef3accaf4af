//! Secrets are encrypted (seed 004, security 1). In: every `secrets.enc` below `environments/`. Out: those that
//! anybody can read; never what they hold.

use tagboat_core::diagnostic::{Diagnostic, Exit};

use super::{Facts, Rule};
use crate::Files;
use crate::secrets;

pub(super) const RULE: Rule = Rule {
    code: "check::secret-encryption",
    says: "every secrets.enc below environments/ is encrypted by SOPS",
    look,
};

/// Those that an environment names are told with the configuration.
pub(super) fn observe(files: &Files, named: &[&str]) -> Vec<(String, String)> {
    let below = |folder: &str| files.folders(folder).unwrap_or_default();
    let environments = below("environments").into_iter().map(|name| format!("environments/{name}"));
    let mut found = Vec::new();
    for environment in environments {
        let regions = format!("{environment}/regions");
        let of_regions = below(&regions).into_iter().map(|name| format!("{regions}/{name}"));
        for folder in std::iter::once(environment).chain(of_regions) {
            let path = format!("{folder}/secrets.enc");
            if named.contains(&path.as_str()) {
                continue;
            }
            match files.read(&path) {
                Ok(None) => {}
                Ok(Some(bytes)) => {
                    let plain = secrets::check(&bytes).err();
                    found.extend(plain.map(|why| (path, why.to_string())));
                }
                Err(error) => found.push((path, format!("it cannot be read: {error}"))),
            }
        }
    }
    found
}

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let told = facts.plain_secrets.iter().map(|(path, why)| {
        let message = format!("{path} is not encrypted by SOPS: {why}");
        Diagnostic::unchanged(RULE.code, Exit::Usage, message, "nothing was changed")
            .fact("file", path.clone())
            .help("encrypt it, and change what it held: whoever reads the repository has read it")
    });
    told.collect()
}
