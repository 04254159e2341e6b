//! Marks by AI beside marks by people: what tells how well AI grades (S9, S10).

use serde::Serialize;

use crate::error::Error;
use crate::lms::Overview;
use crate::model::*;
use crate::rules::pairs::pair;
use crate::store::{ById, ContentRef, VersionRecord};

/// A mark by AI and the mark by a person that counts, of one version of a submission and on one scale.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct MarkPair {
    /// The assignment.
    pub assignment_id: AssignmentId,
    /// The submission.
    pub submission_id: SubmissionId,
    /// Its version.
    pub version_no: i64,
    /// The learner.
    pub student_id: UserId,
    /// The most that can be had.
    pub max_grade: Points,
    /// What AI gave, applied or suggested, before any penalty.
    pub ai_points: Points,
    /// What the person gave, before any penalty.
    pub human_points: Points,
    /// What counts.
    pub final_points: Option<Points>,
    /// Whether the person took over the suggestion as it was.
    pub was_adopted: bool,
    /// Whether the mark by AI was there before the person's, who may have seen it.
    pub ai_came_first: bool,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// The person.
    pub reviewer_id: Option<UserId>,
    /// The call of AI.
    pub ai_log_id: Option<AiLogId>,
    /// When the person's mark was written.
    pub at: Timestamp,
}

/// A page of pairs: of so many learners, in the order of their enrollments.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct MarkPairs {
    /// The pairs, by enrollment, assignment and version. There may be none, and more to come.
    pub pairs: Vec<MarkPair>,
    /// What the next page comes after; none on the last one.
    pub next: Option<EnrollmentId>,
}

/// How many learners a page is about at the most: their work is read whole.
const MOST: u32 = 100;

impl Overview<'_> {
    /// The marks by AI beside those by people in a course, for graders: one page of `limit` (1 to 100) learners
    /// with ids of enrollments after `after`. Of one assignment, where one is named.
    ///
    /// A version is there where a person's mark counts and AI marked it, too, before or after; a mark that was taken
    /// back is none, and neither is one on a maximum that has changed since, or above the one of now.
    /// Where a change of the maximum has rescaled nothing of a work (its marks are 0 and a suggestion that was answered
    /// before, or the points were kept), nobody can tell; the pair is there as it stands. Essay answers of a quiz
    /// are not among them.
    ///
    /// # Errors
    /// NotFound to everybody else, and where the assignment is not of the course.
    #[tracing::instrument(name = "lms.mark_pairs", skip_all, fields(course, outcome))]
    pub async fn mark_pairs(
        &self,
        course: CourseId,
        assignment: Option<AssignmentId>,
        after: Option<EnrollmentId>,
        limit: u32,
    ) -> Result<MarkPairs, Error> {
        self.require_grader(course).await?;
        let store = self.s.store();
        let mut assignments = match assignment {
            None => store.structure(course).await?.map(|all| all.assignments).unwrap_or_default(),
            Some(id) => {
                let found = store.content(None, ContentRef::Assignment(id)).await?;
                let found = found.filter(|found| found.course.id == course).and_then(|found| found.assignment);
                vec![found.ok_or_else(|| Error::not_found(SubjectType::Assignment, id))?]
            }
        };
        assignments.sort_by_key(|assignment| assignment.id);
        let limit = limit.clamp(1, MOST);
        let page = ById { after: after.map(EnrollmentId::uuid), limit };
        let learners = store.enrollments(course, page).await?;
        let (Some(first), Some(last)) = (learners.first(), learners.last()) else { return Ok(MarkPairs::default()) };
        let is_full = learners.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for assignment in &assignments {
            for version in store.versions(assignment.id, first.id, last.id).await? {
                let enrollment = version.submission.enrollment_id;
                found.extend(of_version(assignment, &version).map(|pair| (enrollment, pair)));
            }
        }
        found.sort_by_key(|(enrollment, pair)| (*enrollment, pair.assignment_id, pair.version_no));
        Ok(MarkPairs { pairs: found.into_iter().map(|(_, pair)| pair).collect(), next: is_full.then_some(last.id) })
    }
}

fn of_version(assignment: &Assignment, version: &VersionRecord) -> Option<MarkPair> {
    let VersionRecord { submission, history } = version;
    let found = pair(history, assignment.max_grade)?;
    Some(MarkPair {
        assignment_id: assignment.id,
        submission_id: submission.id,
        version_no: submission.version_no,
        student_id: submission.student_id,
        max_grade: assignment.max_grade,
        ai_points: found.ai.raw?,
        human_points: found.human.raw?,
        final_points: found.human.final_grade,
        was_adopted: found.was_adopted,
        ai_came_first: found.ai_came_first,
        reason: found.human.reason.clone(),
        reviewer_id: found.human.grader_id,
        ai_log_id: found.ai.ai_log_id,
        at: found.human.at,
    })
}
