//! The record of AI calls: claimed before a call, finished after it, read by admins (I2, I3).

use uuid::Uuid;

use super::AiRecord;
use crate::error::Error;
use crate::model::*;
use crate::rules::permission::{Action, Rights};
use crate::store::{AiLogFilter, ById, Change, Expect, StoreError, StoreErrorKind, WriteBatch};

/// What claiming an operation came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The attempt is this caller's: its row is written, and what it may cost is set aside.
    Mine,
    /// Another attempt of the same operation stands; the last of them.
    Taken(Box<AiLog>),
    /// A budget has no room for what the row charges. The row is written all the same, as `denied`, with
    /// nothing charged. Nothing may be sent.
    Denied(Box<AiSpending>),
}

/// How often a claim is tried again that lost a race for a budget that has room.
const TRIES: u32 = 64;

/// How many rows a sweep, or a round of blanking, takes at most.
const BATCH: u32 = 200;

impl AiRecord<'_> {
    /// Writes the row of an attempt before it is sent, in a transaction of its own. The insert is the
    /// claim: of any number of callers with the same operation and number, one gets it (I3).
    ///
    /// What the row charges is set aside in the same transaction, in the budgets of everything, of its course
    /// and of who asks, for the day (UTC) of its `created_at`: in all of them, or in none.
    ///
    /// # Errors
    /// Denied to all but the system; when the store fails: then nothing may be sent.
    pub async fn claim(&self, row: AiLog) -> Result<Claim, Error> {
        self.only_system()?;
        let (scopes, day) = (BudgetScope::of_call(&row), BudgetScope::day(row.created_at));
        for _ in 0..TRIES {
            let mut batch = WriteBatch::default();
            if row.charged_micro_usd > 0 {
                let amount = row.charged_micro_usd;
                batch.expect.push(Expect::Budget { scopes: scopes.clone(), day: day.clone(), amount });
            }
            batch.insert(row.clone());
            match self.s.store().write(std::sync::Arc::new(batch)).await {
                Ok(_) => return Ok(Claim::Mine),
                Err(e) if matches!(e.kind(), StoreErrorKind::Duplicate(_)) => return self.taken(&row, e).await,
                Err(e) if matches!(e.kind(), StoreErrorKind::Conflict { .. }) => {}
                Err(e) => return Err(e.into()),
            }
            let spending = self.s.store().ai_spending_of(&day, &scopes).await?;
            if let Some(full) = spending.into_iter().find(|s| !s.has_room(row.charged_micro_usd)) {
                return self.denied(row, full).await;
            }
        }
        Err(StoreError::new(StoreErrorKind::Conflict { expect: None }).into())
    }

    async fn denied(&self, mut row: AiLog, full: AiSpending) -> Result<Claim, Error> {
        row.status = AiLogStatus::Denied;
        row.error_kind = Some(crate::ai::ProviderErrorKind::BudgetDenied.as_str().to_owned());
        row.charged_micro_usd = 0;
        row.completed_at = Some(row.created_at);
        let mut batch = WriteBatch::default();
        batch.insert(row.clone());
        match self.s.store().write(std::sync::Arc::new(batch)).await {
            Ok(_) => Ok(Claim::Denied(Box::new(full))),
            Err(e) if matches!(e.kind(), StoreErrorKind::Duplicate(_)) => self.taken(&row, e).await,
            Err(e) => Err(e.into()),
        }
    }

    async fn taken(&self, row: &AiLog, error: StoreError) -> Result<Claim, Error> {
        let rows = self.s.store().ai_operation(row.operation_id).await?;
        match rows.into_iter().max_by_key(|r| r.attempt) {
            Some(last) if last.attempt >= row.attempt => Ok(Claim::Taken(Box::new(last))),
            _ => Err(error.into()),
        }
    }

    /// Writes how an attempt ended, in a transaction of its own. Only a row that is still as expected
    /// is changed: whoever came first stands. Whether this call did.
    ///
    /// What was set aside for it counts as spent; see [`AiRecord::settle`].
    ///
    /// # Errors
    /// Denied to all but the system; when the store fails.
    pub async fn finish(&self, row: AiLog, expected: AiLogStatus) -> Result<bool, Error> {
        let reserved = row.charged_micro_usd;
        self.settle(row, expected, reserved).await
    }

    /// The same for a row of which `reserved` was set aside: in the same transaction that is given back, and
    /// what the row charges now is spent instead.
    ///
    /// # Errors
    /// Denied to all but the system; when the store fails.
    pub async fn settle(&self, row: AiLog, expected: AiLogStatus, reserved: i64) -> Result<bool, Error> {
        self.only_system()?;
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Log { id: row.id, status: expected });
        if expected == AiLogStatus::Pending && row.status != AiLogStatus::Pending {
            batch.changes.extend(settled(&row, reserved));
        }
        batch.put(row);
        match self.s.store().write(std::sync::Arc::new(batch)).await {
            Ok(_) => Ok(true),
            Err(e) if matches!(e.kind(), StoreErrorKind::Conflict { .. }) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Drops a valid answer that nobody wants; it can no longer be applied. Whether this call did.
    ///
    /// # Errors
    /// Denied to all but who asked for it, admins and the system.
    pub async fn drop_answer(&self, id: AiLogId) -> Result<bool, Error> {
        let row = self.log(id).await?;
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Log { id: row.id, status: AiLogStatus::Valid });
        let at = self.s.lms.now();
        batch.changes.push(Change::FlipLog { id, from: AiLogStatus::Valid, to: AiLogStatus::Dropped, at });
        match self.s.store().write(std::sync::Arc::new(batch)).await {
            Ok(_) => Ok(true),
            Err(e) if matches!(e.kind(), StoreErrorKind::Conflict { .. }) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// One row: to admins, the system, the course's instructors, and who asked.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn log(&self, id: AiLogId) -> Result<AiLog, Error> {
        let row = self.s.store().ai_log(id).await?.ok_or_else(|| Error::not_found(SubjectType::AiLog, id))?;
        if row.actor_id.is_some() && row.actor_id == self.s.rights_of() {
            return Ok(row);
        }
        self.allow(row.course_id).await.map_err(|_| Error::not_found(SubjectType::AiLog, id))?;
        Ok(row)
    }

    /// All attempts of an operation, by number; see [`AiRecord::log`].
    ///
    /// # Errors
    /// NotFound where there is none, and to those who may not read them.
    pub async fn operation(&self, operation: Uuid) -> Result<Vec<AiLog>, Error> {
        let rows = self.s.store().ai_operation(operation).await?;
        let Some(first) = rows.first() else { return Err(Error::not_found(SubjectType::AiLog, operation)) };
        if first.actor_id.is_none() || first.actor_id != self.s.rights_of() {
            self.allow(first.course_id).await.map_err(|_| Error::not_found(SubjectType::AiLog, operation))?;
        }
        Ok(rows)
    }

    /// Rows without their texts, which [`AiRecord::log`] gives: of a course to its instructors, all to admins
    /// and the system.
    ///
    /// # Errors
    /// Denied to everybody else.
    pub async fn logs(&self, filter: AiLogFilter, page: ById) -> Result<Vec<AiLog>, Error> {
        self.allow(filter.course).await?;
        Ok(self.s.store().ai_logs(&AiLogFilter { without_texts: true, ..filter }, page).await?)
    }

    /// What the calls of each day (UTC) and task came to: of a course to its instructors, all to admins and the
    /// system.
    ///
    /// # Errors
    /// Denied to everybody else.
    pub async fn costs(&self, filter: AiLogFilter) -> Result<Vec<AiCost>, Error> {
        self.allow(filter.course).await?;
        Ok(self.s.store().ai_costs(&filter).await?)
    }

    /// Marks pending rows as abandoned whose callers are gone: their `given_up_at` is over. How many.
    ///
    /// What was set aside for them counts as spent: a call whose caller died may have been paid for, and a
    /// budget is never passed.
    ///
    /// # Errors
    /// Denied to all but the system.
    pub async fn sweep(&self) -> Result<usize, Error> {
        self.only_system()?;
        let now = self.s.lms.now();
        let mut swept = 0;
        for mut row in self.s.store().stale_ai_logs(now, BATCH).await? {
            row.status = AiLogStatus::Abandoned;
            row.completed_at = Some(now);
            if self.finish(row, AiLogStatus::Pending).await? {
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// Blanks prompts and answers whose time is over (`expires_at`). The rows stay, with their numbers and
    /// hashes; an answer that was never applied is dropped by it. How many.
    ///
    /// # Errors
    /// Denied to all but the system.
    pub async fn blank_expired(&self) -> Result<usize, Error> {
        self.only_system()?;
        let ids = self.s.store().expired_ai_logs(self.s.lms.now(), BATCH).await?;
        let count = ids.len();
        if count > 0 {
            let mut batch = WriteBatch::default();
            batch.changes.push(Change::BlankLogs { ids });
            self.s.store().write(std::sync::Arc::new(batch)).await?;
        }
        Ok(count)
    }

    fn only_system(&self) -> Result<(), Error> {
        if self.s.rights_of().is_some() { Err(Error::Denied { action: Action::ReadAiLogs }) } else { Ok(()) }
    }

    async fn allow(&self, course: Option<CourseId>) -> Result<(), Error> {
        let Some(me) = self.s.rights_of() else { return Ok(()) };
        let rights = match course {
            Some(course) => match self.s.store().course(Some(me), course, None).await? {
                Some(context) => {
                    Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref())
                }
                None => Rights::default(),
            },
            None => {
                let person = self.s.store().person(Some(me), crate::store::PersonKey::Id(me)).await?;
                let mut rights = Rights::of(&self.s.actor, person.actor.as_ref(), None, None);
                rights.staff = None;
                rights
            }
        };
        if rights.may(Action::ReadAiLogs) { Ok(()) } else { Err(Error::Denied { action: Action::ReadAiLogs }) }
    }
}

/// Gives back what was set aside for a row, and counts what it charges; nothing where nothing was.
pub(super) fn settled(row: &AiLog, reserved: i64) -> Option<Change> {
    (reserved > 0 || row.charged_micro_usd > 0).then(|| Change::SettleBudget {
        scopes: BudgetScope::of_call(row),
        day: BudgetScope::day(row.created_at),
        reserved,
        spent: row.charged_micro_usd,
    })
}
