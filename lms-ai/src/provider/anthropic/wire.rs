//! What goes over the wire, both ways.

use std::collections::BTreeSet;

use lms_core::ai::{AiRequest, Part, Stop, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::http::{Answer, Failure, decimal, protocol};
use super::failure::WORDS;
use crate::schema::Ordered;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<[SystemBlock<'a>; 1]>,
    messages: [Message; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct SystemBlock<'a> {
    r#type: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct CacheControl {
    r#type: &'static str,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Vec<TextBlock>,
}

#[derive(Serialize)]
struct TextBlock {
    r#type: &'static str,
    text: String,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    format: Format<'a>,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    schema: Ordered<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a str,
}

impl<'a> Body<'a> {
    /// The body of a request. The schema goes along only where the model enforces it: elsewhere the caller
    /// has printed it in the prompt. A schema of `null` is one that the caller took out.
    pub(super) fn new(
        request: &'a AiRequest,
        model: &'a str,
        native: bool,
        stream: bool,
        omitted: &BTreeSet<&'static str>,
    ) -> Self {
        let cache_control = (!omitted.contains("cache_control")).then_some(CacheControl { r#type: "ephemeral" });
        Self {
            model,
            max_tokens: request.max_tokens,
            // The service refuses empty texts.
            system: (!request.system.trim().is_empty()).then_some([SystemBlock {
                r#type: "text",
                text: &request.system,
                cache_control,
            }]),
            messages: [Message { role: "user", content: request.parts.iter().filter_map(block).collect() }],
            output_config: (native && !request.schema.json.is_null()).then_some(OutputConfig {
                format: Format { r#type: "json_schema", schema: Ordered(&request.schema.json) },
            }),
            temperature: request.temperature.filter(|_| !omitted.contains("temperature")).map(decimal),
            metadata: (!request.meta.actor.is_empty() && !omitted.contains("metadata"))
                .then_some(Metadata { user_id: &request.meta.actor }),
            stream,
        }
    }

    /// The fields of this body that can be left out.
    pub(super) fn optional(&self) -> Vec<&'static str> {
        let cached = self.system.as_ref().is_some_and(|[block]| block.cache_control.is_some());
        [("temperature", self.temperature.is_some()), ("metadata", self.metadata.is_some()), ("cache_control", cached)]
            .into_iter()
            .filter_map(|(name, sent)| sent.then_some(name))
            .collect()
    }
}

fn block(part: &Part) -> Option<TextBlock> {
    Some(TextBlock { r#type: "text", text: part.said()? })
}

#[derive(Deserialize)]
struct WireAnswer {
    id: Option<String>,
    model: Option<String>,
    content: Vec<Value>,
    stop_reason: Option<String>,
    stop_details: Option<StopDetails>,
    #[serde(default)]
    usage: WireUsage,
}

#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct StopDetails {
    category: Option<String>,
}

/// Counts as they came: in a stream later ones replace earlier ones.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub(super) struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

impl WireUsage {
    pub(super) fn update(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.cache_read_input_tokens = later.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.cache_creation_input_tokens = later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
    }
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        Self {
            input: wire.input_tokens.unwrap_or(0),
            output: wire.output_tokens.unwrap_or(0),
            cache_read: wire.cache_read_input_tokens.unwrap_or(0),
            cache_write: wire.cache_creation_input_tokens.unwrap_or(0),
            thinking: wire.output_tokens_details.and_then(|details| details.thinking_tokens).unwrap_or(0),
        }
    }
}

/// Reads the body of a success.
pub(super) fn decode(value: &Value, model: &str) -> Result<Answer, Failure> {
    if value.get("type").and_then(Value::as_str) == Some("error") {
        return Err(WORDS.of_event(value, model));
    }
    // The message of serde may quote the answer: only that it does not fit is told.
    let wire = WireAnswer::deserialize(value).map_err(|_| protocol("the answer is not a message"))?;
    let mut text = String::new();
    for block in wire.content.iter().filter(|block| block.get("type").and_then(Value::as_str) == Some("text")) {
        let part = block.get("text").and_then(Value::as_str);
        text.push_str(part.ok_or_else(|| protocol("a text block of the answer has no text"))?);
    }
    Ok(finish(
        text,
        wire.id,
        wire.model.unwrap_or_else(|| model.to_owned()),
        wire.stop_reason,
        wire.stop_details,
        wire.usage,
    ))
}

/// Puts an answer together.
pub(super) fn finish(
    text: String,
    message_id: Option<String>,
    model: String,
    stop_reason: Option<String>,
    details: Option<StopDetails>,
    usage: WireUsage,
) -> Answer {
    let raw_stop = stop_reason.unwrap_or_default();
    let stop = match raw_stop.as_str() {
        "end_turn" | "stop_sequence" => Stop::Complete,
        "max_tokens" => Stop::Truncated,
        "refusal" => Stop::Refused { category: details.and_then(|details| details.category) },
        "model_context_window_exceeded" => Stop::ContextFull,
        _ => Stop::Other,
    };
    Answer { text, model, stop, raw_stop, usage: usage.into(), message_id }
}
