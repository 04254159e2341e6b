//! The contract of a store, on SQLite in memory and on a file.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use lms_store_sqlite::SqliteStore;

lms_core::conformance!(in_memory, SqliteStore::in_memory().await.unwrap());
lms_core::conformance!(on_a_file, file().await);

/// A store on a fresh file, whose folder lives as long as the test's process.
async fn file() -> SqliteStore {
    let folder = tempfile::tempdir().unwrap().keep();
    SqliteStore::open(folder.join("lms.db")).await.unwrap()
}
