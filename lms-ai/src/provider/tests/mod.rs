//! Tests of the providers.

mod breaker;
mod limited;
mod profiles;
mod scripted;

#[cfg(feature = "http")]
mod anthropic;
#[cfg(feature = "http")]
mod anthropic_failures;
#[cfg(feature = "http")]
mod anthropic_stream;
#[cfg(feature = "http")]
mod openai;
#[cfg(feature = "http")]
mod openai_failures;
#[cfg(feature = "http")]
#[path = "../../../tests/http/server.rs"]
mod server;

use std::time::Duration;

use async_trait::async_trait;
use lms_core::ai::{
    AiProvider, AiRequest, AiResponse, CallMeta, ModelProfile, OutputSchema, Part, ProviderError, Trust,
};
use serde_json::json;
use uuid::Uuid;

use crate::provider::Scripted;

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

/// The key of every test; it must turn up nowhere but in its header.
#[cfg(feature = "http")]
const KEY: &str = "sk-ant-test-0123456789";

#[cfg(feature = "http")]
fn claude(server: &server::Server) -> crate::provider::Anthropic {
    crate::provider::Anthropic::builder(KEY).base_url(&server.url).build().unwrap()
}

/// Never answers.
struct Stuck;

#[async_trait]
impl AiProvider for Stuck {
    fn name(&self) -> &str {
        "stuck"
    }
    fn profile(&self, _model: &str) -> ModelProfile {
        Scripted::new().profile("")
    }
    async fn complete(&self, _request: &AiRequest) -> Result<AiResponse, ProviderError> {
        std::future::pending().await
    }
}
