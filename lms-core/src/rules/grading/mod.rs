//! Grading of answers by keys: pure, exact, total (Q1–Q13).

mod choice;
mod decimal;
mod order;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::question::{Answer, Blank, QuestionBody};
use crate::model::{Points, Ratio, sum_exactly};

pub(crate) use decimal::bounds as numeric_bounds;
pub use decimal::{Decimal, key_problem as numeric_key_problem};
pub use text::{key_problem as text_key_problem, normalised};

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AnswerState {
    /// Full marks.
    Correct,
    /// Some marks.
    Partial,
    /// No marks.
    Wrong,
    /// Nothing was answered (Q2).
    Unanswered,
    /// Waits for a person or AI (Q12).
    Pending,
}

impl AnswerState {
    /// The state that a mark by a person comes to.
    pub fn of_points(points: Points, possible: Points) -> Self {
        if points >= possible {
            Self::Correct
        } else if points > Points::ZERO {
            Self::Partial
        } else {
            Self::Wrong
        }
    }
}

/// One graded answer.
#[derive(Debug, Clone, PartialEq)]
pub struct GradedAnswer {
    /// What became of it.
    pub state: AnswerState,
    /// Its exact share of the question's points; `None` while it waits.
    pub fraction: Option<Ratio>,
    /// What it earned alone, rounded; a wrong answer with negative marking is below 0 (Q13).
    pub earned: Option<Points>,
    /// What it could earn.
    pub possible: Points,
    /// What a wrong answer takes off.
    pub penalty: Points,
    /// Whether a numeric answer was no number (Q7).
    pub not_a_number: bool,
}

/// The total of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Earned; `None` while an answer waits (Q12).
    pub earned: Option<Points>,
    /// Possible.
    pub possible: Points,
}

/// Why an answer cannot be saved (Q1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is of another type's shape.
    #[error("the answer is not of the shape that this question asks for")]
    Shape,
    /// It names something that the question does not have.
    #[error("the question has no `{id}`")]
    UnknownId {
        /// What it names.
        id: String,
    },
    /// It names something twice.
    #[error("`{id}` is named twice")]
    DuplicateId {
        /// What it names.
        id: String,
    },
    /// An order must hold every item once.
    #[error("an order holds every item exactly once")]
    NotAPermutation,
    /// It is too long.
    #[error("the text has more than {max} characters")]
    TooLong {
        /// The most characters.
        max: usize,
    },
    /// It holds the character U+0000.
    #[error("the text holds the character U+0000")]
    Nul,
}

impl AnswerError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Shape => "answer.shape",
            Self::UnknownId { .. } => "answer.unknown_id",
            Self::DuplicateId { .. } => "answer.duplicate_id",
            Self::NotAPermutation => "answer.not_a_permutation",
            Self::TooLong { .. } => "answer.too_long",
            Self::Nul => "answer.nul",
        }
    }
}

fn known<'a>(ids: impl IntoIterator<Item = &'a str>, wanted: &str) -> Result<(), AnswerError> {
    if ids.into_iter().any(|id| id == wanted) {
        Ok(())
    } else {
        Err(AnswerError::UnknownId { id: wanted.chars().take(60).collect() })
    }
}

fn short(text: &str, max: usize) -> Result<(), AnswerError> {
    if text.len() > max && text.chars().count() > max {
        Err(AnswerError::TooLong { max })
    } else if text.contains('\0') {
        Err(AnswerError::Nul)
    } else {
        Ok(())
    }
}

/// The longest numeric answer that is saved, in characters (Q7).
const NUMBER_LENGTH: usize = 200;
/// The longest short text.
const TEXT_LENGTH: usize = 10_000;
/// The longest essay.
const ESSAY_LENGTH: usize = 100_000;

