//! What a hand-written program does with the same schema through the same driver: as one call of a function
//! that decides in the database, or statement by statement.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lms_core::model::UserId;
use lms_store_postgres::driver::postgres::{PgConnectOptions, PgPoolOptions};
use lms_store_postgres::driver::{self, AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _};
use uuid::Uuid;

use super::PgWorld;
use crate::Failure;
use crate::floor::Outline;
use crate::work::{Pair, share};

/// How the hand-written program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// One call of a function: one round trip.
    Call,
    /// Begin, statement by statement, commit.
    Statements,
}

/// A hand-written program with so many connections.
#[derive(Debug, Clone)]
pub struct Hand {
    pool: PgPool,
    texts: std::sync::Arc<Texts>,
}

#[derive(Debug)]
struct Texts {
    call: String,
    find: String,
    upsert: String,
    count: String,
    event: String,
    certificate: String,
    outline: Vec<String>,
}

/// The course's lock, the learner's row, then what decides: the order that a correct program needs.
const FUNCTION: &str = "
CREATE OR REPLACE FUNCTION {lms}.by_hand(p_course uuid, p_lesson uuid, p_student uuid, p_now timestamptz, p_ids uuid[],
    p_code text) RETURNS boolean LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_enrollment uuid;
    v_total bigint;
    v_done bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(4711, hashtext(p_course::text));
    SELECT id INTO v_enrollment FROM {lms}.enrollments
        WHERE course_id = p_course AND student_id = p_student AND status = 'active' FOR NO KEY UPDATE;
    SELECT c.lessons_total INTO v_total FROM {lms}.lessons AS l JOIN {lms}.courses AS c ON c.id = l.course_id
        WHERE l.id = p_lesson AND l.course_id = p_course AND l.is_published AND c.is_published;
    IF v_enrollment IS NULL OR v_total IS NULL THEN
        RAISE EXCEPTION 'not to be had';
    END IF;
    INSERT INTO {lms}.lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status, first_opened_at,
            opened_at, completed_at, by_mark, created_at, updated_at)
        VALUES (p_ids[1], p_lesson, v_enrollment, p_course, p_student, 'completed', p_now, p_now, p_now, true, p_now, p_now)
        ON CONFLICT (lesson_id, student_id) DO UPDATE SET status = 'completed', completed_at = excluded.completed_at,
            by_mark = true, updated_at = excluded.updated_at WHERE lesson_progress.status <> 'completed';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE {lms}.enrollments SET lessons_done = lessons_done + 1, version = version + 1, updated_at = p_now,
            completed_at = CASE WHEN lessons_done + 1 = v_total THEN p_now ELSE completed_at END
        WHERE id = v_enrollment RETURNING lessons_done INTO v_done;
    INSERT INTO {priv}.activity_events (id, at, kind, actor_kind, actor_id, course_id, student_id, subject_type, subject_id,
            learner_initiated, metadata)
        VALUES (p_ids[2], p_now, 'lesson_completed', 'user', p_student, p_course, p_student, 'lesson', p_lesson, true, '{}');
    IF v_done = v_total THEN
        INSERT INTO {priv}.activity_events (id, at, kind, actor_kind, actor_id, course_id, student_id, subject_type,
                subject_id, learner_initiated, metadata)
            VALUES (p_ids[3], p_now, 'course_completed', 'user', p_student, p_course, p_student, 'course', p_course, true, '{}'),
                   (p_ids[4], p_now, 'certificate_issued', 'user', p_student, p_course, p_student, 'certificate', p_ids[5], false,
                    '{}');
        INSERT INTO {lms}.certificates (id, course_id, student_id, template_id, issued_at, code, snapshot, revision_no,
                rendering, version, created_at, updated_at)
            SELECT p_ids[5], p_course, p_student, (SELECT id FROM {lms}.certificate_templates LIMIT 1), p_now, p_code,
                json_build_object('format', 1, 'student_name', u.display_name, 'course_title', c.title, 'instructor_name',
                    i.display_name, 'completed_at', p_now, 'final_score', NULL, 'estimated_minutes', NULL, 'language',
                    c.language, 'time_zone', c.time_zone, 'completed_on', (p_now AT TIME ZONE c.time_zone)::date,
                    'issued_on', (p_now AT TIME ZONE c.time_zone)::date, 'expires_on', NULL, 'template_id', (SELECT id FROM {lms}.certificate_templates LIMIT 1)),
                1, 'pending', 1, p_now, p_now
            FROM {lms}.users AS u, {lms}.courses AS c JOIN {lms}.users AS i ON i.id = c.instructor_id
            WHERE u.id = p_student AND c.id = p_course;
    END IF;
    RETURN true;
