//! Two sides' marks against one another.

use std::collections::BTreeMap;

use lms_core::model::{Points, UNITS_PER_POINT};
use serde::Serialize;

use super::bootstrap::{Interval, interval};
use super::moments::Moments;
use super::{Exact, Options, Scale};

/// How far one side agrees with the first person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// All pairs, failures included.
    pub n: u64,
    /// Pairs with both marks: what kappa, MAE, RMSE and bias are over.
    pub graded: u64,
    /// Work that the grader gave no mark.
    pub failed: u64,
    /// Quadratic weighted kappa; none where it is undefined.
    pub kappa: Option<Exact>,
    /// Where kappa lies with 95 % confidence; none where it is undefined or no interval was asked for.
    pub kappa_interval: Option<Interval>,
    /// The same mark.
    pub exact: Share,
    /// The same mark or one a step away.
    pub adjacent: Share,
    /// The mean absolute error, in points.
    pub mae: Option<Exact>,
    /// The root of the mean squared error, in points, for showing.
    pub rmse: Option<f64>,
    /// How much more than the first person is given on average, in points.
    pub bias: Option<Exact>,
    /// What was given for what, by the human mark and then the other; only what occurs.
    pub confusion: Vec<Cell>,
    /// Agreement at each mark that the first person gave.
    pub by_human_level: Vec<LevelAgreement>,
}

/// A count, and its shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many.
    pub count: u64,
    /// Of all pairs: a failure agrees with nobody.
    pub of_all: Option<Exact>,
    /// Of those with both marks.
    pub of_graded: Option<Exact>,
}

/// One field of the confusion matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The human mark.
    pub human: Points,
    /// The other mark; none = it failed.
    pub given: Option<Points>,
    /// How often.
    pub count: u64,
}

/// Agreement at one human mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LevelAgreement {
    /// The human mark.
    pub human: Points,
    /// How often the first person gave it.
    pub n: u64,
    /// How often the other side failed there.
    pub failed: u64,
    /// How often it gave the same.
    pub exact: Share,
    /// How often it gave the same or one step more or less.
    pub adjacent: Share,
    /// How much more it gave on average, in points.
    pub bias: Option<Exact>,
}

/// Pairs by kind, with their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairs {
    cells: BTreeMap<(u32, Option<u32>), u64>,
}

/// What one set of pairs counts.
#[derive(Default)]
struct Counts {
    n: u64,
    failed: u64,
    exact: u64,
    adjacent: u64,
    moments: Moments,
}

impl Counts {
    fn add(&mut self, human: u32, given: Option<u32>, count: u64) {
        self.n += count;
        let Some(given) = given else {
            self.failed += count;
            return;
        };
        self.moments.add(human, given, count);
        if human == given {
            self.exact += count;
        }
        if human.abs_diff(given) <= 1 {
            self.adjacent += count;
        }
    }

    const fn graded(&self) -> u64 {
        self.n - self.failed
    }

    fn share(&self, count: u64) -> Share {
        let of = |whole: u64| Exact::new(i128::from(count), i128::from(whole));
        Share { count, of_all: of(self.n), of_graded: of(self.graded()) }
    }
}

impl Pairs {
    pub(super) fn add(&mut self, human: u32, given: Option<u32>) {
        *self.cells.entry((human, given)).or_default() += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    pub(super) fn agreement(&self, scale: &Scale, options: Options) -> Agreement {
        let mut all = Counts::default();
        let mut levels: BTreeMap<u32, Counts> = BTreeMap::new();
        for ((human, given), count) in &self.cells {
            all.add(*human, *given, *count);
            levels.entry(*human).or_default().add(*human, *given, *count);
        }
        let (step, units) = (scale.step().units(), UNITS_PER_POINT);
        let kappa = all.moments.kappa();
        let cells: Vec<_> = self.cells.iter().map(|(pair, count)| (*pair, *count)).collect();
        Agreement {
            n: all.n,
            graded: all.graded(),
            failed: all.failed,
            kappa,
            kappa_interval: kappa.and_then(|_| interval(&cells, options)),
            exact: all.share(all.exact),
            adjacent: all.share(all.adjacent),
            mae: all.moments.mean_distance(step, units),
            rmse: all.moments.root_mean_square(step, units),
            bias: all.moments.mean_difference(step, units),
            confusion: cells
                .iter()
                .map(|((human, given), count)| Cell {
                    human: scale.mark(*human),
                    given: given.map(|level| scale.mark(level)),
                    count: *count,
                })
                .collect(),
            by_human_level: levels
                .iter()
                .map(|(level, counts)| LevelAgreement {
                    human: scale.mark(*level),
                    n: counts.n,
                    failed: counts.failed,
                    exact: counts.share(counts.exact),
                    adjacent: counts.share(counts.adjacent),
                    bias: counts.moments.mean_difference(step, units),
                })
                .collect(),
        }
    }
}
