//! The log row of an attempt.

use lms_core::ai::{AiResponse, Part, ProviderError, ProviderErrorKind, Trust};
use lms_core::model::table::Json;
use lms_core::model::{AiLog, AiLogId, AiLogStatus};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::asking::may_have_used;
use super::judge::{MAX_VIOLATIONS, Outcome};
use super::standing::REFUSED;
use super::{About, AiError};
use crate::provider::{NEVER_CONNECTED, NO_PLACE, PANICKED};
use crate::reader::{MAX_ANSWER, truncate_bytes};
use crate::{Prompt, Violation};

/// What the log keeps of a call's texts. Hashes and numbers it always keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redaction {
    /// Prompt and answer, whole.
    Full,
    /// Of a student's text in the prompt only hash, length and whose it is; the rest whole. The text stands
    /// in the database already, and [`Ai::logged_prompt`](super::Ai::logged_prompt) puts it back.
    Redacted,
    /// Nothing but an answer that waits to be applied, which goes with that. An operation that is repeated
    /// after that is told that it is done, and not what it answered.
    Metadata,
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A prompt as the log holds it.
#[derive(Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) system: String,
    pub(super) parts: Vec<Part>,
}

/// The parts of a logged prompt; `None` where its text is gone.
pub(crate) fn parts_of(row: &AiLog) -> Option<Vec<Part>> {
    let shown: Shown = serde_json::from_str(row.prompt_text.as_deref()?).ok()?;
    Some(shown.parts)
}

/// A prompt as the log keeps it, and by which redaction.
fn logged(prompt: &Prompt, about: &About, mode: Redaction) -> (Option<String>, &'static str) {
    if mode == Redaction::Metadata {
        return (None, "metadata");
    }
    let mut redaction = "full";
    let parts = prompt
        .parts
        .iter()
        .map(|part| {
            if part.trust == Trust::Trusted || mode == Redaction::Full {
                return part.clone();
            }
            redaction = "redacted";
            let subject = about.subject.map_or_else(String::new, |(kind, id)| format!(" {kind}={id}"));
            Part { text: format!("{}{subject}]", placeholder(&part.text)), ..part.clone() }
        })
        .collect();
    let shown = Shown { system: prompt.system.clone(), parts };
    (Some(serde_json::to_string(&shown).unwrap_or_default()), redaction)
}

