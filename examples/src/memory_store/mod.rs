//! A third store, small and complete: tables of plain rows behind one lock. It keeps nothing when the
//! process ends, and it passes the whole conformance suite (`examples/tests/custom_store.rs`).
//!
//! One lock makes the hard promises easy: a batch holds it alone, so courses need no locks of their own,
//! and a read holds it with other reads, so it sees one snapshot. A batch that fails is undone row by row.
//! Keys, references and deletes go by the description of the tables in `lms_core::store`.

mod analytics;
mod budgets;
mod contexts;
mod erase;
mod expect;
mod reads;
mod tables;
mod write;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use lms_core::store::{Committed, Store, StoreError, WriteBatch};
use tokio::sync::Notify;

use tables::Tables;

/// A store in memory. Clones share their rows.
#[derive(Clone, Default)]
pub struct MemoryStore {
    tables: Arc<RwLock<Tables>>,
    committed: Arc<Notify>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    // Nothing below panics while it holds the lock; a host's thread that dies elsewhere poisons nothing.
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn write(&self, batch: Arc<WriteBatch>) -> Result<Committed, StoreError> {
        batch.check()?;
        let committed = self.change().apply(&batch)?;
        // Those who wait now, and the next one who comes.
        self.committed.notify_waiters();
        self.committed.notify_one();
        Ok(committed)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn schema_version(&self) -> Result<(i64, i64), StoreError> {
        Ok((1, 1))
    }
}
