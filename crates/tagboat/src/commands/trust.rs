//! Who may sign tags, and who did (SPEC V7, D3). In: the configuration, public keys, tag objects. Out: verdicts, and
//! the key that signs what this run records.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;

use jiff::Timestamp;
use tagboat_adapters::process::LocalRunner;
use tagboat_adapters::signature::{GpgKey, SshKey, SshPublicKey, SshSignature, verify_ssh};
use tagboat_config::Config;
use tagboat_config::value::{Signer, SignerKey};
use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::ledger::Signed;
use tagboat_core::ports::{
    Output, RepositoryError, Runner as _, Scope, Silent, TagObject, TagSignature, TagSigner,
};
use tagboat_core::tag::EnvironmentName;
use tagboat_release::keys::{Certificate, CheckedKey, SigningKey, check};
use tagboat_release::signature::{Signer as _, verify_detached};

use super::publish::PUBLIC_KEY;
use crate::context::Context;

/// Where the certificates of OpenPGP signers are looked for, beside that of the APT repository. What they are worth
/// the fingerprints in the configuration say.
const KEYS: &str = "config/ci-cd/keys";

/// The largest signature that is looked at, in bytes: one of RSA with 16384 bits has 4 KiB.
const MAX_SIGNATURE: usize = 32 << 10;

/// The keys that count, as the configuration says.
pub(crate) struct Trust {
    root: PathBuf,
    published: PathBuf,
    /// Environments whose ledgers must be signed.
    required: BTreeSet<EnvironmentName>,
    /// Who may sign ledgers.
    pub(crate) ledger_signers: Vec<Signer>,
    passphrase: String,
    certificates: OnceCell<Vec<Certificate>>,
}

impl Trust {
    /// What a checked configuration says.
    pub(crate) fn of(context: &Context<'_>, config: &Config) -> Self {
        Self {
            root: context.root.clone(),
            published: context.path(config.publish.folder.as_str()).join(PUBLIC_KEY),
            required: config.signed_ledgers.clone(),
            ledger_signers: config.ledger_signers.clone(),
            passphrase: config.gpg.signing.passphrase_secret.to_string(),
            certificates: OnceCell::new(),
        }
    }

    /// For verbs that only look, and do so without a sound configuration too: then no key counts.
    pub(crate) fn read(context: &Context<'_>) -> Self {
        match context.loaded() {
            Ok(loaded) => Self::of(context, &loaded.config),
            Err(_) => Self {
                root: context.root.clone(),
                published: PathBuf::new(),
                required: BTreeSet::new(),
                ledger_signers: Vec::new(),
                passphrase: String::new(),
                certificates: OnceCell::new(),
            },
        }
    }

    /// Whether ledgers of this environment must be signed.
    pub(crate) fn requires(&self, environment: &EnvironmentName) -> bool {
        self.required.contains(environment)
    }

    /// Whether a ledger is signed by one who may.
    pub(crate) fn ledger(
        &self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        object: &TagObject,
    ) -> Signed {
        self.judge(context, scope, object.signature.as_ref(), &self.ledger_signers)
    }

    /// Whether one of `signers` made the signature.
    pub(crate) fn judge(
        &self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        signature: Option<&TagSignature>,
        signers: &[Signer],
    ) -> Signed {
        let Some(signature) = signature else { return Signed::No };
        if signers.is_empty() {
            return Signed::Badly("no key is configured that may sign it".to_owned());
        }
        let judged = if signature.armoured.len() > MAX_SIGNATURE {
            Err(format!("it is larger than {} KiB", MAX_SIGNATURE >> 10))
        } else if signature.armoured.starts_with("-----BEGIN SSH SIGNATURE-----") {
            judge_ssh(&context.local(), scope, signature, signers)
        } else if signature.armoured.starts_with("-----BEGIN PGP SIGNATURE-----") {
            self.judge_open_pgp(signature, signers)
        } else {
            Err("it is neither an OpenPGP nor an ssh signature".to_owned())
        };
        judged.map_or_else(Signed::Badly, Signed::By)
    }

