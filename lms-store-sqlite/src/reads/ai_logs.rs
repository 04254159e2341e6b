//! The record of AI calls.

use lms_core::model::table::Value;
use lms_core::model::{AiLog, Timestamp, UserId};
use lms_core::store::{AiLogFilter, ById};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{above, at_most};
use crate::error::Result;
use crate::rows::{Bound, id, id_or_null, select, text, time};

pub(crate) fn operation(conn: &Connection, operation: Uuid) -> Result<Vec<AiLog>> {
    select(conn, "WHERE t.operation_id = ?1 ORDER BY t.attempt", [id(operation)])
}

pub(crate) fn logs(conn: &Connection, filter: &AiLogFilter, page: ById) -> Result<Vec<AiLog>> {
    let word = |word: Option<&'static str>| word.map_or(Bound(Value::Null), text);
    let kind = filter.kind.as_deref().map_or(Bound(Value::Null), text);
    select(
        conn,
        "WHERE t.id > ?1 AND (?2 IS NULL OR t.course_id = ?2) AND (?3 IS NULL OR t.status = ?3)
           AND (?4 IS NULL OR t.kind = ?4) ORDER BY t.id LIMIT ?5",
        params![
            id(above(page)),
            id_or_null(filter.course),
            word(filter.status.map(lms_core::model::AiLogStatus::as_str)),
            kind,
            at_most(page)
        ],
    )
}

pub(crate) fn of(conn: &Connection, person: UserId) -> Result<Vec<AiLog>> {
    select(
        conn,
        "WHERE t.actor_id = ?1
            OR t.subject_id IN (SELECT id FROM submissions WHERE student_id = ?1)
            OR t.subject_id IN (SELECT id FROM quiz_attempts WHERE student_id = ?1)
         ORDER BY t.id",
        [id(person)],
    )
}

pub(crate) fn stale(conn: &Connection, before: Timestamp, limit: u32) -> Result<Vec<AiLog>> {
    select(
        conn,
        "WHERE t.status = 'pending' AND t.created_at < ?1 ORDER BY t.created_at LIMIT ?2",
        params![time(before), limit],
    )
}
