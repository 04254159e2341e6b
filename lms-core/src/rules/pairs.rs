//! The mark by AI beside the mark by a person, out of an append-only history (S9, S10).

use crate::model::{GradeCause, GradeEntry, GraderKind, Points};
use crate::rules::grades;

/// Two marks of one version, on one scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair<'h> {
    /// The latest mark by AI, applied or suggested.
    pub ai: &'h GradeEntry,
    /// The mark by a person that counts.
    pub human: &'h GradeEntry,
    /// Whether the person took over a suggestion as it was.
    pub was_adopted: bool,
    /// Whether the mark by AI was there before the person's, who may have seen it.
    pub ai_came_first: bool,
}

/// The marks that can be compared; none where one of the two is missing, was taken back, or stands on a maximum
/// that has changed since (S12). A mark of 0 is 0 on every scale, and a rescaling writes no entry for it. Where the
/// maximum was lowered and the points kept, a mark above `max` is of another scale.
pub fn pair(history: &[GradeEntry], max: Points) -> Option<Pair<'_>> {
    let from = begin_of_scale(history);
    let human = *grades::latest_of_each_kind(history).iter().find(|e| e.grader_kind == GraderKind::Human)?;
    let marks = [GradeCause::Graded, GradeCause::Suggested, GradeCause::Recomputed, GradeCause::Rescaled];
    let by_ai = |e: &&GradeEntry| e.grader_kind == GraderKind::Ai && marks.contains(&e.cause) && e.raw.is_some();
    let ai = history.iter().filter(by_ai).max_by_key(|e| e.seq)?;
    let compares = |e: &GradeEntry| {
        let on_scale = |raw: Points| raw <= max && (e.seq >= from || raw == Points::ZERO);
        e.raw.is_some_and(on_scale)
    };
    if !compares(ai) || !compares(human) {
        return None;
    }
    // Entries that only follow a change of terms keep whose mark it is.
    let given = |e: &&GradeEntry| matches!(e.cause, GradeCause::Graded | GradeCause::Adopted | GradeCause::Suggested);
    let first_by_ai =
        history.iter().filter(given).filter(|e| e.ai_log_id == ai.ai_log_id && by_ai(e)).map(|e| e.seq).min();
    let by_person = history.iter().filter(given).filter(|e| e.grader_kind == GraderKind::Human && e.seq <= human.seq);
    let by_person = by_person.max_by_key(|e| e.seq)?;
    Some(Pair {
        ai,
        human,
        was_adopted: by_person.cause == GradeCause::Adopted,
        ai_came_first: first_by_ai.unwrap_or(ai.seq) < by_person.seq,
    })
}

