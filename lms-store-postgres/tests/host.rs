//! The host's own transaction: its rows and the library's commit together, or not at all.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::{Duration, Instant};

use lms_core::Lms;
use lms_core::lms::{EnrollOptions, NewCourse, NewUser};
use lms_core::model::{Course, Role, User};
use lms_core::store::{EventLog, StoreErrorKind};
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, AssertSqlSafe, Connection as _, PgConnection, Row as _};
use lms_store_postgres::testing::Cluster;

struct Shop {
    store: PgStore,
    lms: Lms,
    course: Course,
    buyer: User,
    orders: String,
}

async fn shop() -> Shop {
    let (schema, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(Cluster::shared().url()).schemas(&*schema, private).connect().await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let teacher = lms.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap();
    let buyer = lms.system().people().ensure_user(NewUser::new(Role::Student, "B")).await.unwrap();
    let catalog = lms.as_user(teacher.id);
    let course = catalog.catalog().create_course(NewCourse::titled("C")).await.unwrap();
    let lesson = catalog.catalog().add_lesson(course.id, lms_core::lms::NewLesson::titled("L")).await.unwrap();
    catalog.catalog().publish_lesson(lesson.id, true).await.unwrap();
    catalog.catalog().publish_course(course.id, true).await.unwrap();
    let orders = format!("{schema}_orders");
    let make = format!("CREATE TABLE {orders} (id bigint PRIMARY KEY, paid boolean NOT NULL)");
    driver::raw_sql(AssertSqlSafe(make)).execute(store.pool()).await.unwrap();
    Shop { store, lms, course, buyer, orders }
}

impl Shop {
    async fn count(&self) -> i64 {
        let sql = format!("SELECT count(*) FROM {}", self.orders);
        driver::query(AssertSqlSafe(sql)).fetch_one(self.store.pool()).await.unwrap().get(0)
    }

    async fn order(&self, conn: &mut PgConnection, id: i64) {
        let sql = format!("INSERT INTO {} VALUES ({id}, true)", self.orders);
        driver::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
    }
}

#[tokio::test]
async fn an_order_and_an_enrollment_commit_or_fail_together() {
    let shop = shop().await;
    let session = shop.lms.system();
    let mut conn = shop.store.pool().acquire().await.unwrap();

    // Neither: the host changes its mind after both were written.
    let (course, buyer) = (shop.course.id, shop.buyer.id);
    let planned = session
        .plan(|s| async move { s.enrollment().enroll(course, buyer, EnrollOptions::default()).await })
        .await
        .unwrap();
    let mut tx = conn.begin().await.unwrap();
    shop.order(&mut tx, 1).await;
    shop.store.write_in(&mut tx, &planned.batch).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(shop.count().await, 0);
    assert!(session.enrollment().enrollment(shop.course.id, shop.buyer.id).await.is_err());

    // Both.
    let mut tx = conn.begin().await.unwrap();
    shop.order(&mut tx, 2).await;
    shop.store.write_in(&mut tx, &planned.batch).await.unwrap();
    tx.commit().await.unwrap();
    shop.lms.committed();
    assert_eq!(shop.count().await, 1);
    assert!(session.enrollment().enrollment(shop.course.id, shop.buyer.id).await.is_ok());

    // What is out of date is told, and the host's transaction goes on as if it had not been tried.
    let mut tx = conn.begin().await.unwrap();
    shop.order(&mut tx, 3).await;
    let stale = shop.store.write_in(&mut tx, &planned.batch).await.unwrap_err();
    assert!(matches!(stale.kind(), StoreErrorKind::Conflict { .. } | StoreErrorKind::Duplicate(_)), "{stale:?}");
    shop.order(&mut tx, 4).await;
    tx.commit().await.unwrap();
    assert_eq!(shop.count().await, 3);
}

#[tokio::test]
async fn a_structural_batch_needs_leave_to_lock_the_course() {
    let shop = shop().await;
    let batch = lms_core::store::WriteBatch { exclusive: vec![shop.course.id], ..Default::default() };
    let mut conn = shop.store.pool().acquire().await.unwrap();
    let mut tx = conn.begin().await.unwrap();
    assert_eq!(shop.store.write_in(&mut tx, &batch).await.unwrap_err().kind(), &StoreErrorKind::NotSupported);
    shop.store.write_structure_in(&mut tx, &batch).await.unwrap();
    tx.commit().await.unwrap();
}

/// In a snapshot that is out of date the write is a serialization failure, never a wrong write.
#[tokio::test]
async fn a_stale_snapshot_of_the_host_is_retryable() {
    let shop = shop().await;
    let session = shop.lms.system();
    let (course, buyer) = (shop.course.id, shop.buyer.id);
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let planned = session
            .plan(|s| async move { s.enrollment().enroll(course, buyer, EnrollOptions::default()).await })
            .await
            .unwrap();
        let mut conn = shop.store.pool().acquire().await.unwrap();
        let begin = format!("BEGIN ISOLATION LEVEL {level}");
        let mut tx = conn.begin_with(AssertSqlSafe(begin)).await.unwrap();
        shop.order(&mut tx, if level == "SERIALIZABLE" { 2 } else { 1 }).await;
        // After the host's snapshot somebody changes the course's structure.
        let catalog = shop.lms.as_user(shop.course.instructor_id);
        catalog.catalog().add_lesson(shop.course.id, lms_core::lms::NewLesson::titled("Another")).await.unwrap();
        let refused = shop.store.write_in(&mut tx, &planned.batch).await.unwrap_err();
        assert!(refused.is_retryable(), "{level}: {refused:?}");
        drop(tx);
        assert!(session.enrollment().enrollment(shop.course.id, shop.buyer.id).await.is_err());
    }
}

