//! Certificates and the facts they are made of.

use lms_core::model::*;
use lms_core::store::{CertificateFacts, StoreError, WeightedScore};
use serde_json::Value as Json;

use super::listing;
use crate::rows::{Doc, int, uuid};
use crate::sql::{list, many, one};

pub(super) fn by(condition: &str) -> String {
    listing(&many::<Certificate>(&format!("WHERE {condition}")))
}

/// $1 course, $2 above, $3 limit.
pub(super) fn of_course() -> String {
    listing(&many::<Certificate>(
        "WHERE t.course_id = $1::uuid AND t.student_id > $2::uuid ORDER BY t.student_id LIMIT $3::bigint",
    ))
}

/// $1 person, $2 above, $3 limit.
pub(super) fn of_person() -> String {
    listing(&many::<Certificate>("WHERE t.student_id = $1::uuid AND t.id > $2::uuid ORDER BY t.id LIMIT $3::bigint"))
}

/// $1 after, $2 limit, $3 course where it is of one. Written out for each state, as the indexes are.
pub(super) fn renderings(rendering: Rendering, of_course: bool) -> String {
    let course = if of_course { "AND t.course_id = $3::uuid" } else { "" };
    listing(&many::<Certificate>(&format!(
        "WHERE t.rendering = '{rendering}' AND t.erased_at IS NULL AND t.id > $1::uuid {course}
         ORDER BY t.id LIMIT $2::bigint"
    )))
}

/// $1 certificate.
pub(super) fn revisions() -> String {
    listing(&many::<CertificateRevision>("WHERE t.certificate_id = $1::uuid ORDER BY t.revision_no"))
}

/// $1 a version.
pub(super) fn template_versions() -> String {
    listing(&many::<CertificateTemplate>(
        "WHERE t.family_id = (SELECT f.family_id FROM {lms}.certificate_templates AS f WHERE f.id = $1::uuid)
         ORDER BY t.version_no",
    ))
}

/// $1 above, $2 limit.
pub(super) fn templates() -> String {
    listing(&many::<CertificateTemplate>(
        "WHERE t.family_id > $1::uuid AND NOT t.is_draft AND t.archived_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM {lms}.certificate_templates AS n
                           WHERE n.family_id = t.family_id AND n.version_no > t.version_no
                             AND NOT n.is_draft AND n.archived_at IS NULL)
         ORDER BY t.family_id LIMIT $2::bigint",
    ))
}

/// $1 after, $2 limit.
pub(super) fn erased() -> String {
    listing(&many::<Certificate>(
        "WHERE t.erased_at IS NOT NULL AND t.files_deleted_at IS NULL AND t.id > $1::uuid
         ORDER BY t.id LIMIT $2::bigint",
    ))
}

/// $1 course, $2 student. Names as they are now, the certificate that exists, and the scores that count
/// (M7).
pub(super) fn facts() -> String {
    let name =
        |user: &str| format!("coalesce((SELECT u.display_name FROM {{lms}}.users AS u WHERE u.id = {user}), '')");
    format!(
        "SELECT json_build_object('student_name', {}, 'instructor_name', {}, 'certificate', {}, 'scores', {})::text
         FROM {{lms}}.courses AS c WHERE c.id = $1::uuid",
        name("$2::uuid"),
        name("c.instructor_id"),
        one::<Certificate>("WHERE t.course_id = $1::uuid AND t.student_id = $2::uuid"),
        list(
            "SELECT json_build_array(q.id, (r.earned * 100000)::bigint, (r.possible * 100000)::bigint,
                 (r.earned * 100000)::bigint, q.weight)
             FROM {lms}.lessons AS l JOIN {lms}.quizzes AS q ON q.lesson_id = l.id
             JOIN {lms}.quiz_results AS r ON r.quiz_id = q.id AND r.student_id = $2::uuid
             WHERE l.course_id = $1::uuid AND l.is_published AND q.is_published AND q.weight > 0
               AND r.earned IS NOT NULL AND r.possible > 0
               AND NOT EXISTS (SELECT 1 FROM {lms}.overrides AS o
                               WHERE o.quiz_id = q.id AND o.student_id = $2::uuid AND o.excused)
               AND NOT EXISTS (SELECT 1 FROM {lms}.waivers AS w WHERE w.quiz_id = q.id AND w.student_id = $2::uuid)
             UNION ALL
             SELECT json_build_array(a.id, (s.grade * 100000)::bigint, (a.max_grade * 100000)::bigint,
                 (SELECT (shown.grade * 100000)::bigint FROM {lms}.submissions AS shown
                  WHERE shown.assignment_id = a.id AND shown.student_id = $2::uuid AND shown.grade IS NOT NULL
                    AND shown.posted_at IS NOT NULL
                  ORDER BY shown.version_no DESC LIMIT 1), a.weight)
             FROM {lms}.lessons AS l JOIN {lms}.assignments AS a ON a.lesson_id = l.id
             JOIN {lms}.submissions AS s ON s.assignment_id = a.id AND s.student_id = $2::uuid
             WHERE l.course_id = $1::uuid AND l.is_published AND a.is_published AND a.weight > 0
               AND s.grade IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM {lms}.submissions AS later
                               WHERE later.assignment_id = a.id AND later.student_id = $2::uuid
                                 AND later.version_no > s.version_no AND later.grade IS NOT NULL)
               AND NOT EXISTS (SELECT 1 FROM {lms}.overrides AS o
                               WHERE o.assignment_id = a.id AND o.student_id = $2::uuid AND o.excused)
               AND NOT EXISTS (SELECT 1 FROM {lms}.waivers AS w
                               WHERE w.assignment_id = a.id AND w.student_id = $2::uuid)"
        ),
    )
}

pub(crate) fn read_facts(mut doc: Doc) -> Result<CertificateFacts, StoreError> {
    let scores = doc
        .rows("scores")?
        .iter()
        .map(|row| {
            let at = |n: usize| row.get(n).unwrap_or(&Json::Null);
            Ok(WeightedScore {
                item: uuid(at(0))?,
                score: Score { earned: Points::from_units(int(at(1))?), possible: Points::from_units(int(at(2))?) },
                shown: match at(3) {
                    Json::Null => None,
                    shown => Some(Points::from_units(int(shown)?)),
                },
                weight: int(at(4))?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    Ok(CertificateFacts {
        student_name: doc.text("student_name")?,
        instructor_name: doc.text("instructor_name")?,
        certificate: doc.one("certificate")?,
        scores,
    })
}
