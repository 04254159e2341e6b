//! Large data by SQL, from one description of sizes. `audit()` finds no drift in what it makes, so it
//! cannot cheat.

use std::path::Path;

use lms_core::Lms;
use lms_core::model::{CourseId, LessonId, UserId};
use lms_core::testing::Classroom;
use lms_store_sqlite::driver::Connection;
use lms_store_sqlite::{Durability, SqliteStore};
use uuid::Uuid;

use crate::Failure;

/// How large a course is.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Lessons, published and required.
    pub lessons: usize,
    /// Learners, enrolled.
    pub learners: usize,
    /// How many of the first lessons every learner has completed.
    pub done: usize,
}

/// A database with one course.
pub struct World {
    /// The store.
    pub store: SqliteStore,
    /// The library over it; commands of one process queue as in a service.
    pub lms: Lms,
    /// The course.
    pub course: CourseId,
    /// Its lessons in order.
    pub lessons: Vec<LessonId>,
    /// Its learners.
    pub learners: Vec<UserId>,
    /// Its owner.
    pub instructor: UserId,
}

impl World {
    /// Makes a database file with a course of these sizes.
    ///
    /// # Errors
    /// When the library refuses, the store fails, or the audit finds drift.
    pub async fn make(path: &Path, durability: Durability, sizes: Sizes) -> Result<Self, Failure> {
        let store = SqliteStore::builder(path).durability(durability).open().await?;
        let lms = Lms::builder(store.clone()).build();
        lms.migrate().await?;
        // The library makes the course and one learner; SQL copies that learner.
        let room = Classroom::build(&lms, sizes.lessons, 1).await?;
        let conn = Connection::open(path)?;
        conn.execute_batch(&format!(
            "PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; BEGIN;
             CREATE TEMP TABLE n AS WITH RECURSIVE c(x) AS (SELECT 2 UNION ALL SELECT x + 1 FROM c WHERE x < {learners})
                 SELECT x, randomblob(16) AS u, randomblob(16) AS e FROM c WHERE x <= {learners};
             CREATE TEMP TABLE one AS SELECT * FROM enrollments;
             INSERT INTO users (id, role, display_name, metadata, version, created_at, updated_at)
                 SELECT n.u, 'student', 'Learner ' || n.x, '{{}}', 1, created_at, updated_at
                 FROM n, (SELECT created_at, updated_at FROM users LIMIT 1);
             INSERT INTO enrollments (id, course_id, student_id, status, source, is_staff, lessons_done, quizzes_met,
                     assignments_met, metadata, version, created_at, updated_at)
                 SELECT n.e, o.course_id, n.u, o.status, o.source, o.is_staff, o.lessons_done, o.quizzes_met,
                     o.assignments_met, o.metadata, o.version, o.created_at, o.updated_at FROM n, one AS o;
             INSERT INTO lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status, first_opened_at,
                     opened_at, completed_at, by_mark, created_at, updated_at)
                 SELECT randomblob(16), l.id, e.id, e.course_id, e.student_id, 'completed',
                     e.created_at, e.created_at, e.created_at, 1, e.created_at, e.created_at
                 FROM enrollments AS e JOIN lessons AS l ON l.course_id = e.course_id AND l.order_index < {done};
             UPDATE enrollments SET lessons_done = {done};
             COMMIT; ANALYZE;",
            learners = sizes.learners,
            done = sizes.done,
        ))?;
        let mut statement = conn.prepare("SELECT student_id FROM enrollments ORDER BY id")?;
        let learners = statement
            .query_map([], |row| row.get::<_, Vec<u8>>(0))?
            .map(|id| Ok(UserId::from_uuid(Uuid::from_slice(&id?)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        drop(statement);
        let drift = lms.system().activity().audit(room.course).await?;
        if !drift.is_empty() {
            return Err(format!("the seeded course drifts: {drift:?}").into());
        }
        let _: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(Self { store, lms, course: room.course, lessons: room.lessons, learners, instructor: room.instructor })
    }
}
