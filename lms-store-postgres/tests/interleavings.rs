//! Two transactions on one course, one of which stands written and not committed, in both orders and at every
//! isolation level of the host (P10).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::time::Duration;

use lms_core::Lms;
use lms_core::lms::Session;
use lms_core::model::EventKind;
use lms_core::store::{EventFilter, WriteBatch};
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::postgres::{PgConnectOptions, PgPoolOptions};
use lms_store_postgres::driver::{self, AssertSqlSafe, Connection as _, Row as _};
use lms_store_postgres::testing::Cluster;

const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

struct Course {
    store: PgStore,
    lms: Lms,
    room: Classroom,
    level: &'static str,
}

impl Course {
    /// Two lessons, one learner, over a host's pool whose sessions begin in this level.
    async fn at(level: &'static str) -> Self {
        let options: PgConnectOptions = Cluster::shared().url().parse().unwrap();
        let pool = PgPoolOptions::new()
            .after_connect(move |conn, _| {
                let set = AssertSqlSafe(format!("SET default_transaction_isolation = '{level}'"));
                Box::pin(async move { driver::raw_sql(set).execute(conn).await.map(drop) })
            })
            .connect_with(options)
            .await
            .unwrap();
        let (name, private) = Cluster::fresh_schemas();
        let store = PgStore::with_pool(pool, &name, &private).unwrap();
        let lms = Lms::builder(store.clone()).build();
        lms.migrate().await.unwrap();
        let room = Classroom::build(&lms, 2, 1).await.unwrap();
        Self { store, lms, room, level }
    }

    /// Writes `held` in a transaction of the host's, starts `other`, waits until it waits for a lock (of the
    /// course, or of the learner's row), and only then commits.
    async fn held_against<F>(&self, held: &WriteBatch, other: F)
    where
        F: Future<Output = Result<(), lms_core::Error>> + Send + 'static,
    {
        let mut conn = self.store.pool().acquire().await.unwrap();
        // What changes a structure counts anew, and is taken at READ COMMITTED only.
        let level = if held.exclusive.is_empty() { self.level } else { "read committed" };
        let begin = AssertSqlSafe(format!("BEGIN ISOLATION LEVEL {level}"));
        let mut tx = conn.begin_with(begin).await.unwrap();
        self.store.write_structure_in(&mut tx, held).await.unwrap();
        let holder: i32 = driver::query("SELECT pg_backend_pid()").fetch_one(&mut *tx).await.unwrap().get(0);
        let other = tokio::spawn(other);
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))";
        let mut watch = self.store.pool().acquire().await.unwrap();
        for n in 0.. {
            let waiting: i64 = driver::query(waits).bind(holder).fetch_one(&mut *watch).await.unwrap().get(0);
            if waiting > 0 {
                break;
            }
            assert!(!other.is_finished(), "{}: the other one does not wait", self.level);
            assert!(n < 2_000, "{}: the other one never comes to the lock", self.level);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        driver::raw_sql("SELECT pg_sleep(0.002)").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        self.lms.committed();
        other.await.unwrap().unwrap();
    }

    /// The learner has completed the course once, and nothing drifts.
    async fn is_complete_once(&self) {
        while self.lms.tick().await.unwrap().jobs > 0 {}
        let (me, course) = (self.room.student(0), self.room.course);
        let standing = me.learning().standing(course, self.room.students[0]).await.unwrap();
        assert!(standing.completed_at.is_some(), "{}: finished and not complete: {standing:?}", self.level);
        me.certificates().of(course, self.room.students[0]).await.unwrap();
        assert_eq!(self.lms.system().activity().audit(course).await.unwrap(), [], "{}", self.level);
        self.lms.settle().await.unwrap();
        let filter = EventFilter { kinds: vec![EventKind::CourseCompleted], ..EventFilter::default() };
        assert_eq!(self.lms.store().events(0, &filter, 10).await.unwrap().len(), 1, "{}", self.level);
    }

    async fn planned_completion(&self, lesson: usize) -> WriteBatch {
        let lesson = self.room.lessons[lesson];
        let me = self.room.student(0);
        me.plan(|s| async move { s.learning().complete_lesson(lesson).await }).await.unwrap().batch
    }

    fn completion(&self, lesson: usize) -> impl Future<Output = Result<(), lms_core::Error>> + Send + 'static {
        let (me, lesson) = (self.room.student(0), self.room.lessons[lesson]);
        async move { me.learning().complete_lesson(lesson).await.map(drop) }
    }
}

async fn unpublish(teacher: Session, lesson: lms_core::model::LessonId) -> Result<(), lms_core::Error> {
    teacher.catalog().publish_lesson(lesson, false).await.map(drop)
}

/// rules: P10
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p10_the_second_of_two_devices_waits_and_completes_the_course() {
    for level in LEVELS {
        let course = Course::at(level).await;
        let held = course.planned_completion(0).await;
        course.held_against(&held, course.completion(1)).await;
        course.is_complete_once().await;
    }
}

/// The learner first: the recount of the unpublishing sees the lesson that was finished while it waited.
/// rules: P10, P9
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p10_unpublishing_after_an_uncommitted_finish_completes_the_course() {
    for level in LEVELS {
        let course = Course::at(level).await;
        let held = course.planned_completion(0).await;
        course.held_against(&held, unpublish(course.room.teacher(), course.room.lessons[1])).await;
        course.is_complete_once().await;
    }
}

/// The editor first: the learner decided by a structure that is over, and decides again.
/// rules: P10, P9
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p10_finishing_after_an_uncommitted_unpublishing_completes_the_course() {
    for level in LEVELS {
        let course = Course::at(level).await;
        let (teacher, last) = (course.room.teacher(), course.room.lessons[1]);
        let held = teacher.plan(|s| async move { s.catalog().publish_lesson(last, false).await }).await.unwrap().batch;
        course.held_against(&held, course.completion(0)).await;
        course.is_complete_once().await;
    }
}
