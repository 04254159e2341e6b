//! Courses and their content.

use lms_core::model::*;
use lms_core::store::{CourseContent, CourseContext, CourseOffer, CourseStructure, StoreError, TopicHead, WorkCounts};
use uuid::Uuid;

use super::{listing, staff_of, user};
use crate::rows::{Doc, int, uuid};
use crate::sql::{list, many, one};

/// The first job of a course that is not done.
pub(super) fn open_job(course: &str) -> String {
    one::<CourseJob>(&format!("WHERE t.course_id = {course} AND t.done_at IS NULL ORDER BY t.at, t.id LIMIT 1"))
}

pub(super) fn published_lessons(course: &str) -> String {
    format!("(SELECT count(*) FROM {{lms}}.lessons AS l WHERE l.course_id = {course} AND l.is_published)")
}

/// $1 actor, $2 course, $3 person.
pub(super) fn course() -> String {
    format!(
        "SELECT json_build_object('course', k.r, 'actor', {}, 'staff', {}, 'subject', {}, 'subject_staff', {},
             'enrollment', {}, 'job', {}, 'published_lessons', {},
             'certificates', (SELECT count(*) FROM {{lms}}.certificates WHERE course_id = $2::uuid),
             'active_enrollments',
                 (SELECT count(*) FROM {{lms}}.enrollments WHERE course_id = $2::uuid AND status = 'active'))::text
         FROM (SELECT {} AS r FROM {{lms}}.courses AS t WHERE t.id = $2::uuid) AS k",
        user("$1::uuid"),
        staff_of("$2::uuid", "$1::uuid"),
        user("$3::uuid"),
        staff_of("$2::uuid", "$3::uuid"),
        one::<Enrollment>("WHERE t.course_id = $2::uuid AND t.student_id = $3::uuid"),
        open_job("$2::uuid"),
        published_lessons("$2::uuid"),
        crate::sql::array::<Course>(),
    )
}

pub(crate) fn read_course(mut doc: Doc) -> Result<CourseContext, StoreError> {
    Ok(CourseContext {
        actor: doc.one("actor")?,
        staff: doc.one("staff")?,
        course: doc.the("course")?,
        subject: doc.one("subject")?,
        subject_staff: doc.one("subject_staff")?,
        enrollment: doc.one("enrollment")?,
        job: doc.one("job")?,
        published_lessons: doc.int("published_lessons")?,
        certificates: doc.int("certificates")?,
        active_enrollments: doc.int("active_enrollments")?,
    })
}

/// The index that a list of courses goes by.
pub(super) enum CoursesBy {
    Id,
    Instructor,
    ExternalId,
}

/// $1 above, $2 published, $3 limit; $4 the instructor, or the external id and $5 the instructor.
pub(super) fn courses(by: &CoursesBy) -> String {
    let only = match by {
        CoursesBy::Id => "",
        CoursesBy::Instructor => {
            "AND t.id IN (
                 SELECT c.id FROM {lms}.courses AS c WHERE c.instructor_id = $4::uuid
                 UNION ALL
                 SELECT s.course_id FROM {lms}.course_staff AS s
                 WHERE s.user_id = $4::uuid AND s.role = 'instructor')"
        }
        CoursesBy::ExternalId => {
            "AND t.external_id = $4
             AND ($5::uuid IS NULL OR t.instructor_id = $5::uuid
                  OR EXISTS (SELECT 1 FROM {lms}.course_staff AS s
                             WHERE s.course_id = t.id AND s.user_id = $5::uuid AND s.role = 'instructor'))"
        }
    };
    listing(&many::<Course>(&format!(
        "WHERE t.id > $1::uuid AND ($2::boolean IS NULL OR t.is_published = $2::boolean) {only}
         ORDER BY t.id LIMIT $3::bigint"
    )))
}

/// $1 reader, $2 above, $3 limit.
pub(super) fn offers() -> String {
    let offers = list(&format!(
        "SELECT json_build_object('course', k.r,
             'instructor_name', (SELECT u.display_name FROM {{lms}}.users AS u WHERE u.id = k.instructor_id),
             'published_lessons', {}, 'enrollment', {})
         FROM (SELECT t.id, t.instructor_id, {} AS r FROM {{lms}}.courses AS t
               WHERE t.id > $2::uuid AND t.is_published AND t.enrollment = 'open' AND t.archived_at IS NULL
               ORDER BY t.id LIMIT $3::bigint) AS k ORDER BY k.id",
        published_lessons("k.id"),
        one::<Enrollment>("WHERE t.course_id = k.id AND t.student_id = $1::uuid"),
        crate::sql::array::<Course>(),
    ));
    format!("SELECT json_build_object('offers', {offers})::text")
}

pub(crate) fn read_offers(mut doc: Doc) -> Result<Vec<CourseOffer>, StoreError> {
    let offer = |row| {
        let mut offer = Doc::of(row)?;
        Ok(CourseOffer {
            course: offer.the("course")?,
            instructor_name: offer.text("instructor_name")?,
            published_lessons: offer.int("published_lessons")?,
            enrollment: offer.one("enrollment")?,
        })
    };
    doc.rows("offers")?.into_iter().map(offer).collect()
}

/// $1 course.
pub(super) fn structure() -> String {
    structure_and(&[])
}

/// $1 course: its structure, and all that is written in it.
pub(super) fn course_content() -> String {
    structure_and(&[
        (
            "topic_rows",
            many::<Topic>(
                "JOIN {lms}.lessons AS l ON l.id = t.lesson_id
                 WHERE l.course_id = $1::uuid ORDER BY l.order_index, t.order_index",
            ),
        ),
        (
            "questions",
            many::<QuizQuestion>(
                "JOIN {lms}.quizzes AS q ON q.id = t.quiz_id JOIN {lms}.lessons AS l ON l.id = q.lesson_id
                 WHERE l.course_id = $1::uuid ORDER BY l.order_index, q.order_index, t.order_index",
            ),
        ),
        ("links", links()),
    ])
}

