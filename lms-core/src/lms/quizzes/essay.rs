//! Essays, graded by people (Q12, S9, S10).

use super::*;
use crate::error::Refusal;
use crate::lms::assignments::{Mark, check_words};
use crate::lms::{Command, Planned};
use crate::rules::grades;

impl Quizzes<'_> {
    /// Grades one essay answer by a person (Q12). The last one that waits moves the attempt to
    /// graded, and all that follows is in the same transaction.
    ///
    /// # Errors
    /// NotGradable; GradeOutOfRange; GradeNewer where somebody graded it since (S10); Denied.
    #[tracing::instrument(name = "lms.grade_answer", skip_all, fields(course, outcome))]
    pub async fn grade_answer(
        &self,
        attempt: AttemptId,
        question: QuestionId,
        grade: AnswerGrade,
    ) -> Result<AnswerMark, Error> {
        let grade = &grade;
        self.s.run(None, |command| self.plan_grade(command, attempt, question, grade)).await
    }

    /// Grading an answer as a plan.
    pub(crate) async fn plan_grade(
        &self,
        command: Command,
        attempt: AttemptId,
        question: QuestionId,
        grade: &AnswerGrade,
    ) -> Result<Planned<AnswerMark>, Error> {
        let (answer, grader) = self.essay_for_person(&command, attempt, question).await?;
        if let Some(stands) = answer.done_before(&command)? {
            return Ok(Planned::nothing(stands));
        }
        let max = answer.record()?.possible;
        if grade.points < Points::ZERO || grade.points > max {
            return Err(Refusal::GradeOutOfRange { max }.into());
        }
        grades::require_seen(&answer.history, grade.seen_seq)?;
        check_words(grade.feedback.as_deref(), None)?;
        let mark = by_person(GradeCause::Graded, grader, grade.points, None);
        self.write_answer_mark(command, answer, Mark { feedback: grade.feedback.clone(), ..mark }, None).await
    }

    /// Takes over the AI suggestion for an answer: the mark becomes the person's, with the AI entry
    /// linked (S9). `suggested_seq` is that of the suggestion which the person has read: no other one is taken over.
    ///
    /// # Errors
    /// NoSuggestion; AnotherSuggestion where another one waits by now; GradeOutOfRange where a regrade took the
    /// question out meanwhile; Denied to all but graders.
    #[tracing::instrument(name = "lms.adopt_answer_suggestion", skip_all, fields(course, outcome))]
    pub async fn adopt_suggestion(
        &self,
        attempt: AttemptId,
        question: QuestionId,
        suggested_seq: i64,
        reason: Option<String>,
    ) -> Result<AnswerMark, Error> {
        check_words(None, reason.as_deref())?;
        let reason = &reason;
        self.s
            .run(None, |command| async move {
                let (answer, grader) = self.essay_for_person(&command, attempt, question).await?;
                if let Some(stands) = answer.done_before(&command)? {
                    return Ok(Planned::nothing(stands));
                }
                let suggestion = grades::require_suggestion(&answer.history, suggested_seq)?.clone();
                let raw = suggestion.raw.ok_or(Refusal::NoSuggestion {})?;
                let max = answer.record()?.possible;
                if raw > max {
                    return Err(Refusal::GradeOutOfRange { max }.into());
                }
                let mark = Mark {
                    ref_seq: Some(suggestion.seq),
                    feedback: suggestion.feedback,
                    rubric_scores: suggestion.rubric_scores,
                    ai_log_id: suggestion.ai_log_id,
                    ..by_person(GradeCause::Adopted, grader, raw, reason.clone())
                };
                self.write_answer_mark(command, answer, mark, None).await
            })
            .await
    }

    /// Refuses the AI suggestion for an answer; the grade stands as it is, and an answer without one goes
    /// on waiting for a person (S9). `suggested_seq` is that of the suggestion which the person has read.
    ///
    /// # Errors
    /// NoSuggestion; AnotherSuggestion where another one waits by now; Denied to all but graders.
    #[tracing::instrument(name = "lms.dismiss_answer_suggestion", skip_all, fields(course, outcome))]
    pub async fn dismiss_suggestion(
        &self,
        attempt: AttemptId,
        question: QuestionId,
        suggested_seq: i64,
        reason: Option<String>,
    ) -> Result<AnswerMark, Error> {
        check_words(None, reason.as_deref())?;
        let reason = &reason;
        self.s
            .run(None, |command| async move {
                let (answer, grader) = self.essay_for_person(&command, attempt, question).await?;
                if let Some(stands) = answer.done_before(&command)? {
                    return Ok(Planned::nothing(stands));
                }
                let suggestion = grades::require_suggestion(&answer.history, suggested_seq)?;
                let mark = Mark {
                    ref_seq: Some(suggestion.seq),
                    ai_log_id: suggestion.ai_log_id,
                    ..by_person(GradeCause::Dismissed, grader, Points::ZERO, reason.clone())
                };
                self.write_answer_mark(command, answer, mark, None).await
            })
            .await
    }

    /// Takes the marks of people for an answer back: the latest one by AI stands again (S10). While the
    /// attempt still waits for other answers, this one may go back to waiting, too; one that is graded
    /// stays graded (A1).
    ///
    /// # Errors
    /// NothingToClear; NothingBeneath where a graded attempt has no mark by AI to return to; GradeNewer
    /// where a person graded it since `seen_seq`; Denied to all but graders.
    #[tracing::instrument(name = "lms.clear_answer_grade", skip_all, fields(course, outcome))]
    pub async fn clear_answer(
        &self,
        attempt: AttemptId,
        question: QuestionId,
        seen_seq: i64,
        reason: Option<String>,
    ) -> Result<AnswerMark, Error> {
        check_words(None, reason.as_deref())?;
        let reason = &reason;
        self.s
            .run(None, |command| async move {
                let (answer, grader) = self.essay_for_person(&command, attempt, question).await?;
                if let Some(stands) = answer.done_before(&command)? {
                    return Ok(Planned::nothing(stands));
                }
                grades::require_seen(&answer.history, seen_seq)?;
                if grades::current(&answer.history).is_none_or(|e| e.grader_kind != GraderKind::Human) {
                    return Err(Refusal::NothingToClear {}.into());
                }
                let mark = by_person(GradeCause::Cleared, grader, Points::ZERO, reason.clone());
                self.write_answer_mark(command, answer, mark, None).await
            })
            .await
    }
}

const fn by_person(cause: GradeCause, grader_id: UserId, raw: Points, reason: Option<String>) -> Mark {
    Mark {
        cause,
        ref_seq: None,
        raw,
        feedback: None,
        rubric_scores: None,
        grader_id,
        kind: GraderKind::Human,
        reason,
        ai_log_id: None,
    }
}
