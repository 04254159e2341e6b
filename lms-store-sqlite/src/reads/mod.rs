//! Reads, by aggregate: rows of each table by one query, never one query per row.

pub(crate) mod ai_budgets;
pub(crate) mod ai_logs;
pub(crate) mod analytics;
pub(crate) mod catalog;
pub(crate) mod certificates;
pub(crate) mod content;
pub(crate) mod events;
pub(crate) mod home;
pub(crate) mod learner;
pub(crate) mod learning;
pub(crate) mod people;

use lms_core::model::{CourseId, CourseStaff, User, UserId};
use lms_core::store::{ById, Item, WorkCounts};
use rusqlite::Connection;
use uuid::Uuid;

use crate::error::Result;
use crate::rows::{by_id, count, first, id};

/// The least id: a page begins above it.
fn above(page: ById) -> Uuid {
    page.after.unwrap_or(Uuid::nil())
}

/// At most this many rows.
fn at_most(page: ById) -> i64 {
    i64::from(page.limit.clamp(1, 500))
}

/// A user, where one is named.
fn user(conn: &Connection, user: Option<UserId>) -> Result<Option<User>> {
    user.map_or(Ok(None), |user| by_id(conn, user))
}

/// A user's place in the staff of a course.
fn staff_of(conn: &Connection, course: CourseId, user: Option<UserId>) -> Result<Option<CourseStaff>> {
    user.map_or(Ok(None), |user| first(conn, "WHERE t.course_id = ?1 AND t.user_id = ?2", [id(course), id(user)]))
}

/// What hangs under an item (D3).
pub(crate) fn work_counts(conn: &Connection, item: Item) -> Result<WorkCounts> {
    let (lessons, key) = match item {
        Item::Course(course) => ("SELECT id FROM lessons WHERE course_id = ?1", course.uuid()),
        Item::Lesson(lesson) => ("SELECT ?1", lesson.uuid()),
        Item::Quiz(quiz) => ("SELECT NULL WHERE ?1 IS NULL", quiz.uuid()),
        Item::Assignment(assignment) => ("SELECT NULL WHERE ?1 IS NULL", assignment.uuid()),
    };
    let quizzes = match item {
        Item::Quiz(_) => "SELECT ?1".to_owned(),
        _ => format!("SELECT id FROM quizzes WHERE lesson_id IN ({lessons})"),
    };
    let assignments = match item {
        Item::Assignment(_) => "SELECT ?1".to_owned(),
        _ => format!("SELECT id FROM assignments WHERE lesson_id IN ({lessons})"),
    };
    let of = |table: &str, column: &str, among: &str| {
        count(conn, &format!("SELECT count(*) FROM {table} WHERE {column} IN ({among})"), [id(key)])
    };
    let topics = format!("SELECT id FROM topics WHERE lesson_id IN ({lessons})");
    let mut counts = WorkCounts {
        topics: of("topics", "lesson_id", lessons)?,
        questions: of("quiz_questions", "quiz_id", &quizzes)?,
        attempts: of("quiz_attempts", "quiz_id", &quizzes)?,
        submissions: of("submissions", "assignment_id", &assignments)?,
        progress: of("lesson_progress", "lesson_id", lessons)? + of("topic_views", "topic_id", &topics)?,
        ..WorkCounts::default()
    };
    if matches!(item, Item::Course(_) | Item::Lesson(_)) {
        counts.quizzes = of("quizzes", "lesson_id", lessons)?;
        counts.assignments = of("assignments", "lesson_id", lessons)?;
    }
    if let Item::Course(_) = item {
        counts.lessons = of("lessons", "course_id", "SELECT ?1")?;
        counts.enrollments = of("enrollments", "course_id", "SELECT ?1")?;
        counts.certificates = of("certificates", "course_id", "SELECT ?1")?;
    }
    Ok(counts)
}
