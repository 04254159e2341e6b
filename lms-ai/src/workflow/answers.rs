//! Grading of essay answers by AI (Q12, S10, S11).

use lms_core::lms::{AnswerMark, AttemptEssays, EssayWork, SHORTEST_FOR_AI};
use lms_core::model::{Actor, AiGrading, AttemptId, Points, QuestionId};
use serde::Serialize;
use uuid::Uuid;

use super::marking::{Sent, ai_grade, criteria, pass_mark, step};
use super::proposal::derived_operation;
use crate::task::{GradeIn, is_near};
use crate::text::Pseudonyms;
use crate::{About, Ai, AiError, Nonce, ReviewReason, Stage};

/// What became of one essay answer.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerOutcome {
    /// The answer after it.
    pub mark: AnswerMark,
    /// Why a person must look first; nothing = the grade was applied.
    pub reasons: Vec<&'static str>,
}

impl Ai {
    /// Grades one essay answer of an attempt that was handed in, with the question as the instructions, by
    /// its rubric, or as a whole where it has none; notes for graders are told to the model and may not come
    /// back in its feedback. As [`Ai::grade_submission`] in all else.
    ///
    /// # Errors
    /// See [`AiError`]. A failure never becomes a grade.
    #[tracing::instrument(name = "ai.grade_answer", skip_all)]
    pub async fn grade_answer(&self, attempt: AttemptId, question: QuestionId) -> Result<AnswerOutcome, AiError> {
        let (essays, work, input, sent) = self.answer_input(attempt, question).await?;
        let operation = answer_operation(attempt, question);
        let about = About {
            operation_id: Some(operation),
            course_id: Some(essays.course_id),
            subject: Some(("attempt", attempt.uuid())),
        };
        let chosen = self.ask_grade(&input, about).await?;
        let (accepted, mut reasons) = (&chosen.accepted, chosen.reasons.clone());
        if accepted.value().total(&input).is_some_and(|total| near_the_pass_mark(&essays, &work, total)) {
            reasons.push(ReviewReason::NearPassMark.code());
        }
        let grade = ai_grade(accepted.value(), &input, &sent, &reasons, work.rubric.is_some())?;
        self.at(Stage::Writing);
        // Whose rights count is settled now, not when the model was asked.
        let owner = self.course_of(essays.course_id).await?.instructor_id;
        let user = self.ai_user_of(accepted.model()).await?;
        let actor = Actor::Ai { user, on_behalf_of: owner, log_id: accepted.log_id() };
        let session = self.lms.act(actor);
        let mark = session.quizzes().apply_ai_answer_grade(attempt, question, grade, accepted.origin()).await?;
        self.drop_others(&chosen).await;
        self.at(Stage::Done);
        Ok(AnswerOutcome { mark, reasons })
    }

    /// What the grade task is given for an essay answer, and how that was sent.
    pub(super) async fn answer_input(
        &self,
        attempt: AttemptId,
        question: QuestionId,
    ) -> Result<(AttemptEssays, EssayWork, GradeIn, Sent), AiError> {
        let system = self.lms.system();
        let essays = system.quizzes().essays(attempt).await?;
        if essays.quiz.ai_grading == AiGrading::Off {
            return Err(AiError::NoText("AI does not grade this quiz"));
        }
        let work = essays.essays.iter().find(|e| e.question_id == question);
        let work = work.cloned().ok_or(AiError::NoText("the attempt has no such essay"))?;
        let operation = answer_operation(attempt, question);
        let names = Pseudonyms::new(&[self.names_of(essays.student_id).await?]);
        let sent = Sent::new(work.answer.clone(), names);
        let language = self.course_of(essays.course_id).await?.language;
        let input = GradeIn {
            submission: sent.text.text.clone(),
            nonce: Nonce::derive(work.answer.as_bytes(), operation),
            language,
            ..marking(&essays, &work)
        };
        match input.not_graded() {
            Some(why) => Err(AiError::NotGraded(why)),
            None => Ok((essays, work, input, sent)),
        }
    }
}

/// What the answer is marked by: nothing that other answers or other marks change, so that who asks again asks
/// the same (I3).
fn marking(essays: &AttemptEssays, work: &EssayWork) -> GradeIn {
    let criteria = criteria(work.rubric.as_ref(), work.record.possible);
    let notes = [work.staff_notes.as_str(), work.rubric.as_ref().map_or("", |r| r.staff_notes.as_str())];
    let notes: Vec<&str> = notes.into_iter().filter(|text| !text.trim().is_empty()).collect();
    GradeIn {
        instructions: work.text.clone(),
        staff_notes: notes.join("\n"),
        step_units: step(&criteria),
        criteria,
        min_chars: SHORTEST_FOR_AI,
        confidence_threshold: i64::from(essays.quiz.ai_confidence_bp.get()) / 100,
        ..GradeIn::default()
    }
}

/// Whether this mark brings the whole quiz close to its pass mark; asked of the last answer that waits.
fn near_the_pass_mark(essays: &AttemptEssays, work: &EssayWork, units: i64) -> bool {
    let others_wait = essays.essays.iter().any(|e| e.question_id != work.question_id && e.record.earned.is_none());
    let Some(threshold) = essays.quiz.pass_threshold_bp.filter(|_| !others_wait) else { return false };
    let beside = essays.earned.units() - work.record.earned.unwrap_or(Points::ZERO).units();
    let possible = essays.possible.units();
    is_near(beside.saturating_add(units), pass_mark(possible, threshold.get().into()), possible)
}

/// The operation of an answer: derived, so that a redelivered attempt is graded once (DETAILS 11).
pub(super) fn answer_operation(attempt: AttemptId, question: QuestionId) -> Uuid {
    derived_operation("grade_answer", &[attempt.uuid().as_bytes(), question.uuid().as_bytes()])
}
