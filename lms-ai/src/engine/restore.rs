//! A prompt of the log with what was left out put back.

use lms_core::ai::{Part, Trust};
use lms_core::lms::Session;
use lms_core::model::{AiLog, AiLogId, SubmissionId};
use serde::Serialize;

use super::judge::quoted;
use super::row::{Shown, placeholder, prompt_hash};
use super::{Ai, AiError};
use crate::task::untrusted_part;
use crate::text::{Pseudonyms, strip_format_characters};
use crate::{Nonce, Prompt};

/// A prompt as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedPrompt {
    /// The policy.
    pub system: String,
    /// The parts, in order. A text that is not to be had any more is a placeholder still.
    pub parts: Vec<Part>,
    /// Whether this is, byte by byte, what was sent: its hash is the logged one.
    pub whole: bool,
}

impl Ai {
    /// The prompt of a log row. Of a redacted one the submission is put back, as it was sent: framed, and
    /// without names. It cannot be where the submission was erased, or its author renamed, since; then the
    /// prompt is not whole.
    ///
    /// # Errors
    /// NotFound to those who may not read the row or the submission; AnswerGone where the log holds no prompt.
    #[tracing::instrument(name = "ai.logged_prompt", skip_all)]
    pub async fn logged_prompt(&self, session: &Session, id: AiLogId) -> Result<LoggedPrompt, AiError> {
        let row = session.ai_log().log(id).await?;
        let text = row.prompt_text.as_deref().ok_or(AiError::AnswerGone)?;
        let Shown { system, mut parts } = serde_json::from_str(text).map_err(|_| AiError::AnswerGone)?;
        let known = if row.redaction == "redacted" { self.left_out(session, &row, &parts).await? } else { Vec::new() };
        for part in parts.iter_mut().filter(|part| part.trust == Trust::Untrusted) {
            if let Some(found) = known.iter().find(|known| part.text.starts_with(&placeholder(&known.text))) {
                part.text.clone_from(&found.text);
            }
        }
        let prompt = Prompt { system, parts };
        let whole = prompt_hash(&prompt) == row.prompt_sha256;
        Ok(LoggedPrompt { system: prompt.system, parts: prompt.parts, whole })
    }

    /// What may stand where something was left out: the work, and the earlier answers that a repair quotes.
    async fn left_out(&self, session: &Session, row: &AiLog, parts: &[Part]) -> Result<Vec<Part>, AiError> {
        let attempts = session.ai_log().operation(row.operation_id).await?;
        let mut found: Vec<Part> = attempts.iter().filter_map(|a| a.response_text.as_deref()).map(quoted).collect();
        let code =
            parts.iter().find(|part| part.label == "check").and_then(|part| serde_json::from_str(&part.text).ok());
        if let (Some("submission"), Some(id), Some(code)) = (row.subject_type.as_deref(), row.subject_id, code) {
            let submission = session.assignments().submission(SubmissionId::from_uuid(id)).await?;
            let names = Pseudonyms::new(&[self.names_of(submission.student_id).await?]);
            let sent = names.apply(submission.content.as_deref().unwrap_or_default()).text;
            found.push(untrusted_part("submission", &Nonce(code), &strip_format_characters(&sent).0));
        }
        Ok(found)
    }
}
