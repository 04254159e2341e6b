//! The thread that writes, and who may borrow its connection.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lms_core::store::{Change, Committed, Expect, StoreError, StoreErrorKind, WriteBatch};
use rusqlite::Connection;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::company::Company;
use crate::connection::{Place, snapshot, writer};
use crate::error::{Fault, backend};
use crate::group::{Answer, Applied, at_once, commit};
use crate::wal::Wal;
use crate::{Durability, migrate};

/// Batches that wait at the most; and reads.
pub(crate) const QUEUE: usize = 1_024;
/// Batches of one commit at the most.
const GROUP: usize = 128;
/// Changes of one commit at the most; a larger batch runs alone.
const GROUP_CHANGES: usize = 2_000;
/// Changes of a small batch: a millisecond or two.
const SMALL: usize = 256;
/// How often the thread is called to look after the log while callers write without it.
const LOOK: Duration = Duration::from_secs(1);

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

enum Job {
    Write(Arc<WriteBatch>, Answer),
    /// Something else on the connection, and whether it may write to the log of events.
    Run(Work, Touches),
}

/// Who waits for events is woken by what may have written some, and by nothing else: parts of the background
/// that look at their leases would wake each other without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touches {
    Events,
    Nothing,
}

pub(crate) fn gone() -> StoreError {
    StoreError::with_source(StoreErrorKind::Unavailable, "the store's thread has ended")
}

/// The thread that owns the write connection.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    deadline: Duration,
    busy: Duration,
    ready: Arc<AtomicBool>,
    conn: Arc<Mutex<Connection>>,
    /// The database's file, by the name that SQLite has for it: the place may be a URI.
    pub(crate) file: Option<PathBuf>,
    /// When the thread was last called to look after the log.
    called: Mutex<Instant>,
    /// Batches written in place, so that tests see that some were.
    here: AtomicU64,
    pub(crate) company: Arc<Company>,
    pub(crate) committed: Arc<Notify>,
}

impl Writer {
    pub(crate) fn start(
        place: &Place,
        durability: Durability,
        busy: Duration,
        deadline: Duration,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let conn = writer(place, durability, busy)?;
        let file = match place {
            Place::Memory => None,
            // A name that is not UTF-8 is no URI.
            Place::File(path) => Some(conn.path().map_or_else(|| path.clone(), PathBuf::from)),
        };
        let conn = Arc::new(Mutex::new(conn));
        let company = Arc::new(Company::default());
        let committed = Arc::new(Notify::new());
        let wal = file.as_deref().map(|file| Wal::of(file, busy));
        let thread = Thread { conn: conn.clone(), jobs, company: company.clone(), committed: committed.clone(), wal };
        let thread = std::thread::Builder::new()
            .name("lms-sqlite-writer".to_owned())
            .spawn(move || thread.run())
            .map_err(|e| StoreError::with_source(StoreErrorKind::Unavailable, e))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            deadline,
            busy,
            ready: Arc::new(AtomicBool::new(false)),
            conn,
            file,
            called: Mutex::new(Instant::now()),
            here: AtomicU64::new(0),
            company,
            committed,
        })
    }

    /// Looks at the schema once; where it is not there yet, every call looks again.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        let ready = self.ready.clone();
        self.run(Touches::Nothing, move |conn| {
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
        self.run(Touches::Nothing, move |conn| {
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

    /// Writes a batch: in place for a caller who is alone where commits are quick, on the thread otherwise.
    pub(crate) async fn write(&self, batch: Arc<WriteBatch>) -> Result<Committed, StoreError> {
        let _call = self.company.enter();
        if let Some(applied) = self.write_here(&batch) {
            return applied;
        }
        let (answer, answered) = oneshot::channel();
        self.send(Job::Write(batch, answer)).await?;
        // The thread answers every batch that it has taken; when it dies, nobody knows what stands.
        answered.await.unwrap_or_else(|_| {
            Err(StoreError::with_source(StoreErrorKind::Unconfirmed, "the writer thread ended in the middle"))
        })
    }

    /// Nothing where there is company, the connection is at work, or it might take long.
    fn write_here(&self, batch: &WriteBatch) -> Option<Applied> {
        if !self.company.alone() || !self.company.is_quick() || !is_small(batch) {
            return None;
        }
        let applied = {
            let conn = self.conn.try_lock().ok()?;
            let began = Instant::now();
            let applied = at_once(&conn, batch, self.busy)?;
            if applied.is_ok() {
                self.company.took(began.elapsed(), batch.changes.len());
                self.here.fetch_add(1, Ordering::Relaxed);
            }
            applied
        };
        self.committed.notify_waiters();
        self.call_thread();
        Some(applied)
    }

    /// How many batches were written in place.
    pub(crate) fn here(&self) -> u64 {
        self.here.load(Ordering::Relaxed)
    }

    /// The thread looks after the log whenever it has done something.
    fn call_thread(&self) {
        let Ok(mut called) = self.called.try_lock() else { return };
        if called.elapsed() < LOOK {
            return;
        }
        *called = Instant::now();
        if let Some(queue) = &self.queue {
            // A full queue has the thread at work already.
            let _ = queue.try_send(Job::Run(Box::new(|_| {}), Touches::Nothing));
        }
    }

    /// Runs a short read in place on the write connection, for a caller who is alone; gives the read back
    /// where there is company, or the connection is at work.
    pub(crate) fn read_here<T, F>(&self, read: F) -> Result<Result<T, StoreError>, F>
    where
        F: FnOnce(&Connection) -> Result<T, Fault>,
    {
        if !self.company.alone() {
            return Err(read);
        }
        let Ok(conn) = self.conn.try_lock() else { return Err(read) };
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| snapshot(&conn, read)));
        tidy(&conn);
        Ok(done.unwrap_or_else(|_| Err(backend("a read panicked"))))
    }

    /// Runs something on the write connection, between two groups.
    pub(crate) async fn run<T, F>(&self, touches: Touches, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        // One more who calls: nobody is alone beside this, and takes the connection from under the thread.
        let _call = self.company.enter();
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |conn| {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(conn)));
            let done = done.unwrap_or_else(|_| Err(backend("the work on the writer thread panicked")));
            // The receiver may be gone; what was done stays done.
            let _ = answer.send(done);
        });
        self.send(Job::Run(work, touches)).await?;
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

