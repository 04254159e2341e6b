//! How well a grader agrees with people: [`evaluate`] compares its marks with human marks.
//!
//! What counts as agreement is quadratic weighted kappa over the whole scale of the rubric, beside it
//! the plain figures that explain it. Everything but the interval and the root is exact: integers and
//! fractions, made a decimal number only where it is shown. A mark that the grader did not give is a
//! failure; failures are counted and never dropped.
//!
//! ```
//! use lms_ai::evaluate::{Marked, Options, Scale, evaluate};
//!
//! let human = [0, 1, 2, 3, 4, 5, 2, 3];
//! let grader = [0, 1, 2, 3, 4, 5, 3, 3];
//! let rows: Vec<Marked> = human.iter().zip(grader).filter_map(|(h, g)| Marked::whole(*h, g)).collect();
//! let report = evaluate(&Scale::whole(0, 5)?, &rows, Options::default())?;
//! assert_eq!(report.runs[0].kappa.unwrap().to_string(), "35/36");
//! # Ok::<_, lms_ai::evaluate::EvaluateError>(())
//! ```

mod agreement;
mod bootstrap;
mod exact;
mod moments;
mod pairs;
mod scale;
mod spread;

#[cfg(test)]
mod tests;

use lms_core::model::Points;
use serde::Serialize;

pub use agreement::{Agreement, Cell, LevelAgreement, Share};
pub use bootstrap::Interval;
pub use exact::Exact;
pub use pairs::from_pairs;
pub use scale::Scale;
pub use spread::Spread;

/// One piece of work: what people gave it, and what the grader gave it in each run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The mark of the person whom the grader is compared with.
    pub human: Points,
    /// The mark of a second person, where there is one.
    pub second: Option<Points>,
    /// The mark of each run of the grader; none where that run failed.
    pub runs: Vec<Option<Points>>,
}

impl Marked {
    /// One person's and one grader's mark in whole points; `None` where they are too many to count.
    pub fn whole(human: i64, grader: i64) -> Option<Self> {
        Some(Self { human: Points::whole(human)?, second: None, runs: vec![Some(Points::whole(grader)?)] })
    }
}

/// How the interval is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many resamples; 0 draws no interval. Where marks are of very many kinds, fewer are drawn.
    pub resamples: u32,
    /// What the resamples are drawn from: the same seed gives the same interval on every machine.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { resamples: 2_000, seed: 20_260_901 }
    }
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The scale of the marks.
    pub scale: Scale,
    /// How many pieces of work there are.
    pub n: u64,
    /// The grader against the first person, one entry for each run.
    pub runs: Vec<Agreement>,
    /// The second person against the first, over the work that both have marked: what the grader can be
    /// measured by.
    pub human_human: Option<Agreement>,
    /// How far the runs differ from one another; none with a single run.
    pub spread: Option<Spread>,
}

/// Why marks cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The scale is none.
    #[error("a scale goes from {min} up to {max} in whole steps of {step}; these do not")]
    BadScale {
        /// Its least mark.
        min: Points,
        /// Its greatest mark.
        max: Points,
        /// Its step.
        step: Points,
    },
    /// The scale has too many levels.
    #[error("the scale has more than {limit} levels")]
    TooManyLevels {
        /// How many there may be.
        limit: u32,
    },
    /// There is nothing to compare.
    #[error("there are no marks to compare")]
    Empty,
    /// A mark is not on the scale.
    #[error("the mark {mark} of entry {row} is not on the scale")]
    OffScale {
        /// Which entry, from 0.
        row: usize,
        /// The mark.
        mark: Points,
    },
    /// An entry has more or fewer runs than the first, or there are none.
    #[error("entry {row} has {found} runs instead of {expected}")]
    Runs {
        /// Which entry, from 0.
        row: usize,
        /// How many it has.
        found: usize,
        /// How many the first has, at least 1.
        expected: usize,
    },
}

/// Compares a grader with people. The order of the entries does not matter, not even to the interval.
///
/// # Errors
/// Marks off the scale, entries with different numbers of runs, and no entries at all.
pub fn evaluate(scale: &Scale, marked: &[Marked], options: Options) -> Result<Report, EvaluateError> {
    let expected = marked.first().ok_or(EvaluateError::Empty)?.runs.len().max(1);
    let mut pairs = vec![agreement::Pairs::default(); expected];
    let mut people = agreement::Pairs::default();
    let mut spread = spread::Ranges::default();
    let mut levels = Vec::with_capacity(expected);
    for (row, entry) in marked.iter().enumerate() {
        if entry.runs.len() != expected {
            return Err(EvaluateError::Runs { row, found: entry.runs.len(), expected });
        }
        let level = |mark: Points| scale.level(mark).ok_or(EvaluateError::OffScale { row, mark });
        let human = level(entry.human)?;
        levels.clear();
        for (run, pairs) in entry.runs.iter().zip(&mut pairs) {
            let given = run.map(level).transpose()?;
            pairs.add(human, given);
            levels.push(given);
        }
        spread.add(&levels);
        if let Some(second) = entry.second {
            people.add(human, Some(level(second)?));
        }
    }
    Ok(Report {
        scale: *scale,
        n: marked.len() as u64,
        runs: pairs.iter().map(|pairs| pairs.agreement(scale, options)).collect(),
        human_human: (!people.is_empty()).then(|| people.agreement(scale, options)),
        spread: (expected > 1).then(|| spread.spread(scale, expected)),
    })
}
