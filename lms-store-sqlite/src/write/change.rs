//! One change, applied.

use std::collections::HashMap;

use lms_core::store::{Change, Key, Siblings};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::recount;
use crate::error::{Fault, Result};
use crate::rows::{self, Bound, execute, id, id_or_null, text, time, time_or_null, touched};

pub(super) fn apply(conn: &Connection, change: &Change) -> Result<()> {
    match change {
        Change::Insert(row) => rows::insert(conn, row.table(), std::iter::once(row)),
        Change::Put(row) => rows::put(conn, row),
        Change::Upsert(row) => rows::upsert(conn, row),
        Change::Ensure(row) => rows::ensure(conn, row),
        Change::Delete(Key::Id(table, row)) => {
            if table.is_link() {
                return Err(lms_core::store::StoreErrorKind::NotSupported.into());
            }
            touched(execute(conn, &format!("DELETE FROM {} WHERE id = ?1", table.name()), [id(*row)])?)
        }
        Change::Delete(Key::Link(row)) => rows::unlink(conn, row),
        Change::Order { siblings, ids } => order(conn, *siblings, ids),
        Change::Recount { course, learners } => {
            recount::totals(conn, *course)?;
            if *learners { recount::learners(conn, *course) } else { Ok(()) }
        }
        Change::FreeSeat { course } => execute(
            conn,
            "UPDATE courses SET seats_taken = seats_taken - 1
             WHERE id = ?1 AND capacity IS NOT NULL AND seats_taken > 0",
            [id(*course)],
        )
        .map(drop),
        Change::RecountSeats { course } => recount::seats(conn, *course),
        Change::SaveAnswers { attempt, answers, version, at } => touched(execute(
            conn,
            "UPDATE quiz_attempts SET answers = ?2, version = ?3, updated_at = ?4
             WHERE id = ?1 AND state = 'in_progress'",
            params![id(*attempt), answers.as_str(), version, time(*at)],
        )?),
        Change::FlipLog { id: log, from, to, at } => touched(execute(
            conn,
            "UPDATE ai_logs SET status = ?3, applied_at = ?4,
                 response_text = CASE WHEN redaction = 'metadata' THEN NULL ELSE response_text END
             WHERE id = ?1 AND status = ?2",
            params![id(*log), from.as_str(), to.as_str(), time(*at)],
        )?),
        Change::AdvanceJob { job, cursor, done_at } => touched(execute(
            conn,
            "UPDATE course_jobs SET cursor = ?2, done_at = ?3 WHERE id = ?1 AND done_at IS NULL",
            params![id(*job), id_or_null(*cursor), time_or_null(*done_at)],
        )?),
        Change::BlankLogs { ids } => ids.iter().try_for_each(|log| {
            execute(
                conn,
                "UPDATE ai_logs SET prompt_text = NULL, response_text = NULL,
                     status = CASE WHEN status = 'valid' THEN 'dropped' ELSE status END
                 WHERE id = ?1 AND status <> 'pending'",
                [id(*log)],
            )
            .map(drop)
        }),
        Change::SettleBudget { scopes, day, reserved, spent } => scopes.iter().try_for_each(|scope| {
            execute(
                conn,
                "UPDATE ai_spending SET reserved = max(reserved - ?3, 0), spent = spent + ?4
                 WHERE day = ?2 AND scope = ?1",
                params![text(&scope.key()), text(day), reserved, spent],
            )
            .map(drop)
        }),
        Change::SetBudget { scope, limit: None } => {
            execute(conn, "DELETE FROM ai_budgets WHERE scope = ?1", [text(&scope.key())]).map(drop)
        }
        Change::SetBudget { scope, limit: Some(limit) } => execute(
            conn,
            "INSERT INTO ai_budgets (scope, limit_micro_usd) VALUES (?1, ?2)
             ON CONFLICT (scope) DO UPDATE SET limit_micro_usd = excluded.limit_micro_usd",
            params![text(&scope.key()), limit],
        )
        .map(drop),
        Change::EraseText { user, at } => super::erase::erase(conn, *user, *at),
        Change::AdvanceConsumer { name, position } => {
            touched(execute(conn, "UPDATE consumers SET position = ?2 WHERE name = ?1", params![text(name), position])?)
        }
    }
}

/// Puts all siblings in order. Rows on the move stand below zero meanwhile, where the unique index
/// does not look; rows that keep their place are not written.
fn order(conn: &Connection, siblings: Siblings, ids: &[Uuid]) -> Result<()> {
    let (table, column, parent) = siblings.parts();
    let name = table.name();
    let mut now: HashMap<Uuid, i64> = HashMap::with_capacity(ids.len());
    {
        let mut statement = conn.prepare_cached(&format!("SELECT id, order_index FROM {name} WHERE {column} = ?1"))?;
        let mut rows = statement.query([id(parent)])?;
        while let Some(row) = rows.next()? {
            now.insert(rows::uuid_at(row, 0, (name, "id"))?, row.get(1)?);
        }
    }
    if now.len() != ids.len() {
        return Err(Fault::conflict());
    }
    let mut moved = false;
    let mut park = conn.prepare_cached(&format!("UPDATE {name} SET order_index = -1 - ?2 WHERE id = ?1"))?;
    for (place, sibling) in (0_i64..).zip(ids) {
        // Taken out, so that an id that is named twice is found missing.
        match now.remove(sibling) {
            None => return Err(Fault::conflict()),
            Some(at) if at == place => {}
            Some(_) => {
                moved = true;
                park.execute(params![id(*sibling), Bound(lms_core::model::table::Value::Int(place))])?;
            }
        }
    }
    if moved {
        let flip = format!("UPDATE {name} SET order_index = -1 - order_index WHERE {column} = ?1 AND order_index < 0");
        execute(conn, &flip, [id(parent)])?;
    }
    Ok(())
}
