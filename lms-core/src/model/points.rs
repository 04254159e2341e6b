//! Exact numbers: points, scores, thresholds, percents (N1–N6). Never a binary float.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Units of [`Points`] in one point.
pub const UNITS_PER_POINT: i64 = 100_000;

/// An exact number of points: an integer count of 1e-5 points (N1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Points(i64);

impl Points {
    /// No points.
    pub const ZERO: Self = Self(0);

    /// From a count of 1e-5 points.
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// From whole points; `None` where that is too many to count in units.
    pub const fn whole(points: i64) -> Option<Self> {
        match points.checked_mul(UNITS_PER_POINT) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The same share of another maximum: × `to` ÷ `from`, rounded half up (S12). Without a maximum to
    /// come from it stays as it is.
    #[must_use]
    pub fn rescaled(self, from: Self, to: Self) -> Self {
        if from.0 <= 0 {
            return self;
        }
        let (value, from, to) = (i128::from(self.0), i128::from(from.0), i128::from(to.0));
        let units = (2 * value * to + from).div_euclid(2 * from);
        Self(i64::try_from(units).unwrap_or(self.0))
    }

    /// The count of 1e-5 points.
    pub const fn units(self) -> i64 {
        self.0
    }
}

/// The text is no number of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("points are a decimal number with at most 5 decimals")]
pub struct NotPoints;

impl FromStr for Points {
    type Err = NotPoints;
    fn from_str(s: &str) -> Result<Self, NotPoints> {
        let (negative, digits) = match s.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, s),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || part.len() > 5 || !all_digits(whole) || !all_digits(part) || digits.ends_with('.') {
            return Err(NotPoints);
        }
        let units: i64 = format!("{whole}{part:0<5}").parse().map_err(|_| NotPoints)?;
        Ok(Self(if negative { -units } else { units }))
    }
}
impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        let (whole, part) = (units / 100_000, units % 100_000);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let part = format!("{part:05}");
        write!(f, "{sign}{whole}.{}", part.trim_end_matches('0'))
    }
}
impl Serialize for Points {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// Takes text and says what it takes: most who meet the error have sent a number.
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Points;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number with at most 5 decimals, as text, such as \"2.5\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Points, E> {
                text.parse().map_err(E::custom)
            }
        }
        d.deserialize_str(Text)
    }
}

/// A share in basis points, 0 to 10,000 (N2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct BasisPoints(u16);

impl BasisPoints {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// From basis points; `None` above 10,000.
    pub const fn new(bp: u16) -> Option<Self> {
        if bp > 10_000 { None } else { Some(Self(bp)) }
    }
    /// From whole percent; `None` above 100.
    pub const fn percent(percent: u16) -> Option<Self> {
        if percent > 100 { None } else { Some(Self(percent * 100)) }
    }
    /// The basis points.
    pub const fn get(self) -> u16 {
        self.0
    }
}
impl<'de> Deserialize<'de> for BasisPoints {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bp = u16::deserialize(d)?;
        Self::new(bp).ok_or_else(|| serde::de::Error::custom("basis points are at most 10000"))
    }
}

/// An exact fraction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(BigRational);

impl Ratio {
    /// num/den; 0 where den is 0.
    pub fn new(num: i64, den: i64) -> Self {
        if den == 0 { Self::zero() } else { Self(BigRational::new(num.into(), den.into())) }
    }
    /// 0.
    pub fn zero() -> Self {
        Self(BigRational::zero())
    }
    /// 1.
    pub fn one() -> Self {
        Self::new(1, 1)
    }
    /// The product.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        Self(&self.0 * &other.0)
    }
    /// At least 0.
    #[must_use]
    pub fn at_least_zero(self) -> Self {
        if self.0.is_negative() { Self::zero() } else { self }
    }
    pub(crate) const fn inner(&self) -> &BigRational {
        &self.0
    }
}
impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.numer(), self.0.denom())
    }
}
impl FromStr for Ratio {
    type Err = NotPoints;
    fn from_str(s: &str) -> Result<Self, NotPoints> {
        let (num, den) = s.split_once('/').ok_or(NotPoints)?;
        let num: BigInt = num.parse().map_err(|_| NotPoints)?;
        let den: BigInt = den.parse().map_err(|_| NotPoints)?;
        if den.is_zero() { Err(NotPoints) } else { Ok(Self(BigRational::new(num, den))) }
    }
}

