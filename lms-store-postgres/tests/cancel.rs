//! Callers that go away at any moment. Alone in its file: it looks at all sessions of the server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::time::Duration;

use lms_core::Lms;
use lms_core::model::EventKind;
use lms_core::store::EventFilter;
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, Row as _};
use lms_store_postgres::testing::Cluster;

/// Cancelled at points all over a command, then sent again with the same key: one result each, no session left
/// inside a transaction, and a pool that serves on.
/// rules: DETAILS 8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_command_that_was_cancelled_and_repeated_is_done_once() {
    const LEARNERS: usize = 100;
    let (name, private) = Cluster::fresh_schemas();
    let builder = PgStore::builder(Cluster::shared().url()).schemas(name, private);
    let store = builder.max_connections(4).connect().await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 2, LEARNERS).await.unwrap();
    let mut cut = 0;
    for lesson in &room.lessons {
        let mut callers = Vec::new();
        for (n, student) in room.students.iter().enumerate() {
            let (lms, lesson, student) = (lms.clone(), *lesson, *student);
            callers.push(tokio::spawn(async move {
                let key = lms.ids().uuid(lms.now());
                let wait = Duration::from_micros((n as u64 * 97) % 9_000);
                let once = lms.as_user(student).with_command_id(key);
                let cut = tokio::time::timeout(wait, once.learning().complete_lesson(lesson)).await.is_err();
                let again = lms.as_user(student).with_command_id(key);
                again.learning().complete_lesson(lesson).await.unwrap();
                cut
            }));
        }
        for caller in callers {
            cut += usize::from(caller.await.unwrap());
        }
    }
    assert!(cut > 10, "callers were cut off: {cut}");
    lms.settle().await.unwrap();
    for (kind, count) in [(EventKind::LessonCompleted, 2 * LEARNERS), (EventKind::CourseCompleted, LEARNERS)] {
        let filter = EventFilter { kinds: vec![kind.clone()], ..EventFilter::default() };
        assert_eq!(lms.store().events(0, &filter, 2_000).await.unwrap().len(), count, "{kind:?}");
    }
    assert_eq!(lms.system().activity().audit(room.course).await.unwrap(), []);
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    for n in 0.. {
        if driver::query(open).fetch_one(store.pool()).await.unwrap().get::<i64, _>(0) == 0 {
            break;
        }
        assert!(n < 50, "a session stays inside a transaction");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
