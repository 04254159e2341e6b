//! How a command runs: load, decide, write; again on conflict (DESIGN §3, DETAILS 6 and 8).

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Lms, Session};
use crate::clock::jitter;
use crate::error::{Error, Refusal};
use crate::model::table::Json;
use crate::model::*;
use crate::store::{Change, Constraint, Row, StoreError, StoreErrorKind, WriteBatch};

/// What a command decided: the batch to write, and what the caller gets once it is written.
#[derive(Debug, Clone)]
pub struct Planned<T> {
    /// What to write; empty when there is nothing to do.
    pub batch: WriteBatch,
    /// The outcome, once the batch is committed.
    pub outcome: T,
}

impl<T> Planned<T> {
    /// Nothing to write.
    pub(crate) fn nothing(outcome: T) -> Self {
        Self { batch: WriteBatch::default(), outcome }
    }
}

/// Where the batch of a use case goes while it is planned.
pub(crate) type Slot = Arc<Mutex<Option<WriteBatch>>>;

/// One command: drawn once, kept over every try.
#[derive(Debug, Clone)]
pub struct Command {
    /// The command's id; the id of its first event.
    pub id: Uuid,
    /// The instant at which it was given.
    pub now: Timestamp,
    /// Who gave it.
    pub actor: Actor,
    /// Whether the command's first event is in the log already: it was done before.
    pub done: bool,
    events: u32,
}

impl Command {
    /// The n-th id of this command: the same however often it is tried.
    ///
    /// The time bits are the command id's own and `n` comes next, so ids of one command stand together in an
    /// index, in the order of `n`: many rows of one command are appended, not strewn.
    pub fn derived(&self, label: &str, n: u64) -> Uuid {
        derived(self.id, label, n)
    }

    /// The id of the row that a create command makes.
    pub fn new_id<T>(&self) -> Id<T> {
        Id::from_uuid(self.derived("row", 0))
    }

    /// An event of this command; the first carries the command's id.
    pub(crate) fn event(&mut self, kind: EventKind, subject: SubjectType, subject_id: impl Into<Uuid>) -> NewEvent {
        let id = if self.events == 0 { self.id } else { self.derived("event", u64::from(self.events)) };
        self.events += 1;
        let (actor_kind, on_behalf_of) = match &self.actor {
            Actor::User { .. } => (ActorKind::User, None),
            Actor::System { .. } => (ActorKind::System, None),
            Actor::Ai { on_behalf_of, .. } => (ActorKind::Ai, Some(*on_behalf_of)),
        };
        NewEvent {
            id: EventId::from_uuid(id),
            at: self.now,
            kind,
            actor_kind,
            actor_id: self.actor.user(),
            on_behalf_of,
            course_id: None,
            student_id: None,
            subject_type: subject,
            subject_id: subject_id.into(),
            learner_initiated: false,
            metadata: Json::object(),
        }
    }
}

/// The n-th id that follows from another one; see [`Command::derived`].
pub(crate) fn derived(id: Uuid, label: &str, n: u64) -> Uuid {
    let key = id;
    let mut hash = Sha256::new();
    hash.update(key.as_bytes());
    hash.update(label.as_bytes());
    hash.update(n.to_be_bytes());
    let digest = hash.finalize();
    let mut bytes = *key.as_bytes();
    // A v7 id: 48 bits of the command's time, then version and variant over the hash.
    for (to, from) in bytes.iter_mut().skip(6).zip(digest.iter()) {
        *to = *from;
    }
    let mut id = u128::from_be_bytes(bytes);
    // 26 bits of order beside the version and the variant: 12 above the variant's place, 14 below it. Of a
    // pair of numbers in one (`first << 32 | second`) the first stands above the second.
    let order = u128::from(((n >> 32) << 10) ^ (n & 0xffff_ffff)) & 0x03ff_ffff;
    id &= !(0xfff << 64 | 0x3fff << 48);
    id |= (order >> 14) << 64 | (order & 0x3fff) << 48;
    let bytes = id.to_be_bytes();
    uuid::Builder::from_bytes(bytes)
        .with_version(uuid::Version::SortRand)
        .with_variant(uuid::Variant::RFC4122)
        .into_uuid()
}

impl NewEvent {
    /// In this course.
    #[must_use]
    pub(crate) fn course(mut self, course: CourseId) -> Self {
        self.course_id = Some(course);
        self
    }
    /// Of this enrollment.
    #[must_use]
    pub(crate) fn of(mut self, enrollment: &Enrollment) -> Self {
        self.course_id = Some(enrollment.course_id);
        self.student_id = Some(enrollment.student_id);
        self
    }
    /// Done by the learner themselves (V3).
    #[must_use]
    pub(crate) fn by_learner(mut self, yes: bool) -> Self {
        self.learner_initiated = yes;
        self
    }
    /// With ids, numbers and flags (V7).
    #[must_use]
    pub(crate) fn with(mut self, metadata: &serde_json::Value) -> Self {
        self.metadata = Json::of(metadata);
        self
    }
}

