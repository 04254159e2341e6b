//! What waits for staff (G5).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::named::{Waiting, WorkNames};
use crate::error::Error;
use crate::lms::Overview;
use crate::model::*;
use crate::store::{AttemptHead, InTime, SubmissionHead};

/// What waits for staff in a course, with whose it is and at what: each list oldest first. `ai_code` of a version says
/// why AI gave no grade, where it was asked; that of an answer stands in `Quizzes::essays`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ToGrade {
    /// Learners who asked for another look at a grade (S16).
    pub reviews: Vec<Waiting<ReviewRequest>>,
    /// Versions with an AI suggestion that waits for a decision (S10).
    pub suggestions: Vec<Waiting<SubmissionHead>>,
    /// Versions that wait for a grade.
    pub submissions: Vec<Waiting<SubmissionHead>>,
    /// Attempts with an AI suggestion for an answer that waits for a decision (Q12, S10); `Quizzes::essays`
    /// gives the answers.
    pub answer_suggestions: Vec<Waiting<AttemptHead>>,
    /// Attempts with an essay that waits for a grade (Q12).
    pub attempts: Vec<Waiting<AttemptHead>>,
    /// Where the next page begins, for [`Overview::to_grade_after`]; absent when no list goes on.
    pub next: Option<ToGradePlace>,
}

/// How far each list of [`ToGrade`] was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ToGradePlace {
    /// Of the reviews.
    pub reviews: Option<InTime>,
    /// Of the suggestions.
    pub suggestions: Option<InTime>,
    /// Of the submissions.
    pub submissions: Option<InTime>,
    /// Of the suggestions for answers.
    pub answer_suggestions: Option<InTime>,
    /// Of the attempts.
    pub attempts: Option<InTime>,
}

/// The most of each kind.
const MOST: u32 = 500;

/// Moves a place to a page's last row; whether the list goes on.
fn moved<R>(place: &mut Option<InTime>, page: &[R], limit: u32, of: impl Fn(&R) -> (Option<Timestamp>, Uuid)) -> bool {
    if let Some((Some(at), id)) = page.last().map(of) {
        *place = Some(InTime { at, id });
    }
    page.len() >= usize::try_from(limit).unwrap_or(usize::MAX)
}

impl Overview<'_> {
    /// What waits for staff, for graders (G5): at most `limit` (1 to 500) of each kind, and where the next page
    /// begins. Versions and answers that AI is about to grade are not among them.
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.to_grade", skip_all, fields(course, outcome))]
    pub async fn to_grade(&self, course: CourseId, limit: u32) -> Result<ToGrade, Error> {
        self.to_grade_after(course, ToGradePlace::default(), limit).await
    }

    /// The next page of what waits for staff, from the `next` of the page before. A list that had come to its end
    /// holds what has come since.
    ///
    /// # Errors
    /// As [`Overview::to_grade`].
    pub async fn to_grade_after(&self, course: CourseId, after: ToGradePlace, limit: u32) -> Result<ToGrade, Error> {
        self.require_grader(course).await?;
        let limit = limit.clamp(1, MOST);
        let store = self.s.store();
        let reviews = store.open_reviews(course, after.reviews, limit).await?;
        let suggestions = store.to_grade(course, true, after.suggestions, limit).await?;
        let submissions = store.to_grade(course, false, after.submissions, limit).await?;
        let answer_suggestions = store.pending_attempts(course, true, after.answer_suggestions, limit).await?;
        let attempts = store.pending_attempts(course, false, after.attempts, limit).await?;
        let mut next = after;
        let version = |s: &SubmissionHead| (s.submitted_at, s.id.uuid());
        let attempt = |a: &AttemptHead| (a.completed_at, a.id.uuid());
        let go_on = [
            moved(&mut next.reviews, &reviews, limit, |r| (Some(r.created_at), r.id.uuid())),
            moved(&mut next.suggestions, &suggestions, limit, version),
            moved(&mut next.submissions, &submissions, limit, version),
            moved(&mut next.answer_suggestions, &answer_suggestions, limit, attempt),
            moved(&mut next.attempts, &attempts, limit, attempt),
        ];
        let next = go_on.contains(&true).then_some(next);
        let versions: Vec<SubmissionId> = suggestions.iter().chain(&submissions).map(|s| s.id).collect();
        let tried: Vec<AttemptId> = answer_suggestions.iter().chain(&attempts).map(|a| a.id).collect();
        let versions = [versions, reviews.iter().filter_map(|r| r.submission_id).collect()].concat();
        let tried = [tried, reviews.iter().filter_map(|r| r.attempt_id).collect()].concat();
        let names = WorkNames::new(store.work_names(&tried, &versions).await?);
        let of_assignment = |s: SubmissionHead| names.of(SubjectType::Assignment, s.id, s);
        let of_quiz = |a: AttemptHead| names.of(SubjectType::Quiz, a.id, a);
        let of_review = |r: ReviewRequest| match (r.submission_id, r.attempt_id) {
            (Some(version), _) => names.of(SubjectType::Assignment, version, r),
            (None, attempt) => names.of(SubjectType::Quiz, attempt?, r),
        };
        Ok(ToGrade {
            reviews: reviews.into_iter().filter_map(of_review).collect(),
            suggestions: suggestions.into_iter().filter_map(of_assignment).collect(),
            submissions: submissions.into_iter().filter_map(of_assignment).collect(),
            answer_suggestions: answer_suggestions.into_iter().filter_map(of_quiz).collect(),
            attempts: attempts.into_iter().filter_map(of_quiz).collect(),
            next,
        })
    }
}
