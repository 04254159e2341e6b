//! [`Offline`]: a provider without a network, which extracts instead of inventing.
//!
//! Headings become an outline, sentences cloze items, and a rubric's terms a
//! grade with verbatim evidence. It lets a person try the whole way on their own
//! Markdown without a key, and its answers pass the same checks as any model's.

mod assignment;
mod body;
mod certificate;
mod grade;
mod outline;
mod phrases;
mod plain;
mod plan;
mod quiz;
mod redo;
mod solve;

#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use lms_core::ai::{
    AiProvider, AiRequest, AiResponse, ModelProfile, Price, ProviderError, ProviderErrorKind, Retry, Stop, Usage,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::task::{
    AssignmentTask, BodyTask, CertificateTask, CriterionRedoTask, GradePrompt, GradeTask, OutlineTask, Proposable,
    QuestionRedoTask, QuizTask, SolveTask, part,
};
use crate::task_trait::{AiTask, Nonce};

/// The model that [`Offline`] says it is.
pub const OFFLINE_MODEL: &str = "offline-1";

/// A deterministic, extractive provider that calls nobody.
///
/// The same request always gives the same answer. It knows every task of this
/// crate; any other kind, and a request whose parts are not those of the task,
/// is a [`ProviderErrorKind::BadRequest`]. A quiz has fewer questions than asked for
/// where the lesson does not give more. It costs nothing and counts no tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offline;

#[async_trait]
impl AiProvider for Offline {
    fn name(&self) -> &str {
        "offline"
    }

    fn profile(&self, _model: &str) -> ModelProfile {
        ModelProfile { native_schema: true, thinking_by_default: false, max_output: u32::MAX, price: Price::default() }
    }

    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        Ok(AiResponse {
            text: answer(request)?,
            model: OFFLINE_MODEL.to_owned(),
            stop: Stop::Complete,
            raw_stop: "done".to_owned(),
            usage: Usage::default(),
            request_id: None,
            message_id: None,
            latency: Duration::ZERO,
        })
    }
}

fn answer(request: &AiRequest) -> Result<String, ProviderError> {
    match request.meta.kind.as_str() {
        OutlineTask::KIND => {
            let input = asked::<OutlineTask>(request)?;
            written(&outline::outline(&input.brief, &input.bounds, &input.source))
        }
        BodyTask::KIND => written(&body::body(&asked::<BodyTask>(request)?)),
        QuizTask::KIND => written(&quiz::quiz(&asked::<QuizTask>(request)?)),
        AssignmentTask::KIND => written(&assignment::assignment(&asked::<AssignmentTask>(request)?)),
        CertificateTask::KIND => written(&certificate::certificate(&asked::<CertificateTask>(request)?)),
        SolveTask::KIND => written(&solve::solve(&asked::<SolveTask>(request)?)),
        QuestionRedoTask::KIND => {
            written(&redo::question(&asked::<QuestionRedoTask>(request)?).ok_or_else(|| unusable("index"))?)
        }
        CriterionRedoTask::KIND => {
            written(&redo::criterion(&asked::<CriterionRedoTask>(request)?).ok_or_else(|| unusable("index"))?)
        }
        GradeTask::KIND => {
            let task: GradePrompt = json(request, "task")?;
            let check: Nonce = json(request, "check")?;
            // The work stands between the two lines of its frame, as a JSON string.
            let framed = part(&request.parts, "submission")
                .and_then(|t| t.lines().nth(1))
                .ok_or_else(|| unusable("submission"))?;
            let work: String = serde_json::from_str(framed).map_err(|_| unusable("submission"))?;
            written(&grade::grade(&task, check.as_str(), &work))
        }
        _ => Err(unusable("kind")),
    }
}

fn asked<T: Proposable>(request: &AiRequest) -> Result<T::In, ProviderError> {
    T::restore(&request.parts).ok_or_else(|| unusable("task"))
}

fn json<T: DeserializeOwned>(request: &AiRequest, label: &str) -> Result<T, ProviderError> {
    part(&request.parts, label).and_then(|t| serde_json::from_str(t).ok()).ok_or_else(|| unusable(label))
}

fn written<T: Serialize>(out: &T) -> Result<String, ProviderError> {
    serde_json::to_string(out).map_err(|_| unusable("answer"))
}

fn unusable(what: &str) -> ProviderError {
    let kind = ProviderErrorKind::BadRequest { param: Some(what.to_owned()) };
    ProviderError {
        excerpt: format!("the offline provider cannot read `{what}` of this request"),
        ..ProviderError::new(kind, Retry::Never)
    }
}
