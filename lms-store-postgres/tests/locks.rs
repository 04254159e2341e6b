//! What a write holds until its commit, and what it must not; the durability of the store's sessions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use lms_core::Lms;
use lms_core::store::Store;
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, AssertSqlSafe, Connection as _, Row as _};
use lms_store_postgres::testing::Cluster;

/// A learner's write stands uncommitted: of what others need it holds the shared lock of the course and the
/// learner's own rows. No lock on the database (NOTIFY), on the log's head, on the course's row, or on a
/// person's.
/// rules: V1, P10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_holds_its_own_rows_and_the_courses_shared_lock() {
    let (name, private) = Cluster::fresh_schemas();
    let builder = PgStore::builder(Cluster::shared().url()).schemas(name.as_str(), private.as_str());
    let store = builder.connect().await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 2, 2).await.unwrap();
    let lesson = room.lessons[0];
    let me = room.student(0);
    let planned = me.plan(|s| async move { s.learning().complete_lesson(lesson).await }).await.unwrap();
    let mut conn = store.pool().acquire().await.unwrap();
    let mut tx = conn.begin().await.unwrap();
    store.write_in(&mut tx, &planned.batch).await.unwrap();

    let held = driver::query(
        "SELECT locktype::text, mode::text FROM pg_locks WHERE pid = pg_backend_pid() AND granted
         AND locktype NOT IN ('relation', 'virtualxid', 'transactionid')",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    let held: Vec<(String, String)> = held.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(held, [("advisory".to_owned(), "ShareLock".to_owned())]);
    // Of tables nothing but what every writer and reader holds, all of which go together.
    let strong = driver::query(
        "SELECT relation::regclass::text FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'
         AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    assert!(strong.is_empty());

    let mut other = store.pool().acquire().await.unwrap();
    let mut free = async |sql: String| {
        let sql = sql.replace("{lms}", &name).replace("{priv}", &private);
        driver::raw_sql(AssertSqlSafe(sql)).execute(&mut *other).await.map(drop)
    };
    let student = |n: usize| room.students[n].uuid();
    for row in [
        "{lms}.courses".to_owned(),
        "{lms}.lessons".to_owned(),
        "{lms}.users".to_owned(),
        format!("{{lms}}.enrollments WHERE student_id = '{}'", student(1)),
    ] {
        free(format!("SELECT 1 FROM {row} FOR NO KEY UPDATE NOWAIT")).await.unwrap();
    }
    free("SELECT 1 FROM {priv}.lms_log FOR UPDATE NOWAIT".to_owned()).await.unwrap();
    // The question can be answered with no.
    let own = format!("SELECT 1 FROM {{lms}}.enrollments WHERE student_id = '{}' FOR NO KEY UPDATE NOWAIT", student(0));
    let taken = free(own).await.unwrap_err();
    assert_eq!(taken.as_database_error().and_then(|e| e.code()).as_deref(), Some("55P03"));
    tx.commit().await.unwrap();
}

/// Rows that have foreign keys below them are never locked FOR UPDATE: whoever adds a child holds FOR KEY
/// SHARE, and two of them upgrading would be a deadlock. The relay step skips what is locked and waits for
/// nobody.
/// rules: P10
#[tokio::test]
async fn no_statement_locks_for_update() {
    let store = Cluster::shared().store().await.unwrap();
    let mut texts = vec![("migrations", PgStore::print_sql("lms", "lms_private").unwrap())];
    texts.extend(store.statements().into_iter().map(|(name, sql)| (name, sql.to_string())));
    let code = |sql: &str| -> String {
        let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
        lines.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut skips = 0;
    for (name, sql) in texts {
        let sql = code(&sql).to_uppercase();
        skips += sql.matches("FOR UPDATE SKIP LOCKED").count();
        let rest = sql.replace("FOR UPDATE SKIP LOCKED", "");
        assert!(!rest.contains("FOR UPDATE"), "{name} locks FOR UPDATE");
    }
    assert_eq!(skips, 1, "the relay step's");
    assert!(code("SELECT 1 -- FOR UPDATE\n FOR\n UPDATE").contains("FOR UPDATE"), "the search can find one");
}

/// On a server that confirms before it is sure, the store's own writes and positions are still durable before
/// they are confirmed or delivered.
/// rules: V1, V4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_commit_of_the_store_is_durable_before_it_is_confirmed() {
    let cluster = Cluster::start(&[("synchronous_commit", "off")]);
    let pooler = cluster.pooler(2);
    for pooled in [false, true] {
        let (name, private) = Cluster::fresh_schemas();
        let builder = PgStore::builder(if pooled { pooler.url() } else { cluster.url() });
        let builder = builder.schemas(name.as_str(), private.as_str());
        let builder = if pooled { builder.pooled(Some(cluster.url().to_owned())) } else { builder };
        let store = builder.connect().await.unwrap();
        store.migrate().await.unwrap();
        // What the setting was where an event was written, and where it was given its position.
        let witness = format!(
            "CREATE TABLE {private}.witness (what text, setting text);
             CREATE FUNCTION {private}.witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO {private}.witness VALUES (TG_OP, current_setting('synchronous_commit'));
                 RETURN NULL;
             END $$;
             CREATE TRIGGER witness AFTER INSERT OR UPDATE ON {private}.activity_events
                 FOR EACH STATEMENT EXECUTE FUNCTION {private}.witness()"
        );
        let mut session = driver::PgConnection::connect(cluster.url()).await.unwrap();
        driver::raw_sql(AssertSqlSafe(witness)).execute(&mut session).await.unwrap();
        let lms = Lms::builder(store).build();
        Classroom::build(&lms, 1, 1).await.unwrap();
        lms.settle().await.unwrap();
        let sql = format!("SELECT DISTINCT what, setting FROM {private}.witness ORDER BY what");
        let rows = driver::query(AssertSqlSafe(sql)).fetch_all(&mut session).await.unwrap();
        let seen: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let on = |what: &str| (what.to_owned(), "on".to_owned());
        assert_eq!(seen, [on("INSERT"), on("UPDATE")], "pooled: {pooled}");
        let default: String =
            driver::query("SELECT current_setting('synchronous_commit')").fetch_one(&mut session).await.unwrap().get(0);
        assert_eq!(default, "off", "the server's own default is another");
    }
}
