//! One subscriber's reader: it walks the log and passes on what the subscriber may have (V4, V7).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::scope::Scope;
use super::{Cursor, LOOK, LiveEvent, LiveItem, PAGE, POLL, Reached, end_of, same_event, same_log};
use crate::error::{Error, Refusal};
use crate::lms::require_kept;
use crate::store::{EventFilter, Store};

/// The least time from one place without an event to the next.
const TELL: Duration = Duration::from_secs(1);

/// The subscriber holds its stream no longer.
struct Left;

pub(super) struct Reader {
    store: Arc<dyn Store>,
    wake: Arc<Notify>,
    filter: EventFilter,
    scope: Scope,
    to: mpsc::Sender<Result<LiveItem, Error>>,
    /// Up to where it has read.
    cursor: Cursor,
    /// Where it was at the last look: an event that must still be there, also when a log that was put back has
    /// grown past it meanwhile.
    anchor: Cursor,
    /// The last position that the subscriber knows of.
    told: i64,
    /// When it was last told of a place without an event.
    told_at: Option<Instant>,
    /// When the log was last seen to be the same; none after a failure, which may have been a failover.
    looked_at: Option<Instant>,
}

impl Reader {
    pub(super) fn new(
        store: Arc<dyn Store>,
        wake: Arc<Notify>,
        filter: EventFilter,
        scope: Scope,
        cursor: Cursor,
        to: mpsc::Sender<Result<LiveItem, Error>>,
    ) -> Self {
        let (told, anchor) = (cursor.position(), cursor.clone());
        Self { store, wake, filter, scope, to, cursor, anchor, told, told_at: None, looked_at: Some(Instant::now()) }
    }

    pub(super) async fn run(mut self) {
        let wake = self.wake.clone();
        loop {
            let woken = wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let full = match self.page().await {
                Ok(Ok(full)) => full,
                Ok(Err(Left)) => return,
                Err(Error::Store(e)) if e.is_retryable() => {
                    self.looked_at = None;
                    tokio::time::sleep(POLL).await;
                    continue;
                }
                Err(e) => {
                    let _ = self.to.send(Err(e)).await;
                    return;
                }
            };
            if !full {
                tokio::select! {
                    () = self.to.closed() => return,
                    () = &mut woken => {}
                    () = self.store.wait() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
    }

    /// Reads a page and passes it on; whether there may be more at once.
    async fn page(&mut self) -> Result<Result<bool, Left>, Error> {
        // Looked at before the page: what the page then does not hold up to there is not for this subscriber.
        let end = self.look().await?;
        let from = self.cursor.position();
        let page = self.store.events(from, &self.scope.widened(&self.filter), PAGE).await?;
        // A page that does not go on from its place leaves out what the store's filter does, or what is no longer
        // kept.
        if page.first().map_or(end.is_some(), |event| event.position > from + 1) {
            require_kept(&*self.store, from).await?;
        }
        let full = page.len() >= PAGE as usize;
        let scanned_to = page.last().map_or(self.cursor.position(), |e| e.position);
        for event in page {
            self.cursor = Cursor::new(self.cursor.epoch(), event.position, Some(event.event.id.uuid()));
            if self.scope.ends_with(&event) {
                return Err(Refusal::SubscriptionEnded {}.into());
            }
            if !self.filter.wants(&event.event) || !self.scope.allows(&event) {
                continue;
            }
            self.told = event.position;
            let live = LiveEvent { event, cursor: self.cursor.clone(), scanned_to };
            if self.to.send(Ok(LiveItem::Event(Box::new(live)))).await.is_err() {
                return Ok(Err(Left));
            }
        }
        if let Some(end) = end
            && !full
            && end.position() > self.cursor.position()
        {
            self.cursor = end;
        }
        Ok(self.tell().await.map(|()| full))
    }

    /// Every few seconds: whether the log is still the one that the cursor is of (V4), and where it ends.
    async fn look(&mut self) -> Result<Option<Cursor>, Error> {
        if self.looked_at.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(None);
        }
        let ends = same_log(&*self.store, &self.cursor).await?;
        if self.anchor != self.cursor {
            same_event(&*self.store, ends, &self.anchor).await?;
            self.anchor = self.cursor.clone();
        }
        self.looked_at = Some(Instant::now());
        if ends.head <= self.cursor.position() {
            return Ok(None);
        }
        end_of(&*self.store, ends).await.map(Some)
    }

    /// Says how far it has read, if that is news.
    async fn tell(&mut self) -> Result<(), Left> {
        let position = self.cursor.position();
        if position <= self.told || self.told_at.is_some_and(|at| at.elapsed() < TELL) {
            return Ok(());
        }
        self.told = position;
        self.told_at = Some(Instant::now());
        let reached = Reached { cursor: self.cursor.clone(), scanned_to: position };
        self.to.send(Ok(LiveItem::Reached(reached))).await.map_err(|_| Left)
    }
}
