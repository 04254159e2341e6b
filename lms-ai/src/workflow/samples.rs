//! One grade out of several answers: the one in the middle, and whether they agree (S11).

use lms_core::model::AiLogId;

use crate::task::{GradeIn, GradeOut, GradeTask};
use crate::{About, Accepted, Ai, AiError, ReviewReason};

/// The most answers that are asked for.
const MOST: u32 = 5;

/// The answer that is proposed.
pub(super) struct Chosen {
    pub(super) accepted: Accepted<GradeOut>,
    /// Why a person must look first: what any of the answers gives reason for, and that they do not agree.
    pub(super) reasons: Vec<&'static str>,
    /// The rows of the others.
    others: Vec<AiLogId>,
}

impl Ai {
    /// How often a work is graded.
    pub(super) fn samples(&self) -> u32 {
        self.config.grade_samples.clamp(1, MOST)
    }

    /// Grades a work as often as is configured.
    pub(super) async fn ask_grade(&self, input: &GradeIn, about: About) -> Result<Chosen, AiError> {
        let wanted = usize::try_from(self.samples()).unwrap_or(1);
        let found = self.run_samples::<GradeTask>(&self.lms.system(), input, about, wanted).await?;
        let mut chosen = choose(found.answers, input, self.config.grade_tolerance_bp).ok_or(AiError::AnswerGone)?;
        if found.are_fewer {
            chosen.reasons.push(ReviewReason::FewerSamples.code());
        }
        Ok(chosen)
    }

    /// Drops the answers that were not chosen, once the one that was is written. One that stays behind does no harm:
    /// the operation is done.
    pub(super) async fn drop_others(&self, chosen: &Chosen) {
        for id in &chosen.others {
            if let Err(error) = self.lms.system().ai_log().drop_answer(*id).await {
                tracing::warn!(code = error.code(), "an answer that was not chosen stays in the log as valid");
            }
        }
    }
}

/// The answer in the middle by its total, the lower one of two; none where there is no answer.
fn choose(answers: Vec<Accepted<GradeOut>>, input: &GradeIn, tolerance_bp: u32) -> Option<Chosen> {
    let mut by_total: Vec<(Option<i64>, Accepted<GradeOut>)> =
        answers.into_iter().map(|answer| (answer.value().total(input), answer)).collect();
    by_total.sort_by_key(|(total, _)| *total);
    let mut reasons: Vec<&'static str> = Vec::new();
    for code in by_total.iter().flat_map(|(_, answer)| answer.review_reasons()).map(|reason| reason.code()) {
        if !reasons.contains(&code) {
            reasons.push(code);
        }
    }
    let totals = || by_total.iter().filter_map(|(total, _)| *total);
    if is_apart(totals().min(), totals().max(), input.max_total(), tolerance_bp) {
        reasons.push(ReviewReason::SampleSpread.code());
    }
    let middle = by_total.len().checked_sub(1)? / 2;
    let (_, accepted) = by_total.remove(middle);
    let others = by_total.iter().map(|(_, answer)| answer.log_id()).collect();
    Some(Chosen { accepted, reasons, others })
}

/// Whether two totals lie further apart than so many basis points of what can be had.
fn is_apart(least: Option<i64>, most: Option<i64>, possible: i64, tolerance_bp: u32) -> bool {
    let (Some(least), Some(most)) = (least, most) else { return false };
    (i128::from(most) - i128::from(least)) * 10_000 > i128::from(possible) * i128::from(tolerance_bp)
}

#[cfg(test)]
mod tests {
    use super::is_apart;

    // rules: S11
    #[test]
    fn s11_marks_lie_apart_by_more_than_is_tolerated() {
        for (least, most, tolerance, expected) in [
            (10, 12, 1_000, false),
            (10, 13, 1_000, true),
            (10, 10, 0, false),
            (10, 11, 0, true),
            (0, 20, 10_000, false),
        ] {
            assert_eq!(is_apart(Some(least), Some(most), 20, tolerance), expected, "{least} {most} {tolerance}");
        }
        assert!(!is_apart(None, None, 20, 0));
    }
}
