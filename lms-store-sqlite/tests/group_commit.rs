//! Batches that wait together are committed together, and fail alone.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use lms_core::Lms;
use lms_core::model::table::Json;
use lms_core::store::{Change, Committed, Constraint, Store, StoreError, StoreErrorKind, WriteBatch};
use lms_store_sqlite::SqliteStore;
use support::{World, number, person, rows};
use tokio::task::JoinHandle;

type Writing<'a> = Pin<Box<dyn Future<Output = Result<Committed, StoreError>> + Send + 'a>>;

/// A host's transaction that keeps the writer busy until it is let go.
struct Held {
    go: mpsc::Sender<()>,
    transaction: JoinHandle<()>,
}

impl Held {
    async fn by(store: &SqliteStore) -> Self {
        let (go, wait) = mpsc::channel();
        let (entered, inside) = tokio::sync::oneshot::channel();
        let store = store.clone();
        let transaction = tokio::spawn(async move {
            let held = store.transaction(move |_| {
                entered.send(()).unwrap();
                wait.recv().map_err(drop)
            });
            held.await.unwrap().unwrap();
        });
        inside.await.unwrap();
        Self { go, transaction }
    }

    async fn release(self) {
        self.go.send(()).unwrap();
        self.transaction.await.unwrap();
    }
}

/// A batch that inserts so many people.
fn people(lms: &Lms, name: &str, count: usize) -> Arc<WriteBatch> {
    let changes = (0..count).map(|_| Change::Insert(person(lms, name).into())).collect();
    Arc::new(WriteBatch { changes, ..WriteBatch::default() })
}

/// Puts batches into the writer's queue, in this order, without waiting for them.
fn queue(store: &SqliteStore, batches: Vec<Arc<WriteBatch>>) -> Vec<Writing<'_>> {
    let mut all: Vec<Writing<'_>> = batches.into_iter().map(|batch| store.write(batch)).collect();
    for one in &mut all {
        // The first poll sends; the answer cannot be there, because the writer is held.
        assert!(one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    all
}

async fn answers(all: Vec<Writing<'_>>) -> Vec<Result<Committed, StoreError>> {
    let mut answers = Vec::new();
    for one in all {
        answers.push(one.await);
    }
    answers
}

/// Empties the write-ahead log, so that what it holds afterwards was committed afterwards.
fn empty_log(world: &World) {
    let conn = world.sql();
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    assert_eq!((busy, commits(&world.path)), (0, 0));
}

/// How many transactions the write-ahead log holds: the last frame of each carries the size of the
/// database after it, every other frame zero (the file format, "WAL File Format").
fn commits(database: &Path) -> usize {
    let log = fs::read(database.with_extension("db-wal")).unwrap();
    if log.len() < 32 {
        return 0;
    }
    let at = |bytes: &[u8], from: usize| u32::from_be_bytes(bytes[from..from + 4].try_into().unwrap());
    let (page, salt) = (at(&log, 8) as usize, &log[16..24]);
    log[32..].chunks_exact(24 + page).filter(|frame| frame[8..16] == *salt && at(frame, 4) != 0).count()
}

/// rules: DESIGN §6
#[tokio::test]
async fn one_bad_batch_of_a_hundred_fails_alone_in_one_commit() {
    let world = World::new().await;
    let known = person(&world.lms, "known");
    let insert = |user: &lms_core::model::User| Change::Insert(user.clone().into());
    let first = WriteBatch { changes: vec![insert(&known)], ..WriteBatch::default() };
    world.store.write(Arc::new(first)).await.unwrap();
    empty_log(&world);

    let held = Held::by(&world.store).await;
    let mut batches: Vec<_> = (0..100).map(|_| people(&world.lms, "good", 1)).collect();
    // It begins well, and ends with a row that exists.
    let changes = vec![insert(&person(&world.lms, "half")), insert(&known)];
    batches[37] = Arc::new(WriteBatch { changes, ..WriteBatch::default() });
    let waiting = queue(&world.store, batches);
    held.release().await;
    let answers = answers(waiting).await;

    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Ok(_) => assert_ne!(n, 37),
            Err(e) => assert_eq!((n, e.kind()), (37, &StoreErrorKind::Duplicate(Constraint::Id))),
        }
    }
    let conn = world.sql();
    assert_eq!(number(&conn, "SELECT count(*) FROM users WHERE display_name = 'good'"), 99);
    assert_eq!(number(&conn, "SELECT count(*) FROM users WHERE display_name = 'half'"), 0, "nothing of it stands");
    assert_eq!(commits(&world.path), 1, "all that waited are paid for once");
}

