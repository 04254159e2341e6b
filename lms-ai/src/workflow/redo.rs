//! Items of a proposal made anew, each with a hint.

use lms_core::lms::Session;
use uuid::Uuid;

use super::proposal::Proposal;
use crate::task::{AssignmentTask, CriterionRedoIn, CriterionRedoTask, QuestionRedoIn, QuestionRedoTask, QuizTask};
use crate::{About, Ai, AiError};

/// The longest hint, in characters.
const LONGEST_HINT: usize = 1_000;

pub(super) fn check_hint(hint: &str) -> Result<(), AiError> {
    if hint.chars().count() > LONGEST_HINT {
        return Err(AiError::InputTooLarge { bytes: hint.len(), max: LONGEST_HINT });
    }
    Ok(())
}

impl Ai {
    /// Makes one question of a proposed quiz anew; `index` is its place, 0 for the first. The result is a
    /// proposal of its own, which a [`Selection`](super::Selection) puts into the quiz when that is applied:
    /// `Selection::all().with_redone("/questions/2", redo.operation_id())`.
    ///
    /// # Errors
    /// NoProposal, NoSuchItem, InputTooLarge for a hint of more than 1,000 characters; see [`AiError`].
    pub async fn redo_question(
        &self,
        session: &Session,
        operation: Uuid,
        index: usize,
        hint: &str,
        mut about: About,
    ) -> Result<Proposal<QuestionRedoTask>, AiError> {
        check_hint(hint)?;
        let quiz = self.proposal::<QuizTask>(session, operation).await?;
        if index >= quiz.value().questions.len() {
            return Err(AiError::NoSuchItem { pointer: format!("/questions/{index}") });
        }
        about.course_id = quiz.course_id();
        about.subject = quiz.subject().map(|id| ("lesson", id));
        let (asked, current) = (quiz.input().clone(), quiz.value().clone());
        let input = QuestionRedoIn { quiz: asked, current, index, hint: hint.to_owned() };
        self.propose(session, input, about).await
    }

    /// Makes one criterion of a proposed assignment anew, worth the same; see [`Ai::redo_question`].
    ///
    /// # Errors
    /// As [`Ai::redo_question`].
    pub async fn redo_criterion(
        &self,
        session: &Session,
        operation: Uuid,
        index: usize,
        hint: &str,
        mut about: About,
    ) -> Result<Proposal<CriterionRedoTask>, AiError> {
        check_hint(hint)?;
        let proposal = self.proposal::<AssignmentTask>(session, operation).await?;
        if index >= proposal.value().criteria.len() {
            return Err(AiError::NoSuchItem { pointer: format!("/criteria/{index}") });
        }
        about.course_id = proposal.course_id();
        about.subject = proposal.subject().map(|id| ("lesson", id));
        let (assignment, current) = (proposal.input().clone(), proposal.value().clone());
        let input = CriterionRedoIn { assignment, current, index, hint: hint.to_owned() };
        self.propose(session, input, about).await
    }
}
