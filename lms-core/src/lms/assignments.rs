//! Submissions and their grading by people and by AI (S, I).

use serde::{Deserialize, Serialize};

use super::catalog::AiOrigin;
use super::learner::{Work, access, enrolled, open, rights};
use super::{Assignments, Command, Planned};
use crate::error::{Error, Refusal};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::access::{effective_cutoff, effective_due};
use crate::rules::lateness::{Penalty, deduction, late_seconds};
use crate::rules::permission::Action;
use crate::rules::{completion, grades};
use crate::store::{Change, Expect, LearnerContext, LearnerScope, SubmissionHead, WeightedScore, WriteBatch};

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

    /// Keeps a draft: the learner's own until it is handed in; saving again replaces it (S1).
    ///
    /// # Errors
    /// Locked, CutOff, NoResubmission, VersionsUsedUp; Invalid; NotFound.
    #[tracing::instrument(name = "lms.save_draft", skip_all)]
    pub async fn save_draft(&self, assignment: AssignmentId, new: NewSubmission) -> Result<SubmissionView, Error> {
        self.put(assignment, new, false).await
    }

    /// Hands work in: the draft, if there is one, with this content. What is handed in does not
    /// change any more; new work is a new version (S1, S2).
    ///
    /// # Errors
    /// Locked, CutOff, NoResubmission, VersionsUsedUp, NothingSubmitted; Invalid; NotFound.
    #[tracing::instrument(name = "lms.submit_assignment", skip_all)]
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
                if draft.is_none() {
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
                    submission.ai_status = ai_state(&row, &submission);
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
        if let Some(cutoff) = effective_cutoff(row.cutoff_date, due, own).filter(|cutoff| now > *cutoff) {
            return Err(Refusal::CutOff { cutoff }.into());
        }
        open(context, now)
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

    /// What a grader needs of a submission: the version and its assignment.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn grading(&self, id: SubmissionId) -> Result<(Submission, Assignment), Error> {
        let (submission, context) = self.for_grader(id).await?;
        let assignment = context.assignment.ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
        Ok((submission, assignment))
    }

    /// Submissions that wait for AI, oldest first: for the grading consumer.
    ///
    /// # Errors
    /// Denied to all but the system.
    pub async fn awaiting_ai(&self, limit: u32) -> Result<Vec<SubmissionHead>, Error> {
        match self.s.actor {
            Actor::System { .. } => Ok(self.s.store().awaiting_ai(limit.clamp(1, 500)).await?),
            _ => Err(Error::Denied { action: Action::Grade }),
        }
    }

    /// Grades a submission by a person (S9, S10). The mark, the learner's counters, and what they
    /// complete are one transaction.
    ///
    /// # Errors
    /// GradeNewer where a person graded it since `seen_seq`; GradeOutOfRange; RubricMismatch;
    /// SubmissionIsDraft; Denied to all but graders.
    #[tracing::instrument(name = "lms.grade_submission", skip_all)]
    pub async fn grade(&self, id: SubmissionId, grade: NewGrade) -> Result<Graded, Error> {
        let grade = &grade;
        self.s
            .run(None, |command| async move {
                let (context, submission, assignment, grader) = self.for_grading(&command, id).await?;
                if let Some(entry) = entry_of(&command, &context.history) {
                    return Ok(Planned::nothing(graded_by_entry(submission, &context.history, entry)));
                }
                if let Some(seq) = grades::newest_human(&context.history).filter(|seq| *seq > grade.seen_seq) {
                    return Err(Refusal::GradeNewer { seq }.into());
                }
                let raw = raw_of(&assignment, grade.points, grade.rubric_scores.as_ref())?;
                check_words(grade.feedback.as_deref(), grade.reason.as_deref())?;
                let mark = Mark {
                    cause: GradeCause::Graded,
                    ref_seq: None,
                    raw,
                    feedback: grade.feedback.clone(),
                    rubric_scores: grade.rubric_scores.as_ref().map(Json::of),
                    grader_id: grader,
                    kind: GraderKind::Human,
                    reason: grade.reason.clone(),
                    ai_log_id: None,
                };
                self.write_mark(command, &context, &assignment, submission, mark, None).await
            })
            .await
    }

    /// Writes an AI grade that passed every check, and flips its log row, in one transaction. It is
    /// applied where the assignment says so and no person has graded the version; otherwise, and
    /// where a review trigger fired, it is stored as a suggestion and changes nothing (S10, S11).
    ///
    /// # Errors
    /// Denied where AI does not grade this assignment; OperationNotValid when the log row is not
    /// `valid`; GradeOutOfRange; RubricMismatch.
    #[tracing::instrument(name = "lms.apply_ai_grade", skip_all)]
    pub async fn apply_ai_grade(&self, id: SubmissionId, grade: AiGrade, origin: AiOrigin) -> Result<Graded, Error> {
        let grade = &grade;
        self.s
            .clone()
            .with_command_id(origin.operation_id)
            .run(None, |command| async move {
                let context = self.s.learner(LearnerScope::Submission(id), SubjectType::Submission, id.uuid()).await?;
                let submission =
                    context.submission.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
                let assignment =
                    context.assignment.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
                if command.done {
                    let applied = submission.ai_status == AiGradingState::Applied;
                    return Ok(Planned::nothing(Graded { submission, applied }));
                }
                let Actor::Ai { user: grader, on_behalf_of, .. } = command.actor.clone() else {
                    return Err(Error::Denied { action: Action::Grade });
                };
                let _ = on_behalf_of;
                rights(self.s, &context).require(Action::Grade, false, SubjectType::Submission, id)?;
                if assignment.ai_grading == AiGrading::Off {
                    return Err(Error::Denied { action: Action::Grade });
                }
                if submission.state == SubmissionState::Draft {
                    return Err(Refusal::SubmissionIsDraft {}.into());
                }
                let log = self
                    .s
                    .store()
                    .ai_log(origin.log_id)
                    .await?
                    .filter(|log| log.operation_id == origin.operation_id)
                    .ok_or_else(|| Error::not_found(SubjectType::AiLog, origin.log_id))?;
                if log.status != AiLogStatus::Valid {
                    return Err(Refusal::OperationNotValid { status: log.status }.into());
                }
                let raw = raw_of(&assignment, Some(grade.points), grade.rubric_scores.as_ref())?;
                let by_human = grades::current(&context.history).is_some_and(|e| e.grader_kind == GraderKind::Human);
                let apply = assignment.ai_grading == AiGrading::Apply && !grade.needs_review && !by_human;
                let mark = Mark {
                    cause: if apply { GradeCause::Graded } else { GradeCause::Suggested },
                    ref_seq: None,
                    raw,
                    feedback: Some(grade.feedback.clone()),
                    rubric_scores: grade.rubric_scores.as_ref().map(Json::of),
                    grader_id: grader,
                    kind: GraderKind::Ai,
                    reason: (!grade.reasons.is_empty()).then(|| grade.reasons.join(", ")),
                    ai_log_id: Some(origin.log_id),
                };
                self.write_mark(command, &context, &assignment, submission, mark, Some(origin)).await
            })
            .await
    }

    /// Says that AI gave no valid grade: a person must grade, and a failure is never a 0 (S11).
    ///
    /// # Errors
    /// Denied to all but the system and AI; NotFound.
    #[tracing::instrument(name = "lms.ai_grading_failed", skip_all)]
    pub async fn ai_grading_failed(&self, id: SubmissionId, code: String) -> Result<(), Error> {
        if matches!(self.s.actor, Actor::User { .. }) {
            return Err(Error::Denied { action: Action::Grade });
        }
        let code = &code;
        self.s
            .run(None, |command| async move {
                let context = self.s.learner(LearnerScope::Submission(id), SubjectType::Submission, id.uuid()).await?;
                let mut submission =
                    context.submission.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
                if submission.ai_status != AiGradingState::Pending {
                    return Ok(Planned::nothing(()));
                }
                let enrollment =
                    context.enrollment.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                submission.ai_status = AiGradingState::Failed;
                submission.version += 1;
                submission.updated_at = now;
                work.batch.put(submission);
                work.touch();
                let event = work
                    .event(EventKind::AiRejected, SubjectType::Submission, id)
                    .with(&serde_json::json!({ "code": code }));
                work.batch.events.push(event);
                let batch = work.finish(&self.s.lms, now).await?;
                Ok(Planned { batch, outcome: () })
            })
            .await
    }

    /// Takes over the AI suggestion that waits: the mark becomes the person's, with the AI entry
    /// linked (S9).
    ///
    /// # Errors
    /// NoSuggestion; Denied to all but graders.
    #[tracing::instrument(name = "lms.adopt_suggestion", skip_all)]
    pub async fn adopt_suggestion(&self, id: SubmissionId, reason: Option<String>) -> Result<Graded, Error> {
        let reason = &reason;
        self.s
            .run(None, |command| async move {
                let (context, submission, assignment, grader) = self.for_grading(&command, id).await?;
                if let Some(entry) = entry_of(&command, &context.history) {
                    return Ok(Planned::nothing(graded_by_entry(submission, &context.history, entry)));
                }
                let suggestion = grades::open_suggestion(&context.history).cloned().ok_or(Refusal::NoSuggestion {})?;
                let mark = Mark {
                    cause: GradeCause::Adopted,
                    ref_seq: Some(suggestion.seq),
                    raw: suggestion.raw.ok_or(Refusal::NoSuggestion {})?,
                    feedback: suggestion.feedback,
                    rubric_scores: suggestion.rubric_scores,
                    grader_id: grader,
                    kind: GraderKind::Human,
                    reason: reason.clone(),
                    ai_log_id: suggestion.ai_log_id,
                };
                self.write_mark(command, &context, &assignment, submission, mark, None).await
            })
            .await
    }

    /// Refuses the AI suggestion that waits; the grade stands as it is (S9).
    ///
    /// # Errors
    /// NoSuggestion; Denied to all but graders.
    #[tracing::instrument(name = "lms.dismiss_suggestion", skip_all)]
    pub async fn dismiss_suggestion(&self, id: SubmissionId, reason: Option<String>) -> Result<Graded, Error> {
        let reason = &reason;
        self.s
            .run(None, |command| async move {
                let (context, submission, assignment, grader) = self.for_grading(&command, id).await?;
                if let Some(entry) = entry_of(&command, &context.history) {
                    return Ok(Planned::nothing(graded_by_entry(submission, &context.history, entry)));
                }
                let suggestion = grades::open_suggestion(&context.history).cloned().ok_or(Refusal::NoSuggestion {})?;
                let mark = Mark {
                    cause: GradeCause::Dismissed,
                    ref_seq: Some(suggestion.seq),
                    raw: suggestion.raw.unwrap_or(Points::ZERO),
                    feedback: None,
                    rubric_scores: None,
                    grader_id: grader,
                    kind: GraderKind::Human,
                    reason: reason.clone(),
                    ai_log_id: suggestion.ai_log_id,
                };
                self.write_mark(command, &context, &assignment, submission, mark, None).await
            })
            .await
    }

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
        let submission = context.submission.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
        let assignment = context.assignment.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
        if submission.state == SubmissionState::Draft {
            return Err(Refusal::SubmissionIsDraft {}.into());
        }
        Ok((context, submission, assignment, grader))
    }

    /// Writes one entry of the history, mirrors the current grade on the submission, and all that
    /// follows for the learner.
    async fn write_mark(
        &self,
        command: Command,
        context: &LearnerContext,
        assignment: &Assignment,
        mut submission: Submission,
        mark: Mark,
        origin: Option<AiOrigin>,
    ) -> Result<Planned<Graded>, Error> {
        let enrollment =
            context.enrollment.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, submission.id))?;
        let mut work = Work::begin(command, context, enrollment);
        let now = work.command.now;
        let seq = grades::next_seq(&context.history);
        let deducted = deduction(mark.raw, assignment.max_grade, submission.late_seconds, penalty(assignment));
        let final_grade = Points::from_units(mark.raw.units() - deducted.units());
        let is_mark = matches!(mark.cause, GradeCause::Graded | GradeCause::Adopted);
        let dismissed = mark.cause == GradeCause::Dismissed;
        let entry = GradeEntry {
            id: entry_id(&work.command),
            subject_type: GradeSubject::Submission,
            subject_id: submission.id.uuid(),
            question_id: uuid::Uuid::nil(),
            course_id: submission.course_id,
            student_id: submission.student_id,
            seq,
            cause: mark.cause,
            ref_seq: mark.ref_seq,
            version_no: submission.version_no,
            raw: (!dismissed).then_some(mark.raw),
            deducted: (!dismissed).then_some(deducted),
            final_grade: (!dismissed).then_some(final_grade),
            feedback: mark.feedback,
            rubric_scores: mark.rubric_scores,
            grader_id: Some(mark.grader_id),
            grader_kind: mark.kind,
            actor_id: work.command.actor.user(),
            reason: mark.reason,
            ai_log_id: mark.ai_log_id,
            at: now,
        };
        let mut history = context.history.clone();
        history.push(entry.clone());
        work.batch.insert(entry);
        work.touch();
        let had_grade = submission.grade.is_some();
        let before = submission.clone();
        submission.history_seq = seq;
        submission.suggested_seq = grades::open_suggestion(&history).map(|e| e.seq);
        let applied = is_mark && grades::current(&history).is_some_and(|e| e.seq == seq);
        if let Some(current) = grades::current(&history) {
            submission.raw_grade = current.raw;
            submission.deducted = current.deducted;
            submission.grade = current.final_grade;
            submission.feedback = current.feedback.clone();
            submission.rubric_scores = current.rubric_scores.clone();
            submission.graded_by = current.grader_id;
            submission.grader_kind = Some(current.grader_kind);
            submission.graded_at = Some(current.at);
            submission.state = SubmissionState::Graded;
            if submission.posted_at.is_none() && assignment.posting == Posting::Auto {
                submission.posted_at = Some(now);
                let event = work
                    .event(EventKind::GradePosted, SubjectType::Submission, submission.id)
                    .with(&serde_json::json!({ "assignment_id": assignment.id }));
                work.batch.events.push(event);
            }
        }
        if let Some(origin) = origin {
            submission.ai_status = if applied { AiGradingState::Applied } else { AiGradingState::Suggested };
            work.batch.expect.push(Expect::Log { id: origin.log_id, status: AiLogStatus::Valid });
            work.batch.changes.push(Change::FlipLog {
                id: origin.log_id,
                from: AiLogStatus::Valid,
                to: if applied { AiLogStatus::Applied } else { AiLogStatus::Review },
                at: now,
            });
            let event = work
                .event(EventKind::AiGraded, SubjectType::Submission, submission.id)
                .with(&serde_json::json!({ "assignment_id": assignment.id, "applied": applied }));
            work.batch.events.insert(0, event);
        } else if is_mark && submission.ai_status == AiGradingState::Pending {
            // A person was faster; the grader's suggestion may still come, and changes nothing.
            submission.ai_status = AiGradingState::None;
        }
        if applied {
            let kind = if had_grade { EventKind::GradeChanged } else { EventKind::AssignmentGraded };
            let event = work
                .event(kind, SubjectType::Submission, submission.id)
                .with(&serde_json::json!({ "assignment_id": assignment.id, "grader_kind": mark.kind }));
            work.batch.events.push(event);
        }
        if submission != before {
            submission.version += 1;
            submission.updated_at = now;
            work.batch.put(submission.clone());
        }
        let batch = follow(work, context, &submission, now, &self.s.lms).await?;
        Ok(Planned { batch, outcome: Graded { submission, applied } })
    }
}

