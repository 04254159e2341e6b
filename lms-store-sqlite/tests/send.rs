//! Every public future is Send, so that a host may spawn it on any runtime. The proof is that this file compiles.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::path::Path;

use lms_store_sqlite::SqliteStore;

fn send<F: Future + Send>(_: F) {}

fn calls(store: &SqliteStore) {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<SqliteStore>();
    send(SqliteStore::open(""));
    send(SqliteStore::builder("").open());
    send(SqliteStore::in_memory());
    send(store.pending());
    send(store.transaction(|_| Ok::<(), ()>(())));
}

#[test]
fn no_public_future_is_missing_above() {
    let _: fn(&SqliteStore) = calls;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let unheld = lms_core::testing::unheld_futures(&sources, include_str!("send.rs")).unwrap();
    assert!(unheld.is_empty(), "not held to be Send: {unheld:?}");
}
