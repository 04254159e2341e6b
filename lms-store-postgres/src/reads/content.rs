//! A piece of content and what decides over it.

use lms_core::model::*;
use lms_core::store::{ContentContext, ContentRef, StoreError};
use uuid::Uuid;

use super::catalog::published_lessons;
use super::{staff_of, user};
use crate::rows::Doc;
use crate::sql::{list, many, one};

/// What a [`ContentRef`] names, without the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Course,
    Objectives,
    Lesson,
    LessonTopics,
    LessonQuizzes,
    LessonAssignments,
    Topic,
    Quiz,
    QuizQuestions,
    Question,
    Assignment,
}

/// The place and the id.
pub(crate) const fn place(at: ContentRef) -> (Place, Uuid) {
    match at {
        ContentRef::Course(id) => (Place::Course, id.uuid()),
        ContentRef::Objectives(id) => (Place::Objectives, id.uuid()),
        ContentRef::Lesson(id) => (Place::Lesson, id.uuid()),
        ContentRef::LessonTopics(id) => (Place::LessonTopics, id.uuid()),
        ContentRef::LessonQuizzes(id) => (Place::LessonQuizzes, id.uuid()),
        ContentRef::LessonAssignments(id) => (Place::LessonAssignments, id.uuid()),
        ContentRef::Topic(id) => (Place::Topic, id.uuid()),
        ContentRef::Quiz(id) => (Place::Quiz, id.uuid()),
        ContentRef::QuizQuestions(id) => (Place::QuizQuestions, id.uuid()),
        ContentRef::Question(id) => (Place::Question, id.uuid()),
        ContentRef::Assignment(id) => (Place::Assignment, id.uuid()),
    }
}

/// The ids on the way from the course to the piece: $2 names it.
fn path(place: Place) -> &'static str {
    match place {
        Place::Course | Place::Objectives => {
            "SELECT c.id AS course_id, NULL::uuid AS lesson_id, NULL::uuid AS topic_id, NULL::uuid AS quiz_id,
                    NULL::uuid AS question_id, NULL::uuid AS assignment_id
             FROM {lms}.courses AS c WHERE c.id = $2::uuid"
        }
        Place::Lesson | Place::LessonTopics | Place::LessonQuizzes | Place::LessonAssignments => {
            "SELECT l.course_id, l.id AS lesson_id, NULL::uuid AS topic_id, NULL::uuid AS quiz_id,
                    NULL::uuid AS question_id, NULL::uuid AS assignment_id
             FROM {lms}.lessons AS l WHERE l.id = $2::uuid"
        }
        Place::Topic => {
            "SELECT l.course_id, l.id AS lesson_id, x.id AS topic_id, NULL::uuid AS quiz_id,
                    NULL::uuid AS question_id, NULL::uuid AS assignment_id
             FROM {lms}.topics AS x JOIN {lms}.lessons AS l ON l.id = x.lesson_id WHERE x.id = $2::uuid"
        }
        Place::Quiz | Place::QuizQuestions => {
            "SELECT l.course_id, l.id AS lesson_id, NULL::uuid AS topic_id, q.id AS quiz_id,
                    NULL::uuid AS question_id, NULL::uuid AS assignment_id
             FROM {lms}.quizzes AS q JOIN {lms}.lessons AS l ON l.id = q.lesson_id WHERE q.id = $2::uuid"
        }
        Place::Question => {
            "SELECT l.course_id, l.id AS lesson_id, NULL::uuid AS topic_id, q.id AS quiz_id,
                    x.id AS question_id, NULL::uuid AS assignment_id
             FROM {lms}.quiz_questions AS x JOIN {lms}.quizzes AS q ON q.id = x.quiz_id
             JOIN {lms}.lessons AS l ON l.id = q.lesson_id WHERE x.id = $2::uuid"
        }
        Place::Assignment => {
            "SELECT l.course_id, l.id AS lesson_id, NULL::uuid AS topic_id, NULL::uuid AS quiz_id,
                    NULL::uuid AS question_id, a.id AS assignment_id
             FROM {lms}.assignments AS a JOIN {lms}.lessons AS l ON l.id = a.lesson_id WHERE a.id = $2::uuid"
        }
    }
}

fn siblings(place: Place) -> String {
    let (table, column, parent) = match place {
        Place::Course | Place::Lesson => ("lessons", "course_id", "k.course_id"),
        Place::Objectives => ("objectives", "course_id", "k.course_id"),
        Place::LessonTopics | Place::Topic => ("topics", "lesson_id", "k.lesson_id"),
        Place::LessonQuizzes | Place::Quiz => ("quizzes", "lesson_id", "k.lesson_id"),
        Place::LessonAssignments | Place::Assignment => ("assignments", "lesson_id", "k.lesson_id"),
        Place::QuizQuestions | Place::Question => ("quiz_questions", "quiz_id", "k.quiz_id"),
    };
    list(&format!("SELECT s.id FROM {{lms}}.{table} AS s WHERE s.{column} = {parent} ORDER BY s.order_index"))
}

