//! What every provider behind HTTP does in the same way: the client, the address, reading with a cap, and
//! telling failures apart.

mod body;
mod config;
mod failure;
mod omitted;
mod shown;

use std::time::{Duration, Instant};

use lms_core::ai::{AiResponse, ProviderError, ProviderErrorKind, Retry, Stop, Usage};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Response, Url};
use serde::Serialize;
use serde_json::Value;

use super::Secret;

pub(super) use body::over;
pub use config::ConfigError;
pub(super) use config::{Settings, common_settings};
pub(super) use failure::{Failure, Told, Vocabulary, by_status, param_in, protocol, spending, timeout};
pub(super) use omitted::Omitted;

const CONNECT: Duration = Duration::from_secs(5);
/// No service takes a larger request.
const REQUEST_CAP: usize = 32 * 1024 * 1024;
/// A shorter key could stand in an answer by chance.
const SHOWN: usize = 8;
/// More bytes than stand around the text of an event in a stream.
const EVENT: usize = 256;
/// The longest id or word of a service that is kept, in characters.
const WORD: usize = 200;

/// The way to a service: one client, one address.
pub(super) struct Connection {
    client: Client,
    endpoint: Url,
    secrets: Vec<Secret>,
    answer_cap: usize,
    idle: Duration,
}

impl Connection {
    /// Connects to nothing yet. `secrets` are taken out of whatever an error says.
    pub(super) fn new(
        settings: &Settings,
        path: &str,
        mut headers: HeaderMap,
        secrets: Vec<Secret>,
    ) -> Result<Self, ConfigError> {
        let (endpoint, local) = config::endpoint(&settings.base_url, path, settings.plain_http)?;
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
        Ok(Self { client, endpoint, secrets, answer_cap: settings.answer_cap, idle: settings.idle })
    }

    pub(super) fn endpoint(&self) -> &str {
        self.endpoint.as_str()
    }

    /// Sends a request, once.
    pub(super) async fn post(&self, body: &impl Serialize, deadline: Duration) -> Result<Response, Failure> {
        let body = serde_json::to_vec(body).map_err(|_| {
            let text = "the request cannot be written as JSON";
            Failure::new(ProviderErrorKind::BadRequest { param: None }, Retry::Never, text)
        })?;
        if body.len() > REQUEST_CAP {
            let text = format!("the request has {} bytes, more than {REQUEST_CAP}", body.len());
            return Err(Failure::new(ProviderErrorKind::TooLarge, Retry::Never, text));
        }
        let request = self.client.post(self.endpoint.clone()).timeout(deadline).body(body);
        request.send().await.map_err(failure::transport)
    }

    /// The answer of a status other than success, as a failure.
    pub(super) async fn refused(&self, response: Response, words: &Vocabulary, model: &str) -> Failure {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // What the body says is worth less than the status: a body that breaks does not hide it.
        let body = body::read_prefix(response, body::ERROR_CAP).await;
        words.of_status(status, &headers, &body, model)
    }

    /// The whole body of a success, as JSON.
    pub(super) async fn json(&self, response: Response) -> Result<Value, Failure> {
        plain(&response)?;
        let body = body::read_all(response, self.answer_cap).await?;
        let text = std::str::from_utf8(&body).map_err(|_| protocol("the answer is not UTF-8"))?;
        serde_json::from_str(text).map_err(|error| {
            protocol(format!("the answer is not JSON (line {}, column {})", error.line(), error.column()))
        })
    }

    /// The most bytes of the text of an answer.
    pub(super) const fn answer_cap(&self) -> usize {
        self.answer_cap
    }

    /// The most bytes of a stream that brings so many tokens: around each there may be an event of its own.
    pub(super) fn stream_cap(&self, max_tokens: u32) -> usize {
        let around = usize::try_from(max_tokens).unwrap_or(usize::MAX).saturating_mul(EVENT);
        self.answer_cap.saturating_add(around)
    }

    /// The next piece of a stream of which `seen` bytes came before; fails where none comes for a while, and
    /// above `cap` bytes in all.
    pub(super) async fn chunk(
        &self,
        response: &mut Response,
        seen: &mut usize,
        cap: usize,
    ) -> Result<Option<Vec<u8>>, Failure> {
        plain(response)?;
        let chunk = tokio::time::timeout(self.idle, response.chunk())
            .await
            .map_err(|_| timeout("the stream fell silent"))?
            .map_err(failure::transport)?;
        *seen = seen.saturating_add(chunk.as_ref().map_or(0, |chunk| chunk.len()));
        if *seen > cap { Err(over(cap)) } else { Ok(chunk.map(Into::into)) }
    }

    /// The answer for the engine, which logs it: one that shows a secret is none.
    pub(super) fn respond(
        &self,
        answer: Answer,
        request_id: Option<String>,
        started: Instant,
    ) -> Result<AiResponse, Failure> {
        let response = answer.into_response(request_id, started);
        let [request, message] =
            [&response.request_id, &response.message_id].map(|id| id.as_deref().unwrap_or_default());
        let category = match &response.stop {
            Stop::Refused { category } => category.as_deref().unwrap_or_default(),
            _ => "",
        };
        let told = [response.text.as_str(), &response.model, &response.raw_stop, category, request, message];
        let secrets = self.secrets.iter().map(Secret::expose).filter(|secret| secret.len() >= SHOWN);
        for secret in secrets {
            if told.iter().any(|text| shown::shows(text, secret)) {
                return Err(protocol("the answer shows the key"));
            }
        }
        Ok(response)
    }

    /// The error of a failure, without anything secret.
    pub(super) fn error(&self, failure: Failure) -> ProviderError {
        failure.into_error(&self.secrets)
    }
}

/// We ask for no compression: what comes packed all the same is not unpacked, for a small packet can hold
/// a whole memory full.
fn plain(response: &Response) -> Result<(), Failure> {
    let packed = header(response.headers(), CONTENT_ENCODING.as_str())
        .is_some_and(|how| !how.is_empty() && !how.eq_ignore_ascii_case("identity"));
    if packed { Err(protocol("the answer is compressed, which was not asked for")) } else { Ok(()) }
}

/// What an answer says.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) model: String,
    pub(super) stop: Stop,
    pub(super) raw_stop: String,
    pub(super) usage: Usage,
    pub(super) message_id: Option<String>,
}

impl Answer {
    /// The answer for the engine. The text of a refusal is thrown away; ids and words of the service are
    /// bounded, for they go into columns of the log.
    fn into_response(self, request_id: Option<String>, started: Instant) -> AiResponse {
        let (text, stop) = match self.stop {
            Stop::Refused { category } => (String::new(), Stop::Refused { category: category.as_deref().map(word) }),
            stop => (self.text, stop),
        };
        AiResponse {
            text,
            model: word(&self.model),
            stop,
            raw_stop: word(&self.raw_stop),
            usage: self.usage,
            request_id,
            message_id: self.message_id.as_deref().map(word),
            latency: started.elapsed(),
        }
    }
}

/// A word of the service, short and without control characters.
pub(super) fn word(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WORD).collect()
}

pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(word)
}

/// The shortest decimal that is this number, so that 0.2 does not become 0.20000000298.
pub(super) fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| f64::from(number))
}
