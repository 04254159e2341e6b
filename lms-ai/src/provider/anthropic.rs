//! Claude, by the Messages API of Anthropic.

mod body;
mod failure;
mod stream;
mod wire;

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lms_core::ai::{AiProvider, AiRequest, AiResponse, ModelProfile, ProviderError, ProviderErrorKind, Retry};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};

use super::{Profiles, Secret};
use failure::Failure;

/// The model that is asked where nobody names one.
pub const DEFAULT_MODEL: &str = "claude-sonnet-5-5";
/// The address of the service.
pub const DEFAULT_BASE_URL: &str = "https://api.anthropic.com";

const VERSION: &str = "2023-06-01";
const CONNECT: Duration = Duration::from_secs(5);
/// More output tokens than this are streamed, so that a silent connection can be told from a slow answer.
const STREAM_ABOVE: u32 = 8_192;
/// The service takes no larger request.
const REQUEST_CAP: usize = 32 * 1024 * 1024;

/// The Messages API, one attempt per call.
///
/// A call sends the system text, the parts and the schema, and nothing else unless the request has it. It
/// connects within 5 seconds and ends by the request's deadline, follows no redirect, retries nothing and
/// reads at most 2 MiB of an answer. Above 8,192 output tokens the answer is streamed and put together;
/// a stream that is silent for 60 seconds is a timeout.
///
/// The key is in no error, no log and no `Debug`.
pub struct Anthropic {
    client: Client,
    endpoint: Url,
    key: Secret,
    model: String,
    profiles: Profiles,
    answer_cap: usize,
    idle: Duration,
}

/// Why a provider cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no key.
    #[error("no API key: set `ANTHROPIC_API_KEY` or pass one")]
    MissingKey,
    /// The key has characters that no header can carry.
    #[error("the API key has characters that a header cannot carry")]
    UnusableKey,
    /// The address is none.
    #[error("the base address `{0}` is not an http or https address without query and credentials")]
    BadBaseUrl(String),
    /// The key would travel in the clear.
    #[error("the base address `{0}` is not https: the key would travel in the clear; allow it explicitly")]
    PlainHttp(String),
    /// The HTTP client cannot be made.
    #[error("cannot make the HTTP client: {0}")]
    Client(String),
}

/// What a provider is made of.
#[derive(Debug, Clone)]
pub struct AnthropicBuilder {
    key: Secret,
    base_url: String,
    model: String,
    profiles: Profiles,
    plain_http: bool,
    answer_cap: usize,
    idle: Duration,
}

impl AnthropicBuilder {
    /// Another address, such as a gateway's; `/v1/messages` is appended to its path.
    #[must_use]
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Another model for requests that name none.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Another table of models and prices.
    #[must_use]
    pub fn profiles(mut self, profiles: Profiles) -> Self {
        self.profiles = profiles;
        self
    }

    /// Whether an `http` address of another machine is taken, such as a gateway in a private network.
    /// This machine's own addresses always are.
    #[must_use]
    pub const fn allow_plain_http(mut self, allow: bool) -> Self {
        self.plain_http = allow;
        self
    }

    /// The most bytes of an answer; 2 MiB unless set.
    #[must_use]
    pub const fn answer_cap(mut self, bytes: usize) -> Self {
        self.answer_cap = bytes;
        self
    }

    /// How long a stream may be silent; 60 seconds unless set.
    #[must_use]
    pub const fn idle_timeout(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Makes the provider; connects to nothing.
    ///
    /// # Errors
    /// What of the settings cannot be used.
    pub fn build(self) -> Result<Anthropic, ConfigError> {
        if self.key.is_blank() {
            return Err(ConfigError::MissingKey);
        }
        let mut key = HeaderValue::from_str(self.key.expose().trim()).map_err(|_| ConfigError::UnusableKey)?;
        key.set_sensitive(true);
        let (endpoint, local) = endpoint(&self.base_url, self.plain_http)?;
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("x-api-key"), key);
        headers.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static(VERSION));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut client = Client::builder()
            .default_headers(headers)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        if local {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| ConfigError::Client(error.without_url().to_string()))?;
        Ok(Anthropic {
            client,
            endpoint,
            key: Secret::new(self.key.expose().trim()),
            model: self.model,
            profiles: self.profiles,
            answer_cap: self.answer_cap,
            idle: self.idle,
        })
    }
}

