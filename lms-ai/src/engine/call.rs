//! One operation: attempts, retries, repairs, and what the log says of each.

use std::time::Duration;

use lms_core::ai::{
    AiRequest, AiResponse, CallMeta, OutputSchema, Part, ProviderError, ProviderErrorKind, Retry, Stop, Trust, Usage,
};
use lms_core::lms::{AiOrigin, Claim, Session};
use lms_core::model::table::Json;
use lms_core::model::{AiLog, AiLogStatus};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::estimate::answer_tokens;
use super::row::{pending, sha256};
use super::{About, Accepted, Ai, AiError, Stage};
use crate::reader::{MAX_ANSWER, fold_enum_case, read};
use crate::{AiTask, Prompt, ReviewReason, Violation, schema};

/// The longest prompt that the log keeps, in bytes.
pub(crate) const MAX_PROMPT: usize = 256 * 1024;
/// How much of a bad answer goes into the repair.
const MAX_QUOTED: usize = 16 * 1024;
/// Violations shown to the model and kept in the log.
const MAX_VIOLATIONS: usize = 20;
/// How long a failed operation of another caller may still be on its way to its next attempt.
const QUIET: Duration = Duration::from_secs(10);

/// What one attempt came to.
enum Outcome<T> {
    Good(T),
    Bad(Vec<Violation>),
    Cut,
    Ends(AiError),
}

#[derive(Serialize)]
struct Coded<'a> {
    code: &'a str,
    pointer: &'a str,
}

impl Ai {
    /// Gets an answer of a task that passes every check, or says why there is none. Every attempt on
    /// the wire has its row in ai_logs before it is sent; nothing else is written.
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
        let prompt = T::render(input);
        let limits = T::limits(input);
        let bytes = prompt.system.len() + prompt.parts.iter().map(|p| p.text.len()).sum::<usize>();
        let max = limits.input_bytes.min(MAX_PROMPT);
        if bytes > max {
            return Err(AiError::InputTooLarge { bytes, max });
        }
        let canonical = schema::canonical::<T::Out>();
        let wire = schema::portable(&canonical);
        let schema_sha = sha256(wire.to_string());
        let input_sha = sha256(serde_json::to_vec(input).unwrap_or_default().as_slice())
            .chars()
            .chain(super::row::prompt_hash(&prompt).chars())
            .collect::<String>();
        let input_sha = sha256(input_sha);
        let operation = about.operation_id.unwrap_or_else(|| self.lms.ids().uuid(self.lms.now()));
        let started = Instant::now();
        let mut run = Run { ai: self, session, about, operation, canonical, wire, schema_sha, input_sha, started };
        let first = match run.stand::<T>(input).await? {
            Standing::Answer(accepted) => return Ok(*accepted),
            Standing::Next(attempt) => attempt,
        };
        run.attempts::<T>(input, prompt, first, limits.max_tokens).await
    }
}

impl Ai {
    /// After this an attempt without an end counts as abandoned: nobody can be at it any more.
    fn given_up_after(&self) -> Duration {
        self.config.operation_deadline + Duration::from_secs(60)
    }

    /// Whether an attempt at the operation is on its way, as far as the log tells.
    pub(crate) async fn is_under_way(&self, operation: Uuid) -> Result<bool, lms_core::Error> {
        let rows = self.lms.store().ai_operation(operation).await?;
        let now = self.lms.now().as_micros();
        Ok(rows.iter().max_by_key(|row| row.attempt).is_some_and(|row| {
            let age = u64::try_from(now.saturating_sub(row.created_at.as_micros())).unwrap_or(0);
            row.status == AiLogStatus::Pending && Duration::from_micros(age) <= self.given_up_after()
        }))
    }
}

impl Ai {
    /// The answer of a log row, judged again by the rules of now: no call is made.
    pub(crate) fn stored_answer<T: AiTask>(&self, input: &T::In, row: &AiLog) -> Result<Accepted<T::Out>, AiError> {
        let canonical = schema::canonical::<T::Out>();
        let session = self.lms.system();
        let run = Run {
            ai: self,
            session: &session,
            about: About::default(),
            operation: row.operation_id,
            wire: schema::portable(&canonical),
            canonical,
            schema_sha: String::new(),
            input_sha: String::new(),
            started: Instant::now(),
        };
        match run.stored::<T>(input, row)? {
            Standing::Answer(accepted) => Ok(*accepted),
            Standing::Next(_) => Err(AiError::NoProposal),
        }
    }
}

