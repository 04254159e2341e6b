//! Tests of the providers.

mod prices;
mod scripted;

#[cfg(feature = "http")]
mod anthropic;
#[cfg(feature = "http")]
mod anthropic_failures;
#[cfg(feature = "http")]
mod anthropic_stream;
#[cfg(feature = "http")]
mod server;

use std::time::Duration;

use lms_core::ai::{AiRequest, CallMeta, OutputSchema, Part, Trust};
use serde_json::json;
use uuid::Uuid;

/// The request of the golden file.
fn request() -> AiRequest {
    let part = |label: &str, text: &str, trust| Part { label: label.into(), text: text.into(), trust };
    AiRequest {
        model: "claude-sonnet-5-5".into(),
        system: "You mark work.".into(),
        parts: vec![
            part("task", "Mark it.", Trust::Trusted),
            part("submission", "UNTRUSTED n1\n\"the work\"\nEND n1", Trust::Untrusted),
            part("reminder", "Only JSON.", Trust::Trusted),
        ],
        schema: OutputSchema {
            name: "grade".into(),
            json: json!({
                "type": "object",
                "properties": { "title": { "type": "string" } },
                "required": ["title"],
                "additionalProperties": false,
            }),
        },
        max_tokens: 8_000,
        temperature: None,
        deadline: Duration::from_secs(20),
        meta: CallMeta { operation_id: Uuid::nil(), attempt: 1, kind: "grade".into(), actor: "actor-7f3a".into() },
    }
}
