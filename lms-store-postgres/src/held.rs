//! Connections in use and between two uses.
//!
//! The driver's pool sends a ping whenever a connection comes back to it: a round trip for every statement,
//! and a connection that is out of reach for as long. So a connection of the store's own pool stays with the
//! store between two uses that follow each other closely, and goes back to the pool when it rests, when it
//! has been away for a while (the pool looks at ages), or when something about it is in doubt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A connection that nobody has taken for so long goes back to the pool.
const REST: Duration = Duration::from_millis(200);
/// A connection goes back to the pool after so long, however busy it is.
const AWAY: Duration = Duration::from_secs(30);

/// A pool, and what the store keeps of it between two uses.
#[derive(Clone)]
pub(crate) struct Lines {
    pool: PgPool,
    kept: Option<Arc<Kept>>,
    patience: Duration,
    /// How long a connection that is in doubt may take to answer.
    limit: Duration,
}

/// Connections between two uses, the last one used on top.
struct Kept {
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    swept: AtomicBool,
    limit: Duration,
}

struct Idle {
    conn: PoolConnection<Postgres>,
    /// When the pool gave it.
    taken: Instant,
    /// When it was last used.
    used: Instant,
}

impl Lines {
    /// Over a pool of the store's own, with so many connections.
    pub(crate) fn own(pool: PgPool, connections: u32, patience: Duration, limit: Duration) -> Self {
        let turns = Semaphore::new(usize::try_from(connections).unwrap_or(1).max(1));
        let kept = Kept { turns: turns.into(), idle: Mutex::default(), swept: AtomicBool::new(false), limit };
        Self { pool, kept: Some(Arc::new(kept)), patience, limit }
    }

    /// Over a host's pool, which is the host's to share out: nothing is kept.
    pub(crate) fn hosts(pool: PgPool, limit: Duration) -> Self {
        Self { pool, kept: None, patience: Duration::ZERO, limit }
    }

    /// The pool.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether the sessions are set as the store wants them. In a host's, a statement whose parameters are lists
    /// would be planned anew for every list, which is dearer than all that sharing it saves.
    pub(crate) fn are_own(&self) -> bool {
        self.kept.is_some()
    }

    /// A connection, in the order in which callers come.
    pub(crate) async fn take(&self) -> Result<Held, sqlx::Error> {
        let Some(kept) = &self.kept else {
            let conn = self.pool.acquire().await?;
            let (taken, state) = (Instant::now(), State::AtRest);
            return Ok(Held { conn: Some(conn), taken, state, home: None, limit: self.limit });
        };
        let turn = tokio::time::timeout(self.patience, kept.turns.clone().acquire_owned());
        let turn = turn.await.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let last = kept.idle().pop();
        let (conn, taken) = match last {
            Some(idle) => (idle.conn, idle.taken),
            None => (self.pool.acquire().await?, Instant::now()),
        };
        let home = Some((kept.clone(), turn));
        Ok(Held { conn: Some(conn), taken, state: State::AtRest, home, limit: self.limit })
    }
}

impl Kept {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(self: &Arc<Self>, idle: Idle) {
        self.idle().push(idle);
        if !self.swept.swap(true, Ordering::AcqRel) {
            let sweeper = Sweeper(Arc::downgrade(self));
            tokio::spawn(sweeper.run());
        }
    }

    /// Gives back those that rest; whether any is left.
    fn sweep(&self) -> bool {
        let resting: Vec<_> = {
            let mut idle = self.idle();
            idle.extract_if(.., |one| one.used.elapsed() >= REST).collect()
        };
        resting.into_iter().for_each(|one| give_back(one.conn, self.limit));
        !self.idle().is_empty()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let limit = self.limit;
        self.idle().drain(..).for_each(|one| give_back(one.conn, limit));
    }
}

/// Gives back what rests, for as long as something does. A runtime that ends takes it along, and the next
/// use starts another one.
struct Sweeper(std::sync::Weak<Kept>);

