//! Time, ids and randomness come in through ports, so that tests can hold them still.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::RngCore;
use uuid::Uuid;

use crate::model::Timestamp;

/// Where `now` comes from.
pub trait Clock: Send + Sync {
    /// The instant now, at microseconds.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock port")]
    fn now(&self) -> Timestamp {
        Timestamp::new(chrono::Utc::now())
    }
}

/// Where ids, seeds and codes come from.
pub trait Ids: Send + Sync {
    /// A new UUID; the library's own are version 7 and ascend within a process.
    fn uuid(&self, now: Timestamp) -> Uuid;
    /// Random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

impl<I: Ids + ?Sized> Ids for Arc<I> {
    fn uuid(&self, now: Timestamp) -> Uuid {
        (**self).uuid(now)
    }
    fn fill(&self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }
}

/// UUID v7 and the operating system's randomness.
#[derive(Debug, Default)]
pub struct RandomIds {
    last: Mutex<u64>,
}

impl Ids for RandomIds {
    fn uuid(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.as_micros().div_euclid(1_000)).unwrap_or(0);
        let sub = u64::try_from(now.as_micros().rem_euclid(1_000)).unwrap_or(0);
        // 48 bits of milliseconds and 12 of a counter that starts at the microsecond: ascending
        // within the process, whatever the clock does.
        let mut tick = (millis << 12) | (sub << 2);
        {
            let mut last = match self.last.lock() {
                Ok(guard) => guard,
                Err(poisoned) => poisoned.into_inner(),
            };
            if tick <= *last {
                tick = *last + 1;
            }
            *last = tick;
        }
        let mut random = [0_u8; 8];
        self.fill(&mut random);
        let high = ((tick >> 12) << 16) | 0x7000 | (tick & 0xfff);
        let low = (u64::from_be_bytes(random) & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        Uuid::from_u64_pair(high, low)
    }

    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// A wait of up to `most`, by chance: what keeps losers of a race apart.
pub(crate) fn jitter(ids: &dyn Ids, most: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    ids.fill(&mut byte);
    let [byte] = byte;
    most.mul_f64(f64::from(byte) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_v7_and_ascend_when_the_clock_stands_still() {
        let ids = RandomIds::default();
        let now = Timestamp::from_micros(1_790_000_000_000_000).unwrap();
        let drawn: Vec<Uuid> = (0..10_000).map(|_| ids.uuid(now)).collect();
        assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(drawn.iter().all(|id| id.get_version_num() == 7));
    }
}
