//! The store of `lms-core` for many processes and machines, on Postgres.
//!
//! ```no_run
//! # async fn run() -> Result<(), lms_core::store::StoreError> {
//! use lms_store_postgres::PgStore;
//!
//! let store = PgStore::connect("postgres://app@localhost/school").await?;
//! let lms = lms_core::Lms::builder(store).build();
//! # Ok(()) }
//! ```
//!
//! A command is two round trips: one that loads what decides, one that writes. Every batch is one call of
//! a function of ours that applies it mechanically: locks, expectations, changes, events. Events get
//! their positions after the commit, by a relay step that any process may run; within a process and
//! between processes a hint tells of them, and a slow poll backs the hint up.

mod builder;
mod error;
#[cfg(test)]
mod generate;
mod held;
mod host;
mod joined;
mod literal;
mod migrate;
mod reads;
mod record;
mod relay;
mod rows;
mod sql;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod together;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::held::{Held, Lines};
use lms_core::store::{Committed, StoreError, StoreErrorKind, WriteBatch};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _};

pub use builder::Builder;
/// The driver, for hosts that share a pool or a transaction.
pub use sqlx as driver;

use error::{Remedy, of_read, of_write, remedy};
use record::Fields;
use relay::Hints;
use rows::Doc;
use sql::Names;
use together::Together;
use write::{Answer, Call};

/// How long a read is tried again while the server comes back.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a batch that the database undid is sent again.
const TRIES: u32 = 5;
/// What begins every transaction of the store's own.
///
/// Between two statements of one there is nothing but a round trip: a session that stays there for longer belongs
/// to a process that has stopped, and must not keep its locks from everybody else.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '10s'";
/// The same behind a transaction pooler, where the session has no settings of its own.
const BEGIN_POOLED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; \
                            SET LOCAL idle_in_transaction_session_timeout = '10s'";
/// How long an answer is waited for, unless the host says otherwise.
const LIMIT: Duration = Duration::from_secs(60);

/// The domain in a Postgres database. Cheap to clone.
#[derive(Clone)]
pub struct PgStore {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    lines: Lines,
    replica: Option<Lines>,
    /// Where LISTEN works: a session of its own, not through a pooler.
    listening: Option<PgPool>,
    pooled: bool,
    /// How long an answer of the server's is waited for.
    limit: Duration,
    names: Names,
    statements: reads::Statements,
    ready: AtomicBool,
    /// Whether sessions of this pool begin in another isolation level, so that writes need BEGIN.
    explicit: AtomicBool,
    hints: Arc<Hints>,
    /// Learners' writes and loads that come at once.
    writes: Together<joined::Write>,
    loads: Together<joined::Load>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.hints.close();
    }
}

impl std::fmt::Debug for PgStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgStore").field("schemas", &self.inner.names.to_string()).finish_non_exhaustive()
    }
}

/// The parameters of a read: texts that the statement casts.
pub(crate) type Params = Vec<Option<String>>;

impl PgStore {
    /// Connects with every default: the schemas `lms` and `lms_private`, up to ten connections.
    ///
    /// # Errors
    /// When the URL cannot be read or the server cannot be reached within five seconds.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// Starts with a URL and every default.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }

    /// Over the host's own pool, in the schemas of these names. The session's isolation level is looked
    /// after; `synchronous_commit` is the host's to leave on. Connections go back to the host's pool after
    /// every statement, at the price of the pool's ping; a pool of the store's own saves that round trip.
    ///
    /// **The pool must lead to the server itself.** Through a transaction pooler (PgBouncer, Supavisor) an answer
    /// can be the one to another caller's question, and nothing says so: for such a pool take
    /// [`PgStore::builder_over`] with [`Builder::pooled`].
    ///
    /// # Errors
    /// NotSupported for names that are not schema names.
    pub fn with_pool(pool: PgPool, lms: &str, private: &str) -> Result<Self, StoreError> {
        Self::builder_over(pool).schemas(lms, private).open()
    }