END $$";

const FIND: &str = "SELECT e.id::text, c.lessons_total FROM {lms}.enrollments AS e
    JOIN {lms}.courses AS c ON c.id = e.course_id JOIN {lms}.lessons AS l ON l.course_id = c.id
    WHERE e.course_id = $1::uuid AND e.student_id = $3::uuid AND e.status = 'active' AND l.id = $2::uuid
      AND l.is_published AND c.is_published FOR NO KEY UPDATE OF e";

const UPSERT: &str = "INSERT INTO {lms}.lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status,
        first_opened_at, opened_at, completed_at, by_mark, created_at, updated_at)
    VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid, 'completed', now(), now(), now(), true, now(), now())
    ON CONFLICT (lesson_id, student_id) DO UPDATE SET status = 'completed', completed_at = excluded.completed_at,
        by_mark = true, updated_at = excluded.updated_at WHERE lesson_progress.status <> 'completed' RETURNING id::text";

const COUNT: &str =
    "UPDATE {lms}.enrollments SET lessons_done = lessons_done + 1, version = version + 1, updated_at = now(),
        completed_at = CASE WHEN lessons_done + 1 = $2 THEN now() ELSE completed_at END
    WHERE id = $1::uuid RETURNING lessons_done";

const EVENT: &str = "INSERT INTO {priv}.activity_events (id, at, kind, actor_kind, actor_id, course_id, student_id,
        subject_type, subject_id, learner_initiated, metadata)
    VALUES ($1::uuid, now(), $2, 'user', $4::uuid, $3::uuid, $4::uuid, $5, $6::uuid, true, '{}')";

const CERTIFICATE: &str =
    "INSERT INTO {lms}.certificates (id, course_id, student_id, template_id, issued_at, code, snapshot,
        revision_no, rendering, version, created_at, updated_at)
    SELECT $1::uuid, $2::uuid, $3::uuid, (SELECT id FROM {lms}.certificate_templates LIMIT 1), now(), $4,
        json_build_object('format', 1, 'student_name', u.display_name, 'course_title', c.title, 'instructor_name',
            i.display_name, 'completed_at', now(), 'final_score', NULL, 'estimated_minutes', NULL, 'language', c.language,
            'time_zone', c.time_zone, 'completed_on', (now() AT TIME ZONE c.time_zone)::date,
            'issued_on', (now() AT TIME ZONE c.time_zone)::date, 'expires_on', NULL,
            'template_id', (SELECT id FROM {lms}.certificate_templates LIMIT 1)),
        1, 'pending', 1, now(), now()
    FROM {lms}.users AS u, {lms}.courses AS c JOIN {lms}.users AS i ON i.id = c.instructor_id
    WHERE u.id = $3::uuid AND c.id = $2::uuid";

