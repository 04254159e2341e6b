//! What happens after a commit: live events and states (V4, V5, V7).

mod cursor;
mod reader;
mod scope;
mod states;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::{Notify, mpsc};

pub use cursor::{Cursor, NotACursor};

use crate::error::{Error, Refusal};
use crate::lms::{CourseMetrics, Lms, Outline, Session};
use crate::model::{CourseId, Event, UserId};
use crate::store::{EventFilter, LogEnds, Store, fresh};
use reader::Reader;
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

/// How far the log was read for a subscriber who received nothing of it since (V7).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Reached {
    /// Resumes after all that was read.
    pub cursor: Cursor,
    /// The position up to which the log was read.
    pub scanned_to: i64,
}

/// What a subscriber who keeps its place receives.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum LiveItem {
    /// An event.
    Event(Box<LiveEvent>),
    /// Nothing but the place, at most once a second.
    Reached(Reached),
}

impl LiveItem {
    /// Resumes after this item.
    pub fn cursor(&self) -> &Cursor {
        match self {
            Self::Event(event) => &event.cursor,
            Self::Reached(reached) => &reached.cursor,
        }
    }
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
/// How often a subscriber looks whether the log is still the same one.
const LOOK: Duration = Duration::from_secs(3);

/// Checks a cursor against the log (V4); where the log ends.
async fn same_log(store: &dyn Store, cursor: &Cursor) -> Result<LogEnds, Error> {
    let ends = store.ends().await?;
    if cursor.epoch() != ends.epoch || cursor.position() > ends.head {
        return Err(Refusal::Resync {}.into());
    }
    if cursor.position().saturating_add(1) < ends.oldest {
        return Err(Refusal::Gone { oldest: ends.oldest }.into());
    }
    same_event(store, ends, cursor).await?;
    Ok(ends)
}

/// Checks that the event of a cursor stands where it stood, if it is kept.
async fn same_event(store: &dyn Store, ends: LogEnds, cursor: &Cursor) -> Result<(), Error> {
    if let Some(id) = cursor.event()
        && cursor.position() >= ends.oldest
    {
        let found = store.event_at(cursor.position()).await?;
        if found.is_none_or(|e| e.event.id.uuid() != id) {
            return Err(Refusal::Resync {}.into());
        }
    }
    Ok(())
}

/// The cursor of the log's last event.
async fn end_of(store: &dyn Store, ends: LogEnds) -> Result<Cursor, Error> {
    let id = store.event_at(ends.head).await?.map(|e| e.event.id.uuid());
    Ok(Cursor::new(ends.epoch, ends.head, id))
}

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
        end_of(&*self.store, ends).await
    }

    /// The events that the actor may receive and the filter wants, in order, each at least once,
    /// from right after `cursor` (from the present end without one), for as long as the stream is
    /// held. A right that is taken away ends the stream with SubscriptionEnded (V7).
    ///
    /// A host that keeps cursors takes [`Live::follow`]: its cursor moves on also while nothing is delivered.
    ///
    /// # Errors
    /// Resync for a cursor of another log; Gone for one older than the oldest event kept; Denied to graders and to AI; NotFound for a course
    /// that the actor may not see. The stream ends with Resync when the log becomes another one under it.
    pub async fn events(
        &self,
        session: &Session,
        filter: EventFilter,
        cursor: Option<Cursor>,
    ) -> Result<LiveStream<LiveEvent>, Error> {
        Ok(Box::pin(EventsOnly(self.read(session, filter, cursor).await?)))
    }

    /// The same events, and between them how far the log was read without one: a subscriber to whom little
    /// happens resumes from there, and does not read again what is not for it (V7).
    ///
    /// ```
    /// # async fn serve(lms: lms_core::Lms, session: lms_core::lms::Session, mut last: Option<lms_core::live::Cursor>)
    /// # -> Result<(), lms_core::Error> {
    /// use lms_core::live::LiveItem;
    ///
    /// let mut items = lms.live().follow(&session, Default::default(), last.clone()).await?;
    /// while let Some(item) = std::future::poll_fn(|cx| items.as_mut().poll_next(cx)).await {
    ///     let item = item?;
    ///     if let LiveItem::Event(event) = &item {
    ///         println!("{}", event.event.event.kind.as_str());
    ///     }
    ///     last = Some(item.cursor().clone());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Live::events`].
    pub async fn follow(
        &self,
        session: &Session,
        filter: EventFilter,
        cursor: Option<Cursor>,
    ) -> Result<LiveStream<LiveItem>, Error> {
        Ok(Box::pin(Receiver(self.read(session, filter, cursor).await?)))
    }

    async fn read(
        &self,
        session: &Session,
        filter: EventFilter,
        cursor: Option<Cursor>,
    ) -> Result<mpsc::Receiver<Result<LiveItem, Error>>, Error> {
        // The present end is after all that is committed by now, numbered already or not; so what stands up
        // to there is in the rows that the scope is loaded from.
        self.store.settle().await?;
        let ends = match &cursor {
            Some(cursor) => same_log(&*self.store, cursor).await?,
            None => self.store.ends().await?,
        };
        let cursor = cursor.unwrap_or_else(|| Cursor::new(ends.epoch, ends.head, None));
        let scope = Scope::load(session, &filter, ends.head).await?;
        // The channel holds a bounded number: a slow subscriber makes its own reader wait, nobody else's.
        let (to, from) = mpsc::channel(PAGE as usize);
        let reader = Reader::new(self.store.clone(), self.wake.clone(), filter, scope, cursor, to);
        tokio::spawn(reader.run());
        Ok(from)
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
        self.states(session.clone(), course, None, move |session| async move {
            session.analytics().course_metrics(course).await
        })
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
        self.states(session.clone(), course, Some(student), move |session| async move {
            session.overview().outline(course, student).await
        })
        .await
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
        self.wrote();
        Ok(self.store().ends().await?.head)
    }
}

struct Receiver<T>(mpsc::Receiver<T>);

impl<T> Stream for Receiver<T> {
    type Item = T;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

/// The events of a subscription, without the places between them.
struct EventsOnly(mpsc::Receiver<Result<LiveItem, Error>>);

impl Stream for EventsOnly {
    type Item = Result<LiveEvent, Error>;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return match self.0.poll_recv(cx) {
                Poll::Ready(Some(Ok(LiveItem::Reached(_)))) => continue,
                Poll::Ready(Some(Ok(LiveItem::Event(event)))) => Poll::Ready(Some(Ok(*event))),
                Poll::Ready(Some(Err(e))) => Poll::Ready(Some(Err(e))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            };
        }
    }
}
