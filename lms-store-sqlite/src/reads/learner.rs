//! One piece of one learner's work and what decides over it.

use lms_core::model::*;
use lms_core::store::{LearnerContext, LearnerScope, LessonWork};
use rusqlite::{Connection, params};

use super::catalog::open_job;
use super::{staff_of, user};
use crate::error::Result;
use crate::rows::{by_id, first, id, id_or_null, select, uuids};

/// The rows that a scope names.
#[derive(Default)]
struct Found {
    course: Option<CourseId>,
    student: Option<UserId>,
    lesson: Option<Lesson>,
    topic: Option<Topic>,
    quiz: Option<Quiz>,
    attempt: Option<QuizAttempt>,
    assignment: Option<Assignment>,
    submission: Option<Submission>,
}

fn find(conn: &Connection, scope: LearnerScope) -> Result<Option<Found>> {
    let mut found = Found::default();
    let lesson_id = match scope {
        LearnerScope::Course(course, student) => {
            found.course = Some(course);
            found.student = Some(student);
            return Ok(Some(found));
        }
        LearnerScope::Lesson(lesson, student) => {
            found.student = Some(student);
            lesson
        }
        LearnerScope::Topic(topic, student) => {
            found.student = Some(student);
            found.topic = by_id(conn, topic)?;
            let Some(topic) = &found.topic else { return Ok(None) };
            topic.lesson_id
        }
        LearnerScope::Quiz(quiz, student) => {
            found.student = Some(student);
            found.quiz = by_id(conn, quiz)?;
            let Some(quiz) = &found.quiz else { return Ok(None) };
            quiz.lesson_id
        }
        LearnerScope::Attempt(attempt) => {
            found.attempt = by_id(conn, attempt)?;
            let Some(attempt) = &found.attempt else { return Ok(None) };
            found.student = Some(attempt.student_id);
            found.quiz = by_id(conn, attempt.quiz_id)?;
            let Some(quiz) = &found.quiz else { return Ok(None) };
            quiz.lesson_id
        }
        LearnerScope::Assignment(assignment, student) => {
            found.student = Some(student);
            found.assignment = by_id(conn, assignment)?;
            let Some(assignment) = &found.assignment else { return Ok(None) };
            assignment.lesson_id
        }
        LearnerScope::Submission(submission) => {
            found.submission = by_id(conn, submission)?;
            let Some(submission) = &found.submission else { return Ok(None) };
            found.student = Some(submission.student_id);
            found.assignment = by_id(conn, submission.assignment_id)?;
            let Some(assignment) = &found.assignment else { return Ok(None) };
            assignment.lesson_id
        }
    };
    let Some(lesson) = by_id::<Lesson>(conn, lesson_id)? else { return Ok(None) };
    found.course = Some(lesson.course_id);
    found.lesson = Some(lesson);
    Ok(Some(found))
}

