//! The scale of a rubric.

use lms_core::model::Points;
use serde::Serialize;

use super::EvaluateError;

/// The most levels of a scale: sums of squares over any number of marks that fits in memory stay whole.
const MAX_LEVELS: u32 = 100_001;

/// The marks that a rubric can give: from the least to the greatest, in equal steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Scale {
    min: Points,
    max: Points,
    step: Points,
}

impl Scale {
    /// From the least to the greatest mark in steps of more than nothing.
    ///
    /// # Errors
    /// When the steps do not lead from one to the other, or are more than 100,000.
    pub fn new(min: Points, max: Points, step: Points) -> Result<Self, EvaluateError> {
        let bad = EvaluateError::BadScale { min, max, step };
        let span = i128::from(max.units()) - i128::from(min.units());
        let width = i128::from(step.units());
        if width <= 0 || span < 0 || span % width != 0 {
            return Err(bad);
        }
        if span / width >= i128::from(MAX_LEVELS) {
            return Err(EvaluateError::TooManyLevels { limit: MAX_LEVELS });
        }
        Ok(Self { min, max, step })
    }

    /// The same in whole points.
    ///
    /// # Errors
    /// As [`Scale::new`].
    pub fn whole(min: i64, max: i64) -> Result<Self, EvaluateError> {
        let points = |whole| Points::whole(whole).ok_or(EvaluateError::TooManyLevels { limit: MAX_LEVELS });
        Self::new(points(min)?, points(max)?, points(1)?)
    }

    /// The least mark.
    pub const fn min(&self) -> Points {
        self.min
    }
    /// The greatest mark.
    pub const fn max(&self) -> Points {
        self.max
    }
    /// The step.
    pub const fn step(&self) -> Points {
        self.step
    }

    /// How many marks there are.
    pub fn levels(&self) -> u32 {
        // `new` has bounded the quotient.
        u32::try_from(self.above(self.max) / i128::from(self.step.units())).unwrap_or(MAX_LEVELS).saturating_add(1)
    }

    /// The number of a mark, 0 for the least; `None` off the scale.
    pub fn level(&self, mark: Points) -> Option<u32> {
        let step = i128::from(self.step.units());
        if mark < self.min || mark > self.max || self.above(mark) % step != 0 {
            return None;
        }
        u32::try_from(self.above(mark) / step).ok()
    }

    /// The mark of a number; the greatest above the last.
    pub fn mark(&self, level: u32) -> Points {
        let above = self.step.units().saturating_mul(i64::from(level));
        Points::from_units(self.min.units().saturating_add(above)).min(self.max)
    }

    fn above(&self, mark: Points) -> i128 {
        i128::from(mark.units()) - i128::from(self.min.units())
    }
}
