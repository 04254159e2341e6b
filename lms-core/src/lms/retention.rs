//! For how long events are kept (V4).

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Lms;
use crate::error::{Error, Refusal};
use crate::model::Timestamp;
use crate::store::Store;

/// Events of one transaction.
const CHUNK: u32 = 2_000;
/// Transactions of one round.
const CHUNKS: usize = 10;

/// How often the library's background looks for such events: it wakes at every commit, and days go by slowly.
const LOOK: Duration = Duration::from_secs(60);

const DAY_SECONDS: i64 = 86_400;

/// Refuses what was read above a position when events above it are no longer kept (V4). Looked at after the
/// read, so that nothing can go between the two.
pub(crate) async fn require_kept(store: &dyn Store, after: i64) -> Result<(), Error> {
    let oldest = store.ends().await?.oldest;
    // Below the first position there is nothing to have gone.
    if after.max(0).saturating_add(1) < oldest { Err(Refusal::Gone { oldest }.into()) } else { Ok(()) }
}

/// Refuses what was counted over the events after an instant when some of them are no longer kept.
pub(super) async fn require_kept_since(store: &dyn Store, after: Timestamp) -> Result<(), Error> {
    match store.ends().await?.gone_until {
        Some(kept_since) if kept_since > after => Err(Refusal::WindowGone { kept_since }.into()),
        _ => Ok(()),
    }
}

impl Lms {
    /// Deletes events whose time is over, chunk by chunk, as long as a round may take; how many.
    pub(super) async fn trim(&self) -> Result<usize, Error> {
        let Some(days) = self.inner.keep_events else { return Ok(0) };
        let before = self.now().plus_seconds(-i64::from(days) * DAY_SECONDS);
        let mut gone = 0;
        for _ in 0..CHUNKS {
            let chunk = self.inner.store.trim(before, CHUNK).await?;
            gone += usize::try_from(chunk).unwrap_or(usize::MAX);
            if chunk < u64::from(CHUNK) {
                self.retention().replace(Instant::now());
                break;
            }
        }
        Ok(gone)
    }

    /// The same, unless all that was due was deleted a moment ago.
    pub(super) async fn trim_now_and_then(&self) -> Result<usize, Error> {
        let looked = *self.retention();
        if looked.is_some_and(|at| at.elapsed() < LOOK) { Ok(0) } else { self.trim().await }
    }

    fn retention(&self) -> MutexGuard<'_, Option<Instant>> {
        self.inner.trimmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a named consumer that no longer runs, and its place in the log: while it is known, events that
    /// it has yet to handle are kept. False when there is none, or when a process holds its lease.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_consumer(&self, name: &str) -> Result<bool, Error> {
        Ok(self.inner.store.forget_consumer(name, self.now()).await?)
    }
}
