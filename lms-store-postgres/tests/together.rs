//! What many learners do at once shares statements, and each keeps a result of its own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::sync::Arc;
use std::time::Duration;

use lms_core::Lms;
use lms_core::lms::NewLesson;
use lms_core::model::{LessonId, UserId};
use lms_core::store::{Committed, Store, StoreError, StoreErrorKind, WriteBatch};
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, AssertSqlSafe, Connection as _, Row as _};
use lms_store_postgres::testing::Cluster;
use tokio::task::JoinHandle;

struct World {
    names: (String, String),
    store: PgStore,
    lms: Lms,
}

impl World {
    async fn new() -> Self {
        let names = Cluster::fresh_schemas();
        let builder = PgStore::builder(Cluster::shared().url()).schemas(names.0.as_str(), names.1.as_str());
        let store = builder.connect().await.unwrap();
        let lms = Lms::builder(store.clone()).build();
        lms.migrate().await.unwrap();
        Self { names, store, lms }
    }

    fn expand(&self, sql: &str) -> String {
        sql.replace("{lms}", &format!("\"{}\"", self.names.0)).replace("{priv}", &format!("\"{}\"", self.names.1))
    }

    async fn run(&self, sql: &str) {
        driver::raw_sql(AssertSqlSafe(self.expand(sql))).execute(self.store.pool()).await.unwrap();
    }

    async fn count(&self, sql: &str) -> i64 {
        let row = driver::query(AssertSqlSafe(self.expand(sql))).fetch_one(self.store.pool()).await.unwrap();
        row.get(0)
    }

    /// How often it stands in the log that this learner has completed this lesson, and in their rows.
    async fn completed(&self, student: UserId, lesson: LessonId) -> (i64, i64) {
        let (student, lesson) = (student.uuid(), lesson.uuid());
        let events = format!(
            "SELECT count(*) FROM {{priv}}.activity_events
             WHERE kind = 'lesson_completed' AND student_id = '{student}' AND subject_id = '{lesson}'"
        );
        let rows = format!(
            "SELECT count(*) FROM {{lms}}.lesson_progress
             WHERE status = 'completed' AND student_id = '{student}' AND lesson_id = '{lesson}'"
        );
        (self.count(&events).await, self.count(&rows).await)
    }

    /// The batches begin in this order, before any of them has an answer.
    fn write_all(&self, batches: Vec<Arc<WriteBatch>>) -> Vec<JoinHandle<Result<Committed, StoreError>>> {
        let write = |batch| {
            let store = self.store.clone();
            tokio::spawn(async move { store.write(batch).await })
        };
        batches.into_iter().map(write).collect()
    }
}

async fn planned(room: &Classroom, n: usize, lesson: LessonId) -> Arc<WriteBatch> {
    let me = room.student(n);
    Arc::new(me.plan(|s| async move { s.learning().complete_lesson(lesson).await }).await.unwrap().batch)
}

/// Two are under way, and all others share the next transaction. Loads do so too, and give each their own.
/// rules: P10
#[tokio::test]
async fn many_share_a_transaction() {
    const LEARNERS: usize = 40;
    let world = World::new().await;
    let room = Classroom::build(&world.lms, 2, LEARNERS).await.unwrap();
    let mut batches = Vec::new();
    for n in 0..LEARNERS {
        batches.push(planned(&room, n, room.lessons[0]).await);
    }
    for written in world.write_all(batches) {
        assert_eq!(written.await.unwrap().unwrap().events.len(), 1);
    }
    let sql = "SELECT count(DISTINCT xmin::text) FROM {lms}.lesson_progress";
    // The first ones open connections meanwhile, and hold nobody up for that.
    let first = world.count(sql).await;
    assert!(first < LEARNERS as i64 / 2, "{first} transactions for {LEARNERS} learners");

    let last = room.lessons[1];
    let finish = |n: usize| {
        let me = room.student(n);
        tokio::spawn(async move { me.learning().complete_lesson(last).await })
    };
    let all: Vec<_> = (0..LEARNERS).map(finish).collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    for (n, student) in room.students.iter().enumerate() {
        for lesson in &room.lessons {
            assert_eq!(world.completed(*student, *lesson).await, (1, 1));
        }
        let certificate = room.student(n).certificates().of(room.course, *student).await.unwrap();
        assert_eq!(certificate.student_id, *student);
    }
    assert!(world.lms.system().activity().audit(room.course).await.unwrap().is_empty());
    let then = world.count(sql).await - first;
    assert!(then < LEARNERS as i64 / 2, "{then} transactions for {LEARNERS} learners");
}

