//! One piece of one learner's work and what decides over it.

use std::sync::Arc;

use lms_core::model::*;
use lms_core::store::{AttemptHead, LearnerContext, LearnerScope, LessonWork, StoreError, SubmissionHead};
use uuid::Uuid;

use super::Statements;
use crate::record::{Fields, many, one};

/// What a [`LearnerScope`] names, without the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// Where a load finds who asks, the piece, and the learner.
struct Asked {
    actor: &'static str,
    piece: &'static str,
    learner: &'static str,
}

/// One caller's: parameters.
const ONE: Asked = Asked { actor: "$1::uuid", piece: "$2::uuid", learner: "$3::uuid" };
/// Many callers': columns.
const MANY: Asked = Asked { actor: "q.actor", piece: "q.piece", learner: "q.learner" };

/// The ids that the scope leads to.
fn path(place: Place, asked: &Asked) -> String {
    let row = |student: &str, columns: &str, from: &str| {
        format!(
            "SELECT {student} AS student_id, c.id AS course_id, c.flow, e.id AS enrollment_id, {columns} {from}
             LEFT JOIN {{lms}}.enrollments AS e ON e.course_id = c.id AND e.student_id = {student}"
        )
    };
    let none = "NULL::uuid";
    let ids = |topic: &str, quiz: &str, attempt: &str, assignment: &str, submission: &str| {
        format!(
            "l.id AS lesson_id, l.order_index, {topic} AS topic_id, {quiz} AS quiz_id,
             {attempt} AS attempt_id, {assignment} AS assignment_id, {submission} AS submission_id"
        )
    };
    let lesson = "JOIN {lms}.courses AS c ON c.id = l.course_id";
    let of_lesson = format!("JOIN {{lms}}.lessons AS l ON l.id = x.lesson_id {lesson}");
    let (student, columns, from, key) = match place {
        Place::Course => (
            asked.learner,
            "NULL::uuid AS lesson_id, NULL::bigint AS order_index, NULL::uuid AS topic_id, NULL::uuid AS quiz_id,
             NULL::uuid AS attempt_id, NULL::uuid AS assignment_id, NULL::uuid AS submission_id"
                .to_owned(),
            "FROM {lms}.courses AS c".to_owned(),
            "c.id",
        ),
        Place::Lesson => {
            (asked.learner, ids(none, none, none, none, none), format!("FROM {{lms}}.lessons AS l {lesson}"), "l.id")
        }
        Place::Topic => (
            asked.learner,
            ids("x.id", none, none, none, none),
            format!("FROM {{lms}}.topics AS x {of_lesson}"),
            "x.id",
        ),
        Place::Quiz => (
            asked.learner,
            ids(
                none,
                "x.id",
                &format!(
                    "(SELECT a.id FROM {{lms}}.quiz_attempts AS a
                      WHERE a.quiz_id = x.id AND a.student_id = {} AND a.state = 'in_progress')",
                    asked.learner
                ),
                none,
                none,
            ),
            format!("FROM {{lms}}.quizzes AS x {of_lesson}"),
            "x.id",
        ),
        Place::Attempt => (
            "a.student_id",
            ids(none, "x.id", "a.id", none, none),
            format!("FROM {{lms}}.quiz_attempts AS a JOIN {{lms}}.quizzes AS x ON x.id = a.quiz_id {of_lesson}"),
            "a.id",
        ),
        Place::Assignment => (
            asked.learner,
            ids(
                none,
                none,
                none,
                "x.id",
                &format!(
                    "(SELECT s.id FROM {{lms}}.submissions AS s
                      WHERE s.assignment_id = x.id AND s.student_id = {} ORDER BY s.version_no DESC LIMIT 1)",
                    asked.learner
                ),
            ),
            format!("FROM {{lms}}.assignments AS x {of_lesson}"),
            "x.id",
        ),
        Place::Submission => (
            "s.student_id",
            ids(none, none, none, "x.id", "s.id"),
            format!(
                "FROM {{lms}}.submissions AS s JOIN {{lms}}.assignments AS x ON x.id = s.assignment_id {of_lesson}"
            ),
            "s.id",
        ),
    };
    format!("{} WHERE {key} = {}", row(student, &columns, &from), asked.piece)
}

/// Whether the piece that the scope is about has a history, and the words for it.
const fn history(place: Place) -> Option<(&'static str, &'static str)> {
    match place {
        Place::Attempt => Some(("answer", "k.attempt_id")),
        Place::Assignment | Place::Submission => Some(("submission", "k.submission_id")),
        _ => None,
    }
}

