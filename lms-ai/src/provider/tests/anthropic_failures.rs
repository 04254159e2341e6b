use std::time::{Duration, Instant};

use lms_core::ai::{AiProvider, ProviderError, ProviderErrorKind as Kind, Retry};
use serde_json::json;
use tokio::net::TcpListener;

use super::server::{Say, Server, http, open_ended};
use super::{KEY, claude, request};
use crate::provider::Anthropic;

const HTML: &str = "content-type: text/html\r\n";

async fn failed(say: Say) -> ProviderError {
    let server = Server::start(say).await;
    let error = claude(&server).complete(&request()).await.unwrap_err();
    assert_eq!(server.asked().len(), 1, "one attempt on the wire");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("0123456789"), "{shown}");
    assert!(error.excerpt.len() <= 512);
    error
}

async fn status(status: u16, head: &str, body: impl AsRef<[u8]>) -> ProviderError {
    let error = failed(Say::Bytes(http(status, head, body))).await;
    assert_eq!(error.http_status, Some(status));
    assert_eq!(error.request_id.as_deref(), Some("req_h"));
    error
}

fn told(kind: &str, message: &str) -> String {
    json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_b" }).to_string()
}

fn bad(param: Option<&str>) -> Kind {
    Kind::BadRequest { param: param.map(str::to_owned) }
}

#[tokio::test]
async fn a_status_without_a_body_has_its_kind() {
    let table = [
        (302, Kind::Protocol, Retry::Now),
        (400, bad(None), Retry::Never),
        (401, Kind::Auth, Retry::Never),
        (402, Kind::SpendLimit, Retry::Never),
        (403, Kind::Auth, Retry::Never),
        (404, Kind::ModelUnavailable, Retry::Never),
        (408, Kind::Server, Retry::Now),
        (409, Kind::Server, Retry::Now),
        (413, Kind::TooLarge, Retry::Never),
        (418, bad(None), Retry::Never),
        (422, bad(None), Retry::Never),
        (429, Kind::RateLimited, Retry::Now),
        (500, Kind::Server, Retry::Now),
        (502, Kind::Server, Retry::Now),
        (503, Kind::Server, Retry::Now),
        (504, Kind::Server, Retry::Now),
        (529, Kind::Overloaded, Retry::Now),
    ];
    for (code, kind, retry) in table {
        let error = status(code, HTML, "<html>oops</html>").await;
        assert_eq!((error.kind, error.retry), (kind, retry), "{code}");
        assert!(!error.excerpt.contains("oops"), "{}", error.excerpt);
    }
}

#[tokio::test]
async fn the_type_of_the_error_beats_the_status() {
    let table = [
        ("invalid_request_error", bad(None), Retry::Never),
        ("authentication_error", Kind::Auth, Retry::Never),
        ("permission_error", Kind::Auth, Retry::Never),
        ("billing_error", Kind::SpendLimit, Retry::Never),
        ("not_found_error", Kind::ModelUnavailable, Retry::Never),
        ("conflict_error", Kind::Server, Retry::Now),
        ("request_too_large", Kind::TooLarge, Retry::Never),
        ("rate_limit_error", Kind::RateLimited, Retry::Now),
        ("api_error", Kind::Server, Retry::Now),
        ("timeout_error", Kind::Server, Retry::Now),
        ("overloaded_error", Kind::Overloaded, Retry::Now),
    ];
    for (word, kind, retry) in table {
        // A teapot says nothing by itself; a success is none when the body says so.
        for code in [418, 200] {
            let error = status(code, "", told(word, "no")).await;
            assert_eq!((error.kind, error.retry), (kind.clone(), retry), "{word} with {code}");
        }
    }
}

#[tokio::test]
async fn pauses_are_read() {
    let seconds = |n: f64| Retry::After(Duration::from_secs_f64(n));
    let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\n";
    let past = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:49:07 GMT\r\n";
    for (head, retry) in [
        ("retry-after: 7\r\n", seconds(7.0)),
        ("retry-after: 3600\r\n", seconds(3600.0)),
        ("retry-after-ms: 1500\r\nretry-after: 9\r\n", seconds(1.5)),
        ("retry-after-ms: soon\r\nretry-after: 9\r\n", seconds(9.0)),
        (date, seconds(30.0)),
        (past, Retry::Now),
        ("retry-after: 0\r\n", Retry::Now),
        ("retry-after: -5\r\n", Retry::Now),
        ("retry-after: NaN\r\n", Retry::Now),
        ("retry-after: 1e300\r\n", Retry::Now),
        ("retry-after: whenever\r\n", Retry::Now),
    ] {
        let error = status(429, head, told("rate_limit_error", "slow down")).await;
        assert_eq!((error.kind, error.retry), (Kind::RateLimited, retry), "{head}");
    }
    assert_eq!(status(529, "retry-after: 4\r\n", "").await.retry, seconds(4.0));
    assert_eq!(status(401, "retry-after: 4\r\n", "").await.retry, Retry::Never);
}

