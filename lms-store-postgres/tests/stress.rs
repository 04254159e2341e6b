//! Learners finish lessons while an instructor keeps changing the course. Alone in its file: it reads the
//! server's count of deadlocks.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lms_core::Lms;
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, AssertSqlSafe, Row as _};
use lms_store_postgres::testing::Cluster;

const WRITERS: usize = 12;
const LEARNERS: usize = 120;
/// The last one comes and goes.
const LESSONS: usize = 9;

/// No wrong counter, nobody finished and not complete, no deadlock, and the editor gets through.
/// rules: P9, P10, P11
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn learners_and_an_editor_on_one_course() {
    let (name, private) = Cluster::fresh_schemas();
    let builder = PgStore::builder(Cluster::shared().url()).schemas(name.as_str(), private);
    let store = builder.max_connections(16).connect().await.unwrap();
    // Without the queue within the process: all meet in the database.
    let lms = Lms::builder(store.clone()).queueing(false).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, LESSONS, LEARNERS).await.unwrap();
    let deadlocks = || async {
        let sql = "SELECT sum(deadlocks)::bigint FROM pg_stat_database";
        driver::query(sql).fetch_one(store.pool()).await.unwrap().get::<i64, _>(0)
    };
    let before = deadlocks().await;
    let over = Arc::new(AtomicBool::new(false));
    let editor = {
        let (teacher, moving, over) = (room.teacher(), room.lessons[LESSONS - 1], over.clone());
        tokio::spawn(async move {
            let mut edits = 0;
            while !over.load(Ordering::Relaxed) {
                teacher.catalog().publish_lesson(moving, edits % 2 == 1).await.unwrap();
                edits += 1;
            }
            // It ends without the lesson: all have finished what is left.
            teacher.catalog().publish_lesson(moving, false).await.unwrap();
            edits
        })
    };
    let mut writers = Vec::new();
    for n in 0..WRITERS {
        // Every learner has two devices, which are two of the writers.
        let own: Vec<_> = room.students.iter().skip(n / 2).step_by(WRITERS / 2).copied().collect();
        let (lms, mut lessons) = (lms.clone(), room.lessons[..LESSONS - 1].to_vec());
        if n % 2 == 1 {
            lessons.reverse();
        }
        writers.push(tokio::spawn(async move {
            for student in own {
                for lesson in &lessons {
                    lms.as_user(student).learning().complete_lesson(*lesson).await.unwrap();
                }
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let edits = editor.await.unwrap();
    while lms.tick().await.unwrap().jobs > 0 {}
    assert_eq!(lms.system().activity().audit(room.course).await.unwrap(), []);
    let stuck = format!("SELECT count(*) FROM {name}.enrollments WHERE completed_at IS NULL");
    let stuck: i64 = driver::query(AssertSqlSafe(stuck)).fetch_one(store.pool()).await.unwrap().get(0);
    assert_eq!(stuck, 0, "finished and not complete");
    let certificates = format!("SELECT count(*) FROM {name}.certificates");
    let certificates: i64 = driver::query(AssertSqlSafe(certificates)).fetch_one(store.pool()).await.unwrap().get(0);
    assert_eq!(certificates, i64::try_from(LEARNERS).unwrap());
    // The server's statistics arrive a little later.
    driver::raw_sql("SELECT pg_stat_force_next_flush()").execute(store.pool()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert_eq!(deadlocks().await, before, "deadlocks");
    assert!(edits >= 4, "the editor was starved: {edits} edits");
}
