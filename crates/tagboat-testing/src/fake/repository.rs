//! A repository in memory. In: commits and refs that a test makes. Out: the port's promises, compare-and-swap
//! included; every clone of one [`FakeRemote`] races on the same refs.

mod log;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use jiff::Timestamp;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::ports::{
    Commit, Existing, FetchSpec, Found, ListedRef, Log, LogQuery, NewTag, RefUpdate, RefView,
    Repository, RepositoryError, RunError, Scope, Since, Swap, TagObject, TagSignature, TagSigner,
};

/// The default branch.
const MAIN: &str = "refs/heads/main";

/// Whether the remote answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reachability {
    /// It does.
    #[default]
    Reachable,
    /// It does not.
    Unreachable,
    /// It takes a push and then does not answer: the outcome cannot be read.
    LostAfterPush,
}

#[derive(Clone, Debug)]
enum Object {
    Tag(TagObject),
    Commit {
        commit: Commit,
        message: String,
        parents: Vec<ObjectId>,
        files: BTreeMap<String, String>,
    },
}

#[derive(Debug, Default)]
struct Remote {
    // Every object that anybody ever made: ids are by content, as in git.
    objects: HashMap<ObjectId, Object>,
    refs: BTreeMap<String, ObjectId>,
    reachability: Reachability,
    // What somebody else does between our look and our push.
    ambush: Vec<(String, Option<ObjectId>)>,
}

/// A remote in memory. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct FakeRemote(Arc<Mutex<Remote>>);

impl FakeRemote {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a commit with these files, and no others, to `refs/heads/main`, and moves that.
    pub fn commit(&self, message: &str, time: Timestamp, files: &[(&str, &str)]) -> CommitSha {
        let mut remote = self.lock();
        let parents: Vec<ObjectId> =
            remote.refs.get("refs/heads/main").cloned().into_iter().collect();
        let id = id_of(&format!("commit {message} {time} {files:?} {parents:?}"));
        let author = "Test <test@example.org>".to_owned();
        let subject = message.lines().next().unwrap_or("").to_owned();
        let message = message.trim_end_matches('\n').to_owned();
        let commit = Commit { sha: id.clone().into(), time, author, subject };
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let object = Object::Commit { commit, message, parents, files: files.collect() };
        remote.objects.insert(id.clone(), object);
        remote.refs.insert("refs/heads/main".to_owned(), id.clone());
        id.into()
    }

