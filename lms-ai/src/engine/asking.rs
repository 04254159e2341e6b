//! What is asked next, of which model, and whether once more after a failure.

use std::time::Duration;

use lms_core::ai::{AiRequest, CallMeta, ModelProfile, OutputSchema, ProviderError, ProviderErrorKind, Retry, Usage};
use serde_json::Value;

use super::estimate::{Estimate, answer_tokens, worst_case};
use super::judge::{Outcome, Rejected, same_faults};
use super::row::MOST_COUNTED;
use super::{Ai, AiConfig};
use crate::{Prompt, Violation, schema};

/// The longest pause between two attempts; whoever is told to wait longer tells its caller.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Above this many tokens an answer comes as a stream, which may take half as long again.
const STREAMED: u32 = 8_192;

/// Another model than the configured one is asked.
pub(super) const FALLBACK_MODEL: &str = "fallback_model";
/// The schema stands in the prompt, because the provider does not take it.
const SCHEMA_IN_PROMPT: &str = "schema_in_prompt";
/// The answer may be twice as long.
const MORE_TOKENS: &str = "more_tokens";

/// How an operation stands between two calls.
pub(super) struct Asking {
    /// What is asked.
    pub(super) prompt: Prompt,
    pub(super) model: String,
    pub(super) profile: ModelProfile,
    pub(super) calls: u32,
    pub(super) repairs: u32,
    /// What was wrong with the last answer.
    pub(super) before: Option<Vec<Violation>>,
    /// What is out of the ordinary with the next call.
    pub(super) notes: Vec<String>,
    retries: Retries,
    tokens: u32,
    asked_tokens: u32,
    widened: bool,
    printed: bool,
    fallen_back: bool,
}

/// How often was tried again, by why: each kind of failure has its own number.
#[derive(Default)]
struct Retries {
    /// What passes, since the last answer.
    passing: u32,
    /// What is not of the protocol, since the last answer.
    protocol: u32,
    /// A field that is not taken.
    field: u32,
}

/// What comes after a failure.
pub(super) enum Next {
    /// The same, or something else, at once or after a pause.
    Again(Duration),
    /// Nothing.
    Ends,
}

impl Asking {
    pub(super) fn new(ai: &Ai, prompt: Prompt, max_tokens: u32) -> Self {
        let model = ai.config.model.clone();
        let profile = ai.provider.profile(&model);
        let notes = if profile.native_schema { Vec::new() } else { vec![SCHEMA_IN_PROMPT.to_owned()] };
        Self {
            prompt,
            tokens: answer_tokens(max_tokens, &profile),
            model,
            profile,
            calls: 0,
            repairs: 0,
            before: None,
            notes,
            retries: Retries::default(),
            asked_tokens: max_tokens,
            widened: false,
            printed: false,
            fallen_back: false,
        }
    }

    /// The next call may use up this much.
    pub(super) fn most(&self, wire: &Value) -> Estimate {
        worst_case(self.sent(wire).bytes() + wire.to_string().len(), self.tokens, &self.profile)
    }

    /// The next call may cost this much, in millionths of a US dollar.
    pub(super) fn worst_case(&self, wire: &Value) -> i64 {
        i64::try_from(self.most(wire).micro_usd.min(MOST_COUNTED)).unwrap_or(i64::MAX)
    }

    /// How long the next call may take.
    pub(super) fn deadline(&self, config: &AiConfig, left: Duration) -> Duration {
        let one = config.attempt_deadline;
        let one = if self.tokens > STREAMED { one.saturating_add(one / 2) } else { one };
        one.min(left)
    }

    /// The prompt as it is sent: with the schema in it, where the provider does not take that by itself.
    pub(super) fn sent(&self, wire: &Value) -> Prompt {
        let mut prompt = self.prompt.clone();
        if self.printed || !self.profile.native_schema {
            prompt.system.push_str("\n\nThe JSON object fits this schema:\n");
            prompt.system.push_str(&schema::printed(wire));
        }
        prompt
    }

