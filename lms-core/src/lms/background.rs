//! Everything that is due, in any number of processes, each job in one at a time (DESIGN §2a).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::watch;

use super::{Consumer, Lms};
use crate::error::Error;

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
    /// Events that were deleted because their time is over.
    pub trimmed: usize,
    /// What the consumers did.
    pub consumed: usize,
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

/// One thing that goes on beside the others.
#[derive(Clone, Copy)]
enum Work<'a> {
    /// The library's own.
    Core,
    Consumer(&'a dyn Consumer),
}

impl Background {
    /// With a named consumer.
    pub fn with(mut self, consumer: impl Consumer + 'static) -> Self {
        self.consumers.push(Arc::new(consumer));
        self
    }

    /// How long each part rests when nothing was due and nothing happened, and after a failure; 1 second
    /// unless set.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Runs until `shutdown` resolves, ends cleanly between two steps, and resumes after a kill
    /// where it was.
    ///
    /// The library's own work and each consumer go on side by side: one that is slow or fails keeps none of
    /// the others waiting.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let (stop, stopped) = watch::channel(false);
        let all = join_all(self.work().map(|work| self.go_on(work, stopped.clone())));
        tokio::pin!(shutdown, all);
        tokio::select! {
            biased;
            () = &mut shutdown => {}
            _ = &mut all => return,
        }
        stop.send_replace(true);
        all.await;
    }

    /// One round of everything, side by side, for cron and tests.
    ///
    /// # Errors
    /// The first failure; what the others did stays done.
    pub async fn tick(&self) -> Result<Tick, Error> {
        let mut round = Tick::default();
        let mut failed = None;
        for part in join_all(self.work().map(|work| self.once(work))).await {
            match part {
                Ok(part) => {
                    round.jobs += part.jobs;
                    round.expired += part.expired;
                    round.abandoned += part.abandoned;
                    round.blanked += part.blanked;
                    round.trimmed += part.trimmed;
                    round.consumed += part.consumed;
                }
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        failed.map_or(Ok(round), Err)
    }

    fn work(&self) -> impl Iterator<Item = Work<'_>> {
        std::iter::once(Work::Core).chain(self.consumers.iter().map(|consumer| Work::Consumer(consumer.as_ref())))
    }

    /// One step of one part; a failure is logged here.
    async fn once(&self, work: Work<'_>) -> Result<Tick, Error> {
        match work {
            Work::Core => self.lms.tick().await,
            Work::Consumer(consumer) => match self.lms.step(consumer).await {
                Ok(consumed) => Ok(Tick { consumed, ..Tick::default() }),
                Err(e) => {
                    let (consumer, code) = (consumer.name(), e.code());
                    tracing::warn!(consumer, code, "a step of background work failed and is tried again");
                    Err(e)
                }
            },
        }
    }

    /// One part, step after step, until it is told to stop.
    async fn go_on(&self, work: Work<'_>, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            let failed = match self.once(work).await {
                // More may be due at once.
                Ok(done) if done != Tick::default() => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(_) => false,
                Err(_) => true,
            };
            tokio::select! {
                _ = stopped.changed() => return,
                // What failed is not tried again at every commit of others.
                () = self.lms.inner.live.changed(), if !failed => {}
                () = tokio::time::sleep(self.pause) => {}
            }
        }
    }
}

/// Course jobs of one round.
const JOBS: usize = 16;

/// The first failure of several things that all are to be tried; each is logged.
#[derive(Default)]
struct First(Option<Error>);

impl First {
    fn note<T>(&mut self, what: &'static str, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(done) => Some(done),
            Err(e) => {
                tracing::warn!(what, code = e.code(), "background work failed and is tried again");
                self.0.get_or_insert(e);
                None
            }
        }
    }
}

impl Lms {
    /// Everything that is due, as one future; see [`Background`].
    pub fn background(&self) -> Background {
        Background { lms: self.clone(), consumers: Vec::new(), pause: Duration::from_secs(1) }
    }

    /// One round of the library's own work: open course jobs, attempts whose time is up, and in the record of
    /// AI calls those whose caller is gone and the texts whose time is over, and events that are no longer to be
    /// kept. What fails keeps nothing else from being done.
    ///
    /// # Errors
    /// The first failure; what was done beside it stays done.
    pub async fn tick(&self) -> Result<Tick, Error> {
        let mut tick = Tick::default();
        let mut first = First::default();
        let jobs = self.inner.store.open_jobs(500).await.map_err(Error::from);
        for job in first.note("course_jobs", jobs).unwrap_or_default() {
            if first.note("course_job", self.step_job(&job).await).is_some() {
                tick.jobs += 1;
            }
            if tick.jobs == JOBS {
                break;
            }
        }
        let host = self.system();
        let swept = first.note("expiry", host.quizzes().expire_due(200).await);
        tick.expired = swept.map_or(0, |swept| usize::try_from(swept.done).unwrap_or(usize::MAX));
        let abandoned = host.ai_log().sweep(super::ABANDONED_AFTER).await;
        tick.abandoned = first.note("abandoned_ai_calls", abandoned).unwrap_or_default();
        tick.blanked = first.note("expired_ai_texts", host.ai_log().blank_expired().await).unwrap_or_default();
        tick.trimmed = first.note("retention", self.trim().await).unwrap_or_default();
        first.0.map_or(Ok(tick), Err)
    }
}
