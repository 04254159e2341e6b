//! The record of every prompt and response (I2).

use super::table::{Json, record, words};
use super::{AiLogId, CourseId, Timestamp, UserId};
use uuid::Uuid;

words! {
    /// Where an AI call stands.
    pub enum AiLogStatus {
        /// Sent, or about to be.
        Pending = "pending",
        /// Passed every check; not applied yet.
        Valid = "valid",
        /// Failed a check.
        Invalid = "invalid",
        /// The model refused.
        Refused = "refused",
        /// The answer was cut off.
        Truncated = "truncated",
        /// The provider failed.
        ProviderError = "provider_error",
        /// No answer in time.
        Timeout = "timeout",
        /// Not sent: a budget or a policy forbade it.
        Denied = "denied",
        /// The caller went away.
        Abandoned = "abandoned",
        /// Its content stands in the database.
        Applied = "applied",
        /// Stored as a suggestion for a person.
        Review = "review",
        /// A person dropped it.
        Dropped = "dropped",
    }
}

record! {
    /// One wire attempt at an AI call.
    pub struct AiLog in "ai_logs" {
        /// The id.
        pub id: AiLogId,
        /// The operation; unique together with `attempt`.
        pub operation_id: Uuid,
        /// 1 for the first.
        pub attempt: i64,
        /// Which task.
        pub kind: String,
        /// Which version of its prompt.
        pub prompt_version: i64,
        /// Where it stands.
        pub status: AiLogStatus,
        /// The provider.
        pub provider: String,
        /// The model asked for.
        pub model_requested: String,
        /// The model that answered.
        pub model_served: Option<String>,
        /// The provider's id of the request.
        pub request_id: Option<String>,
        /// The provider's id of the answer.
        pub message_id: Option<String>,
        /// Why the model stopped, in the provider's word.
        pub stop_reason: Option<String>,
        /// The HTTP status.
        pub http_status: Option<i64>,
        /// What kind of failure it was.
        pub error_kind: Option<String>,
        /// Codes and places of what was wrong; never the text.
        pub violations: Json,
        /// What the engine did out of the ordinary, by code: another model, the schema in the prompt, an
        /// answer put right before it was read.
        pub notes: Json,
        /// SHA-256 of the task's input: another input under the same operation is refused (I3).
        pub input_sha256: String,
        /// SHA-256 of the whole prompt, before any redaction.
        pub prompt_sha256: String,
        /// SHA-256 of the prompt's system part.
        pub system_sha256: String,
        /// SHA-256 of the schema.
        pub schema_sha256: String,
        /// The prompt; redacted where `redaction` says so.
        pub prompt_text: Option<String>,
        /// The answer.
        pub response_text: Option<String>,
        /// SHA-256 of the answer.
        pub response_sha256: Option<String>,
        /// full, redacted or metadata.
        pub redaction: String,
        /// Tokens in.
        pub tokens_in: i64,
        /// Tokens out.
        pub tokens_out: i64,
        /// Tokens read from the provider's cache.
        pub tokens_cache_read: i64,
        /// Tokens written to the provider's cache.
        pub tokens_cache_write: i64,
        /// Tokens the model thought with.
        pub tokens_thinking: i64,
        /// What it cost, in millionths of a US dollar.
        pub cost_micro_usd: i64,
        /// What counts against budgets, in millionths of a US dollar: the worst case while the call is under
        /// way and where what it used stays unknown, else its cost.
        pub charged_micro_usd: i64,
        /// How long it took, in milliseconds.
        pub latency_ms: Option<i64>,
        /// Who asked.
        pub actor_id: Option<UserId>,
        /// For which course.
        pub course_id: Option<CourseId>,
        /// What it was about.
        pub subject_type: Option<String>,
        /// Which one.
        pub subject_id: Option<Uuid>,
        /// When it was sent.
        pub created_at: Timestamp,
        /// When its caller has given up: if it is pending still after that, nobody is at it any more.
        pub given_up_at: Timestamp,
        /// When it was answered.
        pub completed_at: Option<Timestamp>,
        /// When its content was written.
        pub applied_at: Option<Timestamp>,
        /// When its texts are blanked.
        pub expires_at: Option<Timestamp>,
    }
}

record! {
    /// What the AI calls of a day and a task came to.
    pub struct AiCost in "ai_costs" {
        /// The day (UTC), as 2026-03-01.
        pub day: String,
        /// The task.
        pub kind: String,
        /// How many calls; those that a budget denied, too.
        pub calls: i64,
        /// Tokens in, those of the provider's cache too.
        pub tokens_in: i64,
        /// Tokens out.
        pub tokens_out: i64,
        /// What they cost as far as it is known, in millionths of a US dollar.
        pub cost_micro_usd: i64,
        /// What counted against budgets for them: the worst case where the cost is not known.
        pub charged_micro_usd: i64,
    }
}
