//! Numbers as exact decimals (Q7).

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};

use crate::model::question::NumericKey;

/// A decimal number, exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub struct Decimal(BigRational);

/// Exponents beyond this, either way, do not parse.
const MAX_EXPONENT: i32 = 400;
/// More digits than this do not parse.
const MAX_DIGITS: usize = 400;

impl Decimal {
    /// Reads sign, digits, one decimal mark and an exponent. `None` for everything else: NaN,
    /// infinity, hex, nothing, more than 400 digits, exponents beyond ±400.
    pub fn parse(text: &str, comma: bool) -> Option<Self> {
        if text.len() > 2 * MAX_DIGITS {
            return None;
        }
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                (mantissa, exponent.parse::<i32>().ok()?)
            }
            None => (rest, 0),
        };
        let mantissa = if comma { mantissa.replacen(',', ".", 1) } else { mantissa.to_owned() };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa.as_str(), ""));
        let digits = whole.len() + part.len();
        let numeric = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if digits == 0 || digits > MAX_DIGITS || !numeric(whole) || !numeric(part) || exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let number: BigInt = format!("{whole}{part}").parse().ok()?;
        let scale = exponent - i32::try_from(part.len()).ok()?;
        let ten = BigInt::from(10);
        let value = if scale >= 0 {
            BigRational::from_integer(number * ten.pow(scale.unsigned_abs()))
        } else {
            BigRational::new(number, ten.pow(scale.unsigned_abs()))
        };
        Some(Self(if negative { -value } else { value }))
    }

    /// Whether the number is what the key asks for; bounds count. A damaged key matches nothing.
    pub fn matches(&self, key: &NumericKey) -> bool {
        bounds(key).is_some_and(|(low, high)| low <= self.0 && self.0 <= high)
    }
}

/// The least and greatest number that a key takes.
pub(crate) fn bounds(key: &NumericKey) -> Option<(BigRational, BigRational)> {
    let read = |text: &str| Decimal::parse(text, false).map(|d| d.0);
    match key {
        NumericKey::Value { value, tolerance } => {
            let (value, tolerance) = (read(value)?, read(tolerance)?);
            (!tolerance.is_negative()).then(|| (&value - &tolerance, &value + &tolerance))
        }
        NumericKey::Percent { value, percent } => {
            let (value, percent) = (read(value)?, read(percent)?);
            if value.is_zero() || percent.is_negative() {
                return None;
            }
            let tolerance = value.abs() * percent / BigRational::from_integer(100.into());
            Some((&value - &tolerance, &value + &tolerance))
        }
        NumericKey::Range { low, high } => {
            let (low, high) = (read(low)?, read(high)?);
            (low <= high).then_some((low, high))
        }
    }
}

/// What is wrong with a key (Q3, Q7); `None` when nothing is.
pub fn key_problem(key: &NumericKey) -> Option<&'static str> {
    if bounds(key).is_some() {
        return None;
    }
    Some(match key {
        NumericKey::Value { .. } => "must be a decimal number with a tolerance of 0 or more",
        NumericKey::Percent { .. } => "must be a decimal number other than 0 with a percent of 0 or more",
        NumericKey::Range { .. } => "must be two decimal numbers, the lower first",
    })
}
