//! A provider that says what it was told to say.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lms_core::ai::{
    AiProvider, AiRequest, AiResponse, ModelProfile, Price, ProviderError, ProviderErrorKind, Retry, Stop, Usage,
};

/// Answers from a queue, in order, without a network: for tests, demonstrations and hosts without a key.
///
/// It records every request. When the queue is empty it answers an error of kind `protocol` that is not
/// to be retried. Replies can be added while it is in use.
///
/// ```
/// use lms_ai::provider::{Reply, Scripted};
/// use lms_core::ai::Stop;
///
/// let provider = Scripted::new()
///     .then(Reply::text(r#"{"title":"Rust"}"#))
///     .then(Reply::text(r#"{"title":"Ru"#).stop(Stop::Truncated));
/// assert_eq!((provider.calls(), provider.remaining()), (0, 2));
/// ```
#[derive(Debug)]
pub struct Scripted {
    name: String,
    profile: ModelProfile,
    delay: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Result<Reply, ProviderError>>,
    requests: Vec<AiRequest>,
}

/// One canned answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    text: String,
    model: Option<String>,
    stop: Stop,
    usage: Usage,
    delay: Option<Duration>,
}

impl Reply {
    /// An answer that is complete; it counts 100 tokens in and 50 out unless told otherwise.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            model: None,
            stop: Stop::Complete,
            usage: Usage { input: 100, output: 50, ..Usage::default() },
            delay: None,
        }
    }

    /// The same as JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::text(value.to_string())
    }

    /// Stops for another reason.
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Counts other tokens.
    #[must_use]
    pub const fn usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// Comes from another model than the one that was asked.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Takes this long, whatever the provider's own delay.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }
}

impl Default for Scripted {
    fn default() -> Self {
        Self::new()
    }
}

impl Scripted {
    /// A provider named `scripted` with an empty queue, a native schema and no price.
    pub fn new() -> Self {
        Self {
            name: "scripted".to_owned(),
            profile: ModelProfile {
                native_schema: true,
                thinking_by_default: false,
                max_output: 64_000,
                price: Price::default(),
            },
            delay: Duration::ZERO,
            state: Mutex::default(),
        }
    }

    /// Has another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Has this profile for every model.
    #[must_use]
    pub const fn with_profile(mut self, profile: ModelProfile) -> Self {
        self.profile = profile;
        self
    }

    /// Takes this long for every answer; longer than the deadline is a timeout at the deadline.
    #[must_use]
    pub const fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Answers this next, after what is queued.
    #[must_use]
    pub fn then(self, reply: Reply) -> Self {
        self.push(reply);
        self
    }

    /// Fails with this next, after what is queued.
    #[must_use]
    pub fn then_error(self, error: ProviderError) -> Self {
        self.push_error(error);
        self
    }

    /// Queues an answer.
    pub fn push(&self, reply: Reply) {
        self.state().queue.push_back(Ok(reply));
    }

    /// Queues a failure.
    pub fn push_error(&self, error: ProviderError) {
        self.state().queue.push_back(Err(error));
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        self.state().requests.len()
    }

    /// What it was asked, oldest first.
    pub fn requests(&self) -> Vec<AiRequest> {
        self.state().requests.clone()
    }

    /// How many answers are left.
    pub fn remaining(&self) -> usize {
        self.state().queue.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, and the state is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, request: &AiRequest) -> (usize, Option<Result<Reply, ProviderError>>) {
        let mut state = self.state();
        state.requests.push(request.clone());
        (state.requests.len(), state.queue.pop_front())
    }
}

#[async_trait]
impl AiProvider for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn profile(&self, _model: &str) -> ModelProfile {
        self.profile.clone()
    }

    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        let (number, next) = self.take(request);
        let own = next.as_ref().and_then(|step| step.as_ref().ok()).and_then(|reply| reply.delay);
        let delay = own.unwrap_or(self.delay);
        if delay > request.deadline {
            tokio::time::sleep(request.deadline).await;
            return Err(ProviderError::new(ProviderErrorKind::Timeout, Retry::Now));
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let reply = next.unwrap_or_else(|| Err(exhausted(number)))?;
        Ok(AiResponse {
            text: reply.text,
            model: reply.model.unwrap_or_else(|| request.model.clone()),
            raw_stop: word(&reply.stop).to_owned(),
            stop: reply.stop,
            usage: reply.usage,
            request_id: Some(format!("scripted-request-{number}")),
            message_id: Some(format!("scripted-message-{number}")),
            latency: delay,
        })
    }
}

fn exhausted(number: usize) -> ProviderError {
    ProviderError {
        excerpt: format!("the script has no answer for call {number}"),
        ..ProviderError::new(ProviderErrorKind::Protocol, Retry::Never)
    }
}

const fn word(stop: &Stop) -> &'static str {
    match stop {
        Stop::Complete => "complete",
        Stop::Truncated => "truncated",
        Stop::Refused { .. } => "refused",
        Stop::ContextFull => "context_full",
        Stop::Filtered => "filtered",
        Stop::Other => "other",
    }
}
