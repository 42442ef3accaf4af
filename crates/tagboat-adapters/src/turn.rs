//! Places in a queue, as kernel file locks (SPEC Q2). In: a folder of this user, a queue, a ticket. Out: a place that the
//! kernel takes back when its process ends.
//!
//! A queue is a folder with a file for each place, called by its number and locked (flock(2)) by who holds it. A number
//! without its lock is nobody's. Whoever comes takes the lock of the file `door`, and then a number above all that are
//! held; whoever holds the lowest number has the turn. `<number>.leave` asks the holder to leave. Nothing here is the
//! truth about anything: with all files gone some places are lost, and nothing else.

mod folder;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tagboat_core::ports::{Dismissal, Place, Scope, Turn, TurnError, Waited};
use tagboat_core::queue::{Notice, QueueName, Standing, Ticket};

use self::folder::{Door, Folder, Id, failed, id, is_held, read_line, write_line};
use crate::clock::TICK;

/// How often the whole queue is looked at while nobody right before this place has left: for the position that is told.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Queues below a folder of this user.
#[derive(Clone, Debug)]
pub struct QueueFolder {
    base: PathBuf,
}

impl QueueFolder {
    /// Queues in `tagboat/queue` below the user's folder for state (`$XDG_STATE_HOME`). It is made when the first place
    /// is taken. Below it no symbolic link is followed, and what is not this user's own is not used.
    #[must_use]
    pub fn new(state: PathBuf) -> Self {
        Self { base: state }
    }
}

impl Turn for QueueFolder {
    fn enrol(
        &self,
        scope: &Scope<'_>,
        queue: &QueueName,
        ticket: &Ticket,
    ) -> Result<Box<dyn Place>, TurnError> {
        if scope.cancel.is_cancelled() {
            return Err(TurnError::Cancelled);
        }
        let ticket = Ticket { began_at: None, ..ticket.clone() };
        let held = Held::take(scope, &self.base, queue, &ticket)?;
        let queue = queue.clone();
        Ok(Box::new(FilePlace {
            base: self.base.clone(),
            queue,
            ticket,
            held,
            ahead: BTreeMap::new(),
            told: None,
        }))
    }

    fn line(&self, _: &Scope<'_>, queue: &QueueName) -> Result<Vec<Standing>, TurnError> {
        let Some(folder) = Folder::open(&self.base, queue)? else { return Ok(Vec::new()) };
        let read = |(number, file): (u64, File)| Standing { number, ticket: read_ticket(&file) };
        // A folder that was deleted meanwhile holds nobody's place.
        let places = folder.unless_gone(folder.places())?.unwrap_or_default();
        Ok(places.into_iter().map(read).collect())
    }

    fn dismiss(
        &self,
        scope: &Scope<'_>,
        queue: &QueueName,
        number: u64,
        notice: &Notice,
    ) -> Result<Dismissal, TurnError> {
        let Some(folder) = Folder::open(&self.base, queue)? else { return Ok(Dismissal::Gone) };
        let told = tell_to_leave(scope, &folder, number, notice);
        Ok(folder.unless_gone(told)?.unwrap_or(Dismissal::Gone))
    }
}

fn tell_to_leave(
    scope: &Scope<'_>,
    folder: &Folder,
    number: u64,
    notice: &Notice,
) -> Result<Dismissal, TurnError> {
    // While the door is held nobody begins, and nobody takes a number again.
    let _door = Door::lock(scope, folder)?;
    let Some((_, file)) = folder.places()?.into_iter().find(|(held, _)| *held == number) else {
        return Ok(Dismissal::Gone);
    };
    if read_ticket(&file).is_some_and(|ticket| ticket.began_at.is_some()) {
        return Ok(Dismissal::Running);
    }
    folder.write(&leave(number), notice.line().as_bytes())?;
    Ok(Dismissal::Told)
}

fn leave(number: u64) -> String {
    format!("{number}.leave")
}

fn read_ticket(file: &File) -> Option<Ticket> {
    // A ticket that is just being written is whole a moment later.
    (0..3).find_map(|_| Ticket::read(&read_line(file)))
}

/// A number with its locked file.
#[derive(Debug)]
struct Held {
    folder: Folder,
    number: u64,
    file: File,
}

impl Held {
    fn take(
        scope: &Scope<'_>,
        base: &Path,
        queue: &QueueName,
        ticket: &Ticket,
    ) -> Result<Self, TurnError> {
        loop {
            let folder = Folder::make(base, queue)?;
            if let Some((number, file)) = folder.unless_gone(Self::next(scope, &folder, ticket))? {
                return Ok(Self { folder, number, file });
            }
            check(scope)?;
        }
    }

    fn next(scope: &Scope<'_>, folder: &Folder, ticket: &Ticket) -> Result<(u64, File), TurnError> {
        let door = Door::lock(scope, folder)?;
        folder.clear(&door)?;
        let highest = folder.places()?.last().map_or(0, |(number, _)| *number);
        folder.place(highest, ticket.line().as_bytes()).map_err(|error| failed(&error))
    }

