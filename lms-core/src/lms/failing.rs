//! Background work that fails: how long it rests, and what health() says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde::Serialize;
use tokio::time::Instant;

use super::Lms;
use crate::error::Error;
use crate::model::Timestamp;
use crate::store::StoreErrorKind;

/// Background work of this process that failed when it was last tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Failing {
    /// What it is: `course_job`, `overdue_attempt`, `retention`, `consumer`, …
    pub what: &'static str,
    /// Which one: the id of the job or attempt, the name of the consumer.
    pub which: Option<String>,
    /// The code of its last error.
    pub code: &'static str,
    /// Since when it fails.
    pub since: Timestamp,
    /// How often in a row.
    pub times: u64,
}

type Name = (&'static str, Option<String>);

struct Entry {
    code: &'static str,
    since: Timestamp,
    times: u64,
    tried: Instant,
}

/// What fails in this process.
#[derive(Default)]
pub(crate) struct FailingWork(Mutex<BTreeMap<Name, Entry>>);

impl FailingWork {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<Name, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it.
    pub(super) fn list(&self) -> Vec<Failing> {
        let entry = |((what, which), entry): (&Name, &Entry)| Failing {
            what,
            which: which.clone(),
            code: entry.code,
            since: entry.since,
            times: entry.times,
        };
        self.entries().iter().map(entry).collect()
    }

    /// Forgets those of a kind that are not there any more.
    fn keep(&self, what: &'static str, there: &BTreeSet<String>) {
        self.entries().retain(|(of, which), _| *of != what || which.as_ref().is_some_and(|id| there.contains(id)));
    }
}

/// One round of several things, each of which is to be tried whatever the others do.
pub(super) struct Round<'a> {
    lms: &'a Lms,
    /// For how long what failed is left alone; none to try everything.
    rest: Option<Duration>,
    /// How many failed.
    pub(super) failed: usize,
    /// The first failure.
    pub(super) first: Option<Error>,
    /// Whether the last failure was that the store is away.
    is_store_away: bool,
}

/// What work comes to; a panic in it is a failure like any other, and ends nothing beside it. What it leaves broken is
/// its own: it is dropped here, and what it was to write is a whole batch or nothing.
pub(super) async fn caught<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(Error::Panicked))
}

/// Whether an error says that the store is away.
pub(super) fn is_store_away(error: &Error) -> bool {
    matches!(error, Error::Store(e) if matches!(e.kind(), StoreErrorKind::Unavailable))
}

impl<'a> Round<'a> {
    pub(super) const fn new(lms: &'a Lms, rest: Option<Duration>) -> Self {
        Self { lms, rest, failed: 0, first: None, is_store_away: false }
    }

    /// Tries one thing, unless it failed a moment ago; what it gave, if it went well. A failure is logged,
    /// and stands in health() until it goes well.
    pub(super) async fn attempt<T>(
        &mut self,
        what: &'static str,
        which: Option<String>,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Option<T> {
        let failing = &self.lms.inner.failing;
        let name = (what, which);
        if self.is_resting_name(&name) {
            return None;
        }
        match caught(work).await {
            Ok(done) => {
                failing.entries().remove(&name);
                Some(done)
            }
            Err(e) => {
                let (which, code) = (name.1.as_deref(), e.code());
                tracing::warn!(what, which, code, "background work failed and is tried again");
                let now = self.lms.now();
                let mut entries = failing.entries();
                let entry = entries.entry(name).or_insert(Entry { code, since: now, times: 0, tried: Instant::now() });
                (entry.code, entry.times, entry.tried) = (code, entry.times.saturating_add(1), Instant::now());
                self.failed += 1;
                self.is_store_away = is_store_away(&e);
                self.first.get_or_insert(e);
                None
            }
        }
    }

    /// Whether what failed last failed because the store is away: what comes next would fail as well.
    pub(super) const fn is_store_away(&self) -> bool {
        self.is_store_away
    }

    /// Whether what failed a moment ago is left alone.
    pub(super) const fn rests(&self) -> bool {
        self.rest.is_some()
    }

    /// Whether it failed a moment ago and is left alone.
    pub(super) fn is_resting(&self, what: &'static str, which: &str) -> bool {
        self.is_resting_name(&(what, Some(which.to_owned())))
    }

    fn is_resting_name(&self, name: &Name) -> bool {
        let entries = || self.lms.inner.failing.entries();
        self.rest.is_some_and(|rest| entries().get(name).is_some_and(|entry| entry.tried.elapsed() < rest))
    }

    /// Forgets the failures of what is not there any more.
    pub(super) fn only(&self, what: &'static str, there: &BTreeSet<String>) {
        self.lms.inner.failing.keep(what, there);
    }
}