/// Whether each change is one of a row, and each expectation one of a key: what counts or cascades may take any
/// time.
fn is_small(batch: &WriteBatch) -> bool {
    let of_a_row = |change: &Change| {
        matches!(
            change,
            Change::Insert(_)
                | Change::Put(_)
                | Change::Upsert(_)
                | Change::Ensure(_)
                | Change::SaveAnswers { .. }
                | Change::FlipLog { .. }
                | Change::AdvanceConsumer { .. }
                | Change::SettleBudget { .. }
        )
    };
    let counts = |expect: &Expect| matches!(expect, Expect::WorkAtMost { .. } | Expect::GradesWithin { .. });
    batch.changes.len() <= SMALL && batch.changes.iter().all(of_a_row) && !batch.expect.iter().any(counts)
}

/// Rolls back whatever a panicking closure has left open.
pub(crate) fn tidy(conn: &Connection) {
    if !conn.is_autocommit() {
        let _ = conn.execute_batch("ROLLBACK");
    }
}

/// What the thread holds.
struct Thread {
    conn: Arc<Mutex<Connection>>,
    jobs: mpsc::Receiver<Job>,
    company: Arc<Company>,
    committed: Arc<Notify>,
    wal: Option<Wal>,
}

impl Thread {
    fn run(mut self) {
        let mut next: Option<Job> = None;
        // The queue ends when the store has gone.
        while let Some(job) = next.take().or_else(|| self.jobs.blocking_recv()) {
            let touches = match job {
                Job::Run(work, touches) => {
                    let mut conn = self.conn();
                    work(&mut conn);
                    tidy(&conn);
                    touches
                }
                Job::Write(batch, answer) => {
                    let group;
                    (group, next) = self.gather(batch, answer);
                    let single = if let [(batch, _)] = group.as_slice() { Some(batch.changes.len()) } else { None };
                    let conn = self.conn();
                    let began = Instant::now();
                    let written = commit(&conn, group);
                    if let Some(changes) = single.filter(|_| written) {
                        self.company.took(began.elapsed(), changes);
                    }
                    Touches::Events
                }
            };
            if touches == Touches::Events {
                self.committed.notify_waiters();
            }
            if let Some(mut wal) = self.wal.take() {
                wal.look(&self.conn());
                self.wal = Some(wal);
            }
        }
    }

    /// Every job catches its own panic, so nobody leaves the connection in a bad state.
    fn conn(&self) -> MutexGuard<'_, Connection> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits already goes along; nothing is ever waited for. Also the job that did not fit.
    fn gather(&mut self, batch: Arc<WriteBatch>, answer: Answer) -> (Vec<(Arc<WriteBatch>, Answer)>, Option<Job>) {
        let mut changes = batch.changes.len();
        let mut group = vec![(batch, answer)];
        while group.len() < GROUP && changes < GROUP_CHANGES {
            match self.jobs.try_recv() {
                Ok(Job::Write(batch, answer)) if changes + batch.changes.len() <= GROUP_CHANGES => {
                    changes += batch.changes.len();
                    group.push((batch, answer));
                }
                Ok(other) => return (group, Some(other)),
                Err(_) => break,
            }
        }
        (group, None)
    }
}
