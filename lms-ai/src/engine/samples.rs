//! Several answers to the same question, under one operation: each a row of the log.

use lms_core::lms::Session;

use super::standing::{Standing, counting};
use super::{About, Accepted, Ai, AiError, OPERATION_BUDGET};
use crate::AiTask;

/// The answers that count, by attempt.
pub(crate) struct Samples<T> {
    /// At least one; one alone where it was written already.
    pub(crate) answers: Vec<Accepted<T>>,
    /// Whether there are fewer than were wanted, and will be no more.
    pub(crate) are_fewer: bool,
}

impl Ai {
    /// As [`Ai::run`], with several answers. Those that were paid for count, also where another process asked; an
    /// operation that cannot bring more gives those that are there.
    ///
    /// # Errors
    /// As [`Ai::run`]. What may pass, as a provider that is gone or the budget of a day, is an error also where there
    /// are answers already: they are not paid again.
    pub(crate) async fn run_samples<T: AiTask>(
        &self,
        session: &Session,
        input: &T::In,
        about: About,
        wanted: usize,
    ) -> Result<Samples<T::Out>, AiError> {
        let wanted = wanted.max(1);
        let (mut run, prompt, limits) = self.begin::<T>(session, input, about)?;
        run.wanted = wanted;
        let mut are_fewer = false;
        match run.stand::<T>(input).await? {
            // Of one answer everything is known already.
            Standing::Answer(accepted) if wanted == 1 => return Ok(Samples { answers: vec![*accepted], are_fewer }),
            Standing::Answer(_) => {}
            Standing::Next(past) => {
                run.past = past;
                loop {
                    match run.attempts::<T>(input, prompt.clone(), limits.max_tokens).await {
                        Ok(accepted) if wanted == 1 => return Ok(Samples { answers: vec![accepted], are_fewer }),
                        Ok(_) => {}
                        Err(error)
                            if is_final(&error) && !self.found(&run.heading.operation_id, 1).await?.is_empty() =>
                        {
                            are_fewer = true;
                            break;
                        }
                        Err(error) => return Err(error),
                    }
                    if !self.found(&run.heading.operation_id, wanted).await?.is_empty() {
                        break;
                    }
                    // One that could only run out of time is not paid for: what there is counts in the next run.
                    if run.left() < self.config.attempt_deadline {
                        return Err(AiError::Deadline);
                    }
                }
            }
        }
        let rows = self.found(&run.heading.operation_id, 1).await?;
        let answers = rows.iter().map(|row| run.stored::<T>(input, row)).collect::<Result<Vec<_>, _>>()?;
        Ok(Samples { answers, are_fewer })
    }

    /// The rows that count, where there are as many as wanted.
    async fn found(&self, operation: &uuid::Uuid, wanted: usize) -> Result<Vec<lms_core::model::AiLog>, AiError> {
        let rows = self.lms.store().ai_operation(*operation).await.map_err(lms_core::Error::from)?;
        Ok(counting(&rows, wanted).into_iter().cloned().collect())
    }
}

/// Whether asking again later would meet the same.
fn is_final(error: &AiError) -> bool {
    match error {
        AiError::BudgetDenied { scope, .. } => scope == OPERATION_BUDGET,
        AiError::Refused { .. }
        | AiError::Truncated
        | AiError::Stopped { .. }
        | AiError::Invalid { .. }
        | AiError::CallsUsedUp { .. } => true,
        _ => false,
    }
}
