//! Submissions and their grading by people and by AI (S, I).

mod ai;
pub(crate) use ai::{check_code, ungraded};
mod grade;
mod post;
mod recompute;
mod submit;
mod versions;

use serde::{Deserialize, Serialize};

use super::learner::{not_erased, rights};
use super::{Assignments, Command};
use crate::error::{Error, Refusal};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::permission::Action;
use crate::store::{LearnerContext, LearnerScope, SubmissionHead};

pub(super) use grade::{Mark, check_words, entry_id, entry_of, raw_by};
pub(super) use recompute::{Recompute, recompute_versions};
pub use versions::SubmissionSummary;

/// What a learner hands in: a text, a link, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NewSubmission {
    /// The work, at most 1 MB.
    pub content: Option<String>,
    /// A link to it, https.
    pub submission_url: Option<String>,
}

impl NewSubmission {
    /// A text.
    pub fn text(content: impl Into<String>) -> Self {
        Self { content: Some(content.into()), submission_url: None }
    }

    fn check(&self) -> Result<(), Error> {
        let mut checks = crate::rules::authoring::Checks::default();
        if let Some(content) = &self.content {
            checks.document("content", content, 1_048_576);
        }
        if let Some(url) = &self.submission_url {
            checks.url("submission_url", url);
        }
        checks.done()
    }

    fn is_empty(&self) -> bool {
        self.content.as_deref().is_none_or(|text| text.trim().is_empty()) && self.submission_url.is_none()
    }
}

/// A mark for a submission. Where the assignment has a rubric, the points are the sum over it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NewGrade {
    /// The mark, where there is no rubric.
    pub points: Option<Points>,
    /// Points per criterion, where there is one; every criterion once (S13).
    pub rubric_scores: Option<RubricScores>,
    /// What the learner reads.
    pub feedback: Option<String>,
    /// Why, for the history.
    pub reason: Option<String>,
    /// The newest human entry that the grader has seen; 0 for none (S10).
    pub seen_seq: i64,
}

/// What became of a grade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Graded {
    /// The submission after it.
    pub submission: Submission,
    /// Whether the mark was applied; otherwise it waits as a suggestion.
    pub applied: bool,
}

/// A grade by AI that passed every check (S11).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AiGrade {
    /// Points per criterion, or none where the assignment has no rubric.
    pub rubric_scores: Option<RubricScores>,
    /// The mark: the sum by code, never the model's.
    pub points: Points,
    /// What the learner reads.
    pub feedback: String,
    /// Whether a person must look first: a review trigger makes it a suggestion.
    pub needs_review: bool,
    /// The codes of the triggers.
    pub reasons: Vec<String>,
}

/// A submission as its learner sees it: no unposted grade, no staff notes (S14, S16).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SubmissionView {
    /// The version.
    pub id: SubmissionId,
    /// The assignment.
    pub assignment_id: AssignmentId,
    /// 1 for the first.
    pub version_no: i64,
    /// Where it stands.
    pub state: SubmissionState,
    /// What was handed in.
    pub content: Option<String>,
    /// The link handed in.
    pub submission_url: Option<String>,
    /// When.
    pub submitted_at: Option<Timestamp>,
    /// Seconds late.
    pub late_seconds: i64,
    /// The grade, once posted.
    pub grade: Option<Points>,
    /// Of how many.
    pub max_grade: Points,
    /// What the grader wrote, once posted.
    pub feedback: Option<String>,
    /// Points per criterion, once posted.
    pub rubric_scores: Option<Json>,
    /// Who graded: a person, AI or a key (S16).
    pub grader_kind: Option<GraderKind>,
}

/// Work of fewer characters than this is never sent to a model (S11).
pub const SHORTEST_FOR_AI: usize = 40;