    /// Whether others still see it.
    fn is_there(&self) -> bool {
        self.folder.has(&self.number.to_string(), &self.file)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Its name goes first, then, with the file, its lock: nobody else may take this number in between.
        if self.is_there() {
            self.folder.remove(&leave(self.number));
            self.folder.remove(&self.number.to_string());
        }
    }
}

#[derive(Debug)]
struct FilePlace {
    base: PathBuf,
    queue: QueueName,
    ticket: Ticket,
    held: Held,
    /// Who is before this place: files with a lock that is not ours, by their identity, for their names may be deleted
    /// while their holders go on.
    ahead: BTreeMap<Id, (u64, File)>,
    told: Option<usize>,
}

impl Place for FilePlace {
    fn number(&self) -> u64 {
        self.held.number
    }

    fn tell(&mut self, ticket: &Ticket) -> Result<(), TurnError> {
        self.ticket = Ticket { began_at: self.ticket.began_at, ..ticket.clone() };
        write_line(&self.held.file, self.ticket.line().as_bytes()).map_err(|error| failed(&error))
    }

    fn wait(
        &mut self,
        scope: &Scope<'_>,
        now: &dyn Fn() -> Timestamp,
    ) -> Result<Waited, TurnError> {
        if self.ticket.began_at.is_some() {
            return Ok(Waited::Begun);
        }
        loop {
            if scope.cancel.is_cancelled() {
                return Err(TurnError::Cancelled);
            }
            if !self.held.is_there() {
                // The new place first: the old lock is what those behind wait for.
                self.held = Held::take(scope, &self.base, &self.queue, &self.ticket)?;
                self.told = None;
                return Ok(Waited::Again);
            }
            if let Some(notice) = self.notice()? {
                return Ok(Waited::Dismissed(notice));
            }
            let looked = self.look();
            if self.held.folder.unless_gone(looked)?.is_none() {
                continue;
            }
            if self.ahead.is_empty() {
                let begun = self.begin(scope, now);
                match self.held.folder.unless_gone(begun)?.flatten() {
                    Some(waited) => return Ok(waited),
                    None => continue,
                }
            }
            let before = self.ahead.len();
            if self.told.replace(before) != Some(before) {
                return Ok(Waited::Behind(before));
            }
            check(scope)?;
            self.watch(scope)?;
        }
    }
}

impl FilePlace {
    /// Looks who is before this place.
    fn look(&mut self) -> Result<(), TurnError> {
        for (number, file) in self.held.folder.places()? {
            if number < self.held.number {
                self.ahead.entry(id(&file)?).or_insert((number, file));
            }
        }
        self.ahead.retain(|_, (_, file)| is_held(file));
        Ok(())
    }

    fn notice(&self) -> Result<Option<Notice>, TurnError> {
        let notice = self.held.folder.read(&leave(self.held.number))?;
        Ok(notice.map(|bytes| Notice::read(&bytes)))
    }

    /// Takes the turn, unless something else came in between. Behind the door nobody is asked to leave.
    fn begin(
        &mut self,
        scope: &Scope<'_>,
        now: &dyn Fn() -> Timestamp,
    ) -> Result<Option<Waited>, TurnError> {
        let door = Door::lock(scope, &self.held.folder)?;
        if !self.held.is_there() {
            return Ok(None);
        }
        if let Some(notice) = self.notice()? {
            return Ok(Some(Waited::Dismissed(notice)));
        }
        self.look()?;
        if !self.ahead.is_empty() {
            return Ok(None);
        }
        let began = Ticket { began_at: Some(now()), ..self.ticket.clone() };
        write_line(&self.held.file, began.line().as_bytes()).map_err(|error| failed(&error))?;
        self.ticket = began;
        drop(door);
        Ok(Some(Waited::Begun))
    }

    /// Waits until the one right before is gone, or it is time to look again.
    fn watch(&self, scope: &Scope<'_>) -> Result<(), TurnError> {
        let Some((_, nearest)) = self.ahead.values().max_by_key(|(number, _)| *number) else {
            return Ok(());
        };
        let until = Instant::now() + LOOK_AGAIN;
        while Instant::now() < until
            && is_held(nearest)
            && self.held.is_there()
            && self.notice()?.is_none()
        {
            check(scope)?;
            std::thread::sleep(TICK);
        }
        Ok(())
    }
}

fn check(scope: &Scope<'_>) -> Result<(), TurnError> {
    if scope.cancel.is_cancelled() {
        return Err(TurnError::Cancelled);
    }
    match scope.deadline {
        Some(deadline) if Instant::now() >= deadline => Err(TurnError::TimedOut),
        Some(_) | None => Ok(()),
    }
}
