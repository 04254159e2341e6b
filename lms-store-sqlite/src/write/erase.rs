//! Blanking a person's texts (D5).

use lms_core::model::{Timestamp, UserId};
use rusqlite::{Connection, params};

use crate::error::Result;
use crate::rows::{execute, id, time};

/// Every place that holds words of a person, or about their work. ?1 the person, ?2 when.
const STATEMENTS: &[&str] = &[
    "UPDATE enrollments SET metadata = '{}', reset_reason = NULL, version = version + 1, updated_at = ?2
     WHERE student_id = ?1",
    "UPDATE overrides SET reason = '', updated_at = ?2 WHERE student_id = ?1",
    "UPDATE waivers SET reason = '' WHERE student_id = ?1 AND ?2 IS NOT NULL",
    "UPDATE quiz_attempts SET answers = '{\"format\":1,\"clients\":{},\"answers\":{}}',
         graded = CASE WHEN graded IS NULL THEN NULL ELSE json_object(
             'format', json_extract(graded, '$.format'),
             'answers', (SELECT json_group_array(
                             json_remove(a.value, '$.feedback', '$.ai_status', '$.ai_code', '$.suggested_seq'))
                         FROM json_each(graded, '$.answers') AS a)) END,
         ai_pending = 0, ai_suggested = 0,
         void_reason = CASE WHEN void_reason IS NULL THEN NULL ELSE '' END,
         version = version + 1, updated_at = ?2
     WHERE student_id = ?1",
    "UPDATE submissions SET content = NULL, submission_url = NULL, feedback = NULL, rubric_scores = NULL,
         version = version + 1, updated_at = ?2
     WHERE student_id = ?1",
    "UPDATE grade_history SET feedback = NULL, reason = NULL, rubric_scores = NULL
     WHERE student_id = ?1 AND ?2 IS NOT NULL",
    "UPDATE review_requests SET reason = '', answer = CASE WHEN answer IS NULL THEN NULL ELSE '' END
     WHERE student_id = ?1 AND ?2 IS NOT NULL",
    "UPDATE certificate_revisions SET snapshot = json_set(snapshot, '$.student_name', ''), certificate_url = NULL,
         reason = ''
     WHERE ?2 IS NOT NULL AND certificate_id IN (SELECT id FROM certificates WHERE student_id = ?1)",
    "UPDATE certificates SET snapshot = json_set(snapshot, '$.student_name', ''), certificate_url = NULL,
         rendering_error = NULL,
         issue_reason = CASE WHEN issue_reason IS NULL THEN NULL ELSE '' END,
         revoke_reason = CASE WHEN revoke_reason IS NULL THEN NULL ELSE '' END,
         erased_at = ?2, version = version + 1, updated_at = ?2
     WHERE student_id = ?1",
    "UPDATE similarity_matches SET passages = '[]'
     WHERE ?2 IS NOT NULL AND (submission_id IN (SELECT id FROM submissions WHERE student_id = ?1)
                               OR other_id IN (SELECT id FROM submissions WHERE student_id = ?1))",
    "UPDATE ai_logs SET prompt_text = NULL, response_text = NULL, violations = '[]', expires_at = ?2,
         status = CASE WHEN status IN ('pending', 'valid', 'abandoned') THEN 'dropped' ELSE status END
     WHERE actor_id = ?1
        OR subject_id IN (SELECT id FROM submissions WHERE student_id = ?1)
        OR subject_id IN (SELECT id FROM quiz_attempts WHERE student_id = ?1)",
    "UPDATE activity_events SET metadata = '{}' WHERE student_id = ?1 AND instr(kind, '.') > 0 AND ?2 IS NOT NULL",
];

pub(super) fn erase(conn: &Connection, user: UserId, at: Timestamp) -> Result<()> {
    for sql in STATEMENTS {
        execute(conn, sql, params![id(user), time(at)])?;
    }
    Ok(())
}
