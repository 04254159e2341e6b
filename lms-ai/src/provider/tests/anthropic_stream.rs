use std::time::Duration;

use lms_core::ai::{AiProvider, AiRequest, AiResponse, ProviderError, ProviderErrorKind as Kind, Retry, Stop, Usage};
use serde_json::{Value, json};

use super::server::{Say, Server, http, open_ended};
use super::{KEY, claude, request};
use crate::provider::Anthropic;

const EVENTS: &str = "content-type: text/event-stream; charset=utf-8\r\n";

fn long() -> AiRequest {
    AiRequest { max_tokens: 8_193, ..request() }
}

fn events(values: &[Value]) -> String {
    values.iter().map(|value| format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap())).collect()
}

fn opening() -> Vec<Value> {
    vec![
        json!({ "type": "message_start", "message": {
            "id": "msg_s", "model": "claude-served", "content": [],
            "usage": { "input_tokens": 30, "cache_read_input_tokens": 4, "output_tokens": 1 },
        } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "thinking", "thinking": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": "hm" } }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "ping" }),
        json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "text_delta", "text": "{\"ä\":" } }),
        json!({ "type": "news_from_the_future", "x": [1] }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "text_delta", "text": "1}" } }),
        json!({ "type": "content_block_stop", "index": 1 }),
    ]
}

fn whole(stop: &str) -> String {
    let mut all = opening();
    all.push(json!({ "type": "message_delta", "delta": { "stop_reason": stop, "stop_details": { "category": "bio" } },
        "usage": { "output_tokens": 77 } }));
    all.push(json!({ "type": "message_stop" }));
    events(&all)
}

async fn streamed(say: Say) -> Result<AiResponse, ProviderError> {
    let server = Server::start(say).await;
    let result = claude(&server).complete(&long()).await;
    assert_eq!(server.asked().len(), 1);
    assert_eq!(server.asked()[0].json()["stream"], json!(true));
    result
}

#[tokio::test]
async fn long_answers_are_streamed_and_put_together() {
    // The connection stays open: `message_stop` is the end.
    let response = streamed(Say::Stall(open_ended(EVENTS, &whole("end_turn")))).await.unwrap();
    assert_eq!(response.text, "{\"ä\":1}");
    assert_eq!((response.stop, response.raw_stop.as_str()), (Stop::Complete, "end_turn"));
    assert_eq!(response.usage, Usage { input: 30, output: 77, cache_read: 4, ..Usage::default() });
    assert_eq!((response.model.as_str(), response.message_id.as_deref()), ("claude-served", Some("msg_s")));
    assert_eq!(response.request_id.as_deref(), Some("req_h"));
}

