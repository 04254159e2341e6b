//! The writer thread, the reader threads, and the watch for other processes' commits.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use lms_core::store::{Committed, StoreError, StoreErrorKind, WriteBatch};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::error::{Fault, backend, from_commit, from_driver};
use crate::{Durability, migrate, write};

/// Where the database is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    File(PathBuf),
    Memory,
}

/// Batches that wait at the most.
const QUEUE: usize = 1_024;
/// Batches of one commit at the most.
const GROUP: usize = 128;
/// Changes of one commit at the most; a larger batch runs alone.
const GROUP_CHANGES: usize = 2_000;
/// Prepared statements kept per connection.
const STATEMENTS: usize = 512;

type Answer = oneshot::Sender<Result<Committed, StoreError>>;
type Work = Box<dyn FnOnce(&mut Connection) + Send>;

enum Job {
    Write(Arc<WriteBatch>, Answer),
    Run(Work),
}

fn gone() -> StoreError {
    StoreError::with_source(StoreErrorKind::Unavailable, "the store's thread has ended")
}

fn set_up(conn: &Connection, durability: Durability, busy: Duration, file: bool) -> Result<(), StoreError> {
    conn.busy_timeout(busy).map_err(from_driver)?;
    keep_plans(conn)?;
    if file {
        conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(from_driver)?;
    }
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    conn.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = ON;"
    ))
    .map_err(from_driver)
}

/// The thread that owns the write connection.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    deadline: Duration,
    ready: Arc<AtomicBool>,
    pub(crate) committed: Arc<Notify>,
}

