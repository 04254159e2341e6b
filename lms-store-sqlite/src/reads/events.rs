//! The event log and the places of its named consumers.

use lms_core::model::table::{Record, Value};
use lms_core::model::{Event, EventId, NewEvent, Timestamp};
use lms_core::store::{ConsumerState, EventFilter, LogEnds};
use rusqlite::{Connection, Params, TransactionBehavior, params, params_from_iter};
use uuid::Uuid;

use crate::error::{Fault, Result};
use crate::rows::{Bound, columns, execute, id, number, record_at, text, time, uuid_at};

pub(crate) fn ends(conn: &Connection) -> Result<LogEnds> {
    let (epoch, gone_until) = {
        let mut statement = conn.prepare_cached("SELECT epoch, gone_until FROM lms_log WHERE one = 1")?;
        let mut rows = statement.query([])?;
        let row = rows.next()?.ok_or_else(|| Fault::corrupt("lms_log", "epoch", None))?;
        let gone_until: Option<i64> = row.get(1)?;
        (uuid_at(row, 0, ("lms_log", "epoch"))?, gone_until.and_then(Timestamp::from_micros))
    };
    let head = number(conn, "SELECT seq FROM sqlite_sequence WHERE name = 'activity_events'", [])?.unwrap_or(0);
    let oldest: Option<i64> =
        conn.prepare_cached("SELECT min(position) FROM activity_events")?.query_row([], |row| row.get(0))?;
    Ok(LogEnds { epoch, oldest: oldest.unwrap_or(head + 1), head, gone_until })
}

fn read(conn: &Connection, tail: &str, params: impl Params) -> Result<Vec<Event>> {
    let sql = format!("SELECT t.position, {} FROM {} AS t {tail}", columns::<NewEvent>(), NewEvent::TABLE);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Event { position: row.get(0)?, event: record_at(row, 1)? });
    }
    Ok(found)
}

pub(crate) fn events(conn: &Connection, after: i64, filter: &EventFilter, limit: u32) -> Result<Vec<Event>> {
    let mut values: Vec<Bound<'_>> = vec![Bound(Value::Int(after))];
    let mut wheres = String::from("WHERE t.position > ?");
    if let Some(course) = filter.course {
        wheres.push_str(" AND t.course_id = ?");
        values.push(id(course));
    }
    if let Some(student) = filter.student {
        wheres.push_str(" AND t.student_id = ?");
        values.push(id(student));
    }
    if !filter.kinds.is_empty() {
        wheres.push_str(" AND t.kind IN (");
        for (n, kind) in filter.kinds.iter().enumerate() {
            wheres.push_str(if n == 0 { "?" } else { ", ?" });
            values.push(text(kind.as_str()));
        }
        wheres.push(')');
    }
    wheres.push_str(" ORDER BY t.position LIMIT ?");
    values.push(Bound(Value::Int(i64::from(limit.clamp(1, 2_000)))));
    read(conn, &wheres, params_from_iter(values))
}

pub(crate) fn event(conn: &Connection, event: EventId) -> Result<Option<Event>> {
    Ok(read(conn, "WHERE t.id = ?1", [id(event)])?.pop())
}

pub(crate) fn event_at(conn: &Connection, position: i64) -> Result<Option<Event>> {
    Ok(read(conn, "WHERE t.position = ?1", [position])?.pop())
}

/// Takes or renews a lease: free, over, or already under this token.
pub(crate) fn lease(
    conn: &Connection,
    name: &str,
    token: Uuid,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<ConsumerState>> {
    execute(conn, "INSERT INTO consumers (name) VALUES (?1) ON CONFLICT (name) DO NOTHING", [text(name)])?;
    let taken = execute(
        conn,
        "UPDATE consumers SET lease_token = ?2, lease_until = ?4
         WHERE name = ?1 AND (lease_token IS NULL OR lease_token = ?2 OR lease_until <= ?3)",
        params![text(name), id(token), time(now), time(until)],
    )?;
    if taken == 0 {
        return Ok(None);
    }
    Ok(consumers(conn)?.into_iter().find(|c| c.name == name))
}

pub(crate) fn release(conn: &Connection, name: &str, token: Uuid) -> Result<()> {
    execute(
        conn,
        "UPDATE consumers SET lease_token = NULL, lease_until = NULL WHERE name = ?1 AND lease_token = ?2",
        params![text(name), id(token)],
    )
    .map(drop)
}

pub(crate) fn consumers(conn: &Connection) -> Result<Vec<ConsumerState>> {
    let mut statement =
        conn.prepare_cached("SELECT name, position, lease_token, lease_until FROM consumers ORDER BY name")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let until: Option<i64> = row.get(3)?;
        found.push(ConsumerState {
            name: row.get(0)?,
            position: row.get(1)?,
            lease_token: if until.is_some() { Some(uuid_at(row, 2, ("consumers", "lease_token"))?) } else { None },
            lease_until: until.and_then(Timestamp::from_micros),
        });
    }
    Ok(found)
}

pub(crate) fn forget_consumer(conn: &Connection, name: &str, now: Timestamp) -> Result<bool> {
    let sql = "DELETE FROM consumers WHERE name = ?1 AND (lease_until IS NULL OR lease_until <= ?2)";
    Ok(execute(conn, sql, params![text(name), time(now)])? > 0)
}

/// Deletes the oldest events in one transaction. AUTOINCREMENT keeps the head, also when none is left.
pub(crate) fn trim(conn: &mut Connection, before: Timestamp, limit: u32) -> Result<u64> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // One whose place is below what is kept has nothing left to keep.
    let slowest: Option<i64> = tx
        .prepare_cached(
            "SELECT min(position) FROM consumers
             WHERE position >= (SELECT min(position) - 1 FROM activity_events)",
        )?
        .query_row([], |row| row.get(0))?;
    let mut last: Option<(i64, i64)> = None;
    {
        let mut oldest = tx.prepare_cached("SELECT position, at FROM activity_events ORDER BY position LIMIT ?1")?;
        let mut rows = oldest.query([limit])?;
        while let Some(row) = rows.next()? {
            let (position, at): (i64, i64) = (row.get(0)?, row.get(1)?);
            if at >= before.as_micros() || slowest.is_some_and(|handled| position > handled) {
                break;
            }
            last = Some((position, last.map_or(at, |(_, latest)| latest.max(at))));
        }
    }
    let Some((position, at)) = last else { return Ok(0) };
    let gone = execute(&tx, "DELETE FROM activity_events WHERE position <= ?1", [position])?;
    execute(&tx, "UPDATE lms_log SET gone_until = max(coalesce(gone_until, ?1), ?1)", [at])?;
    tx.commit()?;
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}
