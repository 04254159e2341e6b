//! Quadratic weighted kappa from sums.
//!
//! With the weights (i−j)²/(N−1)², kappa is 1 − ΣwO / ΣwE. The width of the scale stands above and below
//! the line and goes; what is left of ΣwE is Σᵢⱼ rᵢcⱼ(i−j)²/n, which the sums of marks and of their
//! squares give without a matrix. So kappa over the full scale costs one pass over the pairs, and all of
//! it is in whole numbers.

use super::exact::{Exact, quotient};

/// The sums over pairs of levels.
///
/// Levels are below 2^17 and pairs fewer than 2^40, so that the largest product stays below 2^116.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moments {
    n: i128,
    first: i128,
    second: i128,
    first_squares: i128,
    second_squares: i128,
    squares: i128,
    distances: i128,
}

impl Moments {
    /// Counts a pair so many times.
    pub(super) fn add(&mut self, first: u32, second: u32, times: u64) {
        let (a, b, times) = (i128::from(first), i128::from(second), i128::from(times));
        self.n += times;
        self.first += a * times;
        self.second += b * times;
        self.first_squares += a * a * times;
        self.second_squares += b * b * times;
        self.squares += (a - b) * (a - b) * times;
        self.distances += (a - b).abs() * times;
    }

    /// What disagreement there is, and what there would be by chance, both × n.
    fn disagreement(&self) -> (i128, i128) {
        let chance = self.n * (self.first_squares + self.second_squares) - 2 * self.first * self.second;
        (self.n * self.squares, chance)
    }

    /// Kappa; `None` where chance leaves no disagreement: both sides give one and the same mark.
    pub(super) fn kappa(&self) -> Option<Exact> {
        let (seen, chance) = self.disagreement();
        Exact::new(chance - seen, chance)
    }

    /// The same for showing, without bringing it to lowest terms.
    pub(super) fn kappa_shown(&self) -> Option<f64> {
        let (seen, chance) = self.disagreement();
        (chance != 0).then(|| quotient(chance - seen, chance))
    }

    /// The mean distance, in units of which a step has so many.
    pub(super) fn mean_distance(&self, step: i64, units: i64) -> Option<Exact> {
        Exact::new(self.distances * i128::from(step), self.n * i128::from(units))
    }

    /// The mean of second − first.
    pub(super) fn mean_difference(&self, step: i64, units: i64) -> Option<Exact> {
        Exact::new((self.second - self.first) * i128::from(step), self.n * i128::from(units))
    }

    /// The root of the mean square.
    pub(super) fn root_mean_square(&self, step: i64, units: i64) -> Option<f64> {
        (self.n != 0).then(|| quotient(self.squares, self.n).sqrt() * quotient(i128::from(step), i128::from(units)))
    }
}