/// A course, its objectives, lessons, topics and links, its log row, its event: a statement per table, rows as arrays.
const OUTLINE: &[&str] = &[
    "INSERT INTO {lms}.courses (id, instructor_id, title, description, is_published, audience, difficulty, language, time_zone,
         flow, enrollment, seats_taken, certificates, is_ai_generated, ai_log_id, metadata, lessons_total, quizzes_total,
         assignments_total, structure_version, version, created_at, updated_at)
     VALUES ($1::uuid, $2::uuid, 'By AI', '', false, '', '', 'en', 'UTC', 'free', 'closed', 0, 'on_completion', true, $3::uuid,
         '{}', 0, 0, 0, 1, 1, now(), now())",
    "INSERT INTO {lms}.objectives (id, course_id, key, text, order_index, version, created_at, updated_at)
     SELECT x.id, $1::uuid, 'key' || (x.n - 1), 'Do something', x.n - 1, 1, now(), now()
     FROM unnest($2::text::uuid[]) WITH ORDINALITY AS x (id, n)",
    "INSERT INTO {lms}.lessons (id, course_id, title, summary, order_index, is_published, is_required, completion_rule,
         is_ai_generated, ai_log_id, metadata, version, created_at, updated_at)
     SELECT x.id, $1::uuid, 'Lesson ' || (x.n - 1), '', x.n - 1, false, true, 'manual', true, $3::uuid, '{}', 1, now(), now()
     FROM unnest($2::text::uuid[]) WITH ORDINALITY AS x (id, n)",
    "INSERT INTO {lms}.topics (id, lesson_id, title, content_type, body, order_index, is_ai_generated, ai_log_id, metadata,
         version, created_at, updated_at)
     SELECT x.id, x.lesson, x.title, 'text', x.body, x.n, true, $5::uuid, '{}', 1, now(), now()
     FROM unnest($1::text::uuid[], $2::text::uuid[], $3::text[], $4::text[], $6::bigint[]) AS x (id, lesson, title, body, n)",
    "INSERT INTO {lms}.objective_lessons (objective_id, lesson_id)
     SELECT x.objective, x.lesson FROM unnest($1::text::uuid[], $2::text::uuid[]) AS x (objective, lesson)",
    "UPDATE {priv}.ai_logs SET status = 'applied', applied_at = now() WHERE id = $1::uuid AND status = 'valid'",
    "INSERT INTO {priv}.activity_events (id, at, kind, actor_kind, actor_id, course_id, subject_type, subject_id,
         learner_initiated, metadata)
     VALUES ($1::uuid, now(), 'ai_generated', 'ai', $2::uuid, $3::uuid, 'course', $3::uuid, false, '{}')",
];

static DRAWN: AtomicU64 = AtomicU64::new(0);

/// Time-ordered, as v7 ids are.
fn id() -> String {
    let n = u128::from(DRAWN.fetch_add(1, Ordering::Relaxed));
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + (n << 80) + n).to_string()
}

/// A code that no other certificate has.
fn code() -> String {
    format!("{:019}", DRAWN.fetch_add(1, Ordering::Relaxed))
}

fn ids(n: usize) -> Vec<String> {
    (0..n).map(|_| id()).collect()
}

fn array(ids: &[String]) -> String {
    format!("{{{}}}", ids.join(","))
}

