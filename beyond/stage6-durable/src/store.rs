//! The disk: a log of events, how far it has been applied, and the balances.
//!
//! One transaction changes all three, so an event is either applied and marked as such, or neither.

use crate::keys::Key;
use event::{Event, User};
use redb::{
    Database, DatabaseError, Error, ReadableDatabase, ReadableTable, Table, TableDefinition,
};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The accepted events by number, each with its user, amount and key. Those after the position are
/// the queue; those before it are there for their keys.
const LOG: TableDefinition<u64, (&str, i64, Option<&str>)> = TableDefinition::new("log");
const BALANCES: TableDefinition<&str, i64> = TableDefinition::new("balances");
const COUNTS: TableDefinition<&str, u64> = TableDefinition::new("counts");
/// In `COUNTS`: the number of the last event that has been applied.
const POSITION: &str = "position";
/// In `COUNTS`: how many of the applied events would have overflowed a balance.
const FAILED: &str = "failed";

/// How long a start waits for a file that another process has open: one that was killed holds its
/// lock until its last thread is gone.
const LOCKED: Duration = Duration::from_secs(2);

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// What a start finds on the disk.
pub(crate) struct Found {
    /// Number, event and key, in order: the queue, and before it what is kept for its keys.
    pub(crate) log: Vec<(u64, Event, Option<String>)>,
    pub(crate) balances: BTreeMap<User, i64>,
    /// The number of the last event that was accepted.
    pub(crate) last: u64,
    /// The number of the last event that was applied.
    pub(crate) position: u64,
    pub(crate) failed: u64,
}

/// What is on the disk after a commit.
#[derive(Debug)]
pub(crate) struct Committed {
    /// The number of the first event that this commit accepted; the others follow.
    pub(crate) first: u64,
    /// The balances of those whose events were applied.
    pub(crate) balances: BTreeMap<User, i64>,
    /// The number of the last event that was applied.
    pub(crate) position: u64,
    pub(crate) failed: u64,
    /// The events up to this number are no longer in the log, and neither are their keys.
    pub(crate) forgotten: u64,
}

/// Opens the database, creating it if the argument says so.
pub(crate) type Open = Box<dyn Fn(bool) -> Result<Database> + Send>;

/// The database in this file.
pub(crate) fn file(path: &Path) -> Open {
    let path = path.to_owned();
    Box::new(move |create| {
        if create && !path.exists() {
            create_whole(&path)?;
        }
        let began = Instant::now();
        loop {
            match if create { Database::create(&path) } else { Database::open(&path) } {
                Err(DatabaseError::DatabaseAlreadyOpen) if began.elapsed() < LOCKED => {
                    sleep(Duration::from_millis(20));
                }
                opened => return Ok(opened?),
            }
        }
    })
}

/// Creates a database under another name first: a power cut in between would leave a file that
/// cannot be opened. It never replaces a file that another process has created meanwhile.
fn create_whole(path: &Path) -> Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".new-{}", std::process::id()));
    let create = || -> Result<()> {
        drop(Database::create(&new)?);
        File::options().write(true).open(&new)?.sync_all()?; // Windows syncs only what one may write
        match fs::hard_link(&new, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
            _ => Ok(()),
        }
    };
    let created = create();
    let _ = fs::remove_file(&new); // also after an error: on a full disk it would take what is left
    created?;
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?; // its name is on the disk, too
    }
    Ok(())
}

/// An open database, and what it takes to open it again.
pub(crate) struct Store {
    open: Open,
    /// `None` after an error: it must be opened again.
    database: Option<Database>,
    /// How many events later an event leaves the log.
    remember: usize,
    /// The number of the last event that was accepted.
    last: u64,
}

