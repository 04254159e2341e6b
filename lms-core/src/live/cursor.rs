//! Where a subscriber is in the log: opaque text (V4).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Names the last event that a subscriber has: epoch, position, and that event's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    epoch: Uuid,
    position: i64,
    event: Option<Uuid>,
}

impl Cursor {
    pub(crate) const fn new(epoch: Uuid, position: i64, event: Option<Uuid>) -> Self {
        Self { epoch, position, event }
    }
    pub(crate) const fn epoch(&self) -> Uuid {
        self.epoch
    }
    pub(crate) const fn position(&self) -> i64 {
        self.position
    }
    pub(crate) const fn event(&self) -> Option<Uuid> {
        self.event
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.", self.epoch.simple(), self.position)?;
        match self.event {
            Some(id) => write!(f, "{}", id.simple()),
            None => Ok(()),
        }
    }
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this library")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;
    fn from_str(s: &str) -> Result<Self, NotACursor> {
        let mut parts = s.split('.');
        let (Some(epoch), Some(position), Some(event), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotACursor);
        };
        let position: i64 = position.parse().map_err(|_| NotACursor)?;
        if position < 0 {
            return Err(NotACursor);
        }
        Ok(Self {
            epoch: Uuid::try_parse(epoch).map_err(|_| NotACursor)?,
            position,
            event: if event.is_empty() { None } else { Some(Uuid::try_parse(event).map_err(|_| NotACursor)?) },
        })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v4_a_cursor_is_opaque_text_that_reads_back() {
        let cursor = Cursor::new(Uuid::from_u128(7), 42, Some(Uuid::from_u128(9)));
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        let empty = Cursor::new(Uuid::from_u128(7), 0, None);
        assert_eq!(empty.to_string().parse::<Cursor>().unwrap(), empty);
        for text in ["", "1", "a.b.c", "00000000000000000000000000000007.-1."] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
