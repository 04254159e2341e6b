//! One piece of one learner's work and what decides over it.

use lms_core::model::*;
use lms_core::store::{AttemptHead, LearnerContext, LearnerScope, LessonWork, StoreError, SubmissionHead};
use uuid::Uuid;

use super::catalog::open_job;
use super::{staff_of, user};
use crate::rows::Doc;
use crate::sql::{list, many, one};

/// What a [`LearnerScope`] names, without the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Course,
    Lesson,
    Topic,
    Quiz,
    Attempt,
    Assignment,
    Submission,
}

/// The place, its id, and the learner where the scope names one.
pub(crate) const fn place(scope: LearnerScope) -> (Place, Uuid, Option<UserId>) {
    match scope {
        LearnerScope::Course(id, student) => (Place::Course, id.uuid(), Some(student)),
        LearnerScope::Lesson(id, student) => (Place::Lesson, id.uuid(), Some(student)),
        LearnerScope::Topic(id, student) => (Place::Topic, id.uuid(), Some(student)),
        LearnerScope::Quiz(id, student) => (Place::Quiz, id.uuid(), Some(student)),
        LearnerScope::Attempt(id) => (Place::Attempt, id.uuid(), None),
        LearnerScope::Assignment(id, student) => (Place::Assignment, id.uuid(), Some(student)),
        LearnerScope::Submission(id) => (Place::Submission, id.uuid(), None),
    }
}

/// The ids that the scope leads to: $2 names the piece, $3 the learner.
fn path(place: Place) -> String {
    let row = |student: &str, columns: &str, from: &str| format!("SELECT {student} AS student_id, {columns} {from}");
    let none = "NULL::uuid";
    let ids = |topic: &str, quiz: &str, attempt: &str, assignment: &str, submission: &str| {
        format!(
            "l.course_id, l.id AS lesson_id, l.order_index, {topic} AS topic_id, {quiz} AS quiz_id,
             {attempt} AS attempt_id, {assignment} AS assignment_id, {submission} AS submission_id"
        )
    };
    match place {
        Place::Course => row(
            "$3::uuid",
            "c.id AS course_id, NULL::uuid AS lesson_id, NULL::bigint AS order_index, NULL::uuid AS topic_id,
             NULL::uuid AS quiz_id, NULL::uuid AS attempt_id, NULL::uuid AS assignment_id,
             NULL::uuid AS submission_id",
            "FROM {lms}.courses AS c WHERE c.id = $2::uuid",
        ),
        Place::Lesson => {
            row("$3::uuid", &ids(none, none, none, none, none), "FROM {lms}.lessons AS l WHERE l.id = $2::uuid")
        }
        Place::Topic => row(
            "$3::uuid",
            &ids("x.id", none, none, none, none),
            "FROM {lms}.topics AS x JOIN {lms}.lessons AS l ON l.id = x.lesson_id WHERE x.id = $2::uuid",
        ),
        Place::Quiz => row(
            "$3::uuid",
            &ids(
                none,
                "x.id",
                "(SELECT a.id FROM {lms}.quiz_attempts AS a
                  WHERE a.quiz_id = x.id AND a.student_id = $3::uuid AND a.state = 'in_progress')",
                none,
                none,
            ),
            "FROM {lms}.quizzes AS x JOIN {lms}.lessons AS l ON l.id = x.lesson_id WHERE x.id = $2::uuid",
        ),
        Place::Attempt => row(
            "a.student_id",
            &ids(none, "x.id", "a.id", none, none),
            "FROM {lms}.quiz_attempts AS a JOIN {lms}.quizzes AS x ON x.id = a.quiz_id
             JOIN {lms}.lessons AS l ON l.id = x.lesson_id WHERE a.id = $2::uuid",
        ),
        Place::Assignment => row(
            "$3::uuid",
            &ids(
                none,
                none,
                none,
                "x.id",
                "(SELECT s.id FROM {lms}.submissions AS s
                  WHERE s.assignment_id = x.id AND s.student_id = $3::uuid ORDER BY s.version_no DESC LIMIT 1)",
            ),
            "FROM {lms}.assignments AS x JOIN {lms}.lessons AS l ON l.id = x.lesson_id WHERE x.id = $2::uuid",
        ),
        Place::Submission => row(
            "s.student_id",
            &ids(none, none, none, "x.id", "s.id"),
            "FROM {lms}.submissions AS s JOIN {lms}.assignments AS x ON x.id = s.assignment_id
             JOIN {lms}.lessons AS l ON l.id = x.lesson_id WHERE s.id = $2::uuid",
        ),
    }
}

