//! The two languages that services speak.

use std::sync::Arc;
use std::time::Duration;

use lms_ai::provider::{Anthropic, OpenAiCompatible, Preset};
use lms_core::ai::{AiProvider, Stop};
use serde_json::{Value, json};

use super::server::{Asked, Say, http};

/// The key of the suite: it must turn up nowhere but in its header.
pub(crate) const KEY: &str = "sk-test-Very_Secret-9753124680";

/// Whose language a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    Anthropic,
    OpenAi,
}
use Speech::{Anthropic as Claude, OpenAi};

impl Speech {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Claude => "Anthropic",
            OpenAi => "OpenAI",
        }
    }

    /// The model to ask: with Claude, one whose answers to an outline are streamed, or one whose are not.
    pub(crate) const fn model(self, streamed: bool) -> &'static str {
        match (self, streamed) {
            (Claude, true) => "claude-sonnet-5-5",
            (Claude, false) => "claude-sonnet-4-5",
            (OpenAi, _) => "test-model",
        }
    }

    pub(crate) fn provider(self, url: &str) -> Arc<dyn AiProvider> {
        let idle = Duration::from_millis(400);
        match self {
            Claude => Arc::new(Anthropic::builder(KEY).base_url(url).idle_timeout(idle).build().unwrap()),
            OpenAi => {
                Arc::new(OpenAiCompatible::preset(Preset::Compatible).base_url(url).api_key(KEY).build().unwrap())
            }
        }
    }

    /// An answer with a text and a reason to stop.
    pub(crate) fn message(self, text: &str, stop: &str) -> Value {
        match self {
            Claude => json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": "served",
                "content": [{ "type": "text", "text": text }],
                "stop_reason": stop, "stop_sequence": null, "stop_details": null,
                "usage": { "input_tokens": 300, "output_tokens": 40 },
            }),
            OpenAi => json!({
                "id": "chatcmpl-1", "object": "chat.completion", "model": "served",
                "choices": [{
                    "index": 0, "finish_reason": stop,
                    "message": { "role": "assistant", "content": text, "refusal": null },
                }],
                "usage": { "prompt_tokens": 300, "completion_tokens": 40, "total_tokens": 340 },
            }),
        }
    }

    /// The word for a reason to stop, as far as there is one.
    pub(crate) const fn word(self, stop: &Stop) -> Option<&'static str> {
        Some(match (self, stop) {
            (Claude, Stop::Complete) => "end_turn",
            (Claude, Stop::Truncated) => "max_tokens",
            (Claude, Stop::Refused { .. }) => "refusal",
            (Claude, Stop::ContextFull) => "model_context_window_exceeded",
            (Claude, Stop::Other) => "tool_use",
            (OpenAi, Stop::Complete) => "stop",
            (OpenAi, Stop::Truncated) => "length",
            (OpenAi, Stop::Filtered) => "content_filter",
            (OpenAi, Stop::Other) => "tool_calls",
            (Claude, Stop::Filtered) | (OpenAi, Stop::Refused { .. } | Stop::ContextFull) => return None,
        })
    }

    /// A whole answer from the model that was asked.
    pub(crate) fn whole(self, text: &str, asked: &Asked) -> Value {
        let mut message = self.message(text, self.word(&Stop::Complete).unwrap());
        message["model"] = asked.json()["model"].clone();
        message
    }

    /// The same on the wire.
    pub(crate) fn good(self, text: &str, asked: &Asked) -> Say {
        self.ok(&self.whole(text, asked))
    }

    /// A body that came with a success.
    pub(crate) fn ok(self, body: &Value) -> Say {
        Say::Bytes(http(200, JSON, body.to_string()))
    }

    /// An error in the service's own form.
    pub(crate) fn error(self, status: u16, head: &str, kind: &str, message: &str) -> Say {
        let body = match self {
            Claude => json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_b" }),
            OpenAi => json!({ "error": { "type": kind, "message": message, "param": null, "code": null } }),
        };
        Say::Bytes(http(status, &format!("{JSON}{head}"), body.to_string()))
    }

    /// The check code of a grading request, as the service can read it.
    pub(crate) fn check_code(self, asked: &Asked) -> Option<String> {
        let body = asked.json();
        let prompt = match self {
            Claude => {
                let blocks = body["messages"][0]["content"].as_array().unwrap();
                blocks.iter().map(|block| block["text"].as_str().unwrap()).collect::<Vec<_>>().join("\n\n")
            }
            OpenAi => body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned(),
        };
        let line = prompt.split("# check\n").nth(1)?.lines().next()?;
        serde_json::from_str(line).ok()
    }
}

pub(crate) const JSON: &str = "content-type: application/json\r\n";

/// The head of a stream.
pub(crate) const EVENTS: &str = "content-type: text/event-stream\r\n";

/// The events of a stream of Claude's, up to the last part of a text.
pub(crate) fn opening(text: &str) -> Vec<Value> {
    let mut all = vec![
        json!({ "type": "message_start", "message": {
            "id": "msg_s", "model": "claude-sonnet-5-5", "content": [], "usage": { "input_tokens": 30, "output_tokens": 1 },
        } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "thinking", "thinking": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": "hm" } }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "ping" }),
        json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "text", "text": "" } }),
    ];
    let chars: Vec<char> = text.chars().collect();
    for piece in chars.chunks(97) {
        let piece: String = piece.iter().collect();
        all.push(
            json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "text_delta", "text": piece } }),
        );
    }
    all
}

/// The events that end it.
pub(crate) fn closing(stop: &str) -> Vec<Value> {
    vec![
        json!({ "type": "content_block_stop", "index": 1 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": stop }, "usage": { "output_tokens": 77 } }),
        json!({ "type": "message_stop" }),
    ]
}

pub(crate) fn events(values: impl IntoIterator<Item = Value>) -> String {
    values.into_iter().map(|value| format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap())).collect()
}
