//! How far the runs of one grader differ.

use lms_core::model::{Points, UNITS_PER_POINT};
use serde::Serialize;

use super::{Exact, Scale};

/// How far the runs differ from one another, work by work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many runs there are.
    pub runs: u64,
    /// Work with at least two marks; what the figures below are over.
    pub compared: u64,
    /// Work whose marks are all the same.
    pub same: u64,
    /// The mean of greatest − least mark, in points.
    pub mean_range: Option<Exact>,
    /// The greatest such range, in points.
    pub max_range: Points,
    /// Work that failed in some runs and not in others.
    pub partly_failed: u64,
}

/// The ranges as they are counted, in levels.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ranges {
    compared: u64,
    same: u64,
    sum: u64,
    max: u32,
    partly_failed: u64,
}

impl Ranges {
    /// Counts the marks that one piece of work got.
    pub(super) fn add(&mut self, levels: &[Option<u32>]) {
        let given = levels.iter().flatten();
        let marks = given.clone().count();
        if marks > 0 && marks < levels.len() {
            self.partly_failed += 1;
        }
        if let (Some(least), Some(greatest), true) = (given.clone().min(), given.max(), marks > 1) {
            let range = greatest - least;
            self.compared += 1;
            self.same += u64::from(range == 0);
            self.sum += u64::from(range);
            self.max = self.max.max(range);
        }
    }

    pub(super) fn spread(&self, scale: &Scale, runs: usize) -> Spread {
        let step = scale.step().units();
        Spread {
            runs: runs as u64,
            compared: self.compared,
            same: self.same,
            mean_range: Exact::new(
                i128::from(self.sum) * i128::from(step),
                i128::from(self.compared) * i128::from(UNITS_PER_POINT),
            ),
            max_range: Points::from_units(step.saturating_mul(i64::from(self.max))),
            partly_failed: self.partly_failed,
        }
    }
}
