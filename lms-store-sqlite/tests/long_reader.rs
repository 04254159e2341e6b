//! The write-ahead log under readers that overlap, and under one that stays.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lms_core::model::table::Json;
use lms_core::model::{Role, User, UserId};
use lms_core::store::{ById, Change, PeopleReads, Store, WriteBatch};
use lms_store_sqlite::SqliteStore;
use support::{World, around, number};

const MEGABYTE: u64 = 1024 * 1024;

/// So many batches of two hundred people with names of some length: about a megabyte for each ten.
async fn people(world: &World, batches: usize) {
    let now = world.lms.now();
    for _ in 0..batches {
        let mut batch = WriteBatch::default();
        for _ in 0..200 {
            let user = User {
                id: UserId::from_uuid(world.lms.ids().uuid(now)),
                role: Role::Student,
                display_name: "Somebody with a long name ".repeat(10),
                email: None,
                external_id: None,
                metadata: Json::object(),
                erased_at: None,
                version: 1,
                created_at: now,
                updated_at: now,
            };
            batch.changes.push(Change::Insert(user.into()));
        }
        world.store.write(Arc::new(batch)).await.unwrap();
    }
}

/// Readers that overlap leave no moment without one: the log is made to start over all the same.
/// rules: DESIGN §6
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_that_overlap_do_not_let_the_log_grow_without_end() {
    let world = World::new().await;
    people(&world, 1).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..4 {
        let (store, over) = (world.store.clone(), over.clone());
        readers.push(tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                store.users(ById { after: None, limit: 500 }).await.unwrap();
            }
        }));
    }
    let mut most = 0;
    for _ in 0..40 {
        people(&world, 12).await;
        most = most.max(world.store.wal_bytes());
    }
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(most < 80 * MEGABYTE, "the log grew to {} MB", most / MEGABYTE);
}

/// A transaction that the host keeps open is said: the log's size tells of it, and comes down once it is over.
/// rules: DESIGN §6
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_that_stays_shows_in_the_size_of_the_log() {
    let world = World::new().await;
    people(&world, 20).await;
    let before = world.store.wal_bytes();
    let host = around(&world.path);
    host.execute_batch("BEGIN").unwrap();
    let seen = number(&host, "SELECT count(*) FROM users");
    people(&world, 400).await;
    let grown = world.store.wal_bytes();
    assert!(grown > before + 32 * MEGABYTE, "{before} to {grown} bytes");
    assert_eq!(number(&host, "SELECT count(*) FROM users"), seen, "its snapshot stands");
    host.execute_batch("COMMIT").unwrap();
    // The next look is within half a second of writing.
    for _ in 0..40 {
        people(&world, 1).await;
        if world.store.wal_bytes() < grown / 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the log stays at {} bytes", world.store.wal_bytes());
}

/// Another process writes all the time, here another connection that takes the write lock again and again:
/// every transaction of ours takes that lock first, so none finds its snapshot out of date (SQLITE_BUSY at once,
/// whatever the busy timeout).
/// rules: DESIGN §6
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_process_that_writes_all_the_time_costs_only_waiting() {
    let world = World::new().await;
    let other = SqliteStore::open(&world.path).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let foreign = {
        let (path, over) = (world.path.clone(), over.clone());
        std::thread::spawn(move || {
            let conn = around(&path);
            conn.execute_batch("CREATE TABLE foreign_rows (n INTEGER)").unwrap();
            let mut rounds = 0;
            while !over.load(Ordering::Relaxed) {
                conn.execute_batch("BEGIN IMMEDIATE; INSERT INTO foreign_rows VALUES (1); COMMIT").unwrap();
                rounds += 1;
                std::thread::sleep(Duration::from_micros(200));
            }
            rounds
        })
    };
    let mut writers = Vec::new();
    for n in 0..8 {
        let store = if n % 2 == 0 { world.store.clone() } else { other.clone() };
        let (lms, now) = (world.lms.clone(), world.lms.now());
        writers.push(tokio::spawn(async move {
            for _ in 0..40 {
                let user = User {
                    id: UserId::from_uuid(lms.ids().uuid(now)),
                    role: Role::Student,
                    display_name: "Somebody".to_owned(),
                    email: None,
                    external_id: None,
                    metadata: Json::object(),
                    erased_at: None,
                    version: 1,
                    created_at: now,
                    updated_at: now,
                };
                let batch = WriteBatch { changes: vec![Change::Insert(user.into())], ..WriteBatch::default() };
                let written = store.write(Arc::new(batch)).await;
                assert!(written.is_ok(), "{:?}", written.map_err(|e| e.kind().clone()));
                // Its own write is there at once.
                store.users(ById::default()).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    assert!(foreign.join().unwrap() > 20, "the other process did write");
    assert_eq!(number(&world.sql(), "SELECT count(*) FROM users"), 320);
}
