//! Listings of refs. In: the bytes that `git show-ref` and `git ls-remote` print. Out: refs with what they
//! peel to; private refs written.

use std::collections::HashSet;
use std::fmt::Write as _;

use tagboat_core::command::Command;
use tagboat_core::commit::ObjectId;
use tagboat_core::ports::{ListedRef, Output, Progress, RefView, RepositoryError, Scope};

use super::GitRepository;
use super::names::{PRIVATE, TAGS, check_private, check_ref, check_remote_ref};
use super::program::{Hooks, refusal, remote_refusal};
use crate::process::Taken;

/// So many refs that are written at once are packed.
const MANY: usize = 200;

/// git's exit status for an option that it does not know (git, `usage.c`).
const USAGE: i32 = 129;

/// Length of an object name (SHA-1) in hexadecimal digits.
const DIGITS: usize = 40;

impl GitRepository {
    /// Two listings, as a tag object that is not packed is read only where its target matters: `git show-ref -d`, the
    /// cheapest that peels (0.04 s of CPU for 100,000 packed tags, a quarter of `for-each-ref`), of the tags, and
    /// `git for-each-ref`, which need not peel, of ours. `show-ref -d` of both takes 0.2 s more where 2,500 ledgers
    /// are remembered that no `git pack-refs` has seen.
    pub(super) fn local_refs(
        &self,
        scope: &Scope<'_>,
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError> {
        let format = "--format=%(objectname) %(refname)";
        let ours = self.command(["for-each-ref", format, PRIVATE]);
        let output = self.stream_refs(scope, &ours, take)?;
        if !output.success() {
            return Err(refusal(&ours, &output));
        }
        let mut any = false;
        let tags = self.command(["show-ref", "--tags", "-d"]);
        let output = self.stream_refs(scope, &tags, &mut |listed| {
            any = true;
            take(listed);
        })?;
        match output.status {
            Some(0) => Ok(()),
            // git-show-ref(1): there is no ref at all.
            Some(1) if !any => Ok(()),
            _ => Err(refusal(&tags, &output)),
        }
    }

    /// One `git for-each-ref`: git finds a folder in the packed file by halving it, and opens no other one. It tells what a
    /// tag object names, which is what it leads to but where a tag was tagged: then all are listed, as that listing peels
    /// to the end.
    pub(super) fn local_refs_of(
        &self,
        scope: &Scope<'_>,
        names: &[String],
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError> {
        // Without a pattern git would list everything.
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            check_ref(name.strip_suffix('/').unwrap_or(name))?;
        }
        let format = "--format=%(objectname) %(*objecttype) %(*objectname) %(refname)";
        let command = self.command(["for-each-ref", format]).args(names.iter().map(String::as_str));
        let output = self.git.checked(scope, &command)?;
        let mut refs = Vec::new();
        for line in output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let Some(listed) = named(line) else { return Err(odd(line)) };
            match listed {
                Named::Once(listed) => refs.push(listed),
                Named::Twice => {
                    let is_of = |listed: &RefView<'_>| {
                        names.iter().any(|name| match name.strip_suffix('/') {
                            Some(_) => listed.name.starts_with(name.as_str()),
                            None => listed.name == name,
                        })
                    };
                    return self.local_refs(scope, &mut |listed| {
                        if is_of(&listed) {
                            take(listed);
                        }
                    });
                }
            }
        }
        refs.iter().for_each(|listed| take(listed.view()));
        Ok(())
    }

    fn stream_refs(
        &self,
        scope: &Scope<'_>,
        command: &Command,
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<Output, RepositoryError> {
        let mut lines = RefLines::new(b' ');
        let mut wrong = None;
        let ended =
            self.git.stream(scope, command, &mut |bytes| match lines.whole(bytes, take) {
                Ok(used) => Taken::Bytes(used),
                Err(error) => {
                    wrong = Some(error);
                    Taken::Enough
                }
            })?;
        match (ended, wrong) {
            (_, Some(error)) => Err(error),
            (Some(output), None) if output.stdout.is_empty() => {
                lines.end(take);
                Ok(output)
            }
            (Some(output), None) => Err(odd(&output.stdout)),
            (None, None) => Err(RepositoryError::Unexpected("nobody read the refs".to_owned())),
        }
    }

    /// One `git ls-remote` of a remote's name or URL.
    pub(super) fn listed_refs(
        &self,
        scope: &Scope<'_>,
        remote: &str,
        patterns: &[&str],
    ) -> Result<Vec<ListedRef>, RepositoryError> {
        let wanted = Wanted::new(patterns)?;
        // The patterns of git-ls-remote(1) match the tail of a name, and it asks for everything anyhow
        // but with `--tags`: so what matches is decided here.
        let scope_flag = if wanted.only_tags() { "--tags" } else { "--quiet" };
        let command = self.command(["ls-remote", "--quiet", scope_flag, remote]);
        let output = self.git.network(scope, command, self.git.patience.listing, Hooks::Silent)?;
        if !output.success() {
            return Err(remote_refusal(&output));
        }
        let mut refs = parse(&output.stdout, b'\t', |name| wanted.matches(name.as_bytes()))?;
        refs.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(refs)
    }

    /// One transaction of git-update-ref(1): all or none.
    pub(super) fn update_private_refs(
        &self,
        scope: &Scope<'_>,
        refs: &[(String, Option<ObjectId>)],
    ) -> Result<(), RepositoryError> {
        let mut script = String::new();
        for (name, id) in refs {
            check_private(name)?;
            let written = match id {
                Some(id) => writeln!(script, "update {name} {id}"),
                None => writeln!(script, "delete {name}"),
            };
            written.map_err(|error| RepositoryError::Unexpected(error.to_string()))?;
        }
        self.update_refs(scope, script)
    }

    /// Packs our private refs where so many were written at once: each is a file that every later listing would open.
    /// git-gc(1) does the same, sooner or later; so where it cannot be done now, nothing is lost.
    pub(super) fn pack_after(&self, scope: &Scope<'_>, written: usize) {
        if written < MANY {
            return;
        }
        let command = self.command(["pack-refs", "--include", &format!("{PRIVATE}*")]);
        let failed = match self.git.run(scope, &command) {
            // A git before 2.42 knows no `--include`.
            Ok(output) if matches!(output.status, Some(0 | USAGE)) => return,
            Ok(output) => refusal(&command, &output),
            Err(error) => error,
        };
        let stay = format!("refs stay unpacked: {failed}");
        scope.observer.tell(&scope.span, &Progress::Note(&stay));
    }

    pub(super) fn update_refs(
        &self,
        scope: &Scope<'_>,
        script: String,
    ) -> Result<(), RepositoryError> {
        if script.is_empty() {
            return Ok(());
        }
        let command = self.command(["update-ref", "--no-deref", "--stdin"]).stdin(script);
        self.git.checked(scope, &command).map(drop)
    }
}

