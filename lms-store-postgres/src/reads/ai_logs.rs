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

/// By which index a list of rows goes.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    All,
    Course,
    Actor,
}

/// $1 status, $2 kind, $3 from, $4 until, then the key's value and, for [`Key::Course`], the actor.
fn conditions(key: Key) -> (&'static str, usize) {
    match key {
        Key::All => ("", 4),
        Key::Course => (" AND t.course_id = $5::uuid AND ($6::uuid IS NULL OR t.actor_id = $6::uuid)", 6),
        Key::Actor => (" AND t.actor_id = $5::uuid", 5),
    }
}

const FILTER: &str = "($1::text IS NULL OR t.status = $1) AND ($2::text IS NULL OR t.kind = $2)
           AND t.created_at >= coalesce($3::timestamptz, '-infinity')
           AND t.created_at < coalesce($4::timestamptz, 'infinity')";

/// The parameters of [`conditions`], then: the row after which the page begins, limit, whether the texts
/// are left out.
pub(super) fn page(key: Key, newest_first: bool) -> String {
    let (more, n) = conditions(key);
    let (after, limit, blank) = (n + 1, n + 2, n + 3);
    let (way, beyond, end) = if newest_first { ("DESC", "<", "infinity") } else { ("ASC", ">", "-infinity") };
    let last =
        if newest_first { "ffffffff-ffff-ffff-ffff-ffffffffffff" } else { "00000000-0000-0000-0000-000000000000" };
    let list = many::<AiLog>(&format!(
        "WHERE {FILTER}{more}
           AND (t.created_at, t.id) {beyond} (
               coalesce((SELECT a.created_at FROM {{priv}}.ai_logs AS a WHERE a.id = ${after}::uuid), '{end}'),
               coalesce(${after}::uuid, '{last}'))
         ORDER BY t.created_at {way}, t.id {way} LIMIT ${limit}::bigint"
    ));
    let unless = |column: &str| format!("CASE WHEN ${blank}::boolean THEN NULL ELSE {column} END");
    listing(
        &list.replace("t.prompt_text", &unless("t.prompt_text")).replace("t.response_text", &unless("t.response_text")),
    )
}

/// The parameters of [`conditions`].
pub(super) fn costs(key: Key) -> String {
    let (more, _) = conditions(key);
    listing(&crate::sql::list(&format!(
        "SELECT json_build_array(s.day, s.kind, s.calls, s.tokens_in, s.tokens_out, s.cost, s.charged)
         FROM (SELECT to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, t.kind, count(*) AS calls,
                      sum(t.tokens_in + t.tokens_cache_read + t.tokens_cache_write)::bigint AS tokens_in,
                      sum(t.tokens_out)::bigint AS tokens_out, sum(t.cost_micro_usd)::bigint AS cost,
                      sum(t.charged_micro_usd)::bigint AS charged
               FROM {{priv}}.ai_logs AS t WHERE {FILTER}{more} GROUP BY 1, 2 ORDER BY 1, 2) AS s"
    )))
}

/// $1 now, $2 limit.
pub(super) fn expired() -> String {
    "SELECT json_build_object('ids', coalesce(json_agg(s.id), '[]'))::text
     FROM (SELECT t.id FROM {priv}.ai_logs AS t
           WHERE t.expires_at IS NOT NULL AND t.expires_at <= $1::timestamptz AND t.status <> 'pending'
             AND (t.prompt_text IS NOT NULL OR t.response_text IS NOT NULL)
           ORDER BY t.expires_at LIMIT $2::bigint) AS s"
        .to_owned()
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

/// $1 now, $2 limit.
pub(super) fn stale() -> String {
    listing(&many::<AiLog>(
        "WHERE t.status = 'pending' AND t.given_up_at < $1::timestamptz ORDER BY t.given_up_at LIMIT $2::bigint",
    ))
}