/// The first entry that stands on the scale of now: all that one change of the maximum wrote was written at once.
fn begin_of_scale(history: &[GradeEntry]) -> i64 {
    let rescaled = || history.iter().filter(|e| e.cause == GradeCause::Rescaled);
    let Some(last) = rescaled().max_by_key(|e| e.seq) else { return 0 };
    rescaled().filter(|e| e.at == last.at).map(|e| e.seq).min().unwrap_or(last.seq)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{AiLogId, Timestamp};
    use crate::rules::grades::tests;

    fn entry(seq: i64, kind: GraderKind, cause: GradeCause, raw: i64) -> GradeEntry {
        GradeEntry {
            raw: Points::whole(raw),
            final_grade: Points::whole(raw),
            ai_log_id: (kind == GraderKind::Ai).then(|| AiLogId::from_uuid(Uuid::from_u128(5))),
            at: Timestamp::from_micros(seq / 10).unwrap(),
            ..tests::entry(seq, kind, cause)
        }
    }

    /// (by AI, by the person, adopted, AI first)
    fn found(history: &[GradeEntry]) -> Option<(i64, i64, bool, bool)> {
        let whole = |e: &GradeEntry| e.raw.unwrap().units() / 100_000;
        pair(history, Points::whole(100).unwrap())
            .map(|p| (whole(p.ai), whole(p.human), p.was_adopted, p.ai_came_first))
    }

    // rules: S9, S10
    #[test]
    fn s10_a_pair_is_of_marks_that_count() {
        use GradeCause::{Adopted, Cleared, Dismissed, Graded, Recomputed, Suggested};
        use GraderKind::{Ai, Human};
        let ai = entry(1, Ai, Graded, 70);
        let human = entry(2, Human, Graded, 50);
        assert_eq!(found(&[]), None);
        assert_eq!(found(std::slice::from_ref(&ai)), None);
        assert_eq!(found(std::slice::from_ref(&human)), None);
        assert_eq!(found(&[ai.clone(), human.clone()]), Some((70, 50, false, true)));
        // A person who could not have seen it.
        let late = entry(3, Ai, Suggested, 80);
        assert_eq!(found(&[human.clone(), late.clone()]), Some((80, 50, false, false)));
        let dismissed = entry(4, Human, Dismissed, 0);
        assert_eq!(found(&[human.clone(), late, dismissed]), Some((80, 50, false, false)));
        let (suggested, adopted) = (entry(1, Ai, Suggested, 70), entry(2, Human, Adopted, 70));
        assert_eq!(found(&[suggested.clone(), adopted.clone()]), Some((70, 70, true, true)));
        // Taken back, there is none; another mark by the person counts again.
        let cleared = entry(3, Human, Cleared, 0);
        assert_eq!(found(&[ai.clone(), human.clone(), cleared.clone()]), None);
        let again = entry(4, Human, Graded, 55);
        assert_eq!(found(&[ai.clone(), human.clone(), cleared, again]), Some((70, 55, false, true)));
        // New terms write new entries of the same marks.
        let moved = [entry(3, Ai, Recomputed, 70), entry(4, Human, Recomputed, 70)];
        assert_eq!(found(&[&[suggested, adopted][..], &moved].concat()), Some((70, 70, true, true)));
    }

    // rules: S12
    #[test]
    fn s12_marks_of_two_scales_are_no_pair() {
        use GradeCause::{Graded, Rescaled, Suggested};
        use GraderKind::{Ai, Human};
        let before = [entry(1, Ai, Graded, 70), entry(2, Human, Graded, 50)];
        let rescaled = [entry(20, Ai, Rescaled, 35), entry(21, Human, Rescaled, 25)];
        assert_eq!(found(&[&before[..], &rescaled].concat()), Some((35, 25, false, true)));
        // A suggestion that was answered keeps its old scale.
        let before = [entry(1, Ai, Suggested, 70), entry(2, Human, Graded, 50)];
        assert_eq!(found(&[&before[..], &rescaled[1..]].concat()), None);
        // And one after the change stands on the new.
        let other = Some(AiLogId::from_uuid(Uuid::from_u128(6)));
        let after = GradeEntry { ai_log_id: other, ..entry(30, Ai, Suggested, 40) };
        assert_eq!(found(&[&before[..], &rescaled[1..], &[after]].concat()), Some((40, 25, false, false)));
    }

    // rules: S12
    #[test]
    fn s12_a_zero_is_on_every_scale_and_a_mark_above_the_maximum_on_none() {
        use GradeCause::{Graded, Rescaled};
        use GraderKind::{Ai, Human};
        // Halved: the 0 has no entry of its own, the other has one.
        let zero = [entry(1, Ai, Graded, 0), entry(2, Human, Graded, 50), entry(20, Human, Rescaled, 25)];
        assert_eq!(found(&zero), Some((0, 25, false, true)));
        let zero = [entry(1, Ai, Graded, 70), entry(2, Human, Graded, 0), entry(20, Ai, Rescaled, 35)];
        assert_eq!(found(&zero), Some((35, 0, false, true)));
        // Lowered, with the points kept.
        assert_eq!(found(&[entry(1, Ai, Graded, 101), entry(2, Human, Graded, 50)]), None);
        assert_eq!(found(&[entry(1, Ai, Graded, 50), entry(2, Human, Graded, 101)]), None);
        assert_eq!(found(&[entry(1, Ai, Graded, 100), entry(2, Human, Graded, 50)]), Some((100, 50, false, true)));
    }
}