/// How the place of a text begins that the log does not hold.
pub(super) fn placeholder(text: &str) -> String {
    format!("[sha256={} bytes={}", sha256(text), text.len())
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

/// What every attempt of an operation says of itself.
pub(super) struct Heading {
    pub(super) operation_id: Uuid,
    pub(super) kind: &'static str,
    pub(super) prompt_version: &'static str,
    pub(super) provider: String,
    pub(super) input_sha256: String,
    pub(super) schema_sha256: String,
    pub(super) about: About,
    pub(super) actor: Option<lms_core::model::UserId>,
    pub(super) redaction: Redaction,
    pub(super) keep_days: Option<u32>,
}

/// A pending row of an attempt, which its caller gives up at once unless something else is written.
pub(super) fn pending(
    lms: &lms_core::Lms,
    heading: &Heading,
    attempt: u32,
    model: &str,
    prompt: &Prompt,
    notes: &[String],
    charged: i64,
) -> AiLog {
    let now = lms.now();
    let (prompt_text, redaction) = logged(prompt, &heading.about, heading.redaction);
    AiLog {
        id: AiLogId::from_uuid(lms.ids().uuid(now)),
        operation_id: heading.operation_id,
        attempt: i64::from(attempt),
        kind: heading.kind.to_owned(),
        prompt_version: version_number(heading.prompt_version),
        status: AiLogStatus::Pending,
        provider: heading.provider.clone(),
        model_requested: model.to_owned(),
        model_served: None,
        request_id: None,
        message_id: None,
        stop_reason: None,
        http_status: None,
        error_kind: None,
        violations: Json::of(&Vec::<u8>::new()),
        notes: Json::of(&notes),
        input_sha256: heading.input_sha256.clone(),
        prompt_sha256: prompt_hash(prompt),
        system_sha256: sha256(&prompt.system),
        schema_sha256: heading.schema_sha256.clone(),
        prompt_text,
        response_text: None,
        response_sha256: None,
        redaction: redaction.to_owned(),
        tokens_in: 0,
        tokens_out: 0,
        tokens_cache_read: 0,
        tokens_cache_write: 0,
        tokens_thinking: 0,
        cost_micro_usd: 0,
        charged_micro_usd: charged,
        latency_ms: None,
        actor_id: heading.actor,
        course_id: heading.about.course_id,
        subject_type: heading.about.subject.map(|(kind, _)| kind.to_owned()),
        subject_id: heading.about.subject.map(|(_, id)| id),
        created_at: now,
        given_up_at: now,
        completed_at: None,
        applied_at: None,
        expires_at: heading.keep_days.map(|days| now.plus_seconds(i64::from(days) * 86_400)),
    }
}

/// The most that one attempt counts, of tokens and of millionths of a US dollar: whatever a provider says, a sum
/// over many rows stays a number that every store can hold.
pub(super) const MOST_COUNTED: u64 = 1_000_000_000_000;

/// A provider's own word, as the log keeps it: of one line and of bounded length, whoever sent it.
fn word(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The row of an attempt that the provider failed.
pub(super) fn failed(row: &mut AiLog, error: &ProviderError) {
    row.status = match error.kind {
        ProviderErrorKind::Timeout => AiLogStatus::Timeout,
        ProviderErrorKind::BudgetDenied | ProviderErrorKind::CircuitOpen => AiLogStatus::Denied,
        _ => AiLogStatus::ProviderError,
    };
    row.error_kind = Some(error.kind.as_str().to_owned());
    row.http_status = error.http_status.map(i64::from);
    row.request_id = error.request_id.as_deref().map(word);
    let note = match &error.kind {
        ProviderErrorKind::Timeout => Some(format!("timeout:{}", phase(&error.excerpt))),
        ProviderErrorKind::Connect if error.excerpt.starts_with(NEVER_CONNECTED) => Some("connect:never".to_owned()),
        ProviderErrorKind::Protocol if error.excerpt == PANICKED => Some("panic".to_owned()),
        ProviderErrorKind::BadRequest { param: Some(param) } => Some(format!("bad_request:{}", word(param))),
        _ => None,
    };
    add_notes(row, note);
}

/// Whether a call was made that may have been paid for: it reached its provider, as far as the log tells. A service
/// that has begun a success has begun to count, whatever it says after that.
pub(super) fn was_sent(row: &AiLog) -> bool {
    let notes: Vec<String> = row.notes.read().unwrap_or_default();
    let is_begun = row.http_status.is_some_and(|status| (200..300).contains(&status));
    row.status != AiLogStatus::Denied
        && (is_begun || row.error_kind.as_deref().is_none_or(may_have_used))
        && !notes.iter().any(|note| ["timeout:connect", "timeout:place", "connect:never"].contains(&note.as_str()))
}

/// In which phase of a call the time was up, as far as the provider says.
fn phase(said: &str) -> &'static str {
    [(NO_PLACE, "place"), ("connecting", "connect"), ("waiting for the answer", "answer"), ("fell silent", "stream")]
        .iter()
        .find_map(|(words, phase)| said.contains(words).then_some(*phase))
        .unwrap_or("attempt")
}

/// The row of an attempt that was answered.
pub(super) fn answered<T>(row: &mut AiLog, response: &AiResponse, cost: u64, outcome: &Outcome<T>) {
    #[derive(Serialize)]
    struct Coded<'a> {
        code: &'a str,
        pointer: &'a str,
    }
    let count = |n: u64| i64::try_from(n.min(MOST_COUNTED)).unwrap_or(0);
    row.status = match outcome {
        Outcome::Good(_) => AiLogStatus::Valid,
        Outcome::Bad(_) | Outcome::Ends(_) => AiLogStatus::Invalid,
        Outcome::Cut => AiLogStatus::Truncated,
        Outcome::Refused(_) => AiLogStatus::Refused,
    };
    let (violations, notes): (&[Violation], &[String]) = match outcome {
        Outcome::Good(judged) => (&judged.violations, &judged.notes),
        Outcome::Bad(rejected) => (&rejected.violations, &[]),
        _ => (&[], &[]),
    };
    let coded = violations.iter().take(MAX_VIOLATIONS).map(|v| Coded { code: v.code, pointer: &v.pointer });
    row.violations = Json::of(&coded.collect::<Vec<_>>());
    let mut notes = notes.to_vec();
    if let Outcome::Refused(Some(category)) = outcome {
        notes.push(format!("{REFUSED}{}", word(category)));
    }
    add_notes(row, notes);
    if row.redaction != "metadata" || row.status == AiLogStatus::Valid {
        // U+0000 cannot be stored as text; everything else stands as it came, up to the cap.
        let text: String = response.text.chars().filter(|c| *c != '\0').collect();
        row.response_text = Some(truncate_bytes(&text, MAX_ANSWER).to_owned());
    }
    row.response_sha256 = Some(sha256(&response.text));
    row.model_served = Some(word(&response.model));
    row.stop_reason = Some(word(&response.raw_stop));
    row.request_id = response.request_id.as_deref().map(word);
    row.message_id = response.message_id.as_deref().map(word);
    row.tokens_in = count(response.usage.input);
    row.tokens_out = count(response.usage.output);
    row.tokens_cache_read = count(response.usage.cache_read);
    row.tokens_cache_write = count(response.usage.cache_write);
    row.tokens_thinking = count(response.usage.thinking);
    row.cost_micro_usd = count(cost);
    row.latency_ms = i64::try_from(response.latency.as_millis()).ok();
}

