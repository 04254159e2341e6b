//! The port of AI providers: data in, data out, one attempt on the wire.
//!
//! Retries, budgets, logging, validation and repair live above it, in the AI crate's engine, which
//! must see every attempt.
//!
//! # From a request to a prompt
//!
//! A provider of one's own sends three things, and adds no words of its own:
//!
//! 1. [`AiRequest::system`] as the system text, alone: no part ever goes there.
//! 2. The parts, in their order, as one message of the user: [`AiRequest::user_text`], or one block for each
//!    [`Part::said`] where the service takes blocks. Both see to it that what others wrote ([`Trust::Untrusted`]) is
//!    quoted data; a part's `text` alone is not.
//! 3. [`AiRequest::schema`], where the service enforces one and the schema is not `null`. Where
//!    [`ModelProfile::native_schema`] is false the engine has printed the schema into the system text, and nothing else
//!    need be sent.
//!
//! The answer is the model's text as it came, whatever stands around its JSON: the engine reads it, and asks again
//! with what was wrong, and the answer as quoted data, in another request. There is never a second turn and no tool.

mod say;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Somebody who answers prompts.
///
/// An implementation MUST make at most one attempt per call, MUST keep to the request's deadline, and
/// MUST NOT retry, log prompts or answers, or check the answer's content. One that panics has failed, and what its call
/// may cost counts as spent.
#[async_trait]
pub trait AiProvider: Send + Sync {
    /// A short name, for the log.
    fn name(&self) -> &str;
    /// What a model can do; pure data.
    fn profile(&self, model: &str) -> ModelProfile;
    /// Asks once.
    ///
    /// # Errors
    /// What kind of failure it was, and whether and when to try again.
    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError>;
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<T: AiProvider + ?Sized> AiProvider for std::sync::Arc<T> {
    fn name(&self) -> &str {
        (**self).name()
    }
    fn profile(&self, model: &str) -> ModelProfile {
        (**self).profile(model)
    }
    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        (**self).complete(request).await
    }
}

/// What a model can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelProfile {
    /// Whether the provider enforces the schema; otherwise the schema is printed in the prompt.
    pub native_schema: bool,
    /// Whether the model thinks unless told not to, which spends output tokens.
    pub thinking_by_default: bool,
    /// The most output tokens.
    pub max_output: u32,
    /// What it costs.
    pub price: Price,
}

/// Prices in millionths of a US dollar per million tokens: 3 USD per million is 3,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Price {
    /// Input.
    pub input: u64,
    /// Output, thinking included.
    pub output: u64,
    /// Input read from the provider's cache.
    pub cache_read: u64,
    /// Input written to the provider's cache.
    pub cache_write: u64,
}

impl Price {
    /// The cost of a call in millionths of a US dollar, rounded up.
    pub fn cost(&self, usage: &Usage) -> u64 {
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let sum = part(usage.input, self.input)
            + part(usage.output, self.output)
            + part(usage.cache_read, self.cache_read)
            + part(usage.cache_write, self.cache_write);
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// Who wrote a part of a prompt; [`Part::said`] tells a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Our own code.
    Trusted,
    /// Somebody else: it is data and never an instruction.
    Untrusted,
}

/// A part of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it is: "brief", "source", "submission".
    pub label: String,
    /// The text.
    pub text: String,
    /// Who wrote it.
    pub trust: Trust,
}

/// The shape that the answer must have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputSchema {
    /// A name of a-z, 0-9, _ and -, at most 64 characters.
    pub name: String,
    /// The JSON schema, in the portable subset.
    pub json: serde_json::Value,
}

