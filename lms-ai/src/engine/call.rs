//! One operation: attempts, retries, repairs, and what the log says of each.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use lms_core::ai::{AiResponse, ProviderError, ProviderErrorKind, Retry, Trust, Usage};
use lms_core::lms::{AiOrigin, Claim, Session};
use lms_core::model::{AiLog, AiLogStatus, BudgetScope};
use tokio::time::Instant;

use super::asking::{Asking, Next, charged, meta};
use super::judge::{Judge, Outcome, repair};
use super::row::{self, Heading, Redaction, sha256};
use super::standing::{Past, Standing, reasons};
use super::{About, Accepted, Ai, AiError, Stage};
use crate::provider::PANICKED;
use crate::{AiTask, Limits, Prompt, schema};

/// The longest prompt that the log keeps, in bytes.
pub(crate) const MAX_PROMPT: usize = 256 * 1024;
/// Of so many calls of earlier runs one counts, where they may have failed by no fault of the operation.
const LENIENCE: u32 = 8;
/// So long after its deadline an operation is another caller's to take over.
const SPARE: Duration = Duration::from_secs(60);
/// Less time than this is left for no attempt.
const SHORTEST: Duration = Duration::from_millis(500);

impl Ai {
    /// Gets an answer of a task that passes every check, or says why there is none. Every attempt on
    /// the wire has its row in ai_logs before it is sent, and what it may cost set aside; nothing else is
    /// written.
    ///
    /// The same operation id twice, or many times at once, is asked and paid once (I3).
    ///
    /// # Errors
    /// What kept the answer from counting; see [`AiError`].
    #[tracing::instrument(name = "ai.run", skip_all, fields(kind = T::KIND))]
    pub async fn run<T: AiTask>(
        &self,
        session: &Session,
        input: &T::In,
        about: About,
    ) -> Result<Accepted<T::Out>, AiError> {
        let (mut run, prompt, limits) = self.begin::<T>(session, input, about)?;
        match run.stand::<T>(input).await? {
            Standing::Answer(accepted) => Ok(*accepted),
            Standing::Next(past) => {
                run.past = past;
                run.attempts::<T>(input, prompt, limits.max_tokens).await
            }
        }
    }

    /// What every operation begins with: its input is sound, and its prompt fits.
    pub(super) fn begin<'a, T: AiTask>(
        &'a self,
        session: &Session,
        input: &T::In,
        about: About,
    ) -> Result<(Run<'a>, Prompt, Limits), AiError> {
        T::check_input(input)?;
        let prompt = T::render(input);
        let limits = T::limits(input);
        let (bytes, max) = (prompt.bytes(), limits.input_bytes.min(MAX_PROMPT));
        if bytes > max {
            return Err(AiError::InputTooLarge { bytes, max });
        }
        let run = self.prepare::<T>(session, input, &prompt, about);
        Ok((run, prompt, limits))
    }

    fn prepare<T: AiTask>(&self, session: &Session, input: &T::In, prompt: &Prompt, about: About) -> Run<'_> {
        let canonical = schema::canonical::<T::Out>();
        let wire = schema::portable(&canonical);
        let input_sha = sha256(serde_json::to_vec(input).unwrap_or_default().as_slice());
        // The text of a student is kept once, where it stands already.
        let foreign = prompt.parts.iter().any(|part| part.trust == Trust::Untrusted) && T::is_kept_elsewhere(input);
        let usual = if foreign { Redaction::Redacted } else { Redaction::Full };
        let heading = Heading {
            operation_id: about.operation_id.unwrap_or_else(|| self.lms.ids().uuid(self.lms.now())),
            kind: T::KIND,
            prompt_version: T::PROMPT_VERSION,
            provider: self.provider.name().to_owned(),
            input_sha256: sha256(input_sha + &row::prompt_hash(prompt)),
            schema_sha256: sha256(wire.to_string()),
            about,
            actor: session.actor().rights_of(),
            redaction: self.config.redaction.get(T::KIND).copied().unwrap_or(usual),
            keep_days: self.config.keep_days,
        };
        let (judge, started) = (Judge { canonical, wire }, Instant::now());
        Run { ai: self, heading, judge, wanted: 1, started, past: Past::default() }
    }
}

pub(super) struct Run<'a> {
    pub(super) ai: &'a Ai,
    pub(super) heading: Heading,
    pub(super) judge: Judge,
    /// How many answers that count are wanted.
    pub(super) wanted: usize,
    started: Instant,
    pub(super) past: Past,
}