impl Writer {
    pub(crate) fn start(
        place: Place,
        durability: Durability,
        busy: Duration,
        deadline: Duration,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let conn = match &place {
            Place::Memory => Connection::open_in_memory(),
            Place::File(path) => Connection::open(path),
        }
        .map_err(from_driver)?;
        set_up(&conn, durability, busy, matches!(place, Place::File(_)))?;
        let committed = Arc::new(Notify::new());
        let notify = committed.clone();
        let thread = std::thread::Builder::new()
            .name("lms-sqlite-writer".to_owned())
            .spawn(move || run(conn, jobs, &notify))
            .map_err(|e| StoreError::with_source(StoreErrorKind::Unavailable, e))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            deadline,
            ready: Arc::new(AtomicBool::new(false)),
            committed,
        })
    }

    /// Looks at the schema once; where it is not there yet, every call looks again.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        let ready = self.ready.clone();
        self.run(move |conn| {
            ready.store(migrate::check(conn).is_ok(), Ordering::Release);
            Ok(())
        })
        .await
    }

    /// Refuses until the schema is this library's.
    pub(crate) async fn require_schema(&self) -> Result<(), StoreError> {
        if self.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let ready = self.ready.clone();
        self.run(move |conn| {
            migrate::check(conn)?;
            ready.store(true, Ordering::Release);
            Ok(())
        })
        .await
    }

    async fn send(&self, job: Job) -> Result<(), StoreError> {
        let Some(queue) = &self.queue else { return Err(gone()) };
        match queue.try_send(job) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(gone()),
            Err(mpsc::error::TrySendError::Full(job)) => {
                match tokio::time::timeout(self.deadline, queue.send(job)).await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(_)) => Err(gone()),
                    Err(_) => Err(StoreError::with_source(StoreErrorKind::Unavailable, "the write queue is full")),
                }
            }
        }
    }

    /// Writes a batch.
    pub(crate) async fn write(&self, batch: Arc<WriteBatch>) -> Result<Committed, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Write(batch, answer)).await?;
        // The thread answers every batch that it has taken; when it dies, nobody knows what stands.
        answered.await.unwrap_or_else(|_| {
            Err(StoreError::with_source(StoreErrorKind::Unconfirmed, "the writer thread ended in the middle"))
        })
    }

    /// Runs something on the write connection, between two groups.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Job::Run(Box::new(move |conn| {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(conn)));
            let done = done.unwrap_or_else(|_| Err(backend("the work on the writer thread panicked")));
            // The receiver may be gone; what was done stays done.
            let _ = answer.send(done);
        }));
        self.send(job).await?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Closing the queue ends the thread once it has done what waits.
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn run(mut conn: Connection, mut jobs: mpsc::Receiver<Job>, committed: &Notify) {
    let mut next: Option<Job> = None;
    loop {
        let Some(job) = next.take().or_else(|| jobs.blocking_recv()) else { return };
        match job {
            Job::Run(work) => {
                work(&mut conn);
                // Whatever a panicking closure has left open is rolled back.
                if !conn.is_autocommit() {
                    let _ = conn.execute_batch("ROLLBACK");
                }
                committed.notify_waiters();
            }
            Job::Write(batch, answer) => {
                let mut changes = batch.changes.len();
                let mut group = vec![(batch, answer)];
                // What waits already goes along; nothing is ever waited for.
                while group.len() < GROUP && changes < GROUP_CHANGES {
                    match jobs.try_recv() {
                        Ok(Job::Write(batch, answer)) => {
                            if changes + batch.changes.len() > GROUP_CHANGES {
                                next = Some(Job::Write(batch, answer));
                                break;
                            }
                            changes += batch.changes.len();
                            group.push((batch, answer));
                        }
                        Ok(other) => {
                            next = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                commit(&conn, group);
                committed.notify_waiters();
            }
        }
    }
}

/// Applies a group in one transaction, a savepoint each, and answers after the commit.
fn commit(conn: &Connection, group: Vec<(Arc<WriteBatch>, Answer)>) {
    // A caller who is gone before the start wants nothing written.
    let group: Vec<_> = group.into_iter().filter(|(_, answer)| !answer.is_closed()).collect();
    if group.is_empty() {
        return;
    }
    if let Err(e) = conn.execute_batch("BEGIN IMMEDIATE") {
        let message = e.to_string();
        answer_all(group, |_| Err(StoreError::with_source(StoreErrorKind::Unavailable, message.clone())));
        return;
    }
    let alone = group.len() == 1;
    let mut results: Vec<Result<Committed, StoreError>> = Vec::with_capacity(group.len());
    for (batch, _) in &group {
        match one(conn, batch, alone) {
            Ok(result) => results.push(result),
            Err(Broken) => {
                // SQLite has rolled the whole transaction back: nothing of the group stands. Run one
                // by one, so that only the cause gets the error.
                if alone {
                    let failed =
                        || StoreError::with_source(StoreErrorKind::Unavailable, "the transaction was rolled back");
                    answer_all(group, |_| Err(failed()));
                } else {
                    one_by_one(conn, group);
                }
                return;
            }
        }
    }
    let finish = if alone && results.first().is_some_and(Result::is_err) { "ROLLBACK" } else { "COMMIT" };
    // A batch that failed alone may have taken the transaction along: then there is nothing to finish.
    if !conn.is_autocommit()
        && let Err(e) = conn.execute_batch(finish)
    {
        if !conn.is_autocommit() {
            let _ = conn.execute_batch("ROLLBACK");
        }
        let refused = e.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation);
        if refused && !alone {
            // A key of the host's that is looked at when the transaction ends: find whose row it was.
            one_by_one(conn, group);
        } else {
            answer_all(group, |_| Err(from_commit(&e)));
        }
        return;
    }
    let mut results = results.into_iter();
    answer_all(group, |_| results.next().unwrap_or_else(|| Err(backend("a batch without a result"))));
}

fn one_by_one(conn: &Connection, group: Vec<(Arc<WriteBatch>, Answer)>) {
    for single in group {
        commit(conn, vec![single]);
    }
}

fn answer_all(group: Vec<(Arc<WriteBatch>, Answer)>, mut with: impl FnMut(usize) -> Result<Committed, StoreError>) {
    for (n, (_, answer)) in group.into_iter().enumerate() {
        // The caller may be gone; what was written stays written.
        let _ = answer.send(with(n));
    }
}

/// The whole transaction is gone.
struct Broken;

fn one(conn: &Connection, batch: &WriteBatch, alone: bool) -> Result<Result<Committed, StoreError>, Broken> {
    let run = |sql: &str| conn.prepare_cached(sql).and_then(|mut s| s.execute([])).map(drop);
    if !alone && run("SAVEPOINT lms_batch").is_err() {
        return Err(Broken);
    }
    let applied = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| write::apply(conn, batch)))
        .unwrap_or_else(|_| Err(Fault::Store(backend("a batch panicked on the writer thread"))));
    if conn.is_autocommit() {
        return match applied {
            // Alone, the error itself says what happened.
            Err(fault) if alone => Ok(Err(fault.into_store())),
            _ => Err(Broken),
        };
    }
    match applied {
        Ok(committed) => {
            if !alone && run("RELEASE lms_batch").is_err() {
                return Err(Broken);
            }
            Ok(Ok(committed))
        }
        Err(fault) => {
            if !alone && (run("ROLLBACK TO lms_batch").is_err() || run("RELEASE lms_batch").is_err()) {
                return Err(Broken);
            }
            Ok(Err(fault.into_store()))
        }
    }
}

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// A thread with a read-only connection: its queue, and how much waits in it.
struct Reader {
    queue: std::sync::mpsc::Sender<Read>,
    waiting: Arc<AtomicUsize>,
}