pub(crate) fn learner(conn: &Connection, actor: Option<UserId>, scope: LearnerScope) -> Result<Option<LearnerContext>> {
    let Some(mut found) = find(conn, scope)? else { return Ok(None) };
    let (Some(course_id), Some(student)) = (found.course, found.student) else { return Ok(None) };
    let Some(course) = by_id::<Course>(conn, course_id)? else { return Ok(None) };
    let actor_row = user(conn, actor)?;
    let student_row = if actor == Some(student) { actor_row.clone() } else { by_id(conn, student)? };
    let enrollment: Option<Enrollment> =
        first(conn, "WHERE t.course_id = ?1 AND t.student_id = ?2", [id(course_id), id(student)])?;
    let lesson_key = found.lesson.as_ref().map(|l| l.id);
    let there = There::look(conn, course_id, lesson_key, student, actor, enrollment.as_ref().map(|e| e.id))?;
    let mut attempts = Vec::new();
    let mut history = Vec::new();
    if let Some(quiz) = &found.quiz {
        attempts = select(
            conn,
            "WHERE t.quiz_id = ?1 AND t.student_id = ?2 ORDER BY t.attempt_no",
            [id(quiz.id), id(student)],
        )?;
        if found.attempt.is_none() {
            found.attempt = first(
                conn,
                "WHERE t.quiz_id = ?1 AND t.student_id = ?2 AND t.state = 'in_progress'",
                [id(quiz.id), id(student)],
            )?;
        }
    }
    if let Some(assignment) = &found.assignment
        && found.submission.is_none()
    {
        found.submission = first(
            conn,
            "WHERE t.assignment_id = ?1 AND t.student_id = ?2 ORDER BY t.version_no DESC LIMIT 1",
            [id(assignment.id), id(student)],
        )?;
    }
    let subject = match (&found.attempt, &found.submission) {
        (Some(attempt), _) if matches!(scope, LearnerScope::Attempt(_)) => Some(("answer", attempt.id.uuid())),
        (_, Some(submission)) => Some(("submission", submission.id.uuid())),
        _ => None,
    };
    if let Some((kind, subject)) = subject {
        history =
            select(conn, "WHERE t.subject_type = ?1 AND t.subject_id = ?2 ORDER BY t.seq", params![kind, id(subject)])?;
    }
    let mut earlier_unfinished = None;
    let mut unmet_requires = Vec::new();
    if let Some(lesson) = &found.lesson {
        if course.flow == Flow::Sequential {
            earlier_unfinished = uuids(
                conn,
                "lessons",
                "SELECT l.id FROM lessons AS l
                 WHERE l.course_id = ?1 AND l.order_index < ?2 AND l.is_published = 1 AND l.is_required = 1
                   AND NOT EXISTS (SELECT 1 FROM lesson_progress AS p
                                   WHERE p.lesson_id = l.id AND p.student_id = ?3 AND p.status = 'completed')
                   AND NOT EXISTS (SELECT 1 FROM waivers AS w WHERE w.lesson_id = l.id AND w.student_id = ?3)
                 ORDER BY l.order_index LIMIT 1",
                params![id(course_id), lesson.order_index, id(student)],
            )?
            .first()
            .map(|uuid| LessonId::from_uuid(*uuid));
        }
        if there.requires {
            unmet_requires = uuids(
                conn,
                "lessons",
                "SELECT l.id FROM lesson_requires AS r JOIN lessons AS l ON l.id = r.requires_id
                 WHERE r.lesson_id = ?1 AND l.is_published = 1 AND l.is_required = 1
                   AND NOT EXISTS (SELECT 1 FROM lesson_progress AS p
                                   WHERE p.lesson_id = l.id AND p.student_id = ?2 AND p.status = 'completed')
                   AND NOT EXISTS (SELECT 1 FROM waivers AS w WHERE w.lesson_id = l.id AND w.student_id = ?2)
                 ORDER BY l.order_index",
                [id(lesson.id), id(student)],
            )?
            .into_iter()
            .map(LessonId::from_uuid)
            .collect();
        }
    }
    let topic_view = match &found.topic {
        Some(topic) => first(conn, "WHERE t.topic_id = ?1 AND t.student_id = ?2", [id(topic.id), id(student)])?,
        None => None,
    };
    let work = match found.lesson.take() {
        Some(lesson) => Some(work(conn, lesson, student, enrollment.as_ref(), &there)?),
        None => None,
    };
    Ok(Some(LearnerContext {
        actor: actor_row,
        staff: if there.staff { staff_of(conn, course_id, actor)? } else { None },
        student: student_row,
        job: if there.job { open_job(conn, course_id)? } else { None },
        course,
        enrollment,
        work,
        earlier_unfinished,
        unmet_requires,
        topic: found.topic,
        topic_view,
        quiz: found.quiz,
        attempt: found.attempt,
        attempts,
        assignment: found.assignment,
        submission: found.submission,
        history,
    }))
}

/// Which of the rows that are rarely there are: one statement in place of nine that find nothing.
struct There {
    topics: i64,
    topics_viewed: i64,
    quizzes: bool,
    assignments: bool,
    requires: bool,
    waivers: bool,
    overrides: bool,
    job: bool,
    staff: bool,
}

