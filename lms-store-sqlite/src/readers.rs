//! The reader threads, and the watch for other processes' commits.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use lms_core::store::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use tokio::sync::{Notify, Semaphore, oneshot};

use crate::connection::{reader, snapshot};
use crate::error::{Fault, backend};
use crate::writer::{QUEUE, Writer, gone, tidy};

type Job = Box<dyn FnOnce(&Connection) + Send>;
/// A thread, and how it is told; it ends when the sender has gone.
type Handle<T> = (Sender<T>, JoinHandle<()>);

/// How much a read may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// A bounded number of rows by their keys.
    Short,
    /// Anything.
    Any,
}

/// What waits, and who is free. One lock, held for a moment: a job wakes the one thread that does it.
#[derive(Default)]
struct Queue {
    /// With their number, so that the older one of the two queues goes first.
    short: VecDeque<(u64, Job)>,
    any: VecDeque<(u64, Job)>,
    next: u64,
    /// Threads without work, the one with the warmest cache last.
    free: Vec<usize>,
    /// Reads of any length that are at work.
    long: usize,
}

impl Queue {
    /// What a thread that is done does next.
    fn pop(&mut self, most_long: usize) -> Option<(Job, Length)> {
        let may = self.long < most_long;
        let any = self.any.front().map(|(n, _)| *n).filter(|_| may);
        let short = self.short.front().map(|(n, _)| *n);
        let length = match (short, any) {
            (Some(short), Some(any)) if any < short => Length::Any,
            (Some(_), _) => Length::Short,
            (None, Some(_)) => Length::Any,
            (None, None) => return None,
        };
        let (_, job) = match length {
            Length::Short => self.short.pop_front(),
            Length::Any => self.any.pop_front(),
        }?;
        self.long += usize::from(length == Length::Any);
        Some((job, length))
    }
}

/// What the threads share.
struct Shared {
    queue: Mutex<Queue>,
    /// Of so many threads all but one at the most do reads of any length: a learner's short one never waits for
    /// a report.
    most_long: usize,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, me: usize, conn: &Connection, jobs: &Receiver<(Job, Length)>) {
        while let Ok((mut job, mut length)) = jobs.recv() {
            loop {
                job(conn);
                tidy(conn);
                let mut queue = self.queue();
                queue.long -= usize::from(length == Length::Any);
                let Some(next) = queue.pop(self.most_long) else {
                    queue.free.push(me);
                    break;
                };
                drop(queue);
                (job, length) = next;
            }
        }
    }
}

/// Threads with read-only connections.
pub(crate) struct Readers {
    shared: Arc<Shared>,
    threads: Vec<Handle<(Job, Length)>>,
    /// Places in the queue, of each length as many as the writer's: reports that wait take none from learners.
    short: Arc<Semaphore>,
    any: Arc<Semaphore>,
    deadline: Duration,
    watch: Option<Handle<()>>,
    /// Whose connection is the last to be closed: that empties the write-ahead log, which a reader's cannot.
    _writer: Arc<Writer>,
}

