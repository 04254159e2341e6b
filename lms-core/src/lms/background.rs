//! Everything that is due, in any number of processes, each job in one at a time (DESIGN §2a).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::watch;

use super::failing::Round;
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
    /// What could not be done: health() says what and why.
    pub failed: usize,
}

impl Tick {
    /// Whether nothing was done.
    fn is_idle(self) -> bool {
        Self { failed: 0, ..self } == Self::default()
    }

    /// What was done, or, where nothing was, why.
    fn or(self, first: Option<Error>) -> Result<Self, Error> {
        match first {
            Some(e) if self.is_idle() => Err(e),
            _ => Ok(self),
        }
    }
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
    /// The library's own work and each consumer go on side by side: one that is slow, fails or panics keeps none
    /// of the others waiting. A panic is a failure like any other, unless the program is built to abort at one.
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

    /// One round of everything, side by side, for cron and tests. What fails keeps nothing else from being done;
    /// it is counted, and [`Lms::health`] says what it was.
    ///
    /// # Errors
    /// The first failure, where nothing was done beside it.
    pub async fn tick(&self) -> Result<Tick, Error> {
        let mut round = Tick::default();
        let mut first = None;
        for (part, failure, _) in join_all(self.work().map(|work| self.once(work, None))).await {
            round.jobs += part.jobs;
            round.expired += part.expired;
            round.abandoned += part.abandoned;
            round.blanked += part.blanked;
            round.trimmed += part.trimmed;
            round.consumed += part.consumed;
            round.failed += part.failed;
            first = first.or(failure);
        }
        round.or(first)
    }

    fn work(&self) -> impl Iterator<Item = Work<'_>> {
        std::iter::once(Work::Core).chain(self.consumers.iter().map(|consumer| Work::Consumer(consumer.as_ref())))
    }

    /// One step of one part, its first failure, and whether more of it is due whatever came of this one. What failed
    /// less than `rest` ago is left alone, where the part is made of several things.
    async fn once(&self, work: Work<'_>, rest: Option<Duration>) -> (Tick, Option<Error>, bool) {
        match work {
            Work::Core => self.lms.round(rest).await,
            Work::Consumer(consumer) => {
                let mut round = Round::new(&self.lms, None);
                let step = round.attempt("consumer", Some(consumer.name().to_owned()), self.lms.step(consumer)).await;
                (
                    Tick { consumed: step.unwrap_or_default(), failed: round.failed, ..Tick::default() },
                    round.first,
                    false,
                )
            }
        }
    }

    /// One part, step after step, until it is told to stop.
    async fn go_on(&self, work: Work<'_>, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            let (done, _, is_cut) = self.once(work, Some(self.pause)).await;
            if !done.is_idle() || is_cut {
                // More may be due at once.
                tokio::task::yield_now().await;
                continue;
            }
            // What failed is not tried again at every commit of others. Of the library's own work only that rests
            // which failed.
            let listens = done.failed == 0 || matches!(work, Work::Core);
            tokio::select! {
                _ = stopped.changed() => return,
                () = self.lms.inner.live.changed(), if listens => {}
                () = tokio::time::sleep(self.pause) => {}
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
    /// kept. What fails keeps nothing else from being done; it is counted, and [`Lms::health`] says what it was.
    ///
    /// # Errors
    /// The first failure, where nothing was done beside it.
    pub async fn tick(&self) -> Result<Tick, Error> {
        let (tick, first, _) = self.round(None).await;
        tick.or(first)
    }

    /// One round, its first failure, and whether jobs or attempts have yet to get their turn. What failed less than
    /// `rest` ago is left alone.
    async fn round(&self, rest: Option<Duration>) -> (Tick, Option<Error>, bool) {
        let mut tick = Tick::default();
        let mut round = Round::new(self, rest);
        let host = self.system();
        let mut each = Round::new(self, rest);
        let turn = self.expiry_turn(&mut each);
        let expired = round.attempt("expiry", None, turn).await.unwrap_or_default();
        tick.expired = expired.done;
        let abandoned = async { host.ai_log().sweep().await };
        tick.abandoned = round.attempt("abandoned_ai_calls", None, abandoned).await.unwrap_or_default();
        let blanked = async { host.ai_log().blank_expired().await };
        tick.blanked = round.attempt("expired_ai_texts", None, blanked).await.unwrap_or_default();
        // By hand at once; in the background, which wakes at every commit, now and then.
        let trimmed = async { if rest.is_some() { self.trim_now_and_then().await } else { self.trim().await } };
        tick.trimmed = round.attempt("retention", None, trimmed).await.unwrap_or_default();
        // Last: there may be many, and slow ones, and the rest is soon done.
        let turn = self.jobs_turn(&mut each);
        let jobs = round.attempt("course_jobs", None, turn).await.unwrap_or_default();
        tick.jobs = jobs.done;
        tick.failed = round.failed + each.failed;
        (tick, round.first.or(each.first), expired.is_cut || jobs.is_cut)
    }
}
