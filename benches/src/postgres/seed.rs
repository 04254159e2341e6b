//! A large course on Postgres by SQL, from one description of sizes. `audit()` finds no drift in it.

use lms_core::Lms;
use lms_core::model::{CourseId, LessonId, UserId};
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, AssertSqlSafe, Row as _};
use lms_store_postgres::testing::Cluster;
use uuid::Uuid;

use crate::Failure;
use crate::seed::Sizes;
use crate::work::Pairs;

/// A pair of schemas with one course.
#[derive(Debug)]
pub struct PgWorld {
    /// The store.
    pub store: PgStore,
    /// The library over it; commands of one process queue as in a service.
    pub lms: Lms,
    /// The schemas.
    pub names: (String, String),
    /// The course.
    pub course: CourseId,
    /// Its lessons in order.
    pub lessons: Vec<LessonId>,
    /// Its learners.
    pub learners: Vec<UserId>,
    /// Its owner.
    pub instructor: UserId,
}

impl PgWorld {
    /// Makes fresh schemas with a course of these sizes.
    ///
    /// # Errors
    /// When the library refuses, the store fails, or the audit finds drift.
    pub async fn make(url: &str, clients: u32, sizes: Sizes) -> Result<Self, Failure> {
        let (name, private) = Cluster::fresh_schemas();
        let store = open(url, &(name.clone(), private.clone()), clients).await?;
        let lms = Lms::builder(store.clone()).build();
        lms.migrate().await?;
        // The library makes the course and one learner; SQL copies that learner.
        let room = Classroom::build(&lms, sizes.lessons, 1).await?;
        let mut world = Self {
            store,
            lms,
            names: (name, private),
            course: room.course,
            lessons: room.lessons,
            learners: Vec::new(),
            instructor: room.instructor,
        };
        world
            .sql(&format!(
                "CREATE TEMP TABLE n AS SELECT x, gen_random_uuid() AS u, gen_random_uuid() AS e
                     FROM generate_series(2, {learners}) AS x;
                 INSERT INTO {{lms}}.users (id, role, display_name, metadata, version, created_at, updated_at)
                     SELECT n.u, 'student', 'Learner ' || n.x, '{{}}', 1, now(), now() FROM n;
                 INSERT INTO {{lms}}.enrollments (id, course_id, student_id, status, source, is_staff, lessons_done,
                         quizzes_met, assignments_met, metadata, version, created_at, updated_at)
                     SELECT n.e, o.course_id, n.u, o.status, o.source, false, 0, 0, 0, o.metadata, 1, o.created_at,
                         o.updated_at
                     FROM n, {{lms}}.enrollments AS o;
                 INSERT INTO {{lms}}.lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status,
                         first_opened_at, opened_at, completed_at, by_mark, created_at, updated_at)
                     SELECT gen_random_uuid(), l.id, e.id, e.course_id, e.student_id, 'completed', e.created_at,
                         e.created_at, e.created_at, true, e.created_at, e.created_at
                     FROM {{lms}}.enrollments AS e
                     JOIN {{lms}}.lessons AS l ON l.course_id = e.course_id AND l.order_index < {done};
                 UPDATE {{lms}}.enrollments SET lessons_done = {done};
                 DROP TABLE n;",
                learners = sizes.learners,
                done = sizes.done,
            ))
            .await?;
        world.sql("VACUUM ANALYZE").await?;
        let ids = world.text("SELECT string_agg(student_id::text, ' ' ORDER BY id) FROM {lms}.enrollments").await?;
        world.learners = ids
            .split_whitespace()
            .map(|id| Ok(UserId::from_uuid(Uuid::try_parse(id)?)))
            .collect::<Result<_, Failure>>()?;
        world.audit().await?;
        Ok(world)
    }

    /// Opens the same schemas from another URL: another process, a wire, a pooler.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn through(&self, url: &str, clients: u32) -> Result<(PgStore, Lms), Failure> {
        let store = open(url, &self.names, clients).await?;
        Ok((store.clone(), Lms::builder(store).build()))
    }

    /// The pairs of its learners with its lessons from this one on.
    pub fn pairs(&self, from_lesson: usize) -> Pairs {
        Pairs::of(&self.learners, self.lessons.get(from_lesson..).unwrap_or_default())
    }

    /// A template with the schemas in it.
    pub fn expand(&self, sql: &str) -> String {
        sql.replace("{lms}", &self.names.0).replace("{priv}", &self.names.1)
    }

    /// Runs statements in a session.
    ///
    /// # Errors
    /// What the server says.
    pub async fn sql(&self, sql: &str) -> Result<(), Failure> {
        driver::raw_sql(AssertSqlSafe(self.expand(sql))).execute(self.store.pool()).await?;
        Ok(())
    }

    /// The text that a query answers with.
    ///
    /// # Errors
    /// What the server says.
    pub async fn text(&self, sql: &str) -> Result<String, Failure> {
        let row = driver::query(AssertSqlSafe(self.expand(sql))).fetch_one(self.store.pool()).await?;
        Ok(row.try_get::<Option<String>, _>(0)?.unwrap_or_default())
    }

    /// That the counters are what the rows say.
    ///
    /// # Errors
    /// When they are not.
    pub async fn audit(&self) -> Result<(), Failure> {
        let drift = self.lms.system().activity().audit(self.course).await?;
        if drift.is_empty() { Ok(()) } else { Err(format!("the course drifts: {drift:?}").into()) }
    }
}

/// A store with a connection for each client and one for its relay step.
async fn open(url: &str, names: &(String, String), clients: u32) -> Result<PgStore, Failure> {
    let builder = PgStore::builder(url).schemas(names.0.as_str(), names.1.as_str());
    Ok(builder.max_connections(clients + 1).connect().await?)
}
