//! Everything that is due, in any number of processes, each job in one at a time (DESIGN §2a).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::Lms;
use crate::error::Error;
use crate::model::Timestamp;
use crate::store::ConsumerState;

/// Background work that is handed in from above the core: PDFs, AI grading.
///
/// A consumer finds its work in the database, so that nothing is lost when it dies between two
/// steps; a lease lets it run in one process at a time.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Its name, unique in the database.
    fn name(&self) -> &str;
    /// Does what is due now, at most a bounded piece of it, and says how much it did; 0 = nothing
    /// was due.
    ///
    /// # Errors
    /// When it could not; it is tried again later.
    async fn step(&self, lms: &Lms) -> Result<usize, Error>;
}

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Tick {
    /// Steps of course jobs.
    pub jobs: usize,
    /// Attempts that were expired.
    pub expired: usize,
    /// AI calls of callers that are gone, marked as abandoned.
    pub abandoned: usize,
    /// AI calls whose texts were blanked because their time is over.
    pub blanked: usize,
    /// What the consumers did.
    pub consumed: usize,
}

/// How the library is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Health {
    /// The schema's version in the database.
    pub schema_version: i64,
    /// The version that this library needs.
    pub schema_needed: i64,
    /// The last position of the event log.
    pub head: i64,
    /// Wide changes that are not carried to every learner yet.
    pub open_jobs: usize,
    /// The named consumers and how far they are.
    pub consumers: Vec<(String, i64)>,
}

/// One future that does everything due.
#[must_use]
#[derive(Clone)]
pub struct Background {
    lms: Lms,
    consumers: Vec<Arc<dyn Consumer>>,
    pause: Duration,
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Background").field("consumers", &self.consumers.len()).finish_non_exhaustive()
    }
}

impl Background {
    /// With a named consumer.
    pub fn with(mut self, consumer: impl Consumer + 'static) -> Self {
        self.consumers.push(Arc::new(consumer));
        self
    }

    /// How long it rests when nothing was due and nothing happened; 1 second unless set.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Runs until `shutdown` resolves, ends cleanly between two steps, and resumes after a kill
    /// where it was.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        tokio::pin!(shutdown);
        loop {
            let busy = match self.tick().await {
                Ok(tick) => tick != Tick::default(),
                Err(e) => {
                    tracing::warn!(code = e.code(), "a round of background work failed and is tried again");
                    false
                }
            };
            if busy {
                // More may be due at once; only a shutdown stops it here.
                tokio::select! {
                    biased;
                    () = &mut shutdown => return,
                    () = tokio::task::yield_now() => {}
                }
                continue;
            }
            tokio::select! {
                () = &mut shutdown => return,
                () = self.lms.inner.live.changed() => {}
                () = tokio::time::sleep(self.pause) => {}
            }
        }
    }

    /// One round, for cron and tests.
    ///
    /// # Errors
    /// The first failure; what was done before it stays done.
    pub async fn tick(&self) -> Result<Tick, Error> {
        let mut tick = self.lms.tick().await?;
        for consumer in &self.consumers {
            tick.consumed += self.lms.with_lease(consumer.as_ref()).await?;
        }
        Ok(tick)
    }
}

/// How long a lease lasts (DETAILS 28).
const LEASE_SECONDS: i64 = 30;

impl Lms {
    /// Everything that is due, as one future; see [`Background`].
    pub fn background(&self) -> Background {
        Background { lms: self.clone(), consumers: Vec::new(), pause: Duration::from_secs(1) }
    }

    /// One round of the library's own work: open course jobs, attempts whose time is up, and in the record of
    /// AI calls those whose caller is gone and the texts whose time is over.
    ///
    /// # Errors
    /// The first failure; what was done before it stays done.
    pub async fn tick(&self) -> Result<Tick, Error> {
        let mut tick = Tick::default();
        for job in self.inner.store.open_jobs(16).await? {
            self.step_job(&job).await?;
            tick.jobs += 1;
        }
        let swept = self.system().quizzes().expire_due(200).await?;
        tick.expired = usize::try_from(swept.done).unwrap_or(usize::MAX);
        let host = self.system();
        tick.abandoned = host.ai_log().sweep(super::ABANDONED_AFTER).await?;
        tick.blanked = host.ai_log().blank_expired().await?;
        Ok(tick)
    }

    /// Runs one step of a consumer while this process holds its lease; 0 when another holds it.
    async fn with_lease(&self, consumer: &dyn Consumer) -> Result<usize, Error> {
        let now: Timestamp = self.now();
        let token = self.inner.ids.uuid(now);
        let until = now.plus_seconds(LEASE_SECONDS);
        let held: Option<ConsumerState> = self.inner.store.lease(consumer.name(), token, now, until).await?;
        if held.is_none() {
            return Ok(0);
        }
        let step = consumer.step(self);
        tokio::pin!(step);
        let done = loop {
            tokio::select! {
                done = &mut step => break done,
                () = tokio::time::sleep(Duration::from_secs(10)) => {
                    let now = self.now();
                    let until = now.plus_seconds(LEASE_SECONDS);
                    if self.inner.store.lease(consumer.name(), token, now, until).await?.is_none() {
                        // Another process took over while this one slept: what is left is theirs.
                        return Ok(0);
                    }
                }
            }
        };
        self.inner.store.release(consumer.name(), token).await?;
        done
    }

    /// How the library is: schema, log, jobs, consumers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn health(&self) -> Result<Health, Error> {
        let (schema_version, schema_needed) = self.inner.store.schema_version().await?;
        let ends = self.inner.store.ends().await?;
        let consumers = self.inner.store.consumers().await?;
        Ok(Health {
            schema_version,
            schema_needed,
            head: ends.head,
            open_jobs: self.inner.store.open_jobs(500).await?.len(),
            consumers: consumers.into_iter().map(|c| (c.name, c.position)).collect(),
        })
    }
}
