//! The embedded store of `lms-core`, on SQLite.
//!
//! One writer thread commits every batch that waits in one transaction, and one that fails takes nobody
//! along: durability is paid once for all. Reads have connections and threads of their own, and never wait
//! for writers; the short read of a caller who is alone runs in place. A confirmed write survives a power
//! loss, unless the builder says otherwise.

mod company;
mod connection;
mod error;
mod group;
mod migrate;
mod readers;
mod reads;
mod rows;
mod store;
mod wal;
mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lms_core::store::{Committed, StoreError, StoreErrorKind, WriteBatch};

pub use rusqlite as driver;

use connection::Place;
use readers::Readers;
use writer::{Touches, Writer};

/// How much a confirmed write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A power loss (`synchronous = FULL`).
    #[default]
    Full,
    /// A crash of the process, but not always a power loss (`synchronous = NORMAL`).
    Normal,
}

/// Opens a store with options.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    path: PathBuf,
    durability: Durability,
    readers: usize,
    busy_timeout: Duration,
    deadline: Duration,
}

impl Builder {
    /// How much a confirmed write survives; a power loss unless set.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }
    /// How many threads read; one more than there are processors, up to 5, unless set; at least 1. Where there are
    /// several, one of them never does a read of any length, such as a report: a learner's command does not wait
    /// for it.
    pub const fn readers(mut self, readers: usize) -> Self {
        self.readers = if readers == 0 { 1 } else { readers };
        self
    }
    /// How long to wait for another process's write; 5 seconds unless set.
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }
    /// How long a caller waits for a place in a full queue, of writes or of reads; 5 seconds unless set.
    pub const fn queue_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Opens the file, and makes it when it is not there. The schema is `migrate()`'s.
    ///
    /// # Errors
    /// When the file cannot be opened. NotSupported for a name that is no file's (`:memory:`: see
    /// [`SqliteStore::in_memory`]), and for a file system without shared memory, such as a network disk, where SQLite
    /// has no write-ahead log.
    pub async fn open(self) -> Result<SqliteStore, StoreError> {
        let place = Place::File(self.path);
        SqliteStore::start(place, self.durability, self.readers, self.busy_timeout, self.deadline).await
    }
}

/// The domain in an SQLite database. Cheap to clone; the last one that goes waits for what is queued, and closes
/// the file: all of the database is in it then, and nothing in a log beside it.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) writer: Arc<Writer>,
    pub(crate) readers: Option<Arc<Readers>>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("in_memory", &self.readers.is_none()).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens a database file with every default, and makes it when it is not there.
    ///
    /// # Errors
    /// As [`Builder::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open().await
    }

    /// Starts with a path and every default.
    pub fn builder(path: impl AsRef<Path>) -> Builder {
        Builder {
            path: path.as_ref().to_owned(),
            durability: Durability::Full,
            readers: std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(4) + 1,
            busy_timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(5),
        }
    }

    /// A database in memory, for tests: gone with the store, and not for measuring.
    ///
    /// # Errors
    /// When SQLite cannot make one.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let seconds = Duration::from_secs(5);
        Self::start(Place::Memory, Durability::Full, 0, seconds, seconds).await
    }

    async fn start(
        place: Place,
        durability: Durability,
        readers: usize,
        busy_timeout: Duration,
        deadline: Duration,
    ) -> Result<Self, StoreError> {
        let writer = Arc::new(Writer::start(&place, durability, busy_timeout, deadline)?);
        writer.ready().await?;
        let readers = match &writer.file {
            None => None,
            Some(path) => Some(Arc::new(Readers::start(path, readers, (busy_timeout, deadline), &writer)?)),
        };
        Ok(Self { writer, readers })
    }

    /// How large the write-ahead log is, in bytes. The library keeps it from growing without end by itself, but
    /// not against a transaction that another connection of the host's keeps open: a log that goes on growing
    /// says that there is one.
    pub fn wal_bytes(&self) -> u64 {
        self.writer.file.as_deref().map_or(0, |file| wal::size(&wal::log_of(file)))
    }

    /// The SQL of every migration that the database has not had yet, for an operator to look at or to run;
    /// empty when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pending(&self) -> Result<Vec<String>, StoreError> {
        self.writer.run(Touches::Nothing, |conn| Ok(migrate::pending_after(migrate::found(conn)?.0))).await
    }

    /// The SQL of all migrations, without a database.
    pub fn print_sql() -> String {
        migrate::pending_after(0).concat()
    }

    /// How many batches were written on their caller's thread, for tests.
    #[doc(hidden)]
    pub fn written_in_place(&self) -> u64 {
        self.writer.here()
    }

    /// Runs the host's own statements and the library's batches in one transaction on the writer
    /// thread: they commit together, or not at all. Call [`write_in`] for a batch of the library's,
    /// and `lms.committed()` afterwards.
    ///
    /// The closure holds up every other writer, so it must be short; one that panics is rolled back.
    ///
    /// # Errors
    /// The closure's own error, after everything was rolled back; or the store's.
    pub async fn transaction<T, E, F>(&self, work: F) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&rusqlite::Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.writer
            .run(Touches::Events, move |conn| {
                let tx = conn
                    .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                    .map_err(error::from_driver)?;
                match work(&tx) {
                    Ok(value) => {
                        tx.commit().map_err(|e| error::from_commit(&e))?;
                        Ok(Ok(value))
                    }
                    Err(e) => {
                        // A full disk or a trigger may have rolled it back already.
                        if !tx.is_autocommit() {
                            tx.rollback().map_err(error::from_driver)?;
                        }
                        Ok(Err(e))
                    }
                }
            })
            .await
    }
}

/// Applies a planned batch inside the host's transaction, whole or not at all: after a Conflict or a
/// Duplicate the transaction stands as before the call, and the host plans again. After any other
/// error the host gives its transaction up: the database may have rolled it back already.
///
/// # Errors
/// As [`Store::write`](lms_core::store::Store::write); NotSupported in a transaction that an SQL text has ended.
pub fn write_in(tx: &rusqlite::Transaction<'_>, batch: &WriteBatch) -> Result<Committed, StoreError> {
    batch.check()?;
    // Without a transaction the savepoint would be one, and its release the commit.
    if tx.is_autocommit() {
        return Err(StoreError::with_source(
            StoreErrorKind::NotSupported,
            "the transaction has ended: no batch can be written in it",
        ));
    }
    tx.execute_batch("SAVEPOINT lms_write_in").map_err(error::from_driver)?;
    match write::apply(tx, batch) {
        Ok(committed) => {
            tx.execute_batch("RELEASE lms_write_in").map_err(error::from_driver)?;
            Ok(committed)
        }
        Err(fault) => {
            // Where the database has rolled back by itself, there is no savepoint to go back to.
            if !tx.is_autocommit() {
                tx.execute_batch("ROLLBACK TO lms_write_in; RELEASE lms_write_in").map_err(error::from_driver)?;
            }
            Err(fault.into_store())
        }
    }
}
