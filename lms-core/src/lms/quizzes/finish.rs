//! Handing in, expiring, and all that follows from a changed attempt (A5, A6, A8).

use super::*;
use crate::error::Refusal;
use crate::lms::learner::{Work, not_erased, result_of};
use crate::lms::{Command, Planned};
use crate::model::table::Json;
use crate::rules::grading;
use crate::rules::regrade::{adjust, record_of};
use crate::store::{AttemptHead, Change, Expect, LearnerContext, LearnerScope, Row, WriteBatch};

impl Quizzes<'_> {
    /// Hands an attempt in. A repeat (double click, lost response, other tab) returns the first
    /// result (A8). Questions with a key are graded at once; an essay waits for a person or AI.
    ///
    /// # Errors
    /// NotFound, also to everybody but the learner.
    #[tracing::instrument(name = "lms.submit_attempt", skip_all, fields(course, outcome))]
    pub async fn submit(&self, attempt: AttemptId) -> Result<AttemptView, Error> {
        let me = self.me()?;
        // What was loaded and what was written of it is what stands: no other load is needed to show it.
        let (_, stands) = self.s.run(Some(me.uuid()), |command| self.plan_finish(command, attempt, Some(me))).await?;
        self.show(attempt, &stands).await
    }

    /// Finishes the open attempts of a learner who has left (A13).
    pub(crate) async fn finish_all_of(&self, course: CourseId, student: UserId) -> Result<(), Error> {
        let Some(record) = self.s.store().record(course, student).await? else { return Ok(()) };
        for attempt in record.attempts.iter().filter(|a| a.state == AttemptState::InProgress) {
            self.finish(attempt.id, None).await?;
        }
        Ok(())
    }

    /// Finishes an attempt: handed in by its learner, or expired. Returns whether this call did.
    pub(super) async fn finish(&self, attempt: AttemptId, learner: Option<UserId>) -> Result<bool, Error> {
        let done = self.s.run(learner.map(Id::uuid), |command| self.plan_finish(command, attempt, learner)).await?;
        Ok(done.0)
    }

    /// Handing in as a plan: whether it does, and what stands after it.
    pub(crate) async fn plan_finish(
        &self,
        command: Command,
        attempt: AttemptId,
        learner: Option<UserId>,
    ) -> Result<Planned<(bool, Box<LearnerContext>)>, Error> {
        let context = self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
        let row = match learner {
            Some(me) => self.own_attempt(&context, attempt, me)?,
            None => context.attempt.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?,
        };
        if row.state != AttemptState::InProgress {
            return Ok(Planned::nothing((false, Box::new(context))));
        }
        let expired = is_gone(&context) || overdue(&row, context.quiz.as_ref(), command.now);
        if learner.is_none() && !expired {
            return Ok(Planned::nothing((false, Box::new(context))));
        }
        let content = self.revision(row.revision_id).await?;
        let saved = row.saved().map_err(|_| corrupt("quiz_attempts", "answers", row.id))?;
        let adjustments = context.quiz.as_ref().map(regrade::adjustments_of).transpose()?.unwrap_or_default();
        let mut records = Vec::with_capacity(content.questions.len());
        let mut graded = Vec::with_capacity(content.questions.len());
        for question in &content.questions {
            let answer = saved.answers.get(&question.id.uuid()).and_then(|s| s.answer.as_ref());
            let mut one = grading::grade(&question.body, question.points, question.negative_points, answer);
            adjust(&mut one, adjustments.questions.get(&question.id.uuid()).copied());
            let mut record = record_of(question, &one);
            if record.state == AnswerState::Pending
                && let Some(quiz) = context.quiz.as_ref().filter(|_| self.s.lms.has_ai_grading())
            {
                record.ai_status = ai::ai_state(quiz, answer);
                record.ai_code = record.ai_status.never_sent().map(str::to_owned);
            }
            records.push(record);
            graded.push(one);
        }
        let total = grading::total(&graded);
        let enrollment = context.enrollment.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        let mut work = Work::begin(command, &context, enrollment);
        let now = work.command.now;
        work.batch.expect.push(Expect::Attempt { id: row.id, state: row.state, version: row.version });
        let mut after = row.clone();
        after.completed_at = Some(row.deadline.map_or(now, |deadline| deadline.min(now)).max(row.started_at));
        after.finish_reason = Some(if expired { FinishReason::Expired } else { FinishReason::Submitted });
        after.state = if total.earned.is_some() { AttemptState::Graded } else { AttemptState::PendingReview };
        after.score = total.earned;
        after.possible = Some(total.possible);
        let records = GradedAnswers { format: 1, answers: records };
        after.ai_pending = records.ai_pending();
        after.graded = Some(Json::of(&records));
        let kind = if expired { EventKind::QuizExpired } else { EventKind::QuizSubmitted };
        let meta = serde_json::json!({ "quiz_id": row.quiz_id });
        let event = work.event(kind, SubjectType::Attempt, row.id).by_learner(!expired).with(&meta);
        work.batch.events.push(event);
        let batch = self.settle(work, &context, after, now).await?;
        let stands = written(Box::new(context), &batch);
        Ok(Planned { batch, outcome: (true, stands) })
    }

    /// Writes a changed attempt, its kept score, and all that follows from it.
    pub(super) async fn settle(
        &self,
        mut work: Work,
        context: &LearnerContext,
        mut attempt: QuizAttempt,
        at: Timestamp,
    ) -> Result<WriteBatch, Error> {
        let before = context.attempt.as_ref().map_or(AttemptState::InProgress, |a| a.state);
        if before != attempt.state && !before.may_become(attempt.state) {
            return Err(Refusal::AttemptClosed {}.into());
        }
        if before != AttemptState::InProgress {
            // An open attempt of a person who was erased expires; nothing else is written on their work.
            not_erased(context)?;
        }
        attempt.version += 1;
        attempt.updated_at = work.command.now;
        work.touch();
        if attempt.state == AttemptState::Graded && before != AttemptState::Graded {
            let event = work
                .event(EventKind::QuizGraded, SubjectType::Attempt, attempt.id)
                .with(&serde_json::json!({ "quiz_id": attempt.quiz_id }));
            work.batch.events.push(event);
        }
        let head = AttemptHead {
            id: attempt.id,
            quiz_id: attempt.quiz_id,
            enrollment_id: attempt.enrollment_id,
            attempt_no: attempt.attempt_no,
            state: attempt.state,
            score: attempt.score,
            possible: attempt.possible,
            started_at: attempt.started_at,
            deadline: attempt.deadline,
            completed_at: attempt.completed_at,
            finish_reason: attempt.finish_reason,
            ai_pending: attempt.ai_pending,
            ai_suggested: attempt.ai_suggested,
        };
        let mut heads: Vec<AttemptHead> = context.attempts.iter().filter(|a| a.id != attempt.id).cloned().collect();
        heads.push(head);
        work.batch.put(attempt.clone());
        if let (Some(quiz), Some(mut lesson_work)) = (context.quiz.as_ref(), context.work.clone()) {
            let before_counts = lesson_work.counts();
            let before = lesson_work.result(quiz.id).cloned();
            let id = RowId::from_uuid(work.command.derived("result", 0));
            let result = result_of(quiz, &heads, before.as_ref(), &work.enrollment, id, work.command.now);
            if result.passed != before.as_ref().and_then(|r| r.passed)
                && let Some(passed) = result.passed
            {
                let kind = if passed { EventKind::QuizPassed } else { EventKind::QuizFailed };
                let event = work.event(kind, SubjectType::Quiz, quiz.id);
                work.batch.events.push(event);
            }
            lesson_work.results.retain(|r| r.quiz_id != quiz.id);
            lesson_work.results.push(result.clone());
            work.batch.upsert(result);
            work.score_quiz(quiz, &lesson_work);
            work.apply_rule(&mut lesson_work, at);
            work.recount(before_counts, lesson_work.counts());
        }
        work.finish(&self.s.lms, at).await
    }
}

/// A load with what a batch writes of the attempt and its kept score.
fn written(mut context: Box<LearnerContext>, batch: &WriteBatch) -> Box<LearnerContext> {
    for change in &batch.changes {
        match change {
            Change::Put(Row::QuizAttempt(attempt)) => {
                for head in context.attempts.iter_mut().filter(|head| head.id == attempt.id) {
                    head.state = attempt.state;
                }
                context.attempt = Some(attempt.clone());
            }
            Change::Upsert(Row::QuizResult(result)) => {
                if let Some(work) = &mut context.work {
                    work.results.retain(|r| r.quiz_id != result.quiz_id);
                    work.results.push(result.clone());
                }
            }
            _ => {}
        }
    }
    context
}