#[tokio::test]
async fn up_to_8192_tokens_nothing_is_streamed() {
    let server = Server::start(Say::Bytes(http(200, "", r#"{"content":[]}"#))).await;
    let asked = AiRequest { max_tokens: 8_192, ..request() };
    claude(&server).complete(&asked).await.unwrap();
    assert_eq!(server.asked()[0].json().get("stream"), None);
}

#[tokio::test]
async fn stops_of_a_stream_mean_the_same() {
    let refused = streamed(Say::Bytes(open_ended(EVENTS, &whole("refusal")))).await.unwrap();
    assert_eq!((refused.stop, refused.text.as_str()), (Stop::Refused { category: Some("bio".into()) }, ""));
    let cut = streamed(Say::Bytes(open_ended(EVENTS, &whole("max_tokens")))).await.unwrap();
    assert_eq!(cut.stop, Stop::Truncated);
}

#[tokio::test]
async fn a_stream_without_its_end_is_no_answer() {
    let mut late = opening();
    late.push(json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": {} }));
    let headless = events(&[json!({ "type": "message_stop" })]);
    for body in [String::new(), events(&opening()), events(&late), headless, "data: {\n\n".to_owned()] {
        let error = streamed(Say::Bytes(open_ended(EVENTS, &body))).await.unwrap_err();
        assert_eq!((error.kind, error.retry, error.http_status), (Kind::Protocol, Retry::Now, Some(200)), "{body}");
    }
    let mut invalid = open_ended(EVENTS, &events(&opening()));
    invalid.extend_from_slice(b"data: \xff\xfe\n\n");
    assert_eq!(streamed(Say::Bytes(invalid)).await.unwrap_err().kind, Kind::Protocol);
}

#[tokio::test]
async fn a_stream_that_breaks_is_a_broken_connection() {
    let error = streamed(Say::Bytes(http(200, EVENTS, whole("end_turn"))[..400].to_vec())).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::Connect, Retry::Now));
}

#[tokio::test]
async fn an_error_event_has_its_kind() {
    for (word, kind, retry) in [
        ("overloaded_error", Kind::Overloaded, Retry::Now),
        ("api_error", Kind::Server, Retry::Now),
        ("invalid_request_error", Kind::BadRequest { param: None }, Retry::Never),
    ] {
        let mut all = opening();
        all.push(json!({ "type": "error", "error": { "type": word, "message": "no" } }));
        let error = streamed(Say::Bytes(open_ended(EVENTS, &events(&all)))).await.unwrap_err();
        assert_eq!((error.kind, error.retry, error.request_id.as_deref()), (kind, retry, Some("req_h")));
    }
}

#[tokio::test]
async fn an_endless_stream_stops_at_the_cap_and_a_silent_one_at_the_pause() {
    let error = streamed(Say::Endless(open_ended(EVENTS, &events(&opening())), b" ")).await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert!(error.excerpt.contains("2097152"), "{error}");

    let server = Server::start(Say::Stall(open_ended(EVENTS, &events(&opening())))).await;
    let idle = Duration::from_millis(200);
    let provider = Anthropic::builder(KEY).base_url(&server.url).idle_timeout(idle).build().unwrap();
    let error = provider.complete(&long()).await.unwrap_err();
    assert!(error.excerpt.contains("silent"), "{error}");
    assert_eq!((error.kind, error.retry), (Kind::Timeout, Retry::Now));
}

/// A stream with an event for each piece of the text.
fn in_pieces(text: &str, size: usize) -> String {
    let mut all: Vec<Value> = opening().into_iter().take(6).collect();
    all.extend(text.as_bytes().chunks(size).map(|piece| {
        let piece = std::str::from_utf8(piece).unwrap();
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "text_delta", "text": piece } })
    }));
    all.push(json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": {} }));
    all.push(json!({ "type": "message_stop" }));
    events(&all)
}

/// A token is an event of its own, and the events are far longer than the text.
#[tokio::test]
async fn a_long_answer_that_comes_token_by_token_is_taken() {
    let text = "word".repeat(20_000);
    let body = in_pieces(&text, 4);
    assert!(body.len() > 2 * 1024 * 1024 + 128 * 1024, "{} bytes", body.len());
    let server = Server::start(Say::Bytes(open_ended(EVENTS, &body))).await;
    let asked = AiRequest { max_tokens: 20_000, ..request() };
    assert_eq!(claude(&server).complete(&asked).await.unwrap().text, text);
}

#[tokio::test]
async fn the_text_of_a_stream_and_each_of_its_events_keep_to_the_cap() {
    let cap = 3_000;
    let event = format!("data: {{\"type\":\"ping\",\ndata: \"x\":\"{}\"}}\n\n", "x".repeat(cap));
    let unknown = format!("{}{event}", events(&opening()));
    for (body, taken) in
        [(in_pieces(&"t".repeat(cap), 500), true), (in_pieces(&"t".repeat(cap + 1), 500), false), (unknown, false)]
    {
        let server = Server::start(Say::Bytes(open_ended(EVENTS, &body))).await;
        let provider = Anthropic::builder(KEY).base_url(&server.url).answer_cap(cap).build().unwrap();
        let result = provider.complete(&long()).await;
        match result {
            Ok(response) => assert!(taken && response.text.len() == cap),
            Err(error) => {
                assert!(!taken && error.excerpt.contains("3000"), "{error}");
                assert_eq!((error.kind, error.retry), (Kind::Protocol, Retry::Now));
            }
        }
    }
}

#[tokio::test]
async fn a_plain_answer_to_a_stream_is_taken() {
    let body = r#"{"content":[{"type":"text","text":"{}"}],"stop_reason":"end_turn"}"#;
    let response = streamed(Say::Bytes(http(200, "content-type: application/json\r\n", body))).await.unwrap();
    assert_eq!(response.text, "{}");
}
