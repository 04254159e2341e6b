//! The record of AI calls.

use lms_core::model::AiLog;

use super::listing;
use crate::sql::many;

/// $1 id.
pub(super) fn by_id() -> String {
    listing(&many::<AiLog>("WHERE t.id = $1::uuid"))
}

/// $1 operation.
pub(super) fn operation() -> String {
    listing(&many::<AiLog>("WHERE t.operation_id = $1::uuid ORDER BY t.attempt"))
}

/// $1 above, $2 course, $3 status, $4 kind, $5 limit.
pub(super) fn page() -> String {
    listing(&many::<AiLog>(
        "WHERE t.id > $1::uuid AND ($2::uuid IS NULL OR t.course_id = $2::uuid)
           AND ($3::text IS NULL OR t.status = $3) AND ($4::text IS NULL OR t.kind = $4)
         ORDER BY t.id LIMIT $5::bigint",
    ))
}

/// $1 person. By three indexes, each row once.
pub(super) fn of() -> String {
    listing(&many::<AiLog>(
        "WHERE t.id IN (
             SELECT a.id FROM {priv}.ai_logs AS a WHERE a.actor_id = $1::uuid
             UNION SELECT a.id FROM {lms}.submissions AS s JOIN {priv}.ai_logs AS a ON a.subject_id = s.id
                   WHERE s.student_id = $1::uuid
             UNION SELECT a.id FROM {lms}.quiz_attempts AS q JOIN {priv}.ai_logs AS a ON a.subject_id = q.id
                   WHERE q.student_id = $1::uuid)
         ORDER BY t.id",
    ))
}

/// $1 before, $2 limit.
pub(super) fn stale() -> String {
    listing(&many::<AiLog>(
        "WHERE t.status = 'pending' AND t.created_at < $1::timestamptz ORDER BY t.created_at LIMIT $2::bigint",
    ))
}
