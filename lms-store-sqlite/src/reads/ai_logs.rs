//! The record of AI calls.

use lms_core::model::table::Value;
use lms_core::model::{AiCost, AiLog, AiLogId, Timestamp, UserId};
use lms_core::store::{AiLogFilter, ById};
use rusqlite::{Connection, params, params_from_iter};
use uuid::Uuid;

use super::at_most;
use crate::error::Result;
use crate::rows::{Bound, columns, id, record_at, select, text, time, uuids};

pub(crate) fn operation(conn: &Connection, operation: Uuid) -> Result<Vec<AiLog>> {
    select(conn, "WHERE t.operation_id = ?1 ORDER BY t.attempt", [id(operation)])
}

pub(crate) fn logs(conn: &Connection, filter: &AiLogFilter, page: ById) -> Result<Vec<AiLog>> {
    let (way, beyond) = if filter.newest_first { ("DESC", "<") } else { ("ASC", ">") };
    let (mut wheres, mut values) = conditions(filter);
    if let Some(after) = page.after {
        values.push(id(after));
        let n = values.len();
        wheres.push(format!("(t.created_at, t.id) {beyond} ((SELECT created_at FROM ai_logs WHERE id = ?{n}), ?{n})"));
    }
    values.push(Bound(Value::Int(at_most(page))));
    let list = columns::<AiLog>();
    let list = if filter.without_texts {
        list.replace("t.prompt_text", "NULL").replace("t.response_text", "NULL")
    } else {
        list
    };
    let sql = format!(
        "SELECT {list} FROM ai_logs AS t WHERE {} ORDER BY t.created_at {way}, t.id {way} LIMIT ?{}",
        all_of(&wheres),
        values.len()
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(record_at(row, 0)?);
    }
    Ok(found)
}

pub(crate) fn costs(conn: &Connection, filter: &AiLogFilter) -> Result<Vec<AiCost>> {
    let (wheres, values) = conditions(filter);
    let sql = format!(
        "SELECT strftime('%Y-%m-%d', t.created_at / 1000000, 'unixepoch') AS day, t.kind, count(*),
                sum(t.tokens_in + t.tokens_cache_read + t.tokens_cache_write), sum(t.tokens_out),
                sum(t.cost_micro_usd), sum(t.charged_micro_usd)
         FROM ai_logs AS t WHERE {} GROUP BY 1, 2 ORDER BY 1, 2",
        all_of(&wheres)
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(record_at(row, 0)?);
    }
    Ok(found)
}

pub(crate) fn expired(conn: &Connection, now: Timestamp, limit: u32) -> Result<Vec<AiLogId>> {
    let sql = "SELECT id FROM ai_logs
               WHERE expires_at IS NOT NULL AND expires_at <= ?1 AND status <> 'pending'
                 AND (prompt_text IS NOT NULL OR response_text IS NOT NULL)
               ORDER BY expires_at LIMIT ?2";
    let found = uuids(conn, "ai_logs", sql, params![time(now), limit])?;
    Ok(found.into_iter().map(AiLogId::from_uuid).collect())
}

/// What a filter asks of `t`, and the values that it compares with: only what it names, so that the index
/// that fits is walked.
fn conditions(filter: &AiLogFilter) -> (Vec<String>, Vec<Bound<'_>>) {
    let named = [
        ("t.course_id =", filter.course.map(id)),
        ("t.actor_id =", filter.actor.map(id)),
        ("t.status =", filter.status.map(|status| text(status.as_str()))),
        ("t.kind =", filter.kind.as_deref().map(text)),
        ("t.created_at >=", filter.from.map(time)),
        ("t.created_at <", filter.until.map(time)),
    ];
    let mut wheres = Vec::new();
    let mut values = Vec::new();
    for (comparison, value) in named {
        if let Some(value) = value {
            values.push(value);
            wheres.push(format!("{comparison} ?{}", values.len()));
        }
    }
    (wheres, values)
}

fn all_of(wheres: &[String]) -> String {
    if wheres.is_empty() { "1".to_owned() } else { wheres.join(" AND ") }
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

pub(crate) fn stale(conn: &Connection, now: Timestamp, limit: u32) -> Result<Vec<AiLog>> {
    select(
        conn,
        "WHERE t.status = 'pending' AND t.given_up_at < ?1 ORDER BY t.given_up_at LIMIT ?2",
        params![time(now), limit],
    )
}