/// The history of the piece that the scope is about.
fn history(place: Place) -> String {
    let of = |kind: &str, key: &str| {
        many::<GradeEntry>(&format!("WHERE t.subject_type = '{kind}' AND t.subject_id = {key} ORDER BY t.seq"))
    };
    match place {
        Place::Attempt => of("answer", "k.attempt_id"),
        Place::Assignment | Place::Submission => of("submission", "k.submission_id"),
        _ => "'[]'::json".to_owned(),
    }
}

/// Neither completed nor waived by the learner.
const UNFINISHED: &str = "l.is_published AND l.is_required
    AND NOT EXISTS (SELECT 1 FROM {lms}.lesson_progress AS p
                    WHERE p.lesson_id = l.id AND p.student_id = k.student_id AND p.status = 'completed')
    AND NOT EXISTS (SELECT 1 FROM {lms}.waivers AS w WHERE w.lesson_id = l.id AND w.student_id = k.student_id)";

/// Rows of the learner's enrollment that are for the lesson or an item of it.
const OF_LESSON: &str = "WHERE t.course_id = k.course_id AND t.student_id = k.student_id
    AND (t.lesson_id = k.lesson_id
         OR t.quiz_id IN (SELECT q.id FROM {lms}.quizzes AS q WHERE q.lesson_id = k.lesson_id)
         OR t.assignment_id IN (SELECT a.id FROM {lms}.assignments AS a WHERE a.lesson_id = k.lesson_id))
    AND t.enrollment_id = (SELECT e.id FROM {lms}.enrollments AS e
                           WHERE e.course_id = k.course_id AND e.student_id = k.student_id)";