#[tokio::test]
async fn x_should_retry_has_the_last_word() {
    let no = "x-should-retry: false\r\nretry-after: 3\r\n";
    let yes = "x-should-retry: true\r\n";
    assert_eq!(status(529, no, told("overloaded_error", "busy")).await.retry, Retry::Never);
    assert_eq!(status(400, yes, told("invalid_request_error", "hm")).await.retry, Retry::Now);
    assert_eq!(status(302, "x-should-retry: false\r\n", "").await.retry, Retry::Now, "only of 4xx and 5xx");
}

#[tokio::test]
async fn a_spending_limit_is_never_retried() {
    let capped = json!({ "type": "error", "error": {
        "type": "rate_limit_error", "message": "cap", "details": { "error_code": "enforced_spend_limit_reached" },
    } });
    let error = status(429, "", capped.to_string()).await;
    assert_eq!((error.kind, error.retry), (Kind::SpendLimit, Retry::Never));
    let usage = told("invalid_request_error", "You have reached your specified API usage limits.");
    let error = status(400, "", usage).await;
    assert_eq!((error.kind, error.retry), (Kind::SpendLimit, Retry::Never));
}

#[tokio::test]
async fn a_refused_request_names_the_field() {
    for (message, param) in [
        ("`temperature` is not supported for this model", Some("temperature")),
        ("temperature: Input should be less than 1", Some("temperature")),
        ("output_config.format.schema: bad keyword", Some("output_config.format.schema")),
        ("messages.0.content: too short", Some("messages.0.content")),
        ("Schema is too complex for compilation", Some("output_config.format.schema")),
        ("The compiled grammar is too large", Some("output_config.format.schema")),
        ("This model does not take `output_config`", Some("output_config.format")),
        ("something about this model", None),
    ] {
        let error = status(400, "", told("invalid_request_error", message)).await;
        assert_eq!((error.kind, error.retry), (bad(param), Retry::Never), "{message}");
        assert_eq!(error.excerpt, format!("invalid_request_error: {message}"));
    }
}

#[tokio::test]
async fn a_missing_model_is_named_with_the_way_out() {
    let error = status(404, "", told("not_found_error", "model: claude-sonnet-5-5")).await;
    assert_eq!(error.kind, Kind::ModelUnavailable);
    assert!(error.excerpt.contains("`claude-sonnet-5-5`") && error.excerpt.contains("LMS_AI_MODEL"), "{error}");
}

