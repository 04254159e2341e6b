//! Named consumers: background work from above the core, each in one process at a time (V6).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::Lms;
use super::failing::caught;
use crate::error::{Error, Refusal};
use crate::model::Event;
use crate::store::{Change, EventFilter, Expect, StoreErrorKind, WriteBatch};

/// How long a lease lasts (DETAILS 28).
const LEASE_SECONDS: i64 = 30;
/// How often it is renewed while a step runs.
const RENEW: Duration = Duration::from_secs(10);
/// How soon a renewal that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Background work that is handed in from above the core: PDFs, AI grading, a host's own.
///
/// A lease lets it run in one process at a time. What is due stands in the database, so that nothing is lost
/// when it dies between two steps: as rows that are open (the library's own consumers), or as the events
/// after [`Lease::position`].
///
/// ```
/// use lms_core::lms::{Consumer, HostEvent, Lease};
/// use lms_core::model::EventKind;
/// use lms_core::{Error, Lms};
///
/// /// Greets everyone who completes a course, each once, whatever crashes.
/// struct Greeter;
///
/// #[async_trait::async_trait]
/// impl Consumer for Greeter {
///     fn name(&self) -> &str {
///         "acme_greeter"
///     }
///     async fn step(&self, lms: &Lms, lease: &Lease) -> Result<usize, Error> {
///         let events = lease.events(&Default::default(), 50).await?;
///         for told in &events {
///             let (EventKind::CourseCompleted, Some(course_id)) = (&told.event.kind, told.event.course_id) else {
///                 continue;
///             };
///             let greeting = HostEvent {
///                 kind: "acme.greeted".to_owned(),
///                 course_id,
///                 student_id: told.event.student_id,
///                 learner_initiated: false,
///                 metadata: None,
///             };
///             let planned =
///                 lms.system().plan(|s| async move { s.activity().record(greeting).await }).await?;
///             lease.write(planned.batch, told.position).await?;
///         }
///         if let Some(last) = events.last() {
///             lease.write(Default::default(), last.position).await?;
///         }
///         Ok(events.len())
///     }
/// }
/// ```
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Its name, unique in the database.
    fn name(&self) -> &str;
    /// Does what is due now, at most a bounded piece of it, and says how much it did; 0 = nothing
    /// was due. The lease is held and renewed meanwhile.
    ///
    /// # Errors
    /// When it could not; it is tried again later.
    async fn step(&self, lms: &Lms, lease: &Lease) -> Result<usize, Error>;
}

#[async_trait]
impl<C: Consumer + ?Sized> Consumer for Arc<C> {
    fn name(&self) -> &str {
        (**self).name()
    }
    async fn step(&self, lms: &Lms, lease: &Lease) -> Result<usize, Error> {
        (**self).step(lms, lease).await
    }
}

/// How often a new consumer is placed at the oldest event while others delete it.
const PLACINGS: usize = 16;

/// A consumer's turn, and its place in the log.
///
/// What is written through it is fenced: once another process has taken the consumer over, nothing is, however
/// long this one was paused. What a step writes in other ways must be right when it is written twice or late.
#[derive(Debug)]
pub struct Lease {
    lms: Lms,
    name: String,
    token: Uuid,
    position: AtomicI64,
    /// Whether it has a place in the log.
    placed: AtomicBool,
}

impl Lease {
    /// The position up to which the consumer has handled the log: as it was when the lease was taken, or
    /// after the last [`Lease::write`] through it. 0 for a consumer without a place in the log: one that is new, or
    /// finds its work in rows.
    pub fn position(&self) -> i64 {
        self.position.load(Ordering::Acquire)
    }