/// The id of the entry that a command writes into a history: it finds its own again (DETAILS 8), also
/// where it wrote no event.
pub(super) fn entry_id(command: &Command) -> RowId {
    RowId::from_uuid(command.derived("grade", 0))
}

/// The entry that this very command wrote before.
pub(super) fn entry_of<'h>(command: &Command, history: &'h [GradeEntry]) -> Option<&'h GradeEntry> {
    let id = entry_id(command);
    history.iter().find(|entry| entry.id == id)
}

fn graded_by_entry(submission: Submission, history: &[GradeEntry], entry: &GradeEntry) -> Graded {
    let is_mark = matches!(entry.cause, GradeCause::Graded | GradeCause::Adopted);
    let applied = is_mark && grades::current(history).is_some_and(|current| current.seq == entry.seq);
    Graded { submission, applied }
}

/// One mark on its way into the history.
struct Mark {
    cause: GradeCause,
    ref_seq: Option<i64>,
    raw: Points,
    feedback: Option<String>,
    rubric_scores: Option<Json>,
    grader_id: UserId,
    kind: GraderKind,
    reason: Option<String>,
    ai_log_id: Option<AiLogId>,
}

fn check_words(feedback: Option<&str>, reason: Option<&str>) -> Result<(), Error> {
    let mut checks = crate::rules::authoring::Checks::default();
    if let Some(feedback) = feedback {
        checks.long_text("feedback", feedback, 100_000);
    }
    if let Some(reason) = reason {
        checks.long_text("reason", reason, 2_000);
    }
    checks.done()
}

