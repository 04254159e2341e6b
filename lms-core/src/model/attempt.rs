//! Attempts at quizzes and the score that is kept of them.

use super::table::{Json, record, words};
use super::{AttemptId, CourseId, EnrollmentId, Points, QuizId, RevisionId, RowId, Score, Timestamp, UserId};

words! {
    /// Where an attempt stands (A1).
    pub enum AttemptState {
        /// Open: answers are taken.
        InProgress = "in_progress",
        /// Handed in; an answer waits for a grade (A1, Q12).
        PendingReview = "pending_review",
        /// Graded.
        Graded = "graded",
        /// Taken out by staff, with a reason.
        Voided = "voided",
    }
}

impl AttemptState {
    /// Whether an attempt may go from this state to another one (A1): forward only, and out by voiding.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::InProgress, Self::PendingReview | Self::Graded)
                | (Self::PendingReview, Self::Graded)
                | (Self::InProgress | Self::PendingReview | Self::Graded, Self::Voided)
        )
    }
}

words! {
    /// How an attempt ended (A1).
    pub enum FinishReason {
        /// The learner handed it in.
        Submitted = "submitted",
        /// Its time ran out.
        Expired = "expired",
    }
}

record! {
    /// One attempt at a quiz.
    pub struct QuizAttempt in "quiz_attempts" {
        /// The id.
        pub id: AttemptId,
        /// The quiz.
        pub quiz_id: QuizId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// The course, copied from the enrollment.
        pub course_id: CourseId,
        /// The learner, copied from the enrollment.
        pub student_id: UserId,
        /// 1 for the first.
        pub attempt_no: i64,
        /// Where it stands.
        pub state: AttemptState,
        /// The questions as they were at the start (Q15).
        pub revision_id: RevisionId,
        /// What questions and options are shuffled by (A11).
        pub seed: i64,
        /// Points earned; absent until graded.
        pub score: Option<Points>,
        /// Points possible; absent until handed in.
        pub possible: Option<Points>,
        /// When it was started.
        pub started_at: Timestamp,
        /// When its time is up (A4).
        pub deadline: Option<Timestamp>,
        /// When it was handed in, at the latest its deadline (A5).
        pub completed_at: Option<Timestamp>,
        /// How it ended.
        pub finish_reason: Option<FinishReason>,
        /// What was answered; see [`SavedAnswers`](super::SavedAnswers).
        pub answers: Json,
        /// How each answer was graded; see [`GradedAnswers`](super::GradedAnswers).
        pub graded: Option<Json>,
        /// Answers that wait for the AI grader (Q12).
        pub ai_pending: i64,
        /// Answers with an AI suggestion that waits for a person (Q12, S10).
        pub ai_suggested: i64,
        /// The revision by whose keys it was last regraded (A12).
        pub graded_with_revision: Option<RevisionId>,
        /// Why it was voided.
        pub void_reason: Option<String>,
        /// The row's version: every save bumps it.
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

impl QuizAttempt {
    /// The graded score; `None` until graded.
    pub fn graded_score(&self) -> Option<Score> {
        Some(Score { earned: self.score?, possible: self.possible? })
    }
}

record! {
    /// What is kept of one learner's attempts at one quiz (A9, A10).
    pub struct QuizResult in "quiz_results" {
        /// The row's id.
        pub id: RowId,
        /// The quiz.
        pub quiz_id: QuizId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// The course, copied from the enrollment.
        pub course_id: CourseId,
        /// The learner, copied from the enrollment.
        pub student_id: UserId,
        /// Points earned of the kept score; absent without a graded attempt.
        pub earned: Option<Points>,
        /// Points possible of the kept score.
        pub possible: Option<Points>,
        /// Whether the kept score reaches the threshold; absent without a threshold or a score.
        pub passed: Option<bool>,
        /// Whether a non-voided attempt was handed in.
        pub submitted: bool,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

impl QuizResult {
    /// The kept score; `None` without a graded attempt.
    pub fn kept(&self) -> Option<Score> {
        Some(Score { earned: self.earned?, possible: self.possible? })
    }
}

#[cfg(test)]
mod tests {
    use super::AttemptState::{Graded, InProgress, PendingReview, Voided};

    #[test]
    fn a1_attempts_go_forward_only() {
        let all = [InProgress, PendingReview, Graded, Voided];
        let allowed: Vec<_> = all
            .iter()
            .flat_map(|from| all.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| from.may_become(*to))
            .collect();
        let forward = [
            (InProgress, PendingReview),
            (InProgress, Graded),
            (InProgress, Voided),
            (PendingReview, Graded),
            (PendingReview, Voided),
            (Graded, Voided),
        ];
        assert_eq!(allowed, forward);
    }
}