impl There {
    fn look(
        conn: &Connection,
        course: CourseId,
        lesson: Option<LessonId>,
        student: UserId,
        actor: Option<UserId>,
        enrollment: Option<EnrollmentId>,
    ) -> Result<Self> {
        let mut statement = conn.prepare_cached(
            "SELECT (SELECT count(*) FROM topics WHERE lesson_id = ?2),
                    (SELECT count(*) FROM topics AS t JOIN topic_views AS v ON v.topic_id = t.id
                     WHERE t.lesson_id = ?2 AND v.student_id = ?3),
                    EXISTS (SELECT 1 FROM quizzes WHERE lesson_id = ?2),
                    EXISTS (SELECT 1 FROM assignments WHERE lesson_id = ?2),
                    EXISTS (SELECT 1 FROM lesson_requires WHERE lesson_id = ?2),
                    EXISTS (SELECT 1 FROM waivers WHERE enrollment_id = ?5),
                    EXISTS (SELECT 1 FROM overrides WHERE enrollment_id = ?5),
                    EXISTS (SELECT 1 FROM course_jobs WHERE course_id = ?1 AND done_at IS NULL),
                    EXISTS (SELECT 1 FROM course_staff WHERE course_id = ?1 AND user_id = ?4)",
        )?;
        let params = params![id(course), id_or_null(lesson), id(student), id_or_null(actor), id_or_null(enrollment)];
        Ok(statement.query_row(params, |row| {
            Ok(Self {
                topics: row.get(0)?,
                topics_viewed: row.get(1)?,
                quizzes: row.get(2)?,
                assignments: row.get(3)?,
                requires: row.get(4)?,
                waivers: row.get(5)?,
                overrides: row.get(6)?,
                job: row.get(7)?,
                staff: row.get(8)?,
            })
        })?)
    }
}

/// A lesson and all that one learner has in it.
fn work(
    conn: &Connection,
    lesson: Lesson,
    student: UserId,
    enrollment: Option<&Enrollment>,
    there: &There,
) -> Result<LessonWork> {
    let key = lesson.id;
    let in_order = "WHERE t.lesson_id = ?1 ORDER BY t.order_index";
    let quizzes: Vec<Quiz> = if there.quizzes { select(conn, in_order, [id(key)])? } else { Vec::new() };
    let assignments: Vec<Assignment> = if there.assignments { select(conn, in_order, [id(key)])? } else { Vec::new() };
    let results = if quizzes.is_empty() {
        Vec::new()
    } else {
        select(
            conn,
            "JOIN quizzes AS q ON q.id = t.quiz_id WHERE q.lesson_id = ?1 AND t.student_id = ?2",
            [id(key), id(student)],
        )?
    };
    let submissions = if assignments.is_empty() {
        Vec::new()
    } else {
        select(
            conn,
            "JOIN assignments AS a ON a.id = t.assignment_id
             WHERE a.lesson_id = ?1 AND t.student_id = ?2 ORDER BY t.version_no",
            [id(key), id(student)],
        )?
    };
    let of_item = |item: Option<QuizId>, assignment: Option<AssignmentId>, at: Option<LessonId>| {
        at == Some(key)
            || item.is_some_and(|item| quizzes.iter().any(|q| q.id == item))
            || assignment.is_some_and(|item| assignments.iter().any(|a| a.id == item))
    };
    let (mut waivers, mut overrides) = (Vec::new(), Vec::new());
    if let Some(enrollment) = enrollment.filter(|_| there.waivers || there.overrides) {
        waivers = select::<Waiver>(conn, "WHERE t.enrollment_id = ?1", [id(enrollment.id)])?;
        waivers.retain(|w| of_item(w.quiz_id, w.assignment_id, w.lesson_id));
        overrides = select::<Override>(conn, "WHERE t.enrollment_id = ?1", [id(enrollment.id)])?;
        overrides.retain(|o| of_item(o.quiz_id, o.assignment_id, o.lesson_id));
    }
    Ok(LessonWork {
        progress: first(conn, "WHERE t.lesson_id = ?1 AND t.student_id = ?2", [id(key), id(student)])?,
        topics: there.topics,
        topics_viewed: there.topics_viewed,
        lesson,
        quizzes,
        results,
        assignments,
        submissions,
        waivers,
        overrides,
    })
}
