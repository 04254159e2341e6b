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
    let answered = history
        .iter()
        .any(|e| matches!(e.cause, GradeCause::Adopted | GradeCause::Dismissed) && e.ref_seq == Some(suggestion.seq));
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
