//! Which mark of an append-only history counts (S9, S10).

use std::collections::BTreeMap;

use crate::error::Refusal;
use crate::model::{GradeCause, GradeEntry, GraderKind};
use crate::store::AnswerEntry;

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

/// The suggestion that waits, where it is the one that the person has read; another one that came meanwhile is a
/// conflict, which shows it (S9). Other marks by AI are none (S10).
///
/// # Errors
/// NoSuggestion where none waits; AnotherSuggestion with the entry.
pub fn require_suggestion(history: &[GradeEntry], suggested_seq: i64) -> Result<&GradeEntry, Refusal> {
    match open_suggestion(history) {
        Some(entry) if entry.seq == suggested_seq => Ok(entry),
        Some(entry) => Err(Refusal::AnotherSuggestion { seq: entry.seq, entry: Box::new(entry.clone()) }),
        None => Err(Refusal::NoSuggestion {}),
    }
}

/// The newest human mark, by seq: what a person must have seen to write another (S10).
pub fn newest_human(history: &[GradeEntry]) -> Option<&GradeEntry> {
    history
        .iter()
        .filter(|e| e.grader_kind == GraderKind::Human)
        .filter(|e| matches!(e.cause, GradeCause::Graded | GradeCause::Adopted | GradeCause::Cleared))
        .max_by_key(|e| e.seq)
}

/// Lets a person write a mark who has seen the newest one by a person; one that they have not seen is a conflict,
/// which shows it (S10).
///
/// # Errors
/// GradeNewer with the entry.
pub fn require_seen(history: &[GradeEntry], seen_seq: i64) -> Result<(), Refusal> {
    match newest_human(history).filter(|entry| entry.seq > seen_seq) {
        Some(entry) => Err(Refusal::GradeNewer { seq: entry.seq, entry: Box::new(entry.clone()) }),
        None => Ok(()),
    }
}

/// Who graded a quiz as a whole, by the histories of its answers: a person where one marked an answer, else AI
/// where it did, else the library by the keys. What was taken back counts for nobody.
pub fn grader_of_answers(entries: &[AnswerEntry]) -> GraderKind {
    let mut cleared = BTreeMap::new();
    for entry in entries.iter().filter(|e| e.cause == GradeCause::Cleared) {
        let seq = cleared.entry((entry.subject_id, entry.question_id)).or_insert(entry.seq);
        *seq = entry.seq.max(*seq);
    }
    let counts = |entry: &&AnswerEntry| {
        let marks = [GradeCause::Graded, GradeCause::Adopted, GradeCause::Recomputed, GradeCause::Rescaled];
        let cleared = cleared.get(&(entry.subject_id, entry.question_id));
        marks.contains(&entry.cause)
            && (entry.grader_kind != GraderKind::Human || cleared.is_none_or(|cleared| entry.seq > *cleared))
    };
    entries.iter().filter(counts).map(|e| e.grader_kind).max().unwrap_or(GraderKind::Auto)
}

/// The seq of the next entry.
pub fn next_seq(history: &[GradeEntry]) -> i64 {
    history.iter().map(|e| e.seq).max().unwrap_or(0) + 1
}

#[cfg(test)]
pub(super) mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{CourseId, GradeSubject, Points, RowId, Timestamp, UserId};

    /// An entry of zero points.
    pub(in crate::rules) fn entry(seq: i64, kind: GraderKind, cause: GradeCause) -> GradeEntry {
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
    fn g3_who_graded_a_quiz_is_the_highest_of_its_answers() {
        let answer = |question, seq, cause, grader_kind| AnswerEntry {
            subject_id: Uuid::from_u128(1),
            question_id: Uuid::from_u128(question),
            seq,
            cause,
            grader_kind,
        };
        use GraderKind::{Ai, Auto, Human};
        let mut entries = vec![answer(1, 1, GradeCause::Suggested, Ai)];
        assert_eq!(grader_of_answers(&[]), Auto, "by its keys");
        assert_eq!(grader_of_answers(&entries), Auto, "a suggestion is no grade");
        entries.push(answer(1, 2, GradeCause::Graded, Ai));
        entries.push(answer(2, 1, GradeCause::Graded, Human));
        assert_eq!(grader_of_answers(&entries), Human);
        entries.push(answer(1, 3, GradeCause::Cleared, Human));
        assert_eq!(grader_of_answers(&entries), Human, "another answer was cleared");
        entries.push(answer(2, 2, GradeCause::Cleared, Human));
        assert_eq!(grader_of_answers(&entries), Ai);
    }

    #[test]
    fn s9_only_the_suggestion_that_was_read_is_decided_upon() {
        let code = |history: &[GradeEntry], seq| require_suggestion(history, seq).map(|e| e.seq).map_err(|e| e.code());
        let mut history = vec![entry(1, GraderKind::Ai, GradeCause::Suggested)];
        assert_eq!(code(&history, 1), Ok(1));
        assert_eq!(code(&history, 9), Err("grade.another_suggestion"), "one that never was");
        history.push(entry(2, GraderKind::Ai, GradeCause::Graded));
        assert_eq!(code(&history, 1), Ok(1), "a mark by AI is no other suggestion");
        history.push(entry(3, GraderKind::Ai, GradeCause::Suggested));
        assert_eq!(code(&history, 1), Err("grade.another_suggestion"));
        assert_eq!(code(&history, 3), Ok(3));
        history.push(GradeEntry { ref_seq: Some(3), ..entry(4, GraderKind::Human, GradeCause::Dismissed) });
        assert_eq!(code(&history, 3), Err("grade.no_suggestion"));
        assert_eq!(code(&history, 1), Err("grade.no_suggestion"), "the earlier one does not come back");
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
