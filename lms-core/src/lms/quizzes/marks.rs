//! The marks of one essay answer: the history that each goes through, and what follows (Q12, S9, S10).

use std::sync::Arc;

use super::*;
use crate::error::Refusal;
use crate::lms::assignments::{Mark, entry_id, entry_of};
use crate::lms::catalog::AiOrigin;
use crate::lms::learner::{Work, rights};
use crate::lms::{Command, Planned};
use crate::model::question::QuestionBody;
use crate::model::table::Json;
use crate::rules::grades;
use crate::rules::grading;
use crate::rules::regrade::{adjust, record_of, restored};
use crate::store::{Change, Expect, LearnerScope};

/// One essay answer and what decides over its mark.
pub(super) struct EssayAnswer {
    pub(super) context: LearnerContext,
    pub(super) row: QuizAttempt,
    pub(super) content: Arc<RevisionContent>,
    pub(super) graded: GradedAnswers,
    pub(super) question: RevisionQuestion,
    pub(super) history: Vec<GradeEntry>,
}

impl EssayAnswer {
    /// How the answer is graded now.
    pub(super) fn record(&self) -> Result<&GradedRecord, Error> {
        let found = self.graded.answers.iter().find(|r| r.question_id == self.question.id);
        found.ok_or_else(|| corrupt("quiz_attempts", "graded", self.row.id))
    }

    /// What it is marked by.
    pub(super) fn rubric(&self) -> Option<&Rubric> {
        match &self.question.body {
            QuestionBody::Essay { rubric, .. } => rubric.as_ref(),
            _ => None,
        }
    }

    /// The outcome of a mark that stands already.
    pub(super) fn outcome(&self, applied: bool) -> Result<AnswerMark, Error> {
        Ok(AnswerMark { record: self.record()?.clone(), attempt_state: self.row.state, applied })
    }

    /// What this very command did before, if it was done (DETAILS 8).
    pub(super) fn done_before(&self, command: &Command) -> Result<Option<AnswerMark>, Error> {
        let Some(entry) = entry_of(command, &self.history) else { return Ok(None) };
        let is_mark = matches!(entry.cause, GradeCause::Graded | GradeCause::Adopted);
        let applied = is_mark && grades::current(&self.history).is_some_and(|current| current.seq == entry.seq);
        self.outcome(applied).map(Some)
    }

    /// Shows the current grade on the answer's record. Where nothing counts any more, it is as the keys
    /// alone leave it: it waits, or was never answered.
    fn mirror(&mut self, history: &[GradeEntry]) -> Result<(), Error> {
        let saved = self.row.saved().map_err(|_| corrupt("quiz_attempts", "answers", self.row.id))?;
        let adjustments = self.context.quiz.as_ref().map(regrade::adjustments_of).transpose()?.unwrap_or_default();
        let question = &self.question;
        let row = self.row.id;
        let record = self
            .graded
            .answers
            .iter_mut()
            .find(|r| r.question_id == question.id)
            .ok_or_else(|| corrupt("quiz_attempts", "graded", row))?;
        record.fraction = None;
        match grades::current(history) {
            Some(current) => {
                let raw = current.final_grade.or(current.raw).unwrap_or(Points::ZERO);
                record.earned = Some(raw);
                record.state = AnswerState::of_points(raw, record.possible);
                record.grader_kind = current.grader_kind;
                record.feedback.clone_from(&current.feedback);
            }
            None => {
                let answer = saved.answers.get(&question.id.uuid()).and_then(|s| s.answer.as_ref());
                let mut one = grading::grade(&question.body, question.points, question.negative_points, answer);
                adjust(&mut one, adjustments.questions.get(&question.id.uuid()).copied());
                let (ai_status, ai_code) = (record.ai_status, record.ai_code.take());
                *record = GradedRecord { ai_status, ai_code, ..record_of(question, &one) };
            }
        }
        record.suggested_seq = grades::open_suggestion(history).map(|e| e.seq);
        Ok(())
    }
}