/// The raw mark: the sum over the rubric where there is one, else the points given (S13).
fn raw_of(assignment: &Assignment, points: Option<Points>, scores: Option<&RubricScores>) -> Result<Points, Error> {
    let rubric = assignment.rubric().map_err(|_| {
        Error::Store(crate::store::StoreError::new(crate::store::StoreErrorKind::Corrupt {
            table: "assignments",
            column: "rubric",
            id: Some(assignment.id.uuid()),
        }))
    })?;
    let raw = match (&rubric, scores) {
        (Some(rubric), Some(scores)) => {
            let mut sum = 0_i64;
            for criterion in &rubric.criteria {
                let mut given = scores.iter().filter(|s| s.id == criterion.id);
                match (given.next(), given.next()) {
                    (Some(score), None) if score.points >= Points::ZERO && score.points <= criterion.max => {
                        sum = sum.saturating_add(score.points.units());
                    }
                    _ => return Err(Refusal::RubricMismatch { criterion: criterion.id.clone() }.into()),
                }
            }
            if let Some(unknown) = scores.iter().find(|s| !rubric.criteria.iter().any(|c| c.id == s.id)) {
                return Err(Refusal::RubricMismatch { criterion: unknown.id.clone() }.into());
            }
            let sum = Points::from_units(sum);
            if points.is_some_and(|points| points != sum) {
                return Err(Error::invalid("grade.sum", "points", "must be the sum over the rubric, or be left out"));
            }
            sum
        }
        (None, Some(_)) => {
            return Err(Error::invalid("grade.no_rubric", "rubric_scores", "the assignment has no rubric"));
        }
        (_, None) => points.ok_or_else(|| Error::invalid("grade.missing", "points", "give the points"))?,
    };
    if raw < Points::ZERO || raw > assignment.max_grade {
        return Err(Refusal::GradeOutOfRange { max: assignment.max_grade }.into());
    }
    Ok(raw)
}

