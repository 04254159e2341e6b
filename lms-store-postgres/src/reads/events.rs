//! The event log and the places of its named consumers.

use lms_core::model::{Event, NewEvent, Timestamp};
use lms_core::store::{ConsumerState, LogEnds, StoreError};
use serde_json::Value as Json;

use crate::rows::{Doc, int, record, uuid};
use crate::sql::{array, list};

/// The log's identity holds the server's: a copy that goes on by itself after a failover is another log.
pub(super) fn ends() -> String {
    "SELECT json_build_object(
         'epoch', md5(concat_ws(' ', g.epoch, (SELECT system_identifier FROM pg_control_system()),
                                (SELECT timeline_id FROM pg_control_checkpoint())))::uuid,
         'oldest', coalesce((SELECT min(position) FROM {priv}.activity_events WHERE position IS NOT NULL), g.head + 1),
         'head', g.head, 'gone_until', (extract(epoch from g.gone_until) * 1000000)::bigint)::text
     FROM {priv}.lms_log AS g WHERE g.one"
        .to_owned()
}

pub(crate) fn read_ends(mut doc: Doc) -> Result<LogEnds, StoreError> {
    let gone_until = doc.micros("gone_until")?;
    Ok(LogEnds { epoch: doc.id("epoch")?, oldest: doc.int("oldest")?, head: doc.int("head")?, gone_until })
}

/// Which index a page of events walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    All,
    Course,
    Student,
}

/// $1 after, $2 limit, $3 kinds or null, $4 course or student, $5 the other one.
pub(super) fn page(key: Key) -> String {
    let own = match key {
        Key::All => "",
        Key::Course => "AND t.course_id = $4::uuid AND ($5::uuid IS NULL OR t.student_id = $5::uuid)",
        Key::Student => "AND t.student_id = $4::uuid",
    };
    format!(
        "SELECT json_build_object('events', {})::text",
        list(&format!(
            "SELECT json_build_array(t.position, {}) FROM {{priv}}.activity_events AS t
             WHERE t.position > $1::bigint AND ($3::text[] IS NULL OR t.kind = ANY ($3::text[])) {own}
             ORDER BY t.position LIMIT $2::bigint",
            array::<NewEvent>()
        ))
    )
}

/// $1 after, $2 limit, $3 kinds. Each kind walks an index of its own: in a long log a rare one costs what it
/// costs in a short one.
///
/// By `position + 0`, as the kind's own index has it.
pub(super) fn kinds() -> String {
    format!(
        "SELECT json_build_object('events', {})::text",
        list(&format!(
            "SELECT json_build_array(t.position, {}) FROM (SELECT DISTINCT unnest($3::text[])) AS k (kind)
             CROSS JOIN LATERAL (
                 SELECT * FROM {{priv}}.activity_events AS e
                 WHERE e.kind = k.kind AND e.position + 0 > $1::bigint ORDER BY e.position + 0 LIMIT $2::bigint) AS t
             ORDER BY t.position LIMIT $2::bigint",
            array::<NewEvent>()
        ))
    )
}

/// An event that may not have a position yet.
pub(super) fn one(condition: &str) -> String {
    format!(
        "SELECT json_build_object('events', {})::text",
        list(&format!(
            "SELECT json_build_array(coalesce(t.position, 0), {}) FROM {{priv}}.activity_events AS t WHERE {condition}",
            array::<NewEvent>()
        ))
    )
}

pub(crate) fn read_events(mut doc: Doc) -> Result<Vec<Event>, StoreError> {
    doc.rows("events")?
        .into_iter()
        .map(|mut row| {
            let position = int(row.get(0).unwrap_or(&Json::Null))?;
            let event = row.get_mut(1).map_or(Json::Null, Json::take);
            Ok(Event { position, event: record(event)? })
        })
        .collect()
}

const STATE: &str = "json_build_array(c.name, c.position, c.lease_token,
    (extract(epoch from c.lease_until) * 1000000)::bigint)";

pub(super) fn consumers() -> String {
    format!(
        "SELECT json_build_object('consumers', {})::text",
        list(&format!("SELECT {STATE} FROM {{priv}}.consumers AS c ORDER BY c.name"))
    )
}

/// $1 name, $2 token, $3 now, $4 until. Takes or renews: free, over, or already under this token.
pub(super) fn lease() -> String {
    format!(
        "WITH taken AS (
             INSERT INTO {{priv}}.consumers AS c (name, position, lease_token, lease_until)
             VALUES ($1, NULL, $2::uuid, $4::timestamptz)
             ON CONFLICT (name) DO UPDATE SET lease_token = excluded.lease_token, lease_until = excluded.lease_until
             WHERE c.lease_token IS NULL OR c.lease_token = excluded.lease_token OR c.lease_until <= $3::timestamptz
             RETURNING {STATE} AS v)
         SELECT json_build_object('consumers', {})::text",
        list("SELECT v FROM taken")
    )
}

/// $1 name, $2 now.
pub(super) fn forget_consumer() -> String {
    "WITH gone AS (DELETE FROM {priv}.consumers WHERE name = $1 AND (lease_until IS NULL OR lease_until <= $2::timestamptz)
                   RETURNING name)
     SELECT json_build_object('gone', (SELECT count(*) FROM gone))::text"
        .to_owned()
}

/// $1 before, $2 limit. The oldest events up to the first one that is to be kept, or that a consumer has yet to
/// handle; one whose place is below what is kept has nothing left to keep. Two at once delete each row once.
pub(super) fn trim() -> String {
    "WITH oldest AS (
         SELECT position, at FROM {priv}.activity_events WHERE position IS NOT NULL
         ORDER BY position LIMIT $2::bigint),
     cut AS (
         SELECT least((SELECT min(position) FROM {priv}.consumers
                       WHERE position >= (SELECT min(position) - 1 FROM oldest)),
                      coalesce((SELECT min(position) - 1 FROM oldest WHERE at >= $1::timestamptz),
                               (SELECT max(position) FROM oldest))) AS position),
     gone AS (
         DELETE FROM {priv}.activity_events
         WHERE position BETWEEN (SELECT min(position) FROM oldest) AND (SELECT position FROM cut) RETURNING at),
     noted AS (
         UPDATE {priv}.lms_log SET gone_until = greatest(gone_until, (SELECT max(at) FROM gone))
         WHERE one AND EXISTS (SELECT 1 FROM gone))
     SELECT json_build_object('gone', (SELECT count(*) FROM gone))::text"
        .to_owned()
}

/// $1 name, $2 token.
pub(super) fn release() -> String {
    "UPDATE {priv}.consumers SET lease_token = NULL, lease_until = NULL WHERE name = $1 AND lease_token = $2::uuid"
        .to_owned()
}

pub(crate) fn read_consumers(mut doc: Doc) -> Result<Vec<ConsumerState>, StoreError> {
    doc.rows("consumers")?
        .iter()
        .map(|row| {
            let at = |n: usize| row.get(n).unwrap_or(&Json::Null);
            Ok(ConsumerState {
                name: at(0).as_str().unwrap_or_default().to_owned(),
                position: if at(1).is_null() { None } else { Some(int(at(1))?) },
                lease_token: if at(2).is_null() { None } else { Some(uuid(at(2))?) },
                lease_until: at(3).as_i64().and_then(Timestamp::from_micros),
            })
        })
        .collect()
}
