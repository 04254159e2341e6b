//! Who else is calling: a caller alone is served where it stands, as long as that is kind to its runtime.
//!
//! A wake-up of a sleeping thread costs more than all of SQLite's work on a small command. With others about
//! there is no sleeping thread, and the wake-ups are shared; alone there are four in a command. See decision 0008.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

/// A commit that took less is quick, not counting its changes.
const QUICK: Duration = Duration::from_micros(400);
/// What a change may take of its own.
const CHANGE: Duration = Duration::from_micros(20);
/// After so many quick commits the next one may be expected to be quick, too.
const USUAL: u32 = 8;

/// The calls that a store is serving, and how its commits go.
#[derive(Debug, Default)]
pub(crate) struct Company {
    calls: AtomicUsize,
    /// Quick commits since the last slow one.
    quick: AtomicU32,
}

/// One call, until it is dropped.
#[derive(Debug)]
pub(crate) struct Call<'a>(&'a Company);

impl Company {
    pub(crate) fn enter(&self) -> Call<'_> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Call(self)
    }

    /// Nobody calls but the one who asks, or the one who has just been answered.
    pub(crate) fn alone(&self) -> bool {
        self.calls.load(Ordering::Relaxed) <= 1
    }

    /// How long a commit of a single batch of so many changes took.
    pub(crate) fn took(&self, time: Duration, changes: usize) {
        let changes = u32::try_from(changes).unwrap_or(u32::MAX);
        if time < QUICK.saturating_add(CHANGE.saturating_mul(changes)) {
            let more = self.quick.load(Ordering::Relaxed).saturating_add(1);
            self.quick.store(more, Ordering::Relaxed);
        } else {
            self.quick.store(0, Ordering::Relaxed);
        }
    }

    /// Whether commits are quick here, as they are in memory and on a disk that need not wait for a flush.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick.load(Ordering::Relaxed) >= USUAL
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_until_they_end() {
        let company = Company::default();
        assert!(company.alone(), "nobody calls");
        let first = company.enter();
        assert!(company.alone(), "the one who asks");
        let second = company.enter();
        assert!(!company.alone(), "two");
        drop(first);
        drop(second);
        assert!(company.alone());
    }

    #[test]
    fn one_slow_commit_ends_the_habit() {
        let company = Company::default();
        (0..USUAL).for_each(|_| {
            assert!(!company.is_quick(), "not usual yet");
            company.took(Duration::from_micros(50), 2);
        });
        assert!(company.is_quick());
        company.took(Duration::from_millis(5), 2);
        assert!(!company.is_quick(), "this disk waits for its flushes");
    }
}
