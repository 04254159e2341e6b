//! Ollama's own interface, both ways.

use lms_core::ai::{Stop, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::http::{Answer, Failure, protocol};
use super::failure::{WORDS, is_error};
use super::wire::Message;
use crate::schema::Ordered;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub(super) model: &'a str,
    pub(super) messages: Vec<Message<'a>>,
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<Ordered<'a>>,
    pub(super) options: Map<String, Value>,
    /// What the host sends along, but for its options.
    #[serde(flatten)]
    pub(super) extra: Map<String, Value>,
}

/// The options of a call: the host's stand above ours. The context holds the whole prompt and the answer,
/// for a prompt that does not fit is cut without a word; it comes in powers of two, since every other size
/// makes the server load the model anew.
pub(super) fn options(
    prompt: usize,
    max_tokens: u32,
    temperature: Option<f64>,
    own: Option<&Value>,
) -> Map<String, Value> {
    let tokens = u64::try_from(prompt.div_ceil(3)).unwrap_or(u64::MAX).saturating_add(u64::from(max_tokens));
    let context = tokens.checked_next_power_of_two().unwrap_or(u64::MAX).max(4_096);
    let mut options = Map::new();
    options.insert("num_predict".to_owned(), max_tokens.into());
    options.insert("num_ctx".to_owned(), context.into());
    if let Some(temperature) = temperature {
        options.insert("temperature".to_owned(), temperature.into());
    }
    for (name, value) in own.and_then(Value::as_object).into_iter().flatten() {
        options.insert(name.clone(), value.clone());
    }
    options
}

#[derive(Deserialize)]
struct WireAnswer {
    model: Option<String>,
    message: WireMessage,
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
}

#[derive(Deserialize)]
struct WireMessage {
    content: Option<String>,
}

/// Reads the body of a success.
pub(super) fn decode(value: &Value, model: &str) -> Result<Answer, Failure> {
    if is_error(value) {
        return Err(WORDS.of_event(value, model));
    }
    let wire = WireAnswer::deserialize(value).map_err(|_| protocol("the answer is not a chat message"))?;
    if !wire.done {
        return Err(protocol("the answer is not whole"));
    }
    let raw_stop = wire.done_reason.unwrap_or_default();
    let stop = match raw_stop.as_str() {
        "stop" => Stop::Complete,
        "length" => Stop::Truncated,
        _ => Stop::Other,
    };
    Ok(Answer {
        text: wire.message.content.unwrap_or_default(),
        model: wire.model.unwrap_or_else(|| model.to_owned()),
        stop,
        raw_stop,
        usage: Usage {
            input: wire.prompt_eval_count.unwrap_or(0),
            output: wire.eval_count.unwrap_or(0),
            ..Usage::default()
        },
        message_id: None,
    })
}