fn penalty(assignment: &Assignment) -> Option<Penalty> {
    Some(Penalty {
        per_interval: assignment.penalty_bp?,
        interval: assignment.penalty_interval?,
        floor: assignment.penalty_floor_bp,
    })
}

/// Whether AI grades a version that was just handed in (S11).
fn ai_state(assignment: &Assignment, submission: &Submission) -> AiGradingState {
    if assignment.ai_grading == AiGrading::Off {
        return AiGradingState::None;
    }
    match submission.content.as_deref().map(str::trim) {
        None | Some("") => AiGradingState::NoText,
        Some(text) if text.chars().count() < SHORTEST_FOR_AI => AiGradingState::TooShort,
        Some(_) => AiGradingState::Pending,
    }
}

/// Whether a new version may be begun now (S2).
fn may_begin(context: &LearnerContext, row: &Assignment, now: Timestamp) -> Result<(), Error> {
    let Some(latest) = &context.submission else { return Ok(()) };
    if let Some(allowed) = row.max_versions.filter(|max| latest.version_no >= *max) {
        return Err(Refusal::VersionsUsedUp { allowed }.into());
    }
    let own = access(context).item_override;
    let due = effective_due(row.due_date, own);
    let versions = context.work.as_ref().map(|w| w.submissions.as_slice()).unwrap_or_default();
    let passed = completion::counted_version(row.id, versions).and_then(|s| s.grade).is_some_and(|grade| {
        row.pass_threshold_bp.is_none_or(|bp| Score { earned: grade, possible: row.max_grade }.passes(bp) == Some(true))
    });
    let allowed = match row.resubmission {
        Resubmission::Never => false,
        Resubmission::UntilDue => due.is_none_or(|due| now <= due),
        // The cut-off itself is checked for every version.
        Resubmission::UntilCutoff => true,
        Resubmission::AfterReturn => latest.state == SubmissionState::Returned,
        Resubmission::UntilPass => !passed,
    };
    if allowed { Ok(()) } else { Err(Refusal::NoResubmission { policy: row.resubmission }.into()) }
}

