//! Parts of the background that have nothing to do leave each other alone.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use lms_core::lms::{Consumer, Lease};
use lms_core::{Error, Lms};
use lms_store_sqlite::SqliteStore;
use support::World;

struct Idle {
    name: &'static str,
    steps: Arc<AtomicUsize>,
}

#[async_trait]
impl Consumer for Idle {
    fn name(&self) -> &str {
        self.name
    }
    async fn step(&self, _: &Lms, _: &Lease) -> Result<usize, Error> {
        self.steps.fetch_add(1, Ordering::Relaxed);
        Ok(0)
    }
}

/// How many steps two idle consumers make in a second, each of which would pause for ten.
async fn steps(lms: Lms) -> usize {
    let steps = Arc::new(AtomicUsize::new(0));
    let idle = |name| Idle { name, steps: steps.clone() };
    let background = lms.background().with(idle("one")).with(idle("two")).pause(Duration::from_secs(10));
    let run = background.run(tokio::time::sleep(Duration::from_secs(1)));
    tokio::time::timeout(Duration::from_secs(8), run).await.unwrap();
    steps.load(Ordering::Relaxed)
}

/// rules: V6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v6_idle_consumers_do_not_wake_each_other() {
    let world = World::new().await;
    // What the setup has committed may still wake each of them, once by the writer and once by the watch.
    let made = steps(world.lms.clone()).await;
    assert!(made <= 8, "{made} steps on a file");
    let memory = Lms::builder(SqliteStore::in_memory().await.unwrap()).build();
    memory.migrate().await.unwrap();
    let made = steps(memory).await;
    assert!(made <= 8, "{made} steps in memory");
}
