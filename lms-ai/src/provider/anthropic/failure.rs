//! How Anthropic tells of errors.

use lms_core::ai::ProviderErrorKind as Kind;
use serde_json::Value;

use super::super::http::{Told, Vocabulary, by_status, param_in, spending};

pub(super) const WORDS: Vocabulary = Vocabulary { told, kind };

fn told(value: &Value) -> Told {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    Told {
        r#type: text("/error/type").unwrap_or_default(),
        message: text("/error/message").unwrap_or_default(),
        code: text("/error/details/error_code").unwrap_or_default(),
        request_id: text("/request_id"),
        ..Told::default()
    }
}

/// The type of the error is worth more than the status.
fn kind(status: u16, told: &Told) -> Kind {
    if told.code == "enforced_spend_limit_reached" {
        return Kind::SpendLimit;
    }
    // Whatever the body calls it: of a refused key it may show a part, so nothing of it goes on.
    if matches!(status, 401 | 403) {
        return Kind::Auth;
    }
    match told.r#type.as_str() {
        "authentication_error" | "permission_error" => Kind::Auth,
        "billing_error" => Kind::SpendLimit,
        "not_found_error" => Kind::ModelUnavailable,
        "request_too_large" => Kind::TooLarge,
        "rate_limit_error" => Kind::RateLimited,
        "api_error" | "timeout_error" | "conflict_error" => Kind::Server,
        "overloaded_error" => Kind::Overloaded,
        "invalid_request_error" if status == 413 => Kind::TooLarge,
        "invalid_request_error" if spending(&told.message) => Kind::SpendLimit,
        "invalid_request_error" if told.message.to_lowercase().contains("prompt is too long") => Kind::TooLarge,
        "invalid_request_error" => Kind::BadRequest { param: param_in(&told.message) },
        _ => by_status(status, told),
    }
}
