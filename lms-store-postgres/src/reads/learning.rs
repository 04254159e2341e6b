//! Records of learners, and what waits for somebody.

use lms_core::model::table::Record;
use lms_core::model::*;
use lms_core::store::{
    AnswerEntry, AssignmentWorth, AttemptHead, AttemptMarks, LearnerRecord, MarkedAttempt, Member, PersonWork,
    ScoredWork, StoreError, SubmissionFeedback, SubmissionHead, VersionRecord,
};

use super::listing;
use crate::rows::Doc;
use crate::sql::{array, list, many, one};

/// The fields of a record, of the enrollment that stands as `e`.
pub(super) fn fields() -> String {
    let of = "WHERE t.enrollment_id = e.id";
    format!(
        "'progress', {}, 'views', {}, 'results', {}, 'attempts', {}, 'submissions', {}, 'waivers', {},
         'overrides', {}, 'certificate', {}",
        many::<LessonProgress>(of),
        many::<TopicView>(of),
        many::<QuizResult>(of),
        many::<AttemptHead>("WHERE t.enrollment_id = e.id ORDER BY t.quiz_id, t.attempt_no"),
        many::<SubmissionHead>("WHERE t.enrollment_id = e.id ORDER BY t.assignment_id, t.version_no"),
        many::<Waiver>(of),
        many::<Override>(of),
        one::<Certificate>("WHERE t.course_id = e.course_id AND t.student_id = e.student_id"),
    )
}

pub(crate) fn read_record(mut doc: Doc) -> Result<LearnerRecord, StoreError> {
    record_of(&mut doc)
}

pub(super) fn record_of(doc: &mut Doc) -> Result<LearnerRecord, StoreError> {
    Ok(LearnerRecord {
        enrollment: doc.the("enrollment")?,
        progress: doc.many("progress")?,
        views: doc.many("views")?,
        results: doc.many("results")?,
        attempts: doc.many("attempts")?,
        submissions: doc.many("submissions")?,
        waivers: doc.many("waivers")?,
        overrides: doc.many("overrides")?,
        certificate: doc.one("certificate")?,
    })
}

/// $1 course, $2 student.
pub(super) fn record() -> String {
    format!(
        "SELECT json_build_object('enrollment', e.r, {})::text
         FROM (SELECT t.id, t.course_id, t.student_id, {} AS r FROM {{lms}}.enrollments AS t
               WHERE t.course_id = $1::uuid AND t.student_id = $2::uuid) AS e",
        fields(),
        array::<Enrollment>(),
    )
}

/// $1 course, $2 open only, $3 above, $4 limit.
pub(super) fn records() -> String {
    format!(
        "SELECT json_build_object('records', {})::text",
        list(&format!(
            "SELECT json_build_object('enrollment', e.r, {})
             FROM (SELECT t.id, t.course_id, t.student_id, {} AS r FROM {{lms}}.enrollments AS t
                   WHERE t.course_id = $1::uuid AND t.id > $3::uuid
                     AND (NOT $2::boolean OR (t.status = 'active' AND t.completed_at IS NULL))
                   ORDER BY t.id LIMIT $4::bigint) AS e ORDER BY e.id",
            fields(),
            array::<Enrollment>(),
        ))
    )
}

pub(crate) fn read_records(mut doc: Doc) -> Result<Vec<LearnerRecord>, StoreError> {
    doc.rows("records")?.into_iter().map(|row| Doc::of(row).and_then(read_record)).collect()
}

/// $1 student.
pub(super) fn enrollments_of() -> String {
    listing(&many::<Enrollment>("WHERE t.student_id = $1::uuid ORDER BY t.id"))
}

/// The rows of a table that have an index by course and id. $1 course, $2 above, $3 limit.
pub(super) fn of_course<R: Record>() -> String {
    listing(&many::<R>("WHERE t.course_id = $1::uuid AND t.id > $2::uuid ORDER BY t.id LIMIT $3::bigint"))
}

/// $1 now, $2 above, $3 limit.
pub(super) fn overdue_attempts() -> String {
    format!(
        "SELECT json_build_object('ids', {})::text",
        list(
            "SELECT a.id FROM {lms}.quiz_attempts AS a JOIN {lms}.quizzes AS q ON q.id = a.quiz_id
             WHERE a.state = 'in_progress' AND a.id > $2::uuid
               AND ((a.deadline IS NOT NULL AND a.deadline < $1::timestamptz
                     AND a.deadline + q.grace_seconds * interval '1 second' < $1::timestamptz)
                    OR EXISTS (SELECT 1 FROM {lms}.enrollments AS e
                               WHERE e.id = a.enrollment_id AND e.status = 'withdrawn')
                    OR EXISTS (SELECT 1 FROM {lms}.users AS u WHERE u.id = a.student_id AND u.erased_at IS NOT NULL))
             ORDER BY a.id LIMIT $3::bigint"
        )
    )
}