/// The address of the messages, and whether it is on this machine.
fn endpoint(base: &str, plain_http: bool) -> Result<(Url, bool), ConfigError> {
    let mut url = Url::parse(base.trim()).map_err(|_| ConfigError::BadBaseUrl(shown(base)))?;
    let clean = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && matches!(url.scheme(), "http" | "https");
    let Some(host) = url.host_str().filter(|_| clean) else {
        return Err(ConfigError::BadBaseUrl(shown(base)));
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let local = bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if url.scheme() == "http" && !local && !plain_http {
        return Err(ConfigError::PlainHttp(shown(base)));
    }
    let path = format!("{}/v1/messages", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok((url, local))
}

/// An address without what could be a credential: nothing before an `@` and nothing after a `?`.
fn shown(base: &str) -> String {
    let end = base.find(['?', '#']).unwrap_or(base.len());
    let head = base.get(..end).unwrap_or_default();
    head.rsplit('@').next().unwrap_or_default().chars().take(200).collect()
}

impl Anthropic {
    /// Starts with a key and the defaults.
    pub fn builder(key: impl Into<String>) -> AnthropicBuilder {
        AnthropicBuilder {
            key: Secret::new(key),
            base_url: DEFAULT_BASE_URL.to_owned(),
            model: DEFAULT_MODEL.to_owned(),
            profiles: Profiles::anthropic(),
            plain_http: false,
            answer_cap: 2 * 1024 * 1024,
            idle: Duration::from_secs(60),
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
        let mut builder = Self::builder(var("ANTHROPIC_API_KEY").ok_or(ConfigError::MissingKey)?);
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
        &self.model
    }

    fn model_of<'a>(&'a self, asked: &'a str) -> &'a str {
        if asked.is_empty() { &self.model } else { asked }
    }

    async fn attempt(&self, request: &AiRequest) -> Result<AiResponse, Failure> {
        let started = Instant::now();
        let model = self.model_of(&request.model);
        let streamed = request.max_tokens > STREAM_ABOVE;
        let native = self.profiles.get(model).native_schema;
        let body = wire::encode(request, model, native, streamed)?;
        if body.len() > REQUEST_CAP {
            let text = format!("the request has {} bytes, more than {REQUEST_CAP}", body.len());
            return Err(Failure::new(ProviderErrorKind::TooLarge, Retry::Never, text));
        }
        let response = self
            .client
            .post(self.endpoint.clone())
            .timeout(request.deadline)
            .body(body)
            .send()
            .await
            .map_err(failure::transport)?;
        let request_id = header(response.headers(), "request-id");
        let status = response.status().as_u16();
        let answer = self
            .answer(response, model, streamed)
            .await
            .map_err(|failure| failure.with_status(status).with_request_id(request_id.clone()))?;
        Ok(AiResponse {
            text: answer.text,
            model: answer.model,
            stop: answer.stop,
            raw_stop: answer.raw_stop,
            usage: answer.usage,
            request_id,
            message_id: answer.message_id,
            latency: started.elapsed(),
        })
    }

    async fn answer(&self, response: Response, model: &str, streamed: bool) -> Result<wire::Answer, Failure> {
        let status = response.status().as_u16();
        if !response.status().is_success() {
            let headers = response.headers().clone();
            // What the body says is worth less than the status: a body that breaks does not hide it.
            let body = body::read_prefix(response, body::ERROR_CAP).await;
            return Err(failure::from_status(status, &headers, &body, model));
        }
        let kind = header(response.headers(), "content-type").unwrap_or_default();
        if streamed && kind.starts_with("text/event-stream") {
            return stream::read(response, self.answer_cap, self.idle, model).await;
        }
        let body = body::read_all(response, self.answer_cap).await?;
        wire::decode(&body, model)
    }
}

#[async_trait]
impl AiProvider for Anthropic {
    fn name(&self) -> &str {
        "anthropic"
    }

    fn profile(&self, model: &str) -> ModelProfile {
        self.profiles.get(self.model_of(model))
    }

    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        if request.deadline.is_zero() {
            return Err(ProviderError::new(ProviderErrorKind::Timeout, Retry::Now));
        }
        self.attempt(request).await.map_err(|failure| failure.into_error(&self.key))
    }
}

impl fmt::Debug for Anthropic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anthropic")
            .field("endpoint", &self.endpoint.as_str())
            .field("model", &self.model)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|value| value.chars().take(200).collect())
}