/// Notes in a row what is out of the ordinary with its call, after what stands there already.
pub(super) fn add_notes(row: &mut AiLog, notes: impl IntoIterator<Item = String>) {
    let mut all: Vec<String> = row.notes.read().unwrap_or_default();
    all.extend(notes);
    row.notes = Json::of(&all);
}

/// Writes how an attempt ended, and what was set aside for it.
///
/// # Errors
/// InProgress where the row was given up meanwhile: somebody else may be at it, and this answer cannot be
/// applied. It was paid for, so the log keeps it all the same; of a person who was erased in between, its
/// numbers only.
pub(super) async fn finish(lms: &lms_core::Lms, row: AiLog, reserved: i64) -> Result<(), AiError> {
    let host = lms.system();
    let log = host.ai_log();
    if log.settle(row.clone(), AiLogStatus::Pending, reserved).await? {
        return Ok(());
    }
    for _ in 0..3 {
        let stored = lms.store().ai_log(row.id).await.map_err(lms_core::Error::from)?;
        let Some(stored) = stored else { break };
        // What was set aside was counted as spent when the row was given up.
        let (expected, charged) = (stored.status, stored.charged_micro_usd);
        let mut late = AiLog { status: expected, charged_micro_usd: charged, ..row.clone() };
        if expected != AiLogStatus::Abandoned {
            (late.prompt_text, late.response_text, late.violations) = (None, None, stored.violations);
            late.expires_at = stored.expires_at;
        }
        if log.settle(late, expected, 0).await? {
            break;
        }
    }
    Err(AiError::InProgress)
}

/// "quiz_v3" → 3.
fn version_number(version: &str) -> i64 {
    version.rsplit("_v").next().and_then(|n| n.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_says_in_which_phase() {
        assert_eq!(phase("timed out while connecting"), "connect");
        assert_eq!(phase("timed out while waiting for the answer"), "answer");
        assert_eq!(phase("the stream fell silent"), "stream");
        assert_eq!(phase(NO_PLACE), "place");
        assert_eq!(phase(""), "attempt");
    }

    #[test]
    fn a_providers_word_is_one_bounded_line() {
        assert_eq!(word("req_1"), "req_1");
        assert_eq!(word("a\0b\nc"), "abc");
        assert_eq!(word(&"ß".repeat(1_000)).chars().count(), 200);
    }
}
