//! What AI may cost: limits a day, set by the host, and what was spent of them.

use super::AiBudgets;
use crate::error::Error;
use crate::model::*;
use crate::rules::permission::{Action, Rights};
use crate::store::{Change, PersonKey, WriteBatch};

impl AiBudgets<'_> {
    /// Sets, or takes away, what a scope may cost in a day (UTC), in millionths of a US dollar. It counts from
    /// the next call on, with what the day has cost already.
    ///
    /// # Errors
    /// Denied to all but admins and the system.
    #[tracing::instrument(name = "lms.set_ai_budget", skip_all, fields(course, outcome))]
    pub async fn set(&self, scope: BudgetScope, limit_micro_usd: Option<u64>) -> Result<(), Error> {
        self.allow().await?;
        let limit = limit_micro_usd.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let mut batch = WriteBatch::default();
        batch.changes.push(Change::SetBudget { scope, limit });
        self.s.store().write(std::sync::Arc::new(batch)).await?;
        Ok(())
    }

    /// The limits that are set, by their scope's text, above `after`; at most `limit` (≤ 500) of them.
    ///
    /// # Errors
    /// Denied to all but admins and the system.
    pub async fn limits(&self, after: Option<BudgetScope>, limit: u32) -> Result<Vec<AiBudget>, Error> {
        self.allow().await?;
        Ok(self.s.store().ai_budgets(after, limit).await?)
    }

    /// What the day (UTC) of an instant has cost so far in each scope that had a call, and what is set aside
    /// for calls under way; by their text, above `after`; at most `limit` (≤ 500) of them.
    ///
    /// # Errors
    /// Denied to all but admins and the system.
    pub async fn spending(
        &self,
        at: Timestamp,
        after: Option<BudgetScope>,
        limit: u32,
    ) -> Result<Vec<AiSpending>, Error> {
        self.allow().await?;
        Ok(self.s.store().ai_spending(&BudgetScope::day(at), after, limit).await?)
    }

    /// The same of some scopes, in their order, also where nothing was spent.
    ///
    /// # Errors
    /// Denied to all but admins and the system.
    pub async fn spending_of(&self, at: Timestamp, scopes: &[BudgetScope]) -> Result<Vec<AiSpending>, Error> {
        self.allow().await?;
        Ok(self.s.store().ai_spending_of(&BudgetScope::day(at), scopes).await?)
    }

    async fn allow(&self) -> Result<(), Error> {
        let Some(me) = self.s.rights_of() else { return Ok(()) };
        let person = self.s.store().person(Some(me), PersonKey::Id(me)).await?;
        let rights = Rights::of(&self.s.actor, person.actor.as_ref(), None, None);
        if rights.may(Action::SetAiBudgets) { Ok(()) } else { Err(Error::Denied { action: Action::SetAiBudgets }) }
    }
}