/// Adds rows to a batch.
impl WriteBatch {
    pub(crate) fn insert(&mut self, row: impl Into<Row>) {
        self.changes.push(Change::Insert(row.into()));
    }
    pub(crate) fn put(&mut self, row: impl Into<Row>) {
        self.changes.push(Change::Put(row.into()));
    }
    pub(crate) fn upsert(&mut self, row: impl Into<Row>) {
        self.changes.push(Change::Upsert(row.into()));
    }
}

/// After this many tries, and once the deadline is over, a command whose data others keep changing gives up
/// (DETAILS 6). One whose store is away gives up at the deadline.
const TRIES: u32 = 64;

impl Session {
    /// The command to plan with: the session's own id if the host gave one, else a new one.
    pub(crate) fn command(&self) -> Command {
        let now = self.lms.now();
        Command {
            id: self.command_id.unwrap_or_else(|| self.lms.inner.ids.uuid(now)),
            now,
            actor: self.actor.clone(),
            done: false,
            events: 0,
        }
    }

    /// Plans a use case without writing: its batch, for a host's own transaction ("the order and the
    /// enrollment, or neither"), and its outcome, which holds once the batch is committed. After that
    /// commit the host calls `lms.committed()`. A batch that the store calls out of date is planned anew.
    ///
    /// An edit that touches many learners is planned as its first batch; the job that it writes is
    /// finished by `lms.background()`, `lms.tick()`, or the learners' next commands.
    ///
    /// ```
    /// # async fn buy(lms: lms_core::Lms, course: lms_core::model::CourseId, buyer: lms_core::model::UserId)
    /// # -> Result<(), lms_core::Error> {
    /// use lms_core::lms::EnrollOptions;
    ///
    /// let planned = lms
    ///     .system()
    ///     .plan(|s| async move { s.enrollment().enroll(course, buyer, EnrollOptions::default()).await })
    ///     .await?;
    /// assert_eq!(planned.outcome.course_id, course);
    /// // … write planned.batch in the host's transaction, beside the order
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The use case's own, and NotOneBatch for one that writes more than one batch.
    pub async fn plan<T, F, Fut>(&self, use_case: F) -> Result<Planned<T>, Error>
    where
        F: FnOnce(Session) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let slot = Slot::default();
        let session = Self { plan: Some(slot.clone()), ..self.clone() };
        let outcome = use_case(session).await?;
        let batch = slot.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        Ok(Planned { batch, outcome })
    }

    /// Whether it only plans.
    pub(crate) const fn is_planning(&self) -> bool {
        self.plan.is_some()
    }

    /// Whether this actor did this very command, by its first event. A command that took its own actor's rights away
    /// is found so when it is repeated: what it did is theirs to hear, and the event is to be of that kind.
    pub(crate) async fn did(&self, command: &Command, is_it: impl Fn(&NewEvent) -> bool) -> Result<bool, Error> {
        if !command.done || self.actor.user().is_none() {
            return Ok(false);
        }
        let found = self.lms.inner.store.event(EventId::from_uuid(command.id)).await?;
        Ok(found.is_some_and(|found| found.event.actor_id == self.actor.user() && is_it(&found.event)))
    }

    /// Runs a command to its end: plans it, writes its batch, and plans again when the data changed
    /// meanwhile. `stripe` keeps commands on one learner's work apart within this process.
    pub(crate) async fn run<T, F, Fut>(&self, stripe: Option<Uuid>, plan: F) -> Result<T, Error>
    where
        F: Fn(Command) -> Fut + Send + Sync,
        Fut: Future<Output = Result<Planned<T>, Error>> + Send,
        T: Send,
    {
        let mut command = self.command();
        let _turn = match stripe {
            Some(key) if self.lms.inner.queueing => Some(self.lms.inner.stripe(key).lock().await),
            _ => None,
        };
        if self.command_id.is_some() {
            command.done = self.lms.is_done(&command).await?;
        }
        let started = tokio::time::Instant::now();
        let mut tries = 0_u32;
        // Once a batch was sent without an answer, it may come into force at any time: then no error says that
        // nothing was written.
        let mut unconfirmed = None;
        loop {
            tries += 1;
            let planned = match plan(command.clone()).await {
                Ok(planned) => planned,
                // Another caller may have done this very command between the look-up and the load.
                Err(e) if (self.command_id.is_some() || unconfirmed.is_some()) && !command.done => {
                    match self.lms.is_done(&command).await {
                        Ok(false) => return refused(given_up(e, unconfirmed)),
                        Ok(true) => command.done = true,
                        Err(e) => return refused(given_up(e, unconfirmed)),
                    }
                    continue;
                }
                Err(e) => return refused(e),
            };
            if planned.batch.is_empty() {
                return done(planned.outcome);
            }
            if let Some(course) = course_of(&planned.batch) {
                tracing::Span::current().record("course", tracing::field::display(course));
            }
            if let Some(slot) = &self.plan {
                let before = slot.lock().unwrap_or_else(PoisonError::into_inner).replace(planned.batch);
                return if before.is_none() { done(planned.outcome) } else { refused(Refusal::NotOneBatch {}) };
            }
            match self.lms.inner.store.write(Arc::new(planned.batch)).await {
                Ok(_) => {
                    self.lms.wrote();
                    return done(planned.outcome);
                }
                Err(e) => match e.kind() {
                    StoreErrorKind::Duplicate(Constraint::Event) => command.done = true,
                    StoreErrorKind::Unconfirmed => match self.lms.found_out(&command).await {
                        Some(found) => (command.done, unconfirmed) = (found, Some(e)),
                        None => return refused(e),
                    },
                    StoreErrorKind::Conflict { .. } => {}
                    // A try may have waited for long already; in the end the reason is the store's own.
                    StoreErrorKind::Unavailable if started.elapsed() >= self.lms.inner.deadline => {
                        return refused(given_up(e.into(), unconfirmed));
                    }
                    StoreErrorKind::Unavailable => {}
                    StoreErrorKind::Duplicate(
                        Constraint::UserExternalId | Constraint::CourseExternalId | Constraint::ExternalRef,
                    ) if tries > 1 => {
                        return refused(Refusal::ExternalIdTaken {});
                    }
                    StoreErrorKind::Duplicate(Constraint::UserEmail) => {
                        return refused(Refusal::EmailTaken {});
                    }
                    StoreErrorKind::Duplicate(Constraint::Id) if tries > 2 => return refused(e),
                    StoreErrorKind::Duplicate(_) => {}
                    // What the row pointed to went away between load and write: look again, and say so.
                    StoreErrorKind::MissingReference if tries <= 2 => {}
                    _ => return refused(e),
                },
            }
            if tries >= TRIES && started.elapsed() >= self.lms.inner.deadline {
                return refused(given_up(Error::Busy, unconfirmed));
            }
            tokio::time::sleep(jitter(self.lms.inner.ids.as_ref(), Duration::from_millis(10))).await;
        }
    }
}