fn structure_and(more: &[(&str, String)]) -> String {
    let more: String = more.iter().map(|(name, sql)| format!(", '{name}', {sql}")).collect();
    format!(
        "SELECT json_build_object('course', k.r, {}{more})::text
         FROM (SELECT {} AS r FROM {{lms}}.courses AS t WHERE t.id = $1::uuid) AS k",
        structure_fields("$1::uuid"),
        crate::sql::array::<Course>(),
    )
}

/// The fields of a course's structure, the course itself not among them.
pub(super) fn structure_fields(course: &str) -> String {
    let under = format!(
        "JOIN {{lms}}.lessons AS l ON l.id = t.lesson_id
         WHERE l.course_id = {course} ORDER BY l.order_index, t.order_index"
    );
    let own = format!("WHERE t.course_id = {course} ORDER BY t.order_index");
    format!(
        "'objectives', {}, 'lessons', {}, 'requires', {}, 'topics', {}, 'quizzes', {}, 'assignments', {}",
        many::<Objective>(&own),
        many::<Lesson>(&own),
        many::<LessonRequirement>(&format!(
            "JOIN {{lms}}.lessons AS l ON l.id = t.lesson_id
             WHERE l.course_id = {course} ORDER BY t.lesson_id, t.requires_id"
        )),
        many::<TopicHead>(&under),
        many::<Quiz>(&under),
        many::<Assignment>(&under),
    )
}

pub(crate) fn read_structure(mut doc: Doc) -> Result<CourseStructure, StoreError> {
    structure_of(&mut doc)
}

pub(crate) fn read_content(mut doc: Doc) -> Result<CourseContent, StoreError> {
    Ok(CourseContent {
        structure: structure_of(&mut doc)?,
        topics: doc.many("topic_rows")?,
        questions: doc.many("questions")?,
        links: links_of(&mut doc)?,
    })
}

pub(super) fn structure_of(doc: &mut Doc) -> Result<CourseStructure, StoreError> {
    Ok(CourseStructure {
        course: doc.the("course")?,
        objectives: doc.many("objectives")?,
        lessons: doc.many("lessons")?,
        requires: doc.many("requires")?,
        topics: doc.many("topics")?,
        quizzes: doc.many("quizzes")?,
        assignments: doc.many("assignments")?,
    })
}

/// $1 lesson.
pub(super) fn topics() -> String {
    listing(&many::<Topic>("WHERE t.lesson_id = $1::uuid ORDER BY t.order_index"))
}

/// $1 quiz.
pub(super) fn questions() -> String {
    listing(&many::<QuizQuestion>("WHERE t.quiz_id = $1::uuid ORDER BY t.order_index"))
}

/// $1 id.
pub(super) fn revision() -> String {
    listing(&many::<QuizRevision>("WHERE t.id = $1::uuid"))
}

/// $1 quiz, $2 question.
pub(super) fn revision_with() -> String {
    listing(&many::<QuizRevision>(
        "WHERE t.quiz_id = $1::uuid AND EXISTS (SELECT FROM json_array_elements(t.content -> 'questions') AS q
             WHERE (q ->> 'id')::uuid = $2::uuid) ORDER BY t.id LIMIT 1",
    ))
}

/// $1 id.
pub(super) fn template() -> String {
    listing(&many::<CertificateTemplate>("WHERE t.id = $1::uuid"))
}

/// $1 kind, $2 id.
pub(super) fn work_counts() -> String {
    "SELECT json_build_object('counts', array_to_json({priv}.work_counts_v1($1, $2::uuid)))::text".to_owned()
}

pub(crate) fn read_work_counts(mut doc: Doc) -> Result<WorkCounts, StoreError> {
    let counts = doc.rows("counts")?;
    let at = |n: usize| counts.get(n).map_or(Ok(0), int);
    Ok(WorkCounts {
        topics: at(0)?,
        quizzes: at(1)?,
        questions: at(2)?,
        assignments: at(3)?,
        lessons: at(4)?,
        enrollments: at(5)?,
        progress: at(6)?,
        attempts: at(7)?,
        submissions: at(8)?,
        certificates: at(9)?,
    })
}

/// $1 course.
pub(super) fn objective_links() -> String {
    format!("SELECT json_build_object('links', {})::text", links())
}

fn links() -> String {
    list(
        "SELECT json_build_array(o.id, x.item) FROM {lms}.objectives AS o
         JOIN (SELECT objective_id, lesson_id AS item FROM {lms}.objective_lessons
               UNION ALL SELECT objective_id, question_id FROM {lms}.objective_questions
               UNION ALL SELECT objective_id, assignment_id FROM {lms}.objective_assignments) AS x
             ON x.objective_id = o.id
         WHERE o.course_id = $1::uuid",
    )
}

pub(crate) fn read_links(mut doc: Doc) -> Result<Vec<(ObjectiveId, Uuid)>, StoreError> {
    links_of(&mut doc)
}

fn links_of(doc: &mut Doc) -> Result<Vec<(ObjectiveId, Uuid)>, StoreError> {
    doc.rows("links")?
        .iter()
        .map(|pair| {
            let at = |n: usize| uuid(pair.get(n).unwrap_or(&serde_json::Value::Null));
            Ok((ObjectiveId::from_uuid(at(0)?), at(1)?))
        })
        .collect()
}
