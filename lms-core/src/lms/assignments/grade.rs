//! Marks by people, and the history that every mark goes through (S9, S10).

use super::*;
use crate::lms::Planned;
use crate::lms::catalog::AiOrigin;
use crate::lms::learner::{Work, access};
use crate::rules::grades;
use crate::rules::lateness::taken;
use crate::store::{Change, Expect, WriteBatch};

impl Assignments<'_> {
    /// complete are one transaction.
    ///
    /// # Errors
    /// GradeNewer where a person graded it since `seen_seq`; GradeOutOfRange; RubricMismatch;
    /// SubmissionIsDraft; Denied to all but graders.
    #[tracing::instrument(name = "lms.grade_submission", skip_all, fields(course, outcome))]
    pub async fn grade(&self, id: SubmissionId, grade: NewGrade) -> Result<Graded, Error> {
        let grade = &grade;
        self.s.run(None, |command| self.plan_grade(command, id, grade)).await
    }

    /// Grading as a plan.
    pub(crate) async fn plan_grade(
        &self,
        command: Command,
        id: SubmissionId,
        grade: &NewGrade,
    ) -> Result<Planned<Graded>, Error> {
        let (context, submission, assignment, grader) = self.for_grading(&command, id).await?;
        if let Some(entry) = entry_of(&command, &context.history) {
            return Ok(Planned::nothing(graded_by_entry(submission, &context.history, entry)));
        }
        grades::require_seen(&context.history, grade.seen_seq)?;
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
    }

    /// Takes over the AI suggestion that waits: the mark becomes the person's, with the AI entry
    /// linked (S9). `suggested_seq` is that of the suggestion which the person has read: no other one is taken over.
    ///
    /// # Errors
    /// NoSuggestion; AnotherSuggestion where another one waits by now; Denied to all but graders.
    #[tracing::instrument(name = "lms.adopt_suggestion", skip_all, fields(course, outcome))]
    pub async fn adopt_suggestion(
        &self,
        id: SubmissionId,
        suggested_seq: i64,
        reason: Option<String>,
    ) -> Result<Graded, Error> {
        check_words(None, reason.as_deref())?;
        let reason = &reason;
        self.s
            .run(None, |command| async move {
                let (context, submission, assignment, grader) = self.for_grading(&command, id).await?;
                if let Some(entry) = entry_of(&command, &context.history) {
                    return Ok(Planned::nothing(graded_by_entry(submission, &context.history, entry)));
                }
                let suggestion = grades::require_suggestion(&context.history, suggested_seq)?.clone();
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

    /// Refuses the AI suggestion that waits; the grade stands as it is (S9). `suggested_seq` is that of the suggestion
    /// which the person has read.
    ///
    /// # Errors
    /// NoSuggestion; AnotherSuggestion where another one waits by now; Denied to all but graders.
    #[tracing::instrument(name = "lms.dismiss_suggestion", skip_all, fields(course, outcome))]
    pub async fn dismiss_suggestion(
        &self,
        id: SubmissionId,
        suggested_seq: i64,
        reason: Option<String>,
    ) -> Result<Graded, Error> {
        check_words(None, reason.as_deref())?;
        let reason = &reason;
        self.s
            .run(None, |command| async move {
                let (context, submission, assignment, grader) = self.for_grading(&command, id).await?;
                if let Some(entry) = entry_of(&command, &context.history) {
                    return Ok(Planned::nothing(graded_by_entry(submission, &context.history, entry)));
                }
                let suggestion = grades::require_suggestion(&context.history, suggested_seq)?.clone();
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

    /// Takes the marks of people back: the latest one by AI stands again, under the present dates and penalty,
    /// or none (S10). The history keeps them all.
    ///
    /// # Errors
    /// NothingToClear; GradeNewer where a person graded it since `seen_seq`; Denied to all but graders.
    #[tracing::instrument(name = "lms.clear_grade", skip_all, fields(course, outcome))]
    pub async fn clear_grade(&self, id: SubmissionId, seen_seq: i64, reason: Option<String>) -> Result<Graded, Error> {
        check_words(None, reason.as_deref())?;
        let reason = &reason;
        let graded = self
            .s
            .run(None, |command| async move {
                let (context, submission, assignment, grader) = self.for_grading(&command, id).await?;
                if let Some(entry) = entry_of(&command, &context.history) {
                    return Ok(Planned::nothing(graded_by_entry(submission, &context.history, entry)));
                }
                grades::require_seen(&context.history, seen_seq)?;
                if grades::current(&context.history).is_none_or(|e| e.grader_kind != GraderKind::Human) {
                    return Err(Refusal::NothingToClear {}.into());
                }
                let mark = Mark {
                    cause: GradeCause::Cleared,
                    ref_seq: None,
                    raw: Points::ZERO,
                    feedback: None,
                    rubric_scores: None,
                    grader_id: grader,
                    kind: GraderKind::Human,
                    reason: reason.clone(),
                    ai_log_id: None,
                };
                self.write_mark(command, &context, &assignment, submission, mark, None).await
            })
            .await?;
        Ok(graded)
    }

    /// Writes one entry of the history, mirrors the current grade on the submission, and all that
    /// follows for the learner.
    pub(super) async fn write_mark(
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
        let deducted = taken(mark.raw, assignment, access(context).item_override, submission.late_seconds);
        let final_grade = Points::from_units(mark.raw.units() - deducted.units());
        let is_mark = matches!(mark.cause, GradeCause::Graded | GradeCause::Adopted);
        let has_mark = !matches!(mark.cause, GradeCause::Dismissed | GradeCause::Cleared);
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
            raw: has_mark.then_some(mark.raw),
            deducted: has_mark.then_some(deducted),
            final_grade: has_mark.then_some(final_grade),
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
        mirror(&mut submission, &history);
        if submission.grade.is_some() && submission.posted_at.is_none() && assignment.posting == Posting::Auto {
            submission.posted_at = Some(now);
            let event = work
                .event(EventKind::GradePosted, SubjectType::Submission, submission.id)
                .with(&serde_json::json!({ "assignment_id": assignment.id }));
            work.batch.events.push(event);
        }
        if let Some(origin) = origin {
            submission.ai_status = if applied { AiGradingState::Applied } else { AiGradingState::Suggested };
            submission.ai_code = None;
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
        if applied || (mark.cause == GradeCause::Cleared && had_grade) {
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

/// Shows the current grade on the version; none where nothing counts any more (S9).
fn mirror(submission: &mut Submission, history: &[GradeEntry]) {
    let current = grades::current(history);
    submission.raw_grade = current.and_then(|e| e.raw);
    submission.deducted = current.and_then(|e| e.deducted);
    submission.grade = current.and_then(|e| e.final_grade);
    submission.feedback = current.and_then(|e| e.feedback.clone());
    submission.rubric_scores = current.and_then(|e| e.rubric_scores.clone());
    submission.graded_by = current.and_then(|e| e.grader_id);
    submission.grader_kind = current.map(|e| e.grader_kind);
    submission.graded_at = current.map(|e| e.at);
    if submission.state != SubmissionState::Returned {
        submission.state = if current.is_some() { SubmissionState::Graded } else { SubmissionState::Submitted };
    }
    if current.is_none() {
        submission.posted_at = None;
    }
}

/// The id of the entry that a command writes into a history: it finds its own again (DETAILS 8), also
/// where it wrote no event.
pub(crate) fn entry_id(command: &Command) -> RowId {
    RowId::from_uuid(command.derived("grade", 0))
}

/// The entry that this very command wrote before.
pub(crate) fn entry_of<'h>(command: &Command, history: &'h [GradeEntry]) -> Option<&'h GradeEntry> {
    let id = entry_id(command);
    history.iter().find(|entry| entry.id == id)
}

pub(super) fn graded_by_entry(submission: Submission, history: &[GradeEntry], entry: &GradeEntry) -> Graded {
    let is_mark = matches!(entry.cause, GradeCause::Graded | GradeCause::Adopted);
    let applied = is_mark && grades::current(history).is_some_and(|current| current.seq == entry.seq);
    Graded { submission, applied }
}

/// One mark on its way into the history.
pub(in crate::lms) struct Mark {
    pub(in crate::lms) cause: GradeCause,
    pub(in crate::lms) ref_seq: Option<i64>,
    pub(in crate::lms) raw: Points,
    pub(in crate::lms) feedback: Option<String>,
    pub(in crate::lms) rubric_scores: Option<Json>,
    pub(in crate::lms) grader_id: UserId,
    pub(in crate::lms) kind: GraderKind,
    pub(in crate::lms) reason: Option<String>,
    pub(in crate::lms) ai_log_id: Option<AiLogId>,
}

pub(in crate::lms) fn check_words(feedback: Option<&str>, reason: Option<&str>) -> Result<(), Error> {
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
pub(super) fn raw_of(
    assignment: &Assignment,
    points: Option<Points>,
    scores: Option<&RubricScores>,
) -> Result<Points, Error> {
    let rubric = assignment.rubric().map_err(|_| {
        Error::Store(crate::store::StoreError::new(crate::store::StoreErrorKind::Corrupt {
            table: "assignments",
            column: "rubric",
            id: Some(assignment.id.uuid()),
        }))
    })?;
    raw_by(rubric.as_ref(), assignment.max_grade, points, scores)
}

/// The same by a rubric and a maximum.
pub(in crate::lms) fn raw_by(
    rubric: Option<&Rubric>,
    max: Points,
    points: Option<Points>,
    scores: Option<&RubricScores>,
) -> Result<Points, Error> {
    let raw = match (rubric, scores) {
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
            return Err(Error::invalid("grade.no_rubric", "rubric_scores", "there is no rubric"));
        }
        (_, None) => points.ok_or_else(|| Error::invalid("grade.missing", "points", "give the points"))?,
    };
    if raw < Points::ZERO || raw > max {
        return Err(Refusal::GradeOutOfRange { max }.into());
    }
    Ok(raw)
}

/// What a changed version means for the lesson and the course (P3).
pub(super) async fn follow(
    mut work: Work,
    context: &LearnerContext,
    submission: &Submission,
    at: Timestamp,
    lms: &crate::Lms,
) -> Result<WriteBatch, Error> {
    if let Some(mut lesson_work) = context.work.clone() {
        let before = lesson_work.counts();
        lesson_work.submissions.retain(|s| s.id != submission.id);
        lesson_work.submissions.push(head_of(submission));
        if let Some(assignment) = &context.assignment {
            work.score_assignment(assignment, &lesson_work);
        }
        work.apply_rule(&mut lesson_work, at);
        work.recount(before, lesson_work.counts());
    }
    work.finish(lms, at).await
}

/// The part of a version that other decisions need.
pub(super) fn head_of(submission: &Submission) -> SubmissionHead {
    SubmissionHead {
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
        ai_code: submission.ai_code.clone(),
        suggested_seq: submission.suggested_seq,
    }
}
