//! The reader threads, and the watch for other processes' commits.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use lms_core::store::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use tokio::sync::{Notify, oneshot};

use crate::connection::{reader, snapshot};
use crate::error::{Fault, backend};
use crate::writer::{Writer, gone};

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

/// Other processes' events are noticed every 25 ms: by SQLite's own counter of commits, and where that has moved by
/// the end of the log, so that a commit without an event wakes nobody.
fn watch(conn: Connection, committed: Weak<Notify>) -> Result<(), StoreError> {
    std::thread::Builder::new()
        .name("lms-sqlite-watch".to_owned())
        .spawn(move || {
            let (mut last, mut head): (i64, i64) = (-1, -1);
            while let Some(committed) = committed.upgrade() {
                let now = conn.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap_or(last);
                if now != last {
                    last = now;
                    // Before its migration a database has no log, and no event.
                    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'activity_events'";
                    let end = conn.query_row(sql, [], |row| row.get(0)).unwrap_or(0);
                    if end != head {
                        head = end;
                        committed.notify_waiters();
                    }
                }
                drop(committed);
                std::thread::sleep(Duration::from_millis(25));
            }
        })
        .map(drop)
        .map_err(|e| StoreError::with_source(StoreErrorKind::Unavailable, e))
}
