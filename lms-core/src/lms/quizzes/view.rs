//! An attempt as it is read (Q14).

use super::attempts::reaches;
use super::*;
use crate::lms::learner::{access, attempts_left, rights};
use crate::rules::reveal::revealed;
use crate::store::{ContentRef, LearnerContext, LearnerScope};

impl Quizzes<'_> {
    /// An attempt: to its learner, and to the course's staff. Reading never writes, but for its
    /// owner's look at an overdue one, which finishes it (A6).
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.view_attempt", skip_all, fields(course, outcome))]
    pub async fn view_attempt(&self, attempt: AttemptId) -> Result<AttemptView, Error> {
        let context = self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
        let rights = rights(self.s, &context);
        let row = context.attempt.as_ref().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        if rights.own
            && row.state == AttemptState::InProgress
            && (is_gone(&context) || overdue(row, context.quiz.as_ref(), self.s.lms.now()))
        {
            self.finish(attempt, None).await?;
        }
        self.view(attempt).await
    }

    /// The questions of a quiz's draft as a new attempt at it would show them, published or not, in an order
    /// that is drawn anew on each call. Nothing is written: no attempt, no progress, no event (L2).
    ///
    /// # Errors
    /// Denied to all but the course's staff; NotFound.
    #[tracing::instrument(name = "lms.preview_quiz", skip_all, fields(course, outcome))]
    pub async fn preview_quiz(&self, quiz: QuizId) -> Result<Vec<QuestionView>, Error> {
        let at = ContentRef::QuizQuestions(quiz);
        let context = self.s.catalog().content(at, Action::ReadWork, SubjectType::Quiz, quiz).await?;
        let row = context.quiz.as_ref().ok_or_else(|| Error::not_found(SubjectType::Quiz, quiz))?;
        let revision = revision_of(row, &context.questions, self.s.lms.now())?;
        let content = revision.questions().map_err(|_| corrupt("quiz_questions", "correct_answer", quiz))?;
        Ok(content.views(self.s.lms.seed()))
    }

    pub(super) async fn view(&self, attempt: AttemptId) -> Result<AttemptView, Error> {
        let context = self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
        self.show(attempt, &context).await
    }

    /// The attempt of a load.
    pub(super) async fn show(&self, attempt: AttemptId, context: &LearnerContext) -> Result<AttemptView, Error> {
        let rights = rights(self.s, context);
        if !(rights.own || rights.may(Action::ReadWork)) {
            return Err(Error::not_found(SubjectType::Attempt, attempt));
        }
        let row = context.attempt.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        let content = self.revision(row.revision_id).await?;
        let quiz = context.quiz.as_ref().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        let saved = row.saved().map_err(|_| corrupt("quiz_attempts", "answers", row.id))?;
        let graded = row.graded_answers().map_err(|_| corrupt("quiz_attempts", "graded", row.id))?;
        let finished = row.state != AttemptState::InProgress;
        let passed = context.work.as_ref().and_then(|w| w.result(row.quiz_id)).and_then(|r| r.passed).unwrap_or(false);
        let facts = access(context);
        let laid_open =
            rights.may(Action::ReadWork) || revealed(quiz.reveal, row.state, passed, facts.no_attempts_left);
        let score = row.graded_score();
        let review = match (laid_open, &graded) {
            (true, Some(graded)) => Some(
                graded
                    .answers
                    .iter()
                    .filter_map(|record| {
                        let question = content.questions.iter().find(|q| q.id == record.question_id)?;
                        Some(ReviewedAnswer {
                            question_id: record.question_id,
                            state: record.state,
                            earned: record.earned,
                            key: question.body.learner_key(),
                            explanation: question.explanation.clone(),
                            grader_kind: record.grader_kind,
                            feedback: record.feedback.clone(),
                        })
                    })
                    .collect(),
            ),
            _ => None,
        };
        Ok(AttemptView {
            id: row.id,
            quiz_id: row.quiz_id,
            quiz_title: quiz.title.clone(),
            attempt_no: row.attempt_no,
            state: row.state,
            grading_due: !finished && (is_gone(context) || overdue(&row, Some(quiz), self.s.lms.now())),
            started_at: row.started_at,
            deadline: row.deadline,
            completed_at: row.completed_at,
            finish_reason: row.finish_reason,
            questions: content.views(row.seed),
            answers: saved.answers.into_iter().filter_map(|(id, s)| s.answer.map(|a| (id, a))).collect(),
            score,
            percent: score.and_then(|s| s.percent()),
            passed: reaches(quiz, score),
            pass_threshold_bp: quiz.pass_threshold_bp,
            attempts_left: attempts_left(quiz, facts.item_override, &context.attempts),
            review,
        })
    }
}
