use std::time::Duration;

use lms_core::ai::{AiProvider, AiResponse, Stop, Usage};
use serde_json::{Value, json};

use super::server::{Say, Server, http};
use super::{KEY, claude, request};
use crate::provider::{Anthropic, ConfigError, DEFAULT_MODEL, Profiles};

fn message(content: Value, stop: &str) -> Value {
    json!({
        "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-served",
        "content": content, "stop_reason": stop, "stop_sequence": null, "stop_details": null,
        "usage": {
            "input_tokens": 310, "cache_creation_input_tokens": 11, "cache_read_input_tokens": 2048,
            "output_tokens": 42, "output_tokens_details": { "thinking_tokens": 5 }, "service_tier": "standard",
        },
    })
}

async fn answered(body: Value) -> AiResponse {
    let server = Server::start(Say::Bytes(http(200, "", body.to_string()))).await;
    claude(&server).complete(&request()).await.unwrap()
}

#[tokio::test]
async fn the_request_is_the_golden_one() {
    let body = message(json!([{ "type": "text", "text": "{}" }]), "end_turn");
    let server = Server::start(Say::Bytes(http(200, "", body.to_string()))).await;
    claude(&server).complete(&request()).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    let asked = &asked[0];
    assert_eq!(asked.line, "POST /v1/messages HTTP/1.1");
    assert_eq!(asked.header("x-api-key"), Some(KEY));
    assert_eq!(asked.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("authorization"), None);
    let golden: Value = serde_json::from_str(include_str!("../../../tests/golden/anthropic_request.json")).unwrap();
    assert_eq!(asked.json(), golden);
    let body = String::from_utf8(asked.body.clone()).unwrap();
    assert!(!body.contains(KEY));
}

#[tokio::test]
async fn optional_fields_are_sent_only_when_there_is_something_to_send() {
    let body = message(json!([]), "end_turn").to_string();
    let server = Server::start(Say::Bytes(http(200, "", body))).await;
    let provider =
        Anthropic::builder(KEY).base_url(format!("{}/gateway/", server.url)).model("claude-3-haiku").build().unwrap();
    let mut asked = request();
    asked.model = String::new();
    asked.system = " ".into();
    asked.meta.actor = String::new();
    asked.temperature = Some(0.2);
    provider.complete(&asked).await.unwrap();
    let seen = &server.asked()[0];
    assert_eq!(seen.line, "POST /gateway/v1/messages HTTP/1.1");
    let json = seen.json();
    let mut fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    // No schema either: this model does not enforce one.
    assert_eq!(fields, ["max_tokens", "messages", "model", "temperature"]);
    assert_eq!(json["temperature"], json!(0.2));
    assert_eq!(json["model"], "claude-3-haiku");
}

#[tokio::test]
async fn a_schema_that_the_caller_took_out_is_not_sent() {
    let server = Server::start(Say::Bytes(http(200, "", message(json!([]), "end_turn").to_string()))).await;
    let mut asked = request();
    asked.schema.json = Value::Null;
    claude(&server).complete(&asked).await.unwrap();
    assert_eq!(server.asked()[0].json().get("output_config"), None);
}

#[tokio::test]
async fn text_blocks_are_joined_and_unknown_ones_ignored() {
    let content = json!([
        { "type": "thinking", "thinking": "hm", "text": "not this" },
        { "type": "text", "text": "{\"a\":" },
        { "type": "hologram", "text": { "x": 1 } },
        "no block at all",
        { "type": "text", "text": "1}" },
    ]);
    let response = answered(message(content, "end_turn")).await;
    assert_eq!(response.text, "{\"a\":1}");
    assert_eq!((response.stop, response.raw_stop.as_str()), (Stop::Complete, "end_turn"));
    assert_eq!(response.model, "claude-served");
    assert_eq!(response.message_id.as_deref(), Some("msg_01"));
    assert_eq!(response.request_id.as_deref(), Some("req_h"));
    assert_eq!(response.usage, Usage { input: 310, output: 42, cache_read: 2048, cache_write: 11, thinking: 5 });
    assert!(response.latency > Duration::ZERO);
}