    /// Starts with the host's own pool and every default: as [`PgStore::with_pool`], with a replica, behind a
    /// transaction pooler, or with other limits.
    pub fn builder_over(pool: PgPool) -> Builder {
        Builder::over(pool)
    }

    fn start(
        lines: Lines,
        replica: Option<Lines>,
        listening: Option<PgPool>,
        pooled: bool,
        limit: Duration,
        names: Names,
    ) -> Self {
        let hints = Arc::new(Hints::default());
        let inner = Arc::new(Inner {
            statements: reads::Statements::new(&names),
            lines,
            replica,
            listening,
            pooled,
            limit,
            names,
            ready: AtomicBool::new(false),
            explicit: AtomicBool::new(false),
            hints,
            writes: Together::default(),
            loads: Together::default(),
        });
        relay::spawn(&inner);
        Self { inner }
    }

    /// The pool that the store works with.
    pub fn pool(&self) -> &PgPool {
        self.inner.lines.pool()
    }

    /// The SQL of every migration that the database has not had yet, for a role that may migrate to run
    /// by itself, each in a transaction; empty when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pending(&self) -> Result<Vec<String>, StoreError> {
        let (version, _) = self.found().await?;
        Ok(migrate::pending_after(version, &self.inner.names))
    }

    /// The SQL of all migrations in schemas of these names, without a database: one transaction, so that a
    /// script that breaks off leaves nothing behind.
    ///
    /// # Errors
    /// NotSupported for names that are not schema names.
    pub fn print_sql(lms: &str, private: &str) -> Result<String, StoreError> {
        let sql = migrate::pending_after(0, &Names::new(lms, private)?).concat();
        Ok(format!("BEGIN;\n\n{sql}\nCOMMIT;\n"))
    }

    /// Refuses to work on a schema that this library does not know; looks once.
    pub(crate) async fn require_schema(&self) -> Result<(), StoreError> {
        if self.inner.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        migrate::check(self.found().await?)?;
        self.inner.ready.store(true, Ordering::Release);
        Ok(())
    }

    /// The version in the database, and the oldest library schema that may still run on it. In a
    /// transaction, so that a pooler keeps question and answer together.
    pub(crate) async fn found(&self) -> Result<(i64, i64), StoreError> {
        let mut conn = self.inner.lines.take().await.map_err(of_read)?;
        let found = tokio::time::timeout(self.inner.limit, found_in(conn.enter(), &self.inner.names)).await;
        match found {
            Ok(found) => {
                conn.over(found.is_ok());
                found
            }
            Err(_) => {
                conn.close();
                Err(of_read(too_late()))
            }
        }
    }

    /// Sends a batch.
    pub(crate) async fn apply(&self, batch: &Arc<WriteBatch>) -> Result<Committed, StoreError> {
        batch.check()?;
        if !self.inner.lines.are_own() || !write::learners::joins(batch) {
            return self.apply_alone(batch).await;
        }
        // On the heap: it stands in this future twice, and in those of all callers.
        let alone = Box::pin(self.apply_alone(batch));
        match joined::Write::of(self, batch) {
            Ok(place) => place.hold(alone).await,
            Err(answer) => match answer.await {
                Some(answer) => answer.map(|()| write::committed(batch)),
                None => alone.await,
            },
        }
    }

    async fn apply_alone(&self, batch: &WriteBatch) -> Result<Committed, StoreError> {
        let inner = &self.inner;
        let call = Call::of(batch, &inner.names, false)?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.send(&call).await? {
                Ok(answer) => {
                    write::refused(&answer)?;
                    if !batch.events.is_empty() {
                        inner.hints.committed();
                    }
                    return Ok(write::committed(batch));
                }
                Err(e) if tries < TRIES && remedy(&e) == Remedy::Again => {
                    tracing::debug!(tries, "the database undid a batch and asks for another try");
                    tokio::time::sleep(jitter(tries)).await;
                }
                Err(e) => return Err(of_write(e)),
            }
        }
    }

    /// Sends a call once: no connection is an error of its own, before anything was sent.
    async fn send(&self, call: &Call) -> Result<Result<String, sqlx::Error>, StoreError> {
        let inner = &self.inner;
        let mut conn = inner.lines.take().await.map_err(of_read)?;
        let sent = within(inner.limit, self.send_on(&mut conn, call)).await;
        if sent.as_ref().is_err_and(|e| remedy(e) == Remedy::Reconnect) {
            conn.close();
        }
        Ok(sent)
    }

    async fn send_on(&self, conn: &mut Held, call: &Call) -> Result<String, sqlx::Error> {
        debug_assert!(!call.is_hosts(), "a host's batch runs in the host's transaction");
        let inner = &self.inner;
        if !inner.pooled && !inner.explicit.load(Ordering::Relaxed) {
            let sent = call.send(conn.statement(), true).await;
            conn.over(sent.is_ok());
            match sent? {
                Answer::Said(answer) => return Ok(answer),
                Answer::Isolation => inner.explicit.store(true, Ordering::Relaxed),
            }
        }
        let begin = if inner.pooled { BEGIN_POOLED } else { BEGIN };
        let sent = in_transaction(conn.enter(), call, begin, !inner.pooled).await;
        conn.over(sent.is_ok());
        sent
    }

    /// Reads the records of many at once, each behind its number from one on.
    pub(crate) async fn records<T>(
        &self,
        sql: &Arc<str>,
        params: Params,
        read: impl Fn(Fields<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<(usize, Result<T, StoreError>)>, StoreError> {
        let rows = self.fetch(&self.inner.lines, sql, &params).await.map_err(of_read)?;
        let number = |row: &PgRow| row.try_get::<i64, _>(0).ok().and_then(|n| usize::try_from(n).ok());
        rows.iter().map(|row| Ok((number(row).ok_or_else(rows::odd)?, record_of(row, 1, &read)))).collect()
    }

    /// Reads one record from the primary, and what it means.
    pub(crate) async fn record<T>(
        &self,
        sql: &Arc<str>,
        params: Params,
        read: impl FnOnce(Fields<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let row = self.row(&self.inner.lines, sql, params).await?;
        row.map(|row| record_of(&row, 0, read)).transpose()
    }

    /// Reads one document from the primary.
    pub(crate) async fn doc(&self, sql: &Arc<str>, params: Params) -> Result<Option<Doc>, StoreError> {
        Doc::parse(self.text(&self.inner.lines, sql, params).await?.as_deref())
    }

    /// Reads one document from the replica, where there is one and it is good enough.
    pub(crate) async fn stale_doc(&self, sql: &Arc<str>, params: Params) -> Result<Option<Doc>, StoreError> {
        Doc::parse(self.text(self.stale(), sql, params).await?.as_deref())
    }

    /// Where figures come from.
    fn stale(&self) -> &Lines {
        let replica = self.inner.replica.as_ref().filter(|_| !lms_core::store::must_be_fresh());
        replica.unwrap_or(&self.inner.lines)
    }

    /// Reads one list of records.
    pub(crate) async fn list<R: lms_core::model::table::Record>(
        &self,
        sql: &Arc<str>,
        params: Params,
    ) -> Result<Vec<R>, StoreError> {
        self.list_on(&self.inner.lines, sql, params).await
    }

    /// The same from the replica, where there is one and it is good enough.
    pub(crate) async fn stale_list<R: lms_core::model::table::Record>(
        &self,
        sql: &Arc<str>,
        params: Params,
    ) -> Result<Vec<R>, StoreError> {
        self.list_on(self.stale(), sql, params).await
    }

    async fn list_on<R: lms_core::model::table::Record>(
        &self,
        lines: &Lines,
        sql: &Arc<str>,
        params: Params,
    ) -> Result<Vec<R>, StoreError> {
        let text = self.text(lines, sql, params).await?.unwrap_or_default();
        let json = serde_json::from_str(&text).map_err(|e| StoreError::with_source(StoreErrorKind::Backend, e))?;
        rows::records(json)
    }

    /// One text.
    async fn text(&self, lines: &Lines, sql: &Arc<str>, params: Params) -> Result<Option<String>, StoreError> {
        let row = self.row(lines, sql, params).await?;
        row.map_or(Ok(None), |row| row.try_get(0)).map_err(of_read)
    }

    /// One row. A read may be sent again: when the connection breaks, until the server is back.
    async fn row(&self, lines: &Lines, sql: &Arc<str>, params: Params) -> Result<Option<PgRow>, StoreError> {
        self.require_schema().await?;
        let started = tokio::time::Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.fetch(lines, sql, &params).await {
                Ok(rows) => return Ok(rows.into_iter().next()),
                Err(e) => e,
            };
            match remedy(&error) {
                Remedy::Again if tries < TRIES => {}
                // A connection that nobody answers on any more may have taken longer to show itself.
                Remedy::Reconnect if started.elapsed() < PATIENCE || tries < 2 => {}
                _ => return Err(of_read(error)),
            }
            tokio::time::sleep(jitter(tries)).await;
        }
    }

    async fn fetch(&self, lines: &Lines, sql: &Arc<str>, params: &Params) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut arguments = PgArguments::default();
        for param in params {
            arguments.add(param.as_deref()).map_err(sqlx::Error::Encode)?;
        }
        let query = sqlx::query_with(AssertSqlSafe(sql.clone()), arguments).persistent(!self.inner.pooled);
        let mut conn = lines.take().await?;
        let row = if self.inner.pooled {
            // Behind a pooler only a transaction keeps a statement and its answer together.
            let inside = conn.enter();
            let inside = async {
                let mut tx = inside.begin_with(BEGIN_POOLED).await?;
                let row = query.fetch_all(&mut *tx).await?;
                tx.commit().await?;
                Ok(row)
            };
            within(self.inner.limit, inside).await
        } else {
            within(self.inner.limit, query.fetch_all(conn.statement())).await
        };
        conn.over(row.is_ok());
        if row.as_ref().is_err_and(|e| remedy(e) == Remedy::Reconnect) {
            conn.close();
        }
        row
    }
}