    fn judge_open_pgp(
        &self,
        signature: &TagSignature,
        signers: &[Signer],
    ) -> std::result::Result<String, String> {
        let is_named = |certificate: &&Certificate| {
            let found = certificate.fingerprint().to_string();
            signers.iter().any(|signer| {
                matches!(signer.key(), SignerKey::OpenPgp(named) if named.as_str() == found)
            })
        };
        let known: Vec<Certificate> =
            self.certificates().iter().filter(is_named).cloned().collect();
        if known.is_empty() {
            return Err(format!("{KEYS}/ has the public key of no configured OpenPGP signer"));
        }
        let verified =
            verify_detached(&signature.armoured, &mut Cursor::new(&signature.payload), &known)
                .map_err(|error| first_fact(&error))?;
        let by = known.iter().find(|certificate| certificate.fingerprint() == verified.by);
        let id = by.map(Certificate::user_id).filter(|id| !id.is_empty());
        Ok(id.map_or_else(|| verified.by.to_string(), |id| format!("{} {id}", verified.by)))
    }

    /// Every certificate that is here. A file that is no key is none: what must be signed is refused then.
    fn certificates(&self) -> &[Certificate] {
        self.certificates.get_or_init(|| {
            let entries = std::fs::read_dir(self.root.join(KEYS)).into_iter().flatten().flatten();
            let mut files: Vec<PathBuf> = entries
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "asc"))
                .collect();
            files.sort();
            files.push(self.published.clone());
            let read = |path: &PathBuf| std::fs::read(path).ok();
            files.iter().filter_map(read).filter_map(|b| Certificate::parse(&b).ok()).collect()
        })
    }

    /// The key that signs what this run records; `None` where ledgers are not signed, or the key is not here and
    /// nothing requires it. It has signed a probe, which verified as a reader will verify the ledger.
    ///
    /// # Errors
    /// `ledger::no-key` where the environment's ledger must be signed, or the key that was named cannot.
    pub(crate) fn signer(
        &self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        environment: &EnvironmentName,
        named: Option<&PathBuf>,
    ) -> Result<Option<Box<dyn TagSigner>>> {
        if self.ledger_signers.is_empty() && named.is_none() {
            return if self.requires(environment) {
                Err(no_key(environment, "no key is configured that may sign ledgers"))
            } else {
                Ok(None)
            };
        }
        let found: Option<Box<dyn TagSigner>> = match named {
            Some(file) => Some(Box::new(SshKey::new(context.local(), file.clone()))),
            None => match self.of_environment(context)? {
                Some(key) => Some(Box::new(key)),
                None => match self.of_git(context, scope) {
                    Some(key) => Some(Box::new(key)),
                    None => self.of_gpg(context, scope).map(|key| Box::new(key) as Box<_>),
                },
            },
        };
        let Some(signer) = found else {
            if self.requires(environment) {
                return Err(no_key(environment, "none of the keys that may sign it is here"));
            }
            context.terminal.warn(
                "the record will not be signed: none of the keys that may sign ledgers is here",
            );
            return Ok(None);
        };
        self.probe(context, scope, signer.as_ref())
            .map_err(|why| no_key(environment, &format!("the key cannot sign it: {why}")))?;
        Ok(Some(signer))
    }

    fn of_environment(&self, context: &Context<'_>) -> Result<Option<OpenPgpKey>> {
        let Some(armoured) = context.secret("GPG_PRIVATE_KEY") else { return Ok(None) };
        let passphrase = context.secret(&self.passphrase);
        let key = SigningKey::load(&armoured, passphrase.as_ref())?;
        // It may be the key of the APT repository alone.
        let fingerprint = key.certificate().fingerprint().to_string();
        let may = |signer: &Signer| matches!(signer.key(), SignerKey::OpenPgp(key) if key.as_str() == fingerprint);
        if !self.ledger_signers.iter().any(may) {
            return Ok(None);
        }
        let key = check(Box::new(key), None, context.clock().now())?;
        if let Some(warning) = key.warning() {
            context.terminal.diagnostic_warning(warning);
        }
        Ok(Some(OpenPgpKey(key)))
    }

    /// The ssh key that git signs with here (git-config(1), `gpg.format` and `user.signingKey`), where it may sign.
    fn of_git(&self, context: &Context<'_>, scope: &Scope<'_>) -> Option<SshKey> {
        let asked = |name: &str| {
            let command = Command::new("git").args(["config", "--get", name]).folder(&self.root);
            let scope = Scope { observer: &Silent, ..scope.clone() };
            let answer = context.local().run(&scope, &command).ok().filter(Output::success)?;
            Some(answer.text().trim_end_matches('\n').to_owned())
        };
        asked("gpg.format").filter(|format| format == "ssh")?;
        let file = asked("user.signingKey")?;
        let file = match (file.strip_prefix("~/"), context.variable("HOME")) {
            (Some(below), Some(home)) => PathBuf::from(home).join(below),
            _ => self.root.join(file),
        };
        let mut public = file.clone().into_os_string();
        public.push(".pub");
        let line = std::fs::read_to_string(public).or_else(|_| std::fs::read_to_string(&file));
        let key = SshPublicKey::parse(&line.ok()?)?;
        let may = |signer: &Signer| match signer.key() {
            SignerKey::Ssh(line) => SshPublicKey::parse(line).is_some_and(|named| named == key),
            SignerKey::OpenPgp(_) => false,
        };
        self.ledger_signers.iter().any(may).then(|| SshKey::new(context.local(), file))
    }

    fn of_gpg(&self, context: &Context<'_>, scope: &Scope<'_>) -> Option<GpgKey> {
        self.ledger_signers.iter().find_map(|signer| match signer.key() {
            SignerKey::OpenPgp(key) => GpgKey::find(&context.local(), scope, key.as_str()),
            SignerKey::Ssh(_) => None,
        })
    }

    fn probe(
        &self,
        context: &Context<'_>,
        scope: &Scope<'_>,
        signer: &dyn TagSigner,
    ) -> std::result::Result<(), String> {
        let payload = b"tagboat probes its key\n".to_vec();
        let armoured = signer.sign(scope, &payload, context.clock().now());
        let armoured = armoured.map_err(|error| error.to_string())?;
        let probe = TagSignature { armoured, payload };
        match self.judge(context, scope, Some(&probe), &self.ledger_signers) {
            Signed::By(_) => Ok(()),
            bad => Err(format!("a reader would call it {bad}")),
        }
    }
}