    /// What a ref holds.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ObjectId> {
        self.lock().refs.get(name).cloned()
    }

    /// Makes a ref hold something, as somebody with all rights would.
    pub fn set(&self, name: &str, id: Option<ObjectId>) {
        set(&mut self.lock().refs, name, id);
    }

    /// Just before the next push is judged, somebody else makes a ref hold something.
    pub fn ambush(&self, name: &str, id: Option<ObjectId>) {
        self.lock().ambush.push((name.to_owned(), id));
    }

    /// From now on.
    pub fn become_reachable(&self, reachability: Reachability) {
        self.lock().reachability = reachability;
    }

    /// A new clone: all of main's commits, no tag.
    #[must_use]
    pub fn clone_here(&self) -> FakeRepository {
        let remote = self.lock();
        let mut local = Local::default();
        if let Some(main) = remote.refs.get("refs/heads/main") {
            local.refs.insert("refs/heads/main".to_owned(), main.clone());
            local.bring(&remote, main);
        }
        drop(remote);
        FakeRepository {
            remote: self.clone(),
            local: Mutex::new(local),
            tagger: "Test <test@example.org>".to_owned(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Remote> {
        self.0.lock().unwrap()
    }
}

#[derive(Debug, Default)]
struct Local {
    refs: BTreeMap<String, ObjectId>,
    objects: BTreeSet<ObjectId>,
}

impl Local {
    /// Everything that can be reached from `id`.
    fn bring(&mut self, remote: &Remote, id: &ObjectId) {
        let mut wanted = vec![id.clone()];
        while let Some(id) = wanted.pop() {
            if self.objects.insert(id.clone()) {
                match remote.objects.get(&id) {
                    Some(Object::Tag(tag)) => wanted.push(tag.object.clone()),
                    Some(Object::Commit { parents, .. }) => wanted.extend(parents.iter().cloned()),
                    None => {}
                }
            }
        }
    }
}

/// A clone in memory.
#[derive(Debug)]
pub struct FakeRepository {
    remote: FakeRemote,
    local: Mutex<Local>,
    tagger: String,
}

impl FakeRepository {
    /// Its remote.
    #[must_use]
    pub const fn remote(&self) -> &FakeRemote {
        &self.remote
    }

    /// Makes a local ref hold something, as somebody at a prompt would.
    pub fn set(&self, name: &str, id: Option<ObjectId>) {
        set(&mut self.local.lock().unwrap().refs, name, id);
    }

    fn reach(&self, scope: &Scope<'_>) -> Result<MutexGuard<'_, Remote>, RepositoryError> {
        bounded(scope)?;
        let remote = self.remote.lock();
        if remote.reachability == Reachability::Unreachable {
            return Err(RepositoryError::Remote("it is unreachable".to_owned()));
        }
        Ok(remote)
    }

    fn make_tag(
        &self,
        scope: &Scope<'_>,
        tag: &NewTag,
        signature: Option<TagSignature>,
    ) -> Result<ObjectId, RepositoryError> {
        bounded(scope)?;
        check(&format!("refs/tags/{}", tag.name))?;
        let mut remote = self.remote.lock();
        let mut local = self.local.lock().unwrap();
        let target = tag.commit.object();
        let commit = matches!(remote.objects.get(target), Some(Object::Commit { .. }));
        if !commit || !local.objects.contains(target) {
            return Err(RepositoryError::Git {
                command: "git mktag".to_owned(),
                said: format!("could not read tagged object {target}"),
            });
        }
        let time = Timestamp::from_second(tag.time.as_second()).unwrap();
        let id = id_of(&format!("{}{signature:?}", tag.payload(&self.tagger)));
        let object = TagObject {
            id: id.clone(),
            object: target.clone(),
            name: tag.name.clone(),
            tagger: self.tagger.clone(),
            time,
            message: tag.message.clone(),
            signature,
        };
        remote.objects.insert(id.clone(), Object::Tag(object));
        local.objects.insert(id.clone());
        Ok(id)
    }

    /// The commit that a name leads to, if it is here.
    fn resolve(&self, remote: &Remote, name: &str) -> Option<ObjectId> {
        let local = self.local.lock().unwrap();
        let name = if name == "HEAD" { "refs/heads/main" } else { name };
        let mut id = local.refs.get(name).cloned().or_else(|| ObjectId::parse(name).ok())?;
        while let Some(Object::Tag(tag)) = remote.objects.get(&id) {
            id = tag.object.clone();
        }
        local.objects.contains(&id).then_some(id)
    }
}

fn bounded(scope: &Scope<'_>) -> Result<(), RepositoryError> {
    if scope.cancel.is_cancelled() {
        return Err(RepositoryError::Run(RunError::Cancelled));
    }
    if scope.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return Err(RepositoryError::Run(RunError::TimedOut(std::time::Duration::ZERO)));
    }
    Ok(())
}

fn set(refs: &mut BTreeMap<String, ObjectId>, name: &str, id: Option<ObjectId>) {
    match id {
        Some(id) => refs.insert(name.to_owned(), id),
        None => refs.remove(name),
    };
}

fn id_of(content: &str) -> ObjectId {
    let digits: String = (0..3_u8)
        .map(|salt| {
            let mut hasher = DefaultHasher::new();
            (salt, content).hash(&mut hasher);
            format!("{:016x}", hasher.finish())
        })
        .collect();
    ObjectId::parse(&digits[..40]).unwrap()
}

fn list<'r>(
    remote: &Remote,
    refs: impl Iterator<Item = (&'r String, &'r ObjectId)>,
) -> Vec<ListedRef> {
    let peel = |id: &ObjectId| {
        let mut peeled = None;
        let mut id = id;
        while let Some(Object::Tag(tag)) = remote.objects.get(id) {
            id = &tag.object;
            peeled = Some(id.clone());
        }
        peeled
    };
    refs.map(|(name, id)| ListedRef { name: name.clone(), object: id.clone(), peeled: peel(id) })
        .collect()
}

/// As the real one: nothing that could change a refspec.
fn check(name: &str) -> Result<(), RepositoryError> {
    let odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    if name.starts_with("refs/")
        && !name.contains(odd)
        && !name.contains("..")
        && name.split('/').all(part)
    {
        return Ok(());
    }
    Err(RepositoryError::Unexpected(format!("{name:?} is not a full ref name")))
}

/// What the remote may be asked for: a full ref name, or its default branch.
fn check_remote(name: &str) -> Result<(), RepositoryError> {
    if name == "HEAD" { Ok(()) } else { check(name) }
}

impl Repository for FakeRepository {
    fn each_ref(
        &self,
        scope: &Scope<'_>,
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError> {
        bounded(scope)?;
        let listed = {
            let remote = self.remote.lock();
            let local = self.local.lock().unwrap();
            list(&remote, local.refs.iter())
        };
        for ListedRef { name, object, peeled } in &listed {
            if name.starts_with("refs/tagboat/") {
                take(RefView { name, object, peeled: None });
            } else if name.starts_with("refs/tags/") {
                take(RefView { name, object, peeled: peeled.as_ref() });
            }
        }
        Ok(())
    }

    fn each_ref_of(
        &self,
        scope: &Scope<'_>,
        names: &[String],
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError> {
        self.each_ref(scope, &mut |listed| {
            let is_in = |name: &String| {
                listed.name == name || (name.ends_with('/') && listed.name.starts_with(name))
            };
            if names.iter().any(is_in) {
                take(listed);
            }
        })
    }

    fn remote_refs(
        &self,
        scope: &Scope<'_>,
        patterns: &[&str],
    ) -> Result<Vec<ListedRef>, RepositoryError> {
        for pattern in patterns {
            check_remote(pattern.strip_suffix("/*").unwrap_or(pattern))?;
        }
        let remote = self.reach(scope)?;
        let wanted = |name: &str| {
            patterns.iter().any(|pattern| {
                pattern.strip_suffix('*').map_or(*pattern == name, |p| name.starts_with(p))
            })
        };
        let head = "HEAD".to_owned();
        let default = remote.refs.get(MAIN).filter(|_| patterns.contains(&"HEAD"));
        let refs = remote.refs.iter().filter(|(name, _)| wanted(name));
        Ok(list(&remote, default.map(|id| (&head, id)).into_iter().chain(refs)))
    }

    fn fetch(&self, scope: &Scope<'_>, specs: &[FetchSpec]) -> Result<(), RepositoryError> {
        for spec in specs {
            check_remote(&spec.from)?;
            check(&spec.to)?;
        }
        let remote = self.reach(scope)?;
        let source = |spec: &FetchSpec| {
            let from = if spec.from == "HEAD" { MAIN } else { &spec.from };
            remote.refs.get(from).cloned()
        };
        let mut local = self.local.lock().unwrap();
        let wanted: Vec<&FetchSpec> = specs
            .iter()
            .filter(|s| s.existing == Existing::Overwrite || !local.refs.contains_key(&s.to))
            .collect();
        if let Some(spec) = wanted.iter().find(|spec| source(spec).is_none()) {
            return Err(RepositoryError::Git {
                command: "git fetch origin".to_owned(),
                said: format!("the remote has no ref {}", spec.from),
            });
        }
        for spec in wanted {
            if let Some(id) = source(spec) {
                local.bring(&remote, &id);
                local.refs.insert(spec.to.clone(), id);
            }
        }
        Ok(())
    }

    fn remember(
        &self,
        scope: &Scope<'_>,
        refs: &[(String, Option<ObjectId>)],
    ) -> Result<(), RepositoryError> {
        bounded(scope)?;
        let mut local = self.local.lock().unwrap();
        for (name, id) in refs {
            check(name)?;
            if !name.starts_with("refs/tagboat/") {
                return Err(RepositoryError::Unexpected(format!("{name} is not a private ref")));
            }
            if id.as_ref().is_some_and(|id| !local.objects.contains(id)) {
                return Err(RepositoryError::Git {
                    command: "git update-ref --stdin".to_owned(),
                    said: format!("{name} cannot hold an object that is not here"),
                });
            }
        }
        for (name, id) in refs {
            set(&mut local.refs, name, id.clone());
        }
        Ok(())
    }

    fn each_object(
        &self,
        scope: &Scope<'_>,
        ids: &[ObjectId],
        take: &mut dyn FnMut(&ObjectId, Found),
    ) -> Result<(), RepositoryError> {
        bounded(scope)?;
        let read = |id: &ObjectId| {
            let remote = self.remote.lock();
            if !self.local.lock().unwrap().objects.contains(id) {
                return Found::Nothing;
            }
            match remote.objects.get(id) {
                Some(Object::Tag(tag)) => Found::Tag(Box::new(tag.clone())),
                Some(Object::Commit { .. }) => Found::Commit,
                None => Found::Nothing,
            }
        };
        ids.iter().for_each(|id| take(id, read(id)));
        Ok(())
    }

    fn write_tag(&self, scope: &Scope<'_>, tag: &NewTag) -> Result<ObjectId, RepositoryError> {
        self.make_tag(scope, tag, None)
    }

    fn sign_tag(
        &self,
        scope: &Scope<'_>,
        tag: &NewTag,
        signer: &dyn TagSigner,
    ) -> Result<ObjectId, RepositoryError> {
        let payload = tag.payload(&self.tagger).into_bytes();
        let armoured = signer.sign(scope, &payload, tag.time)?;
        self.make_tag(scope, tag, Some(TagSignature { armoured, payload }))
    }

    fn swap(&self, scope: &Scope<'_>, updates: &[RefUpdate]) -> Result<Swap, RepositoryError> {
        for update in updates {
            check(&update.name)?;
        }
        let mut remote = self.reach(scope)?;
        let local = self.local.lock().unwrap();
        if let Some(update) = updates.iter().find(|update| !local.objects.contains(&update.new)) {
            return Err(RepositoryError::Git {
                command: "git push".to_owned(),
                said: format!("{} is not here", update.new),
            });
        }
        for (name, id) in std::mem::take(&mut remote.ambush) {
            set(&mut remote.refs, &name, id);
        }
        let holds = |remote: &Remote, update: &RefUpdate| remote.refs.get(&update.name).cloned();
        // As git: what a ref holds already is no change, whatever was expected.
        let allowed = updates.iter().all(|update| {
            let held = holds(&remote, update);
            held == update.expected || held.as_ref() == Some(&update.new)
        });
        if allowed {
            for update in updates {
                remote.refs.insert(update.name.clone(), update.new.clone());
            }
        }
        if remote.reachability == Reachability::LostAfterPush {
            remote.reachability = Reachability::Unreachable;
            return Err(RepositoryError::Remote("the connection was lost".to_owned()));
        }
        let held: Vec<_> = updates.iter().map(|update| holds(&remote, update)).collect();
        let won = updates.iter().zip(&held).all(|(u, held)| held.as_ref() == Some(&u.new));
        Ok(if won { Swap::Won } else { Swap::Lost(held) })
    }

    fn is_ancestor(
        &self,
        scope: &Scope<'_>,
        ancestor: &CommitSha,
        descendant: &str,
    ) -> Result<bool, RepositoryError> {
        bounded(scope)?;
        let remote = self.remote.lock();
        let commit = |name: &str| {
            self.resolve(&remote, name).ok_or_else(|| RepositoryError::Git {
                command: "git merge-base --is-ancestor".to_owned(),
                said: format!("{name} leads to no commit"),
            })
        };
        commit(ancestor.as_str())?;
        let from = commit(descendant)?;
        let mut wanted = vec![from];
        let mut seen = BTreeSet::new();
        while let Some(id) = wanted.pop() {
            if id == *ancestor.object() {
                return Ok(true);
            }
            if let Some(Object::Commit { parents, .. }) = remote.objects.get(&id) {
                wanted.extend(parents.iter().filter(|p| seen.insert((*p).clone())).cloned());
            }
        }
        Ok(false)
    }

    fn log(&self, scope: &Scope<'_>, query: &LogQuery<'_>) -> Result<Log, RepositoryError> {
        bounded(scope)?;
        let remote = self.remote.lock();
        let since = match query.since {
            Since::Beginning => &[],
            Since::FirstOf(candidates) => candidates,
        };
        for commit in since.iter().chain([query.until]) {
            if self.resolve(&remote, commit.as_str()).is_none() {
                return Err(RepositoryError::Git {
                    command: "git log".to_owned(),
                    said: format!("bad object {commit}"),
                });
            }
        }
        remote.log(query)
    }

    fn commit(&self, scope: &Scope<'_>, name: &str) -> Result<Option<Commit>, RepositoryError> {
        bounded(scope)?;
        if name != "HEAD" && ObjectId::parse(name).is_err() {
            check(name)?;
        }
        let remote = self.remote.lock();
        let id = self.resolve(&remote, name);
        Ok(id.and_then(|id| match remote.objects.get(&id) {
            Some(Object::Commit { commit, .. }) => Some(commit.clone()),
            Some(Object::Tag(_)) | None => None,
        }))
    }

    fn export(
        &self,
        scope: &Scope<'_>,
        commit: &CommitSha,
        into: &Path,
    ) -> Result<(), RepositoryError> {
        bounded(scope)?;
        let io = |error: std::io::Error| RepositoryError::Unexpected(error.to_string());
        if into.read_dir().map_err(io)?.next().is_some() {
            return Err(RepositoryError::Unexpected(format!("{} is not empty", into.display())));
        }
        let remote = self.remote.lock();
        let Some(Object::Commit { files, .. }) = remote.objects.get(commit.object()) else {
            return Err(RepositoryError::Git {
                command: "git archive".to_owned(),
                said: format!("{commit} is no commit"),
            });
        };
        for (path, content) in files {
            let file = into.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).map_err(io)?;
            std::fs::write(file, content).map_err(io)?;
        }
        Ok(())
    }
}
