//! Where an operation stands: who is at it, and what it has come to already (I3).

use std::collections::BTreeMap;
use std::time::Duration;

use lms_core::ai::{ProviderErrorKind, Usage};
use lms_core::lms::AiOrigin;
use lms_core::model::{AiLog, AiLogStatus};
use uuid::Uuid;

use super::asking::{FALLBACK_MODEL, is_other_model};
use super::call::Run;
use super::judge::{Judge, Rejected};
use super::row::was_sent;
use super::{Accepted, Ai, AiError};
use crate::{AiTask, ReviewReason, schema};

/// How long a failed operation of another caller may still be on its way to its next attempt.
const QUIET: Duration = Duration::from_secs(10);

/// Where an operation stands before this caller's attempt.
pub(super) enum Standing<T> {
    /// An answer is there already.
    Answer(Box<Accepted<T>>),
    /// The next attempt has this number.
    Next(Past),
}

/// What an operation has behind it.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    /// The number of the next attempt, from 1.
    pub(super) next: u32,
    /// What its attempts were charged.
    pub(super) charged: i64,
    /// The calls that may have been paid for, since an answer was last dropped.
    pub(super) calls: u32,
    /// The models that have refused, each with its word for why: none of them is asked again.
    pub(super) refused: BTreeMap<String, Option<String>>,
    /// A budget denied the last one.
    pub(super) denied: bool,
}

impl Past {
    fn of(rows: &[AiLog], next: u32) -> Self {
        let last = rows.iter().max_by_key(|row| row.attempt);
        let budget = ProviderErrorKind::BudgetDenied.as_str();
        let since: Vec<&AiLog> = since_dropped(rows).collect();
        let refused = since.iter().filter(|row| row.status == AiLogStatus::Refused);
        Self {
            next,
            calls: u32::try_from(since.iter().filter(|row| was_sent(row)).count()).unwrap_or(u32::MAX),
            refused: refused.map(|row| (row.model_requested.clone(), why_refused(row))).collect(),
            charged: rows.iter().fold(0, |sum, row| row.charged_micro_usd.saturating_add(sum)),
            denied: last
                .is_some_and(|row| row.status == AiLogStatus::Denied && row.error_kind.as_deref() == Some(budget)),
        }
    }
}

/// How a note begins that keeps why a model refused.
pub(super) const REFUSED: &str = "refused:";

fn why_refused(row: &AiLog) -> Option<String> {
    let notes: Vec<String> = row.notes.read().unwrap_or_default();
    notes.iter().find_map(|note| note.strip_prefix(REFUSED)).map(str::to_owned)
}

impl Ai {
    /// Whether an attempt at the operation is on its way, as far as the log tells.
    pub(crate) async fn is_under_way(&self, operation: Uuid) -> Result<bool, lms_core::Error> {
        let rows = self.lms.store().ai_operation(operation).await?;
        let last = rows.iter().max_by_key(|row| row.attempt);
        Ok(last.is_some_and(|row| row.status == AiLogStatus::Pending && self.lms.now() <= row.given_up_at))
    }
}

impl Ai {
    /// Whether an operation has no call left because its provider failed, not for what it was answered, here and in
    /// the operations before it that asked the same.
    pub(crate) fn is_worn_out(&self, rows: &[AiLog], answered: u32) -> bool {
        let most = self.config.max_calls;
        Past::of(rows, 0).calls >= most && answered < most
    }
}

/// How often an operation was answered, since somebody last dropped an answer.
pub(crate) fn answers(rows: &[AiLog]) -> u32 {
    let answered = since_dropped(rows).filter(|row| row.response_sha256.is_some()).count();
    u32::try_from(answered).unwrap_or(u32::MAX)
}

/// Whoever drops an answer wants another one: calls count from there.
fn since_dropped(rows: &[AiLog]) -> impl Iterator<Item = &AiLog> {
    let dropped = rows.iter().filter(|row| row.status == AiLogStatus::Dropped).map(|row| row.attempt).max();
    rows.iter().filter(move |row| dropped.is_none_or(|at| row.attempt > at))
}