/// The key of `GPG_PRIVATE_KEY`.
struct OpenPgpKey(CheckedKey);

impl TagSigner for OpenPgpKey {
    fn sign(
        &self,
        _: &Scope<'_>,
        payload: &[u8],
        at: Timestamp,
    ) -> std::result::Result<String, RepositoryError> {
        let signed = self.0.detached(&mut Cursor::new(payload), at);
        signed.map_err(|error| RepositoryError::NotSigned(error.message.clone()))
    }
}

fn judge_ssh(
    runner: &LocalRunner,
    scope: &Scope<'_>,
    signature: &TagSignature,
    signers: &[Signer],
) -> std::result::Result<String, String> {
    let read = SshSignature::parse(&signature.armoured).ok_or("it is no sound ssh signature")?;
    let mut keys = signers.iter().filter_map(|signer| match signer.key() {
        SignerKey::Ssh(line) => SshPublicKey::parse(line),
        SignerKey::OpenPgp(_) => None,
    });
    let Some(key) = keys.find(|key| read.names(key)) else {
        return Err(format!("the ssh key {} may not sign it", read.fingerprint()));
    };
    let verified = verify_ssh(runner, scope, &key, &read, &signature.payload);
    verified.map_err(|error| format!("ssh-keygen: {error}"))??;
    Ok(key.fingerprint())
}

fn first_fact(error: &Diagnostic) -> String {
    error.facts.first().map_or_else(|| error.message.clone(), |(_, fact)| fact.clone())
}

fn no_key(environment: &EnvironmentName, why: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "ledger::no-key",
            Exit::Refused,
            format!("the ledger of {environment} cannot be signed: {why}"),
            "no host was contacted",
        )
        .help(
            "set GPG_PRIVATE_KEY, or name an ssh key with --signing-key; it must be one of `ledger_signers`, \
             and the public key of an OpenPGP one lies in config/ci-cd/keys/",
        ),
    )
}

/// A ledger that must be signed by one who may, and is not.
pub(crate) fn not_signed(tag: &str, says: &str, signed: &Signed) -> Box<Diagnostic> {
    let (code, message) = match signed {
        Signed::Badly(_) => {
            ("ledger::bad-signature", format!("the signature of the ledger of {tag} is not good"))
        }
        Signed::No | Signed::By(_) => {
            ("ledger::unsigned", format!("the ledger of {tag} must be signed, and is not"))
        }
    };
    let mut error =
        Diagnostic::unchanged(code, Exit::Refused, message, "nothing was deployed or moved");
    error = error.fact("it says", says.to_owned());
    if let Signed::Badly(why) = signed {
        error = error.fact("seen", why.clone());
    }
    Box::new(error.help(
        "find out who moved the tag; where it is older than the rule that it be signed, take it over once: \
         `tagboat deploy … --override ledger-signature=REASON`",
    ))
}
