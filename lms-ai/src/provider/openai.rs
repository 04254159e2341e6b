//! OpenAI, and every service that speaks its language.

mod failure;
mod ollama;
mod preset;
mod wire;

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lms_core::ai::{AiProvider, AiRequest, AiResponse, ModelProfile, ProviderError, ProviderErrorKind, Retry};
use reqwest::Response;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::http::{Answer, ConfigError, Connection, Failure, Omitted, Settings, common_settings, decimal, header};
use super::{Profiles, Secret};
use crate::schema::{Dialect, Ordered, in_dialect};
use wire::{JsonSchema, Message, ResponseFormat, schema_name};

pub use preset::{Preset, Structured, TokenField};

/// The chat completions of OpenAI and of the services that offer the same, one attempt per call.
///
/// What differs from service to service are its settings: begin with a [`Preset`]. It connects within 5
/// seconds and ends by the request's deadline, follows no redirect, retries nothing and reads at most 2 MiB
/// of an answer. An optional field that a model refuses by name is left out of later calls to that model,
/// and the refusal says that another attempt is worth it.
///
/// The schema counts as native ([`ModelProfile::native_schema`]) only where the service shows it to the
/// model; elsewhere the caller prints it in the prompt, and the service is asked to enforce it beside that.
///
/// The key and the values of the host's headers are in no error, no log and no `Debug`. Not for Claude:
/// Anthropic's endpoint of this form ignores the schema.
///
/// ```
/// use lms_ai::provider::{OpenAiCompatible, Preset, Structured};
///
/// let here = OpenAiCompatible::preset(Preset::Vllm).model("qwen3-32b").build()?;
/// let other = OpenAiCompatible::preset(Preset::Compatible)
///     .named("deepseek")
///     .base_url("https://api.deepseek.com/v1")
///     .api_key("…")
///     .model("deepseek-chat")
///     .structured(Structured::JsonObject)
///     .build();
/// # drop((here, other));
/// # Ok::<(), lms_ai::provider::ConfigError>(())
/// ```
pub struct OpenAiCompatible {
    connection: Connection,
    settings: Settings,
    knobs: Knobs,
    omitted: Omitted,
}

#[derive(Debug, Clone)]
struct Knobs {
    name: String,
    max_tokens_field: TokenField,
    structured: Structured,
    schema_in_prompt: bool,
    extra_body: Map<String, Value>,
}

/// What a provider is made of. `Debug` shows neither the key nor the host's headers and fields.
#[derive(Clone)]
pub struct OpenAiCompatibleBuilder {
    key: Option<Secret>,
    key_needed: bool,
    headers: Vec<(String, Secret)>,
    settings: Settings,
    knobs: Knobs,
}

/// The fields of a request that are not the host's to set.
const RESERVED: &[&str] =
    &["model", "messages", "stream", "n", "response_format", "format", "max_tokens", "max_completion_tokens"];

impl OpenAiCompatibleBuilder {
    common_settings!("/chat/completions");

    /// The key; none for most servers on one's own machine.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(Secret::new(key));
        self
    }

    /// The name in the log; the preset's unless set.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.knobs.name = name.into();
        self
    }

    /// The field that bounds the answer.
    #[must_use]
    pub const fn max_tokens_field(mut self, field: TokenField) -> Self {
        self.knobs.max_tokens_field = field;
        self
    }

    /// How the shape of the answer is asked for.
    #[must_use]
    pub const fn structured(mut self, structured: Structured) -> Self {
        self.knobs.structured = structured;
        self
    }

    /// Whether the prompt holds the schema though the service enforces it: for services that do not show
    /// it to the model. Without a schema for the service it always does.
    #[must_use]
    pub const fn schema_in_prompt(mut self, shown: bool) -> Self {
        self.knobs.schema_in_prompt = shown;
        self
    }

    /// One more field of every request, such as `reasoning_effort`; of Ollama's `options`, each by itself
    /// stands above ours.
    #[must_use]
    pub fn extra_body(mut self, field: impl Into<String>, value: Value) -> Self {
        self.knobs.extra_body.insert(field.into(), value);
        self
    }

    /// One more header of every request, such as `api-key`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), Secret::new(value)));
        self
    }

    /// Makes the provider; connects to nothing.
    ///
    /// # Errors
    /// What of the settings cannot be used.
    pub fn build(mut self) -> Result<OpenAiCompatible, ConfigError> {
        if let Some(field) = self.knobs.extra_body.keys().find(|field| RESERVED.contains(&field.as_str())) {
            return Err(ConfigError::ReservedField(field.clone()));
        }
        let mut headers = HeaderMap::new();
        let mut secrets = Vec::new();
        match self.key.as_ref().filter(|key| !key.is_blank()) {
            Some(key) => {
                let key = key.expose().trim();
                let mut value =
                    HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| ConfigError::UnusableKey)?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
                secrets.push(Secret::new(key));
            }
            None if self.key_needed => return Err(ConfigError::MissingKey("OPENAI_API_KEY")),
            None => {}
        }
        for (name, value) in &self.headers {
            let bad = || ConfigError::BadHeader(name.clone());
            let mut sent = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
            sent.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?, sent);
            // Short values are words such as `true`, and no secrets.
            if value.expose().len() >= 8 {
                secrets.push(value.clone());
            }
        }
        let ollama = self.knobs.structured == Structured::OllamaFormat;
        if ollama {
            // The address of the other interface is as good.
            let base = self.settings.base_url.trim().trim_end_matches('/');
            self.settings.base_url = base.strip_suffix("/v1").unwrap_or(base).to_owned();
        }
        let path = if ollama { "/api/chat" } else { "/chat/completions" };
        let connection = Connection::new(&self.settings, path, headers, secrets)?;
        Ok(OpenAiCompatible { connection, settings: self.settings, knobs: self.knobs, omitted: Omitted::default() })
    }
}

