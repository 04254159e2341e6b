//! Certificates and the facts they are made of.

use lms_core::model::*;
use lms_core::store::{ById, CertificateFacts, RenderingFilter, WeightedScore};
use rusqlite::{Connection, params};

use super::{above, at_most};
use crate::error::Result;
use crate::rows::{by_id, first, id, select, text, uuid_at};

pub(crate) fn by_code(conn: &Connection, code: &str) -> Result<Option<Certificate>> {
    first(conn, "WHERE t.code = ?1", [text(code)])
}

pub(crate) fn of(conn: &Connection, course: CourseId, student: UserId) -> Result<Option<Certificate>> {
    first(conn, "WHERE t.course_id = ?1 AND t.student_id = ?2", [id(course), id(student)])
}

pub(crate) fn of_course(conn: &Connection, course: CourseId, page: ById) -> Result<Vec<Certificate>> {
    select(
        conn,
        "WHERE t.course_id = ?1 AND t.student_id > ?2 ORDER BY t.student_id LIMIT ?3",
        params![id(course), id(above(page)), at_most(page)],
    )
}

pub(crate) fn of_person(conn: &Connection, person: UserId, page: ById) -> Result<Vec<Certificate>> {
    select(
        conn,
        "WHERE t.student_id = ?1 AND t.id > ?2 ORDER BY t.id LIMIT ?3",
        params![id(person), id(above(page)), at_most(page)],
    )
}

/// Written out for each state, as the indexes are.
pub(crate) fn renderings(conn: &Connection, filter: RenderingFilter, page: ById) -> Result<Vec<Certificate>> {
    let rendering = filter.rendering.as_str();
    let (above, at_most) = (id(above(page)), at_most(page));
    let stands = format!("t.rendering = '{rendering}' AND t.erased_at IS NULL AND t.id > ?1");
    match filter.course {
        None => select(conn, &format!("WHERE {stands} ORDER BY t.id LIMIT ?2"), params![above, at_most]),
        Some(course) => {
            let sql = format!("WHERE {stands} AND t.course_id = ?3 ORDER BY t.id LIMIT ?2");
            select(conn, &sql, params![above, at_most, id(course)])
        }
    }
}

pub(crate) fn revisions(conn: &Connection, certificate: CertificateId) -> Result<Vec<CertificateRevision>> {
    select(conn, "WHERE t.certificate_id = ?1 ORDER BY t.revision_no", [id(certificate)])
}

pub(crate) fn template_versions(conn: &Connection, of: TemplateId) -> Result<Vec<CertificateTemplate>> {
    select(
        conn,
        "WHERE t.family_id = (SELECT family_id FROM certificate_templates WHERE id = ?1) ORDER BY t.version_no",
        [id(of)],
    )
}

pub(crate) fn templates(conn: &Connection, page: ById) -> Result<Vec<CertificateTemplate>> {
    select(
        conn,
        "WHERE t.family_id > ?1 AND t.is_draft = 0 AND t.archived_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM certificate_templates AS n
                           WHERE n.family_id = t.family_id AND n.version_no > t.version_no
                             AND n.is_draft = 0 AND n.archived_at IS NULL)
         ORDER BY t.family_id LIMIT ?2",
        params![id(above(page)), at_most(page)],
    )
}

pub(crate) fn erased(conn: &Connection, page: ById) -> Result<Vec<Certificate>> {
    select(
        conn,
        "WHERE t.erased_at IS NOT NULL AND t.files_deleted_at IS NULL AND t.id > ?1 ORDER BY t.id LIMIT ?2",
        params![id(above(page)), at_most(page)],
    )
}

/// Names as they are now, the certificate that exists, and the scores that count (M7).
pub(crate) fn facts(conn: &Connection, course: CourseId, student: UserId) -> Result<Option<CertificateFacts>> {
    let Some(row) = by_id::<Course>(conn, course)? else { return Ok(None) };
    let name = |user: UserId| by_id::<User>(conn, user).map(|user| user.map_or_else(String::new, |u| u.display_name));
    let mut statement = conn.prepare_cached(
        "SELECT q.id, r.earned, r.possible, r.earned, q.weight
         FROM lessons AS l JOIN quizzes AS q ON q.lesson_id = l.id
         JOIN quiz_results AS r ON r.quiz_id = q.id AND r.student_id = ?2
         WHERE l.course_id = ?1 AND l.is_published = 1 AND q.is_published = 1 AND q.weight > 0
           AND r.earned IS NOT NULL AND r.possible > 0
           AND NOT EXISTS (SELECT 1 FROM overrides AS o
                           WHERE o.quiz_id = q.id AND o.student_id = ?2 AND o.excused = 1)
           AND NOT EXISTS (SELECT 1 FROM waivers AS w WHERE w.quiz_id = q.id AND w.student_id = ?2)
         UNION ALL
         SELECT a.id, s.grade, a.max_grade,
                (SELECT shown.grade FROM submissions AS shown
                 WHERE shown.assignment_id = a.id AND shown.student_id = ?2 AND shown.grade IS NOT NULL
                   AND shown.posted_at IS NOT NULL
                 ORDER BY shown.version_no DESC LIMIT 1), a.weight
         FROM lessons AS l JOIN assignments AS a ON a.lesson_id = l.id
         JOIN submissions AS s ON s.assignment_id = a.id AND s.student_id = ?2
         WHERE l.course_id = ?1 AND l.is_published = 1 AND a.is_published = 1 AND a.weight > 0
           AND s.grade IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM submissions AS later
                           WHERE later.assignment_id = a.id AND later.student_id = ?2
                             AND later.version_no > s.version_no AND later.grade IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM overrides AS o
                           WHERE o.assignment_id = a.id AND o.student_id = ?2 AND o.excused = 1)
           AND NOT EXISTS (SELECT 1 FROM waivers AS w WHERE w.assignment_id = a.id AND w.student_id = ?2)",
    )?;
    let mut rows = statement.query([id(course), id(student)])?;
    let mut scores = Vec::new();
    while let Some(found) = rows.next()? {
        scores.push(WeightedScore {
            item: uuid_at(found, 0, ("graded items", "id"))?,
            score: Score { earned: Points::from_units(found.get(1)?), possible: Points::from_units(found.get(2)?) },
            shown: found.get::<_, Option<i64>>(3)?.map(Points::from_units),
            weight: found.get(4)?,
        });
    }
    Ok(Some(CertificateFacts {
        student_name: name(student)?,
        instructor_name: name(row.instructor_id)?,
        certificate: of(conn, course, student)?,
        scores,
    }))
}