/// rules: DETAILS 24
#[tokio::test]
async fn a_large_batch_runs_alone() {
    let world = World::new().await;
    empty_log(&world);
    let held = Held::by(&world.store).await;
    let mut batches: Vec<_> = (0..7).map(|_| people(&world.lms, "small", 1)).collect();
    batches[3] = people(&world.lms, "large", 2_001);
    let waiting = queue(&world.store, batches);
    held.release().await;
    for answer in answers(waiting).await {
        answer.unwrap();
    }
    assert_eq!(rows(&world.sql(), "users"), 6 + 2_001);
    assert_eq!(commits(&world.path), 3, "those before it, itself, those after it");
}

/// SQLite may roll the whole transaction back on its own; then everything runs again one by one.
/// rules: DETAILS 24
#[tokio::test]
async fn a_lost_transaction_costs_only_its_cause() {
    for (raise, stand_together) in [("ROLLBACK", false), ("ABORT", true), ("FAIL", true)] {
        let world = World::new().await;
        world
            .sql()
            .execute_batch(&format!(
                "CREATE TRIGGER bomb BEFORE INSERT ON users WHEN NEW.display_name = 'bomb'
                 BEGIN SELECT RAISE({raise}, 'it went off'); END"
            ))
            .unwrap();
        // The writer sees the trigger, and its log begins anew.
        world.store.write(people(&world.lms, "before", 1)).await.unwrap();
        empty_log(&world);
        let held = Held::by(&world.store).await;
        let mut batches: Vec<_> = (0..10).map(|_| people(&world.lms, "good", 1)).collect();
        let changes = ["half", "bomb", "never"].map(|name| Change::Insert(person(&world.lms, name).into()));
        batches[4] = Arc::new(WriteBatch { changes: changes.into(), ..WriteBatch::default() });
        let waiting = queue(&world.store, batches);
        held.release().await;
        for (n, answer) in answers(waiting).await.into_iter().enumerate() {
            match answer {
                Ok(_) => assert_ne!(n, 4, "{raise}"),
                Err(e) => {
                    assert_eq!((n, e.kind()), (4, &StoreErrorKind::Backend), "{raise}: {e}");
                    assert!(e.to_string().contains("it went off"), "{raise}: {e}");
                }
            }
        }
        let conn = world.sql();
        assert_eq!(number(&conn, "SELECT count(*) FROM users WHERE display_name = 'good'"), 9, "{raise}");
        assert_eq!(rows(&conn, "users"), 10, "{raise}: nothing else stands");
        assert_eq!(commits(&world.path), if stand_together { 1 } else { 9 }, "{raise}");
        // Alone it fails in the same way.
        let alone = world.store.write(people(&world.lms, "bomb", 1)).await.unwrap_err();
        assert_eq!(alone.kind(), &StoreErrorKind::Backend, "{raise}: {alone}");
    }
}

/// A table of the host's may have keys that are looked at only when the transaction ends.
/// rules: DETAILS 24
#[tokio::test]
async fn a_refused_commit_costs_only_its_cause() {
    let world = World::new().await;
    world
        .sql()
        .execute_batch(
            "CREATE TABLE cards (owner TEXT REFERENCES owners (name) DEFERRABLE INITIALLY DEFERRED);
             CREATE TABLE owners (name TEXT PRIMARY KEY);
             CREATE TRIGGER card AFTER INSERT ON users WHEN NEW.display_name = 'bomb'
             BEGIN INSERT INTO cards VALUES ('nobody'); END",
        )
        .unwrap();
    let held = Held::by(&world.store).await;
    let mut batches: Vec<_> = (0..10).map(|_| people(&world.lms, "good", 1)).collect();
    batches[6] = people(&world.lms, "bomb", 1);
    let waiting = queue(&world.store, batches);
    held.release().await;
    for (n, answer) in answers(waiting).await.into_iter().enumerate() {
        match answer {
            Ok(_) => assert_ne!(n, 6),
            Err(e) => assert_eq!((n, e.kind()), (6, &StoreErrorKind::MissingReference), "{e:?}"),
        }
    }
    assert_eq!(rows(&world.sql(), "users"), 9);
}

