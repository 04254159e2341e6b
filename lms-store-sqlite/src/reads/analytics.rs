//! The queries behind a course's numbers (M1–M4): set-based, on covering indexes.

use lms_core::model::*;
use lms_core::store::{CompletionCounts, LessonCounts, OnTimeCounts, PercentSum, QuizScope};
use rusqlite::{Connection, params};

use crate::error::Result;
use crate::rows::{by_id, count, id, time, uuid_at};

pub(crate) fn completion(conn: &Connection, course: CourseId) -> Result<Option<CompletionCounts>> {
    let Some(row) = by_id::<Course>(conn, course)? else { return Ok(None) };
    let (enrolled, completed, lessons_done) = conn
        .prepare_cached(
            "SELECT count(*), count(completed_at), coalesce(sum(min(lessons_done, ?2)), 0) FROM enrollments
             WHERE course_id = ?1 AND status = 'active' AND is_staff = 0",
        )?
        .query_row(params![id(course), row.lessons_total], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    Ok(Some(CompletionCounts { enrolled, completed, lessons_done, lessons_total: row.lessons_total }))
}

pub(crate) fn lesson_counts(conn: &Connection, course: CourseId) -> Result<Vec<LessonCounts>> {
    let mut statement = conn.prepare_cached(
        "SELECT p.lesson_id, count(*) FILTER (WHERE p.status = 'in_progress'),
                count(*) FILTER (WHERE p.status = 'completed')
         FROM enrollments AS e JOIN lesson_progress AS p ON p.enrollment_id = e.id
         WHERE e.course_id = ?1 AND e.status = 'active' AND e.is_staff = 0 GROUP BY p.lesson_id",
    )?;
    let mut rows = statement.query([id(course)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let lesson = LessonId::from_uuid(uuid_at(row, 0, ("lesson_progress", "lesson_id"))?);
        found.push(LessonCounts { lesson_id: lesson, in_progress: row.get(1)?, completed: row.get(2)? });
    }
    Ok(found)
}

pub(crate) fn quiz_percents(conn: &Connection, scope: QuizScope) -> Result<PercentSum> {
    let (filter, key) = match scope {
        QuizScope::Quiz(quiz) => ("r.quiz_id = ?1", quiz.uuid()),
        QuizScope::Lesson(lesson) => ("r.quiz_id IN (SELECT id FROM quizzes WHERE lesson_id = ?1)", lesson.uuid()),
        QuizScope::Course(course) => ("e.course_id = ?1", course.uuid()),
    };
    // earned × 10^8 ÷ possible fits 64 bits up to 920 points of a quiz; beyond, the quotient is taken
    // in two steps, exactly.
    let sql = format!(
        "SELECT count(*), coalesce(sum(
             (r.earned / r.possible) * 100000000
             + ((r.earned % r.possible) * 10000 / r.possible) * 10000
             + (((r.earned % r.possible) * 10000 % r.possible) * 10000 / r.possible)), 0)
         FROM quiz_results AS r JOIN enrollments AS e ON e.id = r.enrollment_id
         WHERE {filter} AND r.earned IS NOT NULL AND r.possible > 0 AND e.status = 'active' AND e.is_staff = 0
           AND NOT EXISTS (SELECT 1 FROM overrides AS o
                           WHERE o.quiz_id = r.quiz_id AND o.enrollment_id = e.id AND o.excused = 1)
           AND NOT EXISTS (SELECT 1 FROM waivers AS w WHERE w.quiz_id = r.quiz_id AND w.enrollment_id = e.id)"
    );
    let (pairs, sum_e8) = conn.prepare_cached(&sql)?.query_row([id(key)], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(PercentSum { pairs, sum_e8 })
}

pub(crate) fn active_students(
    conn: &Connection,
    course: Option<CourseId>,
    after: Timestamp,
    until: Timestamp,
) -> Result<i64> {
    match course {
        Some(course) => count(
            conn,
            "SELECT count(DISTINCT student_id) FROM activity_events
             WHERE learner_initiated = 1 AND course_id = ?1 AND at > ?2 AND at <= ?3",
            params![id(course), time(after), time(until)],
        ),
        None => count(
            conn,
            "SELECT count(DISTINCT student_id) FROM activity_events
             WHERE learner_initiated = 1 AND at > ?1 AND at <= ?2",
            [time(after), time(until)],
        ),
    }
}

/// Of the students with an effective due date, active and not staff: the counted version is the
/// latest graded one, else the latest handed in; it is on time when it is not late.
pub(crate) fn on_time(conn: &Connection, assignment: AssignmentId, now: Timestamp) -> Result<OnTimeCounts> {
    let (on_time, of) = conn
        .prepare_cached(
            "WITH due (enrollment_id, enrolled_at, due) AS (
                 SELECT e.id, e.created_at,
                        CASE coalesce(o.due_mode, 'inherit')
                            WHEN 'inherit' THEN a.due_date WHEN 'value' THEN o.due_date ELSE NULL END
                 FROM assignments AS a
                 JOIN lessons AS l ON l.id = a.lesson_id
                 JOIN enrollments AS e ON e.course_id = l.course_id
                 LEFT JOIN overrides AS o ON o.assignment_id = a.id AND o.enrollment_id = e.id
                 WHERE a.id = ?1 AND e.status = 'active' AND e.is_staff = 0 AND coalesce(o.excused, 0) = 0
                   AND NOT EXISTS (SELECT 1 FROM waivers AS w
                                   WHERE w.assignment_id = a.id AND w.enrollment_id = e.id)),
             counted (enrollment_id, late) AS (
                 SELECT s.enrollment_id, s.late_seconds FROM submissions AS s
                 WHERE s.assignment_id = ?1 AND s.state <> 'draft'
                   AND NOT EXISTS (
                       SELECT 1 FROM submissions AS other
                       WHERE other.assignment_id = ?1 AND other.student_id = s.student_id AND other.state <> 'draft'
                         AND ((other.grade IS NOT NULL) > (s.grade IS NOT NULL)
                              OR ((other.grade IS NOT NULL) = (s.grade IS NOT NULL)
                                  AND other.version_no > s.version_no))))
             SELECT coalesce(sum(c.late = 0), 0), count(*)
             FROM due AS d LEFT JOIN counted AS c ON c.enrollment_id = d.enrollment_id
             WHERE d.due IS NOT NULL
               AND (c.enrollment_id IS NOT NULL OR (d.due < ?2 AND d.enrolled_at <= d.due))",
        )?
        .query_row([id(assignment), time(now)], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(OnTimeCounts { on_time, of })
}