/// Neither completed nor waived by the learner.
const UNFINISHED: &str = "l.is_published AND l.is_required
    AND NOT EXISTS (SELECT 1 FROM {lms}.lesson_progress AS p
                    WHERE p.lesson_id = l.id AND p.student_id = k.student_id AND p.status = 'completed')
    AND NOT EXISTS (SELECT 1 FROM {lms}.waivers AS w WHERE w.lesson_id = l.id AND w.student_id = k.student_id)";

impl Statements {
    /// One caller's load.
    pub(crate) fn learner(&self, place: Place) -> &Arc<str> {
        match place {
            Place::Course => &self.learner_course,
            Place::Lesson => &self.learner_lesson,
            Place::Topic => &self.learner_topic,
            Place::Quiz => &self.learner_quiz,
            Place::Attempt => &self.learner_attempt,
            Place::Assignment => &self.learner_assignment,
            Place::Submission => &self.learner_submission,
        }
    }

    /// Many callers' load.
    pub(crate) fn learners(&self, place: Place) -> &Arc<str> {
        match place {
            Place::Course => &self.learners_course,
            Place::Lesson => &self.learners_lesson,
            Place::Topic => &self.learners_topic,
            Place::Quiz => &self.learners_quiz,
            Place::Attempt => &self.learners_attempt,
            Place::Assignment => &self.learners_assignment,
            Place::Submission => &self.learners_submission,
        }
    }
}

/// $1 actor, $2 the piece, $3 the learner: a record.
pub(super) fn statement(place: Place) -> String {
    format!("WITH k AS MATERIALIZED ({}) SELECT {} FROM k", path(place, &ONE), fields(place, &ONE))
}

/// The same of many callers, as arrays: a number from one on, and the record, for each who finds something.
///
/// The path stands behind a fence (OFFSET 0), so that it is walked by keys for one caller after the other: a plan
/// that joins all at once would be made when tables are small, and stay when they have grown.
pub(super) fn statement_of_many(place: Place) -> String {
    format!(
        "SELECT q.n, {} FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS q (actor, piece, learner, n)
         CROSS JOIN LATERAL ({} OFFSET 0) AS k",
        fields(place, &MANY),
        path(place, &MANY)
    )
}

/// [`read`] takes the fields in this order.
fn fields(place: Place, asked: &Asked) -> String {
    let mut fields = vec![
        one::<Course>("WHERE t.id = k.course_id"),
        // Nearly always one and the same: who asks, and the learner.
        asked.actor.to_owned(),
        "k.student_id".to_owned(),
        many::<User>(&format!("WHERE t.id IN ({}, k.student_id)", asked.actor)),
        one::<CourseStaff>(&format!("WHERE t.course_id = k.course_id AND t.user_id = {}", asked.actor)),
        one::<Enrollment>("WHERE t.id = k.enrollment_id"),
        one::<CourseJob>("WHERE t.course_id = k.course_id AND t.done_at IS NULL ORDER BY t.at, t.id LIMIT 1"),
    ];
    if place != Place::Course {
        fields.extend(work());
    }
    if place == Place::Topic {
        fields.push(one::<Topic>("WHERE t.id = k.topic_id"));
        fields.push(one::<TopicView>("WHERE t.topic_id = k.topic_id AND t.student_id = k.student_id"));
    }
    if matches!(place, Place::Quiz | Place::Attempt) {
        fields.push(one::<Quiz>("WHERE t.id = k.quiz_id"));
        fields.push(one::<QuizAttempt>("WHERE t.id = k.attempt_id"));
        fields.push(many::<AttemptHead>(
            "WHERE t.quiz_id = k.quiz_id AND t.student_id = k.student_id ORDER BY t.attempt_no",
        ));
    }
    if matches!(place, Place::Assignment | Place::Submission) {
        fields.push(one::<Assignment>("WHERE t.id = k.assignment_id"));
        fields.push(one::<Submission>("WHERE t.id = k.submission_id"));
    }
    if let Some((kind, key)) = history(place) {
        let of = format!("WHERE t.subject_type = '{kind}' AND t.subject_id = {key} ORDER BY t.seq");
        fields.push(many::<GradeEntry>(&of));
    }
    format!("ROW({})", fields.join(", "))
}