/// A call that was let through.
struct Claimed {
    row: AiLog,
    /// What was set aside for it.
    reserved: i64,
}

impl Run<'_> {
    pub(super) fn left(&self) -> Duration {
        self.ai.config.operation_deadline.saturating_sub(self.started.elapsed())
    }

    pub(super) async fn attempts<T: AiTask>(
        &mut self,
        input: &T::In,
        original: Prompt,
        max_tokens: u32,
    ) -> Result<Accepted<T::Out>, AiError> {
        let config = self.ai.config.clone();
        let mut asking = Asking::new(self.ai, original.clone(), max_tokens);
        let (mut usage, mut cost) = (Usage::default(), 0_u64);
        loop {
            // A model that has refused is never asked the same again, in no run.
            if let Some(category) = self.past.refused.get(&asking.model) {
                let category = category.clone();
                if !asking.fall_back(self.ai) {
                    return Err(AiError::Refused { category });
                }
                continue;
            }
            // Earlier runs count: an operation that always fails is not paid for ever.
            let calls = self.past.calls;
            let counted = if self.ai.lenient { calls / LENIENCE } else { calls };
            let most = config.max_calls.saturating_mul(u32::try_from(self.wanted).unwrap_or(u32::MAX));
            if asking.calls >= config.max_calls || counted >= most {
                return Err(AiError::CallsUsedUp { calls: calls.max(asking.calls) });
            }
            if self.left() < SHORTEST.min(config.attempt_deadline) {
                return Err(AiError::Deadline);
            }
            let attempt = self.past.next;
            // The row comes first: if it cannot be written, nothing is sent.
            let Some(Claimed { mut row, reserved }) = self.claim(&asking).await? else {
                match self.stand::<T>(input).await? {
                    Standing::Answer(accepted) => return Ok(*accepted),
                    Standing::Next(past) => self.past = past,
                }
                continue;
            };
            asking.calls += 1;
            self.ai.at(Stage::Asking { call: asking.calls });
            let answer = self.ask(&asking, T::PROMPT_VERSION, attempt).await;
            row.completed_at = Some(self.ai.lms.now());
            let response = match answer {
                Ok(response) => response,
                Err(error) => {
                    row::failed(&mut row, &error);
                    row.charged_micro_usd = if row::was_sent(&row) { reserved } else { 0 };
                    self.end(row, reserved).await?;
                    match asking.after(&error, self.ai) {
                        Next::Again(pause) if pause < self.left() => tokio::time::sleep(pause).await,
                        _ => return Err(error.into()),
                    }
                    continue;
                }
            };
            asking.answered();
            self.ai.at(Stage::Checking);
            let spent = asking.profile.price.cost(&response.usage);
            cost = cost.saturating_add(spent);
            add(&mut usage, &response.usage);
            let outcome = asking.last_word(self.judge.outcome::<T>(input, &response), &config);
            row::answered(&mut row, &response, spent, &outcome);
            row.charged_micro_usd = charged(&response.usage, spent, reserved);
            let log_id = row.id;
            self.end(row, reserved).await?;
            match outcome {
                Outcome::Good(judged) => {
                    let (fallback, served) = (asking.is_fallback(), &response.model);
                    return Ok(Accepted {
                        reasons: reasons::<T>(input, &judged.value, fallback, &asking.model, served),
                        value: judged.value,
                        origin: AiOrigin { log_id, operation_id: self.heading.operation_id },
                        model: asking.model,
                        usage,
                        cost_micro_usd: cost,
                        calls: asking.calls,
                    });
                }
                Outcome::Ends(error) => return Err(error),
                Outcome::Refused(category) => {
                    self.past.refused.insert(asking.model.clone(), category);
                }
                Outcome::Cut => {
                    if !asking.widen() {
                        return Err(AiError::Truncated);
                    }
                }
                Outcome::Bad(rejected) => {
                    let violations = rejected.violations;
                    if asking.is_beyond_repair(&violations, &config) {
                        return Err(AiError::Invalid { violations });
                    }
                    asking.repairs += 1;
                    self.ai.at(Stage::Repairing { n: asking.repairs });
                    asking.prompt = repair(&original, &response.text, &violations);
                    asking.before = Some(violations);
                }
            }
        }
    }

    /// Writes the row of the next attempt, and sets aside what it may cost; `None` where another caller has
    /// the attempt.
    async fn claim(&self, asking: &Asking) -> Result<Option<Claimed>, AiError> {
        let reserved = asking.worst_case(&self.judge.wire);
        let attempt = self.past.next;
        let (prompt, notes) = (asking.sent(&self.judge.wire), &asking.notes);
        let mut row = row::pending(&self.ai.lms, &self.heading, attempt, &asking.model, &prompt, notes, reserved);
        row.given_up_at = row.created_at.plus_micros(self.given_up_after());
        let full = self.full(&row, reserved).await?;
        if let Some(scope) = full.clone().filter(|_| self.past.denied) {
            // The log says so already.
            return Err(AiError::BudgetDenied { scope, needed: reserved });
        }
        if full.as_deref() == Some(OPERATION_BUDGET) {
            row.status = AiLogStatus::Denied;
            row.error_kind = Some(ProviderErrorKind::BudgetDenied.as_str().to_owned());
            (row.charged_micro_usd, row.completed_at) = (0, Some(row.created_at));
        }
        match self.ai.lms.system().ai_log().claim(row.clone()).await? {
            Claim::Taken(_) => Ok(None),
            Claim::Denied(spending) => Err(AiError::BudgetDenied { scope: spending.scope.key(), needed: reserved }),
            Claim::Mine if row.status == AiLogStatus::Denied => {
                Err(AiError::BudgetDenied { scope: OPERATION_BUDGET.to_owned(), needed: reserved })
            }
            Claim::Mine => Ok(Some(Claimed { row, reserved })),
        }
    }

    /// The budget that has no room for an amount, as far as that can be told before it is set aside.
    async fn full(&self, row: &AiLog, amount: i64) -> Result<Option<String>, AiError> {
        let limit = self.ai.config.operation_limit_micro_usd;
        let after = u64::try_from(self.past.charged.saturating_add(amount)).unwrap_or(0);
        if limit.is_some_and(|limit| after > limit) {
            return Ok(Some(OPERATION_BUDGET.to_owned()));
        }
        if !self.past.denied {
            return Ok(None);
        }
        let (day, scopes) = (BudgetScope::day(row.created_at), BudgetScope::of_call(row));
        let spending = self.ai.lms.store().ai_spending_of(&day, &scopes).await.map_err(lms_core::Error::from)?;
        Ok(spending.iter().find(|s| !s.has_room(amount)).map(|s| s.scope.key()))
    }

    /// In so many microseconds nobody is at this operation any more, with some time to spare.
    fn given_up_after(&self) -> i64 {
        i64::try_from(self.left().saturating_add(SPARE).as_micros()).unwrap_or(i64::MAX)
    }

    async fn ask(&self, asking: &Asking, name: &str, attempt: u32) -> Result<AiResponse, ProviderError> {
        let deadline = asking.deadline(&self.ai.config, self.left());
        let actor = self.heading.actor.map(|id| id.uuid());
        let meta = meta(self.ai, self.heading.operation_id, attempt, self.heading.kind, actor);
        let request = asking.request(name, &self.judge.wire, deadline, meta);
        // The host's own code: what it leaves broken by a panic is its own, and nothing of ours is held meanwhile.
        let answer = AssertUnwindSafe(async { self.ai.provider.complete(&request).await }).catch_unwind();
        match tokio::time::timeout(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                tracing::error!(provider = self.heading.provider, "{PANICKED}");
                let error = ProviderError::new(ProviderErrorKind::Protocol, Retry::Now);
                Err(ProviderError { excerpt: PANICKED.to_owned(), ..error })
            }
            Err(_) => Err(ProviderError::new(ProviderErrorKind::Timeout, Retry::Now)),
        }
    }

    /// Writes how an attempt ended.
    async fn end(&mut self, row: AiLog, reserved: i64) -> Result<(), AiError> {
        self.past.next = self.past.next.saturating_add(1);
        self.past.charged = self.past.charged.saturating_add(row.charged_micro_usd);
        self.past.denied = false;
        if row::was_sent(&row) {
            self.past.calls = self.past.calls.saturating_add(1);
        }
        row::finish(&self.ai.lms, row, reserved).await
    }
}

/// The scope of a budget that is the operation's own.
pub(crate) const OPERATION_BUDGET: &str = "operation";

/// Providers count the tokens, and may count nonsense: a sum never wraps.
fn add(sum: &mut Usage, one: &Usage) {
    sum.input = sum.input.saturating_add(one.input);
    sum.output = sum.output.saturating_add(one.output);
    sum.cache_read = sum.cache_read.saturating_add(one.cache_read);
    sum.cache_write = sum.cache_write.saturating_add(one.cache_write);
    sum.thinking = sum.thinking.saturating_add(one.thinking);
}
