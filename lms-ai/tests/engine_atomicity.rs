//! What AI writes stands whole, with its log row, or not at all; and no transaction is open while a
//! model thinks.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lms_ai::provider::{Reply, Scripted};
use lms_core::Lms;
use lms_core::lms::NewUser;
use lms_core::model::AiLogStatus::*;
use lms_core::model::Role;
use lms_core::store::Store;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{AssertSqlSafe, raw_sql};
use lms_store_sqlite::SqliteStore;
use lms_store_sqlite::driver::Connection;
use support::*;
use uuid::Uuid;

/// Every write to these counts down, and the one at which the count is used up fails: rows in, rows
/// changed, and the flip of the log row. Rows that the calls themselves log are let pass.
const TABLES: [&str; 17] = [
    "courses",
    "objectives",
    "lessons",
    "topics",
    "objective_lessons",
    "quizzes",
    "quiz_questions",
    "quiz_revisions",
    "objective_questions",
    "assignments",
    "objective_assignments",
    "submissions",
    "grade_history",
    "enrollments",
    "lesson_progress",
    "quiz_results",
    "activity_events",
];

/// A store whose writes can be made to fail at a certain one.
#[async_trait]
trait Faulty: Snapshot {
    /// From now on the write after so many more fails.
    async fn arm(&self, writes: usize);
    /// No write fails any more.
    async fn disarm(&self);
}

#[async_trait]
impl Faulty for SqliteStore {
    async fn arm(&self, writes: usize) {
        let mut sql = format!(
            "CREATE TABLE IF NOT EXISTS fault (n INTEGER); DELETE FROM fault; INSERT INTO fault VALUES ({writes});"
        );
        let body =
            "BEGIN UPDATE fault SET n = n - 1; SELECT RAISE(ABORT, 'a fault of the test') FROM fault WHERE n < 0; END;";
        for table in TABLES {
            for what in ["INSERT", "UPDATE"] {
                sql.push_str(&format!(
                    "CREATE TRIGGER IF NOT EXISTS fault_{table}_{what} BEFORE {what} ON {table} {body}"
                ));
            }
        }
        let flips = "NEW.status IN ('applied', 'review')";
        sql.push_str(&format!("CREATE TRIGGER IF NOT EXISTS fault_log BEFORE UPDATE ON ai_logs WHEN {flips} {body}"));
        self.transaction(move |tx| tx.execute_batch(&sql)).await.unwrap().unwrap();
    }

    async fn disarm(&self) {
        let mut sql = String::from("DROP TRIGGER fault_log; DROP TABLE fault;");
        for table in TABLES {
            sql.push_str(&format!("DROP TRIGGER fault_{table}_INSERT; DROP TRIGGER fault_{table}_UPDATE;"));
        }
        self.transaction(move |tx| tx.execute_batch(&sql)).await.unwrap().unwrap();
    }
}

#[async_trait]
impl Faulty for PgStore {
    async fn arm(&self, writes: usize) {
        let (_, private) = postgres::schemas(self);
        // A sequence counts on where a transaction does not come back.
        let mut sql = format!(
            "DROP SEQUENCE IF EXISTS {private}.fault CASCADE;
             CREATE SEQUENCE {private}.fault MINVALUE 0 START 0;
             CREATE OR REPLACE FUNCTION {private}.fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('{private}.fault') >= {writes} THEN
                     RAISE EXCEPTION 'a fault of the test';
                 END IF;
                 RETURN NEW;
             END $$;"
        );
        for (name, table) in postgres::tables_of(self).await {
            if TABLES.contains(&name.as_str()) {
                sql.push_str(&format!(
                    "CREATE OR REPLACE TRIGGER fault BEFORE INSERT OR UPDATE ON {table}
                     FOR EACH ROW EXECUTE FUNCTION {private}.fault();"
                ));
            }
        }
        sql.push_str(&format!(
            "CREATE OR REPLACE TRIGGER fault BEFORE UPDATE ON {private}.ai_logs FOR EACH ROW
             WHEN (NEW.status IN ('applied', 'review')) EXECUTE FUNCTION {private}.fault();"
        ));
        raw_sql(AssertSqlSafe(sql)).execute(self.pool()).await.unwrap();
    }

    async fn disarm(&self) {
        let (_, private) = postgres::schemas(self);
        let sql = format!("DROP FUNCTION {private}.fault() CASCADE; DROP SEQUENCE {private}.fault");
        raw_sql(AssertSqlSafe(sql)).execute(self.pool()).await.unwrap();
    }
}

/// How many writes each workflow makes at least: its rows, its event, and the flip of its log row.
const WORKFLOWS: [(&str, usize); 5] = [("outline", 18), ("quiz", 8), ("assignment", 6), ("body", 3), ("grade", 5)];

