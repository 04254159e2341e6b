//! Instants at microseconds.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant in UTC, truncated to whole microseconds: the same value in Rust, JSON and both stores.
///
/// Comes from the clock port or from input; arithmetic saturates at the ends of the range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The years 0001 to 9999: what RFC 3339 and every store can write.
const MIN: i64 = -62_135_596_800_000_000;
const MAX: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// From a chrono instant; digits below a microsecond are cut off.
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_micros().clamp(MIN, MAX))
    }

    /// From microseconds since 1970-01-01T00:00:00Z; `None` outside the years 1 to 9999.
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < MIN || micros > MAX { None } else { Some(Self(micros)) }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down (S5).
    pub const fn floor_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// As a chrono instant.
    pub fn datetime(self) -> DateTime<Utc> {
        // The range of years 1 to 9999 is checked by every constructor and lies inside chrono's.
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::<Utc>::UNIX_EPOCH)
    }

    /// This instant `seconds` later (or earlier, when negative); stays inside the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(1_000_000))
    }

    /// This instant `micros` later (or earlier, when negative); stays inside the range.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        let moved = self.0.saturating_add(micros);
        if moved < MIN {
            Self(MIN)
        } else if moved > MAX {
            Self(MAX)
        } else {
            Self(moved)
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.datetime().to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        Self::new(at)
    }
}

/// The text is no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 instant with a zone, in the years 1 to 9999")]
pub struct NotAnInstant;

impl std::str::FromStr for Timestamp {
    type Err = NotAnInstant;
    fn from_str(s: &str) -> Result<Self, NotAnInstant> {
        let at = DateTime::parse_from_rfc3339(s).map_err(|_| NotAnInstant)?;
        // An instant outside the range is refused: moved to its end it would be another one.
        Self::from_micros(at.timestamp_micros()).ok_or(NotAnInstant)
    }
}
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(|e: NotAnInstant| {
            let shown: String = text.chars().take(40).collect();
            serde::de::Error::custom(format!("`{shown}` is {e}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_rfc3339_utc_with_microseconds() {
        let t: Timestamp = "2026-10-25T22:59:59.1234569+00:00".parse().unwrap();
        assert_eq!(serde_json::to_string(&t).unwrap(), "\"2026-10-25T22:59:59.123456Z\"");
        assert_eq!(t.floor_seconds(), t.datetime().timestamp());
        assert!(serde_json::from_str::<Timestamp>("\"2026-10-25T22:59:59\"").is_err());
        for outside in ["0000-12-31T23:59:59Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"] {
            assert!(outside.parse::<Timestamp>().is_err(), "{outside} is not moved to the end of the range");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let t = Timestamp::from_micros(MAX).unwrap();
        assert_eq!(t.plus_seconds(i64::MAX), t);
        assert_eq!(Timestamp::from_micros(MAX + 1), None);
    }
}
