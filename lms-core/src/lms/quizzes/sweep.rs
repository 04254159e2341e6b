//! Attempts whose time is up, finished by nobody in particular (A6).

use async_trait::async_trait;

use super::*;
use crate::lms::failing::{Round, is_store_away};
use crate::lms::turn::{Due, Moved, Step};
use crate::lms::{Lms, Session};
use crate::store::ById;

/// What became of a sweep (A6).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SweepReport {
    /// Attempts that were finished.
    pub done: u32,
    /// Attempts that somebody else finished first.
    pub skipped: u32,
    /// Attempts that could not be finished.
    pub failed: u32,
    /// The first of them, at most 100, with why.
    pub failures: Vec<SweepFailure>,
}

/// An attempt that a sweep could not finish, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SweepFailure {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// The code of the error.
    pub code: &'static str,
}

/// How many failures a report names.
const NAMED: usize = 100;
/// Overdue attempts per read.
const PAGE: u32 = 200;
/// How many attempts a round of the background tries.
const ROUND: usize = 200;

impl Quizzes<'_> {
    /// Finishes attempts whose deadline and grace are over, at most `limit` (1 to 1,000) of them (A6). Their
    /// finish time is the deadline; what follows for lesson and course happens now.
    ///
    /// Each attempt is tried once. One that cannot be finished, however often, keeps no other waiting: the sweep goes
    /// past it, and the report says which it was and why. Only a store that is away ends the sweep early.
    ///
    /// # Errors
    /// Denied to all but the system; when the store cannot be read.
    #[tracing::instrument(name = "lms.expire_due", skip_all, fields(course, outcome))]
    pub async fn expire_due(&self, limit: u32) -> Result<SweepReport, Error> {
        if !matches!(self.s.actor, Actor::System { .. }) {
            return Err(Error::Denied { action: Action::Learn });
        }
        let limit = limit.clamp(1, 1_000);
        let now = self.s.lms.now();
        let mut report = SweepReport::default();
        let mut page = ById { after: None, limit: PAGE };
        loop {
            let found = self.s.store().overdue_attempts(now, page).await?;
            for id in &found {
                if report.done >= limit {
                    return Ok(report);
                }
                match self.finish_overdue(*id).await {
                    Ok(true) => report.done += 1,
                    Ok(false) => report.skipped += 1,
                    Err(e) => {
                        let code = e.code();
                        tracing::warn!(attempt = %id, code, "an overdue attempt could not be finished");
                        report.failed += 1;
                        if report.failures.len() < NAMED {
                            report.failures.push(SweepFailure { attempt_id: *id, code });
                        }
                        if is_store_away(&e) {
                            return Ok(report);
                        }
                    }
                }
            }
            match found.last().filter(|_| found.len() >= PAGE as usize) {
                Some(last) => page.after = Some(last.uuid()),
                None => return Ok(report),
            }
        }
    }

    /// Finishes one; whether this call did, and not somebody else.
    async fn finish_overdue(&self, id: AttemptId) -> Result<bool, Error> {
        match self.finish(id, None).await {
            Err(Error::NotFound { .. }) => Ok(false),
            other => other,
        }
    }
}

/// The overdue attempts, as the background goes through them.
struct Overdue<'a> {
    host: &'a Session,
}

#[async_trait]
impl Due for Overdue<'_> {
    const WHAT: &'static str = "overdue_attempt";
    const PAGE: usize = PAGE as usize;
    type One = AttemptId;
    type Place = Uuid;

    async fn page(&self, after: Option<Uuid>) -> Result<Vec<AttemptId>, Error> {
        Ok(self.host.store().overdue_attempts(self.host.lms.now(), ById { after, limit: PAGE }).await?)
    }
    fn place(id: &AttemptId) -> Uuid {
        id.uuid()
    }
    fn id(id: &AttemptId) -> String {
        id.to_string()
    }
    async fn step(&self, id: &AttemptId) -> Result<Step, Error> {
        Ok(if self.host.quizzes().finish_overdue(*id).await? { Step::Done } else { Step::Gone })
    }
}

impl Lms {
    /// The overdue attempts' turn.
    pub(in crate::lms) async fn expiry_turn(&self, round: &mut Round<'_>) -> Result<Moved, Error> {
        let host = self.system();
        self.inner.expiry_turn.lock().await.go_around(&Overdue { host: &host }, ROUND, round).await
    }
}
