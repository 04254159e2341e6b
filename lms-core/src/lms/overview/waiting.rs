//! What waits for staff (G5).

use serde::Serialize;

use crate::error::Error;
use crate::lms::Overview;
use crate::model::*;
use crate::store::{AttemptHead, SubmissionHead};

/// What waits for staff in a course: each list oldest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ToGrade {
    /// Learners who asked for another look at a grade (S16).
    pub reviews: Vec<ReviewRequest>,
    /// Versions with an AI suggestion that waits for a decision (S10).
    pub suggestions: Vec<SubmissionHead>,
    /// Versions that wait for a grade.
    pub submissions: Vec<SubmissionHead>,
    /// Attempts with an AI suggestion for an answer that waits for a decision (Q12, S10); `Quizzes::essays`
    /// gives the answers.
    pub answer_suggestions: Vec<AttemptHead>,
    /// Attempts with an essay that waits for a grade (Q12).
    pub attempts: Vec<AttemptHead>,
}

/// The most of each kind.
const MOST: u32 = 500;

impl Overview<'_> {
    /// What waits for staff, for graders (G5): at most `limit` (1 to 500) of each kind. Versions and
    /// answers that AI is about to grade are not among them.
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.to_grade", skip_all, fields(course, outcome))]
    pub async fn to_grade(&self, course: CourseId, limit: u32) -> Result<ToGrade, Error> {
        self.require_grader(course).await?;
        let limit = limit.clamp(1, MOST);
        let store = self.s.store();
        // Both kinds come in one list; each is cut by itself, so that neither keeps the other out.
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut suggestions, mut submissions): (Vec<SubmissionHead>, Vec<SubmissionHead>) =
            store.to_grade(course, MOST).await?.into_iter().partition(|s| s.suggested_seq.is_some());
        suggestions.truncate(most);
        submissions.truncate(most);
        let (mut answer_suggestions, mut attempts): (Vec<AttemptHead>, Vec<AttemptHead>) =
            store.pending_attempts(course, MOST).await?.into_iter().partition(|a| a.ai_suggested > 0);
        answer_suggestions.truncate(most);
        attempts.truncate(most);
        Ok(ToGrade {
            reviews: store.open_reviews(course, limit).await?,
            suggestions,
            submissions,
            answer_suggestions,
            attempts,
        })
    }
}