/// A ref, as [`GitRepository::local_refs_of`] asks for it.
enum Named {
    Once(ListedRef),
    /// A tag of a tag.
    Twice,
}

fn named(line: &[u8]) -> Option<Named> {
    let line = String::from_utf8_lossy(line);
    let mut words = line.splitn(4, ' ');
    let mut word = || words.next();
    let (object, kind, target, name) = (word()?, word()?, word()?, word()?);
    let is_private = name.starts_with(PRIVATE);
    if kind == "tag" && !is_private {
        return Some(Named::Twice);
    }
    let peeled = match target {
        _ if is_private => None,
        "" => None,
        target => Some(ObjectId::parse(target).ok()?),
    };
    let object = ObjectId::parse(object).ok()?;
    Some(Named::Once(ListedRef { name: name.to_owned(), object, peeled }))
}

/// Which names a listing keeps.
struct Wanted<'a> {
    exact: HashSet<&'a [u8]>,
    prefixes: Vec<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn new(patterns: &[&'a str]) -> Result<Self, RepositoryError> {
        let mut wanted = Self { exact: HashSet::new(), prefixes: Vec::new() };
        for pattern in patterns {
            if let Some(prefix) = pattern.strip_suffix("/*") {
                check_ref(&format!("{prefix}/x"))?;
                wanted.prefixes.push(&pattern.as_bytes()[..=prefix.len()]);
            } else {
                check_remote_ref(pattern)?;
                wanted.exact.insert(pattern.as_bytes());
            }
        }
        Ok(wanted)
    }

    fn only_tags(&self) -> bool {
        self.exact.iter().chain(&self.prefixes).all(|name| name.starts_with(TAGS.as_bytes()))
    }

    fn matches(&self, name: &[u8]) -> bool {
        self.exact.contains(name) || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }
}

/// Reads a listing that is at hand, and keeps some of it.
fn parse(
    bytes: &[u8],
    separator: u8,
    keep: impl Fn(&str) -> bool,
) -> Result<Vec<ListedRef>, RepositoryError> {
    let mut refs = Vec::new();
    let mut take = |listed: RefView<'_>| {
        if keep(listed.name) {
            refs.push(listed.to_listed());
        }
    };
    let mut lines = RefLines::new(separator);
    let used = lines.whole(bytes, &mut take)?;
    if used < bytes.len() {
        return Err(odd(&bytes[used..]));
    }
    lines.end(&mut take);
    Ok(refs)
}

/// Reads `<id><separator><name>` lines, where a line for `<name>^{}` follows an annotated tag's: so a ref is given when
/// the next line is there.
struct RefLines {
    separator: u8,
    name: String,
    object: Option<ObjectId>,
}

impl RefLines {
    const fn new(separator: u8) -> Self {
        Self { separator, name: String::new(), object: None }
    }

