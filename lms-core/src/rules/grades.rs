//! Which mark of an append-only history counts (S9, S10).

use crate::model::{GradeCause, GradeEntry, GraderKind};

/// The current grade: the latest entry of the highest kind, without suggestions, dismissals and what
/// a later clearing took back.
pub fn current(history: &[GradeEntry]) -> Option<&GradeEntry> {
    counting(history).max_by_key(|e| (e.grader_kind, e.seq))
}

/// The latest mark of each kind of grader: the current one, and those that would stand without it.
pub fn latest_of_each_kind(history: &[GradeEntry]) -> Vec<&GradeEntry> {
    let kinds = [GraderKind::Auto, GraderKind::Ai, GraderKind::Human];
    kinds.iter().filter_map(|kind| counting(history).filter(|e| e.grader_kind == *kind).max_by_key(|e| e.seq)).collect()
}

/// The marks: no suggestions, no dismissals, and nothing that a later clearing took back.
fn counting(history: &[GradeEntry]) -> impl Iterator<Item = &GradeEntry> {
    let cleared = history.iter().filter(|e| e.cause == GradeCause::Cleared).map(|e| e.seq).max().unwrap_or(0);
    history
        .iter()
        .filter(|e| {
            matches!(e.cause, GradeCause::Graded | GradeCause::Adopted | GradeCause::Recomputed | GradeCause::Rescaled)
        })
        .filter(move |e| e.grader_kind != GraderKind::Human || e.seq > cleared)
}

/// The suggestion that waits for a person: the latest one that nobody adopted or dismissed, and that
/// no human mark came after.
pub fn open_suggestion(history: &[GradeEntry]) -> Option<&GradeEntry> {
    let suggestion = history.iter().filter(|e| e.cause == GradeCause::Suggested).max_by_key(|e| e.seq)?;
    let answered = history.iter().any(|e| match e.cause {
        GradeCause::Adopted | GradeCause::Dismissed => e.ref_seq == Some(suggestion.seq),
        // A person who marks the work has answered what AI had suggested before.
        GradeCause::Graded => e.grader_kind == GraderKind::Human && e.seq > suggestion.seq,
        _ => false,
    });
    (!answered).then_some(suggestion)
}

/// The newest human mark, by seq: what a person must have seen to write another (S10).
pub fn newest_human(history: &[GradeEntry]) -> Option<i64> {
    history
        .iter()
        .filter(|e| e.grader_kind == GraderKind::Human)
        .filter(|e| matches!(e.cause, GradeCause::Graded | GradeCause::Adopted | GradeCause::Cleared))
        .map(|e| e.seq)
        .max()
}

/// The seq of the next entry.
pub fn next_seq(history: &[GradeEntry]) -> i64 {
    history.iter().map(|e| e.seq).max().unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{CourseId, GradeSubject, Points, RowId, Timestamp, UserId};

    fn entry(seq: i64, kind: GraderKind, cause: GradeCause) -> GradeEntry {
        GradeEntry {
            id: RowId::from_uuid(Uuid::from_u128(1)),
            subject_type: GradeSubject::Submission,
            subject_id: Uuid::from_u128(2),
            question_id: Uuid::nil(),
            course_id: CourseId::from_uuid(Uuid::from_u128(3)),
            student_id: UserId::from_uuid(Uuid::from_u128(4)),
            seq,
            cause,
            ref_seq: None,
            version_no: 1,
            raw: Some(Points::ZERO),
            deducted: Some(Points::ZERO),
            final_grade: Some(Points::ZERO),
            feedback: None,
            rubric_scores: None,
            grader_id: None,
            grader_kind: kind,
            actor_id: None,
            reason: None,
            ai_log_id: None,
            at: Timestamp::from_micros(seq).unwrap(),
        }
    }

    #[test]
    fn s10_a_person_stands_above_ai_above_auto_in_every_order_of_arrival() {
        use GraderKind::{Ai, Auto, Human};
        for order in [
            [Human, Ai, Auto],
            [Human, Auto, Ai],
            [Ai, Human, Auto],
            [Ai, Auto, Human],
            [Auto, Human, Ai],
            [Auto, Ai, Human],
        ] {
            let history: Vec<GradeEntry> =
                (1..).zip(order).map(|(seq, kind)| entry(seq, kind, GradeCause::Graded)).collect();
            assert_eq!(current(&history).unwrap().grader_kind, Human, "{order:?}");
            let without: Vec<GradeEntry> = history.into_iter().filter(|e| e.grader_kind != Human).collect();
            assert_eq!(current(&without).unwrap().grader_kind, Ai, "{order:?}");
        }
    }

    #[test]
    fn s9_s10_a_clearing_takes_back_people_only_and_suggestions_never_count() {
        let mut history = vec![
            entry(1, GraderKind::Ai, GradeCause::Graded),
            entry(2, GraderKind::Human, GradeCause::Graded),
            entry(3, GraderKind::Ai, GradeCause::Suggested),
        ];
        assert_eq!(current(&history).unwrap().seq, 2);
        assert_eq!(open_suggestion(&history).unwrap().seq, 3);
        history.push(entry(4, GraderKind::Human, GradeCause::Cleared));
        assert_eq!(current(&history).unwrap().seq, 1);
        history.push(entry(5, GraderKind::Human, GradeCause::Graded));
        assert_eq!(current(&history).unwrap().seq, 5);
    }
}
