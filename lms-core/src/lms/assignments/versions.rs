//! One learner's versions for an assignment, in short (S1).

use serde::Serialize;

use super::{Assignments, state_shown};
use crate::error::Error;
use crate::lms::learner::rights;
use crate::lms::overview::{handed_and_draft, shown_version};
use crate::model::*;
use crate::rules::permission::Action;
use crate::store::{LearnerScope, SubmissionHead};

/// The most versions of one list.
const MOST: usize = 500;

/// A version of a learner as a list of them shows it: as [`SubmissionView`](super::SubmissionView), without what was
/// handed in and what was written about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SubmissionSummary {
    /// The version.
    pub id: SubmissionId,
    /// 1 for the first.
    pub version_no: i64,
    /// Where it stands.
    pub state: SubmissionState,
    /// When it was handed in; absent for a draft.
    pub submitted_at: Option<Timestamp>,
    /// Seconds late.
    pub late_seconds: i64,
    /// Whether it is the one that was handed in last.
    pub is_current: bool,
    /// Whether its grade is the one that stands for the learner: of those that are posted the latest (S3, S14).
    pub is_counted: bool,
    /// The grade, once posted.
    pub grade: Option<Points>,
    /// Of how many.
    pub max_grade: Points,
    /// Who graded: a person, AI or a key (S16); once posted.
    pub grader_kind: Option<GraderKind>,
}

impl Assignments<'_> {
    /// A learner's versions for an assignment, the draft among them, the newest first, at most the last 500: to the
    /// learner and to the course's staff, with the grades that [`Assignments::view`] shows (S14).
    ///
    /// # Errors
    /// NotFound to everybody else, and where the learner was never enrolled.
    #[tracing::instrument(name = "lms.submissions", skip_all, fields(course, outcome))]
    pub async fn submissions(
        &self,
        assignment: AssignmentId,
        student: UserId,
    ) -> Result<Vec<SubmissionSummary>, Error> {
        let scope = LearnerScope::Assignment(assignment, student);
        let context = self.s.learner(scope, SubjectType::Assignment, assignment.uuid()).await?;
        let rights = rights(self.s, &context);
        let missing = || Error::not_found(SubjectType::Assignment, assignment);
        if !(rights.own || rights.may(Action::ReadWork)) || context.enrollment.is_none() {
            return Err(missing());
        }
        let row = context.assignment.as_ref().ok_or_else(missing)?;
        let all = context.work.as_ref().map(|work| work.submissions.as_slice()).unwrap_or_default();
        let current = handed_and_draft(assignment, all).0.map(|s| s.id);
        let counted = shown_version(assignment, all, false).map(|s| s.id);
        let mut versions: Vec<&SubmissionHead> = all.iter().filter(|s| s.assignment_id == assignment).collect();
        versions.sort_by_key(|s| std::cmp::Reverse(s.version_no));
        versions.truncate(MOST);
        Ok(versions
            .into_iter()
            .map(|head| {
                let posted = head.posted_at.is_some();
                SubmissionSummary {
                    id: head.id,
                    version_no: head.version_no,
                    state: state_shown(head.state, posted),
                    submitted_at: head.submitted_at,
                    late_seconds: head.late_seconds,
                    is_current: current == Some(head.id),
                    is_counted: counted == Some(head.id),
                    grade: head.grade.filter(|_| posted),
                    max_grade: row.max_grade,
                    grader_kind: head.grader_kind.filter(|_| posted),
                }
            })
            .collect())
    }
}
