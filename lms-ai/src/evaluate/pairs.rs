//! Marks by AI beside marks by people, as the library keeps them, on their way to [`evaluate`](super::evaluate()).

use lms_core::lms::MarkPair;
use lms_core::model::Points;

use super::{EvaluateError, Marked, Scale};

/// Steps that people mark in, the coarsest first, in units of 1e-5 points.
const STEPS: [i64; 7] = [100_000, 50_000, 10_000, 5_000, 1_000, 100, 1];

/// The pairs of one assignment as they are compared: on a scale from 0 to what can be had, in the coarsest
/// step that holds every mark.
///
/// # Errors
/// Empty without pairs; TooManyLevels where the marks are of a step that is too fine for what can be had.
pub fn from_pairs(pairs: &[MarkPair]) -> Result<(Scale, Vec<Marked>), EvaluateError> {
    let max = pairs.iter().map(|pair| pair.max_grade).max().ok_or(EvaluateError::Empty)?;
    let marks = || pairs.iter().flat_map(|pair| [pair.ai_points, pair.human_points]).chain([max]);
    let step = STEPS.into_iter().find(|step| marks().all(|mark| mark.units() % step == 0)).unwrap_or(1);
    let scale = Scale::new(Points::ZERO, max, Points::from_units(step))?;
    Ok((scale, pairs.iter().map(Marked::from).collect()))
}

impl From<&MarkPair> for Marked {
    fn from(pair: &MarkPair) -> Self {
        Self { human: pair.human_points, second: None, runs: vec![Some(pair.ai_points)] }
    }
}
