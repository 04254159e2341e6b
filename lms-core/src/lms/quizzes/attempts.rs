//! One learner's attempts at a quiz, in short (A3, A9).

use super::*;
use crate::lms::learner::rights;
use crate::rules::kept_score::kept_attempts;
use crate::store::LearnerScope;

/// The most attempts of one list.
const MOST: usize = 500;

/// An attempt of a learner as a list of them shows it: nothing of questions, answers and keys (Q14).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AttemptSummary {
    /// The attempt.
    pub id: AttemptId,
    /// 1 for the first.
    pub attempt_no: i64,
    /// Where it stands.
    pub state: AttemptState,
    /// Whether its time is up and it only waits to be finished (A6).
    pub grading_due: bool,
    /// When it was started.
    pub started_at: Timestamp,
    /// When its time is up.
    pub deadline: Option<Timestamp>,
    /// When it was handed in.
    pub completed_at: Option<Timestamp>,
    /// How it ended.
    pub finish_reason: Option<FinishReason>,
    /// Earned and possible, once graded.
    pub score: Option<Score>,
    /// The percent shown.
    pub percent: Option<Percent>,
    /// Whether this attempt's own score reaches the threshold; absent without one, and as long as the score is.
    pub passed: Option<bool>,
    /// Whether the kept score is made of it (A9).
    pub is_kept: bool,
}

impl Quizzes<'_> {
    /// A learner's attempts at a quiz, the newest first, at most the last 500: to the learner and to the course's
    /// staff, with the scores that [`Quizzes::view_attempt`] shows. Nothing is written: an overdue one says
    /// `grading_due` until something finishes it (A6).
    ///
    /// # Errors
    /// NotFound to everybody else, and where the learner was never enrolled.
    #[tracing::instrument(name = "lms.attempts", skip_all, fields(course, outcome))]
    pub async fn attempts(&self, quiz: QuizId, student: UserId) -> Result<Vec<AttemptSummary>, Error> {
        let context = self.s.learner(LearnerScope::Quiz(quiz, student), SubjectType::Quiz, quiz.uuid()).await?;
        let rights = rights(self.s, &context);
        let missing = || Error::not_found(SubjectType::Quiz, quiz);
        if !(rights.own || rights.may(Action::ReadWork)) || context.enrollment.is_none() {
            return Err(missing());
        }
        let row = context.quiz.as_ref().ok_or_else(missing)?;
        let kept = kept_attempts(row.kept_score, context.attempts.iter().map(|a| (a.attempt_no, a.counted_score())));
        let (gone, now) = (is_gone(&context), self.s.lms.now());
        let newest = context.attempts.iter().rev().take(MOST);
        Ok(newest
            .map(|head| {
                let score = head.graded_score();
                let over = gone || past_grace(head.deadline, row.grace_seconds, now);
                AttemptSummary {
                    id: head.id,
                    attempt_no: head.attempt_no,
                    state: head.state,
                    grading_due: head.state == AttemptState::InProgress && over,
                    started_at: head.started_at,
                    deadline: head.deadline,
                    completed_at: head.completed_at,
                    finish_reason: head.finish_reason,
                    score,
                    percent: score.and_then(|s| s.percent()),
                    passed: reaches(row, score),
                    is_kept: kept.contains(&head.attempt_no),
                }
            })
            .collect())
    }
}

/// Whether an attempt's own score reaches the quiz's threshold (N2); `None` without one of them.
pub(super) fn reaches(quiz: &Quiz, score: Option<Score>) -> Option<bool> {
    score?.passes(quiz.pass_threshold_bp?)
}
