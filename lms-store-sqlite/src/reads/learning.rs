//! Records of learners, and what waits for somebody.

use lms_core::model::table::Record;
use lms_core::model::*;
use lms_core::store::{
    AnswerEntry, AttemptHead, ById, InTime, LearnerRecord, MarkedAttempt, Member, PersonWork, ScoredWork,
    SubmissionFeedback, SubmissionHead, VersionRecord, WorkName,
};
use rusqlite::{Connection, params};

use super::{above, at_most};
use crate::error::Result;
use crate::rows::{Bound, count, first, id, id_or_null, of_query, select, time, time_or_null, uuids};

pub(crate) fn record(conn: &Connection, course: CourseId, student: UserId) -> Result<Option<LearnerRecord>> {
    let enrollment: Option<Enrollment> =
        first(conn, "WHERE t.course_id = ?1 AND t.student_id = ?2", [id(course), id(student)])?;
    let Some(enrollment) = enrollment else { return Ok(None) };
    let key = enrollment.id;
    let of = "WHERE t.enrollment_id = ?1";
    Ok(Some(LearnerRecord {
        progress: select(conn, of, [id(key)])?,
        views: select(conn, of, [id(key)])?,
        results: select(conn, of, [id(key)])?,
        attempts: select(conn, "WHERE t.enrollment_id = ?1 ORDER BY t.quiz_id, t.attempt_no", [id(key)])?,
        submissions: select(conn, "WHERE t.enrollment_id = ?1 ORDER BY t.assignment_id, t.version_no", [id(key)])?,
        waivers: select(conn, of, [id(key)])?,
        overrides: select(conn, of, [id(key)])?,
        certificate: first(conn, "WHERE t.course_id = ?1 AND t.student_id = ?2", [id(course), id(student)])?,
        enrollment,
    }))
}

/// The rows of one owner, of rows that stand in the order of their owners: each one's are one run.
pub(super) fn own<T: Clone, K: Ord>(rows: &[T], key: K, of: impl Fn(&T) -> K) -> Vec<T> {
    let start = rows.partition_point(|row| of(row) < key);
    rows.iter().skip(start).take_while(|row| of(row) == key).cloned().collect()
}

/// One query per table for the whole page, joined to its enrollments.
pub(crate) fn records(conn: &Connection, course: CourseId, open_only: bool, page: ById) -> Result<Vec<LearnerRecord>> {
    let open = if open_only { "AND t.status = 'active' AND t.completed_at IS NULL" } else { "" };
    let enrollments: Vec<Enrollment> = select(
        conn,
        &format!("WHERE t.course_id = ?1 AND t.id > ?2 {open} ORDER BY t.id LIMIT ?3"),
        params![id(course), id(above(page)), at_most(page)],
    )?;
    let (Some(from), Some(to)) = (enrollments.first().map(|e| e.id), enrollments.last().map(|e| e.id)) else {
        return Ok(Vec::new());
    };
    let of = "JOIN enrollments AS e ON e.id = t.enrollment_id
              WHERE e.course_id = ?1 AND e.id BETWEEN ?2 AND ?3 ORDER BY t.enrollment_id";
    let keys = || [id(course), id(from), id(to)];
    let progress: Vec<LessonProgress> = select(conn, of, keys())?;
    let views: Vec<TopicView> = select(conn, of, keys())?;
    let results: Vec<QuizResult> = select(conn, of, keys())?;
    let attempts: Vec<lms_core::store::AttemptHead> = select(conn, &format!("{of}, t.quiz_id, t.attempt_no"), keys())?;
    let submissions: Vec<SubmissionHead> = select(conn, &format!("{of}, t.assignment_id, t.version_no"), keys())?;
    let waivers: Vec<Waiver> = select(conn, of, keys())?;
    let overrides: Vec<Override> = select(conn, of, keys())?;
    let certificates: Vec<Certificate> = select(
        conn,
        "JOIN enrollments AS e ON e.course_id = t.course_id AND e.student_id = t.student_id
         WHERE t.course_id = ?1 AND e.id BETWEEN ?2 AND ?3",
        keys(),
    )?;
    Ok(enrollments
        .into_iter()
        .map(|enrollment| {
            let key = enrollment.id;
            LearnerRecord {
                progress: own(&progress, key, |r| r.enrollment_id),
                views: own(&views, key, |r| r.enrollment_id),
                results: own(&results, key, |r| r.enrollment_id),
                attempts: own(&attempts, key, |r| r.enrollment_id),
                submissions: own(&submissions, key, |r| r.enrollment_id),
                waivers: own(&waivers, key, |r| r.enrollment_id),
                overrides: own(&overrides, key, |r| r.enrollment_id),
                certificate: certificates.iter().find(|c| c.student_id == enrollment.student_id).cloned(),
                enrollment,
            }
        })
        .collect())
}

