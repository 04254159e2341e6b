//! Lateness, penalty and scale of versions that stand, computed anew (S6, S12).

use uuid::Uuid;

use super::grade::head_of;
use crate::lms::command::derived;
use crate::lms::learner::Work;
use crate::model::*;
use crate::rules::access::effective_due;
use crate::rules::grades;
use crate::rules::lateness::{late_seconds, taken};
use crate::store::{LessonWork, VersionRecord};

/// What changed about an assignment, for all its learners or for one.
pub(in crate::lms) struct Recompute<'a> {
    /// The assignment as it is now.
    pub(in crate::lms) assignment: &'a Assignment,
    /// What is granted to the learner now.
    pub(in crate::lms) own: Option<&'a Override>,
    /// The maximum before and now, where the marks change their scale (S12).
    pub(in crate::lms) rescale: Option<(Points, Points)>,
    /// The command or job: each of its entries is written once, however often it is tried.
    pub(in crate::lms) key: Uuid,
    /// Who caused it.
    pub(in crate::lms) actor: Option<UserId>,
    /// Why, in their words.
    pub(in crate::lms) reason: Option<String>,
}

/// Writes what changes of one learner's versions: raw marks stay as they are, or change their scale;
/// an entry of the history and an event tell of every grade that changes.
pub(in crate::lms) fn recompute_versions(
    work: &mut Work,
    what: &Recompute<'_>,
    versions: Vec<VersionRecord>,
    lesson_work: &mut LessonWork,
) {
    let now = work.command.now;
    for VersionRecord { mut submission, mut history } in versions {
        let before = submission.clone();
        let n = submission.id.uuid().as_u64_pair().1;
        let id_of = |label: &str| RowId::from_uuid(derived(what.key, label, n));
        let labels = |kind: GraderKind| match kind {
            GraderKind::Auto => "recompute_auto",
            GraderKind::Ai => "recompute_ai",
            GraderKind::Human => "recompute_human",
        };
        if history.iter().any(|entry| id_of(labels(entry.grader_kind)) == entry.id) {
            continue;
        }
        let due = effective_due(what.assignment.due_date, what.own);
        if let Some(at) = submission.submitted_at {
            submission.late_seconds = late_seconds(at, due, what.assignment.grace_seconds);
        }
        // The marks of every kind: what a clearing falls back on stands under the same terms.
        let marks: Vec<GradeEntry> = grades::latest_of_each_kind(&history).into_iter().cloned().collect();
        let final_before = grades::current(&history).and_then(|e| e.final_grade);
        for mark in marks {
            let Some(raw) = mark.raw else { continue };
            let raw = what.rescale.map_or(raw, |(from, to)| raw.rescaled(from, to));
            let deducted = taken(raw, what.assignment, what.own, submission.late_seconds);
            let final_grade = Points::from_units(raw.units() - deducted.units());
            if (Some(raw), Some(deducted), Some(final_grade)) == (mark.raw, mark.deducted, mark.final_grade) {
                continue;
            }
            let scale_changed = mark.raw != Some(raw);
            let entry = GradeEntry {
                id: id_of(labels(mark.grader_kind)),
                seq: grades::next_seq(&history),
                cause: if scale_changed { GradeCause::Rescaled } else { GradeCause::Recomputed },
                ref_seq: Some(mark.seq),
                raw: Some(raw),
                deducted: Some(deducted),
                final_grade: Some(final_grade),
                rubric_scores: if scale_changed { None } else { mark.rubric_scores.clone() },
                actor_id: what.actor,
                reason: what.reason.clone(),
                at: now,
                ..mark
            };
            history.push(entry.clone());
            submission.history_seq = entry.seq;
            work.batch.insert(entry);
        }
        if let Some(current) = grades::current(&history) {
            submission.raw_grade = current.raw;
            submission.deducted = current.deducted;
            submission.grade = current.final_grade;
            submission.rubric_scores.clone_from(&current.rubric_scores);
            if current.final_grade != final_before {
                let event = work.event(EventKind::GradeChanged, SubjectType::Submission, submission.id).with(
                    &serde_json::json!({
                        "assignment_id": what.assignment.id,
                        "grader_kind": current.grader_kind,
                    }),
                );
                work.batch.events.push(event);
            }
        }
        if let Some((from, to)) = what.rescale
            && let Some(open) = grades::open_suggestion(&history).cloned()
            && let Some(raw) = open.raw
        {
            // A suggestion that waits is on the old scale: the same suggestion on the new one takes its place.
            let raw = raw.rescaled(from, to);
            let deducted = taken(raw, what.assignment, what.own, submission.late_seconds);
            let entry = GradeEntry {
                id: id_of("suggestion"),
                seq: grades::next_seq(&history),
                raw: Some(raw),
                deducted: Some(deducted),
                final_grade: Some(Points::from_units(raw.units() - deducted.units())),
                rubric_scores: None,
                actor_id: what.actor,
                at: now,
                ..open
            };
            submission.history_seq = entry.seq;
            submission.suggested_seq = Some(entry.seq);
            history.push(entry.clone());
            work.batch.insert(entry);
        }
        if submission != before {
            submission.version += 1;
            submission.updated_at = now;
            lesson_work.submissions.retain(|s| s.id != submission.id);
            lesson_work.submissions.push(head_of(&submission));
            work.batch.put(submission);
            work.touch();
        }
    }
    work.score_assignment(what.assignment, lesson_work);
}
