//! Many waiting batches in one commit.

use std::sync::Arc;
use std::time::Duration;

use lms_core::store::{Committed, StoreError, StoreErrorKind, WriteBatch};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::{Fault, backend, from_commit};
use crate::write;

/// Where the result of a batch goes.
pub(crate) type Answer = oneshot::Sender<Result<Committed, StoreError>>;
type Waiting = (Arc<WriteBatch>, Answer);
pub(crate) type Applied = Result<Committed, StoreError>;

/// How a batch that fails in its middle is undone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Undo {
    /// With all of the transaction: nothing is paid while nothing fails.
    Transaction,
    /// With a savepoint of its own.
    Savepoint,
}

/// Why a transaction of several came to nothing.
enum Lost {
    /// A batch failed in its middle, and its part cannot be undone alone.
    Undone,
    /// Nobody's batch is to blame.
    Failed(Failure),
}

/// Where a transaction failed.
enum Failure {
    Begin(rusqlite::Error),
    Commit(rusqlite::Error),
}

impl Failure {
    fn told(&self) -> StoreError {
        match self {
            Self::Begin(e) => StoreError::with_source(StoreErrorKind::Unavailable, e.to_string()),
            Self::Commit(e) => from_commit(e),
        }
    }
}

/// Applies a group in one transaction, and answers after the commit. What fails is not written, and takes
/// nobody along: then the others run again, with a savepoint each, and in the end one by one. Whether anything may
/// have been written.
pub(crate) fn commit(conn: &Connection, group: Vec<Waiting>) -> bool {
    // A caller who is gone before the start wants nothing written.
    let group: Vec<_> = group.into_iter().filter(|(_, answer)| !answer.is_closed()).collect();
    if group.is_empty() {
        return false;
    }
    if let [(batch, _)] = group.as_slice() {
        let applied = alone(conn, batch);
        let written = applied.is_ok();
        answer(group, vec![applied]);
        return written;
    }
    for undo in [Undo::Transaction, Undo::Savepoint] {
        match together(conn, &group, undo) {
            Ok(applied) => {
                answer(group, applied);
                return true;
            }
            Err(Lost::Undone) => {}
            Err(Lost::Failed(e)) => {
                let failed = group.iter().map(|_| Err(e.told())).collect();
                answer(group, failed);
                return false;
            }
        }
    }
    for single in group {
        let applied = alone(conn, &single.0);
        answer(vec![single], vec![applied]);
    }
    true
}

fn answer(group: Vec<Waiting>, applied: Vec<Applied>) {
    let mut applied = applied.into_iter();
    for (_, answer) in group {
        // The caller may be gone; what was written stays written.
        let _ = answer.send(applied.next().unwrap_or_else(|| Err(backend("a batch without a result"))));
    }
}

/// One batch in a transaction of its own, for a caller who cannot wait: nothing where another process writes.
pub(crate) fn at_once(conn: &Connection, batch: &WriteBatch, busy: Duration) -> Option<Applied> {
    conn.busy_timeout(Duration::ZERO).ok()?;
    let begun = begin(conn);
    let patient = conn.busy_timeout(busy);
    if begun.is_err() || patient.is_err() {
        undo(conn);
        return None;
    }
    Some(finish(conn, batch))
}

/// One batch in a transaction of its own.
fn alone(conn: &Connection, batch: &WriteBatch) -> Applied {
    begin(conn).map_err(|e| e.told())?;
    finish(conn, batch)
}

/// One batch in the transaction that has begun for it, and the end of that.
fn finish(conn: &Connection, batch: &WriteBatch) -> Applied {
    let applied = apply(conn, batch);
    // A batch that failed may have taken the transaction along: then there is nothing to finish.
    if applied.is_err() {
        undo(conn);
        return applied;
    }
    run(conn, "COMMIT").map_err(|e| {
        undo(conn);
        Failure::Commit(e).told()
    })?;
    applied
}

fn together(conn: &Connection, group: &[Waiting], how: Undo) -> Result<Vec<Applied>, Lost> {
    begin(conn).map_err(Lost::Failed)?;
    let mut applied = Vec::with_capacity(group.len());
    for (batch, _) in group {
        match member(conn, batch, how) {
            Some(result) => applied.push(result),
            None => {
                undo(conn);
                return Err(Lost::Undone);
            }
        }
    }
    run(conn, "COMMIT").map_err(|e| {
        undo(conn);
        // A key of the host's that is looked at when the transaction ends: somebody's row is to blame.
        match e.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => Lost::Undone,
            _ => Lost::Failed(Failure::Commit(e)),
        }
    })?;
    Ok(applied)
}

/// One of several; nothing when the transaction cannot go on.
fn member(conn: &Connection, batch: &WriteBatch, how: Undo) -> Option<Applied> {
    let before = conn.total_changes();
    if how == Undo::Savepoint {
        run(conn, "SAVEPOINT lms_batch").ok()?;
    }
    let applied = apply(conn, batch);
    // The database may have rolled the whole transaction back by itself.
    if conn.is_autocommit() {
        return None;
    }
    if how == Undo::Savepoint {
        if applied.is_err() {
            run(conn, "ROLLBACK TO lms_batch").ok()?;
        }
        run(conn, "RELEASE lms_batch").ok()?;
    } else if applied.is_err() && conn.total_changes() != before {
        return None;
    }
    Some(applied)
}

fn apply(conn: &Connection, batch: &WriteBatch) -> Applied {
    let applied = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| write::apply(conn, batch)));
    applied
        .unwrap_or_else(|_| Err(Fault::Store(backend("a batch panicked on the writer thread"))))
        .map_err(Fault::into_store)
}

fn begin(conn: &Connection) -> Result<(), Failure> {
    run(conn, "BEGIN IMMEDIATE").map_err(Failure::Begin)
}

fn undo(conn: &Connection) {
    if !conn.is_autocommit() {
        let _ = run(conn, "ROLLBACK");
    }
}

fn run(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(drop)
}