/// Whether an answer can be saved: right shape, known ids, nothing twice (Q1). Whether it is right is
/// another matter.
///
/// # Errors
/// What is wrong with it.
pub fn check_answer(body: &QuestionBody, answer: &Answer) -> Result<(), AnswerError> {
    match (body, answer) {
        (QuestionBody::SingleChoice { options, .. }, Answer::Choice { option_id }) => {
            known(options.iter().map(|o| o.id.as_str()), option_id)
        }
        (QuestionBody::TrueFalse { .. }, Answer::Choice { option_id }) => known(["true", "false"], option_id),
        (QuestionBody::MultipleChoice { options, .. }, Answer::Choices { option_ids }) => {
            let ids: BTreeSet<&str> = options.iter().map(|o| o.id.as_str()).collect();
            let mut seen = BTreeSet::new();
            for id in option_ids {
                known(ids.get(id.as_str()).copied(), id)?;
                if !seen.insert(id) {
                    return Err(AnswerError::DuplicateId { id: id.clone() });
                }
            }
            Ok(())
        }
        (QuestionBody::Numeric { .. }, Answer::Number { text }) => short(text, NUMBER_LENGTH),
        (QuestionBody::ShortText { .. }, Answer::Text { text }) => short(text, TEXT_LENGTH),
        (QuestionBody::FillBlanks { blanks, .. }, Answer::Blanks { blanks: given }) => {
            for (id, text) in given {
                known(blanks.iter().map(|b| b.id.as_str()), id)?;
                short(text, TEXT_LENGTH)?;
            }
            Ok(())
        }
        (QuestionBody::Matching { stems, choices, .. }, Answer::Matches { matches }) => {
            for (stem, choice) in matches {
                known(stems.iter().map(|s| s.id.as_str()), stem)?;
                known(choices.iter().map(|c| c.id.as_str()), choice)?;
            }
            Ok(())
        }
        (QuestionBody::Ordering { items, .. }, Answer::Order { item_ids }) => {
            if item_ids.len() != items.len() {
                return Err(AnswerError::NotAPermutation);
            }
            let ids: BTreeSet<&str> = items.iter().map(|i| i.id.as_str()).collect();
            let given: BTreeSet<&str> = item_ids.iter().map(String::as_str).collect();
            if ids == given { Ok(()) } else { Err(AnswerError::NotAPermutation) }
        }
        (QuestionBody::Essay { .. }, Answer::Essay { text }) => short(text, ESSAY_LENGTH),
        _ => Err(AnswerError::Shape),
    }
}

/// What a learner would call no answer (Q2).
fn is_blank(answer: &Answer) -> bool {
    match answer {
        Answer::Choice { .. } => false,
        Answer::Choices { option_ids } => option_ids.is_empty(),
        Answer::Number { text } | Answer::Text { text } | Answer::Essay { text } => text.trim().is_empty(),
        Answer::Blanks { blanks } => blanks.values().all(|text| text.trim().is_empty()),
        Answer::Matches { matches } => matches.is_empty(),
        Answer::Order { item_ids } => item_ids.is_empty(),
    }
}

