//! A replica answers for analytics, and for nothing else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::future::poll_fn;
use std::time::Duration;

use lms_core::Lms;
use lms_core::store::{AnalyticsReads, CatalogReads, QuizScope, Store};
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::PgPool;
use lms_store_postgres::testing::Cluster;

/// A server that has the same schemas and none of the rows is a replica that lags behind for ever: what comes
/// from it can be told from what does not.
/// rules: DESIGN §7, DETAILS 23, V5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn analytics_come_from_the_replica_and_all_else_from_the_primary() {
    let (name, private) = Cluster::fresh_schemas();
    let behind = Cluster::start(&[]);
    let empty = PgStore::builder(behind.url()).schemas(name.as_str(), private.as_str()).connect().await.unwrap();
    empty.migrate().await.unwrap();
    let builder = PgStore::builder(Cluster::shared().url()).schemas(name.as_str(), private.as_str());
    let store = builder.replica(behind.url()).connect().await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 2, 2).await.unwrap();
    for lesson in &room.lessons {
        room.student(0).learning().complete_lesson(*lesson).await.unwrap();
    }

    // Figures: of a database without the course.
    assert_eq!(store.completion(room.course).await.unwrap(), None);
    let (now, ago) = (lms.now(), lms.now().plus_seconds(-3_600));
    assert_eq!(store.active_students(Some(room.course), ago, now).await.unwrap(), 0);
    assert_eq!(store.quiz_percents(QuizScope::Course(room.course)).await.unwrap().pairs, 0);
    assert!(store.lesson_counts(room.course).await.unwrap().is_empty());

    // What decides, what a person sees of their own work, certificates, the log.
    assert!(store.course(None, room.course, None).await.unwrap().is_some());
    let standing = room.student(0).learning().standing(room.course, room.students[0]).await.unwrap();
    assert!(standing.completed_at.is_some());
    room.student(0).certificates().of(room.course, room.students[0]).await.unwrap();
    assert!(lms.settle().await.unwrap() > 0);

    // A live state ends on the latest, which a replica cannot promise.
    let mut states = lms.live().course_metrics(&room.teacher(), room.course).await.unwrap();
    room.student(1).learning().complete_lesson(room.lessons[0]).await.unwrap();
    room.student(1).learning().complete_lesson(room.lessons[1]).await.unwrap();
    loop {
        let next = poll_fn(|cx| states.as_mut().poll_next(cx));
        let state = tokio::time::timeout(Duration::from_secs(20), next).await.expect("a state within 20 s");
        if state.unwrap().unwrap().completion.completed == 2 {
            break;
        }
    }
}

/// rules: DESIGN §7
#[tokio::test]
async fn a_replica_that_is_gone_fails_only_the_figures() {
    let (name, private) = Cluster::fresh_schemas();
    // Over a pool of the host's, too.
    let pool = PgPool::connect_lazy(Cluster::shared().url()).unwrap();
    let builder = PgStore::builder_over(pool).schemas(name, private);
    let nowhere = "postgres://nobody@localhost:1/nothing?host=/nowhere";
    let store = builder.replica(nowhere).acquire_timeout(Duration::from_millis(300)).connect().await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 1, 1).await.unwrap();
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let gone = store.completion(room.course).await.unwrap_err();
    assert!(gone.is_retryable(), "{gone:?}");
}