pub(crate) fn enrollments_of(conn: &Connection, student: UserId) -> Result<Vec<Enrollment>> {
    select(conn, "WHERE t.student_id = ?1 ORDER BY t.id", [id(student)])
}

pub(crate) fn enrollments(conn: &Connection, course: CourseId, page: ById) -> Result<Vec<Enrollment>> {
    of_course(conn, course, page)
}

/// The rows of a table that have an index by course and id.
pub(crate) fn of_course<R: Record>(conn: &Connection, course: CourseId, page: ById) -> Result<Vec<R>> {
    select(
        conn,
        "WHERE t.course_id = ?1 AND t.id > ?2 ORDER BY t.id LIMIT ?3",
        params![id(course), id(above(page)), at_most(page)],
    )
}

pub(crate) fn overdue_attempts(conn: &Connection, now: Timestamp, page: ById) -> Result<Vec<AttemptId>> {
    let found = uuids(
        conn,
        "quiz_attempts",
        "SELECT a.id FROM quiz_attempts AS a JOIN quizzes AS q ON q.id = a.quiz_id
         WHERE a.state = 'in_progress' AND a.id > ?2
           AND ((a.deadline IS NOT NULL AND a.deadline < ?1 AND a.deadline + q.grace_seconds * 1000000 < ?1)
                OR EXISTS (SELECT 1 FROM enrollments AS e WHERE e.id = a.enrollment_id AND e.status = 'withdrawn')
                OR EXISTS (SELECT 1 FROM users AS u WHERE u.id = a.student_id AND u.erased_at IS NOT NULL))
         ORDER BY a.id LIMIT ?3",
        params![time(now), id(above(page)), at_most(page)],
    )?;
    Ok(found.into_iter().map(AttemptId::from_uuid).collect())
}

pub(crate) fn awaiting_ai(conn: &Connection, limit: u32) -> Result<Vec<SubmissionHead>> {
    select(conn, "WHERE t.ai_status = 'pending' ORDER BY t.submitted_at, t.id LIMIT ?1", [limit])
}

/// The parameters of a place in a list by time.
fn place(after: Option<InTime>) -> (Bound<'static>, Bound<'static>) {
    (time_or_null(after.map(|after| after.at)), id_or_null(after.map(|after| after.id)))
}

pub(crate) fn to_grade(
    conn: &Connection,
    course: CourseId,
    suggested: bool,
    after: Option<InTime>,
    limit: u32,
) -> Result<Vec<SubmissionHead>> {
    let (at, behind) = place(after);
    select(
        conn,
        "WHERE t.course_id = ?1 AND (t.state = 'submitted' OR t.suggested_seq IS NOT NULL)
           AND (t.suggested_seq IS NOT NULL) = ?2 AND (?2 OR t.ai_status <> 'pending')
           AND (SELECT u.erased_at FROM users AS u WHERE u.id = t.student_id) IS NULL
           AND (?3 IS NULL OR (t.submitted_at, t.id) > (?3, ?4))
         ORDER BY t.submitted_at, t.id LIMIT ?5",
        params![id(course), suggested, at, behind, limit],
    )
}

pub(crate) fn open_jobs(conn: &Connection, after: Option<InTime>, limit: u32) -> Result<Vec<CourseJob>> {
    let (at, behind) = place(after);
    select(
        conn,
        "WHERE t.done_at IS NULL AND (?1 IS NULL OR (t.at, t.id) > (?1, ?2)) ORDER BY t.at, t.id LIMIT ?3",
        params![at, behind, limit],
    )
}

