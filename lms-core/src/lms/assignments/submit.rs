//! Drafts and what is handed in (S1, S2, S5).

use super::grade::follow;
use super::*;
use crate::lms::learner::{Work, access, enrolled, open};
use crate::lms::{Lms, Planned};
use crate::rules::access::{effective_cutoff, effective_due, is_over};
use crate::rules::completion;
use crate::rules::lateness::late_seconds;

impl Assignments<'_> {
    /// Keeps a draft: the learner's own until it is handed in; saving again replaces it (S1).
    ///
    /// # Errors
    /// Locked, CutOff, NoResubmission, VersionsUsedUp; Invalid; NotFound.
    #[tracing::instrument(name = "lms.save_draft", skip_all, fields(course, outcome))]
    pub async fn save_draft(&self, assignment: AssignmentId, new: NewSubmission) -> Result<SubmissionView, Error> {
        self.put(assignment, new, false).await
    }

    /// Hands work in: the draft, if there is one, with this content. What is handed in does not
    /// change any more; new work is a new version (S1, S2). So is the same work once more: give a form an id of its own
    /// ([`Session::with_command_id`](crate::lms::Session::with_command_id)), and a double click or a lost reply finds
    /// the version that it made.
    ///
    /// # Errors
    /// Locked, CutOff, NoResubmission, VersionsUsedUp, NothingSubmitted; Invalid; NotFound.
    #[tracing::instrument(name = "lms.submit_assignment", skip_all, fields(course, outcome))]
    pub async fn submit(&self, assignment: AssignmentId, new: NewSubmission) -> Result<SubmissionView, Error> {
        self.put(assignment, new, true).await
    }

    async fn put(&self, assignment: AssignmentId, new: NewSubmission, hand_in: bool) -> Result<SubmissionView, Error> {
        new.check()?;
        let me = self.me()?;
        let new = &new;
        self.s
            .run(Some(me.uuid()), |command| async move {
                let scope = LearnerScope::Assignment(assignment, me);
                let context = self.s.learner(scope, SubjectType::Assignment, assignment.uuid()).await?;
                let enrollment = enrolled(self.s, &context, SubjectType::Assignment, assignment.uuid())?;
                let row =
                    context.assignment.clone().ok_or_else(|| Error::not_found(SubjectType::Assignment, assignment))?;
                if command.done
                    && let Some(latest) = &context.submission
                {
                    return Ok(Planned::nothing(view(latest, &row)));
                }
                self.open_for_work(&context, &row, command.now)?;
                let draft = context.submission.clone().filter(|s| s.state == SubmissionState::Draft);
                // A draft that was begun in time may be kept; handing it in is what the policy is about.
                if draft.is_none() || hand_in {
                    may_begin(&context, &row, command.now)?;
                }
                let submission_id = match &draft {
                    Some(draft) => draft.id,
                    None => command.new_id(),
                };
                let version_no = match &draft {
                    Some(draft) => draft.version_no,
                    None => context.submission.as_ref().map_or(0, |s| s.version_no) + 1,
                };
                let mut submission = draft.clone().unwrap_or(Submission {
                    id: submission_id,
                    assignment_id: assignment,
                    enrollment_id: enrollment.id,
                    course_id: enrollment.course_id,
                    student_id: me,
                    version_no,
                    state: SubmissionState::Draft,
                    submission_url: None,
                    content: None,
                    submitted_at: None,
                    late_seconds: 0,
                    raw_grade: None,
                    deducted: None,
                    grade: None,
                    feedback: None,
                    rubric_scores: None,
                    graded_by: None,
                    grader_kind: None,
                    graded_at: None,
                    posted_at: None,
                    history_seq: 0,
                    ai_status: AiGradingState::None,
                    ai_code: None,
                    suggested_seq: None,
                    plagiarism_score: None,
                    similarity_status: SimilarityStatus::Pending,
                    version: 0,
                    created_at: command.now,
                    updated_at: command.now,
                });
                if !(hand_in && new.is_empty()) {
                    submission.content = new.content.clone();
                    submission.submission_url = new.submission_url.clone();
                }
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                let handed = NewSubmission {
                    content: submission.content.clone(),
                    submission_url: submission.submission_url.clone(),
                };
                if hand_in {
                    if handed.is_empty() {
                        return Err(Refusal::NothingSubmitted {}.into());
                    }
                    submission.state = SubmissionState::Submitted;
                    submission.submitted_at = Some(now);
                    let due = effective_due(row.due_date, access(&context).item_override);
                    submission.late_seconds = late_seconds(now, due, row.grace_seconds);
                    submission.ai_status = ai_state(&row, &submission, &self.s.lms);
                    submission.ai_code = submission.ai_status.never_sent().map(str::to_owned);
                    let event = work
                        .event(EventKind::AssignmentSubmitted, SubjectType::Submission, submission.id)
                        .by_learner(true)
                        .with(&serde_json::json!({
                            "assignment_id": assignment,
                            "version_no": submission.version_no,
                            "late": submission.late_seconds > 0,
                        }));
                    work.batch.events.push(event);
                }
                submission.version += 1;
                submission.updated_at = now;
                match draft {
                    Some(_) => work.batch.put(submission.clone()),
                    None => work.batch.insert(submission.clone()),
                }
                work.touch();
                let batch = follow(work, &context, &submission, now, &self.s.lms).await?;
                Ok(Planned { batch, outcome: view(&submission, &row) })
            })
            .await
    }

    fn open_for_work(&self, context: &LearnerContext, row: &Assignment, now: Timestamp) -> Result<(), Error> {
        let own = access(context).item_override;
        let due = effective_due(row.due_date, own);
        if let Some(cutoff) = effective_cutoff(row.cutoff_date, due, own).filter(|cutoff| is_over(*cutoff, now)) {
            return Err(Refusal::CutOff { cutoff }.into());
        }
        open(context, now)
    }
}