async fn a_fault_at_any_write_leaves_nothing<S: Store + Faulty + Clone>(world: World<S>, name: &str, least: usize) {
    let what = match name {
        "outline" => What::Outline,
        "quiz" => What::Quiz,
        "assignment" => What::Assignment,
        "body" => What::Body,
        _ => What::Grade(world.work(ESSAY).await),
    };
    let operation = Uuid::from_u128(7);
    let script = Script::new(Scripted::new().then(Reply::json(&what.good())));
    let ai = world.ai(script.clone());
    // The AI user is made when the first grade is applied; it is no part of the grade.
    ai.ai_user().await.unwrap();
    world.lms.settle().await.unwrap();
    let before = world.tables().await;
    let mut writes = 0;
    loop {
        world.store.arm(writes).await;
        match world.run(&ai, what, operation).await {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, lms_ai::AiError::Lms(_)), "{name} at {writes}: {error}"),
        }
        assert_eq!(differences(&before, &world.tables().await), [], "{name} at {writes}");
        let operation = world.operation_of(what, operation).await;
        assert_eq!(world.statuses(operation).await, [Valid], "{name} at {writes}");
        assert!(world.operation(operation).await[0].applied_at.is_none());
        writes += 1;
        assert!(writes < 200, "{name} never succeeds");
    }
    assert!(writes >= least, "{name} made only {writes} writes");
    world.store.disarm().await;
    assert_eq!(script.calls(), 1, "{name}: every retry used the stored answer");
    let operation = world.operation_of(what, operation).await;
    assert_eq!(world.statuses(operation).await, [Applied], "{name}");
    world.lms.settle().await.unwrap();
    let after = world.tables().await;
    assert!(!differences(&before, &after).is_empty());
    // And once more changes nothing.
    world.run(&ai, what, operation).await.unwrap();
    assert_eq!(differences(&after, &world.tables().await), [], "{name}");
    assert_eq!(script.calls(), 1, "{name}");
}

// rules: I1, I2, I3
#[tokio::test]
async fn i1_i2_a_fault_at_any_write_leaves_nothing_and_the_retry_pays_nothing() {
    for (name, least) in WORKFLOWS {
        a_fault_at_any_write_leaves_nothing(World::memory().await, name, least).await;
    }
}

// rules: I1, I2, I3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_i2_a_fault_at_any_write_leaves_nothing_on_postgres() {
    for (name, least) in WORKFLOWS {
        a_fault_at_any_write_leaves_nothing(World::postgres().await, name, least).await;
    }
}

/// The log row turns from valid to applied in the very batch that writes the content: nobody who reads
/// in one statement ever sees the one without the other.
// rules: I2
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn i2_nobody_sees_content_without_its_log_row_applied() {
    let world = Arc::new(World::file().await);
    let path = world.path.clone().unwrap();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = done.clone();
    let reader = std::thread::spawn(move || {
        let conn = Connection::open(path).unwrap();
        let mut looks = 0_u32;
        while !stop.load(std::sync::atomic::Ordering::SeqCst) || looks == 0 {
            let torn: i64 = conn
                .query_row(
                    "SELECT (SELECT count(*) FROM courses WHERE is_ai_generated = 1)
                          - (SELECT count(*) FROM ai_logs WHERE status = 'applied')",
                    [],
                    |row| row.get(0),
                )
                .unwrap();
            assert_eq!(torn, 0, "after {looks} looks");
            looks += 1;
        }
    });
    for n in 1..=20 {
        let script = Script::new(Scripted::new().then(Reply::json(&outline())));
        world.run(&world.ai(script), What::Outline, Uuid::from_u128(n)).await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    reader.join().unwrap();
    assert_eq!(world.tables().await["courses"].len(), 21);
}

/// While the model thinks, anyone else can write: another process, which would wait 300 milliseconds
/// for a lock and then fail. And it reads what was there before, and the attempt's row.
// rules: I2, I4
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn i4_no_transaction_is_open_while_a_model_thinks() {
    let world = Arc::new(World::file().await);
    let path = world.path.clone().unwrap();

    // What this test would see if one were open.
    let theirs = path.clone();
    let locked = world.store.transaction(move |_| -> Result<String, lms_store_sqlite::driver::Error> {
        let conn = Connection::open(theirs)?;
        conn.busy_timeout(Duration::from_millis(50))?;
        Ok(conn.execute_batch("UPDATE courses SET title = title").unwrap_err().to_string())
    });
    assert!(locked.await.unwrap().unwrap().contains("locked"));

    let short = Duration::from_millis(300);
    let store = SqliteStore::builder(&path).busy_timeout(short).queue_deadline(short).open().await.unwrap();
    let other = Lms::builder(store).deadline(short).build();
    let work = world.work(ESSAY).await;
    for (n, what) in
        [What::Outline, What::Quiz, What::Assignment, What::Grade(work), What::Body].into_iter().enumerate()
    {
        let before = world.tables().await;
        let (other, theirs) = (other.clone(), Arc::downgrade(&world));
        let answer = Scripted::new().then(Reply::text("not yet")).then(Reply::json(&what.good()));
        let provider = Acting::new(answer, move |request| {
            let (other, world, before) = (other.clone(), theirs.upgrade().unwrap(), before.clone());
            async move {
                let seen = differences(&before, &world.tables().await);
                assert!(
                    seen.iter().all(|(table, ..)| matches!(table.as_str(), "users" | "activity_events")),
                    "{seen:?}"
                );
                let name = format!("Written while attempt {} of {n} was under way", request.meta.attempt);
                other.system().people().ensure_user(NewUser::new(Role::Student, name)).await.unwrap();
                let rows = other.store().ai_operation(request.meta.operation_id).await.unwrap();
                let last = rows.last().unwrap();
                assert_eq!((last.attempt, last.status), (i64::from(request.meta.attempt), Pending));
            }
        });
        let ai = world.ai(provider.clone());
        world.run(&ai, what, Uuid::from_u128(n as u128 + 1)).await.unwrap();
        assert_eq!(provider.calls(), 2);
    }
    let written = world.tables().await["users"].iter().filter(|row| row.contains("Written while")).count();
    assert_eq!(written, 10);
}