/// A lesson and all that one learner has in it; [`read_work`] takes the fields in this order.
fn work() -> Vec<String> {
    let in_order = "WHERE t.lesson_id = k.lesson_id ORDER BY t.order_index";
    vec![
        one::<Lesson>("WHERE t.id = k.lesson_id"),
        one::<LessonProgress>("WHERE t.lesson_id = k.lesson_id AND t.student_id = k.student_id"),
        "(SELECT ROW(count(*), count(v.id)) FROM {lms}.topics AS x
          LEFT JOIN {lms}.topic_views AS v ON v.topic_id = x.id AND v.student_id = k.student_id
          WHERE x.lesson_id = k.lesson_id)"
            .to_owned(),
        many::<Quiz>(in_order),
        many::<QuizResult>(
            "JOIN {lms}.quizzes AS q ON q.id = t.quiz_id WHERE q.lesson_id = k.lesson_id AND t.student_id = k.student_id",
        ),
        many::<Assignment>(in_order),
        many::<SubmissionHead>(
            "JOIN {lms}.assignments AS a ON a.id = t.assignment_id
             WHERE a.lesson_id = k.lesson_id AND t.student_id = k.student_id ORDER BY t.version_no",
        ),
        // Those of the lesson and its items are taken from all of the enrollment's, which are few.
        many::<Waiver>("WHERE t.enrollment_id = k.enrollment_id"),
        many::<Override>("WHERE t.enrollment_id = k.enrollment_id"),
        format!(
            "CASE WHEN k.flow = 'sequential' THEN ARRAY(
                SELECT l.id FROM {{lms}}.lessons AS l
                WHERE l.course_id = k.course_id AND l.order_index < k.order_index AND {UNFINISHED}
                ORDER BY l.order_index LIMIT 1) END"
        ),
        format!(
            "ARRAY(SELECT l.id FROM {{lms}}.lesson_requires AS r JOIN {{lms}}.lessons AS l ON l.id = r.requires_id
                   WHERE r.lesson_id = k.lesson_id AND {UNFINISHED} ORDER BY l.order_index)"
        ),
    ]
}

pub(crate) fn read(place: Place, mut fields: Fields<'_>) -> Result<LearnerContext, StoreError> {
    let course = fields.the()?;
    let (actor, student) = (fields.id()?, fields.id()?);
    let users: Vec<User> = fields.many()?;
    let user = |id: Option<Uuid>| users.iter().find(|user| Some(user.id.uuid()) == id).cloned();
    let (actor, student) = (user(actor), user(student));
    let staff = fields.one()?;
    let enrollment = fields.one()?;
    let job = fields.one()?;
    let (mut work, mut earlier, mut unmet) = (None, Vec::new(), Vec::new());
    if place != Place::Course {
        work = Some(read_work(&mut fields)?);
        earlier = fields.ids()?;
        unmet = fields.ids()?;
    }
    let mut context = LearnerContext {
        actor,
        staff,
        course,
        student,
        enrollment,
        job,
        work,
        earlier_unfinished: earlier.first().map(|id| LessonId::from_uuid(*id)),
        unmet_requires: unmet.into_iter().map(LessonId::from_uuid).collect(),
        topic: None,
        topic_view: None,
        quiz: None,
        attempt: None,
        attempts: Vec::new(),
        assignment: None,
        submission: None,
        history: Vec::new(),
    };
    if place == Place::Topic {
        context.topic = fields.one()?;
        context.topic_view = fields.one()?;
    }
    if matches!(place, Place::Quiz | Place::Attempt) {
        context.quiz = fields.one()?;
        context.attempt = fields.one()?;
        context.attempts = fields.many()?;
    }
    if matches!(place, Place::Assignment | Place::Submission) {
        context.assignment = fields.one()?;
        context.submission = fields.one()?;
    }
    if history(place).is_some() {
        context.history = fields.many()?;
    }
    Ok(context)
}

fn read_work(fields: &mut Fields<'_>) -> Result<LessonWork, StoreError> {
    let (lesson, progress) = (fields.the()?, fields.one()?);
    let mut topics = fields.record()?;
    let mut work = LessonWork {
        lesson,
        progress,
        topics: topics.int()?,
        topics_viewed: topics.int()?,
        quizzes: fields.many()?,
        results: fields.many()?,
        assignments: fields.many()?,
        submissions: fields.many()?,
        waivers: fields.many()?,
        overrides: fields.many()?,
    };
    let (lesson, quizzes, assignments) = (work.lesson.id, &work.quizzes, &work.assignments);
    let is_of = |at: Option<LessonId>, quiz: Option<QuizId>, assignment: Option<AssignmentId>| {
        at == Some(lesson)
            || quiz.is_some_and(|id| quizzes.iter().any(|q| q.id == id))
            || assignment.is_some_and(|id| assignments.iter().any(|a| a.id == id))
    };
    work.waivers.retain(|w: &Waiver| is_of(w.lesson_id, w.quiz_id, w.assignment_id));
    work.overrides.retain(|o: &Override| is_of(o.lesson_id, o.quiz_id, o.assignment_id));
    Ok(work)
}
