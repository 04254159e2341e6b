//! What happens after a commit: live events and states (V4, V5, V7).

mod cursor;
mod scope;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::{Notify, mpsc};

pub use cursor::{Cursor, NotACursor};

use crate::error::{Error, Refusal};
use crate::lms::{CourseMetrics, Lms, Outline, Session};
use crate::model::{CourseId, Event, UserId};
use crate::store::{EventFilter, Store, fresh};
use scope::Scope;

/// An event as a subscriber receives it: with the cursor to resume after it, and how far the log was
/// read for it (V7).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct LiveEvent {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// Resumes right after this event.
    pub cursor: Cursor,
    /// The position up to which the log was read.
    pub scanned_to: i64,
}

/// A stream of live things.
pub type LiveStream<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

/// Live subscriptions over the event log.
///
/// Every subscriber reads the log's table from its own cursor: it misses nothing, is slowed by
/// nobody, and slows nobody; commits only wake it up.
pub struct Live {
    store: Arc<dyn Store>,
    wake: Arc<Notify>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

/// Events per read.
const PAGE: u32 = 500;
/// How long a subscriber rests when nobody wakes it: the poll behind the hints.
const POLL: Duration = Duration::from_millis(250);

impl Live {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, wake: Arc::new(Notify::new()) }
    }

    /// Wakes the subscribers of this process.
    pub(crate) fn wake(&self) {
        self.wake.notify_waiters();
    }

    /// Resolves when something may have been written, here or in another process.
    pub(crate) async fn changed(&self) {
        tokio::select! {
            () = self.wake.notified() => {}
            () = self.store.wait() => {}
        }
    }

    /// Where the log ends now: a subscription from here receives what comes after.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn head(&self) -> Result<Cursor, Error> {
        self.store.settle().await?;
        let ends = self.store.ends().await?;
        let id = self.store.event_at(ends.head).await?.map(|e| e.event.id.uuid());
        Ok(Cursor::new(ends.epoch, ends.head, id))
    }

    /// Checks a cursor against the log: the position after which to read.
    async fn resume(&self, cursor: &Cursor) -> Result<i64, Error> {
        let ends = self.store.ends().await?;
        if cursor.epoch() != ends.epoch || cursor.position() > ends.head {
            return Err(Refusal::Resync {}.into());
        }
        if cursor.position() + 1 < ends.oldest {
            return Err(Refusal::Gone { oldest: ends.oldest }.into());
        }
        if let Some(id) = cursor.event()
            && cursor.position() >= ends.oldest
        {
            let found = self.store.event_at(cursor.position()).await?;
            if found.is_none_or(|e| e.event.id.uuid() != id) {
                return Err(Refusal::Resync {}.into());
            }
        }
        Ok(cursor.position())
    }

    /// The events that the actor may receive and the filter wants, in order, each at least once,
    /// from right after `cursor` (from the present end without one), for as long as the stream is
    /// held. A right that is taken away ends the stream with SubscriptionEnded (V7).
    ///
    /// # Errors
    /// Resync for a cursor of another log; Gone for one older than the oldest event kept; Denied to graders; NotFound for a course
    /// that the actor may not see.
    pub async fn events(
        &self,
        session: &Session,
        filter: EventFilter,
        cursor: Option<Cursor>,
    ) -> Result<LiveStream<LiveEvent>, Error> {
        if cursor.is_none() {
            // The present end is after all that is committed by now, numbered already or not.
            self.store.settle().await?;
        }
        let ends = self.store.ends().await?;
        let mut after = match &cursor {
            Some(cursor) => self.resume(cursor).await?,
            None => ends.head,
        };
        let epoch = ends.epoch;
        let mut scope = Scope::load(session, &filter).await?;
        let (store, wake) = (self.store.clone(), self.wake.clone());
        // The channel holds a bounded number: a slow subscriber makes its own reader wait, nobody else's.
        let (to, from) = mpsc::channel(PAGE as usize);
        tokio::spawn(async move {
            loop {
                let woken = wake.notified();
                tokio::pin!(woken);
                woken.as_mut().enable();
                let page = match store.events(after, &scope.widened(&filter), PAGE).await {
                    Ok(page) => page,
                    Err(e) if e.is_retryable() => {
                        tokio::time::sleep(POLL).await;
                        continue;
                    }
                    Err(e) => {
                        let _ = to.send(Err(Error::from(e))).await;
                        return;
                    }
                };
                let full = page.len() >= PAGE as usize;
                let scanned_to = page.last().map_or(after, |e| e.position);
                for event in page {
                    after = event.position;
                    if scope.ends_with(&event) {
                        let _ = to.send(Err(Refusal::SubscriptionEnded {}.into())).await;
                        return;
                    }
                    if !filter.wants(&event.event) || !scope.allows(&event) {
                        continue;
                    }
                    let cursor = Cursor::new(epoch, event.position, Some(event.event.id.uuid()));
                    if to.send(Ok(LiveEvent { event, cursor, scanned_to })).await.is_err() {
                        return;
                    }
                }
                if !full {
                    tokio::select! {
                        () = to.closed() => return,
                        () = &mut woken => {}
                        () = store.wait() => {}
                        () = tokio::time::sleep(POLL) => {}
                    }
                }
            }
        });
        Ok(Box::pin(Receiver(from)))
    }

    /// The course's numbers now and after every change, coalesced: the last one is the latest (V5).
    ///
    /// # Errors
    /// NotFound to all who may not read them.
    pub async fn course_metrics(
        &self,
        session: &Session,
        course: CourseId,
    ) -> Result<LiveStream<CourseMetrics>, Error> {
        fresh(session.analytics().course_metrics(course)).await?;
        self.states(
            session.clone(),
            course,
            move |session| async move { session.analytics().course_metrics(course).await },
        )
        .await
    }

    /// Where a learner stands now and after every change, coalesced (V5).
    ///
    /// # Errors
    /// NotFound to all who may not read it.
    pub async fn learner_progress(
        &self,
        session: &Session,
        course: CourseId,
        student: UserId,
    ) -> Result<LiveStream<Outline>, Error> {
        session.overview().outline(course, student).await?;
        self.states(
            session.clone(),
            course,
            move |session| async move { session.overview().outline(course, student).await },
        )
        .await
    }

    async fn states<T, F, Fut>(&self, session: Session, course: CourseId, read: F) -> Result<LiveStream<T>, Error>
    where
        T: Send + 'static,
        F: Fn(Session) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send,
    {
        let filter = EventFilter { course: Some(course), ..EventFilter::default() };
        let mut after = self.store.ends().await?.head;
        let (store, wake) = (self.store.clone(), self.wake.clone());
        let (to, from) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let state = fresh(read(session.clone())).await;
                let ends = state.is_err();
                if to.send(state).await.is_err() || ends {
                    return;
                }
                // Wait for the next event of the course; many at once become one read.
                loop {
                    let woken = wake.notified();
                    tokio::pin!(woken);
                    woken.as_mut().enable();
                    match store.events(after, &filter, PAGE).await {
                        Ok(page) => {
                            if let Some(last) = page.last() {
                                after = last.position;
                                break;
                            }
                        }
                        Err(e) if e.is_retryable() => {}
                        Err(e) => {
                            let _ = to.send(Err(e.into())).await;
                            return;
                        }
                    }
                    tokio::select! {
                        () = to.closed() => return,
                        () = &mut woken => {}
                        () = store.wait() => {}
                        () = tokio::time::sleep(POLL) => {}
                    }
                }
            }
        });
        Ok(Box::pin(Receiver(from)))
    }
}

impl Lms {
    /// Waits until the log's positions cover all that was committed before the call, wakes every
    /// subscriber of this process, and says where the log ends.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn settle(&self) -> Result<i64, Error> {
        self.store().settle().await?;
        self.committed();
        Ok(self.store().ends().await?.head)
    }
}

struct Receiver<T>(mpsc::Receiver<T>);

impl<T> Stream for Receiver<T> {
    type Item = T;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}
