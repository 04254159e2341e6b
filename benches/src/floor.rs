//! What a hand-written program does with the same schema: one connection, cached statements, direct
//! calls, the decision inside SQL.

use std::path::Path;

use lms_core::model::{AttemptId, CourseId, LessonId, UserId};
use lms_store_sqlite::Durability;
use lms_store_sqlite::driver::config::DbConfig;
use lms_store_sqlite::driver::{Connection, TransactionBehavior, params};
use uuid::Uuid;

use crate::Failure;

/// A floor over a database file.
pub struct Floor {
    conn: Connection,
    ids: u128,
}

/// Rows of an outline: lessons, each with topics, and objectives that each lesson serves.
#[derive(Debug, Clone, Copy)]
pub struct Outline {
    /// Lessons.
    pub lessons: usize,
    /// Topics of each.
    pub topics: usize,
    /// Objectives; every lesson serves one.
    pub objectives: usize,
}

impl Floor {
    /// Opens the file as a careful program would.
    ///
    /// # Errors
    /// When SQLite cannot.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, Failure> {
        let conn = Connection::open(path)?;
        let synchronous = if durability == Durability::Full { "FULL" } else { "NORMAL" };
        conn.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY; PRAGMA busy_timeout = 5000;"
        ))?;
        conn.set_prepared_statement_cache_capacity(64);
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // Time-ordered, as v7 ids are.
        Ok(Self { conn, ids: 0x0190_0000_0000_7000_8000_0000_0000_0000 })
    }

    fn id(&mut self) -> [u8; 16] {
        self.ids += 1 << 64 | 1;
        Uuid::from_u128(self.ids).into_bytes()
    }

    /// A learner completes a lesson: look up, upsert, count, tell of it, and finish the course with the
    /// last one.
    ///
    /// # Errors
    /// When SQLite cannot.
    pub fn complete(&mut self, course: CourseId, lesson: LessonId, student: UserId, now: i64) -> Result<(), Failure> {
        let (progress, first, second, third) = (self.id(), self.id(), self.id(), self.id());
        let (certificate, code) = (self.id(), self.ids);
        let (course, lesson, student) = (course.uuid(), lesson.uuid(), student.uuid());
        let (course, lesson, student) =
            (course.as_bytes().as_slice(), lesson.as_bytes().as_slice(), student.as_bytes().as_slice());
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (enrollment, total): (Vec<u8>, i64) = tx
            .prepare_cached(
                "SELECT e.id, c.lessons_total FROM lessons AS l JOIN courses AS c ON c.id = l.course_id
                 JOIN enrollments AS e ON e.course_id = c.id AND e.student_id = ?2
                 WHERE l.id = ?1 AND l.is_published = 1 AND c.is_published = 1 AND e.status = 'active'",
            )?
            .query_row(params![lesson, student], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let changed = tx
            .prepare_cached(
                "INSERT INTO lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status,
                     first_opened_at, opened_at, completed_at, by_mark, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, 'completed', ?6, ?6, ?6, 1, ?6, ?6)
                 ON CONFLICT (lesson_id, student_id) DO UPDATE SET status = 'completed', completed_at = excluded.completed_at,
                     by_mark = 1, updated_at = excluded.updated_at WHERE status <> 'completed' RETURNING id",
            )?
            .query(params![progress, lesson, enrollment, course, student, now])?
            .next()?
            .is_some();
        if !changed {
            return Ok(());
        }
        let done: i64 = tx
            .prepare_cached(
                "UPDATE enrollments SET lessons_done = lessons_done + 1, version = version + 1, updated_at = ?2,
                     completed_at = CASE WHEN lessons_done + 1 = ?3 THEN ?2 ELSE completed_at END
                 WHERE id = ?1 RETURNING lessons_done",
            )?
            .query_row(params![enrollment, now, total], |row| row.get(0))?;
        let event = |id: [u8; 16], kind: &str, initiated: bool, subject: &[u8], what: &str| -> Result<(), Failure> {
            tx.prepare_cached(
                "INSERT INTO activity_events (id, at, kind, actor_kind, actor_id, course_id, student_id, subject_type,
                     subject_id, learner_initiated, metadata)
                 VALUES (?1, ?2, ?3, 'user', ?5, ?4, ?5, ?6, ?7, ?8, '{}')",
            )?
            .execute(params![id, now, kind, course, student, what, subject, initiated])?;
            Ok(())
        };
        event(first, "lesson_completed", true, lesson, "lesson")?;
        if done == total {
            event(second, "course_completed", true, course, "course")?;
            tx.prepare_cached(
                "INSERT INTO certificates (id, course_id, student_id, template_id, issued_at, code, snapshot, revision_no,
                     rendering, version, created_at, updated_at)
                 SELECT ?1, ?2, ?3, (SELECT id FROM certificate_templates LIMIT 1), ?4, ?5,
                     json_object('format', 1, 'student_name', u.display_name, 'course_title', c.title, 'instructor_name',
                         i.display_name, 'completed_at',
                         strftime('%Y-%m-%dT%H:%M:%fZ', ?4 / 1000000.0, 'unixepoch'), 'final_score', NULL, 'estimated_minutes', NULL, 'language',
                         c.language, 'time_zone', c.time_zone,
                         'completed_on', date(?4 / 1000000.0, 'unixepoch'), 'issued_on', date(?4 / 1000000.0, 'unixepoch'),
                         'expires_on', NULL, 'template_id', lower(hex((SELECT id FROM certificate_templates LIMIT 1)))), 1, 'pending', 1, ?4, ?4
                 FROM users AS u, courses AS c JOIN users AS i ON i.id = c.instructor_id WHERE u.id = ?3 AND c.id = ?2",
            )?
            .execute(params![certificate, course, student, now, format!("{code:019x}").get(..19)])?;
            event(third, "certificate_issued", false, &certificate, "certificate")?;
        }
        tx.commit()?;
        Ok(())
    }

    /// A learner hands in an attempt at a quiz: look up, grade it, keep the score, count, tell of it. The
    /// answers are read and compared with the key here, as a program that trusts nobody does.
    ///
    /// # Errors
    /// When SQLite cannot, or the attempt is not open.
    pub fn submit(&mut self, attempt: AttemptId, now: i64) -> Result<(), Failure> {
        let (result, first, second) = (self.id(), self.id(), self.id());
        let attempt = attempt.uuid();
        let attempt = attempt.as_bytes().as_slice();
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        type Found = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, String, String, i64);
        let (quiz, course, student, enrollment, answers, content, possible): Found = tx
            .prepare_cached(
                "SELECT a.quiz_id, a.course_id, a.student_id, a.enrollment_id, a.answers, r.content, r.possible
                 FROM quiz_attempts AS a JOIN quiz_revisions AS r ON r.id = a.revision_id
                 WHERE a.id = ?1 AND a.state = 'in_progress'",
            )?
            .query_row([attempt], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
            })?;
        let (answers, content): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&answers)?, serde_json::from_str(&content)?);
        let questions = content.get("questions").and_then(|q| q.as_array()).map_or(0, Vec::len);
        let right = answers.to_string().matches("\"right\"").count().min(questions);
        let score = possible * i64::try_from(right)? / i64::try_from(questions.max(1))?;
        tx.prepare_cached(
            "UPDATE quiz_attempts SET state = 'graded', score = ?2, possible = ?3, completed_at = ?4,
                 finish_reason = 'submitted', graded = ?5, version = version + 1, updated_at = ?4 WHERE id = ?1",
        )?
        .execute(params![attempt, score, possible, now, answers.to_string()])?;
        tx.prepare_cached(
            "INSERT INTO quiz_results (id, quiz_id, enrollment_id, course_id, student_id, earned, possible, submitted,
                 updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)
             ON CONFLICT (quiz_id, student_id) DO UPDATE SET earned = max(earned, excluded.earned), submitted = 1,
                 updated_at = excluded.updated_at",
        )?
        .execute(params![result, quiz, enrollment, course, student, score, possible, now])?;
        tx.prepare_cached(
            "UPDATE enrollments SET quizzes_met = quizzes_met + 1, version = version + 1, updated_at = ?2 WHERE id = ?1",
        )?
        .execute(params![enrollment, now])?;
        for (id, kind, initiated) in [(first, "quiz_submitted", true), (second, "quiz_graded", false)] {
            tx.prepare_cached(
                "INSERT INTO activity_events (id, at, kind, actor_kind, actor_id, course_id, student_id, subject_type,
                     subject_id, learner_initiated, metadata)
                 VALUES (?1, ?2, ?3, 'user', ?5, ?4, ?5, 'attempt', ?6, ?7, '{}')",
            )?
            .execute(params![id, now, kind, course, student, attempt, initiated])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// A course of an outline, row by row in one transaction.
    ///
    /// # Errors
    /// When SQLite cannot.
    pub fn outline(&mut self, instructor: UserId, log: Uuid, outline: Outline, now: i64) -> Result<(), Failure> {
        let course = self.id();
        let objectives: Vec<_> = (0..outline.objectives).map(|_| self.id()).collect();
        let lessons: Vec<_> = (0..outline.lessons).map(|_| self.id()).collect();
        let topics: Vec<_> = (0..outline.lessons * outline.topics).map(|_| self.id()).collect();
        let event = self.id();
        let owner = instructor.uuid();
        let (owner, log) = (owner.as_bytes().as_slice(), log.as_bytes().as_slice());
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.prepare_cached(
            "INSERT INTO courses (id, instructor_id, title, description, is_published, audience, difficulty, language,
                 time_zone, flow, enrollment, seats_taken, certificates, is_ai_generated, ai_log_id, metadata, lessons_total,
                 quizzes_total, assignments_total, structure_version, version, created_at, updated_at)
             VALUES (?1, ?2, 'By AI', '', 0, '', '', 'en', 'UTC', 'free', 'closed', 0, 'on_completion', 1, ?3, '{}', 0, 0, 0,
                 1, 1, ?4, ?4)",
        )?
        .execute(params![course, owner, log, now])?;
        for (n, id) in (0_i64..).zip(&objectives) {
            tx.prepare_cached(
                "INSERT INTO objectives (id, course_id, key, text, order_index, version, created_at, updated_at)
                 VALUES (?1, ?2, ?3, 'Do something', ?4, 1, ?5, ?5)",
            )?
            .execute(params![id, course, format!("key{n}"), n, now])?;
        }
        for (n, id) in (0_i64..).zip(&lessons) {
            tx.prepare_cached(
                "INSERT INTO lessons (id, course_id, title, summary, order_index, is_published, is_required,
                     completion_rule, is_ai_generated, ai_log_id, metadata, version, created_at, updated_at)
                 VALUES (?1, ?2, ?3, '', ?4, 0, 1, 'manual', 1, ?5, '{}', 1, ?6, ?6)",
            )?
            .execute(params![id, course, format!("Lesson {n}"), n, log, now])?;
        }
        for (place, id) in topics.iter().enumerate() {
            let (lesson, n) = (place / outline.topics, i64::try_from(place % outline.topics)?);
            tx.prepare_cached(
                "INSERT INTO topics (id, lesson_id, title, content_type, body, order_index, is_ai_generated, ai_log_id,
                     metadata, version, created_at, updated_at)
                 VALUES (?1, ?2, ?3, 'text', 'Text of a topic.', ?4, 1, ?5, '{}', 1, ?6, ?6)",
            )?
            .execute(params![id, lessons.get(lesson), format!("Topic {n}"), n, log, now])?;
        }
        for (n, lesson) in lessons.iter().enumerate() {
            tx.prepare_cached("INSERT INTO objective_lessons (objective_id, lesson_id) VALUES (?1, ?2)")?
                .execute(params![objectives.get(n % objectives.len().max(1)), lesson])?;
        }
        tx.prepare_cached("UPDATE ai_logs SET status = 'applied', applied_at = ?2 WHERE id = ?1 AND status = 'valid'")?
            .execute(params![log, now])?;
        tx.prepare_cached(
            "INSERT INTO activity_events (id, at, kind, actor_kind, actor_id, course_id, subject_type, subject_id,
                 learner_initiated, metadata)
             VALUES (?1, ?2, 'ai_generated', 'ai', ?3, ?4, 'course', ?4, 0, '{}')",
        )?
        .execute(params![event, now, owner, course])?;
        tx.commit()?;
        Ok(())
    }
}