impl Hand {
    /// Puts the function into the world's schema and connects.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn new(world: &PgWorld, url: &str, connections: u32) -> Result<Self, Failure> {
        world.sql(FUNCTION).await?;
        let options: PgConnectOptions = url.parse()?;
        let pool =
            PgPoolOptions::new().max_connections(connections).test_before_acquire(false).connect_with(options).await?;
        let texts = Texts {
            call: world.expand("SELECT {lms}.by_hand($1::uuid, $2::uuid, $3::uuid, now(), $4::text::uuid[], $5)"),
            find: world.expand(FIND),
            upsert: world.expand(UPSERT),
            count: world.expand(COUNT),
            event: world.expand(EVENT),
            certificate: world.expand(CERTIFICATE),
            outline: OUTLINE.iter().map(|sql| world.expand(sql)).collect(),
        };
        Ok(Self { pool, texts: texts.into() })
    }

    /// Completes the lessons of pairs, as so many clients at once; seconds each.
    ///
    /// # Errors
    /// What the server says.
    pub async fn complete(&self, world: &PgWorld, way: Way, pairs: &[Pair], clients: usize) -> Result<f64, Failure> {
        let course = world.course.uuid().to_string();
        let started = Instant::now();
        let mut tasks = Vec::new();
        for n in 0..clients {
            let (own, hand, course) = (share(pairs, clients, n), self.clone(), course.clone());
            tasks.push(tokio::spawn(async move {
                let mut conn = hand.pool.acquire().await?;
                for (student, lesson) in own {
                    let lesson = lesson.uuid().to_string();
                    match way {
                        Way::Call => hand.call(&mut conn, &course, &lesson, student).await?,
                        Way::Statements => hand.statements(&mut conn, &course, &lesson, student).await?,
                    }
                }
                Ok::<_, Failure>(())
            }));
        }
        for task in tasks {
            task.await??;
        }
        Ok(started.elapsed().as_secs_f64() / pairs.len() as f64)
    }

    async fn call(&self, conn: &mut PgConnection, course: &str, lesson: &str, student: UserId) -> Result<(), Failure> {
        driver::query(AssertSqlSafe(self.texts.call.clone()))
            .bind(course)
            .bind(lesson)
            .bind(student.uuid().to_string())
            .bind(array(&ids(5)))
            .bind(code())
            .fetch_one(conn)
            .await?;
        Ok(())
    }

    async fn statements(
        &self,
        conn: &mut PgConnection,
        course: &str,
        lesson: &str,
        student: UserId,
    ) -> Result<(), Failure> {
        let (texts, student) = (&self.texts, student.uuid().to_string());
        let mut tx = conn.begin().await?;
        let found = driver::query(AssertSqlSafe(texts.find.clone()))
            .bind(course)
            .bind(lesson)
            .bind(&student)
            .fetch_one(&mut *tx)
            .await?;
        let (enrollment, total): (String, i64) = (found.try_get(0)?, found.try_get(1)?);
        let changed = driver::query(AssertSqlSafe(texts.upsert.clone()))
            .bind(id())
            .bind(lesson)
            .bind(&enrollment)
            .bind(course)
            .bind(&student)
            .fetch_optional(&mut *tx)
            .await?;
        if changed.is_none() {
            return Ok(());
        }
        let done: i64 = driver::query(AssertSqlSafe(texts.count.clone()))
            .bind(&enrollment)
            .bind(total)
            .fetch_one(&mut *tx)
            .await?
            .try_get(0)?;
        let mut events = vec![("lesson_completed", "lesson", lesson.to_owned())];
        if done == total {
            let certificate = id();
            driver::query(AssertSqlSafe(texts.certificate.clone()))
                .bind(&certificate)
                .bind(course)
                .bind(&student)
                .bind(code())
                .execute(&mut *tx)
                .await?;
            events.push(("course_completed", "course", course.to_owned()));
            events.push(("certificate_issued", "certificate", certificate));
        }
        for (kind, what, subject) in events {
            driver::query(AssertSqlSafe(texts.event.clone()))
                .bind(id())
                .bind(kind)
                .bind(course)
                .bind(&student)
                .bind(what)
                .bind(subject)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// A course of an outline: a statement per table in one transaction.
    ///
    /// # Errors
    /// What the server says.
    pub async fn outline(&self, instructor: UserId, log: Uuid, outline: Outline) -> Result<(), Failure> {
        let (course, owner, log) = (id(), instructor.uuid().to_string(), log.to_string());
        let (objectives, lessons) = (ids(outline.objectives), ids(outline.lessons));
        let topics = ids(outline.lessons * outline.topics);
        let of = |n: usize| lessons.get(n).cloned().unwrap_or_default();
        let parents: Vec<_> = (0..topics.len()).map(|n| of(n / outline.topics.max(1))).collect();
        let places: Vec<_> =
            (0..topics.len()).map(|n| i64::try_from(n % outline.topics.max(1))).collect::<Result<_, _>>()?;
        let titles: Vec<_> = places.iter().map(|n| format!("Topic {n}")).collect();
        let bodies = vec!["Text of a topic.".to_owned(); topics.len()];
        let serves: Vec<_> =
            (0..lessons.len()).filter_map(|n| objectives.get(n % objectives.len().max(1)).cloned()).collect();
        let text = |n: usize| AssertSqlSafe(self.texts.outline.get(n).cloned().unwrap_or_default());
        let mut conn = self.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        driver::query(text(0)).bind(&course).bind(&owner).bind(&log).execute(&mut *tx).await?;
        driver::query(text(1)).bind(&course).bind(array(&objectives)).execute(&mut *tx).await?;
        driver::query(text(2)).bind(&course).bind(array(&lessons)).bind(&log).execute(&mut *tx).await?;
        driver::query(text(3))
            .bind(array(&topics))
            .bind(array(&parents))
            .bind(titles)
            .bind(bodies)
            .bind(&log)
            .bind(places)
            .execute(&mut *tx)
            .await?;
        driver::query(text(4)).bind(array(&serves)).bind(array(&lessons)).execute(&mut *tx).await?;
        driver::query(text(5)).bind(&log).execute(&mut *tx).await?;
        driver::query(text(6)).bind(id()).bind(&owner).bind(&course).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Its connections.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}
