//! Courses and their content.

use lms_core::model::table::Record;
use lms_core::model::*;
use lms_core::store::{ById, CourseContent, CourseContext, CourseFilter, CourseOffer, CourseStructure};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{above, at_most, staff_of, user};
use crate::error::Result;
use crate::rows::{Bound, by_id, columns, count, first, id, id_or_null, record_at, select, text, uuid_at};

pub(crate) fn course(
    conn: &Connection,
    actor: Option<UserId>,
    course: CourseId,
    person: Option<UserId>,
) -> Result<Option<CourseContext>> {
    let Some(row) = by_id::<Course>(conn, course)? else { return Ok(None) };
    Ok(Some(CourseContext {
        actor: user(conn, actor)?,
        staff: staff_of(conn, course, actor)?,
        subject: user(conn, person)?,
        subject_staff: staff_of(conn, course, person)?,
        enrollment: match person {
            Some(person) => first(conn, "WHERE t.course_id = ?1 AND t.student_id = ?2", [id(course), id(person)])?,
            None => None,
        },
        job: open_job(conn, course)?,
        published_lessons: published_lessons(conn, course)?,
        certificates: count(conn, "SELECT count(*) FROM certificates WHERE course_id = ?1", [id(course)])?,
        active_enrollments: count(
            conn,
            "SELECT count(*) FROM enrollments WHERE course_id = ?1 AND status = 'active'",
            [id(course)],
        )?,
        course: row,
    }))
}

/// The first job of a course that is not done.
pub(super) fn open_job(conn: &Connection, course: CourseId) -> Result<Option<CourseJob>> {
    first(conn, "WHERE t.course_id = ?1 AND t.done_at IS NULL ORDER BY t.at, t.id LIMIT 1", [id(course)])
}

pub(super) fn published_lessons(conn: &Connection, course: CourseId) -> Result<i64> {
    count(conn, "SELECT count(*) FROM lessons WHERE course_id = ?1 AND is_published = 1", [id(course)])
}

pub(crate) fn courses(conn: &Connection, filter: &CourseFilter, page: ById) -> Result<Vec<Course>> {
    let published = filter.published.map_or(Bound(table::Value::Null), |p| Bound(table::Value::Bool(p)));
    let external = filter.external_id.as_deref().map_or(Bound(table::Value::Null), text);
    select(
        conn,
        "WHERE t.id > ?1
           AND (?2 IS NULL OR t.instructor_id = ?2
                OR EXISTS (SELECT 1 FROM course_staff AS s
                           WHERE s.course_id = t.id AND s.user_id = ?2 AND s.role = 'instructor'))
           AND (?3 IS NULL OR t.is_published = ?3)
           AND (?4 IS NULL OR t.external_id = ?4)
         ORDER BY t.id LIMIT ?5",
        params![id(above(page)), id_or_null(filter.instructor), published, external, at_most(page)],
    )
}

/// The courses of a page that people may join by themselves: ?1 above, ?2 limit.
const OFFERED: &str = "c.id > ?1 AND c.is_published = 1 AND c.enrollment = 'open' AND c.archived_at IS NULL
    ORDER BY c.id LIMIT ?2";

pub(crate) fn offers(conn: &Connection, reader: Option<UserId>, page: ById) -> Result<Vec<CourseOffer>> {
    let sql = format!(
        "SELECT {}, (SELECT u.display_name FROM users AS u WHERE u.id = t.instructor_id),
                (SELECT count(*) FROM lessons AS l WHERE l.course_id = t.id AND l.is_published = 1)
         FROM courses AS t WHERE t.id IN (SELECT c.id FROM courses AS c WHERE {OFFERED}) ORDER BY t.id",
        columns::<Course>(),
    );
    let enrollments: Vec<Enrollment> = match reader {
        Some(reader) => select(
            conn,
            &format!("WHERE t.student_id = ?3 AND t.course_id IN (SELECT c.id FROM courses AS c WHERE {OFFERED})"),
            params![id(above(page)), at_most(page), id(reader)],
        )?,
        None => Vec::new(),
    };
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params![id(above(page)), at_most(page)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let course: Course = record_at(row, 0)?;
        let beside = Course::COLUMNS.len();
        found.push(CourseOffer {
            instructor_name: row.get(beside)?,
            published_lessons: row.get(beside + 1)?,
            enrollment: enrollments.iter().find(|e| e.course_id == course.id).cloned(),
            course,
        });
    }
    Ok(found)
}