    /// Takes the whole lines of `bytes`, and says how long they are.
    fn whole(
        &mut self,
        bytes: &[u8],
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<usize, RepositoryError> {
        let mut used = 0;
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else { break };
            if !whole.is_empty() {
                self.line(whole, take)?;
            }
            used += line.len();
        }
        Ok(used)
    }

    fn line(
        &mut self,
        line: &[u8],
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError> {
        let Some((id, rest)) = line.split_at_checked(DIGITS) else { return Err(odd(line)) };
        let Some((separator, name)) = rest.split_first() else { return Err(odd(line)) };
        let id = std::str::from_utf8(id).ok().and_then(|id| ObjectId::parse(id).ok());
        let Some(id) = id.filter(|_| *separator == self.separator) else { return Err(odd(line)) };
        if name.ends_with(b"^{}") {
            self.give(Some(&id), take);
        } else {
            self.give(None, take);
            match std::str::from_utf8(name) {
                Ok(name) => self.name.push_str(name),
                Err(_) => self.name.push_str(&String::from_utf8_lossy(name)),
            }
            self.object = Some(id);
        }
        Ok(())
    }

    fn give(&mut self, peeled: Option<&ObjectId>, take: &mut dyn FnMut(RefView<'_>)) {
        if let Some(object) = self.object.take() {
            take(RefView { name: &self.name, object: &object, peeled });
        }
        self.name.clear();
    }

    fn end(&mut self, take: &mut dyn FnMut(RefView<'_>)) {
        self.give(None, take);
    }
}

fn odd(line: &[u8]) -> RepositoryError {
    let line = String::from_utf8_lossy(&line[..line.len().min(120)]).into_owned();
    // A repository of SHA-256 objects (git init --object-format=sha256) ends here too.
    RepositoryError::Unexpected(format!("{line:?} is no ref of a SHA-1 repository"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef01234567";
    const B: &str = "89abcdef0123456789abcdef0123456789abcdef";

    fn names(listing: &[u8]) -> Vec<(String, bool)> {
        parse(listing, b' ', |name| name.starts_with(TAGS))
            .unwrap()
            .into_iter()
            .map(|r| (r.name, r.peeled.is_some()))
            .collect()
    }

    #[test]
    fn a_peeled_line_belongs_to_the_ref_before_it_and_to_no_other() {
        let listing = format!(
            "{A} refs/tags/a\n{B} refs/tags/a^{{}}\n{A} refs/heads/x\n{B} refs/heads/x^{{}}\n"
        );
        assert_eq!(names(listing.as_bytes()), [("refs/tags/a".to_owned(), true)]);
    }

    #[test]
    fn a_listing_says_the_same_however_it_is_cut_into_pieces() {
        let listing = format!(
            "{A} refs/tags/a\n{B} refs/tags/a^{{}}\n{A} refs/tags/b\n{A} refs/tags/c\n{B} refs/tags/c^{{}}\n"
        );
        let whole = parse(listing.as_bytes(), b' ', |_| true).unwrap();
        assert_eq!(whole.iter().filter(|listed| listed.peeled.is_some()).count(), 2);
        for size in 1..listing.len() {
            let (mut refs, mut lines, mut rest) = (Vec::new(), RefLines::new(b' '), Vec::new());
            let mut take = |listed: RefView<'_>| refs.push(listed.to_listed());
            for piece in listing.as_bytes().chunks(size) {
                rest.extend_from_slice(piece);
                let used = lines.whole(&rest, &mut take).unwrap();
                rest.drain(..used);
            }
            lines.end(&mut take);
            assert_eq!((refs, rest), (whole.clone(), Vec::new()), "pieces of {size}");
        }
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_listed_with_replacements() {
        let mut listing = format!("{A} refs/tags/x").into_bytes();
        listing.extend_from_slice(b"\xff\xfe\n");
        assert_eq!(names(&listing), [("refs/tags/x\u{fffd}\u{fffd}".to_owned(), false)]);
    }

    #[test]
    fn a_sha_256_repository_is_refused_and_named() {
        let listing = format!("{A}{} refs/tags/a\n", &A[..24]);
        let error = parse(listing.as_bytes(), b' ', |_| true).unwrap_err();
        assert!(error.to_string().contains("SHA-1"), "{error}");
    }

    #[test]
    fn a_pattern_matches_whole_names_only() {
        let wanted = Wanted::new(&["refs/tags/api/production", "refs/tagboat/*"]).unwrap();
        assert!(wanted.matches(b"refs/tags/api/production"));
        assert!(wanted.matches(b"refs/tagboat/ledger/x/0"));
        assert!(!wanted.matches(b"refs/tags/x/refs/tags/api/production"));
        assert!(!wanted.matches(b"refs/tags/api/production2"));
        for odd in ["refs/tags/*/x", "*", "refs/*x"] {
            assert!(Wanted::new(&[odd]).is_err(), "{odd}");
        }
    }
}
