//! [`Offline`]: a provider without a network, which extracts instead of inventing.
//!
//! Headings become an outline, sentences cloze items, and a rubric's terms a
//! grade with verbatim evidence. It lets a person try the whole way on their own
//! Markdown without a key, and its answers pass the same checks as any model's.

mod assignment;
mod body;
mod grade;
mod outline;
mod phrases;
mod plain;
mod plan;
mod quiz;

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
    AssignmentIn, AssignmentTask, BodyIn, BodyTask, GradePrompt, GradeTask, OutlineIn, OutlineTask, QuizIn, QuizTask,
};
use crate::task_trait::{AiTask, Nonce};

/// The model that [`Offline`] says it is.
pub const OFFLINE_MODEL: &str = "offline-1";

/// A deterministic, extractive provider that calls nobody.
///
/// The same request always gives the same answer. It knows the kinds
/// `outline`, `lesson_body`, `quiz`, `assignment` and `grade`; any other kind,
/// and a request whose parts are not those of the task, is a
/// [`ProviderErrorKind::BadRequest`]. A quiz has fewer questions than asked for
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
    let kind = request.meta.kind.as_str();
    if kind == OutlineTask::KIND {
        let mut input: OutlineIn = json(request, "brief")?;
        if part(request, "source").is_some() {
            input.source = json(request, "source")?;
        }
        written(&outline::outline(&input.brief, &input.bounds, &input.source))
    } else if kind == BodyTask::KIND {
        let mut input: BodyIn = json(request, "slice")?;
        input.source = part(request, "source").unwrap_or_default().to_owned();
        written(&body::body(&input))
    } else if kind == QuizTask::KIND {
        let mut input: QuizIn = json(request, "task")?;
        input.lesson_markdown = part(request, "source").unwrap_or_default().to_owned();
        written(&quiz::quiz(&input))
    } else if kind == AssignmentTask::KIND {
        let mut input: AssignmentIn = json(request, "task")?;
        input.source = part(request, "source").unwrap_or_default().to_owned();
        written(&assignment::assignment(&input))
    } else if kind == GradeTask::KIND {
        let task: GradePrompt = json(request, "task")?;
        let check: Nonce = json(request, "check")?;
        // The work stands between the two lines of its frame, as a JSON string.
        let framed =
            part(request, "submission").and_then(|t| t.lines().nth(1)).ok_or_else(|| unusable("submission"))?;
        let work: String = serde_json::from_str(framed).map_err(|_| unusable("submission"))?;
        written(&grade::grade(&task, check.as_str(), &work))
    } else {
        Err(unusable("kind"))
    }
}

fn part<'a>(request: &'a AiRequest, label: &str) -> Option<&'a str> {
    request.parts.iter().find(|p| p.label == label).map(|p| p.text.as_str())
}

fn json<T: DeserializeOwned>(request: &AiRequest, label: &str) -> Result<T, ProviderError> {
    part(request, label).and_then(|t| serde_json::from_str(t).ok()).ok_or_else(|| unusable(label))
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
