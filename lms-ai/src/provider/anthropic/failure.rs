//! What went wrong, and whether it is worth another try.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use lms_core::ai::{ProviderError, ProviderErrorKind as Kind, Retry};
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::super::Secret;

const EXCERPT: usize = 512;

/// An error in the making: its text has not been cleaned yet.
#[derive(Debug)]
pub(super) struct Failure(ProviderError);

impl Failure {
    pub(super) fn new(kind: Kind, retry: Retry, text: impl Into<String>) -> Self {
        Self(ProviderError { excerpt: text.into(), ..ProviderError::new(kind, retry) })
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    /// Keeps an id that the body has told, unless the header has one.
    pub(super) fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id.or(self.0.request_id);
        self
    }

    /// The error, with a text of at most 512 bytes in one line and without the key.
    pub(super) fn into_error(self, key: &Secret) -> ProviderError {
        let Self(mut error) = self;
        error.excerpt = clean(&error.excerpt, key);
        error.request_id = error.request_id.map(|id| clean(&id, key));
        if let Kind::BadRequest { param } = &mut error.kind {
            *param = param.take().map(|param| clean(&param, key));
        }
        error
    }
}

pub(super) fn protocol(text: impl Into<String>) -> Failure {
    Failure::new(Kind::Protocol, Retry::Now, text)
}

pub(super) fn timeout(text: impl Into<String>) -> Failure {
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
    Failure::new(Kind::Connect, Retry::Now, text)
}

/// What the body of an error says.
#[derive(Default)]
struct Told {
    r#type: String,
    message: String,
    code: String,
    request_id: Option<String>,
}

impl Told {
    fn read(value: &Value) -> Self {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Self {
            r#type: text("/error/type").unwrap_or_default(),
            message: text("/error/message").unwrap_or_default(),
            code: text("/error/details/error_code").unwrap_or_default(),
            request_id: text("/request_id"),
        }
    }
}

/// An answer with a status other than success.
pub(super) fn from_status(status: u16, headers: &HeaderMap, body: &[u8], model: &str) -> Failure {
    let told = serde_json::from_slice(body).map(|value| Told::read(&value)).unwrap_or_default();
    let mut failure = judge(status, &told, model);
    if told.r#type.is_empty() && failure.0.excerpt.is_empty() {
        failure.0.excerpt = format!("the service says nothing in its own form ({} bytes)", body.len());
    }
    let pause = pause(headers);
    let again = match headers.get("x-should-retry").map(|value| value.as_bytes()) {
        Some(b"true") if status >= 400 => true,
        Some(b"false") if status >= 400 => false,
        _ => failure.0.retry != Retry::Never,
    };
    failure.0.retry = match (again, pause) {
        (false, _) => Retry::Never,
        (true, Some(pause)) => Retry::After(pause),
        (true, None) => Retry::Now,
    };
    failure
}

/// An error that came as a success: in a stream, or from a gateway.
pub(super) fn from_event(value: &Value, model: &str) -> Failure {
    judge(200, &Told::read(value), model)
}

fn judge(status: u16, told: &Told, model: &str) -> Failure {
    let kind = kind(status, told);
    let retry = match &kind {
        Kind::Server | Kind::Overloaded | Kind::RateLimited | Kind::Protocol => Retry::Now,
        _ => Retry::Never,
    };
    let text = match &kind {
        // The body of a refused key can hold fragments of the key.
        Kind::Auth => "the key is refused, or may not do this".to_owned(),
        Kind::ModelUnavailable => format!(
            "the model `{}` is not available; set another with LMS_AI_MODEL or in the request, and check the base address",
            model.chars().take(100).collect::<String>(),
        ),
        _ if told.r#type.is_empty() => told.message.clone(),
        _ => format!("{}: {}", told.r#type, told.message),
    };
    Failure::new(kind, retry, text).with_request_id(told.request_id.clone())
}

/// The type of the error is worth more than the status.
fn kind(status: u16, told: &Told) -> Kind {
    if told.code == "enforced_spend_limit_reached" {
        return Kind::SpendLimit;
    }
    match told.r#type.as_str() {
        "authentication_error" | "permission_error" => Kind::Auth,
        "billing_error" => Kind::SpendLimit,
        "not_found_error" => Kind::ModelUnavailable,
        "request_too_large" => Kind::TooLarge,
        "rate_limit_error" => Kind::RateLimited,
        "api_error" | "timeout_error" | "conflict_error" => Kind::Server,
        "overloaded_error" => Kind::Overloaded,
        "invalid_request_error" => refused(status, &told.message),
        _ => match status {
            401 | 403 => Kind::Auth,
            402 => Kind::SpendLimit,
            404 => Kind::ModelUnavailable,
            408 | 409 | 500..=528 | 530..=599 => Kind::Server,
            413 => Kind::TooLarge,
            429 => Kind::RateLimited,
            529 => Kind::Overloaded,
            400..=499 => refused(status, &told.message),
            _ => Kind::Protocol,
        },
    }
}

fn refused(status: u16, message: &str) -> Kind {
    let lower = message.to_lowercase();
    if status == 413 {
        return Kind::TooLarge;
    }
    if lower.contains("usage limit") || lower.contains("credit balance") {
        return Kind::SpendLimit;
    }
    Kind::BadRequest { param: param(&lower) }
}

/// The field that a message complains of: `field.path: …`, or the first known name in it.
fn param(lower: &str) -> Option<String> {
    const FIELDS: &[&str] = &[
        "temperature",
        "top_p",
        "top_k",
        "effort",
        "thinking",
        "output_config",
        "output_format",
        "max_tokens",
        "cache_control",
        "metadata",
    ];
    const ROOTS: &[&str] = &["model", "messages", "system", "stream"];
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
    (names.contains(&"schema") || names.contains(&"grammar")).then(|| "output_config.format.schema".to_owned())
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

/// One line of at most 512 bytes, with the key and whatever looks like one taken out.
fn clean(text: &str, key: &Secret) -> String {
    let bare = text.replace(key.expose(), "[key]");
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