/// What a changed version means for the lesson and the course (P3).
async fn follow(
    mut work: Work,
    context: &LearnerContext,
    submission: &Submission,
    at: Timestamp,
    lms: &super::Lms,
) -> Result<WriteBatch, Error> {
    if let Some(mut lesson_work) = context.work.clone() {
        let before = lesson_work.counts();
        lesson_work.submissions.retain(|s| s.id != submission.id);
        lesson_work.submissions.push(SubmissionHead {
            id: submission.id,
            assignment_id: submission.assignment_id,
            enrollment_id: submission.enrollment_id,
            student_id: submission.student_id,
            version_no: submission.version_no,
            state: submission.state,
            submitted_at: submission.submitted_at,
            late_seconds: submission.late_seconds,
            grade: submission.grade,
            grader_kind: submission.grader_kind,
            graded_at: submission.graded_at,
            posted_at: submission.posted_at,
            ai_status: submission.ai_status,
            suggested_seq: submission.suggested_seq,
        });
        if let Some(assignment) = &context.assignment
            && assignment.weight > 0
            && assignment.is_published
            && lesson_work.lesson.is_published
            && let Some(grade) =
                completion::counted_version(assignment.id, &lesson_work.submissions).and_then(|s| s.grade)
        {
            work.changed_scores.push(WeightedScore {
                item: assignment.id.uuid(),
                score: Score { earned: grade, possible: assignment.max_grade },
                weight: assignment.weight,
            });
        }
        work.apply_rule(&mut lesson_work, at);
        work.recount(before, lesson_work.counts());
    }
    work.finish(lms, at).await
}

fn view(submission: &Submission, assignment: &Assignment) -> SubmissionView {
    let posted = submission.posted_at.is_some();
    SubmissionView {
        id: submission.id,
        assignment_id: submission.assignment_id,
        version_no: submission.version_no,
        state: if !posted && submission.state == SubmissionState::Graded {
            SubmissionState::Submitted
        } else {
            submission.state
        },
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