/// A little longer each time, and never the same for two callers.
fn jitter(tries: u32) -> Duration {
    let most = (5_u64 << tries.min(6)).min(100);
    Duration::from_millis(rand::random_range(1..=most))
}

/// What the server answers, if it does within the limit.
async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(too_late()))
}

/// The error of a connection on which no answer comes.
fn too_late() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the server did not answer in time"))
}

/// A batch in a transaction of its own.
async fn in_transaction(
    conn: &mut PgConnection,
    call: &Call,
    begin: &'static str,
    persistent: bool,
) -> Result<String, sqlx::Error> {
    let mut tx = conn.begin_with(begin).await?;
    let answer = match call.send(&mut tx, persistent).await? {
        Answer::Said(answer) => answer,
        Answer::Isolation => return Err(sqlx::Error::Protocol("READ COMMITTED was asked for and not had".to_owned())),
    };
    tx.commit().await?;
    Ok(answer)
}

/// The record in a row's column.
fn record_of<T>(
    row: &PgRow,
    column: usize,
    read: impl FnOnce(Fields<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let value = row.try_get_raw(column).map_err(of_read)?;
    let bytes = value.as_bytes().map_err(|e| StoreError::with_source(StoreErrorKind::Backend, e))?;
    read(Fields::of(bytes)?)
}

/// The schema's versions, in a transaction of their own.
async fn found_in(conn: &mut PgConnection, names: &Names) -> Result<(i64, i64), StoreError> {
    let mut tx = conn.begin_with(BEGIN).await.map_err(of_read)?;
    let found = migrate::found(&mut tx, names).await?;
    tx.commit().await.map_err(of_read)?;
    Ok(found)
}
