//! What AI may cost, and does.

use lms_core::model::{AiBudget, AiSpending, BudgetScope};
use rusqlite::{Connection, Row, params};

use crate::error::{Fault, Result};
use crate::rows::{number, text};

/// At most this many rows of a list.
const MOST: u32 = 500;

pub(crate) fn budgets(conn: &Connection, after: Option<BudgetScope>, limit: u32) -> Result<Vec<AiBudget>> {
    let mut statement =
        conn.prepare_cached("SELECT scope, limit_micro_usd FROM ai_budgets WHERE scope > ?1 ORDER BY scope LIMIT ?2")?;
    let mut rows = statement.query(params![text(&above(after)), limit.clamp(1, MOST)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(AiBudget { scope: scope_at(row, "ai_budgets")?, limit_micro_usd: row.get(1)? });
    }
    Ok(found)
}

pub(crate) fn spending(
    conn: &Connection,
    day: &str,
    after: Option<BudgetScope>,
    limit: u32,
) -> Result<Vec<AiSpending>> {
    let mut statement = conn.prepare_cached(
        "SELECT scope, reserved, spent FROM ai_spending WHERE day = ?1 AND scope > ?2 ORDER BY scope LIMIT ?3",
    )?;
    let mut rows = statement.query(params![text(day), text(&above(after)), limit.clamp(1, MOST)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let scope = scope_at(row, "ai_spending")?;
        found.push(AiSpending {
            scope,
            day: day.to_owned(),
            limit_micro_usd: limit_of(conn, scope)?,
            reserved: row.get(1)?,
            spent: row.get(2)?,
        });
    }
    Ok(found)
}

pub(crate) fn spending_of(conn: &Connection, day: &str, scopes: &[BudgetScope]) -> Result<Vec<AiSpending>> {
    let mut statement = conn.prepare_cached("SELECT reserved, spent FROM ai_spending WHERE day = ?1 AND scope = ?2")?;
    scopes
        .iter()
        .map(|scope| {
            let mut rows = statement.query(params![text(day), text(&scope.key())])?;
            let (reserved, spent) = match rows.next()? {
                Some(row) => (row.get(0)?, row.get(1)?),
                None => (0, 0),
            };
            let limit_micro_usd = limit_of(conn, *scope)?;
            Ok(AiSpending { scope: *scope, day: day.to_owned(), limit_micro_usd, reserved, spent })
        })
        .collect()
}

/// The limit of a day: the scope's own, or that of its kind.
fn limit_of(conn: &Connection, scope: BudgetScope) -> Result<Option<i64>> {
    let one = |scope: BudgetScope| {
        number(conn, "SELECT limit_micro_usd FROM ai_budgets WHERE scope = ?1", [text(&scope.key())])
    };
    match (one(scope)?, scope.fallback()) {
        (None, Some(fallback)) => one(fallback),
        (own, _) => Ok(own),
    }
}

/// A list begins above it.
fn above(after: Option<BudgetScope>) -> String {
    after.map_or_else(String::new, |scope| scope.key())
}

fn scope_at(row: &Row<'_>, table: &'static str) -> Result<BudgetScope> {
    row.get::<_, String>(0)?.parse().map_err(|_| Fault::corrupt(table, "scope", None))
}
