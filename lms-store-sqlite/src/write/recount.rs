//! Counters recounted from the rows that they count: the only arithmetic of the domain in SQL, and
//! the definition that an audit is held to (P11).

use lms_core::model::CourseId;
use rusqlite::Connection;

use crate::error::Result;
use crate::rows::{execute, id, touched};

/// The course's totals: published required items whose lesson is published.
pub(super) fn totals(conn: &Connection, course: CourseId) -> Result<()> {
    touched(execute(
        conn,
        "UPDATE courses SET
             lessons_total = (
                 SELECT count(*) FROM lessons AS l
                 WHERE l.course_id = ?1 AND l.is_published = 1 AND l.is_required = 1),
             quizzes_total = (
                 SELECT count(*) FROM lessons AS l JOIN quizzes AS q ON q.lesson_id = l.id
                 WHERE l.course_id = ?1 AND l.is_published = 1 AND q.is_published = 1 AND q.is_required = 1),
             assignments_total = (
                 SELECT count(*) FROM lessons AS l JOIN assignments AS a ON a.lesson_id = l.id
                 WHERE l.course_id = ?1 AND l.is_published = 1 AND a.is_published = 1 AND a.is_required = 1)
         WHERE id = ?1",
        [id(course)],
    )?)
}

/// The three counters of every enrollment of the course; only those that differ are written.
///
/// A lesson is done when it is completed or waived. A quiz is met when it is passed (submitted, where
/// it has no threshold), excused or waived. An assignment is met when a version is handed in or, where
/// it must be passed, when the latest graded version reaches the mark (is graded, where there is none),
/// or when it is excused or waived.
pub(super) fn learners(conn: &Connection, course: CourseId) -> Result<()> {
    execute(
        conn,
        "WITH
         counted_lessons AS MATERIALIZED (
             SELECT l.id FROM lessons AS l
             WHERE l.course_id = ?1 AND l.is_published = 1 AND l.is_required = 1),
         counted_quizzes AS MATERIALIZED (
             SELECT q.id, q.pass_threshold_bp FROM lessons AS l JOIN quizzes AS q ON q.lesson_id = l.id
             WHERE l.course_id = ?1 AND l.is_published = 1 AND q.is_published = 1 AND q.is_required = 1),
         counted_assignments AS MATERIALIZED (
             SELECT a.id, a.met_by, a.pass_threshold_bp, a.max_grade
             FROM lessons AS l JOIN assignments AS a ON a.lesson_id = l.id
             WHERE l.course_id = ?1 AND l.is_published = 1 AND a.is_published = 1 AND a.is_required = 1),
         done (enrollment_id, item_id) AS (
             SELECT p.enrollment_id, p.lesson_id
             FROM counted_lessons AS l CROSS JOIN lesson_progress AS p ON p.lesson_id = l.id
             WHERE p.status = 'completed'
             UNION
             SELECT w.enrollment_id, w.lesson_id
             FROM counted_lessons AS l CROSS JOIN waivers AS w ON w.lesson_id = l.id),
         quiz_met (enrollment_id, item_id) AS (
             SELECT r.enrollment_id, r.quiz_id
             FROM counted_quizzes AS q CROSS JOIN quiz_results AS r ON r.quiz_id = q.id
             WHERE CASE WHEN q.pass_threshold_bp IS NULL THEN r.submitted = 1 ELSE r.passed IS 1 END
             UNION
             SELECT o.enrollment_id, o.quiz_id
             FROM counted_quizzes AS q CROSS JOIN overrides AS o ON o.quiz_id = q.id
             WHERE o.excused = 1
             UNION
             SELECT w.enrollment_id, w.quiz_id
             FROM counted_quizzes AS q CROSS JOIN waivers AS w ON w.quiz_id = q.id),
         assignment_met (enrollment_id, item_id) AS (
             SELECT s.enrollment_id, s.assignment_id
             FROM counted_assignments AS a CROSS JOIN submissions AS s ON s.assignment_id = a.id
             WHERE CASE WHEN a.met_by = 'submitted' THEN s.state <> 'draft'
                   ELSE s.grade IS NOT NULL
                       AND (a.pass_threshold_bp IS NULL OR s.grade * 10000 >= a.pass_threshold_bp * a.max_grade)
                       AND NOT EXISTS (
                           SELECT 1 FROM submissions AS later
                           WHERE later.assignment_id = s.assignment_id AND later.student_id = s.student_id
                               AND later.version_no > s.version_no AND later.grade IS NOT NULL)
                   END
             UNION
             SELECT o.enrollment_id, o.assignment_id
             FROM counted_assignments AS a CROSS JOIN overrides AS o ON o.assignment_id = a.id
             WHERE o.excused = 1
             UNION
             SELECT w.enrollment_id, w.assignment_id
             FROM counted_assignments AS a CROSS JOIN waivers AS w ON w.assignment_id = a.id),
         met (enrollment_id, lessons, quizzes, assignments) AS (
             SELECT enrollment_id, 1, 0, 0 FROM done
             UNION ALL SELECT enrollment_id, 0, 1, 0 FROM quiz_met
             UNION ALL SELECT enrollment_id, 0, 0, 1 FROM assignment_met),
         sums (enrollment_id, lessons, quizzes, assignments) AS (
             SELECT enrollment_id, sum(lessons), sum(quizzes), sum(assignments) FROM met GROUP BY enrollment_id),
         counted (id, lessons, quizzes, assignments) AS MATERIALIZED (
             SELECT e.id, coalesce(s.lessons, 0), coalesce(s.quizzes, 0), coalesce(s.assignments, 0)
             FROM enrollments AS e LEFT JOIN sums AS s ON s.enrollment_id = e.id
             WHERE e.course_id = ?1
                 AND (e.lessons_done, e.quizzes_met, e.assignments_met)
                     IS NOT (coalesce(s.lessons, 0), coalesce(s.quizzes, 0), coalesce(s.assignments, 0)))
         UPDATE enrollments SET
             lessons_done = counted.lessons,
             quizzes_met = counted.quizzes,
             assignments_met = counted.assignments
         FROM counted WHERE enrollments.id = counted.id",
        [id(course)],
    )
    .map(drop)
}

/// The seats of the course: its active enrollments.
pub(super) fn seats(conn: &Connection, course: CourseId) -> Result<()> {
    touched(execute(
        conn,
        "UPDATE courses SET seats_taken = (
             SELECT count(*) FROM enrollments AS e WHERE e.course_id = ?1 AND e.status = 'active')
         WHERE id = ?1",
        [id(course)],
    )?)
}
