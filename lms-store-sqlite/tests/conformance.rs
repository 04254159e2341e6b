//! The contract of a store, on SQLite in memory, on a file, and behind `Arc<dyn Store>`.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use lms_core::store::Store;
use lms_store_sqlite::SqliteStore;

lms_core::conformance!(in_memory, SqliteStore::in_memory().await.unwrap());
lms_core::conformance!(on_a_file, file().await);
lms_core::conformance!(shared, shared().await);

/// A store on a fresh file, whose folder lives as long as the test's process.
async fn file() -> SqliteStore {
    let folder = tempfile::tempdir().unwrap().keep();
    SqliteStore::open(folder.join("lms.db")).await.unwrap()
}

/// A store whose type is not known: it forwards to the one behind it.
async fn shared() -> Arc<dyn Store> {
    Arc::new(SqliteStore::in_memory().await.unwrap())
}