#[tokio::test]
async fn every_stop_reason_has_its_meaning() {
    let refused = Stop::Refused { category: None };
    for (word, stop, text) in [
        ("end_turn", Stop::Complete, "part"),
        ("stop_sequence", Stop::Complete, "part"),
        ("max_tokens", Stop::Truncated, "part"),
        ("model_context_window_exceeded", Stop::ContextFull, "part"),
        ("refusal", refused, ""),
        ("tool_use", Stop::Other, "part"),
        ("pause_turn", Stop::Other, "part"),
        ("something_new", Stop::Other, "part"),
    ] {
        let response = answered(message(json!([{ "type": "text", "text": "part" }]), word)).await;
        assert_eq!((response.stop, response.text.as_str(), response.raw_stop.as_str()), (stop, text, word));
    }
}

#[tokio::test]
async fn a_refusal_tells_its_category() {
    let mut body = message(json!([]), "refusal");
    body["stop_details"] = json!({ "type": "refusal", "category": "bio", "explanation": "no" });
    assert_eq!(answered(body).await.stop, Stop::Refused { category: Some("bio".into()) });
}

#[tokio::test]
async fn empty_content_is_an_empty_answer() {
    let response = answered(message(json!([]), "end_turn")).await;
    assert_eq!((response.text.as_str(), response.stop), ("", Stop::Complete));
}

#[tokio::test]
async fn counts_that_are_null_are_zero() {
    let mut body = message(json!([]), "end_turn");
    body["usage"] = json!({ "input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": null });
    assert_eq!(answered(body).await.usage, Usage { input: 3, output: 4, ..Usage::default() });
}

#[test]
fn the_environment_is_read() {
    let from = |vars: &'static [(&'static str, &'static str)]| {
        Anthropic::from_vars(|name| vars.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned()))
    };
    let missing = ConfigError::MissingKey("ANTHROPIC_API_KEY");
    assert_eq!(from(&[]).unwrap_err(), missing);
    assert_eq!(from(&[("ANTHROPIC_API_KEY", "  ")]).unwrap_err(), missing);
    assert_eq!(from(&[("ANTHROPIC_API_KEY", "a\nb")]).unwrap_err(), ConfigError::UnusableKey);
    let plain = from(&[("ANTHROPIC_API_KEY", "k1")]).unwrap();
    assert_eq!((plain.model(), DEFAULT_MODEL), ("claude-sonnet-5-5", "claude-sonnet-5-5"));
    assert!(format!("{plain:?}").contains("https://api.anthropic.com/v1/messages"));
    let own = from(&[
        ("ANTHROPIC_API_KEY", "k1"),
        ("ANTHROPIC_BASE_URL", "https://gate.example/x/"),
        ("LMS_AI_MODEL", "claude-opus-5"),
    ])
    .unwrap();
    assert_eq!(own.model(), "claude-opus-5");
    assert_eq!(own.profile(""), Profiles::anthropic().get("claude-opus-5"));
    assert!(format!("{own:?}").contains("https://gate.example/x/v1/messages"));
}

#[test]
fn addresses_that_would_give_the_key_away_are_refused() {
    let build = |url: &str| Anthropic::builder(KEY).base_url(url).build().map(|_| ());
    assert_eq!(build("http://gate.example"), Err(ConfigError::PlainHttp("http://gate.example".into())));
    assert!(Anthropic::builder(KEY).base_url("http://gate.example").allow_plain_http(true).build().is_ok());
    assert_eq!(build("http://localhost:1"), Ok(()));
    assert_eq!(build("http://[::1]:1"), Ok(()));
    for url in ["", "nonsense", "ftp://x", "https://x?token=abc", "data:text/plain,x"] {
        assert!(matches!(build(url), Err(ConfigError::BadBaseUrl(_))), "{url}");
    }
    let error = build("https://user:hunter2@x/?token=abc").unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains("hunter2") && !text.contains("abc"), "{text}");
}

#[test]
fn nothing_shows_the_key() {
    let builder = Anthropic::builder(KEY);
    assert!(!format!("{builder:?}").contains("0123456789"));
    let provider = builder.build().unwrap();
    let shown = format!("{provider:?} {provider:#?}");
    assert!(!shown.contains("0123456789"), "{shown}");
    assert!(shown.contains("Secret(..)"));
}
