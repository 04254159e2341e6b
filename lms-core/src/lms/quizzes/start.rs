//! Starting an attempt (A2, A3).

use super::*;
use crate::error::Refusal;
use crate::lms::learner::{Work, access, attempts_allowed, enrolled};
use crate::lms::{Command, Planned};
use crate::model::table::Json;
use crate::rules::access::{LockReason, locks};
use crate::store::{Change, Expect, LearnerScope, Row, Table};

impl Quizzes<'_> {
    /// Starts an attempt, or returns the one that is open (A2).
    ///
    /// # Errors
    /// Locked with every reason; AttemptsUsedUp; NotFound.
    #[tracing::instrument(name = "lms.start_attempt", skip_all, fields(course, outcome))]
    pub async fn start(&self, quiz: QuizId) -> Result<AttemptView, Error> {
        let me = self.me()?;
        let scope = LearnerScope::Quiz(quiz, me);
        let present = self.s.learner(scope, SubjectType::Quiz, quiz.uuid()).await?;
        if let Some(attempt) = present.attempt.as_ref().filter(|a| overdue(a, present.quiz.as_ref(), self.s.lms.now()))
        {
            self.finish(attempt.id, None).await?;
        }
        let attempt = self.s.run(Some(me.uuid()), |command| self.plan_start(command, quiz, me)).await?;
        self.view(attempt).await
    }

    async fn plan_start(&self, command: Command, quiz_id: QuizId, me: UserId) -> Result<Planned<AttemptId>, Error> {
        let context = self.s.learner(LearnerScope::Quiz(quiz_id, me), SubjectType::Quiz, quiz_id.uuid()).await?;
        let enrollment = enrolled(self.s, &context, SubjectType::Quiz, quiz_id.uuid())?;
        let quiz = context.quiz.clone().ok_or_else(|| Error::not_found(SubjectType::Quiz, quiz_id))?;
        if let Some(attempt) = &context.attempt {
            return Ok(Planned::nothing(attempt.id));
        }
        // Repeated after the attempt that it made was finished.
        let id: AttemptId = command.new_id();
        if context.attempts.iter().any(|a| a.id == id) {
            return Ok(Planned::nothing(id));
        }
        let facts = access(&context);
        let own = facts.item_override;
        let reasons = locks(&facts, command.now);
        match (reasons.as_slice(), attempts_allowed(&quiz, own)) {
            ([], _) => {}
            // Where nothing else is in the way, the number is what a learner wants to know.
            ([LockReason::NoAttemptsLeft], Some(allowed)) => return Err(Refusal::AttemptsUsedUp { allowed }.into()),
            _ => return Err(Refusal::Locked { reasons }.into()),
        }
        let questions = self.s.store().questions(quiz_id).await?;
        let revision = revision_of(&quiz, &questions, command.now)?;
        let deadline = deadline_of(&quiz, own, command.now);
        let attempt = QuizAttempt {
            id,
            quiz_id,
            enrollment_id: enrollment.id,
            course_id: enrollment.course_id,
            student_id: enrollment.student_id,
            attempt_no: context.attempts.iter().map(|a| a.attempt_no).max().unwrap_or(0) + 1,
            state: AttemptState::InProgress,
            revision_id: revision.id,
            seed: self.s.lms.seed(),
            score: None,
            possible: None,
            started_at: command.now,
            deadline,
            completed_at: None,
            finish_reason: None,
            answers: Json::of(&SavedAnswers::default()),
            graded: None,
            ai_pending: 0,
            ai_suggested: 0,
            graded_with_revision: None,
            void_reason: None,
            version: 1,
            created_at: command.now,
            updated_at: command.now,
        };
        let mut work = Work::begin(command, &context, enrollment);
        work.batch.expect.push(Expect::Row { table: Table::Quiz, id: quiz_id.uuid(), version: quiz.version });
        work.batch.changes.push(Change::Ensure(Row::QuizRevision(revision)));
        work.batch.insert(attempt);
        work.touch();
        let event = work
            .event(EventKind::QuizStarted, SubjectType::Attempt, id)
            .by_learner(true)
            .with(&serde_json::json!({ "quiz_id": quiz_id }));
        work.batch.events.push(event);
        let now = work.command.now;
        let batch = work.finish(&self.s.lms, now).await?;
        Ok(Planned { batch, outcome: id })
    }
}
