//! An exact figure that can be shown.

use std::fmt;

use num_rational::Ratio;
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

/// A fraction in lowest terms. Its JSON is `{"exact":"35/36","value":0.9722…}`: the value is for showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact(Ratio<i128>);

impl Exact {
    /// The fraction; `None` where the denominator is 0.
    pub fn new(numerator: i128, denominator: i128) -> Option<Self> {
        (denominator != 0).then(|| Self(Ratio::new(numerator, denominator)))
    }

    /// What stands above the line.
    pub fn numerator(&self) -> i128 {
        *self.0.numer()
    }
    /// What stands below it, at least 1.
    pub fn denominator(&self) -> i128 {
        *self.0.denom()
    }

    /// The nearest decimal number, for showing.
    pub fn value(&self) -> f64 {
        quotient(self.numerator(), self.denominator())
    }
}

/// A quotient for showing.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
pub(super) fn quotient(numerator: i128, denominator: i128) -> f64 {
    numerator as f64 / denominator as f64
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_struct("Exact", 2)?;
        out.serialize_field("exact", &self.to_string())?;
        out.serialize_field("value", &self.value())?;
        out.end()
    }
}
