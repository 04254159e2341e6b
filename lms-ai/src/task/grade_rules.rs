//! The rules on the evidence of a grade, on what must not leak, and on when a person must look.

use std::ops::Range;

use super::checker::Checker;
use super::grade::{CriterionGradeOut, GradeBounds, GradeIn, GradeOut, SYSTEM};
use crate::task_trait::ReviewReason;
use crate::text::{Folded, MIN_QUOTE_CHARS, Span, fold, fold_stripped, scan_manipulation};

/// The student's text, ready for many quotes.
pub(super) struct Work {
    folded: Folded,
    instructions: Vec<Span>,
}

impl Work {
    pub(super) fn new(text: &str) -> Self {
        Self {
            folded: fold_stripped(text),
            instructions: scan_manipulation(text).into_iter().filter(|s| s.code.is_instruction()).collect(),
        }
    }

    /// The first place of the quote that is no instruction; `Err` says whether it stands there at all.
    pub(super) fn place(&self, quote: &str) -> Result<Range<usize>, bool> {
        let mut stands = false;
        // A quote of one repeated word has many places; the first ones are enough.
        for range in self.folded.places(quote).take(64) {
            stands = true;
            if !self.instructions.iter().any(|s| s.range.start < range.end && range.start < s.range.end) {
                return Ok(range);
            }
        }
        Err(stands)
    }

    fn min_quote(&self) -> usize {
        MIN_QUOTE_CHARS.min(self.folded.as_str().trim().chars().count())
    }
}

/// Checks the quotes of one criterion.
pub(super) fn check_evidence(c: &mut Checker, at: &str, given: &CriterionGradeOut, work: &Work, b: &GradeBounds) {
    let at = format!("{at}/evidence");
    c.count("evidence_count", &at, "quotes", given.evidence.len(), 0, b.max_quotes);
    if given.points > 0 && given.evidence.is_empty() {
        c.add("evidence_missing", &at, "points need a passage of the work");
    }
    for (i, quote) in given.evidence.iter().enumerate() {
        let at = format!("{at}/{i}");
        let chars = fold(quote).as_str().trim().chars().count();
        if chars < work.min_quote() {
            c.add("evidence_too_short", &at, format!("a quote has at least {} characters", work.min_quote()));
            continue;
        }
        if quote.contains('\0') {
            c.add("control_character", &at, "holds a control character");
        }
        if quote.chars().count() > b.max_quote {
            c.add("evidence_too_long", &at, format!("a quote has at most {} characters", b.max_quote));
        }
        match work.place(quote) {
            Ok(_) => {}
            Err(true) => c.add("evidence_is_instruction", &at, "the passage speaks to the grader and proves nothing"),
            Err(false) => c.add("evidence_unverified", &at, "the passage does not stand in the work word for word"),
        }
    }
}

/// What must not reach the student: the check code, the text of the system part, other people's labels.
pub(super) fn check_leaks(c: &mut Checker, input: &GradeIn, out: &GradeOut) {
    let texts = std::iter::once(("/feedback".to_owned(), &out.feedback))
        .chain(out.strengths.iter().enumerate().map(|(i, t)| (format!("/strengths/{i}"), t)))
        .chain(out.next_steps.iter().enumerate().map(|(i, t)| (format!("/next_steps/{i}"), t)))
        .chain(out.criteria.iter().enumerate().map(|(i, k)| (format!("/criteria/{i}/reasoning"), &k.reasoning)));
    let system = fold(SYSTEM).as_str().to_lowercase();
    let system: Vec<&str> = system.split(['.', ':', '\n']).map(str::trim).filter(|s| s.chars().count() >= 30).collect();
    let notes = fold(&input.staff_notes).as_str().to_lowercase();
    let notes: Vec<&str> = notes.split(['.', ':', '\n']).map(str::trim).filter(|s| s.chars().count() >= 20).collect();
    for (pointer, text) in texts {
        if !input.nonce.as_str().is_empty() && text.contains(input.nonce.as_str()) {
            c.add("nonce_leak", pointer.clone(), "the check code stands outside of check_code");
        }
        let folded = fold(text).as_str().to_lowercase();
        if notes.iter().any(|n| folded.contains(n)) {
            c.add("notes_leak", pointer.clone(), "the text repeats notes that are for graders alone");
        }
        if system.iter().any(|s| folded.contains(s)) {
            c.add("system_leak", pointer.clone(), "the text repeats the rules of the grader");
        }
        let foreign = text
            .match_indices("[STUDENT_")
            .filter_map(|(at, _)| text.get(at..).and_then(|r| r.split_inclusive(']').next()))
            .any(|label| label != input.student_label);
        if foreign {
            c.add("label_leak", pointer, "the text speaks of another student");
        }
    }
}

/// Why a person must look at a grade. (rules: S11)
pub(super) fn grade_review(input: &GradeIn, out: &GradeOut) -> Vec<ReviewReason> {
    let mut reasons = Vec::new();
    if out.suspected_manipulation.present {
        reasons.push(ReviewReason::ManipulationByModel);
    }
    if !scan_manipulation(&input.submission).is_empty() {
        reasons.push(ReviewReason::ManipulationByScanner);
    }
    let work = Work::new(&input.submission);
    if out.criteria.iter().flat_map(|k| &k.evidence).any(|q| work.place(q).is_err()) {
        reasons.push(ReviewReason::UnverifiedEvidence);
    }
    if out.confidence() < input.confidence_threshold {
        reasons.push(ReviewReason::LowConfidence);
    }
    if input.not_graded().is_some() {
        reasons.push(ReviewReason::TooShort);
    }
    if input.truncated {
        reasons.push(ReviewReason::InputTruncated);
    }
    if let (Some(total), Some(mark)) = (out.total(input), input.pass_mark_units)
        && is_near(total, mark, input.max_total())
    {
        reasons.push(ReviewReason::NearPassMark);
    }
    reasons
}

/// Whether two amounts lie within 3 % of the possible points of one another.
pub(crate) fn is_near(total: i64, mark: i64, possible: i64) -> bool {
    possible > 0 && i128::from(total).abs_diff(i128::from(mark)) * 100 <= i128::from(possible).unsigned_abs() * 3
}