/// Whether AI grades a version that was just handed in (S11).
fn ai_state(assignment: &Assignment, submission: &Submission, lms: &Lms) -> AiGradingState {
    if !lms.has_ai_grading() || assignment.ai_grading == AiGrading::Off {
        return AiGradingState::None;
    }
    let chars = submission.content.as_deref().map_or(0, |text| text.trim().chars().count());
    // What the URL leads to may be text enough.
    let has_more = submission.submission_url.is_some() && lms.has_text_extraction();
    match chars {
        SHORTEST_FOR_AI.. => AiGradingState::Pending,
        _ if has_more => AiGradingState::Pending,
        0 => AiGradingState::NoText,
        _ => AiGradingState::TooShort,
    }
}

/// Whether another version may be begun or handed in now (S2). Versions granted to this learner are added to
/// the limit, and lift the policy `never` for so many (S6).
fn may_begin(context: &LearnerContext, row: &Assignment, now: Timestamp) -> Result<(), Error> {
    let versions = context.work.as_ref().map(|w| w.submissions.as_slice()).unwrap_or_default();
    let handed = |s: &&SubmissionHead| s.assignment_id == row.id && s.state != SubmissionState::Draft;
    let Some(latest) = versions.iter().filter(handed).max_by_key(|s| s.version_no) else { return Ok(()) };
    let own = access(context).item_override;
    let granted = own.map_or(0, |o| o.extra_attempts);
    if let Some(max) = row.max_versions {
        let allowed = max.saturating_add(granted);
        if latest.version_no >= allowed {
            return Err(Refusal::VersionsUsedUp { allowed }.into());
        }
    }
    let due = effective_due(row.due_date, own);
    // What is not posted is not told by what may be done next either (S14).
    let posted: Vec<SubmissionHead> = versions.iter().filter(|s| s.posted_at.is_some()).cloned().collect();
    let passed = completion::counted_version(row.id, &posted).and_then(|s| s.grade).is_some_and(|grade| {
        row.pass_threshold_bp.is_none_or(|bp| Score { earned: grade, possible: row.max_grade }.passes(bp) == Some(true))
    });
    let allowed = match row.resubmission {
        Resubmission::Never => latest.version_no <= granted,
        Resubmission::UntilDue => due.is_none_or(|due| !is_over(due, now)),
        // The cut-off itself is checked for every version.
        Resubmission::UntilCutoff => true,
        Resubmission::AfterReturn => latest.state == SubmissionState::Returned,
        Resubmission::UntilPass => !passed,
    };
    if allowed { Ok(()) } else { Err(Refusal::NoResubmission { policy: row.resubmission }.into()) }
}