/// Sums fraction × maximum exactly and rounds once, half up, to 1e-5 points (N1).
pub fn sum_exactly<'a>(parts: impl IntoIterator<Item = (&'a Ratio, Points)>) -> Points {
    let sum = parts.into_iter().fold(BigRational::zero(), |sum, (fraction, max)| {
        sum + fraction.inner() * BigRational::from_integer(max.units().into())
    });
    round_half_up(&sum)
}

/// A number of units, rounded half up.
pub(crate) fn round_half_up(units: &BigRational) -> Points {
    let half = BigRational::new(1.into(), 2.into());
    let rounded = (units + half).floor().to_integer();
    let limit = if rounded.is_negative() { i64::MIN } else { i64::MAX };
    Points(rounded.to_i64().unwrap_or(limit))
}

/// A shown percent, truncated to two decimals (N3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(i64);

impl Percent {
    /// From hundredths of a percent.
    pub const fn from_hundredths(hundredths: i64) -> Self {
        Self(hundredths)
    }
    /// Hundredths of a percent.
    pub const fn hundredths(self) -> i64 {
        self.0
    }
}
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}
impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let points = Points::deserialize(d)?;
        Ok(Self(points.units() / 1_000))
    }
}

/// Earned of possible (N6), compared by cross-multiplication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Score {
    /// Earned, 0 ≤ earned ≤ possible (N5).
    pub earned: Points,
    /// Possible.
    pub possible: Points,
}

impl Score {
    /// The shown percent, truncated toward zero (N3); `None` where nothing is possible (N4).
    pub fn percent(self) -> Option<Percent> {
        let possible = i128::from(self.possible.units());
        if possible <= 0 {
            return None;
        }
        i64::try_from(i128::from(self.earned.units()) * 10_000 / possible).ok().map(Percent)
    }

    /// floor(earned × 10^8 ÷ possible), what means are taken over (M2); `None` where nothing is possible.
    pub fn percent_e8(self) -> Option<i64> {
        let possible = i128::from(self.possible.units());
        if possible <= 0 {
            return None;
        }
        i64::try_from(i128::from(self.earned.units()) * 100_000_000 / possible).ok()
    }

    /// Whether it reaches a threshold: earned × 10000 ≥ threshold × possible (N2); `None` where
    /// nothing is possible (N4).
    pub fn passes(self, threshold: BasisPoints) -> Option<bool> {
        let possible = i128::from(self.possible.units());
        (possible > 0).then(|| i128::from(self.earned.units()) * 10_000 >= i128::from(threshold.get()) * possible)
    }

