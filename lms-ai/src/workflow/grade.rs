//! Grading of submissions by AI (S10, S11).

use lms_core::lms::{Graded, NewUser, SHORTEST_FOR_AI};
use lms_core::model::{Actor, AiGrading, Role, Submission, SubmissionId, UserId};
use serde::Serialize;
use uuid::Uuid;

use super::extract::WorkText;
use super::marking::{Sent, ai_grade, criteria, pass_mark, step};
use super::proposal::derived_operation;
use crate::task::GradeIn;
use crate::text::Pseudonyms;
use crate::{About, Ai, AiError, Nonce, Stage};

/// What became of one submission.
#[derive(Debug, Clone, Serialize)]
pub struct GradeOutcome {
    /// The submission after it.
    pub graded: Graded,
    /// Why a person must look first; nothing = the grade was applied.
    pub reasons: Vec<&'static str>,
}

impl Ai {
    /// The user that grades by the configured model are by: one per provider and model (E1).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ai_user(&self) -> Result<UserId, AiError> {
        self.ai_user_of(&self.config.model).await
    }

    /// The user that grades by a model are by: also by a fallback, which is another one than the configured.
    pub(super) async fn ai_user_of(&self, model: &str) -> Result<UserId, AiError> {
        let name = format!("{} {model}", self.provider.name());
        let external = format!("ai:{}:{model}", self.provider.name());
        let new = NewUser::new(Role::Ai, name).with_external_id(external);
        Ok(self.lms.system().people().ensure_user(new).await?.id)
    }

    /// Grades one version of a submission. A grade that passes every check is applied where the
    /// assignment says so; where a review trigger fires it becomes a suggestion; a human grade is
    /// never touched. The same version is asked and paid once. What is only a URL is read by the host's
    /// [`TextExtractor`](crate::TextExtractor), where there is one.
    ///
    /// # Errors
    /// See [`AiError`]. A failure never becomes a grade.
    #[tracing::instrument(name = "ai.grade", skip_all)]
    pub async fn grade_submission(&self, id: SubmissionId) -> Result<GradeOutcome, AiError> {
        let (submission, input, sent) = self.grade_input(id).await?;
        let operation = submission_operation(submission.id, submission.version_no);
        let about = About {
            operation_id: Some(operation),
            course_id: Some(submission.course_id),
            subject: Some(("submission", id.uuid())),
        };
        let chosen = self.ask_grade(&input, about).await?;
        let (accepted, reasons) = (&chosen.accepted, chosen.reasons.clone());
        let grade = ai_grade(accepted.value(), &input, &sent, &reasons, true)?;
        self.at(Stage::Writing);
        // Whose rights count is settled now, not when the model was asked.
        let owner = self.course_of(submission.course_id).await?.instructor_id;
        let user = self.ai_user_of(accepted.model()).await?;
        let actor = Actor::Ai { user, on_behalf_of: owner, log_id: accepted.log_id() };
        let graded = self.lms.act(actor).assignments().apply_ai_grade(id, grade, accepted.origin()).await?;
        self.drop_others(&chosen).await;
        self.at(Stage::Done);
        Ok(GradeOutcome { graded, reasons })
    }

    /// What the grade task is given for a version of a submission, and how that was sent.
    pub(super) async fn grade_input(&self, id: SubmissionId) -> Result<(Submission, GradeIn, Sent), AiError> {
        let system = self.lms.system();
        let (submission, assignment) = system.assignments().grading(id).await?;
        if assignment.ai_grading == AiGrading::Off {
            return Err(AiError::NoText("AI does not grade this assignment"));
        }
        let WorkText { text, extracted, truncated } = self.work_text(&submission).await?;
        let rubric = assignment
            .rubric()
            .map_err(|_| AiError::NoText("the assignment's rubric cannot be read"))?
            .ok_or(AiError::NoText("the assignment has no rubric to grade by"))?;
        let operation = submission_operation(submission.id, submission.version_no);
        let names = Pseudonyms::new(&[self.names_of(submission.student_id).await?]);
        // No text can hold the hash of itself, so no work can close its own frame.
        let nonce = Nonce::derive(text.as_bytes(), operation);
        let sent = Sent::new(text, names);
        let criteria = criteria(Some(&rubric), assignment.max_grade);
        let input = GradeIn {
            instructions: assignment.description.clone(),
            step_units: step(&criteria),
            criteria,
            // The learner reads the feedback in the language of the course.
            language: self.course_of(submission.course_id).await?.language,
            submission: sent.text.text.clone(),
            min_chars: SHORTEST_FOR_AI,
            nonce,
            pass_mark_units: assignment
                .pass_threshold_bp
                .map(|bp| pass_mark(assignment.max_grade.units(), bp.get().into())),
            confidence_threshold: i64::from(assignment.ai_confidence_bp.get()) / 100,
            truncated,
            extracted,
            ..GradeIn::default()
        };
        match input.not_graded() {
            Some(why) => Err(AiError::NotGraded(why)),
            None => Ok((submission, input, sent)),
        }
    }
}

/// The operation of a version: derived, so that a redelivered version is graded once (DETAILS 11).
pub(super) fn submission_operation(submission: SubmissionId, version_no: i64) -> Uuid {
    derived_operation("grade", &[submission.uuid().as_bytes(), &version_no.to_be_bytes()])
}
