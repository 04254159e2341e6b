//! The table of what services may do on the wire.

use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Asked, Say, http, open_ended};
use super::speech::{EVENTS, JSON, KEY, Speech, closing, events, opening};
use crate::support::outline;
use Speech::{Anthropic as Claude, OpenAi};

/// What a service does with each request: its language, the number of the request from 0, and the request.
type Act = Arc<dyn Fn(Speech, usize, &Asked) -> Say + Send + Sync>;

/// One thing that a service may do, while an outline is asked for.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Who can do it.
    pub(crate) by: &'static [Speech],
    /// Nobody listens, where there is none.
    pub(crate) act: Option<Act>,
    /// Whether the answer is asked for as a stream.
    pub(crate) streamed: bool,
    /// Whether the time of an attempt is short.
    pub(crate) hurried: bool,
    pub(crate) retries: u32,
    /// The error's code; nothing = the answer counts and is written whole.
    pub(crate) error: Option<&'static str>,
    /// Row by row: the status, and the kind of the error where there is one.
    pub(crate) log: Vec<&'static str>,
}

impl Case {
    const fn by(mut self, by: &'static [Speech]) -> Self {
        self.by = by;
        self
    }

    const fn streamed(mut self) -> Self {
        self.streamed = true;
        self.by = &[Claude];
        self
    }

    const fn hurried(mut self) -> Self {
        self.hurried = true;
        self
    }