/// Grades one answer. What could not have been saved (another shape, an unknown id) earns nothing.
pub fn grade(body: &QuestionBody, points: Points, negative: Option<Points>, answer: Option<&Answer>) -> GradedAnswer {
    let penalty = negative.unwrap_or(Points::ZERO);
    let base = GradedAnswer {
        state: AnswerState::Unanswered,
        fraction: Some(Ratio::zero()),
        earned: Some(Points::ZERO),
        possible: points,
        penalty,
        not_a_number: false,
    };
    let Some(answer) = answer.filter(|answer| !is_blank(answer)) else { return base };
    let mut not_a_number = false;
    let fraction = match (body, answer) {
        _ if check_answer(body, answer).is_err() => Ratio::zero(),
        (QuestionBody::SingleChoice { correct, .. }, Answer::Choice { option_id }) => {
            Ratio::new(i64::from(option_id == correct), 1)
        }
        (QuestionBody::TrueFalse { correct }, Answer::Choice { option_id }) => {
            Ratio::new(i64::from((option_id == "true") == *correct), 1)
        }
        (QuestionBody::MultipleChoice { options, correct, mode, .. }, Answer::Choices { option_ids }) => {
            choice::fraction(*mode, options.len(), correct, option_ids)
        }
        (QuestionBody::Numeric { keys, decimal_comma }, Answer::Number { text }) => {
            match Decimal::parse(text.trim(), *decimal_comma) {
                Some(number) => Ratio::new(i64::from(keys.iter().any(|key| number.matches(key))), 1),
                None => {
                    not_a_number = true;
                    Ratio::zero()
                }
            }
        }
        (QuestionBody::ShortText { keys, case_sensitive }, Answer::Text { text }) => {
            Ratio::new(i64::from(text::matches_any(keys, text, *case_sensitive)), 1)
        }
        (QuestionBody::FillBlanks { blanks, case_sensitive }, Answer::Blanks { blanks: given }) => {
            blanks_fraction(blanks, given, *case_sensitive)
        }
        (QuestionBody::Matching { stems, correct, .. }, Answer::Matches { matches }) => {
            let right = stems.iter().filter(|s| matches.get(&s.id).is_some_and(|c| correct.get(&s.id) == Some(c)));
            of(right.count(), stems.len())
        }
        (QuestionBody::Ordering { items, mode }, Answer::Order { item_ids }) => order::fraction(*mode, items, item_ids),
        (QuestionBody::Essay { .. }, Answer::Essay { .. }) => {
            return GradedAnswer { state: AnswerState::Pending, fraction: None, earned: None, ..base };
        }
        _ => Ratio::zero(),
    };
    let state = if fraction == Ratio::one() {
        AnswerState::Correct
    } else if fraction == Ratio::zero() {
        AnswerState::Wrong
    } else {
        AnswerState::Partial
    };
    let mut earned = sum_exactly([(&fraction, points)]);
    if state == AnswerState::Wrong {
        earned = Points::from_units(earned.units() - penalty.units());
    }
    GradedAnswer { state, fraction: Some(fraction), earned: Some(earned), not_a_number, ..base }
}

fn blanks_fraction(blanks: &[Blank], given: &BTreeMap<String, String>, case_sensitive: bool) -> Ratio {
    let right = blanks
        .iter()
        .filter(|b| given.get(&b.id).is_some_and(|text| text::matches_any(&b.accepted, text, case_sensitive)))
        .count();
    of(right, blanks.len())
}

/// n of m, as a fraction.
fn of(n: usize, m: usize) -> Ratio {
    Ratio::new(i64::try_from(n).unwrap_or(0), i64::try_from(m).unwrap_or(1))
}

/// The total of an attempt: Σ fraction × points − penalties, exactly, floored at 0, rounded once (N1,
/// Q13). `earned` is `None` while an answer waits (Q12).
pub fn total(answers: &[GradedAnswer]) -> Total {
    let possible = Points::from_units(answers.iter().fold(0_i64, |sum, a| sum.saturating_add(a.possible.units())));
    if answers.iter().any(|a| a.state == AnswerState::Pending) {
        return Total { earned: None, possible };
    }
    // A mark by a person has points and no fraction: it is whole units already.
    let (one, minus_one, zero) = (Ratio::one(), Ratio::new(-1, 1), Ratio::zero());
    let sum = sum_exactly(answers.iter().flat_map(|a| {
        let taken = if a.state == AnswerState::Wrong && a.fraction.is_some() { a.penalty } else { Points::ZERO };
        let given = match (&a.fraction, a.earned) {
            (Some(fraction), _) => (fraction, a.possible),
            (None, Some(points)) => (&one, points),
            (None, None) => (&zero, Points::ZERO),
        };
        [given, (&minus_one, taken)]
    }));
    Total { earned: Some(sum.max(Points::ZERO).min(possible)), possible }
}

/// A graded answer read back from an attempt's record; `None` where the record is damaged.
pub fn restored(
    state: AnswerState,
    fraction: Option<&str>,
    earned: Option<Points>,
    possible: Points,
    negative: Option<Points>,
) -> Option<GradedAnswer> {
    let fraction = match fraction {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    Some(GradedAnswer {
        state,
        fraction,
        earned,
        possible,
        penalty: negative.unwrap_or(Points::ZERO),
        not_a_number: false,
    })
}

#[cfg(test)]
mod tests;