    /// Which is better, by cross-multiplication; a score of nothing possible is the least.
    pub fn compare(self, other: Self) -> Ordering {
        let value = |s: Self| i128::from(s.earned.units());
        let of = |s: Self| i128::from(s.possible.units());
        match (of(self) > 0, of(other) > 0) {
            (true, true) => (value(self) * of(other)).cmp(&(value(other) * of(self))),
            (a, b) => a.cmp(&b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_are_no_text_are_told_what_is_wanted() {
        let told = |json: &str| serde_json::from_str::<Points>(json).unwrap_err().to_string();
        assert!(told("2").starts_with("invalid type: integer `2`, expected a decimal number"), "{}", told("2"));
        assert!(told("2.5").contains("as text, such as \"2.5\""), "{}", told("2.5"));
        assert!(told("\"2,5\"").starts_with("points are a decimal number"), "{}", told("\"2,5\""));
        let value = serde_json::json!("2.5");
        assert_eq!(serde_json::from_value::<Points>(value).unwrap(), "2.5".parse().unwrap());
    }
    use proptest::prelude::*;

    fn score(earned: i64, possible: i64) -> Score {
        Score { earned: Points::from_units(earned), possible: Points::from_units(possible) }
    }

    #[test]
    fn n1_three_thirds_are_exactly_one() {
        let third = Ratio::new(1, 3);
        let point = Points::whole(1).unwrap();
        assert_eq!(sum_exactly([(&third, point), (&third, point), (&third, point)]).to_string(), "1");
    }

    #[test]
    fn n1_json_is_a_decimal_string() {
        let points: Points = serde_json::from_str("\"83.33333\"").unwrap();
        assert_eq!(points.units(), 8_333_333);
        assert_eq!(serde_json::to_string(&points).unwrap(), "\"83.33333\"");
        for bad in ["83.3", "\"83.333333\"", "\"\"", "\".5\"", "\"5.\"", "\"1e3\"", "\"NaN\""] {
            assert!(serde_json::from_str::<Points>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn n2_n3_a_failing_score_never_shows_the_threshold() {
        assert_eq!(score(199, 200).percent().unwrap().to_string(), "99.50");
        assert_eq!(score(2, 3).percent().unwrap().to_string(), "66.66");
        let seventy = BasisPoints::percent(70).unwrap();
        let close = score(69_995, 100_000);
        assert_eq!(close.percent().unwrap().to_string(), "69.99");
        assert_eq!(close.passes(seventy), Some(false));
        assert_eq!(score(70_000, 100_000).passes(seventy), Some(true));
    }

    #[test]
    fn n4_nothing_possible_is_no_percent_and_no_verdict() {
        assert_eq!(score(0, 0).percent(), None);
        assert_eq!(score(0, 0).passes(BasisPoints::ZERO), None);
        assert_eq!(score(0, 0).percent_e8(), None);
    }

    #[test]
    fn n6_scores_compare_by_cross_multiplication() {
        assert_eq!(score(1, 3).compare(score(333_333, 1_000_000)), Ordering::Greater);
        assert_eq!(score(1, 2).compare(score(2, 4)), Ordering::Equal);
        assert_eq!(score(0, 0).compare(score(0, 4)), Ordering::Less);
    }

    proptest! {
        #[test]
        fn n1_sums_of_parts_that_add_up_to_one_are_exact(dens in proptest::collection::vec(1_i64..1000, 1..30)) {
            // Each question is split in d parts of 1/d: together they are worth what they are worth.
            let max = Points::whole(7).unwrap();
            let parts: Vec<(Ratio, Points)> = dens.iter()
                .flat_map(|d| std::iter::repeat_n((Ratio::new(1, *d), max), usize::try_from(*d).unwrap())).collect();
            let sum = sum_exactly(parts.iter().map(|(r, p)| (r, *p)));
            prop_assert_eq!(sum.units(), max.units() * i64::try_from(dens.len()).unwrap());
        }

        #[test]
        fn n3_the_percent_never_reaches_what_the_score_does_not(earned in 0_i64..10_000_000, possible in 1_i64..10_000_000, bp in 0_u16..=10_000) {
            prop_assume!(earned <= possible);
            let s = score(earned, possible);
            let threshold = BasisPoints::new(bp).unwrap();
            let shown = s.percent().unwrap().hundredths();
            prop_assert_eq!(s.passes(threshold).unwrap(), shown >= i64::from(bp));
            prop_assert_eq!(shown == 10_000, earned == possible);
        }

        #[test]
        fn n1_points_read_back(units in any::<i64>().prop_filter("fits", |u| *u != i64::MIN)) {
            let points = Points::from_units(units);
            prop_assert_eq!(points.to_string().parse::<Points>().unwrap(), points);
        }
    }
}