pub(crate) fn structure(conn: &Connection, course: CourseId) -> Result<Option<CourseStructure>> {
    let Some(row) = by_id::<Course>(conn, course)? else { return Ok(None) };
    let under = "JOIN lessons AS l ON l.id = t.lesson_id WHERE l.course_id = ?1 ORDER BY l.order_index, t.order_index";
    Ok(Some(CourseStructure {
        course: row,
        objectives: select(conn, "WHERE t.course_id = ?1 ORDER BY t.order_index", [id(course)])?,
        lessons: select(conn, "WHERE t.course_id = ?1 ORDER BY t.order_index", [id(course)])?,
        requires: select(
            conn,
            "JOIN lessons AS l ON l.id = t.lesson_id WHERE l.course_id = ?1 ORDER BY t.lesson_id, t.requires_id",
            [id(course)],
        )?,
        topics: select(conn, under, [id(course)])?,
        quizzes: select(conn, under, [id(course)])?,
        assignments: select(conn, under, [id(course)])?,
    }))
}

pub(crate) fn content(conn: &Connection, course: CourseId) -> Result<Option<CourseContent>> {
    let Some(structure) = structure(conn, course)? else { return Ok(None) };
    Ok(Some(CourseContent {
        structure,
        topics: select(
            conn,
            "JOIN lessons AS l ON l.id = t.lesson_id WHERE l.course_id = ?1 ORDER BY l.order_index, t.order_index",
            [id(course)],
        )?,
        questions: select(
            conn,
            "JOIN quizzes AS q ON q.id = t.quiz_id JOIN lessons AS l ON l.id = q.lesson_id
             WHERE l.course_id = ?1 ORDER BY l.order_index, q.order_index, t.order_index",
            [id(course)],
        )?,
        links: objective_links(conn, course)?,
    }))
}

pub(crate) fn topics(conn: &Connection, lesson: LessonId) -> Result<Vec<Topic>> {
    select(conn, "WHERE t.lesson_id = ?1 ORDER BY t.order_index", [id(lesson)])
}

pub(crate) fn questions(conn: &Connection, quiz: QuizId) -> Result<Vec<QuizQuestion>> {
    select(conn, "WHERE t.quiz_id = ?1 ORDER BY t.order_index", [id(quiz)])
}

pub(crate) fn revision_with(conn: &Connection, quiz: QuizId, question: QuestionId) -> Result<Option<QuizRevision>> {
    first(
        conn,
        "WHERE t.quiz_id = ?1 AND EXISTS (SELECT 1 FROM json_each(t.content, '$.questions') AS q
             WHERE json_extract(q.value, '$.id') = ?2) LIMIT 1",
        params![id(quiz), question.uuid().to_string()],
    )
}

pub(crate) fn objective_links(conn: &Connection, course: CourseId) -> Result<Vec<(ObjectiveId, Uuid)>> {
    let mut statement = conn.prepare_cached(
        "SELECT o.id, x.lesson_id FROM objectives AS o JOIN objective_lessons AS x ON x.objective_id = o.id
         WHERE o.course_id = ?1
         UNION ALL
         SELECT o.id, x.question_id FROM objectives AS o JOIN objective_questions AS x ON x.objective_id = o.id
         WHERE o.course_id = ?1
         UNION ALL
         SELECT o.id, x.assignment_id FROM objectives AS o JOIN objective_assignments AS x ON x.objective_id = o.id
         WHERE o.course_id = ?1",
    )?;
    let mut rows = statement.query([id(course)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let objective = uuid_at(row, 0, ("objectives", "id"))?;
        found.push((ObjectiveId::from_uuid(objective), uuid_at(row, 1, ("objective_links", "item"))?));
    }
    Ok(found)
}