impl Run<'_> {
    /// Looks at what the log has of the operation, and waits while another caller is at it. Whoever has
    /// waited for an attempt that failed in the end does not pay for another: of many callers at once
    /// one asks, and the others hear that it is in progress (I3).
    pub(super) async fn stand<T: AiTask>(&self, input: &T::In) -> Result<Standing<T::Out>, AiError> {
        if self.heading.about.operation_id.is_none() {
            return Ok(Standing::Next(Past { next: 1, ..Past::default() }));
        }
        let mut pause = Duration::from_millis(20);
        let mut waited = false;
        loop {
            let rows = self.ai.lms.store().ai_operation(self.heading.operation_id).await;
            let rows = rows.map_err(lms_core::Error::from)?;
            let now = self.ai.lms.now().as_micros();
            let age = |at: i64| Duration::from_micros(u64::try_from(now.saturating_sub(at)).unwrap_or(0));
            let is_given_up = |row: &AiLog| self.ai.lms.now() > row.given_up_at;
            let is_other = |row: &&AiLog| row.input_sha256 != self.heading.input_sha256;
            let is_held = |row: &AiLog| row.kind != self.heading.kind || holds_input(row, is_given_up(row));
            if rows.iter().filter(is_other).any(is_held) {
                return Err(AiError::OtherInput);
            }
            if let Some(row) = counting(&rows, self.wanted).first() {
                return Ok(Standing::Answer(Box::new(self.stored::<T>(input, row)?)));
            }
            let next =
                |last: &AiLog| Past::of(&rows, u32::try_from(last.attempt).unwrap_or(u32::MAX).saturating_add(1));
            let Some(last) = rows.iter().max_by_key(|row| row.attempt) else {
                return Ok(Standing::Next(Past { next: 1, ..Past::default() }));
            };
            match last.status {
                // Nobody is at what was dropped, not let through, or given up.
                AiLogStatus::Dropped | AiLogStatus::Denied | AiLogStatus::Abandoned => {
                    return Ok(Standing::Next(next(last)));
                }
                AiLogStatus::Pending if is_given_up(last) => {
                    let mut row = last.clone();
                    row.status = AiLogStatus::Abandoned;
                    row.completed_at = Some(self.ai.lms.now());
                    self.ai.lms.system().ai_log().finish(row, AiLogStatus::Pending).await?;
                    return Ok(Standing::Next(next(last)));
                }
                AiLogStatus::Pending => waited = true,
                _ if last.completed_at.is_none_or(|at| age(at.as_micros()) > QUIET) => {
                    return if waited { Err(AiError::InProgress) } else { Ok(Standing::Next(next(last))) };
                }
                _ => {}
            }
            if self.left().is_zero() {
                return Err(AiError::InProgress);
            }
            tokio::time::sleep(pause.min(self.left())).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// The stored answer of an operation: no call is made.
    pub(super) fn stored<T: AiTask>(&self, input: &T::In, row: &AiLog) -> Result<Accepted<T::Out>, AiError> {
        stored::<T>(&self.judge, input, row)
    }
}

impl Ai {
    /// The answer of a log row, judged again by the rules of now: no call is made.
    pub(crate) fn stored_answer<T: AiTask>(&self, input: &T::In, row: &AiLog) -> Result<Accepted<T::Out>, AiError> {
        let canonical = schema::canonical::<T::Out>();
        let wire = schema::portable(&canonical);
        stored::<T>(&Judge { canonical, wire }, input, row)
    }
}

/// The rows of answers that count, where there are as many as wanted: an answer that was written counts alone.
pub(super) fn counting(rows: &[AiLog], wanted: usize) -> Vec<&AiLog> {
    let written = |row: &&AiLog| matches!(row.status, AiLogStatus::Applied | AiLogStatus::Review);
    if let Some(row) = rows.iter().find(written) {
        return vec![row];
    }
    let mut valid: Vec<&AiLog> = rows.iter().filter(|row| row.status == AiLogStatus::Valid).collect();
    valid.sort_by_key(|row| row.attempt);
    if valid.len() < wanted { Vec::new() } else { valid }
}

/// Whether an attempt binds its operation to its input: it was answered, or may be yet (I3). What failed, or was not let
/// through, says nothing of the input, which may be mended before the next attempt.
const fn holds_input(row: &AiLog, is_given_up: bool) -> bool {
    match row.status {
        AiLogStatus::Denied | AiLogStatus::ProviderError | AiLogStatus::Timeout | AiLogStatus::Abandoned => false,
        AiLogStatus::Pending => !is_given_up,
        AiLogStatus::Valid
        | AiLogStatus::Invalid
        | AiLogStatus::Refused
        | AiLogStatus::Truncated
        | AiLogStatus::Applied
        | AiLogStatus::Review
        | AiLogStatus::Dropped => true,
    }
}

fn stored<T: AiTask>(judge: &Judge, input: &T::In, row: &AiLog) -> Result<Accepted<T::Out>, AiError> {
    let Some(text) = row.response_text.as_deref() else { return Err(AiError::AnswerGone) };
    let judged = match judge.judge::<T>(input, text) {
        Ok(judged) | Err(Rejected { tolerable: Some(judged), .. }) => judged,
        Err(Rejected { violations, .. }) => return Err(AiError::Invalid { violations }),
    };
    let notes: Vec<String> = row.notes.read().unwrap_or_default();
    let fallback = notes.iter().any(|note| note == FALLBACK_MODEL);
    let served = row.model_served.as_deref().unwrap_or(&row.model_requested);
    Ok(Accepted {
        reasons: reasons::<T>(input, &judged.value, fallback, &row.model_requested, served),
        value: judged.value,
        origin: AiOrigin { log_id: row.id, operation_id: row.operation_id },
        model: row.model_requested.clone(),
        usage: Usage::default(),
        cost_micro_usd: 0,
        calls: 0,
    })
}

/// Why a person must look: what the task says, and another model than the configured one, or than the one
/// that was asked.
pub(super) fn reasons<T: AiTask>(
    input: &T::In,
    value: &T::Out,
    fallback: bool,
    asked: &str,
    served: &str,
) -> Vec<ReviewReason> {
    let mut reasons = T::review(input, value);
    if fallback || is_other_model(asked, served) {
        reasons.push(ReviewReason::FallbackModel);
    }
    reasons
}
