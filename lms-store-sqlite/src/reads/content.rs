//! A piece of content and what decides over it.

use lms_core::model::*;
use lms_core::store::{ContentContext, ContentRef};
use rusqlite::Connection;
use uuid::Uuid;

use super::catalog::{published_lessons, questions};
use super::{staff_of, user};
use crate::error::Result;
use crate::rows::{by_id, count, id, select, uuids};

/// The rows that stand above a piece of content, and itself.
#[derive(Default)]
struct Path {
    course: Option<CourseId>,
    lesson: Option<Lesson>,
    topic: Option<Topic>,
    quiz: Option<Quiz>,
    question: Option<QuizQuestion>,
    assignment: Option<Assignment>,
}

impl Path {
    fn lesson(mut self, conn: &Connection, lesson: LessonId) -> Result<Option<Self>> {
        let Some(row) = by_id::<Lesson>(conn, lesson)? else { return Ok(None) };
        self.course = Some(row.course_id);
        self.lesson = Some(row);
        Ok(Some(self))
    }

    fn quiz(mut self, conn: &Connection, quiz: QuizId) -> Result<Option<Self>> {
        let Some(row) = by_id::<Quiz>(conn, quiz)? else { return Ok(None) };
        let lesson = row.lesson_id;
        self.quiz = Some(row);
        self.lesson(conn, lesson)
    }

    fn to(conn: &Connection, at: ContentRef) -> Result<Option<Self>> {
        let mut path = Self::default();
        match at {
            ContentRef::Course(course) | ContentRef::Objectives(course) => {
                path.course = Some(course);
                Ok(Some(path))
            }
            ContentRef::Lesson(lesson)
            | ContentRef::LessonTopics(lesson)
            | ContentRef::LessonQuizzes(lesson)
            | ContentRef::LessonAssignments(lesson) => path.lesson(conn, lesson),
            ContentRef::Topic(topic) => {
                let Some(row) = by_id::<Topic>(conn, topic)? else { return Ok(None) };
                let lesson = row.lesson_id;
                path.topic = Some(row);
                path.lesson(conn, lesson)
            }
            ContentRef::Quiz(quiz) | ContentRef::QuizQuestions(quiz) => path.quiz(conn, quiz),
            ContentRef::Question(question) => {
                let Some(row) = by_id::<QuizQuestion>(conn, question)? else { return Ok(None) };
                let quiz = row.quiz_id;
                path.question = Some(row);
                path.quiz(conn, quiz)
            }
            ContentRef::Assignment(assignment) => {
                let Some(row) = by_id::<Assignment>(conn, assignment)? else { return Ok(None) };
                let lesson = row.lesson_id;
                path.assignment = Some(row);
                path.lesson(conn, lesson)
            }
        }
    }
}