/// The versions that were handed in, each with its history.
pub(crate) fn versions(
    conn: &Connection,
    assignment: AssignmentId,
    from: EnrollmentId,
    to: EnrollmentId,
) -> Result<Vec<VersionRecord>> {
    let keys = || [id(assignment), id(from), id(to)];
    let submissions: Vec<Submission> = select(
        conn,
        "WHERE t.assignment_id = ?1 AND t.enrollment_id BETWEEN ?2 AND ?3 AND t.state <> 'draft'
         ORDER BY t.enrollment_id, t.version_no",
        keys(),
    )?;
    let mut history: Vec<GradeEntry> = select(
        conn,
        "JOIN submissions AS s ON s.id = t.subject_id
         WHERE s.assignment_id = ?1 AND s.enrollment_id BETWEEN ?2 AND ?3 AND t.subject_type = 'submission'
         ORDER BY t.subject_id, t.seq",
        keys(),
    )?;
    Ok(submissions
        .into_iter()
        .map(|submission| {
            let own = history.extract_if(.., |entry| entry.subject_id == submission.id.uuid()).collect();
            VersionRecord { submission, history: own }
        })
        .collect())
}

pub(crate) fn attempts(
    conn: &Connection,
    quiz: QuizId,
    from: EnrollmentId,
    to: EnrollmentId,
) -> Result<Vec<QuizAttempt>> {
    select(
        conn,
        "WHERE t.quiz_id = ?1 AND t.enrollment_id BETWEEN ?2 AND ?3 ORDER BY t.enrollment_id, t.attempt_no",
        [id(quiz), id(from), id(to)],
    )
}

pub(crate) fn members(conn: &Connection, course: CourseId, page: ById) -> Result<Vec<Member>> {
    select(
        conn,
        "WHERE t.course_id = ?1 AND t.id > ?2 ORDER BY t.id LIMIT ?3",
        params![id(course), id(above(page)), at_most(page)],
    )
}

pub(crate) fn open_reviews(
    conn: &Connection,
    course: CourseId,
    after: Option<InTime>,
    limit: u32,
) -> Result<Vec<ReviewRequest>> {
    let (at, behind) = place(after);
    select(
        conn,
        "WHERE t.course_id = ?1 AND t.state = 'open' AND (?2 IS NULL OR (t.created_at, t.id) > (?2, ?3))
           AND (SELECT u.erased_at FROM users AS u WHERE u.id = t.student_id) IS NULL
         ORDER BY t.created_at, t.id LIMIT ?4",
        params![id(course), at, behind, limit],
    )
}

pub(crate) fn pending_attempts(
    conn: &Connection,
    course: CourseId,
    suggested: bool,
    after: Option<InTime>,
    limit: u32,
) -> Result<Vec<AttemptHead>> {
    let (at, behind) = place(after);
    select(
        conn,
        "WHERE t.course_id = ?1 AND (t.state = 'pending_review' OR t.ai_suggested > 0)
           AND (t.ai_suggested > 0) = ?2 AND (?2 OR t.ai_pending = 0)
           AND (SELECT u.erased_at FROM users AS u WHERE u.id = t.student_id) IS NULL
           AND (?3 IS NULL OR (t.completed_at, t.id) > (?3, ?4))
         ORDER BY t.completed_at, t.id LIMIT ?5",
        params![id(course), suggested, at, behind, limit],
    )
}

pub(crate) fn attempts_awaiting_ai(conn: &Connection, limit: u32) -> Result<Vec<AttemptHead>> {
    select(conn, "WHERE t.ai_pending > 0 ORDER BY t.completed_at, t.id LIMIT ?1", [limit])
}

pub(crate) fn work_of(conn: &Connection, enrollment: EnrollmentId) -> Result<PersonWork> {
    let of = "WHERE t.enrollment_id = ?1 ORDER BY t.id";
    Ok(PersonWork {
        attempts: select(conn, of, [id(enrollment)])?,
        submissions: select(conn, of, [id(enrollment)])?,
        reviews: select(conn, of, [id(enrollment)])?,
    })
}

pub(crate) fn feedback_of(conn: &Connection, enrollment: EnrollmentId) -> Result<Vec<SubmissionFeedback>> {
    select(conn, "WHERE t.enrollment_id = ?1 AND t.feedback IS NOT NULL ORDER BY t.id", [id(enrollment)])
}