/// $1 actor, $2 the piece, $3 the learner.
pub(super) fn statement(place: Place) -> String {
    let in_order = "WHERE t.lesson_id = k.lesson_id ORDER BY t.order_index";
    let mut fields = vec![
        ("course", one::<Course>("WHERE t.id = k.course_id")),
        ("actor", user("$1::uuid")),
        ("staff", staff_of("k.course_id", "$1::uuid")),
        ("student", user("k.student_id")),
        ("enrollment", one::<Enrollment>("WHERE t.course_id = k.course_id AND t.student_id = k.student_id")),
        ("job", open_job("k.course_id")),
        (
            "has_certificate",
            "EXISTS (SELECT 1 FROM {lms}.certificates AS c
                     WHERE c.course_id = k.course_id AND c.student_id = k.student_id)"
                .to_owned(),
        ),
    ];
    if place != Place::Course {
        let topics = "(SELECT count(*) FROM {lms}.topics AS x WHERE x.lesson_id = k.lesson_id)";
        let viewed = "(SELECT count(*) FROM {lms}.topics AS x JOIN {lms}.topic_views AS v ON v.topic_id = x.id
                       WHERE x.lesson_id = k.lesson_id AND v.student_id = k.student_id)";
        fields.extend([
            ("lesson", one::<Lesson>("WHERE t.id = k.lesson_id")),
            ("progress", one::<LessonProgress>("WHERE t.lesson_id = k.lesson_id AND t.student_id = k.student_id")),
            ("topics", topics.to_owned()),
            ("topics_viewed", viewed.to_owned()),
            ("quizzes", many::<Quiz>(in_order)),
            (
                "results",
                many::<QuizResult>(
                    "JOIN {lms}.quizzes AS q ON q.id = t.quiz_id
                     WHERE q.lesson_id = k.lesson_id AND t.student_id = k.student_id",
                ),
            ),
            ("assignments", many::<Assignment>(in_order)),
            (
                "submissions",
                many::<SubmissionHead>(
                    "JOIN {lms}.assignments AS a ON a.id = t.assignment_id
                     WHERE a.lesson_id = k.lesson_id AND t.student_id = k.student_id ORDER BY t.version_no",
                ),
            ),
            ("waivers", many::<Waiver>(OF_LESSON)),
            ("overrides", many::<Override>(OF_LESSON)),
            (
                "earlier",
                list(&format!(
                    "SELECT l.id FROM {{lms}}.lessons AS l JOIN {{lms}}.courses AS c ON c.id = l.course_id
                     WHERE l.course_id = k.course_id AND c.flow = 'sequential' AND l.order_index < k.order_index
                       AND {UNFINISHED} ORDER BY l.order_index LIMIT 1"
                )),
            ),
            (
                "unmet",
                list(&format!(
                    "SELECT l.id FROM {{lms}}.lesson_requires AS r JOIN {{lms}}.lessons AS l ON l.id = r.requires_id
                     WHERE r.lesson_id = k.lesson_id AND {UNFINISHED} ORDER BY l.order_index"
                )),
            ),
        ]);
    }
    if place == Place::Topic {
        fields.push(("topic", one::<Topic>("WHERE t.id = k.topic_id")));
        fields.push(("view", one::<TopicView>("WHERE t.topic_id = k.topic_id AND t.student_id = k.student_id")));
    }
    if matches!(place, Place::Quiz | Place::Attempt) {
        fields.push(("quiz", one::<Quiz>("WHERE t.id = k.quiz_id")));
        fields.push(("attempt", one::<QuizAttempt>("WHERE t.id = k.attempt_id")));
        fields.push((
            "attempts",
            many::<AttemptHead>("WHERE t.quiz_id = k.quiz_id AND t.student_id = k.student_id ORDER BY t.attempt_no"),
        ));
    }
    if matches!(place, Place::Assignment | Place::Submission) {
        fields.push(("assignment", one::<Assignment>("WHERE t.id = k.assignment_id")));
        fields.push(("submission", one::<Submission>("WHERE t.id = k.submission_id")));
    }
    fields.push(("history", history(place)));
    let object = fields.iter().map(|(name, sql)| format!("'{name}', {sql}")).collect::<Vec<_>>().join(", ");
    format!("WITH k AS MATERIALIZED ({}) SELECT json_build_object({object})::text FROM k", path(place))
}

pub(crate) fn read(place: Place, mut doc: Doc) -> Result<LearnerContext, StoreError> {
    let (mut earlier, mut unmet) = (Vec::new(), Vec::new());
    let work = if place == Place::Course {
        None
    } else {
        earlier = doc.ids("earlier")?;
        unmet = doc.ids("unmet")?;
        Some(LessonWork {
            lesson: doc.the("lesson")?,
            progress: doc.one("progress")?,
            topics: doc.int("topics")?,
            topics_viewed: doc.int("topics_viewed")?,
            quizzes: doc.many("quizzes")?,
            results: doc.many("results")?,
            assignments: doc.many("assignments")?,
            submissions: doc.many("submissions")?,
            waivers: doc.many("waivers")?,
            overrides: doc.many("overrides")?,
        })
    };
    let at_quiz = matches!(place, Place::Quiz | Place::Attempt);
    let at_assignment = matches!(place, Place::Assignment | Place::Submission);
    Ok(LearnerContext {
        actor: doc.one("actor")?,
        staff: doc.one("staff")?,
        course: doc.the("course")?,
        student: doc.one("student")?,
        enrollment: doc.one("enrollment")?,
        job: doc.one("job")?,
        work,
        earlier_unfinished: earlier.first().map(|id| LessonId::from_uuid(*id)),
        unmet_requires: unmet.into_iter().map(LessonId::from_uuid).collect(),
        topic: if place == Place::Topic { doc.one("topic")? } else { None },
        topic_view: if place == Place::Topic { doc.one("view")? } else { None },
        quiz: if at_quiz { doc.one("quiz")? } else { None },
        attempt: if at_quiz { doc.one("attempt")? } else { None },
        attempts: if at_quiz { doc.many("attempts")? } else { Vec::new() },
        assignment: if at_assignment { doc.one("assignment")? } else { None },
        submission: if at_assignment { doc.one("submission")? } else { None },
        history: doc.many("history")?,
        has_certificate: doc.flag("has_certificate")?,
    })
}
