//! How OpenAI and the services that speak its language tell of errors.

use lms_core::ai::ProviderErrorKind as Kind;
use serde_json::Value;

use super::super::http::{Told, Vocabulary, by_status, param_in};

pub(super) const WORDS: Vocabulary = Vocabulary { told, kind };

/// Whether a body that came with a success is an error.
pub(super) fn is_error(value: &Value) -> bool {
    value.get("error").is_some_and(|error| !error.is_null())
        || value.get("object").and_then(Value::as_str) == Some("error")
}

/// `{"error": {…}}`, an error that is the whole body, `{"error": "…"}` or `{"detail": "…"}`.
fn told(value: &Value) -> Told {
    let error = value.get("error").filter(|error| error.is_object()).unwrap_or(value);
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let message = text("message")
        .or_else(|| value.get("error").and_then(Value::as_str).map(str::to_owned))
        .or_else(|| text("detail"))
        .unwrap_or_default();
    // OpenRouter refuses texts of people with 403 and says which; that is not the key's fault.
    let moderated = ["/metadata/reasons", "/metadata/flagged_input"].iter().any(|at| error.pointer(at).is_some());
    Told {
        r#type: if moderated { MODERATED.to_owned() } else { text("type").unwrap_or_default() },
        code: text("code").unwrap_or_default(),
        message: if moderated { "the service's moderation refused the prompt".to_owned() } else { message },
        param: text("param").filter(|param| !param.is_empty()),
        status: error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()),
        request_id: None,
    }
}

const MODERATED: &str = "moderation";

fn kind(status: u16, told: &Told) -> Kind {
    match by_words(status, told) {
        // "failed to parse grammar", "json_schema or grammar, not both": it comes of one field here.
        Kind::BadRequest { param: Some(param) } if param.starts_with("output_config") => {
            Kind::BadRequest { param: Some("response_format".to_owned()) }
        }
        kind => kind,
    }
}

/// The code and the type are worth more than the status, as far as they say more.
fn by_words(status: u16, told: &Told) -> Kind {
    // Whatever the body calls it: of a refused key it may show a part, so nothing of it goes on.
    if status == 401 {
        return Kind::Auth;
    }
    let words = [told.code.as_str(), told.r#type.as_str()];
    let any = |known: &[&str]| words.iter().any(|word| known.contains(word));
    if any(&["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "enforced_spend_limit_reached"])
    {
        return Kind::SpendLimit;
    }
    if any(&["model_not_found", "NotFoundError", "not_found_error"]) {
        return Kind::ModelUnavailable;
    }
    if any(&["invalid_api_key", "authentication_error", "permission_error", "permission_denied"]) {
        return Kind::Auth;
    }
    if any(&["context_length_exceeded", "exceed_context_size_error", "string_above_max_length", "request_too_large"]) {
        return Kind::TooLarge;
    }
    if any(&["rate_limit_exceeded", "rate_limit_error"]) {
        return Kind::RateLimited;
    }
    if any(&["overloaded_error", "engine_overloaded", "slow_down"]) {
        return Kind::Overloaded;
    }
    if any(&[
        "server_error",
        "api_error",
        "internal_error",
        "InternalServerError",
        "timeout_error",
        "unavailable_error",
    ]) {
        return Kind::Server;
    }
    let refused = [MODERATED, "BadRequestError", "content_filter", "content_policy_violation"];
    // A success that tells of an error by no number is judged by the error alone.
    if any(&refused) || status < 300 && any(&["invalid_request_error"]) {
        return Kind::BadRequest { param: told.param.clone().or_else(|| param_in(&told.message)) };
    }
    by_status(status, told)
}
