//! Bringing the schema to this library's version (DESIGN §5).

use lms_core::store::{StoreError, StoreErrorKind};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _};

use crate::error::{of_read, of_write};
use crate::sql::Names;

/// The migrations, in order: each leads to its number.
const MIGRATIONS: &[(i64, &[&str])] = &[(
    1,
    &[
        include_str!("migrations/0001_tables.sql"),
        include_str!("migrations/0001_functions.sql"),
        include_str!("migrations/0001_write.sql"),
        include_str!("migrations/0001_rights.sql"),
    ],
)];

/// The version that this library needs.
pub(crate) const NEEDED: i64 = 1;

/// The version in the database, and the oldest library schema that may run on it; 0 for an empty one.
pub(crate) async fn found(conn: &mut PgConnection, names: &Names) -> Result<(i64, i64), StoreError> {
    let there = names.expand("SELECT to_regclass('{priv}.lms_schema') IS NOT NULL");
    let there: bool = sqlx::query(AssertSqlSafe(there))
        .persistent(false)
        .fetch_one(&mut *conn)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(of_read)?;
    if !there {
        return Ok((0, 0));
    }
    let sql = names.expand("SELECT coalesce(max(version), 0), coalesce(max(min_reader), 0) FROM {priv}.lms_schema");
    let row = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_one(conn).await.map_err(of_read)?;
    Ok((row.try_get(0).map_err(of_read)?, row.try_get(1).map_err(of_read)?))
}

/// Whether this library may run on the database.
pub(crate) fn check((version, min_reader): (i64, i64)) -> Result<(), StoreError> {
    if version < NEEDED || min_reader > NEEDED {
        return Err(StoreError::new(StoreErrorKind::Schema { found: version, needed: NEEDED }));
    }
    Ok(())
}

/// Applies what is missing, all or nothing, under a lock.
pub(crate) async fn migrate(conn: &mut PgConnection, names: &Names) -> Result<(), StoreError> {
    // Each statement sees what was committed before it: in another level the look at the version would be as old
    // as the wait for the lock.
    let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await.map_err(of_read)?;
    let lock = names.expand("SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({class}, -1)");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *tx).await.map_err(of_read)?;
    let (version, min_reader) = found(&mut tx, names).await?;
    if min_reader > NEEDED {
        return Err(StoreError::new(StoreErrorKind::Schema { found: version, needed: NEEDED }));
    }
    for sql in pending_after(version, names) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await.map_err(of_write)?;
    }
    tx.commit().await.map_err(of_write)
}

/// The SQL of every migration after a version, each with its own entry in the bookkeeping.
pub(crate) fn pending_after(version: i64, names: &Names) -> Vec<String> {
    MIGRATIONS
        .iter()
        .filter(|(number, _)| *number > version)
        .map(|(number, parts)| {
            let mut sql = parts.concat();
            sql.push_str(&format!(
                "\nINSERT INTO {{priv}}.lms_schema (version, min_reader, applied_at) VALUES ({number}, 1, now());\n"
            ));
            names.expand(&sql).to_string()
        })
        .collect()
}
