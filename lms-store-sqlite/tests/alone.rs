//! Who calls alone is served in place, and holds up nobody by that.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use lms_core::Lms;
use lms_core::store::{Change, Key, Store as _, StoreErrorKind, Table, WriteBatch};
use lms_store_sqlite::{Durability, SqliteStore};
use support::{around, number, person};

/// A store whose commits wait for no disk, after so many of them that the next one is expected to be quick.
async fn brisk() -> (SqliteStore, Lms, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::builder(folder.path().join("lms.db")).durability(Durability::Normal).open().await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    until_in_place(&store, &lms).await;
    (store, lms, folder)
}

/// Writes until a batch is written in place. A busy machine is slow for a moment; in the end it is quick again.
async fn until_in_place(store: &SqliteStore, lms: &Lms) {
    let before = store.written_in_place();
    for _ in 0..20_000 {
        store.write(one(lms, "before")).await.unwrap();
        if store.written_in_place() > before {
            return;
        }
    }
    panic!("who calls alone is served in place");
}

fn one(lms: &Lms, name: &str) -> Arc<WriteBatch> {
    Arc::new(WriteBatch { changes: vec![Change::Insert(person(lms, name).into())], ..WriteBatch::default() })
}

#[tokio::test]
async fn a_lone_caller_waits_for_another_process_off_the_runtime() {
    let (store, lms, folder) = brisk().await;
    let other = around(&folder.path().join("lms.db"));
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // On one thread: if the write waited in place, this task could not run before it.
    let release = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        other.execute_batch("COMMIT").unwrap();
    });
    tokio::time::timeout(Duration::from_secs(4), store.write(one(&lms, "after"))).await.unwrap().unwrap();
    assert!(release.is_finished(), "the other process's transaction ended while the caller waited");
    let conn = around(&folder.path().join("lms.db"));
    assert_eq!(number(&conn, "SELECT count(*) FROM users WHERE display_name = 'after'"), 1);
}

/// What may take any time runs on the thread.
#[tokio::test]
async fn what_cascades_or_counts_is_not_done_in_place() {
    let (store, lms, _folder) = brisk().await;
    let gone = person(&lms, "gone");
    store
        .write(Arc::new(WriteBatch { changes: vec![Change::Insert(gone.clone().into())], ..WriteBatch::default() }))
        .await
        .unwrap();
    let before = store.written_in_place();
    let changes = vec![Change::Delete(Key::Id(Table::User, gone.id.uuid()))];
    store.write(Arc::new(WriteBatch { changes, ..WriteBatch::default() })).await.unwrap();
    assert_eq!(store.written_in_place(), before);
}

#[tokio::test]
async fn a_failure_in_place_leaves_nothing_and_the_next_one_works() {
    let (store, lms, folder) = brisk().await;
    until_in_place(&store, &lms).await;
    let known = person(&lms, "known");
    let twice = vec![Change::Insert(known.clone().into()), Change::Insert(known.into())];
    let failed = store.write(Arc::new(WriteBatch { changes: twice, ..WriteBatch::default() })).await.unwrap_err();
    assert!(matches!(failed.kind(), StoreErrorKind::Duplicate(_)), "{failed}");
    store.write(one(&lms, "next")).await.unwrap();
    let conn = around(&folder.path().join("lms.db"));
    assert_eq!(number(&conn, "SELECT count(*) FROM users WHERE display_name = 'known'"), 0);
    assert_eq!(number(&conn, "SELECT count(*) FROM users WHERE display_name = 'next'"), 1);
}