/// Threads with read-only connections.
pub(crate) struct Readers {
    readers: Vec<Reader>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(path: &Path, count: usize, busy: Duration, writer: &Arc<Writer>) -> Result<Self, StoreError> {
        let (mut readers, mut threads) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for n in 0..count {
            let conn = reader(path, busy)?;
            let (queue, jobs) = std::sync::mpsc::channel::<Read>();
            let waiting = Arc::new(AtomicUsize::new(0));
            let done = waiting.clone();
            let thread = std::thread::Builder::new()
                .name(format!("lms-sqlite-reader-{n}"))
                .spawn(move || {
                    while let Ok(job) = jobs.recv() {
                        job(&conn);
                        done.fetch_sub(1, Ordering::Relaxed);
                    }
                })
                .map_err(|e| StoreError::with_source(StoreErrorKind::Unavailable, e))?;
            readers.push(Reader { queue, waiting });
            threads.push(thread);
        }
        watch(reader(path, busy)?, Arc::downgrade(&writer.committed))?;
        Ok(Self { readers, threads })
    }

    /// Runs a read on a thread of its own, in one snapshot. The first of the least busy threads takes it:
    /// a lone caller stays with one warm connection, and no thread is woken for nothing.
    pub(crate) async fn run<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Read = Box::new(move |conn| {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| snapshot(conn, read)));
            let _ = answer.send(done.unwrap_or_else(|_| Err(backend("a read panicked"))));
        });
        let reader = self.readers.iter().min_by_key(|r| r.waiting.load(Ordering::Relaxed)).ok_or_else(gone)?;
        reader.waiting.fetch_add(1, Ordering::Relaxed);
        reader.queue.send(job).map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.readers.clear();
        for thread in self.threads.drain(..) {
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

/// A read in one transaction, so that all of its statements see the same.
pub(crate) fn snapshot<T>(
    conn: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, StoreError> {
    let run = |sql: &str| conn.prepare_cached(sql).and_then(|mut s| s.execute([])).map_err(from_driver);
    run("BEGIN")?;
    let done = read(conn);
    run("COMMIT")?;
    done.map_err(Fault::into_store)
}

/// Every statement is compiled once. Without the planner's stability guarantee SQLite compiles a statement
/// again at each step after a parameter has changed, once ANALYZE has filled its histograms.
fn keep_plans(conn: &Connection) -> Result<(), StoreError> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop).map_err(from_driver)
}

fn reader(path: &Path, busy: Duration) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(path, flags).map_err(from_driver)?;
    conn.busy_timeout(busy).map_err(from_driver)?;
    keep_plans(&conn)?;
    conn.execute_batch("PRAGMA query_only = ON").map_err(from_driver)?;
    Ok(conn)
}

/// Other processes' commits are noticed by SQLite's own counter, looked at every 25 ms.
fn watch(conn: Connection, committed: Weak<Notify>) -> Result<(), StoreError> {
    std::thread::Builder::new()
        .name("lms-sqlite-watch".to_owned())
        .spawn(move || {
            let mut last: i64 = -1;
            while let Some(committed) = committed.upgrade() {
                let now = conn.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap_or(last);
                if now != last {
                    last = now;
                    committed.notify_waiters();
                }
                drop(committed);
                std::thread::sleep(Duration::from_millis(25));
            }
        })
        .map(drop)
        .map_err(|e| StoreError::with_source(StoreErrorKind::Unavailable, e))
}
