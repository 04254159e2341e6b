//! What AI may cost, and does.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lms_core::model::{AiBudget, AiSpending, BudgetScope};
use lms_core::store::{AiBudgetReads, Read};

use super::MemoryStore;
use super::tables::Tables;

/// Limits by scope; what is set aside and spent by day and scope.
#[derive(Clone, Default)]
pub(super) struct Budgets {
    limits: BTreeMap<String, AiBudget>,
    spending: BTreeMap<(String, String), (BudgetScope, i64, i64)>,
}

impl Budgets {
    fn limit(&self, scope: BudgetScope) -> Option<i64> {
        let own = |scope: BudgetScope| self.limits.get(&scope.key()).map(|budget| budget.limit_micro_usd);
        own(scope).or_else(|| own(scope.fallback()?))
    }

    fn of(&self, scope: BudgetScope, day: &str) -> AiSpending {
        let (_, reserved, spent) = self.spending.get(&(day.to_owned(), scope.key())).copied().unwrap_or((scope, 0, 0));
        AiSpending { scope, day: day.to_owned(), limit_micro_usd: self.limit(scope), reserved, spent }
    }
}

impl Tables {
    /// Sets an amount aside in every scope; in none where one has no room.
    pub(super) fn reserve(&mut self, scopes: &[BudgetScope], day: &str, amount: i64) -> bool {
        if !scopes.iter().all(|scope| self.budgets().of(*scope, day).has_room(amount)) {
            return false;
        }
        self.change_budgets(|budgets| {
            for scope in scopes {
                let entry = budgets.spending.entry((day.to_owned(), scope.key())).or_insert((*scope, 0, 0));
                entry.1 = entry.1.saturating_add(amount);
            }
        });
        true
    }

    /// Ends what was set aside.
    pub(super) fn settle(&mut self, scopes: &[BudgetScope], day: &str, reserved: i64, spent: i64) {
        self.change_budgets(|budgets| {
            for scope in scopes {
                if let Some(entry) = budgets.spending.get_mut(&(day.to_owned(), scope.key())) {
                    entry.1 = entry.1.saturating_sub(reserved).max(0);
                    entry.2 = entry.2.saturating_add(spent);
                }
            }
        });
    }

    /// Sets what a scope may cost in a day, or takes the limit away.
    pub(super) fn limit(&mut self, scope: BudgetScope, limit: Option<i64>) {
        self.change_budgets(|budgets| match limit {
            Some(limit_micro_usd) => drop(budgets.limits.insert(scope.key(), AiBudget { scope, limit_micro_usd })),
            None => drop(budgets.limits.remove(&scope.key())),
        });
    }
}

fn most(limit: u32) -> usize {
    usize::try_from(limit.clamp(1, 500)).unwrap_or(1)
}

#[async_trait]
impl AiBudgetReads for MemoryStore {
    async fn ai_budgets(&self, after: Option<BudgetScope>, limit: u32) -> Read<Vec<AiBudget>> {
        let after = after.map(|scope| scope.key()).unwrap_or_default();
        let t = self.read();
        Ok(t.budgets().limits.iter().filter(|(key, _)| **key > after).map(|(_, b)| *b).take(most(limit)).collect())
    }
    async fn ai_spending(&self, day: &str, after: Option<BudgetScope>, limit: u32) -> Read<Vec<AiSpending>> {
        let after = after.map(|scope| scope.key()).unwrap_or_default();
        let t = self.read();
        let of_day = t.budgets().spending.iter().filter(|((on, key), _)| on == day && *key > after);
        Ok(of_day.map(|(_, (scope, ..))| t.budgets().of(*scope, day)).take(most(limit)).collect())
    }
    async fn ai_spending_of(&self, day: &str, scopes: &[BudgetScope]) -> Read<Vec<AiSpending>> {
        let t = self.read();
        Ok(scopes.iter().map(|scope| t.budgets().of(*scope, day)).collect())
    }
}
