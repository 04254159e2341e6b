//! Claude, by the Messages API of Anthropic.

mod failure;
mod stream;
mod wire;

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lms_core::ai::{AiProvider, AiRequest, AiResponse, ModelProfile, ProviderError, ProviderErrorKind, Retry};
use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::http::{Answer, ConfigError, Connection, Failure, Omitted, Settings, common_settings, header};
use super::{Profiles, Secret};

/// The model that is asked where nobody names one.
pub const DEFAULT_MODEL: &str = "claude-sonnet-5-5";
/// The address of the service.
pub const DEFAULT_BASE_URL: &str = "https://api.anthropic.com";

const PATH: &str = "/v1/messages";
const VERSION: &str = "2023-06-01";
/// More output tokens than this are streamed, so that a silent connection can be told from a slow answer.
const STREAM_ABOVE: u32 = 8_192;

/// The Messages API, one attempt per call.
///
/// A call sends the system text, the parts and the schema, and nothing else unless the request has it. It
/// connects within 5 seconds and ends by the request's deadline, follows no redirect, retries nothing and
/// reads at most 2 MiB of an answer. Above 8,192 output tokens the answer is streamed and put together, which
/// may take 256 bytes more for each token; a stream that is silent for 60 seconds is a timeout. An optional field that a model refuses by name is
/// left out of later calls to that model, and the refusal says that another attempt is worth it.
///
/// The key is in no error, no log and no `Debug`.
pub struct Anthropic {
    connection: Connection,
    settings: Settings,
    omitted: Omitted,
}

/// What a provider is made of. `Debug` shows neither the key nor the address, which may hold credentials.
#[derive(Clone)]
pub struct AnthropicBuilder {
    key: Secret,
    settings: Settings,
}

impl AnthropicBuilder {
    common_settings!("/v1/messages");

    /// Makes the provider; connects to nothing.
    ///
    /// # Errors
    /// What of the settings cannot be used.
    pub fn build(self) -> Result<Anthropic, ConfigError> {
        if self.key.is_blank() {
            return Err(ConfigError::MissingKey("ANTHROPIC_API_KEY"));
        }
        let secret = Secret::new(self.key.expose().trim());
        let mut key = HeaderValue::from_str(secret.expose()).map_err(|_| ConfigError::UnusableKey)?;
        key.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("x-api-key"), key);
        headers.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static(VERSION));
        let connection = Connection::new(&self.settings, PATH, headers, vec![secret])?;
        Ok(Anthropic { connection, settings: self.settings, omitted: Omitted::default() })
    }
}

impl fmt::Debug for AnthropicBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnthropicBuilder").field("model", &self.settings.model).finish_non_exhaustive()
    }
}

impl Anthropic {
    /// Starts with a key and the defaults.
    pub fn builder(key: impl Into<String>) -> AnthropicBuilder {
        AnthropicBuilder {
            key: Secret::new(key),
            settings: Settings::new(DEFAULT_BASE_URL, DEFAULT_MODEL, Profiles::anthropic()),
        }
    }

    /// From the environment: `ANTHROPIC_API_KEY`, and if set `ANTHROPIC_BASE_URL` and `LMS_AI_MODEL`.
    ///
    /// # Errors
    /// No key, or an address that cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// The same from any source of variables; blank ones count as not set.
    ///
    /// # Errors
    /// No key, or an address that cannot be used.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let var = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let mut builder = Self::builder(var("ANTHROPIC_API_KEY").ok_or(ConfigError::MissingKey("ANTHROPIC_API_KEY"))?);
        if let Some(base_url) = var("ANTHROPIC_BASE_URL") {
            builder = builder.base_url(base_url);
        }
        if let Some(model) = var("LMS_AI_MODEL") {
            builder = builder.model(model);
        }
        builder.build()
    }

    /// The model that answers requests that name none.
    pub fn model(&self) -> &str {
        &self.settings.model
    }

    async fn attempt(&self, request: &AiRequest) -> Result<AiResponse, Failure> {
        let started = Instant::now();
        let model = self.settings.model_of(&request.model);
        let streamed = request.max_tokens > STREAM_ABOVE;
        let native = self.settings.profiles.get(model).native_schema;
        let body = wire::Body::new(request, model, native, streamed, &self.omitted.of(model));
        let response = self.connection.post(&body, request.deadline).await?;
        let request_id = header(response.headers(), "request-id");
        let status = response.status().as_u16();
        let stream = streamed.then_some(request.max_tokens);
        let answer = self.answer(response, model, stream).await.map_err(|failure| {
            let failure = failure.with_status(status).with_request_id(request_id.clone());
            self.omitted.learn(model, failure, &body.optional())
        })?;
        let shown = |failure: Failure| failure.with_status(status).with_request_id(request_id.clone());
        self.connection.respond(answer, request_id.clone(), started).map_err(shown)
    }

    /// `stream`: the most tokens of an answer that was asked for as a stream.
    async fn answer(&self, response: Response, model: &str, stream: Option<u32>) -> Result<Answer, Failure> {
        if !response.status().is_success() {
            return Err(self.connection.refused(response, &failure::WORDS, model).await);
        }
        let kind = header(response.headers(), "content-type").unwrap_or_default();
        if let Some(max_tokens) = stream.filter(|_| kind.starts_with("text/event-stream")) {
            return stream::read(&self.connection, response, model, max_tokens).await;
        }
        wire::decode(&self.connection.json(response).await?, model)
    }
}

#[async_trait]
impl AiProvider for Anthropic {
    fn name(&self) -> &str {
        "anthropic"
    }

    fn profile(&self, model: &str) -> ModelProfile {
        self.settings.profiles.get(self.settings.model_of(model))
    }

    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        if request.deadline.is_zero() {
            return Err(ProviderError::new(ProviderErrorKind::Timeout, Retry::Now));
        }
        self.attempt(request).await.map_err(|failure| self.connection.error(failure))
    }
}

impl fmt::Debug for Anthropic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anthropic")
            .field("endpoint", &self.connection.endpoint())
            .field("model", &self.settings.model)
            .field("key", &Secret::new(""))
            .finish_non_exhaustive()
    }
}
