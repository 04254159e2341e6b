//! Bringing the schema to this library's version (DESIGN §5).

use lms_core::store::{StoreError, StoreErrorKind};
use rusqlite::{Connection, TransactionBehavior};

use crate::error::from_driver;

/// The migrations, in order: each leads to its number.
const MIGRATIONS: &[(i64, &str)] = &[(1, include_str!("migrations/0001_initial.sql"))];

/// The version that this library needs.
pub(crate) const NEEDED: i64 = 1;

/// The version in the database, and the oldest library schema that may run on it; 0 for an empty one.
pub(crate) fn found(conn: &Connection) -> Result<(i64, i64), StoreError> {
    let there: bool = conn
        .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'lms_schema'")
        .and_then(|mut s| s.exists([]))
        .map_err(from_driver)?;
    if !there {
        return Ok((0, 0));
    }
    conn.query_row("SELECT coalesce(max(version), 0), coalesce(max(min_reader), 0) FROM lms_schema", [], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
    .map_err(from_driver)
}

/// Whether this library may run on the database.
pub(crate) fn check(conn: &Connection) -> Result<(), StoreError> {
    let (version, min_reader) = found(conn)?;
    if version < NEEDED || min_reader > NEEDED {
        return Err(StoreError::new(StoreErrorKind::Schema { found: version, needed: NEEDED }));
    }
    Ok(())
}

/// The SQL of every migration above a version, each with the row that says that it was applied.
pub(crate) fn pending_after(version: i64) -> Vec<String> {
    let missing = MIGRATIONS.iter().filter(|(number, _)| *number > version);
    missing
        .map(|(number, sql)| {
            format!(
                "{sql}\nINSERT INTO lms_schema (version, min_reader, applied_at)
    VALUES ({number}, 1, CAST(strftime('%s', 'now') AS INTEGER) * 1000000);\n"
            )
        })
        .collect()
}

/// Applies what is missing, all or nothing, under SQLite's own write lock.
pub(crate) fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(from_driver)?;
    let (version, min_reader) = found(&tx)?;
    if min_reader > NEEDED {
        return Err(StoreError::new(StoreErrorKind::Schema { found: version, needed: NEEDED }));
    }
    for sql in pending_after(version) {
        tx.execute_batch(&sql).map_err(from_driver)?;
    }
    tx.commit().map_err(from_driver)
}