/// The command's span is told that it is done.
fn done<T>(outcome: T) -> Result<T, Error> {
    tracing::Span::current().record("outcome", "ok");
    Ok(outcome)
}

/// The command's span is told why it is not.
fn refused<T>(error: impl Into<Error>) -> Result<T, Error> {
    let error = error.into();
    tracing::Span::current().record("outcome", error.code());
    Err(error)
}

/// The error of a command that gives up: one that says that nothing was written is only for a command none of
/// whose batches may still come into force.
fn given_up(error: Error, unconfirmed: Option<StoreError>) -> Error {
    match (&error, unconfirmed) {
        (Error::Busy | Error::Store(_), Some(unconfirmed)) => unconfirmed.into(),
        _ => error,
    }
}

/// The course that a batch is about, for the command's span.
fn course_of(batch: &WriteBatch) -> Option<CourseId> {
    batch.events.iter().find_map(|event| event.course_id).or_else(|| batch.exclusive.first().copied())
}

impl Lms {
    /// Whether the command's first event stands in the log.
    async fn is_done(&self, command: &Command) -> Result<bool, Error> {
        Ok(self.inner.store.event(EventId::from_uuid(command.id)).await?.is_some())
    }

    /// The same after a batch without an answer: asked until the store says it. Nothing where it does not within
    /// another deadline.
    async fn found_out(&self, command: &Command) -> Option<bool> {
        let asked = tokio::time::Instant::now();
        loop {
            match self.is_done(command).await {
                Ok(done) => return Some(done),
                Err(Error::Store(e)) if e.is_retryable() && asked.elapsed() < self.inner.deadline => {
                    tokio::time::sleep(jitter(self.inner.ids.as_ref(), Duration::from_millis(50))).await;
                }
                Err(e) => {
                    tracing::warn!(error = %e, "whether a command was written cannot be found out");
                    return None;
                }
            }
        }
    }
}
