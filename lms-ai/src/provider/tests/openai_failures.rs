use std::time::{Duration, Instant};

use lms_core::ai::{AiProvider, AiRequest, ProviderError, ProviderErrorKind as Kind, Retry};
use serde_json::{Value, json};

use super::openai::at;
use super::server::{Say, Server, http, nobody};
use super::{KEY, claude, request};
use crate::provider::{OpenAiCompatible, Preset};

async fn failed(preset: Preset, status: u16, head: &str, body: impl AsRef<[u8]>) -> ProviderError {
    let server = Server::start(Say::Bytes(http(status, head, body))).await;
    let provider = at(&server, preset).header("api-key", "other-secret-9876").build().unwrap();
    let error = provider.complete(&request()).await.unwrap_err();
    assert_eq!(server.asked().len(), 1, "one attempt on the wire");
    assert_eq!((error.http_status, error.request_id.as_deref()), (Some(status), Some("req_h")));
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("0123456789") && !shown.contains("9876"), "{shown}");
    assert!(error.excerpt.len() <= 512);
    error
}

fn told(error: Value) -> String {
    json!({ "error": error }).to_string()
}

fn bad(param: Option<&str>) -> Kind {
    Kind::BadRequest { param: param.map(str::to_owned) }
}

#[tokio::test]
async fn a_status_without_a_word_has_its_kind() {
    for (code, kind, retry) in [
        (302, Kind::Protocol, Retry::Now),
        (400, bad(None), Retry::Never),
        (401, Kind::Auth, Retry::Never),
        (402, Kind::SpendLimit, Retry::Never),
        (403, Kind::Auth, Retry::Never),
        (404, Kind::ModelUnavailable, Retry::Never),
        (408, Kind::Server, Retry::Now),
        (409, Kind::Server, Retry::Now),
        (413, Kind::TooLarge, Retry::Never),
        (422, bad(None), Retry::Never),
        (429, Kind::RateLimited, Retry::Now),
        (500, Kind::Server, Retry::Now),
        (503, Kind::Server, Retry::Now),
        (529, Kind::Overloaded, Retry::Now),
    ] {
        let error = failed(Preset::OpenAi, code, "content-type: text/html\r\n", "<html>oops</html>").await;
        assert_eq!((error.kind, error.retry), (kind, retry), "{code}");
        assert!(!error.excerpt.contains("oops"), "{}", error.excerpt);
    }
}

#[tokio::test]
async fn words_are_worth_more_than_the_status() {
    for (status, error, kind, retry) in [
        (
            429,
            json!({ "type": "insufficient_quota", "code": "insufficient_quota", "message": "You exceeded your current quota" }),
            Kind::SpendLimit,
            Retry::Never,
        ),
        (
            429,
            json!({ "type": "tokens", "code": "rate_limit_exceeded", "message": "slow" }),
            Kind::RateLimited,
            Retry::Now,
        ),
        (
            400,
            json!({ "type": "invalid_request_error", "code": "billing_hard_limit_reached", "message": "no" }),
            Kind::SpendLimit,
            Retry::Never,
        ),
        (
            404,
            json!({ "type": "invalid_request_error", "code": "model_not_found", "message": "no" }),
            Kind::ModelUnavailable,
            Retry::Never,
        ),
        (
            400,
            json!({ "type": "invalid_request_error", "code": "model_not_found", "message": "no" }),
            Kind::ModelUnavailable,
            Retry::Never,
        ),
        (
            401,
            json!({ "type": "invalid_request_error", "code": "invalid_api_key", "message": "no" }),
            Kind::Auth,
            Retry::Never,
        ),
        (
            400,
            json!({ "type": "invalid_request_error", "code": "context_length_exceeded", "message": "no" }),
            Kind::TooLarge,
            Retry::Never,
        ),
        (
            400,
            json!({ "type": "exceed_context_size_error", "code": 400, "message": "no" }),
            Kind::TooLarge,
            Retry::Never,
        ),
        (400, json!({ "type": "BadRequestError", "code": 400, "message": "no" }), bad(None), Retry::Never),
        (500, json!({ "type": "server_error", "message": "no" }), Kind::Server, Retry::Now),
        (
            503,
            json!({ "type": "unavailable_error", "code": 503, "message": "Loading model" }),
            Kind::Server,
            Retry::Now,
        ),
        (
            400,
            json!({ "type": "invalid_request_error", "param": "temperature", "message": "no" }),
            bad(Some("temperature")),
            Retry::Now,
        ),
        (400, json!({ "type": "invalid_request_error", "param": null, "message": "no" }), bad(None), Retry::Never),
        (
            403,
            json!({ "code": 403, "message": "flagged", "metadata": { "reasons": ["violence"], "flagged_input": "a text" } }),
            bad(None),
            Retry::Never,
        ),
    ] {
        let server = Server::start(Say::Bytes(http(status, "", told(error.clone())))).await;
        let asked = AiRequest { temperature: Some(0.5), ..request() };
        let failure = at(&server, Preset::OpenAi).build().unwrap().complete(&asked).await.unwrap_err();
        assert_eq!((failure.kind, failure.retry), (kind, retry), "{error}");
        assert!(!failure.excerpt.contains("a text"));
    }
}

