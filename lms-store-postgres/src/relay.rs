//! Positions for what has committed, and hints that they are there.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use lms_core::store::{StoreError, StoreErrorKind};
use sqlx::postgres::PgListener;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tokio::sync::Notify;

use crate::error::{Remedy, of_read, remedy};
use crate::held::Held;
use crate::{BEGIN, BEGIN_POOLED, Inner, PgStore, within};

/// How many events one step numbers.
const STEP: i64 = 2_000;
/// The least time from one step to the next. The first commit after a pause is numbered at once; under load
/// one step numbers what came in meanwhile, instead of taking a connection and a flush for each.
const GAP: Duration = Duration::from_millis(4);
/// The same while nobody listens in this process: another one that does hears of it a moment later, and a
/// process that only writes has its connections and flushes for that.
const QUIET: Duration = Duration::from_millis(25);
/// How often the step runs by itself while somebody listens: for what hosts and other programs commit.
const POLL: Duration = Duration::from_millis(100);
/// How often while nobody does.
const IDLE: Duration = Duration::from_secs(5);
/// For how long somebody counts as listening after the last wait.
const LISTENING: Duration = Duration::from_secs(10);

/// What wakes whom.
pub(crate) struct Hints {
    /// There is something to number.
    relay: Notify,
    /// Something was numbered.
    numbered: Notify,
    closed: AtomicBool,
    listener: AtomicBool,
    started: Instant,
    /// When somebody last waited, in milliseconds after `started`.
    waited: AtomicU64,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            relay: Notify::new(),
            numbered: Notify::new(),
            closed: AtomicBool::new(false),
            listener: AtomicBool::new(false),
            started: Instant::now(),
            waited: AtomicU64::new(0),
        }
    }
}

impl Hints {
    /// A batch with events has committed.
    pub(crate) fn committed(&self) {
        self.relay.notify_one();
    }

    /// The store is gone.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.relay.notify_one();
        self.numbered.notify_waiters();
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_listened_to(&self) -> bool {
        let waited = self.waited.load(Ordering::Relaxed);
        waited > 0 && self.now().saturating_sub(waited) < u64::try_from(LISTENING.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Starts the process's relay: after each of its own commits, and by the clock.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    let (hints, inner) = (inner.hints.clone(), Arc::downgrade(inner));
    tokio::spawn(async move {
        loop {
            let (gap, rest) = if hints.is_listened_to() { (GAP, POLL) } else { (QUIET, IDLE) };
            tokio::time::sleep(gap).await;
            tokio::select! {
                () = hints.relay.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
            let Some(inner) = inner.upgrade() else { return };
            if inner.ready.load(Ordering::Acquire)
                && let Err(e) = drain(&inner).await
            {
                tracing::debug!(error = %e, "the relay step failed and is tried again");
                drop(inner);
                tokio::time::sleep(POLL).await;
            }
        }
    });
}

/// Numbers all that had committed when it was called.
///
/// # Errors
/// Unavailable when another session has the log for so long that nothing is numbered.
pub(crate) async fn drain(inner: &Inner) -> Result<(), StoreError> {
    let mut moved_at = Instant::now();
    loop {
        match step(inner).await? {
            // Another process is at it; its step may have begun before our commit.
            -1 if moved_at.elapsed() < inner.limit => tokio::time::sleep(Duration::from_millis(2)).await,
            -1 => {
                return Err(StoreError::with_source(
                    StoreErrorKind::Unavailable,
                    "another session holds the log, and no event gets its position until it ends",
                ));
            }
            moved => {
                moved_at = Instant::now();
                if moved > 0 {
                    inner.hints.numbered.notify_waiters();
                }
                if moved < STEP {
                    return Ok(());
                }
            }
        }
    }
}

async fn step(inner: &Inner) -> Result<i64, StoreError> {
    let mut conn = inner.lines.take().await.map_err(of_read)?;
    let moved = within(inner.limit, step_on(&mut conn, inner)).await;
    if moved.as_ref().is_err_and(|e| remedy(e) == Remedy::Reconnect) {
        conn.close();
    }
    moved.map_err(of_read)
}

async fn step_on(conn: &mut Held, inner: &Inner) -> Result<i64, sqlx::Error> {
    let sql = inner.names.expand(&format!("SELECT {{priv}}.relay_v1({STEP})"));
    if !inner.pooled && !inner.explicit.load(Ordering::Relaxed) {
        let answer = sqlx::query(AssertSqlSafe(sql.clone())).fetch_one(conn.statement()).await;
        conn.over(answer.is_ok());
        let moved = answer?.try_get::<i64, _>(0)?;
        if moved != -2 {
            return Ok(moved);
        }
        inner.explicit.store(true, Ordering::Relaxed);
    }
    let begin = if inner.pooled { BEGIN_POOLED } else { BEGIN };
    let inside = conn.enter();
    let moved = async {
        let mut tx = inside.begin_with(begin).await?;
        let row = sqlx::query(AssertSqlSafe(sql)).persistent(!inner.pooled).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        row.try_get(0)
    }
    .await;
    conn.over(moved.is_ok());
    moved
}

impl PgStore {
    /// Resolves when something may have been numbered, here or in another process.
    pub(crate) async fn hint(&self) {
        let hints = &self.inner.hints;
        hints.waited.store(hints.now().max(1), Ordering::Relaxed);
        if !hints.listener.swap(true, Ordering::AcqRel) {
            self.listen();
            // From now on the relay step runs by the shorter clock.
            hints.relay.notify_one();
        }
        hints.numbered.notified().await;
    }

    /// Starts the process's listener for other processes' hints.
    fn listen(&self) {
        let Some(pool) = self.inner.listening.clone() else { return };
        let channel = self.inner.names.channel();
        let (hints, inner): (Arc<Hints>, Weak<Inner>) = (self.inner.hints.clone(), Arc::downgrade(&self.inner));
        tokio::spawn(async move {
            while inner.strong_count() > 0 {
                if let Err(e) = hear(&pool, &channel, &hints, &inner).await {
                    tracing::debug!(error = %e, "listening for hints broke off and begins again");
                }
                // What was sent meanwhile is lost: look at the table.
                hints.numbered.notify_waiters();
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
    }
}

/// Passes hints on until the connection breaks or the store is gone.
async fn hear(pool: &sqlx::PgPool, channel: &str, hints: &Hints, inner: &Weak<Inner>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    loop {
        tokio::select! {
            heard = listener.try_recv() => {
                hints.numbered.notify_waiters();
                if heard?.is_none() {
                    return Ok(());
                }
            }
            // A connection that has died without a word says nothing, either: it is asked.
            () = tokio::time::sleep(LISTENING) => {
                let asked = sqlx::raw_sql("SELECT").execute(&mut listener);
                within(LISTENING, asked).await?;
            }
        }
        if inner.strong_count() == 0 || hints.closed.load(Ordering::Acquire) {
            return Ok(());
        }
    }
}