impl Assignments<'_> {
    fn me(&self) -> Result<UserId, Error> {
        match &self.s.actor {
            Actor::User { id } => Ok(*id),
            _ => Err(Error::Denied { action: Action::Learn }),
        }
    }

    /// A submission: to its learner without what is not posted, and to graders with everything that
    /// the learner may see later.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn view(&self, id: SubmissionId) -> Result<SubmissionView, Error> {
        let context = self.s.learner(LearnerScope::Submission(id), SubjectType::Submission, id.uuid()).await?;
        let rights = rights(self.s, &context);
        if !(rights.own || rights.may(Action::ReadWork)) {
            return Err(Error::not_found(SubjectType::Submission, id));
        }
        match (&context.submission, &context.assignment) {
            (Some(submission), Some(assignment)) => Ok(view(submission, assignment)),
            _ => Err(Error::not_found(SubjectType::Submission, id)),
        }
    }

    /// A submission with all of its columns, for graders.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn submission(&self, id: SubmissionId) -> Result<Submission, Error> {
        Ok(self.for_grader(id).await?.0)
    }

    /// The grade history of a submission, by seq, for graders (S9).
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn history(&self, id: SubmissionId) -> Result<Vec<GradeEntry>, Error> {
        Ok(self.for_grader(id).await?.1.history)
    }

    /// A submission, its assignment and its history, for graders.
    async fn for_grader(&self, id: SubmissionId) -> Result<(Submission, LearnerContext), Error> {
        let context = self.s.learner(LearnerScope::Submission(id), SubjectType::Submission, id.uuid()).await?;
        rights(self.s, &context).require(Action::ReadWork, false, SubjectType::Submission, id)?;
        let submission = context.submission.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
        Ok((submission, context))
    }

    /// What a grader needs of a submission: the version and its assignment. To AI that acts for a grader, where
    /// AI grades the assignment.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn grading(&self, id: SubmissionId) -> Result<(Submission, Assignment), Error> {
        let context = self.s.learner(LearnerScope::Submission(id), SubjectType::Submission, id.uuid()).await?;
        let rights = rights(self.s, &context);
        if context.assignment.as_ref().is_some_and(|assignment| assignment.ai_grading != AiGrading::Off) && rights.ai {
            rights.require_ai_grader(SubjectType::Submission, id)?;
        } else {
            rights.require(Action::ReadWork, false, SubjectType::Submission, id)?;
        }
        match (context.submission, context.assignment) {
            (Some(submission), Some(assignment)) => Ok((submission, assignment)),
            _ => Err(Error::not_found(SubjectType::Submission, id)),
        }
    }

    /// Submissions that wait for AI, oldest first: for the grading consumer.
    ///
    /// # Errors
    /// Denied to all but the system.
    pub async fn awaiting_ai(&self, limit: u32) -> Result<Vec<SubmissionHead>, Error> {
        match self.s.actor {
            Actor::System { .. } => Ok(self.s.store().awaiting_ai(limit.clamp(1, 5_000)).await?),
            _ => Err(Error::Denied { action: Action::Grade }),
        }
    }

    /// Grades a submission by a person (S9, S10). The mark, the learner's counters, and what they
    async fn for_grading(
        &self,
        command: &Command,
        id: SubmissionId,
    ) -> Result<(LearnerContext, Submission, Assignment, UserId), Error> {
        let context = self.s.learner(LearnerScope::Submission(id), SubjectType::Submission, id.uuid()).await?;
        let rights = rights(self.s, &context);
        rights.require(Action::Grade, rights.own, SubjectType::Submission, id)?;
        let Actor::User { id: grader } = command.actor else {
            return Err(Error::Denied { action: Action::Grade });
        };
        not_erased(&context)?;
        let submission = context.submission.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
        let assignment = context.assignment.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
        if submission.state == SubmissionState::Draft {
            return Err(Refusal::SubmissionIsDraft {}.into());
        }
        Ok((context, submission, assignment, grader))
    }
}

/// Where a version stands for its learner: that it is graded is told when the grade is posted (S14).
fn state_shown(state: SubmissionState, posted: bool) -> SubmissionState {
    if !posted && state == SubmissionState::Graded { SubmissionState::Submitted } else { state }
}

pub(crate) fn view(submission: &Submission, assignment: &Assignment) -> SubmissionView {
    let posted = submission.posted_at.is_some();
    SubmissionView {
        id: submission.id,
        assignment_id: submission.assignment_id,
        version_no: submission.version_no,
        state: state_shown(submission.state, posted),
        content: submission.content.clone(),
        submission_url: submission.submission_url.clone(),
        submitted_at: submission.submitted_at,
        late_seconds: submission.late_seconds,
        grade: submission.grade.filter(|_| posted),
        max_grade: assignment.max_grade,
        feedback: submission.feedback.clone().filter(|_| posted),
        rubric_scores: submission.rubric_scores.clone().filter(|_| posted),
        grader_kind: submission.grader_kind.filter(|_| posted),
    }
}
