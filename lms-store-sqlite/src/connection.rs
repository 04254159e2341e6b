//! Connections, set up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lms_core::store::{StoreError, StoreErrorKind};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::Durability;
use crate::error::{Fault, from_driver};

/// Where the database is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    File(PathBuf),
    Memory,
}

/// Prepared statements kept per connection.
const STATEMENTS: usize = 512;

/// The one connection that writes.
pub(crate) fn writer(place: &Place, durability: Durability, busy: Duration) -> Result<Connection, StoreError> {
    let conn = match place {
        Place::Memory => Connection::open_in_memory(),
        Place::File(path) => Connection::open(path),
    }
    .map_err(from_driver)?;
    conn.busy_timeout(busy).map_err(from_driver)?;
    keep_plans(&conn)?;
    if matches!(place, Place::File(_)) {
        // Each connection would have a database of its own.
        if conn.path() == Some("") {
            return Err(unsupported("this is no file's name; for a database in memory see SqliteStore::in_memory()"));
        }
        let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(from_driver)?;
        if mode != "wal" {
            return Err(unsupported(
                "SQLite has no write-ahead log on this file system; it needs shared memory, which network disks lack",
            ));
        }
    }
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    conn.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = ON;"
    ))
    .map_err(from_driver)?;
    Ok(conn)
}

fn unsupported(why: &'static str) -> StoreError {
    StoreError::with_source(StoreErrorKind::NotSupported, why)
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path, busy: Duration) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(path, flags).map_err(from_driver)?;
    conn.busy_timeout(busy).map_err(from_driver)?;
    keep_plans(&conn)?;
    conn.execute_batch("PRAGMA query_only = ON").map_err(from_driver)?;
    Ok(conn)
}

/// Every statement is compiled once. Without the planner's stability guarantee SQLite compiles a statement
/// again at each step after a parameter has changed, once ANALYZE has filled its histograms.
fn keep_plans(conn: &Connection) -> Result<(), StoreError> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop).map_err(from_driver)
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
