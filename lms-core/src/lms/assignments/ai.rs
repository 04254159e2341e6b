//! Marks by AI (S11).

use super::grade::{Mark, check_words, raw_of};
use super::*;
use crate::lms::Planned;
use crate::lms::catalog::AiOrigin;
use crate::lms::learner::Work;
use crate::rules::authoring::is_code;
use crate::rules::grades;

/// The state of work that AI does not grade, by the code of why.
pub(crate) fn ungraded(code: &str) -> AiGradingState {
    match code {
        "no_text" | "not_extracted" => AiGradingState::NoText,
        "too_short" => AiGradingState::TooShort,
        _ => AiGradingState::Failed,
    }
}

/// What is wrong with the code of why AI gave no grade.
pub(crate) fn check_code(code: &str) -> Result<(), Error> {
    if is_code(code) {
        return Ok(());
    }
    Err(Error::invalid("ai_grading.code", "code", "must be 1 to 64 of a-z, 0-9, `.` and `_`"))
}

impl Assignments<'_> {
    /// Writes an AI grade that passed every check, and flips its log row, in one transaction. It is
    /// applied where the assignment says so and no person has graded the version; otherwise, and
    /// where a review trigger fired, it is stored as a suggestion and changes nothing (S10, S11).
    ///
    /// # Errors
    /// Denied where AI does not grade this assignment; OperationNotValid when the log row is not
    /// `valid`; GradeOutOfRange; RubricMismatch.
    #[tracing::instrument(name = "lms.apply_ai_grade", skip_all, fields(course, outcome))]
    pub async fn apply_ai_grade(&self, id: SubmissionId, grade: AiGrade, origin: AiOrigin) -> Result<Graded, Error> {
        let grade = &grade;
        self.s
            .clone()
            .with_command_id(origin.operation_id)
            .run(None, |command| async move {
                let context = self.s.learner(LearnerScope::Submission(id), SubjectType::Submission, id.uuid()).await?;
                let submission =
                    context.submission.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
                let assignment =
                    context.assignment.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
                if command.done {
                    let applied = submission.ai_status == AiGradingState::Applied;
                    return Ok(Planned::nothing(Graded { submission, applied }));
                }
                let Actor::Ai { user: grader, .. } = command.actor.clone() else {
                    return Err(Error::Denied { action: Action::Grade });
                };
                rights(self.s, &context).require_ai_grader(SubjectType::Submission, id)?;
                not_erased(&context)?;
                if assignment.ai_grading == AiGrading::Off {
                    return Err(Error::Denied { action: Action::Grade });
                }
                if submission.state == SubmissionState::Draft {
                    return Err(Refusal::SubmissionIsDraft {}.into());
                }
                let log = self
                    .s
                    .store()
                    .ai_log(origin.log_id)
                    .await?
                    .filter(|log| log.operation_id == origin.operation_id)
                    .ok_or_else(|| Error::not_found(SubjectType::AiLog, origin.log_id))?;
                if log.status != AiLogStatus::Valid {
                    return Err(Refusal::OperationNotValid { status: log.status }.into());
                }
                check_words(Some(&grade.feedback), None)?;
                let raw = raw_of(&assignment, Some(grade.points), grade.rubric_scores.as_ref())?;
                let by_human = grades::current(&context.history).is_some_and(|e| e.grader_kind == GraderKind::Human);
                let apply = assignment.ai_grading == AiGrading::Apply && !grade.needs_review && !by_human;
                let mark = Mark {
                    cause: if apply { GradeCause::Graded } else { GradeCause::Suggested },
                    ref_seq: None,
                    raw,
                    feedback: Some(grade.feedback.clone()),
                    rubric_scores: grade.rubric_scores.as_ref().map(Json::of),
                    grader_id: grader,
                    kind: GraderKind::Ai,
                    reason: (!grade.reasons.is_empty()).then(|| grade.reasons.join(", ")),
                    ai_log_id: Some(origin.log_id),
                };
                self.write_mark(command, &context, &assignment, submission, mark, Some(origin)).await
            })
            .await
    }

    /// Says that AI gave no valid grade: a person must grade, and a failure is never a 0 (S11). The code says why;
    /// `no_text` and `too_short` are shown as what they are, and `not_extracted`, of a URL that gave no text, as
    /// `no_text`. The version keeps the code for its graders (`ai_code`).
    ///
    /// # Errors
    /// Denied to all but the system and AI; Invalid for a code that is none; NotFound.
    #[tracing::instrument(name = "lms.ai_grading_failed", skip_all, fields(course, outcome))]
    pub async fn ai_grading_failed(&self, id: SubmissionId, code: String) -> Result<(), Error> {
        if matches!(self.s.actor, Actor::User { .. }) {
            return Err(Error::Denied { action: Action::Grade });
        }
        check_code(&code)?;
        let code = &code;
        self.s
            .run(None, |command| async move {
                let context = self.s.learner(LearnerScope::Submission(id), SubjectType::Submission, id.uuid()).await?;
                let mut submission =
                    context.submission.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
                if matches!(self.s.actor, Actor::Ai { .. }) {
                    rights(self.s, &context).require_ai_grader(SubjectType::Submission, id)?;
                }
                if command.done || submission.ai_status != AiGradingState::Pending {
                    return Ok(Planned::nothing(()));
                }
                let enrollment =
                    context.enrollment.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                submission.ai_status = ungraded(code);
                submission.ai_code = Some(code.clone());
                submission.version += 1;
                submission.updated_at = now;
                work.batch.put(submission);
                work.touch();
                let event = work
                    .event(EventKind::AiRejected, SubjectType::Submission, id)
                    .with(&serde_json::json!({ "code": code }));
                work.batch.events.push(event);
                let batch = work.finish(&self.s.lms, now).await?;
                Ok(Planned { batch, outcome: () })
            })
            .await
    }
}
