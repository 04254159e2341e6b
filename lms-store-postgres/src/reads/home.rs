//! What a learner sees first: one statement, however many courses they have (G2).

use lms_core::model::*;
use lms_core::store::{HomeRecord, StoreError};

use super::catalog::{structure_fields, structure_of};
use super::learning::{fields, record_of};
use crate::rows::Doc;
use crate::sql::{array, list, many, one};

/// $1 student, $2 since.
pub(super) fn home() -> String {
    let courses = list(&format!(
        "SELECT json_build_object('enrollment', e.r, 'course', {}, {}, {})
         FROM (SELECT t.id, t.course_id, t.student_id, {} AS r FROM {{lms}}.enrollments AS t
               WHERE t.student_id = $1::uuid AND t.status = 'active') AS e ORDER BY e.id",
        one::<Course>("WHERE t.id = e.course_id"),
        structure_fields("e.course_id"),
        fields(),
        array::<Enrollment>(),
    ));
    format!(
        "SELECT json_build_object('courses', {courses}, 'marks', {}, 'reviews', {}, 'certificates', {})::text",
        many::<GradeEntry>(
            "WHERE t.student_id = $1::uuid AND t.subject_type = 'answer'
               AND t.subject_id IN (SELECT g.subject_id FROM {lms}.grade_history AS g
                                    WHERE g.student_id = $1::uuid AND g.subject_type = 'answer'
                                      AND g.at >= $2::timestamptz)
             ORDER BY t.subject_id, t.question_id, t.seq"
        ),
        many::<ReviewRequest>(
            "JOIN {lms}.enrollments AS e ON e.id = t.enrollment_id
             WHERE e.student_id = $1::uuid AND t.answered_at >= $2::timestamptz ORDER BY t.id"
        ),
        many::<Certificate>("WHERE t.student_id = $1::uuid ORDER BY t.issued_at, t.id"),
    )
}

pub(crate) fn read(mut doc: Doc) -> Result<HomeRecord, StoreError> {
    let courses = doc.rows("courses")?.into_iter().map(|row| {
        let mut course = Doc::of(row)?;
        Ok((structure_of(&mut course)?, record_of(&mut course)?))
    });
    Ok(HomeRecord {
        courses: courses.collect::<Result<_, StoreError>>()?,
        marks: doc.many("marks")?,
        reviews: doc.many("reviews")?,
        certificates: doc.many("certificates")?,
    })
}