/// Who decided by something that is over, whose row or course another transaction holds, and whom the database
/// refuses: each gets that result, and nobody else does.
/// rules: P10
#[tokio::test]
async fn each_keeps_a_result_of_its_own() {
    let world = World::new().await;
    let room = Classroom::build(&world.lms, 2, 8).await.unwrap();
    let changed = Classroom::build(&world.lms, 1, 1).await.unwrap();
    let edited = Classroom::build(&world.lms, 1, 1).await.unwrap();
    let mut batches = Vec::new();
    for n in 0..8 {
        batches.push(planned(&room, n, room.lessons[0]).await);
    }
    batches.push(planned(&changed, 0, changed.lessons[0]).await);
    batches.push(planned(&edited, 0, edited.lessons[0]).await);

    // The third has done something else meanwhile; the course of the ninth has changed.
    room.student(2).learning().complete_lesson(room.lessons[1]).await.unwrap();
    changed.add_lesson("One more").await.unwrap();
    // Another transaction holds the fourth's row, and one that changes the structure the course of the tenth.
    let mut rows = world.store.pool().acquire().await.unwrap();
    let mut holds_row = rows.begin().await.unwrap();
    let hold = world.expand("SELECT 1 FROM {lms}.enrollments WHERE student_id = ");
    let hold = format!("{hold}'{}' FOR NO KEY UPDATE", room.students[3].uuid());
    driver::raw_sql(AssertSqlSafe(hold)).execute(&mut *holds_row).await.unwrap();
    let course = edited.course;
    let edit = edited
        .teacher()
        .plan(|s| async move { s.catalog().add_lesson(course, NewLesson::titled("New")).await })
        .await
        .unwrap();
    let mut courses = world.store.pool().acquire().await.unwrap();
    let mut holds_course = courses.begin().await.unwrap();
    world.store.write_structure_in(&mut holds_course, &edit.batch).await.unwrap();

    let mut written = world.write_all(batches);
    let tenth = written.pop().unwrap();
    let ninth = written.pop().unwrap();
    let fourth = written.remove(3);
    let third = written.remove(2);
    for one in written {
        one.await.unwrap().unwrap();
    }
    let stale = |e: StoreError, at: usize| assert_eq!(*e.kind(), StoreErrorKind::Conflict { expect: Some(at) });
    stale(ninth.await.unwrap().unwrap_err(), 0);
    stale(third.await.unwrap().unwrap_err(), 1);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!fourth.is_finished() && !tenth.is_finished(), "they wait for those who hold what they need");
    holds_row.commit().await.unwrap();
    fourth.await.unwrap().unwrap();
    holds_course.commit().await.unwrap();
    stale(tenth.await.unwrap().unwrap_err(), 0);

    for (n, student) in room.students.iter().enumerate() {
        let times = i64::from(n != 2);
        assert_eq!(world.completed(*student, room.lessons[0]).await, (times, times), "{n}");
    }
    assert_eq!(world.completed(changed.students[0], changed.lessons[0]).await, (0, 0));
    assert_eq!(world.completed(edited.students[0], edited.lessons[0]).await, (0, 0));

    // One whom the database refuses undoes the transaction of all, and only that one is refused.
    world
        .run(&format!(
            "CREATE FUNCTION {{priv}}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'not this one'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON {{lms}}.lesson_progress FOR EACH ROW
             WHEN (NEW.student_id = '{}') EXECUTE FUNCTION {{priv}}.refuse()",
            room.students[5].uuid()
        ))
        .await;
    let last = room.lessons[1];
    let mut batches = Vec::new();
    for n in [0, 1, 3, 4, 5, 6, 7] {
        batches.push(planned(&room, n, last).await);
    }
    for (n, one) in [0, 1, 3, 4, 5, 6, 7].into_iter().zip(world.write_all(batches)) {
        let one = one.await.unwrap();
        assert_eq!(one.is_ok(), n != 5, "{n}: {one:?}");
        let times = i64::from(n != 5);
        assert_eq!(world.completed(room.students[n], last).await, (times, times), "{n}");
    }
    assert!(world.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// Who goes away while waiting to share a transaction has written nothing, and keeps nobody else from it.
#[tokio::test]
async fn who_goes_away_before_it_began_has_written_nothing() {
    let world = World::new().await;
    let room = Classroom::build(&world.lms, 2, 8).await.unwrap();
    let mut batches = Vec::new();
    for n in 0..8 {
        batches.push(planned(&room, n, room.lessons[0]).await);
    }
    let written = world.write_all(batches);
    tokio::task::yield_now().await;
    for gone in &written[4..6] {
        gone.abort();
    }
    for (n, one) in written.into_iter().enumerate() {
        let gone = (4..6).contains(&n);
        assert_eq!(one.await.is_err(), gone, "{n}");
        let times = i64::from(!gone);
        assert_eq!(world.completed(room.students[n], room.lessons[0]).await, (times, times), "{n}");
    }
}