    /// The events after its place that the filter wants, in order, at most `limit` (≤ 2,000). A consumer without
    /// a place begins at the oldest event that is kept; from then on none that it has yet to handle is deleted
    /// ([`Builder::keep_events`](super::Builder::keep_events)).
    ///
    /// # Errors
    /// When the store cannot be read; LeaseLost as of [`Lease::write`]. Gone where events after its place are no
    /// longer kept, because it was forgotten meanwhile: with an empty write to `oldest - 1` it goes on there.
    pub async fn events(&self, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, Error> {
        let store = self.lms.store();
        store.settle().await?;
        let is_new = !self.placed.load(Ordering::Acquire);
        for _ in 0..PLACINGS {
            if is_new {
                // What was the oldest may be deleted before the place is known: then it is placed anew.
                self.write(WriteBatch::default(), store.ends().await?.oldest - 1).await?;
            }
            let from = self.position();
            let events = store.events(from, filter, limit).await?;
            match super::retention::require_kept(store.as_ref(), from).await {
                Ok(()) => return Ok(events),
                Err(Error::Refused(Refusal::Gone { .. })) if is_new => {}
                Err(e) => return Err(e),
            }
        }
        Err(Error::Busy)
    }

    /// The batch as it may be written under this lease only, together with the consumer's new place: for a
    /// host that writes it in a transaction of its own, beside its own rows. A store answers it with a conflict
    /// once the lease is another's.
    #[must_use]
    pub fn fenced(&self, mut batch: WriteBatch, position: i64) -> WriteBatch {
        batch.expect.insert(0, Expect::Lease { name: self.name.clone(), token: self.token });
        batch.changes.push(Change::AdvanceConsumer { name: self.name.clone(), position });
        batch
    }

    /// Writes a batch (of [`Session::plan`](super::Session::plan), or an empty one) and moves the consumer to
    /// a position, both or neither. An event whose effect is written so has it once, whatever crashes.
    ///
    /// # Errors
    /// LeaseLost when another process has taken the consumer over; nothing was written then, and the step
    /// should end. The store's conflict when the batch is out of date: plan it again, now or in the next step.
    pub async fn write(&self, batch: WriteBatch, position: i64) -> Result<(), Error> {
        let written = self.lms.store().write(Arc::new(self.fenced(batch, position))).await;
        match written {
            Ok(_) => {
                self.position.store(position, Ordering::Release);
                self.placed.store(true, Ordering::Release);
                self.lms.wrote();
                Ok(())
            }
            Err(e) if matches!(e.kind(), StoreErrorKind::Conflict { expect: Some(0) }) => {
                Err(Refusal::LeaseLost {}.into())
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Holds it for longer; false when another process has taken the consumer over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn renew(&self) -> Result<bool, Error> {
        let now = self.lms.now();
        let until = now.plus_seconds(LEASE_SECONDS);
        let Some(state) = self.lms.store().lease(&self.name, self.token, now, until).await? else { return Ok(false) };
        // Forgotten meanwhile, and made anew by this renewal: what it had yet to handle is no longer kept for it.
        let is_lost = self.placed.load(Ordering::Acquire) && state.position.is_none();
        if is_lost {
            self.lms.store().release(&self.name, self.token).await?;
        }
        Ok(!is_lost)
    }

    /// Gives it back, so that another process need not wait until it is over.
    ///
    /// # Errors
    /// When the store fails; it is over by itself after half a minute.
    pub async fn release(self) -> Result<(), Error> {
        Ok(self.lms.store().release(&self.name, self.token).await?)
    }
}

impl Lease {
    /// Renews it for as long as it can be; ends when it is another's. A failure of the store ends nothing: what
    /// is left of the lease is time to try again.
    async fn keep(&self) {
        let mut pause = RENEW;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.renew().await {
                Ok(true) => RENEW,
                Ok(false) => return,
                Err(e) => {
                    tracing::warn!(consumer = self.name, code = e.code(), "a lease is not renewed, and tried again");
                    AGAIN
                }
            };
        }
    }
}

impl Lms {
    /// Takes a consumer's lease for half a minute; `None` while another holds it. [`Background`](super::Background)
    /// does so by itself: this is for a host with a loop of its own, and for tests of a consumer.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn lease(&self, name: &str) -> Result<Option<Lease>, Error> {
        let now = self.now();
        let token = self.inner.ids.uuid(now);
        let held = self.inner.store.lease(name, token, now, now.plus_seconds(LEASE_SECONDS)).await?;
        Ok(held.map(|state| Lease {
            lms: self.clone(),
            name: state.name,
            token,
            position: AtomicI64::new(state.position.unwrap_or(0)),
            placed: AtomicBool::new(state.position.is_some()),
        }))
    }

    /// Runs one step of a consumer while this process holds its lease; 0 when another holds it.
    pub(super) async fn step(&self, consumer: &dyn Consumer) -> Result<usize, Error> {
        let Some(lease) = self.lease(consumer.name()).await? else { return Ok(0) };
        let done = tokio::select! {
            // A consumer that panics gives its turn back as one that fails.
            done = caught(consumer.step(self, &lease)) => done,
            // Another process took over while this one slept: what is left is theirs.
            () = lease.keep() => return Ok(0),
        };
        if let Err(e) = lease.release().await {
            tracing::warn!(
                consumer = consumer.name(),
                code = e.code(),
                "a lease is not given back, and ends by itself"
            );
        }
        done
    }
}