    fn retried(mut self, retries: u32, log: &[&'static str]) -> Self {
        self.retries = retries;
        self.log = log.to_vec();
        self
    }
}

fn case(name: &'static str, act: impl Fn(Speech, usize, &Asked) -> Say + Send + Sync + 'static) -> Case {
    Case {
        name,
        by: &[Claude, OpenAi],
        act: Some(Arc::new(act)),
        streamed: false,
        hurried: false,
        retries: 0,
        error: None,
        log: vec!["applied"],
    }
}

/// A failure of the service, and how the log calls it.
fn fails(
    name: &'static str,
    row: &'static str,
    act: impl Fn(Speech, usize, &Asked) -> Say + Send + Sync + 'static,
) -> Case {
    let code = match row.rsplit(' ').next().unwrap() {
        "auth" => "ai.auth",
        "rate_limited" => "ai.rate_limited",
        "spend_limit" => "ai.spend_limit",
        "model_unavailable" => "ai.model_unavailable",
        _ => "ai.provider",
    };
    Case { error: Some(code), log: vec![row], ..case(name, act) }
}

/// The same bytes to everybody.
fn bytes(name: &'static str, row: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
    let bytes = bytes.into();
    fails(name, row, move |_, _, _| Say::Bytes(bytes.clone()))
}

/// An answer that does not count, and how the log calls each attempt.
fn ends(
    name: &'static str,
    error: &'static str,
    log: &[&'static str],
    act: impl Fn(Speech, usize, &Asked) -> Say + Send + Sync + 'static,
) -> Case {
    Case { error: Some(error), log: log.to_vec(), ..case(name, act) }
}

/// Every case.
pub(crate) fn cases() -> Vec<Case> {
    [connections(), bodies(), statuses(), stops(), streams(), second_tries(), oddities()]
        .into_iter()
        .flatten()
        .collect()
}

const CONNECT: &str = "provider_error connect";
const PROTOCOL: &str = "provider_error protocol";
const SERVER: &str = "provider_error server";
const TIMEOUT: &str = "timeout timeout";

fn good() -> String {
    outline().to_string()
}

/// A good answer without its last bytes.
fn half(speech: Speech, asked: &Asked) -> Vec<u8> {
    let mut bytes = http(200, JSON, speech.whole(&good(), asked).to_string());
    bytes.truncate(bytes.len() - 20);
    bytes
}

fn connections() -> Vec<Case> {
    let head = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n").into_bytes();
    vec![
        Case { act: None, ..bytes("nobody listens", CONNECT, "") },
        bytes("closed before a word", CONNECT, ""),
        fails("reset before a word", CONNECT, |_, _, _| Say::Reset(Vec::new())),
        fails("closed in the middle of the answer", CONNECT, |speech, _, asked| Say::Bytes(half(speech, asked))),
        fails("reset in the middle of the answer", CONNECT, |speech, _, asked| Say::Reset(half(speech, asked))),
        fails("silence", TIMEOUT, |_, _, _| Say::Stall(Vec::new())).hurried(),
        fails("silence after the head", TIMEOUT, move |_, _, _| Say::Stall(head("content-length: 9\r\n"))).hurried(),
        fails("silence in the middle of the answer", TIMEOUT, |speech, _, asked| Say::Stall(half(speech, asked)))
            .hurried(),
        fails("a byte at a time", TIMEOUT, |_, _, _| Say::Drip(open_ended(JSON, "{"), b" ", Duration::from_millis(20)))
            .hurried(),
        fails("an answer that never ends", PROTOCOL, |_, _, _| Say::Endless(open_ended(JSON, "{"), b" ")),
        fails("a text that never ends", PROTOCOL, |_, _, _| {
            Say::Endless(open_ended(JSON, r#"{"content":[{"type":"text","text":""#), b"All work and no play ")
        }),
        fails("a head that never ends", CONNECT, |_, _, _| Say::Endless(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), b"y")),
        fails("headers that never end", CONNECT, |_, _, _| Say::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x: y\r\n")),
        fails("an error that never ends", SERVER, |_, _, _| {
            Say::Endless(b"HTTP/1.1 500 X\r\nconnection: close\r\n\r\n".to_vec(), b"no ")
        }),
        bytes("not HTTP", CONNECT, "SSH-2.0-OpenSSH_9.9\r\n"),
        bytes("a status that is no number", CONNECT, "HTTP/1.1 yes OK\r\n\r\n{}"),
        bytes("two lengths", CONNECT, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
        bytes("a length below zero", CONNECT, "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}"),
        bytes("a length of all memory", CONNECT, "HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n{}"),
        bytes(
            "a chunk of all memory",
            CONNECT,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n{}",
        ),
        bytes("a chunk without a size", CONNECT, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    ]
}

/// 16 MB, packed small.
fn bomb() -> Vec<u8> {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    let packed = BOMB.get_or_init(|| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&vec![b'0'; 16 * 1024 * 1024]).unwrap();
        encoder.finish().unwrap()
    });
    packed.clone()
}

fn bodies() -> Vec<Case> {
    let ok = |body: &[u8]| http(200, JSON, body);
    let utf16: Vec<u8> = "{\"content\":[]}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let huge = format!("{{\"content\":[],\"x\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    let spoiled = |name, from: &'static str, to: &'static str| {
        fails(name, PROTOCOL, move |speech, _, asked| {
            let body = speech.whole(&good(), asked).to_string();
            assert!(body.contains(from), "{from} is not in {body}");
            Say::Bytes(http(200, JSON, body.replacen(from, to, 1)))
        })
    };
    vec![
        bytes("a gzip bomb", PROTOCOL, http(200, "content-encoding: gzip\r\n", bomb())),
        bytes("a gzip bomb that is not called one", PROTOCOL, http(200, JSON, bomb())),
        bytes("brotli that nobody asked for", PROTOCOL, http(200, "content-encoding: br\r\n", [0x0b, 2, 0x80])),
        bytes("a page", PROTOCOL, http(200, "content-type: text/html\r\n", "<!doctype html><p>Log in to the network")),
        bytes("nothing", PROTOCOL, ok(b"")),
        bytes("no content", PROTOCOL, &b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"[..]),
        bytes("invalid UTF-8", PROTOCOL, ok(b"{\"content\":[{\"type\":\"text\",\"text\":\"\xff\xfe\"}]}")),
        bytes("UTF-16", PROTOCOL, ok(&utf16)),
        bytes("JSON that is cut off", PROTOCOL, open_ended(JSON, r#"{"content":[{"type":"text","text":"{\"title\":"#)),
        fails("two answers", PROTOCOL, |speech, _, asked| {
            let body = speech.whole(&good(), asked).to_string();
            Say::Bytes(http(200, JSON, format!("{body}\n{body}")))
        }),
        bytes("lists in lists, 100,000 deep", PROTOCOL, ok(deep.as_bytes())),
        bytes("2 MB and more", PROTOCOL, ok(huge.as_bytes())),
        bytes("a list", PROTOCOL, ok(b"[]")),
        bytes("null", PROTOCOL, ok(b"null")),
        bytes("a text", PROTOCOL, ok(b"\"hello\"")),
        bytes("an object of something else", PROTOCOL, ok(b"{\"status\":\"ok\"}")),
        bytes("content of another shape", PROTOCOL, ok(b"{\"content\":7,\"choices\":7}")),
        bytes(
            "a text that is a number",
            PROTOCOL,
            ok(b"{\"content\":[{\"type\":\"text\",\"text\":7}],\"choices\":[{\"message\":{\"content\":7}}]}"),
        ),
        spoiled("1e999 tokens", "300", "1e999"),
        spoiled("NaN tokens", "300", "NaN"),
        spoiled("tokens below zero", "300", "-300"),
        spoiled("half a token", "300", "0.5"),
        spoiled("half a surrogate around the answer", "\"id\":\"", "\"id\":\"\\ud800"),
        spoiled("U+0000 around the answer", "\"id\":", "\0\"id\":"),
    ]
}

fn status(name: &'static str, row: &'static str, code: u16, head: &'static str, kind: &'static str) -> Case {
    fails(name, row, move |speech, _, _| speech.error(code, head, kind, "no"))
}

fn statuses() -> Vec<Case> {
    const AUTH: &str = "provider_error auth";
    const BAD: &str = "provider_error bad_request";
    const GONE: &str = "provider_error model_unavailable";
    const LARGE: &str = "provider_error too_large";
    const BUSY: &str = "provider_error overloaded";
    const RATE: &str = "provider_error rate_limited";
    const SPENT: &str = "provider_error spend_limit";
    let page = |code| http(code, "content-type: text/html\r\n", "<html><h1>Sorry</h1></html>");
    let elsewhere = |code| http(code, "location: http://127.0.0.1:1/v1/messages\r\n", "");
    vec![
        bytes("301 to another place", PROTOCOL, elsewhere(301)),
        bytes("302 to another place", PROTOCOL, elsewhere(302)),
        bytes("307 to another place", PROTOCOL, elsewhere(307)),
        bytes("308 to itself", PROTOCOL, http(308, "location: /v1/messages\r\n", "")),
        status("400", BAD, 400, "", "invalid_request_error"),
        fails("400 at a spending limit", SPENT, |speech, _, _| {
            let message = "You have reached your specified API usage limits.";
            speech.error(400, "", "invalid_request_error", message)
        }),
        fails("401 that shows the key", AUTH, |speech, _, _| {
            speech.error(401, "", "authentication_error", &format!("invalid key {KEY}"))
        }),
        status("402", SPENT, 402, "retry-after: 1\r\n", "billing_error").retried(2, &[SPENT]),
        status("403", AUTH, 403, "", "permission_error").retried(2, &[AUTH]),
        fails("403 of a moderation", BAD, |_, _, _| {
            let error = json!({ "code": 403, "message": "flagged", "metadata": { "reasons": ["x"], "flagged_input": "y" } });
            Say::Bytes(http(403, JSON, json!({ "error": error }).to_string()))
        })
        .by(&[OpenAi]),
        status("404", GONE, 404, "", "not_found_error").retried(2, &[GONE]),
        status("408", SERVER, 408, "", "timeout_error"),
        status("409", SERVER, 409, "", "server_error").by(&[OpenAi]),
        status("409 of a conflict", SERVER, 409, "", "conflict_error").by(&[Claude]),
        bytes("413 of a gateway", LARGE, page(413)),
        status("418", BAD, 418, "", ""),
        status("422", BAD, 422, "", "invalid_request_error"),
        status("429", RATE, 429, "", "rate_limit_error"),
        status("429 for an hour", RATE, 429, "retry-after: 3600\r\n", "rate_limit_error").retried(2, &[RATE]),
        status("429 until a date", RATE, 429, "retry-after: Tue, 31 Dec 2999 23:59:59 GMT\r\n", "rate_limit_error")
            .retried(2, &[RATE]),
        status("429 for a time that is none", RATE, 429, "retry-after: -1e400\r\n", "rate_limit_error"),
        fails("429 at a spending limit", SPENT, |speech, _, _| {
            let error = match speech {
                Claude => json!({
                    "type": "rate_limit_error", "message": "cap", "details": { "error_code": "enforced_spend_limit_reached" },
                }),
                OpenAi => json!({ "type": "insufficient_quota", "code": "insufficient_quota", "message": "cap" }),
            };
            Say::Bytes(http(429, JSON, json!({ "type": "error", "error": error }).to_string()))
        })
        .retried(2, &[SPENT]),
        status("500", SERVER, 500, "", "api_error"),
        status("500 not to be tried again", SERVER, 500, "x-should-retry: false\r\n", "api_error").retried(2, &[SERVER]),
        bytes("502 of a gateway", SERVER, page(502)),
        bytes("503 of a gateway", SERVER, page(503)),
        bytes("504 of a gateway", SERVER, page(504)),
        status("529", BUSY, 529, "", "overloaded_error"),
        status("a status that nobody knows", PROTOCOL, 799, "", ""),
        fails("200 that is an error", BUSY, |speech, _, _| speech.error(200, "", "overloaded_error", "busy")),
        fails("200 that is an error 502", SERVER, |_, _, _| {
            Say::Bytes(http(200, JSON, r#"{"error":{"code":502,"message":"upstream"}}"#))
        })
        .by(&[OpenAi]),
        fails("200 that is an error 402", SPENT, |_, _, _| {
            Say::Bytes(http(200, JSON, r#"{"error":{"code":402,"message":"more credits"}}"#))
        })
        .by(&[OpenAi])
        .retried(2, &[SPENT]),
        fails("an error of a megabyte that shows the key", SERVER, |speech, _, _| {
            speech.error(500, "", "api_error", &format!("{KEY} \u{1b}[31m\n{}", KEY.repeat(30_000)))
        }),
        bytes("an error that is no JSON", SERVER, http(500, JSON, "{\"error\":")),
        bytes("an error nested 100,000 deep", SERVER, http(500, JSON, "[".repeat(60_000))),
        fails("an answer that shows the key", PROTOCOL, |speech, _, asked| {
            let mut outline = outline();
            outline["description"] = json!(format!("How plants live. Sent with {KEY}."));
            speech.good(&outline.to_string(), asked)
        }),
        fails("an answer that shows the key in escapes", PROTOCOL, |speech, _, asked| {
            let mut outline = outline();
            outline["description"] = json!(format!("How plants live. Sent with {KEY}."));
            let escaped: String = KEY.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
            speech.good(&outline.to_string().replace(KEY, &escaped), asked)
        }),
        fails("an answer whose id shows the key", PROTOCOL, |speech, _, asked| {
            let mut message = speech.whole(&good(), asked);
            message["id"] = json!(format!("msg-{KEY}"));
            speech.ok(&message)
        }),
        fails("an error whose id shows the key", SERVER, |_, _, _| {
            let head = format!("HTTP/1.1 500 X\r\nrequest-id: {KEY}\r\nx-request-id: {KEY}\r\nconnection: close\r\n\r\n");
            Say::Bytes(head.into_bytes())
        }),
    ]
}

fn stopped(name: &'static str, word: fn(Speech) -> &'static str, error: &'static str, log: &[&'static str]) -> Case {
    // The text is a whole good answer: the reason to stop alone keeps it from counting.
    ends(name, error, log, move |speech, _, _| speech.ok(&speech.message(&good(), word(speech))))
}

fn stops() -> Vec<Case> {
    let with = |name, change: fn(Speech, &mut Value), error, log: &[&'static str]| {
        ends(name, error, log, move |speech, _, asked| {
            let mut message = speech.whole(&good(), asked);
            change(speech, &mut message);
            speech.ok(&message)
        })
    };
    let empty = ["invalid", "invalid"];
    vec![
        stopped(
            "cut off, twice",
            |speech| if speech == Claude { "max_tokens" } else { "length" },
            "ai.truncated",
            &["truncated", "truncated"],
        ),
        stopped("refused", |_| "refusal", "ai.refused", &["refused"]).by(&[Claude]),
        with(
            "refused for a reason that shows the key",
            |_, message| {
                message["stop_reason"] = json!("refusal");
                message["stop_details"] = json!({ "type": "refusal", "category": KEY });
            },
            "ai.provider",
            &[PROTOCOL],
        )
        .by(&[Claude]),
        with(
            "refused beside a whole answer",
            |_, message| message["choices"][0]["message"]["refusal"] = json!("I cannot help with that."),
            "ai.refused",
            &["refused"],
        )
        .by(&[OpenAi]),
        stopped("filtered", |_| "content_filter", "ai.stopped", &["invalid"]).by(&[OpenAi]),
        stopped("the context is full", |_| "model_context_window_exceeded", "ai.stopped", &["invalid"]).by(&[Claude]),
        stopped("paused", |_| "pause_turn", "ai.stopped", &["invalid"]).by(&[Claude]),
        stopped(
            "a tool is called",
            |speech| if speech == Claude { "tool_use" } else { "tool_calls" },
            "ai.stopped",
            &["invalid"],
        ),
        stopped("a reason that nobody knows", |_| "tired", "ai.stopped", &["invalid"]),
        with(
            "no reason",
            |speech, message| match speech {
                Claude => message["stop_reason"] = Value::Null,
                OpenAi => message["choices"][0]["finish_reason"] = Value::Null,
            },
            "ai.stopped",
            &["invalid"],
        ),
        with(
            "an empty answer",
            |speech, message| match speech {
                Claude => message["content"] = json!([]),
                OpenAi => message["choices"][0]["message"]["content"] = Value::Null,
            },
            "ai.invalid",
            &empty,
        ),
        with(
            "blocks that nobody knows",
            |_, message| message["content"][0]["type"] = json!("hologram"),
            "ai.invalid",
            &empty,
        )
        .by(&[Claude]),
        with(
            "the answer among the thoughts",
            |speech, message| match speech {
                Claude => {
                    let thought = message["content"][0]["text"].clone();
                    message["content"] = json!([
                        { "type": "thinking", "thinking": thought, "text": thought }, { "type": "text", "text": "Done." },
                    ]);
                }
                OpenAi => {
                    let thought = message["choices"][0]["message"]["content"].clone();
                    message["choices"][0]["message"] = json!({ "content": "Done.", "reasoning_content": thought });
                }
            },
            "ai.invalid",
            &empty,
        ),
        with(
            "the answer as a call of a tool",
            |speech, message| match speech {
                Claude => {
                    let input: Value = serde_json::from_str(&good()).unwrap();
                    message["content"] = json!([{ "type": "tool_use", "id": "t", "name": "emit", "input": input }]);
                }
                OpenAi => {
                    let call = json!({ "type": "function", "function": { "name": "emit", "arguments": good() } });
                    message["choices"][0]["message"] = json!({ "content": null, "tool_calls": [call] });
                }
            },
            "ai.invalid",
            &empty,
        ),
        with(
            "an error in place of the choice",
            |_, message| {
                message["choices"][0] = json!({ "error": { "code": 502, "message": "x" }, "finish_reason": "error" })
            },
            "ai.provider",
            &[SERVER],
        )
        .by(&[OpenAi]),
        with("no choice", |_, message| message["choices"] = json!([]), "ai.provider", &[PROTOCOL]).by(&[OpenAi]),
    ]
}

/// A stream of these events, and then the end of the connection.
fn stream(name: &'static str, row: &'static str, all: impl IntoIterator<Item = Value>) -> Case {
    bytes(name, row, open_ended(EVENTS, &events(all))).streamed()
}

fn streams() -> Vec<Case> {
    let text = good();
    let begun = || opening(&good());
    let whole = |stop: &str| open_ended(EVENTS, &events(opening(&good()).into_iter().chain(closing(stop))));
    let broken = |tail: &'static [u8]| {
        let mut bytes = open_ended(EVENTS, &events(opening(&good())));
        bytes.extend_from_slice(tail);
        bytes
    };
    let ping = b"event: ping\ndata: {\"type\":\"ping\"}\n\n";
    let error = |word: &str| json!({ "type": "error", "error": { "type": word, "message": "no" } });
    let (cut, refused) = (whole("max_tokens"), whole("refusal"));
    let mut after = whole("end_turn");
    after.extend_from_slice(events(opening("more")).as_bytes());
    let after = Arc::new(after);
    let whole_again = Arc::new(whole("end_turn"));
    let hologram =
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "hologram", "text": text } });
    let unknown = events(begun().into_iter().take(1).chain([hologram]).chain(closing("end_turn")));
    vec![
        stream("a stream without its end", PROTOCOL, begun()),
        stream(
            "a stream without its last word",
            PROTOCOL,
            begun().into_iter().chain(closing("end_turn").into_iter().take(2)),
        ),
        stream("a stream without its beginning", PROTOCOL, closing("end_turn")),
        stream("a stream of nothing", PROTOCOL, []),
        stream(
            "an error in a stream",
            "provider_error overloaded",
            begun().into_iter().chain([error("overloaded_error")]),
        ),
        stream(
            "a spending limit in a stream",
            "provider_error spend_limit",
            begun().into_iter().chain([error("billing_error")]),
        ),
        bytes("an event that is no JSON", PROTOCOL, broken(b"data: {\"type\":\n\n")).streamed(),
        bytes("an event that is not UTF-8", PROTOCOL, broken(b"data: \xff\xfe\n\n")).streamed(),
        bytes(
            "a text event without a text",
            PROTOCOL,
            broken(b"data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\"}}\n\n"),
        )
        .streamed(),
        fails("an event that never ends", PROTOCOL, move |_, _, _| {
            Say::Endless(broken(b"data: {\"type\":\"ping\",\"x\":\""), b"All work and no play ")
        })
        .streamed(),
        fails("events that never end", PROTOCOL, move |_, _, _| Say::Endless(open_ended(EVENTS, ""), ping)).streamed(),
        fails("a stream that falls silent", TIMEOUT, move |_, _, _| Say::Stall(broken(b""))).streamed(),
        fails("a stream that only pings", TIMEOUT, move |_, _, _| {
            Say::Drip(open_ended(EVENTS, ""), ping, Duration::from_millis(50))
        })
        .streamed()
        .hurried(),
        fails("a stream that is reset", CONNECT, move |_, _, _| {
            let mut bytes = http(200, EVENTS, events(opening(&good())));
            bytes.truncate(bytes.len() - 9);
            Say::Reset(bytes)
        })
        .streamed(),
        fails("a gzip bomb as a stream", PROTOCOL, |_, _, _| {
            Say::Bytes(http(200, &format!("{EVENTS}content-encoding: gzip\r\n"), bomb()))
        })
        .streamed(),
        ends("cut off at the end of a stream, twice", "ai.truncated", &["truncated", "truncated"], move |_, _, _| {
            Say::Bytes(cut.clone())
        })
        .streamed(),
        ends("refused at the end of a stream", "ai.refused", &["refused"], move |_, _, _| Say::Bytes(refused.clone()))
            .streamed(),
        stream("refused at the end of a stream for a reason that shows the key", PROTOCOL, {
            let mut all = begun();
            all.extend(closing("refusal"));
            let details = all.iter_mut().find(|event| event["type"] == "message_delta").unwrap();
            details["delta"]["stop_details"] = json!({ "type": "refusal", "category": KEY });
            all
        }),
        ends("a stream of blocks that nobody knows", "ai.invalid", &["invalid", "invalid"], move |_, _, _| {
            Say::Bytes(open_ended(EVENTS, &unknown))
        })
        .streamed(),
        case("more after the end of a stream", move |_, _, _| Say::Bytes(after.to_vec())).streamed(),
        case("a stream that stays open after its end", move |_, _, _| Say::Stall(whole_again.to_vec())).streamed(),
        case("a whole answer in place of a stream", |speech, _, asked| speech.good(&good(), asked)).streamed(),
    ]
}

/// What fails first and is tried again.
fn second_tries() -> Vec<Case> {
    let then = |name, row: &'static str, retries, first: fn(Speech, &Asked) -> Say| {
        case(name, move |speech, number, asked| match number {
            0 => first(speech, asked),
            _ => speech.good(&good(), asked),
        })
        .retried(retries, &[row, "applied"])
    };
    const SOON: &str = "retry-after-ms: 5\r\n";
    vec![
        then("529, then a good answer", "provider_error overloaded", 1, |speech, _| {
            speech.error(529, SOON, "overloaded_error", "busy")
        }),
        then("429 for a moment, then a good answer", "provider_error rate_limited", 1, |speech, _| {
            speech.error(429, SOON, "rate_limit_error", "slow")
        }),
        then("500, then a good answer", SERVER, 1, |speech, _| speech.error(500, SOON, "api_error", "oops")),
        then("400 to be tried again, then a good answer", "provider_error bad_request", 1, |speech, _| {
            speech.error(400, "x-should-retry: true\r\nretry-after-ms: 5\r\n", "invalid_request_error", "hm")
        }),
        then("reset, then a good answer", CONNECT, 1, |_, _| Say::Reset(Vec::new())),
        then("a page, then a good answer", PROTOCOL, 1, |_, _| Say::Bytes(http(200, "", "<p>Log in"))),
        then("prose, then a good answer", "invalid", 0, |speech, asked| speech.good("I am glad to help!", asked)),
        then("cut off, then whole with more room", "truncated", 0, |speech, _| {
            let word = if speech == Claude { "max_tokens" } else { "length" };
            speech.ok(&speech.message("{\"title\":\"Pla", word))
        }),
        case("a field that the model does not take", |speech, _, asked| {
            let field = if speech == Claude { "metadata" } else { "response_format" };
            match asked.json().get(field) {
                Some(_) => {
                    speech.error(400, "", "invalid_request_error", &format!("{field}: Extra inputs are not permitted"))
                }
                None => speech.good(&good(), asked),
            }
        })
        .retried(1, &["provider_error bad_request", "applied"]),
        fails("529 for ever", "provider_error overloaded", |speech, _, _| {
            speech.error(529, SOON, "overloaded_error", "busy")
        })
        .retried(2, &["provider_error overloaded"; 3]),
    ]
}

/// What is odd and no reason to throw a good answer away.
fn oddities() -> Vec<Case> {
    let with = |name, change: fn(Speech, &mut Value)| {
        case(name, move |speech, _, asked| {
            let mut message = speech.whole(&good(), asked);
            change(speech, &mut message);
            speech.ok(&message)
        })
    };
    // Who says to be another model than the one asked is looked at first.
    let other = |case: Case| Case { error: Some("ai.needs_review"), log: vec!["valid"], ..case };
    let absurd = json!(u64::MAX);
    vec![
        with("fields that nobody knows", |_, message| message["new"] = json!({ "deep": [1, { "x": null }] })),
        other(with("ids of a megabyte", |_, message| {
            message["id"] = json!("i".repeat(500_000));
            message["model"] = json!("m".repeat(500_000));
        })),
        other(with("U+0000 and colours in ids", |_, message| {
            message["id"] = json!("a\u{0}b\u{1b}[31m");
            message["model"] = json!("m\u{0}");
        })),
        case("more tokens than there are", move |speech, _, asked| {
            let mut message = speech.whole(&good(), asked);
            for name in ["input_tokens", "output_tokens", "prompt_tokens", "completion_tokens"] {
                if message["usage"].get(name).is_some() {
                    message["usage"][name] = absurd.clone();
                }
            }
            speech.ok(&message)
        }),
        with("no tokens at all", |_, message| {
            message.as_object_mut().unwrap().remove("usage");
        }),
        case("headers of 8 KB", |speech, _, asked| {
            let head = format!("{JSON}x-noise: {}\r\nrequest-id: {}\r\n", "n".repeat(8_000), "r".repeat(8_000));
            Say::Bytes(http(200, &head, speech.whole(&good(), asked).to_string()))
        }),
        case("a good answer in pieces without a length", |speech, _, asked| {
            let body = speech.whole(&good(), asked).to_string();
            let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n".to_vec();
            for piece in body.as_bytes().chunks(100) {
                bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            Say::Bytes(bytes)
        }),
        case("a good answer that is called a page", |speech, _, asked| {
            Say::Bytes(http(200, "content-type: text/html\r\n", speech.whole(&good(), asked).to_string()))
        }),
    ]
}