impl Store {
    /// Opens a database and reads what is in it.
    pub(crate) fn open(open: Open, remember: usize) -> Result<(Self, Found)> {
        let database = open(true)?;
        let create = database.begin_write()?;
        create.open_table(LOG)?;
        create.open_table(BALANCES)?;
        create.open_table(COUNTS)?;
        create.commit()?;
        let user = |name: &str| {
            User::try_from(name.to_owned()).map_err(|error| Error::Corrupted(error.to_string()))
        };
        let read = database.begin_read()?;
        let mut balances = BTreeMap::new();
        for row in read.open_table(BALANCES)?.iter()? {
            let (name, balance) = row?;
            balances.insert(user(name.value())?, balance.value());
        }
        let mut log = Vec::new();
        for row in read.open_table(LOG)?.iter()? {
            let (number, row) = row?;
            let (name, amount, key) = row.value();
            log.push((number.value(), Event { user: user(name)?, amount }, key.map(str::to_owned)));
        }
        let counts = read.open_table(COUNTS)?;
        let (position, failed) = (count(&counts, POSITION)?, count(&counts, FAILED)?);
        let last = log.last().map_or(position, |(number, ..)| *number);
        let store = Self { open, database: Some(database), remember, last };
        Ok((store, Found { log, balances, last, position, failed }))
    }

    /// Stores the events that were accepted, gives each its number, and applies others, all or
    /// nothing: when this returns, it is on the disk. After an error, what was to be applied must
    /// be given to the next commit again.
    pub(crate) fn commit<'e>(
        &mut self,
        accepted: impl Iterator<Item = (&'e Event, Option<&'e Key>)>,
        applied: &[(u64, Event)],
    ) -> Result<Committed> {
        // an error below drops the database, since redb does nothing more after one
        let (database, is_new) = match self.database.take() {
            Some(database) => (database, false),
            None => ((self.open)(false)?, true),
        };
        let transaction = database.begin_write()?;
        let mut last = self.last;
        let committed = {
            let mut log = transaction.open_table(LOG)?;
            if is_new {
                // a commit whose sync failed may be there all the same, but its events were rejected
                log.retain_in(last + 1.., |_, _| false)?;
            }
            for (event, key) in accepted {
                last += 1;
                let key = key.map(|key| &*key.text);
                log.insert(last, (event.user.as_ref(), event.amount, key))?;
            }
            let mut balances = transaction.open_table(BALANCES)?;
            let mut counts = transaction.open_table(COUNTS)?;
            let mut committed = Committed {
                first: self.last + 1,
                balances: BTreeMap::new(),
                position: count(&counts, POSITION)?,
                failed: count(&counts, FAILED)?,
                forgotten: 0,
            };
            for (number, event) in applied {
                apply(&mut balances, *number, event, &mut committed)?;
            }
            if !applied.is_empty() {
                counts.insert(POSITION, committed.position)?;
                counts.insert(FAILED, committed.failed)?;
            }
            // not `last`: the events of this commit are not there yet
            let old = self.last.saturating_sub(self.remember as u64);
            committed.forgotten = committed.position.min(old);
            while log.first()?.is_some_and(|(number, _)| number.value() <= committed.forgotten) {
                log.pop_first()?;
            }
            committed
        };
        transaction.commit()?; // the sync
        (self.database, self.last) = (Some(database), last);
        Ok(committed)
    }
}

/// Applies an event to its user's balance, unless that has been done.
fn apply(
    balances: &mut Table<&str, i64>,
    number: u64,
    event: &Event,
    committed: &mut Committed,
) -> Result<()> {
    let user = event.user.as_ref();
    let mut balance = balances.get(user)?.map_or(0, |balance| balance.value());
    // a commit whose sync failed may be there all the same
    if number > committed.position {
        match balance.checked_add(event.amount) {
            Some(sum) => balance = sum,
            None => committed.failed += 1,
        }
        balances.insert(user, balance)?;
        committed.position = number;
    }
    committed.balances.insert(event.user.clone(), balance);
    Ok(())
}

fn count(counts: &impl ReadableTable<&'static str, u64>, name: &str) -> Result<u64> {
    Ok(counts.get(name)?.map_or(0, |count| count.value()))
}
