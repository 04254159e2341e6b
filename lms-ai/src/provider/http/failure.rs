//! What went wrong, and whether it is worth another try.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use lms_core::ai::{ProviderError, ProviderErrorKind as Kind, Retry};
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::super::{NEVER_CONNECTED, Secret};

const EXCERPT: usize = 512;

/// An error in the making: its text has not been cleaned yet.
#[derive(Debug)]
pub(in crate::provider) struct Failure(ProviderError);

impl Failure {
    pub(in crate::provider) fn new(kind: Kind, retry: Retry, text: impl Into<String>) -> Self {
        Self(ProviderError { excerpt: text.into(), ..ProviderError::new(kind, retry) })
    }

    pub(in crate::provider) fn with_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    /// Keeps an id that the body has told, unless the header has one.
    pub(in crate::provider) fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id.or(self.0.request_id);
        self
    }

    /// Whether the service's own text names something.
    pub(in crate::provider) fn says(&self, what: &str) -> bool {
        self.0.excerpt.contains(what)
    }

    /// The same failure, worth another attempt.
    pub(super) fn again(mut self) -> Self {
        self.0.retry = Retry::Now;
        self
    }

    /// The field that the service complains of.
    pub(super) fn param(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::BadRequest { param } => param.as_deref(),
            _ => None,
        }
    }

    /// The error, with a text of at most 512 bytes in one line and without the secrets.
    pub(super) fn into_error(self, secrets: &[Secret]) -> ProviderError {
        let Self(mut error) = self;
        error.excerpt = clean(&error.excerpt, secrets);
        error.request_id = error.request_id.map(|id| super::word(&clean(&id, secrets)));
        if let Kind::BadRequest { param } = &mut error.kind {
            *param = param.take().map(|param| super::word(&clean(&param, secrets)));
        }
        error
    }
}

pub(in crate::provider) fn protocol(text: impl Into<String>) -> Failure {
    Failure::new(Kind::Protocol, Retry::Now, text)
}

pub(in crate::provider) fn timeout(text: impl Into<String>) -> Failure {
    Failure::new(Kind::Timeout, Retry::Now, text)
}

