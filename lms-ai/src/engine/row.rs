//! The log row of an attempt.

use lms_core::ai::{Part, Trust};
use lms_core::lms::Session;
use lms_core::model::table::Json;
use lms_core::model::{AiLog, AiLogId, AiLogStatus};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{About, Ai};
use crate::{AiTask, Prompt};

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A prompt as the log keeps it: whole, but for untrusted text, of which hash and length stay (it
/// stands in the database already).
pub(crate) fn logged(prompt: &Prompt, about: &About) -> (String, &'static str) {
    #[derive(Serialize)]
    struct Shown<'a> {
        system: &'a str,
        parts: Vec<Part>,
    }
    let mut redaction = "full";
    let parts = prompt
        .parts
        .iter()
        .map(|part| {
            if part.trust == Trust::Trusted {
                return part.clone();
            }
            redaction = "redacted";
            let subject = about.subject.map_or_else(String::new, |(kind, id)| format!(" {kind}={id}"));
            Part {
                label: part.label.clone(),
                text: format!("[sha256={} bytes={}{subject}]", sha256(&part.text), part.text.len()),
                trust: part.trust,
            }
        })
        .collect();
    let text = serde_json::to_string(&Shown { system: &prompt.system, parts }).unwrap_or_default();
    (text, redaction)
}

/// The parts of a logged prompt; `None` where its text is gone.
pub(crate) fn parts_of(row: &AiLog) -> Option<Vec<Part>> {
    #[derive(serde::Deserialize)]
    struct Logged {
        parts: Vec<Part>,
    }
    let logged: Logged = serde_json::from_str(row.prompt_text.as_deref()?).ok()?;
    Some(logged.parts)
}

/// The hash of a prompt before any redaction: rendering the same input again gives it again.
pub(crate) fn prompt_hash(prompt: &Prompt) -> String {
    let mut hash = Sha256::new();
    hash.update(prompt.system.as_bytes());
    for part in &prompt.parts {
        hash.update([0]);
        hash.update(part.label.as_bytes());
        hash.update([0]);
        hash.update(part.text.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A pending row.
#[expect(clippy::too_many_arguments, reason = "the row has as many facts")]
pub(crate) fn pending<T: AiTask>(
    ai: &Ai,
    session: &Session,
    about: &About,
    operation_id: Uuid,
    attempt: u32,
    input_sha256: &str,
    schema_sha256: &str,
    prompt: &Prompt,
) -> AiLog {
    let now = ai.lms.now();
    let (prompt_text, redaction) = logged(prompt, about);
    AiLog {
        id: AiLogId::from_uuid(ai.lms.ids().uuid(now)),
        operation_id,
        attempt: i64::from(attempt),
        kind: T::KIND.to_owned(),
        prompt_version: version_number(T::PROMPT_VERSION),
        status: AiLogStatus::Pending,
        provider: ai.provider.name().to_owned(),
        model_requested: ai.config.model.clone(),
        model_served: None,
        request_id: None,
        message_id: None,
        stop_reason: None,
        http_status: None,
        error_kind: None,
        violations: Json::of(&Vec::<u8>::new()),
        input_sha256: input_sha256.to_owned(),
        prompt_sha256: prompt_hash(prompt),
        schema_sha256: schema_sha256.to_owned(),
        prompt_text: Some(prompt_text),
        response_text: None,
        response_sha256: None,
        redaction: redaction.to_owned(),
        tokens_in: 0,
        tokens_out: 0,
        tokens_cache_read: 0,
        tokens_cache_write: 0,
        tokens_thinking: 0,
        cost_micro_usd: 0,
        latency_ms: None,
        actor_id: session.actor().rights_of(),
        course_id: about.course_id,
        subject_type: about.subject.map(|(kind, _)| kind.to_owned()),
        subject_id: about.subject.map(|(_, id)| id),
        created_at: now,
        completed_at: None,
        applied_at: None,
        expires_at: None,
    }
}

/// "quiz_v3" → 3.
fn version_number(version: &str) -> i64 {
    version.rsplit("_v").next().and_then(|n| n.parse().ok()).unwrap_or(1)
}