pub(crate) fn content(conn: &Connection, actor: Option<UserId>, at: ContentRef) -> Result<Option<ContentContext>> {
    let Some(path) = Path::to(conn, at)? else { return Ok(None) };
    let Some(course_id) = path.course else { return Ok(None) };
    let Some(course) = by_id::<Course>(conn, course_id)? else { return Ok(None) };
    let lesson = path.lesson.as_ref().map(|l| l.id);
    let quiz = path.quiz.as_ref().map(|q| q.id);
    let in_order = |table: &'static str, column: &str, parent: Uuid| {
        uuids(conn, table, &format!("SELECT id FROM {table} WHERE {column} = ?1 ORDER BY order_index"), [id(parent)])
    };
    let none = Uuid::nil();
    let lesson_key = lesson.map_or(none, Id::uuid);
    let siblings = match at {
        ContentRef::Course(_) | ContentRef::Lesson(_) => in_order("lessons", "course_id", course_id.uuid())?,
        ContentRef::Objectives(_) => in_order("objectives", "course_id", course_id.uuid())?,
        ContentRef::LessonTopics(_) | ContentRef::Topic(_) => in_order("topics", "lesson_id", lesson_key)?,
        ContentRef::LessonQuizzes(_) | ContentRef::Quiz(_) => in_order("quizzes", "lesson_id", lesson_key)?,
        ContentRef::LessonAssignments(_) | ContentRef::Assignment(_) => {
            in_order("assignments", "lesson_id", lesson_key)?
        }
        ContentRef::QuizQuestions(_) | ContentRef::Question(_) => {
            in_order("quiz_questions", "quiz_id", quiz.map_or(none, Id::uuid))?
        }
    };
    let has_learner_rows = match at {
        ContentRef::Lesson(lesson) => lesson_has_rows(conn, lesson)?,
        ContentRef::Quiz(quiz) => any(
            conn,
            "SELECT EXISTS (SELECT 1 FROM quiz_attempts WHERE quiz_id = ?1)
                 OR EXISTS (SELECT 1 FROM quiz_results WHERE quiz_id = ?1)
                 OR EXISTS (SELECT 1 FROM waivers WHERE quiz_id = ?1)
                 OR EXISTS (SELECT 1 FROM overrides WHERE quiz_id = ?1)",
            quiz.uuid(),
        )?,
        ContentRef::Assignment(assignment) => any(
            conn,
            "SELECT EXISTS (SELECT 1 FROM submissions WHERE assignment_id = ?1)
                 OR EXISTS (SELECT 1 FROM waivers WHERE assignment_id = ?1)
                 OR EXISTS (SELECT 1 FROM overrides WHERE assignment_id = ?1)",
            assignment.uuid(),
        )?,
        _ => false,
    };
    Ok(Some(ContentContext {
        actor: user(conn, actor)?,
        staff: staff_of(conn, course_id, actor)?,
        siblings,
        questions: match quiz {
            Some(quiz) => questions(conn, quiz)?,
            None => Vec::new(),
        },
        topics: match lesson {
            Some(lesson) => count(conn, "SELECT count(*) FROM topics WHERE lesson_id = ?1", [id(lesson)])?,
            None => 0,
        },
        quizzes: match lesson {
            Some(lesson) => select(conn, "WHERE t.lesson_id = ?1 ORDER BY t.order_index", [id(lesson)])?,
            None => Vec::new(),
        },
        assignments: match lesson {
            Some(lesson) => select(conn, "WHERE t.lesson_id = ?1 ORDER BY t.order_index", [id(lesson)])?,
            None => Vec::new(),
        },
        objectives: select(conn, "WHERE t.course_id = ?1 ORDER BY t.order_index", [id(course_id)])?,
        published_lessons: published_lessons(conn, course_id)?,
        has_learner_rows,
        course,
        lesson: path.lesson,
        topic: path.topic,
        quiz: path.quiz,
        question: path.question,
        assignment: path.assignment,
    }))
}

fn any(conn: &Connection, sql: &str, key: Uuid) -> Result<bool> {
    Ok(count(conn, sql, [id(key)])? > 0)
}

fn lesson_has_rows(conn: &Connection, lesson: LessonId) -> Result<bool> {
    any(
        conn,
        "SELECT EXISTS (SELECT 1 FROM lesson_progress WHERE lesson_id = ?1)
             OR EXISTS (SELECT 1 FROM quizzes AS q JOIN quiz_attempts AS a ON a.quiz_id = q.id WHERE q.lesson_id = ?1)
             OR EXISTS (SELECT 1 FROM quizzes AS q JOIN quiz_results AS r ON r.quiz_id = q.id WHERE q.lesson_id = ?1)
             OR EXISTS (SELECT 1 FROM assignments AS a JOIN submissions AS s ON s.assignment_id = a.id
                        WHERE a.lesson_id = ?1)
             OR EXISTS (SELECT 1 FROM waivers WHERE lesson_id = ?1)
             OR EXISTS (SELECT 1 FROM quizzes AS q JOIN waivers AS w ON w.quiz_id = q.id WHERE q.lesson_id = ?1)
             OR EXISTS (SELECT 1 FROM assignments AS a JOIN waivers AS w ON w.assignment_id = a.id
                        WHERE a.lesson_id = ?1)
             OR EXISTS (SELECT 1 FROM quizzes AS q JOIN overrides AS o ON o.quiz_id = q.id WHERE q.lesson_id = ?1)
             OR EXISTS (SELECT 1 FROM assignments AS a JOIN overrides AS o ON o.assignment_id = a.id
                        WHERE a.lesson_id = ?1)",
        lesson.uuid(),
    )
}