/// $1 limit.
pub(super) fn awaiting_ai() -> String {
    listing(&many::<SubmissionHead>("WHERE t.ai_status = 'pending' ORDER BY t.submitted_at, t.id LIMIT $1::bigint"))
}

/// $1 course, $2 whether those with a suggestion, $3 and $4 a place in time or null, $5 limit.
pub(super) fn to_grade() -> String {
    listing(&many::<SubmissionHead>(
        "WHERE t.course_id = $1::uuid AND (t.state = 'submitted' OR t.suggested_seq IS NOT NULL)
           AND (t.suggested_seq IS NOT NULL) = $2::boolean AND ($2::boolean OR t.ai_status <> 'pending')
           AND (SELECT u.erased_at FROM {lms}.users AS u WHERE u.id = t.student_id) IS NULL
           AND ($3::timestamptz IS NULL OR (t.submitted_at, t.id) > ($3::timestamptz, $4::uuid))
         ORDER BY t.submitted_at, t.id LIMIT $5::bigint",
    ))
}

/// $1 and $2 the place after which, $3 limit.
pub(super) fn open_jobs() -> String {
    listing(&many::<CourseJob>(
        "WHERE t.done_at IS NULL AND ($1::timestamptz IS NULL OR (t.at, t.id) > ($1::timestamptz, $2::uuid))
         ORDER BY t.at, t.id LIMIT $3::bigint",
    ))
}

/// $1 assignment, $2 from, $3 to.
pub(super) fn versions() -> String {
    let of = "s.assignment_id = $1::uuid AND s.enrollment_id BETWEEN $2::uuid AND $3::uuid";
    format!(
        "SELECT json_build_object('submissions', {}, 'history', {})::text",
        many::<Submission>(
            "WHERE t.assignment_id = $1::uuid AND t.enrollment_id BETWEEN $2::uuid AND $3::uuid AND t.state <> 'draft'
             ORDER BY t.enrollment_id, t.version_no",
        ),
        many::<GradeEntry>(&format!(
            "JOIN {{lms}}.submissions AS s ON s.id = t.subject_id
             WHERE {of} AND t.subject_type = 'submission' ORDER BY t.subject_id, t.seq"
        )),
    )
}

pub(crate) fn read_versions(mut doc: Doc) -> Result<Vec<VersionRecord>, StoreError> {
    let submissions: Vec<Submission> = doc.many("submissions")?;
    let mut history: Vec<GradeEntry> = doc.many("history")?;
    Ok(submissions
        .into_iter()
        .map(|submission| {
            let own = history.extract_if(.., |entry| entry.subject_id == submission.id.uuid()).collect();
            VersionRecord { submission, history: own }
        })
        .collect())
}

/// $1 quiz, $2 from, $3 to.
pub(super) fn attempts() -> String {
    listing(&many::<QuizAttempt>(
        "WHERE t.quiz_id = $1::uuid AND t.enrollment_id BETWEEN $2::uuid AND $3::uuid
         ORDER BY t.enrollment_id, t.attempt_no",
    ))
}

/// $1 course, $2 above, $3 limit.
pub(super) fn members() -> String {
    listing(&many::<Member>("WHERE t.course_id = $1::uuid AND t.id > $2::uuid ORDER BY t.id LIMIT $3::bigint"))
}

/// $1 course, $2 and $3 a place in time or null, $4 limit.
pub(super) fn open_reviews() -> String {
    listing(&many::<ReviewRequest>(
        "WHERE t.course_id = $1::uuid AND t.state = 'open'
           AND (SELECT u.erased_at FROM {lms}.users AS u WHERE u.id = t.student_id) IS NULL
           AND ($2::timestamptz IS NULL OR (t.created_at, t.id) > ($2::timestamptz, $3::uuid))
         ORDER BY t.created_at, t.id LIMIT $4::bigint",
    ))
}

/// $1 course, $2 whether those with a suggestion, $3 and $4 a place in time or null, $5 limit.
pub(super) fn pending_attempts() -> String {
    listing(&many::<AttemptHead>(
        "WHERE t.course_id = $1::uuid AND (t.state = 'pending_review' OR t.ai_suggested > 0)
           AND (t.ai_suggested > 0) = $2::boolean AND ($2::boolean OR t.ai_pending = 0)
           AND (SELECT u.erased_at FROM {lms}.users AS u WHERE u.id = t.student_id) IS NULL
           AND ($3::timestamptz IS NULL OR (t.completed_at, t.id) > ($3::timestamptz, $4::uuid))
         ORDER BY t.completed_at, t.id LIMIT $5::bigint",
    ))
}

/// $1 limit.
pub(super) fn attempts_awaiting_ai() -> String {
    listing(&many::<AttemptHead>("WHERE t.ai_pending > 0 ORDER BY t.completed_at, t.id LIMIT $1::bigint"))
}

/// $1 enrollment.
pub(super) fn feedback_of() -> String {
    listing(&many::<SubmissionFeedback>("WHERE t.enrollment_id = $1::uuid AND t.feedback IS NOT NULL ORDER BY t.id"))
}

