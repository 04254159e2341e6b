//! What AI may cost, and does.

use lms_core::model::{AiBudget, AiSpending, BudgetScope};
use lms_core::store::{StoreError, StoreErrorKind};
use serde_json::Value as Json;

use crate::rows::{Doc, int};
use crate::sql::list;

/// $1 above, $2 limit.
pub(super) fn budgets() -> String {
    format!(
        "SELECT json_build_object('rows', {})::text",
        list(
            "SELECT json_build_array(t.scope, t.limit_micro_usd) FROM {priv}.ai_budgets AS t WHERE t.scope > $1
             ORDER BY t.scope LIMIT $2::bigint"
        )
    )
}

/// $1 day, $2 above, $3 limit.
pub(super) fn spending() -> String {
    format!(
        "SELECT json_build_object('rows', {})::text",
        list(
            "SELECT json_build_array(t.scope, {priv}.budget_limit_v1(t.scope), t.reserved, t.spent)
             FROM {priv}.ai_spending AS t WHERE t.day = $1 AND t.scope > $2 ORDER BY t.scope LIMIT $3::bigint"
        )
    )
}

/// $1 day, $2 scopes.
pub(super) fn spending_of() -> String {
    format!(
        "SELECT json_build_object('rows', {})::text",
        list(
            "SELECT json_build_array(s.scope, {priv}.budget_limit_v1(s.scope), coalesce(t.reserved, 0),
                 coalesce(t.spent, 0))
             FROM unnest(string_to_array($2, ',')) WITH ORDINALITY AS s (scope, n)
             LEFT JOIN {priv}.ai_spending AS t ON t.day = $1 AND t.scope = s.scope ORDER BY s.n"
        )
    )
}

pub(crate) fn read_budgets(mut doc: Doc) -> Result<Vec<AiBudget>, StoreError> {
    let rows = doc.rows("rows")?;
    rows.iter()
        .map(|row| Ok(AiBudget { scope: scope(row, "ai_budgets")?, limit_micro_usd: int(cell(row, 1))? }))
        .collect()
}

pub(crate) fn read_spending(mut doc: Doc, day: &str) -> Result<Vec<AiSpending>, StoreError> {
    let rows = doc.rows("rows")?;
    rows.iter()
        .map(|row| {
            Ok(AiSpending {
                scope: scope(row, "ai_spending")?,
                day: day.to_owned(),
                limit_micro_usd: if cell(row, 1).is_null() { None } else { Some(int(cell(row, 1))?) },
                reserved: int(cell(row, 2))?,
                spent: int(cell(row, 3))?,
            })
        })
        .collect()
}

fn cell(row: &Json, n: usize) -> &Json {
    row.get(n).unwrap_or(&Json::Null)
}

fn scope(row: &Json, table: &'static str) -> Result<BudgetScope, StoreError> {
    let corrupt = || StoreError::new(StoreErrorKind::Corrupt { table, column: "scope", id: None });
    cell(row, 0).as_str().and_then(|text| text.parse().ok()).ok_or_else(corrupt)
}