/// Where an operation stands before this caller's attempt.
enum Standing<T> {
    /// An answer is there already.
    Answer(Box<Accepted<T>>),
    /// The next attempt has this number.
    Next(u32),
}

struct Run<'a> {
    ai: &'a Ai,
    session: &'a Session,
    about: About,
    operation: Uuid,
    canonical: Value,
    wire: Value,
    schema_sha: String,
    input_sha: String,
    started: Instant,
}

impl Run<'_> {
    fn left(&self) -> Duration {
        self.ai.config.operation_deadline.saturating_sub(self.started.elapsed())
    }

    /// Looks at what the log has of the operation, and waits while another caller is at it. Whoever has
    /// waited for an attempt that failed in the end does not pay for another: of many callers at once
    /// one asks, and the others hear that it is in progress (I3).
    async fn stand<T: AiTask>(&self, input: &T::In) -> Result<Standing<T::Out>, AiError> {
        if self.about.operation_id.is_none() {
            return Ok(Standing::Next(1));
        }
        let mut pause = Duration::from_millis(20);
        let mut waited = false;
        loop {
            let rows = self.ai.lms.store().ai_operation(self.operation).await.map_err(lms_core::Error::from)?;
            if rows.iter().any(|row| row.input_sha256 != self.input_sha) {
                return Err(AiError::OtherInput);
            }
            let standing = rows
                .iter()
                .find(|r| matches!(r.status, AiLogStatus::Valid | AiLogStatus::Applied | AiLogStatus::Review));
            if let Some(row) = standing {
                return self.stored::<T>(input, row);
            }
            let Some(last) = rows.iter().max_by_key(|row| row.attempt) else { return Ok(Standing::Next(1)) };
            let next = u32::try_from(last.attempt).unwrap_or(u32::MAX).saturating_add(1);
            let now = self.ai.lms.now().as_micros();
            let age = |at: i64| Duration::from_micros(u64::try_from(now.saturating_sub(at)).unwrap_or(0));
            if last.status == AiLogStatus::Dropped {
                return Ok(Standing::Next(next));
            }
            if last.status == AiLogStatus::Pending {
                if age(last.created_at.as_micros()) > self.ai.given_up_after() {
                    let mut row = last.clone();
                    row.status = AiLogStatus::Abandoned;
                    row.completed_at = Some(self.ai.lms.now());
                    self.ai.lms.system().ai_log().finish(row, AiLogStatus::Pending).await?;
                    return Ok(Standing::Next(next));
                }
                waited = true;
            } else if last.completed_at.is_none_or(|at| age(at.as_micros()) > QUIET) {
                return if waited && last.status != AiLogStatus::Abandoned {
                    Err(AiError::InProgress)
                } else {
                    Ok(Standing::Next(next))
                };
            }
            if self.left().is_zero() {
                return Err(AiError::InProgress);
            }
            tokio::time::sleep(pause.min(self.left())).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// The stored answer of an operation: no call is made.
    fn stored<T: AiTask>(&self, input: &T::In, row: &AiLog) -> Result<Standing<T::Out>, AiError> {
        let text = row.response_text.as_deref().unwrap_or_default();
        match self.judge::<T>(input, text) {
            Ok(value) => Ok(Standing::Answer(Box::new(Accepted {
                reasons: self.reasons::<T>(input, &value, row.model_served.as_deref()),
                value,
                origin: AiOrigin { log_id: row.id, operation_id: self.operation },
                usage: Usage::default(),
                cost_micro_usd: 0,
                calls: 0,
            }))),
            Err(violations) => Err(AiError::Invalid { violations }),
        }
    }

    /// Why a person must look: what the task says, and another model than was asked for.
    fn reasons<T: AiTask>(&self, input: &T::In, value: &T::Out, served: Option<&str>) -> Vec<ReviewReason> {
        let mut reasons = T::review(input, value);
        if served.is_some_and(|served| is_other_model(&self.ai.config.model, served)) {
            reasons.push(ReviewReason::FallbackModel);
        }
        reasons
    }

    /// Strict read, schema, types, domain checks.
    fn judge<T: AiTask>(&self, input: &T::In, text: &str) -> Result<T::Out, Vec<Violation>> {
        let one = |code: &'static str, pointer: String, message: String| vec![Violation { code, pointer, message }];
        let mut value = read(text).map_err(|e| one(e.code(), String::new(), e.to_string()))?;
        fold_enum_case(&mut value, &self.wire);
        let validator = jsonschema::validator_for(&self.canonical)
            .map_err(|_| one("schema.broken", String::new(), "the schema itself is broken".to_owned()))?;
        let found: Vec<Violation> = validator
            .iter_errors(&value)
            .take(MAX_VIOLATIONS)
            .map(|error| Violation {
                // The validator's messages quote values: only kind and place go on.
                code: "schema",
                pointer: error.instance_path().to_string(),
                message: format!("does not fit the schema ({})", error.kind().keyword()),
            })
            .collect();
        if !found.is_empty() {
            return Err(found);
        }
        let out: T::Out = serde_json::from_value(value)
            .map_err(|_| one("schema", String::new(), "does not fit the schema".to_owned()))?;
        let found = T::check(input, &out);
        if found.is_empty() { Ok(out) } else { Err(found) }
    }

    async fn attempts<T: AiTask>(
        &mut self,
        input: &T::In,
        original: Prompt,
        first: u32,
        max_tokens: u32,
    ) -> Result<Accepted<T::Out>, AiError> {
        let config = self.ai.config.clone();
        let profile = self.ai.provider.profile(&config.model);
        let room = |tokens: u32| tokens.min(profile.max_output).max(1);
        let mut tokens = answer_tokens(max_tokens, &profile);
        let mut prompt = original.clone();
        let (mut attempt, mut calls, mut repairs, mut retries, mut widened) = (first, 0_u32, 0_u32, 0_u32, false);
        let mut before: Option<Vec<Violation>> = None;
        let (mut usage, mut cost) = (Usage::default(), 0_u64);
        loop {
            if calls >= config.max_calls {
                return Err(AiError::CallsUsedUp { calls });
            }
            if self.left().is_zero() {
                return Err(AiError::Deadline);
            }
            let row = pending::<T>(
                self.ai,
                self.session,
                &self.about,
                self.operation,
                attempt,
                &self.input_sha,
                &self.schema_sha,
                &prompt,
            );
            // The row comes first: if it cannot be written, nothing is sent.
            if let Claim::Taken(_) = self.session.ai_log().claim(row.clone()).await? {
                match self.stand::<T>(input).await? {
                    Standing::Answer(accepted) => return Ok(*accepted),
                    Standing::Next(next) => {
                        attempt = next;
                        continue;
                    }
                }
            }
            calls += 1;
            self.ai.at(Stage::Asking { call: calls });
            let deadline = config.attempt_deadline.min(self.left());
            let request = self.request::<T>(&prompt, tokens, deadline, attempt, profile.native_schema);
            let answer = match tokio::time::timeout(deadline, self.ai.provider.complete(&request)).await {
                Ok(answer) => answer,
                Err(_) => Err(ProviderError::new(ProviderErrorKind::Timeout, Retry::Now)),
            };
            attempt += 1;
            let response = match answer {
                Ok(response) => response,
                Err(e) => {
                    self.log_failure(row, &e).await?;
                    retries += 1;
                    if retries > config.max_retries {
                        return Err(e.into());
                    }
                    let Some(pause) = pause_before(&e, retries, self.ai) else { return Err(e.into()) };
                    if pause >= self.left() {
                        return Err(e.into());
                    }
                    tokio::time::sleep(pause).await;
                    continue;
                }
            };
            self.ai.at(Stage::Checking);
            let spent = profile.price.cost(&response.usage);
            cost = cost.saturating_add(spent);
            add(&mut usage, &response.usage);
            let outcome = self.outcome::<T>(input, &response);
            let log_id = row.id;
            self.log_answer(row, &response, spent, &outcome).await?;
            match outcome {
                Outcome::Good(value) => {
                    return Ok(Accepted {
                        reasons: self.reasons::<T>(input, &value, Some(&response.model)),
                        value,
                        origin: AiOrigin { log_id, operation_id: self.operation },
                        usage,
                        cost_micro_usd: cost,
                        calls,
                    });
                }
                Outcome::Ends(e) => return Err(e),
                Outcome::Cut => {
                    let more = room(tokens.saturating_mul(2));
                    if widened || more <= tokens {
                        return Err(AiError::Truncated);
                    }
                    widened = true;
                    tokens = more;
                }
                Outcome::Bad(violations) => {
                    let same = before.as_ref().is_some_and(|b| same_faults(b, &violations));
                    if same || repairs >= config.max_repairs {
                        return Err(AiError::Invalid { violations });
                    }
                    repairs += 1;
                    self.ai.at(Stage::Repairing { n: repairs });
                    prompt = repair(&original, &response.text, &violations);
                    before = Some(violations);
                }
            }
        }
    }

    fn request<T: AiTask>(
        &self,
        prompt: &Prompt,
        max_tokens: u32,
        deadline: Duration,
        attempt: u32,
        native: bool,
    ) -> AiRequest {
        let mut system = prompt.system.clone();
        if !native {
            system.push_str("\n\nThe JSON object fits this schema:\n");
            system.push_str(&serde_json::to_string_pretty(&self.wire).unwrap_or_default());
        }
        let actor = self.session.actor().rights_of().map_or_else(String::new, |id| {
            sha256([self.ai.config.secret.as_slice(), id.uuid().as_bytes()].concat()).chars().take(32).collect()
        });
        AiRequest {
            model: self.ai.config.model.clone(),
            system,
            parts: prompt.parts.clone(),
            schema: OutputSchema { name: T::PROMPT_VERSION.to_owned(), json: self.wire.clone() },
            max_tokens,
            temperature: None,
            deadline,
            meta: CallMeta { operation_id: self.operation, attempt, kind: T::KIND.to_owned(), actor },
        }
    }

    /// The stop reason comes before the text: a refusal or a cut is never read as an answer.
    fn outcome<T: AiTask>(&self, input: &T::In, response: &AiResponse) -> Outcome<T::Out> {
        match &response.stop {
            Stop::Complete => match self.judge::<T>(input, &response.text) {
                Ok(value) => Outcome::Good(value),
                Err(violations) => Outcome::Bad(violations),
            },
            Stop::Truncated => Outcome::Cut,
            Stop::Refused { category } => Outcome::Ends(AiError::Refused { category: category.clone() }),
            Stop::ContextFull | Stop::Filtered | Stop::Other => {
                Outcome::Ends(AiError::Stopped { reason: response.raw_stop.clone() })
            }
        }
    }

    async fn log_failure(&self, mut row: AiLog, error: &ProviderError) -> Result<(), AiError> {
        row.status = match error.kind {
            ProviderErrorKind::Timeout => AiLogStatus::Timeout,
            ProviderErrorKind::BudgetDenied | ProviderErrorKind::CircuitOpen => AiLogStatus::Denied,
            _ => AiLogStatus::ProviderError,
        };
        row.error_kind = Some(error.kind.as_str().to_owned());
        row.http_status = error.http_status.map(i64::from);
        row.request_id = error.request_id.clone();
        row.completed_at = Some(self.ai.lms.now());
        self.session.ai_log().finish(row, AiLogStatus::Pending).await?;
        Ok(())
    }

    async fn log_answer<T>(
        &self,
        mut row: AiLog,
        response: &AiResponse,
        cost: u64,
        outcome: &Outcome<T>,
    ) -> Result<(), AiError> {
        let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        row.status = match outcome {
            Outcome::Good(_) => AiLogStatus::Valid,
            Outcome::Bad(_) => AiLogStatus::Invalid,
            Outcome::Cut => AiLogStatus::Truncated,
            Outcome::Ends(AiError::Refused { .. }) => AiLogStatus::Refused,
            Outcome::Ends(_) => AiLogStatus::Invalid,
        };
        if let Outcome::Bad(violations) = outcome {
            let coded: Vec<Coded<'_>> =
                violations.iter().take(MAX_VIOLATIONS).map(|v| Coded { code: v.code, pointer: &v.pointer }).collect();
            row.violations = Json::of(&coded);
        }
        // U+0000 cannot be stored as text; everything else stands as it came, up to the cap.
        let text: String = response.text.chars().filter(|c| *c != '\0').collect();
        row.response_text = Some(crate::reader::truncate_bytes(&text, MAX_ANSWER).to_owned());
        row.response_sha256 = Some(sha256(&response.text));
        row.model_served = Some(response.model.clone());
        row.stop_reason = Some(response.raw_stop.clone());
        row.request_id = response.request_id.clone();
        row.message_id = response.message_id.clone();
        row.tokens_in = count(response.usage.input);
        row.tokens_out = count(response.usage.output);
        row.tokens_cache_read = count(response.usage.cache_read);
        row.tokens_cache_write = count(response.usage.cache_write);
        row.tokens_thinking = count(response.usage.thinking);
        row.cost_micro_usd = count(cost);
        row.latency_ms = i64::try_from(response.latency.as_millis()).ok();
        row.completed_at = Some(self.ai.lms.now());
        if self.session.ai_log().finish(row.clone(), AiLogStatus::Pending).await? {
            return Ok(());
        }
        // Swept as abandoned meanwhile: somebody else may be at it, and this answer cannot be applied.
        // It was paid for, so the log keeps it all the same.
        row.status = AiLogStatus::Abandoned;
        self.session.ai_log().finish(row, AiLogStatus::Abandoned).await?;
        Err(AiError::InProgress)
    }
}

/// How long to wait before trying again; `None` = do not.
fn pause_before(error: &ProviderError, retry: u32, ai: &Ai) -> Option<Duration> {
    match error.retry {
        Retry::Never => None,
        Retry::After(wait) if wait <= Duration::from_secs(60) => Some(wait),
        Retry::After(_) => None,
        Retry::Now => {
            let most = Duration::from_millis(500).saturating_mul(1_u32 << retry.min(4)).min(Duration::from_secs(8));
            let mut byte = [0_u8; 1];
            ai.lms.ids().fill(&mut byte);
            Some(most.mul_f64(f64::from(byte[0]) / 255.0))
        }
    }
}

/// The original prompt, the last bad answer as quoted data, and what is wrong with it: one turn, so
/// that repairs cost no more each time.
fn repair(original: &Prompt, answer: &str, violations: &[Violation]) -> Prompt {
    let mut parts = original.parts.clone();
    let quoted = crate::reader::truncate_bytes(answer, MAX_QUOTED);
    parts.push(Part {
        label: "previous_answer".to_owned(),
        text: Value::from(quoted).to_string(),
        trust: Trust::Untrusted,
    });
    let shown: Vec<&Violation> = violations.iter().take(MAX_VIOLATIONS).collect();
    parts.push(Part {
        label: "violations".to_owned(),
        text: format!(
            "Your previous answer breaks the rules listed here. Answer again with the whole JSON object. Fix only \
             these; do not invent items.\n{}",
            serde_json::to_string(&shown).unwrap_or_default()
        ),
        trust: Trust::Trusted,
    });
    Prompt { system: original.system.clone(), parts }
}

/// Whether the model that answered is another than the one that was asked for. The same model may be
/// named with a vendor before it, a date or a build number of three digits or more after it, or without
/// the word that asks for its latest build.
fn is_other_model(asked: &str, served: &str) -> bool {
    let name = |model: &str| model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let bare = |model: String| {
        ["-latest", ":latest"].iter().find_map(|s| model.strip_suffix(s)).map_or(model.clone(), str::to_owned)
    };
    let (asked, served) = (bare(name(asked)), bare(name(served)));
    let Some(build) = served.strip_prefix(&asked) else { return true };
    let digits = build.chars().filter(char::is_ascii_digit).count();
    !(build.is_empty() || digits >= 3 && build.chars().all(|c| c.is_ascii_digit() || "-@".contains(c)))
}

fn same_faults(a: &[Violation], b: &[Violation]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.code == b.code && a.pointer == b.pointer)
}