pub(crate) fn answer_entries(
    conn: &Connection,
    course: CourseId,
    from: EnrollmentId,
    to: EnrollmentId,
) -> Result<Vec<AnswerEntry>> {
    select(
        conn,
        "JOIN quiz_attempts AS a ON a.id = t.subject_id JOIN enrollments AS e ON e.id = a.enrollment_id
         WHERE e.course_id = ?1 AND e.id BETWEEN ?2 AND ?3 AND t.subject_type = 'answer'",
        [id(course), id(from), id(to)],
    )
}

pub(crate) fn marked_attempts(
    conn: &Connection,
    course: CourseId,
    from: EnrollmentId,
    to: EnrollmentId,
) -> Result<Vec<MarkedAttempt>> {
    let keys = || [id(course), id(from), id(to)];
    let attempts = select(
        conn,
        "JOIN enrollments AS e ON e.id = t.enrollment_id
         WHERE e.course_id = ?1 AND e.id BETWEEN ?2 AND ?3
           AND EXISTS (SELECT 1 FROM grade_history AS g
                       WHERE g.subject_type = 'answer' AND g.subject_id = t.id AND g.grader_kind = 'ai')
         ORDER BY t.enrollment_id, t.id",
        keys(),
    )?;
    let history = select(
        conn,
        "JOIN quiz_attempts AS a ON a.id = t.subject_id JOIN enrollments AS e ON e.id = a.enrollment_id
         WHERE e.course_id = ?1 AND e.id BETWEEN ?2 AND ?3 AND t.subject_type = 'answer'
         ORDER BY t.subject_id, t.question_id, t.seq",
        keys(),
    )?;
    Ok(MarkedAttempt::each(attempts, history))
}

/// Ids as one parameter, for `IN (SELECT unhex(value) FROM json_each(?1))`.
pub(super) fn listed<T>(ids: &[Id<T>]) -> String {
    let hex: Vec<String> = ids.iter().map(|id| format!("\"{}\"", id.uuid().simple())).collect();
    format!("[{}]", hex.join(","))
}

pub(crate) fn scored_work(
    conn: &Connection,
    attempts: &[AttemptId],
    submissions: &[SubmissionId],
) -> Result<ScoredWork> {
    let (attempts, submissions) = (listed(attempts), listed(submissions));
    let named = "WHERE t.id IN (SELECT unhex(value) FROM json_each(?1))";
    Ok(ScoredWork {
        attempts: select(conn, named, [&attempts])?,
        submissions: select(conn, named, [&submissions])?,
        assignments: select(
            conn,
            "WHERE t.id IN (SELECT s.assignment_id FROM submissions AS s
                            WHERE s.id IN (SELECT unhex(value) FROM json_each(?1)))",
            [&submissions],
        )?,
    })
}

pub(crate) fn work_names(
    conn: &Connection,
    attempts: &[AttemptId],
    submissions: &[SubmissionId],
) -> Result<Vec<WorkName>> {
    let of = |work: &str, item: &str, key: &str, ids: &str| {
        let sql = format!(
            "SELECT w.id, w.student_id, u.display_name, i.id, i.title
             FROM {work} AS w JOIN users AS u ON u.id = w.student_id JOIN {item} AS i ON i.id = w.{key}
             WHERE w.id IN (SELECT unhex(value) FROM json_each(?1))"
        );
        of_query(conn, &sql, [ids])
    };
    let mut found = of("quiz_attempts", "quizzes", "quiz_id", &listed(attempts))?;
    found.append(&mut of("submissions", "assignments", "assignment_id", &listed(submissions))?);
    Ok(found)
}

pub(crate) fn reviews_of(conn: &Connection, subject: uuid::Uuid) -> Result<Vec<ReviewRequest>> {
    select(conn, "WHERE t.submission_id = ?1 OR t.attempt_id = ?1 ORDER BY t.created_at, t.id", [id(subject)])
}

/// Whether a raw mark of the assignment is above a maximum.
pub(crate) const GRADE_ABOVE: &str = "SELECT 1 FROM submissions WHERE assignment_id = ?1 AND raw_grade > ?2";

pub(crate) fn grades_above(conn: &Connection, assignment: AssignmentId, max: Points) -> Result<i64> {
    count(
        conn,
        "SELECT count(*) FROM submissions WHERE assignment_id = ?1 AND raw_grade > ?2",
        params![id(assignment), max.units()],
    )
}