impl fmt::Debug for OpenAiCompatibleBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiCompatibleBuilder")
            .field("name", &self.knobs.name)
            .field("model", &self.settings.model)
            .field("structured", &self.knobs.structured)
            .finish_non_exhaustive()
    }
}

impl OpenAiCompatible {
    /// Starts with what is known of a service.
    pub fn preset(preset: Preset) -> OpenAiCompatibleBuilder {
        let set = preset.set();
        OpenAiCompatibleBuilder {
            key: None,
            key_needed: set.key_needed,
            headers: Vec::new(),
            settings: Settings::new(set.base_url, "", set.profiles),
            knobs: Knobs {
                name: set.name.to_owned(),
                max_tokens_field: set.max_tokens_field,
                structured: set.structured,
                schema_in_prompt: set.schema_in_prompt,
                extra_body: set.extra_body,
            },
        }
    }

    /// From the environment: `LMS_AI_MODEL`, `OPENAI_API_KEY` where the service needs a key, and if set
    /// `OPENAI_BASE_URL`. `LMS_AI_PROVIDER` may name a [`Preset`]; otherwise the address tells which.
    ///
    /// # Errors
    /// No model, no key, or an address or a name that cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// The same from any source of variables; blank ones count as not set.
    ///
    /// # Errors
    /// No model, no key, or an address or a name that cannot be used.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let var = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let base_url = var("OPENAI_BASE_URL");
        let preset = match (var("LMS_AI_PROVIDER"), &base_url) {
            (Some(name), _) => name.parse()?,
            (None, Some(base_url)) => Preset::of_address(base_url),
            (None, None) => Preset::OpenAi,
        };
        let mut builder = Self::preset(preset).model(var("LMS_AI_MODEL").ok_or(ConfigError::MissingModel)?);
        if let Some(base_url) = base_url {
            builder = builder.base_url(base_url);
        }
        if let Some(key) = var("OPENAI_API_KEY") {
            builder = builder.api_key(key);
        }
        builder.build()
    }

    /// The model that answers requests that name none.
    pub fn model(&self) -> &str {
        &self.settings.model
    }

    /// Whether the service shows a model the schema.
    fn is_native(&self, model: &str) -> bool {
        let enforced = matches!(self.knobs.structured, Structured::JsonSchema | Structured::OllamaFormat);
        enforced && !self.knobs.schema_in_prompt && self.settings.profiles.get(model).native_schema
    }

    async fn attempt(&self, request: &AiRequest) -> Result<AiResponse, Failure> {
        let started = Instant::now();
        let model = self.settings.model_of(&request.model);
        let user = request.user_text();
        let (sent, response) = self.send(request, model, &user).await?;
        let request_id = header(response.headers(), "x-request-id");
        let status = response.status().as_u16();
        let answer = self.answer(response, model).await.map_err(|failure| {
            let failure = failure.with_status(status).with_request_id(request_id.clone());
            // A number of tokens that is refused is no reason for another field.
            let renamed = failure.says("max_completion_tokens");
            let sent: Vec<_> = sent.into_iter().filter(|field| *field != "max_tokens" || renamed).collect();
            self.omitted.learn(model, failure, &sent)
        })?;
        let shown = |failure: Failure| failure.with_status(status).with_request_id(request_id.clone());
        self.connection.respond(answer, request_id.clone(), started).map_err(shown)
    }

    /// Sends a request; gives the fields of it that can be left out, and the answer.
    async fn send(
        &self,
        request: &AiRequest,
        model: &str,
        user: &str,
    ) -> Result<(Vec<&'static str>, Response), Failure> {
        let omitted = self.omitted.of(model);
        let takes = |field: &str| !omitted.contains(field);
        let temperature = request.temperature.filter(|_| takes("temperature")).map(decimal);
        let temperature = temperature.filter(|_| !self.knobs.extra_body.contains_key("temperature"));
        let mut messages = Vec::with_capacity(2);
        if !request.system.trim().is_empty() {
            messages.push(Message { role: "system", content: &request.system });
        }
        messages.push(Message { role: "user", content: user });
        // A schema of `null` is one that the caller took out.
        let schema = Some(&request.schema.json).filter(|schema| !schema.is_null() && takes("response_format"));
        let mut sent = Vec::new();
        if temperature.is_some() {
            sent.push("temperature");
        }
        // Where the prompt holds the schema, the answer has its shape also without the service's help.
        let spared = !self.is_native(model);
        if self.knobs.structured == Structured::OllamaFormat {
            if schema.is_some() && spared {
                sent.push("response_format");
            }
            let schema = schema.map(|schema| in_dialect(schema, Dialect::OllamaFormat));
            let mut extra = self.knobs.extra_body.clone();
            let own = extra.remove("options");
            let prompt = request.system.len() + user.len();
            let options = ollama::options(prompt, request.max_tokens, temperature, own.as_ref());
            let format = schema.as_ref().map(Ordered);
            let body = ollama::Body { model, messages, stream: false, format, options, extra };
            return Ok((sent, self.connection.post(&body, request.deadline).await?));
        }
        let strict = schema.map(|schema| in_dialect(schema, Dialect::OpenAiStrict));
        let response_format = match self.knobs.structured {
            Structured::JsonSchema => strict.as_ref().map(|schema| ResponseFormat::JsonSchema {
                json_schema: JsonSchema {
                    name: schema_name(&request.schema.name),
                    strict: true,
                    schema: Ordered(schema),
                },
            }),
            Structured::JsonObject => takes("response_format").then_some(ResponseFormat::JsonObject),
            Structured::PromptOnly | Structured::OllamaFormat => None,
        };
        if response_format.is_some() && spared {
            sent.push("response_format");
        }
        // Who refuses the old field by name takes the new one.
        let new_field = self.knobs.max_tokens_field == TokenField::MaxCompletionTokens || !takes("max_tokens");
        if !new_field {
            sent.push("max_tokens");
        }
        let body = wire::Body {
            model,
            messages,
            max_tokens: (!new_field).then_some(request.max_tokens),
            max_completion_tokens: new_field.then_some(request.max_tokens),
            response_format,
            temperature,
            extra: &self.knobs.extra_body,
        };
        Ok((sent, self.connection.post(&body, request.deadline).await?))
    }

    async fn answer(&self, response: Response, model: &str) -> Result<Answer, Failure> {
        if !response.status().is_success() {
            return Err(self.connection.refused(response, &failure::WORDS, model).await);
        }
        let value = self.connection.json(response).await?;
        if self.knobs.structured == Structured::OllamaFormat {
            ollama::decode(&value, model)
        } else {
            wire::decode(&value, model)
        }
    }
}

#[async_trait]
impl AiProvider for OpenAiCompatible {
    fn name(&self) -> &str {
        &self.knobs.name
    }

    fn profile(&self, model: &str) -> ModelProfile {
        let model = self.settings.model_of(model);
        ModelProfile { native_schema: self.is_native(model), ..self.settings.profiles.get(model) }
    }

    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        if request.deadline.is_zero() {
            return Err(ProviderError::new(ProviderErrorKind::Timeout, Retry::Now));
        }
        self.attempt(request).await.map_err(|failure| self.connection.error(failure))
    }
}

impl fmt::Debug for OpenAiCompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiCompatible")
            .field("name", &self.knobs.name)
            .field("endpoint", &self.connection.endpoint())
            .field("model", &self.settings.model)
            .field("structured", &self.knobs.structured)
            .finish_non_exhaustive()
    }
}
