//! The chat completions of OpenAI, both ways.

use lms_core::ai::{Stop, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::http::{Answer, Failure, protocol};
use super::failure::{WORDS, is_error};
use crate::schema::Ordered;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub(super) model: &'a str,
    pub(super) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    /// What the host sends along.
    #[serde(flatten)]
    pub(super) extra: &'a Map<String, Value>,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ResponseFormat<'a> {
    JsonSchema { json_schema: JsonSchema<'a> },
    JsonObject,
}

#[derive(Serialize)]
pub(super) struct JsonSchema<'a> {
    pub(super) name: String,
    pub(super) strict: bool,
    pub(super) schema: Ordered<'a>,
}

/// The name of a schema as the service takes it.
pub(super) fn schema_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
        .take(64)
        .collect();
    if name.is_empty() { "answer".to_owned() } else { name }
}

#[derive(Deserialize)]
struct WireAnswer {
    id: Option<String>,
    model: Option<String>,
    choices: Vec<Choice>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<WireMessage>,
    finish_reason: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct WireMessage {
    content: Option<Content>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Value>),
}

#[derive(Default, Deserialize)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let all = wire.prompt_tokens.unwrap_or(0);
        let cached = wire.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0).min(all);
        Self {
            input: all - cached,
            output: wire.completion_tokens.unwrap_or(0),
            cache_read: cached,
            cache_write: 0,
            thinking: wire.completion_tokens_details.and_then(|details| details.reasoning_tokens).unwrap_or(0),
        }
    }
}

/// Reads the body of a success, which may tell of an error all the same.
pub(super) fn decode(value: &Value, model: &str) -> Result<Answer, Failure> {
    if is_error(value) {
        return Err(WORDS.of_event(value, model));
    }
    // The message of serde may quote the answer: only that it does not fit is told.
    let wire = WireAnswer::deserialize(value).map_err(|_| protocol("the answer is not a chat completion"))?;
    let choice = wire.choices.into_iter().next().ok_or_else(|| protocol("the answer has no choice"))?;
    if let Some(error) = choice.error.filter(|error| !error.is_null()) {
        return Err(WORDS.of_event(&serde_json::json!({ "error": error }), model));
    }
    let message = choice.message.ok_or_else(|| protocol("the answer has no message"))?;
    let raw_stop = choice.finish_reason.unwrap_or_default();
    let refused = message.refusal.is_some_and(|refusal| !refusal.is_empty());
    let stop = match raw_stop.as_str() {
        _ if refused => Stop::Refused { category: None },
        "stop" => Stop::Complete,
        "length" => Stop::Truncated,
        "content_filter" => Stop::Filtered,
        _ => Stop::Other,
    };
    Ok(Answer {
        text: message.content.map(text_of).transpose()?.unwrap_or_default(),
        model: wire.model.unwrap_or_else(|| model.to_owned()),
        stop,
        raw_stop: if refused { "refusal".to_owned() } else { raw_stop },
        usage: wire.usage.unwrap_or_default().into(),
        message_id: wire.id,
    })
}

/// Parts of other types than text are none of ours.
fn text_of(content: Content) -> Result<String, Failure> {
    match content {
        Content::Text(text) => Ok(text),
        Content::Parts(parts) => parts
            .iter()
            .filter(|part| part.get("type").and_then(Value::as_str) == Some("text"))
            .map(|part| part.get("text").and_then(Value::as_str))
            .collect::<Option<String>>()
            .ok_or_else(|| protocol("a text part of the answer has no text")),
    }
}