    pub(super) fn request(&self, name: &str, wire: &Value, deadline: Duration, meta: CallMeta) -> AiRequest {
        let Prompt { system, parts } = self.sent(wire);
        AiRequest {
            model: self.model.clone(),
            system,
            parts,
            // A schema of `null` is one that the provider did not take.
            schema: OutputSchema { name: name.to_owned(), json: if self.printed { Value::Null } else { wire.clone() } },
            max_tokens: self.tokens,
            temperature: None,
            deadline,
            meta,
        }
    }

    /// Whether this is another model than the configured one.
    pub(super) const fn is_fallback(&self) -> bool {
        self.fallen_back
    }

    /// Whether the model is not asked to mend this: it made the same faults before, or has been asked often
    /// enough.
    pub(super) fn is_beyond_repair(&self, violations: &[Violation], config: &AiConfig) -> bool {
        let same = self.before.as_ref().is_some_and(|before| same_faults(before, violations));
        same || self.repairs >= config.max_repairs
    }

    /// An answer beyond repair counts where a person may judge each of its faults.
    pub(super) fn last_word<T>(&self, outcome: Outcome<T>, config: &AiConfig) -> Outcome<T> {
        match outcome {
            Outcome::Bad(Rejected { violations, tolerable: Some(judged) })
                if self.is_beyond_repair(&violations, config) =>
            {
                Outcome::Good(judged)
            }
            other => other,
        }
    }

    /// Doubles the room for the answer, once, up to what the model can do. Whether there is any.
    pub(super) fn widen(&mut self) -> bool {
        let more = self.tokens.saturating_mul(2).min(self.profile.max_output).max(1);
        if self.widened || more <= self.tokens {
            return false;
        }
        self.widened = true;
        self.tokens = more;
        self.note(MORE_TOKENS);
        true
    }

    /// Turns to the configured fallback, once. Whether there is one.
    pub(super) fn fall_back(&mut self, ai: &Ai) -> bool {
        let Some(model) = ai.config.fallback_model.clone().filter(|model| *model != self.model) else { return false };
        if self.fallen_back {
            return false;
        }
        self.fallen_back = true;
        self.profile = ai.provider.profile(&model);
        self.model = model;
        self.tokens = answer_tokens(self.asked_tokens, &self.profile);
        (self.retries, self.widened, self.printed) = (Retries::default(), false, false);
        self.notes.clear();
        self.note(FALLBACK_MODEL);
        if !self.profile.native_schema {
            self.note(SCHEMA_IN_PROMPT);
        }
        true
    }

    /// The provider is there: what fails from now on is another failure.
    pub(super) const fn answered(&mut self) {
        (self.retries.passing, self.retries.protocol) = (0, 0);
    }

    /// What to do after a failure, by the table of retries. The schema goes into the prompt where the provider
    /// did not take it; another model is asked where this one is not to be had.
    pub(super) fn after(&mut self, error: &ProviderError, ai: &Ai) -> Next {
        if self.profile.native_schema && !self.printed && refuses_schema(error) {
            self.printed = true;
            self.note(SCHEMA_IN_PROMPT);
            return Next::Again(Duration::ZERO);
        }
        // What is not of the protocol may have been an accident, once; a field is left out once.
        let (retries, most) = match error.kind {
            ProviderErrorKind::Protocol => (&mut self.retries.protocol, ai.config.max_retries.min(1)),
            ProviderErrorKind::BadRequest { .. } => (&mut self.retries.field, ai.config.max_retries.min(1)),
            _ => (&mut self.retries.passing, ai.config.max_retries),
        };
        let pause = pause_before(error, *retries, ai);
        if let Some(pause) = pause.filter(|_| *retries < most) {
            *retries += 1;
            if let ProviderErrorKind::BadRequest { param: Some(param) } = &error.kind {
                self.note(&format!("without:{param}"));
            }
            return Next::Again(pause);
        }
        let gone = matches!(
            error.kind,
            ProviderErrorKind::ModelUnavailable | ProviderErrorKind::Overloaded | ProviderErrorKind::CircuitOpen
        );
        if gone && self.fall_back(ai) { Next::Again(Duration::ZERO) } else { Next::Ends }
    }

    fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }
}

/// Who asks, as providers learn it: an opaque word.
pub(super) fn meta(ai: &Ai, operation_id: uuid::Uuid, attempt: u32, kind: &str, actor: Option<uuid::Uuid>) -> CallMeta {
    let actor = actor.map_or_else(String::new, |id| {
        let word = super::row::sha256([ai.config.secret.as_slice(), id.as_bytes()].concat());
        word.chars().take(32).collect()
    });
    CallMeta { operation_id, attempt, kind: kind.to_owned(), actor }
}

/// Whether the provider does not take the schema.
fn refuses_schema(error: &ProviderError) -> bool {
    let ProviderErrorKind::BadRequest { param: Some(param) } = &error.kind else { return false };
    let param = param.to_ascii_lowercase();
    ["schema", "response_format", "output_config", "output_format", "grammar"].iter().any(|word| param.contains(word))
}

/// Whether a call that failed so before any success may have used tokens. A service that refuses a call bills nothing; of
/// one that broke off nobody knows.
pub(super) fn may_have_used(kind: &str) -> bool {
    let free = [
        ProviderErrorKind::RateLimited,
        ProviderErrorKind::Overloaded,
        ProviderErrorKind::SpendLimit,
        ProviderErrorKind::Auth,
        ProviderErrorKind::BadRequest { param: None },
        ProviderErrorKind::ModelUnavailable,
        ProviderErrorKind::TooLarge,
        ProviderErrorKind::CircuitOpen,
        ProviderErrorKind::BudgetDenied,
    ];
    // Connect, Timeout, Server, Protocol, Cancelled, and whatever comes, may.
    !free.iter().any(|free| free.as_str() == kind)
}

/// What a call is charged: its cost, or, where the provider does not say what it used, what was set aside.
pub(super) fn charged(usage: &Usage, cost: u64, reserved: i64) -> i64 {
    if *usage == Usage::default() { reserved } else { i64::try_from(cost.min(MOST_COUNTED)).unwrap_or(reserved) }
}

/// How long to wait before trying again, for the n-th time from 0; `None` = do not.
fn pause_before(error: &ProviderError, n: u32, ai: &Ai) -> Option<Duration> {
    match error.retry {
        Retry::Never => None,
        Retry::After(wait) if wait <= LONGEST_PAUSE => Some(wait),
        Retry::After(_) => None,
        Retry::Now => {
            let most = Duration::from_millis(500).saturating_mul(1_u32 << n.min(4)).min(Duration::from_secs(8));
            let mut byte = [0_u8; 1];
            ai.lms.ids().fill(&mut byte);
            Some(most.mul_f64(f64::from(byte[0]) / 255.0))
        }
    }
}

/// Whether the model that answered is another than the one that was asked for. The same model may be
/// named with a vendor before it, a date or a build number of three digits or more after it, or without
/// the word that asks for its latest build.
pub(super) fn is_other_model(asked: &str, served: &str) -> bool {
    let name = |model: &str| model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let bare = |model: String| {
        ["-latest", ":latest"].iter().find_map(|s| model.strip_suffix(s)).map_or(model.clone(), str::to_owned)
    };
    let (asked, served) = (bare(name(asked)), bare(name(served)));
    let Some(build) = served.strip_prefix(&asked) else { return true };
    let digits = build.chars().filter(char::is_ascii_digit).count();
    !(build.is_empty() || digits >= 3 && build.chars().all(|c| c.is_ascii_digit() || "-@".contains(c)))
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