impl Sweeper {
    async fn run(self) {
        loop {
            tokio::time::sleep(REST).await;
            let Some(kept) = self.0.upgrade() else { return };
            if !kept.sweep() {
                kept.swept.store(false, Ordering::Release);
                // One that came in between is still ours, unless it has started another sweeper.
                if kept.idle().is_empty() || kept.swept.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(kept) = self.0.upgrade() {
            kept.swept.store(false, Ordering::Release);
        }
    }
}

fn in_runtime() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

/// To the pool, once it has answered: the pool's own ping waits for as long as the network likes. That needs a
/// runtime; without one the connection is closed.
fn give_back(conn: PoolConnection<Postgres>, limit: Duration) {
    let mut back = Back(Some(conn));
    if in_runtime() {
        tokio::spawn(async move {
            let Some(conn) = back.0.as_mut() else { return };
            if !tokio::time::timeout(limit, conn.ping()).await.is_ok_and(|answer| answer.is_ok()) {
                back.0.take().map(PoolConnection::detach);
            }
        });
    }
}

/// A connection on its way to the pool, also where the runtime ends meanwhile.
struct Back(Option<PoolConnection<Postgres>>);

impl Drop for Back {
    fn drop(&mut self) {
        match self.0.take() {
            Some(conn) if in_runtime() => drop(conn),
            Some(conn) => drop(conn.leak()),
            None => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The last use is over, and nothing is owed.
    AtRest,
    /// In the middle of a statement, or something failed: the pool has a look, and waits for the answer.
    InDoubt,
    /// Inside a transaction, begun or being begun. A caller that goes away leaves it open, and the driver does
    /// not know of it yet: such a connection would stand in the pool inside a transaction, and behind a
    /// transaction pooler keep a server of the pooler's from everybody else. It is closed.
    Inside,
    /// The pool must not hand it out again.
    Broken,
}

/// A connection in use.
pub(crate) struct Held {
    /// Until it is dropped.
    conn: Option<PoolConnection<Postgres>>,
    taken: Instant,
    state: State,
    home: Option<(Arc<Kept>, OwnedSemaphorePermit)>,
    limit: Duration,
}

impl Held {
    #[expect(clippy::expect_used, reason = "only Drop takes the connection out")]
    fn conn(&mut self) -> &mut PgConnection {
        self.conn.as_mut().expect("the connection is there until the drop")
    }

    /// For one statement that is its own transaction: until [`Held::over`], whoever drops this leaves the
    /// answer to the pool to wait for.
    pub(crate) fn statement(&mut self) -> &mut PgConnection {
        self.state = State::InDoubt;
        self.conn()
    }

    /// A transaction begins: until [`Held::over`], whoever drops this closes the connection.
    pub(crate) fn enter(&mut self) -> &mut PgConnection {
        self.state = State::Inside;
        self.conn()
    }

    /// The use is over, one way or the other; where it failed, the pool sees to what is left of it.
    pub(crate) fn over(&mut self, well: bool) {
        self.state = if well { State::AtRest } else { State::InDoubt };
    }

    /// The connection is broken, and those that rest beside it may be, too: nobody waits for a word of theirs.
    pub(crate) fn close(&mut self) {
        self.state = State::Broken;
        if let Some((kept, _)) = &self.home {
            let others: Vec<_> = kept.idle().drain(..).collect();
            others.into_iter().for_each(|one| drop(one.conn.detach()));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        match (self.state, &self.home) {
            (State::AtRest, Some((kept, _))) if self.taken.elapsed() < AWAY && in_runtime() => {
                kept.keep(Idle { conn, taken: self.taken, used: Instant::now() });
                return;
            }
            (State::Inside, _) if in_runtime() => {
                conn.close_on_drop();
                return;
            }
            (State::Inside | State::Broken, _) => {
                drop(conn.detach());
                return;
            }
            _ => {}
        }
        give_back(conn, self.limit);
    }
}