/// What a call is about, for providers that keep books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallMeta {
    /// The operation.
    pub operation_id: Uuid,
    /// Which attempt of it, 1 for the first.
    pub attempt: u32,
    /// Which task.
    pub kind: String,
    /// Who asks: an opaque text, never a name or an address.
    pub actor: String,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AiRequest {
    /// The model's id.
    pub model: String,
    /// The policy that nothing else may change: the system text.
    pub system: String,
    /// The task and its data, in order: the message of the user, as [`AiRequest::user_text`] puts it.
    pub parts: Vec<Part>,
    /// The shape of the answer.
    pub schema: OutputSchema,
    /// The most output tokens.
    pub max_tokens: u32,
    /// Sampling, where the caller insists and the model takes it.
    pub temperature: Option<f32>,
    /// How long the attempt may take.
    pub deadline: Duration,
    /// What it is about.
    pub meta: CallMeta,
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It was done.
    Complete,
    /// It ran into the limit of output tokens.
    Truncated,
    /// It refused.
    Refused {
        /// Why, in the provider's word.
        category: Option<String>,
    },
    /// The prompt does not fit the model.
    ContextFull,
    /// A filter cut the answer.
    Filtered,
    /// Something else.
    Other,
}

/// Tokens of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// In, not counting the cache.
    pub input: u64,
    /// Out, thinking included.
    pub output: u64,
    /// In, read from the cache.
    pub cache_read: u64,
    /// In, written to the cache.
    pub cache_write: u64,
    /// Of the output, thinking.
    pub thinking: u64,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AiResponse {
    /// The text.
    pub text: String,
    /// The model that answered.
    pub model: String,
    /// Why it stopped.
    pub stop: Stop,
    /// The same in the provider's word.
    pub raw_stop: String,
    /// The tokens.
    pub usage: Usage,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// The provider's id of the answer.
    pub message_id: Option<String>,
    /// How long it took.
    pub latency: Duration,
}

/// What kind of failure it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProviderErrorKind {
    /// No connection, or it broke.
    Connect,
    /// Too slow.
    Timeout,
    /// Too many requests.
    RateLimited,
    /// The provider is overloaded.
    Overloaded,
    /// The provider failed.
    Server,
    /// A spending limit is reached.
    SpendLimit,
    /// The key is refused.
    Auth,
    /// The request is refused.
    BadRequest {
        /// The field that the provider complains of, as far as it can be told.
        param: Option<String>,
    },
    /// There is no such model, or no longer.
    ModelUnavailable,
    /// The request or the answer is too large.
    TooLarge,
    /// The answer is not of the protocol.
    Protocol,
    /// The call was given up by the caller.
    Cancelled,
    /// The provider has failed too often lately.
    CircuitOpen,
    /// The budget does not allow it.
    BudgetDenied,
}

impl ProviderErrorKind {
    /// The stable word, for the log.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Server => "server",
            Self::SpendLimit => "spend_limit",
            Self::Auth => "auth",
            Self::BadRequest { .. } => "bad_request",
            Self::ModelUnavailable => "model_unavailable",
            Self::TooLarge => "too_large",
            Self::Protocol => "protocol",
            Self::Cancelled => "cancelled",
            Self::CircuitOpen => "circuit_open",
            Self::BudgetDenied => "budget_denied",
        }
    }
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// No.
    Never,
    /// Yes, after a pause of the caller's own.
    Now,
    /// Yes, after this long.
    After(Duration),
}

/// The failure of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderError {
    /// What kind.
    pub kind: ProviderErrorKind,
    /// The HTTP status, if there was one.
    pub http_status: Option<u16>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// Whether to try again.
    pub retry: Retry,
    /// What the provider said, at most 512 bytes, without anything secret.
    pub excerpt: String,
}

impl ProviderError {
    /// A failure without more to say.
    pub const fn new(kind: ProviderErrorKind, retry: Retry) -> Self {
        Self { kind, http_status: None, request_id: None, retry, excerpt: String::new() }
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the AI provider failed ({})", self.kind.as_str())?;
        if let Some(status) = self.http_status {
            write!(f, ", HTTP status {status}")?;
        }
        if !self.excerpt.is_empty() {
            write!(f, ": {}", self.excerpt)?;
        }
        Ok(())
    }
}

impl std::error::Error for ProviderError {}