impl Quizzes<'_> {
    /// Loads an essay answer that can be graded. Who may grade it is told before what it is.
    ///
    /// # Errors
    /// Denied and NotFound by R1; NotGradable where the attempt is open or voided, or the question has a key.
    pub(super) async fn essay(&self, attempt: AttemptId, question: QuestionId) -> Result<EssayAnswer, Error> {
        let context = self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
        let rights = rights(self.s, &context);
        if rights.ai {
            rights.require_ai_grader(SubjectType::Attempt, attempt)?;
        } else {
            rights.require(Action::Grade, rights.own, SubjectType::Attempt, attempt)?;
        }
        let row = context.attempt.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        if !matches!(row.state, AttemptState::PendingReview | AttemptState::Graded) {
            return Err(Refusal::NotGradable {}.into());
        }
        let content = self.revision(row.revision_id).await?;
        let graded = row
            .graded_answers()
            .map_err(|_| corrupt("quiz_attempts", "graded", row.id))?
            .ok_or(Refusal::NotGradable {})?;
        let asked = content.questions.iter().find(|q| q.id == question).cloned();
        let asked = asked.ok_or_else(|| Error::not_found(SubjectType::Question, question))?;
        if !matches!(asked.body, QuestionBody::Essay { .. }) {
            return Err(Refusal::NotGradable {}.into());
        }
        let history = context.history.iter().filter(|e| e.question_id == question.uuid()).cloned().collect();
        Ok(EssayAnswer { context, row, content, graded, question: asked, history })
    }

    /// The same for a person.
    pub(super) async fn essay_for_person(
        &self,
        command: &Command,
        attempt: AttemptId,
        question: QuestionId,
    ) -> Result<(EssayAnswer, UserId), Error> {
        if !matches!(command.actor, Actor::User { .. }) {
            return Err(Error::Denied { action: Action::Grade });
        }
        let answer = self.essay(attempt, question).await?;
        match command.actor {
            Actor::User { id } => Ok((answer, id)),
            _ => Err(Error::Denied { action: Action::Grade }),
        }
    }

    /// Writes one entry of the answer's history, shows the current grade on the attempt, and all that
    /// follows. The last answer that waited moves the attempt to graded (Q12, P3).
    pub(super) async fn write_answer_mark(
        &self,
        command: Command,
        mut answer: EssayAnswer,
        mark: Mark,
        origin: Option<AiOrigin>,
    ) -> Result<Planned<AnswerMark>, Error> {
        let (attempt, question) = (answer.row.id, answer.question.id);
        let enrollment = answer.context.enrollment.clone();
        let enrollment = enrollment.ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        let mut work = Work::begin(command, &answer.context, enrollment);
        let now = work.command.now;
        let row = answer.row.clone();
        work.batch.expect.push(Expect::Attempt { id: row.id, state: row.state, version: row.version });
        let seq = grades::next_seq(&answer.history);
        let had_mark = grades::current(&answer.history).is_some();
        let is_mark = matches!(mark.cause, GradeCause::Graded | GradeCause::Adopted);
        let (cause, kind) = (mark.cause, mark.kind);
        let has_mark = !matches!(cause, GradeCause::Dismissed | GradeCause::Cleared);
        let entry = GradeEntry {
            id: entry_id(&work.command),
            subject_type: GradeSubject::Answer,
            subject_id: attempt.uuid(),
            question_id: question.uuid(),
            course_id: row.course_id,
            student_id: row.student_id,
            seq,
            cause,
            ref_seq: mark.ref_seq,
            version_no: row.attempt_no,
            raw: has_mark.then_some(mark.raw),
            deducted: has_mark.then_some(Points::ZERO),
            final_grade: has_mark.then_some(mark.raw),
            feedback: mark.feedback,
            rubric_scores: mark.rubric_scores,
            grader_id: Some(mark.grader_id),
            grader_kind: kind,
            actor_id: work.command.actor.user(),
            reason: mark.reason,
            ai_log_id: mark.ai_log_id,
            at: now,
        };
        let mut history = answer.history.clone();
        history.push(entry.clone());
        work.batch.insert(entry);
        answer.mirror(&history)?;
        let applied = is_mark && grades::current(&history).is_some_and(|e| e.seq == seq);
        for record in answer.graded.answers.iter_mut().filter(|r| r.question_id == question) {
            if origin.is_some() {
                record.ai_status = if applied { AiGradingState::Applied } else { AiGradingState::Suggested };
                record.ai_code = None;
            } else if is_mark && record.ai_status == AiGradingState::Pending {
                // A person was faster; the grader's suggestion may still come, and changes nothing.
                record.ai_status = AiGradingState::None;
            }
        }
        let mut after = row.clone();
        if answer.graded.answers.iter().all(|r| r.earned.is_some()) {
            after.state = AttemptState::Graded;
            after.score = Some(total_of(attempt, &answer.content, &answer.graded)?);
        } else if row.state == AttemptState::Graded {
            return Err(Refusal::NothingBeneath {}.into());
        }
        after.ai_pending = answer.graded.ai_pending();
        after.ai_suggested = answer.graded.ai_suggested();
        after.graded = Some(Json::of(&answer.graded));
        let meta = serde_json::json!({ "quiz_id": row.quiz_id, "question_id": question });
        if let Some(origin) = origin {
            work.batch.expect.push(Expect::Log { id: origin.log_id, status: AiLogStatus::Valid });
            work.batch.changes.push(Change::FlipLog {
                id: origin.log_id,
                from: AiLogStatus::Valid,
                to: if applied { AiLogStatus::Applied } else { AiLogStatus::Review },
                at: now,
            });
            let meta = serde_json::json!({ "quiz_id": row.quiz_id, "question_id": question, "applied": applied });
            let event = work.event(EventKind::AiGraded, SubjectType::Attempt, attempt).with(&meta);
            work.batch.events.insert(0, event);
        }
        if (applied || cause == GradeCause::Cleared) && had_mark {
            let event = work.event(EventKind::GradeChanged, SubjectType::Attempt, attempt).with(&meta);
            work.batch.events.push(event);
        }
        let record = answer.record()?.clone();
        let attempt_state = after.state;
        let batch = self.settle(work, &answer.context, after, now).await?;
        Ok(Planned { batch, outcome: AnswerMark { record, attempt_state, applied } })
    }
}

/// The total of an attempt whose essays are graded: keyed answers by their exact fractions, essays by
/// their marks, summed once (N1), never below 0 (Q13).
fn total_of(attempt: AttemptId, content: &RevisionContent, graded: &GradedAnswers) -> Result<Points, Error> {
    let answers = graded
        .answers
        .iter()
        .map(|record| restored(content, record))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| corrupt("quiz_attempts", "graded", attempt))?;
    grading::total(&answers).earned.ok_or_else(|| corrupt("quiz_attempts", "graded", attempt))
}