/// Providers count the tokens, and may count nonsense: a sum never wraps.
fn add(sum: &mut Usage, one: &Usage) {
    sum.input = sum.input.saturating_add(one.input);
    sum.output = sum.output.saturating_add(one.output);
    sum.cache_read = sum.cache_read.saturating_add(one.cache_read);
    sum.cache_write = sum.cache_write.saturating_add(one.cache_write);
    sum.thinking = sum.thinking.saturating_add(one.thinking);
}

#[cfg(test)]
mod tests {
    use super::is_other_model;

    #[test]
    fn a_build_of_the_model_is_the_model_and_a_sibling_is_not() {
        for (asked, served) in [
            ("claude-sonnet-5-5", "claude-sonnet-5-5"),
            ("claude-sonnet-5-5", "claude-sonnet-5-5-20260928"),
            ("claude-sonnet-5-5", "anthropic/Claude-Sonnet-5-5"),
            ("gpt-5", "gpt-5-2025-08-07"),
            ("gpt-5", "openai/gpt-5@20250807"),
            ("llama3", "llama3:latest"),
            ("mistral-large-latest", "mistral-large-2411"),
        ] {
            assert!(!is_other_model(asked, served), "{asked} {served}");
        }
        for (asked, served) in [
            ("claude-sonnet-5", "claude-sonnet-5-5"),
            ("claude-sonnet-5-5", "claude-haiku-4-5"),
            ("gpt-5", "gpt-5-mini"),
            ("gpt-5-mini", "gpt-5"),
            ("gpt-5", ""),
        ] {
            assert!(is_other_model(asked, served), "{asked} {served}");
        }
    }
}