/// Whether any learner has a row under the piece.
fn has_learner_rows(place: Place) -> &'static str {
    match place {
        Place::Lesson => {
            "EXISTS (SELECT 1 FROM {lms}.lesson_progress WHERE lesson_id = k.lesson_id)
             OR EXISTS (SELECT 1 FROM {lms}.quizzes AS q JOIN {lms}.quiz_attempts AS a ON a.quiz_id = q.id
                        WHERE q.lesson_id = k.lesson_id)
             OR EXISTS (SELECT 1 FROM {lms}.quizzes AS q JOIN {lms}.quiz_results AS r ON r.quiz_id = q.id
                        WHERE q.lesson_id = k.lesson_id)
             OR EXISTS (SELECT 1 FROM {lms}.assignments AS a JOIN {lms}.submissions AS s ON s.assignment_id = a.id
                        WHERE a.lesson_id = k.lesson_id)
             OR EXISTS (SELECT 1 FROM {lms}.waivers WHERE lesson_id = k.lesson_id)
             OR EXISTS (SELECT 1 FROM {lms}.quizzes AS q JOIN {lms}.waivers AS w ON w.quiz_id = q.id
                        WHERE q.lesson_id = k.lesson_id)
             OR EXISTS (SELECT 1 FROM {lms}.assignments AS a JOIN {lms}.waivers AS w ON w.assignment_id = a.id
                        WHERE a.lesson_id = k.lesson_id)
             OR EXISTS (SELECT 1 FROM {lms}.quizzes AS q JOIN {lms}.overrides AS o ON o.quiz_id = q.id
                        WHERE q.lesson_id = k.lesson_id)
             OR EXISTS (SELECT 1 FROM {lms}.assignments AS a JOIN {lms}.overrides AS o ON o.assignment_id = a.id
                        WHERE a.lesson_id = k.lesson_id)"
        }
        Place::Quiz => {
            "EXISTS (SELECT 1 FROM {lms}.quiz_attempts WHERE quiz_id = k.quiz_id)
             OR EXISTS (SELECT 1 FROM {lms}.quiz_results WHERE quiz_id = k.quiz_id)
             OR EXISTS (SELECT 1 FROM {lms}.waivers WHERE quiz_id = k.quiz_id)
             OR EXISTS (SELECT 1 FROM {lms}.overrides WHERE quiz_id = k.quiz_id)"
        }
        Place::Assignment => {
            "EXISTS (SELECT 1 FROM {lms}.submissions WHERE assignment_id = k.assignment_id)
             OR EXISTS (SELECT 1 FROM {lms}.waivers WHERE assignment_id = k.assignment_id)
             OR EXISTS (SELECT 1 FROM {lms}.overrides WHERE assignment_id = k.assignment_id)"
        }
        _ => "false",
    }
}

/// $1 actor, $2 the piece.
pub(super) fn statement(place: Place) -> String {
    let of_lesson = "WHERE t.lesson_id = k.lesson_id ORDER BY t.order_index";
    format!(
        "WITH k AS MATERIALIZED ({})
         SELECT json_build_object('course', {}, 'actor', {}, 'staff', {}, 'lesson', {}, 'topic', {}, 'quiz', {},
             'question', {}, 'assignment', {}, 'siblings', {}, 'questions', {},
             'topics', (SELECT count(*) FROM {{lms}}.topics AS x WHERE x.lesson_id = k.lesson_id),
             'quizzes', {}, 'assignments', {}, 'objectives', {}, 'published_lessons', {},
             'has_learner_rows', ({}))::text
         FROM k",
        path(place),
        one::<Course>("WHERE t.id = k.course_id"),
        user("$1::uuid"),
        staff_of("k.course_id", "$1::uuid"),
        one::<Lesson>("WHERE t.id = k.lesson_id"),
        one::<Topic>("WHERE t.id = k.topic_id"),
        one::<Quiz>("WHERE t.id = k.quiz_id"),
        one::<QuizQuestion>("WHERE t.id = k.question_id"),
        one::<Assignment>("WHERE t.id = k.assignment_id"),
        siblings(place),
        many::<QuizQuestion>("WHERE t.quiz_id = k.quiz_id ORDER BY t.order_index"),
        many::<Quiz>(of_lesson),
        many::<Assignment>(of_lesson),
        many::<Objective>("WHERE t.course_id = k.course_id ORDER BY t.order_index"),
        published_lessons("k.course_id"),
        has_learner_rows(place),
    )
}

pub(crate) fn read(mut doc: Doc) -> Result<ContentContext, StoreError> {
    Ok(ContentContext {
        actor: doc.one("actor")?,
        staff: doc.one("staff")?,
        course: doc.the("course")?,
        lesson: doc.one("lesson")?,
        topic: doc.one("topic")?,
        quiz: doc.one("quiz")?,
        question: doc.one("question")?,
        assignment: doc.one("assignment")?,
        siblings: doc.ids("siblings")?,
        questions: doc.many("questions")?,
        topics: doc.int("topics")?,
        quizzes: doc.many("quizzes")?,
        assignments: doc.many("assignments")?,
        objectives: doc.many("objectives")?,
        published_lessons: doc.int("published_lessons")?,
        has_learner_rows: doc.flag("has_learner_rows")?,
    })
}