#[tokio::test]
async fn the_body_of_a_refused_key_is_not_echoed() {
    // Also where the body calls it something else.
    for (code, kind) in [(401, "invalid_request_error"), (403, "invalid_request_error"), (401, "api_error")] {
        let error = status(code, "", told(kind, "invalid key sk-ant-te...6789 of Jane")).await;
        assert_eq!((&error.kind, error.retry), (&Kind::Auth, Retry::Never), "{code} {kind}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("6789") && !shown.contains("Jane"), "{shown}");
    }
    let body = told("authentication_error", "invalid key sk-ant-te...6789 of Jane");
    let error = status(401, "", body).await;
    assert_eq!(error.kind, Kind::Auth);
    assert!(!error.excerpt.contains("6789") && !error.excerpt.contains("Jane"), "{error}");
}

#[tokio::test]
async fn excerpts_are_short_single_lines_without_the_key() {
    let message = format!("a\nb\u{7}c {KEY} x{KEY}y sk-ant-other {}", "ä".repeat(600));
    let error = status(500, "", told("api_error", &message)).await;
    assert!(error.excerpt.starts_with("api_error: a b c [key] x[key]y [key] ää"), "{}", error.excerpt);
    assert!(error.excerpt.ends_with('…') && error.excerpt.len() > 500, "{}", error.excerpt.len());
}

#[tokio::test]
async fn answers_that_are_none_are_of_no_protocol() {
    let page = http(200, HTML, "<!doctype html><p>Log in to the network</p>");
    let invalid = http(200, "", b"{\"content\":[{\"type\":\"text\",\"text\":\"\xff\xfe\"}]}");
    let cut = open_ended("", r#"{"type":"message","content":[{"type":"text","te"#);
    for (name, bytes) in [
        ("page", page),
        ("invalid UTF-8", invalid),
        ("cut", cut),
        ("empty", http(200, "", "")),
        ("no content", http(200, "", r#"{"type":"message","stop_reason":"end_turn"}"#)),
        ("content of another shape", http(200, "", r#"{"content":"text"}"#)),
        ("text without text", http(200, "", r#"{"content":[{"type":"text"}]}"#)),
        ("list", http(200, "", "[]")),
        ("negative tokens", http(200, "", r#"{"content":[],"usage":{"input_tokens":-1}}"#)),
    ] {
        let error = failed(Say::Bytes(bytes)).await;
        assert_eq!((error.kind, error.retry, error.http_status), (Kind::Protocol, Retry::Now, Some(200)), "{name}");
        assert!(!error.excerpt.contains("Log in"), "{}", error.excerpt);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_broken_connection() {
    let mut bytes = http(200, "", r#"{"content":[],"stop_reason":"end_turn"}"#);
    bytes.truncate(bytes.len() - 5);
    let error = failed(Say::Bytes(bytes)).await;
    assert_eq!((error.kind, error.retry), (Kind::Connect, Retry::Now));
    let error = failed(Say::Bytes(Vec::new())).await;
    assert_eq!((error.kind, error.retry, error.http_status), (Kind::Connect, Retry::Now, None));
}

#[tokio::test]
async fn an_endless_body_stops_at_the_cap() {
    let server = Server::start(Say::Endless(open_ended("", ""), b" ")).await;
    let error = claude(&server).complete(&request()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert!(error.excerpt.contains("2097152"), "{error}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let sent = server.sent();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.sent(), sent, "the connection is closed");

    let head = b"HTTP/1.1 500 X\r\nconnection: close\r\n\r\n".to_vec();
    assert_eq!(failed(Say::Endless(head, b" ")).await.kind, Kind::Server);
}

#[tokio::test]
async fn the_cap_counts_exactly() {
    let body = r#"{"content":[],"stop_reason":"end_turn"}"#;
    let server = Server::start(Say::Bytes(http(200, "", body))).await;
    let capped = |cap| Anthropic::builder(KEY).base_url(&server.url).answer_cap(cap).build().unwrap();
    assert!(capped(body.len()).complete(&request()).await.is_ok());
    assert_eq!(capped(body.len() - 1).complete(&request()).await.unwrap_err().kind, Kind::Protocol);
}

#[tokio::test]
async fn a_request_over_the_limit_of_the_service_is_not_sent() {
    let server = Server::start(Say::Bytes(http(200, "", "{}"))).await;
    let mut asked = request();
    asked.parts[0].text = "x".repeat(32 * 1024 * 1024);
    let error = claude(&server).complete(&asked).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::TooLarge, Retry::Never));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::start(Say::Bytes(http(200, "", r#"{"content":[]}"#))).await;
    for code in [301, 302, 303, 307, 308] {
        let head = format!("location: {}/v1/messages\r\n", other.url);
        let error = status(code, &head, "").await;
        assert_eq!((error.kind, error.retry), (Kind::Protocol, Retry::Now));
    }
    assert!(other.asked().is_empty(), "the key went nowhere else");
}

#[tokio::test]
async fn a_slow_server_is_a_timeout_at_the_deadline() {
    let whole = http(200, "", r#"{"content":[]}"#);
    let half = whole[..whole.len() - 4].to_vec();
    for bytes in [Vec::new(), half] {
        let server = Server::start(Say::Stall(bytes)).await;
        let mut asked = request();
        asked.deadline = Duration::from_millis(300);
        let start = Instant::now();
        let error = claude(&server).complete(&asked).await.unwrap_err();
        assert_eq!((error.kind, error.retry), (Kind::Timeout, Retry::Now));
        assert!(start.elapsed() >= Duration::from_millis(290) && start.elapsed() < Duration::from_secs(5));
    }
    let server = Server::start(Say::Bytes(whole)).await;
    let mut asked = request();
    asked.deadline = Duration::ZERO;
    assert_eq!(claude(&server).complete(&asked).await.unwrap_err().kind, Kind::Timeout);
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn nobody_there_is_a_connection_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let provider = Anthropic::builder(KEY).base_url(url).build().unwrap();
    let error = provider.complete(&request()).await.unwrap_err();
    assert_eq!((error.kind, error.retry, error.http_status), (Kind::Connect, Retry::Now, None));
    assert!(!error.excerpt.contains("v1/messages"), "{}", error.excerpt);
}
