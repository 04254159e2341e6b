//! What a decision relied on, looked at again inside the batch's transaction.

use lms_core::model::BudgetScope;
use lms_core::model::table::Kind;
use lms_core::store::{Expect, StoreErrorKind, Table};
use rusqlite::{Connection, params};

use crate::error::Result;
use crate::rows::{execute, id, id_or_null, number, text};

/// Whether it still holds. [`Expect::SeatFree`] also takes the seat, [`Expect::Budget`] sets the amount aside.
pub(super) fn holds(conn: &Connection, expect: &Expect) -> Result<bool> {
    match expect {
        Expect::Structure { course, version } => {
            is(conn, "SELECT 1 FROM courses WHERE id = ?1 AND structure_version = ?2", params![id(*course), version])
        }
        Expect::Enrollment { id: enrollment, version } => {
            is(conn, "SELECT 1 FROM enrollments WHERE id = ?1 AND version = ?2", params![id(*enrollment), version])
        }
        Expect::Row { table, id: row, version } => {
            if !has_version(*table) {
                return Err(StoreErrorKind::NotSupported.into());
            }
            let sql = format!("SELECT 1 FROM {} WHERE id = ?1 AND version = ?2", table.name());
            is(conn, &sql, params![id(*row), version])
        }
        Expect::Attempt { id: attempt, state, version } => is(
            conn,
            "SELECT 1 FROM quiz_attempts WHERE id = ?1 AND state = ?2 AND version = ?3",
            params![id(*attempt), state.as_str(), version],
        ),
        Expect::Log { id: log, status } => {
            is(conn, "SELECT 1 FROM ai_logs WHERE id = ?1 AND status = ?2", params![id(*log), status.as_str()])
        }
        Expect::SeatFree { course } => {
            let limited = number(conn, "SELECT capacity IS NOT NULL FROM courses WHERE id = ?1", [id(*course)])?;
            match limited {
                None => Ok(false),
                Some(0) => Ok(true),
                Some(_) => Ok(execute(
                    conn,
                    "UPDATE courses SET seats_taken = seats_taken + 1 WHERE id = ?1 AND seats_taken < capacity",
                    [id(*course)],
                )? > 0),
            }
        }
        Expect::JobAt { job, cursor } => is(
            conn,
            "SELECT 1 FROM course_jobs WHERE id = ?1 AND cursor IS ?2 AND done_at IS NULL",
            params![id(*job), id_or_null(*cursor)],
        ),
        Expect::Lease { name, token } => {
            is(conn, "SELECT 1 FROM consumers WHERE name = ?1 AND lease_token = ?2", params![text(name), id(*token)])
        }
        Expect::Budget { scopes, day, amount } => reserve(conn, scopes, day, *amount),
        Expect::NotEnrolled { course, student } => Ok(!is(
            conn,
            "SELECT 1 FROM enrollments WHERE course_id = ?1 AND student_id = ?2",
            params![id(*course), id(*student)],
        )?),
        Expect::GradesWithin { assignment, max } => {
            Ok(!is(conn, crate::reads::learning::GRADE_ABOVE, params![id(*assignment), max.units()])?)
        }
        Expect::WorkAtMost { item, counts } => Ok(crate::reads::work_counts(conn, *item)?.at_most(counts)),
    }
}

/// Sets an amount aside in every scope; in none, and nothing is written, where one has no room.
fn reserve(conn: &Connection, scopes: &[BudgetScope], day: &str, amount: i64) -> Result<bool> {
    if !crate::reads::ai_budgets::spending_of(conn, day, scopes)?.iter().all(|s| s.has_room(amount)) {
        return Ok(false);
    }
    for scope in scopes {
        execute(
            conn,
            "INSERT INTO ai_spending (scope, day, reserved, spent) VALUES (?1, ?2, ?3, 0)
             ON CONFLICT (day, scope) DO UPDATE SET reserved = reserved + excluded.reserved",
            params![text(&scope.key()), text(day), amount],
        )?;
    }
    Ok(true)
}

fn is(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<bool> {
    Ok(conn.prepare_cached(sql)?.exists(params)?)
}

fn has_version(table: Table) -> bool {
    table.columns().iter().any(|c| c.name == "version" && c.kind == Kind::Int)
}