#[tokio::test]
async fn a_success_can_be_an_error() {
    for (body, kind, retry) in [
        (told(json!({ "code": 502, "message": "upstream" })), Kind::Server, Retry::Now),
        (told(json!({ "code": 429, "message": "slow" })), Kind::RateLimited, Retry::Now),
        (told(json!({ "code": 402, "message": "more credits" })), Kind::SpendLimit, Retry::Never),
        (told(json!({ "code": 401, "message": "who?" })), Kind::Auth, Retry::Never),
        (told(json!({ "message": "no number" })), Kind::Protocol, Retry::Now),
        (told(json!("model 'x' is broken")), Kind::Protocol, Retry::Now),
        (
            json!({ "object": "error", "type": "NotFoundError", "message": "no", "code": 404 }).to_string(),
            Kind::ModelUnavailable,
            Retry::Never,
        ),
        (
            json!({ "choices": [{ "error": { "code": 502, "message": "upstream" }, "finish_reason": "error" }] })
                .to_string(),
            Kind::Server,
            Retry::Now,
        ),
    ] {
        let error = failed(Preset::OpenRouter, 200, "", &body).await;
        assert_eq!((error.kind, error.retry), (kind, retry), "{body}");
    }
    let error = failed(Preset::Ollama, 404, "", r#"{"error":"model 'm' not found"}"#).await;
    assert_eq!(error.kind, Kind::ModelUnavailable);
}

#[tokio::test]
async fn answers_that_are_none_are_of_no_protocol() {
    for body in [
        "",
        "[]",
        "null",
        "<p>",
        "{}",
        r#"{"choices":[]}"#,
        r#"{"choices":[{}]}"#,
        r#"{"choices":[{"message":{"content":7}}]}"#,
        r#"{"choices":[{"message":{"content":[{"type":"text"}]}}]}"#,
        r#"{"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":-1}}"#,
    ] {
        let error = failed(Preset::OpenAi, 200, "", body).await;
        assert_eq!((error.kind, error.retry), (Kind::Protocol, Retry::Now), "{body}");
    }
    for body in ["{}", r#"{"message":{"content":"half"},"done":false}"#, r#"{"message":"x","done":true}"#] {
        assert_eq!(failed(Preset::Ollama, 200, "", body).await.kind, Kind::Protocol, "{body}");
    }
    let packed = failed(Preset::OpenAi, 200, "content-encoding: gzip\r\n", [0x1f, 0x8b, 8]).await;
    assert!(packed.kind == Kind::Protocol && packed.excerpt.contains("compressed"), "{packed}");
}

#[tokio::test]
async fn secrets_that_are_echoed_stay_out() {
    let message = format!("got Bearer {KEY} and other-secret-9876 in\nyour request");
    let error = failed(Preset::OpenAi, 500, "", told(json!({ "type": "server_error", "message": message }))).await;
    assert_eq!(error.excerpt, "server_error: got Bearer [key] and [key] in your request");
    for odd in ["invalid_request_error", "BadRequestError", "server_error"] {
        let body = told(json!({ "type": odd, "message": "Incorrect key: sk-a****6789" }));
        let refused = failed(Preset::OpenAi, 401, "", body).await;
        assert!(refused.kind == Kind::Auth && !format!("{refused:?}").contains("6789"), "{refused:?}");
    }
    let refused = failed(Preset::OpenAi, 401, "", told(json!({ "message": "Incorrect key: sk-a****6789" }))).await;
    assert!(!refused.excerpt.contains("6789"), "{refused}");
}

#[tokio::test]
async fn a_field_that_a_model_refuses_is_left_out_from_then_on() {
    let refusal =
        |param: &str| told(json!({ "type": "invalid_request_error", "param": param, "message": "Unsupported" }));
    let server = Server::with(move |_, asked| {
        let body = asked.json();
        let field = ["temperature", "response_format"].into_iter().find(|field| body.get(*field).is_some());
        Say::Bytes(match field {
            Some(field) if body["model"] != "other" => http(400, "", refusal(field)),
            _ => http(200, "", r#"{"choices":[{"message":{"content":"{}"},"finish_reason":"stop"}]}"#),
        })
    })
    .await;
    let provider = at(&server, Preset::LlamaCpp).build().unwrap();
    let asked = AiRequest { temperature: Some(0.2), ..request() };
    for field in ["temperature", "response_format"] {
        let error = provider.complete(&asked).await.unwrap_err();
        assert_eq!((error.kind, error.retry), (bad(Some(field)), Retry::Now));
    }
    assert!(provider.complete(&asked).await.is_ok() && provider.complete(&asked).await.is_ok());
    assert_eq!(server.asked().len(), 4);
    let other = AiRequest { model: "other".into(), ..asked.clone() };
    assert!(provider.complete(&other).await.is_ok(), "another model has not refused it");

    // Where the service shows the schema to the model, the prompt does not hold it: that is the engine's to change.
    let native = at(&server, Preset::OpenAi).build().unwrap();
    let error = native.complete(&request()).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (bad(Some("response_format")), Retry::Never));
    // What is refused again though it was left out is not tried for ever.
    let stubborn = Server::start(Say::Bytes(http(400, "", refusal("temperature")))).await;
    let provider = at(&stubborn, Preset::Vllm).build().unwrap();
    assert_eq!(provider.complete(&asked).await.unwrap_err().retry, Retry::Now);
    assert_eq!(provider.complete(&asked).await.unwrap_err().retry, Retry::Never);
}

#[tokio::test]
async fn a_schema_that_is_refused_is_named_as_such() {
    let grammar = told(json!({ "code": 400, "type": "invalid_request_error", "message": "failed to parse grammar" }));
    for preset in [Preset::LlamaCpp, Preset::Ollama] {
        let error = failed(preset, 400, "", &grammar).await;
        assert_eq!((error.kind, error.retry), (bad(Some("response_format")), Retry::Now), "the prompt holds it");
    }
    let error = failed(Preset::OpenAi, 400, "", &grammar).await;
    assert_eq!((error.kind, error.retry), (bad(Some("response_format")), Retry::Never), "the caller has to print it");
}

#[tokio::test]
async fn who_refuses_the_old_name_of_a_field_gets_the_new_one() {
    let server = Server::with(|_, asked| {
        let message = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        Say::Bytes(match asked.json().get("max_tokens") {
            Some(_) => http(
                400,
                "",
                told(json!({ "param": "max_tokens", "code": "unsupported_parameter", "message": message })),
            ),
            None => http(200, "", r#"{"choices":[{"message":{"content":"{}"},"finish_reason":"stop"}]}"#),
        })
    })
    .await;
    let provider = at(&server, Preset::Compatible).build().unwrap();
    assert_eq!(provider.complete(&request()).await.unwrap_err().retry, Retry::Now);
    provider.complete(&request()).await.unwrap();
    assert_eq!(server.asked()[1].json()["max_completion_tokens"], 8_000);
    let error =
        failed(Preset::Compatible, 400, "", told(json!({ "param": "max_tokens", "message": "too large" }))).await;
    assert_eq!(error.retry, Retry::Never);
}

/// Calls that were under way when the first of them learnt of it may all try again, each once.
#[tokio::test]
async fn every_call_under_way_may_leave_the_field_out() {
    let server = Server::with(|_, asked| {
        Say::Bytes(match asked.json().get("max_tokens") {
            Some(_) => http(400, "", told(json!({ "param": "max_tokens", "message": "use max_completion_tokens" }))),
            None => http(200, "", r#"{"choices":[{"message":{"content":"{}"},"finish_reason":"stop"}]}"#),
        })
    })
    .await;
    let provider = at(&server, Preset::Compatible).build().unwrap();
    let asked = request();
    // All of them are written before the first is answered.
    let first = futures_util::future::join_all((0..4).map(|_| provider.complete(&asked))).await;
    let retries: Vec<Retry> = first.into_iter().map(|answer| answer.unwrap_err().retry).collect();
    assert_eq!(retries, [Retry::Now; 4]);
    for answer in futures_util::future::join_all((0..4).map(|_| provider.complete(&asked))).await {
        answer.unwrap();
    }
    // Who refuses what was not sent is not asked again.
    let stubborn = Server::start(Say::Bytes(http(
        400,
        "",
        told(json!({ "param": "max_tokens", "message": "use max_completion_tokens" })),
    )))
    .await;
    let provider = at(&stubborn, Preset::Compatible).build().unwrap();
    for retry in [Retry::Now, Retry::Never, Retry::Never] {
        assert_eq!(provider.complete(&asked).await.unwrap_err().retry, retry);
    }
}

#[tokio::test]
async fn claude_leaves_out_what_a_model_refuses_too() {
    for (field, message) in [
        ("temperature", "`temperature` is deprecated for this model."),
        ("metadata", "metadata.user_id: Extra inputs are not permitted"),
        ("cache_control", "system.0.cache_control: Extra inputs are not permitted"),
    ] {
        let refusal =
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": message } }).to_string();
        let server = Server::with(move |_, asked| {
            Say::Bytes(match asked.json().to_string().contains(&format!("\"{field}\":")) {
                true => http(400, "", &refusal),
                false => http(200, "", r#"{"content":[],"stop_reason":"end_turn"}"#),
            })
        })
        .await;
        let provider = claude(&server);
        let asked = AiRequest { temperature: Some(0.2), ..request() };
        let error = provider.complete(&asked).await.unwrap_err();
        assert_eq!(error.retry, Retry::Now, "{field}: {error:?}");
        provider.complete(&asked).await.unwrap();
        assert_eq!(server.asked().len(), 2);
    }
}

#[tokio::test]
async fn words_of_the_service_are_bounded_before_they_reach_the_log() {
    let long = "x\u{0}y\u{7}".repeat(20_000);
    let claudes = json!({ "id": long, "model": long, "content": [], "stop_reason": long });
    let others =
        json!({ "id": long, "model": long, "choices": [{ "message": { "content": "" }, "finish_reason": long }] });
    let first = Server::start(Say::Bytes(http(200, "", claudes.to_string()))).await;
    let second = Server::start(Say::Bytes(http(200, "", others.to_string()))).await;
    for response in [
        claude(&first).complete(&request()).await.unwrap(),
        at(&second, Preset::OpenAi).build().unwrap().complete(&request()).await.unwrap(),
    ] {
        let id = response.message_id.unwrap();
        for word in [&id, &response.model, &response.raw_stop] {
            assert_eq!((word.chars().count(), word.contains(char::is_control)), (200, false));
        }
    }
}

#[tokio::test]
async fn slowness_and_absence_are_told_apart() {
    let server = Server::start(Say::Stall(Vec::new())).await;
    let asked = AiRequest { deadline: Duration::from_millis(200), ..request() };
    let start = Instant::now();
    let error = at(&server, Preset::Vllm).build().unwrap().complete(&asked).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::Timeout, Retry::Now));
    assert!(start.elapsed() < Duration::from_secs(5));
    let provider = OpenAiCompatible::preset(Preset::Vllm).base_url(nobody().await).build().unwrap();
    let error = provider.complete(&request()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Connect);
    assert!(error.excerpt.starts_with("not connected"), "nothing was sent: {}", error.excerpt);
}