/// A transaction that the host began by an SQL text is the host's to end as much as one of the driver's.
#[tokio::test]
async fn a_transaction_begun_by_text_is_not_committed() {
    let shop = shop().await;
    let session = shop.lms.system();
    let (course, buyer) = (shop.course.id, shop.buyer.id);
    let plan = || session.plan(|s| async move { s.enrollment().enroll(course, buyer, EnrollOptions::default()).await });
    let mut conn = PgConnection::connect(Cluster::shared().url()).await.unwrap();
    let planned = plan().await.unwrap();
    let is_there = || async { session.enrollment().enrollment(course, buyer).await.is_ok() };

    driver::raw_sql("BEGIN").execute(&mut conn).await.unwrap();
    shop.order(&mut conn, 1).await;
    shop.store.write_in(&mut conn, &planned.batch).await.unwrap();
    driver::raw_sql("ROLLBACK").execute(&mut conn).await.unwrap();
    assert_eq!((shop.count().await, is_there().await), (0, false), "neither");

    // None is open: not begun, or ended behind the driver's back.
    let closed = shop.store.write_in(&mut conn, &planned.batch).await.unwrap_err();
    assert_eq!(closed.kind(), &StoreErrorKind::NotSupported, "{closed:?}");
    assert!(std::error::Error::source(&closed).unwrap().to_string().contains("no transaction is open"));
    let mut tx = conn.begin().await.unwrap();
    driver::raw_sql("ROLLBACK").execute(&mut *tx).await.unwrap();
    let closed = shop.store.write_in(&mut tx, &planned.batch).await.unwrap_err();
    assert_eq!(closed.kind(), &StoreErrorKind::NotSupported, "{closed:?}");
    drop(tx);
    assert!(!is_there().await, "nothing was written");

    let mut conn = PgConnection::connect(Cluster::shared().url()).await.unwrap();
    driver::raw_sql("BEGIN").execute(&mut conn).await.unwrap();
    shop.order(&mut conn, 2).await;
    shop.store.write_in(&mut conn, &planned.batch).await.unwrap();
    // What is out of date leaves the transaction as it was.
    let stale = shop.store.write_in(&mut conn, &planned.batch).await.unwrap_err();
    assert!(matches!(stale.kind(), StoreErrorKind::Conflict { .. } | StoreErrorKind::Duplicate(_)), "{stale:?}");
    shop.order(&mut conn, 3).await;
    driver::raw_sql("COMMIT").execute(&mut conn).await.unwrap();
    assert_eq!((shop.count().await, is_there().await), (2, true), "both");
}

/// A snapshot that is older than the course's lock would count learners as they were: it is refused.
#[tokio::test]
async fn a_structural_batch_needs_fresh_snapshots() {
    let shop = shop().await;
    let batch = lms_core::store::WriteBatch { exclusive: vec![shop.course.id], ..Default::default() };
    let mut conn = shop.store.pool().acquire().await.unwrap();
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let begin = format!("BEGIN ISOLATION LEVEL {level}");
        let mut tx = conn.begin_with(AssertSqlSafe(begin)).await.unwrap();
        let refused = shop.store.write_structure_in(&mut tx, &batch).await.unwrap_err();
        assert_eq!(refused.kind(), &StoreErrorKind::NotSupported, "{level}: {refused:?}");
        tx.rollback().await.unwrap();
    }
    let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await.unwrap();
    shop.store.write_structure_in(&mut tx, &batch).await.unwrap();
    tx.commit().await.unwrap();
}

/// What the host has committed gets its place in the log at once, without waiting for the clock: nobody listens
/// here, so that the clock comes round every five seconds.
#[tokio::test]
async fn a_hosts_commit_is_numbered_when_the_host_says_so() {
    let shop = shop().await;
    let session = shop.lms.system();
    let (course, buyer) = (shop.course.id, shop.buyer.id);
    let planned = session
        .plan(|s| async move { s.enrollment().enroll(course, buyer, EnrollOptions::default()).await })
        .await
        .unwrap();
    let event = planned.batch.events.first().unwrap().id;
    shop.lms.settle().await.unwrap();
    // The step that the shop's own commits have asked for is over, too.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut conn = shop.store.pool().acquire().await.unwrap();
    let mut tx = conn.begin().await.unwrap();
    shop.store.write_in(&mut tx, &planned.batch).await.unwrap();
    tx.commit().await.unwrap();
    drop(conn);
    shop.lms.committed();
    let said = Instant::now();
    while shop.store.event(event).await.unwrap().unwrap().position == 0 {
        assert!(said.elapsed() < Duration::from_secs(2), "it waits for the clock");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
