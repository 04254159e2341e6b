//! The record of AI calls: claimed before a call, finished after it, read by admins (I2, I3).

use uuid::Uuid;

use super::AiRecord;
use crate::error::Error;
use crate::model::*;
use crate::rules::permission::{Action, Rights};
use crate::store::{AiLogFilter, ById, Change, Expect, StoreErrorKind, WriteBatch};

/// What claiming an operation came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The attempt is this caller's: its row is written.
    Mine,
    /// Another attempt of the same operation stands; the last of them.
    Taken(Box<AiLog>),
}

impl AiRecord<'_> {
    /// Writes the row of an attempt before it is sent, in a transaction of its own. The insert is the
    /// claim: of any number of callers with the same operation and number, one gets it (I3).
    ///
    /// # Errors
    /// When the store fails: then nothing may be sent.
    pub async fn claim(&self, row: AiLog) -> Result<Claim, Error> {
        let (operation, attempt) = (row.operation_id, row.attempt);
        let mut batch = WriteBatch::default();
        batch.insert(row);
        match self.s.store().write(std::sync::Arc::new(batch)).await {
            Ok(_) => Ok(Claim::Mine),
            Err(e) if matches!(e.kind(), StoreErrorKind::Duplicate(_)) => {
                let rows = self.s.store().ai_operation(operation).await?;
                match rows.into_iter().max_by_key(|r| r.attempt) {
                    Some(row) if row.attempt >= attempt => Ok(Claim::Taken(Box::new(row))),
                    _ => Err(e.into()),
                }
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Writes how an attempt ended, in a transaction of its own. Only a row that is still as expected
    /// is changed: whoever came first stands. Whether this call did.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finish(&self, row: AiLog, expected: AiLogStatus) -> Result<bool, Error> {
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Log { id: row.id, status: expected });
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

    /// Rows by id: of a course to its instructors, all to admins and the system.
    ///
    /// # Errors
    /// Denied to everybody else.
    pub async fn logs(&self, filter: AiLogFilter, page: ById) -> Result<Vec<AiLog>, Error> {
        self.allow(filter.course).await?;
        Ok(self.s.store().ai_logs(&filter, page).await?)
    }

    /// Marks pending rows older than `seconds` as abandoned: their callers are gone. How many.
    ///
    /// # Errors
    /// Denied to all but the system.
    pub async fn sweep(&self, seconds: i64) -> Result<usize, Error> {
        if self.s.rights_of().is_some() {
            return Err(Error::Denied { action: Action::ReadAiLogs });
        }
        let now = self.s.lms.now();
        let mut swept = 0;
        for mut row in self.s.store().stale_ai_logs(now.plus_seconds(-seconds), 200).await? {
            row.status = AiLogStatus::Abandoned;
            row.completed_at = Some(now);
            if self.finish(row, AiLogStatus::Pending).await? {
                swept += 1;
            }
        }
        Ok(swept)
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