/// A failure below HTTP, or in the middle of a body.
pub(super) fn transport(error: reqwest::Error) -> Failure {
    if error.is_timeout() {
        let phase = if error.is_connect() { "connecting" } else { "waiting for the answer" };
        return timeout(format!("timed out while {phase}"));
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    if error.is_builder() {
        return Failure::new(Kind::BadRequest { param: None }, Retry::Never, text);
    }
    if error.is_connect() {
        text = format!("{NEVER_CONNECTED}: {text}");
    }
    Failure::new(Kind::Connect, Retry::Now, text)
}

/// What the body of an error says.
#[derive(Debug, Default)]
pub(in crate::provider) struct Told {
    /// The type of the error, in the service's word.
    pub(in crate::provider) r#type: String,
    /// A second, narrower word.
    pub(in crate::provider) code: String,
    pub(in crate::provider) message: String,
    /// The field that is complained of, where the service says so itself.
    pub(in crate::provider) param: Option<String>,
    /// The status that the body tells, which counts where HTTP told of a success.
    pub(in crate::provider) status: Option<u16>,
    pub(in crate::provider) request_id: Option<String>,
}

impl Told {
    fn says_nothing(&self) -> bool {
        self.r#type.is_empty() && self.code.is_empty() && self.message.is_empty()
    }
}

/// How a service tells of errors.
pub(in crate::provider) struct Vocabulary {
    /// Reads the body of an error.
    pub(in crate::provider) told: fn(&Value) -> Told,
    /// What kind of failure it is. The words are worth more than the status.
    pub(in crate::provider) kind: fn(u16, &Told) -> Kind,
}

impl Vocabulary {
    /// An answer with a status other than success.
    pub(super) fn of_status(&self, status: u16, headers: &HeaderMap, body: &[u8], model: &str) -> Failure {
        let told = serde_json::from_slice(body).map(|value| (self.told)(&value)).unwrap_or_default();
        let mut failure = self.judge(status, &told, model);
        if told.says_nothing() && failure.0.excerpt.is_empty() {
            failure.0.excerpt = format!("the service says nothing in its own form ({} bytes)", body.len());
        }
        let again = match headers.get("x-should-retry").map(|value| value.as_bytes()) {
            Some(b"true") if status >= 400 => true,
            Some(b"false") if status >= 400 => false,
            _ => failure.0.retry != Retry::Never,
        };
        failure.0.retry = match (again, pause(headers)) {
            (false, _) => Retry::Never,
            (true, Some(pause)) => Retry::After(pause),
            (true, None) => Retry::Now,
        };
        failure
    }

    /// An error that came as a success: in a stream, or from a gateway.
    pub(in crate::provider) fn of_event(&self, value: &Value, model: &str) -> Failure {
        let told = (self.told)(value);
        self.judge(told.status.unwrap_or(200), &told, model)
    }

    fn judge(&self, status: u16, told: &Told, model: &str) -> Failure {
        let kind = (self.kind)(status, told);
        let retry = match &kind {
            Kind::Server | Kind::Overloaded | Kind::RateLimited | Kind::Protocol => Retry::Now,
            _ => Retry::Never,
        };
        let text = match &kind {
            // The body of a refused key can hold fragments of the key.
            Kind::Auth => "the key is refused, or may not do this".to_owned(),
            Kind::ModelUnavailable => format!(
                "the model `{}` is not available; set another with LMS_AI_MODEL or in the request, and check the \
                 base address",
                model.chars().take(100).collect::<String>(),
            ),
            _ if told.r#type.is_empty() => told.message.clone(),
            _ => format!("{}: {}", told.r#type, told.message),
        };
        Failure::new(kind, retry, text).with_request_id(told.request_id.clone())
    }
}

/// The kind that a status stands for, where no word says more.
pub(in crate::provider) fn by_status(status: u16, told: &Told) -> Kind {
    match status {
        401 | 403 => Kind::Auth,
        402 => Kind::SpendLimit,
        404 => Kind::ModelUnavailable,
        408 | 409 | 500..=528 | 530..=599 => Kind::Server,
        413 => Kind::TooLarge,
        429 => Kind::RateLimited,
        529 => Kind::Overloaded,
        400..=499 if spending(&told.message) => Kind::SpendLimit,
        400..=499 => Kind::BadRequest { param: told.param.clone().or_else(|| param_in(&told.message)) },
        _ => Kind::Protocol,
    }
}

/// Whether a message tells of money or of the account's own limits.
pub(in crate::provider) fn spending(message: &str) -> bool {
    let lower = message.to_lowercase();
    ["usage limit", "credit balance", "exceeded your current quota", "insufficient credits", "spend limit"]
        .iter()
        .any(|mark| lower.contains(mark))
}

/// The field that a message complains of: `field.path: …`, or the first known name in it.
pub(in crate::provider) fn param_in(message: &str) -> Option<String> {
    const FIELDS: &[&str] = &[
        "temperature",
        "top_p",
        "top_k",
        "effort",
        "thinking",
        "output_config",
        "output_format",
        "response_format",
        "max_tokens",
        "max_completion_tokens",
        "cache_control",
        "metadata",
    ];
    const ROOTS: &[&str] = &["model", "messages", "system", "stream"];
    let lower = message.to_lowercase();
    let path = lower.split_once(": ").map(|(path, _)| path.trim_matches('`'));
    let rooted = path.filter(|path| {
        let root = path.split('.').next().unwrap_or_default();
        path.len() <= 100 && (FIELDS.contains(&root) || ROOTS.contains(&root))
    });
    if let Some(path) = rooted {
        return Some(path.to_owned());
    }
    let names: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    if let Some(field) = names.iter().find(|name| FIELDS.contains(name)) {
        let whole = if *field == "output_config" { "output_config.format" } else { *field };
        return Some(whole.to_owned());
    }
    // "Schema is too complex for compilation", "The compiled grammar is too large".
    ["schema", "json_schema", "grammar"]
        .iter()
        .any(|name| names.contains(name))
        .then(|| "output_config.format.schema".to_owned())
}

/// How long the service asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = |text: &str, unit: f64| -> Option<Duration> {
        let number = text.parse::<f64>().ok()? / unit;
        Duration::try_from_secs_f64(number).ok()
    };
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let asked = text("retry-after-ms").and_then(|ms| seconds(ms, 1000.0)).or_else(|| {
        let after = text("retry-after")?;
        seconds(after, 1.0).or_else(|| {
            // By the service's own clock, if it tells the time.
            let now = text("date").and_then(date).unwrap_or_else(SystemTime::now);
            date(after)?.duration_since(now).ok()
        })
    });
    asked.filter(|pause| !pause.is_zero())
}

/// One line of at most 512 bytes, with the secrets and whatever looks like one taken out.
fn clean(text: &str, secrets: &[Secret]) -> String {
    let mut bare = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_blank()) {
        bare = bare.replace(secret.expose(), "[key]");
    }
    let line: Vec<&str> = bare
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if word.contains("sk-") { "[key]" } else { word })
        .collect();
    let mut line = line.join(" ");
    if line.len() > EXCERPT {
        let end = (0..=EXCERPT - 3).rev().find(|&end| line.is_char_boundary(end)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}