/// $1 enrollment.
pub(super) fn work_of() -> String {
    let of = "WHERE t.enrollment_id = $1::uuid ORDER BY t.id";
    format!(
        "SELECT json_build_object('attempts', {}, 'submissions', {}, 'reviews', {})::text",
        many::<QuizAttempt>(of),
        many::<Submission>(of),
        many::<ReviewRequest>(of),
    )
}

pub(crate) fn read_work(mut doc: Doc) -> Result<PersonWork, StoreError> {
    Ok(PersonWork {
        attempts: doc.many("attempts")?,
        submissions: doc.many("submissions")?,
        reviews: doc.many("reviews")?,
    })
}

/// $1 course, $2 from, $3 to.
pub(super) fn answer_entries() -> String {
    listing(&many::<AnswerEntry>(
        "JOIN {lms}.quiz_attempts AS a ON a.id = t.subject_id JOIN {lms}.enrollments AS e ON e.id = a.enrollment_id
         WHERE e.course_id = $1::uuid AND e.id BETWEEN $2::uuid AND $3::uuid AND t.subject_type = 'answer'",
    ))
}

/// $1 course, $2 from, $3 to.
pub(super) fn marked_attempts() -> String {
    let of = "e.course_id = $1::uuid AND e.id BETWEEN $2::uuid AND $3::uuid";
    format!(
        "SELECT json_build_object('attempts', {}, 'history', {})::text",
        many::<AttemptMarks>(&format!(
            "JOIN {{lms}}.enrollments AS e ON e.id = t.enrollment_id
             WHERE {of} AND EXISTS (SELECT 1 FROM {{lms}}.grade_history AS g
                                    WHERE g.subject_type = 'answer' AND g.subject_id = t.id AND g.grader_kind = 'ai')
             ORDER BY t.enrollment_id, t.id"
        )),
        many::<GradeEntry>(&format!(
            "JOIN {{lms}}.quiz_attempts AS a ON a.id = t.subject_id JOIN {{lms}}.enrollments AS e ON e.id = a.enrollment_id
             WHERE {of} AND t.subject_type = 'answer' ORDER BY t.subject_id, t.question_id, t.seq"
        )),
    )
}

pub(crate) fn read_marked_attempts(mut doc: Doc) -> Result<Vec<MarkedAttempt>, StoreError> {
    Ok(MarkedAttempt::each(doc.many("attempts")?, doc.many("history")?))
}

/// Ids as one parameter, for `string_to_array`.
pub(crate) fn listed<T>(ids: &[Id<T>]) -> String {
    ids.iter().map(|id| id.uuid().to_string()).collect::<Vec<_>>().join(",")
}

/// $1 attempts, $2 submissions.
pub(super) fn scored_work() -> String {
    let submissions = "ANY (string_to_array($2, ',')::uuid[])";
    format!(
        "SELECT json_build_object('attempts', {}, 'submissions', {}, 'assignments', {})::text",
        many::<AttemptHead>("WHERE t.id = ANY (string_to_array($1, ',')::uuid[])"),
        many::<SubmissionHead>(&format!("WHERE t.id = {submissions}")),
        many::<AssignmentWorth>(&format!(
            "WHERE t.id IN (SELECT s.assignment_id FROM {{lms}}.submissions AS s WHERE s.id = {submissions})"
        )),
    )
}

pub(crate) fn read_scored_work(mut doc: Doc) -> Result<ScoredWork, StoreError> {
    Ok(ScoredWork {
        attempts: doc.many("attempts")?,
        submissions: doc.many("submissions")?,
        assignments: doc.many("assignments")?,
    })
}

/// $1 attempts, $2 submissions.
pub(super) fn work_names() -> String {
    let of = |work: &str, item: &str, key: &str, ids: &str| {
        format!(
            "SELECT json_build_array(w.id, w.student_id, u.display_name, i.id, i.title)
             FROM {{lms}}.{work} AS w JOIN {{lms}}.users AS u ON u.id = w.student_id
             JOIN {{lms}}.{item} AS i ON i.id = w.{key}
             WHERE w.id = ANY (string_to_array({ids}, ',')::uuid[])"
        )
    };
    let attempts = of("quiz_attempts", "quizzes", "quiz_id", "$1");
    listing(&list(&format!("{attempts} UNION ALL {}", of("submissions", "assignments", "assignment_id", "$2"))))
}

/// $1 submission or attempt.
pub(super) fn reviews_of() -> String {
    listing(&many::<ReviewRequest>(
        "WHERE t.submission_id = $1::uuid OR t.attempt_id = $1::uuid ORDER BY t.created_at, t.id",
    ))
}

/// $1 assignment, $2 maximum in units.
pub(super) fn grades_above() -> String {
    "SELECT json_build_object('count', (SELECT count(*) FROM {lms}.submissions
         WHERE assignment_id = $1::uuid AND raw_grade > $2::bigint * 0.00001::numeric))::text"
        .to_owned()
}