impl Readers {
    pub(crate) fn start(
        path: &Path,
        count: usize,
        (busy, deadline): (Duration, Duration),
        writer: &Arc<Writer>,
    ) -> Result<Self, StoreError> {
        let queue = Queue { free: (0..count).rev().collect(), ..Queue::default() };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), most_long: count.saturating_sub(1).max(1) });
        let mut threads = Vec::with_capacity(count);
        for n in 0..count {
            let (conn, shared) = (reader(path, busy)?, shared.clone());
            let (to, jobs) = channel();
            let thread = std::thread::Builder::new()
                .name(format!("lms-sqlite-reader-{n}"))
                .spawn(move || shared.run(n, &conn, &jobs))
                .map_err(|e| StoreError::with_source(StoreErrorKind::Unavailable, e))?;
            threads.push((to, thread));
        }
        let watch = Some(watch(reader(path, busy)?, Arc::downgrade(&writer.committed))?);
        let places = || Arc::new(Semaphore::new(QUEUE));
        Ok(Self { shared, threads, short: places(), any: places(), deadline, watch, _writer: writer.clone() })
    }

    /// Runs a read on a thread of its own, in one snapshot: at once where a thread is free for it, in the order
    /// of arrival else. One whose caller has gone is not begun.
    ///
    /// # Errors
    /// The read's own; Unavailable where no place in the queue becomes free within the deadline.
    pub(crate) async fn run<T, F>(&self, length: Length, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let places = match length {
            Length::Short => &self.short,
            Length::Any => &self.any,
        };
        let place = match places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => match tokio::time::timeout(self.deadline, places.clone().acquire_owned()).await {
                Ok(place) => place.map_err(|_| gone())?,
                Err(_) => {
                    return Err(StoreError::with_source(StoreErrorKind::Unavailable, "the read queue is full"));
                }
            },
        };
        let (answer, answered) = oneshot::channel();
        self.hand_over(
            length,
            Box::new(move |conn| {
                let _place = place;
                if answer.is_closed() {
                    return;
                }
                let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| snapshot(conn, read)));
                let _ = answer.send(done.unwrap_or_else(|_| Err(backend("a read panicked"))));
            }),
        )?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    fn hand_over(&self, length: Length, job: Job) -> Result<(), StoreError> {
        let mut queue = self.shared.queue();
        let may = length == Length::Short || queue.long < self.shared.most_long;
        if may && let Some(free) = queue.free.pop() {
            queue.long += usize::from(length == Length::Any);
            drop(queue);
            let (thread, _) = self.threads.get(free).ok_or_else(gone)?;
            return thread.send((job, length)).map_err(|_| gone());
        }
        let number = queue.next;
        queue.next += 1;
        match length {
            Length::Short => queue.short.push_back((number, job)),
            Length::Any => queue.any.push_back((number, job)),
        }
        Ok(())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        let watch = self.watch.take().into_iter().map(|(stop, thread)| {
            drop(stop);
            thread
        });
        let readers = self.threads.drain(..).map(|(jobs, thread)| {
            drop(jobs);
            thread
        });
        for thread in readers.chain(watch).collect::<Vec<_>>() {
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

/// Other processes' events are noticed every 25 ms: by SQLite's own counter of commits, and where that has moved by
/// the end of the log, so that a commit without an event wakes nobody.
fn watch(conn: Connection, committed: Weak<Notify>) -> Result<Handle<()>, StoreError> {
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::Builder::new()
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
                if stopped.recv_timeout(Duration::from_millis(25)) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })
        .map_err(|e| StoreError::with_source(StoreErrorKind::Unavailable, e))?;
    Ok((stop, thread))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::Durability;
    use crate::connection::Place;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn readers(count: usize) -> (tempfile::TempDir, Arc<Readers>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lms.db");
        let writer = Arc::new(Writer::start(&Place::File(path.clone()), Durability::Full, PATIENCE, PATIENCE).unwrap());
        let readers = Readers::start(&path, count, (PATIENCE, PATIENCE), &writer).unwrap();
        (folder, Arc::new(readers))
    }

    /// A read that is at work until the sender goes.
    async fn held(readers: &Arc<Readers>) -> (std::sync::mpsc::SyncSender<()>, tokio::task::JoinHandle<()>) {
        let (release, released) = sync_channel::<()>(0);
        let (begun, began) = oneshot::channel();
        let readers = readers.clone();
        let read = tokio::spawn(async move {
            let work = move |_: &Connection| {
                begun.send(()).unwrap();
                let _ = released.recv();
                Ok(())
            };
            readers.run(Length::Any, work).await.unwrap();
        });
        began.await.unwrap();
        (release, read)
    }

    /// rules: DETAILS 22
    #[tokio::test]
    async fn a_learners_read_never_waits_for_reports() {
        let (_folder, readers) = readers(2);
        let (release, report) = held(&readers).await;
        let (other, begun) = (readers.clone(), Arc::new(AtomicUsize::new(0)));
        let second = begun.clone();
        let waiting = tokio::spawn(async move {
            other.run(Length::Any, move |_| Ok(second.fetch_add(1, Ordering::SeqCst))).await.unwrap();
        });
        for n in 0..100 {
            assert_eq!(readers.run(Length::Short, move |_| Ok(n)).await.unwrap(), n);
        }
        assert_eq!(begun.load(Ordering::SeqCst), 0, "the second report has the one thread for reports to wait for");
        drop(release);
        report.await.unwrap();
        waiting.await.unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn whatever_waits_is_read_by_the_first_thread_that_is_done() {
        let (_folder, readers) = readers(3);
        let (one, first) = held(&readers).await;
        let (two, second) = held(&readers).await;
        let reads: Vec<_> = (0..50)
            .map(|n| {
                let (readers, length) = (readers.clone(), if n % 2 == 0 { Length::Short } else { Length::Any });
                tokio::spawn(async move { readers.run(length, |_| Ok(())).await.unwrap() })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(one);
        first.await.unwrap();
        // The other one is at work all the time.
        for read in reads {
            read.await.unwrap();
        }
        drop(two);
        second.await.unwrap();
    }

    #[tokio::test]
    async fn nobody_reads_for_a_caller_who_has_gone() {
        let (_folder, readers) = readers(1);
        let (release, report) = held(&readers).await;
        let begun = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let begun = begun.clone();
            let read = readers.run(Length::Any, move |_| Ok(begun.fetch_add(1, Ordering::SeqCst)));
            assert!(tokio::time::timeout(Duration::from_millis(2), read).await.is_err(), "it waits");
        }
        drop(release);
        report.await.unwrap();
        assert!(readers.run(Length::Any, |_| Ok(true)).await.unwrap());
        assert_eq!(begun.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_read_that_panics_ends_its_snapshot() {
        let (folder, readers) = readers(1);
        let count =
            |conn: &Connection| Ok(conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get::<_, i64>(0))?);
        let panics = move |conn: &Connection| -> Result<(), Fault> {
            count(conn)?;
            panic!("on purpose");
        };
        assert_eq!(readers.run(Length::Any, panics).await.unwrap_err().kind(), &StoreErrorKind::Backend);
        Connection::open(folder.path().join("lms.db")).unwrap().execute_batch("CREATE TABLE other (id)").unwrap();
        assert_eq!(readers.run(Length::Any, count).await.unwrap(), 1, "what was committed since is seen");
    }
}
