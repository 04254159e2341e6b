//! The interval of kappa, by drawing the work again with replacement.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_distr::{Binomial, Distribution as _};
use serde::Serialize;

use super::Options;
use super::moments::Moments;

/// The most draws of cells in all; bounds the time where nearly every pair is a kind of its own.
const MOST_DRAWS: usize = 20_000_000;
/// The fewest resamples that an interval is read from.
const LEAST_RESAMPLES: usize = 100;

/// Where kappa lies with 95 % confidence: the 2.5th and the 97.5th percentile of the resamples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub lower: f64,
    /// Its upper end.
    pub upper: f64,
    /// How many resamples were drawn.
    pub resamples: u32,
    /// In how many of them kappa was undefined; they do not count to the percentiles.
    pub undefined: u32,
    /// What they were drawn from.
    pub seed: u64,
}

/// A kind of pair and how often it occurs.
type Counted = ((u32, Option<u32>), u64);

/// To draw n pieces of work with replacement is to draw how often each kind of pair occurs. So the
/// interval depends on the kinds in their order, and not on the order in which the work came.
pub(super) fn interval(cells: &[Counted], options: Options) -> Option<Interval> {
    let total: u64 = cells.iter().map(|(_, count)| count).sum();
    let most = MOST_DRAWS.checked_div(cells.len())?.max(LEAST_RESAMPLES);
    let resamples = options.resamples.min(u32::try_from(most).unwrap_or(u32::MAX));
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut kappas: Vec<f64> = (0..resamples).filter_map(|_| resample(cells, total, &mut rng).kappa_shown()).collect();
    kappas.sort_by(f64::total_cmp);
    let percentile = |thousandths: usize| kappas.get(kappas.len().saturating_sub(1) * thousandths / 1_000).copied();
    Some(Interval {
        lower: percentile(25)?,
        upper: percentile(975)?,
        resamples,
        undefined: resamples - u32::try_from(kappas.len()).unwrap_or(resamples),
        seed: options.seed,
    })
}

/// The sums of one resample: each kind takes its share of the draws that are left.
fn resample(cells: &[Counted], total: u64, rng: &mut ChaCha8Rng) -> Moments {
    let mut moments = Moments::default();
    let (mut draws, mut left) = (total, total);
    for ((human, given), count) in cells {
        if draws == 0 {
            break;
        }
        let drawn = if *count >= left { draws } else { binomial(draws, *count, left, rng) };
        left -= *count;
        draws -= drawn;
        if let Some(given) = given {
            moments.add(*human, *given, drawn);
        }
    }
    moments
}

#[expect(clippy::cast_precision_loss, reason = "a probability")]
fn binomial(draws: u64, count: u64, left: u64, rng: &mut ChaCha8Rng) -> u64 {
    // The share lies between 0 and 1, so that the distribution exists.
    Binomial::new(draws, count as f64 / left as f64).map_or(0, |share| share.sample(rng)).min(draws)
}
