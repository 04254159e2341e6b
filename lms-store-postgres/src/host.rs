//! A batch inside a transaction of the host's.

use lms_core::store::{Committed, StoreError, StoreErrorKind, WriteBatch};
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::PgStore;
use crate::error::{of_read, of_write};
use crate::write::{self, Answer, Call};

/// What begins, ends and takes back the batch's part of a transaction that the host began by SQL. The driver
/// counts only what was begun through it; for it this would be the outermost transaction, and its end a COMMIT.
const SAVEPOINT: &str = "SAVEPOINT lms_write_in";
const RELEASE: &str = "RELEASE SAVEPOINT lms_write_in";
const ROLLBACK: &str = "ROLLBACK TO SAVEPOINT lms_write_in; RELEASE SAVEPOINT lms_write_in";

impl PgStore {
    /// Applies a planned batch inside the host's own transaction, whole or not at all: after a Conflict
    /// or a Duplicate the transaction stands as before the call, and the host plans again. It is the host's
    /// to commit: this never does. After its commit the host calls `lms.committed()`; the poll backs that up.
    ///
    /// In an isolation level above READ COMMITTED a snapshot that is out of date is a serialization
    /// failure (SQLSTATE 40001, Unavailable here): the host rolls back and begins again.
    ///
    /// A caller that goes away before the answer rolls its transaction back if it began it by an SQL text; one
    /// that was begun through the driver stands as before the call.
    ///
    /// # Errors
    /// As [`Store::write`](lms_core::store::Store::write); NotSupported where no transaction is open on the
    /// connection, and for a batch that changes the structure of a course, which would hold the course's lock
    /// until the host commits: see [`PgStore::write_structure_in`].
    pub async fn write_in(&self, conn: &mut PgConnection, batch: &WriteBatch) -> Result<Committed, StoreError> {
        if !batch.exclusive.is_empty() {
            return Err(not_supported(
                "the batch changes a course's structure and would lock it until the host commits",
            ));
        }
        self.write_structure_in(conn, batch).await
    }

    /// As [`PgStore::write_in`], also for a batch that changes the structure of a course: nobody works
    /// in the course until the host commits.
    ///
    /// # Errors
    /// As [`PgStore::write_in`]; and NotSupported for such a batch in an isolation level above READ COMMITTED,
    /// whose snapshot is older than the course's lock: what it counts would be out of date.
    pub async fn write_structure_in(
        &self,
        conn: &mut PgConnection,
        batch: &WriteBatch,
    ) -> Result<Committed, StoreError> {
        self.require_schema().await?;
        let call = Call::of(batch, &self.inner.names, true)?;
        let persistent = !self.inner.pooled;
        if conn.is_in_transaction() {
            let mut savepoint = conn.begin().await.map_err(of_begin)?;
            return match send(&mut savepoint, batch, &call, persistent).await {
                Ok(committed) => {
                    savepoint.commit().await.map_err(of_read)?;
                    Ok(committed)
                }
                Err(e) => {
                    savepoint.rollback().await.map_err(of_read)?;
                    Err(e)
                }
            };
        }
        sqlx::raw_sql(SAVEPOINT).execute(&mut *conn).await.map_err(of_begin)?;
        let sent = send(conn, batch, &call, persistent).await;
        let end = if sent.is_ok() { RELEASE } else { ROLLBACK };
        sqlx::raw_sql(end).execute(conn).await.map_err(of_read)?;
        sent
    }
}

async fn send(
    conn: &mut PgConnection,
    batch: &WriteBatch,
    call: &Call,
    persistent: bool,
) -> Result<Committed, StoreError> {
    const STALE: &str = "a batch that changes a course's structure needs a transaction at READ COMMITTED";
    if !batch.exclusive.is_empty() {
        let level = sqlx::query("SELECT current_setting('transaction_isolation')").persistent(persistent);
        let level: String = level.fetch_one(&mut *conn).await.and_then(|row| row.try_get(0)).map_err(of_read)?;
        if level != "read committed" && level != "read uncommitted" {
            return Err(not_supported(STALE));
        }
    }
    match call.send(conn, persistent).await.map_err(of_write)? {
        Answer::Said(answer) => write::refused(&answer).map(|()| write::committed(batch)),
        Answer::Isolation => Err(not_supported(STALE)),
    }
}

/// The server is asked whether there is a transaction: it alone knows of one that was begun by an SQL text, and
/// of one that has ended.
fn of_begin(error: sqlx::Error) -> StoreError {
    let none_open = matches!(&error, sqlx::Error::BeginFailed)
        || error.as_database_error().is_some_and(|e| e.code().as_deref() == Some("25P01"));
    if none_open {
        return not_supported(
            "no transaction is open on the connection: begin one, call this, and commit it (without one the batch \
             would be committed at once, apart from the host's own rows)",
        );
    }
    of_read(error)
}

fn not_supported(why: &'static str) -> StoreError {
    StoreError::with_source(StoreErrorKind::NotSupported, why)
}