#[tokio::test]
async fn a_full_disk_is_said_and_passes() {
    let world = World::new().await;
    let limit = |pages: &'static str| {
        let store = world.store.clone();
        async move {
            let set = move |tx: &lms_store_sqlite::driver::Transaction<'_>| {
                let now: i64 = tx.query_row("PRAGMA page_count", [], |row| row.get(0))?;
                let most = if pages == "two more" { now + 2 } else { 1_000_000 };
                tx.query_row(&format!("PRAGMA max_page_count = {most}"), [], |row| row.get::<_, i64>(0))
            };
            store.transaction(set).await.unwrap().unwrap();
        }
    };
    limit("two more").await;
    let large = || {
        let mut row = person(&world.lms, "large");
        row.metadata = Json::of(&serde_json::json!({ "a": "x".repeat(16_000) }));
        Arc::new(WriteBatch { changes: vec![Change::Insert(row.into())], ..WriteBatch::default() })
    };
    let held = Held::by(&world.store).await;
    let waiting = queue(&world.store, vec![people(&world.lms, "a", 1), large(), people(&world.lms, "b", 1)]);
    held.release().await;
    let answers = answers(waiting).await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    let full = answers[1].as_ref().unwrap_err();
    assert_eq!(full.kind(), &StoreErrorKind::Unavailable, "{full:?}");
    let alone = world.store.write(large()).await.unwrap_err();
    assert_eq!(alone.kind(), &StoreErrorKind::Unavailable, "{alone:?}");
    assert_eq!(rows(&world.sql(), "users"), 2);
    limit("many").await;
    world.store.write(large()).await.unwrap();
    assert_eq!(rows(&world.sql(), "users"), 3);
}

/// rules: DETAILS 24
#[tokio::test]
async fn a_full_queue_is_an_error_and_not_a_hang() {
    let world = World::new().await;
    let short = SqliteStore::builder(&world.path).queue_deadline(Duration::from_millis(20)).open().await.unwrap();
    short.migrate().await.unwrap();
    let held = Held::by(&short).await;
    let waiting = queue(&short, (0..1_024).map(|_| people(&world.lms, "waits", 1)).collect());
    for _ in 0..3 {
        let refused = short.write(people(&world.lms, "refused", 1)).await.unwrap_err();
        assert_eq!(refused.kind(), &StoreErrorKind::Unavailable, "{refused:?}");
        assert!(refused.is_retryable());
    }
    held.release().await;
    for answer in answers(waiting).await {
        answer.unwrap();
    }
    let conn = world.sql();
    assert_eq!(rows(&conn, "users"), 1_024);
    short.write(people(&world.lms, "later", 1)).await.unwrap();
    assert_eq!(rows(&conn, "users"), 1_025);
}

/// rules: DETAILS 24
#[tokio::test]
async fn a_caller_that_is_gone_before_the_start_wants_nothing_written() {
    let world = World::new().await;
    let held = Held::by(&world.store).await;
    let mut waiting = queue(&world.store, (0..4).map(|_| people(&world.lms, "good", 1)).collect());
    let gone = queue(&world.store, vec![people(&world.lms, "gone", 1)]);
    drop(gone);
    drop(waiting.remove(0));
    held.release().await;
    for answer in answers(waiting).await {
        answer.unwrap();
    }
    let conn = world.sql();
    assert_eq!(number(&conn, "SELECT count(*) FROM users WHERE display_name = 'good'"), 3);
    assert_eq!(rows(&conn, "users"), 3);
}

/// A lone caller's read borrows the write connection; where that is at work, another one reads.
/// rules: DETAILS 22
#[tokio::test]
async fn a_read_never_waits_for_a_writer() {
    let world = World::new().await;
    let known = person(&world.lms, "known");
    let insert = WriteBatch { changes: vec![Change::Insert(known.clone().into())], ..WriteBatch::default() };
    world.store.write(Arc::new(insert)).await.unwrap();
    let name = || async { world.lms.system().people().user(known.id).await.unwrap().display_name };
    let held = Held::by(&world.store).await;
    for _ in 0..100 {
        assert_eq!(name().await, "known");
    }
    held.release().await;
    assert_eq!(name().await, "known");
    // And it leaves the connection as it was: a write follows each read at once.
    for n in 0..100 {
        world.store.write(people(&world.lms, "next", 1)).await.unwrap();
        assert_eq!(name().await, "known", "{n}");
    }
    assert_eq!(rows(&world.sql(), "users"), 101);
}

/// The last one that goes waits for what is queued, and ends the threads: the file is closed then, which empties
/// its log.
/// rules: DESIGN §6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_written_before_the_store_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lms.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let held = Held::by(&store).await;
    let write = |store: SqliteStore| {
        let batch = people(&lms, "waits", 1);
        tokio::spawn(async move { store.write(batch).await.map(drop) })
    };
    let writers: Vec<_> = (0..20).map(|_| write(store.clone())).collect();
    drop((store, lms));
    tokio::time::sleep(Duration::from_millis(50)).await;
    held.release().await;
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    // Nobody has the file open: it holds all of the database, and a copy of it alone would, too.
    for log in ["lms.db-wal", "lms.db-shm"] {
        assert!(!folder.path().join(log).exists(), "{log} is left");
    }
    assert_eq!(rows(&support::around(&path), "users"), 20);
}
